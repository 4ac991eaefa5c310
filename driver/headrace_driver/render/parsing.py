"""Strings read as other types, by Spark's rules for each."""

from __future__ import annotations

from collections.abc import Callable

from headrace_driver.errors import unsupported
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import CastMode
from headrace_driver.render.interval_parsing import interval
from headrace_driver.render.text import let, quote, raising
from headrace_driver.render.time import instant, region_instant
from headrace_driver.render.types import kernel_type

_SPACE = r"[\x00-\x20]*"
_INTEGER = rf"{_SPACE}[+-]?[0-9]+{_SPACE}"
_LEGACY_INTEGER = rf"{_SPACE}[+-]?([0-9]+\.?[0-9]*|\.[0-9]+){_SPACE}"
_DECIMAL = rf"{_SPACE}[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?{_SPACE}"
_FLOATING = rf"{_SPACE}[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[dDfF]?{_SPACE}"
_NAMED_FLOAT = rf"(?i){_SPACE}([+-]?(inf|infinity)|nan){_SPACE}"
_DATE = rf"{_SPACE}[+-]?[0-9]{{4,7}}(-[0-9]{{1,2}}(-[0-9]{{1,2}}([ T].*)?)?)?{_SPACE}"
# What the kernel's own casts read as Spark does, and many times faster than the general forms are taken apart.
_PLAIN_DATE = "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_PLAIN_TIMESTAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T](?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
TRIMMED = r"E'\t\n\x0b\x0c\r '"


def string_to(text: str, target: t.DataType, mode: CastMode, zone: str) -> str:
    """A string as `target`; what cannot be read raises CAST_INVALID_INPUT, or is null for TRY and LEGACY."""
    match target:
        case t.BinaryType():
            return f"encode({text})"
        case t.ByteType() | t.ShortType() | t.IntegerType() | t.LongType():
            return _checked(text, lambda v: _integer(v, target, mode), target, mode)
        case t.FloatType() | t.DoubleType():
            return _checked(text, lambda v: _floating(v, target), target, mode)
        case t.DecimalType():
            return _decimal(text, target, mode)
        case t.BooleanType():
            return _checked(text, _boolean, target, mode)
        case t.DateType():
            return _checked(text, _date, target, mode)
        case t.DayTimeIntervalType() | t.YearMonthIntervalType():
            return interval(text, target, mode)
        case t.TimestampType() | t.TimestampNTZType():
            return _checked(text, lambda v: timestamp(v, target, zone), target, mode)
    raise unsupported(f"a cast from string to {target.name}")


def invalid_input(v: str, target: t.DataType) -> str:
    """Raises CAST_INVALID_INPUT."""
    constants = {"sourceType": '"STRING"', "targetType": f'"{target.sql}"', "ansiConfig": '"spark.sql.ansi.enabled"'}
    return raising("CAST_INVALID_INPUT", constants, expression=f"'''' || {v} || ''''")


def _checked(text: str, read: Callable[[str], str], target: t.DataType, mode: CastMode) -> str:
    """`read` gives null for what it cannot read; that raises in ANSI mode."""
    if mode is not CastMode.ANSI:
        return let(text, read)
    return let(text, lambda v: f"coalesce({read(v)}, CASE WHEN {v} IS NOT NULL THEN {invalid_input(v, target)} END)")


def _matches(v: str, pattern: str) -> str:
    return f"regexp_full_match({v}, {quote(pattern)})"


def _strip(v: str) -> str:
    """Without the control characters and spaces around it that Spark ignores; the kernel's casts skip only spaces."""
    return f"trim({v}, {TRIMMED})"


def _integer(v: str, target: t.DataType, mode: CastMode) -> str:
    kernel = kernel_type(target)
    if mode is CastMode.LEGACY:
        return (
            f"CASE WHEN {_matches(v, _LEGACY_INTEGER)} THEN "
            f"TRY_CAST(trunc(TRY_CAST({_strip(v)} AS DECIMAL(38,6))) AS {kernel}) END"
        )
    return f"CASE WHEN {_matches(v, _INTEGER)} THEN TRY_CAST({_strip(v)} AS {kernel}) END"


def _floating(v: str, target: t.DataType) -> str:
    kernel = kernel_type(target)
    return (
        f"CASE WHEN {_matches(v, _FLOATING)} THEN TRY_CAST(rtrim({_strip(v)}, 'dDfF') AS {kernel}) "
        f"WHEN {_matches(v, _NAMED_FLOAT)} THEN TRY_CAST({_strip(v)} AS {kernel}) END"
    )


def _decimal(text: str, target: t.DecimalType, mode: CastMode) -> str:
    kernel = kernel_type(target)

    def build(v: str) -> str:
        read = f"TRY_CAST({_strip(v)} AS {kernel})"
        if mode is not CastMode.ANSI:
            return f"CASE WHEN {_matches(v, _DECIMAL)} THEN {read} END"
        constants = {
            "precision": str(target.precision),
            "scale": str(target.scale),
            "config": '"spark.sql.ansi.enabled"',
        }
        too_large = raising("NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION", constants, value=v)
        return (
            f"CASE WHEN {_matches(v, _DECIMAL)} THEN coalesce({read}, {too_large}) "
            f"WHEN {v} IS NOT NULL THEN {invalid_input(v, target)} END"
        )

    return let(text, build)


