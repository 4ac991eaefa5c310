"""The nursery: executors forked, their ends told, nothing left when one of the three processes dies."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import socket
from collections.abc import Awaitable, Callable

import psutil
import pytest

from headrace_worker.nursery import ForkedProcess, Nursery, NurseryGone

pytestmark = pytest.mark.cluster

Scenario = Callable[[Nursery], Awaitable[None]]


def _in_process(scenario: Scenario) -> None:
    nursery = Nursery.open()
    assert nursery is not None

    async def whole() -> None:
        await asyncio.wait_for(scenario(nursery), 90)
        nursery.close()

    asyncio.run(whole())


async def fork(nursery: Nursery) -> tuple[ForkedProcess, socket.socket]:
    ours, theirs = socket.socketpair()
    process = await nursery.fork(theirs)
    theirs.close()
    return process, ours


async def an_executor_ends_when_its_connection_does(nursery: Nursery) -> None:
    process, connection = await fork(nursery)
    assert psutil.Process(process.pid).ppid() == nursery.pid
    assert process.returncode is None
    connection.close()
    assert await process.wait() == 0
    assert process.returncode == 0


async def a_killed_executor_is_told_and_the_next_one_starts(nursery: Nursery) -> None:
    for _ in range(3):
        (one, _first), (other, _second) = await fork(nursery), await fork(nursery)
        one.kill()
        assert await one.wait() == -signal.SIGKILL
        assert other.returncode is None
        os.kill(other.pid, signal.SIGTERM)
        assert await other.wait() == -signal.SIGTERM
        one.kill()  # nobody has its number any more


async def a_dead_nursery_ends_its_executors_and_says_so(nursery: Nursery) -> None:
    process, _connection = await fork(nursery)
    os.kill(nursery.pid, signal.SIGKILL)
    assert await process.wait() == -signal.SIGKILL
    with pytest.raises(NurseryGone):
        await fork(nursery)


async def ctrl_c_and_sigterm_leave_the_nursery_alone(nursery: Nursery) -> None:
    await fork(nursery)  # it has set up its signals
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(nursery.pid, number)
    process, _connection = await fork(nursery)
    assert process.returncode is None


@pytest.mark.parametrize(
    "scenario",
    [
        an_executor_ends_when_its_connection_does,
        a_killed_executor_is_told_and_the_next_one_starts,
        a_dead_nursery_ends_its_executors_and_says_so,
        ctrl_c_and_sigterm_leave_the_nursery_alone,
    ],
)
def test_nursery(scenario: Scenario) -> None:
    """In a process of its own, started afresh: the nursery is forked from one without threads or gRPC, and pytest's has
    both once another test has used a channel.
    """
    process = multiprocessing.get_context("spawn").Process(target=_in_process, args=(scenario,))
    process.start()
    process.join(120)
    if process.is_alive():
        process.kill()
    assert process.exitcode == 0, "see the captured output"
