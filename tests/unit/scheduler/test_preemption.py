"""Preemption: who starves, who gives up a slot, which one, and how often."""

from __future__ import annotations

import pytest

from headrace_driver.plan.stage import OutputKind
from headrace_driver.scheduler import actions, events
from headrace_driver.scheduler.identity import TaskKey
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_driver.scheduler.scheduler import Scheduler
from headrace_proto.v1 import common_pb2
from tests.unit.scheduler.plans import finish, launches, of_kind, scheduler_with, stage, start, tasks_on

CANCELLED = common_pb2.Failure(cancelled=common_pb2.Cancelled(reason="asked"))
TWO = (("a", "h1", 1), ("b", "h2", 1))


def long_job(
    *workers: tuple[str, str, int], tasks: int = 4, weight: float = 1.0, options: SchedulerOptions | None = None
) -> Scheduler:
    """Job 1 holds every slot; its tasks have started a second apart, in order."""
    scheduler = scheduler_with(*workers, options=options)
    launched = start(scheduler, 1, stage(1, tasks=tasks), weight=weight)
    running = sorted((key, worker) for worker, keys in launched.items() for key in keys)
    for at_s, (key, worker) in enumerate(running):
        scheduler.handle(events.TaskStarted(worker, key), float(at_s))
    return scheduler


def look(scheduler: Scheduler, now_s: float) -> list[actions.Action]:
    """A tick, with every worker heard just before."""
    for worker in list(scheduler.pool.by_id.values()):
        listed = frozenset(key for key, attempt in worker.running.items() if attempt.started)
        scheduler.handle(events.WorkerHeard(worker.worker_id, listed), now_s)
    return scheduler.handle(events.Tick(), now_s)


def preempted(decided: list[actions.Action]) -> list[tuple[TaskKey, int]]:
    """What gave its slot to which job."""
    return [(action.key, action.job_id) for action in decided if isinstance(action, actions.TaskPreempted)]


def after_two_seconds(scheduler: Scheduler, now_s: float = 10.0) -> list[tuple[TaskKey, int]]:
    look(scheduler, now_s)
    return preempted(look(scheduler, now_s + 2.0))


def end_cancelled(scheduler: Scheduler, decided: list[actions.Action], now_s: float) -> dict[str, list[TaskKey]]:
    """The worker reports what it was told to cancel; what is launched then."""
    found: list[actions.Action] = []
    for action in decided:
        if isinstance(action, actions.CancelTasks):
            for key in action.tasks:
                found += scheduler.handle(events.TaskFailed(action.worker_id, key, CANCELLED), now_s)
    return launches(found)


def test_a_job_without_a_slot_gets_the_youngest_tasks_after_two_seconds() -> None:
    scheduler = long_job(*TWO)
    start(scheduler, 2, stage(1, tasks=2), now_s=10.0)
    assert preempted(look(scheduler, 10.0)) == []
    assert preempted(look(scheduler, 11.9)) == []
    decided = look(scheduler, 12.0)
    assert preempted(decided) == [(TaskKey(1, 1, 1, 0), 2)]
    [(worker, keys)] = end_cancelled(scheduler, decided, 12.1).items()
    assert keys == [TaskKey(2, 1, 0, 0)]
    # Both have what is fair: nobody loses anything any more, however long it takes.
    assert preempted(look(scheduler, 60.0)) == []
    # Its second task is its job's turn before the long job's.
    assert launches(finish(scheduler, worker, keys[0], 61.0)) == {worker: [TaskKey(2, 1, 1, 0)]}


def test_a_preempted_attempt_is_no_failure() -> None:
    scheduler = long_job(*TWO)
    start(scheduler, 2, stage(1, OutputKind.RESULT), now_s=10.0)
    look(scheduler, 10.0)
    decided = look(scheduler, 12.0)
    assert of_kind(decided, actions.TaskRetried) == []
    end_cancelled(scheduler, decided, 12.1)
    long = scheduler.jobs[1].stages[1]
    assert not long.counts
    assert not long.pending.retries
    assert not long.pending.avoid
    assert long.is_pending(1)
    # It runs again where it ran, before tasks that were never tried.
    assert launches(finish(scheduler, "b", TaskKey(2, 1, 0, 0), 13.0)) == {"b": [TaskKey(1, 1, 1, 1)]}


