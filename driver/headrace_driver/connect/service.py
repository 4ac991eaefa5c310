"""The gRPC service `spark.connect.SparkConnectService`: every call, answered or refused with a Spark error.

Requests arrive as octets: small ones are parsed here, large and deep ones on planning threads, and what cannot be
parsed gets a Spark error like everything else that is wrong.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

import grpc
import structlog

from headrace_driver.connect import error_details, plans, results
from headrace_driver.connect.analyze_calls import AnalyzeCalls
from headrace_driver.connect.artifacts import Upload
from headrace_driver.connect.config_calls import configure
from headrace_driver.connect.execute_plan import PlanExecution
from headrace_driver.connect.executions import Execution, Executions
from headrace_driver.connect.handles import check_uuid, not_reattachable
from headrace_driver.connect.invalid_plan import oneof_not_set, too_deep
from headrace_driver.connect.operations import Operation, OperationKey, Outcome, check_tag
from headrace_driver.connect.planning_threads import PlanningThreads
from headrace_driver.connect.protocol import SERVICE, Proto, base_pb2
from headrace_driver.connect.restoring import restored_producer
from headrace_driver.connect.runner import QueryRunner
from headrace_driver.errors import ErrorKind, SparkError, unsupported
from headrace_driver.journal import payloads
from headrace_driver.journal.changes import operation_gone
from headrace_driver.journal.state import KeptState
from headrace_driver.session import Session, SessionKey, SessionStore

SMALL_BYTES = 64 << 10
"""Requests up to this size are parsed on the event loop, where it takes a fraction of a millisecond."""
MAINTENANCE_INTERVAL_S = 5.0
"""Between two looks for sessions and operations that nobody uses any more, or less where they may wait for less."""
LOOKS_WITHIN_TIMEOUT = 5
APPLICATION_KEY = "headrace-application"
"""Metadata by which the calls of a submitted application say whose they are."""

_log = structlog.get_logger("headrace.connect")

_Context = Any
_Status = base_pb2.GetStatusResponse.OperationStatus


@dataclass(slots=True)
class _Call:
    """One call: its session once known, so that errors can be kept for the client."""

    context: _Context
    session: Session | None = None


class SparkConnectServicer:
    """All calls of the service. `start` and `stop` run what has to happen without a call.

    `now_s` is a monotonic clock.
    """

    def __init__(
        self,
        runner: QueryRunner,
        sessions: SessionStore,
        threads: PlanningThreads | None = None,
        executions: Executions | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runner = runner
        self._sessions = sessions
        self._threads = threads or PlanningThreads()
        self._executions = executions or Executions(now_s)
        self._now_s = now_s
        self._maintenance: asyncio.Task[None] | None = None

    @property
    def sessions(self) -> SessionStore:
        return self._sessions

    @property
    def executions(self) -> Executions:
        return self._executions

    def start(self) -> None:
        """Begins to look after idle sessions and abandoned operations."""
        self._maintenance = asyncio.create_task(self._maintain())

    def restore(self, state: KeptState) -> set[int]:
        """Takes up the operations of an earlier driver; returns the jobs that go on with them. Sessions are open."""
        jobs = {(job.session_id, job.operation_id): job for job in state.jobs.values() if job.operation_id}
        resumed = set()
        for kept in state.operations:
            session = self._sessions.find(SessionKey(*kept.session))
            job = jobs.get((kept.session[1], kept.operation_id))
            produce = None
            if session is not None:
                producer = PlanExecution(session, self._runner, self._threads, self._executions.journal)
                produce = restored_producer(producer, kept, job, state.cached_plans)
            if session is None or produce is None:
                self._executions.journal.append(operation_gone(kept.session, kept.operation_id))
                continue
            if job is not None and not kept.error and payloads.is_readable(kept.query, state.cached_plans):
                resumed.add(job.job_id)
            key = OperationKey(*kept.session, kept.operation_id)
            operation = self._executions.operations.restore(key, kept.digest, kept.tags, self._now_s())
            self._executions.start(operation, session.server_side_id, produce)
        return resumed

    async def stop(self) -> None:
        """Ends all operations and gives back what sessions held, unless they are kept for the next driver."""
        if self._maintenance is not None:
            self._maintenance.cancel()
            with suppress(asyncio.CancelledError):
                await self._maintenance
        self._executions.stop()
        if not self._executions.journal.is_on:
            for session in self._sessions.all():
                self._close(session.key)
        self._threads.stop()

    async def _maintain(self) -> None:
        timeout_s = min(self._sessions.idle_timeout_s, self._executions.detached_timeout_s)
        while True:
            await asyncio.sleep(min(MAINTENANCE_INTERVAL_S, timeout_s / LOOKS_WITHIN_TIMEOUT))
            self.expire()

    def expire(self) -> None:
        """Abandons detached operations and closes idle sessions whose time is over."""
        self._executions.expire()
        for session in self._sessions.all():
            session.forget_unread()
        for session in self._sessions.idle():
            if self._executions.operations.of_session(session.user_id, session.session_id):
                self._sessions.touch(session)
                continue
            _log.info("session expired", session=session.session_id, user=session.user_id)
            self._close(session.key)

    def close_application(self, application: str) -> None:
        """Ends the sessions of a submitted application with what runs in them: nobody is left who could ask for it."""
        for session in self._sessions.all():
            if session.application == application:
                self._close(session.key)

    def _close(self, key: SessionKey, may_return: bool = False) -> Session | None:
        self._executions.close_session(key.user_id, key.session_id)
        return self._sessions.close(key, may_return)

    # Calls that run plans.

    async def execute_plan(self, octets: bytes, call: _Call) -> AsyncGenerator[bytes, None]:
        request = await self._decode(base_pb2.ExecutePlanRequest, octets)
        session = self._session(request, call)
        operation = self._begin(request, octets, session)
        number = self._executions.operations.attach(operation, None)
        async with aclosing(self._executions.stream(operation, number)) as responses:
            async for response in responses:
                yield response

    def _begin(self, request: Proto, octets: bytes, session: Session) -> Operation:
        """The operation of a request, its producer started unless it is a repetition of an earlier call."""
        operation_id = request.operation_id if request.HasField("operation_id") else str(uuid.uuid4())
        check_uuid(operation_id)
        for tag in request.tags:
            check_tag(tag)
        if any(option.WhichOneof("request_option") == "extension" for option in request.request_options):
            raise unsupported("request options of plugins")
        reattachable = any(option.reattach_options.reattachable for option in request.request_options)
        key = OperationKey(session.user_id, session.session_id, operation_id)
        digest = hashlib.blake2b(octets, digest_size=16).digest()
        operation, is_new = self._executions.operations.start(key, digest, reattachable, frozenset(request.tags))
        if is_new:
            cut = results.chunking(request)
            execution = PlanExecution(session, self._runner, self._threads, self._executions.journal)

            async def produce(emitter: Execution) -> None:
                await execution.run(emitter, request.plan, cut)

            self._executions.start(operation, session.server_side_id, produce)
        return operation

    async def reattach_execute(self, octets: bytes, call: _Call) -> AsyncGenerator[bytes, None]:
        request = await self._decode(base_pb2.ReattachExecuteRequest, octets)
        session = self._existing(request, call)
        key = OperationKey(session.user_id, session.session_id, request.operation_id)
        last = request.last_response_id if request.HasField("last_response_id") else None
        operation, number = self._executions.operations.reattach(key, last)
        async with aclosing(self._executions.stream(operation, number)) as responses:
            async for response in responses:
                yield response

    async def release_execute(self, octets: bytes, call: _Call) -> Proto:
        request = await self._decode(base_pb2.ReleaseExecuteRequest, octets)
        session = self._existing(request, call)
        key = OperationKey(session.user_id, session.session_id, request.operation_id)
        until = request.release_until.response_id if request.WhichOneof("release") == "release_until" else None
        known = self._executions.operations.find(key)
        response = base_pb2.ReleaseExecuteResponse(
            session_id=session.session_id, server_side_session_id=session.server_side_id
        )
        if known is None:
            return response
        if not known.reattachable:
            raise not_reattachable()
        if request.WhichOneof("release") is None:
            raise _nothing("ReleaseExecuteRequest", "RELEASE_NOT_SET")
        response.operation_id = request.operation_id
        self._executions.release(self._executions.operations.release(key, until))
        return response

    async def interrupt(self, octets: bytes, call: _Call) -> Proto:
        request = await self._decode(base_pb2.InterruptRequest, octets)
        session = self._session(request, call)
        names = base_pb2.InterruptRequest.InterruptType
        match request.interrupt_type:
            case names.INTERRUPT_TYPE_ALL:
                operation_id, tag = "", ""
            case names.INTERRUPT_TYPE_TAG:
                operation_id, tag = "", request.operation_tag
                if not tag:
                    raise _interrupt_argument("TAG_REQUIRES_TAG", "operation_tag", "INTERRUPT_TYPE_TAG")
            case names.INTERRUPT_TYPE_OPERATION_ID:
                operation_id, tag = request.operation_id, ""
                if not operation_id:
                    raise _interrupt_argument("OPERATION_ID_REQUIRES_ID", "operation_id", "INTERRUPT_TYPE_OPERATION_ID")
            case other:
                name = names.Name(other) if other in names.values() else str(other)
                raise SparkError(
                    "UNSUPPORTED_FEATURE.INTERRUPT_TYPE",
                    f"The feature is not supported: Unsupported interrupt type: {name}.",
                    {"interruptType": name},
                    sql_state="0A000",
                    kind=ErrorKind.SQL,
                )
        ids = self._executions.interrupt(session.user_id, session.session_id, operation_id, tag)
        return base_pb2.InterruptResponse(
            session_id=session.session_id, server_side_session_id=session.server_side_id, interrupted_ids=ids
        )

    async def get_status(self, octets: bytes, call: _Call) -> Proto:
        request = await self._decode(base_pb2.GetStatusRequest, octets)
        session = self._existing(request, call)
        response = base_pb2.GetStatusResponse(
            session_id=session.session_id, server_side_session_id=session.server_side_id
        )
        if not request.HasField("operation_status"):
            return response
        operations = self._executions.operations
        states: dict[str, int] = {
            operation_id: _ended_state(ended.outcome)
            for operation_id, ended in operations.ended_of_session(session.user_id, session.session_id).items()
        }
        for operation in operations.of_session(session.user_id, session.session_id):
            over = operation.is_over or operation.interrupted
            states[operation.key.operation_id] = (
                _Status.OPERATION_STATE_TERMINATING if over else _Status.OPERATION_STATE_RUNNING
            )
        wanted = list(request.operation_status.operation_ids) or list(states)
        for operation_id in wanted:
            state = states.get(operation_id, _Status.OPERATION_STATE_UNKNOWN)
            response.operation_statuses.add(operation_id=operation_id, state=state)
        return response

    async def analyze_plan(self, octets: bytes, call: _Call) -> Proto:
        request = await self._decode(base_pb2.AnalyzePlanRequest, octets)
        session = self._session(request, call)
        response = await self._threads.run(_analyze, AnalyzeCalls(session, self._runner), request)
        response.session_id = session.session_id
        response.server_side_session_id = session.server_side_id
        return response

    # Calls about the session.

    async def config(self, octets: bytes, call: _Call) -> Proto:
        request = await self._decode(base_pb2.ConfigRequest, octets)
        session = self._session(request, call)
        response = base_pb2.ConfigResponse(session_id=session.session_id, server_side_session_id=session.server_side_id)
        configure(session.conf, request.operation, response)
        return response

    async def add_artifacts(self, requests: AsyncIterator[bytes], call: _Call) -> Proto:
        upload = Upload()
        session: Session | None = None
        async for octets in requests:
            request = await self._decode(base_pb2.AddArtifactsRequest, octets)
            if session is None:
                session = self._session(request, call)
            self._sessions.touch(session)
            for name, content in upload.take(request):
                await self._threads.run(session.artifacts.add, name, content)
        if session is None:
            raise _nothing("AddArtifactsRequest", "PAYLOAD_NOT_SET")
        upload.end()
        response = base_pb2.AddArtifactsResponse(
            session_id=session.session_id, server_side_session_id=session.server_side_id
        )
        for name, crc_right in upload.results:
            response.artifacts.add(name=name, is_crc_successful=crc_right)
        return response

    async def artifact_status(self, octets: bytes, call: _Call) -> Proto:
        request = await self._decode(base_pb2.ArtifactStatusesRequest, octets)
        session = self._session(request, call)
        response = base_pb2.ArtifactStatusesResponse(
            session_id=session.session_id, server_side_session_id=session.server_side_id
        )
        for name in request.names:
            response.statuses[name].exists = session.artifacts.exists(name)
        return response

    async def release_session(self, octets: bytes, call: _Call) -> Proto:
        request = await self._decode(base_pb2.ReleaseSessionRequest, octets)
        key = _key(request)
        check_uuid(key.session_id)
        session = self._close(key, request.allow_reconnect)
        return base_pb2.ReleaseSessionResponse(
            session_id=key.session_id, server_side_session_id=session.server_side_id if session is not None else ""
        )

    async def clone_session(self, octets: bytes, call: _Call) -> Proto:
        request = await self._decode(base_pb2.CloneSessionRequest, octets)
        session = self._existing(request, call)
        new_id = request.new_session_id if request.HasField("new_session_id") else str(uuid.uuid4())
        clone = self._sessions.clone(session, new_id)
        return base_pb2.CloneSessionResponse(
            session_id=session.session_id,
            server_side_session_id=session.server_side_id,
            new_session_id=clone.session_id,
            new_server_side_session_id=clone.server_side_id,
        )

    async def fetch_error_details(self, octets: bytes, call: _Call) -> Proto:
        request = await self._decode(base_pb2.FetchErrorDetailsRequest, octets)
        # Clients ask while they handle an error, which may be that there is no session: never answer with another.
        session = self._sessions.find(_key(request))
        response = base_pb2.FetchErrorDetailsResponse(session_id=request.session_id)
        if session is None:
            return response
        response.server_side_session_id = session.server_side_id
        found = session.errors.take(request.error_id)
        if found is not None:
            response.root_error_idx = 0
            response.errors.append(error_details.details(found))
        return response

    # What all calls share.

    async def _decode(self, kind: Proto, octets: bytes) -> Proto:
        if len(octets) <= SMALL_BYTES:
            request = plans.decode_shallow(kind, octets)
            if request is not None:
                return request
        return await self._threads.run(plans.decode, kind, octets)

    def _session(self, request: Proto, call: _Call) -> Session:
        """The request's session, made if need be."""
        call.session = found = self._sessions.find(_key(request))
        call.session = self._sessions.get_or_create(_key(request), request.client_observed_server_side_session_id)
        if found is None:
            sent = dict(call.context.invocation_metadata() or ())
            call.session.application = str(sent.get(APPLICATION_KEY, ""))
        return call.session

    def _existing(self, request: Proto, call: _Call) -> Session:
        call.session = self._sessions.find(_key(request))
        call.session = self._sessions.existing(_key(request), request.client_observed_server_side_session_id)
        return call.session


