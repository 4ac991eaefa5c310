"""Executors that stop speaking while they run a task."""

from __future__ import annotations

from headrace_worker.silence import SILENCE_S_MAX, SilenceWatch


def test_one_that_says_nothing_while_it_runs_a_task_is_noticed() -> None:
    watch = SilenceWatch()
    for second in range(int(SILENCE_S_MAX)):
        watch.heard("a", second)
        assert watch.silent(("a", "b"), second) == []
    assert watch.silent(("a", "b"), SILENCE_S_MAX) == ["b"]


def test_an_idle_one_may_be_silent() -> None:
    watch = SilenceWatch()
    for second in range(100):
        assert watch.silent((), second) == []
    assert watch.silent(("a",), 100) == []


def test_a_daemon_that_stood_still_blames_nobody() -> None:
    watch = SilenceWatch()
    assert watch.silent(("a",), 0) == []
    assert watch.silent(("a",), 60) == []
    for second in range(61, 60 + int(SILENCE_S_MAX)):
        assert watch.silent(("a",), second) == []
    assert watch.silent(("a",), 60 + SILENCE_S_MAX) == ["a"]


def test_a_new_process_of_the_name_starts_anew() -> None:
    watch = SilenceWatch()
    for second in range(20):
        watch.silent(("a",), second)
    watch.gone("a")
    for second in range(20, 40):
        assert watch.silent(("a",), second) == []
