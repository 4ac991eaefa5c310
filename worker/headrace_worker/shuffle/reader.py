"""A reduce task's input as something the kernel can scan: the blocks of its reducers, wherever they lie.

Remote blocks are asked for first and arrive while the local ones are read. Blocks are decoded as they are pulled, so a
source holds a few megabytes whatever the input's size. It hands out a new stream for every scan: a program may read an
input twice.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from headrace_proto.v1 import task_pb2
from headrace_worker.shuffle.blocks import batches_from_body
from headrace_worker.shuffle.local import read_inline, read_local
from headrace_worker.shuffle.plan import Block, FetchPlan, MapSource, plan_fetch
from headrace_worker.shuffle.store import BlockStore

FindStore = Callable[[task_pb2.Holder], BlockStore | None]
"""The directories of a holder that is on this host, else None."""


RemoteMaps = tuple[task_pb2.Holder, tuple[MapSource, ...]]


class RemoteBlocks(Protocol):
    """A fetch under way (`remote.RemoteFetch`, which only executors that need it import)."""

    def __iter__(self) -> Iterator[Block]: ...

    def close(self) -> None:
        """Stops fetching."""


@dataclass(slots=True)
class FetchCounters:
    """What a source has read: bytes as stored, rows, and time waited for other workers."""

    local_bytes: int = 0
    remote_bytes: int = 0
    rows: int = 0
    wait_us: int = 0


@dataclass(frozen=True, slots=True)
class BlockAccess:
    """How an executor reaches blocks: its host's stores, other workers, and its task's cancellation."""

    find_store: FindStore
    fetch_remote: Callable[[FetchPlan, Sequence[RemoteMaps], threading.Event], RemoteBlocks]
    cancelled: threading.Event


class ShuffleSource:
    """The blocks of one slice. The kernel scans it by Arrow's C stream interface.

    `error` holds the typed error that ended a scan: the kernel passes on no more than its text.
    """

    def __init__(
        self,
        table: task_pb2.OutputTable,
        piece: task_pb2.ShuffleSlice,
        column_names: Sequence[str],
        access: BlockAccess,
        selected: Sequence[int] = (),
    ) -> None:
        """`column_names` are those of the columns `selected` of the blocks; none selected means all of them."""
        self._selected = list(selected) or None
        self._plan = plan_fetch(table, piece)
        self._holders = list(table.holders)
        self._names = list(column_names)
        self._access = access
        self._schema: pa.Schema | None = None
        self._opened: Generator[pa.RecordBatch, None, None] | None = None
        self.counters = FetchCounters()
        self.error: Exception | None = None

    def prepare(self) -> bool:
        """Fetches the first batch, from which the schema is known; False when the slice holds no rows at all."""
        batches = self._batches()
        first = next(batches, None)
        if first is None:
            return False
        self._schema = first.schema
        self._opened = _preceded_by(first, batches)
        return True

    def __arrow_c_schema__(self) -> object:
        return self.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.open().__arrow_c_stream__(requested_schema)

    def open(self) -> pa.RecordBatchReader:
        """A stream over the whole slice."""
        return pa.RecordBatchReader.from_batches(self.schema, self.batches())

    def batches(self) -> Generator[pa.RecordBatch, None, None]:
        """The batches of the whole slice; the first call goes on where `prepare` stopped."""
        batches, self._opened = self._opened or self._batches(), None
        return self._remembering_errors(batches)

    def close(self) -> None:
        """Gives up a scan that was prepared and not opened."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @property
    def schema(self) -> pa.Schema:
        """Known once `prepare` has found rows."""
        if self._schema is None:
            raise AssertionError("a source is scanned after prepare() found rows")
        return self._schema

    def _remembering_errors(
        self, batches: Generator[pa.RecordBatch, None, None]
    ) -> Generator[pa.RecordBatch, None, None]:
        try:
            yield from batches
        except Exception as error:
            self.error = error
            raise

    def _batches(self) -> Generator[pa.RecordBatch, None, None]:
        """Every batch of the slice, in no particular order, its columns named as the consumer knows them."""
        schema: pa.Schema | None = None
        for block in self._blocks():
            self.counters.rows += block.rows
            for batch in batches_from_body(block.body, self._selected):
                if schema is None:
                    schema = renamed(batch.schema, self._names)
                yield batch if batch.schema.equals(schema) else pa.RecordBatch.from_arrays(batch.columns, schema=schema)

    def _blocks(self) -> Generator[Block, None, None]:
        here: list[tuple[task_pb2.Holder, BlockStore, tuple[MapSource, ...]]] = []
        elsewhere: list[RemoteMaps] = []
        for number, maps in self._plan.held:
            holder = self._holders[number]
            store = self._access.find_store(holder)
            if store is None:
                elsewhere.append((holder, maps))
            else:
                here.append((holder, store, maps))
        remote = self._start_remote(elsewhere)
        try:
            yield from self._counted_locally(read_inline(self._plan))
            for holder, store, maps in here:
                yield from self._counted_locally(read_local(self._plan, holder, store, maps, self._access.cancelled))
            if remote is not None:
                yield from self._counted_remotely(remote)
        finally:
            if remote is not None:
                remote.close()

    def _start_remote(self, groups: list[RemoteMaps]) -> RemoteBlocks | None:
        if not groups:
            return None
        # Reducers of one shuffle start with different holders, so that they don't all ask the same one first.
        turn = self._plan.first_reducer % len(groups)
        return self._access.fetch_remote(self._plan, groups[turn:] + groups[:turn], self._access.cancelled)

    def _counted_locally(self, blocks: Generator[Block, None, None]) -> Generator[Block, None, None]:
        for block in blocks:
            self.counters.local_bytes += block.stored_bytes
            yield block

    def _counted_remotely(self, fetch: RemoteBlocks) -> Generator[Block, None, None]:
        blocks = iter(fetch)
        while True:
            started = time.perf_counter_ns()
            block = next(blocks, None)
            self.counters.wait_us += (time.perf_counter_ns() - started) // 1000
            if block is None:
                return
            self.counters.remote_bytes += block.stored_bytes
            yield block


def renamed(schema: pa.Schema, names: Sequence[str]) -> pa.Schema:
    """The schema with the consumer's column names; types and their metadata stay."""
    if not names or schema.names == names:
        return schema
    if len(names) != len(schema):
        raise ValueError(f"{len(schema)} columns arrived where {len(names)} are expected: {list(names)}")
    return pa.schema([field.with_name(name) for field, name in zip(schema, names, strict=True)])


def _preceded_by(
    first: pa.RecordBatch, rest: Generator[pa.RecordBatch, None, None]
) -> Generator[pa.RecordBatch, None, None]:
    try:
        yield first
        yield from rest
    finally:
        rest.close()