def _analyze(calls: AnalyzeCalls, request: Proto) -> Proto:
    try:
        return calls.answer(request)
    except RecursionError:
        raise too_deep() from None


def _key(request: Proto) -> SessionKey:
    return SessionKey(request.user_context.user_id, request.session_id)


def _ended_state(outcome: Outcome | None) -> int:
    match outcome:
        case Outcome.SUCCEEDED:
            state: int = _Status.OPERATION_STATE_SUCCEEDED
        case Outcome.FAILED:
            state = _Status.OPERATION_STATE_FAILED
        case _:
            state = _Status.OPERATION_STATE_CANCELLED
    return state


def _interrupt_argument(subclass: str, parameter: str, kind: str) -> SparkError:
    return SparkError(
        f"INVALID_PARAMETER_VALUE.INTERRUPT_TYPE_{subclass}",
        f"The value of parameter(s) {parameter} in interrupt is invalid: {kind} requested, but no {parameter} "
        "provided.",
        {"parameter": parameter, "functionName": "interrupt"},
        sql_state="22023",
        kind=ErrorKind.SQL,
    )


def _nothing(message: str, name: str) -> SparkError:
    return oneof_not_set(f"spark.connect.{message}", name)


_Unary = Callable[[SparkConnectServicer, bytes, _Call], Awaitable[Proto]]
_Stream = Callable[[SparkConnectServicer, bytes, _Call], AsyncGenerator[bytes, None]]

