"""The executor's two threads: one reads frames, cancels and reports; the main one runs attempts in the order sent."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
import weakref
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.without_pandas import forbid_pandas
from headrace_proto.v1 import common_pb2, executor_pb2, task_pb2
from headrace_worker import frames
from headrace_worker.engine import Engine
from headrace_worker.executor.attempt import Attempt, Surroundings
from headrace_worker.executor.settings import ExecutorSettings
from headrace_worker.executor.spilling import Spilling
from headrace_worker.failures import internal
from headrace_worker.kernel import Program, ProgramError
from headrace_worker.memory import ENOUGH_BYTES, KERNEL_LIMIT_FLOOR_BYTES, kernel_limit
from headrace_worker.shuffle.plan import FetchPlan
from headrace_worker.shuffle.reader import BlockAccess, RemoteBlocks, RemoteMaps
from headrace_worker.shuffle.store import BlockStore

if TYPE_CHECKING:
    from headrace_worker.shuffle.remote import RemoteFetch, RemotePeers

TaskKey = tuple[int, int, int, int]

FLUSH_S = 0.006
"""How long a finished task's status may wait for company while more tasks are queued."""

TICK_S = 1.0
"""How often the kernel's memory is reported while a task runs."""

REST_S = (0.5, 5.0)
"""After so long without work an executor gives freed memory back to the system; sooner where grants are small, since
another executor may have been granted it. Getting it anew costs the next task some 0.2 s a gigabyte."""

REPEAT_INTERRUPT_S = 0.02
"""An interrupt that arrives between two statements of an attempt is lost, so it is repeated until the attempt ends."""


