"""Carrying out what `assignment` and `fairness` decide: launches, with the programs and tables they need first."""

from __future__ import annotations

from collections.abc import Collection

from headrace_driver.scheduler.actions import Launch, SendOutputTable, SendProgram
from headrace_driver.scheduler.assignment import Assignment, Placement
from headrace_driver.scheduler.fairness import serve_fairly
from headrace_driver.scheduler.identity import TaskKey
from headrace_driver.scheduler.jobs import JobRun
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_driver.scheduler.outbox import Outbox
from headrace_driver.scheduler.stages import StageRun
from headrace_driver.scheduler.workers import Attempt, WorkerPool


class Launcher:
    """Fills free slots. `count` numbers launches through the scheduler's life."""

    def __init__(self, pool: WorkerPool, assignment: Assignment, outbox: Outbox, options: SchedulerOptions) -> None:
        self.count = 0
        self._pool = pool
        self._assignment = assignment
        self._outbox = outbox
        self._options = options
        self.favoured: dict[int, JobRun] = {}
        """Unfinished jobs that others had to give a slot to."""
        self._held = 0
        """Slots kept for those of them that are between two stages."""
        self._slots_by_weight = 0.0
        """The fair share of a job of weight one, while several have tasks to place."""
        self.locality_wait_slot_s = 0.0
        """Slot-seconds left idle to wait for a better place; whoever counts them sets it back."""
        self._idle_for_locality = 0
        """Slots that stand idle since the last call because jobs wait for a better place."""

    def pass_time(self, seconds: float) -> None:
        """Counts the slots that stood idle meanwhile."""
        self.locality_wait_slot_s += self._idle_for_locality * seconds

    def place_all(self, jobs: Collection[JobRun], now_s: float) -> float | None:
        """Places waiting tasks on workers with room. Returns when to look again though nothing happens."""
        self._assignment.start_round()
        active = [job for job in jobs if job.ready]
        if not active:
            self._idle_for_locality = 0
            return None
        wake_s = self._hold(now_s)
        for job in active:
            for stage in job.ready:
                # Also when no worker has room: what is returned must lie ahead, or the caller comes back at once.
                stage.pending.release_delayed(now_s)
                delayed_s = stage.pending.next_delayed_s()
                if delayed_s is not None:
                    wake_s.append(delayed_s)
        if self._pool.freest(self._options.prefetch_depth_max) is not None:
            if len(active) > 1:
                weights = sum(job.weight for job in jobs if job.ready or job.running)
                self._slots_by_weight = self._pool.slots / weights
            serve_fairly(active, lambda job: self._place_one(job, now_s))
        self._note_idle_slots(active)
        if self._assignment.wake_s is not None:
            wake_s.append(self._assignment.wake_s)
        return min(wake_s, default=None)

    def _hold(self, now_s: float) -> list[float]:
        """Keeps a slot for each favoured job that is between two stages; until when."""
        until_s = [
            job.idle_since_s + self._options.slot_hold_s
            for job in self.favoured.values()
            if not job.running and not job.ready
        ]
        holding = [at_s for at_s in until_s if at_s > now_s]
        self._held = len(holding)
        return holding

    def _place_one(self, job: JobRun, now_s: float) -> bool:
        if self._held and job.running and self._pool.free_slots <= self._held:
            return False
        for stage in job.ready:
            if stage.waiting:
                placement = self._assignment.place(stage, now_s, job.slotless_since_s)
                if placement is not None:
                    self._launch(job, stage, placement, now_s)
                    return True
        if job.running < max(1, int(job.weight * self._slots_by_weight)):
            self._assignment.let_catch_up(job.ready)
        return False

    def _note_idle_slots(self, active: list[JobRun]) -> None:
        """Remembers how many slots are left idle for locality's sake; with no idle slot nobody waits for a place."""
        free = self._pool.free_slots
        waiting = 0
        for job in active:
            for stage in job.ready:
                if free == 0:
                    stage.pending.wait_started_s = None
                elif stage.pending.wait_started_s is not None:
                    waiting += stage.waiting
        self._idle_for_locality = min(free, waiting)

    def launch_copy(self, job: JobRun, stage: StageRun, placement: Placement, now_s: float) -> TaskKey:
        """A second attempt at a running task."""
        return self._launch(job, stage, placement, now_s, copy=True)

    def _launch(
        self, job: JobRun, stage: StageRun, placement: Placement, now_s: float, *, copy: bool = False
    ) -> TaskKey:
        partition, worker, place = placement
        key = stage.new_key(partition)
        attempt = Attempt(key, worker, place, self.count, now_s)
        self.count += 1
        self._pool.start(attempt)
        if copy:
            stage.start_copy(attempt)
        else:
            stage.start(attempt)
        job.running += 1
        if job.slotless_since_s is not None:
            job.slotless_since_s = job.preempted_for_s = None
        worker_id = worker.worker_id
        if stage.key not in worker.programs:
            worker.programs.add(stage.key)
            worker.jobs.add(job.job_id)
            self._outbox.send(SendProgram(worker_id, stage.key))
        for parent in stage.parents:
            # Of a kept stage's job the worker has to be told when it goes, having seen where its outputs are.
            worker.jobs.add(parent.key.job_id)
            if parent.outputs.moved:
                parent.outputs.moved = False
                parent.outputs.epoch += 1
            if worker.tables.get(parent.key) != parent.outputs.epoch:
                worker.tables[parent.key] = parent.outputs.epoch
                self._outbox.send(SendOutputTable(worker_id, parent.key, parent.outputs.epoch))
        task = stage.spec.tasks[partition]
        memory_bytes = stage.memory_bytes.get(partition, task.memory_bytes)
        self._outbox.launch(worker_id, Launch(key, task, place, memory_bytes))
        return key
