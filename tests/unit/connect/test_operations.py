"""The life of operations: the table, the log between query and client, and the rules clients rely on."""

from __future__ import annotations

import pytest

from headrace_driver.connect import operations as o
from headrace_driver.connect.operations import Event, Operation, OperationKey, Operations, Outcome, Response, State
from headrace_driver.errors import SparkError

KEY = OperationKey("me", "session", "operation")


def _start(
    operations: Operations, key: OperationKey = KEY, digest: bytes = b"plan", reattachable: bool = True
) -> Operation:
    operation, _ = operations.start(key, digest, reattachable, frozenset())
    return operation


def _fill(operation: Operation, *names: str, size: int = 10) -> None:
    for name in names:
        operation.log.append(Response(name, b"x" * size))


def _drain(operation: Operation) -> list[str]:
    taken = []
    while operation.log.has_unsent:
        taken.append(operation.log.take().response_id)
    return taken


def _class(error: pytest.ExceptionInfo[SparkError]) -> str:
    return error.value.error_class


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([Event.ATTACH, Event.FINISH, Event.RELEASE], State.RELEASED),
        ([Event.ATTACH, Event.DETACH, Event.ATTACH, Event.FINISH], State.OVER),
        ([Event.ATTACH, Event.DETACH, Event.FINISH], State.OVER_DETACHED),
        ([Event.ATTACH, Event.DETACH, Event.EXPIRE], State.ABANDONED),
        ([Event.ATTACH, Event.FINISH, Event.DETACH, Event.EXPIRE], State.ABANDONED),
        ([Event.ATTACH, Event.FINISH, Event.DETACH, Event.ATTACH, Event.RELEASE], State.RELEASED),
        ([Event.ATTACH, Event.ATTACH], State.RUNNING),
        ([Event.RELEASE], State.RELEASED),
    ],
)
def test_walks_through_the_table(events: list[Event], state: State) -> None:
    operation = _start(Operations())
    for event in events:
        operation.step(event)
    assert operation.state is state


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (State.RUNNING, Event.EXPIRE),
        (State.OVER, Event.FINISH),
        (State.OVER, Event.EXPIRE),
        (State.RUNNING_DETACHED, Event.DETACH),
        (State.RELEASED, Event.ATTACH),
        (State.ABANDONED, Event.RELEASE),
    ],
)
def test_what_is_not_in_the_table_is_a_defect(state: State, event: Event) -> None:
    operation = _start(Operations())
    operation.state = state
    with pytest.raises(AssertionError):
        operation.step(event)


def test_the_same_request_again_finds_its_operation() -> None:
    operations = Operations()
    first, new = operations.start(KEY, b"plan", True, frozenset())
    assert new
    again, new = operations.start(KEY, b"plan", True, frozenset())
    assert again is first
    assert not new


def test_another_plan_under_a_used_id_is_refused() -> None:
    operations = Operations()
    _start(operations)
    with pytest.raises(SparkError) as error:
        operations.start(KEY, b"other", True, frozenset())
    assert _class(error) == "INVALID_HANDLE.OPERATION_ALREADY_EXISTS"


def test_an_operation_that_cannot_be_reattached_is_not_found_again_by_its_request() -> None:
    operations = Operations()
    _start(operations, reattachable=False)
    with pytest.raises(SparkError) as error:
        operations.start(KEY, b"plan", False, frozenset())
    assert _class(error) == "INVALID_HANDLE.OPERATION_ALREADY_EXISTS"


def test_the_id_of_a_released_operation_is_not_used_again() -> None:
    operations = Operations()
    operation = _start(operations)
    operations.attach(operation, None)
    operations.release(KEY, None)
    with pytest.raises(SparkError) as error:
        operations.start(KEY, b"plan", True, frozenset())
    assert _class(error) == "INVALID_HANDLE.OPERATION_ABANDONED"
    with pytest.raises(SparkError) as error:
        operations.reattach(KEY, None)
    assert _class(error) == "INVALID_HANDLE.OPERATION_NOT_FOUND"


def test_a_client_that_stays_away_loses_its_operation() -> None:
    operations = Operations()
    operation = _start(operations)
    stream = operations.attach(operation, None)
    operations.detach(operation, stream, now_s=100.0)
    assert operations.expired(129.0, 30.0) == []
    assert operations.expired(130.0, 30.0) == [operation]
    with pytest.raises(SparkError) as error:
        operations.reattach(KEY, None)
    assert _class(error) == "INVALID_HANDLE.OPERATION_ABANDONED"


def test_an_attached_operation_never_expires() -> None:
    operations = Operations()
    operations.attach(_start(operations), None)
    assert operations.expired(1e9, 30.0) == []


def test_a_client_comes_back_where_it_was() -> None:
    operations = Operations()
    operation = _start(operations)
    stream = operations.attach(operation, None)
    _fill(operation, "a", "b", "c")
    assert [operation.log.take().response_id for _ in range(2)] == ["a", "b"]
    operations.detach(operation, stream, 0.0)
    _, stream = operations.reattach(KEY, "a")
    assert _drain(operation) == ["b", "c"]
    assert stream == 2


def test_a_second_stream_takes_over_and_the_end_of_the_first_changes_nothing() -> None:
    operations = Operations()
    operation = _start(operations)
    first = operations.attach(operation, None)
    _, second = operations.reattach(KEY, None)
    operations.detach(operation, first, 0.0)
    assert operation.state is State.RUNNING
    assert operation.stream == second


