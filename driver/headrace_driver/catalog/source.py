"""Sources: what a scan reads, as analysis, cost estimation and physical planning see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from headrace_driver.plan import types as t
from headrace_proto.v1 import task_pb2


@dataclass(frozen=True, slots=True)
class RowGroup:
    """One independently readable run of rows of a file; `bytes` compressed, of all columns."""

    first_row: int
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file. `partition_values` are the texts of the partition folders (None: null), in `partition_schema` order.

    `row_groups` is empty for formats that cannot be split; `hosts` (or worker ids) name where it lies, when known.
    """

    path: str
    bytes: int
    row_groups: tuple[RowGroup, ...] = ()
    partition_values: tuple[str | None, ...] = ()
    hosts: tuple[str, ...] = ()
    modified_us: int = 0

    @property
    def rows(self) -> int | None:
        return sum(g.rows for g in self.row_groups) if self.row_groups else None


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """Of a whole column; values in `Literal`'s Python form. None: not known."""

    minimum: object = None
    maximum: object = None
    nulls: int | None = None
    distinct: float | None = None
    average_bytes: float = 8.0


@dataclass(frozen=True, slots=True)
class ColumnRange:
    """Minimum, maximum and null count of one column in one row group; None: not known."""

    minimum: object
    maximum: object
    nulls: int | None


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """Columns to read: positions in the source's schema, with the kernel name each is to have."""

    columns: tuple[tuple[int, str], ...] = field(default=())


class Source(Protocol):
    """Files of one format and schema, listed once when the query is analysed (snapshot for the query's life)."""

    @property
    def description(self) -> str:
        """For plans and messages: `parquet file:/data/t [3 files, 1.2 GB]`."""
        ...

    @property
    def format(self) -> str: ...

    @property
    def schema(self) -> t.StructType:
        """Data columns, then partition columns."""
        ...

    @property
    def partition_columns(self) -> int:
        """How many of the last columns come from folder names."""
        ...

    @property
    def strict_hosts(self) -> bool:
        """Whether files can only be read on the hosts (workers) named by them: worker-held data."""
        ...

    def files(self) -> Sequence[SourceFile]: ...

    def rows(self) -> int | None:
        """Exact row count, when the files tell it."""
        ...

    def statistics(self, column: int) -> ColumnStatistics:
        """Of one column by position in `schema`; cached, cheap."""
        ...

    def ranges(self, column: int, file: int) -> Sequence[ColumnRange]:
        """Per row group of one file (by position in `files()`), for pruning; empty when not known."""
        ...

    def column_bytes(self, column: int) -> int:
        """Compressed bytes of one column over all files, estimated where not known."""
        ...

    def scan_input(self, request: ScanRequest) -> task_pb2.ScanInput:
        """The program part that reads those columns, with Spark's semantics for the format."""
        ...
