"""Threads for parsing, analysis and planning: the event loop must stay free, and deep plans need deep stacks."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from headrace_driver.errors import ErrorKind, SparkError

THREADS = 4
"""Planning holds the interpreter's lock most of the time; more threads only let short queries pass long ones."""
WAITING_MAX = 1_000
"""Calls that wait for a thread; a driver that far behind says so at once."""
STACK_BYTES = 512 << 20
"""Of address space, touched as needed. Recursion over a plan of 5,000 levels takes some 10 KiB of C stack a level
where it passes through C code (cached properties, protobuf)."""
RECURSION_MAX = 400_000
"""Python frames: 5,000 levels of a plan with tens of frames each."""

P = ParamSpec("P")
R = TypeVar("R")


class PlanningThreads:
    """A fixed pool. `run` is called on the event loop."""

    def __init__(self, threads: int = THREADS) -> None:
        self._threads = threads
        self._waiting = 0
        self._pool: ThreadPoolExecutor | None = None

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs a function on a planning thread. Being cancelled does not stop the function, only the wait for it."""
        if self._pool is None:
            self._pool = _start(self._threads)
        if self._waiting >= WAITING_MAX:
            raise SparkError(
                "DRIVER_OVERLOADED",
                f"{WAITING_MAX} calls wait for this driver to plan their queries. Try again later.",
                {},
                sql_state="53000",
                kind=ErrorKind.SPARK,
            )
        self._waiting += 1
        future = self._pool.submit(function, *args, **kwargs)
        future.add_done_callback(lambda _: self._one_less())
        return await asyncio.wrap_future(future)

    def stop(self) -> None:
        """Takes no more work; what runs is not waited for."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _one_less(self) -> None:
        self._waiting -= 1


def _start(threads: int) -> ThreadPoolExecutor:
    """Starts all threads now: their stack size is taken from a setting of the whole process."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION_MAX))
    pool = ThreadPoolExecutor(threads, thread_name_prefix="planning")
    together = threading.Barrier(threads + 1)
    before = threading.stack_size(STACK_BYTES)
    try:
        for _ in range(threads):
            # Each waits for the others, so that every call gets a thread of its own.
            pool.submit(together.wait)
        together.wait()
    finally:
        threading.stack_size(before)
    return pool
