"""What is wrong with data, queries, clients and machines: a clear error, nothing hung, nothing left, daemons alive."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import headrace
from headrace.errors import ExitCode
from headrace_driver.connect.protocol import base_pb2, expressions_pb2, relations_pb2
from headrace_proto.v1 import blocks_pb2, cluster_pb2, jobs_pb2
from tests.living_files import files_below

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]

CALL_S_MAX = 60.0
SETTLE_S_MAX = 60.0
BIG_TEXT_BYTES = 5 << 20
SERVICE = "/spark.connect.SparkConnectService/"


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that the workers hold."""
    directory = tmp_path_factory.mktemp("held")
    pq.write_table(pa.table({"x": [1, 2, 3]}), directory / "victim.parquet")
    return directory


@pytest.fixture(scope="module")
def own(held: Path) -> Iterator[headrace.LocalCluster]:
    """A cluster of this module's own: it counts processes and files."""
    sizes: dict[str, Any] = {"cores_per_worker": 1, "memory_per_worker": "1g"}
    with headrace.LocalCluster(workers=2, data={"held": held}, **sizes) as running:
        yield running


@pytest.fixture(scope="module")
def session(own: headrace.LocalCluster) -> Iterator[SparkSession]:
    spark = own.session()
    assert spark.range(10).groupBy("id").count().count() == 10
    yield spark
    spark.stop()


@pytest.fixture(autouse=True)
def _nothing_left_and_alive(own: headrace.LocalCluster, session: SparkSession) -> Iterator[None]:
    """After every test: the same processes, no running job, no files but logs, and the next query answers."""
    before = processes(own)
    yield
    assert session.sql("SELECT sum(id) FROM range(100)").collect()[0][0] == 4950
    until(lambda: not running_jobs(own), "no job runs")
    until(lambda: not files_left(own), "the disks are clean")
    assert processes(own) == before
    # A worker of the test's own that is on its way out is silent for a moment.
    until(lambda: [w.state for w in own.workers() if w.state != "lost"] == ["alive", "alive"], "two workers are there")


def processes(cluster: headrace.LocalCluster) -> set[int]:
    return {child.pid for child in psutil.Process(cluster.supervisor_pid).children(recursive=True)}


def running_jobs(cluster: headrace.LocalCluster) -> list[int]:
    over = (jobs_pb2.JOB_FINISHED, jobs_pb2.JOB_FAILED, jobs_pb2.JOB_CANCELLED)
    return [job.job_id for job in cluster.jobs.list_jobs() if job.state not in over]


def files_left(cluster: headrace.LocalCluster) -> list[Path]:
    return [path for path in files_below(cluster.directory) if path.is_file() and path.suffix != ".log"]


def until(condition: Callable[[], bool], what: str, timeout_s: float = SETTLE_S_MAX) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {timeout_s:g} s: {what}"
        time.sleep(0.05)


def failure(action: Callable[[], Any]) -> tuple[str, str]:
    """Name of the Python exception that PySpark raises, and Spark's error class."""
    from pyspark.errors import PySparkException

    with pytest.raises(PySparkException) as raised:
        action()
    assert raised.value.getSqlState()
    return type(raised.value).__name__, str(raised.value.getCondition())


