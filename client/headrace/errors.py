"""What can go wrong in the client and at the start of a daemon, with the exit code each error ends a command with."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the `headrace` command; those above 63 follow sysexits.h, out of the way of applications' own."""

    OK = 0
    FAILED = 1
    """The query, the job or the cluster failed."""
    USAGE = 2
    """A flag, a setting or an argument is wrong."""
    NOT_FOUND = 66
    """There is no such job or file."""
    UNREACHABLE = 69
    """No driver answers at the address."""
    INTERNAL = 70
    """A fault of Headrace itself."""
    CANNOT_LISTEN = 73
    """The address or port cannot be had."""
    REFUSED = 77
    """The credentials are missing or wrong, or the daemon would be open to everybody."""
    INTERRUPTED = 130
    """Ctrl-C."""


class HeadraceError(Exception):
    """Base of all errors that are told in one sentence, without a traceback. The text says what to do."""

    exit_code: ExitCode = ExitCode.FAILED


class SettingError(HeadraceError):
    """A setting has a value it cannot have, or there is no such setting."""

    exit_code = ExitCode.USAGE


class UnreachableError(HeadraceError):
    """No driver answers at the address."""

    exit_code = ExitCode.UNREACHABLE


class RefusedError(HeadraceError):
    """Credentials are missing, wrong, or required before a daemon may listen."""

    exit_code = ExitCode.REFUSED


class NotFoundError(HeadraceError):
    """There is no such job or file."""

    exit_code = ExitCode.NOT_FOUND


class ListenError(HeadraceError):
    """The address or port cannot be listened on."""

    exit_code = ExitCode.CANNOT_LISTEN


class QueryError(HeadraceError):
    """A query or job failed; `error_class` and `sql_state` are Spark's where it has them."""

    def __init__(self, message: str, error_class: str = "", sql_state: str = "") -> None:
        super().__init__(message)
        self.error_class = error_class
        self.sql_state = sql_state


class ClusterError(HeadraceError):
    """The processes of a local cluster did not start, or one of them died."""
