"""Tasks of one stage that wait for a slot, filed by where they would like to run.

A task may lie in several queues; entries of tasks that have been taken meanwhile are skipped when they come up. So
taking and filing are constant time, and a million tasks without preference cost one counter.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from enum import IntEnum

from headrace_driver.plan.stage import HostPreference
from headrace_driver.scheduler.workers import WorkerState


class TaskState(IntEnum):
    """One byte a task."""

    PENDING = 0
    RUNNING = 1
    DONE = 2


_PENDING = int(TaskState.PENDING)


class PendingTasks:
    """The waiting tasks of a stage whose states are in `status` (shared with the stage, which alone writes it)."""

    def __init__(self, status: bytearray) -> None:
        self._status = status
        self._free: deque[int] = deque()
        self._fresh = 0
        self._fresh_end = 0
        self.by_worker: dict[str, deque[int]] = {}
        self.by_host: dict[str, deque[int]] = {}
        self.movable: list[tuple[float, int]] = []
        """Tasks that prefer some place but may run anywhere: a heap by seconds their transfer would take."""
        self.retries: dict[int, None] = {}
        """Tasks that failed or whose output was lost, in that order; their entries in other queues are stale."""
        self.avoid: dict[int, set[int]] = {}
        """Workers (by index) on which a task should not run again, kept for the stage's life."""
        self._delayed: list[tuple[float, int]] = []
        self._delayed_set: set[int] = set()
        self.wait_started_s: float | None = None
        """Since when slots are free that this stage leaves idle for the sake of locality."""
        self.round = -1
        self.round_candidates: deque[WorkerState] = deque()
        """Workers still worth asking for local tasks in the dispatch round `round`."""

    def add_all(self, count: int) -> None:
        """Files tasks 0 … count − 1, none of which has a preference."""
        self._fresh, self._fresh_end = 0, count

    def add_free(self, partition: int) -> None:
        """Files a task without preference, in front of those never tried."""
        self._free.append(partition)

    def add_preferring(
        self, partition: int, preferences: Sequence[HostPreference], transfer_s: float, *, strict: bool
    ) -> None:
        """Files a task that prefers some hosts or workers; a strict one runs nowhere else."""
        for preference in preferences:
            index = self.by_worker if preference.worker else self.by_host
            index.setdefault(preference.host, deque()).append(partition)
        if not strict:
            heapq.heappush(self.movable, (transfer_s, partition))

    def add_retry(self, partition: int, avoid: int | None) -> None:
        """Files a task to run before others, on another worker than `avoid` and those before."""
        self.retries[partition] = None
        if avoid is not None:
            self.avoid_worker(partition, avoid)

    def avoid_worker(self, partition: int, worker: int) -> None:
        """The task should not be tried again on this worker."""
        self.avoid.setdefault(partition, set()).add(worker)

    def add_retry_after(self, partition: int, avoid: int | None, now_s: float, wait_s: float) -> None:
        """`add_retry`, once so long a wait is over."""
        if wait_s <= 0:
            self.add_retry(partition, avoid)
            return
        if avoid is not None:
            self.avoid_worker(partition, avoid)
        self.add_delayed(partition, now_s + wait_s)

    def add_delayed(self, partition: int, ready_s: float) -> None:
        """Files a task not to be tried before a time."""
        heapq.heappush(self._delayed, (ready_s, partition))
        self._delayed_set.add(partition)

    def release_delayed(self, now_s: float) -> None:
        """Tasks whose time has come wait as others do."""
        while self._delayed and self._delayed[0][0] <= now_s:
            partition = heapq.heappop(self._delayed)[1]
            self._delayed_set.discard(partition)
            if self._status[partition] == _PENDING:
                self.add_retry(partition, None)

    def next_delayed_s(self) -> float | None:
        """When the first delayed task may be tried."""
        return self._delayed[0][0] if self._delayed else None

    def take_free(self) -> int | None:
        """Takes the next task that has no preference."""
        while self._free:
            partition = self._free.popleft()
            if self._is_waiting(partition):
                return partition
        while self._fresh < self._fresh_end:
            partition = self._fresh
            self._fresh += 1
            if self._is_waiting(partition):
                return partition
        return None

    def has_free(self) -> bool:
        """Whether a task without preference may wait (its entry may be stale)."""
        return bool(self._free) or self._fresh < self._fresh_end

    def waits_for(self, worker: WorkerState) -> bool:
        """Whether a task surely waits that prefers this worker or its host, or nothing."""
        queues = (self._free, self.by_worker.get(worker.worker_id), self.by_host.get(worker.host))
        for queue in queues:
            while queue and not self._is_waiting(queue[0]):
                queue.popleft()
            if queue:
                return True
        while self._fresh < self._fresh_end and not self._is_waiting(self._fresh):
            self._fresh += 1
        return self._fresh < self._fresh_end

    @property
    def delayed(self) -> int:
        """Tasks whose time has not come, those included that have finished meanwhile."""
        return len(self._delayed_set)

    def has_places(self) -> bool:
        """Whether a task that prefers a place may wait (its entry may be stale)."""
        return bool(self.by_host) or bool(self.by_worker)

    def take_local(self, worker: WorkerState) -> int | None:
        """Takes a task that prefers this worker, else one that prefers its host."""
        partition = self._take_place(self.by_worker, worker.worker_id)
        return partition if partition is not None else self._take_place(self.by_host, worker.host)

    def cheapest_move(self) -> tuple[float, int] | None:
        """The task whose input is quickest moved, with the seconds; stays where it is."""
        while self.movable:
            transfer_s, partition = self.movable[0]
            if self._is_waiting(partition):
                return transfer_s, partition
            heapq.heappop(self.movable)
        return None

    def take_move(self) -> None:
        """Takes the task `cheapest_move` showed."""
        heapq.heappop(self.movable)

    def skip_stale_retries(self) -> None:
        """Drops entries at the head whose task has finished meanwhile, by an attempt thought lost."""
        while self.retries and self._status[first := next(iter(self.retries))] != _PENDING:
            del self.retries[first]

    def take_retry(self, partition: int) -> None:
        del self.retries[partition]

    def _is_waiting(self, partition: int) -> bool:
        return (
            self._status[partition] == _PENDING and partition not in self.retries and partition not in self._delayed_set
        )

    def _take_place(self, index: dict[str, deque[int]], name: str) -> int | None:
        queue = index.get(name)
        if queue is None:
            return None
        while queue:
            partition = queue.popleft()
            if self._is_waiting(partition):
                if not queue:
                    del index[name]
                return partition
        del index[name]
        return None
