"""What the scheduler wants done. The shell does it; nothing here is a decision any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from headrace_driver.plan.stage import StageStats, TaskSpec
from headrace_driver.scheduler.identity import OutputKey, Place, TaskKey
from headrace_proto.v1 import common_pb2, task_pb2


@dataclass(frozen=True, slots=True)
class Launch:
    """One task to run. `memory_bytes` 0 leaves the grant to the worker."""

    key: TaskKey
    spec: TaskSpec
    place: Place
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class LaunchTasks:
    """Send tasks to a worker, which queues those it has no slot for."""

    worker_id: str
    tasks: tuple[Launch, ...]


@dataclass(frozen=True, slots=True)
class SendProgram:
    """Send a stage's program, before the launches that need it."""

    worker_id: str
    stage: OutputKey


@dataclass(frozen=True, slots=True)
class SendOutputTable:
    """Send where a stage's outputs are, before the launches that need it. Contents: `Scheduler.output_table`."""

    worker_id: str
    output: OutputKey
    epoch: int


@dataclass(frozen=True, slots=True)
class CancelTasks:
    """End these attempts; no news of them is wanted."""

    worker_id: str
    tasks: tuple[TaskKey, ...]


@dataclass(frozen=True, slots=True)
class DropOutputs:
    """The worker may delete the outputs of these stages."""

    worker_id: str
    outputs: tuple[OutputKey, ...]


@dataclass(frozen=True, slots=True)
class DropJob:
    """Everything of a job may go from this worker."""

    worker_id: str
    job_id: int


@dataclass(frozen=True, slots=True)
class AdoptOutputs:
    """The worker should copy these outputs from one that leaves, and say of each whether it could."""

    worker_id: str
    source_worker_id: str
    outputs: tuple[TaskKey, ...]


@dataclass(frozen=True, slots=True)
class DismissWorker:
    """A worker that leaves holds nothing any more that is needed: it may end."""

    worker_id: str


@dataclass(frozen=True, slots=True)
class StageCompleted:
    """All tasks of a stage finished for the first time: ask the planner for the next step."""

    job_id: int
    stats: StageStats


@dataclass(frozen=True, slots=True)
class ResultReady:
    """One partition of the RESULT stage can be read: inline, or from `worker_id`. Said again when it has moved."""

    key: TaskKey
    worker_id: str
    rows: int
    output_bytes: int
    checksum: int
    inline_blocks: task_pb2.InlineBlocks | None = None


@dataclass(frozen=True, slots=True)
class ResultLost:
    """A partition announced by ResultReady is gone; another ResultReady follows once it is recomputed."""

    job_id: int
    stage_id: int
    partition: int


@dataclass(frozen=True, slots=True)
class CompleteJob:
    """The job's last stage finished."""

    job_id: int
    stats: StageStats


@dataclass(frozen=True, slots=True)
class FailJob:
    """The job is over; nothing more of it will run."""

    job_id: int
    failure: common_pb2.Failure


@dataclass(frozen=True, slots=True)
class WorkerDeclaredLost:
    """For the registry, logs and the web page."""

    worker_id: str
    incarnation: str
    detail: str


@dataclass(frozen=True, slots=True)
class WorkerExcluded:
    """The worker gets no tasks for `seconds`."""

    worker_id: str
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class TaskRetried:
    """A task will run again; for logs and the job's page."""

    key: TaskKey
    worker_id: str
    failure: common_pb2.Failure


@dataclass(frozen=True, slots=True)
class TaskSpeculated:
    """A second attempt at a running task was launched; for logs and the job's page."""

    key: TaskKey
    worker_id: str
    slow_worker_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class TaskPreempted:
    """An attempt was told to give its slot to another job; for logs and the job's page."""

    key: TaskKey
    worker_id: str
    job_id: int
    """Whose task gets the slot."""


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Send a Tick at this time (the scheduler's clock) at the latest."""

    at_s: float


Action: TypeAlias = (
    LaunchTasks
    | SendProgram
    | SendOutputTable
    | CancelTasks
    | DropOutputs
    | DropJob
    | AdoptOutputs
    | DismissWorker
    | StageCompleted
    | ResultReady
    | ResultLost
    | CompleteJob
    | FailJob
    | WorkerDeclaredLost
    | WorkerExcluded
    | TaskRetried
    | TaskSpeculated
    | TaskPreempted
    | WakeAt
)
