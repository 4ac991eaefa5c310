"""Queries on the cluster: submit a plan, wait for it, read its rows, see and cancel jobs.

The one place where planning (`QueryPlan.advance`) runs during execution: `ClusterRunner._advance`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from itertools import islice

import structlog

from headrace_driver.cluster.failures import JobFailed, failure_of
from headrace_driver.cluster.fetching import BlockFetcher
from headrace_driver.cluster.history import JobHistory, JobRecord
from headrace_driver.cluster.job import CommitHook, JobHandle, JobInfo, JobOutcome
from headrace_driver.cluster.job_notes import JobNotes
from headrace_driver.cluster.metrics import ClusterMetrics
from headrace_driver.cluster.registry import HeldEntry, Registry
from headrace_driver.cluster.rejoining import Rejoining
from headrace_driver.cluster.replay import Replay
from headrace_driver.cluster.results import ResultReader, ResultState
from headrace_driver.cluster.row_digest import RowHashes
from headrace_driver.cluster.shell import SchedulerShell
from headrace_driver.journal.state import KeptJob
from headrace_driver.journal.writer import NoJournal
from headrace_driver.plan.stage import FINAL_KINDS, ClusterShape, OutputKind, PlannedStages, QueryPlan, StageStats
from headrace_driver.scheduler import actions, events
from headrace_proto.v1 import common_pb2, jobs_pb2

FIRST_WORKER_WAIT_S = 5.0
"""A query that comes before any worker waits so long with planning, since plans depend on the cluster's size."""
_ASSUMED_SHAPE = ClusterShape(slots=2, threads_per_slot=1, memory_bytes_per_slot=1 << 30)
"""What is planned for when no worker came; the tasks then wait for one."""

_log = structlog.get_logger("headrace.jobs")


