"""Taking over map outputs from a worker that leaves, and second copies of cached rows: whole files are copied and put
in place under their names, on disk.

The driver says what to take and from where, and is told of every output whether it is held here now. What could not be
copied is no loss yet: the driver asks another worker, or the map runs again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import grpc
import structlog

from headrace_proto.v1 import blocks_pb2, blocks_pb2_grpc, cluster_pb2, common_pb2
from headrace_worker.security import CHANNEL_OPTIONS, PeerCredentials
from headrace_worker.shuffle.index import IndexCorrupt, decode_index
from headrace_worker.shuffle.store import BlockStore, MapId, StoreFull

COPIES_MAX = 4
"""Outputs copied at once: enough to keep a network card busy, little beside what tasks need."""

COPY_TIMEOUT_S = 30.0
"""One output; a worker that leaves has a deadline of that order."""

_log = structlog.get_logger()


class CopyFailed(Exception):
    """The output could not be taken over; the text says why."""


@dataclass(frozen=True, slots=True)
class _Order:
    address: str
    output: MapId


class Adoptions:
    """The outputs this worker was asked to take over. The queue is as long as what the driver asks for at once."""

    def __init__(
        self,
        store: BlockStore,
        credentials: PeerCredentials,
        report: Callable[[Sequence[cluster_pb2.Adopted]], None],
    ) -> None:
        self._store = store
        self._credentials = credentials
        self._report = report
        self._orders: deque[_Order] = deque()
        self._copying: set[asyncio.Task[None]] = set()
        self._under_way: set[MapId] = set()
        self._unwanted: set[MapId] = set()
        """Under way, though their job has ended meanwhile."""
        self._channels: dict[str, grpc.aio.Channel] = {}
        """By address, as long as there is something to copy: workers come and go, and with them their addresses."""

    def take(self, orders: Sequence[cluster_pb2.Adopt]) -> None:
        """Queues what the driver asks for."""
        for order in orders:
            job_id, stage_id = order.maps.output.job_id, order.maps.output.stage_id
            pairs = zip(order.maps.map_partition, order.maps.map_attempt, strict=True)
            self._orders.extend(_Order(order.address, MapId(job_id, stage_id, *pair)) for pair in pairs)
        while self._orders and len(self._copying) < COPIES_MAX:
            task = asyncio.create_task(self._work(), name="adoption")
            self._copying.add(task)
            task.add_done_callback(self._copying.discard)

    def drop_jobs(self, jobs: set[int]) -> None:
        """What belongs to these jobs is not needed any more."""
        self._orders = deque(order for order in self._orders if order.output.job_id not in jobs)
        self._unwanted.update(output for output in self._under_way if output.job_id in jobs)

    async def close(self) -> None:
        """Gives up what is being copied."""
        self._orders.clear()
        for task in list(self._copying):
            task.cancel()
        await asyncio.gather(*self._copying, return_exceptions=True)
        await self._close_channels()

    async def _work(self) -> None:
        await self._copy_all()
        if not self._under_way:
            await self._close_channels()

    async def _close_channels(self) -> None:
        channels, self._channels = self._channels, {}
        for channel in channels.values():
            await channel.close()

    async def _copy_all(self) -> None:
        while self._orders:
            order = self._orders.popleft()
            self._under_way.add(order.output)
            try:
                await asyncio.wait_for(self._copy(order), COPY_TIMEOUT_S)
                held = True
            except (CopyFailed, StoreFull, OSError, TimeoutError, grpc.aio.AioRpcError) as error:
                _log.warning("an output could not be taken over", source=order.address, error=repr(error))
                held = False
            output = order.output
            self._under_way.discard(output)
            if output in self._unwanted:
                self._unwanted.discard(output)
                await asyncio.to_thread(self._store.drop_map, output)
                held = False
            task = common_pb2.TaskId(
                job_id=output.job_id, stage_id=output.stage_id, partition=output.map_partition, attempt=output.attempt
            )
            self._report([cluster_pb2.Adopted(id=task, held=held)])

    async def _copy(self, order: _Order) -> None:
        """Copies one output; nobody sees it before it is whole."""
        output = order.output
        if self._store.find(output) is not None:
            return
        request = blocks_pb2.CopyRequest(
            output=common_pb2.OutputId(job_id=output.job_id, stage_id=output.stage_id),
            map=blocks_pb2.MapOutput(map_partition=output.map_partition, attempt=output.attempt),
        )
        stub = blocks_pb2_grpc.BlocksStub(self._channel(order.address))  # type: ignore[no-untyped-call]
        files = await asyncio.to_thread(self._store.start_output, output)
        index, size_bytes = b"", 0
        call = stub.Copy(request, metadata=tuple(self._credentials.metadata()))
        try:
            async for chunk in call:
                if chunk.missing:
                    raise CopyFailed(f"{order.address} does not hold {output}")
                if chunk.data:
                    await asyncio.to_thread(files.append, [chunk.data])
                    size_bytes += len(chunk.data)
                index = chunk.index or index
            _check(index, size_bytes)
            await asyncio.to_thread(files.finish, index)
        finally:
            call.cancel()
            await asyncio.to_thread(files.abandon)

    def _channel(self, address: str) -> grpc.aio.Channel:
        channel = self._channels.get(address)
        if channel is None:
            secure = self._credentials.channel_credentials()
            channel = self._channels[address] = (
                grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)
                if secure is None
                else grpc.aio.secure_channel(address, secure, options=CHANNEL_OPTIONS)
            )
        return channel


def _check(index: bytes, size_bytes: int) -> None:
    """Raises CopyFailed unless the index is whole and the data as long as it says; readers check the blocks."""
    try:
        known = decode_index(index)
    except IndexCorrupt as error:
        raise CopyFailed(str(error)) from error
    end = int(known.offsets[-1, -1]) if len(known.offsets) else 0
    if end != size_bytes:
        raise CopyFailed(f"{size_bytes} bytes came of {end}")
