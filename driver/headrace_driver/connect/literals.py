"""Literals of the protocol: to and from the constants of plans."""

from __future__ import annotations

import decimal
from typing import Any

from headrace_driver.connect.invalid_plan import field_not_set, invalid_plan, oneof_not_set
from headrace_driver.connect.protocol import Proto
from headrace_driver.connect.types import ParseType, from_proto
from headrace_driver.errors import SparkError, unsupported
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Literal

_PLAIN: dict[str, t.DataType] = {
    "boolean": t.BOOLEAN,
    "byte": t.BYTE,
    "short": t.SHORT,
    "integer": t.INTEGER,
    "long": t.LONG,
    "float": t.FLOAT,
    "double": t.DOUBLE,
    "string": t.STRING,
    "binary": t.BINARY,
    "date": t.DATE,
    "timestamp": t.TIMESTAMP,
    "timestamp_ntz": t.TIMESTAMP_NTZ,
    "day_time_interval": t.DAY_TIME,
    "year_month_interval": t.YEAR_MONTH,
}
"""Literals whose value is the field itself."""

_SPECIALIZED: dict[str, t.DataType] = {
    "bools": t.BOOLEAN,
    "ints": t.INTEGER,
    "longs": t.LONG,
    "floats": t.FLOAT,
    "doubles": t.DOUBLE,
    "strings": t.STRING,
}


def literal(proto: Proto, parse_type: ParseType) -> Literal:
    """The constant of a literal message."""
    given = from_proto(proto.data_type, parse_type) if proto.HasField("data_type") else None
    value, dtype = _value(proto, given, parse_type)
    return Literal(value, dtype)


def _value(proto: Proto, given: t.DataType | None, parse_type: ParseType) -> tuple[Any, t.DataType]:
    """Value and type; `given` is the type known from around (newer clients send it once for a whole literal)."""
    kind = proto.WhichOneof("literal_type")
    plain = _PLAIN.get(kind)
    if plain is not None:
        keeps = isinstance(given, t.DayTimeIntervalType | t.YearMonthIntervalType | t.StringType)
        return getattr(proto, kind), given if keeps and given is not None else plain
    match kind:
        case "null":
            return None, given or from_proto(proto.null, parse_type)
        case "decimal":
            return _decimal(proto.decimal)
        case "calendar_interval":
            interval = proto.calendar_interval
            return (interval.months, interval.days, interval.microseconds), t.CALENDAR_INTERVAL
        case "array":
            return _array(proto.array, given, parse_type)
        case "specialized_array":
            return _specialized(proto.specialized_array, given)
        case "map":
            return _map(proto.map, given, parse_type)
        case "struct":
            return _struct(proto.struct, given, parse_type)
        case "time":
            raise unsupported("the type TIME")
        case None:
            # A null of a newer client whose type comes from around.
            if given is not None:
                return None, given
            raise oneof_not_set("spark.connect.Expression.Literal", "LITERALTYPE_NOT_SET")
        case _:
            raise unsupported(f"literals of kind {kind}")


def _decimal(proto: Proto) -> tuple[decimal.Decimal, t.DataType]:
    try:
        value = decimal.Decimal(proto.value)
    except decimal.InvalidOperation as error:
        raise invalid_plan("INVALID_DECIMAL", f"{proto.value[:100]!r} is no decimal number.") from error
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise unsupported(f"the decimal literal {proto.value}")
    if len(digits) + max(exponent, 0) > t.DECIMAL_DIGITS_MAX or -exponent > t.DECIMAL_DIGITS_MAX:
        raise _too_many_digits(max(len(digits) + max(exponent, 0), -exponent))
    if exponent > 0:
        # quantize would round to the context's 28 digits.
        value = decimal.Decimal((value.as_tuple().sign, digits + (0,) * exponent, 0))
        _, digits, exponent = value.as_tuple()
        assert isinstance(exponent, int)
    scale = max(-exponent, proto.scale if proto.HasField("scale") else 0)
    precision = max(len(digits), -exponent, proto.precision if proto.HasField("precision") else 0, scale)
    if precision > t.DECIMAL_DIGITS_MAX:
        raise _too_many_digits(precision)
    return value, t.DecimalType(precision, scale)


def _too_many_digits(precision: int) -> SparkError:
    return SparkError(
        "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION",
        f"Decimal precision {precision} exceeds max precision {t.DECIMAL_DIGITS_MAX}.",
        {"precision": str(precision), "maxPrecision": str(t.DECIMAL_DIGITS_MAX)},
        sql_state="22003",
    )


def _array(proto: Proto, given: t.DataType | None, parse_type: ParseType) -> tuple[Any, t.DataType]:
    element: t.DataType | None = None
    if isinstance(given, t.ArrayType):
        element = given.element
    elif proto.HasField("element_type"):
        element = from_proto(proto.element_type, parse_type)
    pairs = [_value(item, element, parse_type) for item in proto.elements]
    if element is None:
        element = pairs[0][1] if pairs else t.NULL
    values = tuple(value for value, _ in pairs)
    nulls = given.contains_null if isinstance(given, t.ArrayType) else any(v is None for v in values)
    return values, t.ArrayType(element, nulls)


def _specialized(proto: Proto, given: t.DataType | None) -> tuple[Any, t.DataType]:
    kind = proto.WhichOneof("value_type")
    if kind is None:
        raise oneof_not_set("spark.connect.Expression.Literal.SpecializedArray", "VALUETYPE_NOT_SET")
    values = tuple(getattr(proto, kind).values)
    return values, given if isinstance(given, t.ArrayType) else t.ArrayType(_SPECIALIZED[kind], False)


def _map(proto: Proto, given: t.DataType | None, parse_type: ParseType) -> tuple[Any, t.DataType]:
    key: t.DataType | None = None
    value: t.DataType | None = None
    if isinstance(given, t.MapType):
        key, value = given.key, given.value
    else:
        key = from_proto(proto.key_type, parse_type) if proto.HasField("key_type") else None
        value = from_proto(proto.value_type, parse_type) if proto.HasField("value_type") else None
    keys = [_value(item, key, parse_type) for item in proto.keys]
    values = [_value(item, value, parse_type) for item in proto.values]
    if len(keys) != len(values):
        raise field_not_set("spark.connect.Expression.Literal.Map", "values")
    key = key or (keys[0][1] if keys else t.NULL)
    value = value or (values[0][1] if values else t.NULL)
    nulls = given.value_contains_null if isinstance(given, t.MapType) else any(v is None for v, _ in values)
    pairs = tuple((k, v) for (k, _), (v, _) in zip(keys, values, strict=True))
    return pairs, t.MapType(key, value, nulls)


def _struct(proto: Proto, given: t.DataType | None, parse_type: ParseType) -> tuple[Any, t.DataType]:
    dtype = given if given is not None else from_proto(proto.struct_type, parse_type)
    if not isinstance(dtype, t.StructType) or len(dtype.fields) != len(proto.elements):
        raise field_not_set("spark.connect.Expression.Literal.Struct", "struct_type")
    values = tuple(
        _value(item, field.dtype, parse_type)[0] for item, field in zip(proto.elements, dtype.fields, strict=True)
    )
    return values, dtype