class ClusterRunner:
    """All jobs of this driver. The Connect service, the Jobs service and the web page speak to it."""

    def __init__(
        self,
        shell: SchedulerShell,
        registry: Registry,
        history: JobHistory,
        fetcher: BlockFetcher,
        metrics: ClusterMetrics,
        notes: JobNotes | None = None,
        rejoining: Rejoining | None = None,
    ) -> None:
        self._notes = notes or JobNotes(NoJournal())
        self._rejoining = rejoining or Rejoining()
        self._shell = shell
        self._registry = registry
        self._history = history
        self._fetcher = fetcher
        self._metrics = metrics
        self._handles: dict[int, JobHandle] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._hashes = RowHashes()
        shell.listener = self

    async def submit(self, plan: QueryPlan, info: JobInfo | None = None) -> JobHandle:
        """Starts a query. Errors of its first planning step show in `wait` and `result_blocks`, as later ones do."""
        info = info or JobInfo()
        record = _record(self._notes.new_job_id(), _now_us(), info)
        handle = self._begin(plan, record, info)
        await self._first_worker()
        if record.is_over:
            return handle
        record.state = jobs_pb2.JOB_RUNNING
        self._advance(handle, None)
        return handle

    async def resume(self, plan: QueryPlan, info: JobInfo, kept: KeptJob) -> JobHandle:
        """Goes on with a query of an earlier driver, under its number."""
        summary = jobs_pb2.JobSummary.FromString(kept.summary)
        record = _record(kept.job_id, summary.submitted_us, info)
        if info.commit is not None and (kept.moves or summary.state == jobs_pb2.JOB_FINISHED):
            return self._resume_commit(JobHandle(self, plan, record, info), info.commit, kept)
        await self._rejoining.complete()
        holders = self._rejoining.resumed(kept.job_id)
        handle = self._begin(plan, record, info, kept.generation + 1, holders)
        record.state = jobs_pb2.JOB_RUNNING
        handle.replay = Replay(kept, self._rejoining.holds)
        _log.info("job resumed", job=kept.job_id, outputs=sum(map(len, kept.outputs.values())))
        self._advance(handle, None)
        return handle

    def give_up(self, job_id: int) -> None:
        """A job of an earlier driver will not be resumed: workers drop what they hold of it."""
        self._drop_kept(job_id)
        self._notes.released(job_id)

    def not_resumed(self, kept: KeptJob) -> None:
        """A job that was to be resumed will not be. What a write has staged is the next driver's to clear away."""
        self._drop_kept(kept.job_id)
        if not kept.place and not kept.moves:
            self._notes.released(kept.job_id)

    def _drop_kept(self, job_id: int) -> None:
        """The scheduler hears of the job for as long as it takes to have it dropped. Workers that are still to come
        are told when they register it."""
        if holders := self._rejoining.resumed(job_id):
            self._shell.post(events.JobSubmitted(job_id, holders=holders))
            self._shell.post(events.JobReleased(job_id))

    def remember(self, record: JobRecord) -> None:
        """A job of an earlier driver that has ended."""
        self._history.add(record)

    def _begin(
        self,
        plan: QueryPlan,
        record: JobRecord,
        info: JobInfo,
        generation: int = 0,
        holders: frozenset[str] = frozenset(),
    ) -> JobHandle:
        place = info.commit.place if info.commit is not None else ""
        self._notes.submitted(record, followed=info.followed, place=place, generation=generation)
        plan.begin(record.job_id)
        handle = JobHandle(self, plan, record, info)
        self._handles[record.job_id] = handle
        self._history.add(record)
        self._shell.post(events.JobSubmitted(record.job_id, info.weight, generation, holders))
        return handle

    def _resume_commit(self, handle: JobHandle, hook: CommitHook, kept: KeptJob) -> JobHandle:
        """All tasks of the write had ended: what is left is the rest of its commit, if any."""
        self._handles[handle.job_id] = handle
        self._history.add(handle.record)
        handle.record.rows_out = jobs_pb2.JobSummary.FromString(kept.summary).rows_out
        stats = StageStats(-1, handle.record.rows_out, 0, ())
        self._drop_kept(kept.job_id)
        if kept.moves:
            self._in_background(self._commit(handle, hook, stats, kept.moves))
        else:
            self._succeed(handle, stats)
        return handle

    def cancel(self, job_id: int, reason: str) -> bool:
        """Ends a running job; False when there is none of that number or it had ended already."""
        handle = self._handles.get(job_id)
        if handle is None or handle.record.is_over:
            return False
        self._shell.post(events.JobCancelled(job_id, reason))
        return True

    def release(self, handle: JobHandle) -> None:
        """See JobHandle.release."""
        if self._handles.get(handle.job_id) is not handle:
            return
        if handle.done.done():
            del self._handles[handle.job_id]
            self._notes.released(handle.job_id)
            self._shell.post(events.JobReleased(handle.job_id))
        elif not handle.record.is_over:
            self._shell.post(events.JobCancelled(handle.job_id, "the result was released before the job ended"))

    def result_reader(self, state: ResultState, *, followed: bool = False) -> ResultReader:
        hashes = self._hashes if followed else None
        post, post_later = self._shell.post, self._shell.post_later
        return ResultReader(state, self._fetcher, self._registry.address, post, post_later, hashes)

    def cluster_shape(self) -> ClusterShape:
        """The usable workers, for planning."""
        usable = [worker for worker in self._shell.scheduler.pool.by_index.values() if worker.usable]
        known = [record for worker in usable if (record := self._registry.get(worker.worker_id)) is not None]
        if not known:
            return _ASSUMED_SHAPE
        registrations = [record.registration for record in known]
        return ClusterShape(
            slots=sum(each.slots for each in registrations),
            threads_per_slot=max(1, min(each.threads_per_slot for each in registrations)),
            memory_bytes_per_slot=min(each.memory_bytes // each.slots for each in registrations),
            hosts=len({each.host for each in registrations}),
        )

    def workers(self) -> list[jobs_pb2.WorkerDetail]:
        """Every worker, with its last heartbeat; lost ones last."""
        return self._registry.details(time.monotonic())

    def held_data(self, name: str) -> list[HeldEntry]:
        """The files all workers offer under a name (`worker --data NAME=DIR`)."""
        return self._registry.held_data(name)

    def held_names(self) -> list[str]:
        """Names under which workers offer data."""
        return self._registry.held_names()

    def jobs(self, limit: int = 0) -> list[jobs_pb2.JobSummary]:
        """Jobs remembered, the newest first; 0 means all."""
        return [record.summary() for record in islice(self._history.newest(), limit or None)]

    def job(self, job_id: int) -> jobs_pb2.JobDetail | None:
        """Everything about one job; None when it is not remembered."""
        record = self._history.get(job_id)
        return record.detail() if record is not None else None

    def job_record(self, job_id: int) -> JobRecord | None:
        """The live record, for whoever watches it change."""
        return self._history.get(job_id)

    async def close(self) -> None:
        """Fails what still runs and closes channels."""
        for handle in list(self._handles.values()):
            if not handle.record.is_over:
                self._end(handle, common_pb2.Failure(cancelled=common_pb2.Cancelled(reason="the driver stops")))
        for task in list(self._background):
            await asyncio.wait((task,), timeout=1.0)
        await self._fetcher.close()

    # What the scheduler says (JobListener).

    def stage_completed(self, action: actions.StageCompleted) -> None:
        handle = self._handles.get(action.job_id)
        if handle is not None:
            handle.record.stages[action.stats.stage_id].state = "finished"
            handle.open_stages.discard(action.stats.stage_id)
            self._advance(handle, action.stats)

    def result_ready(self, action: actions.ResultReady) -> None:
        handle = self._handles.get(action.key.job_id)
        if handle is not None:
            handle.result.put(action)

    def result_lost(self, action: actions.ResultLost) -> None:
        handle = self._handles.get(action.job_id)
        if handle is not None:
            handle.result.lose(action.partition)

    def job_completed(self, action: actions.CompleteJob) -> None:
        handle = self._handles.get(action.job_id)
        if handle is None or handle.record.is_over:
            return
        handle.record.rows_out = action.stats.rows
        if handle.info.commit is None:
            self._succeed(handle, action.stats)
        else:
            self._in_background(self._commit(handle, handle.info.commit, action.stats))

    def job_failed(self, action: actions.FailJob) -> None:
        handle = self._handles.get(action.job_id)
        if handle is None:
            return
        if not handle.record.is_over:
            self._end(handle, action.failure)
        else:
            # It had succeeded, then lost a part of its result and could not compute it again.
            del self._handles[handle.job_id]
            handle.result.fail(action.failure)
            handle.info.lost()

    def worker_lost(self, worker_id: str, address: str) -> None:
        self._in_background(self._fetcher.forget(address))

    def _advance(self, handle: JobHandle, finished: StageStats | None) -> None:
        """One step of planning. It runs on the loop: a step is a few milliseconds by the planner's budget."""
        started_s = time.perf_counter()
        is_final = finished is not None and finished.stage_id == handle.final_stage_id
        finished_id = -1 if finished is None else finished.stage_id
        shape = (handle.replay.shape(finished_id) if handle.replay is not None else None) or self.cluster_shape()
        try:
            planned = handle.plan.advance(finished, shape)
        except Exception as error:  # noqa: BLE001 - any error of planning is the query's
            _log.info("planning failed", job=handle.job_id, error=repr(error))
            self._shell.post(events.PlanningFailed(handle.job_id, failure_of(error)))
            return
        finally:
            spent_s = time.perf_counter() - started_s
            handle.record.planning_us += int(spent_s * 1e6)
            self._metrics.planning_seconds.observe(spent_s)
        handle.record.decisions.extend(planned.decisions)
        self._notes.stepped(handle.job_id, finished_id, shape, planned.start)
        if not is_final:
            self._start(handle, planned)
        if handle.replay is not None:
            self._go_on_replaying(handle, handle.replay, planned)

    def _go_on_replaying(self, handle: JobHandle, replay: Replay, planned: PlannedStages) -> None:
        """Credits what leads to the next step the earlier driver took; after the last, whatever else it knew."""
        replay.planned(planned.start)
        credits = replay.next_credits()
        for event in credits:
            self._shell.post(event)
        if not credits:
            for event in replay.rest():
                self._shell.post(event)
            self._shell.post(events.ReplayEnded(handle.job_id))
            handle.replay = None

    def _start(self, handle: JobHandle, planned: PlannedStages) -> None:
        for stage_id in planned.abandon:
            handle.open_stages.discard(stage_id)
            if stage_id in handle.record.stages:
                handle.record.stages[stage_id].state = "abandoned"
        for spec in planned.start:
            handle.record.add_stage(spec)
            handle.open_stages.add(spec.stage_id)
            if spec.kind in FINAL_KINDS:
                handle.final_stage_id = spec.stage_id
                if spec.kind is OutputKind.RESULT:
                    handle.result.planned(spec.stage_id, len(spec.tasks))
        if not handle.open_stages:
            message = "The planner started no stage though none is running and the result is not computed."
            failure = common_pb2.Failure(internal=common_pb2.InternalError(message=message))
            self._shell.post(events.PlanningFailed(handle.job_id, failure))
            return
        self._shell.post(events.StagesPlanned(handle.job_id, tuple(planned.start), tuple(planned.abandon)))

    async def _commit(self, handle: JobHandle, hook: CommitHook, stats: StageStats, moves: str = "") -> None:
        """`moves` of a commit that an earlier driver had begun."""
        try:
            if not moves:
                moves = await hook.moves(stats)
                await self._notes.commit_begins(handle.job_id, hook.place, moves)
            await hook.commit(moves)
        except Exception as error:  # noqa: BLE001 - any error of the commit is the query's
            self._shell.post(events.JobReleased(handle.job_id))
            self._end(handle, failure_of(error))
            return
        self._succeed(handle, stats)

    def _succeed(self, handle: JobHandle, stats: StageStats) -> None:
        handle.record.end(jobs_pb2.JOB_FINISHED, _now_us())
        self._notes.ended(handle.record, succeeded=True)
        self._metrics.jobs.labels("finished").inc()
        _log.info("job finished", job=handle.job_id, rows=stats.rows, bytes=stats.bytes)
        handle.done.set_result(JobOutcome(handle.job_id, stats))

    def _end(self, handle: JobHandle, failure: common_pb2.Failure) -> None:
        """The job failed or was cancelled."""
        cancelled = failure.HasField("cancelled")
        handle.record.end(jobs_pb2.JOB_CANCELLED if cancelled else jobs_pb2.JOB_FAILED, _now_us(), failure)
        self._notes.ended(handle.record, succeeded=False)
        self._metrics.jobs.labels("cancelled" if cancelled else "failed").inc()
        _log.info("job failed", job=handle.job_id, cause=failure.WhichOneof("cause"))
        self._handles.pop(handle.job_id, None)
        handle.result.fail(failure)
        handle.done.set_exception(JobFailed(handle.job_id, failure))
        if handle.info.commit is not None:
            self._in_background(self._abort(handle.info.commit))

    async def _abort(self, hook: CommitHook) -> None:
        try:
            await hook.abort()
        except Exception as error:  # noqa: BLE001 - the job has failed already; this is only about leftovers
            _log.warning("leftover files of a failed write could not be removed", error=repr(error))

    async def _first_worker(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._shell.has_workers.wait(), FIRST_WORKER_WAIT_S)

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _record(job_id: int, submitted_us: int, info: JobInfo) -> JobRecord:
    return JobRecord(
        job_id=job_id,
        description=info.description,
        session_id=info.session_id,
        operation_id=info.operation_id,
        submitted_us=submitted_us,
        plan_texts=info.plan_texts,
        planning_us=info.planning_us,
    )


def _now_us() -> int:
    return time.time_ns() // 1000
