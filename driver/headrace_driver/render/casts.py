"""Kernel text of CAST between every pair of types, with Spark's reading, rounding and errors.

Modes: ANSI raises, TRY gives null by the same rules; LEGACY (spark.sql.ansi.enabled false) gives null by laxer rules.
"""

from __future__ import annotations

from collections.abc import Callable

from headrace_driver.errors import unsupported
from headrace_driver.functions.coercion import is_integral, same_type
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import CastMode
from headrace_driver.render.decimals import out_of_range
from headrace_driver.render.parsing import string_to
from headrace_driver.render.printing import as_string, floating
from headrace_driver.render.text import let, name_for, raising
from headrace_driver.render.time import MICROS_PER_SECOND, floor_div, instant, local
from headrace_driver.render.types import identifier, kernel_type

_BITS: dict[type[t.DataType], int] = {t.ByteType: 8, t.ShortType: 16, t.IntegerType: 32, t.LongType: 64}


def cast_text(text: str, source: t.DataType, target: t.DataType, mode: CastMode, zone: str) -> str:
    """`text` of type `source` as `target`."""
    if same_type(source, target):
        return text
    if isinstance(source, t.NullType):
        return f"NULL::{kernel_type(target)}"
    if isinstance(target, t.StringType):
        return as_string(text, source, zone)
    if isinstance(source, t.StringType):
        return string_to(text, target, mode, zone)
    match target:
        case t.BooleanType():
            zero = _number_of_time(text, source) if isinstance(source, t.TimestampType) else text
            return f"({zero} <> 0)"
        case t.ByteType() | t.ShortType() | t.IntegerType() | t.LongType():
            return _to_integral(text, source, target, mode)
        case t.FloatType() | t.DoubleType():
            return _to_floating(text, source, target)
        case t.DecimalType():
            return _to_decimal(text, source, target, mode)
        case t.TimestampType() | t.TimestampNTZType() | t.DateType():
            return _to_instant(text, source, target, mode, zone)
        case t.BinaryType() if is_integral(source):
            digits = _BITS[type(source)] // 4
            width = _BITS[type(source)]
            return let(
                text,
                lambda v: (
                    f"CASE WHEN {v} IS NOT NULL THEN from_hex(right(lpad(to_hex(CASE WHEN {v} < 0 THEN "
                    f"{v}::HUGEINT + {1 << width} ELSE {v}::HUGEINT END), {digits}, '0'), {digits})) END"
                ),
            )
        case t.DayTimeIntervalType() | t.YearMonthIntervalType():
            return _to_interval(text, source, target, mode)
    return _complex(text, source, target, mode, zone)


_FLOAT_MAX = "3.4028234663852886e38"
_FLOAT_LIMIT = "3.4028235677973366e38"
"""Half way from the largest float to what would follow it: from there on Java rounds to infinity."""


def _try(mode: CastMode) -> str:
    return "CAST" if mode is CastMode.ANSI else "TRY_CAST"


def _number_of_time(text: str, source: t.DataType) -> str:
    return floor_div(f"epoch_us({text})", MICROS_PER_SECOND)


def _to_integral(text: str, source: t.DataType, target: t.DataType, mode: CastMode) -> str:
    kernel = kernel_type(target)
    match source:
        case t.BooleanType():
            return f"CAST({text} AS {kernel})"
        case t.FloatType() | t.DoubleType() if mode is CastMode.LEGACY:
            return _saturated(text, target)
        case t.FloatType() | t.DoubleType() | t.DecimalType():
            return f"{_try(mode)}(trunc({text}) AS {kernel})"
        case t.TimestampType():
            return f"{_try(mode)}({_number_of_time(text, source)} AS {kernel})"
        case t.DateType():
            return f"NULL::{kernel}"
        case t.DayTimeIntervalType(_, end):
            return f"{_try(mode)}({text} // {_day_time_unit(end)} AS {kernel})"
        case t.YearMonthIntervalType(_, end):
            return f"{_try(mode)}({text if end == 1 else f'({text} // 12)'} AS {kernel})"
    if _BITS[type(source)] <= _BITS[type(target)]:
        return f"CAST({text} AS {kernel})"
    if mode is CastMode.LEGACY:
        bits = _BITS[type(target)]
        half, whole = 1 << (bits - 1), 1 << bits
        return f"CAST((({text}::HUGEINT + {half}) % {whole} + {whole}) % {whole} - {half} AS {kernel})"
    return f"{_try(mode)}({text} AS {kernel})"


