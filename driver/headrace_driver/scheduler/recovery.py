"""Lost outputs: what is lost with a worker or proven lost by a failed fetch, and what has to run again for it.

Only what is still demanded runs again (`JobRun.refresh`): outputs of finished readers are marked lost and left at that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from headrace_driver.scheduler.actions import ResultLost, ResultReady
from headrace_driver.scheduler.assignment import Assignment
from headrace_driver.scheduler.health import Health, Liveness
from headrace_driver.scheduler.identity import OutputKey, TaskKey
from headrace_driver.scheduler.jobs import JobRun
from headrace_driver.scheduler.links import LinkReports, LinkVerdict
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_driver.scheduler.outbox import Outbox
from headrace_driver.scheduler.outputs import NOT_RECREATED
from headrace_driver.scheduler.stages import StageRun
from headrace_driver.scheduler.workers import Attempt, WorkerPool, WorkerState
from headrace_proto.v1 import common_pb2

_Reason = common_pb2.FetchFailed.Reason


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a failed fetch means for the task that reported it and for the worker it names."""

    wait_s: float = 0.0
    blame_holder: bool = False
    blame_reporter: bool = False


@dataclass(slots=True)
class RolledBack:
    """What other rows of a rerun mean: jobs whose client has some of the old rows already, and the stages whose outputs
    do not count any more.
    """

    stuck: list[JobRun] = field(default_factory=list)
    stages: list[OutputKey] = field(default_factory=list)


