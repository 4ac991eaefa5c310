"""Local clusters: they start, change, end, and leave nothing behind, however their program ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

import headrace
from headrace.errors import ClusterError, RefusedError, SettingError
from headrace.jobs import JobsClient

pytestmark = pytest.mark.cluster

PROGRAM = """
import headrace, sys, time
cluster = headrace.LocalCluster(workers=1, cores_per_worker=1)
print(cluster.directory, flush=True)
{ending}
"""

LEFT_OPEN = """
with headrace.LocalCluster(workers=1, cores_per_worker=1) as cluster:
    spark = cluster.session()
    assert spark.range(3).count() == 3
    clone = spark.cloneSession()
    cluster.session()  # nobody has it any more
    assert gc.collect() >= 0 and len(cluster._sessions) == 1
assert spark.is_stopped and type(spark).getActiveSession() is None
"""
DRIVER_DEAD = """
spark = headrace.connect(workers=1, cores_per_worker=1)
assert spark.range(3).count() == 3
[cluster] = [each for each in gc.get_objects() if type(each) is headrace.LocalCluster]
other = cluster.session()
os.kill(cluster.pid("driver"), signal.SIGKILL)
while cluster._processes["driver"].exit_code is None:
    time.sleep(0.05)
spark.stop()
assert spark.is_stopped and other.is_stopped and not cluster.directory.exists()
"""


def until(condition: Callable[[], bool], timeout_s: float = 60) -> bool:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.05)
    return True


def descendants(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def processes_of(cluster: headrace.LocalCluster) -> list[psutil.Process]:
    """Its supervisor and all below; this process may have other clusters besides."""
    return [psutil.Process(cluster.supervisor_pid), *descendants(cluster.supervisor_pid)]


def gone(process: psutil.Process) -> bool:
    """A zombie counts: where nobody reaps orphans it stays one."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_workers_come_and_go_and_everything_ends() -> None:
    with headrace.LocalCluster(workers=2, cores_per_worker=1, memory_per_worker="1g") as cluster:
        workers = {worker.registration.worker_id: worker.registration for worker in cluster.workers()}
        assert sorted(workers) == ["worker-0", "worker-1"]
        assert {worker.slots for worker in workers.values()} == {1}
        assert {worker.memory_bytes for worker in workers.values()} == {1 << 30}
        processes = processes_of(cluster)
        assert len(processes) >= 6  # supervisor, driver, two workers, two executors
        assert cluster.kill_worker(0) == "worker-0"
        assert cluster.worker_names() == ["worker-1"]
        assert cluster.add_worker() == "worker-2"
        alive = {worker.registration.worker_id for worker in cluster.workers() if worker.state == "alive"}
        assert {"worker-1", "worker-2"} <= alive
        cluster.check_alive()
        processes += processes_of(cluster)
        assert cluster.directory.exists()
    assert not cluster.directory.exists()
    assert until(lambda: all(gone(process) for process in processes))
    cluster.close()


@pytest.mark.parametrize(
    ("ending", "signal_number", "exit_code"),
    [
        ("", None, 0),
        ("sys.exit(3)", None, 3),
        ("raise ValueError", None, 1),
        ("time.sleep(60)", signal.SIGTERM, -signal.SIGTERM),
        ("time.sleep(60)", signal.SIGKILL, -signal.SIGKILL),
    ],
)
def test_nothing_outlives_the_program(ending: str, signal_number: int | None, exit_code: int) -> None:
    code = PROGRAM.format(ending=ending or "time.sleep(0.5)")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
        assert program.stdout is not None
        directory = Path(program.stdout.readline().decode().strip())
        processes = descendants(program.pid)
        assert directory.is_dir()
        assert len(processes) >= 3
        if signal_number is not None:
            program.send_signal(signal_number)
        assert program.wait(20) == exit_code
    assert until(lambda: all(gone(process) for process in processes))
    assert until(lambda: not directory.exists())


@pytest.mark.parametrize("program", [LEFT_OPEN, DRIVER_DEAD], ids=["session left open", "driver dead"])
def test_a_closed_cluster_does_not_hold_up_the_end_of_its_program(program: str) -> None:
    """PySpark tries a call to a driver that is gone for ten minutes, also when the program exits."""
    code = f"import gc, headrace, os, signal, time\n{program}"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr


def test_killing_the_supervisor_ends_the_daemons() -> None:
    with headrace.LocalCluster(workers=1, cores_per_worker=1) as cluster:
        processes = processes_of(cluster)
        os.kill(cluster.supervisor_pid, signal.SIGKILL)
        assert until(lambda: all(gone(process) for process in processes))
        with pytest.raises(ClusterError, match="supervisor has ended"):
            cluster.check_alive()


def test_a_dead_driver_is_told_with_its_log() -> None:
    with headrace.LocalCluster(workers=1, cores_per_worker=1) as cluster:
        driver = next(process for process in processes_of(cluster) if process.pid == cluster.pid("driver"))
        driver.kill()
        assert until(lambda: gone(driver))

        def told() -> bool:
            try:
                cluster.check_alive()
            except ClusterError as error:
                return "driver ended with exit code -9" in str(error) and "driver ready" in str(error)
            return False

        assert until(told)


def test_a_failed_start_shows_the_log_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with headrace.LocalCluster(workers=1) as first:
        settings = {"local.listen_port": first.address.rpartition(":")[2]}
        with pytest.raises(ClusterError, match=r"(?s)driver ended with exit code 1.*is in use"):
            headrace.LocalCluster(workers=1, settings=settings)
        assert list(tmp_path.glob("headrace-local-*")) == [first.directory]


def test_a_token_guards_the_cluster_and_its_address_carries_it() -> None:
    with headrace.LocalCluster(workers=1, cores_per_worker=1, token="s3cret") as cluster:
        assert cluster.address.endswith("/;token=s3cret")
        assert len(cluster.workers()) == 1
        with JobsClient(cluster.address) as client:
            assert list(client.list_jobs()) == []
        with JobsClient(cluster.address.partition("/;")[0]) as stranger, pytest.raises(RefusedError):
            stranger.list_jobs()


def test_wrong_arguments_are_told_before_anything_starts() -> None:
    with pytest.raises(SettingError, match=r"local\.memory_per_worker .*not a size"):
        headrace.LocalCluster(memory_per_worker="lots")
    with pytest.raises(SettingError, match=r"NAME=DIR"):
        headrace.LocalCluster(data={"no name": "/tmp"})
    with pytest.raises(SettingError, match="there is no setting"):
        headrace.LocalCluster(settings={"driver.prot": "1"})
