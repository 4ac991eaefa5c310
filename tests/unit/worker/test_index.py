"""The index of a map output."""

from __future__ import annotations

import pytest

from headrace_driver.plan.size_codes import decode
from headrace_worker.shuffle.index import ByteRange, IndexCorrupt, decode_index, encode_index, size_codes


def test_ranges_of_reducers_are_contiguous_within_a_segment() -> None:
    index = decode_index(encode_index([[10, 0, 5], [0, 7, 1]], [3, 2, 4]))
    assert index.reducers == 3
    assert index.ranges(0, 3) == [ByteRange(0, 15), ByteRange(15, 8)]
    assert index.ranges(1, 1) == [ByteRange(15, 7)]
    assert index.ranges(0, 1) == [ByteRange(0, 10)]
    assert index.ranges(2, 1) == [ByteRange(10, 5), ByteRange(22, 1)]
    assert index.rows.tolist() == [3, 2, 4]


def test_an_empty_output_has_no_ranges() -> None:
    index = decode_index(encode_index([], [0] * 1000))
    assert index.ranges(0, 1000) == []
    assert len(encode_index([], [0] * 1000)) < 100


def test_a_reducer_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(IndexCorrupt, match="reducers up to 4"):
        decode_index(encode_index([[1]], [1])).ranges(3, 1)


def test_damage_is_noticed() -> None:
    data = encode_index([[10, 0, 5], [0, 7, 1]], [3, 2, 4])
    for position in range(len(data) * 8):
        damaged = bytearray(data)
        damaged[position // 8] ^= 1 << position % 8
        with pytest.raises(IndexCorrupt):
            decode_index(bytes(damaged))
    for length in range(len(data)):
        with pytest.raises(IndexCorrupt):
            decode_index(data[:length])


@pytest.mark.parametrize("size", [1, 2, 1000, 1 << 20, 12_345_678_901])
def test_a_size_code_overestimates_by_at_most_a_tenth(size: int) -> None:
    (code,) = size_codes([size])
    assert size * 0.99 <= decode(code) <= size * 1.11 + 1


def test_only_nothing_has_the_code_nothing() -> None:
    assert size_codes([0, 1, 0]) == bytes([0, 1, 0])
    assert decode(0) == 0
