"""Sizes of pieces follow from the memory of a task."""

from __future__ import annotations

from headrace_driver.plan.options import DEFAULT_OPTIONS

MB = 1 << 20


def test_tasks_with_plenty_of_memory_have_the_usual_pieces() -> None:
    assert DEFAULT_OPTIONS.within(1 << 30) == DEFAULT_OPTIONS


def test_tasks_short_of_memory_have_smaller_ones() -> None:
    small, smallest = DEFAULT_OPTIONS.within(300 * MB), DEFAULT_OPTIONS.within(100 * MB)
    assert smallest.reducer_bytes == 12 * MB
    assert smallest.reducer_bytes < small.reducer_bytes < DEFAULT_OPTIONS.reducer_bytes
    assert small.reduce_task_bytes < DEFAULT_OPTIONS.reduce_task_bytes
    assert small.one_task_sort_bytes < DEFAULT_OPTIONS.one_task_sort_bytes
    assert small.scan_task_bytes == DEFAULT_OPTIONS.scan_task_bytes
