"""The pages people look at: the cluster, and one job. Messages of the Jobs service in, HTML out; no clock, no socket.

There is no script in them. A page about something that runs asks the browser to load it again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from headrace.job_text import describe_failure, locality_text, state_text
from headrace.quantities import byte_text, duration_text, time_text
from headrace_driver.web.graph import BOX_HEIGHT, BOX_WIDTH, StageGraph, stage_graph
from headrace_driver.web.timeline import LANE_HEIGHT, LANES_WIDTH, Timeline, timeline
from headrace_proto.v1 import cluster_pb2, jobs_pb2

if TYPE_CHECKING:
    import jinja2

CONTENT_TYPE = "text/html; charset=utf-8"
CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
"""For the Content-Security-Policy header: text from queries is escaped, and could do nothing if it were not."""

_RUNNING_REFRESH_S = 2
_IDLE_REFRESH_S = 10

SLOWEST_TASKS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class MemoryPart:
    """A stretch of a worker's memory bar."""

    kind: str
    size_bytes: int
    percent: float


def cluster_page(jobs: Sequence[jobs_pb2.JobSummary], workers: Sequence[jobs_pb2.WorkerDetail], now_us: int) -> str:
    """Who is in the cluster, what runs and what ran, as of `now_us` (microseconds since the epoch)."""
    present = [worker for worker in workers if worker.state != "lost"]
    running = [job for job in jobs if _is_running(job)]
    return _render(
        "cluster.html",
        refresh_s=_RUNNING_REFRESH_S if running else _IDLE_REFRESH_S,
        now_us=now_us,
        jobs=jobs,
        workers=workers,
        worker_count=len(present),
        slots=sum(worker.registration.slots for worker in present),
        busy=sum(len(worker.heartbeat.running) for worker in present),
        budget_bytes=sum(worker.heartbeat.budget_bytes for worker in present),
        resident_bytes=sum(worker.heartbeat.rss_bytes for worker in present),
        running=len(running),
    )


def job_page(detail: jobs_pb2.JobDetail, now_us: int) -> str:
    """One job: how its stages hang together, where its tasks ran and when, where the time went, its plans."""
    tasks = [task for stage in detail.stages for task in stage.tasks]
    graph: StageGraph | None = stage_graph({stage.stage_id: stage.parents for stage in detail.stages})
    line: Timeline | None = timeline(tasks, now_us)
    slowest = sorted(tasks, key=lambda task: task.metrics.run_us, reverse=True)[:SLOWEST_TASKS_SHOWN]
    return _render(
        "job.html",
        refresh_s=_RUNNING_REFRESH_S if _is_running(detail.summary) else 0,
        now_us=now_us,
        job=detail.summary,
        detail=detail,
        failure=describe_failure(detail.summary.failure),
        failed_tasks=[task for task in tasks if task.state == "failed"][:SLOWEST_TASKS_SHOWN],
        stages={stage.stage_id: stage for stage in detail.stages},
        times=_times(detail),
        graph=graph,
        timeline=line,
        slowest=slowest,
        task_count=len(tasks),
    )


def absent_page(message: str) -> str:
    """What is shown for an address that leads nowhere; `message` is a sentence that says what to do."""
    return _render("absent.html", refresh_s=0, message=message)


def _times(detail: jobs_pb2.JobDetail) -> list[tuple[str, int, float]]:
    """Name, microseconds and percent of the largest, in the order a query passes through them."""
    order = ("planning", "scheduling", "queue", "tasks", "kernel", "fetch", "write", "result")
    known = [(name, detail.time_us[name]) for name in order if name in detail.time_us]
    most = max((spent_us for _, spent_us in known), default=0)
    return [(name, spent_us, 100 * spent_us / most if most else 0.0) for name, spent_us in known]


def _is_running(job: jobs_pb2.JobSummary) -> bool:
    return job.state in (jobs_pb2.JOB_QUEUED, jobs_pb2.JOB_RUNNING)


def _render(template: str, **values: object) -> str:
    return _templates().get_template(template).render(**values)


@cache
def _templates() -> jinja2.Environment:
    # A driver is ready 40 ms sooner without it, and may never be looked at.
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("headrace_driver.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "bytes": byte_text,
        "duration": duration_text,
        "moment": time_text,
        "state": state_text,
        "locality": locality_text,
        "without_folders": _without_folders,
        "failure": describe_failure,
    }
    environment.globals |= {
        "elapsed_us": _elapsed_us,
        "localities": _localities,
        "memory_parts": _memory_parts,
        "BOX_WIDTH": BOX_WIDTH,
        "BOX_HEIGHT": BOX_HEIGHT,
        "LANES_WIDTH": LANES_WIDTH,
        "LANE_HEIGHT": LANE_HEIGHT,
    }
    return environment


def _without_folders(description: str) -> str:
    """`scan parquet file:/data/orders.parquet [1 file]` with the name of the file only, where there is little room."""
    return re.sub(r"(?:[a-z0-9]+:)?/\S*/(?=[^/\s])", "", description)


def _localities(stage: jobs_pb2.StageDetail) -> str:
    counts = Counter(task.locality for task in stage.tasks)
    return " ".join(f"{locality_text(level)}:{count}" for level, count in sorted(counts.items()))


def _elapsed_us(job: jobs_pb2.JobSummary, now_us: int) -> int:
    return max(0, (job.finished_us or now_us) - job.submitted_us)


def _memory_parts(heartbeat: cluster_pb2.Heartbeat) -> list[MemoryPart]:
    """What the budget is charged with, the kinds that hold something only."""
    use = heartbeat.memory
    kinds = {
        "execution": use.execution_bytes,
        "storage": use.storage_bytes,
        "shuffle": use.shuffle_bytes,
        "broadcast": use.broadcast_bytes,
        "functions": use.udf_bytes,
        "state": use.state_bytes,
    }
    whole = max(heartbeat.budget_bytes, sum(kinds.values()), 1)
    return [MemoryPart(kind, size, 100 * size / whole) for kind, size in kinds.items() if size]
