"""A driver's journal from opening it to having everything of the earlier driver running again."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import structlog

from headrace_driver.catalog import commits
from headrace_driver.catalog.views import GlobalViews
from headrace_driver.cluster.history import JobRecord
from headrace_driver.cluster.job_notes import JobNotes
from headrace_driver.cluster.rejoining import Rejoining
from headrace_driver.cluster.runner import ClusterRunner
from headrace_driver.cluster.service import ClusterIdentity
from headrace_driver.connect.service import SparkConnectServicer
from headrace_driver.journal import changes, payloads
from headrace_driver.journal.sessions import JournalledSessions, restore
from headrace_driver.journal.state import KeptJob, KeptState, load
from headrace_driver.journal.store import JournalStore
from headrace_driver.journal.writer import JournalWriter
from headrace_driver.session import SessionStore
from headrace_proto.v1 import common_pb2, jobs_pb2

_LOST = "The driver was restarted while the job ran, and nobody could come back to it."

_log = structlog.get_logger("headrace.journal")


@dataclass(slots=True)
class OpenJournal:
    """Use its methods in the order they stand in."""

    state: KeptState
    writer: JournalWriter
    identity: ClusterIdentity
    notes: JobNotes
    rejoining: Rejoining
    sessions: JournalledSessions

    @classmethod
    def open(cls, directory: Path, fenced: asyncio.Event) -> OpenJournal:
        """Raises RefusedError when another driver holds it, JournalError when it cannot be used."""
        loop = asyncio.get_running_loop()
        store = JournalStore(directory)
        state = load(store)

        def on_fenced(reason: str) -> None:
            loop.call_soon_threadsafe(fenced.set)

        writer = JournalWriter(store, on_fenced)
        writer.start()
        wanted = {
            (kept.session[1], kept.operation_id)
            for kept in state.operations
            if kept.query is not None and not kept.error
        }
        waiting = {job.job_id: job for job in state.jobs.values() if (job.session_id, job.operation_id) in wanted}
        _log.info(
            "journal opened",
            directory=str(directory),
            epoch=store.epoch,
            sessions=len(state.sessions),
            operations=len(state.operations),
            jobs_waiting=len(waiting),
        )
        return cls(
            state,
            writer,
            ClusterIdentity(store.cluster_id, store.epoch),
            JobNotes(writer, state.next_job_id),
            Rejoining(state.workers if waiting else (), waiting),
            JournalledSessions(writer),
        )

    def restore_sessions(self, store: SessionStore, views: GlobalViews) -> None:
        """Opens the sessions as they were."""
        self.state.cached_plans = restore(self.state, store, views, self.sessions)

    def settle_writes(self) -> None:
        """Completes commits that had begun; every other step of a write is its job's business, or `resume`'s."""
        for job in self.state.jobs.values():
            if job.moves and not self._goes_on(job):
                self._complete(job)

    def resume(self, connect: SparkConnectServicer, runner: ClusterRunner) -> None:
        """Takes up operations and with them their jobs; what nobody can come back to has failed."""
        resumed = connect.restore(self.state)
        for job in self.state.jobs.values():
            if job.job_id in resumed:
                continue
            if job.detail is None:
                self._fail(job)
            runner.give_up(job.job_id)
            assert job.detail is not None
            runner.remember(JobRecord.of(jobs_pb2.JobDetail.FromString(job.detail)))

    def _goes_on(self, job: KeptJob) -> bool:
        """Whether an operation will take the job up, and its commit with it."""
        return any(
            (kept.session[1], kept.operation_id) == (job.session_id, job.operation_id)
            and not kept.error
            and payloads.is_readable(kept.query, self.state.cached_plans)
            for kept in self.state.operations
        )

    def _complete(self, job: KeptJob) -> None:
        try:
            commits.complete(commits.moves_of(job.moves))
        except Exception as error:  # noqa: BLE001 - nobody waits for it but whoever reads the log
            _log.error("a write could not be completed", job=job.job_id, error=repr(error))
            job.moves = ""
            return
        summary = jobs_pb2.JobSummary.FromString(job.summary)
        self._end(job, summary, jobs_pb2.JOB_FINISHED)

    def _fail(self, job: KeptJob) -> None:
        if job.place and not job.moves:
            commits.abort(commits.place_of(job.place))
        summary = jobs_pb2.JobSummary.FromString(job.summary)
        summary.failure.CopyFrom(common_pb2.Failure(cancelled=common_pb2.Cancelled(reason=_LOST)))
        self._end(job, summary, jobs_pb2.JOB_FAILED)

    def _end(self, job: KeptJob, summary: jobs_pb2.JobSummary, state: jobs_pb2.JobState) -> None:
        summary.state, summary.finished_us = state, time.time_ns() // 1000
        job.summary = summary.SerializeToString()
        job.detail = jobs_pb2.JobDetail(summary=summary).SerializeToString()
        noted = [changes.write_over(job.job_id)]
        noted.extend(changes.job_ended(job.job_id, job.summary, job.detail))
        self.writer.append(*noted)
