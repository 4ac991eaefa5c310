"""Cached blocks of a worker that does not exist: the real account and the real choice of what to evict, no files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from headrace_driver.scheduler.identity import TaskKey
from headrace_worker.memory import MemoryBudget
from headrace_worker.shuffle.store import BlockStore, MapId
from headrace_worker.storage.cache import BlockCache
from headrace_worker.storage.ledger import Eviction

_MOVE_S = 0.2
"""Writing an evicted file to disk."""


class _Files:
    """In place of the block store: how large what tasks kept in memory is."""

    memory = "tmpfs"

    def __init__(self) -> None:
        self.sizes: dict[MapId, int] = {}

    def memory_bytes(self, output: MapId) -> int:
        return self.sizes.get(output, 0)


class SimulatedCache(BlockCache):
    """`dropped` is told of outputs that are gone altogether."""

    def __init__(self, budget: MemoryBudget, later: Callable[..., None], seen: Counter[str]) -> None:
        self._seen = seen
        self.files = _Files()
        self.moving_bytes = 0
        self._later = later
        self.dropped: Callable[[TaskKey], object] = lambda key: None
        self.reading: Callable[[], set[tuple[int, int]]] = set
        super().__init__(cast(BlockStore, self.files), budget, lambda: self.reading(), _no_coroutines)

    def drop_jobs(self, jobs: set[int]) -> None:
        for job_id in jobs:
            self._release(self.ledger.drop(job_id))
        for output in self.ledger.unread(self.reading()):
            self._drop(output)

    def _carry_out(self, evictions: list[Eviction]) -> None:
        self._seen["evictions"] += len(evictions)
        for eviction in evictions:
            if eviction.to_disk:
                self.moving_bytes += eviction.bytes
                self._later(_MOVE_S, partial(self._moved, eviction))
            else:
                self._drop(eviction.output)
                self._release(eviction.bytes)

    def _moved(self, eviction: Eviction) -> None:
        self.moving_bytes -= eviction.bytes
        self._release(eviction.bytes)

    def _drop(self, output: MapId) -> None:
        self.files.sizes.pop(output, None)
        self.dropped(TaskKey(output.job_id, output.stage_id, output.map_partition, output.attempt))


def _no_coroutines(coroutine: Any) -> None:
    raise AssertionError(f"nothing runs in the background of a simulation: {coroutine}")
