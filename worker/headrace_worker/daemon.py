"""The worker daemon: connects what is pure (queue, budget) with executors, disks, the driver and other workers.

It runs no user code and no kernels, so it outlives them: an executor that dies loses one attempt and no blocks.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
import structlog

from headrace_proto.v1 import cluster_pb2, common_pb2, executor_pb2
from headrace_worker.adoption import Adoptions
from headrace_worker.config import WorkerConfig
from headrace_worker.departure import Departure
from headrace_worker.dispatch import Action, CancelOn, Dispatcher, Report, Start
from headrace_worker.executor.settings import ExecutorSettings
from headrace_worker.executor_pool import ExecutorPool, PoolEvents
from headrace_worker.link import DriverLink, RegistrationRefused
from headrace_worker.listing import DataListing
from headrace_worker.memory import DAEMON_BYTES, MemoryBudget, Use
from headrace_worker.memory_pressure import EvictStorage, HoldBack, LowerLimit, Restart, Step
from headrace_worker.nursery import Nursery
from headrace_worker.parent import die_with_parent, parent_gone
from headrace_worker.programs import OutputKey, Programs, outputs_read
from headrace_worker.serving import serve
from headrace_worker.shuffle.neighbours import announce
from headrace_worker.shuffle.server import BlocksService
from headrace_worker.shuffle.store import BlockStore, DirectoryUse
from headrace_worker.storage.cache import BlockCache
from headrace_worker.storage.memory_directory import MemoryDirectory

EXIT_OK, EXIT_USAGE, EXIT_REFUSED, EXIT_PARENT_GONE = 0, 2, 3, 4

TICK_S = 0.1
"""How soon tasks are taken back from behind one that turned out to be long."""

WATCH_S = 0.25
"""How often memory and the parent process are looked at. A kernel fills some 100 MB between two looks."""

DRIVER_WATCH_S = 0.5
"""How often a worker looks whether its driver is away for too long."""

DISK_USE_S = 5.0
BROADCAST_USE_S = 1.0
"""How often the files that executors map are measured: a directory of a few files."""

DATA_REFRESH_S = 10.0

_log = structlog.get_logger()


class Worker:
    """One daemon. `run` returns the exit code."""

    def __init__(
        self,
        config: WorkerConfig,
        on_ready: Callable[[str], None] | None = None,
        nursery: Nursery | None = None,
    ) -> None:
        self._config = config
        self._on_ready = on_ready
        self._layout = config.layout()
        self._incarnation = secrets.token_hex(8)
        self._worker_id = config.worker_id or f"{socket.gethostname()}-{os.getpid()}-{self._incarnation[:4]}"
        self._owned_directory = "" if config.directories else tempfile.mkdtemp(prefix="headrace-worker-")
        self._memory_directory = MemoryDirectory()
        directories = _own_directories(config.directories or (self._owned_directory,), self._worker_id)
        self._store = BlockStore(directories, self._memory_directory.path)
        self._budget = MemoryBudget(config.resolved_memory_bytes(), self._layout.slots)
        self._budget.charge(Use.DAEMON, DAEMON_BYTES)
        self._dispatcher = Dispatcher(self._budget)
        self._budget.storage.released = lambda: self._act(self._dispatcher.memory_freed())
        self._listing = DataListing(config.data)
        self._credentials = config.credentials()
        self._blocks = BlocksService(self._store)
        self._link = DriverLink(
            config.driver, self._credentials, self._registration, self._registered, self._from_driver
        )
        self._adoptions = Adoptions(self._store, self._credentials, self._link.send_adopted)
        self._programs = Programs()
        self._cache = BlockCache(self._store, self._budget, self._programs.outputs_in_use, self._spawn)
        self._departure = Departure(self._store, config.drain_s)
        self._executors = ExecutorPool(
            self._executor_settings,
            self._budget,
            nursery,
            PoolEvents(self._from_executor, self._executor_lost),
            lambda: self._departure.is_begun,
            self._spawn,
        )
        self._address = ""
        self._cluster_id = ""
        self._epoch = 0
        self._heartbeat_s = 1.0
        self._sequence = 0
        self._disks: list[DirectoryUse] = []
        self._background: set[asyncio.Task[None]] = set()

    async def run(self) -> int:
        """From start to clean stop."""
        problem = self._config.problem()
        if problem:
            _log.error("worker not started", reason=problem)
            return EXIT_USAGE
        if self._config.parent_pid:
            die_with_parent(self._config.parent_pid, signal.SIGTERM)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._departure.begin, f"received {number.name}")
        announcement: Path | None = None
        server: grpc.aio.Server | None = None
        try:
            self._store.prepare()
            server, self._address = await serve(self._config, self._credentials, self._blocks)
            announcement = announce(self._address, self._worker_id, self._store.directories, self._store.memory)
            await asyncio.to_thread(self._listing.refresh)
            self._disks = await asyncio.to_thread(self._store.uses)
            await asyncio.gather(*(self._executors.start() for _ in range(self._layout.slots)))
            for loop in (
                self._keep_attached,
                self._watch_driver,
                self._beat,
                self._tick,
                self._watch,
                self._refresh_data,
                self._measure_disks,
            ):
                self._spawn(loop())
            _log.info(
                "worker ready",
                worker_id=self._worker_id,
                address=self._address,
                slots=self._layout.slots,
                threads_per_slot=self._layout.threads,
                memory_bytes=self._budget.budget_bytes,
                directories=[str(directory) for directory in self._store.directories],
            )
            if self._on_ready is not None:
                self._on_ready(self._address)
            await self._departure.wait()
            await self._departure.drain(self._link)
        except OSError as error:
            _log.error("worker not started", reason=f"{error}")
            self._departure.fail(EXIT_USAGE)
        finally:
            await self._shut_down(server, announcement)
        return self._departure.exit_code

    async def _shut_down(self, server: grpc.aio.Server | None, announcement: Path | None) -> None:
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._adoptions.close()
        await self._executors.stop()
        if server is not None:
            await server.stop(grace=0.2)
        self._blocks.close()
        if announcement is not None:
            await asyncio.to_thread(announcement.unlink, missing_ok=True)
        await asyncio.to_thread(self._store.clear)
        await asyncio.to_thread(self._memory_directory.close)
        if self._owned_directory:
            await asyncio.to_thread(shutil.rmtree, self._owned_directory, ignore_errors=True)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._background.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A background loop that fails takes the worker down, loudly: half a worker helps nobody."""
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("worker failed", exc_info=error)
            self._departure.begin(f"internal error: {error}", exit_code=1)

    async def _keep_attached(self) -> None:
        try:
            await self._link.run()
        except RegistrationRefused as refused:
            _log.error("registration refused", reason=str(refused))
            self._departure.begin(f"registration refused: {refused}", EXIT_REFUSED)

    def _registration(self) -> cluster_pb2.Register:
        held = self._store.held_maps() if self._cluster_id else {}
        return cluster_pb2.Register(
            worker_id=self._worker_id,
            incarnation=self._incarnation,
            address=self._address,
            host=self._config.host or socket.gethostname(),
            rack=self._config.rack,
            slots=self._layout.slots,
            threads_per_slot=self._layout.threads,
            memory_bytes=self._budget.budget_bytes,
            engine_version=f"duckdb {version('duckdb')}",
            headrace_version=version("headrace"),
            pid=os.getpid(),
            held_outputs=[common_pb2.OutputId(job_id=job_id, stage_id=stage_id) for job_id, stage_id in sorted(held)],
            held_maps=[_held_maps(output, maps) for output, maps in sorted(held.items())],
            data=self._listing.everything(),
        )

    def _registered(self, answer: cluster_pb2.Registered, epoch: int) -> None:
        if self._cluster_id and self._cluster_id != answer.cluster_id:
            # Another driver: its job numbers mean other jobs.
            self._link.outbox.forget_statuses()
            self._drop_all_jobs()
        elif epoch != self._epoch:
            self._forget_programs()
        self._cluster_id, self._epoch = answer.cluster_id, epoch
        if self._departure.is_begun:
            # A driver that had given this worker up does not know that it is leaving.
            self._link.outbox.draining = self._departure.reason
        self._heartbeat_s = max(answer.heartbeat_interval_ms, 50) / 1000 if answer.heartbeat_interval_ms else 1.0
        structlog.contextvars.bind_contextvars(worker_id=self._worker_id)
        _log.info("registered", driver=self._config.driver, cluster_id=self._cluster_id)

    def _drop_all_jobs(self) -> None:
        self._drop_jobs({job_id for job_id, _ in self._store.held_outputs()} | self._programs.jobs())

    def _forget_programs(self) -> None:
        """The driver was started again: it sends programs and tables anew, and means them where they differ."""
        self._programs.clear()
        self._executors.forget_programs()

    async def _watch_driver(self) -> None:
        """Gives up what is kept for a driver that stays away. It may come back all the same."""
        while True:
            await asyncio.sleep(DRIVER_WATCH_S)
            away_since_s = self._link.away_since_s
            if away_since_s is None or not (self._programs.jobs() or self._store.held_outputs()):
                continue
            if asyncio.get_running_loop().time() - away_since_s > self._config.driver_grace_s:
                _log.warning("the driver stays away, its jobs are dropped", driver=self._config.driver)
                self._drop_all_jobs()

    def _from_driver(self, message: cluster_pb2.ToWorker) -> None:
        """One envelope, in the order the protocol lays down: what is dropped first, what is needed, then work."""
        if message.drop_jobs:
            self._drop_jobs(set(message.drop_jobs))
        for output in message.drop_outputs:
            self._drop_output((output.job_id, output.stage_id))
        self._programs.take(message.programs, message.tables)
        if message.launches:
            self._act(self._dispatcher.launch(message.launches))
        if message.cancels:
            self._act(self._dispatcher.cancel(message.cancels))
        if message.lost_holders:
            self._executors.tell_all(executor_pb2.ToExecutor(lost_holders=message.lost_holders))
        if message.adopt:
            self._adoptions.take(message.adopt)
        if message.dismissed:
            self._departure.dismiss()
        if message.HasField("drain"):
            self._departure.begin("the driver asked the worker to leave")

    def _drop_jobs(self, jobs: set[int]) -> None:
        self._adoptions.drop_jobs(jobs)
        self._act(self._dispatcher.drop_jobs(jobs))
        self._programs.drop_jobs(jobs)
        self._cache.drop_jobs(jobs)
        self._executors.drop_jobs(jobs)
        for job_id in jobs:
            self._spawn(asyncio.to_thread(self._store.drop_job, job_id))

    def _drop_output(self, key: OutputKey) -> None:
        self._programs.drop_output(key)
        self._spawn(asyncio.to_thread(self._store.drop_output, *key))

    def _act(self, actions: Sequence[Action]) -> None:
        for action in actions:
            if isinstance(action, Report):
                self._cache.reported(action.status)
                self._link.send_status(action.status)
            elif isinstance(action, Start):
                self._start_tasks(action)
            elif isinstance(action, CancelOn):
                self._executors[action.executor_id].process.send(executor_pb2.ToExecutor(cancels=action.tasks))
        if self._dispatcher.nothing_queued():
            self._link.outbox.hurry()
        self._departure.note_idle(self._dispatcher.idle())

    def _start_tasks(self, start: Start) -> None:
        """Sends tasks, and before them what the executor has not seen of their programs and inputs."""
        executor = self._executors[start.executor_id]
        message = executor_pb2.ToExecutor(launches=start.launches, memory_limit_bytes=start.grant_bytes)
        for stage in dict.fromkeys((launch.id.job_id, launch.id.stage_id) for launch in start.launches):
            program = self._programs.program(stage)
            if program is None:
                continue  # the executor reports it
            if stage not in executor.programs:
                executor.programs.add(stage)
                message.programs.append(program)
            self._cache.used(outputs_read(program))
            for launch in message.launches:
                if (launch.id.job_id, launch.id.stage_id) == stage:
                    launch.storage_bytes = self._cache.allow(launch, program)
            for read in outputs_read(program):
                table = self._programs.table(read)
                if table is not None and executor.epochs.get(read) != table.epoch:
                    executor.epochs[read] = table.epoch
                    message.tables.append(table)
        executor.process.send(message)

    def _from_executor(self, executor_id: str, message: executor_pb2.FromExecutor) -> None:
        if message.ready:
            self._act(self._dispatcher.executor_ready(executor_id))
        if message.statuses:
            for status in message.statuses:
                # What a task kept is charged before its grant goes to the next one.
                self._cache.reported(status)
            self._act(self._dispatcher.finished(executor_id, message.statuses))

    def _executor_settings(self, number: int) -> ExecutorSettings:
        return ExecutorSettings(
            executor_id=f"{self._worker_id}/{number}",
            worker_id=self._worker_id,
            address=self._address,
            directories=[str(directory) for directory in self._store.directories],
            memory_directory=str(self._store.memory or ""),
            threads=self._layout.threads,
            grant_bytes=self._budget.share_bytes,
            daemon_pid=os.getpid(),
            secret=self._config.secret,
            tls_cert=self._config.tls_cert,
            tls_key=self._config.tls_key,
            tls_ca=self._config.tls_ca,
        )

    def _executor_lost(self, executor_id: str, failure: common_pb2.Failure) -> None:
        self._act(self._dispatcher.executor_lost(executor_id, failure))
        self._spawn(asyncio.to_thread(self._store.drop_spill, executor_id))

    async def _beat(self) -> None:
        while True:
            self._sequence += 1
            self._link.outbox.heartbeat = self._heartbeat()
            self._link.outbox.filled.set()
            await asyncio.sleep(self._heartbeat_s)

    def _heartbeat(self) -> cluster_pb2.Heartbeat:
        charges = self._budget.charges
        return cluster_pb2.Heartbeat(
            sequence=self._sequence,
            budget_bytes=self._budget.budget_bytes,
            memory=cluster_pb2.MemoryUse(
                execution_bytes=self._executors.kernel_memory_bytes,
                storage_bytes=self._budget.storage.used_bytes,
                shuffle_bytes=charges.get(Use.SHUFFLE, 0) + self._executors.buffer_bytes,
                broadcast_bytes=charges.get(Use.BROADCAST, 0),
                udf_bytes=charges.get(Use.UDF, 0),
                state_bytes=charges.get(Use.STATE, 0),
            ),
            rss_bytes=self._executors.memory.rss_bytes,
            disks=[
                cluster_pb2.DiskUse(directory=use.directory, used_bytes=use.used_bytes, free_bytes=use.free_bytes)
                for use in self._disks
            ],
            running=self._dispatcher.running(),
            executors=len(self._executors),
            free_slots=self._dispatcher.free_slots(),
        )

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._act(self._dispatcher.tick())

    async def _watch(self) -> None:
        """Real memory, and the parent process."""
        while True:
            await asyncio.sleep(WATCH_S)
            if self._config.parent_pid and parent_gone(self._config.parent_pid):
                self._departure.begin("the process that started this worker has ended", EXIT_PARENT_GONE)
                return
            for step in self._executors.memory.look():
                self._relieve(step)
            self._executors.end_silent(lambda executor_id: self._dispatcher.running_on(executor_id) is not None)

    def _relieve(self, step: Step) -> None:
        """One step against holding more than the budget."""
        match step:
            case EvictStorage(wanted_bytes):
                self._budget.storage.ask_to_evict(wanted_bytes)
            case LowerLimit(executor_id, by_bytes):
                self._executors[executor_id].process.send(executor_pb2.ToExecutor(give_back_bytes=by_bytes))
            case HoldBack(held):
                self._act(self._dispatcher.hold_back(held))
            case Restart(executor_id, held_bytes):
                self._executors.restart_for_memory(executor_id, held_bytes)

    async def _measure_disks(self) -> None:
        measured_s = 0.0
        while True:
            await asyncio.sleep(BROADCAST_USE_S)
            self._budget.charge(Use.BROADCAST, await asyncio.to_thread(self._store.broadcast_bytes))
            self._budget.charge(Use.SHUFFLE, self._blocks.buffered_bytes)
            if time.monotonic() - measured_s >= DISK_USE_S:
                measured_s = time.monotonic()
                self._disks = await asyncio.to_thread(self._store.uses)

    async def _refresh_data(self) -> None:
        while self._config.data:
            await asyncio.sleep(DATA_REFRESH_S)
            changed = await asyncio.to_thread(self._listing.refresh)
            if changed:
                self._link.outbox.data.extend(changed)
                self._link.outbox.filled.set()


