"""The block cache of a worker: lets tasks write into memory, keeps the budget's account, moves files out of memory.

Decisions are the ledger's. All calls are made on the daemon's event loop; files move on threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import structlog

from headrace_proto.v1 import task_pb2
from headrace_worker.memory import MemoryBudget
from headrace_worker.shuffle.store import BlockStore, MapId, StoreFull
from headrace_worker.storage.ledger import Entry, Eviction, Ledger, OutputKey

MEMORY = "memory"
_TASK_MAX = 4 << 30
"""Of memory for one task: a larger output goes on on disk."""

TaskKey = tuple[int, int, int, int]
Read = Callable[[], set[OutputKey]]
"""The outputs that programs of live jobs read."""
Spawn = Callable[[Coroutine[Any, Any, None]], None]

_log = structlog.get_logger()


class BlockCache:
    """Made with the budget, of whose storage account it becomes the `evict`."""

    def __init__(self, store: BlockStore, budget: MemoryBudget, read: Read, spawn: Spawn) -> None:
        self.ledger = Ledger()
        self._store = store
        self._budget = budget
        self._account = budget.storage
        self._read = read
        self._spawn = spawn
        self._allowed: dict[TaskKey, tuple[int, task_pb2.Storage]] = {}
        self._account.evict = self._evict

    def allow(self, launch: task_pb2.TaskLaunch, program: task_pb2.StageProgram) -> int:
        """Bytes of memory a task about to start may fill with cached rows; 0 where it makes none or there are none.

        Until it ends its own grant pays for them; so that is as much as storage may have, whatever execution holds.
        """
        if not program.output_spec.HasField("storage"):
            return 0
        storage, task = program.output_spec.storage, launch.id
        allowed = 0
        if storage.memory and self._store.memory is not None:
            limit = max(self._budget.storage_floor_bytes, self._account.used_bytes + self._account.free_bytes())
            left = limit - self._account.used_bytes - sum(allowed for allowed, _ in self._allowed.values())
            if left < limit // 2:
                # Others have had the memory for longer.
                relation = (task.job_id, task.stage_id)
                evictions = self.ledger.evict(limit // 2 - left, relation, self._read())
                left += sum(eviction.bytes for eviction in evictions)
                self._carry_out(evictions)
            allowed = min(_TASK_MAX, max(0, left) // self._budget.slots)
        self._allowed[_key(task)] = (allowed, storage)
        return allowed

    def used(self, outputs: Iterable[OutputKey]) -> None:
        """Tasks that read these are about to start."""
        for output in outputs:
            self.ledger.use(output)

    def reported(self, status: task_pb2.TaskStatus) -> None:
        """A task has ended: what it kept is charged."""
        if status.state == task_pb2.TaskStatus.RUNNING:
            return
        known = self._allowed.pop(_key(status.id), None)
        if known is None or status.state != task_pb2.TaskStatus.FINISHED or status.output.HasField("inline_blocks"):
            return
        _, storage = known
        output = MapId(status.id.job_id, status.id.stage_id, status.id.partition, status.id.attempt)
        memory_bytes = self._store.memory_bytes(output)
        self.ledger.add(Entry(output, memory_bytes or status.output.bytes, storage.disk, memory_bytes > 0))
        # The file is there, so it is charged whether or not that much is free: grants to come are the smaller.
        charged = self._account.reserve(MEMORY, memory_bytes)
        self._account.used[MEMORY] = self._account.used.get(MEMORY, 0) + memory_bytes - charged

    def drop_jobs(self, jobs: set[int]) -> None:
        """Cached rows of these jobs go, and what was kept for their sake. Files are the store's to remove."""
        for job_id in jobs:
            self._release(self.ledger.drop(job_id))
        for output in self.ledger.unread(self._read()):
            self._spawn(asyncio.to_thread(self._store.drop_map, output))

    def _release(self, freed_bytes: int) -> None:
        if freed_bytes:
            self._account.release(MEMORY, freed_bytes)

    def _evict(self, wanted_bytes: int) -> None:
        """See `memory.Evict`."""
        self._carry_out(self.ledger.evict(wanted_bytes, None, self._read()))

    def _carry_out(self, evictions: list[Eviction]) -> None:
        if evictions:
            # One line for all of them: there may be thousands, and what an operator asks is how much went where.
            to_disk = sum(eviction.to_disk for eviction in evictions)
            evicted_bytes = sum(eviction.bytes for eviction in evictions)
            jobs = sorted({eviction.output.job_id for eviction in evictions})
            _log.info("cached blocks evicted", bytes=evicted_bytes, blocks=len(evictions), to_disk=to_disk, jobs=jobs)
        for eviction in evictions:
            if eviction.to_disk:
                self._spawn(self._move(eviction))
            else:
                # Unlinking takes no time; readers that have mapped the file keep it until they end.
                self._store.drop_map(eviction.output)
                self._release(eviction.bytes)

    async def _move(self, eviction: Eviction) -> None:
        try:
            await asyncio.to_thread(self._store.move_to_disk, eviction.output)
        except (StoreFull, FileNotFoundError):
            # No room, or dropped meanwhile: what is not there is computed again.
            self._store.drop_map(eviction.output)
        self._release(eviction.bytes)


def _key(task: Any) -> TaskKey:
    return task.job_id, task.stage_id, task.partition, task.attempt
