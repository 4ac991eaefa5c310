"""Local directories offered to the cluster: which files they hold, with the Parquet footers the driver plans by."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from headrace_proto.v1 import cluster_pb2

FOOTER_BYTES_MAX = 1 << 20
_TAIL = struct.Struct("<I4s")


class DataListing:
    """Lists directories again and again and says which have changed; footers of unchanged files are not read again."""

    def __init__(self, data: Sequence[tuple[str, str]]) -> None:
        self._data = data
        self._known: dict[str, cluster_pb2.DataDirectory] = {}
        self._footers: dict[tuple[str, int, int], bytes] = {}

    def refresh(self) -> list[cluster_pb2.DataDirectory]:
        """Whole listings of the names that changed since the last call. Does I/O: call off the event loop."""
        changed = []
        footers: dict[tuple[str, int, int], bytes] = {}
        for name, path in self._data:
            listing = cluster_pb2.DataDirectory(name=name, path=str(Path(path).absolute()))
            listing.files.extend(self._files(Path(path).absolute(), footers))
            if self._known.get(name) != listing:
                self._known[name] = listing
                changed.append(listing)
        self._footers = footers
        return changed

    def everything(self) -> list[cluster_pb2.DataDirectory]:
        """The listings as of the last refresh."""
        return list(self._known.values())

    def _files(self, root: Path, footers: dict[tuple[str, int, int], bytes]) -> Iterator[cluster_pb2.HeldFile]:
        for parent, folders, names in os.walk(root):
            folders[:] = sorted(folder for folder in folders if not _hidden(folder))
            for name in sorted(names):
                path = os.path.join(parent, name)
                try:
                    stat = os.stat(path)
                except OSError:
                    continue  # gone since the walk
                if _hidden(name) or not os.path.isfile(path):
                    continue
                key = (path, stat.st_size, stat.st_mtime_ns)
                footers[key] = self._footers[key] if key in self._footers else parquet_footer(path, stat.st_size)
                yield cluster_pb2.HeldFile(
                    path=path,
                    relative_path=os.path.relpath(path, root),
                    bytes=stat.st_size,
                    modified_us=stat.st_mtime_ns // 1000,
                    parquet_footer=footers[key],
                )


def parquet_footer(path: str, size: int) -> bytes:
    """The Thrift footer as in the file; empty for other formats, damaged files and footers that are too large."""
    if size < 12:
        return b""
    try:
        with open(path, "rb") as file:
            file.seek(size - _TAIL.size)
            length, magic = _TAIL.unpack(file.read(_TAIL.size))
            if magic != b"PAR1" or length > min(FOOTER_BYTES_MAX, size - 12):
                return b""
            file.seek(size - _TAIL.size - length)
            return file.read(length)
    except (OSError, struct.error):
        return b""


def _hidden(name: str) -> bool:
    """Names Spark passes over in data directories."""
    return name.startswith((".", "_"))
