"""An order-independent checksum of rows, to tell apart two runs of a task that differ in some value. Pure.

Sums, so that it does not depend on the order of rows or batches: fixed-width columns add up their values as integers,
variable-width ones their bytes, nested ones what they consist of. It is no protection against intent.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
import pyarrow as pa

_FEW_BYTES = 4096
"""Below, Python adds up faster than NumPy gets going."""

_WORD_FORMATS: dict[int, Literal["B", "H", "I", "Q"]] = {1: "B", 2: "H", 4: "I", 8: "Q"}


def checksum_of(batches: Sequence[pa.RecordBatch]) -> int:
    """The checksum modulo 2**64; checksums of parts add up to that of the whole."""
    total = 0
    for batch in batches:
        for position, column in enumerate(batch.columns):
            total += (2 * position + 1) * _with_nulls(column)
    return total & (1 << 64) - 1


def _with_nulls(column: pa.Array) -> int:
    nulls = int(column.null_count)
    return _column_sum(column.drop_null() if nulls else column) + 31 * nulls


def _column_sum(column: pa.Array) -> int:
    if not len(column):
        return 0
    kind = column.type
    begin, end = column.offset, column.offset + len(column)
    if width := _bytes_wide(kind):
        return _sum(memoryview(column.buffers()[1])[begin * width : end * width], min(width, 8))
    if pa.types.is_boolean(kind):
        return int(column.true_count)
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        _, offsets, data = column.buffers()
        if data is None:
            return 0
        ends = memoryview(offsets).cast("i")
        return _sum(memoryview(data)[ends[begin] : ends[end]], 1)
    if pa.types.is_struct(kind):
        return sum((2 * position + 1) * _with_nulls(child) for position, child in enumerate(column.flatten()))
    if pa.types.is_list(kind) or pa.types.is_map(kind):
        borders = np.frombuffer(column.buffers()[1], dtype=np.int32)[begin : end + 1].astype(np.int64)
        values = column.values.slice(borders[0], borders[-1] - borders[0])
        # Squares, so that values that move to another list show.
        return int(np.square(np.diff(borders)).sum()) + 3 * _with_nulls(values)
    return 0  # a type that the kernel never yields


@lru_cache(maxsize=256)
def _bytes_wide(kind: pa.DataType) -> int:
    """Bytes of one value of a fixed-width type, else 0."""
    if pa.types.is_boolean(kind) or not (pa.types.is_primitive(kind) or pa.types.is_decimal(kind)):
        return 0
    return int(kind.bit_width) // 8


def _sum(memory: memoryview, word_bytes: int) -> int:
    """The sum of the unsigned integers that a piece of memory consists of."""
    if len(memory) <= _FEW_BYTES:
        return sum(memory.cast(_WORD_FORMATS[word_bytes]))
    return int(np.frombuffer(memory, dtype=f"u{word_bytes}").sum(dtype=np.uint64))
