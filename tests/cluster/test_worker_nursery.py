"""The nursery: executors forked, their ends told, nothing left when one of the three processes dies."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable

import psutil
import pytest

from headrace_worker.nursery import ForkedProcess, Nursery, NurseryGone

pytestmark = pytest.mark.cluster

Scenario = Callable[[Nursery], Awaitable[None]]


def run(scenario: Scenario) -> None:
    """In a process of its own: the nursery is forked from one without threads, which pytest's need not be."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            nursery = Nursery.open()
            assert nursery is not None

            async def whole() -> None:
                await asyncio.wait_for(scenario(nursery), 90)
                nursery.close()

            asyncio.run(whole())
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, "see the captured output"


async def fork(nursery: Nursery) -> tuple[ForkedProcess, socket.socket]:
    ours, theirs = socket.socketpair()
    process = await nursery.fork(theirs)
    theirs.close()
    return process, ours


def test_an_executor_ends_when_its_connection_does() -> None:
    async def scenario(nursery: Nursery) -> None:
        process, connection = await fork(nursery)
        assert psutil.Process(process.pid).ppid() == nursery.pid
        assert process.returncode is None
        connection.close()
        assert await process.wait() == 0
        assert process.returncode == 0

    run(scenario)


def test_a_killed_executor_is_told_and_the_next_one_starts() -> None:
    async def scenario(nursery: Nursery) -> None:
        for _ in range(3):
            (one, _first), (other, _second) = await fork(nursery), await fork(nursery)
            one.kill()
            assert await one.wait() == -signal.SIGKILL
            assert other.returncode is None
            os.kill(other.pid, signal.SIGTERM)
            assert await other.wait() == -signal.SIGTERM
            one.kill()  # nobody has its number any more

    run(scenario)


def test_a_dead_nursery_ends_its_executors_and_says_so() -> None:
    async def scenario(nursery: Nursery) -> None:
        process, _connection = await fork(nursery)
        os.kill(nursery.pid, signal.SIGKILL)
        assert await process.wait() == -signal.SIGKILL
        with pytest.raises(NurseryGone):
            await fork(nursery)

    run(scenario)


def test_ctrl_c_and_sigterm_leave_the_nursery_alone() -> None:
    async def scenario(nursery: Nursery) -> None:
        await fork(nursery)  # it has set up its signals
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(nursery.pid, number)
        process, _connection = await fork(nursery)
        assert process.returncode is None

    run(scenario)
