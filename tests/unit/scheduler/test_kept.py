"""Cached rows: kept stages that tasks of other jobs read, recomputed when lost and somebody reads them."""

from __future__ import annotations

from dataclasses import replace

from headrace_driver.plan.stage import OutputKind, ShuffleRead, StageSpec, TaskSpec
from headrace_driver.scheduler import actions, events
from headrace_driver.scheduler.identity import OutputKey, Place, TaskKey
from headrace_driver.scheduler.scheduler import Scheduler
from headrace_proto.v1 import common_pb2
from tests.unit.scheduler.plans import finish, launches, of_kind, scheduler_with, stage, start

FAULT = common_pb2.Failure(user_error=common_pb2.UserError(message="The file is gone."))


def _reader(tasks: int = 2, kind: OutputKind = OutputKind.RESULT) -> StageSpec:
    """Task i reads map i of the kept stage 2 of job 1."""
    specs = tuple(TaskSpec(i, shuffle_reads=(ShuffleRead(2, 0, 1, i, 1, job_id=1),)) for i in range(tasks))
    return replace(stage(1, kind, specs), kept_reads=((1, 2),))


def _kept(scheduler: Scheduler) -> list[actions.Action]:
    """Job 1: a shuffle, and two maps of kept rows, the first with worker a, the second with b."""
    [(worker, [key])] = start(scheduler, 1, stage(1), stage(2, OutputKind.KEPT, 2, reads=(1,))).items()
    decided = finish(scheduler, worker, key, output_bytes=1000, size_codes=b"\x10")
    for worker, keys in launches(decided).items():
        for key in keys:
            decided = finish(scheduler, worker, key, output_bytes=1 << 20, rows=10, size_codes=b"\x80")
    return decided


def _holders(scheduler: Scheduler) -> list[str]:
    outputs = scheduler.jobs[1].stages[2].outputs
    return [scheduler.pool.by_index[index].worker_id for index in outputs.holder]


def _workers() -> Scheduler:
    return scheduler_with(("a", "h1", 1), ("b", "h2", 1))


def test_a_kept_stage_ends_its_job_and_is_read_where_it_lies() -> None:
    scheduler = _workers()
    assert of_kind(_kept(scheduler), actions.CompleteJob)
    held = _holders(scheduler)
    assert sorted(held) == ["a", "b"]
    decided = scheduler.handle_all((events.JobSubmitted(2), events.StagesPlanned(2, (_reader(),))), 0.0)
    for action in of_kind(decided, actions.LaunchTasks):
        assert isinstance(action, actions.LaunchTasks)
        for launch in action.tasks:
            assert held[launch.key.partition] == action.worker_id
            assert launch.place is Place.PROCESS_LOCAL
    sent = of_kind(decided, actions.SendOutputTable)
    assert {action.output for action in sent if isinstance(action, actions.SendOutputTable)} == {OutputKey(1, 2)}


def test_lost_rows_are_computed_again_when_read_and_not_before() -> None:
    scheduler = _workers()
    _kept(scheduler)
    lost = _holders(scheduler).index("b")
    assert launches(scheduler.handle(events.WorkerLost("b", "gone"), 1.0)) == {}
    # The reader waits; first the shuffle is made again, then the lost map alone.
    assert start(scheduler, 2, _reader(), now_s=2.0) == {"a": [TaskKey(1, 1, 0, 1)]}
    decided = finish(scheduler, "a", TaskKey(1, 1, 0, 1), 2.0, output_bytes=1000, size_codes=b"\x10")
    assert launches(decided) == {"a": [TaskKey(1, 2, lost, 1)]}
    decided = finish(scheduler, "a", TaskKey(1, 2, lost, 1), 3.0, output_bytes=1 << 20, rows=10, size_codes=b"\x80")
    assert [key.job_id for key in launches(decided)["a"]] == [2]


def test_a_reader_that_finds_rows_missing_waits_for_them() -> None:
    scheduler = _workers()
    _kept(scheduler)
    holder = _holders(scheduler)[0]
    start(scheduler, 2, _reader())
    report = common_pb2.FetchFailed(
        output=common_pb2.OutputId(job_id=1, stage_id=2),
        worker_id=holder,
        map_partitions=[0],
        reason=common_pb2.FetchFailed.MISSING,
    )
    failed = events.TaskFailed(holder, TaskKey(2, 1, 0, 0), common_pb2.Failure(fetch_failed=report))
    decided = scheduler.handle(failed, 1.0)
    assert [key[:3] for keys in launches(decided).values() for key in keys] == [(1, 1, 0)]
    assert not scheduler.jobs[1].stages[2].is_done(0)


