"""The scheduler's face: events in, actions out.

What depends on the order of events lies here (jobs and their planning), in `attempts`, `lifecycle` and `membership`;
what decides lies in `assignment`, `fairness`, `health`, `preemption`, `recovery` and `retries`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from headrace_driver.scheduler import deadends, events, restoring
from headrace_driver.scheduler.actions import Action, WakeAt
from headrace_driver.scheduler.attempts import Attempts
from headrace_driver.scheduler.identity import OutputKey
from headrace_driver.scheduler.jobs import JobRun
from headrace_driver.scheduler.lifecycle import Lifecycle
from headrace_driver.scheduler.membership import Membership
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_driver.scheduler.state import SchedulerState
from headrace_proto.v1 import common_pb2, task_pb2


class Scheduler:
    """Pure: the caller passes the time (seconds on a monotonic clock) and carries out the actions."""

    def __init__(self, options: SchedulerOptions | None = None) -> None:
        self.options = options or SchedulerOptions()
        self._state = SchedulerState(self.options)
        self.pool = self._state.pool
        self.health = self._state.health
        self.jobs = self._state.jobs
        self._lifecycle = Lifecycle(self._state)
        self._attempts = Attempts(self._state, self._lifecycle)
        self._membership = Membership(self._state, self._lifecycle, self._attempts)
        self._jobs_seen = 0
        self._handlers: dict[type, Callable[[Any], None]] = {
            events.JobSubmitted: self._job_submitted,
            events.StagesPlanned: self._stages_planned,
            events.PlanningFailed: self._planning_failed,
            events.JobCancelled: self._job_cancelled,
            events.JobReleased: self._job_released,
            events.ResultConsumed: self._result_consumed,
            events.ResultUnreadable: self._attempts.result_unreadable,
            events.TaskStarted: self._attempts.started,
            events.TaskFinished: self._attempts.finished,
            events.OutputsRestored: self._outputs_restored,
            events.ReplayEnded: self._replay_ended,
            events.TaskFailed: self._attempts.failed,
            events.WorkerJoined: self._membership.joined,
            events.WorkerHeard: self._membership.heard,
            events.WorkerStreamClosed: self._membership.stream_closed,
            events.WorkerLost: self._membership.lost,
            events.WorkerDraining: self._membership.draining,
            events.OutputAdopted: self._membership.adopted,
            events.Tick: self._tick,
        }

    def handle(self, event: events.Event, now_s: float) -> list[Action]:
        """Takes one event in and decides what to do."""
        return self.handle_all((event,), now_s)

    def handle_all(self, batch: Iterable[events.Event], now_s: float) -> list[Action]:
        """Takes events in, in order, then places tasks once. `now_s` never goes back."""
        self._pass_time(now_s)
        for event in batch:
            self._handlers[type(event)](event)
        wake_s = self._state.launcher.place_all(self.jobs.values(), self._state.now_s)
        return self._state.outbox.take([WakeAt(wake_s)] if wake_s is not None else [])

    def take_locality_wait_slot_s(self) -> float:
        """Slot-seconds left idle to wait for a better place, since the last call."""
        found, self._state.launcher.locality_wait_slot_s = self._state.launcher.locality_wait_slot_s, 0.0
        return found

    @property
    def accepted(self) -> list[events.TaskFinished | OutputKey] | None:
        """Where a caller that keeps a journal finds the outputs that count, in order; a stage's key: none of its before
        counts any more. None: nobody asks."""
        return self._state.accepted

    @accepted.setter
    def accepted(self, accepted: list[events.TaskFinished | OutputKey] | None) -> None:
        self._state.accepted = accepted

    def output_table(self, output: OutputKey) -> task_pb2.OutputTable:
        """Where an output's blocks are, for a SendOutputTable of this call. Addresses are left to the caller."""
        return self.jobs[output.job_id].stages[output.stage_id].outputs.table(output, self.pool.by_index)

    def program(self, stage: OutputKey) -> task_pb2.StageProgram:
        """The program of a stage, for a SendProgram of this call."""
        return self.jobs[stage.job_id].stages[stage.stage_id].spec.program

    def _job_submitted(self, event: events.JobSubmitted) -> None:
        assert event.job_id not in self.jobs
        job = self.jobs[event.job_id] = JobRun(event.job_id, event.weight, self._jobs_seen, self._state.now_s)
        job.generation, job.replaying = event.generation, event.generation > 0
        self._jobs_seen += 1
        for worker_id in event.holders & self.pool.by_id.keys():
            self.pool.by_id[worker_id].jobs.add(event.job_id)

    def _stages_planned(self, event: events.StagesPlanned) -> None:
        job = self.jobs.get(event.job_id)
        if job is None:
            return
        if fault := deadends.planning_fault(job, event) or deadends.kept_gone(self.jobs, event):
            self._lifecycle.fail_job(job, common_pb2.Failure(internal=common_pb2.InternalError(message=fault)))
            return
        for stage_id in event.abandon:
            self._lifecycle.abandon(job.stages[stage_id])
        for spec in event.start:
            stage = job.add_stage(spec, [self.jobs[job_id].stages[stage_id] for job_id, stage_id in spec.kept_reads])
            if job.generation:
                restoring.renumber(stage, job.generation)
            if stage.is_complete:
                self._lifecycle.stage_complete(job, stage)
        self._lifecycle.refresh(job)

    def _planning_failed(self, event: events.PlanningFailed) -> None:
        job = self.jobs.get(event.job_id)
        if job is not None:
            self._lifecycle.fail_job(job, event.failure)

    def _job_cancelled(self, event: events.JobCancelled) -> None:
        job = self.jobs.get(event.job_id)
        if job is None:
            return
        if job.complete:
            self._lifecycle.drop_job(job)
        else:
            self._lifecycle.fail_job(job, common_pb2.Failure(cancelled=common_pb2.Cancelled(reason=event.reason)))

    def _job_released(self, event: events.JobReleased) -> None:
        job = self.jobs.get(event.job_id)
        if job is not None:
            self._lifecycle.drop_job(job)

    def _result_consumed(self, event: events.ResultConsumed) -> None:
        job = self.jobs.get(event.job_id)
        if job is None:
            return
        stage = job.stages[event.stage_id]
        counts = stage.is_done(event.partition) and event.attempt in (-1, stage.outputs.attempt[event.partition])
        if stage.rolled_back and not counts:
            # What the client gets was made from rows that have been replaced by others since.
            self._lifecycle.fail_job(job, deadends.changed_under_the_client(stage))
            return
        job.consumed.add(event.partition)
        job.announced.discard(event.partition)
        if not stage.is_done(event.partition):
            # It was lost while its last blocks were on their way to the driver: there is nothing to recompute.
            for running in stage.attempts_at(event.partition):
                self._state.recovery.cancel(running)
            stage.finish(event.partition)
            if stage.is_complete:
                self._lifecycle.stage_complete(job, stage)
            self._lifecycle.refresh(job)
        stage.outputs.consume(event.partition)

    def _outputs_restored(self, event: events.OutputsRestored) -> None:
        job = self.jobs.get(event.job_id)
        if job is None:
            return
        stage = job.stages[event.stage_id]
        readable = list(restoring.credit(job, stage, event, self.pool))
        if stage.is_result:
            for finished in readable:
                self._state.recovery.announce(
                    job, stage, finished.key.partition, self.pool.by_id.get(finished.worker_id)
                )
        if stage.is_complete and not stage.completed_once:
            self._lifecycle.stage_complete(job, stage)

    def _replay_ended(self, event: events.ReplayEnded) -> None:
        job = self.jobs.get(event.job_id)
        if job is None:
            return
        job.replaying = False
        for stage in job.stages.values():
            self._state.recovery.lose_outputs(job, stage, restoring.lost_partitions(stage), avoid=None)
        self._lifecycle.refresh(job)

    def _pass_time(self, now_s: float) -> None:
        assert now_s >= self._state.now_s, "the clock went back"
        self._state.launcher.pass_time(now_s - self._state.now_s)
        self._state.now_s = now_s

    def _tick(self, event: events.Tick) -> None:
        if event.stalled_s > 0:
            self.health.forgive(event.stalled_s)
        self.pool.look()
        self._membership.look()
        for job in list(self.jobs.values()):
            failure = self._dead_end(job)
            if failure is not None:
                self._lifecycle.fail_job(job, failure)
        self._state.leaving.look(self.jobs, self._state.now_s)
        self._state.replication.look(self.jobs, self._state.now_s)
        self._state.speculation.look(self.jobs.values(), self._state.now_s)
        for job in self._state.preemption.look(self.jobs.values(), self._state.now_s):
            self._lifecycle.refresh(job)

    def _dead_end(self, job: JobRun) -> common_pb2.Failure | None:
        starved = deadends.starved(job, self.pool.usable_count, self._state.now_s, self.options)
        return starved or deadends.held_data_gone(job, self._state.assignment, self._state.now_s, self.options)
