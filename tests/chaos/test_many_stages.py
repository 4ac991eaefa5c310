"""A query of ten shuffles in a row: a worker of three dies in the middle; a worker's disk is full."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from pyspark.sql import functions

from headrace_proto.v1 import jobs_pb2
from tests.chaos.daemons import Chaos, NoDisk, chaos_cluster, small_disk, until

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

pytestmark = pytest.mark.cluster

SHUFFLES = 10
PARTITIONS, WORKERS = 6, 3
LOST_WORK_S = 15.0
"""How much longer than undisturbed the query may take, besides the work that is done again."""
BUSY_FACTOR = 4.0
"""Of the time of an undisturbed query: its whole work once more on two workers of three takes two and a half times as
long, and the machine may have become busier since."""

Task: TypeAlias = tuple[int, int]
"""Stage and partition."""

DISK_BYTES = 50 << 20


def chain(chaos: Chaos, rows: int = 600_000) -> DataFrame:
    """Each exchange is by another key than the one before, so that none can be left out."""
    frame = chaos.spark.range(0, rows, 1, PARTITIONS).selectExpr("id", "md5(CAST(id AS STRING)) AS t")
    for number in range(SHUFFLES):
        exchanged = frame.repartition(PARTITIONS, functions.expr(f"id % {97 + number}"))
        frame = exchanged.selectExpr("id", f"md5(concat(t, '{number}')) AS t")
    return frame.selectExpr("count(*) AS n", "sum(id) AS s", "max(t) AS m")


def shuffled(job: jobs_pb2.JobDetail) -> int:
    return sum(len(stage.tasks) >= PARTITIONS for stage in job.stages)


def outputs(job: jobs_pb2.JobDetail, worker: str = "") -> list[Task]:
    """Tasks that have finished, as often as they did; of one worker, or all."""
    tasks = [task for stage in job.stages for task in stage.tasks if task.state == "finished"]
    return [(task.id.stage_id, task.id.partition) for task in tasks if worker in ("", task.worker_id)]


def needs(job: jobs_pb2.JobDetail, worker: str) -> bool:
    """Whether a stage in the middle of the job still has to start tasks, all of which read what the worker holds."""
    done, held = outputs(job), {stage for stage, _ in outputs(job, worker)}
    finished = {stage.stage_id: sum(key[0] == stage.stage_id for key in set(done)) for stage in job.stages}
    return any(
        finished[stage.stage_id] + WORKERS < PARTITIONS
        and all(finished[parent] == PARTITIONS and parent in held for parent in stage.parents)
        for stage in job.stages
        if stage.stage_id in range(SHUFFLES // 2, SHUFFLES)
    )


def kill_when_needed(chaos: Chaos, job_id: int, worker: str) -> jobs_pb2.JobDetail:
    """It stands still while the job is looked at, so that it is needed when it dies; the job as it was then."""

    def stopped() -> jobs_pb2.JobDetail | None:
        chaos.daemons.kill(worker, signal.SIGSTOP)
        job = chaos.jobs.get_job(job_id)
        if needs(job, worker):
            return job
        assert job.summary.state == jobs_pb2.JOB_RUNNING, "the job has never needed the worker"
        chaos.daemons.kill(worker, signal.SIGCONT)
        return None

    job: jobs_pb2.JobDetail = until(stopped, 60, f"{worker} holds what is needed")
    chaos.daemons.kill(worker)
    return job


def test_a_worker_dies_in_the_middle_of_ten_shuffles(tmp_path: Path) -> None:
    """Nothing is done again but what it held, and within the time that is promised."""
    with chaos_cluster(tmp_path, workers=WORKERS) as chaos:
        frame = chain(chaos)
        expected = frame.collect()
        started_s = time.monotonic()
        assert frame.collect() == expected
        usual_s = time.monotonic() - started_s
        known = {job.job_id for job in chaos.jobs.list_jobs()}
        assert shuffled(chaos.newest_job()) > SHUFFLES
        rows: list[Any] = []
        started_s = time.monotonic()
        query = threading.Thread(target=lambda: rows.extend(frame.collect()))
        query.start()
        job_id = until(
            lambda: next((job.job_id for job in chaos.jobs.list_jobs() if job.job_id not in known), 0), 60, "it starts"
        )
        before = kill_when_needed(chaos, job_id, "w1")
        killed_s = time.monotonic() - started_s
        query.join(120)
        seconds = time.monotonic() - started_s
        chaos.daemons.processes["w1"].wait()
        job = chaos.jobs.get_job(job_id)
        counts = Counter(outputs(job))
        again = {task for task, count in counts.items() if count > 1}
        held = set(outputs(before, "w1"))
        print(
            f"{len(job.stages)} stages: {usual_s:.1f} s undisturbed, {seconds:.1f} s with a worker of three killed "
            f"after {killed_s:.1f} s; {len(again)} of {len(counts)} tasks were computed again, it held {len(held)}"
        )
        assert rows == expected
        assert again, "the worker was needed, and nothing was computed again"
        if "second attempt" not in chaos.daemons.log("driver"):
            assert again <= set(outputs(job, "w1")), "more was computed again than was lost"
        assert seconds < BUSY_FACTOR * usual_s + LOST_WORK_S


def test_a_task_whose_disk_is_full_goes_to_another_worker(tmp_path: Path) -> None:
    """Four maps of some 70 MB each: the first worker can hold none of them, the other all."""
    with ExitStack() as stack:
        try:
            stack.enter_context(small_disk(tmp_path / "w0" / "blocks", DISK_BYTES))
        except NoDisk as reason:
            pytest.skip(str(reason))
        chaos = stack.enter_context(chaos_cluster(tmp_path, workers=2))
        wide = chaos.spark.range(0, 7_200_000, 1, 4).selectExpr(
            "id", "concat(md5(CAST(id AS STRING)), md5(CAST(id + 1 AS STRING))) AS t"
        )
        (row,) = wide.repartition(4, functions.expr("id % 97")).selectExpr("count(*) AS n", "max(t) AS m").collect()
        assert row.n == 7_200_000
        job = chaos.newest_job()
        full = [task for stage in job.stages for task in stage.tasks if task.failure.WhichOneof("cause") == "disk_full"]
        assert full, "no task met the full disk"
        assert {task.worker_id for task in full} == {"w0"}
        places = {(task.id.stage_id, task.id.partition) for task in full}
        ended = [task for stage in job.stages for task in stage.tasks if task.state == "finished"]
        where = {task.worker_id for task in ended if (task.id.stage_id, task.id.partition) in places}
        print(f"{len(full)} attempts met the full disk of w0, their tasks ended on {sorted(where)}")
        assert where == {"w1"}
