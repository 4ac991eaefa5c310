"""Parquet files as a source.

The kernel reads by name. Where all files have one and the same schema, columns are read as they are (cast where the
kernel's type for the column is not the one Spark's has); else the reader is given the schema wanted, which makes
columns that a file lacks null and widens narrower ones, as far as Spark would.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from headrace_driver.catalog.column_estimates import column_statistics
from headrace_driver.catalog.conversions import mismatch, readable_as
from headrace_driver.catalog.footers import Footer, read_footers
from headrace_driver.catalog.listing import ListedFile
from headrace_driver.catalog.merging import merged_schemas
from headrace_driver.catalog.parquet_types import leaves, nullable, schema_of
from headrace_driver.catalog.partitions import Partitions
from headrace_driver.catalog.scanned import ScanText, check_names, described, partition_statistics
from headrace_driver.catalog.source import ColumnRange, ColumnStatistics, ScanRequest, SourceFile
from headrace_driver.errors import SparkError
from headrace_driver.plan import types as t
from headrace_driver.render.types import kernel_type
from headrace_proto.v1 import task_pb2

FOOTERS_MAX = 2_000
"""Files whose footers are read when a query is planned: beyond that, planning would take longer than reading whole
files as they come. Files without a footer count as one piece of unknown rows."""


class ParquetSource:
    """Implements `Source`."""

    format = "parquet"

    def __init__(
        self,
        partitions: Partitions,
        footers: Sequence[Footer | None],
        declared: t.StructType | None,
        options: Mapping[str, str],
        time_zone: str,
        hosts: Sequence[tuple[str, ...]] | None = None,
        name: str = "",
    ) -> None:
        self._listed = partitions.files
        self._footers = footers
        self._hosts = hosts
        self._name = name
        self.strict_hosts = hosts is not None
        known = [footer for footer in footers if footer is not None]
        if declared is None:
            declared = _inferred(partitions.files, known, options)
        taken = {field.name.lower() for field in partitions.columns}
        data = tuple(f for f in declared.fields if f.name.lower() not in taken)
        self._data_columns = len(data)
        self.partition_columns = len(partitions.columns)
        self.schema = t.StructType((*(_as_nullable(f) for f in data), *partitions.columns))
        check_names(self.schema)
        self._partitions = ScanText(partitions, time_zone)
        self._places: dict[int, dict[str, tuple[pa.Field, int]]] = {}
        self._files: tuple[SourceFile, ...] | None = None
        self._statistics: dict[int, ColumnStatistics] = {}
        # Every file known, and of one schema: the usual case, in which columns can be read as they are.
        first = known[0].metadata.schema if known else None
        self._uniform = len(known) == len(footers) and all(
            footer.metadata.schema is first or footer.metadata.schema.equals(first) for footer in known[1:]
        )

    @property
    def description(self) -> str:
        return described("parquet", self._name, self._listed)

    def files(self) -> Sequence[SourceFile]:
        if self._files is None:
            values = self._partitions.values
            self._files = tuple(
                SourceFile(
                    file.path,
                    file.bytes,
                    footer.row_groups if footer is not None else (),
                    values[i],
                    self._hosts[i] if self._hosts is not None else (),
                    file.modified_ns // 1000,
                )
                for i, (file, footer) in enumerate(zip(self._listed, self._footers, strict=True))
            )
        return self._files

    def rows(self) -> int | None:
        total = 0
        for footer in self._footers:
            if footer is None:
                return None
            total += footer.rows
        return total

    def statistics(self, column: int) -> ColumnStatistics:
        found = self._statistics.get(column)
        if found is None:
            found = self._statistics[column] = self._computed_statistics(column)
        return found

    def _computed_statistics(self, column: int) -> ColumnStatistics:
        field = self.schema.fields[column]
        if column >= self._data_columns:
            rows = [file.rows for file in self.files()]
            return partition_statistics(field.dtype, column - self._data_columns, self._partitions.values, rows)
        known = [(footer, self._leaf(footer, field)) for footer in self._footers if footer is not None]
        if not known:
            return ColumnStatistics()
        return column_statistics(known, field.dtype, sum(footer.rows for footer, _ in known))

    def ranges(self, column: int, file: int) -> Sequence[ColumnRange]:
        footer = self._footers[file]
        if column >= self._data_columns:
            groups = footer.metadata.num_row_groups if footer is not None else 1
            return (
                self._partitions.range(column - self._data_columns, file, self.schema.fields[column].dtype),
            ) * groups
        if footer is None:
            return ()
        leaf = self._leaf(footer, self.schema.fields[column])
        return () if leaf is None else footer.ranges(leaf, self.schema.fields[column].dtype)

    def column_bytes(self, column: int) -> int:
        if column >= self._data_columns:
            return 0
        name = self.schema.fields[column].name.lower()
        total = 0
        for file, footer in zip(self._listed, self._footers, strict=True):
            if footer is None:
                total += file.bytes // max(1, self._data_columns)
                continue
            place = self._place(footer, name)
            if place is not None:
                field, leaf = place
                total += sum(footer.column_bytes(leaf + i) for i in range(leaves(field.type)))
        return total

    def scan_input(self, request: ScanRequest) -> task_pb2.ScanInput:
        data = [column for column, _ in request.columns if column < self._data_columns]
        for footer, file in zip(self._footers, self._listed, strict=True):
            if footer is not None and not (self._uniform and footer is not self._footers[0]):
                self._check(footer, file, data)
        options = ", hive_partitioning = false"
        plain = self._uniform and all(self._fits(column) for column in data)
        if data and not plain:
            options += f", schema = MAP {{{', '.join(self._wanted(column) for column in data)}}}"
        message = task_pb2.ScanInput(reader="read_parquet", reader_options=options)
        items = []
        for column, name in request.columns:
            field = self.schema.fields[column]
            text = self._partitions.text(column - self._data_columns, field.dtype)
            if column < self._data_columns:
                text = self._column_text(column, plain)
            items.append((text, name, kernel_type(field.dtype)))
        return self._partitions.fill(message, items)

    def _place(self, footer: Footer, name: str) -> tuple[pa.Field, int] | None:
        """The column of that (lower-case) name in a file, and its first leaf."""
        places = self._places.get(id(footer))
        if places is None:
            places = {}
            leaf = 0
            for field in footer.schema:
                places.setdefault(field.name.lower(), (field, leaf))
                leaf += leaves(field.type)
            self._places[id(footer)] = places
        return places.get(name)

    def _leaf(self, footer: Footer, field: t.StructField) -> int | None:
        """The leaf that holds a column of an atomic type."""
        place = self._place(footer, field.name.lower())
        return None if place is None or pa.types.is_nested(place[0].type) else place[1]

    def _stored_type(self, footer: Footer, column: int) -> t.DataType | None:
        wanted = self.schema.fields[column].name.lower()
        return next((f.dtype for f in schema_of(footer) if f.name.lower() == wanted), None)

    def _check(self, footer: Footer, file: ListedFile, columns: Sequence[int]) -> None:
        """Raises FAILED_READ_FILE where a column of the file can't be read as the type wanted."""
        for column in columns:
            field = self.schema.fields[column]
            stored = self._stored_type(footer, column)
            if stored is not None and stored != field.dtype and not readable_as(stored, field.dtype):
                place = self._place(footer, field.name.lower())
                physical = footer.metadata.schema.column(place[1]).physical_type if place is not None else ""
                raise mismatch(file.path, field.name, field.dtype, physical)

    def _fits(self, column: int) -> bool:
        """Whether the (one) schema of the files has the column in just the type wanted."""
        footer = self._footers[0] if self._footers else None
        return footer is not None and self._stored_type(footer, column) == self.schema.fields[column].dtype

    def _column_text(self, column: int, plain: bool) -> str:
        field = self.schema.fields[column]
        footer = next((footer for footer in self._footers if footer is not None), None)
        place = self._place(footer, field.name.lower()) if footer is not None else None
        if not plain:
            return self._converted(column, _quoted(field.name))
        assert place is not None
        assert footer is not None
        text = _quoted(place[0].name)
        return f"CAST({text} AS {kernel_type(field.dtype)})" if _needs_cast(place[0].type, footer, place[1]) else text

    def _converted(self, column: int, text: str) -> str:
        stored = self._binary_stored(column)
        wanted = self.schema.fields[column].dtype
        if stored is not None and isinstance(wanted, t.StringType):
            return f"decode({text})"
        if stored is not None:
            return f"encode({text})"
        return text

    def _binary_stored(self, column: int) -> t.DataType | None:
        """BINARY where STRING is wanted or the other way round, when files hold the other one."""
        wanted = self.schema.fields[column].dtype
        if not isinstance(wanted, t.StringType | t.BinaryType):
            return None
        stored = {self._stored_type(footer, column) for footer in self._footers if footer is not None} - {None}
        if not stored or all(type(one) is type(wanted) for one in stored):
            return None
        if len(stored) > 1:
            raise SparkError(
                "UNSUPPORTED_FEATURE.HEADRACE",
                f"Headrace does not support the column {self.schema.fields[column].name} being a STRING in some files "
                "and BINARY in others yet.",
                {"feature": "STRING and BINARY columns of one name"},
                sql_state="0A000",
            )
        return next(iter(stored))

    def _wanted(self, column: int) -> str:
        """An entry of the reader's schema."""
        field = self.schema.fields[column]
        name = _literal(field.name)
        dtype = self._binary_stored(column) or field.dtype
        return f"{name}: {{name: {name}, type: {_literal(kernel_type(dtype))}, default_value: NULL}}"


