"""Which types meet, and how an expression gets to another type: Spark's ANSI type coercion.

Spark's sources call these rules AnsiTypeCoercion; `common_type` is its findWiderTypeForTwo.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from headrace_driver.functions.decimals import decimal_for, wider
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Cast, CastMode, Expression, Literal

_WIDTH: dict[type[t.DataType], int] = {
    t.ByteType: 0,
    t.ShortType: 1,
    t.IntegerType: 2,
    t.LongType: 3,
    t.FloatType: 4,
    t.DoubleType: 5,
}
_INTEGRAL_LIMITS: dict[type[t.DataType], int] = {
    t.ByteType: 1 << 7,
    t.ShortType: 1 << 15,
    t.IntegerType: 1 << 31,
    t.LongType: 1 << 63,
}
_COMPLEX = (t.ArrayType, t.MapType, t.StructType)
_EPOCH = date(1970, 1, 1)


def is_integral(dtype: t.DataType) -> bool:
    return type(dtype) in _INTEGRAL_LIMITS


def is_interval(dtype: t.DataType) -> bool:
    return isinstance(dtype, t.DayTimeIntervalType | t.YearMonthIntervalType)


def is_orderable(dtype: t.DataType) -> bool:
    """Whether values of the type can be compared and sorted: maps, variants and calendar intervals cannot."""
    match dtype:
        case t.ArrayType(element):
            return is_orderable(element)
        case t.StructType(fields):
            return all(is_orderable(f.dtype) for f in fields)
    return not isinstance(dtype, t.MapType | t.VariantType | t.CalendarIntervalType)


def common_type(a: t.DataType, b: t.DataType) -> t.DataType | None:
    """The type two branches, union columns or compared values meet in; None when they cannot."""
    if a == b:
        return a
    tightest = tightest_common_type(a, b)
    if tightest is not None:
        return tightest
    if isinstance(a, t.AtomicNumeric) and isinstance(b, t.AtomicNumeric):
        return _with_decimal(a, b)
    if isinstance(a, t.StringType) or isinstance(b, t.StringType):
        return _with_string(a, b)
    return _complex(a, b)


def common_type_of(types: Iterable[t.DataType]) -> t.DataType | None:
    """`common_type` of any number of types, strings last as in Spark (so that order does not matter)."""
    ordered = sorted(types, key=lambda dtype: isinstance(dtype, t.StringType))
    if not ordered:
        return None
    result: t.DataType | None = ordered[0]
    for dtype in ordered[1:]:
        if result is None:
            return None
        result = common_type(result, dtype)
    return result


def tightest_common_type(a: t.DataType, b: t.DataType) -> t.DataType | None:
    """Common types that lose nothing and need no reading of strings."""
    if a == b:
        return a
    if isinstance(a, t.NullType):
        return b
    if isinstance(b, t.NullType):
        return a
    wide_a, wide_b = _WIDTH.get(type(a)), _WIDTH.get(type(b))
    if wide_a is not None and wide_b is not None:
        widest = a if wide_a > wide_b else b
        return t.DOUBLE if isinstance(widest, t.FloatType) else widest
    if isinstance(a, t.StringType) and isinstance(b, t.StringType):
        return t.STRING
    if isinstance(a, t.DayTimeIntervalType) and isinstance(b, t.DayTimeIntervalType):
        return t.DayTimeIntervalType(min(a.start, b.start), max(a.end, b.end))
    if isinstance(a, t.YearMonthIntervalType) and isinstance(b, t.YearMonthIntervalType):
        return t.YearMonthIntervalType(min(a.start, b.start), max(a.end, b.end))
    return _temporal(a, b)


def _temporal(a: t.DataType, b: t.DataType) -> t.DataType | None:
    instants = (t.DateType, t.TimestampType, t.TimestampNTZType)
    if not (isinstance(a, instants) and isinstance(b, instants)):
        return None
    if isinstance(a, t.TimestampType) or isinstance(b, t.TimestampType):
        return t.TIMESTAMP
    return t.TIMESTAMP_NTZ


def _with_decimal(a: t.DataType, b: t.DataType) -> t.DataType | None:
    if isinstance(a, t.FloatType | t.DoubleType) or isinstance(b, t.FloatType | t.DoubleType):
        return t.DOUBLE
    decimal_a, decimal_b = decimal_for(a), decimal_for(b)
    return wider(decimal_a, decimal_b) if decimal_a and decimal_b else None


def _with_string(a: t.DataType, b: t.DataType) -> t.DataType | None:
    other = b if isinstance(a, t.StringType) else a
    if is_integral(other):
        return t.LONG
    if isinstance(other, t.AtomicNumeric):
        return t.DOUBLE
    if isinstance(other, t.BooleanType | t.BinaryType | t.DateType | t.TimestampType | t.TimestampNTZType):
        return other
    return None


def _complex(a: t.DataType, b: t.DataType) -> t.DataType | None:
    if isinstance(a, t.ArrayType) and isinstance(b, t.ArrayType):
        element = common_type(a.element, b.element)
        return t.ArrayType(element, a.contains_null or b.contains_null) if element else None
    if isinstance(a, t.MapType) and isinstance(b, t.MapType):
        key, value = common_type(a.key, b.key), common_type(a.value, b.value)
        return t.MapType(key, value, a.value_contains_null or b.value_contains_null) if key and value else None
    if isinstance(a, t.StructType) and isinstance(b, t.StructType) and len(a.fields) == len(b.fields):
        fields: list[t.StructField] = []
        for x, y in zip(a.fields, b.fields, strict=True):
            dtype = common_type(x.dtype, y.dtype)
            if dtype is None or x.name.lower() != y.name.lower():
                return None
            fields.append(t.StructField(x.name, dtype, x.nullable or y.nullable))
        return t.StructType(tuple(fields))
    return None


def comparable_type(types: Sequence[t.DataType]) -> t.DataType | None:
    """The type that values are compared in: their common one, or for structs of equal types the first's, since fields
    are compared by their places whatever their names."""
    found = common_type_of(types)
    if found is not None or not types:
        return found
    result: t.DataType | None = types[0]
    for dtype in types[1:]:
        result = result and _by_place(result, dtype)
    return result


def _by_place(a: t.DataType, b: t.DataType) -> t.DataType | None:
    match a, b:
        case t.ArrayType(x, x_null), t.ArrayType(y, y_null):
            element = _by_place(x, y)
            return t.ArrayType(element, x_null or y_null) if element else None
        case t.StructType(xs), t.StructType(ys) if len(xs) == len(ys):
            fields: list[t.StructField] = []
            for left, right in zip(xs, ys, strict=True):
                dtype = _by_place(left.dtype, right.dtype)
                if dtype is None:
                    return None
                fields.append(t.StructField(left.name, dtype, left.nullable or right.nullable))
            return t.StructType(tuple(fields))
    return a if same_type(a, b) else None


def same_type(a: t.DataType, b: t.DataType) -> bool:
    """Equal but for nullability inside complex types."""
    if a == b:
        return True
    if isinstance(a, t.ArrayType) and isinstance(b, t.ArrayType):
        return same_type(a.element, b.element)
    if isinstance(a, t.MapType) and isinstance(b, t.MapType):
        return same_type(a.key, b.key) and same_type(a.value, b.value)
    if isinstance(a, t.StructType) and isinstance(b, t.StructType):
        return len(a.fields) == len(b.fields) and all(
            x.name == y.name and same_type(x.dtype, y.dtype) for x, y in zip(a.fields, b.fields, strict=True)
        )
    return isinstance(a, t.StringType) and isinstance(b, t.StringType)


def cast_to(expression: Expression, dtype: t.DataType) -> Expression:
    """The expression as `dtype` by an implicit ANSI cast; itself when the kernel value is the same and nulls inside
    of it are not newly allowed, a literal where the value is plain to see."""
    source = expression.dtype
    if source == dtype:
        return expression
    if isinstance(expression, Literal):
        folded = fold_literal(expression, dtype)
        if folded is not None:
            return folded
    if same_type(source, dtype) and _allows(source, dtype):
        return expression
    return Cast(expression, dtype, CastMode.ANSI, implicit=True)


def _allows(a: t.DataType, b: t.DataType) -> bool:
    """Whether `a`, equal to `b` but for nullability, has nulls inside wherever `b` may have some."""
    match a, b:
        case t.ArrayType(x, x_null), t.ArrayType(y, y_null):
            return (x_null or not y_null) and _allows(x, y)
        case t.MapType(_, x, x_null), t.MapType(_, y, y_null):
            return (x_null or not y_null) and _allows(x, y)
        case t.StructType(xs), t.StructType(ys):
            pairs = zip(xs, ys, strict=True)
            return all((x.nullable or not y.nullable) and _allows(x.dtype, y.dtype) for x, y in pairs)
    return True


def fold_literal(literal: Literal, dtype: t.DataType) -> Literal | None:
    """The literal in another type, where that needs no session setting and cannot fail."""
    value = literal.value
    if value is None:
        return Literal(None, dtype)
    if same_type(literal.type, dtype):
        return Literal(value, dtype)
    if is_integral(literal.type):
        return _fold_integer(value, dtype)
    if isinstance(literal.type, t.DecimalType):
        return _fold_decimal(Decimal(value), dtype)
    if isinstance(literal.type, t.StringType) and isinstance(dtype, t.DateType):
        return _fold_date(value)
    return None


def _fold_integer(value: int, dtype: t.DataType) -> Literal | None:
    if isinstance(dtype, t.DecimalType):
        return _fold_decimal(Decimal(value), dtype)
    limit = _INTEGRAL_LIMITS.get(type(dtype))
    if limit is not None:
        return Literal(value, dtype) if -limit <= value < limit else None
    if isinstance(dtype, t.DoubleType) and abs(value) <= 1 << 53:
        return Literal(float(value), dtype)
    return None


def _fold_decimal(value: Decimal, dtype: t.DataType) -> Literal | None:
    if isinstance(dtype, t.DoubleType):
        return Literal(float(value), dtype)
    if not isinstance(dtype, t.DecimalType):
        return None
    with localcontext() as context:
        context.prec = 80
        rounded = value.quantize(Decimal(1).scaleb(-dtype.scale), rounding=ROUND_HALF_UP)
    return Literal(rounded, dtype) if abs(rounded).scaleb(dtype.scale) < 10**dtype.precision else None


_ISO_DATE = re.compile(r"\s*(\d{4})-(\d{1,2})-(\d{1,2})\s*")


def _fold_date(value: Any) -> Literal | None:
    found = _ISO_DATE.fullmatch(value)
    if not found:
        return None
    try:
        return Literal((date(*(int(part) for part in found.groups())) - _EPOCH).days, t.DATE)
    except ValueError:
        return None


def implicit_cast(expression: Expression, target: t.DataType) -> Expression | None:
    """The argument of a function that wants `target`, cast if ANSI lets it be cast silently; None when not."""
    source = expression.dtype
    if same_type(source, target):
        return expression
    return cast_to(expression, target) if can_implicitly_cast(source, target) else None


def can_implicitly_cast(source: t.DataType, target: t.DataType) -> bool:
    """ANSI store assignment: numbers to numbers (checked), dates and timestamps to each other, anything atomic to
    string; and for arguments also string to other atomic types."""
    if same_type(source, target) or isinstance(source, t.NullType):
        return True
    if isinstance(target, t.StringType):
        return not isinstance(source, (*_COMPLEX, t.VariantType, t.CalendarIntervalType))
    if isinstance(source, t.StringType):
        return isinstance(
            target,
            t.AtomicNumeric | t.BooleanType | t.BinaryType | t.DateType | t.TimestampType | t.TimestampNTZType,
        )
    if isinstance(source, _INSTANTS) and isinstance(target, _INSTANTS):
        return True
    if isinstance(source, t.AtomicNumeric) and isinstance(target, t.AtomicNumeric):
        return True
    if isinstance(source, t.ArrayType) and isinstance(target, t.ArrayType):
        return can_implicitly_cast(source.element, target.element)
    if isinstance(source, t.MapType) and isinstance(target, t.MapType):
        return can_implicitly_cast(source.key, target.key) and can_implicitly_cast(source.value, target.value)
    return type(source) is type(target) and is_interval(source)


def can_cast(source: t.DataType, target: t.DataType, mode: CastMode = CastMode.ANSI) -> bool:
    """Whether CAST from one type to the other is allowed at all (DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION if not)."""
    if same_type(source, target) or isinstance(source, t.NullType):
        return True
    if isinstance(source, _COMPLEX):
        return _can_cast_complex(source, target, mode)
    if isinstance(target, t.StringType):
        return True
    allowed = _CASTS.get(type(source), ())
    if isinstance(target, allowed):
        return True
    if mode is CastMode.LEGACY:
        return isinstance(target, _LEGACY_CASTS.get(type(source), ()))
    return False


_NUMBERS: tuple[type[t.DataType], ...] = (*_WIDTH, t.DecimalType)
_INTERVALS: tuple[type[t.DataType], ...] = (t.DayTimeIntervalType, t.YearMonthIntervalType)
_INSTANTS: tuple[type[t.DataType], ...] = (t.DateType, t.TimestampType, t.TimestampNTZType)
_FROM_INTEGRAL = (*_NUMBERS, t.BooleanType, t.TimestampType, *_INTERVALS)
_FROM_FRACTION = (*_NUMBERS, t.BooleanType, t.TimestampType, *_INTERVALS)
_CASTS: dict[type[t.DataType], tuple[type[t.DataType], ...]] = {
    t.StringType: (*_NUMBERS, t.BooleanType, t.BinaryType, *_INSTANTS, *_INTERVALS, t.CalendarIntervalType),
    t.BooleanType: _NUMBERS,
    t.ByteType: _FROM_INTEGRAL,
    t.ShortType: _FROM_INTEGRAL,
    t.IntegerType: _FROM_INTEGRAL,
    t.LongType: _FROM_INTEGRAL,
    t.FloatType: (*_NUMBERS, t.BooleanType, t.TimestampType),
    t.DoubleType: (*_NUMBERS, t.BooleanType, t.TimestampType),
    t.DecimalType: _FROM_FRACTION,
    t.DateType: _INSTANTS,
    t.TimestampType: (*_NUMBERS, *_INSTANTS),
    t.TimestampNTZType: _INSTANTS,
    t.DayTimeIntervalType: (t.DayTimeIntervalType, *_NUMBERS),
    t.YearMonthIntervalType: (t.YearMonthIntervalType, *_NUMBERS),
}
_LEGACY_CASTS: dict[type[t.DataType], tuple[type[t.DataType], ...]] = {
    t.BooleanType: (t.TimestampType,),
    t.DateType: (t.BooleanType, *_NUMBERS),
    t.TimestampType: (t.BooleanType,),
    t.ByteType: (t.BinaryType,),
    t.ShortType: (t.BinaryType,),
    t.IntegerType: (t.BinaryType,),
    t.LongType: (t.BinaryType,),
}


def _can_cast_complex(source: t.DataType, target: t.DataType, mode: CastMode) -> bool:
    if isinstance(target, t.StringType):
        return True
    if isinstance(source, t.ArrayType) and isinstance(target, t.ArrayType):
        return can_cast(source.element, target.element, mode)
    if isinstance(source, t.MapType) and isinstance(target, t.MapType):
        return can_cast(source.key, target.key, mode) and can_cast(source.value, target.value, mode)
    if isinstance(source, t.StructType) and isinstance(target, t.StructType):
        return len(source.fields) == len(target.fields) and all(
            can_cast(x.dtype, y.dtype, mode) for x, y in zip(source.fields, target.fields, strict=True)
        )
    return False
