"""Producers of operations that an earlier driver began."""

from __future__ import annotations

import structlog

from headrace_driver.connect.error_details import Reported
from headrace_driver.connect.execute_plan import PlanExecution
from headrace_driver.connect.executions import Execution, Producer
from headrace_driver.connect.operations import Outcome
from headrace_driver.connect.protocol import base_pb2
from headrace_driver.journal import payloads
from headrace_driver.journal.state import KeptJob, KeptOperation
from headrace_proto.v1 import jobs_pb2

_log = structlog.get_logger("headrace.connect")


def restored_producer(
    plan: PlanExecution, kept: KeptOperation, job: KeptJob | None, cached: payloads.CachedPlans | None = None
) -> Producer | None:
    """What goes on with an operation; None when it cannot be read any more, which its client is told."""
    try:
        if kept.error:
            return _failed(kept)
        if kept.responses is not None and kept.query is None:
            return _answered(kept)
        query, cut = payloads.load(kept.query or b"", cached or {})
    except payloads.NotReadable as error:
        if was_written(kept, job):
            # Told that its operation is not known, the client would send it again, and it would be made twice.
            return _answered(kept)
        _log.warning("an operation is lost", operation=kept.operation_id, reason=str(error))
        return None

    async def resume(execution: Execution) -> None:
        await plan.resume(execution, query, cut, job)

    return resume


def _failed(kept: KeptOperation) -> Producer:
    report = payloads.load(kept.error or b"")

    async def fail(execution: Execution) -> None:
        raise Reported(report)

    return fail


def _answered(kept: KeptOperation) -> Producer:
    async def answer(execution: Execution) -> None:
        for octets in kept.responses or ():
            await execution.send(base_pb2.ExecutePlanResponse.FromString(octets))

    return answer


def was_written(kept: KeptOperation, job: KeptJob | None) -> bool:
    """Whether it is a write that has been made."""
    if kept.responses is None or kept.query is None:
        return False
    return kept.outcome == Outcome.SUCCEEDED.name or (
        job is not None and jobs_pb2.JobSummary.FromString(job.summary).state == jobs_pb2.JOB_FINISHED
    )
