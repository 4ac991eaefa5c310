"""Two runs of a task are told apart by values and by where their rows went, not by the order of rows."""

from __future__ import annotations

import pyarrow as pa

from headrace_proto.v1 import task_pb2
from headrace_worker.shuffle.blocks import iterate_blocks
from headrace_worker.shuffle.partitioning import splitter_for
from headrace_worker.shuffle.store import OutputFiles
from headrace_worker.shuffle.writer import BlockWriter, client_block

SCHEMA = pa.schema([("x", pa.int64())])


def no_files() -> OutputFiles:
    raise AssertionError("so few rows travel with the status")


def checksum(values: list[int], reducers: list[int]) -> int:
    spec = task_pb2.StageOutput(by_id=task_pb2.IdPartitioned(partitions=2))
    splitter, count = splitter_for(spec, 0)
    writer = BlockWriter(SCHEMA, splitter, count, no_files)
    writer.add(pa.record_batch({"x": pa.array(values), "__part": pa.array(reducers, pa.int32())}))
    output = task_pb2.TaskOutput()
    writer.finish(0, output)
    return output.checksum


def test_the_order_of_rows_does_not_matter() -> None:
    assert checksum([1, 2, 3], [0, 1, 0]) == checksum([3, 1, 2], [0, 0, 1])


def test_values_and_reducers_do() -> None:
    usual = checksum([1, 2, 3], [0, 1, 0])
    assert checksum([1, 2, 4], [0, 1, 0]) != usual
    assert checksum([1, 2, 3], [1, 0, 1]) != usual


def test_a_result_block_is_one_batch() -> None:
    batches = [pa.record_batch({"x": pa.array(range(first, first + 10))}) for first in (0, 10, 20)]
    seen: list[int] = []
    block = client_block(SCHEMA, batches)
    for body, _ in iterate_blocks(block):
        seen.extend(batch.num_rows for batch in pa.ipc.open_stream(bytes(body)))
    assert seen == [30]
