"""Second attempts at tasks that are slow for no reason of their own: a sick host, a full disk queue, a frozen process.

A task is compared with the finished ones of its stage, allowing for the size of its input, so that a large partition
is not taken for a slow one. A second attempt needs a free slot on another worker that nothing else wants. Whichever
attempt finishes first counts; the other is cancelled, and what it may still report is not heard.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from headrace_driver.scheduler.actions import TaskSpeculated
from headrace_driver.scheduler.assignment import Assignment, Placement
from headrace_driver.scheduler.health import Health, Liveness
from headrace_driver.scheduler.jobs import JobRun
from headrace_driver.scheduler.launching import Launcher
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_driver.scheduler.outbox import Outbox
from headrace_driver.scheduler.stages import StageRun
from headrace_driver.scheduler.workers import Attempt, WorkerPool, WorkerState


@dataclass(frozen=True, slots=True)
class _Pace:
    """The finished tasks of a stage: medians of how long they took and of their input, over those with both known."""

    run_s: float
    input_bytes: float

    def expected_s(self, input_bytes: int) -> float:
        """How long a task with so much input should take: no less than the others, more if it has more to do."""
        if self.input_bytes <= 0:
            return self.run_s
        return self.run_s * max(1.0, input_bytes / self.input_bytes)


class Speculation:
    """Looks at what runs and launches second attempts. Look every quarter of a second or so."""

    def __init__(
        self,
        pool: WorkerPool,
        health: Health,
        assignment: Assignment,
        launcher: Launcher,
        outbox: Outbox,
        options: SchedulerOptions,
    ) -> None:
        self._pool = pool
        self._health = health
        self._assignment = assignment
        self._launcher = launcher
        self._outbox = outbox
        self._options = options

    def look(self, jobs: Iterable[JobRun], now_s: float) -> None:
        """Launches second attempts for the slowest tasks while there is room for them."""
        if not self._options.speculate or not self._pool.free_slots:
            return
        jobs = [job for job in jobs if not job.complete or job.ready]
        copies = sum(len(stage.copies) for job in jobs for stage in job.stages.values())
        allowed = max(1, int(self._pool.slots * self._options.speculation_slots_fraction))
        slow = [
            (-times, job.order, stage.key.stage_id, attempt.key.partition, job, stage, attempt, reason)
            for job in jobs
            # What waits for a slot goes first, everywhere: second attempts only take what would stand idle.
            if not any(other.waiting for other in job.ready)
            for stage in job.stages.values()
            if stage.current and not stage.has_strict and all(parent.is_complete for parent in stage.parents)
            for attempt, times, reason in self._slow_attempts(stage, now_s)
        ]
        for *_, job, stage, attempt, reason in heapq.nsmallest(max(0, allowed - copies), slow):
            worker = self._elsewhere(stage, attempt)
            if worker is not None:
                place = self._assignment.place_of(stage, attempt.key.partition, worker)
                key = self._launcher.launch_copy(job, stage, Placement(attempt.key.partition, worker, place), now_s)
                self._outbox.note(TaskSpeculated(key, worker.worker_id, attempt.worker.worker_id, reason))

    def _slow_attempts(self, stage: StageRun, now_s: float) -> Iterator[tuple[Attempt, float, str]]:
        """Attempts that have no second yet and are slow: how many times slower than expected, and why in words."""
        options = self._options
        pace: _Pace | None = None
        for partition, attempt in stage.current.items():
            if partition in stage.copies or attempt.cancelled:
                continue
            if self._health.liveness(attempt.worker.index) is Liveness.SILENT:
                yield attempt, float("inf"), "its worker has fallen silent"
                continue
            ran_s = now_s - (attempt.started_s if attempt.started else attempt.launched_s)
            if ran_s < options.speculation_min_s:
                continue
            if pace is None:
                pace = self._pace(stage)
                if pace is None:
                    return
            expected_s = pace.expected_s(stage.spec.tasks[partition].input_bytes)
            if ran_s >= max(options.speculation_min_s, options.speculation_factor * expected_s):
                reason = f"it has run for {ran_s:.1f} s, others of its size took {expected_s:.2f} s"
                yield attempt, ran_s / max(expected_s, 1e-3), reason

    def _pace(self, stage: StageRun) -> _Pace | None:
        """None: too few have finished to compare with."""
        enough = max(self._options.speculation_done_min, self._options.speculation_done_fraction * stage.total)
        if stage.done < enough:
            return None
        run_s = np.frombuffer(stage.run_s, dtype=np.float32)
        known = np.nonzero(run_s > 0)[0]
        if len(known) < self._options.speculation_done_min:
            return None
        input_bytes = [stage.spec.tasks[partition].input_bytes for partition in known.tolist()]
        return _Pace(float(np.median(run_s[known])), float(np.median(input_bytes)))

    def _elsewhere(self, stage: StageRun, attempt: Attempt) -> WorkerState | None:
        """A usable worker with an idle slot, on another host if there is one, where the task has not failed."""
        avoid = stage.pending.avoid.get(attempt.key.partition, set())
        same_host: WorkerState | None = None
        for worker in self._pool.open_workers(0):
            if worker is attempt.worker or worker.index in avoid:
                continue
            if worker.host != attempt.worker.host:
                return worker
            same_host = same_host or worker
        return same_host
