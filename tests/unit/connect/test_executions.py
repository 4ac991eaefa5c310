"""Producers and streams: back-pressure, limits, interrupts, progress. No gRPC, and time that tests move."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from headrace_driver.connect import operations as o
from headrace_driver.connect.executions import Execution, Executions
from headrace_driver.connect.operations import Operation, OperationKey, State
from headrace_driver.connect.protocol import base_pb2
from headrace_driver.errors import SparkError
from tests.unit.connect.fake_engine import FakeProgress, FakeStage
from tests.unit.connect.serving import Clock

Producer = Callable[[Execution], Awaitable[None]]


def _run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 20))


def _start(executions: Executions, producer: Producer, reattachable: bool = True, name: str = "one") -> Operation:
    key = OperationKey("me", "session", name)
    operation, _ = executions.operations.start(key, b"", reattachable, frozenset({"tag"}))
    executions.start(operation, "server", producer)
    return operation


def _batch(octets: int) -> Any:
    response = base_pb2.ExecutePlanResponse()
    response.arrow_batch.data = b"x" * octets
    return response


async def _read(executions: Executions, operation: Operation, last: str | None = None) -> list[Any]:
    number = executions.operations.attach(operation, last)
    return [base_pb2.ExecutePlanResponse.FromString(octets) async for octets in executions.stream(operation, number)]


def _kinds(responses: list[Any]) -> list[str]:
    return [response.WhichOneof("response_type") for response in responses]


def test_a_reattachable_stream_ends_with_result_complete() -> None:
    async def produce(execution: Execution) -> None:
        await execution.send(_batch(1))

    async def check() -> None:
        executions = Executions(Clock())
        operation = _start(executions, produce)
        responses = await _read(executions, operation)
        assert _kinds(responses) == ["arrow_batch", "result_complete"]
        assert {r.operation_id for r in responses} == {"one"}
        assert {r.server_side_session_id for r in responses} == {"server"}
        assert len({r.response_id for r in responses}) == 2
        assert operation.state is State.OVER_DETACHED

    _run(check)


def test_other_streams_just_end() -> None:
    async def produce(execution: Execution) -> None:
        await execution.send(_batch(1))

    async def check() -> None:
        executions = Executions(Clock())
        operation = _start(executions, produce, reattachable=False)
        assert _kinds(await _read(executions, operation)) == ["arrow_batch"]
        assert len(executions.operations) == 0

    _run(check)


def test_a_query_waits_for_its_reader() -> None:
    made = 0

    async def produce(execution: Execution) -> None:
        nonlocal made
        for _ in range(100):
            await execution.send(_batch(1 << 20))
            made += 1

    async def check() -> None:
        executions = Executions(Clock())
        operation = _start(executions, produce)
        number = executions.operations.attach(operation, None)
        stream = executions.stream(operation, number)
        read = 0
        async for _ in stream:
            read += 1
            for _ in range(20):
                await asyncio.sleep(0)
            # However slow the reader, only the bound and the one being sent are ahead of it.
            assert made - read <= o.UNSENT_BYTES_MAX >> 20
            assert operation.log.retained_bytes <= o.RETAINED_BYTES_MAX + (1 << 20)
        assert read == 101

    _run(check)


def test_a_stream_ends_by_size_and_goes_on_where_it_was() -> None:
    async def produce(execution: Execution) -> None:
        for _ in range(6):
            await execution.send(_batch(1000))

    async def check() -> None:
        executions = Executions(Clock(), stream_bytes_max=2500)
        operation = _start(executions, produce)
        parts, last = [], None
        while True:
            part = await _read(executions, operation, last)
            parts.append(len(part))
            last = part[-1].response_id
            if part[-1].HasField("result_complete"):
                break
        assert parts == [3, 3, 1]

    _run(check)


def test_a_stream_ends_by_time() -> None:
    clock = Clock()
    waiting = asyncio.Event()

    async def produce(execution: Execution) -> None:
        await execution.send(_batch(1))
        waiting.set()
        await asyncio.Event().wait()

    async def check() -> None:
        executions = Executions(clock, stream_s_max=100.0, progress_interval_s=0.01)
        operation = _start(executions, produce)
        reading = asyncio.create_task(_read(executions, operation))
        await waiting.wait()
        clock.now_s += 101.0
        assert _kinds(await reading) == ["arrow_batch"]
        assert operation.state is State.RUNNING_DETACHED
        executions.stop()

    _run(check)


def test_an_interrupted_operation_ends_at_once_with_an_error() -> None:
    async def produce(execution: Execution) -> None:
        await asyncio.Event().wait()

    async def check() -> None:
        executions = Executions(Clock())
        operation = _start(executions, produce)
        reading = asyncio.create_task(_read(executions, operation))
        await asyncio.sleep(0)
        assert executions.interrupt("me", "session", tag="other") == []
        assert executions.interrupt("me", "session", tag="tag") == ["one"]
        with pytest.raises(SparkError) as error:
            await reading
        assert error.value.error_class == "OPERATION_CANCELED"

    _run(check)


def test_an_operation_interrupted_before_its_first_step_ends_as_well() -> None:
    async def produce(execution: Execution) -> None:
        raise AssertionError("never")

    async def check() -> None:
        executions = Executions(Clock())
        operation = _start(executions, produce)
        executions.interrupt("me", "session")
        with pytest.raises(SparkError) as error:
            await _read(executions, operation)
        assert error.value.error_class == "OPERATION_CANCELED"

    _run(check)


def test_a_failure_comes_after_the_responses_before_it_and_again_to_who_comes_back() -> None:
    async def produce(execution: Execution) -> None:
        await execution.send(_batch(1))
        raise SparkError("SOME", "thing")

    async def check() -> None:
        executions = Executions(Clock())
        operation = _start(executions, produce)
        stream = executions.stream(operation, executions.operations.attach(operation, None))
        first = base_pb2.ExecutePlanResponse.FromString(await anext(stream))
        with pytest.raises(SparkError, match="thing"):
            await anext(stream)
        with pytest.raises(SparkError, match="thing"):
            await _read(executions, operation, first.response_id)

    _run(check)


def test_a_second_stream_takes_over() -> None:
    async def produce(execution: Execution) -> None:
        await asyncio.Event().wait()

    async def check() -> None:
        executions = Executions(Clock())
        operation = _start(executions, produce)
        first = asyncio.create_task(_read(executions, operation))
        await asyncio.sleep(0.01)
        second = asyncio.create_task(_read(executions, operation))
        await asyncio.sleep(0.01)
        executions.release(None)
        # The first finds out when it looks next.
        executions._running[id(operation)].wake()
        with pytest.raises(SparkError) as error:
            await first
        assert error.value.error_class == "INVALID_CURSOR.DISCONNECTED"
        assert operation.state is State.RUNNING
        second.cancel()
        executions.stop()

    _run(check)


def test_progress_while_the_client_waits() -> None:
    go_on = asyncio.Event()

    async def produce(execution: Execution) -> None:
        execution.progress = lambda: FakeProgress((FakeStage(3, 10, 4, 77, False),), 2)
        await go_on.wait()
        await execution.send(_batch(1))

    async def check() -> None:
        executions = Executions(Clock(), progress_interval_s=0.01)
        operation = _start(executions, produce)
        number = executions.operations.attach(operation, None)
        stream = executions.stream(operation, number)
        first = base_pb2.ExecutePlanResponse.FromString(await anext(stream))
        assert first.execution_progress.num_inflight_tasks == 2
        stage = first.execution_progress.stages[0]
        assert (stage.stage_id, stage.num_tasks, stage.num_completed_tasks) == (3, 10, 4)
        assert (stage.input_bytes_read, stage.done) == (77, False)
        go_on.set()
        rest = [base_pb2.ExecutePlanResponse.FromString(octets) async for octets in stream]
        assert _kinds(rest)[-2:] == ["arrow_batch", "result_complete"]

    _run(check)


def test_released_while_it_runs() -> None:
    ended = asyncio.Event()

    async def produce(execution: Execution) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def check() -> None:
        executions = Executions(Clock())
        operation = _start(executions, produce)
        reading = asyncio.create_task(_read(executions, operation))
        await asyncio.sleep(0)
        executions.release(executions.operations.release(operation.key, None))
        assert await reading == []
        await ended.wait()
        await asyncio.sleep(0)
        assert executions._running == {}

    _run(check)


def test_abandoned_operations_end() -> None:
    clock = Clock()
    ended = asyncio.Event()

    async def produce(execution: Execution) -> None:
        try:
            await execution.send(_batch(1))
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def check() -> None:
        executions = Executions(clock, detached_timeout_s=30.0)
        operation = _start(executions, produce)
        stream = executions.stream(operation, executions.operations.attach(operation, None))
        await anext(stream)
        await stream.aclose()
        clock.now_s += 29.0
        assert executions.expire() == 0
        clock.now_s += 1.0
        assert executions.expire() == 1
        await ended.wait()
        assert operation.state is State.ABANDONED

    _run(check)


def test_closing_a_session_ends_its_operations() -> None:
    async def produce(execution: Execution) -> None:
        await asyncio.Event().wait()

    async def check() -> None:
        executions = Executions(Clock())
        operation = _start(executions, produce)
        reading = asyncio.create_task(_read(executions, operation))
        await asyncio.sleep(0)
        executions.close_session("me", "session")
        assert await reading == []

    _run(check)
