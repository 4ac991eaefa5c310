"""Errors about sessions, operations and cursors, in Spark's words."""

from __future__ import annotations

import uuid

from headrace_driver.errors import ErrorKind, SparkError

_SAID = {
    "FORMAT": "Handle must be an UUID string of the format '00112233-4455-6677-8899-aabbccddeeff'",
    "SESSION_CHANGED": "The existing Spark server driver instance has restarted. Please reconnect.",
    "SESSION_CLOSED": "Session was closed.",
    "SESSION_NOT_FOUND": "Session not found.",
    "OPERATION_ABANDONED": "Operation was considered abandoned because of inactivity and removed.",
    "OPERATION_ALREADY_EXISTS": "Operation already exists.",
    "OPERATION_NOT_FOUND": "Operation not found.",
}


def invalid_handle(subclass: str, handle: str) -> SparkError:
    """INVALID_HANDLE.`subclass`: the session or operation cannot be used (any more)."""
    return SparkError(
        f"INVALID_HANDLE.{subclass}",
        f"The handle {handle} is invalid. {_SAID[subclass]}",
        {"handle": handle},
        sql_state="HY000",
        kind=ErrorKind.SQL,
    )


def check_uuid(handle: str) -> None:
    """Sessions and operations are named by clients, with UUIDs."""
    try:
        # uuid.UUID also takes braces and missing dashes.
        if len(handle) == 36 and str(uuid.UUID(handle)) == handle.lower():
            return
    except ValueError:
        pass
    raise invalid_handle("FORMAT", handle)


def position_not_found(response_id: str) -> SparkError:
    """A client asks to continue after a response that was never sent."""
    return _cursor("POSITION_NOT_FOUND", f"The cursor position id {response_id} is not found.", response_id)


def position_not_available(response_id: str) -> SparkError:
    """A client asks to continue after a response whose successors were released already."""
    return _cursor(
        "POSITION_NOT_AVAILABLE",
        f"The cursor position id {response_id} is no longer available at index.",
        response_id,
    )


def not_reattachable() -> SparkError:
    """The operation was started without asking for reattachability."""
    return _cursor("NOT_REATTACHABLE", "The cursor is not reattachable.")


def disconnected() -> SparkError:
    """Another stream took over."""
    return _cursor("DISCONNECTED", "The cursor has been disconnected by the server.")


def _cursor(subclass: str, said: str, response_id: str = "") -> SparkError:
    parameters = {"responseId": response_id} if response_id else {}
    return SparkError(
        f"INVALID_CURSOR.{subclass}",
        f"The cursor is invalid. {said}",
        parameters,
        sql_state="HY109",
        kind=ErrorKind.SQL,
    )
