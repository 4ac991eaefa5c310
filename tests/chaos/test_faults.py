"""Real processes under one fault each, in the middle of a query: the answer is the undisturbed one."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from tests.chaos.daemons import BUSY_S, SILENCE_S_MAX, Chaos, chaos_cluster, until
from tests.chaos.running import QUERY, Running, caught

pytestmark = pytest.mark.cluster

LOST_WORK_S = 15.0
"""How much longer than undisturbed a query may take, besides the work that is done again."""
BUSY_FACTOR = 4.0
"""Of the time of an undisturbed query: its whole work once more on two workers of three takes two and a half times as
long, and the machine may have become busier since."""


@pytest.fixture(scope="module")
def chaos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chaos]:
    with chaos_cluster(tmp_path_factory.mktemp("chaos")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def undisturbed(chaos: Chaos) -> tuple[list[Any], float]:
    """The right answer, and how long it takes on warm workers."""
    chaos.spark.sql(QUERY).collect()
    started_s = time.monotonic()
    rows = chaos.spark.sql(QUERY).collect()
    assert len(rows) == 16
    return rows, time.monotonic() - started_s


def disturbed(
    chaos: Chaos, fault: Callable[[str, Running], None], among: tuple[str, ...] = ("w0", "w1", "w2")
) -> tuple[list[Any], float, str]:
    """The answer of a query during which something happens to a worker that holds some of its maps, and which one."""
    running, name = caught(chaos, among)
    fault(name, running)
    return *running.wait(), name


def restart(chaos: Chaos, name: str) -> None:
    """The worker is there again, and all are usable."""
    if chaos.daemons.processes[name].poll() is not None:
        until(lambda: chaos.states().get(name) not in ("alive", "draining", "silent"), 15, f"{name} is given up")
        chaos.daemons.add_worker(name)
    until(lambda: list(chaos.states().values()).count("alive") == 3, 30, "all workers are alive")


def test_a_killed_worker(chaos: Chaos, undisturbed: tuple[list[Any], float]) -> None:
    expected, usual_s = undisturbed
    rows, seconds, name = disturbed(chaos, lambda name, _: chaos.daemons.kill(name))
    assert rows == expected
    chaos.daemons.processes[name].wait()
    assert seconds < BUSY_FACTOR * usual_s + LOST_WORK_S
    restart(chaos, name)


def test_a_deleted_block_file(chaos: Chaos, undisturbed: tuple[list[Any], float]) -> None:
    def delete(name: str, running: Running) -> None:
        for path in chaos.daemons.blocks(name, f"blocks/{running.job_id}/*/*")[:2]:
            path.unlink()

    assert disturbed(chaos, delete)[0] == undisturbed[0]


def test_a_killed_executor(chaos: Chaos, undisturbed: tuple[list[Any], float]) -> None:
    assert disturbed(chaos, lambda name, _: chaos.daemons.executors(name)[0].kill())[0] == undisturbed[0]


def test_an_executor_that_stands_still(chaos: Chaos, undisturbed: tuple[list[Any], float]) -> None:
    """Its worker says all is well; a second attempt elsewhere ends the wait."""
    frozen: list[psutil.Process] = []

    def freeze(name: str, _: Running) -> None:
        frozen.extend(chaos.daemons.executors(name))
        for executor in frozen:
            executor.suspend()

    try:
        rows, *_ = disturbed(chaos, freeze)
    finally:
        for executor in frozen:
            executor.resume()
    assert rows == undisturbed[0]
    assert "second attempt at a slow task" in chaos.daemons.log("driver")


def test_a_worker_that_leaves_loses_nothing(chaos: Chaos, undisturbed: tuple[list[Any], float]) -> None:
    """SIGTERM: its maps move to the others, and none is computed twice."""
    jobs: list[int] = []

    def leave(name: str, running: Running) -> None:
        jobs.append(running.job_id)
        chaos.daemons.kill(name, signal.SIGTERM)

    rows, _, name = disturbed(chaos, leave)
    assert rows == undisturbed[0]
    assert chaos.daemons.processes[name].wait(25) == 0
    job = chaos.jobs.get_job(jobs[0])
    finished = [task for stage in job.stages for task in stage.tasks if task.state == "finished"]
    partitions = [(task.id.stage_id, task.id.partition) for task in finished]
    assert len(partitions) == len(set(partitions))
    causes = {task.failure.WhichOneof("cause") for stage in job.stages for task in stage.tasks}
    assert causes <= {None, "cancelled"}
    restart(chaos, name)


def test_a_frozen_worker_comes_back_with_its_blocks(chaos: Chaos, undisturbed: tuple[list[Any], float]) -> None:
    """The daemon stands still for longer than it may be silent."""
    expected, usual_s = undisturbed
    frozen: dict[str, float] = {}
    at = len(chaos.daemons.log("driver"))

    def freeze(name: str, _: Running) -> None:
        chaos.daemons.kill(name, signal.SIGSTOP)
        frozen[name] = time.time()

    try:
        rows, seconds, name = disturbed(chaos, freeze)
        lost_s = until(lambda: chaos.lost_at_s(name, at), 60, "the silent worker is given up")
    finally:
        for name in frozen:
            chaos.daemons.kill(name, signal.SIGCONT)
    assert lost_s - frozen[name] < SILENCE_S_MAX + BUSY_S
    assert rows == expected
    assert seconds < BUSY_FACTOR * usual_s + LOST_WORK_S
    until(lambda: chaos.states()[name] == "alive", 20, "it is back")
    assert chaos.spark.sql(QUERY).collect() == expected


def test_a_damaged_block_file(chaos: Chaos, undisturbed: tuple[list[Any], float]) -> None:
    """The last but one: its worker gets no tasks for a while afterwards."""

    def damage(name: str, running: Running) -> None:
        for path in chaos.daemons.blocks(name, f"blocks/{running.job_id}/*/*.data")[:2]:
            size = path.stat().st_size
            with path.open("r+b") as file:
                for offset in range(size // 20, size, size // 10):
                    file.seek(offset)
                    file.write(b"\xff\x00\xff")

    assert disturbed(chaos, damage)[0] == undisturbed[0]


def test_a_result_whose_worker_dies_while_it_is_read(chaos: Chaos) -> None:
    """Some of the rows are with the client already: none comes twice, none is missing."""
    rows = 600_000
    frame = chaos.spark.sql(f"SELECT id, md5(CAST(id AS STRING)) AS m FROM range(0, {rows}, 1, 6)")
    numbers = frame.toLocalIterator()
    first = [next(numbers).id for _ in range(10)]
    chaos.daemons.kill("w0")
    got = first + [row.id for row in numbers]
    assert len(got) == rows
    assert sorted(got) == list(range(rows))
    chaos.daemons.processes["w0"].wait()
    restart(chaos, "w0")
