"""What failures lead to: retries by cause, exclusion, liveness, dead ends."""

from __future__ import annotations

import pytest

from headrace_driver.plan.stage import OutputKind, StageSpec
from headrace_driver.scheduler import actions, events
from headrace_driver.scheduler.health import Health
from headrace_driver.scheduler.identity import OutputKey, TaskKey
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_driver.scheduler.retries import Blame, Decision, FailureCounts, Verdict, decide, larger_grant
from headrace_driver.scheduler.scheduler import Scheduler
from headrace_proto.v1 import common_pb2
from tests.unit.scheduler.plans import PROGRAM, finish, launches, of_kind, scheduler_with, stage, start

INTERNAL = common_pb2.Failure(internal=common_pb2.InternalError(message="odd"))
OOM = common_pb2.Failure(out_of_memory=common_pb2.OutOfMemory(granted_bytes=100, wanted_bytes=700))
USER = common_pb2.Failure(user_error=common_pb2.UserError(message="Division by zero."))
DISK = common_pb2.Failure(disk_full=common_pb2.DiskFull(directory="/d"))
LOST = common_pb2.Failure(worker_lost=common_pb2.WorkerLost(worker_id="a"))
FETCH = common_pb2.Failure(fetch_failed=common_pb2.FetchFailed(worker_id="a"))
EXECUTOR = common_pb2.Failure(executor_lost=common_pb2.ExecutorLost(exit_code=-9))


@pytest.mark.parametrize(
    ("failure", "decision", "tries"),
    [
        (USER, None, 1),
        (INTERNAL, Decision(Verdict.ELSEWHERE, Blame.FAILURE), 4),
        (EXECUTOR, Decision(Verdict.ELSEWHERE, Blame.FAILURE), 4),
        (DISK, Decision(Verdict.ELSEWHERE, Blame.DISK), 4),
        (common_pb2.Failure(), Decision(Verdict.ELSEWHERE, Blame.FAILURE), 4),
        (OOM, Decision(Verdict.ELSEWHERE_LARGER), 10),
        (LOST, Decision(Verdict.ELSEWHERE), 8),
        (FETCH, Decision(Verdict.REFETCH), 24),
    ],
)
def test_each_cause_has_its_verdict_and_its_bound(
    failure: common_pb2.Failure, decision: Decision | None, tries: int
) -> None:
    counts, options = FailureCounts(), SchedulerOptions()
    decisions = [decide(failure, counts, options) for _ in range(tries)]
    assert decisions[:-1] == [decision] * (tries - 1)
    assert decisions[-1].verdict is Verdict.FAIL_JOB


def test_running_out_of_memory_is_not_counted_as_a_failure() -> None:
    counts, options = FailureCounts(), SchedulerOptions()
    for _ in range(6):
        assert decide(OOM, counts, options).verdict is Verdict.ELSEWHERE_LARGER
    for _ in range(3):
        assert decide(EXECUTOR, counts, options).verdict is Verdict.ELSEWHERE
    assert decide(EXECUTOR, counts, options).verdict is Verdict.FAIL_JOB


def test_a_larger_grant_is_at_least_double() -> None:
    assert larger_grant(OOM, 0) == 700
    assert larger_grant(OOM, 500) == 1000
    assert larger_grant(common_pb2.Failure(out_of_memory=common_pb2.OutOfMemory()), 0) == 0


def test_job_failure_says_which_task_and_how_often() -> None:
    scheduler = scheduler_with(("a", "h1", 1))
    start(scheduler, 1, stage(1))
    decided: list[actions.Action] = []
    for attempt in range(4):
        decided = scheduler.handle(events.TaskFailed("a", TaskKey(1, 1, 0, attempt), EXECUTOR), 5.0 * attempt)
        scheduler.handle(events.WorkerHeard("a"), 5.0 * attempt + 4.0)
    [failed] = of_kind(decided, actions.FailJob)
    assert isinstance(failed, actions.FailJob)
    assert failed.failure.executor_lost.exit_code == -9
    assert failed.failure.executor_lost.detail == "Task 0 of stage 1 was tried 4 time(s), the last time on worker a."


