"""Jobs of an earlier driver whose workers came back: what those hold goes with the job, however it ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from types import SimpleNamespace
from typing import Any, cast

import pytest

from headrace_driver.cluster.job import JobInfo
from headrace_driver.cluster.rejoining import Rejoining
from headrace_driver.journal.state import KeptJob
from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.plan.stage import OutputKind
from headrace_driver.query.caching import PreparedCaching
from headrace_driver.query.engine import Engine, Prepared
from headrace_proto.v1 import cluster_pb2, common_pb2, jobs_pb2, task_pb2
from tests.unit.cluster.fakes import Driver, FakeWorker, StepsPlan, driver, finished, stage, until

JOB = 41


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))


async def nothing_is_run(worker: FakeWorker, launch: task_pb2.TaskLaunch) -> task_pb2.TaskStatus:
    return finished(launch)


def kept_job() -> KeptJob:
    return KeptJob(JOB, "s", "o", 0, jobs_pb2.JobSummary(job_id=JOB).SerializeToString(), None)


@contextlib.asynccontextmanager
async def restarted(kept: KeptJob, *absent: str) -> AsyncIterator[Driver]:
    """A driver with one job of its predecessor, and workers `a`, which holds some of it, and `b`, which does not;
    `absent` ones are waited for."""
    async with driver(rejoining=Rejoining(["a", "b", *absent], {JOB: kept})) as cluster:
        output = common_pb2.OutputId(job_id=JOB, stage_id=1)
        held = cluster_pb2.HeldMaps(output=output, map_partition=[0], map_attempt=[3])
        await cluster.add_worker("a", nothing_is_run, register_with={"held_outputs": [output], "held_maps": [held]})
        await cluster.add_worker("b", nothing_is_run)
        yield cluster


def dropped(worker: FakeWorker) -> list[int]:
    return [job_id for message in worker.received for job_id in message.drop_jobs]


def test_what_workers_hold_of_a_job_that_is_given_up_is_dropped() -> None:
    async def scenario() -> None:
        async with restarted(kept_job()) as cluster:
            a, b = cluster.workers
            assert dropped(a) == [], "it waits for the job"
            cluster.side.runner.give_up(JOB)
            await until(lambda: dropped(a) == [JOB])
            assert dropped(b) == []
            cluster.side.runner.give_up(JOB)
            await a.cut_stream()
            await a.attach()
            await until(lambda: dropped(a) == [JOB, JOB])  # it says again what it holds

    run(scenario())


def test_what_workers_hold_of_a_resumed_job_is_dropped_with_it_though_nothing_of_it_counted() -> None:
    async def scenario() -> None:
        kept = kept_job()
        async with restarted(kept) as cluster:
            a, _ = cluster.workers
            plan = StepsPlan([(None, stage(0, OutputKind.RESULT, ()))])
            handle = await cluster.side.runner.resume(plan, JobInfo(), kept)
            await handle.wait()
            assert dropped(a) == []
            handle.release()
            await until(lambda: dropped(a) == [JOB])

    run(scenario())


@pytest.mark.parametrize("cached", [False, True], ids=["abandoned", "computes cached rows anew"])
def test_what_workers_hold_of_a_job_that_is_not_resumed_after_all_is_dropped(cached: bool) -> None:
    async def scenario() -> None:
        kept = kept_job()
        async with restarted(kept, "still to come") as cluster:
            a, _ = cluster.workers
            engine = Engine(cluster.side.runner, cast(Any, None))
            nothing = lp.OneRow()
            query = Prepared(t.StructType(()), None, nothing, nothing, cast(Any, None), "", 0)
            session = cast(Any, SimpleNamespace(session_id="s"))
            asked = PreparedCaching(cast(Any, None)) if cached else query
            resuming = asyncio.create_task(engine.resume(asked, session, "o", kept))
            await asyncio.sleep(0)  # it waits for the worker that is still to come
            assert resuming.done() == cached
            resuming.cancel()
            await until(lambda: dropped(a) == [JOB])

    run(scenario())


def test_running_tasks_of_a_job_that_waits_make_their_worker_one_that_holds_some_of_it() -> None:
    rejoining = Rejoining(["a", "b"], {JOB: kept_job(), JOB + 1: kept_job()})
    task = common_pb2.TaskId(job_id=JOB, stage_id=1)
    beat = cluster_pb2.Heartbeat(running=[task])
    rejoining.heard("a", "first", cluster_pb2.FromWorker(heartbeat=beat))
    failed = task_pb2.TaskStatus(id=task, state=task_pb2.TaskStatus.FAILED)
    rejoining.heard("b", "first", cluster_pb2.FromWorker(statuses=[failed]))
    assert rejoining.resumed(JOB) == {"a", "b"}
    assert rejoining.resumed(JOB) == set()
