"""Text files read line by line: the base of the CSV, JSON and text sources.

The kernel's own CSV reader is not used for splitting lines into fields: it differs from Spark in quotes, escapes and
comments. It reads the lines (fast), and the fields are cut out of them by kernel text made here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace_driver.catalog.listing import ListedFile
from headrace_driver.catalog.parquet_types import nullable
from headrace_driver.catalog.partitions import Partitions
from headrace_driver.catalog.scanned import ScanText, check_names, described, partition_statistics
from headrace_driver.catalog.source import ColumnRange, ColumnStatistics, ScanRequest, SourceFile
from headrace_driver.errors import SparkError, unsupported
from headrace_driver.plan import types as t
from headrace_driver.render.text import quote
from headrace_driver.render.types import kernel_type
from headrace_proto.v1 import task_pb2

LINE_BYTES_MAX = 16 << 20
"""A longer line fails the query: the kernel holds several of them at once."""
# Splits nothing: no text holds these four characters in a row.
_NO_DELIMITER = "'\x01\x02\x03\x04'"
_ENCODINGS = {
    "UTF-8": "",
    "UTF8": "",
    "US-ASCII": "",
    "ASCII": "",
    "ISO-8859-1": "latin-1",
    "LATIN1": "latin-1",
    "UTF-16": "utf-16",
}
_UNREADABLE = {".bz2": "bzip2", ".snappy": "snappy", ".lz4": "lz4", ".deflate": "deflate"}


class LineReader:
    """How the lines of a read are had: reader and options of a `ScanInput`, and the name of the column they are in."""

    def __init__(self, options: Mapping[str, str], whole_files: bool, header: bool) -> None:
        encoding = options.get("encoding", options.get("charset", "UTF-8"))
        found = _ENCODINGS.get(encoding.upper())
        if found is None or (found and whole_files):
            raise unsupported(f"reading text in the encoding {encoding}")
        if options.get("linesep", "\n") not in ("\n", "\r\n", "\r"):
            raise unsupported("the option lineSep")
        if whole_files:
            self.reader = "read_text"
            self.options = ""
            self.column = "content"
            return
        self.reader = "read_csv"
        self.column = "line"
        self.options = (
            f", auto_detect = false, delim = {_NO_DELIMITER}, quote = '', escape = '', strict_mode = false"
            f", columns = {{'line': 'VARCHAR'}}, max_line_size = {LINE_BYTES_MAX}, buffer_size = {2 * LINE_BYTES_MAX}"
            ", hive_partitioning = false"
            f", header = {'true' if header else 'false'}"
        )
        if found:
            self.options += f", encoding = {quote(found)}"

    def relation(self, files: Sequence[ListedFile]) -> str:
        """The lines of some files, for a query of the driver's own."""
        paths = ", ".join(quote(file.path) for file in files)
        return f"{self.reader}([{paths}]{self.options})"


def check_codecs(files: Sequence[ListedFile]) -> None:
    """Raises for compressed files the kernel can't read."""
    for file in files:
        for ending, name in _UNREADABLE.items():
            if file.path.endswith(ending):
                raise unsupported(f"reading text compressed by {name} ({file.path})")


class LinesSource:
    """Implements `Source` for files of lines, which are not split: one file is the least a task reads.

    Subclasses give `record_text` and `field_text`.
    """

    strict_hosts = False
    partition_columns: int
    corrupt_column: int | None = None
    """The column for the text of malformed records, if the schema has one."""

    def __init__(
        self, format_name: str, partitions: Partitions, data: t.StructType, reader: LineReader, time_zone: str
    ) -> None:
        self.format = format_name
        taken = {field.name.lower() for field in partitions.columns}
        fields = tuple(
            t.StructField(f.name, nullable(f.dtype), True, f.metadata)
            for f in data.fields
            if f.name.lower() not in taken
        )
        self.data_columns = len(fields)
        self.partition_columns = len(partitions.columns)
        self.schema = t.StructType((*fields, *partitions.columns))
        check_names(self.schema)
        self._listed = partitions.files
        self._partitions = ScanText(partitions, time_zone)
        self._reader = reader
        self._files = tuple(
            SourceFile(file.path, file.bytes, (), values, (), file.modified_ns // 1000)
            for file, values in zip(partitions.files, self._partitions.values, strict=True)
        )

    @property
    def description(self) -> str:
        return described(self.format, "", self._listed)

    def files(self) -> Sequence[SourceFile]:
        return self._files

    def rows(self) -> int | None:
        return None if self._files else 0

    def statistics(self, column: int) -> ColumnStatistics:
        if column >= self.data_columns:
            position = column - self.data_columns
            unknown: list[int | None] = [None] * len(self._files)
            return partition_statistics(self.schema.fields[column].dtype, position, self._partitions.values, unknown)
        return ColumnStatistics(average_bytes=_text_width(self.schema.fields[column].dtype))

    def ranges(self, column: int, file: int) -> Sequence[ColumnRange]:
        if column < self.data_columns:
            return ()
        position = column - self.data_columns
        return (self._partitions.range(position, file, self.schema.fields[column].dtype),)

    def column_bytes(self, column: int) -> int:
        # All of a line is read, whatever is asked of it.
        if column >= self.data_columns:
            return 0
        return sum(file.bytes for file in self._files) // max(1, self.data_columns)

    def scan_input(self, request: ScanRequest) -> task_pb2.ScanInput:
        message = task_pb2.ScanInput(reader=self._reader.reader, reader_options=self._reader.options)
        data = [column for column, _ in request.columns if column < self.data_columns]
        if self.corrupt_column is not None and data == [self.corrupt_column]:
            raise _only_corrupt_records(self.schema.fields[self.corrupt_column].name)
        items = []
        for column, name in request.columns:
            field = self.schema.fields[column]
            if column >= self.data_columns:
                text = self._partitions.text(column - self.data_columns, field.dtype)
            else:
                text = self.field_text(column, data)
            items.append((text, name, kernel_type(field.dtype)))
        message = self._partitions.fill(message, items)
        source = self.record_text(data).replace("{", "{{").replace("}", "}}").replace("$source$", "{source}")
        message.select_sql = message.select_sql.replace("{source}", source)
        return message

    def record_text(self, columns: Sequence[int]) -> str:
        """A relation of records over the lines `$source$`, for the data columns asked for."""
        raise NotImplementedError

    def field_text(self, column: int, columns: Sequence[int]) -> str:
        """A data column's value, in terms of the record's relation."""
        raise NotImplementedError


def _only_corrupt_records(name: str) -> SparkError:
    """What a record is, malformed or not, hangs on the columns read: the column of texts says nothing by itself."""
    return SparkError(
        "UNSUPPORTED_FEATURE.QUERY_ONLY_CORRUPT_RECORD_COLUMN",
        "The feature is not supported: Queries from raw JSON/CSV/XML files are disallowed when the referenced columns "
        f"only include the internal corrupt record column (named `{name}` by default).",
        {},
        sql_state="0A000",
    )


def _text_width(dtype: t.DataType) -> float:
    return 16.0 if isinstance(dtype, t.StringType | t.BinaryType) else 8.0
