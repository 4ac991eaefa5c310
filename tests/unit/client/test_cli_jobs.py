"""What the command line shows of jobs and queries, against a Jobs service that answers from a script."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import grpc
import pyarrow as pa
import pytest

from headrace import cli
from headrace.commands.values import cell_text
from headrace.errors import ExitCode, QueryError
from headrace.jobs import JobsClient
from headrace_proto.v1 import cluster_pb2, common_pb2, jobs_pb2, jobs_pb2_grpc, task_pb2


def stream_of(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


ROWS = pa.table({"n": [1, None, 3], "text": ["a", "ü", None], "raw": [b"\x01\xff", None, b""]})
KINDS = pa.table(
    {
        "l": pa.array([[1, None]], pa.list_(pa.int32())),
        "m": pa.array([[("k", 1.5e10)]], pa.map_(pa.string(), pa.float64())),
        "s": pa.array([{"a": 1, "b": None}], pa.struct([("a", pa.int32()), ("b", pa.string())])),
        "d": pa.array([float("nan")]),
        "f": pa.array([0.1], pa.float32()),
        "e": pa.array([Decimal("1.50")]),
        "t": pa.array([datetime(2020, 1, 1, 0, 0, 0, 120_000, UTC)], pa.timestamp("us", "UTC")),
        "b": pa.array([b"\xff"]),
        "i": pa.array([timedelta(days=1)], pa.duration("us")),
    }
)
SUMMARY = jobs_pb2.JobSummary(
    job_id=4,
    description="SELECT\n  1",
    state=jobs_pb2.JOB_FINISHED,
    submitted_us=1_700_000_000_000_000,
    finished_us=1_700_000_001_500_000,
    stages=2,
    stages_finished=2,
    tasks=3,
    tasks_finished=3,
    rows_out=12345,
    shuffle_bytes=1536,
    planning_us=2500,
)
DETAIL = jobs_pb2.JobDetail(
    summary=SUMMARY,
    stages=[
        jobs_pb2.StageDetail(
            stage_id=1,
            description="Scan lineitem",
            state="finished",
            metrics=task_pb2.TaskMetrics(rows_read=100, rows_out=10, peak_memory_bytes=1 << 20),
            tasks=[
                jobs_pb2.TaskDetail(
                    id=common_pb2.TaskId(job_id=4, stage_id=1, partition=partition),
                    state="finished",
                    worker_id=f"worker-{partition}",
                    executor_id=f"worker-{partition}/0",
                    locality=task_pb2.NODE_LOCAL if partition else task_pb2.ANY,
                )
                for partition in range(2)
            ],
            sql="SELECT * FROM {in_0}",
        )
    ],
    logical_plan="Logical!",
    optimized_plan="Optimized!",
    physical_plan="Physical!",
    decisions=["joined build side first"],
    time_us={"kernel": 900, "scan": 1_500_000},
)
WORKER = jobs_pb2.WorkerDetail(
    registration=cluster_pb2.Register(worker_id="w1", address="h:1", rack="r", slots=4, memory_bytes=1 << 30),
    heartbeat=cluster_pb2.Heartbeat(rss_bytes=5 << 20, budget_bytes=1 << 30),
    state="alive",
)


class ScriptedJobs(jobs_pb2_grpc.JobsServicer):
    """Queries are answered by their text."""

    def SubmitSql(self, request: jobs_pb2.SubmitSqlRequest, context: Any) -> Iterator[jobs_pb2.SqlEvent]:  # noqa: N802
        yield jobs_pb2.SqlEvent(job_id=4)
        match request.sql:
            case "rows":
                yield jobs_pb2.SqlEvent(arrow_stream=stream_of(ROWS))
                yield jobs_pb2.SqlEvent(arrow_stream=stream_of(ROWS.slice(0, 1)))
            case "kinds":
                yield jobs_pb2.SqlEvent(arrow_stream=stream_of(KINDS))
            case "many":
                yield jobs_pb2.SqlEvent(arrow_stream=stream_of(pa.table({"n": list(range(1500))})))
            case "none":
                yield jobs_pb2.SqlEvent(arrow_stream=stream_of(ROWS.slice(0, 0)))
            case "wrong":
                user = common_pb2.UserError(
                    error_class="DIVIDE_BY_ZERO", sql_state="22012", message="[DIVIDE_BY_ZERO] Division by zero."
                )
                yield jobs_pb2.SqlEvent(failed=common_pb2.Failure(user_error=user))
            case "lost":
                lost = common_pb2.WorkerLost(worker_id="w1", detail="silent for 12 s")
                yield jobs_pb2.SqlEvent(failed=common_pb2.Failure(worker_lost=lost))
            case "conf":
                yield jobs_pb2.SqlEvent(arrow_stream=stream_of(pa.table({"conf": [str(dict(request.conf))]})))

    def ListJobs(self, request: jobs_pb2.ListJobsRequest, context: Any) -> jobs_pb2.ListJobsResponse:  # noqa: N802
        return jobs_pb2.ListJobsResponse(jobs=[SUMMARY] * min(request.limit, 2))

    def GetJob(self, request: jobs_pb2.GetJobRequest, context: Any) -> jobs_pb2.JobDetail:  # noqa: N802
        return DETAIL

    def CancelJob(self, request: jobs_pb2.CancelJobRequest, context: Any) -> jobs_pb2.CancelJobResponse:  # noqa: N802
        return jobs_pb2.CancelJobResponse(cancelled=request.job_id == 4)

    def ListWorkers(self, request: jobs_pb2.ListWorkersRequest, context: Any) -> jobs_pb2.ListWorkersResponse:  # noqa: N802
        return jobs_pb2.ListWorkersResponse(workers=[WORKER])


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(2))
    jobs_pb2_grpc.add_JobsServicer_to_server(ScriptedJobs(), server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)


@pytest.fixture
def headrace(address: str, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Any:
    """Runs a command and returns its exit code and what it printed."""
    monkeypatch.setenv("HEADRACE_DRIVER", address)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.run(list(arguments))
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return run


def lines_of(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.strip(" ─")]


def test_sql_prints_a_table_as_spark_writes_values(headrace: Any) -> None:
    code, out, _ = headrace("sql", "rows")
    assert code == ExitCode.OK
    assert lines_of(out) == [
        ["n", "text", "raw"],
        ["1", "a", "[01", "FF]"],
        ["NULL", "ü", "NULL"],
        ["3", "NULL", "[]"],
        ["1", "a", "[01", "FF]"],
        ["(4", "rows)"],
    ]


def test_sql_prints_json_lines_and_csv(headrace: Any) -> None:
    _, out, _ = headrace("sql", "rows", "--json")
    assert [json.loads(line) for line in out.splitlines()] == [
        {"n": 1, "text": "a", "raw": "01ff"},
        {"n": None, "text": "ü", "raw": None},
        {"n": 3, "text": None, "raw": ""},
        {"n": 1, "text": "a", "raw": "01ff"},
    ]
    _, out, _ = headrace("sql", "conf", "--csv", "--conf", "a=b=c")
    assert out == "\"conf\"\n\"{'a': 'b=c'}\"\n"


def test_sql_prints_values_of_every_kind(headrace: Any) -> None:
    _, out, _ = headrace("sql", "kinds")
    shown = "[1, NULL] {k -> 1.5E10} {1, NULL} NaN 0.1 1.50 2020-01-01 00:00:00.12 [FF] 1 day, 0:00:00"
    assert lines_of(out)[1] == shown.split()
    code, out, _ = headrace("sql", "kinds", "--json")
    assert code == ExitCode.OK
    assert out.startswith('{"l": [1, null], "m": {"k": 15000000000.0}, "s": {"a": 1, "b": null}, "d": "NaN", ')
    assert json.loads(out)["e"] == "1.50"
    code, out, _ = headrace("sql", "kinds", "--csv")
    assert code == ExitCode.OK
    assert out.splitlines()[1].startswith('"[1, NULL]","{k -> 1.5E10}","{1, NULL}",nan,0.1,1.50,2020-01-01 ')
    assert out.splitlines()[1].endswith(',"ff","1 day, 0:00:00"')


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1e-3, "0.001"),
        (9.99e-4, "9.99E-4"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (-1.25e300, "-1.25E300"),
        (float("-inf"), "-Infinity"),
    ],
)
def test_doubles_are_written_as_java_writes_them(value: float, text: str) -> None:
    assert cell_text(value, pa.float64()) == text


def test_a_terminal_that_knows_few_characters_gets_all_rows(address: str) -> None:
    command = [sys.executable, "-m", "headrace.cli", "sql", "rows", "--driver", address]
    asked = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, env=asked, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (ExitCode.OK, "")
    assert "(4 rows)" in done.stdout


def test_sql_of_many_and_of_no_rows(headrace: Any) -> None:
    _, out, _ = headrace("sql", "many")
    assert "(1,500 rows, the first 1,000 shown; --json or --csv prints all)" in out
    assert len(out.splitlines()) == 1003
    _, out, _ = headrace("sql", "many", "--json")
    assert len(out.splitlines()) == 1500
    _, out, _ = headrace("sql", "none")
    assert lines_of(out) == [["n", "text", "raw"], ["(0", "rows)"]]


def test_sql_that_fails(headrace: Any) -> None:
    assert headrace("sql", "wrong") == (ExitCode.FAILED, "", "headrace: [DIVIDE_BY_ZERO] Division by zero.\n")
    code, _, err = headrace("sql", "lost")
    assert code == ExitCode.FAILED
    assert "Worker w1 was lost: silent for 12 s" in err


def test_the_client_keeps_sparks_error_class(address: str) -> None:
    with JobsClient(address) as client, pytest.raises(QueryError) as caught:
        list(client.submit_sql("wrong"))
    assert (caught.value.error_class, caught.value.sql_state) == ("DIVIDE_BY_ZERO", "22012")


def test_jobs(headrace: Any) -> None:
    code, out, _ = headrace("jobs", "--limit", "1")
    assert code == ExitCode.OK
    row = lines_of(out)[1]
    assert row[:2] == ["4", "finished"]
    assert row[4:] == ["1.50", "s", "2/2", "3/3", "12,345", "1.5", "KiB", "SELECT", "1"]
    [shown] = json.loads(headrace("jobs", "--limit", "1", "--json")[1])
    assert (shown["job_id"], shown["state"], shown["spill_bytes"]) == (4, "JOB_FINISHED", 0)


def test_job_tells_stages_tasks_and_locality(headrace: Any) -> None:
    _, out, _ = headrace("job", "4")
    assert "Job 4: finished in 1.50 s" in out
    assert "decided: joined build side first" in out
    assert "kernel 900 µs, scan 1.50 s" in out
    assert "NODE_LOCAL:1 ANY:1" in out
    assert ["1.1.0", "finished", "worker-1", "worker-1/0", "NODE_LOCAL"] in [row[:5] for row in lines_of(out)]
    shown = json.loads(headrace("job", "4", "--json")[1])
    assert shown["physical_plan"] == "Physical!"
    assert shown["time_us"] == {"kernel": 900, "scan": 1_500_000}
    assert [stage["metrics"]["rows_read"] for stage in shown["stages"]] == [100]
    assert [task["id"]["job_id"] for task in shown["stages"][0]["tasks"]] == [4, 4]


def test_job_plan(headrace: Any) -> None:
    _, out, _ = headrace("job", "4", "--plan")
    places = [out.index(text) for text in ("Logical!", "Optimized!", "Physical!", "SELECT * FROM {in_0}")]
    assert places == sorted(places)


def test_cancel(headrace: Any) -> None:
    assert headrace("cancel", "4") == (ExitCode.OK, "Job 4 is cancelled.\n", "")
    assert headrace("cancel", "5") == (ExitCode.FAILED, "Job 5 had ended already.\n", "")


def test_workers(headrace: Any) -> None:
    _, out, _ = headrace("workers")
    assert lines_of(out)[1][:7] == ["w1", "alive", "h:1", "r", "0/4", "1.0", "GiB"]
    [shown] = json.loads(headrace("workers", "--json")[1])
    assert shown["registration"]["slots"] == 4
