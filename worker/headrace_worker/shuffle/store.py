"""Where a worker's bytes lie on disk: shuffle files, broadcast files, spill; and what removes them again.

    <directory>/blocks/<job>/<stage>/<map>-<attempt>.data     a map output: blocks ordered by reducer
    <directory>/blocks/<job>/<stage>/<map>-<attempt>.index    its index; written last, so its presence means complete
    <directory>/broadcast/<job>/<stage>-<epoch>.arrow         a broadcast parent, uncompressed, for memory-mapping
    <directory>/spill/<executor>/                             temporary files of one executor's kernel
    <memory>/blocks/...                                       the same for cached rows, on a tmpfs
    <directory>/partial/                                      files being written; renamed into place when finished

The daemon and its executors share this layout without talking about it. Files are named by what they hold, so any of
the worker's directories may hold any file.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace_worker.storage.room import Room

_BLOCKS, _BROADCAST, _SPILL, _PARTIAL = "blocks", "broadcast", "spill", "partial"
DISK_WAITS_S = (0.1, 0.3, 1.0, 2.0)
"""How long a write that finds the disk full waits for others to give up theirs before its task fails: jobs that end
free gigabytes, and a task that waits keeps its work."""

SPILL_FREE_SHARE = 0.5
"""Executors spill in turn to every directory with at least this part of the room that the roomiest has."""

_COPY_BYTES = 4 << 20
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class StoreFull(Exception):
    """No directory has room left for a write. `needed_bytes`: what the whole file needs at least, 0 where unknown."""

    def __init__(self, directory: str, needed_bytes: int) -> None:
        super().__init__(f"no space left in {directory}" + (f" for {needed_bytes} bytes" if needed_bytes else ""))
        self.directory = directory
        self.needed_bytes = needed_bytes


@dataclass(frozen=True, slots=True, order=True)
class MapId:
    """One attempt's output of one map partition."""

    job_id: int
    stage_id: int
    map_partition: int
    attempt: int


@dataclass(frozen=True, slots=True)
class StoredOutput:
    """A finished map output on this host."""

    data: Path
    index: Path
    in_memory: bool = False
    """Cached rows that can be mapped and read as they are."""


@dataclass(frozen=True, slots=True)
class DirectoryUse:
    """One directory's share of the disk, in bytes: what Headrace holds there, and what the file system has left."""

    directory: str
    used_bytes: int
    free_bytes: int


