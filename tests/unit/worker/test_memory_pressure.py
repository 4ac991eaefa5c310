"""What is done when the process tree holds more than the budget."""

from __future__ import annotations

import mmap
import os

from headrace_worker.memory import MemoryBudget
from headrace_worker.memory_pressure import (
    LOOKS_BEFORE_RESTART,
    EvictStorage,
    HoldBack,
    Holding,
    LowerLimit,
    PressureGuard,
    Restart,
    killed_for_memory,
)
from headrace_worker.memory_watch import MemoryWatch, descendants, estimated, exact

MB = 1 << 20
SMALL = Holding("small", 200 * MB, 400 * MB)
LARGE = Holding("large", 700 * MB, 500 * MB)


def test_within_the_budget_nothing_is_done() -> None:
    assert PressureGuard(1000 * MB).look(1000 * MB, [SMALL, LARGE]) == []


def test_first_evict_and_spill_and_hold_back_then_restart_the_worst() -> None:
    guard = PressureGuard(1000 * MB)
    first = guard.look(1050 * MB, [SMALL, LARGE])
    assert first == [EvictStorage(50 * MB), LowerLimit("large", 50 * MB), HoldBack(True)]
    for _ in range(LOOKS_BEFORE_RESTART - 2):
        assert guard.look(1050 * MB, [SMALL, LARGE]) == []
    assert guard.look(1050 * MB, [SMALL, LARGE]) == [Restart("large", 700 * MB)]


def test_far_over_there_is_no_waiting() -> None:
    steps = PressureGuard(1000 * MB).look(1200 * MB, [SMALL, LARGE])
    assert steps[-1] == Restart("large", 700 * MB)


def test_an_idle_executor_that_kept_its_memory_goes_first() -> None:
    idle = Holding("idle", 300 * MB, 0)
    steps = PressureGuard(1000 * MB).look(1200 * MB, [SMALL, LARGE, idle])
    assert steps[-1] == Restart("idle", 300 * MB)
    little = Holding("idle", 100 * MB, 0)
    steps = PressureGuard(1000 * MB).look(1200 * MB, [SMALL, LARGE, little])
    assert steps[-1] == Restart("large", 700 * MB)


def test_one_restart_at_a_time() -> None:
    guard = PressureGuard(1000 * MB)
    assert Restart("large", 700 * MB) in guard.look(1200 * MB, [SMALL, LARGE])
    for _ in range(3 * LOOKS_BEFORE_RESTART):
        assert not [step for step in guard.look(1200 * MB, [SMALL, LARGE]) if isinstance(step, Restart)]
    assert Restart("small", 200 * MB) in guard.look(1200 * MB, [SMALL])


def test_tasks_start_again_once_there_is_room_to_spare() -> None:
    guard = PressureGuard(1000 * MB)
    guard.look(1050 * MB, [LARGE])
    assert guard.look(990 * MB, [LARGE]) == []
    assert guard.look(900 * MB, [LARGE]) == [HoldBack(False)]
    assert guard.look(900 * MB, [LARGE]) == []


def test_a_kill_near_the_budget_is_one_for_memory() -> None:
    near = {"held_bytes": 100, "grant_bytes": 500, "total_bytes": 900, "budget_bytes": 1000, "system_kills": 0}
    far = {**near, "total_bytes": 300}
    assert killed_for_memory(-9, **near)
    assert not killed_for_memory(-11, **near)
    assert not killed_for_memory(-9, **far)
    assert killed_for_memory(-9, **{**far, "system_kills": 1})
    assert killed_for_memory(-9, **{**far, "held_bytes": 450})


def test_processes_are_measured_by_the_system() -> None:
    rough, fine = estimated(os.getpid()), exact(os.getpid())
    assert 0 < rough.held_bytes <= rough.rss_bytes
    assert 0 < fine.held_bytes <= fine.rss_bytes
    assert os.getpid() in descendants(os.getppid())
    assert estimated(0).rss_bytes == 0


def test_cached_blocks_count_once_whoever_has_mapped_them() -> None:
    size_bytes = 64 << 20
    before = exact(os.getpid()).held_bytes
    with mmap.mmap(-1, size_bytes) as shared:
        shared.write(b"x" * size_bytes)
        assert exact(os.getpid()).held_bytes - before < size_bytes // 2
    budget = MemoryBudget(1 << 30, slots=1)
    watch = MemoryWatch(budget, others=list, executors=dict)
    assert watch.look() == []
    budget.storage.used["memory"] = (1 << 30) + 1
    assert EvictStorage(1) in watch.look()
