"""The driver's cluster side over the real gRPC stream, with workers in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from headrace_driver.cluster.failures import JobFailed
from headrace_driver.cluster.job import JobInfo
from headrace_driver.plan.stage import HostPreference, OutputKind, StageStats, TaskSpec
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_proto.v1 import cluster_pb2, common_pb2, jobs_pb2, task_pb2
from tests.unit.cluster.fakes import (
    Driver,
    FakeWorker,
    StepsPlan,
    block_of,
    driver,
    failed,
    finished,
    numbers_in,
    stage,
    until,
)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 30))


async def maps_then_inline_result(worker: FakeWorker, launch: task_pb2.TaskLaunch) -> task_pb2.TaskStatus:
    """Stage 1 leaves shuffle blocks, stage 2 a small result that travels with its status."""
    partition = launch.id.partition
    if launch.id.stage_id == 1:
        return finished(launch, partition_size_codes=bytes([10, 20]), bytes=100, rows=10)
    inline = task_pb2.InlineBlocks(map_partition=partition, data=block_of(partition, partition + 100))
    return finished(launch, bytes=10, rows=2, inline_blocks=inline)


async def result_in_store(worker: FakeWorker, launch: task_pb2.TaskLaunch) -> task_pb2.TaskStatus:
    """A result of two blocks a partition, kept by the worker."""
    at = launch.id.partition * 10
    key = (launch.id.job_id, launch.id.stage_id, launch.id.partition, launch.id.attempt)
    worker.blocks[key] = block_of(at, at + 1) + block_of(at + 2)
    return finished(launch, bytes=100, rows=3, checksum=7)


def two_stages() -> StepsPlan:
    return StepsPlan(
        [
            (None, stage(1, OutputKind.SHUFFLE, 4, reducers=2)),
            (1, stage(2, OutputKind.RESULT, 2, reads=(1,))),
        ]
    )


async def rows_of(cluster: Driver, plan: StepsPlan) -> list[int]:
    handle = await cluster.side.runner.submit(plan)
    rows = [number async for block in handle.result_blocks() for number in numbers_in(block.arrow_stream)]
    handle.release()
    return rows


def test_two_stages_run_and_their_rows_arrive_in_order() -> None:
    async def scenario() -> None:
        async with driver() as cluster:
            for name in ("a", "b"):
                await cluster.add_worker(name, maps_then_inline_result)
            plan = two_stages()
            handle = await cluster.side.runner.submit(plan, JobInfo(description="SELECT"))
            outcome = await handle.wait()
            blocks = [block async for block in handle.result_blocks()]
            assert [numbers_in(block.arrow_stream) for block in blocks] == [[0, 100], [1, 101]]
            assert outcome.stats.rows == 4
            assert plan.finished[0].rows == 40
            detail = cluster.side.runner.job(handle.job_id)
            assert detail is not None
            assert detail.summary.state == jobs_pb2.JOB_FINISHED
            assert [len(each.tasks) for each in detail.stages] == [4, 2]
            assert detail.stages[0].metrics.kernel_us == 2000
            assert {task.worker_id for task in detail.stages[0].tasks} == {"a", "b"}
            handle.release()

    run(scenario())


def test_programs_go_once_and_tables_before_launches() -> None:
    async def scenario() -> None:
        async with driver() as cluster:
            worker = await cluster.add_worker("a", maps_then_inline_result, slots=1)
            await rows_of(cluster, two_stages())
            programs = [program.sql for message in worker.received for program in message.programs]
            assert programs == ["SELECT 1", "SELECT 2"]
            tables = [table for message in worker.received for table in message.tables]
            assert [(table.output.stage_id, table.epoch, list(table.map_partition)) for table in tables] == [
                (1, 1, [0, 1, 2, 3])
            ]
            assert [holder.address for holder in tables[0].holders] == [worker.address]
            seen_table = False
            for message in worker.received:
                seen_table = seen_table or bool(message.tables)
                assert seen_table or all(launch.id.stage_id == 1 for launch in message.launches)
            await asyncio.sleep(0.05)
            assert any(message.drop_jobs for message in worker.received), "a released job is dropped at its workers"

    run(scenario())


def test_result_blocks_come_from_the_workers_store() -> None:
    async def scenario() -> None:
        async with driver() as cluster:
            for name in ("a", "b"):
                await cluster.add_worker(name, result_in_store)
            plan = StepsPlan([(None, stage(0, OutputKind.RESULT, 5))])
            assert await rows_of(cluster, plan) == [
                number for part in range(5) for number in range(part * 10, part * 10 + 3)
            ]

    run(scenario())


def test_a_worker_lost_with_result_blocks_costs_a_rerun_and_no_row_twice() -> None:
    async def scenario() -> None:
        async with driver(SchedulerOptions(stream_grace_s=0.2)) as cluster:
            for name in ("a", "b"):
                await cluster.add_worker(name, result_in_store)
            handle = await cluster.side.runner.submit(StepsPlan([(None, stage(0, OutputKind.RESULT, 6))]))
            await handle.wait()
            await cluster.workers[0].kill()
            rows = [number async for block in handle.result_blocks() for number in numbers_in(block.arrow_stream)]
            assert rows == [number for part in range(6) for number in range(part * 10, part * 10 + 3)]
            assert any(launch.id.attempt == 1 for launch in cluster.workers[1].launched)

    run(scenario())


def test_missing_result_blocks_are_computed_again() -> None:
    async def scenario() -> None:
        async with driver() as cluster:
            worker = await cluster.add_worker("a", result_in_store)
            handle = await cluster.side.runner.submit(StepsPlan([(None, stage(0, OutputKind.RESULT, 2))]))
            await handle.wait()
            worker.blocks.clear()
            rows = [number async for block in handle.result_blocks() for number in numbers_in(block.arrow_stream)]
            assert rows == [0, 1, 2, 10, 11, 12]
            assert len(worker.launched) == 4

    run(scenario())


def test_lost_worker_is_recomputed_and_the_job_goes_on() -> None:
    async def scenario() -> None:
        gate = asyncio.Event()

        async def work(worker: FakeWorker, launch: task_pb2.TaskLaunch) -> task_pb2.TaskStatus:
            if launch.id.stage_id == 2:
                await gate.wait()
            return await maps_then_inline_result(worker, launch)

        async with driver(SchedulerOptions(stream_grace_s=0.1)) as cluster:
            for name in ("a", "b"):
                await cluster.add_worker(name, work, slots=1)
            rows = asyncio.create_task(rows_of(cluster, two_stages()))
            await until(lambda: any(launch.id.stage_id == 2 for launch in cluster.workers[0].launched))
            await cluster.workers[0].kill()
            await asyncio.sleep(0.6)
            gate.set()
            assert await rows == [0, 100, 1, 101]
            reruns = [each.id for each in cluster.workers[1].launched if each.id.stage_id == 1 and each.id.attempt]
            assert reruns, "the maps the lost worker held run again"
            states = {each.registration.worker_id: each.state for each in cluster.side.runner.workers()}
            assert states == {"a": "lost", "b": "alive"}

    run(scenario())


def test_broken_stream_is_mended_without_losing_work() -> None:
    async def scenario() -> None:
        gate = asyncio.Event()

        async def work(worker: FakeWorker, launch: task_pb2.TaskLaunch) -> task_pb2.TaskStatus:
            await gate.wait()
            return await maps_then_inline_result(worker, launch)

        async with driver(SchedulerOptions(stream_grace_s=5)) as cluster:
            worker = await cluster.add_worker("a", work, slots=4)
            rows = asyncio.create_task(rows_of(cluster, two_stages()))
            await until(lambda: len(worker.launched) == 4)
            await asyncio.sleep(0.05)
            await worker.cut_stream()
            await asyncio.sleep(0.1)
            await worker.attach()
            gate.set()
            assert await rows == [0, 100, 1, 101]
            assert {launch.id.attempt for launch in worker.launched} == {0}

    run(scenario())


def test_statuses_are_acknowledged_and_those_heard_before_a_stream_broke_count_once() -> None:
    async def scenario() -> None:
        async def never(worker: FakeWorker, launch: task_pb2.TaskLaunch) -> task_pb2.TaskStatus:
            await asyncio.Event().wait()
            raise AssertionError

        async with driver(SchedulerOptions(stream_grace_s=5)) as cluster:
            worker = await cluster.add_worker("a", never, slots=2)
            rows = asyncio.create_task(rows_of(cluster, StepsPlan([(None, stage(1, OutputKind.RESULT, 2))])))
            await until(lambda: len(worker.launched) == 2)
            inline = [task_pb2.InlineBlocks(map_partition=n, data=block_of(n)) for n in range(2)]
            ends = [
                finished(launch, bytes=10, rows=1, inline_blocks=inline[n]) for n, launch in enumerate(worker.launched)
            ]
            await worker.send(statuses=[ends[0]], statuses_number=1)
            await until(lambda: any(message.statuses_acknowledged == 1 for message in worker.received))
            await worker.cut_stream()
            await worker.attach()
            assert worker.received[-1].statuses_acknowledged == 1, "a new stream says what was heard over the old one"
            await worker.send(statuses=[ends[0]], statuses_number=1)
            await worker.send(statuses=[ends[1]], statuses_number=2)
            assert await rows == [0, 1]
            (detail,) = cluster.side.runner.workers()
            assert detail.tasks_finished == 2

    run(scenario())


def test_user_error_fails_the_job_with_its_message() -> None:
    async def scenario() -> None:
        async def work(worker: FakeWorker, launch: task_pb2.TaskLaunch) -> task_pb2.TaskStatus:
            return failed(
                launch, user_error=common_pb2.UserError(error_class="DIVIDE_BY_ZERO", message="Division by zero.")
            )

        async with driver() as cluster:
            await cluster.add_worker("a", work)
            handle = await cluster.side.runner.submit(two_stages())
            with pytest.raises(JobFailed) as caught:
                await handle.wait()
            assert caught.value.failure.user_error.error_class == "DIVIDE_BY_ZERO"
            with pytest.raises(JobFailed):
                _ = [block async for block in handle.result_blocks()]
            record = cluster.side.runner.job_record(handle.job_id)
            assert record is not None
            assert record.state == jobs_pb2.JOB_FAILED

    run(scenario())


def test_planning_errors_reach_the_waiter_typed() -> None:
    class Broken(StepsPlan):
        def advance(self, finished: StageStats | None, cluster: Any) -> Any:
            raise ValueError("no such rule")

    async def scenario() -> None:
        async with driver() as cluster:
            await cluster.add_worker("a", maps_then_inline_result)
            handle = await cluster.side.runner.submit(Broken([]))
            with pytest.raises(JobFailed) as caught:
                await handle.wait()
            assert "no such rule" in caught.value.failure.internal.message
            stuck = await cluster.side.runner.submit(StepsPlan([]))
            with pytest.raises(JobFailed) as caught:
                await stuck.wait()
            assert "started no stage" in caught.value.failure.internal.message

    run(scenario())


def test_cancel_stops_running_tasks_within_a_second() -> None:
    async def scenario() -> None:
        async def work(worker: FakeWorker, launch: task_pb2.TaskLaunch) -> task_pb2.TaskStatus:
            await asyncio.sleep(60)
            raise AssertionError

        async with driver() as cluster:
            worker = await cluster.add_worker("a", work)
            handle = await cluster.side.runner.submit(two_stages())
            await until(lambda: len(worker.launched) == 2)
            assert handle.cancel("enough")
            with pytest.raises(JobFailed) as caught:
                await asyncio.wait_for(handle.wait(), 1)
            assert caught.value.is_cancelled
            assert not handle.cancel("again")
            await asyncio.wait_for(until(lambda: cluster.side.shell.scheduler.pool.free_slots == 2), 1)
            assert len(worker.cancelled) == 2

    run(scenario())


def test_commit_hook_runs_before_the_job_is_over_and_abort_when_it_fails() -> None:
    calls: list[str] = []

    class Hook:
        place = "nowhere"

        async def moves(self, stats: StageStats) -> str:
            return f"commit {[file.path for file in stats.files]}"

        async def commit(self, moves: str) -> None:
            calls.append(moves)

        async def abort(self) -> None:
            calls.append("abort")

    async def write(worker: FakeWorker, launch: task_pb2.TaskLaunch) -> task_pb2.TaskStatus:
        if launch.id.attempt == 0 and launch.id.partition == 0:
            return failed(launch, internal=common_pb2.InternalError(message="first try"))
        name = f"part-{launch.id.partition}-{launch.id.attempt}"
        return finished(launch, rows=1, files=[task_pb2.WrittenFile(path=name, rows=1, bytes=10)])

    async def refuse(worker: FakeWorker, launch: task_pb2.TaskLaunch) -> task_pb2.TaskStatus:
        return failed(launch, user_error=common_pb2.UserError(message="no"))

    async def scenario() -> None:
        async with driver() as cluster:
            await cluster.add_worker("a", write)
            plan = StepsPlan([(None, stage(0, OutputKind.FILES, 2))])
            handle = await cluster.side.runner.submit(plan, JobInfo(commit=Hook()))
            await handle.wait()
            assert calls == ["commit ['part-0-1', 'part-1-0']"]
        async with driver() as cluster:
            await cluster.add_worker("a", refuse)
            plan = StepsPlan([(None, stage(0, OutputKind.FILES, 2))])
            handle = await cluster.side.runner.submit(plan, JobInfo(commit=Hook()))
            with pytest.raises(JobFailed):
                await handle.wait()
            await asyncio.sleep(0.05)
            assert calls[1:] == ["abort"]

    run(scenario())


def test_names_versions_and_bad_registrations_are_refused_with_the_fix() -> None:
    async def scenario() -> None:
        async with driver() as cluster:
            await cluster.add_worker("a", maps_then_inline_result)
            twin = await cluster.add_worker("a", maps_then_inline_result, incarnation="second")
            assert twin.refused is not None
            assert twin.refused.code == cluster_pb2.Refused.NAME_TAKEN
            assert "--name" in twin.refused.reason
            old = FakeWorker(cluster.address, "b", maps_then_inline_result)
            old.register_with = {"engine_version": "duckdb 1.0"}
            cluster.workers.append(await old.start())
            assert old.refused is not None
            assert old.refused.code == cluster_pb2.Refused.VERSION_MISMATCH
            assert [each.registration.worker_id for each in cluster.side.runner.workers()] == ["a"]

    run(scenario())


def test_a_restarted_worker_takes_its_name_back_once_the_old_stream_is_gone() -> None:
    async def scenario() -> None:
        async with driver() as cluster:
            first = await cluster.add_worker("a", maps_then_inline_result)
            await first.kill()
            await asyncio.sleep(0.1)
            second = await cluster.add_worker("a", maps_then_inline_result, incarnation="second")
            assert second.refused is None
            assert await rows_of(cluster, two_stages()) == [0, 100, 1, 101]

    run(scenario())


def test_held_data_is_listed_and_strict_tasks_go_where_it_lies() -> None:
    async def scenario() -> None:
        async with driver() as cluster:
            for name in ("a", "b"):
                await cluster.add_worker(name, maps_then_inline_result)
            held = cluster_pb2.HeldFile(path="/logs/1.parquet", bytes=10)
            await cluster.workers[1].send(data=[cluster_pb2.DataDirectory(name="logs", path="/logs", files=[held])])
            await asyncio.sleep(0.1)
            assert [(entry.worker_id, entry.file.path) for entry in cluster.side.runner.held_data("logs")] == [
                ("b", "/logs/1.parquet")
            ]
            tasks = tuple(
                TaskSpec(partition, preferences=(HostPreference("b", 10, worker=True),), strict=True)
                for partition in range(6)
            )
            handle = await cluster.side.runner.submit(StepsPlan([(None, stage(2, OutputKind.RESULT, tasks))]))
            await handle.wait()
            detail = cluster.side.runner.job(handle.job_id)
            assert detail is not None
            assert {(task.worker_id, task.locality) for task in detail.stages[0].tasks} == {
                ("b", task_pb2.Locality.NODE_LOCAL)
            }

    run(scenario())


def test_a_defect_in_the_scheduler_fails_the_jobs_and_the_driver_lives_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with driver() as cluster:
            await cluster.add_worker("a", maps_then_inline_result)
            scheduler = cluster.side.shell.scheduler
            monkeypatch.setattr(scheduler, "output_table", lambda output: 1 / 0)
            handle = await cluster.side.runner.submit(two_stages())
            with pytest.raises(JobFailed) as caught:
                await handle.wait()
            assert "ZeroDivisionError" in caught.value.failure.internal.message
            assert await rows_of(cluster, two_stages()) == [0, 100, 1, 101]

    run(scenario())
