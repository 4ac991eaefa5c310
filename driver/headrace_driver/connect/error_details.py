"""Errors on their way to the client: the status of a failed call, and the details it may ask for afterwards.

PySpark makes its exception from the class names, error class, SQLSTATE and parameters in the status, and fetches
message, query contexts and stack by the error's id, because a status has to be small.
"""

from __future__ import annotations

import json
import traceback
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2

from headrace_driver.connect import error_conditions
from headrace_driver.connect.error_classes import hierarchy, kind_of
from headrace_driver.connect.error_text import SYNTAX_ERROR, context_summary, full_message
from headrace_driver.connect.protocol import Proto, base_pb2
from headrace_driver.errors import NOWHERE, ErrorKind, Origin, SparkError
from headrace_proto.v1 import common_pb2

MESSAGE_CHARS_MAX = 2048
"""Of the message in a status: trailers hold it twice, and clients take 8 KiB of them by default."""
PARAMETERS_CHARS_MAX = 1024
"""Message parameters (as JSON) go into the status only up to this size, as with Spark."""
KEPT_MAX = 1000
"""Errors a session keeps for clients that have not asked yet; older ones are dropped."""
TEXT_CHARS_MAX = 4_000
"""Of the message of an internal error, which may quote a whole program."""
TRACEBACK_CHARS_MAX = 16_000
"""Of a traceback in the log; its end says most."""
STACK_MAX = 16
"""Frames of a stack that are sent."""

_log = structlog.get_logger("headrace.connect")


@dataclass(frozen=True, slots=True)
class Context:
    """Where in the user's SQL or program an error arose, as the protocol wants it."""

    is_dataframe: bool
    start: int
    stop: int
    fragment: str
    call_site: str
    summary: str


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of a stack."""

    module: str
    function: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """Everything a client can learn of one failure."""

    error_id: str
    classes: tuple[str, ...]
    message: str
    error_class: str
    sql_state: str
    parameters: Mapping[str, str]
    contexts: tuple[Context, ...] = ()
    stack: tuple[Frame, ...] = ()


class Reported(Exception):
    """An error whose report has been made already, perhaps by an earlier process."""

    def __init__(self, report: ErrorReport) -> None:
        super().__init__(report.message)
        self.report = report


def report(error: BaseException) -> ErrorReport:
    """The report of an exception. What is no SparkError is our defect: it is logged under the id the client sees."""
    if isinstance(error, Reported):
        return error.report
    failure = getattr(error, "failure", None)
    if isinstance(failure, common_pb2.Failure):
        return _of_failure(failure, error)
    if isinstance(error, SparkError):
        return _of_spark_error(error)
    return report_defect(error)


def report_defect(error: BaseException) -> ErrorReport:
    """The report of an exception that is our fault."""
    return _of_defect(f"{type(error).__name__}: {error}", error)


def _of_spark_error(error: SparkError) -> ErrorReport:
    origins = () if error.error_class == SYNTAX_ERROR else error.origins
    return ErrorReport(
        error_id=str(uuid.uuid4()),
        classes=hierarchy(error.kind),
        message=full_message(error),
        error_class=error.error_class,
        sql_state=error.sql_state,
        parameters=error.parameters,
        contexts=tuple(_context(origin) for origin in origins if origin.start >= 0 or origin.call_site),
        stack=_stack(error),
    )


def _context(origin: Origin) -> Context:
    return Context(
        bool(origin.call_site),
        origin.start,
        origin.stop,
        origin.fragment,
        origin.call_site,
        context_summary(origin),
    )


def _of_defect(text: str, error: BaseException, remote_traceback: str = "") -> ErrorReport:
    error_id = str(uuid.uuid4())
    text = text[:TEXT_CHARS_MAX]
    # Not exc_info: console renderers show local variables, and a deep plan among them takes minutes to print.
    local = "".join(traceback.format_exception(error))[-TRACEBACK_CHARS_MAX:]
    remote = remote_traceback[-TRACEBACK_CHARS_MAX:] or None
    _log.error("internal error", error_id=error_id, error=text, traceback=local, remote_traceback=remote)
    # The [XX_...] form and SQLSTATE are Spark's for its own defects.
    message = f"[INTERNAL_ERROR] {text} (this is a defect of Headrace; see error id {error_id} in the driver's log)"
    return ErrorReport(
        error_id=error_id,
        classes=hierarchy(ErrorKind.SPARK),
        message=f"{message} SQLSTATE: XX000",
        error_class="INTERNAL_ERROR",
        sql_state="XX000",
        parameters={"message": text},
        stack=_stack(error),
    )


def _of_failure(failure: common_pb2.Failure, error: BaseException) -> ErrorReport:
    """A job's failure. Only user errors have a Spark error class; the rest say what happened to the cluster."""
    match failure.WhichOneof("cause"):
        case "user_error":
            return _of_user_error(failure.user_error, error)
        case "cancelled":
            return _of_spark_error(cancelled(failure.cancelled.reason))
        case "out_of_memory":
            memory = failure.out_of_memory
            return _of_spark_error(
                _cluster_error("OUT_OF_MEMORY", "53200", f"A task needs more memory than a worker has: {memory.detail}")
            )
        case "disk_full":
            disk = failure.disk_full
            amounts = f"{disk.needed_bytes} bytes were needed, {disk.free_bytes} are free"
            said = f"The disk of {disk.directory} is full ({amounts})."
            return _of_spark_error(_cluster_error("DISK_FULL", "53100", said))
        case "fetch_failed":
            said = f"Blocks of a stage could not be fetched: {failure.fetch_failed.detail}"
            return _of_spark_error(_cluster_error("FETCH_FAILED", "58000", said))
        case "executor_lost":
            lost = failure.executor_lost
            said = f"The process that ran a task ended with code {lost.exit_code}: {lost.detail}"
            return _of_spark_error(_cluster_error("EXECUTOR_LOST", "58000", said))
        case "worker_lost":
            said = f"Worker {failure.worker_lost.worker_id} was lost: {failure.worker_lost.detail}"
            return _of_spark_error(_cluster_error("WORKER_LOST", "58000", said))
        case _:
            return _of_defect(failure.internal.message or str(error), error, failure.internal.traceback)


