"""The way into the journal: changes are queued by any thread and written by one, many at a time.

The rule that makes a restart invisible: before anything is told to a client, `written` is awaited, so that whatever led
to it is in the journal. Writing alone survives the death of the process; `synced` also that of the machine, and is for
what must not be undone: the commit of a write.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import structlog

from headrace_driver.journal.store import Change, FencedError, JournalStore

RETRY_S = 1.0
"""Between attempts to write where the disk does not let us: clients wait meanwhile."""
COMPACT_INTERVAL_S = 10.0

_log = structlog.get_logger("headrace.journal")


class Journal(Protocol):
    """What the rest of the driver sees of a journal."""

    @property
    def is_on(self) -> bool: ...

    def append(self, *changes: Change) -> None:
        """Notes changes that belong together: all are kept or none. From any thread, at once. Inside `gathering` they
        join what is gathered."""
        ...

    @contextmanager
    def gathering(self) -> Iterator[list[Change]]:
        """Collects what this thread appends meanwhile, for the caller to append with more."""
        ...

    @property
    def position(self) -> int:
        """Grows with everything appended."""
        ...

    async def written(self, position: int) -> None:
        """Until everything appended up to that position is written."""
        ...

    async def synced(self) -> None:
        """Until everything appended so far is on disk."""
        ...


class NoJournal:
    """For drivers that keep nothing."""

    is_on = False
    position = 0

    def append(self, *changes: Change) -> None:
        pass

    @contextmanager
    def gathering(self) -> Iterator[list[Change]]:
        yield []

    async def written(self, position: int) -> None:
        pass

    async def synced(self) -> None:
        pass


class JournalWriter:
    """Writes to a store from a thread of its own. `on_fenced` is called on that thread, once.

    What waits is bounded by what the cluster does while one commit lasts; where the disk stalls, clients do too, since
    nothing is told to them before it is written.
    """

    is_on = True

    def __init__(self, store: JournalStore, on_fenced: Callable[[str], None] = lambda reason: None) -> None:
        self._store = store
        self._on_fenced = on_fenced
        self._work = threading.Condition()
        self._queue: list[tuple[Change, ...]] = []
        self._appended = 0
        self._written = 0
        self._synced = 0
        self._sync_wanted = 0
        self._stopping = False
        self._waiting: list[tuple[int, bool, asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._gathered = threading.local()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def append(self, *changes: Change) -> None:
        """See `Journal.append`."""
        unit: list[Change] | None = getattr(self._gathered, "unit", None)
        if unit is not None:
            unit.extend(changes)
        elif changes:
            with self._work:
                self._queue.append(changes)
                self._appended += 1
                self._work.notify()

    @contextmanager
    def gathering(self) -> Iterator[list[Change]]:
        """See `Journal.gathering`."""
        unit: list[Change] = []
        self._gathered.unit = unit
        try:
            yield unit
        finally:
            self._gathered.unit = None

    @property
    def position(self) -> int:
        """See `Journal.position`."""
        return self._appended

    async def written(self, position: int) -> None:
        """See `Journal.written`."""
        if self._written < position:
            await self._wait(position, sync=False)

    async def synced(self) -> None:
        """See `Journal.synced`."""
        if self._synced < self._appended:
            await self._wait(self._appended, sync=True)

    async def _wait(self, position: int, *, sync: bool) -> None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        with self._work:
            if sync:
                self._sync_wanted = position
                self._work.notify()
            elif self._written >= position:
                return
            self._waiting.append((position, sync, loop, done))
        await done

    def stop(self) -> None:
        """Writes what waits and closes the store."""
        with self._work:
            self._stopping = True
            self._work.notify()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._store.close()

    def _run(self) -> None:
        compacted_s = time.monotonic()
        while True:
            with self._work:
                self._work.wait_for(self._has_work, timeout=COMPACT_INTERVAL_S)
                batch, self._queue = self._queue, []
                upto, sync = self._appended, self._sync_wanted > self._synced
                if not batch and not sync and self._stopping:
                    return
            if (batch or sync) and not self._write(batch, sync=sync):
                return
            self._advance(upto, sync)
            if time.monotonic() - compacted_s > COMPACT_INTERVAL_S:
                compacted_s = time.monotonic()
                self._store.compact()

    def _has_work(self) -> bool:
        return bool(self._queue) or self._stopping or self._sync_wanted > self._synced

    def _write(self, batch: list[tuple[Change, ...]], *, sync: bool) -> bool:
        """Until it is written; False: this driver may not write any more."""
        while True:
            try:
                self._store.write([change for unit in batch for change in unit], sync=sync)
            except FencedError as fenced:
                _log.error("journal taken over", reason=str(fenced))
                self._on_fenced(str(fenced))
                return False
            except sqlite3.OperationalError as error:
                _log.error("the journal cannot be written, clients wait", error=str(error))
                if self._stopping:
                    return False
                time.sleep(RETRY_S)
            else:
                return True

    def _advance(self, upto: int, sync: bool) -> None:
        with self._work:
            self._written = upto
            if sync:
                self._synced = upto
            reached = [w for w in self._waiting if w[0] <= (self._synced if w[1] else self._written)]
            if reached:
                self._waiting = [w for w in self._waiting if w not in reached]
        for _, _, loop, done in reached:
            loop.call_soon_threadsafe(_resolve, done)


def _resolve(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
