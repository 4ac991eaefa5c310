"""A program on an engine as a child process, capped by a memory control group where the machine has one to give."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from benchmarks.control_group import control_group, join, kill_all
from benchmarks.engines import ENGINES
from benchmarks.memory.trees import TreeMemory, TreeSampler

DRIVER_BYTES = 512 << 20
"""What the group may hold beside the workers' memory: driver and client of an engine, however it divides itself."""

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """How one program fared on one engine. `error` None: it finished with the right numbers."""

    engine: str
    program: str
    seconds: float | None
    error: str | None
    peak: TreeMemory
    capped: bool


def run_program(
    engine: str, program: str, memory_mb: int, factor: float, directory: Path, timeout_s: float, log: IO[str]
) -> ProgramRun:
    """Runs it to its end, to the time limit, or until the system ends it."""
    workspace = Path(tempfile.mkdtemp(prefix="headrace-memory-", dir=directory))
    command = [str(ENGINES[engine].python()), "-m", "benchmarks.memory.program", engine, program]
    command += ["--memory-mb", str(memory_mb), "--factor", str(factor), "--directory", str(workspace)]
    said = workspace / "answer"
    with control_group(2 * (memory_mb << 20) + DRIVER_BYTES) as group:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=said.open("w"),
            stderr=log,
            text=True,
            env={**os.environ, "TMPDIR": str(workspace), "SPARK_LOCAL_DIRS": str(workspace)},
            preexec_fn=lambda: join(group),
            start_new_session=True,
        )
        sampler = TreeSampler({engine: child.pid})
        reply, error = _answer(child, said, timeout_s)
        sampler.close()
        _end(child, group)
    shutil.rmtree(workspace, ignore_errors=True)
    peak = sampler.peaks().get(engine, TreeMemory())
    return ProgramRun(engine, program, reply.get("seconds"), reply.get("error", error), peak, group is not None)


def _answer(child: "subprocess.Popen[str]", said: Path, timeout_s: float) -> tuple[dict[str, Any], str | None]:
    """The program's JSON line as soon as it is there: how long an engine takes to end is not asked."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        ended = child.poll() is not None
        for line in said.read_text().splitlines(keepends=True):
            if line.startswith("{") and line.endswith("\n"):
                reply: dict[str, Any] = json.loads(line)
                return reply, None
        if ended:
            return {}, f"ended with code {child.returncode} and no answer"
        time.sleep(0.1)
    return {}, f"no answer within {timeout_s:g} s"


def _end(child: "subprocess.Popen[str]", group: Path | None) -> None:
    """Ends what is left of the child's process group and control group; both are ours alone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    kill_all(group)
