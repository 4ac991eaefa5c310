"""The driver's process: the real scheduler, and around it what the shell does with events and actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from headrace_driver.scheduler import actions, events
from headrace_driver.scheduler.identity import OutputKey, TaskKey
from headrace_driver.scheduler.scheduler import Scheduler
from tests.simulation.execution import reading_of
from tests.simulation.invariants import Observer
from tests.simulation.restarts import Restarts
from tests.simulation.workers import FakeWorker, Reading

if TYPE_CHECKING:
    from tests.simulation.cluster import Simulation

_TICK_S = 0.5
_UNTOLD = (events.Tick, events.WorkerHeard)
"""Events that would drown all others in a trace."""


class SimulatedDriver:
    """Feeds the scheduler and carries out what it decides; stands still or dies when faults want it."""

    def __init__(self, simulation: Simulation) -> None:
        self._sim = simulation
        self.is_up = True
        self.stalled_until_s = 0.0
        self.waiting: list[tuple[FakeWorker | None, events.Event]] = []
        self.restarts = Restarts(simulation)
        self.new_scheduler()

    @property
    def hears(self) -> bool:
        """Whether a client is answered now."""
        return self.is_up and self._sim.now_s >= self.stalled_until_s

    def new_scheduler(self) -> None:
        self.scheduler = Scheduler(self._sim.options)
        self.scheduler.accepted = [] if self._sim.shape.driver_deaths else None
        self.observer = Observer(self.scheduler)
        self._wake_s: float | None = None

    def hear(self, worker: FakeWorker, event: events.Event) -> None:
        """A worker said something."""
        if self.is_up and self._sim.now_s < self.stalled_until_s:
            self.waiting.append((worker, event))
            return
        heard = self.restarts.heard(worker, event)
        if heard is not None:
            self.feed(heard)

    def feed(self, event: events.Event) -> None:
        """One event into the scheduler, its actions carried out, the invariants checked."""
        sim = self._sim
        if not self.is_up:
            return
        if sim.now_s < self.stalled_until_s:
            self.waiting.append((None, event))
            return
        sim.events += 1
        if type(event) not in _UNTOLD:
            sim.record.append((sim.now_s, event))
        self.observer.before(event)
        decided = self.scheduler.handle(event, sim.now_s)
        if self.scheduler.accepted:
            self.restarts.accepted(self.scheduler.accepted)
        sim.record.extend((sim.now_s, action) for action in decided if type(action) is not actions.WakeAt)
        self.observer.after(event, decided, sim.options)
        for action in decided:
            self._perform(action)

    def stall(self, seconds: float) -> None:
        """The driver does not run: what comes meanwhile waits, and then it finds that its clock has jumped."""
        sim = self._sim
        if not self.hears:
            return
        sim.note(f"the driver stands still for {seconds:.1f} s")
        self.stalled_until_s = sim.now_s + seconds

        def wake() -> None:
            waiting, self.waiting = self.waiting, []
            self.feed(events.Tick(stalled_s=seconds))
            for worker, event in waiting:
                if worker is not None:
                    self.hear(worker, event)
                else:
                    self.feed(event)

        sim.at(seconds, wake)

    def tick(self) -> None:
        """The shell's clock."""
        if self.hears:
            self.feed(events.Tick())
        self._sim.at(_TICK_S, self.tick)

    # What the shell does with actions.

    def _perform(self, action: actions.Action) -> None:
        sim = self._sim
        match action:
            case actions.LaunchTasks(worker_id, launches):
                readings = [self._reading(launch) for launch in launches]
                self._send(worker_id, lambda worker: sim.execution.launch(worker, readings))
            case actions.CancelTasks(worker_id, keys):
                self._send(worker_id, lambda worker: sim.execution.cancel(worker, keys))
            case actions.DropJob(worker_id, job_id):
                self._send(worker_id, lambda worker: sim.execution.drop_job(worker, job_id))
            case actions.DropOutputs(worker_id, outputs):
                gone = set(outputs)
                self._send(
                    worker_id, lambda worker: worker.drop(lambda key: OutputKey(key.job_id, key.stage_id) in gone)
                )
            case actions.AdoptOutputs(worker_id, source, outputs):
                sim.seen["adoptions"] += len(outputs)
                self._send(worker_id, lambda worker: sim.daemons.adopt(worker, source, outputs))
            case actions.DismissWorker(worker_id):
                sim.seen["dismissed"] += 1
                self._send(worker_id, sim.daemons.dismiss)
            case actions.WorkerDeclaredLost(worker_id, incarnation):
                sim.daemons.end_stream(worker_id, incarnation)
            case actions.TaskRetried(_, _, failure):
                sim.seen["retries after running out of memory"] += failure.HasField("out_of_memory")
            case actions.TaskSpeculated():
                sim.seen["speculated"] += 1
            case actions.TaskPreempted():
                sim.seen["preempted"] += 1
            case actions.WakeAt(at_s):
                self._wake_at(at_s)
            case _:
                sim.clients.perform(action)

    def _reading(self, launch: actions.Launch) -> Reading:
        """Where a task is told to find its input: (worker, copy)."""
        job = self.scheduler.jobs[launch.key.job_id]
        stage = job.stages[launch.key.stage_id]
        by_index = self.scheduler.pool.by_index
        sources: list[tuple[str, TaskKey]] = []
        for parent in stage.parents:
            outputs = parent.outputs
            maps = range(parent.total)
            if parent.is_kept:
                maps = range(launch.key.partition, launch.key.partition + 1)
                self._sim.seen["reads of cached rows"] += 1
            for partition in maps:
                holder = by_index.get(outputs.holder[partition])
                if holder is not None:
                    sources.append((holder.worker_id, TaskKey(*parent.key, partition, outputs.attempt[partition])))
        return reading_of(launch, stage.spec.program, sources)

    def _send(self, worker_id: str, what: Callable[[FakeWorker], None]) -> None:
        """A message on its way to a worker, in order; what a broken stream carries is lost."""
        sim = self._sim
        worker = sim.workers.get(worker_id)
        if worker is None or not worker.alive or not worker.attached:
            return
        at_s = max(worker.last_told_s, sim.now_s + sim.network_s())
        worker.last_told_s = at_s
        stream = worker.stream

        def arrive() -> None:
            if not worker.alive or not worker.attached or worker.stream != stream:
                return
            if worker.mute:
                worker.unheard.append(arrive)
            else:
                what(worker)

        sim.at(at_s - sim.now_s, arrive)

    def _wake_at(self, at_s: float) -> None:
        assert at_s > self._sim.now_s, "a time to wake at lies ahead, or the shell would spin"
        if self._wake_s is None or at_s < self._wake_s:
            self._wake_s = at_s
            self._sim.at(at_s - self._sim.now_s, self._woken)

    def _woken(self) -> None:
        self._wake_s = None
        self.feed(events.Tick())
