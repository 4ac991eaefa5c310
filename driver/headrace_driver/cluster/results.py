"""The rows of a job on their way to the client: partition by partition, a few blocks ahead, never any block twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from headrace_driver.cluster.failures import JobFailed
from headrace_driver.cluster.fetching import Block, BlockFetcher, FetchTrouble, inline_blocks
from headrace_driver.cluster.row_digest import RowDigest, RowHashes
from headrace_driver.cluster.spool import BlockSpool, SpoolFull
from headrace_driver.scheduler.actions import ResultReady
from headrace_driver.scheduler.events import Event, ResultConsumed, ResultUnreadable
from headrace_proto.v1 import common_pb2

BLOCKS_AHEAD = 4
"""Decoded blocks that wait for the client. Workers cut blocks at about a megabyte, so a reader
holds a few."""
WHOLE_BYTES_MAX = 4 << 20
"""A partition up to this size (as stored) is held in memory while it goes out, a larger one in a temporary file."""
TRIES_MAX = 8
"""Reads of one partition; each failed one has led to a wait or to a recomputation."""
RETRY_WAIT_S = 0.6
"""A little more than the scheduler lets pass between two reports it counts."""

_Reason = common_pb2.FetchFailed.Reason


@dataclass(frozen=True, slots=True)
class ResultBlock:
    """Some rows of the result. `arrow_stream` is a complete Arrow IPC stream, to be handed on as it is."""

    partition: int
    rows: int
    arrow_stream: bytes
    attempt: int = 0
    digest: bytes = b""
    """Of the whole partition, where a later driver may have to tell whether it has the same (`RowDigest`)."""


_Item: TypeAlias = "ResultBlock | Exception | None"


class ResultState:
    """Which partitions of a job's result can be read, as the scheduler says; wakes those who wait for one."""

    def __init__(self, job_id: int) -> None:
        self.job_id = job_id
        self.stage_id = -1
        self.partitions: int | None = None
        """None until the result stage is planned."""
        self._ready: dict[int, ResultReady] = {}
        self._failure: common_pb2.Failure | None = None
        self._news = asyncio.Event()

    def planned(self, stage_id: int, partitions: int) -> None:
        self.stage_id, self.partitions = stage_id, partitions
        self._tell()

    def put(self, ready: ResultReady) -> None:
        self._ready[ready.key.partition] = ready
        self._tell()

    def lose(self, partition: int) -> None:
        self._ready.pop(partition, None)
        self._tell()

    def is_current(self, ready: ResultReady) -> bool:
        """Whether this is still where the partition is, and not a copy that has been given up since."""
        return self._ready.get(ready.key.partition) is ready

    def consume(self, partition: int) -> None:
        """The driver has it; inline blocks are let go."""
        self._ready.pop(partition, None)

    def fail(self, failure: common_pb2.Failure) -> None:
        self._failure = failure
        self._tell()

    async def count(self) -> int:
        """The number of partitions, once known."""
        while self.partitions is None:
            await self.news()
        return self.partitions

    async def ready(self, partition: int) -> ResultReady:
        """Where the partition is, once it can be read. Raises JobFailed."""
        while partition not in self._ready:
            await self.news()
        return self._ready[partition]

    async def news(self, timeout_s: float | None = None) -> None:
        """Until anything changes or the time is over; raises JobFailed when the job has failed."""
        self._raise_failure()
        news = self._news
        with suppress(TimeoutError):
            await asyncio.wait_for(news.wait(), timeout_s)
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise JobFailed(self.job_id, self._failure)

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


