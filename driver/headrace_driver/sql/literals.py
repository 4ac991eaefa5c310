"""The values of literals: strings and their escapes, numbers, dates and timestamps as Spark reads them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from headrace_driver.errors import ErrorKind, SparkError
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Literal

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
DAY_US = 86_400_000_000

_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([01][0-7]{2})|(.))", re.DOTALL)
_ESCAPES = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "%": "\\%", "_": "\\_"}


def string_value(token: str) -> str:
    """The text a string token stands for: quotes removed, escapes and doubled quotes undone (`r'...'`: as it is)."""
    if token[0] in "rR":
        return token[2:-1]
    quote, body = token[0], token[1:-1]
    if "\\" in body:
        parts = []
        position = 0
        for found in _ESCAPE.finditer(body):
            parts.append(body[position : found.start()].replace(quote * 2, quote))
            parts.append(_unescaped(found))
            position = found.end()
        parts.append(body[position:].replace(quote * 2, quote))
        return "".join(parts)
    return body.replace(quote * 2, quote) if quote in body else body


def _unescaped(found: re.Match[str]) -> str:
    short, long, octal, other = found.groups()
    if short or long:
        point = int(short or long, 16)
        return chr(point) if point <= 0x10FFFF else "?"
    if octal:
        return chr(int(octal, 8))
    return _ESCAPES.get(other, other)


_INTEGER_SUFFIXES: dict[str, tuple[t.DataType, int]] = {"L": (t.LONG, 63), "S": (t.SHORT, 15), "Y": (t.BYTE, 7)}
_DOUBLE_MAX = "1.7976931348623157E+308"
_FLOAT_MAX = "3.4028234663852886E+38"
_FLOAT_LIMIT = float(_FLOAT_MAX)


def number_value(token: str) -> Literal:
    """The literal of a number token, `-` in front included. Raises SparkError when no type holds it."""
    if token.isdigit() or (token[0] == "-" and token[1:].isdigit()):
        return _whole_number(int(token), token)
    suffix = token[-1].upper()
    if suffix in _INTEGER_SUFFIXES:
        dtype, bits = _INTEGER_SUFFIXES[suffix]
        value = int(token[:-1])
        if not -(1 << bits) <= value < 1 << bits:
            raise _out_of_range(token[:-1], dtype.name, str(-(1 << bits)), str((1 << bits) - 1))
        return Literal(value, dtype)
    if token[-2:].upper() == "BD":
        return _decimal(token[:-2])
    if suffix == "F":
        number = float(token[:-1])
        if abs(number) > _FLOAT_LIMIT:
            raise _out_of_range(token[:-1], "float", f"-{_FLOAT_MAX}", _FLOAT_MAX)
        return Literal(number, t.FLOAT)
    if suffix == "D" or "e" in token or "E" in token:
        number = float(token[:-1] if suffix == "D" else token)
        if number in (float("inf"), float("-inf")):
            raise _out_of_range(token[:-1] if suffix == "D" else token, "double", f"-{_DOUBLE_MAX}", _DOUBLE_MAX)
        return Literal(number, t.DOUBLE)
    return _decimal(token)


def _whole_number(value: int, token: str) -> Literal:
    if -(1 << 31) <= value < 1 << 31:
        return Literal(value, t.INTEGER)
    if -(1 << 63) <= value < 1 << 63:
        return Literal(value, t.LONG)
    return _decimal(token)


def _decimal(token: str) -> Literal:
    value = Decimal(token)
    _, digits, power = value.as_tuple()
    exponent = int(power)
    if value.is_zero() and exponent >= 0:
        digits = (0,)
        exponent = min(exponent, 0)
    scale = max(0, -exponent)
    precision = max(len(digits) + max(0, exponent), scale)
    if precision > t.DECIMAL_DIGITS_MAX:
        raise SparkError(
            "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION",
            f"Decimal precision {precision} exceeds max precision {t.DECIMAL_DIGITS_MAX}.",
            {"precision": str(precision), "maxPrecision": str(t.DECIMAL_DIGITS_MAX)},
            sql_state="22003",
            kind=ErrorKind.PARSE,
        )
    return Literal(value if exponent <= 0 else Decimal(int(value)), t.DecimalType(precision, scale))


def _out_of_range(value: str, type_name: str, minimum: str, maximum: str) -> SparkError:
    return SparkError(
        "INVALID_NUMERIC_LITERAL_RANGE",
        f"Numeric literal {value} is outside the valid range for {type_name} with minimum value of {minimum} "
        f"and maximum value of {maximum}. Please adjust the value accordingly.",
        {"rawStrippedQualifier": value, "typeName": type_name, "minValue": minimum, "maxValue": maximum},
        sql_state="22003",
        kind=ErrorKind.PARSE,
    )


_DATE = re.compile(r"([+-]?\d{4,7})(?:-(\d{1,2})(?:-(\d{1,2})(?:[ T].*)?)?)?", re.DOTALL | re.ASCII)
_TIME = r"(\d{1,2})(?::(\d{1,2})(?::(\d{1,2})(?:\.(\d*))?)?)?\s*([^\s\d:.].*)?"
_DATE_AND_TIME = re.compile(
    rf"([+-]?\d{{4,6}})(?:-(\d{{1,2}})(?:-(\d{{1,2}})(?:[ T]\s*{_TIME})?)?)?", re.DOTALL | re.ASCII
)
_TIME_ALONE = re.compile(rf"(?:T|(?=\d{{1,2}}:)){_TIME}", re.DOTALL | re.ASCII)
_OFFSET = re.compile(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{1,2}))?(?::?(\d{2}))?", re.ASCII)


def parse_date(text: str) -> int | None:
    """Days since the epoch of a date as Spark's casts read it (`2020`, `2020-1`, `2020-01-31 anything`), or None."""
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day = found.groups()
    return days(int(year), int(month or 1), int(day or 1))


