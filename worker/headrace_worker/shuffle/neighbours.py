"""How workers of one host and user find each other's directories, so that their blocks need not cross a socket.

Every worker leaves a small file named by its advertised address in a folder only this user can read. A reducer that
meets a holder on its own host looks there; finding nothing it simply fetches over gRPC.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from headrace_worker.shuffle.store import BlockStore


def meeting_place() -> Path:
    """The folder of this user's workers on this host."""
    return Path(tempfile.gettempdir()) / f"headrace-{os.getuid()}"


def announce(address: str, worker_id: str, directories: Sequence[Path], memory: Path | None = None) -> Path | None:
    """Tells the host's other workers where this worker's blocks lie; None where that cannot be done safely."""
    folder = meeting_place()
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if not _private(folder):
            return None
        path = _record(address)
        partial = path.with_suffix(f".{os.getpid()}")
        record = {"worker_id": worker_id, "directories": [str(d.resolve()) for d in directories]}
        if memory is not None:
            record["memory"] = str(memory)
        partial.write_text(json.dumps(record))
        os.replace(partial, path)
    except OSError:
        return None
    return path


def neighbour_store(address: str, worker_id: str) -> BlockStore | None:
    """The directories of the worker with this address, when it is on this host and they can be read."""
    try:
        if not _private(meeting_place()):
            return None
        record = json.loads(_record(address).read_text())
    except (OSError, ValueError):
        return None
    if record.get("worker_id") != worker_id:
        return None
    directories = [Path(directory) for directory in record["directories"]]
    if not all(os.access(directory, os.R_OK | os.X_OK) for directory in directories):
        return None
    memory = Path(record["memory"]) if record.get("memory") else None
    return BlockStore(directories, memory)


def _record(address: str) -> Path:
    return meeting_place() / (re.sub(r"[^0-9A-Za-z.]", "_", address) + ".json")


def _private(folder: Path) -> bool:
    """Whether the folder is ours alone: names in a temporary directory can be taken by other users first."""
    stat = folder.lstat()
    return stat.st_uid == os.getuid() and stat.st_mode & 0o077 == 0
