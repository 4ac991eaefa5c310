"""Operations whose plan cannot be read any more: queries are asked again, writes that have been made are not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from headrace_driver.catalog.commits import Moves, Place
from headrace_driver.catalog.views import SessionViews
from headrace_driver.connect.execute_plan import PlanExecution
from headrace_driver.connect.planning_threads import PlanningThreads
from headrace_driver.connect.restoring import restored_producer
from headrace_driver.journal import changes
from headrace_driver.journal.state import KeptJob, KeptOperation, load
from headrace_driver.journal.store import Change, JournalStore
from headrace_driver.restart import OpenJournal
from headrace_driver.session import SessionKey, SessionStore
from headrace_proto.v1 import jobs_pb2
from tests.unit.connect.fake_engine import FakeEngine

ME = ("me", "00112233-4455-6677-8899-aabbccddeeff")
WROTE: tuple[bytes, ...] = ()


def kept(responses: tuple[bytes, ...] | None = WROTE, outcome: str = "") -> KeptOperation:
    return KeptOperation(ME, "op", b"digest", frozenset(), responses, b"", outcome, None)


def job(state: jobs_pb2.JobState) -> KeptJob:
    return KeptJob(1, ME[1], "op", 0, jobs_pb2.JobSummary(job_id=1, state=state).SerializeToString(), None)


@pytest.fixture
def plan(tmp_path: Path) -> PlanExecution:
    session = SessionStore(tmp_path, lambda: 0.0, SessionViews).get_or_create(SessionKey(*ME))
    return PlanExecution(session, cast(Any, FakeEngine()), PlanningThreads())


@pytest.mark.parametrize(
    ("operation", "its_job", "is_answered"),
    [
        (kept(), job(jobs_pb2.JOB_FINISHED), True),
        (kept(outcome="SUCCEEDED"), None, True),
        (kept(), job(jobs_pb2.JOB_FAILED), False),
        (kept(outcome="FAILED"), job(jobs_pb2.JOB_FAILED), False),
        (kept(), None, False),
        (kept(responses=None), job(jobs_pb2.JOB_FINISHED), False),
    ],
)
def test_only_a_write_that_was_made_is_answered(
    plan: PlanExecution, operation: KeptOperation, its_job: KeptJob | None, is_answered: bool
) -> None:
    assert (restored_producer(plan, operation, its_job) is not None) == is_answered


def begun_commit(directory: Path) -> tuple[list[Change], Path]:
    target = directory / "t"
    staging = target / "_temporary-1"
    staging.mkdir(parents=True)
    (staging / "part-0").write_text("rows")
    place = Place(str(staging), str(target), made_target=True)
    moves = Moves(place, [], [(str(staging / "part-0"), str(target / "part-0"))], marks_success=True)
    running = jobs_pb2.JobSummary(job_id=7, state=jobs_pb2.JOB_RUNNING).SerializeToString()
    unit = [
        changes.session_opened(ME, "side"),
        changes.operation_started(ME, "op", b"digest", [], b"not a plan", WROTE),
        changes.job_submitted(7, ME[1], "op", 0, running),
        changes.commit_begun(7, place.text(), moves.text()),
    ]
    return unit, target


@pytest.mark.parametrize("is_staged", [True, False])
def test_a_commit_that_had_begun_is_completed_and_then_counts_as_made(
    plan: PlanExecution, tmp_path: Path, is_staged: bool
) -> None:
    """Where it cannot be completed nothing of it is left, and the client may ask again."""
    unit, target = begun_commit(tmp_path)
    if not is_staged:
        (target / "_temporary-1" / "part-0").unlink()
    store = JournalStore(tmp_path / "journal")
    store.write(unit, sync=False)
    store.close()

    async def take_over() -> None:
        journal = OpenJournal.open(tmp_path / "journal", asyncio.Event())
        journal.settle_writes()
        [operation] = journal.state.operations
        producer = restored_producer(plan, operation, journal.state.jobs[7])
        assert (producer is not None) == is_staged
        await journal.writer.synced()
        journal.writer.stop()

    asyncio.run(take_over())
    assert (target / "part-0").exists() == is_staged
    assert target.exists() == is_staged
    store = JournalStore(tmp_path / "journal")
    state = load(store)
    store.close()
    assert bool(state.jobs[7].moves) != is_staged
