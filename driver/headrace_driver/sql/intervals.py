"""INTERVAL literals: units and from-to forms, as Spark types them (day-time, year-month; never a mixture)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from headrace_driver.errors import ErrorKind, SparkError
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Literal

_MONTHS = {"year": 12, "month": 1}
_MICROSECONDS = {
    "week": 7 * 86_400_000_000,
    "day": 86_400_000_000,
    "hour": 3_600_000_000,
    "minute": 60_000_000,
    "second": 1_000_000,
    "millisecond": 1_000,
    "microsecond": 1,
}
_YEAR_MONTH_FIELDS = ("year", "month")
_DAY_TIME_FIELDS = ("day", "hour", "minute", "second")
# The field of the interval's type that a unit falls in.
_FIELD = {"week": 0, "day": 0, "hour": 1, "minute": 2, "second": 3, "millisecond": 3, "microsecond": 3}
UNITS = frozenset(unit + plural for unit in (*_MONTHS, *_MICROSECONDS, "nanosecond") for plural in ("", "s"))

_VALUE_AND_UNIT = re.compile(r"\s*([+-]?)\s*(\d+(?:\.\d*)?|\.\d+)\s+([a-z]+)(?=\s|$)", re.IGNORECASE)


class IntervalError(ValueError):
    """The text is no interval; the message says why."""


def of_units(parts: Iterable[tuple[str, str]]) -> Literal:
    """The interval of (value, unit) pairs: `1 DAY 2 HOURS`. Raises IntervalError."""
    months = 0
    microseconds = 0
    year_month: set[int] = set()
    day_time: set[int] = set()
    for value, unit_name in parts:
        unit = unit_name.lower().removesuffix("s")
        if unit in _MONTHS:
            months += _whole(value, unit) * _MONTHS[unit]
            year_month.add(_YEAR_MONTH_FIELDS.index(unit))
        elif unit in _MICROSECONDS:
            if unit == "second":
                microseconds += _seconds_us(value)
            else:
                microseconds += _whole(value, unit) * _MICROSECONDS[unit]
            day_time.add(_FIELD[unit])
        else:
            raise bad_format(
                f" {value} {unit_name.upper()}",
                "INVALID_UNIT",
                f"Invalid unit {unit_name.lower()}.",
                {"unit": unit_name.lower()},
            )
    if year_month and day_time:
        raise IntervalError("mixed")
    if year_month:
        return _literal(months, t.YearMonthIntervalType(min(year_month), max(year_month)), 31)
    if not day_time:
        raise IntervalError("no units")
    return _literal(microseconds, t.DayTimeIntervalType(min(day_time), max(day_time)), 63)


def of_text(text: str) -> Literal:
    """The interval of a string with units in it: `'1 day -2 hours'`, with or without `interval` in front."""
    body = text.strip()
    if body[:8].lower() == "interval" and body[8:9].isspace():
        body = body[8:]
    parts = []
    position = 0
    while body[position:].strip():
        found = _VALUE_AND_UNIT.match(body, position)
        if found is None:
            raise IntervalError("not an interval")
        sign, value, unit = found.groups()
        parts.append((sign + value, unit))
        position = found.end()
    return of_units(parts)


_FROM_TO = {
    ("year", "month"): r"(\d+)-(\d+)",
    ("day", "hour"): r"(\d+) (\d+)",
    ("day", "minute"): r"(\d+) (\d+):(\d+)",
    ("day", "second"): r"(\d+) (\d+):(\d+):(\d+(?:\.\d{1,9})?)",
    ("hour", "minute"): r"(\d+):(\d+)",
    ("hour", "second"): r"(\d+):(\d+):(\d+(?:\.\d{1,9})?)",
    ("minute", "second"): r"(\d+):(\d+(?:\.\d{1,9})?)",
}
_LIMIT = {"month": 11, "hour": 23, "minute": 59, "second": 59}


def of_range(text: str, first: str, last: str) -> Literal:
    """The interval of `'1 02:03' DAY TO MINUTE`; units lower case. Raises SparkError."""
    pattern = _FROM_TO.get((first, last))
    if pattern is None:
        raise bad_format(
            text,
            "UNSUPPORTED_FROM_TO_EXPRESSION",
            f"Cannot support (interval '{text}' {first} to {last}) expression.",
            {"from": first, "to": last},
        )
    found = re.fullmatch(rf"\s*([+-]?)\s*{pattern}\s*", text, re.ASCII)
    fields = _YEAR_MONTH_FIELDS if first == "year" else _DAY_TIME_FIELDS
    units = fields[fields.index(first) : fields.index(last) + 1]
    if found is None:
        raise _unreadable(text, first)
    sign, *values = found.groups()
    for unit, value in zip(units[1:], values[1:], strict=True):
        if Decimal(value) >= _LIMIT[unit] + 1:
            raise _unreadable(text, first)
    total = of_units(zip(values, units, strict=True))
    return Literal(-total.value if sign == "-" else total.value, total.type)


def mixed_fields(text: str) -> SparkError:
    """An interval of months and of microseconds at once has no type in Spark."""
    return SparkError(
        "_LEGACY_ERROR_TEMP_0029",
        f"Cannot mix year-month and day-time fields: {text}.",
        {"literal": text},
        sql_state="42000",
        kind=ErrorKind.PARSE,
    )


def _literal(value: int, dtype: t.DataType, bits: int) -> Literal:
    if not -(1 << bits) <= value < 1 << bits:
        raise IntervalError("out of range")
    return Literal(value, dtype)


def _whole(value: str, unit: str) -> int:
    try:
        return int(value.replace(" ", ""))
    except ValueError:
        raise IntervalError(f"'{unit}' can only have whole numbers.") from None


def _seconds_us(value: str) -> int:
    return int(Decimal(value.replace(" ", "")) * 1_000_000)


def _unreadable(text: str, first: str) -> SparkError:
    kind = "year-month" if first == "year" else "day-time"
    return bad_format(text, "INTERVAL_PARSING", f"Error parsing interval {kind} string.", {"interval": kind})


def bad_format(text: str, subclass: str, reason: str, parameters: dict[str, str]) -> SparkError:
    return SparkError(
        f"INVALID_INTERVAL_FORMAT.{subclass}",
        f"Error parsing '{text}' to interval. Please ensure that the value provided is in a valid format for "
        f"defining an interval. You can reference the documentation for the correct format. {reason}",
        {"input": text, **parameters},
        sql_state="22006",
        kind=ErrorKind.PARSE,
    )
