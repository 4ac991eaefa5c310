"""Computing cached rows when they are first needed, and giving them back when nobody needs them any more.

Everything here runs on the event loop, but `forget`, which any thread may call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from headrace_driver.cache.data import CachedData, KeptRows

_log = structlog.get_logger("headrace.cache")


class KeptJob(Protocol):
    """A job whose last stage keeps rows; `release` gives them back."""

    def cancel(self, reason: str) -> bool: ...
    def release(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Computation:
    """A submitted job, and how to await its rows."""

    job: KeptJob
    rows: Callable[[], Awaitable[KeptRows]]


class Compute(Protocol):
    """Plans a cached plan and submits it."""

    async def plan(self, cached: CachedData) -> tuple[object, Sequence[CachedData]]:
        """The prepared job, and the cached plans it reads."""
        ...

    async def submit(self, cached: CachedData, prepared: object, lost: Callable[[], None]) -> Computation: ...


@dataclass(slots=True)
class _Holding:
    """What is known of one cached plan while its rows are wanted or there."""

    cached: CachedData
    users: int = 0
    """Queries that read or await the rows, and jobs of other cached plans that may have to read them again."""
    running: asyncio.Task[None] | None = None
    job: KeptJob | None = None
    reads: list[CachedData] = field(default_factory=list)


class Materialiser:
    """Every cached plan's rows, for all sessions of a driver."""

    def __init__(self, compute: Compute) -> None:
        self._compute = compute
        self._loop = asyncio.get_running_loop()
        self._holdings: dict[int, _Holding] = {}

    def __len__(self) -> int:
        return len(self._holdings)

    async def hold(self, cached: CachedData) -> None:
        """Returns when the rows are there, which stay until `let_go`. Raises what their job raises."""
        holding = self._holdings.get(cached.number)
        if holding is None:
            holding = self._holdings[cached.number] = _Holding(cached)
        holding.users += 1
        try:
            while cached.kept is None:
                if holding.running is None:
                    holding.running = self._loop.create_task(self._run(holding))
                    holding.running.add_done_callback(lambda task: task.cancelled() or task.exception())
                await asyncio.shield(holding.running)
        except BaseException:
            self.let_go(cached)
            raise

    def let_go(self, cached: CachedData) -> None:
        """A user has ended."""
        holding = self._holdings[cached.number]
        holding.users -= 1
        if holding.users == 0:
            if holding.running is not None:
                holding.running.cancel()
                holding.running = None
            self._drop_unused(holding)

    def forget(self, cached: CachedData) -> None:
        """The plan is cached no more. From any thread."""
        cached.forgotten = True
        self._loop.call_soon_threadsafe(self._forgotten, cached)

    def _forgotten(self, cached: CachedData) -> None:
        holding = self._holdings.get(cached.number)
        if holding is not None:
            self._drop_unused(holding)

    def _drop_unused(self, holding: _Holding) -> None:
        """Gives the rows back when nobody reads them and nobody will find them, and the record when there are none."""
        if holding.users:
            return
        if holding.cached.forgotten and holding.job is not None:
            self._give_back(holding)
        if holding.job is None and holding.running is None:
            self._holdings.pop(holding.cached.number, None)

    def _give_back(self, holding: _Holding) -> None:
        job, holding.job, holding.cached.kept = holding.job, None, None
        reads, holding.reads = holding.reads, []
        if job is not None:
            job.release()
        for each in reads:
            self.let_go(each)

    async def _run(self, holding: _Holding) -> None:
        """Computes the rows once."""
        cached = holding.cached
        held: list[CachedData] = []
        computation: Computation | None = None
        try:
            prepared, reads = await self._compute.plan(cached)
            for each in reads:
                await self.hold(each)
                held.append(each)
            computation = await self._compute.submit(cached, prepared, lambda: self._lost(holding))
            kept = await computation.rows()
            holding.job, holding.reads, held = computation.job, held, []
            cached.kept = kept
            _log.info("rows cached", number=cached.number, job=kept.job_id, rows=kept.rows, bytes=kept.bytes)
        except BaseException:
            if computation is not None:
                computation.job.cancel("nobody waits for the cached rows any more")
                computation.job.release()
            raise
        finally:
            if holding.running is asyncio.current_task():
                holding.running = None
            for each in held:
                self.let_go(each)
            if not holding.users:
                self._drop_unused(holding)

    def _lost(self, holding: _Holding) -> None:
        """A lost part could not be computed again. The next user has the rows computed anew."""
        _log.warning("cached rows lost", number=holding.cached.number)
        holding.job = None
        self._give_back(holding)
        self._drop_unused(holding)
