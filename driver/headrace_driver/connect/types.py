"""Spark SQL types as Spark Connect writes them: to and from the protocol's DataType."""

from __future__ import annotations

import json
from collections.abc import Callable

from headrace_driver.connect.invalid_plan import invalid_plan, oneof_not_set
from headrace_driver.connect.protocol import Proto, types_pb2
from headrace_driver.errors import unsupported
from headrace_driver.plan import types as t

ParseType = Callable[[str], t.DataType]

_SIMPLE_NAMES: dict[t.DataType, str] = {
    t.NULL: "null",
    t.BOOLEAN: "boolean",
    t.BYTE: "byte",
    t.SHORT: "short",
    t.INTEGER: "integer",
    t.LONG: "long",
    t.FLOAT: "float",
    t.DOUBLE: "double",
    t.BINARY: "binary",
    t.DATE: "date",
    t.TIMESTAMP: "timestamp",
    t.TIMESTAMP_NTZ: "timestamp_ntz",
    t.CALENDAR_INTERVAL: "calendar_interval",
    t.VariantType(): "variant",
}

_SIMPLE_TYPES = {name: dtype for dtype, name in _SIMPLE_NAMES.items()}
_SIMPLE_PROTOS: dict[t.DataType, Proto] = {}
for _dtype, _name in _SIMPLE_NAMES.items():
    _proto = types_pb2.DataType()
    getattr(_proto, _name).SetInParent()
    _SIMPLE_PROTOS[_dtype] = _proto


def to_proto(dtype: t.DataType) -> Proto:
    """The protocol's DataType; parts that are Spark's defaults are left out as Spark leaves them out."""
    simple = _SIMPLE_PROTOS.get(dtype)
    if simple is not None:
        return simple
    proto = types_pb2.DataType()
    match dtype:
        case t.StringType(length=None):
            proto.string.SetInParent()
            if dtype.collation != "UTF8_BINARY":
                proto.string.collation = dtype.collation
        case t.StringType(length=length, fixed=True):
            proto.char.length = length
        case t.StringType(length=length):
            proto.var_char.length = length
        case t.DecimalType():
            proto.decimal.precision = dtype.precision
            proto.decimal.scale = dtype.scale
        case t.DayTimeIntervalType():
            proto.day_time_interval.start_field = dtype.start
            proto.day_time_interval.end_field = dtype.end
        case t.YearMonthIntervalType():
            proto.year_month_interval.start_field = dtype.start
            proto.year_month_interval.end_field = dtype.end
        case t.ArrayType():
            proto.array.element_type.CopyFrom(to_proto(dtype.element))
            proto.array.contains_null = dtype.contains_null
        case t.MapType():
            proto.map.key_type.CopyFrom(to_proto(dtype.key))
            proto.map.value_type.CopyFrom(to_proto(dtype.value))
            proto.map.value_contains_null = dtype.value_contains_null
        case t.StructType():
            proto.struct.SetInParent()
            for field in dtype.fields:
                added = proto.struct.fields.add(name=field.name, nullable=field.nullable)
                added.data_type.CopyFrom(to_proto(field.dtype))
                if field.metadata:
                    added.metadata = json.dumps(json.loads(field.metadata), separators=(",", ":"), ensure_ascii=False)
        case _:
            raise unsupported(f"the type {dtype.name} in Spark Connect")
    return proto


def from_proto(proto: Proto, parse_type: ParseType) -> t.DataType:
    """The type a client sent. `parse_type` reads DDL text, which a client may send in place of a type."""
    kind = proto.WhichOneof("kind")
    simple = _SIMPLE_TYPES.get(kind)
    if simple is not None:
        return simple
    match kind:
        case "string":
            return t.StringType(collation=proto.string.collation or "UTF8_BINARY")
        case "char":
            return t.StringType(proto.char.length, fixed=True)
        case "var_char":
            return t.StringType(proto.var_char.length)
        case "decimal":
            decimal = proto.decimal
            precision = decimal.precision if decimal.HasField("precision") else 10
            return t.DecimalType(precision, decimal.scale)
        case "day_time_interval":
            return t.DayTimeIntervalType(*_fields(proto.day_time_interval, 3))
        case "year_month_interval":
            return t.YearMonthIntervalType(*_fields(proto.year_month_interval, 1))
        case "array":
            return t.ArrayType(from_proto(proto.array.element_type, parse_type), proto.array.contains_null)
        case "map":
            key, value = proto.map.key_type, proto.map.value_type
            return t.MapType(from_proto(key, parse_type), from_proto(value, parse_type), proto.map.value_contains_null)
        case "struct":
            return t.StructType(
                tuple(
                    t.StructField(f.name, from_proto(f.data_type, parse_type), f.nullable, _metadata(f.metadata))
                    for f in proto.struct.fields
                )
            )
        case "unparsed":
            return parse_type(proto.unparsed.data_type_string)
        case "udt":
            raise unsupported(f"user-defined types ({proto.udt.python_class or proto.udt.jvm_class})")
        case "time" | "geometry" | "geography":
            raise unsupported(f"the type {kind.upper()}")
        case None:
            raise oneof_not_set("spark.connect.DataType", "KIND_NOT_SET")
        case _:
            raise unsupported(f"the type {kind}")


def _fields(interval: Proto, last: int) -> tuple[int, int]:
    start = interval.start_field if interval.HasField("start_field") else 0
    end = interval.end_field if interval.HasField("end_field") else last
    return start, end


def _metadata(text: str) -> str:
    """Of a struct's field, as JSON."""
    if text in ("", "{}"):
        return ""
    try:
        if isinstance(json.loads(text), dict):
            return text
    except ValueError:
        pass
    raise invalid_plan("INVALID_JSON_METADATA", "The metadata of a field is no JSON object.", {"metadata": text})
