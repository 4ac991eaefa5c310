"""What waits for the driver, and what is sent again when a stream broke."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from headrace_proto.v1 import cluster_pb2, common_pb2, task_pb2
from headrace_worker.link import STATUS_BYTES_PER_MESSAGE_MAX, STATUSES_PER_MESSAGE_MAX, Outbox


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    with asyncio.Runner():
        yield Outbox()


def status(partition: int, size_bytes: int = 0) -> task_pb2.TaskStatus:
    output = task_pb2.TaskOutput(sample=bytes(size_bytes))
    return task_pb2.TaskStatus(id=common_pb2.TaskId(job_id=1, stage_id=1, partition=partition), output=output)


def sent(message: cluster_pb2.FromWorker) -> tuple[int, list[int]]:
    return message.statuses_number, [each.id.partition for each in message.statuses]


def drained(outbox: Outbox) -> list[tuple[int, list[int]]]:
    messages = []
    while outbox.filled.is_set():
        messages.append(sent(outbox.take()))
    return messages


def put(outbox: Outbox, *statuses: task_pb2.TaskStatus) -> None:
    outbox.statuses.extend(statuses)
    outbox.filled.set()


def test_what_was_not_acknowledged_is_sent_again_unchanged_and_first(outbox: Outbox) -> None:
    for partition in range(3):
        put(outbox, status(partition))
        assert drained(outbox) == [(partition + 1, [partition])]
    put(outbox, status(3), status(4))
    outbox.reconnect(1)
    assert drained(outbox) == [(2, [1]), (3, [2]), (4, [3, 4])]


def test_what_was_acknowledged_is_forgotten(outbox: Outbox) -> None:
    put(outbox, status(0))
    assert drained(outbox) == [(1, [0])]
    outbox.acknowledge(1)
    outbox.reconnect(0)
    assert drained(outbox) == [(0, [])]


def test_a_message_that_could_not_be_written_keeps_its_number(outbox: Outbox) -> None:
    put(outbox, status(0))
    outbox.give_back(outbox.take())
    put(outbox, status(1))
    outbox.reconnect(0)
    assert drained(outbox) == [(1, [0]), (2, [1])]


def test_a_stream_that_breaks_while_sending_again_starts_over(outbox: Outbox) -> None:
    for partition in range(3):
        put(outbox, status(partition))
        drained(outbox)
    outbox.reconnect(0)
    assert sent(outbox.take()) == (1, [0])
    outbox.reconnect(1)
    assert drained(outbox) == [(2, [1]), (3, [2])]


def test_heartbeats_have_no_number(outbox: Outbox) -> None:
    outbox.heartbeat = cluster_pb2.Heartbeat(sequence=1)
    outbox.filled.set()
    message = outbox.take()
    assert (message.heartbeat.sequence, sent(message)) == (1, (0, []))
    put(outbox, status(0))
    assert drained(outbox) == [(1, [0])]


def test_messages_are_cut_by_number_and_by_bytes(outbox: Outbox) -> None:
    put(outbox, *map(status, range(STATUSES_PER_MESSAGE_MAX + 1)))
    assert [len(partitions) for _, partitions in drained(outbox)] == [STATUSES_PER_MESSAGE_MAX, 1]
    large = STATUS_BYTES_PER_MESSAGE_MAX // 2
    put(outbox, status(0, large), status(1, large), status(2, 3 * large), status(3))
    assert [partitions for _, partitions in drained(outbox)] == [[0], [1], [2], [3]]


def test_another_driver_is_told_nothing_of_old_jobs(outbox: Outbox) -> None:
    put(outbox, status(0))
    drained(outbox)
    put(outbox, status(1))
    outbox.reconnect(0)
    outbox.forget_statuses()
    assert drained(outbox) == [(0, [])]


def test_only_statuses_are_hurried_and_only_until_they_are_taken(outbox: Outbox) -> None:
    outbox.hurry()
    assert not outbox.hurried.is_set(), "there is nothing to hurry"
    put(outbox, status(0))
    outbox.hurry()
    assert outbox.hurried.is_set()
    assert drained(outbox) == [(1, [0])]
    assert not outbox.hurried.is_set()
