"""Map outputs from writer to reader, in memory and on disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
import pytest

from headrace_proto.v1 import common_pb2, task_pb2
from headrace_worker.shuffle.checksum import checksum_of
from headrace_worker.shuffle.partitioning import splitter_for
from headrace_worker.shuffle.plan import FetchCancelled, FetchError, plan_fetch
from headrace_worker.shuffle.reader import BlockAccess, ShuffleSource
from headrace_worker.shuffle.store import BlockStore, MapId
from headrace_worker.shuffle.writer import BlockWriter, WriterLimits

REDUCERS = 5
SCHEMA = pa.schema([("x", pa.int64()), ("text", pa.string())])


@pytest.fixture
def store(tmp_path: Path) -> BlockStore:
    store = BlockStore([tmp_path / "a", tmp_path / "b"])
    store.prepare()
    return store


def batches(rows: int, size: int = 100) -> list[pa.RecordBatch]:
    made = []
    for first in range(0, rows, size):
        numbers = range(first, min(first + size, rows))
        part = pa.array([number % REDUCERS for number in numbers], pa.int32())
        made.append(pa.record_batch({"x": pa.array(numbers), "text": [f"t{n}" for n in numbers], "__part": part}))
    return made


def write(store: BlockStore, map_partition: int, rows: int, limits: WriterLimits | None = None) -> task_pb2.TaskOutput:
    spec = task_pb2.StageOutput(by_id=task_pb2.IdPartitioned(partitions=REDUCERS))
    splitter, reducers = splitter_for(spec, map_partition)
    output = MapId(1, 2, map_partition, 0)
    writer = BlockWriter(SCHEMA, splitter, reducers, lambda: store.start_output(output), limits)
    for batch in batches(rows):
        writer.add(batch)
    result = task_pb2.TaskOutput()
    writer.finish(map_partition, result)
    return result


def table_of(*outputs: task_pb2.TaskOutput) -> task_pb2.OutputTable:
    table = task_pb2.OutputTable(output=common_pb2.OutputId(job_id=1, stage_id=2), reducers=REDUCERS)
    table.holders.add(worker_id="w", address="here:1")
    for number, output in enumerate(outputs):
        table.map_partition.append(number)
        table.map_attempt.append(0)
        table.map_holder.append(0)
        if output.HasField("inline_blocks"):
            table.inline_blocks.append(output.inline_blocks)
    return table


def source_of(
    store: BlockStore,
    table: task_pb2.OutputTable,
    first: int = 0,
    count: int = REDUCERS,
    cancelled: threading.Event | None = None,
) -> ShuffleSource:
    def no_remote(*_: object) -> NoReturn:
        raise AssertionError("nothing is remote here")

    access = BlockAccess(lambda _: store, no_remote, cancelled or threading.Event())
    piece = task_pb2.ShuffleSlice(first_reducer=first, reducer_count=count)
    return ShuffleSource(table, piece, ["x", "text"], access)


def read(source: ShuffleSource) -> list[int]:
    if not source.prepare():
        return []
    return sorted(source.open().read_all().column("x").to_pylist())


@pytest.mark.parametrize("rows", [0, 10, 20_000])
@pytest.mark.parametrize(
    "limits", [WriterLimits(), WriterLimits(block_bytes=1000, raw_bytes=5000, segment_bytes=20_000)], ids=["", "tiny"]
)
def test_every_reducer_gets_its_rows(store: BlockStore, rows: int, limits: WriterLimits) -> None:
    output = write(store, 0, rows, limits)
    table = table_of(output)
    for reducer in range(REDUCERS):
        assert read(source_of(store, table, reducer, 1)) == list(range(reducer, rows, REDUCERS))
    assert read(source_of(store, table, 1, 3)) == [x for x in range(rows) if 1 <= x % REDUCERS <= 3]
    assert output.rows == rows
    assert [code > 0 for code in output.partition_size_codes] == [rows > 0] * REDUCERS


def test_a_small_output_travels_inline_and_leaves_no_file(store: BlockStore) -> None:
    output = write(store, 0, 10)
    assert output.HasField("inline_blocks")
    assert store.held_outputs() == set()
    assert store.find(MapId(1, 2, 0, 0)) is None


def test_a_large_output_is_a_file_and_partial_files_are_gone(store: BlockStore) -> None:
    output = write(store, 0, 20_000)
    assert not output.HasField("inline_blocks")
    assert store.held_outputs() == {(1, 2)}
    assert not [path for directory in store.directories for path in (directory / "partial").iterdir()]
    stored = store.find(MapId(1, 2, 0, 0))
    assert stored is not None
    assert stored.data.stat().st_size == output.bytes


def test_maps_on_disk_and_inline_are_read_together(store: BlockStore) -> None:
    table = table_of(write(store, 0, 20_000), write(store, 1, 10))
    source = source_of(store, table)
    assert read(source) == sorted([*range(20_000), *range(10)])
    assert source.counters.rows == 20_010
    assert source.counters.local_bytes > 0


def test_a_source_can_be_scanned_again(store: BlockStore) -> None:
    source = source_of(store, table_of(write(store, 0, 20_000)))
    assert source.prepare()
    assert source.open().read_all().num_rows == source.open().read_all().num_rows == 20_000


def test_the_checksum_ignores_order_and_sees_values() -> None:
    table = pa.table({"x": [1, 2, None, 4], "text": ["a", "bc", "", None], "f": [1.0, 2.0, 3.0, float("nan")]})
    shuffled = table.take(pa.array([3, 1, 0, 2]))
    changed = table.set_column(0, "x", pa.array([1, 2, None, 5]))
    assert checksum_of(table.to_batches()) == checksum_of(shuffled.to_batches())
    parts = [checksum_of(table.slice(first, 2).to_batches()) for first in (0, 2)]
    assert sum(parts) % (1 << 64) == checksum_of(table.to_batches())
    assert checksum_of(table.to_batches()) != checksum_of(changed.to_batches())


def read_all(source: ShuffleSource) -> int:
    """Past the kernel's interface, which would hide the typed error."""
    return sum(batch.num_rows for batch in source.batches())