class Session:
    """One executor's life."""

    def __init__(self, connection: socket.socket, settings: ExecutorSettings) -> None:
        self._connection = connection
        self._settings = settings
        self._store = BlockStore(
            settings.directories, Path(settings.memory_directory) if settings.memory_directory else None
        )
        self._cancelled = threading.Event()
        self._programs: dict[tuple[int, int], Program | Exception] = {}
        self._tables: dict[tuple[int, int], task_pb2.OutputTable] = {}
        engine = Engine(
            settings.threads,
            kernel_limit(settings.grant_bytes),
            self._store.spill_directory(settings.executor_id),
        )
        self._around = Surroundings(
            engine,
            self._store,
            BlockAccess(self._find_store, self._fetch_remote, self._cancelled),
            self._tables,
            grant_bytes=settings.grant_bytes,
        )
        self._spilling = Spilling(self._store, settings.executor_id, engine, self._forget_kernel)
        self._changed = threading.Condition()
        self._queue: deque[tuple[task_pb2.TaskLaunch, int]] = deque()
        self._orders: deque[executor_pb2.ToExecutor] = deque()
        self._running: TaskKey | None = None
        self._keeps_memory = False
        """A task has run since memory was last given back."""
        self._limit_lowered = False
        """The kernel was made to spill; its next task gets the limit of its grant back."""
        self._send_lock = threading.Lock()
        self._finished: list[task_pb2.TaskStatus] = []
        self._flushed_at = 0.0
        self._unflushed = threading.Event()
        self._neighbours: dict[tuple[str, str], BlockStore | None] = {}
        self._peers: RemotePeers | None = None
        self._fetches: weakref.WeakSet[RemoteFetch] = weakref.WeakSet()

    def run(self) -> None:
        """Runs attempts until the daemon closes the connection, which ends the process."""
        threading.Thread(target=self._read_frames, name="frames", daemon=True).start()
        threading.Thread(target=self._flush_late, name="flush", daemon=True).start()
        self._send(executor_pb2.FromExecutor(ready=True))
        while True:
            resting = False
            with self._changed:
                while not self._queue and not self._orders and not resting:
                    resting = not self._changed.wait(self._rest_after_s())
                orders, self._orders = self._orders, deque()
                queued = self._queue.popleft() if self._queue else None
                if queued is not None:
                    self._cancelled.clear()
                    self._running = task_key(queued[0].id)
            for order in orders:
                self._apply(order)
            if queued is not None:
                self._run_task(*queued)
            elif resting:
                self._keeps_memory = False
                self._around.engine.set_memory_limit(kernel_limit(self._around.grant_bytes))

    def _rest_after_s(self) -> float | None:
        """How long to wait for work before freed memory is given back; None: there is none to give."""
        if not self._keeps_memory:
            return None
        return REST_S[self._around.grant_bytes >= ENOUGH_BYTES]

    def _run_task(self, launch: task_pb2.TaskLaunch, received_ns: int) -> None:
        if self._limit_lowered:
            self._limit_lowered = False
            self._around.engine.set_memory_limit(kernel_limit(self._around.grant_bytes))
        self._keeps_memory = True
        queue_us = (time.perf_counter_ns() - received_ns) // 1000
        program = self._programs.get((launch.id.job_id, launch.id.stage_id))
        if isinstance(program, Program):
            status = self._attempt(launch, program)
        else:
            error = program or ProgramError(f"the program of stage {launch.id.stage_id} was not sent")
            status = task_pb2.TaskStatus(id=launch.id, state=task_pb2.TaskStatus.FAILED, failure=internal(error))
        status.metrics.queue_us = queue_us
        status.executor_id = self._settings.executor_id
        with self._changed:
            self._running = None
            idle = not self._queue
        with self._send_lock:
            self._finished.append(status)
        if idle or time.monotonic() - self._flushed_at >= FLUSH_S:
            self._flush()
        else:
            self._unflushed.set()

    def _attempt(self, launch: task_pb2.TaskLaunch, program: Program) -> task_pb2.TaskStatus:
        """Runs an attempt, and again where a disk was full and this worker has or gets room for it."""
        self._spilling.before_task(self._around.grant_bytes)
        reruns = 0
        while True:
            status = Attempt(launch, program, self._around).run()
            full = status.failure.disk_full
            if not status.failure.HasField("disk_full") or not self._spilling.is_ours(full):
                return status
            if not self._spilling.runs_again(full, reruns, self._cancelled):
                return status
            reruns += 1

    def _forget_kernel(self) -> None:
        """What was made with a kernel that is about to be replaced."""
        self._around.broadcasts.clear()
        for program in self._programs.values():
            if isinstance(program, Program):
                program.forget_kernel()

    def _apply(self, order: executor_pb2.ToExecutor) -> None:
        """Takes over what came with a frame, on the main thread, between attempts."""
        for job_id in order.drop_jobs:
            self._drop_job(job_id)
        for proto in order.programs:
            key = (proto.output.job_id, proto.output.stage_id)
            try:
                self._programs[key] = Program.load(proto)
            except ProgramError as error:
                self._programs[key] = error
        for table in order.tables:
            key = (table.output.job_id, table.output.stage_id)
            known = self._tables.get(key)
            if known is None or known.epoch <= table.epoch:
                self._tables[key] = table
        if order.memory_limit_bytes and order.memory_limit_bytes != self._around.grant_bytes:
            self._around.grant_bytes = order.memory_limit_bytes
            self._around.engine.set_memory_limit(kernel_limit(order.memory_limit_bytes))

    def _drop_job(self, job_id: int) -> None:
        for stage in [key for key in self._programs if key[0] == job_id]:
            program = self._programs.pop(stage)
            if isinstance(program, Program) and program.prepared is not None:
                self._around.engine.forget(program.prepared[1])
        for output in [key for key in self._tables if key[0] == job_id]:
            del self._tables[output]
        for mapped in [key for key in self._around.broadcasts if key[0] == job_id]:
            del self._around.broadcasts[mapped]

    def _read_frames(self) -> None:
        """The second thread. When the daemon is gone, there is nobody to work for."""
        try:
            last_tick = time.monotonic()
            while True:
                running = self._running is not None
                cancelling = running and self._cancelled.is_set()
                timeout = REPEAT_INTERRUPT_S if cancelling else TICK_S
                readable, _, _ = select.select([self._connection], [], [], timeout)
                if readable:
                    payload = frames.receive(self._connection)
                    if payload is None:
                        os._exit(0)
                    self._take(executor_pb2.ToExecutor.FromString(payload), time.perf_counter_ns())
                if cancelling:
                    self._interrupt(None)
                if running and time.monotonic() - last_tick >= TICK_S:
                    last_tick = time.monotonic()
                    self._report_memory()
        except BaseException:  # noqa: BLE001  (without this thread the executor is deaf)
            import traceback

            traceback.print_exc()
            os._exit(70)

    def _take(self, order: executor_pb2.ToExecutor, received_ns: int) -> None:
        with self._changed:
            if order.programs or order.tables or order.drop_jobs or order.memory_limit_bytes:
                self._orders.append(order)
            self._queue.extend((launch, received_ns) for launch in order.launches)
            self._changed.notify()
        dropped = set(order.drop_jobs)
        if order.lost_holders:
            self._lose_holders(order.lost_holders)
        if order.give_back_bytes and self._running is not None:
            self._limit_lowered = True
            threading.Thread(
                target=self._around.engine.give_back,
                args=(order.give_back_bytes, KERNEL_LIMIT_FLOOR_BYTES),
                name="give-back",
                daemon=True,
            ).start()
        unwanted = {task_key(task) for task in order.cancels}
        if unwanted or dropped:
            self._cancel(unwanted, dropped)

    def _cancel(self, unwanted: set[TaskKey], dropped: set[int]) -> None:
        """Queued tasks are reported as cancelled when their turn comes not to be; the running one is interrupted."""
        with self._changed:
            kept: deque[tuple[task_pb2.TaskLaunch, int]] = deque()
            removed = []
            for queued in self._queue:
                key = task_key(queued[0].id)
                if key in unwanted or key[0] in dropped:
                    removed.append(queued[0].id)
                else:
                    kept.append(queued)
            self._queue = kept
        if removed:
            failure = common_pb2.Failure(cancelled=common_pb2.Cancelled(reason="cancelled before it started"))
            failed = task_pb2.TaskStatus.FAILED
            self._send(
                executor_pb2.FromExecutor(
                    statuses=[
                        task_pb2.TaskStatus(
                            id=task, state=failed, failure=failure, executor_id=self._settings.executor_id
                        )
                        for task in removed
                    ]
                )
            )
        self._interrupt((unwanted, dropped))

    def _interrupt(self, which: tuple[set[TaskKey], set[int]] | None) -> None:
        """Interrupts the running task if it is one of these (None: if it is being cancelled already)."""
        with self._changed:
            running = self._running
            if running is None:
                return
            if which is None:
                wanted = self._cancelled.is_set()
            else:
                wanted = running in which[0] or running[0] in which[1]
            if wanted:
                self._cancelled.set()
                self._around.engine.interrupt()

    def _flush(self) -> None:
        with self._send_lock:
            finished, self._finished = self._finished, []
            self._flushed_at = time.monotonic()
        if finished:
            self._send(executor_pb2.FromExecutor(statuses=finished))

    def _flush_late(self) -> None:
        """Sends statuses that waited for company while the next task turned out to be a long one."""
        while True:
            self._unflushed.wait()
            time.sleep(2 * FLUSH_S)
            self._unflushed.clear()
            self._flush()

    def _report_memory(self) -> None:
        memory, spill = self._around.engine.memory_and_spill_bytes()
        self._spilling.tick(spill)
        writer = self._around.writer
        buffered = writer.buffered_bytes if writer is not None else 0
        self._send(executor_pb2.FromExecutor(kernel_memory_bytes=memory, spill_bytes=spill, buffer_bytes=buffered))

    def _send(self, message: executor_pb2.FromExecutor) -> None:
        with self._send_lock:
            self._connection.sendall(frames.pack(message.SerializeToString()))

    def _find_store(self, holder: task_pb2.Holder) -> BlockStore | None:
        """Own blocks and those of other workers on this host are read from disk."""
        if holder.address == self._settings.address:
            return self._store
        if host_of(holder.address) != host_of(self._settings.address):
            return None
        key = (holder.address, holder.worker_id)
        if key not in self._neighbours:
            from headrace_worker.shuffle.neighbours import neighbour_store

            self._neighbours[key] = neighbour_store(holder.address, holder.worker_id)
        return self._neighbours[key]

    def _fetch_remote(self, plan: FetchPlan, groups: Sequence[RemoteMaps], cancelled: threading.Event) -> RemoteBlocks:
        # gRPC takes 70 ms to import; an executor on a single host never needs it.
        from headrace_worker.security import PeerCredentials, TlsFiles
        from headrace_worker.shuffle.remote import IN_FLIGHT_BYTES_MAX, RemoteFetch, RemotePeers

        if self._peers is None:
            settings = self._settings
            tls = TlsFiles(settings.tls_cert, settings.tls_key, settings.tls_ca)
            self._peers = RemotePeers(PeerCredentials(settings.secret, tls if tls.cert else None))
        in_flight_bytes_max = min(IN_FLIGHT_BYTES_MAX, self._around.grant_bytes // 16)
        fetch = RemoteFetch(self._peers, plan, groups, cancelled, in_flight_bytes_max)
        self._fetches.add(fetch)
        return fetch

    def _lose_holders(self, addresses: Sequence[str]) -> None:
        """Fetches that still need one of these workers fail at once; what was read of them is as good as before."""
        for fetch in list(self._fetches):
            fetch.lose(addresses)
        for address in addresses:
            if self._peers is not None:
                self._peers.forget(address)


def task_key(task: common_pb2.TaskId) -> TaskKey:
    """A task attempt as a dictionary key."""
    return task.job_id, task.stage_id, task.partition, task.attempt


def host_of(address: str) -> str:
    """The host of host:port."""
    return address.rpartition(":")[0]


def serve(descriptor: int) -> None:
    """Runs an executor on an inherited socket."""
    forbid_pandas()
    connection = socket.socket(fileno=descriptor)
    first = frames.receive(connection)
    if first is None:
        return
    settings = ExecutorSettings.decode(first)
    from headrace_worker.parent import die_with_parent

    die_with_parent(settings.daemon_pid)
    for directory in settings.directories:
        Path(directory).mkdir(parents=True, exist_ok=True)
    Session(connection, settings).run()
