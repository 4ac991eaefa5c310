"""A driver's cluster side and workers in one process: the real gRPC services, tasks made up by tests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import pyarrow as pa

from headrace_driver.cluster.assembly import ClusterSide
from headrace_driver.cluster.rejoining import Rejoining
from headrace_driver.plan.stage import ClusterShape, OutputKind, PlannedStages, StageSpec, StageStats, TaskSpec
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_proto.v1 import blocks_pb2, blocks_pb2_grpc, cluster_pb2, cluster_pb2_grpc, common_pb2, task_pb2
from headrace_worker.shuffle.blocks import body_from_batches, encode_block

ENGINE = "duckdb test"

Work = Callable[["FakeWorker", task_pb2.TaskLaunch], Awaitable[task_pb2.TaskStatus]]


def block_of(*values: int) -> bytes:
    """One encoded block with a column of numbers."""
    batch = pa.record_batch({"n": pa.array(values, pa.int64())})
    return encode_block(body_from_batches(batch.schema, [batch]), len(values))


def numbers_in(arrow_stream: bytes) -> list[int]:
    numbers: list[int] = pa.ipc.open_stream(arrow_stream).read_all().column("n").to_pylist()
    return numbers


def finished(launch: task_pb2.TaskLaunch, **output: Any) -> task_pb2.TaskStatus:
    return task_pb2.TaskStatus(
        id=launch.id,
        state=task_pb2.TaskStatus.FINISHED,
        output=task_pb2.TaskOutput(**output),
        metrics=task_pb2.TaskMetrics(run_us=1000, kernel_us=500, rows_out=output.get("rows", 0)),
        executor_id="executor-0",
    )


def failed(launch: task_pb2.TaskLaunch, **cause: Any) -> task_pb2.TaskStatus:
    return task_pb2.TaskStatus(
        id=launch.id, state=task_pb2.TaskStatus.FAILED, failure=common_pb2.Failure(**cause), executor_id="executor-0"
    )


class FakeWorker(blocks_pb2_grpc.BlocksServicer):
    """Attaches to a driver, runs launches through `work`, serves the blocks put into `blocks`."""

    def __init__(self, driver: str, name: str, work: Work, *, slots: int = 2, incarnation: str = "first") -> None:
        self.name = name
        self.slots = slots
        self.incarnation = incarnation
        self.blocks: dict[tuple[int, int, int, int], bytes] = {}
        self.received: list[cluster_pb2.ToWorker] = []
        self.launched: list[task_pb2.TaskLaunch] = []
        self.cancelled: list[common_pb2.TaskId] = []
        self.refused: cluster_pb2.Refused | None = None
        self.register_with: dict[str, Any] = {}
        self.attached = asyncio.Event()
        self._driver = driver
        self._work = work
        self._running: dict[tuple[int, int, int, int], asyncio.Task[None]] = {}
        self._server = grpc.aio.server()
        self._tasks: list[asyncio.Task[None]] = []
        self._call: Any = None
        self._outgoing: asyncio.Queue[cluster_pb2.FromWorker] = asyncio.Queue()
        self._channel: grpc.aio.Channel | None = None

    async def start(self) -> FakeWorker:
        blocks_pb2_grpc.add_BlocksServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()
        await self.attach()
        return self

    async def attach(self) -> None:
        self.attached.clear()
        self._channel = grpc.aio.insecure_channel(self._driver, options=[("grpc.max_receive_message_length", -1)])
        self._call = cluster_pb2_grpc.ClusterStub(self._channel).Attach()  # type: ignore[no-untyped-call]
        register = cluster_pb2.Register(
            worker_id=self.name,
            incarnation=self.incarnation,
            address=self.address,
            host=self.name,
            slots=self.slots,
            threads_per_slot=1,
            memory_bytes=self.slots << 30,
            engine_version=ENGINE,
        )
        register.MergeFrom(cluster_pb2.Register(**self.register_with))
        await self._call.write(cluster_pb2.FromWorker(register=register))
        self._tasks = [asyncio.create_task(each) for each in (self._read(), self._write(), self._beat())]
        await asyncio.wait_for(self.attached.wait(), 5)

    async def send(self, **message: Any) -> None:
        # By one writer: cancelling a task in the middle of a write would cancel the whole stream.
        await self._outgoing.put(cluster_pb2.FromWorker(**message))

    async def _write(self) -> None:
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            while True:
                await self._call.write(await self._outgoing.get())

    async def kill(self) -> None:
        """The whole host is gone at once."""
        for task in (*self._tasks, *self._running.values()):
            task.cancel()
        if self._call is not None:
            self._call.cancel()
        if self._channel is not None:
            await self._channel.close()
        await self._server.stop(None)

    async def cut_stream(self) -> None:
        """The connection to the driver breaks; the process lives on."""
        for task in self._tasks:
            task.cancel()
        self._call.cancel()

    async def _read(self) -> None:
        with contextlib.suppress(grpc.aio.AioRpcError):
            while (message := await self._call.read()) is not grpc.aio.EOF:
                self.received.append(message)
                if message.HasField("registered"):
                    self.attached.set()
                if message.HasField("refused"):
                    self.refused = message.refused
                    self.attached.set()
                for task in message.cancels:
                    self.cancelled.append(task)
                    running = self._running.get((task.job_id, task.stage_id, task.partition, task.attempt))
                    if running is not None:
                        running.cancel()
                for launch in message.launches:
                    self.launched.append(launch)
                    key = (launch.id.job_id, launch.id.stage_id, launch.id.partition, launch.id.attempt)
                    self._running[key] = asyncio.create_task(self._run(key, launch))

    async def _run(self, key: tuple[int, int, int, int], launch: task_pb2.TaskLaunch) -> None:
        await self.send(statuses=[task_pb2.TaskStatus(id=launch.id, state=task_pb2.TaskStatus.RUNNING)])
        try:
            status = await self._work(self, launch)
        except asyncio.CancelledError:
            status = failed(launch, cancelled=common_pb2.Cancelled(reason="asked"))
        self._running.pop(key, None)
        await self.send(statuses=[status])

    async def _beat(self) -> None:
        while True:
            running = [
                common_pb2.TaskId(job_id=key[0], stage_id=key[1], partition=key[2], attempt=key[3])
                for key in self._running
            ]
            await self.send(heartbeat=cluster_pb2.Heartbeat(running=running, budget_bytes=1 << 30))
            await asyncio.sleep(0.2)

    async def Fetch(self, request: blocks_pb2.FetchRequest, context: Any) -> AsyncIterator[blocks_pb2.FetchChunk]:  # noqa: N802
        for position, each in enumerate(request.maps):
            key = (request.output.job_id, request.output.stage_id, each.map_partition, each.attempt)
            data = self.blocks.get(key)
            if data is None:
                yield blocks_pb2.FetchChunk(map_index=position, last=True, missing=True)
                continue
            half = len(data) // 2
            yield blocks_pb2.FetchChunk(map_index=position, data=data[:half])
            yield blocks_pb2.FetchChunk(map_index=position, data=data[half:], last=True)


@dataclass
class StepsPlan:
    """A plan given as stages by what must have finished before them."""

    steps: list[tuple[int | None, StageSpec]]
    finished: list[StageStats] = field(default_factory=list)
    job_id: int = 0

    def begin(self, job_id: int) -> None:
        self.job_id = job_id

    def advance(self, finished: StageStats | None, cluster: ClusterShape) -> PlannedStages:
        if finished is not None:
            self.finished.append(finished)
        after = finished.stage_id if finished is not None else None
        return PlannedStages(start=[spec for before, spec in self.steps if before == after])


def stage(
    stage_id: int,
    kind: OutputKind,
    tasks: int | tuple[TaskSpec, ...],
    *,
    reads: tuple[int, ...] = (),
    reducers: int = 1,
) -> StageSpec:
    specs = tasks if isinstance(tasks, tuple) else tuple(TaskSpec(partition) for partition in range(tasks))
    program = task_pb2.StageProgram(sql=f"SELECT {stage_id}", description=f"stage {stage_id}")
    return StageSpec(stage_id, kind, program, specs, reads=reads, reducers=reducers)


@dataclass
class Driver:
    """What a test has of a running driver."""

    side: ClusterSide
    address: str
    workers: list[FakeWorker] = field(default_factory=list)

    async def add_worker(
        self, name: str, work: Work, register_with: dict[str, Any] | None = None, **options: Any
    ) -> FakeWorker:
        worker = FakeWorker(self.address, name, work, **options)
        worker.register_with = register_with or {}
        await worker.start()
        self.workers.append(worker)
        return worker


@contextlib.asynccontextmanager
async def driver(options: SchedulerOptions | None = None, rejoining: Rejoining | None = None) -> AsyncIterator[Driver]:
    server = grpc.aio.server()
    side = ClusterSide(grpc.aio.insecure_channel, options=options, engine=ENGINE, rejoining=rejoining)
    side.add_to(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    side.start()
    running = Driver(side, f"127.0.0.1:{port}")
    try:
        yield running
    finally:
        await side.stop()
        for worker in running.workers:
            await worker.kill()
        await server.stop(0.1)


async def until(condition: Callable[[], bool]) -> None:
    """Waits for something another part of the process will bring about."""
    while not condition():  # noqa: ASYNC110 - conditions of tests have no event
        await asyncio.sleep(0.005)
