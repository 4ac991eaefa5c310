"""Slots that a job has to give up, since another that could run has none and would wait for the end of long tasks.

`fairness` shares slots as they fall free. Where none does, a job that has run nothing for a while gets one of a job
that holds more than its fair share, rounded up: with one slot nobody loses any, with two slots two jobs get one each.
Taken is what costs least: second attempts, tasks still queued, then those that have run for the shortest time. A
preempted attempt is cancelled as one whose job ends: no failure of its task, its worker or its job. Its task waits
again. A job that was given a slot keeps it from one stage to the next (`launching`).

How often one task may be preempted is remembered for its stage's life; a driver that takes over begins to count anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from headrace_driver.scheduler.actions import TaskPreempted
from headrace_driver.scheduler.assignment import Assignment
from headrace_driver.scheduler.jobs import JobRun
from headrace_driver.scheduler.launching import Launcher
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_driver.scheduler.outbox import Outbox
from headrace_driver.scheduler.recovery import Recovery
from headrace_driver.scheduler.stages import StageRun
from headrace_driver.scheduler.workers import Attempt, WorkerPool, WorkerState

_SERVED_MAX = 8
"""Jobs for which slots are looked for in one look, since each may look at every worker. The others' turn is next."""


@dataclass(frozen=True, slots=True)
class _Victim:
    """An attempt that may have to go. `loses_s`: what it has run for; nothing where another attempt goes on."""

    job: JobRun
    stage: StageRun
    attempt: Attempt
    loses_s: float

    @property
    def cost(self) -> tuple[float, bool, int]:
        """Least is taken first: second attempts, then the youngest."""
        return self.loses_s, self.attempt.key.partition not in self.stage.copies, -self.attempt.sequence


