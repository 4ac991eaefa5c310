"""A driver and three workers on hosts of their own, whose cables are cut, deaf, dumb or slow while a query runs."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from headrace_proto.v1 import jobs_pb2
from tests.chaos.daemons import BUSY_S, SILENCE_S_MAX, Chaos, chaos_cluster, until
from tests.chaos.running import QUERY, Running, caught
from tests.cluster.hosts import Host, Network, network

pytestmark = [pytest.mark.cluster, pytest.mark.long]

WORKERS = ("w0", "w1", "w2")
SLOW_BYTES_PER_S = 100_000

SMALL_QUERY = """
SELECT count(*) AS groups, sum(n) AS n, max(m) AS m
FROM (SELECT id % 300000 AS k, count(*) AS n, max(md5(CAST(id AS STRING))) AS m FROM range(0, 600000, 1, 6) GROUP BY 1)
"""
"""Some 2 MB go between workers: ten seconds and more by a slow cable."""


@dataclass
class Linked:
    """The cluster and its hosts, by the names of the daemons."""

    chaos: Chaos
    network: Network
    hosts: dict[str, Host]

    def others(self, name: str) -> list[Host]:
        return [host for other, host in self.hosts.items() if other != name]

    def log(self) -> str:
        return self.chaos.daemons.log("driver")


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Linked]:
    directory = tmp_path_factory.mktemp("links")
    with ExitStack() as stack:
        built = stack.enter_context(network(directory / "hosts", ("driver", *WORKERS), {}))
        hosts = {host.name: host for host in built.hosts}
        yield Linked(stack.enter_context(chaos_cluster(directory, hosts=hosts)), built, hosts)


@pytest.fixture(scope="module")
def expected(linked: Linked) -> dict[str, list[Any]]:
    """The right answers, from hosts that all hear each other."""
    return {query: linked.chaos.spark.sql(query).collect() for query in (QUERY, SMALL_QUERY)}


@pytest.fixture(autouse=True)
def _all_there(linked: Linked) -> Iterator[None]:
    yield
    until(lambda: sorted(linked.chaos.states().values()) == ["alive"] * 3, 90, "all workers are alive")


@contextmanager
def cut(linked: Linked, name: str) -> Iterator[None]:
    """Nothing goes in or out."""
    linked.hosts[name].cut()
    try:
        yield
    finally:
        linked.hosts[name].mend()


@contextmanager
def dumb(linked: Linked, name: str) -> Iterator[None]:
    """It hears the others, which do not hear it."""
    linked.hosts[name].cut_towards(*linked.others(name))
    try:
        yield
    finally:
        linked.hosts[name].mend_towards(*linked.others(name))


@contextmanager
def deaf(linked: Linked, name: str) -> Iterator[None]:
    """The others hear it, and it does not hear them."""
    for other in linked.others(name):
        other.cut_towards(linked.hosts[name])
    try:
        yield
    finally:
        for other in linked.others(name):
            other.mend_towards(linked.hosts[name])


def not_back_to_where_it_failed(job: jobs_pb2.JobDetail) -> int:
    """Checks that no task failed twice running in the same place; returns the number of failures.

    The place is the worker, or for blocks that could not be had the way from their holder to the worker.
    """
    attempts = defaultdict(list)
    for stage in job.stages:
        for task in stage.tasks:
            attempts[task.id.stage_id, task.id.partition].append(task)
    failures = 0
    for tasks in attempts.values():
        tasks.sort(key=lambda task: task.launched_us)
        places = [place for task in tasks if (place := place_that_failed(task))]
        failures += len(places)
        assert all(before != after for before, after in pairwise(places)), tasks
    return failures


def place_that_failed(task: jobs_pb2.TaskDetail) -> tuple[str, ...]:
    """Empty where the task did not fail, or not for a reason that is a place's."""
    match task.failure.WhichOneof("cause"):
        case None | "cancelled":
            return ()
        case "fetch_failed":
            return task.failure.fetch_failed.worker_id, task.worker_id
        case _:
            return (task.worker_id,)


def works_again(linked: Linked, name: str) -> None:
    """The worker is alive and is given tasks."""
    chaos = linked.chaos
    until(lambda: chaos.states().get(name) == "alive", 90, f"{name} is back")

    def worked() -> bool:
        chaos.spark.sql(SMALL_QUERY).collect()
        tasks = [task for stage in chaos.newest_job().stages for task in stage.tasks]
        return any(task.worker_id == name and task.state == "finished" for task in tasks)

    until(worked, 90, f"{name} gets work again")


