"""Checksums of outputs: of rows in any order and any batches, and different where a value differs, nested or not."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest

from headrace_worker.shuffle.checksum import checksum_of

KINDS: dict[str, tuple[pa.DataType, list[Any], Any]] = {
    "integers": (pa.int64(), [1, None, 3, -4], 5),
    "text": (pa.string(), ["a", None, "", "bcd"], "bce"),
    "structs": (
        pa.struct({"a": pa.int32(), "b": pa.string()}),
        [{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}],
        {"a": 2, "b": "x"},
    ),
    "lists": (pa.list_(pa.int32()), [[1, 2], None, [], [None, 3]], [1]),
    "lists of lists": (pa.list_(pa.list_(pa.string())), [[["a"], []], None, [["b", None]]], [["c"]]),
    "maps": (pa.map_(pa.string(), pa.int64()), [[("k", 1)], None, [], [("l", None), ("m", 2)]], [("k", 2)]),
    "structs in lists": (pa.list_(pa.struct({"a": pa.int64()})), [[{"a": 1}], None, [{"a": None}, None]], [{"a": 9}]),
}


def batch(kind: pa.DataType, values: list[Any]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(values, kind)], names=["v"])


@pytest.mark.parametrize("name", KINDS)
def test_order_and_batches_make_no_difference(name: str) -> None:
    kind, values, _ = KINDS[name]
    values = values * 5
    expected = checksum_of([batch(kind, values)])
    shuffled = random.Random(1).sample(values, len(values))
    assert checksum_of([batch(kind, shuffled)]) == expected
    whole = batch(kind, values)
    parts = [whole.slice(0, 3), whole.slice(3, 4), whole.slice(7)]
    assert checksum_of(parts) == expected
    assert sum(checksum_of([part]) for part in parts) % (1 << 64) == expected


@pytest.mark.parametrize("name", KINDS)
def test_another_value_makes_a_difference(name: str) -> None:
    kind, values, other = KINDS[name]
    expected = checksum_of([batch(kind, values)])
    assert checksum_of([batch(kind, [other, *values[1:]])]) != expected
    assert checksum_of([batch(kind, [None, *values[1:]])]) != expected


def test_values_that_move_to_another_list_make_a_difference() -> None:
    kind = pa.list_(pa.int32())
    assert checksum_of([batch(kind, [[1, 2, 3], []])]) != checksum_of([batch(kind, [[1], [2, 3]])])