_UNARY: dict[str, _Unary] = {
    "AnalyzePlan": SparkConnectServicer.analyze_plan,
    "Config": SparkConnectServicer.config,
    "ArtifactStatus": SparkConnectServicer.artifact_status,
    "Interrupt": SparkConnectServicer.interrupt,
    "ReleaseExecute": SparkConnectServicer.release_execute,
    "ReleaseSession": SparkConnectServicer.release_session,
    "FetchErrorDetails": SparkConnectServicer.fetch_error_details,
    "CloneSession": SparkConnectServicer.clone_session,
    "GetStatus": SparkConnectServicer.get_status,
}
_STREAMS: dict[str, _Stream] = {
    "ExecutePlan": SparkConnectServicer.execute_plan,
    "ReattachExecute": SparkConnectServicer.reattach_execute,
}


def add_to_server(servicer: SparkConnectServicer, server: grpc.aio.Server) -> str:
    """Adds the service to a server and returns its full name, for health and reflection."""
    handlers: dict[str, Any] = {}
    for name, unary in _UNARY.items():
        handlers[name] = grpc.unary_unary_rpc_method_handler(_unary_handler(servicer, unary))
    for name, stream in _STREAMS.items():
        handlers[name] = grpc.unary_stream_rpc_method_handler(_stream_handler(servicer, stream))
    handlers["AddArtifacts"] = grpc.stream_unary_rpc_method_handler(_upload_handler(servicer))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    return SERVICE


