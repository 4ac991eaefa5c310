"""The scheduler's shell: collects events of one turn of the loop, lets the scheduler decide once, carries out.

It owns the clock, the links to workers and the caches that go with them. Everything runs on one event loop, so nothing
here is locked.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import structlog

from headrace_driver.cluster.history import JobHistory, has_failed
from headrace_driver.cluster.job_notes import JobNotes
from headrace_driver.cluster.link import WorkerLink
from headrace_driver.cluster.messages import (
    adopt_messages,
    adopted_event,
    heard_event,
    joined_event,
    key_of,
    status_event,
)
from headrace_driver.cluster.metrics import ClusterMetrics
from headrace_driver.cluster.registry import Registry, WorkerRecord
from headrace_driver.cluster.rejoining import Rejoining
from headrace_driver.journal.writer import NoJournal
from headrace_driver.scheduler import actions, events
from headrace_driver.scheduler.identity import OutputKey, Place
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_driver.scheduler.scheduler import Scheduler
from headrace_proto.v1 import cluster_pb2, common_pb2, task_pb2

_TICK_S = 0.25
"""How often time alone is looked at: fine against the 2 s and 10 s it decides about, and nothing against the work."""
_STALL_S = 1.0
"""A tick later than this means this process did not run; the workers are not to blame for their silence then."""

_log = structlog.get_logger("headrace.scheduler")


class JobListener(Protocol):
    """What the jobs' side is told of the scheduler's decisions."""

    def stage_completed(self, action: actions.StageCompleted) -> None: ...
    def result_ready(self, action: actions.ResultReady) -> None: ...
    def result_lost(self, action: actions.ResultLost) -> None: ...
    def job_completed(self, action: actions.CompleteJob) -> None: ...
    def job_failed(self, action: actions.FailJob) -> None: ...
    def worker_lost(self, worker_id: str, address: str) -> None: ...


class SchedulerShell:
    """Give it events by `post`; set `listener` before the first job."""

    def __init__(
        self,
        registry: Registry,
        history: JobHistory,
        metrics: ClusterMetrics,
        options: SchedulerOptions | None = None,
        notes: JobNotes | None = None,
        rejoining: Rejoining | None = None,
    ) -> None:
        self._notes = notes or JobNotes(NoJournal())
        self._rejoining = rejoining or Rejoining()
        self.registry = registry
        self.listener: JobListener | None = None
        self._history = history
        self._metrics = metrics
        self._options = options or SchedulerOptions()
        self.scheduler = self._new_scheduler()
        self.has_workers = asyncio.Event()
        """Whether any worker may get tasks."""
        self._links: dict[str, WorkerLink] = {}
        self._events: list[events.Event] = []
        self._flush_planned = False
        self._tables: dict[OutputKey, task_pb2.OutputTable] = {}
        self._dirty: dict[str, WorkerLink] = {}
        self._ticker: asyncio.TimerHandle | None = None
        self._ticked_s = time.monotonic()
        self._wake_s: float | None = None
        self._places = {place: metrics.places.labels(place.name.lower()) for place in Place}
        self._performers: dict[type, Callable[[Any], None]] = {
            actions.LaunchTasks: self._launch,
            actions.SendProgram: self._send_program,
            actions.SendOutputTable: self._send_table,
            actions.CancelTasks: self._cancel,
            actions.DropOutputs: self._drop_outputs,
            actions.DropJob: self._drop_job,
            actions.AdoptOutputs: self._adopt_outputs,
            actions.DismissWorker: self._dismiss,
            actions.StageCompleted: lambda action: self._listening().stage_completed(action),
            actions.ResultReady: lambda action: self._listening().result_ready(action),
            actions.ResultLost: lambda action: self._listening().result_lost(action),
            actions.CompleteJob: lambda action: self._listening().job_completed(action),
            actions.FailJob: lambda action: self._listening().job_failed(action),
            actions.WorkerDeclaredLost: self._worker_declared_lost,
            actions.WorkerExcluded: self._worker_excluded,
            actions.TaskRetried: self._task_retried,
            actions.TaskSpeculated: self._task_speculated,
            actions.TaskPreempted: self._task_preempted,
            actions.WakeAt: self._wake_at,
        }

    def _new_scheduler(self) -> Scheduler:
        scheduler = Scheduler(self._options)
        scheduler.accepted = [] if self._notes.journal.is_on else None
        return scheduler

    def start(self) -> None:
        """Starts the clock. Call on the loop."""
        self._ticked_s = time.monotonic()
        self._tick()

    def stop(self) -> None:
        """Stops the clock and ends all streams."""
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        for link in self._links.values():
            link.close()

    def post(self, event: events.Event) -> None:
        """Takes an event; it is handled with others of this turn of the loop."""
        self._events.append(event)
        if not self._flush_planned:
            self._flush_planned = True
            asyncio.get_running_loop().call_soon(self._flush)

    def post_later(self, event: events.Event) -> None:
        """Takes an event nobody waits for; it is handled with the next that comes, or at the next tick."""
        self._events.append(event)

    def attach(self, register: cluster_pb2.Register) -> WorkerLink:
        """A worker that may join has a stream; one it had before is closed."""
        old = self._links.get(register.worker_id)
        if old is not None:
            old.close()
        link = WorkerLink(register.worker_id, register.incarnation)
        self._links[register.worker_id] = link
        self._rejoining.joined(register)
        joined = joined_event(register)
        record = self.registry.join(register, time.monotonic(), _now_us())
        link.statuses_heard = record.statuses_number
        self.post(joined)
        _log.info(
            "worker joined",
            worker=register.worker_id,
            address=register.address,
            host=register.host,
            slots=register.slots,
        )
        return link

    def receive(self, link: WorkerLink, message: cluster_pb2.FromWorker) -> None:
        """A message from an attached worker. What comes over a superseded stream is old and not heard."""
        worker_id = link.worker_id
        record = self.registry.get(worker_id)
        if self._links.get(worker_id) is not link or record is None:
            return
        self._rejoining.heard(worker_id, link.incarnation, message)
        now_us = _now_us()
        if message.statuses and self._is_news(link, record, message.statuses_number):
            self._note_statuses(record, message.statuses, now_us)
            for status in message.statuses:
                event = status_event(worker_id, status)
                if event is not None:
                    self.post(event)
        if message.HasField("heartbeat"):
            self.registry.hear(worker_id, message.heartbeat, time.monotonic(), now_us)
            self.post(heard_event(worker_id, message.heartbeat))
        for adopted in message.adopted:
            self.post(adopted_event(worker_id, adopted))
        if message.data:
            self.registry.note_data(worker_id, message.data)
        if message.HasField("draining"):
            record.draining = True
            self.post(events.WorkerDraining(worker_id, message.draining.reason))
            _log.info("worker draining", worker=worker_id, reason=message.draining.reason)

    def detach(self, link: WorkerLink) -> None:
        """The worker's stream ended."""
        link.close()
        if self._links.get(link.worker_id) is not link:
            return
        del self._links[link.worker_id]
        if self.registry.get(link.worker_id) is not None:
            self.registry.detach(link.worker_id)
            self.post(events.WorkerStreamClosed(link.worker_id))
            _log.info("worker's stream closed", worker=link.worker_id)

    def _is_news(self, link: WorkerLink, record: WorkerRecord, number: int) -> bool:
        """Acknowledges a message with statuses; False for one heard before, on a stream that broke since."""
        if not number:
            return True
        link.acknowledge(number)
        if number <= record.statuses_number:
            return False
        record.statuses_number = number
        return True

    def _note_statuses(self, record: WorkerRecord, statuses: Iterable[task_pb2.TaskStatus], now_us: int) -> None:
        """Counts what statuses say, before the scheduler judges them."""
        metrics = self._metrics
        finished = failed = written_bytes = local_bytes = remote_bytes = spill_bytes = 0
        for status in statuses:
            spent_us = self._history.reported(key_of(status.id), status, now_us)
            if status.state == task_pb2.TaskStatus.RUNNING:
                continue
            task = status.metrics
            if spent_us:
                metrics.launch_seconds.observe(max(0, spent_us - task.run_us - task.queue_us) / 1e6)
            finished += status.state == task_pb2.TaskStatus.FINISHED
            failed += has_failed(status)
            written_bytes += task.write_bytes
            local_bytes += task.fetch_local_bytes
            remote_bytes += task.fetch_remote_bytes
            spill_bytes += task.spill_bytes
        record.tasks_finished += finished
        record.tasks_failed += failed
        metrics.tasks.labels("finished").inc(finished)
        metrics.tasks.labels("failed").inc(failed)
        metrics.shuffle_bytes.labels("written").inc(written_bytes)
        metrics.shuffle_bytes.labels("local").inc(local_bytes)
        metrics.shuffle_bytes.labels("remote").inc(remote_bytes)
        metrics.spill_bytes.inc(spill_bytes)

    def _flush(self) -> None:
        self._flush_planned = False
        batch, self._events = self._events, []
        started_s = time.perf_counter()
        try:
            decided = self.scheduler.handle_all(batch, time.monotonic())
            if self.scheduler.accepted:
                self._note_accepted(self.scheduler.accepted)
            for action in decided:
                self._performers[type(action)](action)
        except Exception as error:  # noqa: BLE001 - whatever it is, the driver lives on and says so
            self._start_anew(error)
        finally:
            self._metrics.decision_seconds.observe(time.perf_counter() - started_s)
            self._metrics.events.inc(len(batch))
        if self.scheduler.pool.usable_count:
            self.has_workers.set()
        else:
            self.has_workers.clear()
        dirty, self._dirty = self._dirty, {}
        for link in dirty.values():
            link.wake()

    def _note_accepted(self, accepted: list[events.TaskFinished | OutputKey]) -> None:
        """Before anything is done about them: what a client is told of them is written then."""
        self._notes.accepted(accepted, self.registry.incarnation)
        accepted.clear()

    def _start_anew(self, error: Exception) -> None:
        """A defect in the scheduler costs the jobs that run, not the driver: all fail, and a new one takes over."""
        _log.error("the scheduler failed and is started anew", error=repr(error), traceback=traceback.format_exc())
        self._metrics.defects.inc()
        jobs = list(self.scheduler.jobs)
        failure = common_pb2.Failure(
            internal=common_pb2.InternalError(
                message=f"The scheduler failed: {type(error).__name__}: {error}", traceback=traceback.format_exc()
            )
        )
        self.scheduler = self._new_scheduler()
        self._tables.clear()
        for worker_id, link in self._links.items():
            record = self.registry.get(worker_id)
            if record is not None:
                self.post(joined_event(record.registration))
                for job_id in jobs:
                    self._link(worker_id, lambda to, job_id=job_id: to.drop_job(job_id))  # type: ignore[misc]
            link.wake()
        for job_id in jobs:
            self._listening().job_failed(actions.FailJob(job_id, failure))

    def _listening(self) -> JobListener:
        assert self.listener is not None
        return self.listener

    def _link(self, worker_id: str, do: Callable[[WorkerLink], None]) -> None:
        """Speaks to a worker if it is attached; what is said to one that is not is said again when it comes back."""
        link = self._links.get(worker_id)
        if link is not None:
            do(link)
            self._dirty[worker_id] = link

    def _launch(self, action: actions.LaunchTasks) -> None:
        now_us = _now_us()
        for launch in action.tasks:
            self._history.launched(launch, action.worker_id, now_us)
            self._places[launch.place].inc()
        worker = self.scheduler.pool.by_id.get(action.worker_id)
        urgent = worker is None or len(worker.running) - len(action.tasks) < worker.slots
        self._link(action.worker_id, lambda link: link.launch(action.tasks, urgent=urgent))

    def _send_program(self, action: actions.SendProgram) -> None:
        program = self.scheduler.program(action.stage)
        self._link(action.worker_id, lambda link: link.send_program(program))

    def _send_table(self, action: actions.SendOutputTable) -> None:
        table = self._tables.get(action.output)
        if table is None or table.epoch != action.epoch:
            table = self.scheduler.output_table(action.output)
            for holder in table.holders:
                holder.address = self.registry.address(holder.worker_id)
            self._tables[action.output] = table
        known = table
        self._link(action.worker_id, lambda link: link.send_table(known))

    def _cancel(self, action: actions.CancelTasks) -> None:
        self._link(action.worker_id, lambda link: link.cancel(action.tasks))

    def _drop_outputs(self, action: actions.DropOutputs) -> None:
        for output in action.outputs:
            self._tables.pop(output, None)
        self._link(action.worker_id, lambda link: link.drop_outputs(action.outputs))

    def _drop_job(self, action: actions.DropJob) -> None:
        for output in [output for output in self._tables if output.job_id == action.job_id]:
            del self._tables[output]
        self._link(action.worker_id, lambda link: link.drop_job(action.job_id))

    def _adopt_outputs(self, action: actions.AdoptOutputs) -> None:
        address = self.registry.address(action.source_worker_id)
        orders = adopt_messages(action.source_worker_id, address, action.outputs)
        self._link(action.worker_id, lambda link: link.adopt(orders))

    def _dismiss(self, action: actions.DismissWorker) -> None:
        self._link(action.worker_id, lambda link: link.dismiss())
        _log.info("worker may leave: nothing it holds is needed", worker=action.worker_id)

    def _worker_declared_lost(self, action: actions.WorkerDeclaredLost) -> None:
        _log.warning("worker lost", worker=action.worker_id, reason=action.detail)
        record = self.registry.get(action.worker_id)
        if record is not None and record.registration.incarnation == action.incarnation:
            address = record.registration.address
            for worker_id in self._links:
                if worker_id != action.worker_id:
                    self._link(worker_id, lambda link: link.lose_holder(address))
            self._listening().worker_lost(action.worker_id, address)
            self.registry.lose(action.worker_id)
            self._history.worker_lost(action.worker_id, _now_us())
        link = self._links.get(action.worker_id)
        if link is not None and link.incarnation == action.incarnation:
            link.close()
            del self._links[action.worker_id]

    def _worker_excluded(self, action: actions.WorkerExcluded) -> None:
        _log.warning("worker excluded", worker=action.worker_id, seconds=action.seconds, cause=action.reason)

    def _task_retried(self, action: actions.TaskRetried) -> None:
        cause = action.failure.WhichOneof("cause") or "unknown"
        self._metrics.retries.labels(cause).inc()
        key = action.key
        _log.info(
            "task runs again",
            job=key.job_id,
            stage=key.stage_id,
            task=key.partition,
            attempt=key.attempt,
            worker=action.worker_id,
            cause=cause,
        )

    def _task_speculated(self, action: actions.TaskSpeculated) -> None:
        key = action.key
        self._metrics.speculations.inc()
        _log.info(
            "second attempt at a slow task",
            job=key.job_id,
            stage=key.stage_id,
            task=key.partition,
            attempt=key.attempt,
            worker=action.worker_id,
            slow_worker=action.slow_worker_id,
            reason=action.reason,
        )

    def _task_preempted(self, action: actions.TaskPreempted) -> None:
        key = action.key
        self._metrics.preemptions.inc()
        self._history.preempted(key, action.job_id)
        _log.info(
            "a task gave its slot to another job",
            job=key.job_id,
            stage=key.stage_id,
            task=key.partition,
            attempt=key.attempt,
            worker=action.worker_id,
            to_job=action.job_id,
        )

    def _wake_at(self, action: actions.WakeAt) -> None:
        if self._wake_s is None or action.at_s < self._wake_s:
            self._wake_s = action.at_s
            delay_s = max(0.0, action.at_s - time.monotonic())
            asyncio.get_running_loop().call_later(delay_s, self._woken)

    def _woken(self) -> None:
        self._wake_s = None
        self.post(events.Tick())

    def _tick(self) -> None:
        now_s = time.monotonic()
        late_s = now_s - self._ticked_s - _TICK_S
        self._ticked_s = now_s
        self.post(events.Tick(stalled_s=late_s if late_s > _STALL_S else 0.0))
        self._gauge()
        self._ticker = asyncio.get_running_loop().call_later(_TICK_S, self._tick)

    def _gauge(self) -> None:
        pool = self.scheduler.pool
        states = dict.fromkeys(("alive", "draining", "silent"), 0)
        now_s = time.monotonic()
        for record in self.registry:
            states[record.state(now_s)] += 1
        for state, count in states.items():
            self._metrics.workers.labels(state).set(count)
        self._metrics.slots.set(pool.slots)
        self._metrics.slots_used.set(pool.slots - pool.free_slots)
        self._metrics.locality_wait.inc(self.scheduler.take_locality_wait_slot_s())
        self._metrics.jobs_running.set(sum(not job.complete for job in self.scheduler.jobs.values()))


def _now_us() -> int:
    return time.time_ns() // 1000
