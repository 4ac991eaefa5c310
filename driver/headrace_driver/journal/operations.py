"""Operations in the journal: what they were asked, how far their client has read, and how they ended.

An operation is noted once it is planned: before, no client has had anything of it, and PySpark sends the request again
when a driver does not know the operation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from headrace_driver.errors import ErrorKind, SparkError
from headrace_driver.journal import changes, payloads
from headrace_driver.journal.state import KeptJob, KeptRead
from headrace_driver.journal.store import Change
from headrace_driver.journal.writer import Journal

if TYPE_CHECKING:
    from headrace_driver.connect.operations import Operation, OperationKey, Outcome

_log = structlog.get_logger("headrace.journal")


class ReadBlock(Protocol):
    """A block of a result, as far as it tells which reading it comes from."""

    @property
    def partition(self) -> int: ...
    @property
    def attempt(self) -> int: ...
    @property
    def digest(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where to begin reading a result: after so many responses and rows, at a partition."""

    responses: int = 0
    rows: int = 0
    partition: int = 0
    read: KeptRead | None = None
    """The client has a part of the partition, from this reading of it."""

    def check(self, block: ReadBlock) -> None:
        """Raises when the client has blocks of a partition that has been computed again since, with another outcome."""
        read = self.read
        if read is None or block.partition != read.partition or block.attempt == read.attempt:
            return
        if not read.digest or block.digest != read.digest:
            raise SparkError(
                "RESULT_CHANGED",
                f"The driver was restarted and result partition {block.partition} lost with its worker after a part "
                "of it had been sent to the client. Computed again it has other rows, or in another order; run the "
                "query again.",
                {"partition": str(block.partition)},
                sql_state="58000",
                kind=ErrorKind.SPARK,
            )


def beginning(job: KeptJob, client_has: int) -> Beginning:
    """Where to begin for a client that has so many responses: the last partition begun within them."""
    fitting = [read for read in job.reads if read.responses_before <= client_has]
    if not client_has or not fitting:
        return Beginning()
    read = fitting[-1]
    partly = read if client_has > read.responses_before else None
    return Beginning(read.responses_before, read.rows_before, read.partition, partly)


def note_planned(
    operation: Operation, responses: Sequence[bytes] | None, query: Any, once_written: Sequence[bytes] | None = None
) -> Change:
    """`responses` of an operation the driver has answered itself, else its query; of a write also what its client gets
    at its end."""
    key = operation.key
    of = (key.user_id, key.session_id)
    if responses is not None:
        return changes.operation_answered(of, key.operation_id, operation.plan_digest, operation.tags, responses)
    try:
        octets = payloads.dump(query)
    except Exception as error:  # noqa: BLE001 - a plan that cannot be kept runs all the same
        _log.warning("a query cannot be kept", operation=key.operation_id, error=repr(error))
        octets = b""
    return changes.operation_started(of, key.operation_id, operation.plan_digest, operation.tags, octets, once_written)


def note_read(journal: Journal, job_id: int, block: ReadBlock, responses: int, rows: int) -> None:
    """The blocks of a partition begin after so many responses and rows."""
    if journal.is_on:
        read = changes.partition_read(job_id, block.partition, block.attempt, responses, rows, block.digest)
        journal.append(read)


def note_end(journal: Journal, key: OperationKey, outcome: Outcome, error: BaseException | None) -> None:
    """`error` is one that has been reported."""
    report = getattr(error, "report", None)
    octets = payloads.dump(report) if report is not None else None
    of = (key.user_id, key.session_id)
    journal.append(changes.operation_ended(of, key.operation_id, outcome.name, octets))


def note_gone(journal: Journal, key: OperationKey) -> None:
    journal.append(changes.operation_gone((key.user_id, key.session_id), key.operation_id))