@pytest.mark.parametrize("fault", [cut, dumb, deaf])
def test_a_host_that_falls_silent(
    linked: Linked, expected: dict[str, list[Any]], fault: Callable[[Linked, str], Any]
) -> None:
    chaos, at = linked.chaos, len(linked.log())
    running, name = caught(chaos, WORKERS)
    with fault(linked, name):
        cut_s = time.time()
        rows, seconds = running.wait(120)
        lost_s = until(lambda: chaos.lost_at_s(name, at), 60, "the silent worker is lost")
        job = running.job(chaos)
    print(f"{name} {fault.__name__}: given up after {lost_s - cut_s:.1f} s, the query took {seconds:.1f} s")
    assert rows == expected[QUERY]
    assert lost_s - cut_s < SILENCE_S_MAX + BUSY_S
    not_back_to_where_it_failed(job)
    works_again(linked, name)
    assert chaos.spark.sql(QUERY).collect() == expected[QUERY]


@pytest.mark.parametrize("ways", [1, 2])
def test_two_workers_that_cannot_reach_each_other(linked: Linked, expected: dict[str, list[Any]], ways: int) -> None:
    """The driver hears both."""
    chaos, at = linked.chaos, len(linked.log())
    running, name = caught(chaos, WORKERS)
    other = linked.hosts[next(worker for worker in WORKERS if worker != name)]
    linked.hosts[name].cut_towards(other)
    if ways == 2:
        other.cut_towards(linked.hosts[name])
    try:
        rows, seconds = running.wait(120)
        job = running.job(chaos)
    finally:
        linked.hosts[name].mend_towards(other)
        other.mend_towards(linked.hosts[name])
    failures = not_back_to_where_it_failed(job)
    print(f"{name} and {other.name} apart, {ways} ways: {seconds:.1f} s, {failures} failures")
    assert rows == expected[QUERY]
    assert "worker lost" not in linked.log()[at:], "a worker was given up that the driver heard"
    for worker in (name, other.name):
        works_again(linked, worker)


@pytest.mark.parametrize("others", [("w0", "w2"), ("driver",)])
def test_a_slow_cable(linked: Linked, expected: dict[str, list[Any]], others: tuple[str, ...]) -> None:
    """From one worker to the others, or to the driver. Slow is not dead: nobody is given up, and nothing fails."""
    chaos, at = linked.chaos, len(linked.log())
    with ExitStack() as stack:
        for other in others:
            stack.enter_context(linked.network.slow_cable(linked.hosts["w1"], linked.hosts[other], SLOW_BYTES_PER_S))
        running = Running(chaos, SMALL_QUERY)
        rows, seconds = running.wait(180)
        job = running.job(chaos)
    tasks = [task for stage in job.stages for task in stage.tasks]
    fetched_bytes = sum(task.metrics.fetch_remote_bytes for task in tasks)
    print(f"slow cable from w1 to {others}: {seconds:.1f} s; {fetched_bytes:,} bytes went between workers")
    assert rows == expected[SMALL_QUERY]
    assert fetched_bytes > SLOW_BYTES_PER_S
    assert {task.failure.WhichOneof("cause") for task in tasks} <= {None, "cancelled"}
    assert "worker lost" not in linked.log()[at:]


def test_a_large_result_over_a_slow_cable(linked: Linked) -> None:
    """One partition of some 3 MB, in blocks of which each takes longer than a stream may be silent."""
    chaos, at = linked.chaos, len(linked.log())
    rows = 80_000
    with ExitStack() as stack:
        for name in WORKERS:
            stack.enter_context(linked.network.slow_cable(linked.hosts["driver"], linked.hosts[name], SLOW_BYTES_PER_S))
        running = Running(chaos, f"SELECT id, md5(CAST(id AS STRING)) AS m FROM range(0, {rows}, 1, 1)")
        got, seconds = running.wait(180)
        job = running.job(chaos)
    print(f"a large result: {seconds:.1f} s")
    assert [row.id for row in got] == list(range(rows))
    finished = [task for stage in job.stages for task in stage.tasks if task.state == "finished"]
    assert len(finished) == 1, "the result was computed again"
    assert "worker lost" not in linked.log()[at:]
