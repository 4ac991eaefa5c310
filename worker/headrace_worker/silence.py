"""Executors that have stopped speaking in the middle of a task: frozen, or stuck where nothing interrupts them. Pure.

An executor at work reports its memory every second. One that says nothing for much longer will not end its task; the
daemon kills it, which costs one attempt, rather than let the query wait for ever.
"""

from __future__ import annotations

from collections.abc import Iterable

SILENCE_S_MAX = 30.0
"""Far beyond what a busy or swapping machine delays a report by."""

LOOKS_APART_S_MAX = 5.0
"""Looks further apart mean that the daemon did not run itself, and could hear nobody."""


class SilenceWatch:
    """Times are seconds on the caller's monotonic clock."""

    def __init__(self) -> None:
        self._heard_s: dict[str, float] = {}
        self._looked_s: float | None = None

    def heard(self, executor_id: str, now_s: float) -> None:
        """It said something, or was given work."""
        self._heard_s[executor_id] = now_s

    def gone(self, executor_id: str) -> None:
        self._heard_s.pop(executor_id, None)

    def silent(self, running: Iterable[str], now_s: float) -> list[str]:
        """Of the executors that run something, those that have been silent for too long."""
        busy = set(running)
        if self._looked_s is None or now_s - self._looked_s > LOOKS_APART_S_MAX:
            self._heard_s.clear()
        self._looked_s = now_s
        for executor_id in self._heard_s.keys() - busy:
            del self._heard_s[executor_id]
        return [each for each in sorted(busy) if now_s - self._heard_s.setdefault(each, now_s) >= SILENCE_S_MAX]
