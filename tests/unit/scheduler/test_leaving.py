"""Workers that leave: what is remembered of their outputs ends with the jobs, not with the leave."""

from __future__ import annotations

from headrace_driver.plan.stage import OutputKind
from headrace_driver.scheduler import actions, events
from tests.unit.scheduler.plans import finish, scheduler_with, stage, start


def test_what_was_asked_for_is_forgotten_with_its_job() -> None:
    scheduler = scheduler_with(("a", "h1", 1), ("b", "h2", 1))
    leaving = scheduler._state.leaving
    [(worker, [key])] = start(scheduler, 1, stage(1), stage(2, OutputKind.RESULT, reads=(1,))).items()
    finish(scheduler, worker, key, output_bytes=1000, size_codes=b"\x10")
    asked = scheduler.handle(events.WorkerDraining(worker, "told to leave"), 1.0)
    assert [action.outputs for action in asked if isinstance(action, actions.AdoptOutputs)] == [(key,)]
    assert set(leaving._tries) == set(leaving._moves) == {key}
    # The worker goes on leaving; jobs come and go.
    scheduler.handle(events.JobReleased(1), 2.0)
    scheduler.handle(events.Tick(), 3.0)
    assert not leaving._tries
    assert not leaving._moves
