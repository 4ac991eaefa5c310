"""A driver and three workers on hosts of their own: data held by single hosts, the wire between them, a cut cable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import headrace
from headrace.jobs import JobsClient
from headrace_proto.v1 import jobs_pb2, task_pb2
from tests.cluster.hosts import Host, Network, network

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

pytestmark = pytest.mark.cluster

TOKEN, JOIN_SECRET = "clients-token", "workers-secret"
ROWS = {"w1": 240_000, "w2": 120_000, "w3": 60_000}
USERS = 40_000
FILES = 2
"""Of every host."""
CHATTER_BYTES = 600_000
"""What driver and workers may say to each other besides shuffle blocks while one query runs: heartbeats, launches,
statuses, results of a few rows."""


@dataclass
class Cluster:
    """The hosts, and the cluster as the test process, one more host, sees it."""

    network: Network
    driver: Host
    workers: dict[str, Host]
    address: str
    jobs: JobsClient
    spark: SparkSession

    def sent_bytes(self) -> int:
        return sum(host.sent_bytes() for host in (self.driver, *self.workers.values()))

    def states(self) -> dict[str, str]:
        """Of every name; lost ones come last, also where one of the name is back."""
        workers = reversed(self.jobs.list_workers())
        return {worker.registration.worker_id: worker.state for worker in workers}

    def last_job(self) -> jobs_pb2.JobDetail:
        return self.jobs.get_job(self.jobs.list_jobs(limit=1)[0].job_id)


def until(condition: Any, timeout_s: float, what: str) -> Any:
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {timeout_s:g} s: {what}")


def rows_of(host: str, count: int, first: int) -> pa.Table:
    """Log lines: a user, a number and a text that no codec makes small."""
    numbers = np.arange(first, first + count)
    text = np.random.default_rng(first).bytes(40 * count)
    payload = pa.Array.from_buffers(pa.binary(40), count, [None, pa.py_buffer(text)])
    return pa.table(
        {
            "host": pa.array([host] * count),
            "user": pa.array((numbers * 7919) % USERS),
            "value": pa.array(numbers),
            "payload": payload.cast(pa.binary()),
        }
    )


def write_logs(host: Host) -> None:
    """The same file names on every host, with other rows in them."""
    folder = host.disk / "logs"
    folder.mkdir(parents=True)
    rows = ROWS[host.name]
    for number in range(FILES):
        first = sum(ROWS[name] for name in ROWS if name < host.name) + number * rows // FILES
        table = rows_of(host.name, rows // FILES, first)
        pq.write_table(table, folder / f"part-{number}.parquet", row_group_size=20_000, compression="NONE")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("hosts")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    secrets = {"HEADRACE_TOKEN": TOKEN, "HEADRACE_JOIN_SECRET": JOIN_SECRET, "HEADRACE_LOG_FORMAT": "json"}
    with ExitStack() as stack:
        hosts = stack.enter_context(network(directory, ("driver", *ROWS), {**kept, **secrets}))
        driver, *workers = hosts.hosts
        for host in workers:
            write_logs(host)
        arguments = ("--host", driver.address, "--port", "0", "--http-port", "0")
        running = stack.enter_context(driver.running("driver", *arguments, keys=2))
        address = running.printed["HEADRACE_DRIVER"]
        for host in workers:
            place = ("--driver", address, "--name", host.name, "--host", host.address, "--data", "logs=/srv/logs")
            stack.enter_context(host.running("worker", *place, "--cores", "1", "--memory", "1g", keys=1))
        jobs = stack.enter_context(JobsClient(address, TOKEN))
        spark = headrace.connect(address, token=TOKEN)
        stack.callback(spark.stop)
        built = Cluster(hosts, driver, {host.name: host for host in workers}, address, jobs, spark)
        until(lambda: list(built.states().values()) == ["alive"] * 3, 15, "three workers have joined")
        yield built


def scans(job: jobs_pb2.JobDetail) -> list[jobs_pb2.TaskDetail]:
    """Tasks that read files."""
    return [task for stage in job.stages if not stage.parents for task in stage.tasks]


def reducers(job: jobs_pb2.JobDetail) -> list[jobs_pb2.TaskDetail]:
    """Tasks that read blocks of other stages."""
    return [
        task
        for stage in job.stages
        for task in stage.tasks
        if task.metrics.fetch_local_bytes or task.metrics.fetch_remote_bytes
    ]


def test_files_are_read_where_they_lie(cluster: Cluster) -> None:
    query = "SELECT host, count(*) AS n, sum(value) AS total FROM data.logs GROUP BY host ORDER BY host"
    answer = [tuple(row) for row in cluster.spark.sql(query).collect()]
    first, expected = 0, []
    for host, count in ROWS.items():
        expected.append((host, count, sum(range(first, first + count))))
        first += count
    assert answer == expected
    read: Counter[str] = Counter()
    for task in scans(cluster.last_job()):
        read[task.worker_id] += task.metrics.rows_read
        assert task.locality == task_pb2.NODE_LOCAL
    assert read == ROWS


def test_only_the_holder_reads_its_files_however_busy_it_is(cluster: Cluster) -> None:
    """The other hosts are idle, and have files of the same names."""
    rows = cluster.spark.read.table("data.logs").where("host = 'w2'")
    busy = threading.Thread(target=lambda: rows.selectExpr("count_if(sha2(payload, 256) > 'a')").collect())
    busy.start()
    assert rows.count() == ROWS["w2"]
    busy.join(30)
    for summary in cluster.jobs.list_jobs(limit=2):
        assert {task.worker_id for task in scans(cluster.jobs.get_job(summary.job_id))} == {"w2"}


def test_the_command_line_tells_the_locality_of_every_task(cluster: Cluster) -> None:
    assert cluster.spark.sql("SELECT count(DISTINCT user) FROM data.logs").collect()[0][0] == USERS
    number = str(cluster.jobs.list_jobs(limit=1)[0].job_id)
    arguments = ("job", number, "--json", "--driver", cluster.address)
    command = cluster.driver.command(sys.executable, "-m", "headrace.cli", *arguments)
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, env={**cluster.driver.environment})
    tasks = [task for stage in json.loads(done.stdout)["stages"] for task in stage["tasks"]]
    assert {task["worker_id"] for task in tasks if task["locality"] == "NODE_LOCAL"} == set(ROWS)


def test_the_wire_carries_the_shuffle_and_little_else(cluster: Cluster) -> None:
    input_bytes = sum(path.stat().st_size for h in cluster.workers.values() for path in h.disk.rglob("*.parquet"))
    query = "SELECT count(*), max(total) FROM (SELECT user, sum(value) AS total FROM data.logs GROUP BY user)"
    before = cluster.sent_bytes()
    [(users, _)] = cluster.spark.sql(query).collect()
    time.sleep(0.2)
    wire_bytes = cluster.sent_bytes() - before
    job = cluster.last_job()
    fetched_bytes = sum(task.metrics.fetch_remote_bytes for task in reducers(job))
    print(
        f"input {input_bytes:,}, shuffled {job.summary.shuffle_bytes:,}, fetched {fetched_bytes:,}, wire {wire_bytes:,}"
    )
    assert users == USERS
    assert 0 < fetched_bytes < job.summary.shuffle_bytes
    assert fetched_bytes <= wire_bytes < 1.2 * fetched_bytes + CHATTER_BYTES
    assert wire_bytes < input_bytes / 5


def test_reduce_tasks_run_near_their_bytes(cluster: Cluster) -> None:
    """Nine tenths of the rows that are left come from one host."""
    query = """
        SELECT count(*) FROM (
            SELECT user, host, payload, row_number() OVER (PARTITION BY user ORDER BY value) AS n
            FROM data.logs WHERE host = 'w1' OR value % 20 = 0
        ) WHERE n = 1"""
    [(users,)] = cluster.spark.sql(query).collect()
    assert users == USERS
    near = [task for task in reducers(cluster.last_job()) if task.locality == task_pb2.NODE_LOCAL]
    print([(t.id.stage_id, t.worker_id, task_pb2.Locality.Name(t.locality)) for t in reducers(cluster.last_job())])
    assert near
    assert {task.worker_id for task in near} == {"w1"}


def test_strangers_on_the_network_are_refused(cluster: Cluster) -> None:
    with JobsClient(cluster.address, "a guess") as client, pytest.raises(headrace.RefusedError):
        client.list_jobs()


def test_a_host_that_is_cut_off_costs_its_own_work_only(cluster: Cluster, tmp_path: Path) -> None:
    """Its cable is pulled while blocks of its tasks are needed; they are made again elsewhere. Then it comes back."""
    table = pa.table({"k": pa.array(np.arange(300_000) % 1000), "v": pa.array(np.arange(300_000))})
    for number in range(6):
        pq.write_table(table, tmp_path / f"{number}.parquet", row_group_size=50_000)
    rows = cluster.spark.read.parquet(str(tmp_path))
    # A second stage of some seconds, so that the cable is pulled between its first and its last task.
    slow = (
        rows.repartition(24, "v").selectExpr("k", "explode(sequence(1, 10)) AS i", "v")
        .selectExpr("k", "sha2(concat(v, i), 256) AS h")
        .groupBy("k").agg({"h": "max", "*": "count"}).orderBy("k")
    )  # fmt: skip
    undisturbed = slow.collect()
    answers: list[Any] = []
    query = threading.Thread(target=lambda: answers.append(slow.collect()))
    started_s = time.monotonic()
    query.start()

    def underway() -> bool:
        job = cluster.last_job()
        finished = [t for s in job.stages for t in s.tasks if t.worker_id == "w3" and t.state == "finished"]
        return job.summary.state == jobs_pb2.JOB_RUNNING and len(finished) >= 2

    until(underway, 20, "the host has finished tasks of the running query")
    victim = cluster.workers["w3"]
    victim.cut()
    try:
        query.join(90)
        assert not query.is_alive()
        print(f"with a cut {time.monotonic() - started_s:.1f} s")
        [disturbed] = answers
        assert disturbed == undisturbed
        tasks = [task for stage in cluster.last_job().stages for task in stage.tasks]
        done = Counter((t.id.stage_id, t.id.partition) for t in tasks if t.worker_id != "w3" and t.state == "finished")
        assert any(task.worker_id == "w3" and task.state == "finished" for task in tasks)
        assert set(done.values()) == {1}, "work that was not lost was done again"
        assert cluster.states()["w3"] == "lost"
    finally:
        victim.mend()
    until(lambda: cluster.states().get("w3") == "alive", 40, "the host is back")
    assert cluster.spark.sql("SELECT count(*) FROM data.logs").collect()[0][0] == sum(ROWS.values())
