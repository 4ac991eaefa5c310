"""Which Parquet columns may be read as which Spark types: what Spark's own reader allows."""

from __future__ import annotations

from headrace_driver.errors import ErrorKind, SparkError
from headrace_driver.plan import types as t

_WHOLE_DIGITS: dict[type[t.DataType], int] = {
    t.ByteType: 10,
    t.ShortType: 10,
    t.IntegerType: 10,
    t.LongType: 20,
}
_SMALL = (t.ByteType, t.ShortType, t.IntegerType)


def readable_as(stored: t.DataType, wanted: t.DataType) -> bool:
    """Whether values stored as one type can be read as another without loss."""
    if stored == wanted:
        return True
    if isinstance(stored, t.StringType | t.BinaryType):
        return isinstance(wanted, t.StringType | t.BinaryType)
    if isinstance(stored, t.ArrayType) and isinstance(wanted, t.ArrayType):
        return readable_as(stored.element, wanted.element)
    if isinstance(stored, t.MapType) and isinstance(wanted, t.MapType):
        return readable_as(stored.key, wanted.key) and readable_as(stored.value, wanted.value)
    if isinstance(stored, t.StructType) and isinstance(wanted, t.StructType):
        fields = {field.name.lower(): field.dtype for field in stored.fields}
        return all(readable_as(fields[f.name.lower()], f.dtype) for f in wanted.fields if f.name.lower() in fields)
    return _number_readable_as(stored, wanted)


def _number_readable_as(stored: t.DataType, wanted: t.DataType) -> bool:
    if isinstance(stored, t.DateType):
        return isinstance(wanted, t.TimestampNTZType)
    if isinstance(stored, t.TimestampType | t.TimestampNTZType):
        return isinstance(wanted, t.TimestampType | t.TimestampNTZType)
    if isinstance(wanted, t.DecimalType):
        if isinstance(stored, t.DecimalType):
            more_scale = wanted.scale - stored.scale
            return more_scale >= 0 and wanted.precision - stored.precision >= more_scale
        digits = _WHOLE_DIGITS.get(type(stored))
        return digits is not None and wanted.precision - wanted.scale >= digits
    if isinstance(stored, _SMALL):
        return isinstance(wanted, (*_SMALL, t.LongType, t.DoubleType))
    if isinstance(stored, t.FloatType):
        return isinstance(wanted, t.DoubleType)
    if isinstance(stored, t.LongType):
        return isinstance(wanted, t.DayTimeIntervalType)
    return isinstance(stored, t.NullType)


def mismatch(path: str, column: str, wanted: t.DataType, physical: str) -> SparkError:
    """A column of a file that is of quite another type."""
    return SparkError(
        "FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH",
        f"Encountered error while reading file file://{path}. Data type mismatches when reading Parquet column "
        f"[{column}]. Expected Spark type {wanted.name}, actual Parquet type {physical}.",
        {
            "path": f"file://{path}",
            "column": f"[{column}]",
            "expectedType": wanted.name,
            "actualType": physical,
        },
        sql_state="KD001",
        kind=ErrorKind.SPARK,
    )
