"""What a query costs when there is nothing to compute: `python -m benchmarks.latency`.

Three figures of a local cluster of two workers with one core each, measured through PySpark: the median time of
`SELECT 1`, which the driver answers without a task; that of a query of one task, which a worker runs; and tasks per
second of an aggregate over `spark.range(0, N, 1, N)`, whose N partitions hold one row each.
The number of tasks is what the driver reports to have run, not what the plan asked for. With `--remote sc://...` the
same is measured on any Spark Connect server, whose tasks are then taken to be N.
"""

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from pyspark.sql import functions as F  # noqa: N812 - the name every PySpark program uses

TaskCounter = Callable[[], int | None]


def main() -> int:
    """Command line; see the module's description."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description="Costs of an empty query")
    parser.add_argument("--runs", type=int, default=200, help="executions of the small queries")
    parser.add_argument("--tasks", type=int, default=10_000, help="partitions of the range")
    parser.add_argument("--repeats", type=int, default=3, help="executions of the range, of which the median counts")
    parser.add_argument("--remote", help="measure this Spark Connect server instead of a local cluster")
    parser.add_argument("--output", type=Path, help="file for the result as JSON")
    options = parser.parse_args()
    with _session(options.remote) as (spark, count_tasks):
        result = {
            "select_1": measure_query(spark, "SELECT 1", [(1,)], options.runs),
            "one_task": measure_query(spark, "SELECT sum(id) FROM range(10)", [(45,)], options.runs),
            "trivial_tasks": measure_tasks(spark, options.tasks, options.repeats, count_tasks),
        }
    text = json.dumps(result, indent=1)
    if options.output is not None:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(text + "\n")
    print(text)
    return 0


@contextlib.contextmanager
def _session(remote: str | None) -> Iterator[tuple[Any, TaskCounter]]:
    """A session, and what tells how many tasks its latest job ran."""
    if remote is not None:
        from pyspark.sql.connect.session import SparkSession

        spark = SparkSession.builder.remote(remote).getOrCreate()
        yield spark, lambda: None
        spark.stop()
        return
    import headrace

    with headrace.LocalCluster(workers=2, cores_per_worker=1) as cluster:
        spark = cluster.session()
        yield spark, lambda: max(cluster.jobs.list_jobs(), key=lambda job: job.job_id).tasks_finished
        # PySpark says good-bye when the program ends, and waits ten minutes for a cluster that has gone before.
        spark.stop()


def measure_query(spark: Any, query: str, expected: list[tuple[Any, ...]], runs: int) -> dict[str, Any]:
    """Milliseconds of a query, collected, after a few runs that don't count; the answer is checked."""
    for _ in range(10):
        spark.sql(query).collect()
    times_ms = []
    for _ in range(runs):
        started = time.perf_counter()
        rows = spark.sql(query).collect()
        times_ms.append((time.perf_counter() - started) * 1000)
        if [tuple(row) for row in rows] != expected:
            raise RuntimeError(f"{query} answered {rows}")
    return {
        "runs": runs,
        "median_ms": round(median(times_ms), 2),
        "p95_ms": round(quantiles(times_ms, n=20)[-1], 2),
        "max_ms": round(max(times_ms), 2),
    }


def measure_tasks(spark: Any, tasks: int, repeats: int, count_tasks: TaskCounter) -> dict[str, Any]:
    """Tasks per second of a job with `tasks` one-row partitions; the answer is checked."""
    seconds, ran = [], tasks
    for _ in range(repeats):
        started = time.perf_counter()
        (row,) = spark.range(0, tasks, 1, tasks).agg(F.sum("id"), F.count("*")).collect()
        seconds.append(time.perf_counter() - started)
        if tuple(row) != (tasks * (tasks - 1) // 2, tasks):
            raise RuntimeError(f"the range's aggregate answered {row}")
        ran = count_tasks() or tasks
    return {
        "partitions": tasks,
        "tasks_run": ran,
        "median_s": round(median(seconds), 3),
        "tasks_per_s": round(ran / median(seconds), 1),
        "seconds": [round(value, 3) for value in seconds],
    }


if __name__ == "__main__":
    sys.exit(main())
