"""The index of one map output: where each reducer's blocks lie in the data file, and how large they are.

A data file is a row of segments. Within a segment the blocks are ordered by reducer, so any range of reducers is one
range of bytes a segment. Most outputs have one segment; a map task whose compressed output outgrows its buffer writes
it out and starts the next. Pure.
"""

from __future__ import annotations

import math
import struct
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import lz4.block
import numpy as np
from numpy.typing import NDArray

_FIELDS = struct.Struct("<4sII")
_CHECKSUM = struct.Struct("<I")
_HEADER_BYTES = _FIELDS.size + _CHECKSUM.size
_MAGIC = b"HRI1"
_LOG_BASE = math.log(1.1)


class IndexCorrupt(Exception):
    """The bytes are not an index that was written here."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Consecutive bytes of a data file."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True, eq=False)
class MapIndex:
    """`offsets[s, r]` is where reducer r's blocks of segment s begin; `offsets[s, reducers]` where the segment ends."""

    offsets: NDArray[np.uint64]
    rows: NDArray[np.uint64]

    @property
    def reducers(self) -> int:
        """Into how many partitions the output is split."""
        return len(self.rows)

    def ranges(self, first_reducer: int, reducer_count: int) -> list[ByteRange]:
        """The bytes that hold the reducers [first, first + count), empty ones left out."""
        end = first_reducer + reducer_count
        if end > self.reducers:
            raise IndexCorrupt(f"reducers up to {end} asked of an output that has {self.reducers}")
        begins = self.offsets[:, first_reducer].tolist()
        ends = self.offsets[:, end].tolist()
        return [ByteRange(begin, end - begin) for begin, end in zip(begins, ends, strict=True) if end > begin]


def encode_index(segments: Sequence[Sequence[int]], rows: Sequence[int]) -> bytes:
    """The index as bytes, from the bytes of every reducer in every segment, in the order they stand in the file.

    It is compressed, mostly being small differences. Plain integers and no NumPy: most outputs have few reducers, and
    a trivial task should not pay for more.
    """
    values = array("Q")
    end = 0
    for sizes in segments:
        values.extend(accumulate(sizes, initial=end))
        end = values[-1]
    values.extend(rows)
    stored = bytes(lz4.block.compress(values.tobytes(), store_size=False))
    fields = _FIELDS.pack(_MAGIC, len(segments), len(rows))
    return fields + _CHECKSUM.pack(zlib.crc32(stored, zlib.crc32(fields))) + stored


def decode_index(data: bytes | memoryview) -> MapIndex:
    """The reverse of `encode_index`; raises IndexCorrupt."""
    if len(data) < _HEADER_BYTES:
        raise IndexCorrupt(f"index truncated: {len(data)} bytes")
    magic, segments, reducers = _FIELDS.unpack_from(data)
    (crc32,) = _CHECKSUM.unpack_from(data, _FIELDS.size)
    if magic != _MAGIC:
        raise IndexCorrupt(f"index magic is {magic!r}, not {_MAGIC!r}")
    stored = memoryview(data)[_HEADER_BYTES:]
    if zlib.crc32(stored, zlib.crc32(data[: _FIELDS.size])) != crc32:
        raise IndexCorrupt("index checksum differs")
    raw_bytes = 8 * (segments * (reducers + 1) + reducers)
    if raw_bytes >= 1 << 31:
        raise IndexCorrupt(f"index header is impossible: {segments} segments, {reducers} reducers")
    try:
        arrays = lz4.block.decompress(stored, uncompressed_size=raw_bytes)
    except lz4.block.LZ4BlockError as error:
        raise IndexCorrupt(f"index does not decompress: {error}") from error
    offsets = np.frombuffer(arrays, dtype=np.uint64, count=segments * (reducers + 1))
    rows = np.frombuffer(arrays, dtype=np.uint64, offset=offsets.nbytes)
    return MapIndex(offsets.reshape(segments, reducers + 1), rows)


def size_codes(sizes: Sequence[int]) -> bytes:
    """Sizes in bytes as one byte each, as Spark's MapStatus: 0 for empty, else ceil(log 1.1 (bytes)), at most 255."""
    return bytes([0 if not size else max(1, min(255, math.ceil(math.log(size) / _LOG_BASE))) for size in sizes])
