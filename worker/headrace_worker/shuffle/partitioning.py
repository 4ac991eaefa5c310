"""Which reducer each row goes to, and the batch reordered so that every reducer's rows are one slice. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace_proto.v1 import task_pb2

Splitter = Callable[[pa.RecordBatch], Iterator[tuple[int, pa.RecordBatch]]]
"""Yields (reducer, its rows) for the reducers that get some, in ascending order except for round robin."""


class PartitionOutOfRange(Exception):
    """The program computed a partition number that does not exist: a mistake of the planner."""


def splitter_for(spec: task_pb2.StageOutput, task_partition: int) -> tuple[Splitter, int]:
    """The splitter of an output specification and the number of its reducers."""
    kind = spec.WhichOneof("kind")
    if kind == "hash":
        reducers = spec.hash.partitions
        return (lambda batch: split_by_ids(batch, hash_partitions(last_column(batch), reducers), reducers)), reducers
    if kind == "by_id":
        reducers = spec.by_id.partitions
        return (lambda batch: split_by_ids(batch, checked_ids(last_column(batch), reducers), reducers)), reducers
    if kind == "round_robin":
        reducers = spec.round_robin.partitions
        return round_robin(reducers, task_partition), reducers
    return _whole, 1


def last_column(batch: pa.RecordBatch) -> NDArray[np.generic]:
    """The partitioning column, without a copy; it never holds nulls."""
    column = batch.column(batch.num_columns - 1)
    if column.null_count:
        raise PartitionOutOfRange(f"column {batch.schema.names[-1]} holds nulls")
    return np.asarray(column.to_numpy(zero_copy_only=True))


def hash_partitions(hashes: NDArray[np.generic], reducers: int) -> NDArray[np.generic]:
    """(hash >> 32) * n >> 32 in the smallest type that holds n, which is what makes the sort cheap."""
    ids = ((hashes.astype(np.uint64, copy=False) >> np.uint64(32)) * np.uint64(reducers)) >> np.uint64(32)
    return ids.astype(_id_type(reducers))


def checked_ids(ids: NDArray[np.generic], reducers: int) -> NDArray[np.generic]:
    """Partition numbers given by the program; raises PartitionOutOfRange unless all are in [0, reducers)."""
    if len(ids) and (int(ids.min()) < 0 or int(ids.max()) >= reducers):
        raise PartitionOutOfRange(f"partitions {ids.min()} to {ids.max()} computed, [0, {reducers}) allowed")
    return ids.astype(_id_type(reducers))


def split_by_ids(
    batch: pa.RecordBatch, ids: NDArray[np.generic], reducers: int
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Drops the partitioning column, groups the rows by reducer with one stable sort and one take, and slices."""
    batch = batch.select(range(batch.num_columns - 1))
    counts = np.bincount(ids, minlength=reducers)
    present = np.flatnonzero(counts)
    if len(present) == 1:
        yield int(present[0]), batch
        return
    if batch.num_columns:
        batch = batch.take(pa.array(np.argsort(ids, kind="stable")))
    begin = 0
    for reducer, rows in zip(present.tolist(), counts[present].tolist(), strict=True):
        yield reducer, batch.slice(begin, rows)
        begin += rows


def round_robin(reducers: int, first: int) -> Splitter:
    """Deals every batch out in contiguous runs of equal length: as even as row by row, and nothing is copied.

    The reducer that gets the first run moves on by one each batch, and starts at `first`, so that many small tasks do
    not all begin with reducer 0.
    """
    turn = first

    def split(batch: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
        nonlocal turn
        borders = [batch.num_rows * run // reducers for run in range(reducers + 1)]
        for run in range(reducers):
            if borders[run + 1] > borders[run]:
                yield (turn + run) % reducers, batch.slice(borders[run], borders[run + 1] - borders[run])
        turn += 1

    return split


def _whole(batch: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
    yield 0, batch


def _id_type(reducers: int) -> type[np.uint8] | type[np.uint16] | type[np.uint32]:
    if reducers <= 1 << 8:
        return np.uint8
    return np.uint16 if reducers <= 1 << 16 else np.uint32
