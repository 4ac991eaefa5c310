"""From the threads of the HTTP server to the event loop, which has what the pages show."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable
from typing import Protocol, TypeVar

from headrace_proto.v1 import jobs_pb2

T = TypeVar("T")

_LOOP_TIMEOUT_S = 5.0
"""A page waits so long for the event loop, which has what it shows; then the browser is told to try again."""


class Watched(Protocol):
    """What pages show (`ClusterRunner`). Called on the event loop only."""

    def jobs(self, limit: int = 0) -> list[jobs_pb2.JobSummary]: ...
    def job(self, job_id: int) -> jobs_pb2.JobDetail | None: ...
    def workers(self) -> list[jobs_pb2.WorkerDetail]: ...


class LoopBusy(Exception):
    """The event loop did not answer in time."""


class Watcher:
    """Asks `watched` from other threads, each time on the event loop that `Watcher` was made on."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._loop = asyncio.get_running_loop()

    def cluster(self) -> tuple[list[jobs_pb2.JobSummary], list[jobs_pb2.WorkerDetail]]:
        """Jobs, newest first, and workers; raises LoopBusy."""
        return self._ask(lambda: (self._watched.jobs(), self._watched.workers()))

    def job(self, job_id: int) -> jobs_pb2.JobDetail | None:
        """None where the driver does not remember it; raises LoopBusy."""
        return self._ask(lambda: self._watched.job(job_id))

    def _ask(self, question: Callable[[], T]) -> T:
        async def answer() -> T:
            return question()

        asking = answer()
        try:
            return asyncio.run_coroutine_threadsafe(asking, self._loop).result(_LOOP_TIMEOUT_S)
        except (RuntimeError, concurrent.futures.TimeoutError, concurrent.futures.CancelledError) as error:
            asking.close()
            raise LoopBusy from error
