"""The native Jobs service over gRPC."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest

from headrace_driver.errors import unsupported
from headrace_driver.jobs.applications import Applications, ApplicationSettings
from headrace_driver.jobs.service import JobsService
from headrace_driver.plan.stage import OutputKind
from headrace_proto.v1 import jobs_pb2, jobs_pb2_grpc, task_pb2
from tests.unit.cluster.fakes import Driver, FakeWorker, StepsPlan, block_of, driver, finished, stage, until


class EchoSql:
    """Stands for the Connect service: two blocks, or an error when the text asks for one."""

    async def run_sql(self, sql: str, conf: Mapping[str, str]) -> AsyncGenerator[int | bytes, None]:
        yield 7
        if "bad" in sql:
            raise unsupported("bad SQL")
        yield sql.encode()
        yield conf.get("a", "").encode()


@contextlib.asynccontextmanager
async def jobs(directory: Path) -> AsyncIterator[tuple[Driver, Any]]:
    async with driver() as cluster:
        server = grpc.aio.server()
        settings = ApplicationSettings(directory / "applications", lambda _: {"SPARK_REMOTE": "sc://localhost:1"})
        JobsService(cluster.side.runner, EchoSql(), Applications(settings)).add_to(server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield cluster, jobs_pb2_grpc.JobsStub(channel)  # type: ignore[no-untyped-call]
        await server.stop(0.1)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 30))


async def inline_result(worker: FakeWorker, launch: task_pb2.TaskLaunch) -> task_pb2.TaskStatus:
    inline = task_pb2.InlineBlocks(map_partition=launch.id.partition, data=block_of(1))
    return finished(launch, bytes=10, rows=1, inline_blocks=inline)


async def forever(worker: FakeWorker, launch: task_pb2.TaskLaunch) -> task_pb2.TaskStatus:
    await asyncio.sleep(60)
    raise AssertionError


def test_jobs_are_listed_newest_first_with_their_tasks(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with jobs(tmp_path) as (cluster, stub):
            await cluster.add_worker("a", inline_result)
            for _ in range(3):
                handle = await cluster.side.runner.submit(StepsPlan([(None, stage(0, OutputKind.RESULT, 2))]))
                await handle.wait()
            listed = await stub.ListJobs(jobs_pb2.ListJobsRequest(limit=2))
            assert [(job.job_id, job.tasks_finished, job.rows_out) for job in listed.jobs] == [(3, 2, 2), (2, 2, 2)]
            detail = await stub.GetJob(jobs_pb2.GetJobRequest(job_id=1))
            assert [task.worker_id for task in detail.stages[0].tasks] == ["a", "a"]
            assert {"planning", "scheduling", "kernel", "result"} <= set(detail.time_us)
            workers = await stub.ListWorkers(jobs_pb2.ListWorkersRequest())
            assert [(each.registration.worker_id, each.tasks_finished) for each in workers.workers] == [("a", 6)]
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.GetJob(jobs_pb2.GetJobRequest(job_id=99))
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND

    run(scenario())


def test_a_watched_job_is_seen_to_its_cancelled_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with jobs(tmp_path) as (cluster, stub):
            worker = await cluster.add_worker("a", forever)
            handle = await cluster.side.runner.submit(StepsPlan([(None, stage(0, OutputKind.RESULT, 2))]))
            await until(lambda: len(worker.launched) == 2)
            states = []
            async for detail in stub.WatchJob(jobs_pb2.GetJobRequest(job_id=handle.job_id)):
                states.append(detail.summary.state)
                if len(states) == 1:
                    request = jobs_pb2.CancelJobRequest(job_id=handle.job_id, reason="enough")
                    assert (await stub.CancelJob(request)).cancelled
            assert states[0] == jobs_pb2.JOB_RUNNING
            assert states[-1] == jobs_pb2.JOB_CANCELLED
            assert not (await stub.CancelJob(jobs_pb2.CancelJobRequest(job_id=handle.job_id))).cancelled

    run(scenario())


def test_sql_is_handed_on_and_its_errors_come_back_typed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with jobs(tmp_path) as (_, stub):
            good = [event async for event in stub.SubmitSql(jobs_pb2.SubmitSqlRequest(sql="SELECT 1", conf={"a": "b"}))]
            assert [event.job_id or event.arrow_stream for event in good] == [7, b"SELECT 1", b"b"]
            bad = [event async for event in stub.SubmitSql(jobs_pb2.SubmitSqlRequest(sql="bad"))]
            assert bad[-1].failed.user_error.error_class == "UNSUPPORTED_FEATURE.HEADRACE"
            assert "bad SQL" in bad[-1].failed.user_error.message

    run(scenario())


PROGRAM = b"""
import os, sys
print("arguments", sys.argv[1:], os.environ["SPARK_REMOTE"], os.environ["SPARK_CONNECT_MODE_ENABLED"])
print("problem", os.environ["EXTRA"], file=sys.stderr)
sys.exit(3)
"""


def test_an_application_runs_with_the_way_to_the_driver_and_gives_its_exit_code(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with jobs(tmp_path) as (_, stub):
            request = jobs_pb2.SubmitApplicationRequest(
                name="../app.py",
                program=PROGRAM,
                arguments=["x", "y"],
                environment={"EXTRA": "e", "SPARK_REMOTE": "no"},
            )
            events = [event async for event in stub.SubmitApplication(request)]
            assert events[0].application_id
            assert b"".join(event.stdout for event in events) == b"arguments ['x', 'y'] sc://localhost:1 1\n"
            assert b"".join(event.stderr for event in events) == b"problem e\n"
            assert events[-1].exit_code == 3
            assert list((tmp_path / "applications").iterdir()) == []

    run(scenario())


def test_an_application_dies_with_its_children_when_its_caller_goes(tmp_path: Path) -> None:
    program = b"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""

    async def scenario() -> None:
        async with jobs(tmp_path) as (_, stub):
            call = stub.SubmitApplication(jobs_pb2.SubmitApplicationRequest(name="app.py", program=program))
            child = 0
            async for event in call:
                if event.stdout:
                    child = int(event.stdout)
                    break
            assert child
            call.cancel()
            await asyncio.wait_for(until(lambda: not _is_running(child)), 5)
            await asyncio.wait_for(until(lambda: not list((tmp_path / "applications").iterdir())), 5)

    run(scenario())


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Without somebody to reap it, a killed orphan stays as a zombie.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
