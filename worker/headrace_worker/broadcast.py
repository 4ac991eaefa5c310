"""Broadcast inputs: a parent's whole output, once on each host, memory-mapped by all its executors.

The first executor that needs it fetches it and writes one uncompressed Arrow file; the others wait on a file lock and
map the same pages. A parent without rows leaves an empty file.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from headrace_proto.v1 import task_pb2
from headrace_worker.shuffle.reader import BlockAccess, FetchCounters, ShuffleSource
from headrace_worker.shuffle.store import BlockStore, no_space_is_typed


def broadcast_table(
    store: BlockStore, table: task_pb2.OutputTable, columns: list[str], access: BlockAccess, counters: FetchCounters
) -> pa.Table | None:
    """The whole output as a table over mapped memory; None when it has no rows."""
    path = store.broadcast_path(table.output.job_id, table.output.stage_id, table.epoch)
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(path.with_suffix(".lock")):
            if not path.exists():
                _write(path, store, ShuffleSource(table, _everything(table), columns, access), counters)
    if path.stat().st_size == 0:
        return None
    with pa.memory_map(str(path)) as mapped, pa.ipc.open_file(mapped) as reader:
        return reader.read_all()


def _everything(table: task_pb2.OutputTable) -> task_pb2.ShuffleSlice:
    return task_pb2.ShuffleSlice(first_reducer=0, reducer_count=max(table.reducers, 1))


def _write(path: Path, store: BlockStore, source: ShuffleSource, counters: FetchCounters) -> None:
    """Writes the file beside its place and renames it, so that it is whole when it is seen."""
    partial = store.partial_path(store.directories[0])
    try:
        with no_space_is_typed(path.parent), open(partial, "xb") as file:
            if source.prepare():
                batches = source.batches()
                with pa.ipc.new_file(file, source.schema) as writer:
                    for batch in batches:
                        writer.write_batch(batch)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
        source.close()
        _add(counters, source.counters)


def _add(total: FetchCounters, part: FetchCounters) -> None:
    total.local_bytes += part.local_bytes
    total.remote_bytes += part.remote_bytes
    total.rows += part.rows
    total.wait_us += part.wait_us


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One writer a host. The lock goes with the process that holds it, so a killed one blocks nobody."""
    with open(path, "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
