"""The process between a program and its local cluster: it forks the driver and the workers and outlives the program.

    program ─stdin: JSON commands, then end of file→ supervisor ─fork→ driver, workers
            ←stdout: JSON events────────────────────

It imports what the daemons need once and forks them: on two cores that is the difference between one second to a
running cluster and three, and the pages are shared. It must therefore stay without threads and gRPC objects itself.
When the program ends, by itself or killed, the pipe reaches its end; then the supervisor ends the daemons and removes
the cluster's directory. Daemons watch the supervisor in turn, so that killing it leaves nothing behind either.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import select
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.without_pandas import forbid_pandas

if TYPE_CHECKING:
    from headrace_worker.nursery import Nursery

_POLL_INTERVAL_S = 0.2
"""How soon a dead child is noticed."""
_PARENT_CHECK_INTERVAL_S = 0.5
_STOP_TIMEOUT_S = 8.0
"""After SIGTERM; what still runs then is killed."""

_EVENTS_FD = 100
"""Far above what the imports open."""

_PRELOADED = ("headrace_driver.daemon", "headrace_worker.daemon", "headrace_worker.executor.session")


def main() -> None:
    """`python -m headrace.supervisor DIRECTORY PARENT_PID`."""
    directory, parent_pid = Path(sys.argv[1]), int(sys.argv[2])
    # A terminal's Ctrl-C is for the program; it decides when the cluster ends.
    os.setsid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Whatever a daemon prints must not get between the events.
    os.dup2(1, _EVENTS_FD, inheritable=False)
    os.dup2(2, 1)
    forbid_pandas()
    for module in _PRELOADED:
        importlib.import_module(module)
    supervisor = _Supervisor(directory, parent_pid)
    try:
        supervisor.serve()
    finally:
        supervisor.stop_all()
        shutil.rmtree(directory, ignore_errors=True)
        # Nothing is left that an orderly interpreter shutdown, half a second with these imports, could be good for.
        os._exit(0)


@dataclass(slots=True)
class _Supervisor:
    directory: Path
    parent_pid: int
    children: dict[int, str] = field(default_factory=dict)
    """Process id to label."""

    def serve(self) -> None:
        """Obeys commands until the program is gone."""
        pending = b""
        while os.getppid() == self.parent_pid:
            readable, _, _ = select.select([0], [], [], _POLL_INTERVAL_S)
            if readable:
                data = os.read(0, 1 << 16)
                if not data:
                    return
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    self._obey(json.loads(line))
            self._reap()

    def _obey(self, command: Mapping[str, Any]) -> None:
        label: str = command["label"]
        pid = os.fork()
        if pid == 0:
            _become(command["daemon"], label, self.directory, command["settings"])
        self.children[pid] = label
        _tell({"event": "started", "label": label, "pid": pid})

    def _reap(self) -> None:
        while self.children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            label = self.children.pop(pid, "")
            _tell({"event": "ended", "label": label, "pid": pid, "exit_code": os.waitstatus_to_exitcode(status)})

    def stop_all(self) -> None:
        """Workers first, so that the driver sees them leave; whoever does not end in time is killed."""
        deadline_s = time.monotonic() + _STOP_TIMEOUT_S
        for pid in reversed(self.children):
            os.kill(pid, signal.SIGTERM)
        while self.children and time.monotonic() < deadline_s:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid:
                self.children.pop(pid, None)
            else:
                time.sleep(0.01)
        for pid in self.children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _tell(event: Mapping[str, Any]) -> None:
    """Short lines, so that those of several processes never mix in the pipe. A program that is gone hears nothing."""
    with contextlib.suppress(BrokenPipeError):
        os.write(_EVENTS_FD, json.dumps(event).encode() + b"\n")


def _become(daemon: str, label: str, directory: Path, flags: Mapping[str, Any]) -> None:
    """In the forked child: runs the daemon and never returns."""
    exit_code = 1
    try:
        log = os.open(directory / f"{label}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.dup2(null, 0)
        os.close(log)
        os.close(null)
        # Before there are threads.
        nursery = _open_nursery() if daemon == "worker" else None
        threading.Thread(target=_end_with_parent, args=(os.getppid(),), name="parent-watch", daemon=True).start()
        exit_code = asyncio.run(_run(daemon, label, flags, nursery))
    except BaseException:  # noqa: BLE001 - whatever it was belongs into the log, and the child must not go on
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(exit_code)


def _open_nursery() -> Nursery | None:
    from headrace_worker.nursery import Nursery

    return Nursery.open()


async def _run(daemon: str, label: str, flags: Mapping[str, Any], nursery: Nursery | None) -> int:
    from headrace.daemons import driver_config, worker_config
    from headrace.log import configure
    from headrace.settings import registry
    from headrace.settings.resolve import from_flags

    settings = from_flags({name: tuple(value) if isinstance(value, list) else value for name, value in flags.items()})
    configure(settings.get(registry.LOG_FORMAT), settings.get(registry.LOG_LEVEL))

    def ready(address: str, http: str = "") -> None:
        _tell({"event": "ready", "label": label, "address": address, "http": http})

    if daemon == "driver":
        from headrace_driver.daemon import run_driver

        await run_driver(driver_config(settings), lambda addresses: ready(addresses.grpc, addresses.http))
        return 0
    from headrace_worker.daemon import run_worker

    return await run_worker(worker_config(settings), ready, nursery)


def _end_with_parent(parent_pid: int) -> None:
    """Ends this daemon in order when the supervisor is gone, and by force when the order takes too long.

    In a thread, so that it works while the event loop hangs.
    """
    while os.getppid() == parent_pid:
        time.sleep(_PARENT_CHECK_INTERVAL_S)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_STOP_TIMEOUT_S)
    os._exit(1)


if __name__ == "__main__":
    main()
