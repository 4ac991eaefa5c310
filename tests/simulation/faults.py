"""What goes wrong with workers, links, disks and the driver, drawn once a second for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace_driver.scheduler import events
from tests.simulation.workers import FakeWorker

if TYPE_CHECKING:
    from tests.simulation.cluster import Simulation

KEEPALIVE_S = 9.0
"""A stream on which nothing is answered is ended by the worker's side within this."""


class Faults:
    """Draws faults from the simulation's random numbers and undoes them later."""

    def __init__(self, simulation: Simulation) -> None:
        self._sim = simulation
        self._rng = simulation.random
        self._shape = simulation.shape
        self.cut_links: set[frozenset[str]] = set()

    def draw(self) -> None:
        """One second of the cluster's life."""
        rng, shape, sim = self._rng, self._shape, self._sim
        for worker in list(sim.workers.values()):
            if worker.alive:
                self._draw_for(worker)
        if shape.driver_deaths and rng.random() < shape.driver_deaths:
            sim.driver.restarts.kill()
        if rng.random() < shape.driver_stalls:
            sim.driver.stall(rng.uniform(2, 20))
        if rng.random() < shape.joins and len(sim.workers) < 3 * shape.workers:
            number = len(sim.workers)
            sim.note(f"w{number} is new")
            sim.daemons.start(f"w{number}", f"h{number % shape.hosts}", f"r{number % 2}")
        sim.at(1.0, self.draw)

    def _draw_for(self, worker: FakeWorker) -> None:
        rng, shape = self._rng, self._shape
        if rng.random() < shape.worker_deaths:
            self._sim.daemons.die(worker, "dies")
        elif not worker.mute and rng.random() < shape.freezes:
            self._mute(worker, "frozen", rng.uniform(1, 25))
        elif not worker.mute and rng.random() < shape.cuts:
            self._mute(worker, "cut", rng.uniform(1, 25))
        elif not worker.mute and worker.attached and rng.random() < shape.deaf:
            self._mute(worker, "deaf", KEEPALIVE_S)
            self._sim.at(KEEPALIVE_S, lambda: self._sim.daemons.break_stream(worker))
        elif worker.attached and not worker.mute and rng.random() < shape.stream_cuts:
            self._sim.daemons.break_stream(worker)
        elif rng.random() < shape.link_cuts:
            self._cut_link(worker)
        elif not worker.draining and rng.random() < shape.drains:
            self._drain(worker)
        self._draw_for_disk(worker)

    def _draw_for_disk(self, worker: FakeWorker) -> None:
        rng, shape, sim = self._rng, self._shape, self._sim
        if rng.random() < shape.full_disks:
            sim.note(f"disk of {worker.worker_id} is full")
            worker.disk_full = True
            sim.at(rng.uniform(5, 60), lambda: setattr(worker, "disk_full", False))
        if shape.broken_programs and rng.random() < shape.broken_programs:
            sim.note(f"{worker.worker_id} cannot start executors")
            worker.broken = True
            sim.at(rng.uniform(1, 20), lambda: setattr(worker, "broken", False))
        if rng.random() < shape.slow_workers:
            sim.note(f"{worker.worker_id} becomes slow")
            worker.slowness = rng.choice((5.0, 20.0, 100.0))
            sim.at(rng.uniform(5, 60), lambda: setattr(worker, "slowness", 1.0))
        if worker.outputs and rng.random() < shape.lost_blocks:
            key = rng.choice(list(worker.outputs))
            sim.note(f"{worker.worker_id} loses {key}")
            del worker.outputs[key]
        if worker.outputs and rng.random() < shape.corrupt_blocks:
            key = rng.choice(list(worker.outputs))
            sim.note(f"{worker.worker_id}'s copy of {key} is corrupted")
            worker.corrupt.add(key)

    def _mute(self, worker: FakeWorker, how: str, seconds: float) -> None:
        self._sim.note(f"{worker.worker_id} is {how}")
        worker.mute = how

        def over() -> None:
            if worker.mute == how and worker.alive:
                self._sim.note(f"{worker.worker_id} is {how} no more")
                worker.mute = ""
                self._sim.daemons.heard_again(worker)

        self._sim.at(seconds, over)

    def _cut_link(self, worker: FakeWorker) -> None:
        other = self._rng.choice(list(self._sim.workers))
        link = frozenset((worker.worker_id, other))
        self._sim.note(f"{worker.worker_id} and {other} cannot reach each other")
        self.cut_links.add(link)
        self._sim.at(self._rng.uniform(2, 40), lambda: self.cut_links.discard(link))

    def _drain(self, worker: FakeWorker) -> None:
        sim, rng = self._sim, self._rng
        worker.draining = True
        sim.note(f"{worker.worker_id} is told to leave")
        sim.daemons.say(worker, events.WorkerDraining(worker.worker_id, "told to leave"))
        deadline_s = rng.uniform(0.2, 3) if rng.random() < self._shape.hasty_drains else 60.0
        sim.at(deadline_s, lambda: sim.daemons.die(worker, "leaves, its time being up"))