def test_a_task_that_had_finished_before_it_was_told_to_end_counts() -> None:
    scheduler = long_job(*TWO, tasks=2)
    start(scheduler, 2, stage(1), now_s=10.0)
    [(key, _)] = after_two_seconds(scheduler)
    assert launches(finish(scheduler, "b", key, 12.1)) == {"b": [TaskKey(2, 1, 0, 0)]}
    assert scheduler.jobs[1].stages[1].is_done(key.partition)
    assert launches(finish(scheduler, "b", TaskKey(2, 1, 0, 0), 12.2)) == {}


@pytest.mark.parametrize(
    ("slots", "weights", "taken"),
    [
        pytest.param(1, (1.0, 1.0), 0, id="the only slot is nobody's to take"),
        pytest.param(2, (1.0, 1.0), 1, id="two slots, two jobs"),
        pytest.param(2, (4.0, 1.0), 0, id="1.6 of two slots are two"),
        pytest.param(4, (1.0, 1.0), 1, id="one at a time"),
        pytest.param(3, (1.0, 1.0), 1, id="1.5 of three slots are two"),
    ],
)
def test_a_job_keeps_its_fair_share_rounded_up(slots: int, weights: tuple[float, float], taken: int) -> None:
    scheduler = long_job(("a", "h1", slots), weight=weights[0], tasks=8)
    start(scheduler, 2, stage(1), now_s=10.0, weight=weights[1])
    assert len(after_two_seconds(scheduler)) == taken


def test_several_jobs_without_a_slot_get_one_each_as_long_as_it_is_fair() -> None:
    scheduler = long_job(("a", "h1", 4), tasks=8)
    for job_id in (2, 3, 4, 5):
        start(scheduler, job_id, stage(1), now_s=10.0)
    found = after_two_seconds(scheduler)
    assert [job_id for _, job_id in found] == [2, 3, 4]
    assert [key.partition for key, _ in found] == [3, 2, 1]


def test_one_slot_at_a_time_is_asked_for_and_again_when_nothing_came_of_it() -> None:
    scheduler = long_job(("a", "h1", 4), tasks=8)
    start(scheduler, 2, stage(1), now_s=10.0)
    assert len(after_two_seconds(scheduler)) == 1
    assert preempted(look(scheduler, 13.9)) == []
    # The worker has said nothing of what it was told to cancel.
    assert len(preempted(look(scheduler, 14.0))) == 1
    # Job 1 runs two attempts that count: what is fair.
    assert preempted(look(scheduler, 16.0)) == []


def test_a_task_loses_its_slot_twice_at_most() -> None:
    scheduler = long_job(*TWO, tasks=2)
    victims = []
    for job_id in range(2, 9):
        now_s = 10.0 * job_id
        start(scheduler, job_id, stage(1, OutputKind.RESULT), now_s=now_s)
        look(scheduler, now_s)
        decided = look(scheduler, now_s + 2.0)
        victims += [key.partition for key, _ in preempted(decided)]
        for worker, keys in end_cancelled(scheduler, decided, now_s + 2.1).items():
            for key in keys:
                finish(scheduler, worker, key, now_s + 3.0)
    assert sorted(victims) == [0, 0, 1, 1]


def test_a_job_keeps_the_slot_it_was_given_from_stage_to_stage() -> None:
    scheduler = long_job(*TWO)
    start(scheduler, 2, stage(1, tasks=2), now_s=10.0)
    look(scheduler, 10.0)
    end_cancelled(scheduler, look(scheduler, 12.0), 12.1)
    finish(scheduler, "b", TaskKey(2, 1, 0, 0), 13.0)
    decided = finish(scheduler, "b", TaskKey(2, 1, 1, 0), 13.1)
    assert of_kind(decided, actions.StageCompleted)
    assert launches(decided) == {}
    assert of_kind(decided, actions.WakeAt) == [actions.WakeAt(14.1)]
    next_stage = events.StagesPlanned(2, (stage(2, OutputKind.RESULT, reads=(1,)),))
    assert launches(scheduler.handle(next_stage, 13.2)) == {"b": [TaskKey(2, 2, 0, 0)]}
    # Its last stage is done: the task that was preempted has the slot back at once.
    assert launches(finish(scheduler, "b", TaskKey(2, 2, 0, 0), 13.3)) == {"b": [TaskKey(1, 1, 1, 1)]}


