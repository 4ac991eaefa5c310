"""Who cannot reach whom: reports of failed fetches between workers that both talk to the driver.

One report may be a broken connection. Two from different workers about one holder tell against the holder; one worker
that reports several holders, each reported by nobody else, tells against that worker (its cable, one way or both).
"""

from __future__ import annotations

from enum import Enum

from headrace_driver.scheduler.options import SchedulerOptions

DRIVER = -1
"""The driver as a reporter: it reads results from workers."""


class LinkVerdict(Enum):
    """What the reports of unreachable holders come to."""

    WAIT = "not proven yet"
    HOLDER = "the holder is out of reach"
    REPORTER = "the reporter reaches nobody"


class LinkReports:
    """Reports by (holder, reporter), as worker indices. Bounded by pairs that failed within the forgetting time."""

    def __init__(self, options: SchedulerOptions) -> None:
        self._options = options
        self._reports: dict[tuple[int, int], tuple[int, float]] = {}
        """How often the reporter could not reach the holder lately, and when last."""

    def report(self, holder: int, reporter: int, now_s: float) -> LinkVerdict:
        """Counts a report and judges. Reports of a pair that come close together count as one."""
        options = self._options
        forgotten_s = now_s - options.unreachable_forget_s
        self._reports = {pair: seen for pair, seen in self._reports.items() if seen[1] > forgotten_s}
        count, last_s = self._reports.get((holder, reporter), (0, -options.unreachable_wait_s))
        if now_s - last_s >= options.unreachable_wait_s or not count:
            self._reports[holder, reporter] = (count + 1, now_s)
        about = {pair[1]: seen[0] for pair, seen in self._reports.items() if pair[0] == holder}
        of_reporter = {pair[0] for pair in self._reports if pair[1] == reporter}
        if len(about) >= options.unreachable_reporters_min:
            return LinkVerdict.HOLDER
        if sum(about.values()) >= options.unreachable_reports_max:
            # The same one again: there may be nobody else to try it. Waiting longer would only keep the task.
            return LinkVerdict.HOLDER
        if reporter != DRIVER and len(of_reporter) >= options.unreachable_reporters_min:
            return LinkVerdict.REPORTER
        return LinkVerdict.WAIT

    def forget(self, worker: int) -> None:
        """The worker is gone; reports about it and of it mean nothing any more."""
        self._reports = {pair: seen for pair, seen in self._reports.items() if worker not in pair}
