"""The end of a worker: told to stop, it lets running tasks end and others take over what it holds, within reason."""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from headrace_worker.link import DriverLink
from headrace_worker.shuffle.store import BlockStore

DISMISSAL_LOOK_S = 0.5
"""How often a worker that waits to be dismissed looks whether there is anybody to do so, and anything to keep."""

FAREWELL_S = 0.5
"""How long a leaving worker tries to get its last statuses to the driver."""

_log = structlog.get_logger()


class Departure:
    """Begun once, by whoever has a reason; `exit_code` is the process's. `drain_s` bounds a clean one."""

    def __init__(self, store: BlockStore, drain_s: float) -> None:
        self._store = store
        self._drain_s = drain_s
        self._begun = asyncio.Event()
        self._hurry = asyncio.Event()
        self._dismissed = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.reason = ""
        self.exit_code = 0

    @property
    def is_begun(self) -> bool:
        """Whether the worker is leaving."""
        return self._begun.is_set()

    def begin(self, reason: str, exit_code: int = 0) -> None:
        """Begins the end; a second call while tasks are being waited for ends that wait."""
        if self._begun.is_set():
            self._hurry.set()
            return
        self.reason, self.exit_code = reason, exit_code
        self._begun.set()

    def fail(self, exit_code: int) -> None:
        """The worker could not even start."""
        self.exit_code = exit_code

    async def wait(self) -> None:
        """Until it is begun."""
        await self._begun.wait()

    def note_idle(self, idle: bool) -> None:
        """Whether anything runs or waits here."""
        if idle:
            self._idle.set()
        else:
            self._idle.clear()

    def dismiss(self) -> None:
        """The driver needs nothing of this worker any more; means something only to one that leaves."""
        if self._begun.is_set():
            self._dismissed.set()

    async def drain(self, link: DriverLink) -> None:
        """Says goodbye; lets running tasks end and others take over what is held here, within reason."""
        _log.info("worker stopping", reason=self.reason)
        if self.exit_code:
            return
        link.outbox.draining = self.reason
        link.outbox.filled.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._drain_s):
                await asyncio.wait(
                    [asyncio.create_task(self._let_go(link)), asyncio.create_task(self._hurry.wait())],
                    return_when=asyncio.FIRST_COMPLETED,
                )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await link.outbox.emptied.wait()

    async def _let_go(self, link: DriverLink) -> None:
        """Until nothing runs here, and the driver needs nothing of what is held here (or cannot be asked)."""
        await self._idle.wait()
        while link.attached and await asyncio.to_thread(self._holds_outputs):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DISMISSAL_LOOK_S):
                    await self._dismissed.wait()
                    return

    def _holds_outputs(self) -> bool:
        return bool(self._store.held_outputs())
