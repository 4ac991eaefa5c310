"""What sources of all formats share: partition columns in scans, names, and how a source is described."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from headrace_driver.catalog.listing import ListedFile
from headrace_driver.catalog.partitions import Partitions
from headrace_driver.catalog.source import ColumnRange, ColumnStatistics
from headrace_driver.errors import SparkError
from headrace_driver.plan import types as t
from headrace_driver.render.types import kernel_type
from headrace_driver.sql.literals import DAY_US, parse_date, parse_timestamp
from headrace_proto.v1 import task_pb2


class ScanText:
    """The partition columns of a source: their values in the kernel's notation, and the text of a scan.

    `values` are texts that the kernel casts to the column's type as they are: `01` of an INT column is `1` here, and a
    timestamp is in UTC.
    """

    def __init__(self, partitions: Partitions, time_zone: str) -> None:
        types = [field.dtype for field in partitions.columns]
        memory: dict[tuple[int, str], str | None] = {}

        def canonical(position: int, text: str | None) -> str | None:
            if text is None:
                return None
            key = (position, text)
            if key not in memory:
                memory[key] = _canonical(text, types[position], time_zone)
            return memory[key]

        self.values = tuple(tuple(canonical(i, text) for i, text in enumerate(row)) for row in partitions.values)

    def text(self, position: int, dtype: t.DataType) -> str:
        """The kernel's text for a partition column."""
        if isinstance(dtype, t.NullType):
            return "CAST(NULL AS INTEGER)"
        return f"CAST(__part_{position} AS {kernel_type(dtype)})"

    def range(self, position: int, file: int, dtype: t.DataType) -> ColumnRange:
        """A partition column has one value in all of a file; `nulls` is 0 or more than any count of rows."""
        value = partition_value(self.values[file][position], dtype)
        return ColumnRange(value, value, 0 if value is not None else None)

    def fill(self, message: task_pb2.ScanInput, items: Sequence[tuple[str, str, str]]) -> task_pb2.ScanInput:
        """Completes the message by its select list: (text, name, kernel type) of every column."""
        message.partition_columns = len(self.values[0]) if self.values else 0
        listed = ", ".join(f"{text} AS {name}" for text, name, _ in items) or "1 AS __row"
        message.select_sql = "SELECT " + listed.replace("{", "{{").replace("}", "}}") + " FROM {source}"
        for _, name, kind in items:
            message.columns.add(name=name, kernel_type=kind)
        return message


def _canonical(text: str, dtype: t.DataType, time_zone: str) -> str | None:
    if isinstance(dtype, t.IntegralType):
        try:
            return str(int(text))
        except ValueError:
            return text
    if isinstance(dtype, t.FractionalType) and not isinstance(dtype, t.DecimalType):
        return text.strip().rstrip("dDfF") or text
    if isinstance(dtype, t.TimestampType):
        parsed = parse_timestamp(text, time_zone)
        if parsed is not None:
            days, rest = divmod(parsed[0], DAY_US)
            seconds, micros = divmod(rest, 1_000_000)
            clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{micros:06}"
            return f"{_day_text(days)} {clock}+00"
    return text


def _day_text(days: int) -> str:
    return str(date(1970, 1, 1) + timedelta(days=days))


def partition_value(text: str | None, dtype: t.DataType) -> Any:
    """The value of a partition column in `Literal`'s form; None: null, or a type without an order here."""
    if text is None:
        return None
    if isinstance(dtype, t.IntegralType):
        return int(text)
    if isinstance(dtype, t.DecimalType):
        return Decimal(text)
    if isinstance(dtype, t.DateType):
        return parse_date(text)
    if isinstance(dtype, t.TimestampType):
        parsed = parse_timestamp(text, "UTC")
        return parsed[0] if parsed is not None else None
    if isinstance(dtype, t.StringType):
        return text
    return None


def partition_statistics(
    dtype: t.DataType, position: int, values: Sequence[tuple[str | None, ...]], rows: Sequence[int | None]
) -> ColumnStatistics:
    """Statistics of a partition column: exact, folders tell all values."""
    known = [partition_value(row[position], dtype) for row in values]
    present = {value for value in known if value is not None}
    nulls: int | None = 0
    for row, count in zip(values, rows, strict=True):
        if row[position] is None:
            nulls = None if nulls is None or count is None else nulls + count
    texts = {row[position] for row in values} - {None}
    distinct = float(max(1, len(texts)))
    if not present:
        return ColumnStatistics(nulls=nulls, distinct=distinct)
    return ColumnStatistics(min(present), max(present), nulls, distinct)


def check_names(schema: t.StructType) -> None:
    """Raises COLUMN_ALREADY_EXISTS where two columns differ at most in case."""
    seen: set[str] = set()
    for field in schema.fields:
        name = field.name.lower()
        if name in seen:
            raise SparkError(
                "COLUMN_ALREADY_EXISTS",
                f"The column `{name}` already exists. Choose another name or rename the existing column.",
                {"columnName": f"`{name}`"},
                sql_state="42711",
            )
        seen.add(name)


_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")


def described(format_name: str, name: str, files: Sequence[ListedFile]) -> str:
    """`parquet file:/data/t [3 files, 1.2 GB]`"""
    size = float(sum(file.bytes for file in files))
    unit = 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size /= 1000
        unit += 1
    shown = f"{size:.0f} {_UNITS[unit]}" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"
    if not name:
        roots = dict.fromkeys(file.path if len(files) == 1 else file.root for file in files)
        name = " ".join(f"file:{root}" for root in list(roots)[:3]) + (" ..." if len(roots) > 3 else "")
    return f"{format_name} {name} [{len(files)} file{'' if len(files) == 1 else 's'}, {shown}]"
