"""Where this executor's kernel spills and how much, kept to what the disks have free; attempts that found one full."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from headrace_proto.v1 import common_pb2
from headrace_worker.engine import Engine
from headrace_worker.shuffle.store import BlockStore
from headrace_worker.storage.room import (
    WAIT_S,
    Room,
    Step,
    after_full,
    better_place,
    limit_is_off,
    spill_limit,
)


class Spilling:
    """One executor's. `forget_kernel` is called before the kernel is replaced: nothing made with it is of use then."""

    def __init__(
        self,
        store: BlockStore,
        executor_id: str,
        engine: Engine,
        forget_kernel: Callable[[], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._executor_id = executor_id
        self._engine = engine
        self._forget_kernel = forget_kernel
        self._sleep = sleep
        self._limit_bytes = 0
        self._root = store.root_of(engine.spill_directory)

    def before_task(self, grant_bytes: int) -> None:
        """Looks at the disks: 5 µs where nothing has changed."""
        here = self._store.room(self._root)
        if len(self._store.directories) > 1:
            rooms = [self._store.room(directory) for directory in self._store.directories]
            place = better_place(here, rooms, grant_bytes)
            if place is not None:
                self._move(place)
                here = self._store.room(place)
        self._limit(here, 0)

    def tick(self, held_bytes: int) -> None:
        """Now and then while a task spills, which others may do as well; from any thread but only from one."""
        if held_bytes:
            self._limit(self._store.room(self._root), held_bytes)

    def is_ours(self, full: common_pb2.DiskFull) -> bool:
        """Whether it is a disk of the worker that was full; where files of the user's go is the user's."""
        return any(Path(full.directory).is_relative_to(directory) for directory in self._store.directories)

    def runs_again(self, full: common_pb2.DiskFull, reruns: int, cancelled: threading.Event) -> bool:
        """After an attempt that found a disk full: whether to run it again here. Waits for others' room, bounded."""
        started = time.monotonic()
        while not cancelled.is_set():
            rooms = [self._store.room(directory, besides=self._executor_id) for directory in self._store.directories]
            step, place = after_full(full.needed_bytes, rooms, time.monotonic() - started, reruns)
            if step is Step.GIVE_UP:
                return False
            if step is Step.AGAIN:
                if place != self._root:
                    self._move(place)
                return True
            self._sleep(WAIT_S)
        return False

    def _limit(self, room: Room, held_bytes: int) -> None:
        wanted = spill_limit(room, held_bytes)
        if limit_is_off(self._limit_bytes, wanted):
            self._engine.set_spill_limit(wanted)
            self._limit_bytes = wanted

    def _move(self, root: Path) -> None:
        directory = self._store.spill_directory_in(root, self._executor_id)
        if not self._engine.spill_elsewhere(directory):
            # The kernel keeps to a directory once it has used it.
            self._forget_kernel()
            self._engine.open_again(directory)
        self._root, self._limit_bytes = root, 0
