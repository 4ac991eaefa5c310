"""Worker processes: they register, speak and are spoken to, hold blocks, copy them, die and come back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from headrace_driver.scheduler import events
from headrace_driver.scheduler.identity import TaskKey
from tests.simulation.workers import FakeWorker, new_worker

if TYPE_CHECKING:
    from tests.simulation.cluster import Simulation

_HEARTBEAT_S = 1.0
_PLENTY_BYTES = 64 << 30
"""The memory of workers where memory is not what is simulated."""


class Daemons:
    """All workers, dead ones until others take their names."""

    def __init__(self, simulation: Simulation) -> None:
        self._sim = simulation
        self._incarnations = 0

    def start(self, name: str, host: str, rack: str) -> None:
        sim = self._sim
        self._incarnations += 1
        budget_bytes = sim.shape.memory_mb << 20 or _PLENTY_BYTES
        worker = new_worker(name, f"i{self._incarnations}", host, rack, sim.shape.slots, budget_bytes, sim.at, sim.seen)
        worker.budget.storage.released = lambda: sim.execution.act(worker, worker.dispatcher.memory_freed())
        worker.cache.reading = lambda: {
            (key.job_id, key.stage_id) for reading in worker.readings.values() for _, key in reading.sources
        }
        sim.workers[name] = worker
        for _ in range(worker.slots):
            sim.execution.start_executor(worker)
        self._register(worker)
        sim.at(sim.random.random(), lambda: self._heartbeat(worker))

    def _register(self, worker: FakeWorker) -> None:
        if not self._sim.driver.is_up:
            # It dials until there is a driver again.
            self._sim.at(self._sim.random.uniform(0.1, 1), lambda: self.heard_again(worker))
            worker.attached = False
            return
        held = worker.held_maps()
        joined = events.WorkerJoined(
            worker.worker_id, worker.incarnation, worker.slots, worker.host, worker.rack, frozenset(held), held
        )
        worker.attached = True
        worker.unheard.clear()
        # What the broken stream swallowed is said again, as a worker that keeps unsent statuses does.
        unsent, worker.unsent = worker.unsent, []
        self.say(worker, joined)
        if worker.draining:
            self.say(worker, events.WorkerDraining(worker.worker_id, "told to leave"))
        for event in unsent:
            if not isinstance(event, events.WorkerJoined | events.WorkerHeard | events.WorkerDraining):
                self.say(worker, event)

    def say(self, worker: FakeWorker, event: events.Event) -> None:
        """A message on its way to the driver, behind everything this worker said before."""
        sim, shape = self._sim, self._sim.shape
        delay_s = sim.network_s()
        if shape.late_statuses and sim.random.random() < shape.late_statuses:
            delay_s += sim.random.uniform(0.1, 3)
        at_s = max(worker.last_said_s, sim.now_s + delay_s)
        worker.last_said_s = at_s

        def arrive() -> None:
            if sim.workers[worker.worker_id].incarnation != worker.incarnation:
                return
            if worker.alive and not worker.speaks:
                worker.unsent.append(event)
                return
            sim.driver.hear(worker, event)

        sim.at(at_s - sim.now_s, arrive)
        if shape.duplicates and sim.random.random() < shape.duplicates:
            sim.at(at_s - sim.now_s + 0.001, arrive)

    def _heartbeat(self, worker: FakeWorker) -> None:
        if not worker.alive:
            return
        if worker.speaks:
            self.say(worker, events.WorkerHeard(worker.worker_id, worker.running()))
        self._sim.at(_HEARTBEAT_S, lambda: self._heartbeat(worker))

    def trouble(self, reader: str, holder_id: str, key: TaskKey) -> str | None:
        """Why blocks of a finished task cannot be had now by a worker (or the driver, ""); None: they can."""
        holder = self._sim.workers.get(holder_id)
        if reader == holder_id and holder is not None:
            reachable = holder.alive
        else:
            reachable = holder is not None and holder.serves and self._reaches(reader, holder_id)
        if holder is None or not reachable:
            return "UNREACHABLE"
        if key not in holder.outputs:
            return "MISSING"
        return "CORRUPT" if key in holder.corrupt else None

    def _reaches(self, reader: str, holder: str) -> bool:
        if frozenset((reader, holder)) in self._sim.faults.cut_links:
            return False
        return not reader or self._sim.workers[reader].mute not in ("cut", "deaf")

    def adopt(self, worker: FakeWorker, source_id: str, outputs: tuple[TaskKey, ...]) -> None:
        """The driver wants it to copy these outputs."""
        for key in outputs:
            self._sim.at(
                self._sim.random.uniform(0.02, 0.5),
                partial(self._copy, worker, source_id, key),
            )

    def _copy(self, worker: FakeWorker, source_id: str, key: TaskKey) -> None:
        if not worker.alive:
            return
        held = self.trouble(worker.worker_id, source_id, key) in (None, "CORRUPT") and not worker.disk_full
        if held:
            source = self._sim.workers[source_id]
            worker.outputs[key] = source.outputs[key]
            if key in source.corrupt:
                worker.corrupt.add(key)
        self.say(worker, events.OutputAdopted(worker.worker_id, key, held))

    def dismiss(self, worker: FakeWorker) -> None:
        """It may go, once what it runs has ended."""
        if worker.draining:
            worker.dismissed = True
            self._sim.execution.act(worker, [])

    # What faults do to workers.

    def die(self, worker: FakeWorker, how: str) -> None:
        """The process is gone. Another with the same name starts some seconds later."""
        if not worker.alive:
            return
        sim = self._sim
        sim.note(f"{worker.worker_id} {how}")
        worker.alive = False
        worker.executors.clear()
        worker.readings.clear()
        worker.outputs.clear()
        if worker.mute != "cut":
            sim.at(sim.network_s(), lambda: self._closed(worker))
        name, host, rack = worker.worker_id, worker.host, worker.rack
        sim.at(sim.random.uniform(0.5, 15), lambda: self.start(name, host, rack))

    def _closed(self, worker: FakeWorker) -> None:
        if self._sim.workers[worker.worker_id].incarnation == worker.incarnation:
            self._sim.driver.feed(events.WorkerStreamClosed(worker.worker_id))

    def break_stream(self, worker: FakeWorker) -> None:
        """The stream breaks; the worker dials again, soon or too late. What it was sent meanwhile is lost."""
        if not worker.alive or not worker.attached:
            return
        self._sim.note(f"stream of {worker.worker_id} breaks")
        self.detach(worker)
        self._sim.driver.feed(events.WorkerStreamClosed(worker.worker_id))
        self._sim.at(self._sim.random.choice((0.3, 1.0, 5.0)), lambda: self.heard_again(worker))

    def end_stream(self, worker_id: str, incarnation: str) -> None:
        """The driver has given a worker up. If it lives it sees its stream end, and registers again."""
        worker = self._sim.workers[worker_id]
        if worker.alive and worker.incarnation == incarnation and worker.attached:
            self.detach(worker)
            self._sim.at(self._sim.random.uniform(0.1, 1.5), lambda: self.heard_again(worker))

    def detach(self, worker: FakeWorker) -> None:
        """Its stream is no more."""
        worker.attached = False
        worker.stream += 1
        worker.unheard.clear()

    def heard_again(self, worker: FakeWorker) -> None:
        """Nothing stands between the worker and the driver any more."""
        if not worker.alive or worker.mute:
            return
        if not worker.attached:
            self._register(worker)
            return
        unheard, worker.unheard = worker.unheard, []
        for arrive in unheard:
            arrive()
        unsent, worker.unsent = worker.unsent, []
        for event in unsent:
            self.say(worker, event)
