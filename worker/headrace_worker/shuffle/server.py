"""The Blocks service of the daemon: bytes of data files, as they are, in chunks of up to 1 MiB."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from io import FileIO
from pathlib import Path
from typing import Any

from headrace_proto.v1 import blocks_pb2, blocks_pb2_grpc
from headrace_worker.shuffle.index import IndexCorrupt, decode_index
from headrace_worker.shuffle.store import BlockStore, MapId

CHUNK_BYTES = 1 << 20
FIRST_CHUNK_BYTES = 1 << 17
CHUNK_BYTES_MIN = 1 << 13
QUICK_S, SLOW_S = 0.1, 0.5
READERS = 4
"""Threads that read files: enough to keep a disk busy, while the event loop never waits for one."""


class Pace:
    """How large the next chunk of a stream is.

    Readers take a stream that is silent for ten seconds or more for dead, and hear whole chunks only: by a slow cable,
    shared with other streams, a chunk has to be small.
    """

    def __init__(self) -> None:
        self.chunk_bytes = FIRST_CHUNK_BYTES

    def sent(self, seconds: float) -> None:
        """A chunk was taken after so long."""
        if seconds < QUICK_S:
            self.chunk_bytes = min(CHUNK_BYTES, 2 * self.chunk_bytes)
        elif seconds > SLOW_S:
            self.chunk_bytes = max(CHUNK_BYTES_MIN, self.chunk_bytes // 4)


class BlocksService(blocks_pb2_grpc.BlocksServicer):
    """Serves map outputs. Flow control is gRPC's: a chunk is read when the one before it has been taken."""

    def __init__(self, store: BlockStore) -> None:
        self._store = store
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="blocks")
        self._streams = 0

    @property
    def buffered_bytes(self) -> int:
        """What streams hold at most: the chunk being sent and the one that gRPC has taken."""
        return self._streams * 2 * CHUNK_BYTES

    async def Fetch(  # noqa: N802
        self, request: blocks_pb2.FetchRequest, context: Any
    ) -> AsyncIterator[blocks_pb2.FetchChunk]:
        """Sends every map asked for, in order; one that cannot be read counts as missing and is recomputed."""
        loop = asyncio.get_running_loop()
        pace = Pace()
        for number, wanted in enumerate(request.maps):
            output = MapId(request.output.job_id, request.output.stage_id, wanted.map_partition, wanted.attempt)
            reader = _MapReader(self._store, output, request.first_reducer, request.reducer_count)
            self._streams += 1
            try:
                while True:
                    try:
                        data, last = await loop.run_in_executor(self._readers, reader.next_chunk, pace.chunk_bytes)
                    except (OSError, IndexCorrupt, EOFError):
                        yield blocks_pb2.FetchChunk(map_index=number, missing=True, last=True)
                        break
                    started_s = time.monotonic()
                    yield blocks_pb2.FetchChunk(map_index=number, data=data, last=last)
                    pace.sent(time.monotonic() - started_s)
                    if last:
                        break
            finally:
                self._streams -= 1
                reader.close()

    async def Copy(  # noqa: N802
        self, request: blocks_pb2.CopyRequest, context: Any
    ) -> AsyncIterator[blocks_pb2.CopyChunk]:
        """Sends one map output as it lies on disk; the index comes last, so that what has it is whole."""
        loop = asyncio.get_running_loop()
        wanted = request.map
        output = MapId(request.output.job_id, request.output.stage_id, wanted.map_partition, wanted.attempt)
        stored = await loop.run_in_executor(self._readers, self._store.find, output)
        if stored is None:
            yield blocks_pb2.CopyChunk(missing=True)
            return
        try:
            index = await loop.run_in_executor(self._readers, stored.index.read_bytes)
            file = await loop.run_in_executor(self._readers, _open_unbuffered, stored.data)
            with file:
                while data := await loop.run_in_executor(self._readers, file.read, CHUNK_BYTES):
                    yield blocks_pb2.CopyChunk(data=data)
        except OSError:
            yield blocks_pb2.CopyChunk(missing=True)
            return
        yield blocks_pb2.CopyChunk(index=index)

    def close(self) -> None:
        """Stops the reading threads."""
        self._readers.shutdown(wait=False, cancel_futures=True)


def _open_unbuffered(path: Path) -> FileIO:
    return FileIO(path, "rb")


class _MapReader:
    """One map's bytes for a range of reducers, a chunk at a time. The file is opened with the first chunk."""

    def __init__(self, store: BlockStore, output: MapId, first_reducer: int, reducer_count: int) -> None:
        self._store = store
        self._output = output
        self._reducers = (first_reducer, reducer_count)
        self._file: Any = None
        self._spans: list[tuple[int, int]] = []

    def next_chunk(self, size_bytes: int) -> tuple[bytes, bool]:
        """The next bytes, at most so many, and whether they are the last; raises OSError, IndexCorrupt or EOFError."""
        if self._file is None:
            self._open()
        if not self._spans:
            return b"", True
        offset, length = self._spans[0]
        self._file.seek(offset)
        data = self._file.read(min(length, size_bytes))
        if not data:
            raise EOFError(f"{self._output} is shorter than its index says")
        if len(data) == length:
            self._spans.pop(0)
        else:
            self._spans[0] = (offset + len(data), length - len(data))
        return data, not self._spans

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()

    def _open(self) -> None:
        stored = self._store.find(self._output)
        if stored is None:
            raise FileNotFoundError(str(self._output))
        self._spans = [
            (span.offset, span.length) for span in decode_index(stored.index.read_bytes()).ranges(*self._reducers)
        ]
        self._file = open(stored.data, "rb", buffering=0)  # noqa: SIM115  (closed by close)
