"""Kernel types of Spark types."""

from __future__ import annotations

from headrace_driver.plan import types as t

_NAMES: dict[type[t.DataType], str] = {
    t.NullType: "INTEGER",
    t.BooleanType: "BOOLEAN",
    t.ByteType: "TINYINT",
    t.ShortType: "SMALLINT",
    t.IntegerType: "INTEGER",
    t.LongType: "BIGINT",
    t.FloatType: "FLOAT",
    t.DoubleType: "DOUBLE",
    t.StringType: "VARCHAR",
    t.BinaryType: "BLOB",
    t.DateType: "DATE",
    t.TimestampType: "TIMESTAMPTZ",
    t.TimestampNTZType: "TIMESTAMP",
    t.DayTimeIntervalType: "BIGINT",
    t.YearMonthIntervalType: "INTEGER",
    t.CalendarIntervalType: "INTERVAL",
    t.VariantType: "VARIANT",
}


def kernel_type(dtype: t.DataType) -> str:
    """The kernel's type for values of a Spark type; intervals are plain numbers (microseconds, months)."""
    name = _NAMES.get(type(dtype))
    if name is not None:
        return name
    if isinstance(dtype, t.DecimalType):
        return f"DECIMAL({dtype.precision},{dtype.scale})"
    if isinstance(dtype, t.ArrayType):
        return f"{kernel_type(dtype.element)}[]"
    if isinstance(dtype, t.MapType):
        return f"MAP({kernel_type(dtype.key)}, {kernel_type(dtype.value)})"
    if isinstance(dtype, t.StructType):
        return f"STRUCT({', '.join(f'{identifier(f.name)} {kernel_type(f.dtype)}' for f in dtype.fields)})"
    raise TypeError(f"no kernel type for {dtype.name}")


def identifier(name: str) -> str:
    """A name quoted for the kernel."""
    return '"' + name.replace('"', '""') + '"'
