"""Where tasks go: spread, locality, waiting, prefetch, fairness."""

from __future__ import annotations

import pytest

from headrace_driver.plan.stage import HostPreference, OutputKind, ShuffleRead, TaskSpec
from headrace_driver.scheduler import actions, events
from headrace_driver.scheduler.identity import Place, TaskKey
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_driver.scheduler.scheduler import Scheduler
from tests.unit.scheduler.plans import finish, launches, of_kind, scheduler_with, stage, start, tasks_on


def places(decided: list[actions.Action]) -> dict[TaskKey, Place]:
    return {
        launch.key: launch.place
        for action in decided
        if isinstance(action, actions.LaunchTasks)
        for launch in action.tasks
    }


def test_tasks_spread_over_free_slots_evenly() -> None:
    scheduler = scheduler_with(("a", "h1", 4), ("b", "h2", 2), ("c", "h3", 2))
    launched = start(scheduler, 1, stage(1, tasks=6))
    assert {name: len(keys) for name, keys in launched.items()} == {"a": 3, "b": 2, "c": 1}


def test_tasks_go_in_order_of_stage_and_partition() -> None:
    scheduler = scheduler_with(("a", "h1", 1))
    launched = start(scheduler, 1, stage(1, tasks=2), stage(2, tasks=2))
    order = [launched["a"][0]]
    for _ in range(3):
        order += launches(finish(scheduler, "a", order[-1]))["a"]
    assert [(key.stage_id, key.partition) for key in order] == [(1, 0), (1, 1), (2, 0), (2, 1)]


def test_nothing_queues_beyond_the_slots_before_run_times_are_known() -> None:
    scheduler = scheduler_with(("a", "h1", 2))
    assert len(start(scheduler, 1, stage(1, tasks=50))["a"]) == 2


@pytest.mark.parametrize(("run_s", "queued"), [(0.0005, 64), (0.001, 50), (0.01, 5), (0.03, 1), (0.06, 0), (5.0, 0)])
def test_short_tasks_queue_ahead_and_long_ones_do_not(run_s: float, queued: int) -> None:
    scheduler = scheduler_with(("a", "h1", 2))
    first = start(scheduler, 1, stage(1, tasks=200))["a"][0]
    finish(scheduler, "a", first, run_s=run_s)
    assert len(scheduler.pool.by_id["a"].running) == 2 + 2 * queued


def test_free_slots_elsewhere_come_before_queueing() -> None:
    scheduler = scheduler_with(("a", "h1", 1))
    first = start(scheduler, 1, stage(1, tasks=80))["a"][0]
    finish(scheduler, "a", first, run_s=0.001)
    joined = launches(scheduler.handle(events.WorkerJoined("b", "a", 8, "h2"), 0.1))
    assert len(joined["b"]) >= 8


def test_a_preferred_host_is_used_when_it_has_a_slot() -> None:
    scheduler = scheduler_with(("a", "h1", 2), ("b", "h2", 2))
    decided = scheduler.handle_all(
        (events.JobSubmitted(1), events.StagesPlanned(1, (stage(1, tasks=tasks_on("h2", 2)),))), 0.0
    )
    assert set(places(decided).values()) == {Place.NODE_LOCAL}
    assert list(launches(decided)) == ["b"]


def test_waiting_ends_when_it_has_cost_as_much_as_moving() -> None:
    options = SchedulerOptions(transfer_bytes_per_s=100e6)
    scheduler = scheduler_with(("a", "h1", 1), ("b", "h2", 1), options=options)
    decided = scheduler.handle_all(
        (events.JobSubmitted(1), events.StagesPlanned(1, (stage(1, tasks=tasks_on("h1", 2, 50_000_000)),))), 1.0
    )
    assert len(places(decided)) == 1
    assert of_kind(decided, actions.WakeAt) == [actions.WakeAt(1.5)]
    assert not places(scheduler.handle(events.Tick(), 1.4))
    assert list(places(scheduler.handle(events.Tick(), 1.5)).values()) == [Place.ANY]
    assert scheduler.take_locality_wait_slot_s() == pytest.approx(0.5)
    assert scheduler.take_locality_wait_slot_s() == 0


def test_nobody_waits_for_a_host_that_is_not_there() -> None:
    scheduler = scheduler_with(("b", "h2", 1))
    assert len(start(scheduler, 1, stage(1, tasks=tasks_on("gone", 1)))["b"]) == 1


