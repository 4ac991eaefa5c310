"""Sessions and queries side by side: what they share, what they must not, how they are followed, ended and resumed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import psutil
import pyarrow as pa
import pytest

import headrace
from headrace_driver.connect.protocol import base_pb2, relations_pb2
from headrace_proto.v1 import jobs_pb2

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

ENDLESS = "SELECT count(*) FROM range(0, 1000000000000, 1, 2) WHERE sha2(CAST(id AS STRING), 256) = 'never'"
"""One task on each slot, for days."""
LONG = "SELECT max(sha2(CAST(id AS STRING), 256)) FROM range(0, 4000000000, 1, 4000)"
"""Many short tasks, for minutes: a test that begins it ends it."""
SECONDS = "SELECT max(sha2(CAST(id AS STRING), 256)) FROM range(0, 16000000, 1, 60)"
"""Many short tasks, for seconds."""
SERVICE = "/spark.connect.SparkConnectService/"


@pytest.fixture(scope="module")
def own() -> Iterator[headrace.LocalCluster]:
    """A cluster of this module's own: it measures processes and fills all slots."""
    with headrace.LocalCluster(workers=2, cores_per_worker=1, memory_per_worker="1g") as running:
        yield running


@pytest.fixture
def session(own: headrace.LocalCluster) -> Iterator[SparkSession]:
    spark = own.session()
    yield spark
    spark.stop()


@pytest.fixture
def threads(own: headrace.LocalCluster) -> Iterator[ThreadPoolExecutor]:
    """For queries beside the test's; one that a failed test left running is ended, or the pool would wait for it."""
    with ThreadPoolExecutor(4) as pool:
        try:
            yield pool
        finally:
            for job in running(own):
                own.jobs.cancel_job(job.job_id)