@pytest.mark.parametrize("ends", [events.JobCancelled(2, "asked"), events.Tick()])
def test_a_slot_is_not_kept_for_ever(ends: events.Event) -> None:
    """Neither for a job that has ended nor for one whose next stage does not come."""
    scheduler = long_job(*TWO)
    start(scheduler, 2, stage(1), now_s=10.0)
    look(scheduler, 10.0)
    end_cancelled(scheduler, look(scheduler, 12.0), 12.1)
    assert launches(finish(scheduler, "b", TaskKey(2, 1, 0, 0), 13.0)) == {}
    at_s = 14.0 if isinstance(ends, events.Tick) else 13.1
    assert launches(scheduler.handle(ends, at_s)) == {"b": [TaskKey(1, 1, 1, 1)]}


def test_second_attempts_go_first() -> None:
    scheduler = scheduler_with(("a", "h1", 2), ("b", "h2", 2), options=SchedulerOptions(speculation_slots_fraction=1))
    launched = start(scheduler, 1, stage(1, tasks=4))
    of_task = {key.partition: (worker, key) for worker, keys in launched.items() for key in keys}
    scheduler.handle(events.TaskStarted(*of_task[0]), 0.0)
    for partition in (1, 2, 3):
        finish(scheduler, *of_task[partition], 1.0, run_s=1.0)
    [copy] = [action for action in look(scheduler, 5.0) if isinstance(action, actions.TaskSpeculated)]
    # Two more tasks of another job are younger than the copy's first attempt.
    scheduler.handle(events.TaskStarted(copy.worker_id, copy.key), 5.0)
    filling = start(scheduler, 2, stage(1, tasks=2), now_s=20.0)
    for worker, keys in filling.items():
        for key in keys:
            scheduler.handle(events.TaskStarted(worker, key), 20.0)
    assert scheduler.pool.free_slots == 0
    start(scheduler, 3, stage(1), now_s=20.5)
    assert after_two_seconds(scheduler, 21.0) == []  # Four slots, three jobs: two are a fair share, rounded up.
    start(scheduler, 4, stage(1), now_s=23.0)
    assert preempted(look(scheduler, 25.0)) == [(copy.key, 3)]
    assert scheduler.jobs[1].stages[1].current[0].key == of_task[0][1]


def test_strict_tasks_get_slots_where_they_may_run() -> None:
    scheduler = long_job(*TWO)
    start(scheduler, 2, stage(1, tasks=tasks_on("h1", 1, strict=True)), now_s=10.0)
    assert after_two_seconds(scheduler) == [(TaskKey(1, 1, 0, 0), 2)]


def test_a_free_slot_is_of_no_use_to_strict_tasks_that_may_not_run_there() -> None:
    scheduler = long_job(("a", "h1", 2), tasks=2)
    scheduler.handle(events.WorkerJoined("b", "a", 1, "h2"), 9.0)
    start(scheduler, 2, stage(1, tasks=tasks_on("h1", 1, strict=True)), now_s=10.0)
    assert scheduler.pool.free_slots == 1
    # Job 1 holds two of three slots, which is its share of 1.5 rounded up.
    assert after_two_seconds(scheduler) == []
    start(scheduler, 3, stage(1, tasks=tasks_on("h1", 1, strict=True)), now_s=13.0)
    assert [job_id for _, job_id in after_two_seconds(scheduler, 14.0)] == [2]


def test_who_waits_for_a_better_place_while_slots_are_free_does_not_starve() -> None:
    scheduler = long_job(("a", "h1", 2), tasks=2)
    scheduler.handle(events.WorkerJoined("b", "a", 1, "h2"), 9.0)
    for job_id in (2, 3):
        start(scheduler, job_id, stage(1, tasks=tasks_on("h1", 1, 10 << 30)), now_s=10.0)
    assert after_two_seconds(scheduler) == []
    assert launches(scheduler.handle(events.Tick(), 13.0)) == {"b": [TaskKey(2, 1, 0, 0)]}


