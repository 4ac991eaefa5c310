"""How much work a decision is, and how much the scheduler remembers a task; `benchmarks/scheduler.py` takes times."""

from __future__ import annotations

import cProfile
import pstats
import tracemalloc
from collections import deque

from headrace_driver.plan.stage import TaskSpec
from headrace_driver.scheduler import actions, events
from headrace_driver.scheduler.identity import TaskKey
from headrace_driver.scheduler.scheduler import Scheduler
from tests.unit.scheduler.plans import stage

REDUCERS = 16


def calls_per_task(workers: int, tasks: int) -> float:
    """Function calls, also of built-in functions, that a stage of trivial tasks takes; one event a call."""
    scheduler = Scheduler()
    for number in range(workers):
        scheduler.handle(events.WorkerJoined(f"w{number}", "a", 2, f"h{number}"), 0.0)
    specs = tuple(TaskSpec(partition) for partition in range(tasks))
    launched: deque[tuple[str, TaskKey]] = deque()
    done = 0

    def note(decided: list[actions.Action]) -> None:
        for action in decided:
            if isinstance(action, actions.LaunchTasks):
                launched.extend((action.worker_id, launch.key) for launch in action.tasks)

    profile = cProfile.Profile()
    profile.enable()
    scheduler.handle(events.JobSubmitted(1), 0.0)
    note(scheduler.handle(events.StagesPlanned(1, (stage(1, tasks=specs, reducers=REDUCERS),)), 0.0))
    while launched:
        worker, key = launched.popleft()
        codes = bytes([key.partition % 200] * REDUCERS)
        note(scheduler.handle(events.TaskFinished(worker, key, size_codes=codes, rows=1, run_s=0.001), 0.0))
        done += 1
    profile.disable()
    assert done == tasks
    assert scheduler.jobs[1].stages[1].completed_once
    return float(pstats.Stats(profile).total_calls) / tasks  # type: ignore[attr-defined]


def test_a_decision_costs_the_same_among_a_thousand_workers_and_many_tasks() -> None:
    """Calls are counted, not seconds: they are the same on every machine."""
    few = calls_per_task(10, 2_000)
    many = calls_per_task(1_000, 20_000)
    assert many < 1.5 * few, f"{few:.0f} calls a task of 2,000 on 10 workers, {many:.0f} of 20,000 on 1,000"


def test_a_task_costs_little_memory() -> None:
    """Besides the planner's spec: states, attempts, sizes and one bytes object; never an object a (map, reducer)."""
    tasks = 20_000
    specs = tuple(TaskSpec(partition) for partition in range(tasks))
    scheduler = Scheduler()
    scheduler.handle(events.WorkerJoined("a", "a", 1, "h"), 0.0)
    scheduler.handle(events.JobSubmitted(1), 0.0)
    tracemalloc.start()
    scheduler.handle(events.StagesPlanned(1, (stage(1, tasks=specs, reducers=REDUCERS),)), 0.0)
    for partition in range(tasks):
        codes = bytes([partition % 200] * REDUCERS)
        scheduler.handle(events.TaskFinished("a", TaskKey(1, 1, partition, 0), size_codes=codes, rows=1), 0.0)
    per_task = tracemalloc.get_traced_memory()[0] / tasks
    tracemalloc.stop()
    assert scheduler.jobs[1].stages[1].is_complete
    assert per_task < 150, f"{per_task:.0f} bytes a task"