def until(condition: Callable[[], object], what: str, timeout_s: float = 60.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {timeout_s:g} s: {what}"
        time.sleep(0.02)


def running(cluster: headrace.LocalCluster) -> list[jobs_pb2.JobSummary]:
    return [job for job in cluster.jobs.list_jobs() if job.state == jobs_pb2.JOB_RUNNING]


# What sessions do not share.


def test_views_and_settings_are_a_sessions_own(own: headrace.LocalCluster, threads: ThreadPoolExecutor) -> None:
    """Two sessions use one name and one setting for different things, at the same time."""
    zones = {"Asia/Tokyo": "1970-01-01 09:00:00", "America/New_York": "1969-12-31 19:00:00"}

    def work(zone: str) -> set[tuple[int, str, int]]:
        spark = own.session()
        try:
            spark.conf.set("spark.sql.session.timeZone", zone)
            spark.range(len(zone)).createOrReplaceTempView("mine")
            text = """
                SELECT count(*), CAST(TIMESTAMP_SECONDS(0) AS STRING), count(DISTINCT id % 7)
                FROM mine GROUP BY ALL"""
            return {tuple(row) for _ in range(10) for row in spark.sql(text).collect()}
        finally:
            spark.stop()

    answers = {zone: threads.submit(work, zone) for zone in zones}
    for zone, shown in zones.items():
        assert answers[zone].result(60) == {(len(zone), shown, 7)}


def test_global_views_are_shared_and_local_ones_are_not(own: headrace.LocalCluster) -> None:
    from pyspark.errors import AnalysisException

    one, other = own.session(), own.session()
    one.range(3).createOrReplaceGlobalTempView("everyones")
    one.range(3).createOrReplaceTempView("ones")
    assert other.table("global_temp.everyones").count() == 3
    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_NOT_FOUND"):
        other.table("ones").count()
    one.stop()
    other.stop()


# What queries share.


def test_a_short_query_next_to_a_long_one_is_answered_soon(
    own: headrace.LocalCluster, threads: ThreadPoolExecutor
) -> None:
    """The long one has more tasks than the cluster slots, all of them waiting before the short one comes."""
    one, other = own.session(), own.session()
    other.range(10).groupBy("id").count().collect()
    long = threads.submit(one.sql(LONG).collect)
    until(lambda: any(job.tasks_finished for job in running(own)), "the long query runs")
    overtaking = []
    for _ in range(3):
        (before,) = (job.tasks_finished for job in running(own))
        assert len(other.range(100).repartition(4).groupBy("id").count().collect()) == 100
        (after,) = (job.tasks_finished for job in running(own))
        overtaking.append(after - before)
        assert not long.done()
    one.interruptAll()
    assert long.exception(60) is not None
    # Each of its few waves of tasks waits for the tasks of the long query that run in the two slots, not for 4,000.
    assert max(overtaking) < 40, overtaking
    one.stop()
    other.stop()


def test_a_short_query_is_answered_while_endless_tasks_hold_every_slot(
    own: headrace.LocalCluster, threads: ThreadPoolExecutor
) -> None:
    """No slot falls free by itself: one of the two tasks has to give up its own, and runs again afterwards."""
    one, other = own.session(), own.session()
    endless = threads.submit(one.sql(ENDLESS).collect)

    def states() -> list[str]:
        [job] = [job for job in running(own) if "never" in job.description]
        return sorted(task.state for stage in own.jobs.get_job(job.job_id).stages for task in stage.tasks)

    until(lambda: running(own) and states() == ["launched", "launched"], "every slot is held")
    [job] = running(own)
    short = threads.submit(other.range(100).repartition(4).groupBy("id").count().collect)
    assert len(short.result(150)) == 100
    assert not endless.done()
    # Once for all stages of the short query, but where the machine is so busy that its planning takes seconds.
    until(lambda: states().count("launched") == 2, "the slot was given back")
    assert set(states()) == {"cancelled", "launched"}
    long = own.jobs.get_job(job.job_id)
    assert long.summary.state == jobs_pb2.JOB_RUNNING
    assert long.summary.tasks_failed == 0
    given = [sentence for sentence in long.decisions if "gave its slot" in sentence]
    assert len(given) == states().count("cancelled")
    one.interruptAll()
    assert endless.exception(60) is not None
    one.stop()
    other.stop()


# Cancelling.


def busy_s(cluster: headrace.LocalCluster, over_s: float) -> float:
    """Processor time that executors take in the next `over_s` seconds."""

    def spent_s() -> float:
        workers = [psutil.Process(cluster.pid(name)) for name in cluster.worker_names()]
        executors = [child for worker in workers for child in worker.children(recursive=True)]
        times = [executor.cpu_times() for executor in executors]
        return sum(each.user + each.system for each in times)

    before = spent_s()
    time.sleep(over_s)
    return spent_s() - before


def interrupt_all(cluster: headrace.LocalCluster, spark: SparkSession) -> None:
    assert len(spark.interruptAll()) == 1


def interrupt_tag(cluster: headrace.LocalCluster, spark: SparkSession) -> None:
    assert spark.interruptTag("other") == []
    assert len(spark.interruptTag("endless")) == 1


def interrupt_operation(cluster: headrace.LocalCluster, spark: SparkSession) -> None:
    operation_id = running(cluster)[0].operation_id
    assert spark.interruptOperation(operation_id) == [operation_id]


def cancel_by_command(cluster: headrace.LocalCluster, spark: SparkSession) -> None:
    number = str(running(cluster)[0].job_id)
    command = [sys.executable, "-m", "headrace.cli", "cancel", number, "--driver", cluster.address]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, env=kept)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("cancel", [interrupt_all, interrupt_tag, interrupt_operation, cancel_by_command])
def test_cancelling_stops_running_tasks_within_a_second(
    own: headrace.LocalCluster,
    session: SparkSession,
    threads: ThreadPoolExecutor,
    cancel: Callable[[headrace.LocalCluster, SparkSession], None],
) -> None:
    from pyspark.errors import PySparkException

    def run() -> str:
        session.addTag("endless")
        with pytest.raises(PySparkException) as raised:
            session.sql(ENDLESS).collect()
        return str(raised.value)

    outcome = threads.submit(run)
    until(lambda: running(own) and busy_s(own, 0.4) > 0.1, "executors are at work")
    job_id = running(own)[0].job_id
    cancel(own, session)
    ends_s = time.monotonic() + 1
    message = outcome.result(60)
    assert "cancel" in message.lower()
    time.sleep(max(0.0, ends_s - time.monotonic()))
    assert busy_s(own, 0.4) < 0.1
    # Its slots are free: another query's tasks run.
    other = own.session()
    assert other.range(10).repartition(4).groupBy("id").count().count() == 10
    assert own.jobs.get_job(job_id).summary.state == jobs_pb2.JOB_CANCELLED
    assert not running(own)
    other.stop()


def test_interrupting_leaves_other_sessions_alone(
    own: headrace.LocalCluster, session: SparkSession, threads: ThreadPoolExecutor
) -> None:
    other = own.session()
    long = threads.submit(session.sql(SECONDS).collect)
    until(lambda: running(own), "it runs")
    assert other.interruptAll() == []
    assert len(long.result(60)) == 1
    other.stop()