async def run_worker(
    config: WorkerConfig, on_ready: Callable[[str], None] | None = None, nursery: Nursery | None = None
) -> int:
    """Runs a worker until it is told to stop; returns the process's exit code.

    `on_ready` is called with the advertised address once tasks can be sent. `nursery`, opened before this process had
    threads or an event loop, makes executors start in milliseconds; it is closed here. Exit codes: 0 clean stop, 2 the
    configuration or the machine does not allow it, 3 the driver refused the registration, 4 the parent process ended.
    """
    try:
        return await Worker(config, on_ready, nursery).run()
    finally:
        if nursery is not None:
            nursery.close()


def _held_maps(output: OutputKey, maps: Sequence[tuple[int, int]]) -> cluster_pb2.HeldMaps:
    return cluster_pb2.HeldMaps(
        output=common_pb2.OutputId(job_id=output[0], stage_id=output[1]),
        map_partition=[partition for partition, _ in maps],
        map_attempt=[attempt for _, attempt in maps],
    )


def _own_directories(directories: Sequence[str], worker_id: str) -> list[str]:
    """A folder of the worker's own in each directory: several workers of one host may be given the same ones."""
    safe = "".join(character if character.isalnum() or character in "-_." else "_" for character in worker_id)
    return [os.path.join(directory, f"worker-{safe}") for directory in directories]
