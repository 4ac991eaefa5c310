"""Fetching blocks from other workers: a few connections at once, bytes in flight bounded, retried by cause.

Each holder is read by one thread over one server stream, which decodes blocks and puts them into a bounded queue; the
kernel's thread takes them out. A stream that breaks, or a block that fails its checksum, is asked for again from the
map where it happened; blocks of that map that were already handed over are passed over.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import grpc

from headrace_proto.v1 import blocks_pb2, blocks_pb2_grpc, common_pb2, task_pb2
from headrace_worker.security import PeerCredentials, channel_to
from headrace_worker.shuffle.blocks import BlockAssembler, BlockCorrupt, decode_block
from headrace_worker.shuffle.plan import Block, FetchCancelled, FetchError, FetchPlan, MapSource

CONNECTIONS_MAX = 4
"""Holders read at once by one task; more only adds memory, since a stream or two fill a network card."""

IN_FLIGHT_BYTES_MAX = 32 << 20
"""Decoded bodies waiting for the kernel; a thread with a block to deliver waits while the queue holds this much."""

BREAKS_MAX = 3
"""Broken streams without a single new block in between before a holder counts as unreachable."""

BACK_OFF_S = (0.1, 0.5, 1.0)
SILENCE_S_MAX = 15.0
"""A stream that stays silent for so long counts as broken: as long as a worker may be silent before it is lost."""


class RemotePeers:
    """Channels to other workers, opened on first use and kept for the executor's life."""

    def __init__(self, credentials: PeerCredentials) -> None:
        self._credentials = credentials
        self._channels: dict[str, grpc.Channel] = {}
        self._lock = threading.Lock()

    def stub(self, address: str) -> tuple[blocks_pb2_grpc.BlocksStub, Sequence[tuple[str, str]]]:
        """The Blocks client of one worker and the metadata its calls have to carry."""
        with self._lock:
            channel = self._channels.get(address)
            if channel is None:
                channel = self._channels[address] = channel_to(address, self._credentials)
        stub = blocks_pb2_grpc.BlocksStub(channel)  # type: ignore[no-untyped-call]
        return stub, self._credentials.metadata()

    def forget(self, address: str) -> None:
        """Closes a channel that does not answer, so that the next try connects anew."""
        with self._lock:
            channel = self._channels.pop(address, None)
        if channel is not None:
            channel.close()


class RemoteFetch:
    """One slice's blocks from all its remote holders. Iterate once; `close` stops the threads."""

    def __init__(
        self,
        peers: RemotePeers,
        plan: FetchPlan,
        groups: Sequence[tuple[task_pb2.Holder, tuple[MapSource, ...]]],
        cancelled: threading.Event,
        in_flight_bytes_max: int = IN_FLIGHT_BYTES_MAX,
    ) -> None:
        self._peers = peers
        self._in_flight_bytes_max = in_flight_bytes_max
        self._plan = plan
        self._groups = deque(groups)
        self._cancelled = cancelled
        self._changed = threading.Condition()
        self._ready: deque[Block] = deque()
        self._ready_bytes = 0
        self._error: Exception | None = None
        self._closed = False
        self._calls: dict[Any, float] = {}
        """Running calls and when each was last heard (monotonic seconds)."""
        self._holders: dict[Any, str] = {}
        self._lost: frozenset[str] = frozenset()
        self._running = min(CONNECTIONS_MAX, len(groups))
        for number in range(self._running):
            threading.Thread(target=self._run, name=f"fetch-{number}", daemon=True).start()

    def __iter__(self) -> Iterator[Block]:
        try:
            while True:
                with self._changed:
                    waiting_since = time.monotonic()
                    while not self._ready and self._running and self._error is None:
                        self._changed.wait(0.05)
                        if self._cancelled.is_set():
                            raise FetchCancelled
                        self._end_silent_calls(waiting_since)
                    if self._error is not None:
                        raise self._error
                    if not self._ready:
                        return
                    block = self._ready.popleft()
                    self._ready_bytes -= len(block.body)
                    self._changed.notify_all()
                yield block
        finally:
            self.close()

    def close(self) -> None:
        """Stops fetching; blocks not taken yet are dropped."""
        with self._changed:
            self._closed = True
            self._groups.clear()
            self._ready.clear()
            calls = list(self._calls)
            self._changed.notify_all()
        for call in calls:
            call.cancel()

    def lose(self, addresses: Sequence[str]) -> None:
        """These workers are gone: what is still to be had of them fails without further tries."""
        with self._changed:
            self._lost |= frozenset(addresses)
            calls = [call for call, address in self._holders.items() if address in self._lost]
            self._changed.notify_all()
        for call in calls:
            call.cancel()

    def is_lost(self, holder: task_pb2.Holder) -> bool:
        """Whether the driver said that this worker is gone."""
        return holder.address in self._lost

    def heard(self, call: Any) -> None:
        """Notes that a call is alive."""
        self._calls[call] = time.monotonic()

    def _end_silent_calls(self, waiting_since: float) -> None:
        """Cancels calls that have been silent for as long as the kernel has been waiting: their readers retry."""
        overdue = time.monotonic() - SILENCE_S_MAX
        if waiting_since < overdue:
            for call, heard in list(self._calls.items()):
                if heard < overdue:
                    call.cancel()

    def _run(self) -> None:
        try:
            while True:
                with self._changed:
                    if self._closed or not self._groups:
                        return
                    holder, maps = self._groups.popleft()
                _HolderFetch(self, holder, maps).run()
        except _Closed:
            return
        except Exception as error:  # noqa: BLE001  (handed to the kernel's thread, which raises it)
            with self._changed:
                self._error = self._error or error
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def deliver(self, block: Block) -> None:
        """Queues one block, waiting while too much is queued."""
        with self._changed:
            while self._ready_bytes >= self._in_flight_bytes_max and not self._closed:
                self._changed.wait()
            if self._closed:
                raise _Closed
            self._ready.append(block)
            self._ready_bytes += len(block.body)
            self._changed.notify_all()

    def start_call(self, holder: task_pb2.Holder, maps: Sequence[MapSource]) -> Any:
        """Asks a holder for maps; the call is cancelled by `close`."""
        stub, metadata = self._peers.stub(holder.address)
        request = blocks_pb2.FetchRequest(
            output=common_pb2.OutputId(job_id=self._plan.output[0], stage_id=self._plan.output[1]),
            maps=[blocks_pb2.MapOutput(map_partition=m.map_partition, attempt=m.attempt) for m in maps],
            first_reducer=self._plan.first_reducer,
            reducer_count=self._plan.reducer_count,
        )
        call = stub.Fetch(request, metadata=metadata)
        with self._changed:
            if self._closed:
                call.cancel()
                raise _Closed
            self._calls[call] = time.monotonic()
            self._holders[call] = holder.address
        return call

    def end_call(self, call: Any) -> None:
        """Forgets a call that has ended."""
        with self._changed:
            self._calls.pop(call, None)
            self._holders.pop(call, None)

    def wait_before_retry(self, seconds: float, holder: task_pb2.Holder) -> None:
        """Backs off, but not beyond the end of the task or of the hope that the holder answers."""
        with self._changed:
            if not self._closed and not self.is_lost(holder):
                self._changed.wait(seconds)
            if self._closed:
                raise _Closed

    def failed(self, holder: task_pb2.Holder, maps: Sequence[int], reason: int, detail: object) -> FetchError:
        """The typed failure for maps of one holder."""
        return FetchError(self._plan.output, holder.worker_id, maps, reason, detail)

    def forget(self, holder: task_pb2.Holder) -> None:
        """Connects anew next time."""
        self._peers.forget(holder.address)


