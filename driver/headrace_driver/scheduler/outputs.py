"""What a stage's finished tasks left behind and who holds it: arrays by partition, never an object a partition pair."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Set

import numpy as np
import numpy.typing as npt

from headrace_driver.plan import size_codes
from headrace_driver.plan.stage import OutputKind, ShuffleRead, StageSpec, StageStats
from headrace_driver.scheduler.events import TaskFinished
from headrace_driver.scheduler.identity import OutputKey
from headrace_driver.scheduler.workers import WorkerState
from headrace_proto.v1 import common_pb2, task_pb2

NOBODY = -1
"""Not computed, or lost."""
NOT_RECREATED = 1 << 62
"""Launch number no attempt reaches: of an output that is lost and not there again."""
DRIVER = -2
"""Travels with the metadata, lies in committed files, or was read by the client: no worker's loss can take it."""


CELLS_MAX = 16_000_000
"""Largest maps × reducers of which every size is kept, a byte each; beyond it only the sums by reducer."""


class StageOutputs:
    """Holder, attempt and sizes of each partition's output. Some 70 bytes a task; sizes take a byte a map and reducer
    where they are few, else eight bytes a reducer."""

    def __init__(self, spec: StageSpec) -> None:
        count = len(spec.tasks)
        self.spec = spec
        self.holder = array("i", [NOBODY]) * count
        self.copies: dict[int, tuple[int, ...]] = {}
        """Who else holds the output of a partition, by index: of stages with replicas."""
        self.attempt = array("I", [0]) * count
        self.rows = array("Q", [0]) * count
        self.bytes = array("Q", [0]) * count
        self.checksum = array("Q", [0]) * count
        """Kept when an output is lost, to tell whether its rerun gave the same."""
        self.size_codes: list[bytes] = [b""] * count
        self._reducer_bytes: npt.NDArray[np.float64] | None = None
        """Sums by reducer over maps that have finished once: a rerun is taken to give the same sizes."""
        if spec.kind is OutputKind.SHUFFLE and count * spec.reducers > CELLS_MAX:
            self._reducer_bytes = np.zeros(spec.reducers)
            self._summed = bytearray(count)
        self.inline: dict[int, task_pb2.InlineBlocks] = {}
        self.files: dict[int, tuple[task_pb2.WrittenFile, ...]] = {}
        self.samples: dict[int, bytes] = {}
        self.epoch = 0
        """Counts the times the stage became complete: names one version of the output table."""
        self.recreated: dict[int, int] = {}
        """For maps that were lost, the launch number from which attempts know of the new copy."""
        self.given_up: set[int] = set()
        """Lost partitions of which the copy that counted may still exist, with a worker that was given up."""
        self.moved = False
        """Some holder changed since the last version of the output table."""

    def record(self, partition: int, attempt: int, worker: WorkerState | None, done: TaskFinished) -> None:
        """Notes the output of the attempt that counts."""
        self.given_up.discard(partition)
        in_memory = done.inline_blocks is not None or self.spec.kind is OutputKind.FILES
        self.holder[partition] = DRIVER if in_memory else NOBODY if worker is None else worker.index
        self.copies.pop(partition, None)
        self.attempt[partition] = attempt
        self.rows[partition] = done.rows
        self.bytes[partition] = done.output_bytes
        self.checksum[partition] = done.checksum
        if self._reducer_bytes is None:
            self.size_codes[partition] = done.size_codes
        elif not self._summed[partition]:
            self._summed[partition] = 1
            if done.size_codes:
                size_codes.add_codes(self._reducer_bytes, done.size_codes)
        if done.inline_blocks is not None:
            self.inline[partition] = done.inline_blocks
        if done.files:
            self.files[partition] = done.files
        if done.sample:
            self.samples[partition] = done.sample

    def give_up(self, partition: int) -> None:
        """The output of this partition is out of reach; sizes are kept should its holder come back."""
        self.holder[partition] = NOBODY
        self.copies.pop(partition, None)
        self.given_up.add(partition)

    def restore(self, partition: int, worker: WorkerState) -> None:
        """A copy of the output that counts is held by this worker."""
        self.holder[partition] = worker.index
        self.drop_copy(partition, worker)
        self.given_up.discard(partition)
        self.moved = True

    def add_copy(self, partition: int, worker: WorkerState) -> None:
        """One more worker holds the output that counts."""
        copies = self.copies.get(partition, ())
        if worker.index != self.holder[partition] and worker.index not in copies:
            self.copies[partition] = (*copies, worker.index)

    def drop_copy(self, partition: int, worker: WorkerState) -> None:
        """The worker is not one of those that hold a copy."""
        if copies := self.copies.pop(partition, None):
            left = tuple(index for index in copies if index != worker.index)
            if left:
                self.copies[partition] = left

    def forget_copies(self, worker: WorkerState, held: Set[tuple[int, int]] = frozenset()) -> None:
        """The worker has no copies but of these (partition, attempt)."""
        for partition in list(self.copies):
            if (partition, self.attempt[partition]) not in held:
                self.drop_copy(partition, worker)

    def promote(self, partition: int) -> bool:
        """The holder of this partition does not count any more; a copy takes its place where there is one."""
        copies = self.copies.pop(partition, None)
        if not copies:
            return False
        self.holder[partition] = copies[0]
        if copies[1:]:
            self.copies[partition] = copies[1:]
        self.moved = True
        return True

    def forget(self, partition: int) -> None:
        """The output of this partition is gone."""
        self.given_up.discard(partition)
        self.holder[partition] = NOBODY
        self.copies.pop(partition, None)
        self.size_codes[partition] = b""
        self.inline.pop(partition, None)
        self.files.pop(partition, None)
        self.samples.pop(partition, None)

    def consume(self, partition: int) -> None:
        """The client has read it: nothing is kept, nothing can be lost."""
        self.inline.pop(partition, None)
        self.copies.pop(partition, None)
        self.holder[partition] = DRIVER

    def held_by(self, worker: WorkerState) -> list[int]:
        """Partitions whose output this worker holds."""
        holders = np.frombuffer(self.holder, dtype=np.int32)
        found: list[int] = np.nonzero(holders == worker.index)[0].tolist()
        return found

    def add_held_bytes(self, held: dict[int, int], read: ShuffleRead) -> None:
        """Adds what each worker (by index) holds of the maps that a task reads of a kept stage."""
        last = read.map_first + read.map_count if read.map_count else len(self.holder)
        for partition in range(read.map_first, last):
            index = self.holder[partition]
            if index >= 0:
                held[index] = held.get(index, 0) + self.bytes[partition]

    def holder_indices(self) -> Iterator[int]:
        """Indices of the workers that readers are told of."""
        # A set, not np.unique: the first call of that loads half of NumPy, and a set of small numbers is as quick.
        return (index for index in sorted(set(self.holder)) if index >= 0)

    def places(self) -> set[int]:
        """Indices of all workers that hold something, copies included."""
        return {*self.holder_indices(), *(index for copies in self.copies.values() for index in copies)}

    def stats(self) -> StageStats:
        """What the planner learns. Call when every partition has been recorded."""
        spec = self.spec
        shuffles = spec.kind is OutputKind.SHUFFLE
        if self._reducer_bytes is not None:
            by_reducer = self._reducer_bytes.astype(np.int64).tolist()
        elif shuffles:
            by_reducer = size_codes.sums_by_reducer(self.size_codes, spec.reducers)
        else:
            by_reducer = [sum(self.bytes)]
        return StageStats(
            stage_id=spec.stage_id,
            rows=sum(self.rows),
            bytes=sum(self.bytes),
            partition_bytes=by_reducer,
            size_codes=tuple(self.size_codes) if shuffles and self._reducer_bytes is None else (),
            samples=tuple(self.samples[partition] for partition in sorted(self.samples)),
            files=tuple(file for partition in sorted(self.files) for file in self.files[partition]),
        )

    def table(self, key: OutputKey, workers: dict[int, WorkerState]) -> task_pb2.OutputTable:
        """Where every map's blocks are; the shell fills in addresses."""
        indices = list(self.holder_indices())
        position = {index: at for at, index in enumerate(indices)}
        return task_pb2.OutputTable(
            output=common_pb2.OutputId(job_id=key.job_id, stage_id=key.stage_id),
            epoch=self.epoch,
            holders=[task_pb2.Holder(worker_id=workers[index].worker_id) for index in indices],
            map_partition=range(len(self.holder)),
            map_attempt=self.attempt,
            map_holder=[position.get(index, 0) for index in self.holder],
            inline_blocks=[self.inline[partition] for partition in sorted(self.inline)],
            reducers=self.spec.reducers,
        )
