"""A driver and workers as processes of their own, whose pids, logs and block files a test knows.

They may be killed and started again, the driver too where it keeps a journal; each may have a host of its own, and a
small disk.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

import headrace
from headrace.jobs import JobsClient
from headrace_proto.v1 import jobs_pb2
from tests.cluster.hosts import Host
from tests.living_files import files_below

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

SILENCE_S_MAX = 10.0
"""A worker that is not heard for so long is lost."""
BUSY_S = 10.0
"""What a busy machine may add before the driver looks."""
_STOP_S_MAX = 15.0


def until(condition: Callable[[], Any], timeout_s: float, what: str) -> Any:
    """Polls; returns what the condition returned."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {timeout_s:g} s: {what}")


def lasting_port() -> int:
    """A free port that no outgoing connection takes as its own, so that a driver can be started on it again."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def small_disk(mount: Path, size_bytes: int) -> Iterator[None]:
    """A file system of so many bytes there while the block runs. Raises NoDisk."""
    mount.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(mount)]
    made = subprocess.run(command, check=False, capture_output=True)
    if made.returncode:
        raise NoDisk(f"cannot mount a file system here: {made.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


class NoDisk(Exception):
    """This machine does not allow file systems to be mounted."""


@dataclass
class Daemons:
    """The cluster. Workers are named w0, w1, …"""

    directory: Path
    address: str = ""
    processes: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    hosts: Mapping[str, Host] = field(default_factory=dict)
    """By the names of daemons; those without one run on this host."""
    journal: bool = False
    """Whether a driver started again goes on where the last one was."""
    clock: Path | None = None
    """A library that lets the wall clock of each daemon jump."""

    def start(self, name: str, *arguments: str) -> dict[str, str]:
        """A daemon that has said that it is ready; what it printed."""
        home = self.directory / name
        home.mkdir(exist_ok=True)
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HEADRACE_")}
        with (home / "log").open("a") as errors:
            process = subprocess.Popen(
                self._command(name, *arguments),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                # A temporary directory of its own keeps workers from finding each other's blocks as files.
                env={**kept, "TMPDIR": str(home), "XDG_CONFIG_HOME": str(home), **self._clock_of(home)},
            )
        self.processes[name] = process
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(2 if arguments[0] == "driver" else 1)]
        assert all(lines), (home / "log").read_text()
        return dict(line.split("=", 1) for line in lines)

    def _command(self, name: str, *arguments: str) -> list[str]:
        command = [sys.executable, "-m", "headrace.cli", *arguments]
        host = self.hosts.get(name)
        if host is None:
            return command
        return host.command(*command, "--host", host.address, "--insecure")

    def _clock_of(self, home: Path) -> dict[str, str]:
        if self.clock is None:
            return {}
        (home / "clock").write_bytes(bytes(8))
        return {"LD_PRELOAD": str(self.clock), "JUMPING_CLOCK": str(home / "clock")}

    def jump(self, name: str, seconds: int) -> None:
        """The wall clock of a daemon and its children differs from everybody's by so much from now on."""
        with (self.directory / name / "clock").open("r+b") as file:
            file.write(struct.pack("=q", seconds * 1_000_000_000))

    def start_driver(self) -> None:
        """On the port it had before."""
        arguments = ["--http-port", "0", "--warehouse", str(self.directory / "warehouse")]
        if self.journal:
            arguments += ["--journal", str(self.directory / "journal")]
        port = self.address.rpartition(":")[2] or str(lasting_port())
        self.address = self.start("driver", "driver", "--port", port, *arguments)["HEADRACE_DRIVER"]

    def add_worker(self, name: str, drain: str = "20s") -> None:
        place = ("--driver", self.address, "--name", name, "--dir", str(self.directory / name / "blocks"))
        self.start(name, "worker", *place, "--cores", "1", "--memory", "600m", "--drain", drain)

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        os.kill(self.processes[name].pid, number)

    def executors(self, name: str) -> list[psutil.Process]:
        """They are children of the worker's one child, its nursery."""
        daemon = psutil.Process(self.processes[name].pid)
        return [executor for nursery in daemon.children() for executor in nursery.children()]

    def blocks(self, name: str, pattern: str = "*.data") -> list[Path]:
        """Map outputs that lie with a worker."""
        return files_below(self.directory / name / "blocks", pattern=pattern)

    def log(self, name: str) -> str:
        """Without colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", (self.directory / name / "log").read_text(errors="replace"))

    def stop(self) -> None:
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.send_signal(signal.SIGTERM)
                process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(_STOP_S_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            assert process.stdout is not None
            process.stdout.close()


@dataclass
class Chaos:
    """The cluster, a session on it, and a view of what it does."""

    daemons: Daemons
    spark: SparkSession
    jobs: JobsClient

    def newest_job(self) -> jobs_pb2.JobDetail:
        return self.jobs.get_job(self.jobs.list_jobs(limit=1)[0].job_id)

    def lost_at_s(self, name: str, since: int) -> float | None:
        """When the driver gave the worker up, by the times of its log from this character on; None: it has not."""
        log = self.daemons.log("driver")[since:]
        found = re.search(rf"^(\S+) .*worker lost .*worker={name}$", log, re.MULTILINE)
        return datetime.fromisoformat(found[1]).timestamp() if found else None

    def states(self) -> dict[str, str]:
        """Of workers that are in the cluster."""
        workers = reversed(self.jobs.list_workers())
        return {worker.registration.worker_id: worker.state for worker in workers}


@contextlib.contextmanager
def chaos_cluster(
    directory: Path,
    workers: int = 3,
    hosts: Mapping[str, Host] | None = None,
    *,
    journal: bool = False,
    clock: Path | None = None,
) -> Iterator[Chaos]:
    """Everything started, and ended with the block."""
    daemons = Daemons(directory, hosts=hosts or {}, journal=journal, clock=clock)
    with contextlib.ExitStack() as stack:
        stack.callback(daemons.stop)
        daemons.start_driver()
        for number in range(workers):
            daemons.add_worker(f"w{number}")
        jobs = stack.enter_context(JobsClient(daemons.address))
        spark = headrace.connect(daemons.address)
        stack.callback(spark.stop)
        yield Chaos(daemons, spark, jobs)