# Files. The classes are those that Spark 4.2 gave for the same files.


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bad")
    (root / "empty").mkdir()
    (root / "hidden").mkdir()
    (root / "hidden" / "_SUCCESS").touch()
    table = pa.table({"id": range(100_000), "text": [str(number) for number in range(100_000)]})
    pq.write_table(table, root / "good.parquet")
    good = (root / "good.parquet").read_bytes()
    (root / "truncated.parquet").write_bytes(good[: len(good) // 2])
    (root / "garbage.parquet").write_bytes(os.urandom(1000))
    (root / "damaged.parquet").write_bytes(good[:200] + bytes(octet ^ 0x5A for octet in good[200:2000]) + good[2000:])
    for number, dtype in enumerate((pa.int64(), pa.string())):
        folder = root / "mixed" / f"part={number}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"x": pa.array([1, 2, 3]).cast(dtype)}), folder / "f.parquet")
    (root / "ragged.csv").write_text("a,b,c\n1,2,3\n4,5\n6,7,8,9\n")
    return root


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("missing", ("AnalysisException", "PATH_NOT_FOUND")),
        ("empty", ("AnalysisException", "UNABLE_TO_INFER_SCHEMA")),
        ("hidden", ("AnalysisException", "UNABLE_TO_INFER_SCHEMA")),
        ("garbage.parquet", ("SparkException", "FAILED_READ_FILE.CANNOT_READ_FILE_FOOTER")),
        ("truncated.parquet", ("SparkException", "FAILED_READ_FILE.CANNOT_READ_FILE_FOOTER")),
        ("damaged.parquet", ("SparkException", "FAILED_READ_FILE.NO_HINT")),
        ("mixed", ("SparkException", "FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH")),
    ],
)
def test_parquet_that_cannot_be_read(session: SparkSession, files: Path, name: str, expected: tuple[str, str]) -> None:
    assert failure(lambda: session.read.parquet(str(files / name)).collect()) == expected
    assert failure(lambda: session.read.parquet(str(files / name)).distinct().count()) == expected


@pytest.mark.parametrize("kind", ["csv", "json", "text"])
def test_missing_text_files(session: SparkSession, files: Path, kind: str) -> None:
    read = session.read.format(kind)
    assert failure(lambda: read.load(str(files / "missing")).collect()) == ("AnalysisException", "PATH_NOT_FOUND")


def test_an_empty_directory_with_a_schema_has_no_rows(session: SparkSession, files: Path) -> None:
    assert session.read.schema("a int").parquet(str(files / "empty")).collect() == []


def test_types_that_cannot_be_merged(session: SparkSession, files: Path) -> None:
    read = session.read.option("mergeSchema", "true")
    expected = ("SparkException", "CANNOT_MERGE_SCHEMAS")
    assert failure(lambda: read.parquet(str(files / "mixed")).collect()) == expected


def test_a_file_that_went_after_it_was_listed(session: SparkSession, held: Path) -> None:
    """Workers list what they hold every ten seconds, so that a query can be planned with a file that is gone."""
    assert session.read.table("data.held").distinct().count() == 3
    (held / "victim.parquet").rename(held / "_victim.parquet")
    try:
        read = session.read.table("data.held")
        assert failure(lambda: read.distinct().count()) == ("SparkException", "FAILED_READ_FILE.FILE_NOT_EXIST")
    finally:
        (held / "_victim.parquet").rename(held / "victim.parquet")
    assert session.read.table("data.held").distinct().count() == 3


def test_csv_with_wrong_column_counts(session: SparkSession, files: Path) -> None:
    def read(mode: str) -> list[tuple[Any, ...]]:
        frame = session.read.csv(str(files / "ragged.csv"), header=True, schema="a int, b int, c int", mode=mode)
        return [tuple(row) for row in frame.collect()]

    assert read("PERMISSIVE") == [(1, 2, 3), (4, 5, None), (6, 7, 8)]
    assert read("DROPMALFORMED") == [(1, 2, 3)]
    kind, condition = failure(lambda: read("FAILFAST"))
    assert kind == "SparkException"
    assert condition.split(".")[0] in ("FAILED_READ_FILE", "MALFORMED_RECORD_IN_PARSING")


# Names and values.

_NAMES = [
    ("SELECT nope FROM range(3)", "UNRESOLVED_COLUMN.WITH_SUGGESTION"),
    ("SELECT * FROM nope", "TABLE_OR_VIEW_NOT_FOUND"),
    ("SELECT nope(1)", "UNRESOLVED_ROUTINE"),
    ("SELECT id FROM range(3) a JOIN range(3) b ON a.id = b.id", "AMBIGUOUS_REFERENCE"),
]


@pytest.mark.parametrize(("text", "condition"), _NAMES)
def test_names_that_mean_nothing(session: SparkSession, text: str, condition: str) -> None:
    assert failure(lambda: session.sql(text).collect()) == ("AnalysisException", condition)