def _unary_handler(servicer: SparkConnectServicer, method: _Unary) -> Any:
    async def handle(octets: bytes, context: _Context) -> bytes:
        call = _Call(context)
        try:
            answer = _octets(await method(servicer, octets, call))
            await servicer.executions.journal.written(servicer.executions.journal.position)
            return answer
        except Exception as error:
            await _abort(call, error)
            raise AssertionError from error

    return handle


def _stream_handler(servicer: SparkConnectServicer, method: _Stream) -> Any:
    async def handle(octets: bytes, context: _Context) -> AsyncIterator[bytes]:
        call = _Call(context)
        try:
            async with aclosing(method(servicer, octets, call)) as responses:
                async for response in responses:
                    yield response
        except Exception as error:  # noqa: BLE001  (whatever it is, the client gets a Spark error)
            await _abort(call, error)

    return handle


def _upload_handler(servicer: SparkConnectServicer) -> Any:
    async def handle(requests: AsyncIterator[bytes], context: _Context) -> bytes:
        call = _Call(context)
        try:
            answer = _octets(await servicer.add_artifacts(requests, call))
            await servicer.executions.journal.written(servicer.executions.journal.position)
            return answer
        except Exception as error:
            await _abort(call, error)
            raise AssertionError from error

    return handle


def _octets(message: Proto) -> bytes:
    octets: bytes = message.SerializeToString()
    return octets


async def _abort(call: _Call, error: Exception) -> None:
    """Ends the call with the error's status, and keeps its details for the client to fetch."""
    if isinstance(error, grpc.aio.AbortError):
        raise error
    try:
        found = error_details.report(error)
    except Exception as defect:  # noqa: BLE001  (an error about an error must not lose the call)
        defect.__cause__ = error
        found = error_details.report_defect(defect)
    if call.session is not None:
        call.session.errors.keep(found)
    status = error_details.status(found)
    await call.context.abort(
        grpc.StatusCode.INTERNAL,
        status.message,
        trailing_metadata=(("grpc-status-details-bin", status.SerializeToString()),),
    )