class Preemption:
    """Looks at jobs without a slot. Look every half a second or so; a look costs little while every job has one."""

    def __init__(
        self,
        pool: WorkerPool,
        assignment: Assignment,
        launcher: Launcher,
        recovery: Recovery,
        outbox: Outbox,
        options: SchedulerOptions,
    ) -> None:
        self._pool = pool
        self._assignment = assignment
        self._launcher = launcher
        self._recovery = recovery
        self._outbox = outbox
        self._options = options

    def look(self, jobs: Iterable[JobRun], now_s: float) -> list[JobRun]:
        """Cancels attempts where that makes room for starving jobs. Returns jobs to refresh, whose tasks wait again."""
        active = [job for job in jobs if job.ready or job.running]
        starving = [job for job in active if self._starves(job, now_s)]
        if not starving:
            return []
        starving.sort(key=lambda job: (_ignored_since_s(job), job.order))
        served = starving[:_SERVED_MAX]
        waiting_again = {job.job_id: job for job in served if self._unqueue(job)}
        spare = self._spare(active)
        victims = self._victims([job for job in active if job.job_id in spare], now_s)
        for job in served:
            if job.job_id in waiting_again:
                continue
            job.preempted_for_s = now_s
            for victim in self._room_for(job, victims, spare, now_s):
                self._preempt(victim, job)
                spare[victim.job.job_id] -= 1
                _forget(victims, victim)
                waiting_again[victim.job.job_id] = victim.job
        return list(waiting_again.values())

    def _starves(self, job: JobRun, now_s: float) -> bool:
        """Whether it has had work and no slot for long enough, and others have not been looked at for it just now.

        What is queued at a worker has no slot: behind short tasks it would have got one soon.
        """
        attempts = (attempt for stage in job.stages.values() for attempt in stage.current.values())
        if job.running and any(attempt.has_slot for attempt in attempts):
            has_work = False
        else:
            queues = any(stage.current for stage in job.stages.values())
            has_work = queues or any(stage.waiting > stage.pending.delayed for stage in job.ready)
        if not has_work:
            job.slotless_since_s = job.preempted_for_s = None
            return False
        if job.slotless_since_s is None:
            job.slotless_since_s = now_s
        return now_s - _ignored_since_s(job) >= self._options.preempt_after_s

    def _unqueue(self, job: JobRun) -> bool:
        """Takes back what a job without a slot has queued at workers: it may find a slot elsewhere, or be given one."""
        queued = [(stage, attempt) for stage in job.stages.values() for attempt in stage.attempts()]
        for stage, attempt in queued:
            self._recovery.recall(stage, attempt)
        return bool(queued)

    def _spare(self, active: list[JobRun]) -> dict[int, int]:
        """By job, attempts on usable workers beyond the fair share of those workers' slots, where there are any."""
        slots_by_weight = self._pool.slots / sum(job.weight for job in active)
        spare: dict[int, int] = {}
        for job in active:
            held = sum(a.worker.usable for stage in job.stages.values() for a in stage.attempts())
            # A share is a quotient of floats: 2.0000000001 slots are two.
            over = held - math.ceil(job.weight * slots_by_weight - 1e-6)
            # What a complete job still runs, its client or other jobs wait to read.
            if over > 0 and not job.complete:
                spare[job.job_id] = over
        return spare

    def _victims(self, jobs: list[JobRun], now_s: float) -> dict[int, list[_Victim]]:
        """By worker, attempts that may be preempted, cheapest first."""
        found: dict[int, list[_Victim]] = {}
        for job in jobs:
            for stage in job.stages.values():
                for attempt in stage.attempts():
                    if not attempt.worker.usable:
                        continue
                    partition = attempt.key.partition
                    if stage.preemptions.get(partition, 0) >= self._options.preemptions_max:
                        continue
                    ran_s = now_s - attempt.started_s if attempt.started else 0.0
                    loses_s = 0.0 if stage.copies.get(partition) is attempt else ran_s
                    found.setdefault(attempt.worker.index, []).append(_Victim(job, stage, attempt, loses_s))
        for victims in found.values():
            victims.sort(key=lambda victim: victim.cost)
        return found

    def _room_for(
        self, job: JobRun, victims: dict[int, list[_Victim]], spare: dict[int, int], now_s: float
    ) -> list[_Victim]:
        """The attempts to preempt for a slot that the job may use; none when it has one, or nothing can be taken."""
        assert job.slotless_since_s is not None
        waited_s = now_s - job.slotless_since_s
        if any(self._may_use(job, worker, math.inf) for worker in self._pool.open_workers(0)):
            return []
        cheapest: list[_Victim] = []
        for index, candidates in victims.items():
            worker = self._pool.by_index[index]
            taken = _enough(worker, candidates, spare)
            if not taken or (cheapest and _cost(taken) >= _cost(cheapest)):
                continue
            if self._may_use(job, worker, waited_s):
                cheapest = taken
        return cheapest

    def _may_use(self, job: JobRun, worker: WorkerState, waited_s: float) -> bool:
        return any(stage.waiting and self._assignment.would_place(stage, worker, waited_s) for stage in job.ready)

    def _preempt(self, victim: _Victim, job: JobRun) -> None:
        key = victim.attempt.key
        victim.stage.preemptions[key.partition] = victim.stage.preemptions.get(key.partition, 0) + 1
        self._outbox.note(TaskPreempted(key, victim.attempt.worker.worker_id, job.job_id))
        self._launcher.favoured[job.job_id] = job
        self._recovery.recall(victim.stage, victim.attempt)


def _ignored_since_s(job: JobRun) -> float:
    """Since when a job that has no slot waits for one to be looked for, or to be looked for again."""
    last_s = job.slotless_since_s if job.preempted_for_s is None else job.preempted_for_s
    assert last_s is not None
    return last_s


def _enough(worker: WorkerState, candidates: list[_Victim], spare: dict[int, int]) -> list[_Victim]:
    """The cheapest attempts that together leave a free slot on the worker, where tasks may be queued; else none.

    A slot that attempts leave which were told to end is not counted: it may be meant for another starving job.
    """
    needed = max(1, 1 + sum(not attempt.cancelled for attempt in worker.running.values()) - worker.slots)
    taken: list[_Victim] = []
    left = dict(spare)
    for victim in candidates:
        if len(taken) >= needed:
            break
        if left[victim.job.job_id] > 0:
            left[victim.job.job_id] -= 1
            taken.append(victim)
    return taken if len(taken) == needed else []


def _forget(victims: dict[int, list[_Victim]], gone: _Victim) -> None:
    """The attempt is no candidate any more, nor is in this look another at its task."""
    partition = gone.attempt.key.partition
    for attempt in (gone.attempt, *gone.stage.attempts_at(partition)):
        kept = victims.get(attempt.worker.index, [])
        victims[attempt.worker.index] = [
            each for each in kept if each.stage is not gone.stage or each.attempt.key.partition != partition
        ]


def _cost(taken: list[_Victim]) -> tuple[float, tuple[float, bool, int]]:
    return sum(victim.loses_s for victim in taken), taken[-1].cost