def _boolean(v: str) -> str:
    s = f"lower({_strip(v)})"
    return (
        f"CASE WHEN {s} IN ('t', 'true', 'y', 'yes', '1') THEN true "
        f"WHEN {s} IN ('f', 'false', 'n', 'no', '0') THEN false END"
    )


def _date(v: str) -> str:
    """yyyy, yyyy-m, yyyy-m-d and anything after a space or T; missing parts are 1."""
    day = f"split_part(split_part({_strip(v)}, ' ', 1), 'T', 1)"
    return (
        f"CASE WHEN {_matches(v, _PLAIN_DATE)} THEN TRY_CAST({v} AS DATE) "
        f"WHEN {_matches(v, _DATE)} THEN TRY_CAST({day} || CASE length({day}) - length(replace({day}, '-', '')) "
        f"WHEN 0 THEN '-01-01' WHEN 1 THEN '-01' ELSE '' END AS DATE) END"
    )


_TIME = r"([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:\.([0-9]{0,9}))?)?"
_ZONE = r"(Z|[+-][0-9]{1,2}(?::?[0-9]{1,2}){0,2}|UTC.*|GMT.*|UT.*|[A-Za-z][A-Za-z_]*(?:/[A-Za-z0-9_+-]+)*)?"
_TIMESTAMP = (
    rf"{_SPACE}([+-]?[0-9]{{4,6}})(?:-([0-9]{{1,2}})(?:-([0-9]{{1,2}})(?:[ T](?:{_TIME}) *{_ZONE})?[ T]?)?)?{_SPACE}"
)
_NAMES = "['y', 'mo', 'd', 'h', 'mi', 's', 'f', 'z']"


def timestamp(v: str, target: t.DataType, zone: str) -> str:
    """yyyy[-m[-d[( |T)h:m[:s[.f]][zone]]]]; null when it cannot be read."""

    def number(part: str, default: int) -> str:
        return f"coalesce(TRY_CAST(nullif({part}, '') AS BIGINT), {default})"

    def build(m: str) -> str:
        seconds = f"{number(f'{m}.s', 0)} + (rpad(left({m}.f, 6), 6, '0')::DOUBLE) / 1e6"
        clock = (
            f"TRY(make_timestamp({m}.y::BIGINT, {number(f'{m}.mo', 1)}, {number(f'{m}.d', 1)}, {number(f'{m}.h', 0)}, "
            f"{number(f'{m}.mi', 0)}, {seconds}))"
        )
        if isinstance(target, t.TimestampNTZType):
            return f"CASE WHEN {m}.y <> '' THEN {clock} END"
        return let(clock, lambda c: f"CASE WHEN {m}.z = '' THEN {instant(c, zone)} ELSE {zoned(c, f'{m}.z')} END")

    # A year, so the match is cheap to refuse; groups that did not take part are empty strings.
    found = f"regexp_extract({v}, {quote('^' + _TIMESTAMP + '$')}, {_NAMES})"
    plain = f"TRY_CAST({v} AS TIMESTAMP)"
    quick = plain if isinstance(target, t.TimestampNTZType) else instant(plain, zone)
    slow = f"WHEN {_matches(v, _TIMESTAMP)} THEN {let(found, build)}"
    return f"CASE WHEN {_matches(v, _PLAIN_TIMESTAMP)} THEN {quick} {slow} END"


def zoned(clock: str, zone: str) -> str:
    """A wall clock with a zone that stands in the data: Z, UTC, an offset, or a region."""
    return let(
        _offset_seconds(zone),
        lambda s: (
            f"CASE WHEN {s} IS NOT NULL THEN make_timestamptz(epoch_us({clock}) - {s} * 1000000) "
            f"ELSE {region_instant(clock, zone)} END"
        ),
    )


def zoned_clock(moment: str, zone: str) -> str:
    """What clocks show at an instant in a zone that stands in the data."""
    return let(
        _offset_seconds(zone),
        lambda s: (
            f"CASE WHEN {s} IS NOT NULL THEN make_timestamp(epoch_us({moment}) + {s} * 1000000) "
            f"ELSE timezone({zone}, {moment}) END"
        ),
    )


def _offset_seconds(zone: str) -> str:
    """Seconds east of UTC of a zone without rules; null for a region."""
    offset = (
        f"regexp_extract({zone}, "
        f"'^(?:UTC|GMT|UT)?([+-])([0-9]{{1,2}}):?([0-9]{{0,2}}):?([0-9]{{0,2}})$', ['g', "
        "'h', 'm', 's'])"
    )
    return let(
        offset,
        lambda o: (
            f"CASE WHEN {o}.h <> '' THEN CASE WHEN {o}.g = '-' THEN -1 ELSE 1 END * ({o}.h::BIGINT * 3600 + "
            f"coalesce(TRY_CAST(nullif({o}.m, '') AS BIGINT), 0) * 60 + "
            f"coalesce(TRY_CAST(nullif({o}.s, '') AS BIGINT), 0)) "
            f"WHEN {zone} IN ('Z', 'UTC', 'GMT', 'UT') THEN 0 END"
        ),
    )
