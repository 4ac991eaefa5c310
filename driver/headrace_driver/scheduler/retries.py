"""What a task's failure means, decided by its typed cause.

Tasks that failed by themselves more than once wait (`wait_s`); what waits for lost maps waits for them.

| cause                         | the task                        | the job fails after                       |
| ----------------------------- | ------------------------------- | ----------------------------------------- |
| user error                    | is not tried again              | the first                                 |
| executor lost, internal, disk | runs on another worker          | `task_failures_max` of these              |
| out of memory                 | the same, with twice the memory | `memory_failures_max`, a count of its own |
| worker lost                   | runs on another worker          | `worker_losses_max`, `queued_losses_max`  |
| fetch failed                  | waits for the lost maps         | `fetch_failures_max`                      |
| cancelled by the worker       | runs again                      | `worker_losses_max` (with the lost)       |
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from headrace_driver.scheduler.identity import TaskKey
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_proto.v1 import common_pb2


class Verdict(Enum):
    """What becomes of a task that failed."""

    FAIL_JOB = "fail the job"
    ELSEWHERE = "run on another worker"
    ELSEWHERE_LARGER = "run on another worker with more memory"
    REFETCH = "run again once the input is back"


class Blame(Enum):
    """Whether the failure is evidence against the worker it happened on."""

    NONE = "none"
    FAILURE = "failure"
    DISK = "disk"


@dataclass(slots=True)
class FailureCounts:
    """Failures of one partition so far, by what they count against."""

    task: int = 0
    memory: int = 0
    worker: int = 0
    queued: int = 0
    fetch: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a failed task, and whether its worker is to blame."""

    verdict: Verdict
    blame: Blame = Blame.NONE


def decide(
    failure: common_pb2.Failure, counts: FailureCounts, options: SchedulerOptions, *, excused: bool = False
) -> Decision:
    """Counts the failure and decides. A failure without a cause is a defect and is treated as internal.

    `excused`: it is no more than the news of a worker's loss, which many tasks bring, and says nothing about this one.
    """
    match failure.WhichOneof("cause"):
        case "user_error":
            return Decision(Verdict.FAIL_JOB)
        case "fetch_failed":
            counts.fetch += not excused
            return Decision(Verdict.FAIL_JOB if counts.fetch >= options.fetch_failures_max else Verdict.REFETCH)
        case "worker_lost" | "cancelled":
            counts.worker += 1
            return Decision(Verdict.FAIL_JOB if counts.worker >= options.worker_losses_max else Verdict.ELSEWHERE)
        case "out_of_memory":
            # Too small a grant is no fault of the task's or the worker's: it is tried until it has had a whole worker.
            counts.memory += 1
            verdict = Verdict.FAIL_JOB if counts.memory >= options.memory_failures_max else Verdict.ELSEWHERE_LARGER
            return Decision(verdict)
        case cause:
            counts.task += 1
            verdict = Verdict.FAIL_JOB if counts.task >= options.task_failures_max else Verdict.ELSEWHERE
            return Decision(verdict, Blame.DISK if cause == "disk_full" else Blame.FAILURE)


def wait_s(counts: FailureCounts, options: SchedulerOptions) -> float:
    """How long a task that failed by itself waits: not at all the first time, then ever longer."""
    return 0.0 if counts.task < 2 else options.retry_wait_s * 4.0 ** (counts.task - 2)


def lost_in_queue(counts: FailureCounts, options: SchedulerOptions) -> bool:
    """Counts the loss of a worker under a task not known to have started. True: its job fails."""
    counts.queued += 1
    return counts.queued >= options.queued_losses_max


def larger_grant(failure: common_pb2.Failure, asked_bytes: int) -> int:
    """Twice what was granted, or what the task said it wants if that is more; 0 stays the worker's decision."""
    oom = failure.out_of_memory
    return max(2 * max(oom.granted_bytes, asked_bytes), oom.wanted_bytes)


def job_failure(failure: common_pb2.Failure, key: TaskKey, worker_id: str) -> common_pb2.Failure:
    """The failure as the job's: the same cause, saying which task it was and how often it was tried."""
    result = common_pb2.Failure()
    result.CopyFrom(failure)
    where = (
        f"Task {key.partition} of stage {key.stage_id} was tried {key.attempt + 1} time(s), "
        f"the last time on worker {worker_id}."
    )
    match failure.WhichOneof("cause"):
        case "user_error":
            pass
        case "cancelled":
            result.cancelled.reason = f"{failure.cancelled.reason} {where}".strip()
        case "internal":
            result.internal.message = f"{failure.internal.message} {where}".strip()
        case "disk_full":
            directory, needed = failure.disk_full.directory, failure.disk_full.needed_bytes
            result.disk_full.directory = f"{directory} of worker {worker_id}"
            result.disk_full.needed_bytes = needed
        case "fetch_failed" | "executor_lost" | "worker_lost" | "out_of_memory" as cause:
            part = getattr(result, cause)
            part.detail = f"{part.detail} {where}".strip()
        case _:
            result.internal.message = f"The worker reported a failure without a cause. {where}"
    return result
