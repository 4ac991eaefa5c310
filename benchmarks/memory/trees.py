"""Memory of process trees over time."""

import contextlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

SAMPLE_S = 0.1


@dataclass(frozen=True, slots=True)
class TreeMemory:
    """Peaks of one process tree in bytes.

    `pss`: proportional set sizes, where a page shared by n processes counts 1/n in each: what the machine would get
    back if the tree ended. `rss`: resident sizes added up, where a shared page (libraries, forked interpreters, mapped
    files) counts once in every process that maps it.
    """

    pss_bytes: int = 0
    rss_bytes: int = 0

    def peak(self, other: "TreeMemory") -> "TreeMemory":
        return TreeMemory(max(self.pss_bytes, other.pss_bytes), max(self.rss_bytes, other.rss_bytes))


def measure(pid: int) -> TreeMemory:
    """The memory of a process and all its descendants now."""
    pss = rss = 0
    for member in [pid, *_descendants(pid)]:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                name, _, rest = line.partition(":")
                if name == "Pss":
                    pss += int(rest.split()[0]) << 10
                elif name == "Rss":
                    rss += int(rest.split()[0]) << 10
    return TreeMemory(pss, rss)


def _descendants(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []


class TreeSampler:
    """Samples trees, given by name and root process, until closed."""

    def __init__(self, roots: Mapping[str, int]) -> None:
        self._roots = dict(roots)
        self._peaks: dict[str, TreeMemory] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def reset(self) -> None:
        """Start new peaks."""
        with self._lock:
            self._peaks = {}

    def peaks(self) -> dict[str, TreeMemory]:
        """The peaks since the last reset."""
        with self._lock:
            return dict(self._peaks)

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closed.is_set():
            started = time.monotonic()
            now = {name: measure(pid) for name, pid in self._roots.items()}
            with self._lock:
                self._peaks = {name: seen.peak(self._peaks.get(name, seen)) for name, seen in now.items()}
            # Reading the maps of a large heap takes milliseconds: never more than a fifth of the time.
            self._closed.wait(max(SAMPLE_S, 4 * (time.monotonic() - started)))
