"""The stream to the driver: one bidirectional call, opened again with back-off when it breaks."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
import structlog

from headrace_proto.v1 import cluster_pb2, cluster_pb2_grpc, task_pb2
from headrace_worker.security import CHANNEL_OPTIONS, PeerCredentials

BACK_OFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)
"""A driver that is started again waits some seconds for its workers; all must have dialled within."""
REGISTRATION_S = 10.0
"""How long the driver may take to answer a registration."""

STATUSES_PER_MESSAGE_MAX = 512

STATUS_BYTES_PER_MESSAGE_MAX = 4 << 20
"""Outputs up to some kilobytes travel with statuses; heartbeats must not wait behind many megabytes of them."""

GATHER_S = 0.006
"""A message costs a fifth of a millisecond whatever it carries, so statuses that come thick and fast share one, as long
as the worker has tasks to go on with: a small query waits for none."""

NAME_TAKEN_TRIES = 20
"""After a reconnection the driver may still hold the broken stream for a while; then our own name is taken."""

_log = structlog.get_logger()


class RegistrationRefused(Exception):
    """The driver does not want this worker; the text says why and what to do."""


StatusBatch = tuple[int, list[task_pb2.TaskStatus]]
"""The number of a message, and its statuses."""


@dataclass(slots=True)
class Outbox:
    """What waits to be sent, and statuses sent that the driver has not acknowledged, which are sent again on the next
    stream. There is one status for every task at most.
    """

    statuses: list[task_pb2.TaskStatus] = field(default_factory=list)
    data: list[cluster_pb2.DataDirectory] = field(default_factory=list)
    heartbeat: cluster_pb2.Heartbeat | None = None
    draining: str = ""
    adopted: list[cluster_pb2.Adopted] = field(default_factory=list)
    filled: asyncio.Event = field(default_factory=asyncio.Event)
    hurried: asyncio.Event = field(default_factory=asyncio.Event)
    """What waits is not to wait for company."""
    emptied: asyncio.Event = field(default_factory=asyncio.Event)

    _number: int = 0
    """Of the last message with statuses."""
    _unacknowledged: deque[StatusBatch] = field(default_factory=deque)
    _again: deque[StatusBatch] = field(default_factory=deque)
    """Those of the unacknowledged that this stream has still to carry."""

    def take(self) -> cluster_pb2.FromWorker:
        """Everything that fits one message."""
        message = cluster_pb2.FromWorker(data=self.data, adopted=self.adopted)
        batch = self._again.popleft() if self._again else self._next_batch()
        if batch is not None:
            message.statuses_number, statuses = batch
            message.statuses.extend(statuses)
        self.data.clear()
        self.adopted.clear()
        if self.heartbeat is not None:
            message.heartbeat.CopyFrom(self.heartbeat)
            self.heartbeat = None
        if self.draining:
            message.draining.reason, self.draining = self.draining, ""
        if not self.statuses and not self._again:
            self.filled.clear()
            self.hurried.clear()
        return message

    def hurry(self) -> None:
        """Nothing may come soon that statuses could share a message with."""
        if self.statuses:
            self.hurried.set()

    def _next_batch(self) -> StatusBatch | None:
        count = size_bytes = 0
        for status in self.statuses[:STATUSES_PER_MESSAGE_MAX]:
            size_bytes += status.ByteSize()
            if count and size_bytes > STATUS_BYTES_PER_MESSAGE_MAX:
                break
            count += 1
        if not count:
            return None
        self._number += 1
        batch = (self._number, self.statuses[:count])
        del self.statuses[:count]
        self._unacknowledged.append(batch)
        return batch

    def give_back(self, message: cluster_pb2.FromWorker) -> None:
        """What could not be sent goes back to the front; its statuses are not acknowledged and so are still here."""
        self.data[:0] = message.data
        self.adopted[:0] = message.adopted
        self.draining = self.draining or message.draining.reason
        self.filled.set()

    def acknowledge(self, number: int) -> None:
        """The driver has heard all messages with statuses up to this one."""
        while self._unacknowledged and self._unacknowledged[0][0] <= number:
            self._unacknowledged.popleft()

    def reconnect(self, acknowledged: int) -> None:
        """A new stream, whose driver has heard messages up to this one: the others are sent again, in their order."""
        self.acknowledge(acknowledged)
        self._again = deque(self._unacknowledged)
        self.filled.set()

    def forget_statuses(self) -> None:
        """Another driver, whose job numbers mean other jobs."""
        self.statuses.clear()
        self._unacknowledged.clear()
        self._again.clear()


class DriverLink:
    """Keeps the stream to the driver up. `run` ends only by cancellation or refusal."""

    def __init__(
        self,
        driver: str,
        credentials: PeerCredentials,
        registration: Callable[[], cluster_pb2.Register],
        on_registered: Callable[[cluster_pb2.Registered, int], None],
        on_message: Callable[[cluster_pb2.ToWorker], None],
    ) -> None:
        self._driver = driver
        self._credentials = credentials
        self._registration = registration
        self._on_registered = on_registered
        self._on_message = on_message
        self._registered_once = False
        self._cluster_id = ""
        self._epoch = 0
        self.away_since_s: float | None = None
        """Since when there is no stream, on the loop's clock; None while there is one."""
        self.attached = False
        """Whether there is a stream over which the driver has answered."""
        self.outbox = Outbox()

    async def run(self) -> None:
        """Connects, registers, exchanges messages; starts over when the stream breaks."""
        failures = refusals = 0
        while True:
            try:
                await self._attach()
                failures = refusals = 0
                _log.warning("the driver closed the stream", driver=self._driver)
            except RegistrationRefused as refused:
                refusals += 1
                if not self._registered_once or refusals >= NAME_TAKEN_TRIES:
                    raise
                _log.warning("registration refused, trying again", reason=str(refused))
            except grpc.aio.AioRpcError as error:
                if error.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
                    raise RegistrationRefused(
                        f"the driver at {self._driver} refused the join secret. {error.details()}"
                    ) from error
                if failures == 0:
                    _log.warning("no stream to the driver", driver=self._driver, error=error.details())
            except (TimeoutError, asyncio.IncompleteReadError) as error:
                _log.warning("the driver did not answer the registration", driver=self._driver, error=str(error))
            delay_s = BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)]
            failures += 1
            await asyncio.sleep(delay_s * random.uniform(0.7, 1.3))

    def send_status(self, status: task_pb2.TaskStatus) -> None:
        """Queues the end of an attempt."""
        self.outbox.statuses.append(status)
        self.outbox.filled.set()

    def send_adopted(self, adopted: Sequence[cluster_pb2.Adopted]) -> None:
        """Queues what became of outputs taken over from others."""
        self.outbox.adopted.extend(adopted)
        self.outbox.filled.set()

    async def _attach(self) -> None:
        """One stream from registration to its end."""
        secure = self._credentials.channel_credentials()
        channel = (
            grpc.aio.insecure_channel(self._driver, options=CHANNEL_OPTIONS)
            if secure is None
            else grpc.aio.secure_channel(self._driver, secure, options=CHANNEL_OPTIONS)
        )
        async with channel:
            stub = cluster_pb2_grpc.ClusterStub(channel)  # type: ignore[no-untyped-call]
            call = stub.Attach(metadata=self._credentials.metadata())
            sender: asyncio.Task[None] | None = None
            try:
                async with asyncio.timeout(REGISTRATION_S):
                    await call.write(cluster_pb2.FromWorker(register=self._registration()))
                    answer = await call.read()
                if answer is grpc.aio.EOF:
                    return
                if answer.HasField("refused"):
                    raise RegistrationRefused(answer.refused.reason)
                if not self._obeys(answer):
                    return
                self._registered_once = self.attached = True
                self.away_since_s = None
                self.outbox.reconnect(answer.statuses_acknowledged)
                self._on_registered(answer.registered, answer.epoch)
                self._on_message(answer)
                sender = asyncio.create_task(self._send_all(call), name="driver-sender")
                while (message := await call.read()) is not grpc.aio.EOF and self._obeys(message):
                    self.outbox.acknowledge(message.statuses_acknowledged)
                    self._on_message(message)
            finally:
                if self.away_since_s is None:
                    self.away_since_s = asyncio.get_running_loop().time()
                self.attached = False
                if sender is not None:
                    sender.cancel()
                call.cancel()

    def _obeys(self, message: cluster_pb2.ToWorker) -> bool:
        """Whether the message is from the newest driver this worker has heard of in its cluster."""
        if message.HasField("registered") and message.registered.cluster_id != self._cluster_id:
            self._cluster_id, self._epoch = message.registered.cluster_id, 0
        if message.epoch < self._epoch:
            _log.error("a driver that has been replaced is refused", epoch=message.epoch, newest_epoch=self._epoch)
            return False
        self._epoch = message.epoch
        return True

    async def _send_all(self, call: Any) -> None:
        """What comes after a pause goes at once, and so does what nothing may follow soon; under load, messages are at
        least `GATHER_S` apart and carry more."""
        loop = asyncio.get_running_loop()
        sent_at = 0.0
        while True:
            await self.outbox.filled.wait()
            pause_s = sent_at + GATHER_S - loop.time()
            if pause_s > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.outbox.hurried.wait(), pause_s)
            sent_at = loop.time()
            self.outbox.emptied.clear()
            message = self.outbox.take()
            try:
                await call.write(message)
                if not self.outbox.filled.is_set():
                    self.outbox.emptied.set()
            except BaseException:
                self.outbox.give_back(message)
                raise
