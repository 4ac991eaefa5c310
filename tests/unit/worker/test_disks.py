"""Where files go when there are several directories, and what happens when one is full."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from headrace_worker.shuffle.store import BlockStore, MapId, OutputFiles, StoreFull


class FullDisk:
    """A file that takes `room` bytes, and more once `more` writes have failed."""

    def __init__(self, room: int, more: int) -> None:
        self.room, self.more, self.data = room, more, b""

    def write(self, data: bytes) -> int:
        taken = bytes(data[: self.room])
        if not taken:
            self.more -= 1
            if not self.more:
                self.room = 1000
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= len(taken)
        self.data += taken
        return len(taken)

    def close(self) -> None: ...


def output_on(disk: FullDisk, directory: Path, waits_s: tuple[float, ...]) -> OutputFiles:
    BlockStore([directory]).prepare()
    files = OutputFiles(directory, MapId(1, 1, 0, 0), waits_s)
    files._file.close()
    files._file = disk  # type: ignore[assignment]
    return files


def test_executors_spill_to_the_directories_in_turn(tmp_path: Path) -> None:
    store = BlockStore([tmp_path / "a", tmp_path / "b"])
    store.prepare()
    parents = [store.spill_directory(f"w/{number}").relative_to(tmp_path).parts[0] for number in range(4)]
    assert parents == ["a", "b", "a", "b"]


def test_a_write_waits_for_room_and_goes_on_where_it_was(tmp_path: Path) -> None:
    disk = FullDisk(room=4, more=2)
    output_on(disk, tmp_path, (0, 0)).append([b"abc", b"defg"])
    assert disk.data == b"abcdefg"


def test_a_disk_that_stays_full_says_what_the_file_needs(tmp_path: Path) -> None:
    files = output_on(FullDisk(room=4, more=9), tmp_path, (0, 0))
    with pytest.raises(StoreFull) as caught:
        files.append([b"abc", b"defg"])
    assert caught.value.needed_bytes == 7
    assert caught.value.directory == str(tmp_path)
    files.abandon()
    assert list((tmp_path / "partial").iterdir()) == []
