"""Short ways to write stages, workers and a scheduler under test."""

from __future__ import annotations

from collections.abc import Iterable

from headrace_driver.plan.stage import HostPreference, OutputKind, StageSpec, TaskSpec
from headrace_driver.scheduler import actions, events
from headrace_driver.scheduler.identity import TaskKey
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_driver.scheduler.scheduler import Scheduler
from headrace_proto.v1 import task_pb2

PROGRAM = task_pb2.StageProgram()


def stage(
    stage_id: int,
    kind: OutputKind = OutputKind.SHUFFLE,
    tasks: int | tuple[TaskSpec, ...] = 1,
    *,
    reads: tuple[int, ...] = (),
    reducers: int = 1,
) -> StageSpec:
    specs = tasks if isinstance(tasks, tuple) else tuple(TaskSpec(partition) for partition in range(tasks))
    return StageSpec(stage_id, kind, PROGRAM, specs, reads, reducers)


def tasks_on(host: str, count: int, local_bytes: int = 1 << 30, *, strict: bool = False) -> tuple[TaskSpec, ...]:
    preferences = (HostPreference(host, local_bytes),)
    return tuple(TaskSpec(partition, preferences=preferences, strict=strict) for partition in range(count))


def scheduler_with(*workers: tuple[str, str, int], options: SchedulerOptions | None = None) -> Scheduler:
    """Workers as (name, host, slots)."""
    scheduler = Scheduler(options)
    for name, host, slots in workers:
        scheduler.handle(events.WorkerJoined(name, "a", slots, host), 0.0)
    return scheduler


def start(
    scheduler: Scheduler, job_id: int, *stages: StageSpec, now_s: float = 0.0, weight: float = 1.0
) -> dict[str, list[TaskKey]]:
    """Submits a job and returns what is launched, by worker."""
    batch = (events.JobSubmitted(job_id, weight), events.StagesPlanned(job_id, stages))
    return launches(scheduler.handle_all(batch, now_s))


def launches(decided: Iterable[actions.Action]) -> dict[str, list[TaskKey]]:
    """Keys launched, by worker."""
    return {
        action.worker_id: [launch.key for launch in action.tasks]
        for action in decided
        if isinstance(action, actions.LaunchTasks)
    }


def finish(
    scheduler: Scheduler, worker: str, key: TaskKey, now_s: float = 0.0, **fields: object
) -> list[actions.Action]:
    return scheduler.handle(events.TaskFinished(worker, key, **fields), now_s)  # type: ignore[arg-type]


def of_kind(decided: Iterable[actions.Action], kind: type) -> list[actions.Action]:
    return [action for action in decided if isinstance(action, kind)]