def test_rows_that_cannot_be_had_again_fail_their_readers() -> None:
    scheduler = _workers()
    _kept(scheduler)
    scheduler.handle(events.WorkerLost("b", "gone"), 1.0)
    start(scheduler, 2, _reader(), now_s=2.0)
    decided = scheduler.handle(events.TaskFailed("a", TaskKey(1, 1, 0, 1), FAULT), 3.0)
    failed = {a.job_id: a.failure for a in of_kind(decided, actions.FailJob) if isinstance(a, actions.FailJob)}
    assert failed.keys() == {1, 2}
    assert failed[2].user_error.message == "The file is gone."
    assert not scheduler.jobs


def test_released_rows_go_from_every_worker_that_knows_of_them() -> None:
    scheduler = scheduler_with(("a", "h1", 2), ("b", "h2", 1))
    _kept(scheduler)
    for worker, keys in start(scheduler, 2, _reader()).items():
        for key in keys:
            finish(scheduler, worker, key)
    scheduler.handle(events.JobReleased(2), 1.0)
    decided = scheduler.handle(events.JobReleased(1), 1.0)
    dropped = {action.worker_id for action in of_kind(decided, actions.DropJob) if isinstance(action, actions.DropJob)}
    assert dropped == {"a", "b"}
    assert not scheduler.jobs


def test_reading_released_rows_is_a_planning_fault() -> None:
    scheduler = _workers()
    decided = scheduler.handle_all((events.JobSubmitted(2), events.StagesPlanned(2, (_reader(),))), 0.0)
    [failed] = of_kind(decided, actions.FailJob)
    assert isinstance(failed, actions.FailJob)
    assert "cached rows of job 1" in failed.failure.internal.message


def test_other_rows_after_a_loss_make_running_readers_start_again() -> None:
    scheduler = _workers()
    start(scheduler, 1, replace(stage(2, OutputKind.KEPT, 2), deterministic=False))
    for worker, key in (("a", TaskKey(1, 2, 0, 0)), ("b", TaskKey(1, 2, 1, 0))):
        finish(scheduler, worker, key, output_bytes=1 << 20, size_codes=b"\x80", checksum=1)
    start(scheduler, 2, _reader(kind=OutputKind.FILES))
    finish(scheduler, "a", TaskKey(2, 1, 0, 0))
    scheduler.handle(events.WorkerLost("b", "gone"), 1.0)
    again = TaskKey(1, 2, 1, 1)
    scheduler.handle(events.WorkerHeard("a", frozenset((again,))), 1.0)
    finish(scheduler, "a", again, 2.0, output_bytes=1 << 20, size_codes=b"\x80", checksum=2)
    assert not scheduler.jobs[2].stages[1].is_done(0)


def test_other_rows_after_a_loss_are_not_mixed_with_what_the_client_has() -> None:
    scheduler = _workers()
    start(scheduler, 1, replace(stage(2, OutputKind.KEPT, 2), deterministic=False))
    for worker, key in (("a", TaskKey(1, 2, 0, 0)), ("b", TaskKey(1, 2, 1, 0))):
        finish(scheduler, worker, key, output_bytes=1 << 20, size_codes=b"\x80", checksum=1)
    start(scheduler, 2, _reader())
    for worker, key in (("a", TaskKey(2, 1, 0, 0)), ("b", TaskKey(2, 1, 1, 0))):
        decided = finish(scheduler, worker, key, output_bytes=100)
    assert of_kind(decided, actions.CompleteJob)
    scheduler.handle(events.ResultConsumed(2, 1, 0, 0), 0.5)
    # With b go the other half of the result and the rows that it was made of.
    [again] = launches(scheduler.handle(events.WorkerLost("b", "gone"), 1.0))["a"]
    assert again == TaskKey(1, 2, 1, 1)
    decided = finish(scheduler, "a", again, 2.0, output_bytes=1 << 20, size_codes=b"\x80", checksum=2)
    [failed] = of_kind(decided, actions.FailJob)
    assert isinstance(failed, actions.FailJob)
    assert "not deterministic" in failed.failure.internal.message
    assert not scheduler.pool.by_id["a"].running


def _copied(*workers: tuple[str, str, int]) -> tuple[Scheduler, list[actions.Action]]:
    """Rows of two maps kept with two workers each; returns what was asked of the takers, who have not answered."""
    scheduler = scheduler_with(*workers)
    start(scheduler, 1, replace(stage(2, OutputKind.KEPT, 2), replicas=2))
    asked: list[actions.Action] = []
    for worker in list(scheduler.pool.by_index.values()):
        for key in list(worker.running):
            decided = finish(scheduler, worker.worker_id, key, output_bytes=1 << 20, rows=10, size_codes=b"\x80")
            asked += of_kind(decided, actions.AdoptOutputs)
    return scheduler, asked