def test_several_failing_tasks_exclude_a_worker_for_a_while() -> None:
    scheduler = scheduler_with(("a", "h1", 4), ("b", "h2", 4), ("c", "h3", 4))
    keys = start(scheduler, 1, stage(1, tasks=12))["a"]
    for key in keys[:2]:
        assert not of_kind(scheduler.handle(events.TaskFailed("a", key, INTERNAL), 1.0), actions.WorkerExcluded)
    decided = scheduler.handle(events.TaskFailed("a", keys[2], INTERNAL), 1.0)
    assert of_kind(decided, actions.WorkerExcluded) == [actions.WorkerExcluded("a", 30.0, "internal")]
    assert not scheduler.pool.by_id["a"].usable
    for name in "abc":
        scheduler.handle(events.WorkerHeard(name), 30.9)
    assert not scheduler.pool.by_id["a"].usable
    scheduler.handle(events.WorkerHeard("a"), 31.0)
    assert scheduler.pool.by_id["a"].usable


def test_one_poisonous_task_excludes_nobody() -> None:
    health = Health(SchedulerOptions())
    health.join(0, 0.0)
    assert [health.blame(0, (1, 1, 7), float(second), may_exclude=True) for second in range(5)] == [0.0] * 5


def test_exclusions_grow_and_old_failures_are_forgotten() -> None:
    health = Health(SchedulerOptions())
    health.join(0, 0.0)
    assert [health.blame(0, (1, 1, task), task * 40.0, may_exclude=True) for task in range(4)] == [0.0] * 4
    assert health.blame_disk(0, 200.0, may_exclude=True) == 30.0
    assert health.blame_disk(0, 300.0, may_exclude=True) == 60.0
    assert max(health.blame_disk(0, 400.0, may_exclude=True) for _ in range(9)) == 600.0


def test_half_of_the_workers_stay_however_many_fail() -> None:
    scheduler = scheduler_with(*((name, name, 1) for name in "abcd"))
    launched = start(scheduler, 1, stage(1, tasks=4))
    for name, keys in launched.items():
        scheduler.handle(events.TaskFailed(name, keys[0], DISK), 1.0)
    assert scheduler.pool.usable_count == 2


def test_a_task_runs_elsewhere_after_a_failure_and_waits_for_a_slot_there() -> None:
    scheduler = scheduler_with(("a", "h1", 1), ("b", "h2", 1))
    launched = start(scheduler, 1, stage(1, tasks=2))
    decided = scheduler.handle(events.TaskFailed("a", launched["a"][0], INTERNAL), 0.0)
    assert launches(decided) == {}
    decided = finish(scheduler, "b", launched["b"][0])
    assert launches(decided) == {"b": [TaskKey(1, 1, launched["a"][0].partition, 1)]}


def test_silence_makes_a_worker_suspect_then_lost() -> None:
    scheduler = scheduler_with(("a", "h1", 1))
    scheduler.handle(events.Tick(), 3.9)
    assert scheduler.pool.by_id["a"].usable
    scheduler.handle(events.Tick(), 4.0)
    assert not scheduler.pool.by_id["a"].usable
    scheduler.handle(events.WorkerHeard("a"), 5.0)
    assert scheduler.pool.by_id["a"].usable
    scheduler.handle(events.Tick(), 15.0)
    assert "a" not in scheduler.pool.by_id


def test_a_driver_that_stood_still_blames_nobody() -> None:
    scheduler = scheduler_with(("a", "h1", 1))
    scheduler.handle(events.Tick(stalled_s=60.0), 61.0)
    assert scheduler.pool.by_id["a"].usable


def test_a_task_whose_end_was_never_told_runs_again() -> None:
    scheduler = scheduler_with(("a", "h1", 1), ("b", "h2", 1))
    key = start(scheduler, 1, stage(1))["a"][0]
    scheduler.handle(events.WorkerHeard("a", frozenset({key})), 1.0)
    assert not launches(scheduler.handle(events.WorkerHeard("a"), 2.0))
    decided = scheduler.handle(events.WorkerHeard("a"), 3.0)
    assert launches(decided) == {"b": [TaskKey(1, 1, 0, 1)]}