def test_a_closed_session_ends_its_queries(own: headrace.LocalCluster, threads: ThreadPoolExecutor) -> None:
    from pyspark.errors import PySparkException

    spark = own.session()

    def run() -> None:
        with pytest.raises(PySparkException):
            spark.sql(ENDLESS).collect()

    outcome = threads.submit(run)
    until(lambda: running(own), "it runs")
    spark.client.release_session()
    until(lambda: not running(own), "its job has ended", 2)
    outcome.result(20)
    spark.client.close()


# Following and resuming.


def test_progress_arrives_while_a_query_runs(session: SparkSession) -> None:
    seen: list[tuple[int, int, int, bool]] = []

    def note(stages: Any, inflight_tasks: int, operation_id: str, done: bool) -> None:
        total = sum(stage.num_tasks for stage in stages or ())
        completed = sum(stage.num_completed_tasks for stage in stages or ())
        seen.append((total, completed, inflight_tasks, done))

    session.registerProgressHandler(note)
    try:
        session.sql(SECONDS).collect()
    finally:
        session.removeProgressHandler(note)
    under_way = [each for each in seen if not each[3]]
    assert len(under_way) >= 2
    assert any(0 < completed < total for total, completed, _, _ in under_way)
    assert any(inflight > 0 for _, _, inflight, _ in under_way)
    counts = [completed for _, completed, _, _ in under_way]
    assert counts == sorted(counts)
    assert seen[-1][3]


def resident_bytes(pid: int) -> int:
    return int(psutil.Process(pid).memory_info().rss)


def batches(session: SparkSession, query: str) -> Iterator[pa.RecordBatch]:
    """A result as it arrives: toLocalIterator makes Row objects of it, which takes ten times as long."""
    request = session.client._execute_plan_request_with_metadata()
    request.plan.CopyFrom(session.sql(query)._plan.to_proto(session.client))
    for item in session.client._execute_and_fetch_as_iterator(request, {}):
        if isinstance(item, pa.RecordBatch):
            yield item


WIDE = "SELECT id, repeat(sha2(CAST(id AS STRING), 256), 16) AS text FROM range(0, {rows}, 1, 16)"
"""Rows of a kilobyte that do not compress where they are kept."""
HELD_BYTES_MAX = 112 << 20
"""What a result of any size may add to the driver: 8 MB unsent, 16 MB sent and kept for a broken stream, blocks on
their way from the workers, and what allocators keep of all these. Measured: 50-56 MB for 0.3 GB, 57-70 for 5 GB."""


@pytest.mark.parametrize(
    ("rows", "pause_s"),
    [
        pytest.param(300_000, 0.0, id="fast"),
        pytest.param(300_000, 2.0, id="slow"),
        pytest.param(5_000_000, 0.0, id="5GB", marks=pytest.mark.long),
        pytest.param(1_000_000, 20.0, id="1GB-slow", marks=pytest.mark.long),
    ],
)
def test_a_large_result_streams_through_the_driver(
    own: headrace.LocalCluster, session: SparkSession, rows: int, pause_s: float
) -> None:
    """Also past a client that reads nothing for a while: what it has not taken stays with the workers."""
    session.range(1000).collect()
    driver = own.pid("driver")
    before = resident_bytes(driver)
    peak, ended = [before], threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            peak.append(resident_bytes(driver))

    watching = threading.Thread(target=watch)
    watching.start()
    seen = text_bytes = 0
    try:
        for batch in batches(session, WIDE.format(rows=rows)):
            assert batch.column("id")[0].as_py() == seen
            if seen == 0:
                time.sleep(pause_s)
            seen += batch.num_rows
            text_bytes += batch.column("text").nbytes
    finally:
        ended.set()
        watching.join()
    grown = max(peak) - before
    print(f"{text_bytes:,} bytes of text grew the driver by {grown / 1e6:.0f} MB")
    assert seen == rows
    assert text_bytes >= rows * 1024
    assert grown < HELD_BYTES_MAX


