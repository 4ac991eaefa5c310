"""Kernel text of constants."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from headrace_driver.plan import types as t
from headrace_driver.render.text import quote
from headrace_driver.render.types import identifier, kernel_type

_EPOCH = date(1970, 1, 1)
_FIRST_DAY = (date.min - _EPOCH).days
_LAST_DAY = (date.max - _EPOCH).days
_PLAIN_INTEGER = 1 << 31


def literal_text(value: Any, dtype: t.DataType) -> str:
    """A constant of exactly `kernel_type(dtype)`."""
    if value is None:
        return f"NULL::{kernel_type(dtype)}"
    match dtype:
        case t.IntegerType() | t.YearMonthIntervalType() | t.NullType():
            return str(value) if 0 <= value < _PLAIN_INTEGER else f"({value})::INTEGER"
        case t.ByteType() | t.ShortType() | t.LongType() | t.DayTimeIntervalType():
            return f"{value}::{kernel_type(dtype)}" if value >= 0 else f"({value})::{kernel_type(dtype)}"
        case t.StringType():
            return _string(value)
        case t.BooleanType():
            return "true" if value else "false"
        case t.DecimalType():
            return f"{quote(format(Decimal(value), 'f'))}::{kernel_type(dtype)}"
        case t.DateType():
            return _date(value)
        case t.TimestampType():
            return f"make_timestamptz({_long(value)})"
        case t.TimestampNTZType():
            return f"make_timestamp({_long(value)})"
        case t.DoubleType() | t.FloatType():
            return _floating(float(value), dtype)
        case t.BinaryType():
            return f"from_hex('{bytes(value).hex()}')"
        case t.CalendarIntervalType():
            return _calendar(value)
    return _complex(value, dtype)


def _string(value: str) -> str:
    if "\0" in value:
        return "(" + " || chr(0) || ".join(quote(part) for part in value.split("\0")) + ")"
    return quote(value)


def _long(value: int) -> str:
    return f"{value}::BIGINT" if value >= 0 else f"({value})::BIGINT"


def _date(days: int) -> str:
    if _FIRST_DAY <= days <= _LAST_DAY:
        return f"'{(_EPOCH + timedelta(days=days)).isoformat()}'::DATE"
    return f"('1970-01-01'::DATE + ({days}))"


def _floating(value: float, dtype: t.DataType) -> str:
    if isinstance(dtype, t.FloatType) and math.isfinite(value):
        value = struct.unpack("f", struct.pack("f", value))[0]
    if math.isnan(value):
        return f"'nan'::{kernel_type(dtype)}"
    return f"'{value!r}'::{kernel_type(dtype)}"


def _calendar(value: Sequence[int]) -> str:
    months, days, microseconds = value
    return f"(to_months({months}) + to_days({days}) + to_microseconds({_long(microseconds)}))"


def _complex(value: Any, dtype: t.DataType) -> str:
    match dtype:
        case t.ArrayType(element):
            inner = ", ".join(literal_text(item, element) for item in value)
            return f"[{inner}]" if value else f"[]::{kernel_type(dtype)}"
        case t.MapType(key, item):
            pairs = list(value)
            keys = ", ".join(literal_text(k, key) for k, _ in pairs)
            values = ", ".join(literal_text(v, item) for _, v in pairs)
            return f"MAP([{keys}], [{values}])::{kernel_type(dtype)}"
        case t.StructType(fields):
            inner = ", ".join(
                f"{identifier(f.name)} := {literal_text(v, f.dtype)}" for f, v in zip(fields, value, strict=True)
            )
            return f"struct_pack({inner})"
    raise TypeError(f"no constant of type {dtype.name}")
