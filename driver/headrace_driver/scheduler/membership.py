"""Workers come, come back, fall silent, leave and are lost."""

from __future__ import annotations

from collections.abc import Mapping

from headrace_driver.scheduler import events, retries
from headrace_driver.scheduler.actions import DropJob, WorkerDeclaredLost
from headrace_driver.scheduler.attempts import Attempts
from headrace_driver.scheduler.health import Liveness
from headrace_driver.scheduler.identity import OutputKey
from headrace_driver.scheduler.lifecycle import Lifecycle
from headrace_driver.scheduler.state import SchedulerState
from headrace_driver.scheduler.workers import Attempt, WorkerState
from headrace_proto.v1 import common_pb2


class Membership:
    """One method for each kind of news about a worker."""

    def __init__(self, state: SchedulerState, lifecycle: Lifecycle, attempts: Attempts) -> None:
        self._state = state
        self._lifecycle = lifecycle
        self._attempts = attempts
        self._pool = state.pool
        self._health = state.health
        self._jobs = state.jobs
        self._options = state.options
        self._outbox = state.outbox
        self._assignment = state.assignment
        self._launcher = state.launcher
        self._recovery = state.recovery
        self._leaving = state.leaving
        self._replication = state.replication

    def joined(self, event: events.WorkerJoined) -> None:
        worker = self._pool.by_id.get(event.worker_id)
        if worker is not None and worker.incarnation != event.incarnation:
            self._lose(worker, "it was started again")
            worker = None
        if worker is None:
            worker = self._pool.add(event.worker_id, event.incarnation, event.host, event.rack, event.slots)
            # What it holds goes when the jobs end, whether it is needed or not.
            worker.jobs.update(output.job_id for output in event.held_outputs if output.job_id in self._jobs)
            self._health.join(worker.index, self._state.now_s)
        else:
            self._health.join(worker.index, self._state.now_s)
            self._leaving.came_back(worker)
            self._reattach(worker, event)
        self._credit(worker, event.held_maps)
        for job_id in {output.job_id for output in event.held_outputs} - self._jobs.keys():
            self._outbox.note(DropJob(event.worker_id, job_id))
        self._update_usable(worker)

    def _reattach(self, worker: WorkerState, event: events.WorkerJoined) -> None:
        """The worker came back over a new stream: what was on its way when the old one broke is unknown."""
        worker.programs.clear()
        worker.tables.clear()
        for attempt in [attempt for attempt in worker.running.values() if not attempt.started]:
            job = self._jobs.get(attempt.key.job_id)
            if job is not None and not attempt.cancelled:
                self._recovery.recall(job.stages[attempt.key.stage_id], attempt)
        for job in list(self._jobs.values()):
            for stage in job.stages.values():
                supposed = stage.outputs.held_by(worker)
                if stage.key in event.held_outputs:
                    held = event.held_maps.get(stage.key)
                    attempts = stage.outputs.attempt
                    supposed = [p for p in supposed if held is not None and (p, attempts[p]) not in held]
                stage.outputs.forget_copies(worker, event.held_maps.get(stage.key, frozenset()))
                self._recovery.lose_outputs(job, stage, supposed, avoid=None)
            self._lifecycle.refresh(job)

    def _credit(self, worker: WorkerState, held: Mapping[OutputKey, frozenset[tuple[int, int]]]) -> None:
        """The worker came back with outputs that had been given up: they need not be computed again."""
        for output, maps in held.items():
            job = self._jobs.get(output.job_id)
            stage = job.stages.get(output.stage_id) if job is not None else None
            if (
                job is None
                or stage is None
                or not self._recovery.credit(job, stage, worker, maps, self._launcher.count)
            ):
                continue
            if stage.is_complete:
                self._lifecycle.stage_complete(job, stage)
            self._lifecycle.refresh(job)

    def adopted(self, event: events.OutputAdopted) -> None:
        """A copy of an output is with another worker now, or could not be made."""
        worker = self._pool.by_id.get(event.worker_id)
        job = self._jobs.get(event.key.job_id)
        stage = job.stages.get(event.key.stage_id) if job is not None else None
        self._leaving.answered(event.key)
        self._replication.answered(event.key, held=event.held)
        if worker is None or job is None or stage is None or not event.held:
            return
        worker.jobs.add(job.job_id)
        partition, outputs = event.key.partition, stage.outputs
        if outputs.attempt[partition] != event.key.attempt:
            return
        holder = self._pool.by_index.get(outputs.holder[partition])
        if holder is not None and stage.is_done(partition) and self._health.is_draining(holder.index):
            outputs.restore(partition, worker)
            self._leaving.moved(holder, stage, self._launcher.count)
            if stage.is_result and partition not in job.consumed:
                self._recovery.announce(job, stage, partition, worker)
        elif holder is not None and stage.is_done(partition) and stage.spec.replicas > 1:
            if not self._health.is_draining(worker.index):
                outputs.add_copy(partition, worker)
        else:
            self._credit(worker, {stage.key: frozenset(((partition, event.key.attempt),))})

    def heard(self, event: events.WorkerHeard) -> None:
        worker = self._pool.by_id.get(event.worker_id)
        if worker is None:
            return
        self._health.hear(worker.index, self._state.now_s)
        self._update_usable(worker)
        forgotten: list[Attempt] = []
        for key, attempt in worker.running.items():
            if key in event.running:
                attempt.start(self._state.now_s)
                attempt.unlisted = 0
            elif attempt.started or attempt.cancelled:
                attempt.unlisted += 1
                if attempt.unlisted >= self._options.forgotten_heartbeats:
                    forgotten.append(attempt)
        for attempt in forgotten:
            detail = f"Worker {worker.worker_id} no longer runs the task and did not say what became of it."
            self._attempts.fail(attempt, common_pb2.Failure(executor_lost=common_pb2.ExecutorLost(detail=detail)))
        for key in event.running:
            if key not in worker.running:
                self._outbox.cancel(worker.worker_id, key)

    def stream_closed(self, event: events.WorkerStreamClosed) -> None:
        worker = self._pool.by_id.get(event.worker_id)
        if worker is None:
            return
        if self._health.liveness(worker.index) is Liveness.DRAINING and not worker.running:
            self._lose(worker, "it left after draining")
            return
        self._health.detach(worker.index, self._state.now_s)
        self._update_usable(worker)

    def lost(self, event: events.WorkerLost) -> None:
        worker = self._pool.by_id.get(event.worker_id)
        if worker is not None:
            self._lose(worker, event.detail)

    def draining(self, event: events.WorkerDraining) -> None:
        worker = self._pool.by_id.get(event.worker_id)
        if worker is not None:
            self._health.drain(worker.index)
            self._update_usable(worker)
            self._replication.hand_over(self._jobs, worker, self._leaving, self._launcher.count)
            for attempt in [a for a in worker.running.values() if not a.started and not a.cancelled]:
                job = self._jobs.get(attempt.key.job_id)
                if job is not None:
                    self._recovery.recall(job.stages[attempt.key.stage_id], attempt)
                    self._lifecycle.refresh(job)
            self._leaving.look(self._jobs, self._state.now_s)

    def _update_usable(self, worker: WorkerState) -> None:
        self._pool.set_usable(worker, self._health.is_usable(worker.index, self._state.now_s))

    def _lose(self, worker: WorkerState, detail: str) -> None:
        """The worker is gone: what ran there runs elsewhere, what it held is recomputed where needed."""
        attempts = list(worker.running.values())
        self._pool.remove(worker)
        self._health.leave(worker.index)
        self._recovery.forget_worker(worker)
        self._leaving.forget_worker(worker)
        self._replication.forget_worker(worker)
        self._outbox.forget_worker(worker.worker_id)
        self._outbox.note(WorkerDeclaredLost(worker.worker_id, worker.incarnation, detail))
        lost = common_pb2.WorkerLost(worker_id=worker.worker_id, detail=detail)
        for attempt in attempts:
            if attempt.started or attempt.cancelled:
                self._attempts.fail(attempt, common_pb2.Failure(worker_lost=lost))
                continue
            found = self._attempts.end(attempt)
            if found is None:
                continue
            job, stage = found
            if retries.lost_in_queue(stage.counts_of(attempt.key.partition), self._options):
                failure = common_pb2.Failure(worker_lost=lost)
                self._lifecycle.fail_job(job, retries.job_failure(failure, attempt.key, worker.worker_id))
                continue
            if stage.withdraw(attempt):
                stage.reopen(attempt.key.partition)
                self._assignment.file_again(stage, attempt.key.partition)
        for job in list(self._jobs.values()):
            self._recovery.lose_worker(job, worker)
            self._lifecycle.refresh(job)

    def look(self) -> None:
        """Time has passed: finds workers that have been silent or gone for too long."""
        for worker in list(self._pool.by_index.values()):
            reason = self._health.look(worker.index, self._state.now_s)
            if reason is not None:
                self._lose(worker, reason)
                continue
            self._update_usable(worker)