def _of_user_error(user: common_pb2.UserError, error: BaseException) -> ErrorReport:
    parameters = dict(user.parameters)
    contexts = tuple(
        Context(bool(c.call_site), c.start_index, c.stop_index, c.fragment, c.call_site, "") for c in user.contexts
    )
    origin = getattr(error, "origin", NOWHERE)
    if not contexts and origin != NOWHERE:
        contexts = (_context(origin),)
    state = user.sql_state or error_conditions.sql_state(user.error_class)
    message = user.message or error_conditions.sentence(user.error_class, parameters)
    if not message.startswith("[") and not user.error_class.startswith("_LEGACY_ERROR_TEMP_"):
        message = f"[{user.error_class}] {message}"
    if state and "SQLSTATE: " not in message:
        message = f"{message} SQLSTATE: {state}"
    if origin != NOWHERE:
        message = f"{message}\n{context_summary(origin)}"
    return ErrorReport(
        error_id=str(uuid.uuid4()),
        classes=hierarchy(kind_of(user.error_class, state, parameters)),
        message=message,
        error_class=user.error_class,
        sql_state=state,
        parameters=parameters,
        contexts=contexts,
        stack=_stack(error),
    )


def _cluster_error(name: str, sql_state: str, text: str) -> SparkError:
    return SparkError(f"CLUSTER_FAILURE.{name}", text, {}, sql_state=sql_state, kind=ErrorKind.SPARK)


def cancelled(reason: str = "") -> SparkError:
    """What an interrupted operation ends with."""
    said = f"Operation was canceled: {reason}" if reason else "Operation was canceled."
    return SparkError(
        "OPERATION_CANCELED", said, {"reason": reason} if reason else {}, sql_state="HY008", kind=ErrorKind.SQL
    )


def _stack(error: BaseException) -> tuple[Frame, ...]:
    frames = [
        Frame(frame.filename.rpartition("/")[2].removesuffix(".py"), frame.name, frame.filename, frame.lineno or 0)
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    return tuple(reversed(frames[-STACK_MAX:]))


def status(found: ErrorReport) -> status_pb2.Status:
    """The status of the failed call."""
    info = error_details_pb2.ErrorInfo(reason=found.classes[0], domain="org.apache.spark")
    info.metadata["classes"] = json.dumps(list(found.classes), separators=(",", ":"))
    info.metadata["errorId"] = found.error_id
    if found.error_class:
        info.metadata["errorClass"] = found.error_class
    if found.sql_state:
        info.metadata["sqlState"] = found.sql_state
    parameters = json.dumps(dict(found.parameters), separators=(",", ":"))
    if found.error_class and len(parameters) <= PARAMETERS_CHARS_MAX:
        info.metadata["messageParameters"] = parameters
    detail = any_pb2.Any()
    detail.Pack(info)
    message = found.message
    if len(message) > MESSAGE_CHARS_MAX:
        message = message[: MESSAGE_CHARS_MAX - 3] + "..."
    # Spark answers every error of its own with INTERNAL; clients decide retries by that.
    return status_pb2.Status(code=code_pb2.INTERNAL, message=message, details=[detail])


def details(found: ErrorReport) -> Proto:
    """One Error of FetchErrorDetailsResponse."""
    error = base_pb2.FetchErrorDetailsResponse.Error(error_type_hierarchy=found.classes, message=found.message)
    for frame in found.stack:
        error.stack_trace.add(
            declaring_class=frame.module, method_name=frame.function, file_name=frame.file, line_number=frame.line
        )
    throwable = error.spark_throwable
    if found.error_class:
        throwable.error_class = found.error_class
    if found.sql_state:
        throwable.sql_state = found.sql_state
    for key, value in found.parameters.items():
        throwable.message_parameters[key] = value
    for context in found.contexts:
        added = throwable.query_contexts.add(fragment=context.fragment, summary=context.summary)
        if context.is_dataframe:
            added.context_type = base_pb2.FetchErrorDetailsResponse.QueryContext.DATAFRAME
            added.call_site = context.call_site
        else:
            added.context_type = base_pb2.FetchErrorDetailsResponse.QueryContext.SQL
            added.start_index = context.start
            added.stop_index = context.stop
    return error


class ErrorArchive:
    """A session's errors that clients may still ask about."""

    def __init__(self) -> None:
        self._reports: OrderedDict[str, ErrorReport] = OrderedDict()

    def keep(self, found: ErrorReport) -> None:
        self._reports[found.error_id] = found
        while len(self._reports) > KEPT_MAX:
            self._reports.popitem(last=False)

    def take(self, error_id: str) -> ErrorReport | None:
        """The report of an id, given out once as with Spark."""
        return self._reports.pop(error_id, None)
