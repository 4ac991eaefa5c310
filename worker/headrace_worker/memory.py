"""The worker's memory budget: who may hold how much. Pure.

One number of bytes covers everything the worker's processes hold. It is divided so:

    budget = daemon + charges (shuffle buffers, broadcast files, …) + grants of executors + storage (cached blocks)

*Execution and storage borrow from each other.* Storage takes what is free. A task that is short of memory takes it
back: `reclaim` asks the block cache to evict, down to the storage floor, and the task waits until bytes are released.

*Grants wait rather than fail.* A task whose expected need fits a share starts at once; one that needs more waits until
the others' grants leave room, and nothing queued behind it overtakes it meanwhile, so that it cannot starve. A need
above the whole budget is cut to the budget: such a task runs alone and spills.

*The live task count changes shares* where memory is short: a task alone gets what the idle slots do not need to begin
with, but each of those keeps half a share in reserve, so that the next task need not wait for the first to end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

GRANT_FLOOR_BYTES = 64 << 20
"""No task starts with less: an executor with nothing to do holds that much in code and libraries."""

PROCESS_BYTES = 120 << 20
"""What an executor process takes before its kernel holds a byte (measured: 105 MB with DuckDB and Arrow loaded)."""

KERNEL_LIMIT_FLOOR_BYTES = 48 << 20

DAEMON_BYTES = 96 << 20
"""What the daemon itself takes (measured: 80 MB with gRPC and NumPy loaded, a little more while it serves blocks)."""

SLOT_BYTES_MIN = PROCESS_BYTES + KERNEL_LIMIT_FLOOR_BYTES + (24 << 20)
"""The least a slot can work with: its process, the kernel's smallest limit, and a few batches and blocks."""

STORAGE_FLOOR_SHARE = 0.3
"""Of the budget cached blocks may keep this much whatever execution wants: a cache that every query empties is none."""

ENOUGH_BYTES = 1 << 30
"""A share this large is not made larger for a task that runs alone: changing the kernel's limit costs it 0.5 ms."""


def least_budget(slots: int) -> int:
    """The smallest budget a worker with so many slots can keep to."""
    return DAEMON_BYTES + slots * SLOT_BYTES_MIN


class Use(StrEnum):
    """What the budget is charged with besides grants and storage."""

    DAEMON = "daemon"
    SHUFFLE = "shuffle"
    BROADCAST = "broadcast"
    UDF = "udf"
    STATE = "state"