def test_having_had_no_slot_counts_as_waiting_for_a_better_place() -> None:
    scheduler = long_job(*TWO)
    # Its input is on the host of a worker that takes no part in this: it is leaving.
    scheduler.handle(events.WorkerJoined("c", "a", 1, "h3"), 9.0)
    scheduler.handle(events.WorkerDraining("c", "told to"), 9.0)
    start(scheduler, 2, stage(1, tasks=tasks_on("h3", 1, 10 << 30)), now_s=10.0)
    assert after_two_seconds(scheduler) == []
    decided = look(scheduler, 14.0)
    assert preempted(decided) == [(TaskKey(1, 1, 1, 0), 2)]
    assert end_cancelled(scheduler, decided, 14.1) == {"b": [TaskKey(2, 1, 0, 0)]}


def test_a_retry_gets_no_slot_where_it_has_failed() -> None:
    scheduler = scheduler_with(*TWO)
    start(scheduler, 2, stage(1))
    start(scheduler, 1, stage(1, tasks=8))
    [attempt] = scheduler.jobs[2].stages[1].current.values()
    failed_on = attempt.worker.worker_id
    other = "b" if failed_on == "a" else "a"
    lost = common_pb2.Failure(executor_lost=common_pb2.ExecutorLost(exit_code=-9))
    scheduler.handle(events.TaskFailed(failed_on, attempt.key, lost), 1.0)
    [(key, job_id)] = after_two_seconds(scheduler)
    assert job_id == 2
    assert key in scheduler.pool.by_id[other].running


def test_waiting_to_be_tried_again_is_not_starving() -> None:
    scheduler = scheduler_with(("a", "h1", 2), ("b", "h2", 2), options=SchedulerOptions(retry_wait_s=60.0))
    start(scheduler, 2, stage(1))
    start(scheduler, 1, stage(1, tasks=8))
    lost = common_pb2.Failure(executor_lost=common_pb2.ExecutorLost(exit_code=-9))
    now_s = 1.0
    for _ in range(2):
        for attempt in list(scheduler.jobs[2].stages[1].current.values()):
            scheduler.handle(events.TaskFailed(attempt.worker.worker_id, attempt.key, lost), now_s)
        now_s += 1.0
        look(scheduler, now_s)
        decided = look(scheduler, now_s + 2.0)
        end_cancelled(scheduler, decided, now_s + 2.1)
        now_s += 3.0
    assert scheduler.jobs[2].stages[1].pending.delayed == 1
    assert after_two_seconds(scheduler, 20.0) == []


def test_tasks_queued_behind_a_long_one_make_room_with_it() -> None:
    """Forty tasks of a few milliseconds each, queued behind one that turned out long."""
    scheduler = scheduler_with(("a", "h1", 2))
    start(scheduler, 1, stage(1, tasks=100))
    done = [TaskKey(1, 1, partition, 0) for partition in range(2)]
    for key in done:
        finish(scheduler, "a", key, 0.01, run_s=0.005)
    worker = scheduler.pool.by_id["a"]
    queued = sorted(worker.running)
    assert len(queued) > 10
    for key in queued[:2]:
        scheduler.handle(events.TaskStarted("a", key), 0.02)
    start(scheduler, 2, stage(1), now_s=10.0)
    found = [key for key, _ in after_two_seconds(scheduler)]
    assert sorted(found) == queued[1:]


def test_workers_that_get_no_tasks_lose_none() -> None:
    scheduler = long_job(("a", "h1", 1), ("b", "h2", 1), ("c", "h3", 1), tasks=3)
    scheduler.handle(events.WorkerDraining("c", "told to"), 5.0)
    start(scheduler, 2, stage(1), now_s=10.0)
    [(key, _)] = after_two_seconds(scheduler)
    assert key not in scheduler.pool.by_id["c"].running