class ResultReader:
    """Streams one job's result once."""

    def __init__(
        self,
        state: ResultState,
        fetcher: BlockFetcher,
        address_of: Callable[[str], str],
        post: Callable[[Event], None],
        post_later: Callable[[Event], None],
        hashes: RowHashes | None = None,
    ) -> None:
        """`hashes`: given where partitions are to have digests."""
        self._hashes = hashes
        self._state = state
        self._fetcher = fetcher
        self._address_of = address_of
        self._post = post
        self._post_later = post_later

    async def blocks(self, first_partition: int) -> AsyncGenerator[ResultBlock, None]:
        """All blocks in partition order. Reading ahead is bounded; leaving the iteration stops it."""
        queue: asyncio.Queue[_Item] = asyncio.Queue(BLOCKS_AHEAD)
        producer = asyncio.create_task(self._produce(queue, first_partition))
        try:
            while (item := await queue.get()) is not None:
                if not isinstance(item, ResultBlock):
                    raise item
                yield item
        finally:
            producer.cancel()
            with suppress(asyncio.CancelledError):
                await producer

    async def _produce(self, queue: asyncio.Queue[_Item], first_partition: int) -> None:
        """Puts blocks, and at the end None or what went wrong."""
        try:
            count = await self._state.count()
            for partition in range(first_partition):
                # The client has it from an earlier process.
                self._post_later(ResultConsumed(self._state.job_id, self._state.stage_id, partition, -1))
                self._state.consume(partition)
            for partition in range(first_partition, count):
                async for block in self._partition(partition):
                    await queue.put(block)
        except Exception as error:  # noqa: BLE001 - it is raised again where the blocks are read
            await queue.put(error)
        else:
            await queue.put(None)

    async def _partition(self, partition: int) -> AsyncIterator[ResultBlock]:
        """The blocks of one partition, none of which goes out before all are here: whatever then happens to its worker,
        nothing has to be sent twice or made again just as it was."""
        last = FetchTrouble(_Reason.UNREACHABLE, "its place changed each time")
        for _ in range(TRIES_MAX):
            ready = await self._state.ready(partition)
            kept = BlockSpool(in_memory=ready.output_bytes <= WHOLE_BYTES_MAX)
            # What travelled with the task's status is in the journal, and not lost with any worker.
            digest = RowDigest(self._hashes) if self._hashes is not None and ready.inline_blocks is None else None
            try:
                async for body, header in self._read(ready):
                    await kept.add(body, header.rows)
                    if digest is not None:
                        await asyncio.to_thread(digest.add, body, header.rows)
                if not self._state.is_current(ready):
                    continue
                self._consumed(ready)
                async for body, rows in kept:
                    octets = digest.octets if digest is not None else b""
                    yield ResultBlock(partition, rows, body, ready.key.attempt, octets)
                return
            except FetchTrouble as trouble:
                last = trouble
                await self._report(ready, trouble)
            except SpoolFull as full:
                failure = common_pb2.DiskFull(directory=full.directory, needed_bytes=full.needed_bytes)
                raise JobFailed(self._state.job_id, common_pb2.Failure(disk_full=failure)) from full
            finally:
                kept.close()
        raise self._unreadable(partition, last)

    def _consumed(self, ready: ResultReady) -> None:
        key = ready.key
        self._post_later(ResultConsumed(key.job_id, key.stage_id, key.partition, key.attempt))
        self._state.consume(key.partition)

    async def _read(self, ready: ResultReady) -> AsyncIterator[Block]:
        if ready.inline_blocks is not None:
            for block in inline_blocks(ready.inline_blocks.data):
                yield block
            return
        async for block in self._fetcher.blocks(self._address_of(ready.worker_id), ready.key):
            yield block

    async def _report(self, ready: ResultReady, trouble: FetchTrouble) -> None:
        """Tells the scheduler, and waits until it has taken the partition back or it is worth another try."""
        key = ready.key
        self._post(ResultUnreadable(key.job_id, key.stage_id, key.partition, key.attempt, trouble.reason))
        await self._state.news(RETRY_WAIT_S)

    def _unreadable(self, partition: int, trouble: FetchTrouble) -> JobFailed:
        report = common_pb2.FetchFailed(
            output=common_pb2.OutputId(job_id=self._state.job_id, stage_id=self._state.stage_id),
            map_partitions=[partition],
            reason=_Reason.Name(trouble.reason),
            detail=f"The driver could not read result partition {partition} in {TRIES_MAX} tries: {trouble.detail}",
        )
        return JobFailed(self._state.job_id, common_pb2.Failure(fetch_failed=report))