def _inferred(files: Sequence[ListedFile], footers: Sequence[Footer], options: Mapping[str, str]) -> t.StructType:
    if not footers:
        raise cannot_infer("Parquet")
    if options.get("mergeschema", "").lower() == "true":
        return merged_schemas([t.StructType(schema_of(footer)) for footer in footers])
    # As in Spark, the first file by path decides.
    first = min(range(len(footers)), key=lambda i: files[i].path)
    return t.StructType(schema_of(footers[first]))


def cannot_infer(format_name: str) -> SparkError:
    """A read without data files and without a schema given."""
    return SparkError(
        "UNABLE_TO_INFER_SCHEMA",
        f"Unable to infer schema for {format_name}. It must be specified manually.",
        {"format": format_name},
        sql_state="42KD9",
    )


def open_parquet(
    partitions: Partitions, declared: t.StructType | None, options: Mapping[str, str], time_zone: str
) -> ParquetSource:
    """Reads the footers (of the first FOOTERS_MAX files) and makes the source."""
    keys = [(file.path, file.bytes, file.modified_ns) for file in partitions.files]
    footers: list[Footer | None] = list(read_footers(keys[:FOOTERS_MAX]))
    footers += [None] * (len(keys) - len(footers))
    return ParquetSource(partitions, footers, declared, options, time_zone)


def _as_nullable(field: t.StructField) -> t.StructField:
    return t.StructField(field.name, nullable(field.dtype), True, field.metadata)


def _needs_cast(dtype: pa.DataType, footer: Footer, leaf: int) -> bool:
    """Whether the kernel reads the column as another type than Spark: unsigned numbers, INT96, JSON, void."""
    if pa.types.is_nested(dtype):
        for index in range(dtype.num_fields):
            child = dtype.field(index).type
            if _needs_cast(child, footer, leaf):
                return True
            leaf += leaves(child)
        return False
    column: Any = footer.metadata.schema.column(leaf)
    return (
        column.physical_type == "INT96"
        or pa.types.is_unsigned_integer(dtype)
        or pa.types.is_null(dtype)
        or column.logical_type.type in ("JSON", "BSON", "TIMESTAMP", "ENUM")
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
