"""What the planner hands to the scheduler, and what it is told back: stages, tasks, and the sizes they left behind.

The planner compiles a stage when all it reads has been computed, so that real sizes decide how (`QueryPlan.advance`).
The scheduler never looks into programs or slices: it places tasks, keeps track of outputs, and recomputes lost ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, TypeAlias

from headrace_proto.v1 import task_pb2

Octets: TypeAlias = bytes


class OutputKind(Enum):
    """What becomes of a stage's output."""

    SHUFFLE = "shuffle"
    BROADCAST = "broadcast"
    RESULT = "result"
    FILES = "files"
    KEPT = "kept"
    """Cached rows: one block file a task, which tasks of other jobs read until this job is released."""


FINAL_KINDS = frozenset((OutputKind.RESULT, OutputKind.FILES, OutputKind.KEPT))
"""The job ends with a stage of one of these."""


@dataclass(frozen=True, slots=True)
class ShuffleRead:
    """The blocks one task reads of one parent.

    Reducers [first_reducer, first_reducer + reducer_count) of maps [map_first, map_first + map_count); `map_count` 0
    means all maps. `job_id` is not 0 where the parent is the kept stage of another job.
    """

    stage_id: int
    first_reducer: int
    reducer_count: int
    map_first: int = 0
    map_count: int = 0
    job_id: int = 0


@dataclass(frozen=True, slots=True)
class HostPreference:
    """How many of a task's input bytes lie on one host (or with one worker, where `worker` is true)."""

    host: str
    bytes: int
    worker: bool = False


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One partition of one stage. `slices` go to the worker as they are and are never changed."""

    partition: int
    slices: tuple[task_pb2.InputSlice, ...] = ()
    shuffle_reads: tuple[ShuffleRead, ...] = ()
    input_bytes: int = 0
    preferences: tuple[HostPreference, ...] = ()
    strict: bool = False
    """Run on a preferred host or nowhere (worker-held data)."""
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class StageSpec:
    """One stage, compiled. Stage ids are unique within a job; `reads` names the stages whose output its tasks read."""

    stage_id: int
    kind: OutputKind
    program: task_pb2.StageProgram
    tasks: tuple[TaskSpec, ...]
    reads: tuple[int, ...] = ()
    reducers: int = 1
    description: str = ""
    deterministic: bool = True
    """False: a rerun of one task may give other rows, so consumers of a lost output have to run again too."""
    kept_reads: tuple[tuple[int, int], ...] = ()
    """(job, stage) of the kept stages of other jobs whose output the tasks read."""
    replicas: int = 1
    """KEPT: on how many workers each block file should lie."""


@dataclass(frozen=True, slots=True)
class StageStats:
    """What a finished stage left behind, from the statuses of its tasks.

    `partition_bytes[r]` is the sum over maps of (estimated) bytes for reducer r; `size_codes[m][r]` the size code of
    map m for reducer r (see TaskOutput in task.proto), kept only up to a bound, else empty.
    """

    stage_id: int
    rows: int
    bytes: int
    partition_bytes: Sequence[int]
    size_codes: Sequence[Octets] = ()
    samples: Sequence[Octets] = ()
    files: Sequence[task_pb2.WrittenFile] = ()


@dataclass(frozen=True, slots=True)
class ClusterShape:
    """What the planner may know of the cluster when it decides partition counts and broadcasts."""

    slots: int
    threads_per_slot: int
    memory_bytes_per_slot: int
    hosts: int = 1


@dataclass(slots=True)
class PlannedStages:
    """The answer to one step of planning: stages that can start now, and stages no longer needed."""

    start: list[StageSpec] = field(default_factory=list)
    abandon: list[int] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    """Sentences on what adaptive planning chose and why, for the plan display."""


class QueryPlan(Protocol):
    """A query in execution, seen from the scheduler's side. Pure: no I/O, no clock."""

    def begin(self, job_id: int) -> None:
        """Tells the plan its job's number, which stands in its programs. Called once, before `advance`."""
        ...

    def advance(self, finished: StageStats | None, cluster: ClusterShape) -> PlannedStages:
        """Returns the stages that can start: first call with None, then once for each finished stage.

        The job ends when the one stage of kind RESULT, FILES or KEPT has finished.
        """
        ...
