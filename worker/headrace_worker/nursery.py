"""Forks executors from a process that has their libraries loaded, so that one is ready in milliseconds.

Loading DuckDB, Arrow and NumPy costs an executor half a second of CPU: at the start of a worker once for every core,
and again whenever one has died. The daemon cannot fork executors itself, since it has threads and gRPC. So it forks the
nursery before it has either; the nursery loads the libraries, never starts a thread, and forks on request.

    daemon ─one byte with the executor's socket→ nursery ─fork→ executor
           ←pid forked, pid ended─────────────

The nursery ends when the daemon does (its socket reaches the end), and with it its executors (`die_with_parent`).
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import select
import signal
import socket
import struct
import sys
import traceback
from collections import deque
from dataclasses import dataclass
from typing import NoReturn

_EVENT = struct.Struct("<cii")
"""What the nursery tells: b"f", pid, 0 for one forked; b"e", pid, exit code (negative: killed by that signal)."""
_FORK = b"f"


class NurseryGone(Exception):
    """The nursery has died; executors have to be started as programs of their own."""


@dataclass(frozen=True, slots=True)
class ForkedProcess:
    """An executor forked by the nursery."""

    pid: int
    ended: asyncio.Future[int]

    @property
    def returncode(self) -> int | None:
        """The exit code, None while it runs."""
        return self.ended.result() if self.ended.done() else None

    async def wait(self) -> int:
        """The exit code, once it has ended; negative where a signal killed it."""
        return await asyncio.shield(self.ended)

    def kill(self) -> None:
        """Ends it at once."""
        if not self.ended.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


class Nursery:
    """The daemon's end. Make it by `open` before the daemon has threads, call the rest on the event loop."""

    def __init__(self, connection: socket.socket, pid: int) -> None:
        self.pid = pid
        self._connection = connection
        self._forking: deque[asyncio.Future[ForkedProcess]] = deque()
        self._running: dict[int, asyncio.Future[int]] = {}
        self._listening = False
        self.is_gone = False

    @classmethod
    def open(cls) -> Nursery | None:
        """Forks the nursery from this process, which must have one thread only. None on systems other than Linux, whose
        libraries may start threads when they are loaded.
        """
        if sys.platform != "linux":
            return None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            ours.close()
            _serve(theirs)
        theirs.close()
        ours.setblocking(False)
        return cls(ours, pid)

    async def fork(self, connection: socket.socket) -> ForkedProcess:
        """Starts an executor on its end of a socket pair; raises NurseryGone."""
        loop = asyncio.get_running_loop()
        if not self._listening:
            loop.add_reader(self._connection, self._hear)
            self._listening = True
        if self.is_gone:
            raise NurseryGone
        forked: asyncio.Future[ForkedProcess] = loop.create_future()
        self._forking.append(forked)
        try:
            socket.send_fds(self._connection, [_FORK], [connection.fileno()])
        except OSError:
            self._lose()
        return await forked

    def close(self) -> None:
        """Ends the nursery and whatever it has forked."""
        if self._listening:
            asyncio.get_running_loop().remove_reader(self._connection)
        self._connection.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def _hear(self) -> None:
        while True:
            try:
                data = self._connection.recv(_EVENT.size)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._lose()
                return
            kind, pid, code = _EVENT.unpack(data)
            if kind == _FORK:
                self._running[pid] = ended = asyncio.get_running_loop().create_future()
                process, waiting = ForkedProcess(pid, ended), self._forking.popleft()
                if waiting.done():
                    process.kill()  # whoever asked was cancelled
                else:
                    waiting.set_result(process)
            else:
                self._running.pop(pid).set_result(code)

    def _lose(self) -> None:
        """The nursery has died, and its executors with it."""
        if self.is_gone:
            return
        self.is_gone = True
        if self._listening:
            asyncio.get_running_loop().remove_reader(self._connection)
            self._listening = False
        for forked in self._forking:
            if not forked.done():
                forked.set_exception(NurseryGone())
        for ended in self._running.values():
            ended.set_result(-signal.SIGKILL)
        self._forking.clear()
        self._running.clear()


def _serve(connection: socket.socket) -> NoReturn:
    """In the nursery: loads what executors need, forks until the daemon is gone, and never returns."""
    try:
        # Ctrl-C in a terminal and a service manager's SIGTERM reach the whole group; stopping is the daemon's business.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.dup2(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), 0)
        # Kernels use threads of their own; libraries must not start more.
        os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
        import headrace_worker.executor.session  # noqa: F401

        # What is loaded stays; a collection in an executor must not touch, and so copy, its pages.
        gc.freeze()
        child_ended, wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        while True:
            readable, _, _ = select.select([connection.fileno(), child_ended], [], [])
            if child_ended in readable:
                os.read(child_ended, 4096)
            _reap(connection)
            if connection.fileno() in readable and not _fork_one(connection):
                break
    except BaseException:  # noqa: BLE001  (the daemon must not go on as two processes)
        traceback.print_exc()
    finally:
        os._exit(0)


def _reap(connection: socket.socket) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            connection.send(_EVENT.pack(b"e", pid, os.waitstatus_to_exitcode(status)))


def _fork_one(connection: socket.socket) -> bool:
    """One request; False when the daemon has left."""
    data, descriptors, _, _ = socket.recv_fds(connection, 1, 1)
    if not data:
        return False
    # A SIGTERM that comes before the child has stopped ignoring it must not be lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    pid = os.fork()
    if pid == 0:
        connection.close()
        _become_executor(descriptors[0])
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    os.close(descriptors[0])
    connection.send(_EVENT.pack(_FORK, pid, 0))
    return True


def _become_executor(descriptor: int) -> NoReturn:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    from headrace_worker.executor.session import serve

    code = 0
    try:
        serve(descriptor)
    except BaseException:  # noqa: BLE001  (the process ends here, one way or the other)
        traceback.print_exc()
        code = 70
    # Skips interpreter shutdown: the kernel's binding complains about objects still alive then.
    sys.stderr.flush()
    os._exit(code)