_VALUES = [
    ("SELECT 1 / 0", "ArithmeticException", "DIVIDE_BY_ZERO"),
    ("SELECT sum(10 DIV (id - 2)) FROM range(5)", "ArithmeticException", "DIVIDE_BY_ZERO"),
    ("SELECT id % (id - 2) FROM range(5)", "ArithmeticException", "REMAINDER_BY_ZERO"),
    ("SELECT 2147483647 + CAST(id AS INT) FROM range(5)", "ArithmeticException", "ARITHMETIC_OVERFLOW"),
    ("SELECT 9223372036854775807 + id FROM range(5)", "ArithmeticException", "ARITHMETIC_OVERFLOW"),
    ("SELECT 127Y + CAST(id AS TINYINT) FROM range(5)", "ArithmeticException", "BINARY_ARITHMETIC_OVERFLOW"),
    ("SELECT CAST(id * 1000 AS TINYINT) FROM range(5)", "ArithmeticException", "CAST_OVERFLOW"),
    ("SELECT sum(9223372036854775807L) FROM range(5)", "ArithmeticException", "ARITHMETIC_OVERFLOW"),
    ("SELECT CAST(concat('x', id) AS INT) FROM range(5)", "NumberFormatException", "CAST_INVALID_INPUT"),
    (
        "SELECT CAST(id * 1000 AS DECIMAL(3, 0)) FROM range(5)",
        "ArithmeticException",
        "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION",
    ),
]


@pytest.mark.parametrize(("text", "kind", "condition"), _VALUES)
def test_values_that_do_not_fit(
    own: headrace.LocalCluster, session: SparkSession, text: str, kind: str, condition: str
) -> None:
    assert failure(lambda: session.sql(text).collect()) == (kind, condition)
    # The user's error fails the job at once: no second attempt.
    newest = own.jobs.get_job(own.jobs.list_jobs(limit=1)[0].job_id)
    assert all(task.id.attempt == 0 for stage in newest.stages for task in stage.tasks)


# Requests no client of ours would send.


@contextmanager
def channel_to(address: str) -> Iterator[grpc.Channel]:
    target = address.removeprefix("sc://")
    with grpc.insecure_channel(target, options=[("grpc.max_send_message_length", -1)]) as channel:
        yield channel


def refusal(channel: grpc.Channel, method: str, octets: bytes, streams: bool = True) -> grpc.RpcError | None:
    """How a call with these octets ended; None: well."""
    kind: Any = channel.unary_stream if streams else channel.unary_unary
    try:
        answer = kind(method)(octets, timeout=CALL_S_MAX)
        if streams:
            list(answer)
    except grpc.RpcError as error:
        return error
    return None


_METHODS = base_pb2.DESCRIPTOR.services_by_name["SparkConnectService"].methods
_CALLS = [(method.name, method.server_streaming) for method in _METHODS if not method.client_streaming]


@pytest.mark.parametrize(("method", "streams"), _CALLS)
def test_malformed_protobuf(own: headrace.LocalCluster, method: str, streams: bool) -> None:
    with channel_to(own.address) as channel:
        for octets in (b"\xff\xff\xff\xffgarbage", b"\x0a\x7f", os.urandom(100_000)):
            error = refusal(channel, SERVICE + method, octets, streams)
            assert error is not None
            assert error.code() is grpc.StatusCode.INTERNAL
            assert "[CONNECT_INVALID_PLAN.CANNOT_PARSE]" in str(error.details())


def test_malformed_protobuf_elsewhere(own: headrace.LocalCluster) -> None:
    """The services of our own leave parsing to gRPC."""
    worker = own.workers()[0].registration.address
    services = [
        (own.address, jobs_pb2.DESCRIPTOR.services_by_name["Jobs"]),
        (own.address, cluster_pb2.DESCRIPTOR.services_by_name["Cluster"]),
        (worker, blocks_pb2.DESCRIPTOR.services_by_name["Blocks"]),
    ]
    for address, service in services:
        with channel_to(address) as channel:
            for method in service.methods:
                path = f"/{service.full_name}/{method.name}"
                if method.client_streaming:
                    attach: Any = channel.stream_stream(path)
                    with pytest.raises(grpc.RpcError):
                        list(attach(iter([b"\xff\xff\xff\xff"]), timeout=CALL_S_MAX))
                    continue
                error = refusal(channel, path, b"\xff\xff\xff\xff", method.server_streaming)
                assert error is not None, path
                assert error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED


