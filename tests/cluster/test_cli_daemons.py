"""The command line with real daemons: what they print, how they stop, and what the other commands show of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from headrace.errors import ExitCode
from tests.living_files import files_below

pytestmark = pytest.mark.cluster

HEADRACE = [sys.executable, "-m", "headrace.cli"]


@dataclass
class Daemon:
    """A running daemon and the KEY=VALUE lines it printed when it was ready."""

    process: subprocess.Popen[str]
    printed: dict[str, str]
    log: Path

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    """Without this machine's own settings; temporary files where the test can see what is left of them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    return {**kept, "TMPDIR": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), **more}


@contextmanager
def running(tmp_path: Path, *arguments: str, keys: int, **more: str) -> Iterator[Daemon]:
    """`headrace ARGUMENTS…` that has printed `keys` lines; killed in the end where the test has not stopped it."""
    log = tmp_path / f"{arguments[0]}-{time.monotonic_ns()}.log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [*HEADRACE, *arguments], stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment(tmp_path, **more)
        )
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline().strip() for _ in range(keys)]
        assert all(lines), log.read_text()
        yield Daemon(process, dict(line.split("=", 1) for line in lines), log)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def headrace(tmp_path: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*HEADRACE, *arguments], capture_output=True, text=True, timeout=60, env=environment(tmp_path, **more)
    )


def left_in(tmp_path: Path) -> list[Path]:
    """Files but the logs of this test. The folder in which a user's workers meet stays, empty."""
    return [path for path in files_below(tmp_path) if path.suffix != ".log"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A driver and a worker started as an operator would, and the driver's address."""
    tmp_path = tmp_path_factory.mktemp("cli")
    with running(tmp_path, "driver", "--port", "0", "--http-port", "0", keys=2) as driver:
        address = driver.printed["HEADRACE_DRIVER"]
        arguments = ("worker", "--name", "w", "--cores", "1", "--memory", "1g", "--rack", "r1")
        with running(tmp_path, *arguments, keys=1, HEADRACE_DRIVER=address):
            wait_for_workers(tmp_path, address, 1)
            yield tmp_path, address


def wait_for_workers(tmp_path: Path, address: str, count: int) -> None:
    for _ in range(50):
        shown = json.loads(headrace(tmp_path, "workers", "--json", "--driver", address).stdout)
        if len([worker for worker in shown if worker["state"] == "alive"]) == count:
            return
        time.sleep(0.1)
    raise AssertionError(f"not {count} workers: {shown}")


def test_workers_are_shown(cluster: tuple[Path, str]) -> None:
    tmp_path, address = cluster
    table = headrace(tmp_path, "workers", "--driver", address)
    assert table.returncode == ExitCode.OK
    assert "w " in table.stdout
    assert "r1" in table.stdout
    [worker] = json.loads(headrace(tmp_path, "workers", "--json", "--driver", f"sc://{address}").stdout)
    assert worker["registration"]["memory_bytes"] == 1 << 30
    assert worker["registration"]["slots"] == 1


def test_an_application_gives_back_output_and_exit_code(cluster: tuple[Path, str]) -> None:
    tmp_path, address = cluster
    program = tmp_path / "app.py"
    program.write_text(
        "import os, sys\n"
        "print(sys.argv[1:], os.environ['SPARK_REMOTE'], os.environ['OWN'])\n"
        "print('to stderr', file=sys.stderr)\n"
        "sys.exit(int(sys.argv[1]))\n"
    )
    arguments = ("submit", "--driver", address, "--env", "OWN=mine", str(program), "7", "--flag", "-x")
    done = headrace(tmp_path, *arguments)
    assert done.returncode == 7
    port = address.rpartition(":")[2]
    way = f"sc://localhost:{port}/;headrace-application=application-1"
    assert done.stdout == f"['7', '--flag', '-x'] {way} mine\n"
    assert done.stderr == "to stderr\n"


def test_what_an_application_left_running_ends_with_it(cluster: tuple[Path, str]) -> None:
    tmp_path, address = cluster
    program = tmp_path / "leaving.py"
    program.write_text(
        "import os, threading, time\n"
        "from pyspark.sql import SparkSession\n"
        "spark = SparkSession.builder.getOrCreate()\n"
        "endless = spark.sql('SELECT count(*) FROM range(1000000) a JOIN range(1000000) b ON a.id % 7 < b.id % 11')\n"
        "threading.Thread(target=endless.collect, daemon=True).start()\n"
        "from headrace.jobs import JobsClient\n"
        "import headrace_proto.v1.jobs_pb2 as pb\n"
        f"with JobsClient('{address}') as jobs:\n"
        "    while not any(j.state == pb.JOB_RUNNING for j in jobs.list_jobs()):\n"
        "        time.sleep(0.05)\n"
        "os._exit(3)\n"
    )
    assert headrace(tmp_path, "submit", "--driver", address, str(program)).returncode == 3
    for _ in range(100):
        newest = json.loads(headrace(tmp_path, "jobs", "--limit", "1", "--json", "--driver", address).stdout)[0]
        if newest["state"] == "JOB_CANCELLED":
            return
        time.sleep(0.1)
    raise AssertionError(newest)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_an_application_does_not_outlive_a_killed_driver(tmp_path: Path) -> None:
    program = tmp_path / "waiting.py"
    program.write_text("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)\n")
    with running(tmp_path, "driver", "--port", "0", "--http-port", "0", keys=2) as driver:
        command = [*HEADRACE, "submit", "--driver", driver.printed["HEADRACE_DRIVER"], str(program)]
        submitted = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(tmp_path)
        )
        assert submitted.stdout is not None
        pid = int(submitted.stdout.readline())
        driver.process.kill()
        _, said = submitted.communicate(timeout=20)
        assert submitted.returncode == ExitCode.UNREACHABLE
        assert "went away before it was done" in said
        for _ in range(100):
            with suppress(psutil.NoSuchProcess):
                if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                    time.sleep(0.05)
                    continue
            return
        os.kill(pid, signal.SIGKILL)
        raise AssertionError("the application runs on")


