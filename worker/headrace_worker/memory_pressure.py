"""What to do when the worker's processes really hold more than the budget. Pure: measurements in, steps out.

The budget divides memory by what its holders say they need. What they then hold is another matter: the kernel does not
count everything, allocators keep what was freed, a row may be a megabyte wide. So the whole process tree is measured,
and what is done grows with the time it stays over:

| over the budget               | steps                                                                         |
| ----------------------------- | ----------------------------------------------------------------------------- |
| at the first look             | evict cached blocks, lower the worst kernel's limit, let no new task start    |
| for `LOOKS_BEFORE_RESTART`    | restart one executor: an idle one if that frees enough, else the worst        |
| by more than `FAR_OVER`       | the same at once                                                              |
| back under `RELAXED`          | let tasks start again                                                         |

A task whose executor is restarted did not fail: it is retried with a larger grant, which on a busy worker means alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LOOKS_BEFORE_RESTART = 4
"""Looks over the budget before an executor is restarted: about a second, in which a kernel spills a few hundred MB."""

FAR_OVER = 1.1
"""Of the budget: beyond it there is no time to wait. Promised is at most 15 %."""

RELAXED = 0.95
"""Of the budget: below it tasks start again."""

NEAR_SHARE = 0.8
"""Of the budget, or of its grant: an executor that dies by SIGKILL when so much was held was killed for memory."""


@dataclass(frozen=True, slots=True)
class Holding:
    """One executor, its children included: what it holds and what it was granted (0 when it is idle)."""

    executor_id: str
    held_bytes: int
    grant_bytes: int


@dataclass(frozen=True, slots=True)
class EvictStorage:
    """Ask the block cache for so many bytes."""

    wanted_bytes: int


@dataclass(frozen=True, slots=True)
class LowerLimit:
    """Make a running kernel spill so many bytes."""

    executor_id: str
    by_bytes: int


@dataclass(frozen=True, slots=True)
class HoldBack:
    """Start no more tasks, or start them again."""

    held: bool


@dataclass(frozen=True, slots=True)
class Restart:
    """End an executor, to be started again."""

    executor_id: str
    held_bytes: int


Step = EvictStorage | LowerLimit | HoldBack | Restart


class PressureGuard:
    """Told at even intervals what the process tree holds."""

    def __init__(self, budget_bytes: int) -> None:
        self._budget_bytes = budget_bytes
        self._looks_over = 0
        self._restarted: set[str] = set()
        self.holding_back = False

    def look(self, total_bytes: int, holdings: Sequence[Holding]) -> list[Step]:
        """What to do now. `total_bytes` is the whole tree: daemon, executors and what belongs to neither alone."""
        self._restarted &= {holding.executor_id for holding in holdings}
        if total_bytes <= self._budget_bytes:
            self._looks_over = 0
            if self.holding_back and total_bytes <= self._budget_bytes * RELAXED:
                self.holding_back = False
                return [HoldBack(False)]
            return []
        self._looks_over += 1
        over_bytes = total_bytes - self._budget_bytes
        steps: list[Step] = []
        if self._looks_over == 1:
            steps += self._gentle(over_bytes, holdings)
        if self._looks_over >= LOOKS_BEFORE_RESTART or total_bytes > self._budget_bytes * FAR_OVER:
            steps += self._restart(over_bytes, holdings)
        return steps

    def _gentle(self, over_bytes: int, holdings: Sequence[Holding]) -> list[Step]:
        steps: list[Step] = [EvictStorage(over_bytes)]
        worst = _worst(holdings)
        if worst is not None:
            steps.append(LowerLimit(worst.executor_id, over_bytes))
        if not self.holding_back:
            self.holding_back = True
            steps.append(HoldBack(True))
        return steps

    def _restart(self, over_bytes: int, holdings: Sequence[Holding]) -> list[Step]:
        """One executor, and then time for its memory to come back."""
        if self._restarted:
            return []
        idle = [one for one in holdings if not one.grant_bytes and one.held_bytes >= over_bytes]
        chosen = max(idle, key=lambda one: one.held_bytes) if idle else _worst(holdings)
        if chosen is None:
            return []
        self._looks_over = 0
        self._restarted.add(chosen.executor_id)
        return [Restart(chosen.executor_id, chosen.held_bytes)]


def killed_for_memory(
    exit_code: int, held_bytes: int, grant_bytes: int, total_bytes: int, budget_bytes: int, system_kills: int
) -> bool:
    """Whether an executor that ended by itself was ended by the system for want of memory.

    `system_kills`: how often the kernel's out-of-memory killer has struck in our control group since the last look.
    """
    if exit_code != -9:
        return False
    return system_kills > 0 or total_bytes >= NEAR_SHARE * budget_bytes or held_bytes >= NEAR_SHARE * grant_bytes > 0


def _worst(holdings: Sequence[Holding]) -> Holding | None:
    """The running executor that holds most against its grant; None where nothing runs."""
    running = [holding for holding in holdings if holding.grant_bytes]
    return max(running, key=lambda one: one.held_bytes / one.grant_bytes, default=None)
