"""What one session caches."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from headrace_driver.cache.data import CachedData
from headrace_driver.cache.levels import StorageLevel
from headrace_driver.cache.matching import Candidates, same_rows
from headrace_driver.catalog.source import Source
from headrace_driver.plan import logical as lp

ENTRIES_MAX = 10_000
"""Cached plans of one session: every query of it is compared with them by shape."""


OnChange = Callable[[CachedData, bool], None]
"""Told of each that is added, or goes (False), from whatever thread."""


class SessionCache:
    """The cached plans of a session. Called by planning threads, several at a time, and by the event loop.

    `forget` is told of every entry that goes, from whatever thread.
    """

    def __init__(self, session: Any, forget: Callable[[CachedData], None] = lambda cached: None) -> None:
        self._forget = forget
        self.on_change: OnChange | None = None
        """For who keeps notes."""
        self._session = session
        self._lock = threading.Lock()
        self._entries: dict[bytes, CachedData] = {}
        self._candidates: Candidates | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, plan: lp.LogicalPlan, level: StorageLevel, name: str = "") -> CachedData | None:
        """Caches a plan; one that is cached already keeps the level it has. None where the level caches nothing."""
        if level.is_none:
            return None
        key = same_rows(plan)
        with self._lock:
            cached = self._entries.get(key)
            if cached is None:
                cached = self._entries[key] = CachedData(plan, level, self._session, name)
                self._candidates = None
                self.note(cached)
                dropped = [self._entries.pop(next(iter(self._entries)))] if len(self._entries) > ENTRIES_MAX else []
            else:
                dropped = []
        for each in dropped:
            self.forget(each)
        return cached

    def restore(self, cached: CachedData) -> None:
        """An entry of an earlier driver."""
        with self._lock:
            self._entries[same_rows(cached.plan)] = cached
            self._candidates = None

    def entries(self) -> list[CachedData]:
        """All, in no particular order."""
        with self._lock:
            return list(self._entries.values())

    def note(self, cached: CachedData) -> None:
        """It is new."""
        if self.on_change is not None:
            self.on_change(cached, True)

    def forget(self, cached: CachedData) -> None:
        """Nobody will find it any more."""
        if self.on_change is not None:
            self.on_change(cached, False)
        self._forget(cached)

    def find(self, plan: lp.LogicalPlan) -> CachedData | None:
        """The entry of an equal plan."""
        if not self._entries:
            return None
        return self._entries.get(same_rows(plan))

    def remove(self, plan: lp.LogicalPlan) -> bool:
        """Forgets an equal plan; those that contain it stay."""
        if not self._entries:
            return False
        with self._lock:
            cached = self._entries.pop(same_rows(plan), None)
            self._candidates = None
        if cached is not None:
            self.forget(cached)
        return cached is not None

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            gone, self._entries, self._candidates = list(self._entries.values()), {}, None
        for cached in gone:
            self.forget(cached)

    def use_in(self, plan: lp.LogicalPlan, but: CachedData | None = None) -> lp.LogicalPlan:
        """The plan with its cached parts read from the cache. `but` is not looked for: it is what is being computed."""
        if not self._entries:
            return plan
        with self._lock:
            candidates = self._candidates
            if candidates is None or but is not None:
                entries = {key: each for key, each in self._entries.items() if each is not but}
                candidates = Candidates(list(entries.values()), {each.number: key for key, each in entries.items()})
                if but is None:
                    self._candidates = candidates
        return candidates.use_in(plan)

    def refresh(self, concerned: Callable[[lp.LogicalPlan], bool]) -> None:
        """Entries with a part that is concerned are computed anew when they are used next."""
        gone: list[CachedData] = []
        with self._lock:
            for key, cached in self._entries.items():
                if any(concerned(op) for op in lp.walk(cached.plan)):
                    fresh = self._entries[key] = cached.refreshed(cached.plan)
                    self.note(fresh)
                    gone.append(cached)
            if gone:
                self._candidates = None
        for cached in gone:
            self.forget(cached)

    def refresh_path(self, path: str) -> None:
        """What is cached of files below a path, or of the file, is out of date."""
        path = plain_path(path)
        self.refresh(lambda op: isinstance(op, lp.Scan) and reads_below(op, path))

    def refresh_plan(self, plan: lp.LogicalPlan) -> None:
        """What is cached of the files a plan reads is out of date."""
        reads = {op.read.paths for op in lp.walk(plan) if isinstance(op, lp.Scan) and op.read is not None}
        self.refresh(lambda op: isinstance(op, lp.Scan) and op.read is not None and op.read.paths in reads)

    def source_of(self, read: lp.ReadFiles) -> Source | None:
        """The source a cached plan opened for the same request: its files may be gone, its rows are not."""
        for cached in list(self._entries.values()):
            if cached.kept is not None:
                for op in lp.walk(cached.plan):
                    if isinstance(op, lp.Scan) and op.read is not None and same_request(op.read, read):
                        source: Source = op.source
                        return source
        return None


def same_request(one: lp.ReadFiles, other: lp.ReadFiles) -> bool:
    """Whether two reads ask for the same files in the same way."""
    return (one.format, one.paths, one.schema, dict(one.options)) == (
        other.format,
        other.paths,
        other.schema,
        dict(other.options),
    )


def reads_below(scan: lp.Scan, path: str) -> bool:
    """Whether a scan was asked for a path, or for something below or above it."""
    if scan.read is None:
        return False
    for asked in scan.read.paths:
        mine = plain_path(asked)
        if mine == path or mine.startswith(path.rstrip("/") + "/") or path.startswith(mine.rstrip("/") + "/"):
            return True
    return False


def plain_path(path: str) -> str:
    """A path without scheme, absolute."""
    for scheme in ("file://", "file:"):
        if path.startswith(scheme):
            path = path[len(scheme) :]
            break
    return path if "://" in path else os.path.abspath(path)
