"""Spark's hash() and xxhash64() over Arrow arrays: Murmur3 and xxHash64 as Spark has them, a whole vector at a time.

A value is hashed with the hash of what came before it as the seed; a null leaves the seed as it is. Structs are their
fields one after the other, arrays their elements.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Words = npt.NDArray[Any]
"""Unsigned, 32 bits wide for Murmur3 and 64 for xxHash64; all arithmetic wraps."""


@dataclass(frozen=True, slots=True)
class Bytes:
    """Byte strings within one buffer, which is padded so that a word may be read at every start."""

    data: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]

    def rows(self, rows: npt.NDArray[np.int64]) -> Bytes:
        return Bytes(self.data, self.starts[rows], self.lengths[rows])

    def word(self, at: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.uint64]:
        """The little-endian word of so many bytes at a place in each."""
        found = np.zeros(len(at), np.uint64)
        for byte in range(width):
            found |= self.data[at + byte].astype(np.uint64) << np.uint64(8 * byte)
        return found


_PADDING = np.zeros(8, np.uint8)


def _rotl(a: Words, bits: int) -> Words:
    width = a.dtype.itemsize * 8
    kind = a.dtype.type
    turned: Words = (a << kind(bits)) | (a >> kind(width - bits))
    return turned


_C1, _C2 = np.uint32(0xCC9E2D51), np.uint32(0x1B873593)


def _mixed(h: Words, k: Words) -> Words:
    k = _rotl(k * _C1, 15) * _C2
    mixed: Words = _rotl(h ^ k, 13) * np.uint32(5) + np.uint32(0xE6546B64)
    return mixed


def _murmur_end(h: Words, length: Any) -> Words:
    h = h ^ length
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    ended: Words = h ^ (h >> np.uint32(16))
    return ended


def _murmur_int(values: npt.NDArray[np.int64], seed: Words) -> Words:
    return _murmur_end(_mixed(seed, values.astype(np.uint32)), np.uint32(4))


def _murmur_long(values: npt.NDArray[np.int64], seed: Words) -> Words:
    bits = values.view(np.uint64)
    low, high = bits.astype(np.uint32), (bits >> np.uint64(32)).astype(np.uint32)
    return _murmur_end(_mixed(_mixed(seed, low), high), np.uint32(8))


def _murmur_bytes(values: Bytes, seed: Words) -> Words:
    """Whole little-endian words first, then each byte left as a signed word of its own."""
    h = seed.copy()
    words = values.lengths // 4
    for number in range(int(words.max(initial=0))):
        rows = np.flatnonzero(words > number)
        h[rows] = _mixed(h[rows], values.word(values.starts[rows] + 4 * number, 4).astype(np.uint32))
    for number in range(3):
        rows = np.flatnonzero(values.lengths % 4 > number)
        byte = values.data[values.starts[rows] + words[rows] * 4 + number].view(np.int8)
        h[rows] = _mixed(h[rows], byte.astype(np.int32).view(np.uint32))
    return _murmur_end(h, values.lengths.astype(np.uint32))


_P1, _P2, _P3, _P4, _P5 = (
    np.uint64(prime)
    for prime in (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
)


def _xx_end(h: Words) -> Words:
    h = (h ^ (h >> np.uint64(33))) * _P2
    h = (h ^ (h >> np.uint64(29))) * _P3
    ended: Words = h ^ (h >> np.uint64(32))
    return ended


def _xx_eight(h: Words, word: Words) -> Words:
    mixed: Words = _rotl(h ^ (_rotl(word * _P2, 31) * _P1), 27) * _P1 + _P4
    return mixed


def _xx_four(h: Words, word: Words) -> Words:
    mixed: Words = _rotl(h ^ (word * _P1), 23) * _P2 + _P3
    return mixed


def _xx_int(values: npt.NDArray[np.int64], seed: Words) -> Words:
    return _xx_end(_xx_four(seed + _P5 + np.uint64(4), values.astype(np.uint32).astype(np.uint64)))


def _xx_long(values: npt.NDArray[np.int64], seed: Words) -> Words:
    return _xx_end(_xx_eight(seed + _P5 + np.uint64(8), values.view(np.uint64)))


def _xx_stripes(values: Bytes, seed: Words) -> Words:
    """Of strings of 32 bytes or more: four lanes of eight bytes each, then joined."""
    lanes = [seed + _P1 + _P2, seed + _P2, seed.copy(), seed - _P1]
    stripes = values.lengths // 32
    for number in range(int(stripes.max(initial=0))):
        rows = np.flatnonzero(stripes > number)
        for i, lane in enumerate(lanes):
            word = values.word(values.starts[rows] + 32 * number + 8 * i, 8)
            lane[rows] = _rotl(lane[rows] + word * _P2, 31) * _P1
    h = _rotl(lanes[0], 1) + _rotl(lanes[1], 7) + _rotl(lanes[2], 12) + _rotl(lanes[3], 18)
    for lane in lanes:
        h = (h ^ (_rotl(lane * _P2, 31) * _P1)) * _P1 + _P4
    joined: Words = h
    return joined


def _xx_bytes(values: Bytes, seed: Words) -> Words:
    h = seed + _P5
    long = np.flatnonzero(values.lengths >= 32)
    if len(long):
        h[long] = _xx_stripes(values.rows(long), seed[long])
    h += values.lengths.astype(np.uint64)
    begin = values.starts + values.lengths // 32 * 32
    for number in range(3):
        rows = np.flatnonzero(values.lengths % 32 >= 8 * (number + 1))
        h[rows] = _xx_eight(h[rows], values.word(begin[rows] + 8 * number, 8))
    rows = np.flatnonzero(values.lengths % 8 >= 4)
    h[rows] = _xx_four(h[rows], values.word(values.starts[rows] + values.lengths[rows] // 8 * 8, 4))
    for number in range(3):
        rows = np.flatnonzero(values.lengths % 4 > number)
        byte = values.word(values.starts[rows] + values.lengths[rows] // 4 * 4 + number, 1)
        h[rows] = _rotl(h[rows] ^ (byte * _P5), 11) * _P1
    return _xx_end(h)


@dataclass(frozen=True, slots=True)
class _Hash:
    of_int: Callable[[npt.NDArray[np.int64], Words], Words]
    of_long: Callable[[npt.NDArray[np.int64], Words], Words]
    of_bytes: Callable[[Bytes, Words], Words]


_MURMUR = _Hash(_murmur_int, _murmur_long, _murmur_bytes)
_XX = _Hash(_xx_int, _xx_long, _xx_bytes)


def murmur3(value: pa.ChunkedArray, seed: pa.ChunkedArray) -> pa.Array:
    """INTEGER hashes of a column, seeded by those of the columns before."""
    start = _whole(seed).to_numpy(zero_copy_only=False).astype(np.int32).view(np.uint32)
    return pa.array(_hashed(_whole(value), start, _MURMUR).view(np.int32))


def xxhash64(value: pa.ChunkedArray, seed: pa.ChunkedArray) -> pa.Array:
    """BIGINT hashes of a column, seeded by those of the columns before."""
    start = _whole(seed).to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)
    return pa.array(_hashed(_whole(value), start, _XX).view(np.int64))


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _hashed(array: pa.Array, seed: Words, kind: _Hash) -> Words:
    array = _whole(array)
    if pa.types.is_null(array.type):
        return seed
    if pa.types.is_struct(array.type):
        for child in array.flatten():  # nulls of the struct are nulls of its fields there
            seed = _hashed(child, seed, kind)
        return seed
    if pa.types.is_nested(array.type):
        return _elements(array, seed, kind)
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    return np.where(valid, _leaf(array, seed, kind), seed)


def _elements(array: pa.Array, seed: Words, kind: _Hash) -> Words:
    lengths = pc.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False)
    values = _whole(pc.list_flatten(array))  # without what null arrays may hold
    starts = np.cumsum(lengths) - lengths
    seed = seed.copy()
    for number in range(int(lengths.max(initial=0))):
        rows = np.flatnonzero(lengths > number)
        seed[rows] = _hashed(values.take(pa.array(starts[rows] + number)), seed[rows], kind)
    return seed


def _leaf(array: pa.Array, seed: Words, kind: _Hash) -> Words:
    """The hashes of plain values; of nulls anything."""
    of = array.type
    if pa.types.is_decimal(of):
        words = _decimal_words(array)
        return (
            kind.of_long(words[:, 0].copy(), seed) if of.precision <= 18 else kind.of_bytes(_signed_bytes(words), seed)
        )
    if pa.types.is_floating(of):
        return _floating(array, seed, kind)
    if pa.types.is_boolean(of) or (pa.types.is_integer(of) and of.bit_width < 64) or pa.types.is_date32(of):
        narrow = array.cast(pa.int32()) if pa.types.is_date32(of) else array
        return kind.of_int(_numbers(narrow), seed)
    if pa.types.is_integer(of) or pa.types.is_timestamp(of):
        return kind.of_long(_numbers(array), seed)
    return kind.of_bytes(_bytes_of(array), seed)


def _numbers(array: pa.Array) -> npt.NDArray[np.int64]:
    numbers = array.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(numbers, np.int64)


def _floating(array: pa.Array, seed: Words, kind: _Hash) -> Words:
    """Java's bits, in which all NaNs are one; -0.0 is hashed as 0.0."""
    wide = array.type.bit_width == 64
    floats = np.array(array.fill_null(0).to_numpy(zero_copy_only=False), np.float64 if wide else np.float32)
    floats[floats == 0] = 0
    floats[np.isnan(floats)] = np.nan
    if wide:
        return kind.of_long(floats.view(np.int64), seed)
    return kind.of_int(floats.view(np.int32).astype(np.int64), seed)


