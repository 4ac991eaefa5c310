"""Parquet footers: read once, kept in memory while the file does not change, opened column by column on demand.

A warm query over 500 row groups and 16 columns must not pay milliseconds for planning, so everything derived from a
footer (row groups, ranges and sizes of a column) is computed when first asked for and kept with it.
"""

from __future__ import annotations

import io
import struct
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from headrace_driver.catalog.source import ColumnRange, RowGroup
from headrace_driver.errors import ErrorKind, SparkError
from headrace_driver.plan import types as t

CACHE_BYTES_MAX = 256 << 20
"""Of serialized footers kept; what is decoded of them is of the same order."""
READERS = 8
"""Threads that read footers of one listing: latency of many small reads, not computation."""


class Footer:
    """One file's footer. Leaf columns are counted depth first, as Parquet does."""

    def __init__(self, metadata: Any, file_bytes: int) -> None:
        self.metadata = metadata
        self.file_bytes = file_bytes
        self.serialized_bytes: int = metadata.serialized_size
        self.rows: int = metadata.num_rows
        self._groups: tuple[RowGroup, ...] | None = None
        self._ranges: dict[int, tuple[ColumnRange, ...]] = {}
        self._bytes: dict[int, int] = {}
        self._schema: pa.Schema | None = None
        self.summaries: dict[Any, Any] = {}
        """Kept here by `column_estimates`, so that they live as long as the footer."""

    @property
    def schema(self) -> pa.Schema:
        """The columns as Arrow reads them."""
        if self._schema is None:
            self._schema = self.metadata.schema.to_arrow_schema()
        return self._schema

    @property
    def row_groups(self) -> tuple[RowGroup, ...]:
        """All row groups, in order."""
        if self._groups is None:
            # Row groups lie one after the other: where the next one starts is where this one ends. Adding up the
            # sizes of all columns would take a call each.
            counts = [self.metadata.row_group(i).num_rows for i in range(self.metadata.num_row_groups)]
            starts = [self._start(i) for i in range(len(counts))]
            stops = [*starts[1:], max([*starts[-1:], self.file_bytes - self.serialized_bytes])]
            groups = []
            first = 0
            for rows, start, stop in zip(counts, starts, stops, strict=False):
                groups.append(RowGroup(first, rows, max(0, stop - start)))
                first += rows
            self._groups = tuple(groups)
        return self._groups

    def _start(self, group: int) -> int:
        column = self.metadata.row_group(group).column(0)
        return int(column.dictionary_page_offset or column.data_page_offset)

    def ranges(self, leaf: int, dtype: t.DataType) -> tuple[ColumnRange, ...]:
        """Minimum, maximum and nulls of a leaf column in every row group, values in `Literal`'s form of `dtype`."""
        found = self._ranges.get(leaf)
        if found is None:
            column = self.metadata.schema.column(leaf)
            decode = _Decoder(column, dtype)
            chunks = (self.metadata.row_group(i).column(leaf) for i in range(self.metadata.num_row_groups))
            found = self._ranges[leaf] = tuple([decode(chunk) for chunk in chunks])
        return found

    def column_bytes(self, leaf: int) -> int:
        """Compressed bytes of a leaf column."""
        found = self._bytes.get(leaf)
        if found is None:
            groups = range(self.metadata.num_row_groups)
            found = sum(self.metadata.row_group(i).column(leaf).total_compressed_size for i in groups)
            self._bytes[leaf] = found
        return found


