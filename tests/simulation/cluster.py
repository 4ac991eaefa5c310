"""A cluster that does not exist: real decision code, a virtual clock, fake processes, faults drawn from one seed.

`Simulation(seed, shape).run()` plays one run and checks the invariants after every event. Real are the driver's
scheduler, replay and rejoining, and the workers' queue, memory budget, memory guard and cache ledger. Nothing here
looks at a real clock or draws from anything but the seed, so a seed is a run.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable

from headrace_driver.scheduler import actions, events
from headrace_driver.scheduler.options import SchedulerOptions
from tests.simulation import text
from tests.simulation.clients import Clients
from tests.simulation.daemons import Daemons
from tests.simulation.driver import SimulatedDriver
from tests.simulation.execution import Execution
from tests.simulation.faults import Faults
from tests.simulation.jobs import SimulatedJob
from tests.simulation.memory import Memory
from tests.simulation.shapes import Shape
from tests.simulation.workers import FakeWorker


class Simulation:
    """One run of one seed: the clock, and the parts."""

    def __init__(self, seed: int, shape: Shape, options: SchedulerOptions | None = None) -> None:
        self.random = random.Random(seed)
        self.shape = shape
        self.options = options or SchedulerOptions()
        self.now_s = 0.0
        self.record: list[tuple[float, str | events.Event | actions.Action]] = []
        """What happened and what was decided; `trace` makes text of it, which most runs never need."""
        self.events = 0
        self.seen: Counter[str] = Counter()
        """How often what should be in the mix was."""
        self.workers: dict[str, FakeWorker] = {}
        self._queue: list[tuple[float, int, Callable[[], object]]] = []
        self._order = 0
        self.driver = SimulatedDriver(self)
        self.clients = Clients(self)
        self.daemons = Daemons(self)
        self.execution = Execution(self)
        self.memory = Memory(self)
        self.faults = Faults(self)

    @property
    def jobs(self) -> dict[int, SimulatedJob]:
        return self.clients.jobs

    @property
    def trace(self) -> list[str]:
        """Lines for people."""
        return [text.line(at_s, what) for at_s, what in self.record]

    def run(self) -> None:
        """Plays until every job has ended; raises AssertionError where an invariant breaks or a job never ends."""
        for number in range(self.shape.workers):
            self.daemons.start(f"w{number}", f"h{number % self.shape.hosts}", f"r{number % 2}")
        self.clients.start()
        self.at(0.5, self.driver.tick)
        self.at(1.0, self.faults.draw)
        queue, clients, driver = self._queue, self.clients, self.driver
        while queue and not (clients.is_over() and driver.is_up and not driver.waiting):
            at_s, _, what = heapq.heappop(queue)
            if at_s >= self.shape.horizon_s:
                raise AssertionError(f"jobs {self._unended()} have not ended after {at_s:.0f} s")
            self.now_s = at_s
            what()
        assert clients.is_over(), f"nothing more happens but jobs {self._unended()} have not ended"
        self.driver.observer.check_end()

    def at(self, delay_s: float, what: Callable[[], object]) -> None:
        self._order += 1
        heapq.heappush(self._queue, (self.now_s + delay_s, self._order, what))

    def note(self, what: str) -> None:
        self.record.append((self.now_s, what))

    def network_s(self) -> float:
        """How long one message is on its way."""
        return 0.0005 + 0.0095 * self.random.random()

    def _unended(self) -> list[int]:
        return [job.job_id for job in self.jobs.values() if not job.ended]
