"""What tasks really hold, and what their worker does about it: the real budget and the real guard, made-up needs.

A task needs so many bytes that cannot be spilled. Where the kernel counts them it fails by itself once they exceed its
limit; where it does not, it takes them, whatever it was granted, and the worker has to notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace_proto.v1 import common_pb2
from headrace_worker.dispatch import CAUTION
from headrace_worker.memory import (
    DAEMON_BYTES,
    GRANT_FLOOR_BYTES,
    PROCESS_BYTES,
    STORAGE_FLOOR_SHARE,
    Use,
    kernel_limit,
)
from headrace_worker.memory_pressure import (
    LOOKS_BEFORE_RESTART,
    EvictStorage,
    HoldBack,
    Holding,
    LowerLimit,
    Restart,
    Step,
)
from tests.simulation.workers import FakeExecutor, FakeWorker, Reading

if TYPE_CHECKING:
    from tests.simulation.cluster import Simulation

_LOOK_S = 0.25
DAEMON_GROWTH_BYTES = 48 << 20


def most_a_task_can_have(budget_bytes: int) -> int:
    """Bytes the kernel of a task that runs alone is told at least, cached blocks and a grown daemon beside it."""
    left = budget_bytes - DAEMON_BYTES - DAEMON_GROWTH_BYTES - int(budget_bytes * STORAGE_FLOOR_SHARE)
    return kernel_limit(int(left * CAUTION))


class Memory:
    """Memory of all workers, with what must hold about it."""

    def __init__(self, simulation: Simulation) -> None:
        self._sim = simulation

    def granted(self, worker: FakeWorker) -> None:
        """A task starts: all that has been promised is there."""
        budget = worker.budget
        promised = sum(budget.charges.values()) + sum(budget.grants.values()) + budget.storage.used_bytes
        least = len(budget.grants) * GRANT_FLOOR_BYTES
        assert promised <= budget.budget_bytes or sum(budget.grants.values()) <= least, (
            f"{worker.worker_id} promises {promised >> 20} MB of {budget.budget_bytes >> 20}: "
            f"grants {budget.grants}, charges {budget.charges}, storage {budget.storage.used}"
        )

    def fill(self, executor: FakeExecutor, reading: Reading) -> common_pb2.Failure | None:
        """The task takes what it needs; a failure where the kernel does not let it."""
        key = reading.launch.key
        need = self._sim.clients.jobs[key.job_id].needs.get(key[1:3])
        if need is None:
            return None
        if not need.uncounted and need.bytes > kernel_limit(executor.told_bytes):
            return common_pb2.Failure(out_of_memory=common_pb2.OutOfMemory(granted_bytes=executor.told_bytes))
        executor.held_bytes = PROCESS_BYTES + need.bytes
        return None

    def watch(self, worker: FakeWorker) -> None:
        """Looks at the worker until it has nothing to do any more."""
        if not worker.watched:
            worker.watched = True
            self._sim.at(_LOOK_S, lambda: self._look(worker))

    def _look(self, worker: FakeWorker) -> None:
        if not worker.alive:
            return
        if self._sim.shape.memory_mb:
            self._measure(worker)
        self._sim.execution.act(worker, worker.dispatcher.tick())
        if worker.dispatcher.idle() and not worker.guard.holding_back:
            worker.watched = False
            self._check_idle(worker)
        else:
            self._sim.at(_LOOK_S, lambda: self._look(worker))

    def _measure(self, worker: FakeWorker) -> None:
        rng, budget = self._sim.random, worker.budget
        if rng.random() < 0.1:
            worker.daemon_bytes = DAEMON_BYTES + rng.randrange(DAEMON_GROWTH_BYTES)
        budget.charge(Use.DAEMON, worker.daemon_bytes)
        over = worker.held_bytes > budget.budget_bytes
        worker.looks_over = worker.looks_over + 1 if over else 0
        longest = (LOOKS_BEFORE_RESTART + 1) * (worker.slots + 1)
        assert worker.looks_over <= longest, f"{worker.worker_id} stays over its budget: {worker.held_bytes >> 20} MB"
        executors = worker.executors.values()
        holdings = [Holding(e.executor_id, e.held_bytes, budget.grants.get(e.executor_id, 0)) for e in executors]
        for step in worker.guard.look(worker.held_bytes, holdings):
            self._relieve(worker, step)

    def _relieve(self, worker: FakeWorker, step: Step) -> None:
        match step:
            case EvictStorage(wanted_bytes):
                worker.budget.storage.ask_to_evict(wanted_bytes)
            case LowerLimit(executor_id, by_bytes):
                executor = worker.executors[executor_id]
                if self._sim.random.random() < 0.3:
                    executor.held_bytes -= min(by_bytes, (executor.held_bytes - PROCESS_BYTES) // 5)
            case HoldBack(held):
                self._sim.execution.act(worker, worker.dispatcher.hold_back(held))
            case Restart(executor_id, held_bytes):
                executor = worker.executors[executor_id]
                granted = worker.budget.grants.get(executor_id, 0)
                self._sim.note(f"{executor_id} holds {held_bytes >> 20} MB of {granted >> 20} and is restarted")
                self._sim.seen["executors restarted"] += 1
                failure = common_pb2.OutOfMemory(granted_bytes=granted, wanted_bytes=held_bytes)
                self._sim.execution.lose_executor(worker, executor, common_pb2.Failure(out_of_memory=failure))

    def _check_idle(self, worker: FakeWorker) -> None:
        """Nothing runs: nothing is granted, and the account of cached blocks is that of the blocks."""
        assert not worker.budget.grants, f"{worker.worker_id} is idle and has granted {worker.budget.grants}"
        known = worker.cache.ledger.memory_bytes + worker.cache.moving_bytes
        assert worker.budget.storage.used_bytes == known, f"{worker.worker_id} has {known} bytes of cached blocks"
