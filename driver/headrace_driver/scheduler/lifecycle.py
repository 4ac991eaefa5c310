"""From the first stage of a job to its end: what can run now, what a finished stage means, and what goes with a job."""

from __future__ import annotations

from headrace_driver.scheduler.actions import CompleteJob, DropJob, FailJob, StageCompleted
from headrace_driver.scheduler.jobs import JobRun
from headrace_driver.scheduler.stages import StageRun
from headrace_driver.scheduler.state import SchedulerState
from headrace_proto.v1 import common_pb2


class Lifecycle:
    """Jobs and stages as wholes; single tasks are `attempts`' business."""

    def __init__(self, state: SchedulerState) -> None:
        self._state = state
        self._pool = state.pool
        self._jobs = state.jobs
        self._outbox = state.outbox
        self._assignment = state.assignment
        self._launcher = state.launcher
        self._recovery = state.recovery

    def abandon(self, stage: StageRun) -> None:
        stage.abandoned = True
        for attempt in stage.attempts():
            self._recovery.recall(stage, attempt)
        self._drop_outputs(stage)

    def _drop_outputs(self, stage: StageRun) -> None:
        for index in stage.outputs.places():
            self._outbox.drop(self._pool.by_index[index].worker_id, stage.key)
        stage.discard(self._launcher.count)

    def fail_job(self, job: JobRun, failure: common_pb2.Failure) -> None:
        """Fails a job, and with one whose cached rows cannot be had those that read them."""
        if job.job_id not in self._jobs:
            return
        readers = job.final.readers if job.final is not None and job.final.is_kept else []
        doomed = [self._jobs[job_id] for job_id in sorted({reader.key.job_id for reader in readers})]
        self._outbox.note(FailJob(job.job_id, failure))
        for reader in doomed:
            if not reader.complete:
                self.fail_job(reader, failure)
        self.drop_job(job)

    def drop_job(self, job: JobRun) -> None:
        """Nothing of the job is needed any more, neither here nor at the workers."""
        for stage in job.stages.values():
            for attempt in stage.attempts():
                self._recovery.cancel(attempt)
        for worker in self._pool.by_index.values():
            if job.job_id in worker.jobs:
                worker.jobs.discard(job.job_id)
                self._outbox.note(DropJob(worker.worker_id, job.job_id))
                for stage in job.stages.values():
                    worker.programs.discard(stage.key)
                    worker.tables.pop(stage.key, None)
        linked = job.linked()
        job.unlink()
        del self._jobs[job.job_id]
        self._launcher.favoured.pop(job.job_id, None)
        for job_id in linked & self._jobs.keys():
            self.refresh(self._jobs[job_id])

    def refresh(self, job: JobRun) -> None:
        """Finds what of the job can run now, after anything but a mere launch."""
        if job.job_id not in self._jobs:
            return
        for each in self._connected(job):
            each.refresh()
            for stage in each.ready:
                if not stage.filed:
                    self._assignment.file(stage, [parent.outputs for parent in stage.parents])

    def _connected(self, job: JobRun) -> list[JobRun]:
        """The job and those that read cached rows of each other; readers before what they read."""
        linked = job.linked()
        if not linked:
            return [job]
        found = {job.job_id: job}
        while linked:
            each = self._jobs.get(linked.pop())
            if each is not None and each.job_id not in found:
                found[each.job_id] = each
                linked |= each.linked()
        # A job that reads cached rows was submitted when they were there.
        return sorted(found.values(), key=lambda each: -each.order)

    def stage_complete(self, job: JobRun, stage: StageRun) -> None:
        stage.outputs.epoch += 1
        if not stage.completed_once:
            stage.completed_once = True
            stats = stage.outputs.stats()
            self._outbox.note(StageCompleted(job.job_id, stats))
            if stage.is_final:
                job.complete = True
                self._launcher.favoured.pop(job.job_id, None)
                self._outbox.note(CompleteJob(job.job_id, stats))
        if stage.is_kept:
            # It may live for days; what went wrong before it was whole again is no reason to give it up.
            stage.counts.clear()
        # What gives other rows each time is kept until the client has all it needs of it.
        keeps = stage.is_result and not all(each.spec.deterministic for each in job.stages.values())
        if stage.is_final and not keeps:
            for other in job.stages.values():
                if other is not stage:
                    for attempt in other.attempts():
                        self._recovery.recall(other, attempt)
                    self._drop_outputs(other)
