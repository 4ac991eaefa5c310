"""Workers under faults: killed executors and daemons, cancellation, damaged and missing blocks, broken streams."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pytest

from headrace_proto.v1 import common_pb2, task_pb2
from headrace_worker.shuffle.blocks import body_from_batches
from tests.cluster.scripted_driver import ScriptedDriver, cluster, key_of, scripted_driver, worker_process
from tests.living_files import files_below

pytestmark = pytest.mark.cluster

FINISHED, FAILED = task_pb2.TaskStatus.FINISHED, task_pb2.TaskStatus.FAILED
ENDLESS = "SELECT count(*) AS n FROM {in_0}, range(1000000000) a(x), range(1000000000) b(y) WHERE hash(x, y) = 7"
WORDS = "SELECT id, md5(id::VARCHAR) AS word, (id % 4)::INTEGER AS __part FROM {in_0}"


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scenario())


def columns(**kinds: str) -> list[task_pb2.Column]:
    return [task_pb2.Column(name=name, kernel_type=kind) for name, kind in kinds.items()]


def over_range(sql: str, job_id: int = 1, stage_id: int = 0, **output: Any) -> task_pb2.StageProgram:
    return task_pb2.StageProgram(
        output=common_pb2.OutputId(job_id=job_id, stage_id=stage_id),
        sql=sql,
        inputs=[task_pb2.StageInput(range=task_pb2.RangeInput(start=0, step=1, column="id"))],
        output_spec=task_pb2.StageOutput(**(output or {"single": task_pb2.Single()})),
    )


def words_stage(job_id: int = 1) -> task_pb2.StageProgram:
    return over_range(WORDS, job_id, by_id=task_pb2.IdPartitioned(partitions=4))


def counting_stage(job_id: int = 1) -> task_pb2.StageProgram:
    read = task_pb2.ShuffleInput(
        output=common_pb2.OutputId(job_id=job_id, stage_id=0), columns=columns(id="BIGINT", word="VARCHAR")
    )
    return task_pb2.StageProgram(
        output=common_pb2.OutputId(job_id=job_id, stage_id=1),
        sql="SELECT count(*) AS n, sum(id)::BIGINT AS s, min(length(word)) AS l FROM {in_0}",
        inputs=[task_pb2.StageInput(shuffle=read)],
        output_spec=task_pb2.StageOutput(single=task_pb2.Single()),
    )


def rows(offset: int, length: int) -> list[task_pb2.InputSlice]:
    return [task_pb2.InputSlice(rows=task_pb2.RowSlice(offset=offset, length=length))]


def reducers(first: int, count: int) -> list[task_pb2.InputSlice]:
    return [task_pb2.InputSlice(shuffle=task_pb2.ShuffleSlice(first_reducer=first, reducer_count=count))]


def children_of(driver: ScriptedDriver, worker_id: str) -> list[psutil.Process]:
    """The executors: children of the daemon's one child, the nursery."""
    daemon = psutil.Process(driver.workers[worker_id].registration.pid)
    return [executor for nursery in daemon.children() for executor in nursery.children()]


