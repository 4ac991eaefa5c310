"""The `Jobs` gRPC service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, Protocol

import grpc
import structlog

from headrace_driver.cluster.failures import failure_of
from headrace_driver.cluster.history import JobRecord
from headrace_driver.cluster.runner import ClusterRunner
from headrace_driver.jobs.applications import Applications, BadApplication, TooManyApplications
from headrace_proto.v1 import jobs_pb2, jobs_pb2_grpc

SERVICE_NAME = "headrace.v1.Jobs"

_WATCH_INTERVAL_S = 0.5
"""How often a watched job is looked at; sent only when it changed."""

_log = structlog.get_logger("headrace.jobs")


class SqlRunner(Protocol):
    """Runs SQL text for people without a session of their own: the Connect service's business.

    Yields the number of each job it starts as an int, and the rows as complete Arrow IPC streams; a statement without
    rows yields none. Errors are raised as SparkError or JobFailed. Leaving the iteration cancels the query.
    """

    def run_sql(self, sql: str, conf: Mapping[str, str]) -> AsyncGenerator[int | bytes, None]: ...


class JobsService(jobs_pb2_grpc.JobsServicer):
    """Speaks for the runner; without an SQL runner or applications, those calls are refused."""

    def __init__(
        self, runner: ClusterRunner, sql_runner: SqlRunner | None = None, applications: Applications | None = None
    ) -> None:
        self._runner = runner
        self._sql_runner = sql_runner
        self._applications = applications

    def add_to(self, server: Any) -> str:
        """Adds the service to a server and returns its full name."""
        jobs_pb2_grpc.add_JobsServicer_to_server(self, server)  # type: ignore[no-untyped-call]
        return SERVICE_NAME

    async def ListJobs(self, request: jobs_pb2.ListJobsRequest, context: Any) -> jobs_pb2.ListJobsResponse:  # noqa: N802
        return jobs_pb2.ListJobsResponse(jobs=self._runner.jobs(request.limit))

    async def GetJob(self, request: jobs_pb2.GetJobRequest, context: Any) -> jobs_pb2.JobDetail:  # noqa: N802
        record = await self._record(request.job_id, context)
        return record.detail()

    async def WatchJob(self, request: jobs_pb2.GetJobRequest, context: Any) -> AsyncIterator[jobs_pb2.JobDetail]:  # noqa: N802
        record = await self._record(request.job_id, context)
        while True:
            version, over = record.version, record.is_over
            yield record.detail()
            if over:
                return
            while record.version == version:  # noqa: ASYNC110 - a change a second is plenty, an event a task is not
                await asyncio.sleep(_WATCH_INTERVAL_S)

    async def CancelJob(self, request: jobs_pb2.CancelJobRequest, context: Any) -> jobs_pb2.CancelJobResponse:  # noqa: N802
        await self._record(request.job_id, context)
        reason = request.reason or "cancelled by request"
        return jobs_pb2.CancelJobResponse(cancelled=self._runner.cancel(request.job_id, reason))

    async def ListWorkers(self, request: jobs_pb2.ListWorkersRequest, context: Any) -> jobs_pb2.ListWorkersResponse:  # noqa: N802
        return jobs_pb2.ListWorkersResponse(workers=self._runner.workers())

    async def SubmitSql(self, request: jobs_pb2.SubmitSqlRequest, context: Any) -> AsyncIterator[jobs_pb2.SqlEvent]:  # noqa: N802
        if self._sql_runner is None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "This driver takes no SQL text on the Jobs service.")
            return
        try:
            async with aclosing(self._sql_runner.run_sql(request.sql, dict(request.conf))) as items:
                async for item in items:
                    if isinstance(item, int):
                        yield jobs_pb2.SqlEvent(job_id=item)
                    else:
                        yield jobs_pb2.SqlEvent(arrow_stream=item)
        except Exception as error:  # noqa: BLE001 - every error is the caller's to see, typed
            yield jobs_pb2.SqlEvent(failed=failure_of(error))

    async def SubmitApplication(  # noqa: N802
        self, request: jobs_pb2.SubmitApplicationRequest, context: Any
    ) -> AsyncIterator[jobs_pb2.ApplicationEvent]:
        if self._applications is None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "This driver runs no applications.")
            return
        try:
            async with aclosing(self._applications.run(request)) as events:
                async for event in events:
                    yield event
        except BadApplication as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except TooManyApplications as error:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))

    async def _record(self, job_id: int, context: Any) -> JobRecord:
        record = self._runner.job_record(job_id)
        if record is None:
            await context.abort(
                grpc.StatusCode.NOT_FOUND,
                f"There is no job {job_id}; `headrace jobs` lists those the driver remembers.",
            )
        assert record is not None
        return record
