"""One executor process as the daemon sees it: started, spoken to, watched, ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass

import psutil
import structlog

from headrace_proto.v1 import executor_pb2
from headrace_worker import frames
from headrace_worker.executor.settings import ExecutorSettings
from headrace_worker.nursery import ForkedProcess, Nursery, NurseryGone

OnMessage = Callable[[str, executor_pb2.FromExecutor], None]
OnExit = Callable[[str, int], None]

_log = structlog.get_logger("headrace.worker")


@dataclass(frozen=True, slots=True)
class Resident:
    """Resident bytes, and those of them that belong to one process only.

    Mapped files (libraries, broadcast tables) are shared by executors and given back by the system when it needs them.
    """

    all_bytes: int
    private_bytes: int


class ExecutorProcess:
    """A child that runs tasks. `on_exit` is called once, whatever ends it."""

    def __init__(
        self, settings: ExecutorSettings, on_message: OnMessage, on_exit: OnExit, nursery: Nursery | None = None
    ) -> None:
        self.executor_id = settings.executor_id
        self._nursery = nursery
        self._settings = settings
        self._on_message = on_message
        self._on_exit = on_exit
        self._process: asyncio.subprocess.Process | ForkedProcess | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The process id; 0 before the start."""
        return self._process.pid if self._process else 0

    async def start(self) -> None:
        """Starts the process; it reports ready by itself."""
        ours, theirs = socket.socketpair()
        try:
            self._process = await self._fork_or_execute(theirs)
        finally:
            theirs.close()
        reader, self._writer = await asyncio.open_connection(sock=ours, limit=8 << 20)
        self._writer.write(frames.pack(self._settings.encode()))
        self._watching = asyncio.create_task(self._watch(reader), name=f"watch-{self.executor_id}")

    async def _fork_or_execute(self, connection: socket.socket) -> asyncio.subprocess.Process | ForkedProcess:
        """By the nursery in milliseconds; without one, or when it has died, as a program that loads its libraries."""
        if self._nursery is not None:
            try:
                return await self._nursery.fork(connection)
            except NurseryGone:
                _log.warning("the nursery has died; executors start slower from now on")
                self._nursery = None
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "headrace_worker.executor",
            str(connection.fileno()),
            pass_fds=(connection.fileno(),),
            stdin=asyncio.subprocess.DEVNULL,
            # Kernels use T threads of their own; libraries must not start more.
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
        )

    def send(self, message: executor_pb2.ToExecutor) -> None:
        """Queues a message; the executor's reading thread takes it at once, so the queue stays short."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(frames.pack(message.SerializeToString()))

    def kill(self) -> None:
        """Ends the process at once."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def stop(self) -> None:
        """Ends the process and waits until it is gone."""
        self.kill()
        if self._watching is not None:
            await self._watching

    def resident(self) -> Resident:
        """Resident memory of the process and its children (UDF processes)."""
        try:
            process = psutil.Process(self.pid)
            members = [process, *process.children(recursive=True)]
        except psutil.Error:
            return Resident(0, 0)
        parts = [_resident(member) for member in members]
        return Resident(sum(part.all_bytes for part in parts), sum(part.private_bytes for part in parts))

    async def _watch(self, reader: asyncio.StreamReader) -> None:
        assert self._process is not None
        try:
            while True:
                length = frames.frame_length(await reader.readexactly(frames.LENGTH.size))
                payload = await reader.readexactly(length)
                self._on_message(self.executor_id, executor_pb2.FromExecutor.FromString(payload))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except Exception:
            self.kill()  # what it sends makes no sense
            raise
        finally:
            if self._writer is not None:
                self._writer.close()
            code = await self._process.wait()
            self._on_exit(self.executor_id, code)


def _resident(process: psutil.Process) -> Resident:
    try:
        memory = process.memory_info()
    except psutil.Error:
        return Resident(0, 0)
    return Resident(int(memory.rss), int(memory.rss - getattr(memory, "shared", 0)))
