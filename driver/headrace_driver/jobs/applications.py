"""Python applications run next to the driver: one process each, in a private directory, ended with its caller."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import structlog

from headrace_proto.v1 import jobs_pb2

APPLICATIONS_MAX = 16
"""At once. Each is a Python process of some 100 MB beside the driver; more belong on hosts of their own."""
_CHUNK_BYTES = 64 << 10
_CHUNKS_AHEAD = 16
"""Output waiting for a slow reader: 1 MB, then the program's writes block."""
_TERMINATE_S = 2.0
"""Between SIGTERM and SIGKILL."""

_TIED = """\
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Becomes the program after telling the system to end it with the driver, however that ends (PR_SET_PDEATHSIG): nobody
would hear of it any more. Not done between fork and exec, where a process with threads must not run Python."""

_log = structlog.get_logger("headrace.applications")


class TooManyApplications(Exception):
    """The bound on applications at once is reached."""


class BadApplication(Exception):
    """The request cannot be run; the text says why."""


@dataclass(frozen=True, slots=True)
class ApplicationSettings:
    """`connection` gives the variables that lead the program of an application id to this driver, its token included;
    it is called when a program starts, since the port may be known only then. `ended` is told when one has ended."""

    directory: Path
    connection: Callable[[str], Mapping[str, str]]
    ended: Callable[[str], None] = lambda _: None
    python: str = field(default=sys.executable)


class Applications:
    """Runs submitted programs."""

    def __init__(self, settings: ApplicationSettings) -> None:
        self._settings = settings
        self._running = 0
        self._submitted = 0

    async def run(self, request: jobs_pb2.SubmitApplicationRequest) -> AsyncGenerator[jobs_pb2.ApplicationEvent, None]:
        """Events of one program, its exit code last. Leaving the iteration kills it with all its children."""
        name = _program_name(request.name)
        if self._running >= APPLICATIONS_MAX:
            raise TooManyApplications(
                f"{APPLICATIONS_MAX} applications are running on the driver's host already; wait for one to end, or "
                "run the program on a host of your own with SPARK_REMOTE set."
            )
        self._running += 1
        self._submitted += 1
        application_id = f"application-{self._submitted}"
        try:
            self._settings.directory.mkdir(parents=True, exist_ok=True)
            directory = Path(tempfile.mkdtemp(prefix=f"{application_id}-", dir=self._settings.directory))
            try:
                (directory / name).write_bytes(request.program)
                yield jobs_pb2.ApplicationEvent(application_id=application_id)
                async with aclosing(self._execute(directory, name, request, application_id)) as events:
                    async for event in events:
                        yield event
            finally:
                shutil.rmtree(directory, ignore_errors=True)
                self._settings.ended(application_id)
        finally:
            self._running -= 1

    async def _execute(
        self, directory: Path, name: str, request: jobs_pb2.SubmitApplicationRequest, application_id: str
    ) -> AsyncGenerator[jobs_pb2.ApplicationEvent, None]:
        python = self._settings.python
        process = await asyncio.create_subprocess_exec(
            *(python, "-I", "-S", "-c", _TIED, str(os.getpid())),
            python,
            str(directory / name),
            *request.arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=directory,
            env=self._environment(request.environment, application_id),
            start_new_session=True,
        )
        _log.info("application started", application=application_id, program=name, pid=process.pid)
        assert process.stdout is not None
        assert process.stderr is not None
        queue: asyncio.Queue[jobs_pb2.ApplicationEvent | None] = asyncio.Queue(_CHUNKS_AHEAD)
        readers = [
            asyncio.create_task(_forward(process.stdout, lambda data: jobs_pb2.ApplicationEvent(stdout=data), queue)),
            asyncio.create_task(_forward(process.stderr, lambda data: jobs_pb2.ApplicationEvent(stderr=data), queue)),
        ]
        try:
            open_streams = len(readers)
            while open_streams:
                event = await queue.get()
                if event is None:
                    open_streams -= 1
                else:
                    yield event
            code = await process.wait()
            _log.info("application ended", application=application_id, exit_code=code)
            yield jobs_pb2.ApplicationEvent(exit_code=code)
        finally:
            for reader in readers:
                reader.cancel()
            await _end(process)

    def _environment(self, asked: Mapping[str, str], application_id: str) -> dict[str, str]:
        """The driver's environment, what the caller set, and the way to this driver, which the caller cannot change.

        The driver's own secrets and addresses stay behind.
        """
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("HEADRACE_")}
        return {
            "PYTHONUNBUFFERED": "1",
            **inherited,
            **asked,
            "SPARK_CONNECT_MODE_ENABLED": "1",
            **self._settings.connection(application_id),
        }


def _program_name(name: str) -> str:
    """The file name without directories; raises BadApplication when there is none."""
    bare = PurePosixPath(name.replace("\\", "/")).name or "application.py"
    if bare in (".", "..") or "\0" in bare:
        raise BadApplication(f"{name!r} is no file name.")
    return bare


async def _forward(
    stream: asyncio.StreamReader,
    wrap: Callable[[bytes], jobs_pb2.ApplicationEvent],
    queue: asyncio.Queue[jobs_pb2.ApplicationEvent | None],
) -> None:
    while data := await stream.read(_CHUNK_BYTES):
        await queue.put(wrap(data))
    await queue.put(None)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ends the program and everything it started, which share its process group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        # The second goes out even when the program obeyed the first: children may have outlived it.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _TERMINATE_S)
