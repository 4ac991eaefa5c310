"""Tasks at a worker: its real queue decides what starts where, made-up executors take the time and go wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from headrace_driver.cluster.messages import id_of, key_of, launch_message
from headrace_driver.plan.stage import OutputKind
from headrace_driver.scheduler import actions, events
from headrace_driver.scheduler.identity import TaskKey
from headrace_proto.v1 import common_pb2, task_pb2
from headrace_worker.dispatch import Action, CancelOn, Report, Start
from headrace_worker.memory import PROCESS_BYTES
from headrace_worker.shuffle.store import MapId
from tests.simulation import text
from tests.simulation.jobs import KEPT_BYTES
from tests.simulation.workers import FakeExecutor, FakeWorker, Reading

if TYPE_CHECKING:
    from tests.simulation.cluster import Simulation

_FETCH_PART = 0.3
"""Of a task's time, what passes before it has read all its input."""
_FETCH_TRIES_S = 1.6
"""A reader tries a holder that refuses connections for so long."""
_FETCH_SILENCE_S = 15.0
"""A reader waits for a silent holder for so long, unless the driver says that it is lost."""
_CANCEL_S = 0.001
_RESTART_S = 0.3
"""Until an executor that died has been replaced."""

_Status = task_pb2.TaskStatus


class Execution:
    """What daemons do with launches and cancels, and executors with tasks."""

    def __init__(self, simulation: Simulation) -> None:
        self._sim = simulation

    def start_executor(self, worker: FakeWorker) -> None:
        if worker.alive:
            executor_id = f"{worker.worker_id}/{worker.executors_started}"
            worker.executors_started += 1
            if worker.broken:
                self._sim.seen["executors that did not start"] += 1
                self._sim.at(_RESTART_S, lambda: self.start_executor(worker))
                failure = common_pb2.Failure(executor_lost=common_pb2.ExecutorLost(exit_code=1))
                self.act(worker, worker.dispatcher.executor_lost(executor_id, failure))
                return
            worker.executors[executor_id] = FakeExecutor(executor_id)
            self.act(worker, worker.dispatcher.executor_ready(executor_id))

    def launch(self, worker: FakeWorker, readings: list[Reading]) -> None:
        """The driver sent tasks."""
        for reading in readings:
            worker.readings[reading.launch.key] = reading
        self.act(worker, worker.dispatcher.launch([reading.message for reading in readings]))

    def cancel(self, worker: FakeWorker, tasks: Iterable[TaskKey]) -> None:
        self.act(worker, worker.dispatcher.cancel([id_of(key) for key in tasks]))

    def drop_job(self, worker: FakeWorker, job_id: int) -> None:
        self.act(worker, worker.dispatcher.drop_jobs([job_id]))
        worker.drop(lambda key: key.job_id == job_id)
        worker.cache.drop_jobs({job_id})

    def act(self, worker: FakeWorker, decided: list[Action]) -> None:
        """Carries out what the worker's queue decided."""
        for action in decided:
            match action:
                case Report(status):
                    self._report(worker, status)
                case Start():
                    self._start(worker, action)
                case CancelOn(executor_id, tasks):
                    keys = {key_of(task) for task in tasks}
                    self._sim.at(_CANCEL_S, partial(self._cancel_on, worker, executor_id, keys))
        if worker.dismissed and worker.dispatcher.idle():
            self._sim.daemons.die(worker, "leaves")

    def _report(self, worker: FakeWorker, status: task_pb2.TaskStatus) -> None:
        key = key_of(status.id)
        worker.readings.pop(key, None)
        worker.cache.reported(status)
        done = worker.finished.pop(key, None)
        if status.state == _Status.FINISHED:
            assert done is not None, f"{key} is reported as finished, which it is not"
            self._sim.daemons.say(worker, done)
        else:
            self._sim.daemons.say(worker, events.TaskFailed(worker.worker_id, key, status.failure))

    def _start(self, worker: FakeWorker, start: Start) -> None:
        executor = worker.executors[start.executor_id]
        if start.grant_bytes:
            executor.told_bytes = start.grant_bytes
        self._sim.memory.granted(worker)
        for launch in start.launches:
            reading = worker.readings[key_of(launch.id)]
            reading.message.storage_bytes = worker.cache.allow(reading.message, reading.program)
            executor.queue.append(reading)
        self._sim.memory.watch(worker)
        self._start_next(worker, executor)

    def _start_next(self, worker: FakeWorker, executor: FakeExecutor) -> None:
        if executor.running is not None or not executor.queue or not worker.alive:
            return
        reading = executor.running = executor.queue.pop(0)
        sim, shape = self._sim, self._sim.shape
        slow = 20.0 if shape.slow_tasks and sim.random.random() < shape.slow_tasks else 1.0
        longer = sim.clients.jobs[reading.launch.key.job_id].longer
        seconds = sim.random.expovariate(1 / shape.task_s) * longer * slow * worker.slowness
        if shape.says_started:
            sim.daemons.say(worker, events.TaskStarted(worker.worker_id, reading.launch.key))
        sim.at(seconds * _FETCH_PART, lambda: self._fetch(worker, executor, reading, seconds))

    def _runs(self, worker: FakeWorker, executor: FakeExecutor, reading: Reading) -> bool:
        alive = worker.alive and worker.executors.get(executor.executor_id) is executor
        return alive and executor.running is reading

    def _fetch(self, worker: FakeWorker, executor: FakeExecutor, reading: Reading, seconds: float) -> None:
        """All of a task's input has been read, or some of it cannot be."""
        if not self._runs(worker, executor, reading):
            return
        sim = self._sim
        for holder_id, key in reading.sources:
            reason = sim.daemons.trouble(worker.worker_id, holder_id, key)
            if reason is None:
                reading.rows.update(sim.workers[holder_id].outputs[key])
                continue
            holder = sim.workers[holder_id]
            silent = reason == "UNREACHABLE" and holder.alive and holder.attached
            wait_s = 0.01 if reason != "UNREACHABLE" else _FETCH_SILENCE_S if silent else _FETCH_TRIES_S
            failed = _fetch_failed(key, holder_id, reason)
            sim.at(wait_s, partial(self._fail, worker, executor, reading, failed))
            return
        failure = sim.memory.fill(executor, reading)
        if failure is not None:
            sim.at(seconds * _FETCH_PART, partial(self._fail, worker, executor, reading, failure))
        else:
            sim.at(seconds * (1 - _FETCH_PART), lambda: self._end(worker, executor, reading, seconds))

    def _end(self, worker: FakeWorker, executor: FakeExecutor, reading: Reading, seconds: float) -> None:
        if not self._runs(worker, executor, reading):
            return
        key = reading.launch.key
        failure = self._failure(worker, key)
        if failure is not None:
            if failure.HasField("executor_lost"):
                self.lose_executor(worker, executor, failure)
            else:
                self._fail(worker, executor, reading, failure)
            return
        done = self._output(worker, reading, seconds)
        status = task_pb2.TaskStatus(id=reading.message.id, state=_Status.FINISHED)
        status.metrics.run_us = int(seconds * 1e6)
        status.output.bytes = done.output_bytes
        worker.finished[key] = done
        self._ended(worker, executor, status)

    def _output(self, worker: FakeWorker, reading: Reading, seconds: float) -> events.TaskFinished:
        """The task's output is there."""
        key = reading.launch.key
        spec = self._sim.clients.spec(key)
        rows = dict(reading.rows)
        if not spec.deterministic:
            rows[key[:3]] = self._sim.random.randrange(3)
        done = events.TaskFinished(
            worker.worker_id,
            key,
            size_codes=b"d" * spec.reducers,
            output_bytes=1000,
            rows=1,
            run_s=seconds,
            checksum=1 + hash(frozenset(rows.items())) % (1 << 62),
        )
        if spec.kind is OutputKind.FILES:
            return replace(done, files=(task_pb2.WrittenFile(path=text.task(key)),))
        worker.outputs[key] = rows
        if spec.kind is OutputKind.KEPT:
            done = replace(done, output_bytes=KEPT_BYTES)
            if reading.message.storage_bytes >= KEPT_BYTES:
                worker.cache.files.sizes[MapId(*key)] = KEPT_BYTES
        return done

    def _fail(self, worker: FakeWorker, executor: FakeExecutor, reading: Reading, failure: common_pb2.Failure) -> None:
        if self._runs(worker, executor, reading):
            status = task_pb2.TaskStatus(id=reading.message.id, state=_Status.FAILED, failure=failure)
            self._ended(worker, executor, status)

    def _ended(self, worker: FakeWorker, executor: FakeExecutor, *statuses: task_pb2.TaskStatus) -> None:
        """The executor says what became of tasks, and goes on with the next it was sent."""
        ended = {key_of(status.id) for status in statuses}
        if executor.running is not None and executor.running.launch.key in ended:
            executor.running = None
            executor.held_bytes = PROCESS_BYTES
        for status in statuses:
            worker.cache.reported(status)
        decided = worker.dispatcher.finished(executor.executor_id, statuses)
        self._start_next(worker, executor)
        self.act(worker, decided)

    def _cancel_on(self, worker: FakeWorker, executor_id: str, keys: set[TaskKey]) -> None:
        executor = worker.executors.get(executor_id)
        if executor is None or not worker.alive:
            return
        known = [reading for reading in (executor.running, *executor.queue) if reading is not None]
        cancelled = [reading for reading in known if reading.launch.key in keys]
        executor.queue = [reading for reading in executor.queue if reading.launch.key not in keys]
        failure = common_pb2.Failure(cancelled=common_pb2.Cancelled(reason="asked"))
        statuses = [_Status(id=each.message.id, state=_Status.FAILED, failure=failure) for each in cancelled]
        if statuses:
            self._ended(worker, executor, *statuses)

    def lose_executor(self, worker: FakeWorker, executor: FakeExecutor, failure: common_pb2.Failure) -> None:
        """Its process is gone; another one starts soon."""
        if not worker.alive or worker.executors.pop(executor.executor_id, None) is None:
            return
        self._sim.at(_RESTART_S, lambda: self.start_executor(worker))
        self.act(worker, worker.dispatcher.executor_lost(executor.executor_id, failure))

    def _failure(self, worker: FakeWorker, key: TaskKey) -> common_pb2.Failure | None:
        """What goes wrong with a task at its end, if anything."""
        rng, shape = self._sim.random, self._sim.shape
        user_error = self._sim.clients.jobs[key.job_id].user_error
        if user_error is not None and key[:3] == user_error[:3]:
            return common_pb2.Failure(user_error=common_pb2.UserError(message="Division by zero."))
        if worker.disk_full:
            return common_pb2.Failure(disk_full=common_pb2.DiskFull(directory="/data"))
        if shape.executor_deaths and rng.random() < shape.executor_deaths:
            return common_pb2.Failure(executor_lost=common_pb2.ExecutorLost(exit_code=-9))
        if shape.out_of_memory and rng.random() < shape.out_of_memory:
            return common_pb2.Failure(out_of_memory=common_pb2.OutOfMemory(granted_bytes=1 << 28))
        return None


def reading_of(launch: actions.Launch, program: task_pb2.StageProgram, sources: list[tuple[str, TaskKey]]) -> Reading:
    """A launch as the worker gets it."""
    return Reading(launch, launch_message(launch), program, sources)


def _fetch_failed(map_key: TaskKey, worker_id: str, reason: str) -> common_pb2.Failure:
    return common_pb2.Failure(
        fetch_failed=common_pb2.FetchFailed(
            output=common_pb2.OutputId(job_id=map_key.job_id, stage_id=map_key.stage_id),
            worker_id=worker_id,
            map_partitions=[map_key.partition],
            reason=reason,
        )
    )
