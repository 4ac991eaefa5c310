"""Whose turn it is: the job with fewest running tasks for its weight; the older one of equals."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

from headrace_driver.scheduler.jobs import JobRun


def serve_fairly(jobs: Iterable[JobRun], place_one: Callable[[JobRun], bool]) -> None:
    """Calls `place_one` for the job whose turn it is until it has answered False to every job.

    A job that cannot place a task now is not asked again in this round: placing others' tasks only takes room away.
    """
    turns = [(job.running / job.weight, job.order, job) for job in jobs if job.ready]
    if len(turns) == 1:
        job = turns[0][2]
        while place_one(job):
            pass
        return
    heapq.heapify(turns)
    while turns:
        _, order, job = turns[0]
        if place_one(job):
            heapq.heapreplace(turns, (job.running / job.weight, order, job))
        else:
            heapq.heappop(turns)
