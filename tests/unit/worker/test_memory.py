"""Grants and charges against the worker's budget."""

from __future__ import annotations

import pytest

from headrace_worker.memory import (
    GRANT_FLOOR_BYTES,
    KERNEL_LIMIT_FLOOR_BYTES,
    PROCESS_BYTES,
    MemoryBudget,
    Use,
    kernel_limit,
)

MB = 1 << 20


def test_ordinary_tasks_get_equal_shares() -> None:
    budget = MemoryBudget(1000 * MB, slots=2)
    assert budget.grant("a", 0) == 500 * MB
    assert budget.grant("b", 100 * MB) == 500 * MB


def test_a_large_task_waits_for_the_others_and_then_leaves_them_the_rest() -> None:
    budget = MemoryBudget(1000 * MB, slots=2)
    budget.grant("a", 0)
    assert budget.grant("b", 800 * MB) is None
    budget.release("a")
    assert budget.grant("b", 800 * MB) == 800 * MB
    assert budget.grant("a", 100 * MB) == 200 * MB
    budget.release("a")
    assert budget.grant("a", 300 * MB) is None


def test_a_task_larger_than_the_worker_runs_alone_with_all_of_it() -> None:
    budget = MemoryBudget(1000 * MB, slots=2)
    assert budget.grant("a", 5000 * MB) == 1000 * MB
    assert budget.grant("b", 0) is None


def test_charges_shrink_the_shares_down_to_a_floor() -> None:
    budget = MemoryBudget(1000 * MB, slots=2)
    budget.charge(Use.BROADCAST, 400 * MB)
    assert budget.share_bytes == 300 * MB
    budget.charge(Use.BROADCAST, 5000 * MB)
    assert budget.share_bytes == GRANT_FLOOR_BYTES
    assert budget.grant("a", 0) == GRANT_FLOOR_BYTES


def test_a_grant_covers_what_is_not_larger() -> None:
    budget = MemoryBudget(1000 * MB, slots=2)
    budget.grant("a", 0)
    assert budget.covers("a", 0)
    assert budget.covers("a", 500 * MB)
    assert not budget.covers("a", 501 * MB)


def test_the_kernel_gets_less_than_the_grant_but_never_nothing() -> None:
    assert kernel_limit(1 << 30) < 1 << 30
    assert kernel_limit(64 * MB) == KERNEL_LIMIT_FLOOR_BYTES


def test_a_lone_task_gets_all_but_half_a_share_for_each_idle_slot() -> None:
    budget = MemoryBudget(1000 * MB, slots=2)
    assert budget.grant("a", 0, claimants=1) == 750 * MB
    assert budget.grant("b", 0, claimants=1) == 250 * MB
    budget.release("a")
    budget.release("b")
    assert budget.grant("a", 0, claimants=2) == 500 * MB


def test_where_memory_is_plenty_grants_stay_as_they_are() -> None:
    budget = MemoryBudget(64_000 * MB, slots=2)
    assert budget.grant("a", 0, claimants=1) == 32_000 * MB


def test_storage_takes_what_is_free_and_no_more() -> None:
    budget = MemoryBudget(1000 * MB, slots=1)
    budget.charge(Use.DAEMON, 100 * MB)
    budget.grant("a", 0)
    assert budget.storage.reserve("memory", MB) == 0
    budget.release("a")
    assert budget.storage.reserve("memory", 5000 * MB) == 900 * MB - PROCESS_BYTES
    assert budget.storage.used_bytes == 900 * MB - PROCESS_BYTES


def test_execution_takes_memory_back_down_to_the_floor() -> None:
    budget = MemoryBudget(1000 * MB, slots=1)
    granted = budget.storage.reserve("memory", 5000 * MB)
    assert granted > budget.storage_floor_bytes
    asked: list[int] = []

    def evict(wanted_bytes: int) -> None:
        asked.append(wanted_bytes)
        budget.storage.release("memory", wanted_bytes)

    budget.storage.evict = evict
    assert budget.grant("a", 0) is None
    assert budget.reclaim()
    assert asked == [granted - budget.storage_floor_bytes]
    assert budget.grant("a", 0) == 700 * MB
    assert budget.storage.used_bytes == 300 * MB
    assert not budget.reclaim()


def test_a_grant_waits_for_an_eviction_that_takes_time() -> None:
    budget = MemoryBudget(1000 * MB, slots=1)
    told: list[bool] = []
    granted = budget.storage.reserve("memory", 5000 * MB)
    budget.storage.evict = lambda wanted: None
    budget.storage.released = lambda: told.append(True)
    assert budget.grant("a", 0) is None
    assert not budget.reclaim()
    assert not told
    budget.storage.release("memory", granted)
    assert told == [True]
    assert budget.grant("a", 0) == 1000 * MB


def test_without_anybody_to_evict_a_task_runs_with_the_room_there_is() -> None:
    budget = MemoryBudget(1000 * MB, slots=1)
    budget.storage.reserve("memory", 600 * MB)
    assert budget.grant("a", 0) == 400 * MB


def test_releasing_what_was_not_reserved_is_refused() -> None:
    budget = MemoryBudget(1000 * MB, slots=1)
    with pytest.raises(ValueError, match="released"):
        budget.storage.release("memory", 1)