class _Decoder:
    """Statistics of one column's chunks in `Literal`'s form; types whose statistics don't tell an order give None."""

    def __init__(self, column: Any, dtype: t.DataType) -> None:
        self.physical: str = column.physical_type
        self.dtype = dtype
        self.unit = 1
        self.divisor = 1
        logical = column.logical_type
        if logical.type == "TIMESTAMP":
            text = str(logical.to_json())
            self.unit = 1000 if "milliseconds" in text else 1
            self.divisor = 1000 if "nanoseconds" in text else 1
        self.scale = column.scale if logical.type == "DECIMAL" else 0
        self.usable = self.physical != "INT96" and logical.type not in ("INTERVAL", "FLOAT16")
        self.unsigned = logical.type == "INT" and '"isSigned": false' in str(logical.to_json())

    def __call__(self, chunk: Any) -> ColumnRange:
        statistics = chunk.statistics if chunk.is_stats_set else None
        if statistics is None:
            return ColumnRange(None, None, None)
        nulls = statistics.null_count if statistics.has_null_count else None
        if not (self.usable and statistics.has_min_max):
            return ColumnRange(None, None, nulls)
        if self.unsigned:
            return ColumnRange(statistics.min, statistics.max, nulls)
        return ColumnRange(self.value(statistics.min_raw), self.value(statistics.max_raw), nulls)

    def value(self, raw: Any) -> Any:
        dtype = self.dtype
        if isinstance(raw, bytes):
            if isinstance(dtype, t.StringType):
                try:
                    return raw.decode()
                except UnicodeDecodeError:
                    return None
            if isinstance(dtype, t.DecimalType) and self.scale is not None:
                return Decimal(int.from_bytes(raw, "big", signed=True)).scaleb(-self.scale)
            return raw if isinstance(dtype, t.BinaryType) else None
        if isinstance(dtype, t.DecimalType):
            return Decimal(raw).scaleb(-self.scale) if isinstance(raw, int) else None
        if isinstance(dtype, t.TimestampType | t.TimestampNTZType):
            return raw * self.unit // self.divisor
        if isinstance(dtype, t.FloatType | t.DoubleType):
            return float(raw)
        return raw


_lock = threading.Lock()
_kept: OrderedDict[tuple[str, int, int], Footer] = OrderedDict()
_kept_bytes = 0


def read_footers(files: Sequence[tuple[str, int, int]]) -> list[Footer]:
    """The footers of files given by path, size and modification time (ns). Raises FAILED_READ_FILE."""
    with _lock:
        found = [_kept.get(key) for key in files]
        for key, footer in zip(files, found, strict=True):
            if footer is not None:
                _kept.move_to_end(key)
    missing = [key for key, footer in zip(files, found, strict=True) if footer is None]
    if missing:
        if len(missing) == 1:
            read = [_read(missing[0])]
        else:
            with ThreadPoolExecutor(min(READERS, len(missing))) as pool:
                read = list(pool.map(_read, missing))
        new = dict(zip(missing, read, strict=True))
        for key, footer in new.items():
            _keep(key, footer)
        found = [footer if footer is not None else new[key] for key, footer in zip(files, found, strict=True)]
    return [footer for footer in found if footer is not None]


def _read(key: tuple[str, int, int]) -> Footer:
    path, file_bytes, _ = key
    try:
        metadata = pq.read_metadata(path)
    except FileNotFoundError:
        raise _gone(path) from None
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise unreadable_footer(path) from error
    return Footer(metadata, file_bytes)


def footer_of_bytes(path: str, file_bytes: int, thrift: bytes) -> Footer:
    """The footer of a file whose Thrift bytes a worker has sent."""
    try:
        metadata = pq.read_metadata(io.BytesIO(b"PAR1" + thrift + struct.pack("<I", len(thrift)) + b"PAR1"))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise unreadable_footer(path) from error
    return Footer(metadata, file_bytes)


def _keep(key: tuple[str, int, int], footer: Footer) -> None:
    global _kept_bytes
    with _lock:
        if key not in _kept:
            _kept_bytes += footer.serialized_bytes
        _kept[key] = footer
        while _kept_bytes > CACHE_BYTES_MAX and len(_kept) > 1:
            _, dropped = _kept.popitem(last=False)
            _kept_bytes -= dropped.serialized_bytes


def unreadable_footer(path: str) -> SparkError:
    """A file that is no Parquet file, or is cut short."""
    return SparkError(
        "FAILED_READ_FILE.CANNOT_READ_FILE_FOOTER",
        f"Encountered error while reading file file:{path}. Could not read footer. Please ensure that the file is in "
        "either ORC or Parquet format. If not, please convert it to a valid format. If the file is in the valid "
        "format, please check if it is corrupt. If it is, you can choose to either ignore it or fix the corruption.",
        {"path": f"file:{path}"},
        sql_state="KD001",
        kind=ErrorKind.SPARK,
    )


def _gone(path: str) -> SparkError:
    return SparkError(
        "FAILED_READ_FILE.FILE_NOT_EXIST",
        f"Encountered error while reading file file:{path}. File does not exist. It is possible the underlying files "
        "have been updated. You can explicitly invalidate the cache in Spark by running 'REFRESH TABLE tableName' "
        "command in SQL or by recreating the Dataset/DataFrame involved.",
        {"path": f"file:{path}"},
        sql_state="KD001",
        kind=ErrorKind.SPARK,
    )
