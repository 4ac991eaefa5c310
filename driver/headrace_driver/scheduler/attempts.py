"""What becomes of task attempts: they start, finish, fail, and count for and against workers."""

from __future__ import annotations

from headrace_driver.plan.stage import OutputKind
from headrace_driver.scheduler import deadends, events, retries
from headrace_driver.scheduler.actions import TaskRetried, WorkerExcluded
from headrace_driver.scheduler.identity import TaskKey
from headrace_driver.scheduler.jobs import JobRun
from headrace_driver.scheduler.lifecycle import Lifecycle
from headrace_driver.scheduler.retries import Blame, Verdict
from headrace_driver.scheduler.stages import StageRun
from headrace_driver.scheduler.state import SchedulerState
from headrace_driver.scheduler.workers import Attempt, WorkerState
from headrace_proto.v1 import common_pb2


class Attempts:
    """One method for each kind of news about an attempt or about blocks that cannot be had."""

    def __init__(self, state: SchedulerState, lifecycle: Lifecycle) -> None:
        self._state = state
        self._lifecycle = lifecycle
        self._pool = state.pool
        self._health = state.health
        self._jobs = state.jobs
        self._options = state.options
        self._outbox = state.outbox
        self._assignment = state.assignment
        self._launcher = state.launcher
        self._recovery = state.recovery
        self._replication = state.replication

    def _running(self, worker_id: str, key: TaskKey) -> Attempt | None:
        worker = self._pool.by_id.get(worker_id)
        return worker.running.get(key) if worker is not None else None

    def started(self, event: events.TaskStarted) -> None:
        attempt = self._running(event.worker_id, event.key)
        if attempt is not None:
            attempt.start(self._state.now_s)

    def end(self, attempt: Attempt) -> tuple[JobRun, StageRun] | None:
        """Frees the attempt's slot. None: its job is gone."""
        self._pool.end(attempt)
        job = self._jobs.get(attempt.key.job_id)
        if job is None:
            return None
        job.running -= 1
        if not job.running:
            job.idle_since_s = self._state.now_s
        return job, job.stages[attempt.key.stage_id]

    def finished(self, event: events.TaskFinished) -> None:
        attempt = self._running(event.worker_id, event.key)
        if attempt is None:
            return
        if wrong := self._wrong_sizes(event):
            self.fail(attempt, common_pb2.Failure(internal=common_pb2.InternalError(message=wrong)))
            return
        found = self.end(attempt)
        if found is None:
            return
        job, stage = found
        partition = event.key.partition
        if attempt.sequence < stage.valid_from or stage.is_done(partition):
            return
        for other in stage.attempts_at(partition):
            if other is not attempt:
                self._recovery.cancel(other)
        self._health.praise(attempt.worker.index, self._state.now_s)
        stage.observe_run(partition, event.run_s, self._options)
        checksum_before = stage.outputs.checksum[partition]
        stage.finish(partition)
        stage.outputs.record(partition, event.key.attempt, attempt.worker, event)
        if self._state.accepted is not None:
            self._state.accepted.append(event)
        self._replication.finished(stage, partition, self._state.now_s)
        if self._recovery.recreate(stage, partition, self._launcher.count):
            same = event.checksum != 0 and event.checksum == checksum_before
            if not same:
                undone = self._recovery.roll_back_readers(self._jobs, stage, self._launcher.count)
                if self._state.accepted is not None:
                    self._state.accepted.extend(undone.stages)
                for stuck in undone.stuck:
                    self._lifecycle.fail_job(stuck, deadends.changed_under_the_client(stage))
                if job.job_id not in self._jobs:
                    return
            self._lifecycle.refresh(job)
        if stage.is_result:
            self._recovery.announce(job, stage, partition, attempt.worker)
        if stage.is_complete:
            self._lifecycle.stage_complete(job, stage)
            self._lifecycle.refresh(job)

    def _wrong_sizes(self, event: events.TaskFinished) -> str:
        """A sentence when the sizes reported are not one for each reducer."""
        job = self._jobs.get(event.key.job_id)
        spec = job.stages[event.key.stage_id].spec if job is not None else None
        if spec is None or spec.kind is not OutputKind.SHUFFLE or len(event.size_codes) in (0, spec.reducers):
            return ""
        return f"The task reported {len(event.size_codes)} partition sizes for {spec.reducers} partitions."

    def failed(self, event: events.TaskFailed) -> None:
        attempt = self._running(event.worker_id, event.key)
        if attempt is not None:
            self.fail(attempt, event.failure)

    def fail(self, attempt: Attempt, failure: common_pb2.Failure) -> None:
        found = self.end(attempt)
        if found is None:
            return
        job, stage = found
        key, worker = attempt.key, attempt.worker
        if not stage.counts_attempt(attempt):
            return
        excused = self._recovery.is_news_of_a_loss(failure, self._pool)
        decision = retries.decide(failure, stage.counts_of(key.partition), self._options, excused=excused)
        self._blame(worker, key, decision.blame, failure)
        is_last = stage.withdraw(attempt)
        if decision.verdict is Verdict.FAIL_JOB:
            self._lifecycle.fail_job(job, retries.job_failure(failure, key, worker.worker_id))
            return
        if is_last:
            self._outbox.note(TaskRetried(key, worker.worker_id, failure))
            stage.reopen(key.partition)
        if decision.verdict is Verdict.REFETCH:
            self._retry_fetch(job, stage, attempt, failure.fetch_failed)
        elif worker.index not in self._pool.by_index:
            if is_last:
                self._assignment.file_again(stage, key.partition)
        elif is_last:
            wait_s = retries.wait_s(stage.counts_of(key.partition), self._options)
            stage.pending.add_retry_after(key.partition, worker.index, self._state.now_s, wait_s)
        else:
            stage.pending.avoid_worker(key.partition, worker.index)
        if decision.verdict is Verdict.ELSEWHERE_LARGER:
            asked_bytes = stage.memory_bytes.get(key.partition, stage.spec.tasks[key.partition].memory_bytes)
            stage.memory_bytes[key.partition] = retries.larger_grant(failure, asked_bytes)
        self._lifecycle.refresh(job)

    def _retry_fetch(self, job: JobRun, stage: StageRun, attempt: Attempt, report: common_pb2.FetchFailed) -> None:
        partition = attempt.key.partition
        holder = self._pool.by_id.get(report.worker_id)
        owner = self._jobs.get(report.output.job_id or job.job_id)
        reporter = attempt.worker
        judgement = self._recovery.fetch_failed(owner, attempt.sequence, report, holder, reporter, self._state.now_s)
        if holder is not None and judgement.blame_holder:
            self._blame(holder, attempt.key, Blame.DISK, common_pb2.Failure(fetch_failed=report))
        if judgement.blame_reporter:
            self._blame(reporter, attempt.key, Blame.DISK, common_pb2.Failure(fetch_failed=report))
        if stage.is_pending(partition):
            # Somebody else may reach what this worker could not; what is lost is out of everybody's reach.
            avoid = reporter.index if judgement.wait_s > 0 and reporter.index in self._pool.by_index else None
            stage.pending.add_retry_after(partition, avoid, self._state.now_s, judgement.wait_s)

    def _blame(self, worker: WorkerState, key: TaskKey, blame: Blame, failure: common_pb2.Failure) -> None:
        """Counts evidence against a worker; excludes it unless too few others would be left."""
        if blame is Blame.NONE or worker.index not in self._pool.by_index:
            return
        may_exclude = worker.usable and (self._pool.usable_count - 1) * 2 >= len(self._pool.by_index)
        if blame is Blame.DISK:
            seconds = self._health.blame_disk(worker.index, self._state.now_s, may_exclude=may_exclude)
        else:
            task = (key.job_id, key.stage_id, key.partition)
            seconds = self._health.blame(worker.index, task, self._state.now_s, may_exclude=may_exclude)
        if seconds > 0:
            self._pool.set_usable(worker, False)
            reason = failure.WhichOneof("cause") or "unknown"
            self._outbox.note(WorkerExcluded(worker.worker_id, seconds, reason))

    def result_unreadable(self, event: events.ResultUnreadable) -> None:
        job = self._jobs.get(event.job_id)
        if job is None:
            return
        stage = job.stages[event.stage_id]
        outputs = stage.outputs
        if not stage.is_done(event.partition) or outputs.attempt[event.partition] != event.attempt:
            return
        holder = self._pool.by_index.get(outputs.holder[event.partition])
        if holder is None:
            return
        report = common_pb2.FetchFailed(
            output=common_pb2.OutputId(job_id=event.job_id, stage_id=event.stage_id),
            worker_id=holder.worker_id,
            map_partitions=[event.partition],
            reason=common_pb2.FetchFailed.Reason.Name(event.reason),
        )
        judgement = self._recovery.fetch_failed(job, self._launcher.count, report, holder, None, self._state.now_s)
        if judgement.blame_holder:
            task = TaskKey(event.job_id, event.stage_id, event.partition, event.attempt)
            self._blame(holder, task, Blame.DISK, common_pb2.Failure(fetch_failed=report))
        self._lifecycle.refresh(job)
