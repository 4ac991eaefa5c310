"""Which workers may get tasks: silence, closed streams, draining, and exclusion on evidence.

Evidence is a task failing on a worker for a reason that may be the worker's. A task that fails goes elsewhere, so one
poisonous task gives each worker at most one failure; it takes several *distinct* tasks within a window to exclude.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from headrace_driver.scheduler.options import SchedulerOptions


class Liveness(Enum):
    """How a worker that is not lost fares."""

    ALIVE = "alive"
    SILENT = "silent"
    DETACHED = "detached"
    """Its stream closed; it may come back within the grace time."""
    DRAINING = "draining"


@dataclass(slots=True)
class _Record:
    heard_s: float
    detached_s: float | None = None
    silent: bool = False
    draining: bool = False
    failures: dict[tuple[int, int, int], float] = field(default_factory=dict)
    """When each distinct task (job, stage, partition) failed here, within the window."""
    excluded_until_s: float = 0.0
    exclusions: int = 0
    trusted_in: int = 0
    """Tasks it has to finish before its last exclusion is forgotten."""


class Health:
    """The state of every worker's health, by worker index."""

    def __init__(self, options: SchedulerOptions) -> None:
        self._options = options
        self._records: dict[int, _Record] = {}

    def join(self, worker: int, now_s: float) -> None:
        """The worker registered, or came back: what was held against it while away is void."""
        record = self._records.setdefault(worker, _Record(now_s))
        record.heard_s = now_s
        record.detached_s = None
        record.silent = False

    def leave(self, worker: int) -> None:
        del self._records[worker]

    def hear(self, worker: int, now_s: float) -> None:
        record = self._records[worker]
        record.heard_s = now_s
        record.silent = False

    def detach(self, worker: int, now_s: float) -> None:
        record = self._records[worker]
        if record.detached_s is None:
            record.detached_s = now_s

    def drain(self, worker: int) -> None:
        self._records[worker].draining = True

    def is_draining(self, worker: int) -> bool:
        """It was told to leave."""
        return self._records[worker].draining

    def liveness(self, worker: int) -> Liveness:
        record = self._records[worker]
        if record.detached_s is not None:
            return Liveness.DETACHED
        if record.silent:
            return Liveness.SILENT
        return Liveness.DRAINING if record.draining else Liveness.ALIVE

    def is_usable(self, worker: int, now_s: float) -> bool:
        """Whether new tasks may be placed on it."""
        record = self._records[worker]
        return (
            record.detached_s is None and not record.silent and not record.draining and now_s >= record.excluded_until_s
        )

    def forgive(self, seconds: float) -> None:
        """Nobody could be heard for so long, for a reason of our own."""
        for record in self._records.values():
            record.heard_s += seconds
            if record.detached_s is not None:
                record.detached_s += seconds

    def look(self, worker: int, now_s: float) -> str | None:
        """Looks at the time since the worker was heard. A sentence says why the worker is lost; None: it is not."""
        record = self._records[worker]
        silent_s = now_s - record.heard_s
        if silent_s >= self._options.silence_lost_s:
            return f"nothing was heard from it for {silent_s:.1f} s"
        if record.detached_s is not None and now_s - record.detached_s >= self._options.stream_grace_s:
            return f"its stream closed and it did not come back within {self._options.stream_grace_s:g} s"
        record.silent = silent_s >= self._options.silence_suspect_s
        return None

    def blame(self, worker: int, task: tuple[int, int, int], now_s: float, *, may_exclude: bool) -> float:
        """Counts a failure against a worker; returns for how long it is now excluded, 0 when it is not."""
        options = self._options
        record = self._records[worker]
        record.failures = {
            other: at_s for other, at_s in record.failures.items() if now_s - at_s < options.exclude_window_s
        }
        record.failures[task] = now_s
        enough = options.exclude_failures - 1 if record.trusted_in else options.exclude_failures
        if len(record.failures) < enough or not may_exclude:
            return 0.0
        return self._exclude(record, now_s)

    def praise(self, worker: int, now_s: float) -> None:
        """A task finished on it: evidence, once it is let back in, that what it was excluded for is over."""
        record = self._records[worker]
        if record.trusted_in and now_s >= record.excluded_until_s:
            record.trusted_in -= 1
            if not record.trusted_in:
                record.exclusions -= 1
                record.trusted_in = self._options.trust_tasks if record.exclusions else 0

    def blame_disk(self, worker: int, now_s: float, *, may_exclude: bool) -> float:
        """A full or corrupting disk, or a broken network, fails every task: one proof is evidence enough."""
        return self._exclude(self._records[worker], now_s) if may_exclude else 0.0

    def _exclude(self, record: _Record, now_s: float) -> float:
        seconds = min(self._options.exclude_s * float(2**record.exclusions), self._options.exclude_max_s)
        record.exclusions += 1
        record.trusted_in = self._options.trust_tasks
        record.excluded_until_s = now_s + seconds
        record.failures.clear()
        return seconds