def framed(number: int, body: bytes) -> bytes:
    """A field of bytes or of a message as protobuf writes it."""
    return varint(number << 3 | 2) + varint(len(body)) + body


def varint(value: int) -> bytes:
    octets = bytearray()
    while value > 127:
        octets.append(value & 127 | 128)
        value >>= 7
    return bytes([*octets, value])


def execute(relation: bytes) -> bytes:
    """A request to run a relation that is given as octets."""
    request = base_pb2.ExecutePlanRequest(session_id=str(uuid.uuid4()))
    request.user_context.user_id = "tester"
    return bytes(request.SerializeToString()) + framed(
        request.DESCRIPTOR.fields_by_name["plan"].number, framed(1, relation)
    )


def three_rows() -> Any:
    relation = relations_pb2.Relation()
    relation.range.end, relation.range.step = 3, 1
    return relation


def test_five_thousand_nested_projections(own: headrace.LocalCluster) -> None:
    """Deeper than protobuf's parser goes by itself; Spark refuses 1,024 levels, here they are answered."""
    star = expressions_pb2.Expression()
    star.unresolved_star.SetInParent()
    expressions = framed(3, star.SerializeToString())
    project = relations_pb2.Relation.DESCRIPTOR.fields_by_name["project"].number
    relation = three_rows().SerializeToString()
    for _ in range(5000):
        relation = framed(project, framed(1, relation) + expressions)
    with channel_to(own.address) as channel:
        call: Any = channel.unary_stream(SERVICE + "ExecutePlan")
        answers = list(call(execute(relation), timeout=CALL_S_MAX))
    rows = [base_pb2.ExecutePlanResponse.FromString(octets) for octets in answers]
    assert sum(answer.arrow_batch.row_count for answer in rows) == 3


def test_a_client_of_a_later_protocol(own: headrace.LocalCluster) -> None:
    """What it says that this version does not know is refused, not passed over."""
    known = three_rows()
    number = relations_pb2.Relation.DESCRIPTOR.fields_by_name["range"].number
    relations = (framed(997, b"new"), framed(number, known.range.SerializeToString() + framed(77, b"new")))
    with channel_to(own.address) as channel:
        for relation, what in zip(relations, ("field number 997", "field number 77"), strict=True):
            error = refusal(channel, SERVICE + "ExecutePlan", execute(relation))
            assert error is not None
            assert "[UNSUPPORTED_FEATURE" in str(error.details())
            assert what in str(error.details())
        error = refusal(channel, SERVICE + "DoSomethingNew", b"")
        assert error is not None
        assert error.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_long_sql_text_answers(session: SparkSession) -> None:
    [(text,)] = session.sql(f"SELECT '{'x' * BIG_TEXT_BYTES}'").collect()
    assert len(text) == BIG_TEXT_BYTES


