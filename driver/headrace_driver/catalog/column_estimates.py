"""What footers tell of a whole column: range, nulls, width, and an estimate of how many distinct values it has.

Parquet files don't say how many distinct values a column has (writers leave that field empty), so it is estimated:
 1. A chunk that is dictionary-encoded has a dictionary page: its size divided by the width of a value is the least
    number of distinct values in that row group (the page is compressed), and the bits an index takes say how many
    there may be. Without a dictionary, or with one given up, the values are taken to be all different.
 2. If most rows of a row group have values of their own, so do those of the table: that share of all rows. If ranges
    of row groups hardly overlap (sorted data), the numbers add up. Otherwise the table has about as many values as its
    richest row group.
 3. Whole numbers and dates have no more values than their range holds.
Only a few row groups are looked at, spread over the file.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from headrace_driver.catalog.footers import Footer
from headrace_driver.catalog.source import ColumnRange, ColumnStatistics
from headrace_driver.plan import types as t

SAMPLED_CHUNKS = 8
_MOSTLY_UNIQUE = 0.3
_MOSTLY_PLAIN = 0.6
_PAGE_HEADER_BYTES = 16.0
_WIDTHS: dict[type[t.DataType], float] = {
    t.BooleanType: 1.0,
    t.ByteType: 1.0,
    t.ShortType: 2.0,
    t.IntegerType: 4.0,
    t.DateType: 4.0,
    t.FloatType: 4.0,
    t.YearMonthIntervalType: 4.0,
}
_PHYSICAL_BYTES = {"INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8, "BOOLEAN": 1}


def column_statistics(footers: Sequence[tuple[Footer, int | None]], dtype: t.DataType, rows: int) -> ColumnStatistics:
    """Of a column over several files, each with the column's leaf in it (None: the file doesn't have it)."""
    summaries = [summary(footer, leaf, dtype) for footer, leaf in footers if leaf is not None]
    missing = rows - sum(footer.rows for footer, leaf in footers if leaf is not None)
    if not summaries:
        return ColumnStatistics(nulls=rows, distinct=0.0)
    lows = [s.minimum for s in summaries if s.nulls is None or s.nulls < s.rows]
    highs = [s.maximum for s in summaries if s.nulls is None or s.nulls < s.rows]
    minimum: Any = min(lows) if lows and None not in lows else None
    maximum: Any = max(highs) if highs and None not in highs else None
    counts = [s.nulls for s in summaries]
    nulls = None if None in counts else missing + sum(count for count in counts if count is not None)
    distinct = _combined(summaries)
    distinct = bounded(distinct, minimum, maximum, dtype, rows - (nulls or 0))
    weight = sum(s.rows for s in summaries) or 1
    width = sum(s.average_bytes * s.rows for s in summaries) / weight
    return ColumnStatistics(minimum, maximum, nulls, distinct, width)


def bounded(distinct: float, minimum: Any, maximum: Any, dtype: t.DataType, rows: int) -> float:
    """No more values than rows, nor than the range holds."""
    distinct = min(distinct, float(max(0, rows)))
    if isinstance(dtype, t.IntegralType | t.DateType) and isinstance(minimum, int) and isinstance(maximum, int):
        distinct = min(distinct, float(maximum - minimum + 1))
    if isinstance(dtype, t.DecimalType) and minimum is not None and maximum is not None:
        distinct = min(distinct, float((maximum - minimum).scaleb(dtype.scale)) + 1)
    if isinstance(dtype, t.BooleanType):
        distinct = min(distinct, 2.0)
    return max(1.0, distinct)


class Summary:
    """Of one column of one file."""

    __slots__ = ("average_bytes", "distinct", "maximum", "minimum", "nulls", "rows")

    def __init__(self, rows: int, ranges: Sequence[ColumnRange], distinct: float, average_bytes: float) -> None:
        self.rows = rows
        known = [r for r in ranges if r.minimum is not None]
        counts = [r.nulls for r in ranges]
        self.nulls: int | None = None if None in counts else sum(count for count in counts if count is not None)
        # A row group without a minimum counts as unknown unless all of it is null (then it has none).
        complete = len(known) == len(ranges) or (self.nulls is not None and len(known) > 0)
        self.minimum: Any = min(r.minimum for r in known) if known and complete else None  # type: ignore[type-var]
        self.maximum: Any = max(r.maximum for r in known) if known and complete else None  # type: ignore[type-var]
        self.distinct = distinct
        self.average_bytes = average_bytes


def summary(footer: Footer, leaf: int, dtype: t.DataType) -> Summary:
    """The summary of a column of one file, kept with the footer."""
    key = (leaf, dtype)
    found = footer.summaries.get(key)
    if found is None:
        ranges = footer.ranges(leaf, dtype)
        distinct, width = _estimated(footer, leaf, dtype, ranges)
        found = footer.summaries[key] = Summary(footer.rows, ranges, distinct, width)
    return found


def _estimated(footer: Footer, leaf: int, dtype: t.DataType, ranges: Sequence[ColumnRange]) -> tuple[float, float]:
    """Distinct values and bytes a value, from a few row groups."""
    groups = footer.metadata.num_row_groups
    if groups == 0:
        return 0.0, _WIDTHS.get(type(dtype), 8.0)
    step = max(1, groups // SAMPLED_CHUNKS)
    sampled = range(0, groups, step)
    width = _width(footer, leaf, dtype, ranges)
    per_chunk = []
    share = 0.0
    for index in sampled:
        chunk = footer.metadata.row_group(index).column(leaf)
        rows = max(1, chunk.num_values)
        found = min(float(rows), _chunk_distinct(chunk, width))
        per_chunk.append(found)
        share = max(share, found / rows)
    if share > _MOSTLY_UNIQUE:
        return share * footer.rows, width
    if groups > 1 and _hardly_overlap(ranges):
        return sum(per_chunk) / len(per_chunk) * groups, width
    return max(per_chunk), width


def _width(footer: Footer, leaf: int, dtype: t.DataType, ranges: Sequence[ColumnRange]) -> float:
    known = _WIDTHS.get(type(dtype))
    if known is not None:
        return known
    if not isinstance(dtype, t.StringType | t.BinaryType):
        return 8.0
    chunk = footer.metadata.row_group(0).column(leaf)
    values = max(1, chunk.num_values)
    if not chunk.has_dictionary_page:
        # Plain values: four bytes of length before each.
        return max(1.0, float(chunk.total_uncompressed_size / values) - 4.0)
    ends = [len(end) for r in ranges[:SAMPLED_CHUNKS] for end in (r.minimum, r.maximum) if isinstance(end, str | bytes)]
    return max(1.0, sum(ends) / len(ends)) if ends else 8.0


def _chunk_distinct(chunk: Any, width: float) -> float:
    """Distinct values of one chunk, from the sizes of its dictionary page and of the indexes into it."""
    values = float(max(1, chunk.num_values))
    page_bytes = float(chunk.data_page_offset - (chunk.dictionary_page_offset or 0)) - _PAGE_HEADER_BYTES
    if not chunk.has_dictionary_page or page_bytes <= 0:
        return values if not chunk.has_dictionary_page else 1.0
    stored = chunk.physical_type
    value_bytes = float(_PHYSICAL_BYTES.get(stored, 0)) or width + (4.0 if stored == "BYTE_ARRAY" else 0.0)
    if chunk.total_uncompressed_size > _MOSTLY_PLAIN * values * value_bytes:
        # The writer gave the dictionary up: too many values.
        return values
    # The page is compressed, so it holds at least so many values, and seldom more than four times as many.
    least = max(1.0, page_bytes / value_bytes)
    # An index takes ceil(log2(distinct)) bits, unless runs of equal values are stored as such.
    index_bits = 8.0 * max(0.0, chunk.total_uncompressed_size - 2.0 * page_bytes) / values
    likely: float = 0.75 * 2.0 ** min(index_bits, 30.0)
    return max(least, min(4.0 * least, likely))


def _hardly_overlap(ranges: Sequence[ColumnRange]) -> bool:
    """Whether most row groups start after the one before has ended: the file is sorted by the column."""
    pairs = [(a, b) for a, b in itertools.pairwise(ranges) if a.maximum is not None and b.minimum is not None]
    if not pairs:
        return False
    ends: list[tuple[Any, Any]] = [(a.maximum, b.minimum) for a, b in pairs]
    after = sum(1 for end, start in ends if end <= start)
    return after > 0.8 * len(pairs)


def _combined(summaries: Sequence[Summary]) -> float:
    """Distinct values over files: added up where ranges are apart or values mostly unique, else the most of any."""
    if len(summaries) == 1:
        return summaries[0].distinct
    if any(s.rows and s.distinct > _MOSTLY_UNIQUE * s.rows for s in summaries):
        return sum(s.distinct for s in summaries)
    ranges = sorted(
        (ColumnRange(s.minimum, s.maximum, None) for s in summaries if s.minimum is not None),
        key=lambda r: r.minimum,  # type: ignore[arg-type, return-value]
    )
    return sum(s.distinct for s in summaries) if _hardly_overlap(ranges) else max(s.distinct for s in summaries)
