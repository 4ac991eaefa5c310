"""Who cannot reach whom, and how long evidence against a worker counts."""

from __future__ import annotations

from headrace_driver.scheduler.health import Health
from headrace_driver.scheduler.links import DRIVER, LinkReports, LinkVerdict
from headrace_driver.scheduler.options import SchedulerOptions

A, B, C = 1, 2, 3


def test_two_that_cannot_reach_one_tell_against_it() -> None:
    links = LinkReports(SchedulerOptions())
    assert links.report(A, B, 0.0) is LinkVerdict.WAIT
    assert links.report(A, B, 0.1) is LinkVerdict.WAIT
    assert links.report(A, C, 0.2) is LinkVerdict.HOLDER


def test_one_that_reaches_nobody_tells_against_itself() -> None:
    links = LinkReports(SchedulerOptions())
    assert links.report(A, C, 0.0) is LinkVerdict.WAIT
    assert links.report(B, C, 0.1) is LinkVerdict.REPORTER


def test_the_driver_is_never_the_one_to_blame() -> None:
    links = LinkReports(SchedulerOptions())
    assert links.report(A, DRIVER, 0.0) is LinkVerdict.WAIT
    assert links.report(B, DRIVER, 0.1) is LinkVerdict.WAIT
    assert links.report(A, C, 0.2) is LinkVerdict.HOLDER


def test_one_pair_alone_is_believed_the_third_time() -> None:
    links = LinkReports(SchedulerOptions())
    verdicts = [links.report(A, B, 0.6 * number) for number in range(3)]
    assert verdicts == [LinkVerdict.WAIT, LinkVerdict.WAIT, LinkVerdict.HOLDER]


def test_reports_are_forgotten_with_time_and_with_the_worker() -> None:
    options = SchedulerOptions()
    links = LinkReports(options)
    links.report(A, B, 0.0)
    assert links.report(A, C, options.unreachable_forget_s + 1) is LinkVerdict.WAIT
    links.forget(C)
    assert links.report(A, B, options.unreachable_forget_s + 2) is LinkVerdict.WAIT


def test_good_work_makes_an_exclusion_forgotten() -> None:
    options = SchedulerOptions()
    health = Health(options)
    health.join(A, 0.0)
    assert health.blame_disk(A, 0.0, may_exclude=True) == options.exclude_s
    health.praise(A, 1.0)
    assert not health.is_usable(A, options.exclude_s - 0.1)
    let_back_s = options.exclude_s
    assert health.is_usable(A, let_back_s)
    for _ in range(options.trust_tasks):
        health.praise(A, let_back_s)
    assert health.blame_disk(A, let_back_s, may_exclude=True) == options.exclude_s


def test_without_good_work_the_next_exclusion_comes_sooner_and_lasts_longer() -> None:
    options = SchedulerOptions()
    health = Health(options)
    health.join(A, 0.0)
    health.blame_disk(A, 0.0, may_exclude=True)
    back_s = options.exclude_s
    for task in range(options.exclude_failures - 2):
        assert health.blame(A, (1, 1, task), back_s, may_exclude=True) == 0.0
    assert health.blame(A, (1, 1, 99), back_s, may_exclude=True) == 2 * options.exclude_s
