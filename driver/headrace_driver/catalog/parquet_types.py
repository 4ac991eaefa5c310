"""Spark types of Parquet columns, by Spark's own mapping."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from headrace_driver.catalog.footers import Footer
from headrace_driver.errors import SparkError
from headrace_driver.plan import types as t
from headrace_driver.sql import parse_data_type

_SPARK_SCHEMA = b"org.apache.spark.sql.parquet.row.metadata"

_SIMPLE: dict[Any, t.DataType] = {
    pa.bool_(): t.BOOLEAN,
    pa.int8(): t.BYTE,
    pa.int16(): t.SHORT,
    pa.int32(): t.INTEGER,
    pa.int64(): t.LONG,
    pa.uint8(): t.SHORT,
    pa.uint16(): t.INTEGER,
    pa.uint32(): t.LONG,
    pa.uint64(): t.DecimalType(20, 0),
    pa.float32(): t.FLOAT,
    pa.float64(): t.DOUBLE,
    pa.string(): t.STRING,
    pa.large_string(): t.STRING,
    pa.string_view(): t.STRING,
    pa.binary(): t.BINARY,
    pa.large_binary(): t.BINARY,
    pa.binary_view(): t.BINARY,
    pa.date32(): t.DATE,
    pa.date64(): t.DATE,
    pa.null(): t.NULL,
}


def schema_of(footer: Footer) -> tuple[t.StructField, ...]:
    """The columns of a file, all nullable. A schema that Spark wrote into the file counts first, as in Spark."""
    written = (footer.metadata.metadata or {}).get(_SPARK_SCHEMA)
    if written is not None:
        dtype = parse_data_type(written.decode())
        if isinstance(dtype, t.StructType):
            return tuple(_nullable_field(field) for field in dtype.fields)
    leaf = 0
    fields = []
    for field in footer.schema:
        fields.append(t.StructField(field.name, _type(field, footer, leaf)))
        leaf += leaves(field.type)
    return tuple(fields)


def leaves(dtype: pa.DataType) -> int:
    """How many Parquet columns hold values of an Arrow type."""
    if pa.types.is_nested(dtype):
        return sum(leaves(dtype.field(i).type) for i in range(dtype.num_fields))
    return 1


def _nullable_field(field: t.StructField) -> t.StructField:
    return t.StructField(field.name, nullable(field.dtype), True, field.metadata)


def nullable(dtype: t.DataType) -> t.DataType:
    """The type with nulls allowed everywhere: what files hold is never certain."""
    if isinstance(dtype, t.StructType):
        return t.StructType(tuple(_nullable_field(field) for field in dtype.fields))
    if isinstance(dtype, t.ArrayType):
        return t.ArrayType(nullable(dtype.element))
    if isinstance(dtype, t.MapType):
        return t.MapType(nullable(dtype.key), nullable(dtype.value))
    return dtype


def _type(field: pa.Field, footer: Footer, leaf: int) -> t.DataType:
    dtype = field.type
    if isinstance(dtype, pa.BaseExtensionType):
        dtype = dtype.storage_type
    if pa.types.is_dictionary(dtype):
        dtype = dtype.value_type
    found = _SIMPLE.get(dtype)
    if found is not None:
        return found
    if pa.types.is_decimal(dtype):
        return t.DecimalType(dtype.precision, dtype.scale)
    if pa.types.is_timestamp(dtype):
        return _timestamp(dtype, footer, leaf, field.name)
    if pa.types.is_duration(dtype):
        return t.LONG
    if pa.types.is_map(dtype):
        key_leaves = leaves(dtype.key_type)
        key = _type(dtype.key_field, footer, leaf)
        return t.MapType(key, _type(dtype.item_field, footer, leaf + key_leaves))
    if pa.types.is_list(dtype) or pa.types.is_large_list(dtype) or pa.types.is_fixed_size_list(dtype):
        return t.ArrayType(_type(dtype.value_field, footer, leaf))
    if pa.types.is_struct(dtype):
        fields = []
        for index in range(dtype.num_fields):
            child = dtype.field(index)
            fields.append(t.StructField(child.name, _type(child, footer, leaf)))
            leaf += leaves(child.type)
        return t.StructType(tuple(fields))
    column = footer.metadata.schema.column(leaf)
    if column.physical_type == "FIXED_LEN_BYTE_ARRAY" and column.logical_type.type == "NONE":
        return t.BINARY
    raise _illegal(column)


def _timestamp(dtype: pa.TimestampType, footer: Footer, leaf: int, name: str) -> t.DataType:
    column = footer.metadata.schema.column(leaf)
    if column.physical_type == "INT96":
        return t.TIMESTAMP
    if dtype.unit == "ns":
        raise _illegal(column)
    return t.TIMESTAMP if dtype.tz is not None else t.TIMESTAMP_NTZ


def _illegal(column: Any) -> SparkError:
    shown = f"{column.physical_type} ({column.logical_type})"
    return SparkError(
        "PARQUET_TYPE_ILLEGAL", f"Illegal Parquet type: {shown}.", {"parquetType": shown}, sql_state="42846"
    )
