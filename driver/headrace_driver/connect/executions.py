"""The thin shell around operations: tasks that produce responses, streams that deliver them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

from headrace_driver.connect import handles
from headrace_driver.connect.error_details import Reported, cancelled, report
from headrace_driver.connect.operations import (
    DETACHED_TIMEOUT_S,
    Operation,
    OperationKey,
    Operations,
    Outcome,
    Response,
    State,
)
from headrace_driver.connect.protocol import Proto, base_pb2
from headrace_driver.connect.response_ids import response_id
from headrace_driver.connect.runner import Progress
from headrace_driver.journal.operations import note_end, note_gone
from headrace_driver.journal.writer import Journal, NoJournal
from headrace_driver.session import Session

STREAM_S_MAX = 120.0
"""A stream of a reattachable operation ends after so long, as with Spark: no proxy between has to keep it longer."""
STREAM_BYTES_MAX = 1 << 30
"""And after so many bytes."""
PROGRESS_INTERVAL_S = 0.5
"""Between two progress messages of an operation whose client waits."""


class Execution:
    """One operation in this process: what its producer has to say and who waits for it."""

    def __init__(self, operation: Operation, session_id: str, server_side_id: str, journal: Journal) -> None:
        self.operation = operation
        self._journal = journal
        self.progress: Callable[[], Progress] | None = None
        """Set by the producer while its query runs."""
        self.progress_sent = False
        """Whether the client has seen a progress message, so that it should see the last one."""
        self._session_id = session_id
        self._server_side_id = server_side_id
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._count = 0
        self._progress_count = 0
        self._on_gone: list[Callable[[], None]] = []

    @property
    def count(self) -> int:
        """Responses sent so far, progress messages apart."""
        return self._count

    def go_on_after(self, count: int) -> None:
        """The next response is the one after so many, which an earlier process has sent."""
        self._count = count

    async def client_has(self) -> int:
        """How many responses the client has from an earlier process, once it is back."""
        while self.operation.log.client_has is None:
            await self._changed.wait()
        return self.operation.log.client_has

    def when_gone(self, do: Callable[[], None]) -> None:
        """Done when the client has everything or stays away for good, at once if that is so already."""
        if self.operation.state in (State.RELEASED, State.ABANDONED):
            do()
        else:
            self._on_gone.append(do)

    def gone(self) -> None:
        """The operation is released or abandoned."""
        while self._on_gone:
            self._on_gone.pop()()

    async def send(self, response: Proto) -> None:
        """Hands a response to the client, and waits while the client is too far behind."""
        self._append(response)
        while self.operation.log.is_full:
            await self._changed.wait()

    def _append(self, response: Proto) -> None:
        if response.HasField("execution_progress"):
            self._progress_count += 1
            progress = self._progress_count
        else:
            self._count += 1
            progress = 0
        operation_id = self.operation.key.operation_id
        response.session_id = self._session_id
        response.server_side_session_id = self._server_side_id
        response.operation_id = operation_id
        response.response_id = response_id(operation_id, self._count, progress)
        octets = response.SerializeToString()
        self.operation.log.append(Response(response.response_id, octets, self._count, self._journal.position))
        self.wake()

    def send_progress(self) -> None:
        """Appends a progress message, if the query has begun. Does not wait: the client does."""
        if self.progress is None:
            return
        now = self.progress()
        self.progress_sent = True
        message = base_pb2.ExecutePlanResponse()
        message.execution_progress.num_inflight_tasks = now.tasks_running
        for stage in now.stages:
            message.execution_progress.stages.add(
                stage_id=stage.stage_id,
                num_tasks=stage.tasks,
                num_completed_tasks=stage.tasks_finished,
                input_bytes_read=stage.input_bytes,
                done=stage.done,
            )
        self._append(message)

    def wake(self) -> None:
        """Lets producer and stream look again."""
        self._changed.set()
        self._changed.clear()

    async def changed(self, timeout_s: float) -> bool:
        """Until something happens; False when the time is over first."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def start(self, task: asyncio.Task[None]) -> None:
        self._task = task

    def stop(self) -> None:
        """Ends the producer, wherever it is."""
        if self._task is not None:
            self._task.cancel()


Producer = Callable[[Execution], Awaitable[None]]


