"""Which rows go where."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from headrace_proto.v1 import task_pb2
from headrace_worker.shuffle.partitioning import PartitionOutOfRange, hash_partitions, splitter_for


def split(spec: task_pb2.StageOutput, batch: pa.RecordBatch, task: int = 0) -> dict[int, list[int]]:
    splitter, _ = splitter_for(spec, task)
    return {reducer: rows.column("x").to_pylist() for reducer, rows in splitter(batch)}


def keyed(values: list[int], keys: list[int], kind: pa.DataType) -> pa.RecordBatch:
    return pa.record_batch({"x": pa.array(values), "key": pa.array(keys, kind)})


@pytest.mark.parametrize("reducers", [1, 7, 256, 257, 70_000])
def test_hash_partition_is_the_multiplied_upper_half(reducers: int) -> None:
    hashes = np.random.default_rng(1).integers(0, 1 << 64, 1000, dtype=np.uint64)
    expected = [(int(value) >> 32) * reducers >> 32 for value in hashes]
    assert hash_partitions(hashes, reducers).tolist() == expected
    assert max(expected) < reducers


def test_hash_split_keeps_the_order_within_a_reducer() -> None:
    spec = task_pb2.StageOutput(hash=task_pb2.HashPartitioned(partitions=2))
    low, high = 0, (1 << 64) - 1
    batch = keyed([1, 2, 3, 4, 5], [high, low, high, low, high], pa.uint64())
    assert split(spec, batch) == {0: [2, 4], 1: [1, 3, 5]}


def test_a_slice_is_split_like_a_whole_batch() -> None:
    spec = task_pb2.StageOutput(by_id=task_pb2.IdPartitioned(partitions=3))
    batch = keyed([9, 1, 2, 3, 9], [0, 2, 0, 2, 0], pa.int32()).slice(1, 3)
    assert split(spec, batch) == {0: [2], 2: [1, 3]}


@pytest.mark.parametrize("wrong", [-1, 3])
def test_a_partition_that_does_not_exist_is_an_error(wrong: int) -> None:
    spec = task_pb2.StageOutput(by_id=task_pb2.IdPartitioned(partitions=3))
    with pytest.raises(PartitionOutOfRange):
        split(spec, keyed([1], [wrong], pa.int32()))


def test_round_robin_is_even_and_starts_with_the_task() -> None:
    spec = task_pb2.StageOutput(round_robin=task_pb2.RoundRobin(partitions=3))
    batch = pa.record_batch({"x": pa.array(range(7))})
    assert split(spec, batch, task=0) == {0: [0, 1], 1: [2, 3], 2: [4, 5, 6]}
    assert split(spec, batch, task=1) == {1: [0, 1], 2: [2, 3], 0: [4, 5, 6]}


def test_everything_else_is_one_partition() -> None:
    batch = pa.record_batch({"x": pa.array([1, 2])})
    for spec in (task_pb2.StageOutput(single=task_pb2.Single()), task_pb2.StageOutput(result=task_pb2.ResultOutput())):
        assert splitter_for(spec, 5)[1] == 1
        assert split(spec, batch) == {0: [1, 2]}
