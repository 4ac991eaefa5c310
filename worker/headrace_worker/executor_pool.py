"""The executors of a worker: started, told and heard, watched, and started again when they end."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass, field
from typing import Any

import structlog

from headrace_proto.v1 import common_pb2, executor_pb2
from headrace_worker.executor.settings import ExecutorSettings
from headrace_worker.executor_process import ExecutorProcess
from headrace_worker.memory import MemoryBudget
from headrace_worker.memory_pressure import killed_for_memory
from headrace_worker.memory_watch import MemoryWatch
from headrace_worker.nursery import Nursery
from headrace_worker.programs import OutputKey
from headrace_worker.silence import SilenceWatch

RESTART_BACK_OFF_S = (0.0, 0.1, 0.5, 2.0, 5.0, 10.0)
"""Before an executor is started again, by how many died in a row without finishing a task."""

_log = structlog.get_logger()


@dataclass(slots=True)
class Executor:
    """What the daemon knows of one executor process."""

    process: ExecutorProcess
    programs: set[OutputKey] = field(default_factory=set)
    epochs: dict[OutputKey, int] = field(default_factory=dict)
    kernel_memory_bytes: int = 0
    spill_bytes: int = 0
    buffer_bytes: int = 0
    """Rows and blocks on their way into and out of the kernel; part of the executor's grant."""
    killed_for_memory: int = 0
    """Its resident bytes when it was killed for them, else 0."""


@dataclass(frozen=True, slots=True)
class PoolEvents:
    """Whom the pool tells: what an executor says, and which one was lost and why."""

    heard: Callable[[str, executor_pb2.FromExecutor], None]
    lost: Callable[[str, common_pb2.Failure], None]


class ExecutorPool:
    """As many as were started; one that ends is replaced, until `is_stopping`."""

    def __init__(
        self,
        settings: Callable[[int], ExecutorSettings],
        budget: MemoryBudget,
        nursery: Nursery | None,
        events: PoolEvents,
        is_stopping: Callable[[], bool],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """`settings`: of the executor with this number; `spawn` runs something in the background."""
        self._settings = settings
        self._budget = budget
        self._nursery = nursery
        self._events = events
        self._is_stopping = is_stopping
        self._spawn = spawn
        self._executors: dict[str, Executor] = {}
        self._started = 0
        self._deaths_in_row = 0
        self._silence = SilenceWatch()
        self.memory = MemoryWatch(budget, self._other_processes, self._processes)

    def __len__(self) -> int:
        return len(self._executors)

    def __getitem__(self, executor_id: str) -> Executor:
        return self._executors[executor_id]

    @property
    def kernel_memory_bytes(self) -> int:
        """What their kernels hold."""
        return sum(executor.kernel_memory_bytes for executor in self._executors.values())

    @property
    def buffer_bytes(self) -> int:
        """Rows and blocks on their way into and out of kernels."""
        return sum(executor.buffer_bytes for executor in self._executors.values())

    async def start(self) -> None:
        """One more; it says by itself when it is ready."""
        number, self._started = self._started, self._started + 1
        settings = self._settings(number)
        process = ExecutorProcess(settings, self._hear, self._exited, self._nursery)
        self._executors[settings.executor_id] = Executor(process)
        await process.start()

    async def stop(self) -> None:
        """Ends all of them."""
        await asyncio.gather(*(executor.process.stop() for executor in list(self._executors.values())))

    def tell_all(self, message: executor_pb2.ToExecutor) -> None:
        for executor in self._executors.values():
            executor.process.send(message)

    def drop_jobs(self, jobs: set[int]) -> None:
        """Nothing of these jobs is needed any more."""
        for executor in self._executors.values():
            executor.programs = {key for key in executor.programs if key[0] not in jobs}
            executor.epochs = {key: epoch for key, epoch in executor.epochs.items() if key[0] not in jobs}
        self.tell_all(executor_pb2.ToExecutor(drop_jobs=jobs))

    def forget_programs(self) -> None:
        """What they are sent next they are sent with its program and tables."""
        for executor in self._executors.values():
            executor.programs.clear()
            executor.epochs.clear()

    def restart_for_memory(self, executor_id: str, held_bytes: int) -> None:
        """Ends one that holds too much; another is started in its place."""
        _log.warning(
            "executor restarted for memory",
            executor_id=executor_id,
            held_bytes=held_bytes,
            granted_bytes=self._budget.grants.get(executor_id, 0),
            worker_held_bytes=self.memory.held_bytes,
            budget_bytes=self._budget.budget_bytes,
        )
        self._executors[executor_id].killed_for_memory = held_bytes
        self._executors[executor_id].process.kill()

    def end_silent(self, is_running: Callable[[str], bool]) -> None:
        """Kills executors that have said nothing for too long in the middle of a task."""
        running: Collection[str] = [name for name in self._executors if is_running(name)]
        for executor_id in self._silence.silent(running, time.monotonic()):
            _log.warning("executor says nothing while it runs a task", executor_id=executor_id)
            self._silence.gone(executor_id)
            self._executors[executor_id].process.kill()

    def _hear(self, executor_id: str, message: executor_pb2.FromExecutor) -> None:
        executor = self._executors.get(executor_id)
        if executor is None:
            return
        self._silence.heard(executor_id, time.monotonic())
        if message.kernel_memory_bytes or message.spill_bytes:
            executor.kernel_memory_bytes = message.kernel_memory_bytes
            executor.spill_bytes = message.spill_bytes
            executor.buffer_bytes = message.buffer_bytes
        if message.statuses:
            self._deaths_in_row = 0
        self._events.heard(executor_id, message)

    def _exited(self, executor_id: str, code: int) -> None:
        executor = self._executors.pop(executor_id, None)
        if executor is None or self._is_stopping():
            return
        failure = self._loss(executor_id, code, executor.killed_for_memory)
        _log.warning("executor lost", executor_id=executor_id, exit_code=code, failure=failure.WhichOneof("cause"))
        self._events.lost(executor_id, failure)
        self._spawn(self._start_again(RESTART_BACK_OFF_S[min(self._deaths_in_row, len(RESTART_BACK_OFF_S) - 1)]))
        self._deaths_in_row += 1

    async def _start_again(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        await self.start()

    def _loss(self, executor_id: str, code: int, killed_for_memory_bytes: int) -> common_pb2.Failure:
        """Why an executor ended. One that was ended for its memory, by us or by the system, is out of memory."""
        granted = self._budget.grants.get(executor_id, 0)
        holding = self.memory.holdings.get(executor_id)
        held = killed_for_memory_bytes or (holding.held_bytes if holding else 0)
        by_system = not killed_for_memory_bytes and killed_for_memory(
            code,
            held,
            granted,
            self.memory.held_bytes,
            self._budget.budget_bytes,
            self.memory.new_system_kills(),
        )
        if killed_for_memory_bytes or by_system:
            whose = "the system" if by_system else "its worker, which was over its budget"
            detail = f"the executor held {held >> 20} MB of {granted >> 20} MB granted and was ended by {whose}"
            return common_pb2.Failure(
                out_of_memory=common_pb2.OutOfMemory(granted_bytes=granted, wanted_bytes=held, detail=detail)
            )
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return common_pb2.Failure(executor_lost=common_pb2.ExecutorLost(exit_code=code, detail=f"executor {how}"))

    def _other_processes(self) -> list[int]:
        nursery = [self._nursery.pid] if self._nursery is not None and not self._nursery.is_gone else []
        return [os.getpid(), *nursery]

    def _processes(self) -> dict[str, int]:
        return {executor_id: executor.process.pid for executor_id, executor in self._executors.items()}
