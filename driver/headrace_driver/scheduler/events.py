"""What the scheduler is told. Small frozen values; the shell makes them from messages, tests write them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from headrace_driver.plan.stage import StageSpec
from headrace_driver.scheduler.identity import OutputKey, TaskKey
from headrace_proto.v1 import common_pb2, task_pb2


@dataclass(frozen=True, slots=True)
class JobSubmitted:
    """A job exists; its first stages come with StagesPlanned. `weight` is its share against other running jobs."""

    job_id: int
    weight: float = 1.0
    generation: int = 0
    """How many drivers have run it before. If any, nothing is launched until ReplayEnded."""
    holders: frozenset[str] = frozenset()
    """Workers with something of it from earlier drivers, needed or not: it goes when the job ends."""


@dataclass(frozen=True, slots=True)
class StagesPlanned:
    """The planner's answer to one step."""

    job_id: int
    start: tuple[StageSpec, ...]
    abandon: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanningFailed:
    """The planner could not go on."""

    job_id: int
    failure: common_pb2.Failure


@dataclass(frozen=True, slots=True)
class JobCancelled:
    """Somebody wants the job to end."""

    job_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class JobReleased:
    """Nobody will read the job's results any more."""

    job_id: int


@dataclass(frozen=True, slots=True)
class ResultConsumed:
    """The driver has every block of this partition of the RESULT stage: it need not be recomputed when lost.

    `attempt` is whose blocks they are; −1: whichever counts.
    """

    job_id: int
    stage_id: int
    partition: int
    attempt: int = -1


@dataclass(frozen=True, slots=True)
class ResultUnreadable:
    """Blocks of a finished result partition could not be had from the worker that should hold them."""

    job_id: int
    stage_id: int
    partition: int
    attempt: int
    reason: int
    """A `FetchFailed.Reason`."""


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """An attempt left the queue of its worker."""

    worker_id: str
    key: TaskKey


@dataclass(frozen=True, slots=True)
class TaskFinished:
    """`run_s` is the attempt's time in its executor, waiting excluded; 0 when unknown."""

    worker_id: str
    key: TaskKey
    size_codes: bytes = b""
    output_bytes: int = 0
    rows: int = 0
    run_s: float = 0.0
    checksum: int = 0
    inline_blocks: task_pb2.InlineBlocks | None = None
    files: tuple[task_pb2.WrittenFile, ...] = ()
    sample: bytes = b""


@dataclass(frozen=True, slots=True)
class RestoredOutput:
    """An output an earlier driver knew of, and whether the worker that made it still has it."""

    finished: TaskFinished
    held: bool


@dataclass(frozen=True, slots=True)
class OutputsRestored:
    """What an earlier driver knew of a stage that has just been planned again."""

    job_id: int
    stage_id: int
    outputs: tuple[RestoredOutput, ...]


@dataclass(frozen=True, slots=True)
class ReplayEnded:
    """The job has been planned as far as it was, and goes on."""

    job_id: int


@dataclass(frozen=True, slots=True)
class TaskFailed:
    """An attempt ended without an output."""

    worker_id: str
    key: TaskKey
    failure: common_pb2.Failure


@dataclass(frozen=True, slots=True)
class WorkerJoined:
    """A worker registered. The same incarnation again is a reconnection: what it holds and runs is still there.

    `held_maps` lists (partition, attempt) of what is on its disks; a stage of `held_outputs` that is not in it is held
    as it was.
    """

    worker_id: str
    incarnation: str
    slots: int
    host: str
    rack: str = ""
    held_outputs: frozenset[OutputKey] = field(default_factory=frozenset)
    held_maps: Mapping[OutputKey, frozenset[tuple[int, int]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorkerHeard:
    """A heartbeat. `running` lists the tasks in its executors now."""

    worker_id: str
    running: frozenset[TaskKey] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class WorkerStreamClosed:
    """Evidence that a worker is gone; it has a moment to come back."""

    worker_id: str


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """The worker is known to be gone, with everything it held."""

    worker_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class WorkerDraining:
    """The worker was told to leave: it finishes what it runs and gets nothing new."""

    worker_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class OutputAdopted:
    """The answer to an AdoptOutputs: whether the worker now holds this output too."""

    worker_id: str
    key: TaskKey
    held: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed; makes the scheduler look at what depends on time alone.

    `stalled_s`: for so long the caller itself did not run, and could hear nobody.
    """

    stalled_s: float = 0.0


Event: TypeAlias = (
    JobSubmitted
    | StagesPlanned
    | PlanningFailed
    | JobCancelled
    | JobReleased
    | ResultConsumed
    | ResultUnreadable
    | TaskStarted
    | TaskFinished
    | OutputsRestored
    | ReplayEnded
    | TaskFailed
    | WorkerJoined
    | WorkerHeard
    | WorkerStreamClosed
    | WorkerLost
    | WorkerDraining
    | OutputAdopted
    | Tick
)
