"""One driver at a time holds a journal."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from pathlib import Path

from headrace.errors import RefusedError


class DirectoryLock:
    """An exclusive lock on a file, given up by the system when the process ends, however it ends."""

    def __init__(self, directory: Path) -> None:
        """Raises RefusedError when another process holds it."""
        path = directory / "lock"
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._file, 200, 0).decode(errors="replace").strip() or "another process"
            os.close(self._file)
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            raise RefusedError(
                f"The journal {directory} is in use by {holder}. Two drivers cannot share a journal: stop that one "
                "first, or give this one another directory with --journal."
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"the driver with process id {os.getpid()} on {socket.gethostname()}".encode(), 0)

    def release(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