class Recovery:
    """Takes back what is lost. Leaves `refresh` of the job to the caller."""

    def __init__(self, assignment: Assignment, health: Health, outbox: Outbox, options: SchedulerOptions) -> None:
        self._assignment = assignment
        self._health = health
        self._outbox = outbox
        self._options = options
        self._links = LinkReports(options)

    def lose_worker(self, job: JobRun, worker: WorkerState) -> None:
        """The worker is gone with all outputs it held."""
        for stage in job.stages.values():
            stage.outputs.forget_copies(worker)
            self.lose_outputs(job, stage, stage.outputs.held_by(worker), avoid=None, may_return=True)

    def lose_outputs(
        self,
        job: JobRun,
        stage: StageRun,
        partitions: Iterable[int],
        avoid: int | None,
        *,
        may_return: bool = False,
    ) -> None:
        """These finished partitions have to be computed again if they are demanded and nobody has a copy.

        `may_return`: the copies may still exist and are as good as ever if their holder comes back.
        """
        lost_any = False
        for partition in partitions:
            lost_any = True
            if stage.outputs.promote(partition):
                continue
            if may_return:
                stage.outputs.give_up(partition)
            else:
                stage.outputs.forget(partition)
            stage.outputs.recreated[partition] = NOT_RECREATED
            stage.reopen(partition)
            if avoid is None:
                self._assignment.file_again(stage, partition)
            else:
                stage.pending.add_retry(partition, avoid)
            if stage.is_result and partition in job.announced:
                job.announced.discard(partition)
                self._outbox.note(ResultLost(job.job_id, stage.key.stage_id, partition))
        if lost_any:
            self._recall_doomed_readers(stage)

    def credit(self, job: JobRun, stage: StageRun, worker: WorkerState, held: Set[tuple[int, int]], now: int) -> int:
        """The worker has copies of these (partition, attempt). Those that were given up count again; returns how many.

        `now` is the launch number from which attempts know of them.
        """
        outputs = stage.outputs
        credited = 0
        for partition in sorted(outputs.given_up):
            if (partition, outputs.attempt[partition]) not in held or stage.is_done(partition):
                continue
            for attempt in stage.attempts_at(partition):
                self.cancel(attempt)
            stage.finish(partition)
            outputs.restore(partition, worker)
            outputs.recreated[partition] = now
            credited += 1
            if stage.is_result and partition not in job.consumed:
                self.announce(job, stage, partition, worker)
        return credited

    def announce(self, job: JobRun, stage: StageRun, partition: int, worker: WorkerState | None) -> None:
        """Says where a finished result partition can be read now."""
        outputs = stage.outputs
        job.announced.add(partition)
        key = TaskKey(job.job_id, stage.key.stage_id, partition, outputs.attempt[partition])
        rows, size_bytes, checksum = outputs.rows[partition], outputs.bytes[partition], outputs.checksum[partition]
        inline = outputs.inline.get(partition)
        worker_id = worker.worker_id if worker is not None else ""
        self._outbox.note(ResultReady(key, worker_id, rows, size_bytes, checksum, inline))

    def recreate(self, stage: StageRun, partition: int, sequence: int) -> bool:
        """A lost output is there again, known from launch `sequence` on. Tells whether its rows may differ."""
        if partition not in stage.outputs.recreated:
            return False
        stage.outputs.recreated[partition] = sequence
        return not stage.spec.deterministic

    def fetch_failed(
        self,
        owner: JobRun | None,
        attempt_sequence: int,
        report: common_pb2.FetchFailed,
        holder: WorkerState | None,
        reporter: WorkerState | None,
        now_s: float,
    ) -> Judgement:
        """Judges a report that maps of a stage of `owner` could not be had, and takes back what it proves lost."""
        stage = owner.stages.get(report.output.stage_id) if owner is not None else None
        if owner is None or stage is None or holder is None:
            return Judgement()
        held = stage.outputs.held_by(holder)
        named = report.map_partitions or held
        credible = [partition for partition in named if self._knew(stage, partition, holder, attempt_sequence)]
        if not credible:
            return Judgement()
        if report.reason == _Reason.MISSING:
            self.lose_outputs(owner, stage, credible, avoid=None)
            return Judgement()
        if report.reason == _Reason.CORRUPT:
            self.lose_outputs(owner, stage, credible, avoid=holder.index)
            return Judgement(blame_holder=True)
        if self._health.liveness(holder.index) not in (Liveness.DETACHED, Liveness.SILENT):
            verdict = self._links.report(holder.index, reporter.index if reporter is not None else -1, now_s)
            if verdict is not LinkVerdict.HOLDER:
                suspect = verdict is LinkVerdict.REPORTER
                return Judgement(wait_s=self._options.unreachable_wait_s, blame_reporter=suspect)
        # A fetch stops at the first map it cannot get: what is out of reach is the worker, with all it holds of this
        # and of what the same readers read beside it, for which they would come back to it.
        for lost in _read_together(stage):
            self.lose_outputs(owner, lost, lost.outputs.held_by(holder), avoid=holder.index)
        return Judgement(blame_holder=True)

    def is_news_of_a_loss(self, failure: common_pb2.Failure, pool: WorkerPool) -> bool:
        """Whether the failure says no more than that a worker is gone, or may be."""
        report = failure.fetch_failed
        if not failure.HasField("fetch_failed") or report.reason != _Reason.UNREACHABLE:
            return False
        holder = pool.by_id.get(report.worker_id)
        return holder is None or self._health.liveness(holder.index) in (Liveness.DETACHED, Liveness.SILENT)

    def _knew(self, stage: StageRun, partition: int, holder: WorkerState, attempt_sequence: int) -> bool:
        """Whether the report is about the copy that counts now, not about one that has been replaced."""
        outputs = stage.outputs
        return (
            partition < stage.total
            and outputs.holder[partition] == holder.index
            and attempt_sequence >= outputs.recreated.get(partition, 0)
        )

    def forget_worker(self, worker: WorkerState) -> None:
        """The worker is gone; reports about it mean nothing any more."""
        self._links.forget(worker.index)

    def _recall_doomed_readers(self, lost: StageRun) -> None:
        """Readers launched but not started would start without their input. Those that run may have read it already."""
        for reader in lost.readers:
            for attempt in [attempt for attempt in reader.attempts() if not attempt.started]:
                self.recall(reader, attempt)

    def recall(self, stage: StageRun, attempt: Attempt) -> None:
        """Cancels a running attempt; its task waits again unless another attempt at it runs."""
        self.cancel(attempt)
        if stage.withdraw(attempt):
            stage.reopen(attempt.key.partition)
            self._assignment.file_again(stage, attempt.key.partition)

    def cancel(self, attempt: Attempt) -> None:
        if not attempt.cancelled:
            attempt.cancelled = True
            self._outbox.cancel(attempt.worker.worker_id, attempt.key)

    def roll_back_readers(self, jobs: Mapping[int, JobRun], changed: StageRun, sequence: int) -> RolledBack:
        """A rerun may have given other rows: all that was computed from the old ones goes.

        Only stages planned as not deterministic come here; their readers' readers are rolled back in turn.
        """
        undone = RolledBack()
        for reader in changed.readers:
            job = jobs[reader.key.job_id]
            if changed.is_kept and job.complete and job.has_been_read:
                # It has read all of the old rows, and needs none of the new ones.
                continue
            done = [partition for partition in range(reader.total) if reader.is_done(partition)]
            if reader.is_result and job.consumed:
                undone.stuck.append(job)
                continue
            undone.stages.append(reader.key)
            reader.valid_from = sequence
            for attempt in reader.attempts():
                self.recall(reader, attempt)
            reader.rolled_back = True
            reader.outputs.copies.clear()
            # What was lost before with its holder is of the old rows too, should the holder come back.
            reader.outputs.given_up.clear()
            self.lose_outputs(job, reader, done, avoid=None)
            if done or reader.completed_once:
                # Also where its outputs have been dropped since: others may still hold what was made of them.
                further = self.roll_back_readers(jobs, reader, sequence)
                undone.stuck.extend(further.stuck)
                undone.stages.extend(further.stages)
        return undone


def _read_together(stage: StageRun) -> list[StageRun]:
    """The stage, and those of its job whose outputs unfinished readers of it read too."""
    found = {stage.key: stage}
    for reader in stage.readers:
        if not reader.is_complete:
            found.update((other.key, other) for other in reader.parents if other.key.job_id == stage.key.job_id)
    return list(found.values())
