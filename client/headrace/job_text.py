"""What the messages of the Jobs service say, in words: for the command line, the driver's pages and errors."""

from __future__ import annotations

from headrace_proto.v1 import common_pb2, jobs_pb2, task_pb2


def state_text(state: jobs_pb2.JobState) -> str:
    """`finished` for JOB_FINISHED."""
    return jobs_pb2.JobState.Name(state).removeprefix("JOB_").lower()


def locality_text(level: task_pb2.Locality) -> str:
    """Spark's names: a task without input of its own has no preference."""
    return "NO_PREF" if level == task_pb2.LOCALITY_UNSPECIFIED else task_pb2.Locality.Name(level)


def describe_failure(failure: common_pb2.Failure) -> str:
    """One line on any failure, for tables and messages; empty where there is none."""
    match failure.WhichOneof("cause"):
        case "user_error":
            return failure.user_error.message or f"[{failure.user_error.error_class}]"
        case "fetch_failed":
            fetch = failure.fetch_failed
            return (
                f"Blocks of stage {fetch.output.stage_id} on worker {fetch.worker_id} could not be had: {fetch.detail}"
            )
        case "executor_lost":
            lost = failure.executor_lost
            return f"The executor died (exit code {lost.exit_code}): {lost.detail}"
        case "worker_lost":
            return f"Worker {failure.worker_lost.worker_id} was lost: {failure.worker_lost.detail}"
        case "out_of_memory":
            return f"Out of memory with {failure.out_of_memory.granted_bytes} bytes: {failure.out_of_memory.detail}"
        case "disk_full":
            return f"No space left in {failure.disk_full.directory}"
        case "cancelled":
            return f"Cancelled: {failure.cancelled.reason}"
        case "internal":
            return f"Internal error: {failure.internal.message}"
        case _:
            return ""
