"""Thousands of short disturbed lives of a cluster. A seed that fails prints its last events."""

from __future__ import annotations

import gc
import os
from collections import Counter

import pytest

from headrace_driver.scheduler import actions, events
from headrace_driver.scheduler.options import SchedulerOptions
from tests.simulation.cluster import Simulation
from tests.simulation.shapes import SHAPES, Shape, small

SMALL_SEEDS = int(os.environ.get("HEADRACE_SIMULATION_SEEDS", "90"))
"""Small runs of each shape: two thousand in all, some five milliseconds each."""

SEEDS = 2
"""Runs of each shape in its own size, some thirty milliseconds each. `--long` plays thousands of both."""

LONG_SEEDS = int(os.environ.get("HEADRACE_SIMULATION_LONG_SEEDS", "60"))

BLAMELESS = {
    "undisturbed",
    "deaths",
    "freezes",
    "streams",
    "drains",
    "statuses",
    "blocks",
    "slow workers",
    "long beside short",
}
"""Shapes in which no job fails: what goes wrong is nobody's fault, and not so often that trying again does not help."""

IN_THE_MIX = {
    "drains": {"adoptions", "dismissed"},
    "slow workers": {"speculated"},
    "long beside short": {"preempted"},
    "long beside short and faults": {"preempted", "driver deaths"},
    "too little memory": {"executors restarted", "retries after running out of memory"},
    "memory and caches": {"reads of cached rows", "evictions"},
    "caches": {"reads of cached rows", "adoptions"},
    "driver deaths": {"driver deaths"},
    "driver deaths and other rows": {"driver deaths"},
    "broken programs": {"executors that did not start"},
}
"""What a shape is there for must happen in its runs, or they prove nothing."""


def play(seed: int, shape: Shape, options: SchedulerOptions | None = None) -> Simulation:
    simulation = Simulation(seed, shape, options)
    gc.disable()
    try:
        simulation.run()
    except Exception as error:
        last = "\n".join(simulation.trace[-80:])
        raise AssertionError(f"{last}\nseed {seed} of {shape}: {error!r}") from error
    finally:
        gc.enable()
    return simulation


def play_all(name: str, shape: Shape, seeds: range) -> Counter[str]:
    """Runs of one shape; counts what happened in them."""
    seen: Counter[str] = Counter()
    for seed in seeds:
        simulation = play(seed, shape)
        seen += simulation.seen
        if name in BLAMELESS:
            ends = {job.job_id: job.ended for job in simulation.jobs.values()}
            assert set(ends.values()) == {"done"}, f"seed {seed} of {shape}: {ends}"
    return seen


@pytest.mark.parametrize("name", SHAPES)
def test_every_job_ends_and_nothing_is_lost(name: str) -> None:
    seen = play_all(name, small(SHAPES[name]), range(SMALL_SEEDS))
    if SMALL_SEEDS >= 50:
        assert IN_THE_MIX.get(name, set()) <= {what for what, count in seen.items() if count}
    play_all(name, SHAPES[name], range(SEEDS))


def longest_wait_s(options: SchedulerOptions) -> float:
    """From the plan of a job to its first task, in a cluster where all that is wrong is that some tasks take long."""
    waits_s: list[float] = []
    for seed in range(8):
        waiting: dict[int, float] = {}
        begun: set[int] = set()
        for at_s, what in play(seed, SHAPES["long beside short"], options).record:
            if isinstance(what, events.StagesPlanned):
                if what.job_id not in begun:
                    begun.add(what.job_id)
                    waiting[what.job_id] = at_s
            elif isinstance(what, actions.LaunchTasks):
                first_of = {task.key.job_id for task in what.tasks} & waiting.keys()
                waits_s += [at_s - waiting.pop(job_id) for job_id in first_of]
    return max(waits_s)


def test_no_job_waits_for_the_end_of_long_tasks() -> None:
    """A slot is given to it at the first tick after two seconds; without that it waits several times as long."""
    assert longest_wait_s(SchedulerOptions()) < 2.0 + 0.6
    assert longest_wait_s(SchedulerOptions(preempt_after_s=float("inf"))) > 4.0


def test_a_large_cluster() -> None:
    shape = Shape(workers=100, hosts=50, jobs=3, tasks_max=150, worker_deaths=0.002, executor_deaths=0.001)
    simulation = play(7, shape)
    assert {job.ended for job in simulation.jobs.values()} == {"done"}


def test_a_seed_is_a_run() -> None:
    assert play(3, SHAPES["all"]).trace == play(3, SHAPES["all"]).trace


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", SHAPES)
def test_thousands_of_seeds(name: str) -> None:
    play_all(name, SHAPES[name], range(10_000, 10_000 + LONG_SEEDS))
    play_all(name, small(SHAPES[name]), range(10_000, 10_000 + 10 * LONG_SEEDS))


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_thousand_workers() -> None:
    shape = Shape(
        workers=1000,
        hosts=500,
        jobs=3,
        tasks_max=600,
        worker_deaths=0.0003,
        freezes=0.0003,
        drains=0.0003,
        executor_deaths=0.001,
        stream_cuts=0.001,
    )
    simulation = play(12, shape)
    assert {job.ended for job in simulation.jobs.values()} == {"done"}