def kernel_limit(grant_bytes: int) -> int:
    """The kernel's `memory_limit` for a grant.

    Real memory overshoots the limit by what the limit does not count (input blocks, Arrow batches, blocks waiting for
    the disk, allocator slack), so only part of the grant goes to the kernel.
    """
    return max(KERNEL_LIMIT_FLOOR_BYTES, (grant_bytes - PROCESS_BYTES) * 7 // 10)


Evict = Callable[[int], None]
"""Asks the holder of cached blocks to free so many bytes (it calls `release` for what it frees, at once or, when it has
to write to disk first, soon). Tasks wait for it, so it must release something in the end."""

ReleasedCallback = Callable[[], None]


@dataclass(slots=True)
class Storage:
    """What cached blocks take of the budget, by kind. The block cache calls `reserve` and `release` and sets `evict`.

        granted = budget.storage.reserve("memory", block_bytes)
        if granted < block_bytes:
            budget.storage.release("memory", granted)   # put it on disk instead
        budget.storage.evict = cache.evict

    All calls are made on the daemon's event loop.
    """

    free_bytes: Callable[[], int]
    """What nobody else holds now."""
    released: ReleasedCallback = lambda: None
    """Called when bytes have come back on the cache's own account, so that waiting grants are tried again."""
    evict: Evict | None = None
    evicting: bool = False
    used: dict[str, int] = field(default_factory=dict)

    @property
    def used_bytes(self) -> int:
        """All kinds together."""
        return sum(self.used.values())

    def reserve(self, kind: str, wanted_bytes: int) -> int:
        """Charges up to `wanted_bytes` and returns how many were free; the caller releases what it does not use."""
        granted = max(0, min(wanted_bytes, self.free_bytes()))
        if granted:
            self.used[kind] = self.used.get(kind, 0) + granted
        return granted

    def release(self, kind: str, freed_bytes: int) -> None:
        """Gives bytes back. Releasing more than was reserved is a defect of the caller."""
        left = self.used.get(kind, 0) - freed_bytes
        if left < 0:
            raise ValueError(f"{freed_bytes} bytes of {kind} released, {self.used.get(kind, 0)} reserved")
        self.used[kind] = left
        if not self.evicting:
            self.released()

    def ask_to_evict(self, wanted_bytes: int) -> int:
        """Asks for bytes; returns how many came back at once. Others may follow, which `released` then tells."""
        if self.evict is None or wanted_bytes <= 0:
            return 0
        before = self.used_bytes
        self.evicting = True
        try:
            self.evict(wanted_bytes)
        finally:
            self.evicting = False
        return max(0, before - self.used_bytes)


class MemoryBudget:
    """Grants of executors, charges of everything else and cached blocks against one number of bytes."""

    def __init__(self, budget_bytes: int, slots: int) -> None:
        self.budget_bytes = budget_bytes
        self.slots = slots
        self.grants: dict[str, int] = {}
        self.charges: dict[str, int] = {}
        self.storage = Storage(self._free_for_storage)
        self.reclaim_bytes = 0
        """What the last grant that had to wait lacked because of cached blocks."""

    @property
    def storage_floor_bytes(self) -> int:
        """What storage keeps however much execution wants."""
        return int(self.budget_bytes * STORAGE_FLOOR_SHARE)

    @property
    def execution_bytes(self) -> int:
        """What all grants together may come to once storage is evicted to its floor: never below each slot's floor."""
        kept = min(self.storage.used_bytes, self.storage_floor_bytes)
        return max(self.budget_bytes - sum(self.charges.values()) - kept, self.slots * GRANT_FLOOR_BYTES)

    @property
    def share_bytes(self) -> int:
        """What each slot gets when all are busy with ordinary tasks."""
        return self.execution_bytes // self.slots

    def grant(self, executor_id: str, wanted_bytes: int, claimants: int = 0) -> int | None:
        """Reserves memory for a task about to start on an idle executor; None: it has to wait.

        `wanted_bytes` 0 leaves the size to the worker. `claimants`: tasks that could start now, this one included;
        0 where that is not known, which counts as many as there are slots.
        """
        granted = self._fitting(executor_id, wanted_bytes, claimants or self.slots)
        self.reclaim_bytes = 0
        if granted is not None:
            granted = self._beside_storage(executor_id, granted)
        if granted is not None:
            self.grants[executor_id] = granted
        return granted

    def reclaim(self) -> bool:
        """Asks the block cache for what the last grant lacked; True: it has been freed in part, try the grant again."""
        wanted, self.reclaim_bytes = self.reclaim_bytes, 0
        return self.storage.ask_to_evict(wanted) > 0

    def covers(self, executor_id: str, wanted_bytes: int) -> bool:
        """Whether the grant an executor holds now is right for one more task."""
        return min(wanted_bytes, self.execution_bytes) <= self.grants.get(executor_id, 0)

    def release(self, executor_id: str) -> None:
        """The executor is idle or gone."""
        self.grants.pop(executor_id, None)

    def charge(self, use: Use, used_bytes: int) -> None:
        """Sets what one kind of use takes now."""
        self.charges[use] = used_bytes

    def _free_for_storage(self) -> int:
        """What nobody holds. An idle executor holds its process."""
        idle = max(0, self.slots - len(self.grants)) * PROCESS_BYTES
        held = sum(self.charges.values()) + sum(self.grants.values()) + idle + self.storage.used_bytes
        return self.budget_bytes - held

    def _fitting(self, executor_id: str, wanted_bytes: int, claimants: int) -> int | None:
        others = [granted for other, granted in self.grants.items() if other != executor_id]
        free = self.execution_bytes - sum(others)
        wanted = min(max(wanted_bytes, 0), self.execution_bytes)
        if wanted > self.share_bytes:
            return wanted if wanted <= free else None
        if free >= self.share_bytes:
            return max(self.share_bytes, self._alone(free, len(others), claimants))
        # While a large task runs, small ones share what it leaves, if that is enough for what they said they need.
        least = max(wanted, GRANT_FLOOR_BYTES)
        return free if free >= least else None

    def _alone(self, free: int, others: int, claimants: int) -> int:
        """What a task may have when not all slots are in use: its part of all but half a share for each idle one."""
        if self.share_bytes >= ENOUGH_BYTES:
            return 0
        idle = max(0, self.slots - others - claimants)
        return (free - idle * self.share_bytes // 2) // max(1, min(claimants, self.slots - others))

    def _beside_storage(self, executor_id: str, granted: int) -> int | None:
        """The grant if storage leaves room for it now. Else it waits for an eviction, which `reclaim` asks for; where
        nobody can evict, a grant that is as small as the room is better than none.
        """
        others = sum(held for other, held in self.grants.items() if other != executor_id)
        room = self.budget_bytes - sum(self.charges.values()) - self.storage.used_bytes - others
        if granted <= room or self.storage.used_bytes <= self.storage_floor_bytes:
            return granted
        if self.storage.evict is not None:
            self.reclaim_bytes = min(granted - room, self.storage.used_bytes - self.storage_floor_bytes)
            return None
        return room if room >= GRANT_FLOOR_BYTES else None