def test_a_task_nobody_wants_is_cancelled_when_a_heartbeat_shows_it() -> None:
    scheduler = scheduler_with(("a", "h1", 1))
    stray = TaskKey(9, 9, 9, 9)
    assert scheduler.handle(events.WorkerHeard("a", frozenset({stray})), 1.0) == [actions.CancelTasks("a", (stray,))]


def test_no_worker_for_too_long_fails_the_job_with_what_to_do() -> None:
    scheduler = Scheduler()
    start(scheduler, 1, stage(1))
    scheduler.handle(events.Tick(), 1.0)
    assert 1 in scheduler.jobs
    decided = scheduler.handle(events.Tick(), 121.0)
    [failed] = of_kind(decided, actions.FailJob)
    assert isinstance(failed, actions.FailJob)
    assert "headrace worker" in failed.failure.worker_lost.detail


@pytest.mark.parametrize(
    ("specs", "complaint"),
    [
        ((stage(1), stage(1)), "started stage 1 twice"),
        ((stage(2, reads=(1,)),), r"reads stages [1] that were never planned"),
        ((stage(1, OutputKind.RESULT), stage(2, OutputKind.FILES)), "two final stages"),
    ],
)
def test_a_plan_that_contradicts_itself_fails_its_job(specs: tuple[StageSpec, ...], complaint: str) -> None:
    scheduler = scheduler_with(("a", "h1", 1))
    decided = scheduler.handle_all((events.JobSubmitted(1), events.StagesPlanned(1, specs)), 0.0)
    [failed] = of_kind(decided, actions.FailJob)
    assert isinstance(failed, actions.FailJob)
    assert complaint in failed.failure.internal.message
    assert not scheduler.jobs


def test_wrong_partition_sizes_fail_the_attempt_and_not_the_scheduler() -> None:
    scheduler = scheduler_with(("a", "h1", 1), ("b", "h2", 1))
    key = start(scheduler, 1, stage(1, reducers=4))["a"][0]
    decided = finish(scheduler, "a", key, size_codes=b"\x01\x02")
    assert launches(decided) == {"b": [TaskKey(1, 1, 0, 1)]}


def test_a_stage_without_tasks_is_complete_at_once() -> None:
    scheduler = scheduler_with(("a", "h1", 1))
    empty = StageSpec(1, OutputKind.SHUFFLE, PROGRAM, (), reducers=3)
    decided = scheduler.handle_all((events.JobSubmitted(1), events.StagesPlanned(1, (empty,))), 0.0)
    [completed] = of_kind(decided, actions.StageCompleted)
    assert isinstance(completed, actions.StageCompleted)
    assert list(completed.stats.partition_bytes) == [0, 0, 0]


def test_abandoned_stages_stop_and_are_dropped() -> None:
    scheduler = scheduler_with(("a", "h1", 1), ("b", "h2", 1))
    launched = start(scheduler, 1, stage(1, tasks=2), stage(2))
    finish(scheduler, "a", launched["a"][0])
    decided = scheduler.handle(events.StagesPlanned(1, (), (1,)), 0.0)
    assert actions.CancelTasks("b", (launched["b"][0],)) in decided
    assert actions.DropOutputs("a", (OutputKey(1, 1),)) in decided


def test_a_task_that_kills_every_worker_before_it_is_known_to_run_does_not_go_on_for_ever() -> None:
    scheduler = Scheduler()
    start(scheduler, 1, stage(1))
    for number in range(24):
        assert 1 in scheduler.jobs, f"gave up after {number}"
        scheduler.handle(events.WorkerJoined("a", f"life {number}", 1, "h1"), float(number))
        decided = scheduler.handle(events.WorkerLost("a", "killed"), float(number))
    [failed] = of_kind(decided, actions.FailJob)
    assert isinstance(failed, actions.FailJob)
    assert failed.failure.HasField("worker_lost")
