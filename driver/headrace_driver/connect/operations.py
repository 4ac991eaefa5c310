"""The life of operations, as a pure state machine: no clock, no stream, no task.

Two rules hold it together. An operation lives until its client has everything (RELEASE) or has been away too long
(EXPIRE), whichever comes first, whether or not its query still runs. And at most one stream delivers its responses: a
newer one takes over, the older is told that it has lost its place.

Both are in the table `_TRANSITIONS`; what is not in it is a defect of the caller.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from headrace_driver.connect.handles import (
    invalid_handle,
    not_reattachable,
    position_not_available,
    position_not_found,
)
from headrace_driver.connect.response_ids import count_of
from headrace_driver.errors import ErrorKind, SparkError

DETACHED_TIMEOUT_S = 300.0
"""An operation without a stream for so long is abandoned, as with Spark, unless the driver is told otherwise."""
TOMBSTONES_MAX = 10_000
"""Ended operations that are remembered, so that their ids are not taken for new ones."""
LIVE_MAX = 10_000
"""Operations at one time, waiting ones included; each may hold the bytes below."""
UNSENT_BYTES_MAX = 8 << 20
"""Responses that wait for the client; beyond it the query is not read on. Workers cut blocks at about a megabyte."""
RETAINED_BYTES_MAX = 16 << 20
"""Responses already sent that are kept for a client that lost its stream; older ones go first."""


class State(Enum):
    """Where an operation is: query running or over (it may have failed), with or without a stream."""

    RUNNING = auto()
    RUNNING_DETACHED = auto()
    OVER = auto()
    OVER_DETACHED = auto()
    RELEASED = auto()
    ABANDONED = auto()


class Event(Enum):
    """What happens to an operation."""

    ATTACH = auto()
    """A stream begins to deliver responses."""
    DETACH = auto()
    """The stream has ended: by its limits, by the client, by the network."""
    FINISH = auto()
    """The query's last response, or its failure, is in the log."""
    RELEASE = auto()
    """The client has all it wants."""
    EXPIRE = auto()
    """Nobody came back in time."""


_TRANSITIONS: dict[State, dict[Event, State]] = {
    State.RUNNING: {
        Event.ATTACH: State.RUNNING,
        Event.DETACH: State.RUNNING_DETACHED,
        Event.FINISH: State.OVER,
        Event.RELEASE: State.RELEASED,
    },
    State.RUNNING_DETACHED: {
        Event.ATTACH: State.RUNNING,
        Event.FINISH: State.OVER_DETACHED,
        Event.RELEASE: State.RELEASED,
        Event.EXPIRE: State.ABANDONED,
    },
    State.OVER: {
        Event.ATTACH: State.OVER,
        Event.DETACH: State.OVER_DETACHED,
        Event.RELEASE: State.RELEASED,
    },
    State.OVER_DETACHED: {
        Event.ATTACH: State.OVER,
        Event.RELEASE: State.RELEASED,
        Event.EXPIRE: State.ABANDONED,
    },
    State.RELEASED: {},
    State.ABANDONED: {},
}


class Outcome(Enum):
    """How the query of an operation ended."""

    SUCCEEDED = auto()
    FAILED = auto()
    CANCELLED = auto()


@dataclass(frozen=True, slots=True)
class OperationKey:
    """Operations are named by clients, within their session."""

    user_id: str
    session_id: str
    operation_id: str


@dataclass(frozen=True, slots=True)
class Response:
    """One response, serialized."""

    response_id: str
    octets: bytes
    count: int = 0
    """How many responses the client has with it, progress messages apart."""
    noted: int = 0
    """The journal's position up to which what led to it is noted."""


