"""Blocks of one result partition between worker and client: in memory when few, else in a temporary file."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from typing import IO


class SpoolFull(Exception):
    """The driver's temporary directory takes no more."""

    def __init__(self, directory: str, needed_bytes: int) -> None:
        super().__init__(f"no room for {needed_bytes} bytes in {directory}")
        self.directory = directory
        self.needed_bytes = needed_bytes


class BlockSpool:
    """Add all blocks, then iterate once, then close. The file has no name: nothing is left when the driver dies."""

    def __init__(self, *, in_memory: bool) -> None:
        self._in_memory = in_memory
        self._blocks: list[tuple[bytes, int]] = []
        self._lengths: list[tuple[int, int]] = []
        self._file: IO[bytes] | None = None

    async def add(self, body: bytes, rows: int) -> None:
        """Keeps one block. Raises SpoolFull."""
        if self._in_memory:
            self._blocks.append((body, rows))
            return
        try:
            if self._file is None:
                self._file = await asyncio.to_thread(_unnamed_file)
            await asyncio.to_thread(self._file.write, body)
        except OSError as error:
            raise SpoolFull(f"{tempfile.gettempdir()} of the driver ({error})", len(body)) from error
        self._lengths.append((len(body), rows))

    async def __aiter__(self) -> AsyncIterator[tuple[bytes, int]]:
        """(body, rows) in the order added."""
        for body, rows in self._blocks:
            yield body, rows
        if self._file is not None:
            await asyncio.to_thread(self._file.seek, 0)
            for length, rows in self._lengths:
                yield await asyncio.to_thread(self._file.read, length), rows

    def close(self) -> None:
        """Frees memory and disk."""
        self._blocks.clear()
        if self._file is not None:
            self._file.close()
            self._file = None


def _unnamed_file() -> IO[bytes]:
    return tempfile.TemporaryFile(prefix="headrace-result-")