class BlockStore:
    """The directories of one worker."""

    def __init__(self, directories: Sequence[str | Path], memory: Path | None = None) -> None:
        """`memory`: where cached rows lie in memory (tmpfs), laid out as the others."""
        if not directories:
            raise ValueError("a worker needs at least one directory")
        self.directories = tuple(Path(directory) for directory in directories)
        self.memory = memory

    @property
    def everywhere(self) -> tuple[Path, ...]:
        """All places for blocks, memory first."""
        return self.directories if self.memory is None else (self.memory, *self.directories)

    def prepare(self) -> None:
        """Creates the layout, readable by this user only; raises OSError where a directory cannot be written."""
        for directory in self.everywhere:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in (_BLOCKS, _BROADCAST, _SPILL, _PARTIAL):
                (directory / name).mkdir(mode=0o700, exist_ok=True)

    def clear(self) -> None:
        """Removes everything Headrace wrote, and the directories themselves where nothing else is in them."""
        for directory in self.everywhere:
            for name in (_BLOCKS, _BROADCAST, _SPILL, _PARTIAL):
                shutil.rmtree(directory / name, ignore_errors=True)
            with contextlib.suppress(OSError):
                directory.rmdir()

    def find(self, output: MapId) -> StoredOutput | None:
        """The finished output, or None when this worker does not hold it."""
        for directory in self.everywhere:
            stored = _stored(directory, output)
            if stored.index.exists():
                return StoredOutput(stored.data, stored.index, directory is self.memory)
        return None

    def memory_bytes(self, output: MapId) -> int:
        """What a finished output takes in memory; 0 where it is on disk."""
        if self.memory is None:
            return 0
        stored = _stored(self.memory, output)
        try:
            return stored.data.stat().st_size + stored.index.stat().st_size
        except FileNotFoundError:
            return 0

    def move_to_disk(self, output: MapId) -> None:
        """Copies an output from memory to disk and removes it there; readers find one or the other."""
        assert self.memory is not None
        stored = _stored(self.memory, output)
        files = OutputFiles(self.roomiest(), output)
        try:
            with open(stored.data, "rb", buffering=0) as file:
                while chunk := file.read(_COPY_BYTES):
                    files.append([chunk])
            files.finish(stored.index.read_bytes())
        except BaseException:
            files.abandon()
            raise
        stored.index.unlink(missing_ok=True)
        stored.data.unlink(missing_ok=True)

    def drop_map(self, output: MapId) -> None:
        """Removes one output, wherever it lies."""
        for directory in self.everywhere:
            stored = _stored(directory, output)
            stored.index.unlink(missing_ok=True)
            stored.data.unlink(missing_ok=True)

    def start_output(self, output: MapId) -> OutputFiles:
        """A place for a new map output, in the directory with most room."""
        return OutputFiles(self.roomiest(), output)

    def broadcast_path(self, job_id: int, stage_id: int, epoch: int) -> Path:
        """Where the broadcast file belongs. Every executor must come to the same answer: the first directory."""
        return self.directories[0] / _BROADCAST / str(job_id) / f"{stage_id}-{epoch}.arrow"

    def partial_path(self, directory: Path | None = None) -> Path:
        """A name for a file being written that no one else will choose."""
        return (directory or self.roomiest()) / _PARTIAL / uuid.uuid4().hex

    def spill_directory(self, executor_id: str) -> Path:
        """Where one executor's kernel spills; executors take the worker's directories in turn."""
        return self.spill_directory_in(self._spill_root(executor_id), executor_id)

    def spill_directory_in(self, root: Path, executor_id: str) -> Path:
        """The executor's place for spill in one of the worker's directories."""
        path = root / _SPILL / executor_id
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def root_of(self, path: Path) -> Path:
        """Which of the worker's directories something lies in."""
        return next(directory for directory in self.directories if path.is_relative_to(directory))

    def room(self, directory: Path, besides: str = "") -> Room:
        """What one of the directories has left; with what executors other than `besides` spilled, if that is asked."""
        stat = os.statvfs(directory)
        returning = 0
        if besides:
            spill = directory / _SPILL
            returning = sum(_tree_bytes(spill)) - sum(_tree_bytes(spill / besides))
        return Room(directory, stat.f_blocks * stat.f_frsize, stat.f_bavail * stat.f_frsize, max(0, returning))

    def _spill_root(self, executor_id: str) -> Path:
        free = {directory: free_bytes(directory) for directory in self.directories}
        most = max(free.values())
        good = [directory for directory in self.directories if free[directory] >= most * SPILL_FREE_SHARE]
        number = executor_id.rpartition("/")[2]
        return good[int(number) % len(good) if number.isdigit() else 0]

    def roomiest(self) -> Path:
        """The directory whose file system has most space left."""
        if len(self.directories) == 1:
            return self.directories[0]
        return max(self.directories, key=free_bytes)

    def held_outputs(self) -> set[tuple[int, int]]:
        """(job, stage) of every output some map of which is held here."""
        held = set()
        for directory in self.everywhere:
            for job in _entries(directory / _BLOCKS):
                for stage in _entries(job):
                    if any(path.suffix == ".index" for path in _entries(stage)):
                        held.add((int(job.name), int(stage.name)))
        return held

    def held_maps(self) -> dict[tuple[int, int], list[tuple[int, int]]]:
        """(map, attempt) of every finished map output held here, by (job, stage)."""
        held: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for directory in self.everywhere:
            for job in _entries(directory / _BLOCKS):
                for stage in _entries(job):
                    for path in _entries(stage):
                        if path.suffix == ".index":
                            map_partition, _, attempt = path.stem.partition("-")
                            held.setdefault((int(job.name), int(stage.name)), []).append(
                                (int(map_partition), int(attempt))
                            )
        return held

    def drop_output(self, job_id: int, stage_id: int) -> None:
        """Removes one stage's shuffle and broadcast files."""
        for directory in self.everywhere:
            shutil.rmtree(directory / _BLOCKS / str(job_id) / str(stage_id), ignore_errors=True)
            for path in _entries(directory / _BROADCAST / str(job_id)):
                if path.name.startswith(f"{stage_id}-"):
                    path.unlink(missing_ok=True)

    def drop_job(self, job_id: int) -> None:
        """Removes everything a job left here."""
        for directory in self.everywhere:
            shutil.rmtree(directory / _BLOCKS / str(job_id), ignore_errors=True)
            shutil.rmtree(directory / _BROADCAST / str(job_id), ignore_errors=True)

    def drop_spill(self, executor_id: str) -> None:
        """Removes what a dead executor spilled."""
        for directory in self.directories:
            shutil.rmtree(directory / _SPILL / executor_id, ignore_errors=True)

    def broadcast_bytes(self) -> int:
        """What broadcast tables take, once for all executors that map them."""
        return sum(sum(_tree_bytes(directory / _BROADCAST)) for directory in self.directories)

    def uses(self) -> list[DirectoryUse]:
        """Disk use of every directory, by walking it: call off the event loop."""
        return [
            DirectoryUse(str(directory), sum(_tree_bytes(directory)), free_bytes(directory))
            for directory in self.directories
        ]