def _saturated(text: str, target: t.DataType) -> str:
    """Java's (int) and (long): NaN is 0, too large is the largest; narrower types go through int."""
    kernel = kernel_type(target)
    bits = 64 if isinstance(target, t.LongType) else 32
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    wide = "BIGINT" if bits == 64 else "INTEGER"
    saturated = let(
        text,
        lambda v: (
            f"CASE WHEN isnan({v}) THEN 0::{wide} WHEN {v} >= {high} THEN {high}::{wide} WHEN {v} <= {low} THEN "
            f"({low})::{wide} ELSE CAST(trunc({v}) AS {wide}) END"
        ),
    )
    if isinstance(target, t.LongType | t.IntegerType):
        return saturated
    return _to_integral(saturated, t.INTEGER, target, CastMode.LEGACY) if kernel else saturated


def _to_floating(text: str, source: t.DataType, target: t.DataType) -> str:
    kernel = kernel_type(target)
    if isinstance(source, t.TimestampType):
        return f"CAST(epoch_us({text}) / 1e6 AS {kernel})"
    if isinstance(source, t.DayTimeIntervalType):
        return f"CAST({text} / {_day_time_unit(source.end)} AS {kernel})"
    if isinstance(source, t.DoubleType) and isinstance(target, t.FloatType):
        return let(text, _double_to_float)
    return f"CAST({text} AS {kernel})"


def _double_to_float(v: str) -> str:
    """Infinite beyond the floats, as Java's (float), where the kernel fails."""
    beyond = f"CASE WHEN {v} >= {_FLOAT_LIMIT} THEN 'Infinity' WHEN {v} <= -{_FLOAT_LIMIT} THEN '-Infinity'"
    nearest = f"WHEN {v} > 0 THEN '{_FLOAT_MAX}' WHEN {v} < 0 THEN '-{_FLOAT_MAX}' END"
    return f"coalesce(TRY_CAST({v} AS FLOAT), CAST({beyond} {nearest} AS FLOAT))"


def _to_decimal(text: str, source: t.DataType, target: t.DecimalType, mode: CastMode) -> str:
    kernel = kernel_type(target)
    match source:
        case t.BooleanType():
            return f"CAST(CAST({text} AS INTEGER) AS {kernel})"
        case t.FloatType() | t.DoubleType():
            # Spark rounds the decimal digits that are shown, not the binary value.
            def rounded(v: str) -> str:
                read = f"TRY_CAST(CAST({v} AS VARCHAR) AS {kernel})"
                if mode is CastMode.ANSI:
                    read = f"coalesce({read}, {out_of_range(f'CAST({v} AS VARCHAR)', target)})"
                return f"CASE WHEN isfinite({v}) THEN {read} END"

            return let(f"CAST({text} AS DOUBLE)" if isinstance(source, t.FloatType) else text, rounded)
        case t.TimestampType():
            return f"{_try(mode)}(CAST(epoch_us({text}) AS DECIMAL(38,6)) * 0.000001 AS {kernel})"
        case t.DayTimeIntervalType(_, end):
            unit = _day_time_unit(end)
            return f"{_try(mode)}({text}::DECIMAL(38,6) / {unit} AS {kernel})"
    return f"{_try(mode)}({text} AS {kernel})"


def _to_instant(text: str, source: t.DataType, target: t.DataType, mode: CastMode, zone: str) -> str:
    match source, target:
        case t.TimestampType(), t.DateType():
            return f"CAST({local(text, zone)} AS DATE)"
        case t.TimestampNTZType(), t.DateType():
            return f"CAST({text} AS DATE)"
        case t.DateType(), t.TimestampType():
            return instant(f"CAST({text} AS TIMESTAMP)", zone)
        case t.DateType(), t.TimestampNTZType():
            return f"CAST({text} AS TIMESTAMP)"
        case t.TimestampNTZType(), t.TimestampType():
            return instant(text, zone)
        case t.TimestampType(), t.TimestampNTZType():
            return local(text, zone)
    if isinstance(target, t.TimestampType):
        return _number_to_timestamp(text, source, mode)
    raise unsupported(f"a cast from {source.name} to {target.name}")