def days(year: int, month: int, day: int) -> int | None:
    """Days since the epoch of a proleptic Gregorian date (years beyond 9999 too), None when there is none."""
    # Python's dates end in 9999 and start in 1; the calendar repeats every 400 years of 146,097 days.
    cycles = 0
    if not 1 <= year <= 9999:
        cycles = (year - 2000) // 400
        year -= cycles * 400
    try:
        return date(year, month, day).toordinal() - EPOCH_ORDINAL + cycles * 146_097
    except ValueError:
        return None


def parse_timestamp(text: str, zone: str, today: int | None = None) -> tuple[int, bool] | None:
    """Microseconds since the epoch of a timestamp as Spark's casts read it, and whether the text named a zone.

    Without a zone in the text the local time is one of `zone`. A text that is a time alone is of day `today`. None:
    not a timestamp.
    """
    fields = _fields(text, today)
    if fields is None:
        return None
    local, zone_text = fields
    if not zone_text:
        return local - offset_us(local, zone_of(zone)), False
    named = find_zone(zone_text.strip())
    return None if named is None else (local - offset_us(local, named), True)


def parse_timestamp_fields(text: str) -> int | None:
    """Microseconds of a timestamp's fields as they stand, a zone in the text read and ignored; None: no timestamp."""
    fields = _fields(text, None)
    if fields is None:
        return None
    local, zone_text = fields
    return None if zone_text and find_zone(zone_text.strip()) is None else local


def _fields(text: str, today: int | None) -> tuple[int, str | None] | None:
    """Microseconds of the fields, and the text of the zone."""
    text = text.strip()
    found = _DATE_AND_TIME.fullmatch(text)
    if found is not None:
        year, month, day, *time = found.groups()
        day_number = days(int(year), int(month or 1), int(day or 1))
    else:
        found = _TIME_ALONE.fullmatch(text)
        if found is None:
            return None
        time = list(found.groups())
        day_number = today
    hour, minute, second = (int(field or 0) for field in time[:3])
    if day_number is None or hour > 23 or minute > 59 or second > 59:
        return None
    local = day_number * DAY_US + (hour * 3600 + minute * 60 + second) * 1_000_000
    local += int((time[3] or "0")[:6].ljust(6, "0"))
    return (local, time[4]) if -(1 << 63) <= local < 1 << 63 else None


def find_zone(text: str) -> tzinfo | None:
    """A time zone by Spark's names: `Z`, `UTC`, `+02:00`, `UTC+2`, `Europe/Vienna`; None when there is none."""
    if text.upper() in ("Z", "UTC", "GMT", "UT"):
        return UTC
    found = _OFFSET.fullmatch(text)
    if found is not None:
        sign, hours, minutes, seconds = found.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0), seconds=int(seconds or 0))
        if offset > timedelta(hours=18):
            return None
        return timezone(-offset if sign == "-" else offset)
    try:
        return ZoneInfo(text)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return None


@lru_cache(maxsize=256)
def zone_of(name: str) -> tzinfo:
    """The session's time zone, which has been checked when it was set."""
    return find_zone(name) or UTC


_CYCLE_US = 146_097 * DAY_US
"""The calendar, days of the week included, is the same every 400 years."""
_EARLIEST = datetime(1, 1, 3)
_LATEST_CYCLE = datetime(9500, 1, 1) - datetime(1970, 1, 1)


def moment_of(since_epoch_us: int) -> datetime:
    """A moment without a zone as Python has it; years it does not have (before 1, after 9999) are in place of those
    whose zones keep the same rules: the first one, and the same year of the last whole cycle of the calendar."""
    try:
        moment = datetime(1970, 1, 1) + timedelta(microseconds=since_epoch_us)
    except OverflowError:
        if since_epoch_us < 0:
            return _EARLIEST
        start_us = _LATEST_CYCLE // timedelta(microseconds=1)
        return datetime(1970, 1, 1) + timedelta(microseconds=start_us + (since_epoch_us - start_us) % _CYCLE_US)
    # Offsets from UTC reach a day.
    return min(max(moment, _EARLIEST), datetime.max - timedelta(days=1))


def utc_offset_us(instant_us: int, zone: tzinfo) -> int:
    """A zone's offset from UTC at an instant, in microseconds."""
    if zone is UTC:
        return 0
    offset = moment_of(instant_us).replace(tzinfo=UTC).astimezone(zone).utcoffset()
    assert offset is not None
    return offset // timedelta(microseconds=1)


def offset_us(local_us: int, zone: tzinfo) -> int:
    """A zone's offset from UTC at a local time, in microseconds; of two possible ones the earlier instant's."""
    if zone is UTC:
        return 0
    offset = moment_of(local_us).replace(tzinfo=zone).utcoffset()
    assert offset is not None
    return offset // timedelta(microseconds=1)


def date_text(days: int) -> str:
    """Days since the epoch as Spark prints them, in any year: `2020-01-31`, `+10000-01-01`, `-0001-03-01`."""
    cycles, rest = divmod(days + date(1970, 1, 1).toordinal() - 1, 146_097)
    moment = date.fromordinal(rest + 1)
    year = moment.year + 400 * cycles
    sign = "-" if year < 0 else "+" if year > 9999 else ""
    return f"{sign}{abs(year):04d}-{moment:%m-%d}"