class ResponseLog:
    """Responses between the query and the client: [released] retained, sent [position] unsent.

    A position counts responses from the operation's first; `next_position` is the one the query appends to. The log of
    an operation that an earlier process began (`operation_id` given) learns from its client where to go on.
    """

    def __init__(self, keeps_sent: bool, restored_id: str = "") -> None:
        self._keeps_sent = keeps_sent
        self._restored_id = restored_id
        self.client_has: int | None = None if restored_id else 0
        """Responses the client had when it came back to a restored operation; None until it does."""
        self._responses: deque[Response] = deque()
        self._first = 0
        self._position = 0
        self._unsent_bytes = 0
        self._retained_bytes = 0
        self._released_ids: OrderedDict[str, None] = OrderedDict()

    @property
    def is_full(self) -> bool:
        """Whether the query has to wait for the client."""
        return self._unsent_bytes >= UNSENT_BYTES_MAX

    @property
    def has_unsent(self) -> bool:
        return self._position < self._first + len(self._responses)

    @property
    def next_noted(self) -> int:
        """`Response.noted` of the next response to send."""
        return self._responses[self._position - self._first].noted

    @property
    def retained_bytes(self) -> int:
        return self._retained_bytes

    def append(self, response: Response) -> None:
        """Adds a response for the client, unless the client has it from an earlier process."""
        if self.client_has and response.count <= self.client_has:
            return
        self._responses.append(response)
        self._unsent_bytes += len(response.octets)

    def take(self) -> Response:
        """The next response to send."""
        response = self._responses[self._position - self._first]
        self._position += 1
        self._unsent_bytes -= len(response.octets)
        self._retained_bytes += len(response.octets)
        if not self._keeps_sent:
            self._drop_first()
        else:
            while self._retained_bytes > RETAINED_BYTES_MAX and self._position - self._first > 1:
                self._drop_first()
        return response

    def rewind(self, last_response_id: str | None) -> None:
        """The client continues after that response; None: from the beginning. Raises INVALID_CURSOR."""
        if self.client_has is None:
            self._place(last_response_id)
            return
        if last_response_id is None:
            if self._first > 0:
                raise position_not_available("")
            self._seek(0)
            return
        if last_response_id in self._released_ids:
            # The last one released is fine: what follows it is still here.
            if next(reversed(self._released_ids)) != last_response_id:
                raise position_not_available(last_response_id)
            self._seek(self._first)
            return
        for offset, response in enumerate(self._responses):
            if response.response_id == last_response_id:
                self._seek(self._first + offset + 1)
                return
        if self._restored_id and count_of(self._restored_id, last_response_id) == self.client_has and not self._first:
            # It came back, and lost its stream again before anything more arrived.
            self._seek(0)
            return
        raise position_not_found(last_response_id)

    def _place(self, last_response_id: str | None) -> None:
        """The client of a restored operation is back and says what it has."""
        count = 0 if last_response_id is None else count_of(self._restored_id, last_response_id)
        if count is None:
            raise position_not_found(last_response_id or "")
        self.client_has = count
        kept = [response for response in self._responses if response.count > count]
        self._responses = deque(kept)
        self._seek(self._first)

    def release(self, response_id: str) -> None:
        """The client has everything up to that response. Ids that are unknown or released are no error."""
        sent = self._position - self._first
        for offset in range(sent):
            if self._responses[offset].response_id == response_id:
                for _ in range(offset + 1):
                    self._drop_first()
                return

    def clear(self) -> None:
        """Drops everything."""
        self._responses.clear()
        self._unsent_bytes = self._retained_bytes = 0
        self._first = self._position

    def _drop_first(self) -> None:
        response = self._responses.popleft()
        self._retained_bytes -= len(response.octets)
        self._first += 1
        self._released_ids[response.response_id] = None
        if len(self._released_ids) > 1000:
            self._released_ids.popitem(last=False)

    def _seek(self, position: int) -> None:
        self._position = position
        sent = position - self._first
        sizes = [len(response.octets) for response in self._responses]
        self._retained_bytes = sum(sizes[:sent])
        self._unsent_bytes = sum(sizes[sent:])


@dataclass(slots=True)
class Operation:
    """One operation. `stream` numbers its streams, so that one that was taken over finds out."""

    key: OperationKey
    plan_digest: bytes
    reattachable: bool
    tags: frozenset[str]
    log: ResponseLog
    state: State = State.RUNNING
    stream: int = 0
    outcome: Outcome | None = None
    error: BaseException | None = None
    """Raised in the stream after the last response."""
    detached_s: float = 0.0
    interrupted: bool = False

    @property
    def is_over(self) -> bool:
        """The query has ended; the client may not have everything yet."""
        return self.outcome is not None

    def step(self, event: Event) -> None:
        """Moves along the table."""
        following = _TRANSITIONS[self.state].get(event)
        assert following is not None, f"{event} in {self.state} of operation {self.key.operation_id}"
        self.state = following


@dataclass(slots=True)
class Ended:
    """What is remembered of an operation that is gone."""

    outcome: Outcome | None
    abandoned: bool