def damage(path: Path, change: Callable[[bytearray], None]) -> None:
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)


def flip_last(data: bytearray) -> None:
    data[-1] ^= 1


def shorten(data: bytearray) -> None:
    del data[-1:]


@pytest.mark.parametrize("change", [flip_last, shorten])
@pytest.mark.parametrize("suffix", ["data", "index"])
def test_damage_is_reported_with_the_map(store: BlockStore, suffix: str, change: Callable[[bytearray], None]) -> None:
    table = table_of(write(store, 0, 20_000), write(store, 1, 20_000))
    stored = store.find(MapId(1, 2, 1, 0))
    assert stored is not None
    damage(getattr(stored, suffix), change)
    source = source_of(store, table)
    with pytest.raises(FetchError) as caught:
        read_all(source)
    assert caught.value.reason == common_pb2.FetchFailed.CORRUPT
    assert caught.value.maps == (1,)
    assert caught.value.worker_id == "w"
    assert caught.value.output == (1, 2)


def test_all_missing_maps_are_reported_at_once(store: BlockStore) -> None:
    table = table_of(*(write(store, number, 20_000) for number in range(3)))
    for number in (0, 2):
        stored = store.find(MapId(1, 2, number, 0))
        assert stored is not None
        stored.index.unlink()
    with pytest.raises(FetchError) as caught:
        source_of(store, table).prepare()
    assert caught.value.reason == common_pb2.FetchFailed.MISSING
    assert caught.value.maps == (0, 2)


def test_reading_stops_when_cancelled(store: BlockStore) -> None:
    cancelled = threading.Event()
    source = source_of(store, table_of(write(store, 0, 20_000)), cancelled=cancelled)
    cancelled.set()
    with pytest.raises(FetchCancelled):
        source.prepare()


def test_the_plan_takes_the_maps_of_the_slice() -> None:
    table = task_pb2.OutputTable(output=common_pb2.OutputId(job_id=1, stage_id=2))
    table.map_partition.extend([0, 1, 2, 3])
    table.map_attempt.extend([0, 5, 0, 0])
    table.map_holder.extend([1, 0, 1, 0])
    table.inline_blocks.add(map_partition=3, data=b"d", index=b"i")
    plan = plan_fetch(table, task_pb2.ShuffleSlice(first_reducer=7, reducer_count=2, map_first=1, map_count=3))
    assert [source.map_partition for source in plan.inline] == [3]
    assert [(holder, [(m.map_partition, m.attempt) for m in maps]) for holder, maps in plan.held] == [
        (0, [(1, 5)]),
        (1, [(2, 0)]),
    ]


def test_dropping_an_output_frees_its_files(store: BlockStore) -> None:
    write(store, 0, 20_000)
    assert sum(use.used_bytes for use in store.uses()) > 10_000
    store.drop_output(1, 2)
    assert store.held_outputs() == set()
    assert not list(store.directories[0].glob("blocks/1/*/*"))


def test_a_job_may_be_dropped_while_its_outputs_are(store: BlockStore) -> None:
    """The driver drops outputs one by one and then the job; every drop is a thread of its own."""
    deadline_s = time.monotonic() + 0.5
    while time.monotonic() < deadline_s:
        path = store.broadcast_path(job_id=7, stage_id=1, epoch=0)
        path.parent.mkdir(parents=True)
        path.touch()
        with ThreadPoolExecutor(3) as threads:
            drops = [threads.submit(store.drop_output, 7, stage_id) for stage_id in (1, 2)]
            drops.append(threads.submit(store.drop_job, 7))
        assert [drop.result() for drop in drops] == [None, None, None]
        assert not path.parent.exists()


def test_clearing_leaves_nothing(store: BlockStore, tmp_path: Path) -> None:
    write(store, 0, 20_000)
    store.clear()
    assert list(tmp_path.iterdir()) == []
