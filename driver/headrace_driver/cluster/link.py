"""One worker's stream as the driver writes it: everything decided in one turn of the loop leaves in few envelopes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

from headrace_driver.cluster.messages import id_of, launch_message, output_id_of
from headrace_driver.scheduler.actions import Launch
from headrace_driver.scheduler.identity import OutputKey, TaskKey
from headrace_proto.v1 import cluster_pb2, task_pb2

GATHER_S = 0.008
"""What can wait does so for this long to leave with others: a message costs both sides some 200 µs, a task in it 20."""

ACKNOWLEDGE_S = 0.2
"""An acknowledgement waits so long for an envelope to go with; until then the worker keeps a copy of what it sent."""

ENVELOPE_BYTES_MAX = 4 << 20
"""Envelopes are cut at this size, gRPC's default limit. A single larger program or table goes alone."""


class WorkerLink:
    """What waits to be written to one attached worker.

    Bounded by what the scheduler has outstanding: launches by slots and prefetch, programs and tables by the stages of
    running jobs. A worker that does not read falls silent and is lost, and its link with it.
    """

    def __init__(self, worker_id: str, incarnation: str) -> None:
        self.worker_id = worker_id
        self.incarnation = incarnation
        self.closed = False
        self._wakeup = asyncio.Event()
        self._dismissals = cluster_pb2.ToWorker()
        self._orders = cluster_pb2.ToWorker()
        self._programs: list[task_pb2.StageProgram] = []
        self._tables: list[task_pb2.OutputTable] = []
        self._launches: list[Launch] = []
        self._drain_ms: int | None = None
        self._urgent = False
        self._gathering: asyncio.TimerHandle | None = None
        self.statuses_heard = 0
        """The number of the last message with statuses."""
        self._acknowledged = 0
        self._acknowledging: asyncio.TimerHandle | None = None

    def acknowledge(self, number: int) -> None:
        """Tells the worker, soon, that everything up to this message with statuses has been heard."""
        self.statuses_heard = max(self.statuses_heard, number)
        if self._acknowledging is None:
            self._acknowledging = asyncio.get_running_loop().call_later(ACKNOWLEDGE_S, self._wakeup.set)

    def send_program(self, program: task_pb2.StageProgram) -> None:
        self._programs.append(program)

    def send_table(self, table: task_pb2.OutputTable) -> None:
        self._tables.append(table)

    def launch(self, launches: Iterable[Launch], *, urgent: bool) -> None:
        """Not urgent are launches for a worker whose slots all have work."""
        self._launches.extend(launches)
        self._urgent = self._urgent or urgent

    def cancel(self, tasks: Iterable[TaskKey]) -> None:
        self._urgent = True
        self._dismissals.cancels.extend(id_of(task) for task in tasks)

    def drop_outputs(self, outputs: Iterable[OutputKey]) -> None:
        self._dismissals.drop_outputs.extend(output_id_of(output) for output in outputs)

    def drop_job(self, job_id: int) -> None:
        self._dismissals.drop_jobs.append(job_id)

    def adopt(self, orders: Iterable[cluster_pb2.Adopt]) -> None:
        self._urgent = True
        self._orders.adopt.extend(orders)

    def dismiss(self) -> None:
        self._urgent = True
        self._orders.dismissed = True

    def lose_holder(self, address: str) -> None:
        self._urgent = True
        self._orders.lost_holders.append(address)

    def drain(self, deadline_ms: int) -> None:
        self._drain_ms = deadline_ms
        self._urgent = True

    def wake(self) -> None:
        """Lets the writer take what waits, at once if any of it is urgent."""
        if self._urgent:
            self._wakeup.set()
        elif self._gathering is None:
            self._gathering = asyncio.get_running_loop().call_later(GATHER_S, self._wakeup.set)

    def close(self) -> None:
        """Ends the stream from the driver's side."""
        self.closed = True
        self._wakeup.set()

    async def wait(self) -> None:
        """Until there is something to take or the link is closed."""
        await self._wakeup.wait()
        self._wakeup.clear()

    def take(self) -> Iterator[cluster_pb2.ToWorker]:
        """Envelopes with everything that waits. Cancels and drops go in one of their own, before what may follow them
        for the same stage."""
        self._urgent = False
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        dismissals, self._dismissals = self._dismissals, cluster_pb2.ToWorker()
        if dismissals.cancels or dismissals.drop_outputs or dismissals.drop_jobs:
            yield dismissals
        orders, self._orders = self._orders, cluster_pb2.ToWorker()
        if orders.adopt or orders.lost_holders or orders.dismissed:
            yield orders
        programs, self._programs = self._programs, []
        tables, self._tables = self._tables, []
        launches, self._launches = self._launches, []
        envelope, size_bytes = cluster_pb2.ToWorker(), 0
        if self._drain_ms is not None:
            envelope.drain.deadline_ms, self._drain_ms = self._drain_ms, None
            size_bytes = 8
        messages = (launch_message(launch) for launch in launches)
        for field, items in (("programs", programs), ("tables", tables), ("launches", messages)):
            for item in items:
                item_bytes = item.ByteSize() + 8
                if size_bytes and size_bytes + item_bytes > ENVELOPE_BYTES_MAX:
                    yield envelope
                    envelope, size_bytes = cluster_pb2.ToWorker(), 0
                getattr(envelope, field).append(item)
                size_bytes += item_bytes
        if self._acknowledging is not None:
            self._acknowledging.cancel()
            self._acknowledging = None
        if self._acknowledged < self.statuses_heard:
            envelope.statuses_acknowledged = self._acknowledged = self.statuses_heard
            size_bytes += 8
        if size_bytes:
            yield envelope