class RawClient:
    """Spark Connect without PySpark, for what PySpark hides: streams that break and are taken up again."""

    def __init__(self, cluster: headrace.LocalCluster) -> None:
        self._channel = grpc.insecure_channel(cluster.address.removeprefix("sc://"))
        self._session_id = str(uuid.uuid4())

    def close(self) -> None:
        self._channel.close()

    def _stream(self, method: str, request: Any) -> Any:
        call: Any = self._channel.unary_stream(
            SERVICE + method,
            request_serializer=type(request).SerializeToString,
            response_deserializer=base_pb2.ExecutePlanResponse.FromString,
        )
        return call(request, timeout=60)

    def execute(self, query: str, operation_id: str, reattachable: bool) -> Any:
        request = base_pb2.ExecutePlanRequest(session_id=self._session_id, operation_id=operation_id)
        request.user_context.user_id = "tester"
        request.plan.root.CopyFrom(relations_pb2.Relation(sql=relations_pb2.SQL(query=query)))
        request.request_options.add().reattach_options.reattachable = reattachable
        return self._stream("ExecutePlan", request)

    def reattach(self, operation_id: str, last_response_id: str) -> Any:
        request = base_pb2.ReattachExecuteRequest(
            session_id=self._session_id, operation_id=operation_id, last_response_id=last_response_id
        )
        request.user_context.user_id = "tester"
        return self._stream("ReattachExecute", request)

    def release(self, operation_id: str) -> None:
        request = base_pb2.ReleaseExecuteRequest(session_id=self._session_id, operation_id=operation_id)
        request.user_context.user_id = "tester"
        request.release_all.SetInParent()
        call: Any = self._channel.unary_unary(
            SERVICE + "ReleaseExecute", request_serializer=base_pb2.ReleaseExecuteRequest.SerializeToString
        )
        call(request, timeout=10)


@pytest.fixture
def raw(own: headrace.LocalCluster) -> Iterator[RawClient]:
    client = RawClient(own)
    yield client
    client.close()


def ids_in(response: Any) -> list[int]:
    if not response.HasField("arrow_batch"):
        return []
    with pa.ipc.open_stream(response.arrow_batch.data) as reader:
        return list(reader.read_all().column("id").to_pylist())


def test_a_broken_stream_is_taken_up_where_it_broke(own: headrace.LocalCluster, raw: RawClient) -> None:
    """Again and again, after every few responses: every row comes once, in order, from one run of the query."""
    rows, jobs_before = 600_000, len(own.jobs.list_jobs())
    query = f"SELECT id, repeat('x', 40) AS text FROM range(0, {rows}, 1, 8)"
    operation_id = str(uuid.uuid4())
    stream = raw.execute(query, operation_id, reattachable=True)
    ids: list[int] = []
    breaks, done = 0, False
    while not done:
        for count, response in enumerate(stream):
            ids.extend(ids_in(response))
            last = response.response_id
            done = response.HasField("result_complete")
            if count == 1 and not done:
                break
        stream.cancel()
        if not done:
            breaks += 1
            stream = raw.reattach(operation_id, last)
    raw.release(operation_id)
    assert breaks >= 3
    assert ids == list(range(rows))
    assert len(own.jobs.list_jobs()) == jobs_before + 1


def test_a_detached_query_runs_on_and_waits_for_its_client(own: headrace.LocalCluster, raw: RawClient) -> None:
    operation_id = str(uuid.uuid4())
    stream = raw.execute("SELECT count(*) AS id FROM (" + SECONDS + ")", operation_id, reattachable=True)
    first = next(stream)
    stream.cancel()
    [job] = running(own)
    until(lambda: own.jobs.get_job(job.job_id).summary.state == jobs_pb2.JOB_FINISHED, "it ends by itself", 60)
    responses = list(raw.reattach(operation_id, first.response_id))
    assert [each for response in responses for each in ids_in(response)] == [1]
    assert responses[-1].HasField("result_complete")
    raw.release(operation_id)
    with pytest.raises(grpc.RpcError, match="INVALID_HANDLE"):
        list(raw.reattach(operation_id, first.response_id))


def test_releasing_a_detached_query_ends_it(own: headrace.LocalCluster, raw: RawClient) -> None:
    operation_id = str(uuid.uuid4())
    stream = raw.execute(ENDLESS, operation_id, reattachable=True)
    next(stream)
    stream.cancel()
    time.sleep(0.5)
    assert running(own), "detached queries run on"
    raw.release(operation_id)
    until(lambda: not running(own), "its job has ended", 2)


def test_a_query_that_cannot_be_reattached_ends_with_its_stream(own: headrace.LocalCluster, raw: RawClient) -> None:
    stream = raw.execute(ENDLESS, str(uuid.uuid4()), reattachable=False)
    outcome: Future[Any] = Future()
    threading.Thread(target=lambda: outcome.set_result(stream.code())).start()
    until(lambda: running(own), "it runs")
    stream.cancel()
    assert outcome.result(10) is grpc.StatusCode.CANCELLED
    until(lambda: not running(own), "its job has ended", 5)
