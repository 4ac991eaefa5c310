"""A query that runs while the test does something to the cluster."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from headrace_proto.v1 import jobs_pb2
from tests.chaos.daemons import Chaos, until

TRIES_MAX = 5

QUERY = """
SELECT substr(a, 1, 1) AS c, count(*) AS n, sum(id) AS s, max(a || b) AS m
FROM (SELECT id, md5(CAST(id AS STRING)) AS a FROM range(0, 1200000, 1, 12)) l
JOIN (SELECT id AS other, md5(CAST(id * 7 AS STRING)) AS b FROM range(0, 2400000, 2, 12)) r ON l.id = r.other
GROUP BY 1 ORDER BY 1
"""
"""Two shuffles of 12 maps each, a join that reads both, an aggregation."""


class Running:
    """A query on a thread of its own."""

    def __init__(self, chaos: Chaos, query: str = QUERY) -> None:
        self.rows: list[Any] = []
        self.error: BaseException | None = None
        known = {job.job_id for job in chaos.jobs.list_jobs()}
        self._thread = threading.Thread(target=self._run, args=(chaos, query))
        self.started_s = time.monotonic()
        self._thread.start()
        self.job_id: int = until(
            lambda: next((job.job_id for job in chaos.jobs.list_jobs() if job.job_id not in known), 0), 60, "it starts"
        )

    def _run(self, chaos: Chaos, query: str) -> None:
        try:
            self.rows = chaos.spark.sql(query).collect()
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self.error = error

    def wait(self, timeout_s: float = 60.0) -> tuple[list[Any], float]:
        """The answer and the seconds it took."""
        self._thread.join(timeout_s)
        assert not self._thread.is_alive(), f"the query has not ended after {timeout_s:g} s"
        if self.error is not None:
            raise self.error
        return self.rows, time.monotonic() - self.started_s

    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def job(self, chaos: Chaos) -> jobs_pb2.JobDetail:
        return chaos.jobs.get_job(self.job_id)


def caught(chaos: Chaos, among: Sequence[str]) -> tuple[Running, str]:
    """The query on its way, and a worker that holds some of its maps. A query that is over too soon is run again."""
    for _ in range(TRIES_MAX):
        running = Running(chaos)
        found = until(partial(_holder_or_end, chaos, running, among), 60, "maps are written")
        if isinstance(found, str):
            return running, found
        running.wait()
    raise AssertionError(f"the query was over {TRIES_MAX} times before any of its maps was seen")


def _holder_or_end(chaos: Chaos, running: Running, among: Sequence[str]) -> str | bool:
    """A worker with two maps or more; True once the query is over."""
    maps = f"blocks/{running.job_id}/*/*.data"
    found = next((name for name in among if len(chaos.daemons.blocks(name, maps)) >= 2), None)
    return found or running.is_over()