def test_a_stream_that_cannot_be_reattached_ends_its_operation() -> None:
    operations = Operations()
    operation = _start(operations, reattachable=False)
    stream = operations.attach(operation, None)
    with pytest.raises(SparkError) as error:
        operations.reattach(KEY, None)
    assert _class(error) == "INVALID_CURSOR.NOT_REATTACHABLE"
    operations.detach(operation, stream, 0.0)
    assert operation.state is State.RELEASED
    assert operations.find(KEY) is None


def test_released_responses_are_gone() -> None:
    operations = Operations()
    operation = _start(operations)
    operations.attach(operation, None)
    _fill(operation, "a", "b", "c")
    _drain(operation)
    operations.release(KEY, "b")
    operation.log.rewind("b")
    assert _drain(operation) == ["c"]
    with pytest.raises(SparkError) as error:
        operation.log.rewind("a")
    assert _class(error) == "INVALID_CURSOR.POSITION_NOT_AVAILABLE"
    with pytest.raises(SparkError) as error:
        operation.log.rewind(None)
    assert _class(error) == "INVALID_CURSOR.POSITION_NOT_AVAILABLE"
    with pytest.raises(SparkError) as error:
        operation.log.rewind("never sent")
    assert _class(error) == "INVALID_CURSOR.POSITION_NOT_FOUND"


def test_releasing_twice_or_what_is_unknown_is_no_error() -> None:
    operations = Operations()
    operation = _start(operations)
    operations.attach(operation, None)
    _fill(operation, "a", "b")
    _drain(operation)
    operations.release(KEY, "a")
    operations.release(KEY, "a")
    operations.release(KEY, "nothing")
    operation.log.rewind("a")
    assert _drain(operation) == ["b"]
    assert operations.release(OperationKey("me", "session", "other"), None) is None


def test_what_was_not_sent_is_not_released() -> None:
    operations = Operations()
    operation = _start(operations)
    operations.attach(operation, None)
    _fill(operation, "a")
    operations.release(KEY, "a")
    assert _drain(operation) == ["a"]


def test_the_log_says_when_the_query_has_to_wait() -> None:
    operation = _start(Operations())
    _fill(operation, "a", size=o.UNSENT_BYTES_MAX - 1)
    assert not operation.log.is_full
    _fill(operation, "b", size=1)
    assert operation.log.is_full
    operation.log.take()
    assert not operation.log.is_full


def test_what_was_sent_is_kept_only_up_to_a_bound() -> None:
    operation = _start(Operations())
    third = o.RETAINED_BYTES_MAX // 2
    for name in "abcd":
        _fill(operation, name, size=third)
        operation.log.take()
    assert operation.log.retained_bytes <= o.RETAINED_BYTES_MAX
    operation.log.rewind("c")
    with pytest.raises(SparkError):
        operation.log.rewind("a")


def test_one_response_over_the_bound_is_kept_all_the_same() -> None:
    operation = _start(Operations())
    _fill(operation, "a", size=o.RETAINED_BYTES_MAX + 1)
    operation.log.take()
    operation.log.rewind(None)
    assert _drain(operation) == ["a"]


def test_an_operation_that_cannot_be_reattached_keeps_nothing_sent() -> None:
    operation = _start(Operations(), reattachable=False)
    _fill(operation, "a")
    operation.log.take()
    assert operation.log.retained_bytes == 0


def test_interrupts_choose_by_tag_id_or_all() -> None:
    operations = Operations()
    keys = [OperationKey("me", "session", name) for name in ("one", "two", "three")]
    tagged, _ = operations.start(keys[0], b"", True, frozenset({"slow", "big"}))
    plain, _ = operations.start(keys[1], b"", True, frozenset())
    over, _ = operations.start(keys[2], b"", True, frozenset({"slow"}))
    operations.start(OperationKey("you", "session", "theirs"), b"", True, frozenset({"slow"}))
    operations.finish(over, Outcome.SUCCEEDED)
    assert operations.interrupt("me", "session", tag="slow") == [tagged]
    assert operations.interrupt("me", "session", tag="slow") == []
    assert operations.interrupt("me", "session", operation_id="three") == []
    assert operations.interrupt("me", "session") == [plain]


def test_closing_a_session_ends_its_operations_only() -> None:
    operations = Operations()
    mine = _start(operations)
    other = _start(operations, OperationKey("me", "other", "operation"))
    assert operations.close_session("me", "session") == [mine]
    assert mine.state is State.RELEASED
    assert other.state is State.RUNNING


def test_finishing_what_is_gone_changes_nothing() -> None:
    operations = Operations()
    operation = _start(operations)
    operations.release(KEY, None)
    operations.finish(operation, Outcome.FAILED, ValueError())
    assert operation.state is State.RELEASED
    assert operation.outcome is None


def test_tombstones_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(o, "TOMBSTONES_MAX", 2)
    operations = Operations()
    keys = [OperationKey("me", "session", str(i)) for i in range(3)]
    for key in keys:
        _start(operations, key)
        operations.release(key, None)
    assert set(operations.ended_of_session("me", "session")) == {"1", "2"}
    operations.start(keys[0], b"", True, frozenset())


@pytest.mark.parametrize("tag", ["", "a,b"])
def test_bad_tags(tag: str) -> None:
    with pytest.raises(SparkError):
        o.check_tag(tag)