def _number_to_timestamp(text: str, source: t.DataType, mode: CastMode) -> str:
    match source:
        case t.BooleanType():
            return f"make_timestamptz(CAST({text} AS BIGINT))"
        case t.DecimalType():
            return f"make_timestamptz(CAST(trunc({text} * 1000000) AS BIGINT))"
        case t.FloatType() | t.DoubleType():

            def moment(v: str) -> str:
                read = f"make_timestamptz({_try(mode)}(trunc({v} * 1e6) AS BIGINT))"
                wrong = f" WHEN {v} IS NOT NULL THEN {_malformed_double(v)}" if mode is CastMode.ANSI else ""
                return f"CASE WHEN isfinite({v}) THEN {read}{wrong} END"

            return let(f"CAST({text} AS DOUBLE)", moment)
    if mode is CastMode.TRY:
        return f"make_timestamptz(TRY_CAST({text}::HUGEINT * 1000000 AS BIGINT))"
    return f"make_timestamptz(CAST({text} AS BIGINT) * 1000000)"


def _malformed_double(v: str) -> str:
    known = {"sourceType": '"DOUBLE"', "targetType": '"TIMESTAMP"'}
    return raising("CAST_INVALID_INPUT", known, expression=floating(v))


def _day_time_unit(end: int) -> int:
    """Microseconds of a day, hour, minute, second."""
    return (86_400 * MICROS_PER_SECOND, 3_600 * MICROS_PER_SECOND, 60 * MICROS_PER_SECOND, MICROS_PER_SECOND)[end]


def _to_interval(text: str, source: t.DataType, target: t.DataType, mode: CastMode) -> str:
    if isinstance(target, t.DayTimeIntervalType) and isinstance(source, t.DayTimeIntervalType):
        unit = _day_time_unit(target.end)
        return text if target.end >= source.end else f"({text} // {unit} * {unit})"
    if isinstance(target, t.YearMonthIntervalType) and isinstance(source, t.YearMonthIntervalType):
        return text if target.end >= source.end else f"({text} // 12 * 12)"
    if isinstance(target, t.DayTimeIntervalType):
        unit = _day_time_unit(target.end)
        scaled = f"{text}::HUGEINT * {unit}" if is_integral(source) else f"round({text} * {unit})"
        return f"{_try(mode)}({scaled} AS BIGINT)"
    months = 12 if isinstance(target, t.YearMonthIntervalType) and target.end == 0 else 1
    number = f"{text}::BIGINT" if is_integral(source) else text
    return f"{_try(mode)}(round({number} * {months}) AS INTEGER)"


def _complex(text: str, source: t.DataType, target: t.DataType, mode: CastMode, zone: str) -> str:
    match source, target:
        case t.ArrayType(inner), t.ArrayType(outer):
            return let_element(text, lambda v: cast_text(v, inner, outer, mode, zone))
        case t.MapType(key, value), t.MapType(new_key, new_value):
            return let(
                text,
                lambda m: (
                    f"MAP({let_element(f'map_keys({m})', lambda v: cast_text(v, key, new_key, mode, zone))}, "
                    f"{let_element(f'map_values({m})', lambda v: cast_text(v, value, new_value, mode, zone))})"
                ),
            )
        case t.StructType(), t.StructType():
            return _struct(text, source, target, mode, zone)
    raise unsupported(f"a cast from {source.name} to {target.name}")


def let_element(array: str, body: Callable[[str], str]) -> str:
    """`array` with `body` applied to each element."""
    name = name_for(array)
    return f"list_transform({array}, lambda {name}: {body(name)})"


def _struct(text: str, source: t.StructType, target: t.StructType, mode: CastMode, zone: str) -> str:
    def build(v: str) -> str:
        parts = [
            f"{identifier(y.name)} := {cast_text(f'struct_extract_at({v}, {i + 1})', x.dtype, y.dtype, mode, zone)}"
            for i, (x, y) in enumerate(zip(source.fields, target.fields, strict=True))
        ]
        return f"CASE WHEN {v} IS NOT NULL THEN struct_pack({', '.join(parts)}) END"

    return let(text, build)