def test_waiting_is_bounded_however_large_the_input() -> None:
    scheduler = scheduler_with(("a", "h1", 1), ("b", "h2", 1))
    start(scheduler, 1, stage(1, tasks=tasks_on("h1", 2, 1 << 40)))
    assert not launches(scheduler.handle(events.Tick(), 2.9))
    assert launches(scheduler.handle(events.Tick(), 3.0))


def test_a_moved_task_stays_in_the_rack_when_it_can() -> None:
    scheduler = Scheduler()
    for name, host, rack in (("far", "h9", "r2"), ("home", "h1", "r1"), ("near", "h2", "r1")):
        scheduler.handle(events.WorkerJoined(name, "a", 1, host, rack), 0.0)
    start(scheduler, 1, stage(1, tasks=tasks_on("h1", 2, 100_000_000)))
    decided = scheduler.handle(events.Tick(), 0.2)
    assert launches(decided).keys() == {"near"}
    assert list(places(decided).values()) == [Place.RACK_LOCAL]


def test_strict_tasks_wait_for_their_worker_and_go_nowhere_else() -> None:
    scheduler = scheduler_with(("a", "h1", 1), ("b", "h2", 4))
    preferences = (HostPreference("a", 10, worker=True),)
    tasks = tuple(TaskSpec(partition, preferences=preferences, strict=True) for partition in range(3))
    launched = start(scheduler, 1, stage(1, tasks=tasks))
    assert {name: len(keys) for name, keys in launched.items()} == {"a": 1}
    assert not launches(scheduler.handle(events.Tick(), 3.0))
    decided = finish(scheduler, "a", launched["a"][0], 3.0)
    assert launches(decided).keys() == {"a"}
    assert list(places(decided).values()) == [Place.NODE_LOCAL]


def test_a_cached_block_makes_its_worker_process_local() -> None:
    scheduler = scheduler_with(("a", "h1", 1), ("b", "h1", 1))
    tasks = (TaskSpec(0, preferences=(HostPreference("b", 10, worker=True),)),)
    decided = scheduler.handle_all((events.JobSubmitted(1), events.StagesPlanned(1, (stage(1, tasks=tasks),))), 0.0)
    assert list(launches(decided)) == ["b"]
    assert list(places(decided).values()) == [Place.PROCESS_LOCAL]


def test_reduce_tasks_go_where_most_of_their_input_is() -> None:
    scheduler = scheduler_with(("a", "h1", 4), ("b", "h2", 4))
    maps = start(scheduler, 1, stage(1, tasks=2, reducers=2))
    # The map on each worker wrote nearly everything for one reducer: on a for reducer 1, on b for reducer 0.
    for name, codes in (("a", bytes([10, 200])), ("b", bytes([200, 10]))):
        finish(scheduler, name, maps[name][0], size_codes=codes)
    reads = tuple(TaskSpec(part, shuffle_reads=(ShuffleRead(1, part, 1),)) for part in range(2))
    decided = scheduler.handle(events.StagesPlanned(1, (stage(2, OutputKind.RESULT, reads, reads=(1,)),)), 0.0)
    assert launches(decided) == {"b": [TaskKey(1, 2, 0, 0)], "a": [TaskKey(1, 2, 1, 0)]}
    assert set(places(decided).values()) == {Place.NODE_LOCAL}


def test_jobs_share_slots_by_weight() -> None:
    scheduler = scheduler_with(("a", "h1", 9))
    batch: list[events.Event] = [
        events.JobSubmitted(1, 1.0),
        events.JobSubmitted(2, 2.0),
        events.StagesPlanned(1, (stage(1, tasks=20),)),
        events.StagesPlanned(2, (stage(1, tasks=20),)),
    ]
    keys = launches(scheduler.handle_all(batch, 0.0))["a"]
    assert [sum(key.job_id == job for key in keys) for job in (1, 2)] == [3, 6]


def test_a_short_job_gets_the_next_slot_beside_a_long_one() -> None:
    scheduler = scheduler_with(("a", "h1", 4))
    long = start(scheduler, 1, stage(1, tasks=1000))["a"]
    assert start(scheduler, 2, stage(1, tasks=2)) == {}
    freed = launches(finish(scheduler, "a", long[0], 1.0, run_s=1.0))
    assert [key.job_id for key in freed["a"]] == [2]


def test_a_draining_or_silent_worker_gets_nothing() -> None:
    scheduler = scheduler_with(("a", "h1", 1), ("b", "h2", 1))
    scheduler.handle(events.WorkerDraining("a", "told to"), 0.0)
    scheduler.handle(events.WorkerHeard("b"), 3.0)
    scheduler.handle(events.Tick(), 5.0)
    assert list(start(scheduler, 1, stage(1, tasks=4), now_s=5.0)) == ["b"]
