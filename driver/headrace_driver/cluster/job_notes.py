"""Jobs in the journal: their steps, the outputs that count, their end; and the numbers they are given."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from headrace_driver.cluster.history import JobRecord
from headrace_driver.cluster.messages import finished_status
from headrace_driver.cluster.replay import digest_of
from headrace_driver.journal import changes
from headrace_driver.journal.writer import Journal
from headrace_driver.plan.stage import ClusterShape, StageSpec
from headrace_driver.scheduler.events import TaskFinished
from headrace_driver.scheduler.identity import OutputKey

NUMBERS_AHEAD = 1000
"""Job numbers are reserved this far ahead: after a restart none is given twice, though workers may still know the last
jobs and the journal not."""


class JobNotes:
    """What a runner notes. Jobs are followed step by step only where somebody can come back to them."""

    def __init__(self, journal: Journal, next_job_id: int = 1) -> None:
        self.journal = journal
        self._next_job_id = next_job_id
        self._reserved = next_job_id
        self._followed: dict[int, int] = {}
        """Jobs and the number of their next step."""

    def new_job_id(self) -> int:
        number = self._next_job_id
        self._next_job_id += 1
        if self._next_job_id > self._reserved - NUMBERS_AHEAD // 2:
            self._reserved = self._next_job_id + NUMBERS_AHEAD
            self.journal.append(changes.job_numbers_reserved(self._reserved))
        return number

    def submitted(self, record: JobRecord, *, followed: bool, place: str = "", generation: int = 0) -> None:
        """`place` is where a write stages its files."""
        if not self.journal.is_on:
            return
        operation_id = record.operation_id if followed else ""
        octets = record.summary().SerializeToString()
        noted = [changes.job_submitted(record.job_id, record.session_id, operation_id, generation, octets)]
        if place:
            noted.append(changes.write_planned(record.job_id, place))
        self.journal.append(*noted)
        if followed:
            self._followed[record.job_id] = 0

    def stepped(self, job_id: int, finished_stage: int, shape: ClusterShape, specs: Iterable[StageSpec]) -> None:
        """A step of planning was taken."""
        step = self._followed.get(job_id)
        if step is None:
            return
        self._followed[job_id] = step + 1
        sizes = (shape.slots, shape.threads_per_slot, shape.memory_bytes_per_slot, shape.hosts)
        noted = [changes.step_planned(job_id, step, finished_stage, sizes)]
        for spec in specs:
            noted.extend(changes.stage_planned(job_id, spec.stage_id, digest_of(spec)))
        self.journal.append(*noted)

    def accepted(self, outputs: Iterable[TaskFinished | OutputKey], incarnation: Callable[[str], str]) -> None:
        """See `Scheduler.accepted`."""
        noted = []
        for done in outputs:
            if isinstance(done, OutputKey):
                noted.append(changes.outputs_dropped(*done))
            elif done.key.job_id in self._followed:
                octets = finished_status(done).SerializeToString()
                made_by = done.worker_id, incarnation(done.worker_id)
                noted.append(changes.output_finished(*done.key[:3], *made_by, octets))
        self.journal.append(*noted)

    async def commit_begins(self, job_id: int, place: str, moves: str) -> None:
        """Returns when that is on disk: from then on the write is completed, never aborted."""
        self.journal.append(changes.commit_begun(job_id, place, moves))
        await self.journal.synced()

    def ended(self, record: JobRecord, *, succeeded: bool) -> None:
        """It has succeeded and its result may still be read, or nothing of it is needed."""
        if not self.journal.is_on:
            return
        detail = record.detail(with_tasks=False).SerializeToString()
        noted = [changes.write_over(record.job_id)]
        noted.extend(changes.job_ended(record.job_id, record.summary().SerializeToString(), detail))
        self.journal.append(*noted)
        if not succeeded:
            self.released(record.job_id)

    def released(self, job_id: int) -> None:
        """Nothing of its result is needed any more."""
        self._followed.pop(job_id, None)
        if self.journal.is_on:
            self.journal.append(*changes.job_released(job_id))
