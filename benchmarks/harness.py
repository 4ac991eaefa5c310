"""Drives one engine's runner process: requests with a time limit, and the peak memory of its whole process tree."""

import contextlib
import json
import os
import queue
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

from benchmarks.control_group import control_group, join, kill_all
from benchmarks.engines import Engine

SAMPLE_SECONDS = 0.1
START_SECONDS_MAX = 120
START_FAILURES_MAX = 2  # in a row; after that the engine's other queries fail at once
STOP_SECONDS_MAX = 15


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of one query. `seconds` is None when it failed; then `error` says why."""

    seconds: float | None
    rows: int | None
    checksums: tuple[float, ...]
    error: str | None
    peak_bytes: int


class EngineProcess:
    """An engine started in its environment, restarted after it hangs or dies.

    With `cap_bytes` all its processes together live in a memory control group of that size.
    """

    def __init__(
        self, engine: Engine, directory: Path, log_path: Path, memory: str, cores: int, cap_bytes: int | None = None
    ) -> None:
        self.engine = engine
        self._cap_bytes = cap_bytes
        self._group: Path | None = None
        self._held = contextlib.ExitStack()
        self._command = [str(engine.python()), "-m", "benchmarks.runner", engine.name, str(directory)]
        self._command += ["--memory", memory]
        self._log_path = log_path
        self._cpus = sorted(os.sched_getaffinity(0))[:cores]
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._memory: _MemorySampler | None = None
        self._start_failures = 0
        self.start_seconds: float | None = None

    def run(self, sql: str, limit_seconds: float) -> Run:
        """Execute one query. An engine past its limit is killed, and started again for the next one."""
        if self._start_failures >= START_FAILURES_MAX:
            return Run(None, None, (), "did not start, as before", 0)
        try:
            self._ensure_started()
        except _EngineStopped as error:
            self._start_failures += 1
            self.stop(grace_seconds=0)
            return Run(None, None, (), f"did not start: {error}", 0)
        self._start_failures = 0
        assert self._process is not None
        assert self._memory is not None
        self._memory.reset()
        try:
            reply = self._ask({"sql": sql}, limit_seconds)
        except _EngineStopped as error:
            peak = self._memory.peak_bytes
            self.stop(grace_seconds=0)
            return Run(None, None, (), str(error), peak)
        peak = self._memory.peak_bytes
        if "error" in reply:
            return Run(None, None, (), reply["error"], peak)
        return Run(reply["seconds"], reply["rows"], tuple(reply["checksums"]), None, peak)

    def stop(self, grace_seconds: float = STOP_SECONDS_MAX) -> None:
        """End the runner and everything it started, after a time to do so by itself."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        children = _tree(self._process.pid)
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=grace_seconds)
        for process in children:
            with contextlib.suppress(psutil.Error):
                process.kill()
        kill_all(self._group)
        self._process.wait()
        self._held.close()
        if self._memory is not None:
            self._memory.close()
        self._process = None

    def _ensure_started(self) -> None:
        if self._process is not None:
            return
        root = Path(__file__).resolve().parents[1]
        self._group = self._held.enter_context(control_group(self._cap_bytes)) if self._cap_bytes else None
        if self._cap_bytes and self._group is None:
            raise _EngineStopped("this machine gives us no memory control group to cap it with")
        with self._log_path.open("a") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=root,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                preexec_fn=self._confine,
            )
        self._lines = queue.Queue()
        assert self._process.stdout is not None
        threading.Thread(target=_pump, args=(self._process.stdout, self._lines), daemon=True).start()
        self._memory = _MemorySampler(self._process.pid)
        self.start_seconds = self._next_line(START_SECONDS_MAX)["ready"]

    def _confine(self) -> None:
        os.sched_setaffinity(0, self._cpus)
        join(self._group)

    def _ask(self, request: dict[str, Any], limit_seconds: float) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise _EngineStopped(f"the engine's process is gone ({error})") from error
        return self._next_line(limit_seconds)

    def _next_line(self, limit_seconds: float) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=limit_seconds)
        except queue.Empty:
            raise _EngineStopped(f"no answer within {limit_seconds:g} s") from None
        if line is None:
            raise _EngineStopped(f"the engine's process ended; see {self._log_path.name}")
        reply: dict[str, Any] = json.loads(line)
        return reply


class _EngineStopped(Exception):
    """The engine's process ended or was too slow, so it must be started again."""


def _pump(stream: IO[str], lines: "queue.Queue[str | None]") -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


class _MemorySampler:
    """Samples the memory of a process tree until closed.

    Proportional set size, where shared pages count once among the processes that share them; a process that may not
    be looked into that closely counts with its resident set.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._closed = threading.Event()
        self.peak_bytes = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def reset(self) -> None:
        """Start a new peak."""
        self.peak_bytes = self._sample()

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closed.is_set():
            started = time.monotonic()
            self.peak_bytes = max(self.peak_bytes, self._sample())
            # Reading the maps of a large heap takes milliseconds: never spend more than a tenth of the time on it.
            self._closed.wait(max(SAMPLE_SECONDS, 9 * (time.monotonic() - started)))

    def _sample(self) -> int:
        total = 0
        for process in _tree(self._pid):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                try:
                    total += process.memory_full_info().pss
                except psutil.AccessDenied:
                    total += process.memory_info().rss
        return total