class Executions:
    """All operations with their tasks. Must be used on one event loop; `now_s` is the clock."""

    def __init__(
        self,
        now_s: Callable[[], float],
        stream_s_max: float = STREAM_S_MAX,
        stream_bytes_max: int = STREAM_BYTES_MAX,
        progress_interval_s: float = PROGRESS_INTERVAL_S,
        journal: Journal | None = None,
        detached_timeout_s: float = DETACHED_TIMEOUT_S,
    ) -> None:
        self.journal = journal or NoJournal()
        self.operations = Operations(on_gone=self._gone)
        self.detached_timeout_s = detached_timeout_s
        self._now_s = now_s
        self._stream_s_max = stream_s_max
        self._stream_bytes_max = stream_bytes_max
        self._progress_interval_s = progress_interval_s
        self._running: dict[int, Execution] = {}

    def is_followed(self, session: Session, operation_id: str) -> bool:
        """Whether the operation is one its client can come back to."""
        operation = self.operations.find(OperationKey(session.user_id, session.session_id, operation_id))
        return self.journal.is_on and operation is not None and operation.reattachable

    def start(self, operation: Operation, server_side_id: str, producer: Producer) -> None:
        """Begins to produce the responses of a new operation."""
        execution = Execution(operation, operation.key.session_id, server_side_id, self.journal)
        self._running[id(operation)] = execution
        task = asyncio.create_task(self._produce(execution, producer))
        task.add_done_callback(lambda _: self._ended(execution))
        execution.start(task)

    async def _produce(self, execution: Execution, producer: Producer) -> None:
        operation = execution.operation
        try:
            await producer(execution)
            if operation.reattachable:
                message = base_pb2.ExecutePlanResponse()
                message.result_complete.SetInParent()
                await execution.send(message)
        except asyncio.CancelledError:
            self._finish(operation, Outcome.CANCELLED, cancelled())
        except Exception as error:  # noqa: BLE001  (whatever it is, it goes to the client)
            self._finish(operation, Outcome.FAILED, error)
        else:
            self._finish(operation, Outcome.SUCCEEDED)

    def _finish(self, operation: Operation, outcome: Outcome, error: BaseException | None = None) -> None:
        if self.journal.is_on and operation.reattachable and not operation.is_over:
            if error is not None:
                error = Reported(report(error))
            note_end(self.journal, operation.key, outcome, error)
        self.operations.finish(operation, outcome, error)

    def _gone(self, operation: Operation) -> None:
        """Neither it nor what its client has not read is needed any more."""
        if self.journal.is_on and operation.reattachable:
            note_gone(self.journal, operation.key)
        execution = self._running.get(id(operation))
        if execution is not None:
            execution.gone()

    def _ended(self, execution: Execution) -> None:
        operation = execution.operation
        # A task cancelled before its first step has run none of the code above.
        if not operation.is_over:
            self._finish(operation, Outcome.CANCELLED, cancelled())
        execution.progress = None
        execution.wake()
        if operation.state in (State.RELEASED, State.ABANDONED):
            self._running.pop(id(operation), None)

    async def stream(self, operation: Operation, number: int) -> AsyncGenerator[bytes, None]:
        """Delivers responses to one stream until there are no more, a limit is reached or another stream takes over."""
        execution = self._running[id(operation)]
        execution.wake()
        ends_s = self._now_s() + self._stream_s_max
        sent_bytes = 0
        log = operation.log
        try:
            while operation.stream == number:
                while log.has_unsent and operation.stream == number:
                    # What led to the response must not be forgotten once the client has it.
                    await self.journal.written(log.next_noted)
                    if not log.has_unsent or operation.stream != number:
                        break
                    response = log.take()
                    execution.wake()
                    yield response.octets
                    sent_bytes += len(response.octets)
                    if operation.reattachable and sent_bytes >= self._stream_bytes_max:
                        return
                if operation.stream != number:
                    break
                if operation.state in (State.RELEASED, State.ABANDONED):
                    return
                if operation.is_over:
                    if operation.error is not None:
                        await self.journal.written(self.journal.position)
                        raise operation.error
                    return
                left_s = ends_s - self._now_s()
                if operation.reattachable and left_s <= 0:
                    return
                wait_s = min(left_s, self._progress_interval_s) if operation.reattachable else self._progress_interval_s
                if not await execution.changed(wait_s) and self._now_s() < ends_s:
                    execution.send_progress()
            raise handles.disconnected()
        finally:
            self.operations.detach(operation, number, self._now_s())
            self._forget_if_gone(operation)

    def interrupt(self, user_id: str, session_id: str, operation_id: str = "", tag: str = "") -> list[str]:
        """Ends running operations and returns their ids."""
        chosen = self.operations.interrupt(user_id, session_id, operation_id, tag)
        for operation in chosen:
            self._running[id(operation)].stop()
        return [operation.key.operation_id for operation in chosen]

    def release(self, operation: Operation | None) -> None:
        """After `operations.release`: wakes the producer, or ends it when nobody wants its responses."""
        if operation is None:
            return
        execution = self._running.get(id(operation))
        if execution is not None:
            execution.wake()
        self._forget_if_gone(operation)

    def expire(self) -> int:
        """Abandons operations whose clients did not come back; returns how many."""
        gone = self.operations.expired(self._now_s(), self.detached_timeout_s)
        for operation in gone:
            self._forget_if_gone(operation)
        return len(gone)

    def close_session(self, user_id: str, session_id: str) -> None:
        """Ends all operations of a session."""
        for operation in self.operations.close_session(user_id, session_id):
            self._forget_if_gone(operation)

    def stop(self) -> None:
        """Ends everything."""
        for execution in list(self._running.values()):
            execution.stop()

    def _forget_if_gone(self, operation: Operation) -> None:
        if operation.state not in (State.RELEASED, State.ABANDONED):
            return
        execution = self._running.get(id(operation))
        if execution is None:
            return
        if operation.is_over:
            del self._running[id(operation)]
        else:
            execution.stop()
        execution.wake()
