"""What a reducer has to fetch for one slice, where from, and how that can fail. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from headrace_proto.v1 import common_pb2, task_pb2


class FetchError(Exception):
    """Blocks of a parent stage could not be had. `reason` is a value of FetchFailed.Reason."""

    def __init__(
        self, output: tuple[int, int], worker_id: str, maps: Sequence[int], reason: int, detail: object
    ) -> None:
        name = common_pb2.FetchFailed.Reason.Name(reason)
        super().__init__(f"{name}: maps {list(maps)[:10]} of stage {output[1]} from worker {worker_id!r}: {detail}")
        self.output = output
        self.worker_id = worker_id
        self.maps = tuple(maps)
        self.reason = reason
        self.detail = str(detail)


class FetchCancelled(Exception):
    """The task was cancelled while it read blocks."""


class Block(NamedTuple):
    """One decoded block: its raw body, its rows, and the bytes it took on disk or on the wire."""

    body: bytes | memoryview
    rows: int
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class MapSource:
    """The attempt of one map that the driver has chosen."""

    map_partition: int
    attempt: int


@dataclass(frozen=True, slots=True)
class InlineSource:
    """A map output small enough to have come with the task."""

    map_partition: int
    data: bytes
    index: bytes


@dataclass(frozen=True, slots=True)
class FetchPlan:
    """What to read for one slice: reducers [first, first + count) of these map outputs."""

    output: tuple[int, int]
    first_reducer: int
    reducer_count: int
    inline: tuple[InlineSource, ...]
    held: tuple[tuple[int, tuple[MapSource, ...]], ...]
    """(index of the holder, its maps), for the outputs that lie on some worker's disks."""


def plan_fetch(table: task_pb2.OutputTable, piece: task_pb2.ShuffleSlice) -> FetchPlan:
    """Sorts the maps of a slice by where their blocks are."""

    def wanted(map_partition: int) -> bool:
        return not piece.map_count or 0 <= map_partition - piece.map_first < piece.map_count

    carried = {blocks.map_partition for blocks in table.inline_blocks}
    by_holder: dict[int, list[MapSource]] = {}
    for map_partition, attempt, holder in zip(table.map_partition, table.map_attempt, table.map_holder, strict=True):
        if map_partition not in carried and wanted(map_partition):
            by_holder.setdefault(holder, []).append(MapSource(map_partition, attempt))
    return FetchPlan(
        output=(table.output.job_id, table.output.stage_id),
        first_reducer=piece.first_reducer,
        reducer_count=piece.reducer_count,
        inline=tuple(
            InlineSource(blocks.map_partition, blocks.data, blocks.index)
            for blocks in table.inline_blocks
            if wanted(blocks.map_partition)
        ),
        held=tuple((holder, tuple(maps)) for holder, maps in sorted(by_holder.items())),
    )