@dataclass(slots=True)
class Operations:
    """All operations of a driver. Times are handed in, in seconds."""

    on_gone: Callable[[Operation], None] = lambda operation: None
    """Told when an operation is gone for good."""
    _live: dict[OperationKey, Operation] = field(default_factory=dict)
    _ended: OrderedDict[OperationKey, Ended] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._live)

    def start(
        self, key: OperationKey, plan_digest: bytes, reattachable: bool, tags: frozenset[str]
    ) -> tuple[Operation, bool]:
        """The operation of an ExecutePlan and whether it is new.

        A client whose first call got lost on the way back sends the same plan under the same id again, and gets the
        operation it has; another plan under a used id is an error.
        """
        if key in self._ended:
            raise invalid_handle("OPERATION_ABANDONED", key.operation_id)
        known = self._live.get(key)
        if known is not None:
            if not (reattachable and known.reattachable and known.plan_digest == plan_digest):
                raise invalid_handle("OPERATION_ALREADY_EXISTS", key.operation_id)
            return known, False
        if len(self._live) >= LIVE_MAX:
            raise SparkError(
                "TOO_MANY_OPERATIONS",
                f"This driver has {LIVE_MAX} operations and takes no more.",
                {"limit": str(LIVE_MAX)},
                sql_state="53300",
                kind=ErrorKind.SQL,
            )
        operation = Operation(key, plan_digest, reattachable, tags, ResponseLog(reattachable))
        self._live[key] = operation
        return operation, True

    def restore(self, key: OperationKey, plan_digest: bytes, tags: frozenset[str], now_s: float) -> Operation:
        """An operation of an earlier process, whose client has been cut off with it."""
        log = ResponseLog(keeps_sent=True, restored_id=key.operation_id)
        operation = Operation(key, plan_digest, True, tags, log, State.RUNNING_DETACHED, detached_s=now_s)
        self._live[key] = operation
        return operation

    def find(self, key: OperationKey) -> Operation | None:
        return self._live.get(key)

    def attach(self, operation: Operation, last_response_id: str | None) -> int:
        """A stream begins after that response; returns its number. An older stream has lost its place."""
        operation.log.rewind(last_response_id)
        operation.step(Event.ATTACH)
        operation.stream += 1
        return operation.stream

    def reattach(self, key: OperationKey, last_response_id: str | None) -> tuple[Operation, int]:
        """ReattachExecute."""
        operation = self._live.get(key)
        if operation is None:
            ended = self._ended.get(key)
            known = "OPERATION_ABANDONED" if ended is not None and ended.abandoned else "OPERATION_NOT_FOUND"
            raise invalid_handle(known, key.operation_id)
        if not operation.reattachable:
            raise not_reattachable()
        return operation, self.attach(operation, last_response_id)

    def detach(self, operation: Operation, stream: int, now_s: float) -> None:
        """A stream has ended. Operations that cannot be reattached end with their stream."""
        if operation.stream != stream or operation.state in (State.RELEASED, State.ABANDONED):
            return
        if not operation.reattachable:
            self._end(operation, Event.RELEASE)
            return
        operation.step(Event.DETACH)
        operation.detached_s = now_s

    def finish(self, operation: Operation, outcome: Outcome, error: BaseException | None = None) -> None:
        """The query has ended. Nothing happens to an operation that is gone already."""
        if operation.is_over or operation.state in (State.RELEASED, State.ABANDONED):
            return
        operation.outcome, operation.error = outcome, error
        operation.step(Event.FINISH)

    def release(self, key: OperationKey, until: str | None) -> Operation | None:
        """ReleaseExecute: up to a response, or altogether; an unknown operation is no error."""
        operation = self._live.get(key)
        if operation is None:
            return None
        if until is None:
            self._end(operation, Event.RELEASE)
        else:
            operation.log.release(until)
        return operation

    def expired(self, now_s: float, timeout_s: float) -> list[Operation]:
        """Abandons operations whose client has been away too long, and returns them."""
        detached = (State.RUNNING_DETACHED, State.OVER_DETACHED)
        gone = [
            operation
            for operation in self._live.values()
            if operation.state in detached and now_s - operation.detached_s >= timeout_s
        ]
        for operation in gone:
            self._end(operation, Event.EXPIRE)
        return gone

    def interrupt(self, user_id: str, session_id: str, operation_id: str = "", tag: str = "") -> list[Operation]:
        """Marks running operations of a session: all, those with a tag, or one; returns those newly marked."""
        chosen = [
            operation
            for operation in self.of_session(user_id, session_id)
            if not operation.is_over
            and not operation.interrupted
            and (not tag or tag in operation.tags)
            and (not operation_id or operation.key.operation_id == operation_id)
        ]
        for operation in chosen:
            operation.interrupted = True
        return chosen

    def of_session(self, user_id: str, session_id: str) -> list[Operation]:
        return [o for o in self._live.values() if o.key.user_id == user_id and o.key.session_id == session_id]

    def ended_of_session(self, user_id: str, session_id: str) -> dict[str, Ended]:
        """Ended operations that are still remembered, by id."""
        return {
            key.operation_id: ended
            for key, ended in self._ended.items()
            if key.user_id == user_id and key.session_id == session_id
        }

    def close_session(self, user_id: str, session_id: str) -> list[Operation]:
        """Ends all operations of a session and returns them."""
        gone = self.of_session(user_id, session_id)
        for operation in gone:
            self._end(operation, Event.RELEASE)
        return gone

    def _end(self, operation: Operation, event: Event) -> None:
        operation.step(event)
        operation.log.clear()
        del self._live[operation.key]
        self._ended[operation.key] = Ended(operation.outcome, event is Event.EXPIRE)
        self.on_gone(operation)
        if len(self._ended) > TOMBSTONES_MAX:
            self._ended.popitem(last=False)


def check_tag(tag: str) -> None:
    """Tags may not be empty nor hold the separator Spark joins them with."""
    said = ""
    if "," in tag:
        said = "Spark Connect tag cannot contain ','."
    elif not tag:
        said = "Spark Connect tag cannot be an empty string."
    if said:
        raise SparkError("", said, {}, sql_state="", kind=ErrorKind.JAVA_ILLEGAL_ARGUMENT)