@pytest.mark.parametrize(
    "text", ["(" * BIG_TEXT_BYTES, "1+" * (BIG_TEXT_BYTES // 2) + "1", "f(" * (BIG_TEXT_BYTES // 2)]
)
def test_a_long_and_deep_sql_text_is_refused(own: headrace.LocalCluster, session: SparkSession, text: str) -> None:
    """And a query of somebody else is answered while it is looked at."""
    neighbour = own.session()
    outcome: list[tuple[str, str]] = []
    refused = threading.Thread(target=lambda: outcome.append(failure(lambda: session.sql(f"SELECT {text}").collect())))
    refused.start()
    started_s = time.monotonic()
    assert neighbour.range(3).count() == 3
    spent_s = time.monotonic() - started_s
    refused.join(CALL_S_MAX)
    neighbour.stop()
    assert outcome
    assert outcome[0][0] == "ParseException"
    assert spent_s < 10


# Machines.


def cli(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "headrace.cli", *arguments]


def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    return {**kept, "TMPDIR": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}


def files_in(directory: Path) -> list[Path]:
    return [path for path in files_below(directory) if path.is_file()]


def test_a_second_worker_of_a_name(own: headrace.LocalCluster, tmp_path: Path) -> None:
    command = cli("worker", "--name", "worker-0", "--driver", own.address, "--cores", "1", "--memory", "1g")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment(tmp_path))
    assert done.returncode == ExitCode.REFUSED
    assert "The name worker-0 is taken" in done.stderr
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("daemon", ["driver", "worker"])
def test_a_port_in_use(own: headrace.LocalCluster, tmp_path: Path, daemon: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        more = ("--http-port", "0") if daemon == "driver" else ("--driver", own.address)
        command = cli(daemon, "--port", port, *more)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment(tmp_path))
    assert done.returncode not in (0, ExitCode.REFUSED)
    assert port in done.stderr
    assert "Traceback" not in done.stderr
    assert files_in(tmp_path) == []


@contextmanager
def small_disk(directory: Path, size: str) -> Iterator[Path]:
    """A file system of its own. Skips where this machine does not allow one."""
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("no small disk: there is no mount here")
    if done.returncode:
        pytest.skip(f"no small disk: {done.stderr.strip()}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def shuffled(spark: SparkSession) -> int:
    """Moves some 26 MB that compress to half of it."""
    rows = spark.range(0, 400_000, 1, 4).selectExpr("sha2(CAST(id AS STRING), 256) AS h").repartition(4, "h")
    [(count,)] = rows.selectExpr("count(DISTINCT h)").collect()
    return int(count)


@contextmanager
def worker_on(directory: Path, tmp_path: Path, driver: str) -> Iterator[None]:
    sizes = ("--cores", "1", "--memory", "1g")
    command = cli("worker", "--name", "small", "--driver", driver, "--dir", str(directory), *sizes)
    log = (tmp_path / "small.log").open("w")
    with log, subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment(tmp_path)
    ) as worker:  # fmt: skip
        assert worker.stdout is not None
        try:
            assert worker.stdout.readline()
            yield
        finally:
            worker.terminate()
            try:
                worker.wait(20)
            except subprocess.TimeoutExpired:
                worker.kill()


def test_a_worker_without_disk_space_leaves_the_work_to_others(
    own: headrace.LocalCluster, session: SparkSession, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk, worker_on(disk, tmp_path, own.address):
        until(lambda: len([w for w in own.workers() if w.state == "alive"]) == 3, "it has joined")
        assert shuffled(session) == 400_000
        until(lambda: not files_in(disk), "its disk is clean")
    until(lambda: len([w for w in own.workers() if w.state == "alive"]) == 2, "it has left")


def test_no_disk_space_anywhere(tmp_path: Path) -> None:
    """The query fails with the directory's name; the worker lives, cleans up and runs what fits."""
    from pyspark.errors import PySparkException

    with (
        headrace.LocalCluster(workers=1, cores_per_worker=1, memory_per_worker="1g") as lone,
        small_disk(tmp_path / "disk", "4m") as disk,
        worker_on(disk, tmp_path, lone.address),
    ):
        until(lambda: len(lone.workers()) == 2, "it has joined")
        lone.kill_worker(0)
        until(lambda: [worker.state for worker in lone.workers()] == ["alive", "lost"], "it is alone")
        spark = lone.session()
        started_s = time.monotonic()
        with pytest.raises(PySparkException, match="DISK_FULL") as raised:
            shuffled(spark)
        assert time.monotonic() - started_s < 60
        assert str(disk) in str(raised.value)
        assert spark.range(1000).groupBy("id").count().count() == 1000
        until(lambda: not files_in(disk), "its disk is clean")
        assert not running_jobs(lone)
        assert [worker.state for worker in lone.workers()] == ["alive", "lost"]
        spark.stop()
