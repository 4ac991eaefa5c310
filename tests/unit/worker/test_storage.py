"""Cached rows on a worker: what gives way to what, files that outgrow memory, blocks read column by column."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pyarrow as pa
import pytest

from headrace_worker.shuffle.blocks import BlockCorrupt, batches_from_body, iterate_blocks, trusted_bodies
from headrace_worker.shuffle.store import BlockStore, MapId
from headrace_worker.shuffle.writer import columnar_block, compressed_block, plain_block
from headrace_worker.storage.kept_files import KeptFiles
from headrace_worker.storage.ledger import Entry, Eviction, Ledger

ROWS = pa.RecordBatch.from_pydict({"a": list(range(1000)), "b": [f"text {i}" for i in range(1000)]})


def _entry(job: int, part: int, *, disk: bool = True, size: int = 10) -> Entry:
    return Entry(MapId(job, 1, part, 0), size, disk, True)


def test_the_least_recently_used_relation_gives_way_first() -> None:
    ledger = Ledger()
    for job in (1, 2, 3):
        ledger.add(_entry(job, 0))
    ledger.use((1, 1))
    assert [eviction.output.job_id for eviction in ledger.evict(15, None, frozenset())] == [2, 3]
    assert ledger.memory_bytes == 10


def test_a_relation_does_not_push_out_itself() -> None:
    ledger = Ledger()
    ledger.add(_entry(1, 0))
    ledger.add(_entry(1, 1))
    assert ledger.evict(100, (1, 1), frozenset()) == []


def test_what_has_no_disk_part_is_given_up_unless_it_is_read() -> None:
    ledger = Ledger()
    ledger.add(_entry(1, 0, disk=False))
    ledger.add(_entry(2, 0, disk=False))
    read = frozenset({(2, 1)})
    assert ledger.evict(20, None, read) == [
        Eviction(MapId(1, 1, 0, 0), 10, False),
        Eviction(MapId(2, 1, 0, 0), 10, True),
    ]
    assert ledger.unread(read) == []
    assert ledger.unread(frozenset()) == [MapId(2, 1, 0, 0)]
    assert len(ledger) == 0


def test_dropping_tells_what_was_in_memory() -> None:
    ledger = Ledger()
    ledger.add(_entry(1, 0))
    ledger.add(_entry(1, 1))
    ledger.evict(10, None, frozenset())
    assert ledger.drop(1) == 10
    assert ledger.drop(1) == 0


def _store(tmp_path: Path) -> BlockStore:
    store = BlockStore([tmp_path / "disk"], tmp_path / "memory")
    store.prepare()
    return store


@pytest.mark.parametrize(("allowed", "in_memory"), [(0, False), (25, False), (100, True)])
def test_what_outgrows_memory_goes_on_on_disk(tmp_path: Path, allowed: int, in_memory: bool) -> None:
    store, output = _store(tmp_path), MapId(1, 2, 3, 0)
    files = KeptFiles(store, output, allowed)
    for piece in (b"0123456789", b"abcdefghij", b"ABCDEFGHIJ"):
        files.append([piece])
    files.finish(b"index")
    stored = store.find(output)
    assert stored is not None
    assert stored.in_memory is in_memory
    assert stored.data.read_bytes() == b"0123456789abcdefghijABCDEFGHIJ"
    assert store.memory_bytes(output) == (35 if in_memory else 0)
    assert list(tmp_path.glob("*/partial/*")) == []


def test_an_evicted_file_is_found_on_disk(tmp_path: Path) -> None:
    store, output = _store(tmp_path), MapId(1, 2, 3, 0)
    files = KeptFiles(store, output, 100)
    files.append([b"rows"])
    files.finish(b"index")
    store.move_to_disk(output)
    stored = store.find(output)
    assert stored is not None
    assert not stored.in_memory
    assert (stored.data.read_bytes(), stored.index.read_bytes()) == (b"rows", b"index")
    store.drop_map(output)
    assert store.find(output) is None


@pytest.mark.parametrize("encode", [plain_block, columnar_block])
def test_columns_are_read_one_by_one(encode: object) -> None:
    block = encode(ROWS.schema, [ROWS])  # type: ignore[operator]
    [(body, rows)] = trusted_bodies(memoryview(block))
    [batch] = batches_from_body(body, [1])
    assert rows == 1000
    assert batch.column_names == ["b"]
    assert batch.column(0).equals(ROWS.column(1))
    [(same, _)] = iterate_blocks(block)
    assert batches_from_body(same)[0].equals(ROWS)


def test_compressed_blocks_are_no_cached_rows() -> None:
    with pytest.raises(BlockCorrupt):
        list(trusted_bodies(memoryview(compressed_block(ROWS.schema, [ROWS]))))


def test_what_a_killed_daemon_left_in_memory_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from headrace_worker.storage import memory_directory

    monkeypatch.setattr("os.path.ismount", lambda path: True)
    first = memory_directory.MemoryDirectory(tmp_path)
    assert first.path is not None
    second = memory_directory.MemoryDirectory(tmp_path)
    assert first.path.exists()
    assert first._lock is not None
    fcntl.flock(first._lock, fcntl.LOCK_UN)
    third = memory_directory.MemoryDirectory(tmp_path)
    assert not first.path.exists()
    for directory in (second, third):
        directory.close()
    assert list(tmp_path.iterdir()) == []