def _decimal_words(array: pa.Array) -> npt.NDArray[np.int64]:
    """The unscaled values as pairs of 64-bit words, low ones first."""
    array = array.cast(pa.decimal128(array.type.precision, array.type.scale))
    buffer = array.buffers()[1]
    words = np.frombuffer(buffer, np.int64, 2 * len(array), 16 * array.offset)
    return words.reshape(-1, 2)


def _signed_bytes(words: npt.NDArray[np.int64]) -> Bytes:
    """BigInteger.toByteArray: big-endian, and no longer than the value and its sign need."""
    big = np.ascontiguousarray(words).view(np.uint8).reshape(-1, 16)[:, ::-1]
    sign = np.where(big[:, 0] >= 128, 255, 0).astype(np.uint8)
    spare = (big[:, :-1] == sign[:, None]) & ((big[:, 1:] >= 128) == (sign[:, None] == 255))
    leading = np.cumprod(spare, axis=1).sum(axis=1).astype(np.int64)
    starts = np.arange(len(words), dtype=np.int64) * 16 + leading
    return Bytes(np.concatenate((big.reshape(-1), _PADDING)), starts, 16 - leading)


def _bytes_of(array: pa.Array) -> Bytes:
    binary = array.cast(pa.large_binary())
    _, offsets, data = binary.buffers()
    ends = np.frombuffer(offsets, np.int64, len(binary) + 1, 8 * binary.offset)
    held = np.frombuffer(data, np.uint8) if data is not None and data.size else np.empty(0, np.uint8)
    return Bytes(np.concatenate((held, _PADDING)), ends[:-1], np.diff(ends))