def _entries(directory: Path) -> list[Path]:
    """What is in a directory; nothing where another thread has just removed it with its job."""
    try:
        return list(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


class OutputFiles:
    """The two files of one map output while they are written; nobody sees them before `finish`."""

    def __init__(self, directory: Path, output: MapId, waits_s: Sequence[float] = DISK_WAITS_S) -> None:
        self._directory = directory
        self._waits_s = waits_s
        self._written_bytes = 0
        self._final = _stored(directory, output)
        self._partial = directory / _PARTIAL / uuid.uuid4().hex
        with no_space_is_typed(directory):
            self._file = open(self._partial, "xb", buffering=0)  # noqa: SIM115  (closed by finish or abandon)

    @property
    def partial(self) -> Path:
        """The data file so far."""
        return self._partial

    def append(self, blocks: Sequence[bytes]) -> None:
        """Writes blocks at the end of the data file."""
        data = b"".join(blocks)
        view = memoryview(data)
        waits_s = iter(self._waits_s)
        while view:
            try:
                with no_space_is_typed(self._directory, self._written_bytes + len(view)):
                    taken = self._file.write(view)
                    self._written_bytes += taken
                    view = view[taken:]
            except StoreFull:
                wait_s = next(waits_s, None)
                if wait_s is None:
                    raise
                time.sleep(wait_s)

    def finish(self, index: bytes) -> StoredOutput:
        """Puts data and index in place, the index last."""
        self._file.close()
        partial_index = self._partial.with_suffix(".index")
        with no_space_is_typed(self._directory, len(index)):
            self._final.data.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            partial_index.write_bytes(index)
            os.replace(self._partial, self._final.data)
            os.replace(partial_index, self._final.index)
        return self._final

    def abandon(self) -> None:
        """Removes what was written; harmless after `finish`."""
        self._file.close()
        self._partial.unlink(missing_ok=True)
        self._partial.with_suffix(".index").unlink(missing_ok=True)


@contextlib.contextmanager
def no_space_is_typed(directory: Path, needed_bytes: int = 0) -> Iterator[None]:
    """Turns the operating system's "no space" into StoreFull, which names the directory."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise StoreFull(str(directory), needed_bytes) from error
        raise


def _stored(directory: Path, output: MapId) -> StoredOutput:
    stage = directory / _BLOCKS / str(output.job_id) / str(output.stage_id)
    name = f"{output.map_partition}-{output.attempt}"
    return StoredOutput(stage / f"{name}.data", stage / f"{name}.index")


def free_bytes(directory: Path) -> int:
    """What the file system of a directory has left for us."""
    stat = os.statvfs(directory)
    return stat.f_bavail * stat.f_frsize


def _tree_bytes(directory: Path) -> Iterator[int]:
    for parent, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                yield os.lstat(os.path.join(parent, name)).st_blocks * 512
