"""Second copies of cached rows (storage levels that end in `_2` or `_3`): who is asked to take one, and of what.

A copy is made as for a worker that leaves: whole files, worker to worker. Readers are told of one holder; when that is
lost the next one counts and nothing is computed again. A copy that cannot be made is no failure: it is tried again with
other workers, a few times, and when a holder is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from headrace_driver.scheduler.actions import AdoptOutputs
from headrace_driver.scheduler.health import Health
from headrace_driver.scheduler.identity import OutputKey, TaskKey
from headrace_driver.scheduler.jobs import JobRun
from headrace_driver.scheduler.leaving import Leaving
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_driver.scheduler.outbox import Outbox
from headrace_driver.scheduler.stages import StageRun
from headrace_driver.scheduler.workers import WorkerPool, WorkerState


@dataclass(frozen=True, slots=True)
class _Order:
    taker: int
    asked_s: float


class Replication:
    """Keeps as many copies as stages ask for. A look costs nothing while none does."""

    def __init__(self, pool: WorkerPool, health: Health, outbox: Outbox, options: SchedulerOptions) -> None:
        self._pool = pool
        self._health = health
        self._outbox = outbox
        self._options = options
        self._stages: set[OutputKey] = set()
        self._orders: dict[TaskKey, _Order] = {}
        self._asked: dict[int, int] = {}
        """Orders under way by taker."""
        self._tries: dict[TaskKey, int] = {}
        self._turn = 0

    def finished(self, stage: StageRun, partition: int, now_s: float) -> None:
        """An output was recorded: copies of it are wanted where its stage says so."""
        if stage.spec.replicas > 1:
            self._stages.add(stage.key)
            self._ask(stage, (partition,), now_s)

    def look(self, jobs: Mapping[int, JobRun], now_s: float) -> None:
        """Asks for what is missing, again where nothing came of it in time."""
        if not self._stages:
            return
        overdue_s = now_s - self._options.adoption_timeout_s
        for key in [key for key, order in self._orders.items() if order.asked_s <= overdue_s]:
            self.answered(key, held=False)
        for each in list(self._stages):
            job = jobs.get(each.job_id)
            stage = job.stages.get(each.stage_id) if job is not None else None
            if stage is None or stage.abandoned:
                self._forget_stage(each)
            else:
                self._ask(stage, range(stage.total), now_s)

    def answered(self, key: TaskKey, *, held: bool) -> None:
        """A taker said what became of a copy, or did not say it in time."""
        order = self._orders.pop(key, None)
        if order is not None:
            self._asked[order.taker] -= 1
        if held:
            self._tries.pop(key, None)

    def hand_over(self, jobs: Mapping[int, JobRun], worker: WorkerState, leaving: Leaving, sequence: int) -> None:
        """The worker leaves: copies that others have count from now on, its own no longer do."""
        for key in self._stages:
            job = jobs.get(key.job_id)
            stage = job.stages.get(key.stage_id) if job is not None else None
            if stage is None:
                continue
            stage.outputs.forget_copies(worker)
            if [partition for partition in stage.outputs.held_by(worker) if stage.outputs.promote(partition)]:
                leaving.moved(worker, stage, sequence)

    def forget_worker(self, worker: WorkerState) -> None:
        """It is gone. What was tried with it, and while it was there, may be tried again."""
        for key in [key for key, order in self._orders.items() if order.taker == worker.index]:
            del self._orders[key]
        self._asked.pop(worker.index, None)
        self._tries.clear()

    def _forget_stage(self, stage: OutputKey) -> None:
        self._stages.discard(stage)
        for key in [key for key in self._orders if (key.job_id, key.stage_id) == tuple(stage)]:
            self.answered(key, held=True)

    def _ask(self, stage: StageRun, partitions: Iterable[int], now_s: float) -> None:
        takers = [worker for worker in self._pool.by_index.values() if self._has_room(worker)]
        orders: dict[tuple[str, str], list[TaskKey]] = {}
        for partition in partitions:
            if not takers:
                break
            source = self._source(stage, partition)
            key = TaskKey(stage.key.job_id, stage.key.stage_id, partition, stage.outputs.attempt[partition])
            if source is None or key in self._orders or self._tries.get(key, 0) >= self._options.adoption_tries_max:
                continue
            taker = self._taker(takers, source, stage.outputs.copies.get(partition, ()))
            if taker is None:
                continue
            self._tries[key] = self._tries.get(key, 0) + 1
            self._orders[key] = _Order(taker.index, now_s)
            self._asked[taker.index] = self._asked.get(taker.index, 0) + 1
            # It may hold something of the job from now on, whether it says so in time or not.
            taker.jobs.add(key.job_id)
            orders.setdefault((taker.worker_id, source.worker_id), []).append(key)
            if not self._has_room(taker):
                takers.remove(taker)
        for (taker_id, source_id), keys in orders.items():
            self._outbox.note(AdoptOutputs(taker_id, source_id, tuple(keys)))

    def _has_room(self, worker: WorkerState) -> bool:
        return worker.usable and self._asked.get(worker.index, 0) < self._options.adoptions_max

    def _source(self, stage: StageRun, partition: int) -> WorkerState | None:
        """Who holds an output of which there are too few copies; None where there is nothing to do."""
        outputs = stage.outputs
        if not stage.is_done(partition) or 1 + len(outputs.copies.get(partition, ())) >= stage.spec.replicas:
            return None
        holder = self._pool.by_index.get(outputs.holder[partition])
        # What a leaving worker holds moves first.
        return None if holder is None or self._health.is_draining(holder.index) else holder

    def _taker(self, takers: list[WorkerState], source: WorkerState, copies: tuple[int, ...]) -> WorkerState | None:
        """The next in turn that holds none yet, of another host if there is one."""
        self._turn += 1
        second: WorkerState | None = None
        for step in range(len(takers)):
            taker = takers[(self._turn + step) % len(takers)]
            if taker is source or taker.index in copies:
                continue
            if taker.host != source.host:
                return taker
            second = second or taker
        return second
