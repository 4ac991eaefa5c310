"""Clusters on this machine: a driver and workers as processes, gone when the program is."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from headrace.address import DriverAddress
from headrace.errors import ClusterError
from headrace.security import from_settings
from headrace.session import open_session
from headrace.settings import Settings, registry, resolve

if TYPE_CHECKING:
    import grpc
    from pyspark.sql.connect.session import SparkSession

    from headrace.jobs import JobsClient
    from headrace_proto.v1 import jobs_pb2

T = TypeVar("T")

_CLOSE_TIMEOUT_S = 12.0
"""Longer than the supervisor grants its children."""
_SESSIONS_TIMEOUT_S = 10.0
"""What PySpark grants one session to end its last calls; here it is for all together."""
_LOG_TAIL_LINES = 30
_DRIVER = "driver"
_WAIT_INTERVAL_S = 0.05


@dataclass(slots=True)
class _Process:
    """What the supervisor has told of one of its children."""

    label: str
    pid: int = 0
    address: str = ""
    http: str = ""
    ready: bool = False
    exit_code: int | None = None
    dismissed: bool = False
    """Killed on purpose."""


class LocalCluster:
    """A driver and `workers` worker processes on this machine.

        with headrace.LocalCluster(workers=2, cores_per_worker=1) as cluster:
            cluster.session().sql("SELECT 1").show()

    They listen on loopback, keep their files in a private directory and end with the program, also when it is killed.
    `memory_per_worker` takes bytes or text like `"2g"`; `data` maps names to directories that every worker offers as
    its own; `settings` are further settings by name, like `{"driver.warehouse": "/data/warehouse"}` (from the command
    line: resolved ones, which replace every other argument). The constructor returns when the driver answers and all
    workers have joined, or raises ClusterError with the end of their logs. With `meanwhile`, which it calls while the
    processes start, it does not wait for the workers.
    """

    def __init__(
        self,
        workers: int | None = None,
        cores_per_worker: int | None = None,
        memory_per_worker: int | str | None = None,
        data: Mapping[str, str | os.PathLike[str]] | None = None,
        token: str = "",
        settings: Settings | Mapping[str, Any] | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> None:
        given = {
            **(settings if settings is not None and not isinstance(settings, Settings) else {}),
            "local.workers": workers,
            "local.cores_per_worker": cores_per_worker,
            "local.memory_per_worker": memory_per_worker,
            "worker.data": tuple(f"{name}={os.fspath(path)}" for name, path in (data or {}).items()),
            "security.token": token or None,
        }
        self._settings = settings if isinstance(settings, Settings) else resolve(given)
        self._security = from_settings(self._settings)
        self._start_timeout_s = self._settings.get(registry.LOCAL_START_TIMEOUT)
        self._owner_pid = os.getpid()
        self._closed = False
        self._sessions: weakref.WeakSet[SparkSession] = weakref.WeakSet()
        self._channels: weakref.WeakSet[grpc.Channel] = weakref.WeakSet()
        """Of the sessions, of those that have been collected, and of clones of them."""
        self._jobs: JobsClient | None = None
        self._next_worker = 0
        self._processes: dict[str, _Process] = {}
        self._changed = threading.Condition()
        self.directory = Path(tempfile.mkdtemp(prefix="headrace-local-"))
        self._supervisor = self._start_supervisor()
        atexit.register(self.close)
        try:
            self._launch(_DRIVER, _DRIVER, self._driver_flags())
            if meanwhile is not None:
                meanwhile()
                self._wait(lambda: self._ready(_DRIVER))
            else:
                self.wait_for_workers()
        except BaseException:
            self.close()
            raise

    @property
    def address(self) -> str:
        """Where PySpark connects: `SparkSession.builder.remote(cluster.address)`."""
        host, _, port = self._driver_address.rpartition(":")
        parameters = {"token": self._security.token} if self._security.token else {}
        # PySpark sends a token without TLS to the name localhost only, not to 127.0.0.1.
        return DriverAddress("localhost" if parameters else host, int(port), parameters).url

    @property
    def http_address(self) -> str:
        """host:port of the driver's /metrics."""
        return self._processes[_DRIVER].http

    @property
    def supervisor_pid(self) -> int:
        """The process above the daemons."""
        return self._supervisor.pid

    def pid(self, label: str) -> int:
        """The process of `driver` or of a worker."""
        return self._processes[label].pid

    @property
    def jobs(self) -> JobsClient:
        """A client of the cluster's Jobs service, made once."""
        if self._jobs is None:
            from headrace.jobs import JobsClient

            self._jobs = JobsClient(self._driver_address, security=self._security)
        return self._jobs

    def session(self) -> SparkSession:
        """A new PySpark session on the cluster, with state of its own. It is stopped when the cluster is closed."""
        session = open_session(self.address, self._security, self._channels.add)
        self._sessions.add(session)
        return session

    def workers(self) -> list[jobs_pb2.WorkerDetail]:
        """The workers as the driver sees them."""
        return list(self.jobs.list_workers())

    def worker_names(self) -> list[str]:
        """Names of the worker processes that run, in the order they were started."""
        with self._changed:
            return [label for label, child in self._processes.items() if label != _DRIVER and child.exit_code is None]

    def wait_for_workers(self) -> None:
        """Returns when every running worker has joined; raises ClusterError where one dies or takes too long."""
        self._wait(self._all_workers_ready)
        self._wait(self._all_workers_joined)

    def add_worker(self) -> str:
        """Starts one more worker and returns its name once it has joined."""
        with self._changed:
            label = self._launch_worker()
        self._wait(lambda: self._ready(label))
        self._wait(self._all_workers_joined)
        return label

    def kill_worker(self, worker: int | str, signal_number: int = signal.SIGKILL) -> str:
        """Kills one worker, by name or by its place among `worker_names()`, and returns its name once it is dead."""
        label = self.worker_names()[worker] if isinstance(worker, int) else worker
        self._processes[label].dismissed = True
        os.kill(self._processes[label].pid, signal_number)
        self._wait(lambda: self._processes[label].exit_code is not None or None)
        return label

    def check_alive(self) -> None:
        """Raises ClusterError where the driver or the supervisor has died; workers may come and go."""
        if self._supervisor.poll() is not None:
            raise ClusterError(self._explain("supervisor", "The local cluster's supervisor has ended."))
        self._ready(_DRIVER)

    def log(self, label: str) -> str:
        """The log of `driver` or of a worker so far."""
        path = self.directory / f"{label}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def close(self) -> None:
        """Stops the sessions, ends the processes and removes their files. Safe to call again, and without effect in a
        forked child."""
        if self._closed or os.getpid() != self._owner_pid:
            return
        self._closed = True
        atexit.unregister(self.close)
        self._stop_sessions()
        if self._jobs is not None:
            self._jobs.close()
        assert self._supervisor.stdin is not None
        self._supervisor.stdin.close()
        try:
            self._supervisor.wait(_CLOSE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._supervisor.kill()
            self._supervisor.wait()
        self._reader.join(_CLOSE_TIMEOUT_S)
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> LocalCluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _stop_sessions(self) -> None:
        """A session left open would call a driver that is gone when the program exits, and try again for minutes.

        What sessions hold goes with their driver, so that nothing is released. On a closed channel calls fail at once
        and are not tried again, also those of a session that nobody has any more.
        """
        for channel in list(self._channels):
            channel.close()
        deadline_s = time.monotonic() + _SESSIONS_TIMEOUT_S
        for session in list(self._sessions):
            if time.monotonic() < deadline_s:
                session.release_session_on_close = False
                type(session).stop(session)  # its own, also where stop() ends the cluster as well

    def _start_supervisor(self) -> subprocess.Popen[bytes]:
        with (self.directory / "supervisor.log").open("wb") as log:
            supervisor = subprocess.Popen(
                [sys.executable, "-m", "headrace.supervisor", str(self.directory), str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(),
            )
        self._reader = threading.Thread(
            target=self._read_events, args=(supervisor,), name="headrace-local", daemon=True
        )
        self._reader.start()
        return supervisor

    def _driver_flags(self) -> dict[str, Any]:
        return {
            **_flags(self._settings, ("driver", "security", "log")),
            "driver.listen_host": "127.0.0.1",
            "driver.listen_port": str(self._settings.get(registry.LOCAL_PORT)),
            "driver.http_port": str(self._settings.get(registry.LOCAL_HTTP_PORT)),
            "driver.directory": str(self.directory / _DRIVER),
            # Nobody else's calls run here, and the program that waits for the end has ended its own.
            "driver.stop_grace": "500ms",
        }

    def _launch_worker(self) -> str:
        label = f"worker-{self._next_worker}"
        self._next_worker += 1
        count = self._settings.get(registry.LOCAL_WORKERS)
        cores = self._settings.get(registry.LOCAL_CORES_PER_WORKER) or max(1, _cores() // count)
        memory_bytes = self._settings.get(registry.LOCAL_MEMORY_PER_WORKER) or _memory_bytes() * 6 // 10 // count
        flags = {
            **_flags(self._settings, ("worker", "security", "log")),
            "cluster.driver": self._driver_address,
            "worker.name": label,
            "worker.listen_host": "127.0.0.1",
            "worker.cores": str(cores),
            "worker.memory": str(memory_bytes),
            "worker.directories": [str(self.directory)],
            # The program that waits for the end wants no more answers.
            "worker.drain": "0",
        }
        self._launch("worker", label, flags)
        return label

    def _launch_first_workers(self) -> None:
        """Called when the driver is ready; by the reading thread, since the constructor may be importing PySpark."""
        # Where the supervisor has ended, whoever waits for the workers sees it.
        with contextlib.suppress(ClusterError):
            for _ in range(self._settings.get(registry.LOCAL_WORKERS)):
                self._launch_worker()

    def _launch(self, daemon: str, label: str, flags: Mapping[str, Any]) -> None:
        self._processes[label] = _Process(label)
        command = json.dumps({"daemon": daemon, "label": label, "settings": flags})
        assert self._supervisor.stdin is not None
        try:
            self._supervisor.stdin.write(command.encode() + b"\n")
            self._supervisor.stdin.flush()
        except BrokenPipeError:
            raise ClusterError(self._explain("supervisor", "The local cluster's supervisor has ended.")) from None

    def _read_events(self, supervisor: subprocess.Popen[bytes]) -> None:
        assert supervisor.stdout is not None
        for line in supervisor.stdout:
            event = json.loads(line)
            with self._changed:
                child = self._processes[event["label"]]
                match event["event"]:
                    case "started":
                        child.pid = event["pid"]
                    case "ready":
                        child.ready, child.address, child.http = True, event["address"], event.get("http", "")
                        if child.label == _DRIVER:
                            self._driver_address = child.address
                            self._launch_first_workers()
                    case "ended":
                        child.exit_code = event["exit_code"]
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def _ready(self, label: str) -> _Process | None:
        child = self._processes[label]
        if child.exit_code is not None:
            raise ClusterError(self._explain(label, f"{label} ended with exit code {child.exit_code}."))
        return child if child.ready else None

    def _all_workers_ready(self) -> bool | None:
        """The driver has to be ready as well: before, no worker has been launched."""
        ready = [self._ready(child.label) for child in self._processes.values() if not child.dismissed]
        return all(ready) or None

    def _all_workers_joined(self) -> bool | None:
        """By the driver's word; a worker is ready a moment before that."""
        joined = {worker.registration.worker_id for worker in self.jobs.list_workers() if worker.state == "alive"}
        return set(self.worker_names()) <= joined or None

    def _wait(self, ready: Callable[[], T | None]) -> T:
        deadline_s = time.monotonic() + self._start_timeout_s
        with self._changed:
            while True:
                found = ready()
                if found is not None:
                    return found
                if self._supervisor.poll() is not None:
                    raise ClusterError(self._explain("supervisor", "The local cluster's supervisor has ended."))
                if time.monotonic() > deadline_s:
                    waiting = next((name for name, child in self._processes.items() if not child.ready), _DRIVER)
                    text = f"{waiting} was not ready within {self._start_timeout_s:g} s."
                    raise ClusterError(self._explain(waiting, text))
                self._changed.wait(_WAIT_INTERVAL_S)

    def _explain(self, label: str, text: str) -> str:
        tail = self.log(label).splitlines()[-_LOG_TAIL_LINES:]
        return "\n".join([text, "The end of its log:", *tail]) if tail else text


def _flags(settings: Settings, sections: tuple[str, ...]) -> dict[str, Any]:
    """The settings somebody has set, as texts for another process."""
    flags: dict[str, Any] = {}
    for setting in registry.REGISTRY.values():
        if setting.section not in sections or not settings.is_set(setting):
            continue
        value = settings.get(setting)
        if setting is registry.WORKER_DATA:
            flags[setting.name] = [f"{name}={path.absolute()}" for name, path in value]
        elif isinstance(value, tuple):
            flags[setting.name] = [str(item) for item in value]
        elif isinstance(value, Path):
            flags[setting.name] = str(value.absolute())
        elif value is not None:
            flags[setting.name] = value if isinstance(value, bool) else str(value)
    return flags


def _environment() -> dict[str, str]:
    """The program's own, with the modules it finds, and NumPy kept to one thread: cores are given out by slots."""
    return {
        "OPENBLAS_NUM_THREADS": "1",
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory_bytes() -> int:
    """RAM of the machine or the limit of this cgroup, whichever is smaller."""
    total_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return total_bytes
    return min(total_bytes, int(limit)) if limit.isdigit() else total_bytes
