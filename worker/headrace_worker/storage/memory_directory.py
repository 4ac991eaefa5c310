"""A directory in memory (tmpfs), where executors map cached blocks without a copy; gone with the daemon.

A daemon that is killed cannot remove its directory, so every daemon removes what others left behind: a directory
belongs to a daemon as long as that holds the lock on the file in it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

TMPFS = Path("/dev/shm")
"""Memory as a file system. A container may have little of it, or none."""
_PREFIX = f"headrace-{os.getuid()}-"
_LOCK = "lock"


class MemoryDirectory:
    """This daemon's directory, or none where there is no tmpfs."""

    def __init__(self, root: Path = TMPFS) -> None:
        self._lock: IO[bytes] | None = None
        self.path: Path | None = None
        if not os.path.ismount(root) or not os.access(root, os.W_OK | os.X_OK):
            return
        _sweep(root)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
        self._lock = open(self.path / _LOCK, "wb")  # noqa: SIM115  (held until the directory goes)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def close(self) -> None:
        """Gives the memory back."""
        if self.path is not None:
            shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()


def _sweep(root: Path) -> None:
    for left in root.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if left.lstat().st_uid != os.getuid():
                continue
            with open(left / _LOCK, "rb") as file:
                # Raises where its daemon is alive.
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
