"""Client of the driver's Jobs service: SQL and applications in, jobs and workers to see and to cancel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
from google.protobuf.message import Message

from headrace.address import DriverAddress
from headrace.errors import HeadraceError, NotFoundError, QueryError, RefusedError, UnreachableError
from headrace.handshake import tls_problem
from headrace.job_text import describe_failure
from headrace.security import Role, Security
from headrace.transport import open_channel
from headrace_proto.v1 import common_pb2, jobs_pb2, jobs_pb2_grpc

CALL_TIMEOUT_S = 30.0
"""For calls that only read the driver's state; submissions run as long as they run."""


class JobsClient:
    """Speaks to one driver. `JobsClient("127.0.0.1:15002").list_jobs()`; close it, or use it in a `with`.

    Methods return the messages of `headrace/v1/jobs.proto` and raise the errors of `headrace.errors`.
    """

    def __init__(self, address: str, token: str = "", security: Security | None = None) -> None:
        parsed = DriverAddress.parse(address)
        self._address = parsed
        self._security = parsed.with_credentials(security or Security(token=token))
        self._metadata = self._security.metadata(Role.CLIENT)
        self._channel = open_channel(parsed.target, self._security, tls=parsed.wants_tls)
        self._stub = jobs_pb2_grpc.JobsStub(self._channel)  # type: ignore[no-untyped-call]

    def submit_sql(self, sql: str, conf: Mapping[str, str] | None = None) -> Iterator[jobs_pb2.SqlEvent]:
        """Runs SQL text and yields its job id and its rows as they come; a failed query raises QueryError."""
        request = jobs_pb2.SubmitSqlRequest(sql=sql, conf=dict(conf or {}))
        events: Iterator[jobs_pb2.SqlEvent] = self._stream(self._stub.SubmitSql, request)
        for event in events:
            if event.WhichOneof("event") == "failed":
                raise query_error(event.failed)
            yield event

    def submit_application(
        self,
        program: Path | str,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Iterator[jobs_pb2.ApplicationEvent]:
        """Runs a Python file next to the driver and yields its output; the last event is its exit code."""
        path = Path(program)
        try:
            source = path.read_bytes()
        except OSError as error:
            raise NotFoundError(f"The application {path} cannot be read: {error.strerror}.") from error
        request = jobs_pb2.SubmitApplicationRequest(
            name=path.name, program=source, arguments=list(arguments), environment=dict(environment or {})
        )
        yield from self._stream(self._stub.SubmitApplication, request)

    def list_jobs(self, limit: int = 0) -> Sequence[jobs_pb2.JobSummary]:
        """Jobs the driver remembers, the newest first; 0 means all."""
        request = jobs_pb2.ListJobsRequest(limit=limit)
        answer: jobs_pb2.ListJobsResponse = self._call(self._stub.ListJobs, request)
        return answer.jobs

    def get_job(self, job_id: int) -> jobs_pb2.JobDetail:
        """Everything about one job; NotFoundError where there is none."""
        request = jobs_pb2.GetJobRequest(job_id=job_id)
        answer: jobs_pb2.JobDetail = self._call(self._stub.GetJob, request)
        return answer

    def watch_job(self, job_id: int) -> Iterator[jobs_pb2.JobDetail]:
        """One job again and again as it changes, until it has ended."""
        request = jobs_pb2.GetJobRequest(job_id=job_id)
        yield from self._stream(self._stub.WatchJob, request)

    def cancel_job(self, job_id: int, reason: str = "") -> bool:
        """Cancels a job; False where it had ended already."""
        request = jobs_pb2.CancelJobRequest(job_id=job_id, reason=reason)
        answer: jobs_pb2.CancelJobResponse = self._call(self._stub.CancelJob, request)
        return answer.cancelled

    def list_workers(self) -> Sequence[jobs_pb2.WorkerDetail]:
        """Workers as the driver sees them, with their last heartbeat."""
        request = jobs_pb2.ListWorkersRequest()
        answer: jobs_pb2.ListWorkersResponse = self._call(self._stub.ListWorkers, request)
        return answer.workers

    def close(self) -> None:
        """Closes the channel."""
        self._channel.close()

    def __enter__(self) -> JobsClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, method: Callable[..., Any], request: Message) -> Any:
        try:
            return method(request, timeout=CALL_TIMEOUT_S, metadata=self._metadata)
        except grpc.RpcError as error:
            raise self._translate(error) from error

    def _stream(self, method: Callable[..., Any], request: Message) -> Iterator[Any]:
        """Whoever leaves the iteration cancels the call, and with it what it runs."""
        call = method(request, metadata=self._metadata)
        begun = False
        try:
            for event in call:
                begun = True
                yield event
        except grpc.RpcError as error:
            raise self._translate(error, begun) from error
        finally:
            call.cancel()

    def _translate(self, error: grpc.RpcError, begun: bool = False) -> HeadraceError:
        """The error of a call in the words of its user. gRPC's errors are calls too, with code and details. `begun`:
        the driver had answered already."""
        assert isinstance(error, grpc.Call)
        code, details = error.code(), error.details() or ""
        target = self._address.target
        if code is grpc.StatusCode.UNAVAILABLE and begun:
            return UnreachableError(f"The driver at {target} went away before it was done ({details}).")
        if code is grpc.StatusCode.UNAVAILABLE:
            tls = self._security.calls_tls or self._address.wants_tls
            problem = tls_problem(self._address.host, self._address.port, self._security, tls)
            if problem:
                return RefusedError(f"No call reaches the driver at {target}: {problem}.")
            return UnreachableError(
                f"No driver answers at {target} ({details}). Start one with `headrace driver`, or name another with "
                "--driver or HEADRACE_DRIVER."
            )
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return UnreachableError(f"The driver at {target} did not answer within {CALL_TIMEOUT_S:g} s.")
        if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
            return RefusedError(f"The driver at {target} refused the call. {details}")
        if code is grpc.StatusCode.NOT_FOUND:
            return NotFoundError(details)
        return HeadraceError(f"The driver at {target} failed: {details} ({code.name}).")


def query_error(failure: common_pb2.Failure) -> QueryError:
    """What a failure says to a person; a user error keeps Spark's class and SQLSTATE."""
    cause = failure.WhichOneof("cause")
    if cause == "user_error":
        user = failure.user_error
        return QueryError(user.message, user.error_class, user.sql_state)
    return QueryError(describe_failure(failure))
