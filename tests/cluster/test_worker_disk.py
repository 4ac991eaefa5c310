"""A worker whose disk is full: the task fails with what it needs, nothing half-written stays, the worker lives on.

The disk is a small file system in memory; where the machine does not let us mount one, the tests are skipped.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace_proto.v1 import common_pb2, task_pb2
from headrace_worker.engine import Engine
from headrace_worker.executor.spilling import Spilling
from headrace_worker.shuffle.store import BlockStore
from tests.cluster.scripted_driver import ScriptedDriver, scripted_driver, worker_process
from tests.cluster.test_worker_faults import FINISHED, over_range, rows

pytestmark = pytest.mark.cluster

DISK_BYTES = 50 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 50 MB."""
    with disk_of(tmp_path / "small", DISK_BYTES) as mount:
        yield mount


@contextlib.contextmanager
def disk_of(mount: Path, size_bytes: int) -> Iterator[Path]:
    mount.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(mount)], check=False, capture_output=True
    )
    if made.returncode:
        pytest.skip(f"cannot mount a file system here: {made.stderr.decode().strip()}")
    try:
        yield mount
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


def partial_files(root: Path) -> list[str]:
    return [
        os.path.join(folder, name)
        for folder, _, names in os.walk(root)
        for name in names
        if ("partial" in folder or "spill" in folder) and not name.endswith("_owner")
    ]


async def after_it_a_small_task_runs(driver: ScriptedDriver, disk: Path) -> None:
    assert partial_files(disk) == []
    (after,) = await driver.run_stage(over_range("SELECT count(*) FROM {in_0}", job_id=9), [rows(0, 10)])
    assert after.state == FINISHED


def test_a_map_output_that_does_not_fit(small_disk: Path) -> None:
    async def scenario() -> None:
        async with scripted_driver() as driver, worker_process(driver, "w0", small_disk):
            await driver.wait_for_workers(1)
            wide = over_range("SELECT id, md5(id::VARCHAR) || md5((id + 1)::VARCHAR) AS t FROM {in_0}", job_id=3)
            (failed,) = await driver.run_stage(wide, [rows(0, 3_000_000)])
            assert failed.failure.WhichOneof("cause") == "disk_full", failed
            assert failed.failure.disk_full.directory.startswith(str(small_disk))
            assert failed.failure.disk_full.needed_bytes > DISK_BYTES // 2
            await after_it_a_small_task_runs(driver, small_disk)

    asyncio.run(scenario())


def test_a_spill_that_does_not_fit(small_disk: Path) -> None:
    async def scenario() -> None:
        async with scripted_driver() as driver, worker_process(driver, "w0", small_disk, memory=300 << 20):
            await driver.wait_for_workers(1)
            text = "md5(id::VARCHAR) || md5((id + 1)::VARCHAR)"
            sort = (
                f"SELECT count(*) AS n, max(p) AS p FROM (SELECT t, lag(t) OVER (ORDER BY t) AS p FROM "
                f"(SELECT {text} AS t FROM {{in_0}}))"
            )
            (failed,) = await driver.run_stage(over_range(sort, job_id=3), [rows(0, 8_000_000)])
            assert failed.failure.WhichOneof("cause") == "disk_full", failed
            assert failed.failure.disk_full.directory.startswith(str(small_disk))
            assert failed.failure.disk_full.needed_bytes > DISK_BYTES // 2
            assert DISK_BYTES * 0.9 < failed.failure.disk_full.free_bytes < DISK_BYTES
            await after_it_a_small_task_runs(driver, small_disk)

    asyncio.run(scenario())


SPILLING_BYTES = 120 << 20
SPILLING = (
    "SELECT count(*) AS n, max(p) AS p FROM (SELECT t, lag(t) OVER (ORDER BY t) AS p FROM "
    "(SELECT repeat(id::VARCHAR, 20) AS t FROM {in_0}))"
)
"""Over 700,000 rows it spills 160 MB with 300 MB of memory."""


def test_a_spill_that_does_not_fit_waits_for_that_of_another_task(tmp_path: Path) -> None:
    """Another executor's spill leaves too little room, and goes while this one waits."""
    with disk_of(tmp_path / "small", SPILLING_BYTES) as disk:
        store = BlockStore([disk])
        store.prepare()
        other = store.spill_directory("w0/1") / "ballast"
        other.write_bytes(bytes(SPILLING_BYTES * 3 // 4))
        waited: list[float] = []

        def others_go_on(wait_s: float) -> None:
            waited.append(wait_s)
            if len(waited) == 3:
                other.unlink()

        engine = Engine(1, 64 << 20, store.spill_directory("w0/0"))
        spilling = Spilling(store, "w0/0", engine, lambda: None, others_go_on)
        full = common_pb2.DiskFull(directory=str(engine.spill_directory), needed_bytes=SPILLING_BYTES // 2)
        assert spilling.is_ours(full)
        assert spilling.runs_again(full, 0, threading.Event())
        assert len(waited) == 3
        full.needed_bytes = SPILLING_BYTES
        assert not spilling.runs_again(full, 0, threading.Event())


def test_a_spill_that_does_not_fit_goes_to_another_directory(tmp_path: Path) -> None:
    """The kernel keeps to the directory it has used, so it is replaced; no failure is told."""

    async def scenario(first: Path, second: Path) -> None:
        async with (
            scripted_driver() as driver,
            worker_process(driver, "w0", first, "--directories", str(second), memory=300 << 20),
        ):
            await driver.wait_for_workers(1)
            (done,) = await driver.run_stage(over_range(SPILLING, job_id=3), [rows(0, 700_000)])
            assert done.state == FINISHED, done

    with disk_of(tmp_path / "one", SPILLING_BYTES) as first, disk_of(tmp_path / "two", 220 << 20) as second:
        asyncio.run(scenario(first, second))


def test_a_task_waits_while_the_disk_is_full_for_a_moment(small_disk: Path) -> None:
    async def scenario() -> None:
        async with scripted_driver() as driver, worker_process(driver, "w0", small_disk):
            await driver.wait_for_workers(1)
            ballast = small_disk / "ballast"
            await asyncio.to_thread(fill, ballast)
            wide = over_range("SELECT id, md5(id::VARCHAR) AS t FROM {in_0}", job_id=3)
            task = common_pb2.TaskId(job_id=3, stage_id=0, partition=0)
            launch = task_pb2.TaskLaunch(id=task, slices=rows(0, 200_000))
            driver.workers["w0"].send(programs=[wide], launches=[launch])
            await asyncio.sleep(1.0)
            assert not driver.statuses
            await asyncio.to_thread(ballast.unlink)
            await driver.until(lambda: driver.statuses)
            assert [status.state for status in driver.statuses.values()] == [FINISHED]

    asyncio.run(scenario())


def fill(ballast: Path) -> None:
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))


def test_outputs_go_where_there_is_room(small_disk: Path, tmp_path: Path) -> None:
    large = tmp_path / "large"

    async def scenario() -> None:
        async with (
            scripted_driver() as driver,
            worker_process(driver, "w0", small_disk, "--directories", str(large)),
        ):
            await driver.wait_for_workers(1)
            wide = over_range("SELECT id, md5(id::VARCHAR) || md5((id + 1)::VARCHAR) AS t FROM {in_0}", job_id=3)
            (done,) = await driver.run_stage(wide, [rows(0, 3_000_000)])
            assert done.state == FINISHED, done

    asyncio.run(scenario())
