"""Which workers there are and how many slots each has free.

`WorkerPool.freest` answers in constant time: workers lie in buckets by free slots, and a change of load moves one
worker from a bucket to the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from headrace_driver.scheduler.identity import OutputKey, Place, TaskKey

_CLOSED = -(1 << 20)
"""The bucket of full workers where nothing ends: below any depth of queues."""


@dataclass(slots=True)
class Attempt:
    """A task attempt that holds a slot of a worker."""

    key: TaskKey
    worker: WorkerState
    place: Place
    sequence: int = 0
    """Number of the launch in the scheduler's life: tells what the attempt could know when it was launched."""
    launched_s: float = 0.0
    started: bool = False
    started_s: float = 0.0
    """When it was first known to have started."""
    cancelled: bool = False
    """Told to stop: it holds its slot until the worker reports, but its failure means nothing any more."""
    unlisted: int = 0
    """Heartbeats in a row that did not list it."""

    @property
    def has_slot(self) -> bool:
        """It runs, or nothing but the worker itself keeps it from running."""
        return self.started or self.worker.free >= 0

    def start(self, now_s: float) -> None:
        """The worker says that it runs."""
        if not self.started:
            self.started, self.started_s = True, now_s


@dataclass(slots=True, eq=False)
class WorkerState:
    """One incarnation of one worker. `index` is never used again, so outputs can name their holder by it."""

    index: int
    worker_id: str
    incarnation: str
    host: str
    rack: str
    slots: int
    usable: bool = True
    """May get tasks now: alive, heard, not draining, not excluded."""
    running: dict[TaskKey, Attempt] = field(default_factory=dict)
    programs: set[OutputKey] = field(default_factory=set)
    tables: dict[OutputKey, int] = field(default_factory=dict)
    jobs: set[int] = field(default_factory=set)
    """Jobs of which it may hold something."""
    bucket: int | None = None
    moved: bool = False
    """An attempt has ended since the last look."""
    stuck: bool = False
    """All slots are held and nothing has ended for a while: what would be queued there might wait for long."""

    @property
    def free(self) -> int:
        """Slots with nothing to do; negative: tasks queued beyond the slots."""
        return self.slots - len(self.running)

    def load_bucket(self) -> int:
        """Free slots; once full, minus the number of whole layers of queued tasks (one layer: one task a slot)."""
        free = self.slots - len(self.running)
        if free > 0:
            return free
        return _CLOSED if self.stuck else -(-free // self.slots)


class WorkerPool:
    """All workers the cluster has now, and their free slots. Which are usable is `health`'s business."""

    def __init__(self) -> None:
        self.by_index: dict[int, WorkerState] = {}
        self.by_id: dict[str, WorkerState] = {}
        self.by_host: dict[str, dict[int, WorkerState]] = {}
        self.by_rack: dict[str, dict[int, WorkerState]] = {}
        self.usable_count = 0
        self.slots = 0
        """Slots of all usable workers."""
        self.free_slots = 0
        """Idle slots of usable workers."""
        self._next_index = 0
        self._buckets: dict[int, dict[int, WorkerState]] = {}
        self._top = -(1 << 30)
        """No bucket above this one has workers."""

    def add(self, worker_id: str, incarnation: str, host: str, rack: str, slots: int) -> WorkerState:
        assert worker_id not in self.by_id
        assert slots > 0
        worker = WorkerState(self._next_index, worker_id, incarnation, host, rack, slots, usable=False)
        self._next_index += 1
        self.by_index[worker.index] = worker
        self.by_id[worker_id] = worker
        self.by_host.setdefault(host, {})[worker.index] = worker
        self.by_rack.setdefault(rack, {})[worker.index] = worker
        return worker

    def remove(self, worker: WorkerState) -> None:
        self.set_usable(worker, False)
        del self.by_index[worker.index]
        del self.by_id[worker.worker_id]
        for index, name in ((self.by_host, worker.host), (self.by_rack, worker.rack)):
            del index[name][worker.index]
            if not index[name]:
                del index[name]

    def set_usable(self, worker: WorkerState, usable: bool) -> None:
        if worker.usable == usable:
            return
        worker.usable = usable
        self.usable_count += 1 if usable else -1
        self.slots += worker.slots if usable else -worker.slots
        self.free_slots += max(0, worker.free) * (1 if usable else -1)
        if usable:
            self._file(worker)
        else:
            self._unfile(worker)

    def start(self, attempt: Attempt) -> None:
        """The attempt takes a slot of its worker."""
        worker = attempt.worker
        if worker.usable and len(worker.running) < worker.slots:
            self.free_slots -= 1
        worker.running[attempt.key] = attempt
        if worker.usable:
            self._unfile(worker)
            self._file(worker)

    def end(self, attempt: Attempt) -> None:
        """The attempt's slot is free again."""
        worker = attempt.worker
        del worker.running[attempt.key]
        worker.moved, worker.stuck = True, False
        if worker.usable:
            if len(worker.running) < worker.slots:
                self.free_slots += 1
            if worker.bucket != worker.load_bucket():
                self._unfile(worker)
                self._file(worker)

    def look(self) -> None:
        """Finds workers where nothing has ended since the last look: nothing is queued there until something does."""
        for worker in self.by_index.values():
            stuck = not worker.moved and len(worker.running) >= worker.slots
            worker.moved = False
            if stuck != worker.stuck:
                worker.stuck = stuck
                if worker.usable:
                    self._unfile(worker)
                    self._file(worker)

    def freest(self, depth: int) -> WorkerState | None:
        """The usable worker with most free slots, or with fewest queued tasks below `depth` a slot; else None."""
        while self._top > -depth:
            bucket = self._buckets.get(self._top)
            if bucket:
                return next(iter(bucket.values()))
            self._top -= 1
        return None

    def is_open(self, worker: WorkerState, depth: int) -> bool:
        """Whether the worker may get one more task when up to `depth` may queue for each slot."""
        return worker.bucket is not None and worker.bucket > -depth

    def open_workers(self, depth: int) -> Iterator[WorkerState]:
        """Usable workers with room, those with most free slots first."""
        for level in range(self._top, -depth, -1):
            bucket = self._buckets.get(level)
            if bucket:
                yield from bucket.values()

    def _file(self, worker: WorkerState) -> None:
        level = worker.load_bucket()
        worker.bucket = level
        bucket = self._buckets.get(level)
        if bucket is None:
            bucket = self._buckets[level] = {}
        bucket[worker.index] = worker
        if level > self._top:
            self._top = level

    def _unfile(self, worker: WorkerState) -> None:
        assert worker.bucket is not None
        del self._buckets[worker.bucket][worker.index]
        worker.bucket = None