def test_jobs_that_are_not_there(cluster: tuple[Path, str]) -> None:
    tmp_path, address = cluster
    for arguments in (("job", "999999"), ("cancel", "999999")):
        done = headrace(tmp_path, *arguments, "--driver", address)
        assert done.returncode == ExitCode.NOT_FOUND
        assert "There is no job 999999" in done.stderr


def test_a_second_worker_of_the_same_name_is_refused(cluster: tuple[Path, str]) -> None:
    tmp_path, address = cluster
    done = headrace(tmp_path, "worker", "--driver", address, "--name", "w", "--cores", "1")
    assert done.returncode == ExitCode.REFUSED
    assert "registration refused" in done.stderr


def test_a_workers_port_in_use_names_the_fix(cluster: tuple[Path, str]) -> None:
    tmp_path, address = cluster
    port = address.rpartition(":")[2]
    done = headrace(tmp_path, "worker", "--driver", address, "--port", port)
    assert done.returncode == ExitCode.CANNOT_LISTEN
    assert f"Port {port} on 127.0.0.1 is in use" in done.stderr


def test_a_workers_services_refuse_strangers(tmp_path: Path) -> None:
    """The driver need not be there: a worker serves its blocks before it has joined."""
    arguments = ("worker", "--driver", "127.0.0.1:1", "--cores", "1")
    refused = grpc.StatusCode.UNAUTHENTICATED
    methods = ("headrace.v1.Blocks/Fetch", "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
    with (
        running(tmp_path, *arguments, keys=1, HEADRACE_JOIN_SECRET="secret") as worker,
        grpc.insecure_channel(worker.printed["HEADRACE_WORKER"]) as channel,
    ):
        for method in methods:
            for shown in ((), (("authorization", "Bearer wrong"),), (("authorization", "secret"),)):
                assert status_of(channel, method, shown) is refused, (method, shown)
            right = (("authorization", "Bearer secret"),)
            assert status_of(channel, method, right) is not refused
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def status_of(channel: grpc.Channel, method: str, metadata: tuple[tuple[str, str], ...]) -> grpc.StatusCode:
    """The status of a call of any kind with one empty message."""
    call: Any = channel.stream_stream(f"/{method}")(iter([b""]), metadata=metadata, timeout=5)  # type: ignore[arg-type]
    with suppress(grpc.RpcError):
        list(call)
    code: grpc.StatusCode = call.code()
    return code


def test_sigterm_stops_both_and_leaves_no_files(tmp_path: Path) -> None:
    with running(tmp_path, "driver", "--port", "0", "--http-port", "0", keys=2) as driver:
        address = driver.printed["HEADRACE_DRIVER"]
        with running(tmp_path, "worker", "--driver", address, "--cores", "1", keys=1) as worker:
            wait_for_workers(tmp_path, address, 1)
            assert worker.stop() == ExitCode.OK
        with running(tmp_path, "worker", "--driver", address, "--cores", "1", keys=1) as worker:
            wait_for_workers(tmp_path, address, 1)
            # A driver with a worker attached stops as well as one without.
            start_s = time.monotonic()
            assert driver.stop() == ExitCode.OK
            assert time.monotonic() - start_s < 4
            assert worker.stop() == ExitCode.OK
    assert left_in(tmp_path) == []


def test_a_worker_without_the_join_secret_is_refused(tmp_path: Path) -> None:
    secrets = {"HEADRACE_TOKEN": "token", "HEADRACE_JOIN_SECRET": "secret"}
    with running(tmp_path, "driver", "--port", "0", "--http-port", "0", keys=2, **secrets) as driver:
        address = driver.printed["HEADRACE_DRIVER"]
        arguments = ("worker", "--driver", address, "--cores", "1")
        for wrong in ({}, {"HEADRACE_JOIN_SECRET": "wrong"}, {"HEADRACE_JOIN_SECRET": "token"}):
            done = headrace(tmp_path, *arguments, **wrong)
            assert done.returncode == ExitCode.REFUSED, done.stderr
            assert "join secret" in done.stderr
        assert headrace(tmp_path, "workers", "--driver", address).returncode == ExitCode.REFUSED
        with running(tmp_path, *arguments, keys=1, HEADRACE_JOIN_SECRET="secret"):
            shown = headrace(tmp_path, "workers", "--driver", f"sc://{address}/;token=token")
            assert shown.returncode == ExitCode.OK, shown.stderr


def test_a_local_cluster_prints_where_it_is_and_stops(tmp_path: Path) -> None:
    arguments = ("local", "--workers", "2", "--cores-per-worker", "1", "--memory-per-worker", "1g")
    with running(tmp_path, *arguments, keys=3) as local:
        assert local.printed["SPARK_REMOTE"] == f"sc://{local.printed['HEADRACE_DRIVER']}"
        wait_for_workers(tmp_path, local.printed["HEADRACE_DRIVER"], 2)
        assert local.stop() == ExitCode.OK
    assert left_in(tmp_path) == []


def test_json_logs_are_json(tmp_path: Path) -> None:
    arguments = ("driver", "--port", "0", "--http-port", "0", "--log-format", "json")
    with running(tmp_path, *arguments, keys=2) as driver:
        assert driver.stop() == ExitCode.OK
        lines = [json.loads(line) for line in driver.log.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["driver ready", "driver stopped"]
    assert lines[0]["grpc"] == driver.printed["HEADRACE_DRIVER"]
