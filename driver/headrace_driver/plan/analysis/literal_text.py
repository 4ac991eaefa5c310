"""Constants as Spark prints them in column names and messages."""

from __future__ import annotations

from decimal import Decimal

from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import (
    Literal,
)
from headrace_driver.sql.literals import DAY_US, date_text, utc_offset_us, zone_of

_DATE_PARTS = ("DAY", "HOUR", "MINUTE", "SECOND")


def literal_text(e: Literal, *, quote_strings: bool = False, time_zone: str = "UTC") -> str:
    """A constant as Spark prints it in names."""
    value, dtype = e.value, e.type
    if value is None:
        return "NULL"
    if isinstance(dtype, t.StringType):
        return f"'{value}'" if quote_strings else str(value)
    if isinstance(dtype, t.BooleanType):
        return "true" if value else "false"
    if isinstance(dtype, t.DateType):
        return f"DATE '{date_text(value)}'"
    if isinstance(dtype, t.TimestampType | t.TimestampNTZType):
        word = "TIMESTAMP_NTZ" if isinstance(dtype, t.TimestampNTZType) else "TIMESTAMP"
        shift = utc_offset_us(value, zone_of(time_zone)) if word == "TIMESTAMP" else 0
        return f"{word} '{_timestamp_text(value + shift)}'"
    if isinstance(dtype, t.DoubleType | t.FloatType):
        return _floating_text(float(value))
    if isinstance(dtype, t.DecimalType):
        # Python's text is Java's: plain down to 1E-6, scientific below.
        return str(Decimal(value))
    if isinstance(dtype, t.DayTimeIntervalType):
        return _day_time_text(value, dtype)
    if isinstance(dtype, t.YearMonthIntervalType):
        return _year_month_text(value, dtype)
    if isinstance(dtype, t.BinaryType):
        return f"X'{bytes(value).hex().upper()}'"
    return str(value)


def _timestamp_text(microseconds: int) -> str:
    days, of_day = divmod(microseconds, DAY_US)
    seconds, micros = divmod(of_day, 1_000_000)
    text = f"{date_text(days)} {seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{text}.{micros:06d}".rstrip("0") if micros else text


def _floating_text(value: float) -> str:
    """As Java prints a double."""
    if value != value or value in (float("inf"), float("-inf")):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = repr(value)
        if "e" in text:
            text = format(Decimal(text), "f")
        return text if "." in text else f"{text}.0"
    mantissa, exponent = format(Decimal(repr(value)).normalize(), "E").split("E")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{int(exponent)}"


def _day_time_text(microseconds: int, dtype: t.DayTimeIntervalType) -> str:
    sign, rest = ("-", -microseconds) if microseconds < 0 else ("", microseconds)
    sizes = (86_400_000_000, 3_600_000_000, 60_000_000)
    texts = []
    for index in range(dtype.start, min(dtype.end, 2) + 1):
        amount, rest = divmod(rest, sizes[index])
        texts.append(f"{amount:02d}" if index > 0 else str(amount))
    if dtype.end == 3:
        seconds, micros = divmod(rest, 1_000_000)
        texts.append(f"{seconds:02d}" + (f".{micros:06d}".rstrip("0") if micros else ""))
    text = texts[0] if dtype.start == 0 else ""
    if dtype.start == 0 and len(texts) > 1:
        text += " " + ":".join(texts[1:])
    elif dtype.start > 0:
        text = ":".join(texts)
    return f"INTERVAL '{sign}{text}' {_unit_text(_DATE_PARTS, dtype.start, dtype.end)}"


def _year_month_text(months: int, dtype: t.YearMonthIntervalType) -> str:
    sign, rest = ("-", -months) if months < 0 else ("", months)
    if dtype.start == dtype.end:
        text = str(rest // 12 if dtype.start == 0 else rest)
    else:
        text = f"{rest // 12}-{rest % 12}"
    return f"INTERVAL '{sign}{text}' {_unit_text(('YEAR', 'MONTH'), dtype.start, dtype.end)}"


def _unit_text(units: tuple[str, ...], start: int, end: int) -> str:
    return units[start] if start == end else f"{units[start]} TO {units[end]}"
