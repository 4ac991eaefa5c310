"""Files and data that a client uploads into its session, kept in a directory of the session's own."""

from __future__ import annotations

import shutil
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from headrace_driver.connect.handles import invalid_handle
from headrace_driver.connect.invalid_plan import invalid_plan
from headrace_driver.connect.protocol import Proto
from headrace_driver.errors import ErrorKind, SparkError, unsupported

CACHE = "cache/"
SESSION_BYTES_MAX = 20 << 30
"""What one session may upload: the driver's disk is shared by all."""
NAME_PART_BYTES_MAX = 255
"""Of a file's or directory's name, as in most file systems."""

_UNSUPPORTED = {
    "jars": "Java archives (addArtifact of a jar)",
    "classes": "Java classes (addArtifact of a class)",
    "forward_to_fs": "copyFromLocalToFs",
}


class Artifacts:
    """What one session has uploaded, by name. The directory is made with the first artifact."""

    def __init__(self, directory: Path, session_id: str) -> None:
        self._session_id = session_id
        self._directory = directory
        self._sizes: dict[str, int] = {}
        self._lock = threading.Lock()
        """Uploads are written on threads, while the event loop may end the session."""
        self._cleared = False
        self.on_added: Callable[[str, int], None] | None = None
        """Told the name and size of each artifact that is kept."""

    def has(self, name: str) -> bool:
        return name in self._sizes

    def exists(self, name: str) -> bool:
        """What ArtifactStatus answers: Spark tells of cached data only."""
        return name.startswith(CACHE) and name in self._sizes

    def read(self, name: str) -> bytes:
        """The octets of an artifact that is here."""
        return (self._directory / name).read_bytes()

    def path(self, name: str) -> Path:
        """Where an artifact that is here lies."""
        return self._directory / name

    def add(self, name: str, octets: bytes) -> None:
        """Keeps an artifact. Names cannot be changed to other content, except those of cached data (hashes)."""
        _check_name(name)
        with self._lock:
            if self._cleared:
                raise invalid_handle("SESSION_CLOSED", self._session_id)
            self._add(name, octets)

    def _add(self, name: str, octets: bytes) -> None:
        if name in self._sizes and not name.startswith(CACHE) and self.read(name) != octets:
            raise SparkError(
                "ARTIFACT_ALREADY_EXISTS",
                f"The artifact {name} already exists. Please choose a different name for the new artifact because it "
                "cannot be overwritten.",
                {"normalizedRemoteRelativePath": name},
                sql_state="42713",
                kind=ErrorKind.RUNTIME,
            )
        if sum(self._sizes.values()) + len(octets) > SESSION_BYTES_MAX:
            raise unsupported(f"more than {SESSION_BYTES_MAX >> 30} GiB of artifacts in one session")
        target = self._directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(octets)
        self._sizes[name] = len(octets)
        if self.on_added is not None:
            self.on_added(name, len(octets))

    def restore(self, sizes: Mapping[str, int]) -> list[str]:
        """Takes back what an earlier process kept here; returns the names of what is not whole any more."""
        lost = []
        for name, size_bytes in sizes.items():
            path = self._directory / name
            if path.is_file() and path.stat().st_size == size_bytes:
                self._sizes[name] = size_bytes
            else:
                lost.append(name)
        return lost

    def sizes(self) -> dict[str, int]:
        """Bytes by name."""
        return dict(self._sizes)

    def copy_to(self, other: Artifacts) -> None:
        """Gives a cloned session the same artifacts."""
        for name in self._sizes:
            other.add(name, self.read(name))

    def clear(self) -> None:
        """Removes everything from disk; what still comes is refused."""
        with self._lock:
            self._cleared = True
            self._sizes.clear()
            shutil.rmtree(self._directory, ignore_errors=True)


def _check_name(name: str) -> None:
    path = PurePosixPath(name)
    too_long = any(len(part.encode()) > NAME_PART_BYTES_MAX for part in path.parts)
    if (
        not name
        or too_long
        or path.is_absolute()
        or ".." in path.parts
        or "\\" in name
        or "\0" in name
        or str(path) != name
    ):
        raise SparkError(
            "INVALID_ARTIFACT_PATH",
            f"Artifact with name {name} is invalid. The name must be a relative path and cannot reference "
            "parent/sibling/nephew directories.",
            {"name": name},
            sql_state="22023",
            kind=ErrorKind.RUNTIME,
        )
    if path.parts[0] in _UNSUPPORTED:
        raise unsupported(_UNSUPPORTED[path.parts[0]])


@dataclass(slots=True)
class Upload:
    """One AddArtifacts call: takes its messages in order, yields what was received with whether its CRC was right."""

    results: list[tuple[str, bool]] = field(default_factory=list)
    _name: str = ""
    _chunks: list[bytes] = field(default_factory=list)
    _chunks_wanted: int = 0
    _bytes_wanted: int = 0
    _crc_right: bool = True

    def take(self, message: Proto) -> Iterator[tuple[str, bytes]]:
        """The artifacts that this message completes."""
        match message.WhichOneof("payload"):
            case "batch":
                self._require_complete()
                for artifact in message.batch.artifacts:
                    yield from self._complete(artifact.name, artifact.data.data, _crc_right(artifact.data))
            case "begin_chunk":
                self._require_complete()
                begin = message.begin_chunk
                self._name, self._chunks = begin.name, [begin.initial_chunk.data]
                self._chunks_wanted, self._bytes_wanted = begin.num_chunks, begin.total_bytes
                self._crc_right = _crc_right(begin.initial_chunk)
                yield from self._complete_chunked()
            case "chunk":
                if not self._name:
                    raise invalid_plan("ARTIFACT_CHUNK", "A chunk of an artifact came before its beginning.")
                self._chunks.append(message.chunk.data)
                self._crc_right = self._crc_right and _crc_right(message.chunk)
                yield from self._complete_chunked()
            case _:
                raise invalid_plan("ARTIFACT_PAYLOAD", "An AddArtifacts message has no payload.")

    def end(self) -> None:
        """The client has sent everything."""
        self._require_complete()

    def _complete_chunked(self) -> Iterator[tuple[str, bytes]]:
        if len(self._chunks) < self._chunks_wanted:
            return
        octets = b"".join(self._chunks)
        if len(octets) != self._bytes_wanted:
            raise invalid_plan(
                "ARTIFACT_SIZE",
                f"The artifact {self._name} has {len(octets)} bytes, {self._bytes_wanted} were announced.",
            )
        name, self._name, self._chunks = self._name, "", []
        yield from self._complete(name, octets, self._crc_right)

    def _complete(self, name: str, octets: bytes, crc_right: bool) -> Iterator[tuple[str, bytes]]:
        self.results.append((name, crc_right))
        if crc_right:
            yield name, octets

    def _require_complete(self) -> None:
        if self._name:
            raise invalid_plan("ARTIFACT_CHUNK", f"The artifact {self._name} is incomplete.")


def _crc_right(chunk: Proto) -> bool:
    return bool(zlib.crc32(chunk.data) == chunk.crc)
