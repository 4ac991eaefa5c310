"""Measures what the worker's processes hold and acts on it: the I/O around `memory_pressure`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headrace_worker.memory import DAEMON_BYTES, MemoryBudget, Use
from headrace_worker.memory_pressure import Holding, PressureGuard, Step

EXACT_SHARE = 0.7
"""Of the budget: from there on shared pages are told apart, which takes milliseconds where counting takes 20 µs."""

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """One process in bytes: `rss` resident, `held` without what it shares with others (its part of that, if exact)."""

    rss_bytes: int = 0
    held_bytes: int = 0


def estimated(pid: int) -> ProcessMemory:
    """Resident memory, and that of it no file backs. Counts pages that forked processes share in each of them."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return ProcessMemory()
    resident, shared = int(fields[1]) * _PAGE_BYTES, int(fields[2]) * _PAGE_BYTES
    return ProcessMemory(resident, resident - shared)


def exact(pid: int) -> ProcessMemory:
    """Resident memory and the proportional set size: shared pages count by their part, so that a sum is true. Pages of
    files in memory do not count: those are cached blocks, which are there whether or not somebody has mapped them."""
    rss = pss = shmem = 0
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("Rss:"):
                    rss = int(line.split()[1]) << 10
                elif line.startswith("Pss:"):
                    pss = int(line.split()[1]) << 10
                elif line.startswith("Pss_Shmem:"):
                    shmem = int(line.split()[1]) << 10
    except OSError:
        return estimated(pid)
    return ProcessMemory(rss, pss - shmem)


def descendants(root: int) -> list[int]:
    """The processes below one (Python functions run in such)."""
    found: list[int] = []
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                # Without this file (a kernel built without CONFIG_PROC_CHILDREN) children go unseen.
                with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children", "rb") as children:
                    members = [int(child) for child in children.read().split()]
                    found += members
                    waiting += members
    return found


def system_kills() -> int:
    """How often the kernel's out-of-memory killer has ended a process of our control group so far."""
    for path in _kill_counters():
        with contextlib.suppress(OSError, ValueError):
            for line in path.read_text().splitlines():
                name, _, count = line.partition(" ")
                if name == "oom_kill":
                    return int(count)
    return 0


def _kill_counters() -> list[Path]:
    """Version 2 of control groups, then version 1."""
    try:
        groups = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except OSError:
        return []
    paths = [Path("/sys/fs/cgroup") / path.lstrip("/") / "memory.events" for number, _, path in groups if number == "0"]
    v1 = [path for _, controllers, path in groups if "memory" in controllers.split(",")]
    return paths + [Path("/sys/fs/cgroup/memory") / path.lstrip("/") / "memory.oom_control" for path in v1]


@dataclass(slots=True)
class MemoryWatch:
    """What the tree and the cached blocks hold, as of the last look. `others`: the worker's processes that are no
    executors."""

    budget: MemoryBudget
    others: Callable[[], Iterable[int]]
    executors: Callable[[], Mapping[str, int]]
    """Executor ids to process ids."""
    guard: PressureGuard = field(init=False)
    rss_bytes: int = 0
    held_bytes: int = 0
    others_bytes: int = 0
    """Of `held_bytes`, what the processes that are no executors hold."""
    holdings: dict[str, Holding] = field(default_factory=dict)
    _kills_seen: int = 0

    def __post_init__(self) -> None:
        self.guard = PressureGuard(self.budget.budget_bytes)
        self._kills_seen = system_kills()

    def look(self) -> list[Step]:
        """Measures and decides."""
        executors = {executor_id: pid for executor_id, pid in self.executors().items() if pid}
        others = list(self.others())
        below = {pid: descendants(pid) for pid in executors.values()}
        self._measure(estimated, executors, below, others)
        cached_bytes = self.budget.storage.used_bytes
        if self.held_bytes + cached_bytes > EXACT_SHARE * self.budget.budget_bytes:
            self._measure(exact, executors, below, others)
        self.held_bytes += cached_bytes
        # Programs carry the rows of local tables, so the daemon may grow; grants to come are smaller by that.
        self.budget.charge(Use.DAEMON, max(DAEMON_BYTES, self.others_bytes))
        return self.guard.look(self.held_bytes, list(self.holdings.values()))

    def new_system_kills(self) -> int:
        """Strikes of the system's out-of-memory killer since this was last asked."""
        kills = system_kills()
        new, self._kills_seen = kills - self._kills_seen, kills
        return new

    def _measure(
        self,
        measure: Callable[[int], ProcessMemory],
        executors: Mapping[str, int],
        below: Mapping[int, list[int]],
        others: Iterable[int],
    ) -> None:
        self.holdings = {}
        self.rss_bytes = self.held_bytes = 0
        for executor_id, pid in executors.items():
            parts = [measure(member) for member in (pid, *below[pid])]
            held = sum(part.held_bytes for part in parts)
            self.holdings[executor_id] = Holding(executor_id, held, self.budget.grants.get(executor_id, 0))
            self._add(parts)
        executors_held = self.held_bytes
        self._add([measure(pid) for pid in others])
        self.others_bytes = self.held_bytes - executors_held

    def _add(self, parts: Iterable[ProcessMemory]) -> None:
        for part in parts:
            self.rss_bytes += part.rss_bytes
            self.held_bytes += part.held_bytes
