"""A driver for tests of workers: it accepts registrations, sends what a test tells it to, and keeps what comes back."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc

from headrace_proto.v1 import cluster_pb2, cluster_pb2_grpc, common_pb2, task_pb2

TaskKey = tuple[int, int, int, int]


def key_of(task: common_pb2.TaskId) -> TaskKey:
    return task.job_id, task.stage_id, task.partition, task.attempt


class AttachedWorker:
    """One stream: what the worker said of itself, and a queue of what to send it."""

    def __init__(self, registration: cluster_pb2.Register) -> None:
        self.registration = registration
        self.outgoing: asyncio.Queue[cluster_pb2.ToWorker | None] = asyncio.Queue()
        self.heartbeats: list[cluster_pb2.Heartbeat] = []
        self.draining = ""
        self.known_programs: set[tuple[int, int]] = set()

    def send(self, **fields: Any) -> None:
        self.outgoing.put_nowait(cluster_pb2.ToWorker(**fields))


class ScriptedDriver(cluster_pb2_grpc.ClusterServicer):
    """The Cluster service of a test."""

    def __init__(self, secret: str = "", refuse: str = "") -> None:
        self.secret = secret
        self.refuse = refuse
        self.workers: dict[str, AttachedWorker] = {}
        self.registrations: list[cluster_pb2.Register] = []
        self.statuses: dict[TaskKey, task_pb2.TaskStatus] = {}
        self.repeated: list[TaskKey] = []
        self.address = ""
        self._changed = asyncio.Condition()

    async def Attach(self, requests: AsyncIterator[cluster_pb2.FromWorker], context: Any) -> None:  # noqa: N802
        metadata = dict(context.invocation_metadata())
        if self.secret and metadata.get("authorization") != f"Bearer {self.secret}":
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "wrong join secret")
        first = await context.read()
        self.registrations.append(first.register)
        if self.refuse:
            await context.write(cluster_pb2.ToWorker(refused=cluster_pb2.Refused(reason=self.refuse)))
            return
        worker = AttachedWorker(first.register)
        await context.write(
            cluster_pb2.ToWorker(registered=cluster_pb2.Registered(cluster_id="test", heartbeat_interval_ms=100))
        )
        async with self._changed:
            self.workers[first.register.worker_id] = worker
            self._changed.notify_all()
        sender = asyncio.create_task(self._send(worker, context))
        try:
            while (message := await context.read()) is not grpc.aio.EOF:
                async with self._changed:
                    self._take(worker, message)
                    self._changed.notify_all()
        finally:
            sender.cancel()
            if self.workers.get(first.register.worker_id) is worker:
                del self.workers[first.register.worker_id]

    async def _send(self, worker: AttachedWorker, context: Any) -> None:
        while (message := await worker.outgoing.get()) is not None:
            await context.write(message)
        await context.abort(grpc.StatusCode.UNAVAILABLE, "the test broke the stream")

    def _take(self, worker: AttachedWorker, message: cluster_pb2.FromWorker) -> None:
        if message.HasField("heartbeat"):
            worker.heartbeats.append(message.heartbeat)
        if message.HasField("draining"):
            worker.draining = message.draining.reason
            worker.send(dismissed=True)
        for status in message.statuses:
            key = key_of(status.id)
            if key in self.statuses:
                self.repeated.append(key)
            self.statuses[key] = status

    async def until(self, condition: Callable[[], object], timeout_s: float = 60.0) -> None:
        """Waits for something that messages from workers bring about."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: bool(condition()))

    async def wait_for_workers(self, count: int) -> list[AttachedWorker]:
        await self.until(lambda: len(self.workers) >= count)
        return [self.workers[name] for name in sorted(self.workers)]

    async def run_stage(
        self,
        program: task_pb2.StageProgram,
        slices: list[list[task_pb2.InputSlice]],
        tables: Iterable[task_pb2.OutputTable] = (),
        attempt: int = 0,
        place: Callable[[int], int] | None = None,
        timeout_s: float = 60.0,
    ) -> list[task_pb2.TaskStatus]:
        """Runs one task a list of slices, dealt out over the workers, and returns their ends in order."""
        workers = [self.workers[name] for name in sorted(self.workers)]
        tables = list(tables)
        keys = []
        for partition, given in enumerate(slices):
            task = common_pb2.TaskId(
                job_id=program.output.job_id, stage_id=program.output.stage_id, partition=partition, attempt=attempt
            )
            keys.append(key_of(task))
            worker = workers[(place(partition) if place else partition) % len(workers)]
            worker.send(programs=[program], tables=tables, launches=[task_pb2.TaskLaunch(id=task, slices=given)])
        await self.until(lambda: all(key in self.statuses for key in keys), timeout_s)
        return [self.statuses[key] for key in keys]

    def output_table(self, output: common_pb2.OutputId, reducers: int, epoch: int = 1) -> task_pb2.OutputTable:
        """Where the finished tasks of a stage left their blocks."""
        table = task_pb2.OutputTable(output=output, epoch=epoch, reducers=reducers)
        names = sorted(self.workers)
        for name in names:
            table.holders.add(worker_id=name, address=self.workers[name].registration.address)
        for key, status in sorted(self.statuses.items()):
            if key[:2] != (output.job_id, output.stage_id) or status.state != task_pb2.TaskStatus.FINISHED:
                continue
            table.map_partition.append(key[2])
            table.map_attempt.append(key[3])
            table.map_holder.append(names.index(status.executor_id.rpartition("/")[0]))
            if status.output.HasField("inline_blocks"):
                table.inline_blocks.append(status.output.inline_blocks)
        return table


@asynccontextmanager
async def scripted_driver(tls: grpc.ServerCredentials | None = None, **options: Any) -> AsyncIterator[ScriptedDriver]:
    driver = ScriptedDriver(**options)
    server = grpc.aio.server()
    cluster_pb2_grpc.add_ClusterServicer_to_server(driver, server)  # type: ignore[no-untyped-call]
    listen = "127.0.0.1:0"
    port = server.add_insecure_port(listen) if tls is None else server.add_secure_port(listen, tls)
    driver.address = f"127.0.0.1:{port}"
    await server.start()
    try:
        yield driver
    finally:
        await server.stop(0)


@asynccontextmanager
async def worker_process(
    driver: ScriptedDriver, worker_id: str, directory: Path, *arguments: str, slots: int = 1, memory: int = 1 << 30
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker as its own process; stopped by SIGTERM if it still runs, and by SIGKILL if it does not obey."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "headrace_worker",
        *("--driver", driver.address, "--worker-id", worker_id, "--directories", str(directory)),
        *("--slots", str(slots), "--memory-bytes", str(memory), "--parent-pid", str(os.getpid())),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(15):
                _, errors = await process.communicate()
        except TimeoutError:
            process.kill()
            _, errors = await process.communicate()
        sys.stderr.write(errors.decode())


@asynccontextmanager
async def cluster(folder: Path, workers: int = 2, slots: int = 1, *arguments: str) -> AsyncIterator[ScriptedDriver]:
    """A scripted driver with workers attached."""
    async with scripted_driver() as driver:
        contexts = [worker_process(driver, f"w{n}", folder / f"w{n}", *arguments, slots=slots) for n in range(workers)]
        processes = await asyncio.gather(*(context.__aenter__() for context in contexts))
        try:
            await driver.wait_for_workers(workers)
            driver.processes = processes  # type: ignore[attr-defined]
            yield driver
        finally:
            await asyncio.gather(*(context.__aexit__(None, None, None) for context in contexts))
