"""Parquet files as sources, read by nothing but pyarrow: just what planning and its tests need of a catalog."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from headrace_driver.catalog.source import ColumnRange, ColumnStatistics, RowGroup, ScanRequest, SourceFile
from headrace_driver.connect.arrow_types import from_arrow_type
from headrace_driver.plan import types as t
from headrace_driver.render.types import kernel_type
from headrace_proto.v1 import task_pb2

_EPOCH = datetime.date(1970, 1, 1)


class ParquetTable:
    """Implements `catalog.source.Source` for one local file."""

    format = "parquet"
    partition_columns = 0
    strict_hosts = False

    def __init__(self, path: Path) -> None:
        self.description = f"parquet {path.stem}"
        self._path = str(path)
        self._footer = pq.read_metadata(path)
        schema = self._footer.schema.to_arrow_schema()
        self.schema = t.StructType(tuple(t.StructField(f.name, spark_type(f.type)) for f in schema))
        self._statistics: dict[int, ColumnStatistics] = {}
        self._bytes: dict[int, int] = {}
        self._ranges: dict[int, tuple[ColumnRange, ...]] = {}

    def files(self) -> Sequence[SourceFile]:
        return self._files

    @cached_property
    def _files(self) -> tuple[SourceFile, ...]:
        groups: list[RowGroup] = []
        first = 0
        for number in range(self._footer.num_row_groups):
            group = self._footer.row_group(number)
            size = sum(group.column(c).total_compressed_size for c in range(group.num_columns))
            groups.append(RowGroup(first, group.num_rows, size))
            first += group.num_rows
        return (SourceFile(self._path, os.path.getsize(self._path), tuple(groups)),)

    def rows(self) -> int | None:
        return int(self._footer.num_rows)

    def _chunks(self, column: int) -> list[Any]:
        return [self._footer.row_group(g).column(column) for g in range(self._footer.num_row_groups)]

    def statistics(self, column: int) -> ColumnStatistics:
        known = self._statistics.get(column)
        if known is None:
            known = self._statistics[column] = self._compute_statistics(column)
        return known

    def _compute_statistics(self, column: int) -> ColumnStatistics:
        dtype = self.schema.fields[column].dtype
        rows = int(self._footer.num_rows)
        ranges = self.ranges(column, 0)
        lows = [r.minimum for r in ranges if isinstance(r.minimum, int)]
        highs = [r.maximum for r in ranges if isinstance(r.maximum, int)]
        low, high = (min(lows), max(highs)) if lows and highs else (None, None)
        guess: float = min(rows, high - low + 1) if low is not None and high is not None else max(10.0, rows**0.6)
        if not isinstance(dtype, t.IntegralType | t.DateType):
            low = high = None
        nulls = [r.nulls for r in ranges]
        return ColumnStatistics(
            low,
            high,
            sum(n for n in nulls if n is not None) if None not in nulls else None,
            min(float(rows), float(guess)),
            2.0 * self.column_bytes(column) / max(1, rows),
        )

    def ranges(self, column: int, file: int) -> Sequence[ColumnRange]:
        assert file == 0
        known = self._ranges.get(column)
        if known is None:
            known = self._ranges[column] = tuple(self._read_ranges(column))
        return known

    def _read_ranges(self, column: int) -> list[ColumnRange]:
        found = []
        for chunk in self._chunks(column):
            known = chunk.statistics
            if known is None or not known.has_min_max:
                found.append(ColumnRange(None, None, known.null_count if known is not None else None))
            else:
                found.append(ColumnRange(_value(known.min), _value(known.max), known.null_count))
        return found

    def column_bytes(self, column: int) -> int:
        known = self._bytes.get(column)
        if known is None:
            known = self._bytes[column] = sum(c.total_compressed_size for c in self._chunks(column))
        return known

    def scan_input(self, request: ScanRequest) -> task_pb2.ScanInput:
        fields = self.schema.fields
        text = ", ".join(f'"{fields[position].name}" AS {name}' for position, name in request.columns)
        columns = [
            task_pb2.Column(name=name, kernel_type=kernel_type(fields[position].dtype))
            for position, name in request.columns
        ]
        select = f"SELECT {text or '1 AS _'} FROM {{source}}"
        return task_pb2.ScanInput(reader="read_parquet", select_sql=select, columns=columns)


@dataclass(frozen=True, slots=True)
class StatedTable:
    """A source that only exists as statistics: `distinct` by column name, else as many values as rows."""

    name: str
    schema: t.StructType
    stated_rows: int
    distinct: Mapping[str, float]
    row_bytes: int = 50
    format: str = "parquet"
    partition_columns: int = 0
    strict_hosts: bool = False

    @property
    def description(self) -> str:
        return f"parquet {self.name}"

    def files(self) -> Sequence[SourceFile]:
        size = self.stated_rows * self.row_bytes
        return (SourceFile(f"/data/{self.name}", size, (RowGroup(0, self.stated_rows, size),)),)

    def rows(self) -> int | None:
        return self.stated_rows

    def statistics(self, column: int) -> ColumnStatistics:
        return ColumnStatistics(distinct=self.distinct.get(self.schema.fields[column].name, float(self.stated_rows)))

    def ranges(self, column: int, file: int) -> Sequence[ColumnRange]:
        return ()

    def column_bytes(self, column: int) -> int:
        return self.stated_rows * self.row_bytes // len(self.schema.fields)

    def scan_input(self, request: ScanRequest) -> task_pb2.ScanInput:
        raise NotImplementedError("there is nothing to read")


def spark_type(dtype: pa.DataType) -> t.DataType:
    """Spark's type of a Parquet column; instants without a zone are Spark's TIMESTAMP_NTZ."""
    if pa.types.is_string_view(dtype) or pa.types.is_large_string(dtype):
        return t.STRING
    return from_arrow_type(dtype)


def _value(value: object) -> object:
    """In the Python form of `Literal`."""
    return (value - _EPOCH).days if type(value) is datetime.date else value


def write_table(directory: Path, name: str, table: pa.Table, group_rows: int = 50) -> None:
    """Writes rows as `<directory>/<name>.parquet` in row groups small enough that several tasks share them."""
    pq.write_table(table, directory / f"{name}.parquet", row_group_size=group_rows)