def _adopt(scheduler: Scheduler, asked: list[actions.Action], now_s: float, *, held: bool = True) -> None:
    for action in asked:
        assert isinstance(action, actions.AdoptOutputs)
        for key in action.outputs:
            scheduler.handle(events.OutputAdopted(action.worker_id, key, held), now_s)


def test_a_second_worker_is_asked_for_a_copy_and_a_loss_costs_nothing() -> None:
    scheduler, asked = _copied(("a", "h1", 1), ("b", "h2", 1))
    assert sorted((a.worker_id, a.source_worker_id) for a in asked if isinstance(a, actions.AdoptOutputs)) == [
        ("a", "b"),
        ("b", "a"),
    ]
    _adopt(scheduler, asked, 0.5)
    scheduler.handle(events.WorkerLost("b", "gone"), 1.0)
    assert _holders(scheduler) == ["a", "a"]
    decided = scheduler.handle_all((events.JobSubmitted(2), events.StagesPlanned(2, (_reader(),))), 2.0)
    assert {key.job_id for keys in launches(decided).values() for key in keys} == {2}


def test_readers_that_know_the_lost_holder_are_told_of_the_other() -> None:
    scheduler, asked = _copied(("a", "h1", 1), ("b", "h2", 1))
    _adopt(scheduler, asked, 0.5)
    holder = _holders(scheduler)[0]
    other = "b" if holder == "a" else "a"
    start(scheduler, 2, _reader(), now_s=1.0)
    report = common_pb2.FetchFailed(
        output=common_pb2.OutputId(job_id=1, stage_id=2),
        worker_id=holder,
        map_partitions=[0],
        reason=common_pb2.FetchFailed.MISSING,
    )
    failed = events.TaskFailed(holder, TaskKey(2, 1, 0, 0), common_pb2.Failure(fetch_failed=report))
    decided = scheduler.handle(failed, 1.0)
    assert _holders(scheduler) == [other, other]
    assert all(key.job_id == 2 for keys in launches(decided).values() for key in keys)
    assert of_kind(decided, actions.SendOutputTable)


def test_copies_that_fail_are_tried_elsewhere_and_not_for_ever() -> None:
    scheduler, asked = _copied(("a", "h1", 1), ("b", "h2", 1), ("c", "h3", 1))
    tried = 0
    for second in range(1, 10):
        tried += sum(len(action.outputs) for action in asked if isinstance(action, actions.AdoptOutputs))
        _adopt(scheduler, asked, float(second), held=False)
        asked = of_kind(scheduler.handle(events.Tick(), float(second)), actions.AdoptOutputs)
        for worker in ("a", "b", "c"):
            scheduler.handle(events.WorkerHeard(worker, frozenset()), float(second))
    assert tried == 2 * scheduler.options.adoption_tries_max
    assert not asked


def test_a_lost_copy_is_made_again_with_a_worker_that_has_none() -> None:
    scheduler, asked = _copied(("a", "h1", 1), ("b", "h2", 1))
    _adopt(scheduler, asked, 0.5)
    scheduler.handle(events.WorkerLost("b", "gone"), 1.0)
    assert not of_kind(scheduler.handle(events.Tick(), 1.0), actions.AdoptOutputs)
    scheduler.handle(events.WorkerJoined("c", "a", 1, "h3"), 1.0)
    [again] = of_kind(scheduler.handle(events.Tick(), 1.0), actions.AdoptOutputs)
    assert isinstance(again, actions.AdoptOutputs)
    assert (again.worker_id, again.source_worker_id, len(again.outputs)) == ("c", "a", 2)


def test_a_worker_that_leaves_hands_over_to_copies_at_once() -> None:
    scheduler, asked = _copied(("a", "h1", 1), ("b", "h2", 1))
    _adopt(scheduler, asked, 0.5)
    decided = scheduler.handle(events.WorkerDraining("b", "drain"), 1.0)
    assert not of_kind(decided, actions.AdoptOutputs)
    assert [a.worker_id for a in of_kind(decided, actions.DismissWorker) if isinstance(a, actions.DismissWorker)] == [
        "b"
    ]
    assert _holders(scheduler) == ["a", "a"]


def test_released_rows_go_from_takers_that_have_not_answered_too() -> None:
    scheduler, _ = _copied(("a", "h1", 2), ("b", "h2", 1))
    decided = scheduler.handle(events.JobReleased(1), 1.0)
    assert {a.worker_id for a in of_kind(decided, actions.DropJob) if isinstance(a, actions.DropJob)} == {"a", "b"}
