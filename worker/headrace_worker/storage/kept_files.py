"""The files of cached rows while they are written: in memory as long as they fit what the task may have of it."""

from __future__ import annotations

from collections.abc import Sequence

from headrace_worker.shuffle.store import BlockStore, MapId, OutputFiles, StoredOutput, StoreFull

_COPY_BYTES = 4 << 20


class KeptFiles:
    """Like `OutputFiles`, for the output of one task that caches rows."""

    def __init__(self, store: BlockStore, output: MapId, memory_bytes: int) -> None:
        self._store = store
        self._output = output
        self._left = memory_bytes
        self._written = 0
        self._in_memory = memory_bytes > 0 and store.memory is not None
        directory = store.memory if self._in_memory and store.memory is not None else store.roomiest()
        self._files = OutputFiles(directory, output)

    def append(self, blocks: Sequence[bytes]) -> None:
        """Writes blocks at the end; what does not fit goes on on disk, with all before."""
        if self._in_memory:
            self._left -= sum(map(len, blocks))
            if self._left < 0:
                self._go_to_disk()
            else:
                try:
                    self._files.append(blocks)
                except StoreFull:
                    self._go_to_disk()
                else:
                    self._written += sum(map(len, blocks))
                    return
        self._files.append(blocks)

    def finish(self, index: bytes) -> StoredOutput:
        """See `OutputFiles.finish`."""
        self._left -= len(index)
        if self._in_memory and self._left < 0:
            self._go_to_disk()
        return self._files.finish(index)

    def abandon(self) -> None:
        """See `OutputFiles.abandon`."""
        self._files.abandon()

    def _go_to_disk(self) -> None:
        """Copies what was written whole; a block that broke off is written again."""
        files = OutputFiles(self._store.roomiest(), self._output)
        left = self._written
        with open(self._files.partial, "rb", buffering=0) as file:
            while left and (chunk := file.read(min(left, _COPY_BYTES))):
                files.append([chunk])
                left -= len(chunk)
        self._files.abandon()
        self._files, self._in_memory = files, False
