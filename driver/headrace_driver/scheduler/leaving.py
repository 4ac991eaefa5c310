"""Workers that leave: what they hold and others still need moves to workers that stay, then they may go.

A worker that leaves runs what it runs to the end and keeps serving blocks. Outputs are copied worker to worker; the
scheduler counts a copy as the output once its taker has it whole. Nothing is lost when this does not end in time: what
was not moved is computed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle

from headrace_driver.scheduler.actions import AdoptOutputs, DismissWorker
from headrace_driver.scheduler.health import Health, Liveness
from headrace_driver.scheduler.identity import OutputKey, TaskKey
from headrace_driver.scheduler.jobs import JobRun
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_driver.scheduler.outbox import Outbox
from headrace_driver.scheduler.stages import StageRun
from headrace_driver.scheduler.workers import WorkerPool, WorkerState


@dataclass(slots=True)
class _Farewell:
    """One leaving worker. `moved` says of each stage from which launch on readers know its new places."""

    moved: dict[OutputKey, int] = field(default_factory=dict)
    dismissed: bool = False


@dataclass(frozen=True, slots=True)
class _Move:
    taker: int
    asked_s: float


class Leaving:
    """Decides what moves where. Look often; a look costs nothing while nobody leaves."""

    def __init__(self, pool: WorkerPool, health: Health, outbox: Outbox, options: SchedulerOptions) -> None:
        self._pool = pool
        self._health = health
        self._outbox = outbox
        self._options = options
        self._farewells: dict[int, _Farewell] = {}
        self._moves: dict[TaskKey, _Move] = {}
        self._tries: dict[TaskKey, int] = {}

    def look(self, jobs: Mapping[int, JobRun], now_s: float) -> None:
        """Asks for what can move now, and dismisses workers of which nothing is needed any more."""
        leaving = [
            worker
            for worker in self._pool.by_index.values()
            if self._health.is_draining(worker.index) and self._health.liveness(worker.index) is Liveness.DRAINING
        ]
        if not leaving:
            return
        self._forget_overdue(now_s)
        self._forget_gone(jobs)
        for worker in leaving:
            farewell = self._farewells.setdefault(worker.index, _Farewell())
            needed = list(_needed(jobs.values(), worker))
            self._ask(worker, needed, now_s)
            rest = [key for key in needed if self._tries.get(key, 0) <= self._options.adoption_tries_max]
            if not farewell.dismissed and not worker.running and not rest and not self._is_read(jobs, farewell):
                farewell.dismissed = True
                self._outbox.note(DismissWorker(worker.worker_id))

    def answered(self, key: TaskKey) -> None:
        """A taker said what became of an output."""
        self._moves.pop(key, None)

    def moved(self, worker: WorkerState, stage: StageRun, sequence: int) -> None:
        """An output of a leaving worker is elsewhere; readers launched from `sequence` on are told so."""
        self._farewells.setdefault(worker.index, _Farewell()).moved[stage.key] = sequence

    def came_back(self, worker: WorkerState) -> None:
        """What it was told when its stream broke may not have reached it."""
        if worker.index in self._farewells:
            self._farewells[worker.index].dismissed = False

    def forget_worker(self, worker: WorkerState) -> None:
        """It is gone, as one that leaves or one that takes."""
        self._farewells.pop(worker.index, None)
        self._moves = {key: move for key, move in self._moves.items() if move.taker != worker.index}
        if not self._farewells:
            self._moves.clear()
            self._tries.clear()

    def _forget_overdue(self, now_s: float) -> None:
        overdue_s = now_s - self._options.adoption_timeout_s
        self._moves = {key: move for key, move in self._moves.items() if move.asked_s > overdue_s}

    def _forget_gone(self, jobs: Mapping[int, JobRun]) -> None:
        """Outputs of jobs that have ended, and attempts that others have replaced, are never asked for again.

        A worker may take hours to leave while jobs come and go: what is remembered is as large as what lives.
        """
        gone = [key for key in self._tries.keys() | self._moves.keys() if not _counts(jobs, key)]
        for key in gone:
            self._tries.pop(key, None)
            self._moves.pop(key, None)

    def _ask(self, worker: WorkerState, needed: list[TaskKey], now_s: float) -> None:
        """Deals outputs that are not on their way yet out to the workers that stay."""
        waiting = [key for key in needed if key not in self._moves]
        asked: dict[int, int] = {}
        for move in self._moves.values():
            asked[move.taker] = asked.get(move.taker, 0) + 1
        takers = [taker for taker in self._pool.by_index.values() if taker.usable]
        room = {taker.index: self._options.adoptions_max - asked.get(taker.index, 0) for taker in takers}
        orders: dict[str, list[TaskKey]] = {}
        turns = cycle(takers)
        for key in waiting[: sum(max(0, free) for free in room.values())]:
            tries = self._tries[key] = self._tries.get(key, 0) + 1
            if tries > self._options.adoption_tries_max:
                continue
            taker = next(taker for taker in turns if room[taker.index] > 0)
            room[taker.index] -= 1
            self._moves[key] = _Move(taker.index, now_s)
            orders.setdefault(taker.worker_id, []).append(key)
        for taker_id, keys in orders.items():
            self._outbox.note(AdoptOutputs(taker_id, worker.worker_id, tuple(keys)))

    def _is_read(self, jobs: Mapping[int, JobRun], farewell: _Farewell) -> bool:
        """Whether some task still reads what it knows to be here, though it has moved."""
        for output, sequence in farewell.moved.items():
            job = jobs.get(output.job_id)
            stage = job.stages.get(output.stage_id) if job is not None else None
            readers = stage.readers if stage is not None else []
            if any(attempt.sequence < sequence for reader in readers for attempt in reader.attempts()):
                return True
        return False


def _counts(jobs: Mapping[int, JobRun], key: TaskKey) -> bool:
    """Whether this attempt is still the one whose output counts."""
    job = jobs.get(key.job_id)
    stage = job.stages.get(key.stage_id) if job is not None else None
    return stage is not None and stage.is_done(key.partition) and stage.outputs.attempt[key.partition] == key.attempt


def _needed(jobs: Iterable[JobRun], worker: WorkerState) -> Iterator[TaskKey]:
    """Outputs the worker holds that somebody reads, may read yet, or has not read to the end."""
    for job in jobs:
        for stage in job.stages.values():
            if not _is_wanted(job, stage):
                continue
            for partition in stage.outputs.held_by(worker):
                yield TaskKey(job.job_id, stage.key.stage_id, partition, stage.outputs.attempt[partition])


def _is_wanted(job: JobRun, stage: StageRun) -> bool:
    if stage.is_kept or stage.is_result:
        return True
    if job.complete or (stage.abandoned and not stage.readers):
        return False
    return not stage.readers or any(not reader.is_complete for reader in stage.readers)
