"""Constant rows as an Arrow stream."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal

import pyarrow as pa

from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Expression, Literal

_ARROW: dict[type[t.DataType], pa.DataType] = {
    t.NullType: pa.null(),
    t.BooleanType: pa.bool_(),
    t.ByteType: pa.int8(),
    t.ShortType: pa.int16(),
    t.IntegerType: pa.int32(),
    t.LongType: pa.int64(),
    t.FloatType: pa.float32(),
    t.DoubleType: pa.float64(),
    t.StringType: pa.string(),
    t.BinaryType: pa.binary(),
    t.DateType: pa.date32(),
    t.TimestampType: pa.timestamp("us", tz="UTC"),
    t.TimestampNTZType: pa.timestamp("us"),
}
_COUNTED = (t.DateType, t.TimestampType, t.TimestampNTZType)
"""Types whose literals are integers that Arrow stores as they are."""

_EXACT = Context(prec=38)
"""Decimals have up to 38 digits; Python's own default rounds to 28."""


def arrow_of(schema: t.StructType, rows: Sequence[tuple[Expression, ...]]) -> bytes | None:
    """The rows as an Arrow IPC stream; None when a value is not a constant of a plain type."""
    arrays = []
    fields = []
    for index, field in enumerate(schema.fields):
        arrow = _arrow_type(field.dtype)
        if arrow is None:
            return None
        values = []
        for row in rows:
            value = row[index]
            if not isinstance(value, Literal):
                return None
            values.append(value.value)
        fields.append(pa.field(field.name, arrow, field.nullable))
        arrays.append(_array(values, field.dtype, arrow))
    return _stream(arrays, fields) if fields else None


def arrow_of_values(name: str, dtype: t.DataType, values: Sequence[object]) -> bytes | None:
    """One column of constants, none of them null, as an Arrow IPC stream; None where the type is not plain."""
    arrow = _arrow_type(dtype)
    if arrow is None:
        return None
    return _stream([_array(list(values), dtype, arrow)], [pa.field(name, arrow, False)])


def _stream(arrays: list[pa.Array], fields: list[pa.Field]) -> bytes:
    sink = pa.BufferOutputStream()
    batch = pa.record_batch(arrays, schema=pa.schema(fields))
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def _arrow_type(dtype: t.DataType) -> pa.DataType | None:
    if isinstance(dtype, t.DecimalType):
        return pa.decimal128(dtype.precision, dtype.scale)
    return _ARROW.get(type(dtype))


def _array(values: list[object], dtype: t.DataType, arrow: pa.DataType) -> pa.Array:
    if isinstance(dtype, _COUNTED):
        width = pa.int32() if isinstance(dtype, t.DateType) else pa.int64()
        return pa.array(values, width).cast(arrow)
    if isinstance(dtype, t.DecimalType):
        scale = Decimal(1).scaleb(-dtype.scale)
        values = [None if v is None else Decimal(str(v)).quantize(scale, context=_EXACT) for v in values]
    return pa.array(values, arrow)