class _Closed(Exception):
    """The fetch was closed; its threads end."""


class _HolderFetch:
    """All maps of one holder, in order."""

    def __init__(self, fetch: RemoteFetch, holder: task_pb2.Holder, maps: tuple[MapSource, ...]) -> None:
        self._fetch = fetch
        self._holder = holder
        self._maps = list(maps)
        self._delivered = 0
        """Blocks of the first map in the list that the kernel already has."""
        self._corrupt_map: int | None = None
        self._progress = False

    def run(self) -> None:
        breaks = 0
        while self._maps:
            self._progress = False
            try:
                self._read_stream()
            except BlockCorrupt as error:
                self._note_corrupt(error)
            except grpc.RpcError as error:
                breaks = 1 if self._progress else breaks + 1
                if breaks > BREAKS_MAX or error.code() in _HOPELESS or self._fetch.is_lost(self._holder):
                    reason = common_pb2.FetchFailed.UNREACHABLE
                    maps = [source.map_partition for source in self._maps]
                    detail = f"{error.code().name}: {error.details()}"
                    raise self._fetch.failed(self._holder, maps, reason, detail) from error
                self._fetch.wait_before_retry(BACK_OFF_S[min(breaks, len(BACK_OFF_S)) - 1], self._holder)
                self._fetch.forget(self._holder)

    def _note_corrupt(self, error: BlockCorrupt) -> None:
        """The first corrupt block of a map is fetched again, the second is reported."""
        map_partition = self._maps[0].map_partition
        if self._corrupt_map == map_partition:
            reason = common_pb2.FetchFailed.CORRUPT
            raise self._fetch.failed(self._holder, [map_partition], reason, error) from error
        self._corrupt_map = map_partition

    def _read_stream(self) -> None:
        """Reads until all maps are done; leaves in `_maps` and `_delivered` where to go on if it fails."""
        asked = list(self._maps)
        missing: list[int] = []
        assembler, seen, expected = BlockAssembler(), 0, 0
        call = self._fetch.start_call(self._holder, asked)
        try:
            for chunk in call:
                self._fetch.heard(call)
                if chunk.map_index != expected:
                    raise BlockCorrupt(f"chunk of map {chunk.map_index} where map {expected} was due")
                if chunk.missing:
                    missing.append(asked[expected].map_partition)
                elif not missing:
                    for encoded in assembler.feed(chunk.data):
                        body, header = decode_block(encoded)
                        seen += 1
                        if seen > self._delivered:
                            self._fetch.deliver(Block(body, header.rows, header.stored_bytes))
                            self._delivered = seen
                            self._progress = True
                    self._fetch.heard(call)
                if chunk.last or chunk.missing:
                    if not missing:
                        assembler.finish()
                        self._maps.pop(0)
                        self._progress = True
                    assembler, seen, self._delivered = BlockAssembler(), 0, 0
                    expected += 1
            if missing:
                reason = common_pb2.FetchFailed.MISSING
                raise self._fetch.failed(self._holder, missing, reason, "the worker does not hold them")
            if self._maps:
                raise BlockCorrupt("the stream ended before all maps were sent")
        finally:
            call.cancel()
            self._fetch.end_call(call)


_HOPELESS = frozenset(
    {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED}
)
"""Answers that trying again does not change."""