def test_a_job_whose_result_is_being_read_keeps_its_slots() -> None:
    scheduler = scheduler_with(("a", "h1", 3), ("b", "h2", 1))
    launched = start(scheduler, 1, stage(1, OutputKind.RESULT, 4))
    for worker, keys in launched.items():
        for key in keys:
            finish(scheduler, worker, key, 1.0)
    assert scheduler.jobs[1].complete
    scheduler.handle(events.WorkerLost("a", "killed"), 2.0)
    scheduler.handle(events.WorkerJoined("c", "a", 2, "h3"), 2.5)
    assert scheduler.jobs[1].running == 3
    start(scheduler, 2, stage(1), now_s=10.0)
    assert after_two_seconds(scheduler) == []


def test_short_tasks_queued_at_workers_do_not_keep_another_job_out() -> None:
    """A job whose tasks take a millisecond queues dozens of them; it may not fill the queue up while another waits."""
    scheduler = scheduler_with(("a", "h1", 2))
    start(scheduler, 1, stage(1, tasks=3000))
    worker = scheduler.pool.by_id["a"]
    for _ in range(200):
        finish(scheduler, "a", next(iter(worker.running)), 0.0, run_s=0.001)
    queued = len(worker.running)
    assert queued > 50
    start(scheduler, 2, stage(1), now_s=0.5)
    ended = 0
    while scheduler.jobs[2].running == 0:
        finish(scheduler, "a", next(iter(worker.running)), 0.5, run_s=0.001)
        ended += 1
        assert ended <= queued
    # It has what is fair; the others queue again.
    finish(scheduler, "a", next(key for key in worker.running if key.job_id == 1), 0.5, run_s=0.001)
    assert len(worker.running) > 50


def test_a_strict_task_is_not_kept_out_by_queued_ones_either() -> None:
    scheduler = scheduler_with(*TWO)
    start(scheduler, 1, stage(1, tasks=2000))
    worker = scheduler.pool.by_id["a"]
    for _ in range(100):
        finish(scheduler, "a", next(iter(worker.running)), 0.0, run_s=0.001)
    start(scheduler, 2, stage(1, tasks=tasks_on("h1", 1, strict=True)))
    for _ in range(len(worker.running)):
        finish(scheduler, "a", next(iter(worker.running)), 0.5, run_s=0.001)
        if scheduler.jobs[2].running:
            break
    assert scheduler.jobs[2].running == 1


def test_nothing_is_queued_at_a_worker_where_nothing_ends() -> None:
    """Job 2's tasks are short, so that some may queue; a worker held by a long one is no place for that."""
    scheduler = scheduler_with(*TWO)
    start(scheduler, 1, stage(1))
    [held] = [attempt.worker.worker_id for attempt in scheduler.jobs[1].stages[1].current.values()]
    other = "b" if held == "a" else "a"
    look(scheduler, 1.0)
    start(scheduler, 2, stage(1, tasks=20), now_s=1.0)
    [first] = scheduler.pool.by_id[other].running
    assert launches(finish(scheduler, other, first, 1.1, run_s=0.005)).keys() == {other}
    assert len(scheduler.pool.by_id[other].running) == 1 + 10
    assert len(scheduler.pool.by_id[held].running) == 1


def test_what_is_queued_behind_a_long_task_goes_where_a_slot_is() -> None:
    scheduler = scheduler_with(*TWO)
    start(scheduler, 1, stage(1))
    [long] = scheduler.jobs[1].stages[1].current.values()
    held, other = long.worker.worker_id, "b" if long.worker.worker_id == "a" else "a"
    start(scheduler, 2, stage(1, tasks=3))
    finish(scheduler, other, TaskKey(2, 1, 0, 0), 0.1, run_s=0.04)
    [queued] = [key for key in scheduler.pool.by_id[held].running if key.job_id == 2]
    scheduler.handle(events.TaskStarted(held, long.key), 0.1)
    [last] = scheduler.pool.by_id[other].running
    finish(scheduler, other, last, 0.2, run_s=0.04)
    assert scheduler.pool.free_slots == 1
    look(scheduler, 1.0)
    decided = look(scheduler, 3.0)
    assert preempted(decided) == []
    assert of_kind(decided, actions.CancelTasks) == [actions.CancelTasks(held, (queued,))]
    assert launches(decided) == {other: [queued._replace(attempt=1)]}