async def until(condition: Callable[[], object], timeout_s: float = 60.0) -> None:
    """Waits for something no message announces."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.02)


def endless_task(partition: int = 0) -> common_pb2.TaskId:
    return common_pb2.TaskId(job_id=9, stage_id=0, partition=partition)


async def start_endless(driver: ScriptedDriver, worker_id: str = "w0", tasks: int = 1) -> None:
    program = over_range(ENDLESS, job_id=9)
    launches = [task_pb2.TaskLaunch(id=endless_task(number), slices=rows(0, 100)) for number in range(tasks)]
    driver.workers[worker_id].send(programs=[program], launches=launches)
    worker = driver.workers[worker_id]
    await driver.until(lambda: worker.heartbeats and worker.heartbeats[-1].running)


def test_a_killed_executor_fails_its_task_only(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path, workers=1) as driver:
            maps = await driver.run_stage(words_stage(), [rows(0, 50_000)])
            assert maps[0].state == FINISHED
            await start_endless(driver, tasks=2)
            (executor,) = children_of(driver, "w0")
            executor.send_signal(signal.SIGKILL)
            first = key_of(endless_task(0))
            await driver.until(lambda: first in driver.statuses, 5)
            lost = driver.statuses[first]
            assert lost.failure.executor_lost.exit_code == -signal.SIGKILL
            # The queued task goes on in the new executor, and blocks have outlived the old one.
            worker = driver.workers["w0"]
            await driver.until(lambda: worker.heartbeats[-1].running == [endless_task(1)])
            worker.send(cancels=[endless_task(1)])
            table = driver.output_table(common_pb2.OutputId(job_id=1, stage_id=0), 4)
            (counted,) = await driver.run_stage(counting_stage(), [reducers(0, 4)], [table])
            assert counted.state == FINISHED, counted.failure

    run(scenario)


def test_a_running_task_is_cancelled_within_a_second(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path, workers=1) as driver:
            await start_endless(driver, tasks=2)
            started = time.monotonic()
            driver.workers["w0"].send(cancels=[endless_task(0), endless_task(1)])
            await driver.until(lambda: {key_of(endless_task(0)), key_of(endless_task(1))} <= driver.statuses.keys(), 5)
            assert time.monotonic() - started < 1.0
            assert {status.failure.WhichOneof("cause") for status in driver.statuses.values()} == {"cancelled"}
            (after,) = await driver.run_stage(over_range("SELECT count(*) FROM {in_0}"), [rows(0, 10)])
            assert after.state == FINISHED

    run(scenario)


def test_dropping_outputs_and_jobs_frees_the_disk(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path, workers=1) as driver:
            blocks = tmp_path / "w0" / "worker-w0" / "blocks"
            for job_id in (1, 2):
                (status,) = await driver.run_stage(words_stage(job_id), [rows(0, 50_000)])
                assert status.state == FINISHED
            assert len(files_below(blocks, pattern="*.data")) == 2
            driver.workers["w0"].send(drop_outputs=[common_pb2.OutputId(job_id=1, stage_id=0)])
            await until(lambda: len(files_below(blocks, pattern="*.data")) == 1)
            driver.workers["w0"].send(drop_jobs=[2])
            await until(lambda: not files_below(blocks, pattern="*.data"))

    run(scenario)


def test_dropping_a_job_ends_its_running_task(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path, workers=1) as driver:
            await start_endless(driver)
            driver.workers["w0"].send(drop_jobs=[9])
            await driver.until(lambda: key_of(endless_task()) in driver.statuses, 5)
            assert driver.statuses[key_of(endless_task())].failure.WhichOneof("cause") == "cancelled"

    run(scenario)


@pytest.mark.parametrize("host", ["own", "neighbour", "remote"])
def test_a_damaged_block_is_a_typed_failure(tmp_path: Path, host: str) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path, 2) as driver:
            maps = await driver.run_stage(words_stage(), [rows(0, 50_000), rows(50_000, 50_000)], place=lambda _: 0)
            assert [status.state for status in maps] == [FINISHED, FINISHED]
            table = driver.output_table(common_pb2.OutputId(job_id=1, stage_id=0), 4)
            if host == "remote":
                pretend_remote(table)
            place = 0 if host == "own" else 1
            counted = await driver.run_stage(counting_stage(), [reducers(1, 2)], [table], place=lambda _: place)
            assert counted[0].state == FINISHED, counted[0].failure
            assert counted[0].metrics.rows_read == 50_000
            fetched = (
                counted[0].metrics.fetch_remote_bytes if host == "remote" else counted[0].metrics.fetch_local_bytes
            )
            assert fetched > 500_000
            (data,) = (tmp_path / "w0").rglob("1-0.data")
            damaged = bytearray(data.read_bytes())
            damaged[len(damaged) // 2] ^= 4
            data.write_bytes(damaged)
            failed = await driver.run_stage(
                counting_stage(), [reducers(0, 4)], [table], attempt=1, place=lambda _: place
            )
            failure = failed[0].failure.fetch_failed
            assert failure.reason == common_pb2.FetchFailed.CORRUPT
            assert (failure.worker_id, list(failure.map_partitions)) == ("w0", [1])
            assert failure.output == common_pb2.OutputId(job_id=1, stage_id=0)

    run(scenario)


@pytest.mark.parametrize("remote", [False, True])
def test_missing_maps_are_named_together(tmp_path: Path, remote: bool) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path, 2) as driver:
            slices = [rows(number * 20_000, 20_000) for number in range(4)]
            await driver.run_stage(words_stage(), slices, place=lambda _: 0)
            table = driver.output_table(common_pb2.OutputId(job_id=1, stage_id=0), 4)
            if remote:
                pretend_remote(table)
            for number in (1, 3):
                for path in (tmp_path / "w0").rglob(f"{number}-0.*"):
                    path.unlink()
            (failed,) = await driver.run_stage(counting_stage(), [reducers(0, 4)], [table], place=lambda _: 1)
            failure = failed.failure.fetch_failed
            assert failure.reason == common_pb2.FetchFailed.MISSING
            assert (failure.worker_id, list(failure.map_partitions)) == ("w0", [1, 3])

    run(scenario)


def test_a_dead_worker_is_unreachable(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path, 2) as driver:
            await driver.run_stage(words_stage(), [rows(0, 50_000)], place=lambda _: 0)
            table = driver.output_table(common_pb2.OutputId(job_id=1, stage_id=0), 4)
            pretend_remote(table)
            executors = children_of(driver, "w0")
            os.kill(driver.workers["w0"].registration.pid, signal.SIGKILL)
            await until(lambda: not any(executor.is_running() for executor in executors))
            await driver.until(lambda: "w0" not in driver.workers)
            (failed,) = await driver.run_stage(counting_stage(), [reducers(0, 4)], [table])
            failure = failed.failure.fetch_failed
            assert failure.reason == common_pb2.FetchFailed.UNREACHABLE
            assert (failure.worker_id, list(failure.map_partitions)) == ("w0", [0])

    run(scenario)


def test_a_broken_stream_is_opened_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path, 1) as driver:
            await driver.run_stage(words_stage(), [rows(0, 50_000)])
            driver.workers["w0"].outgoing.put_nowait(None)
            await driver.until(lambda: len(driver.registrations) == 2 and driver.workers)
            first, second = driver.registrations
            assert first.incarnation == second.incarnation
            assert list(first.held_outputs) == []
            assert list(second.held_outputs) == [common_pb2.OutputId(job_id=1, stage_id=0)]
            await driver.until(lambda: driver.repeated)
            assert driver.repeated == [(1, 0, 0, 0)], "a status that was not acknowledged comes again"
            driver.workers["w0"].send(statuses_acknowledged=1)
            (after,) = await driver.run_stage(over_range("SELECT count(*) FROM {in_0}", 2), [rows(0, 10)])
            assert after.state == FINISHED
            driver.workers["w0"].outgoing.put_nowait(None)
            await driver.until(lambda: len(driver.repeated) > 1)
            assert driver.repeated[1:] == [key_of(after.id)], "one that was acknowledged does not"

    run(scenario)


def test_a_task_that_needs_too_much_is_out_of_memory_and_the_worker_lives_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            scripted_driver() as driver,
            worker_process(driver, "w0", tmp_path / "w0", memory=300 << 20),
        ):
            await driver.wait_for_workers(1)
            greedy = over_range("SELECT list(repeat(id::VARCHAR, 1000)) AS x FROM {in_0}", job_id=3)
            (failed,) = await driver.run_stage(greedy, [rows(0, 10_000_000)])
            assert failed.failure.WhichOneof("cause") == "out_of_memory", failed
            assert failed.failure.out_of_memory.granted_bytes > 100 << 20
            (after,) = await driver.run_stage(over_range("SELECT count(*) FROM {in_0}"), [rows(0, 10)])
            assert after.state == FINISHED

    run(scenario)


def test_an_executor_that_outgrows_its_grant_is_restarted(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            scripted_driver() as driver,
            worker_process(driver, "w0", tmp_path / "w0", memory=300 << 20),
        ):
            await driver.wait_for_workers(1)
            # Rows that came with the plan are Arrow memory, which no limit of the kernel's sees.
            ballast = "x" * (50 << 20)
            spec = task_pb2.TableInput(arrow_stream=table_stream([ballast] * 4), columns=columns(x="VARCHAR"))
            program = task_pb2.StageProgram(
                output=common_pb2.OutputId(job_id=4, stage_id=0),
                sql=ENDLESS.replace("hash(x, y)", "hash(a.x, y)"),
                inputs=[task_pb2.StageInput(table=spec)],
                output_spec=task_pb2.StageOutput(single=task_pb2.Single()),
            )
            (failed,) = await driver.run_stage(program, [rows(0, 4)])
            assert failed.failure.WhichOneof("cause") == "out_of_memory", failed
            killed = failed.failure.out_of_memory
            assert killed.wanted_bytes > killed.granted_bytes > 0

    run(scenario)


def test_an_executor_killed_by_the_system_for_memory_is_out_of_memory(tmp_path: Path) -> None:
    """The control group has less than the worker was told, as when something else on the host takes its memory."""

    async def scenario(group: Path) -> None:
        async with (
            scripted_driver() as driver,
            worker_process(driver, "w0", tmp_path / "w0", memory=2 << 30) as process,
        ):
            await driver.wait_for_workers(1)
            for member in (psutil.Process(process.pid), *children_of(driver, "w0")):
                (group / "cgroup.procs").write_text(str(member.pid))
            greedy = over_range("SELECT count(*) FROM (SELECT id FROM {in_0} GROUP BY id)", job_id=3)
            (failed,) = await driver.run_stage(greedy, [rows(0, 200_000_000)])
            assert failed.failure.WhichOneof("cause") == "out_of_memory", failed
            assert "by the system" in failed.failure.out_of_memory.detail

    with control_group(220 << 20) as group:
        asyncio.run(scenario(group))


@contextlib.contextmanager
def control_group(limit_bytes: int) -> Iterator[Path]:
    """A memory control group of ours; skips the test where the machine does not let us make one (version 1 only)."""
    group = Path(f"/sys/fs/cgroup/memory/headrace-test-{os.getpid()}")
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(limit_bytes))
    except OSError as error:
        pytest.skip(f"no control groups here: {error}")
    try:
        yield group
    finally:
        for pid in (group / "cgroup.procs").read_text().split():
            (group.parent / "cgroup.procs").write_text(pid)
        group.rmdir()


def test_an_idle_executor_gives_its_memory_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            scripted_driver() as driver,
            worker_process(driver, "w0", tmp_path / "w0", memory=700 << 20),
        ):
            await driver.wait_for_workers(1)
            groups = over_range("SELECT count(*) FROM (SELECT id FROM {in_0} GROUP BY id)", job_id=3)
            (done,) = await driver.run_stage(groups, [rows(0, 5_000_000)])
            assert done.state == FINISHED
            (executor,) = children_of(driver, "w0")
            kept_bytes = executor.memory_info().rss
            assert kept_bytes > 200 << 20
            await until(lambda: executor.memory_info().rss < kept_bytes * 2 / 3)

    run(scenario)


def table_stream(values: list[str]) -> bytes:
    batch = pa.record_batch({"x": values})
    return bytes(body_from_batches(batch.schema, [batch]))


def test_sigterm_lets_running_tasks_end_and_leaves_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with scripted_driver() as driver, worker_process(driver, "w0", tmp_path / "w0") as process:
            await driver.wait_for_workers(1)
            worker = driver.workers["w0"]
            executors = children_of(driver, "w0")
            # Seconds, so that a heartbeat finds it running however late it comes.
            program = over_range("SELECT sum(hash(id, x))::DOUBLE AS s FROM {in_0}, range(20000000) t(x)")
            task = common_pb2.TaskId(job_id=1, stage_id=0, partition=0)
            worker.send(programs=[program], launches=[task_pb2.TaskLaunch(id=task, slices=rows(0, 100))])
            await driver.until(lambda: driver.statuses or (worker.heartbeats and worker.heartbeats[-1].running))
            assert not driver.statuses
            process.send_signal(signal.SIGTERM)
            await driver.until(lambda: key_of(task) in driver.statuses)
            assert driver.statuses[key_of(task)].state == FINISHED
            assert worker.draining
            assert await process.wait() == 0
            assert not any(executor.is_running() for executor in executors)
            assert not list((tmp_path / "w0").iterdir())

    run(scenario)


def test_a_refused_worker_says_why_and_ends(tmp_path: Path) -> None:
    async def scenario() -> None:
        reason = "the name w0 is taken; choose another"
        async with scripted_driver(refuse=reason) as driver, worker_process(driver, "w0", tmp_path / "w0") as process:
            assert await process.wait() == 3
            assert process.stderr is not None
            assert reason.encode() in await process.stderr.read()

    run(scenario)


def test_a_wrong_join_secret_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            scripted_driver(secret="right") as driver,
            worker_process(driver, "w0", tmp_path / "w0", "--secret", "wrong") as process,
        ):
            assert await process.wait() == 3

    run(scenario)


def pretend_remote(table: task_pb2.OutputTable) -> None:
    """The same worker under another name for its host: blocks have to cross a socket."""
    for holder in table.holders:
        holder.address = holder.address.replace("127.0.0.1", "localhost")
