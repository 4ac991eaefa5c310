"""Second attempts: what is taken for slow, where they go, and what they may not do."""

from __future__ import annotations

from headrace_driver.plan.stage import OutputKind, TaskSpec
from headrace_driver.scheduler import actions, events
from headrace_driver.scheduler.identity import TaskKey
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_driver.scheduler.scheduler import Scheduler
from headrace_proto.v1 import task_pb2
from tests.unit.scheduler.plans import finish, of_kind, scheduler_with, stage, start

SLOW = TaskKey(1, 1, 0, 0)


def all_but_first_done(
    tasks: int | tuple[TaskSpec, ...] = 4,
    kind: OutputKind = OutputKind.SHUFFLE,
    options: SchedulerOptions | None = None,
) -> Scheduler:
    """Task 0 runs on a since the beginning; the others took a second each."""
    scheduler = scheduler_with(("a", "h1", 2), ("b", "h2", 2), ("c", "h1", 1), options=options)
    launched = start(scheduler, 1, stage(1, kind, tasks))
    for worker, keys in launched.items():
        for key in keys:
            if key == SLOW:
                scheduler.handle(events.TaskStarted(worker, key), 0.0)
            else:
                finish(scheduler, worker, key, 1.0, run_s=1.0)
    return scheduler


def look(scheduler: Scheduler, now_s: float) -> list[actions.Action]:
    for name in scheduler.pool.by_id:
        scheduler.handle(events.WorkerHeard(name, frozenset(scheduler.pool.by_id[name].running)), now_s)
    return scheduler.handle(events.Tick(), now_s)


def speculated(decided: list[actions.Action]) -> list[tuple[TaskKey, str]]:
    return [
        (action.key, action.worker_id)
        for action in of_kind(decided, actions.TaskSpeculated)
        if isinstance(action, actions.TaskSpeculated)
    ]


def test_three_times_the_median_is_slow_and_the_copy_goes_to_another_host() -> None:
    scheduler = all_but_first_done()
    slow_on = scheduler.jobs[1].stages[1].current[0].worker
    assert speculated(look(scheduler, 2.9)) == []
    [(key, worker)] = speculated(look(scheduler, 3.1))
    assert key == TaskKey(1, 1, 0, 1)
    assert scheduler.pool.by_id[worker].host != slow_on.host
    assert speculated(look(scheduler, 60.0)) == []


def test_a_large_partition_is_not_taken_for_a_slow_one() -> None:
    sizes = (10_000, 1000, 1000, 1000)
    scheduler = all_but_first_done(tuple(TaskSpec(number, input_bytes=size) for number, size in enumerate(sizes)))
    assert speculated(look(scheduler, 29.0)) == []
    assert speculated(look(scheduler, 30.5))


def test_too_few_finished_tasks_say_nothing() -> None:
    scheduler = scheduler_with(("a", "h1", 2), ("b", "h2", 2))
    start(scheduler, 1, stage(1, tasks=4))
    finish(scheduler, "b", TaskKey(1, 1, 1, 0), 1.0, run_s=0.1)
    assert speculated(look(scheduler, 9.0)) == []


def test_it_can_be_switched_off() -> None:
    scheduler = all_but_first_done(options=SchedulerOptions(speculate=False))
    assert speculated(look(scheduler, 30.0)) == []


def test_strict_tasks_have_nowhere_else_to_go() -> None:
    scheduler = all_but_first_done(tuple(TaskSpec(number, strict=number == 0) for number in range(4)))
    assert speculated(look(scheduler, 30.0)) == []


def test_files_of_one_attempt_only_are_committed() -> None:
    scheduler = all_but_first_done(kind=OutputKind.FILES)
    [(copy, worker)] = speculated(look(scheduler, 9.0))
    slow_on = scheduler.jobs[1].stages[1].current[0].worker.worker_id
    written = (task_pb2.WrittenFile(path="of the copy"),)
    decided = finish(scheduler, worker, copy, 9.5, files=written, rows=1)
    assert of_kind(decided, actions.CancelTasks) == [actions.CancelTasks(slow_on, (SLOW,))]
    [done] = of_kind(decided, actions.CompleteJob)
    assert isinstance(done, actions.CompleteJob)
    assert [file.path for file in done.stats.files] == ["of the copy"]
    late = finish(scheduler, slow_on, SLOW, 9.6, files=(task_pb2.WrittenFile(path="of the first"),), rows=1)
    assert of_kind(late, actions.CompleteJob) == []


def test_a_copy_that_is_lost_with_its_worker_leaves_the_first_alone() -> None:
    scheduler = all_but_first_done()
    [(_, worker)] = speculated(look(scheduler, 4.0))
    decided = scheduler.handle(events.WorkerLost(worker, "killed"), 4.5)
    assert of_kind(decided, actions.TaskRetried) == []
    assert scheduler.jobs[1].stages[1].current[0].key == SLOW


def test_the_copy_goes_on_when_the_first_is_lost_with_its_worker() -> None:
    scheduler = all_but_first_done()
    slow_on = scheduler.jobs[1].stages[1].current[0].worker.worker_id
    [(copy, worker)] = speculated(look(scheduler, 4.0))
    scheduler.handle(events.WorkerLost(slow_on, "killed"), 4.5)
    stage_run = scheduler.jobs[1].stages[1]
    assert stage_run.current[0].key == copy
    assert not stage_run.copies
    finish(scheduler, worker, copy, 5.0, run_s=1.0)
    assert stage_run.is_done(0)
