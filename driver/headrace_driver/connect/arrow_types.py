"""Arrow schemas of results and of data that clients send, by the rules of Spark's ArrowUtils."""

from __future__ import annotations

import base64

import pyarrow as pa

from headrace_driver.connect.invalid_plan import invalid_plan
from headrace_driver.errors import SparkError, unsupported
from headrace_driver.plan import types as t

_MONTHS_SCHEMA = base64.b64decode(
    "/////3gAAAAQAAAAAAAKAA4ABgAFAAgACgAAAAABBAAQAAAAAAAKAAwAAAAEAAgACgAAAAwAAAAEAAAAAAAAAAEAAAAUAAAAEAAUAAgAAAAHAAwAAAAQ"
    "ABAAAAAAAAALEAAAABgAAAAEAAAAAAAAAAEAAABpAAAABAAEAAQAAAA="
)
"""The schema `i: month_interval` as an IPC message: pyarrow reads that type but has no constructor for it."""

MONTH_INTERVAL: pa.DataType = pa.ipc.read_schema(pa.py_buffer(_MONTHS_SCHEMA)).field(0).type

END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"
"""What ends an Arrow IPC stream."""

_TO_ARROW: dict[t.DataType, pa.DataType] = {
    t.NULL: pa.null(),
    t.BOOLEAN: pa.bool_(),
    t.BYTE: pa.int8(),
    t.SHORT: pa.int16(),
    t.INTEGER: pa.int32(),
    t.LONG: pa.int64(),
    t.FLOAT: pa.float32(),
    t.DOUBLE: pa.float64(),
    t.DATE: pa.date32(),
    t.TIMESTAMP_NTZ: pa.timestamp("us"),
    t.CALENDAR_INTERVAL: pa.month_day_nano_interval(),
}

_VARIANT_FIELDS = (
    pa.field("value", pa.binary(), nullable=False),
    pa.field("metadata", pa.binary(), nullable=False, metadata={"variant": "true"}),
)


def arrow_schema(schema: t.StructType, time_zone: str, large: bool = False) -> pa.Schema:
    """The exact schema of a result's batches. `time_zone` is the session's; `large` asks for 64-bit offsets
    (spark.sql.execution.arrow.useLargeVarTypes)."""
    return pa.schema([_field(f.name, f.dtype, f.nullable, time_zone, large) for f in schema.fields])


def _field(name: str, dtype: t.DataType, nullable: bool, time_zone: str, large: bool) -> pa.Field:
    # Arrow has no values of VOID, so a field of it may be null, as in an empty array's elements.
    return pa.field(name, arrow_type(dtype, time_zone, large), nullable or isinstance(dtype, t.NullType))


def arrow_type(dtype: t.DataType, time_zone: str, large: bool = False) -> pa.DataType:
    """The Arrow type Spark sends values of a type in."""
    simple = _TO_ARROW.get(dtype)
    if simple is not None:
        return simple
    match dtype:
        case t.StringType():
            return pa.large_string() if large else pa.string()
        case t.BinaryType():
            return pa.large_binary() if large else pa.binary()
        case t.DecimalType():
            return pa.decimal128(dtype.precision, dtype.scale)
        case t.TimestampType():
            return pa.timestamp("us", tz=time_zone)
        case t.DayTimeIntervalType():
            return pa.duration("us")
        case t.YearMonthIntervalType():
            return MONTH_INTERVAL
        case t.ArrayType():
            return pa.list_(_field("element", dtype.element, dtype.contains_null, time_zone, large))
        case t.MapType():
            return pa.map_(
                # The map() without entries has keys of VOID, which Arrow would have to let be null.
                _field("key", t.STRING if dtype.key == t.NULL else dtype.key, False, time_zone, large),
                _field("value", dtype.value, dtype.value_contains_null, time_zone, large),
            )
        case t.StructType():
            return pa.struct([_field(f.name, f.dtype, f.nullable, time_zone, large) for f in dtype.fields])
        case t.VariantType():
            return pa.struct(list(_VARIANT_FIELDS))
        case _:
            raise unsupported(f"the type {dtype.name} in Arrow results")


def from_arrow_schema(schema: pa.Schema) -> t.StructType:
    """The Spark schema of Arrow data that came without one."""
    return t.StructType(tuple(_struct_field(field) for field in schema))


def _struct_field(field: pa.Field) -> t.StructField:
    try:
        name = field.name
    except UnicodeDecodeError:
        raise invalid_plan("INPUT_DATA_NOT_ARROW", "The name of an Arrow field is no UTF-8.") from None
    return t.StructField(name, from_arrow_type(field.type), field.nullable)


def from_arrow_type(dtype: pa.DataType) -> t.DataType:
    """The Spark type of an Arrow type; raises UNSUPPORTED_ARROWTYPE where Spark knows none."""
    simple = _FROM_ARROW.get(dtype.id)
    if simple is not None:
        return simple
    if pa.types.is_decimal128(dtype):
        return t.DecimalType(dtype.precision, dtype.scale)
    if pa.types.is_timestamp(dtype) and dtype.unit == "us":
        return t.TIMESTAMP_NTZ if dtype.tz is None else t.TIMESTAMP
    if pa.types.is_duration(dtype) and dtype.unit == "us":
        return t.DAY_TIME
    if dtype == MONTH_INTERVAL:
        return t.YEAR_MONTH
    if pa.types.is_list(dtype) or pa.types.is_large_list(dtype) or pa.types.is_fixed_size_list(dtype):
        return t.ArrayType(from_arrow_type(dtype.value_type), dtype.value_field.nullable)
    if pa.types.is_map(dtype):
        return t.MapType(from_arrow_type(dtype.key_type), from_arrow_type(dtype.item_type), dtype.item_field.nullable)
    if pa.types.is_struct(dtype):
        return t.StructType(tuple(_struct_field(field) for field in dtype))
    raise SparkError(
        "UNSUPPORTED_ARROWTYPE",
        f"Unsupported arrow type {dtype}.",
        {"typeName": str(dtype)},
        sql_state="0A000",
    )


_FROM_ARROW: dict[int, t.DataType] = {
    pa.null().id: t.NULL,
    pa.bool_().id: t.BOOLEAN,
    pa.int8().id: t.BYTE,
    pa.int16().id: t.SHORT,
    pa.int32().id: t.INTEGER,
    pa.int64().id: t.LONG,
    pa.float32().id: t.FLOAT,
    pa.float64().id: t.DOUBLE,
    pa.string().id: t.STRING,
    pa.large_string().id: t.STRING,
    pa.binary().id: t.BINARY,
    pa.large_binary().id: t.BINARY,
    pa.date32().id: t.DATE,
    pa.month_day_nano_interval().id: t.CALENDAR_INTERVAL,
}
