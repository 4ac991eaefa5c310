"""One worker that does not exist: a daemon with the real queue and the real memory budget, and executors that run
nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from headrace_driver.scheduler import actions, events
from headrace_driver.scheduler.identity import OutputKey, TaskKey
from headrace_proto.v1 import task_pb2
from headrace_worker.dispatch import Dispatcher
from headrace_worker.memory import DAEMON_BYTES, PROCESS_BYTES, MemoryBudget, Use
from headrace_worker.memory_pressure import PressureGuard
from tests.simulation.caches import SimulatedCache

Rows: TypeAlias = Mapping[tuple[int, int, int], int]
"""Where rows come from: for each partition of a stage (with its job) that gives other rows each time, which it gave."""


@dataclass(eq=False)
class Reading:
    """One task at a worker: the copies of its input it was told of, and what it has read of them."""

    launch: actions.Launch
    message: task_pb2.TaskLaunch
    program: task_pb2.StageProgram
    sources: list[tuple[str, TaskKey]]
    rows: dict[tuple[int, int, int], int] = field(default_factory=dict)


@dataclass(eq=False)
class FakeExecutor:
    """Runs one task at a time, in the order in which they were sent."""

    executor_id: str
    told_bytes: int = 0
    held_bytes: int = PROCESS_BYTES
    running: Reading | None = None
    queue: list[Reading] = field(default_factory=list)


@dataclass(eq=False)
class FakeWorker:
    """Messages of one worker keep their order, those of two do not."""

    worker_id: str
    incarnation: str
    host: str
    rack: str
    slots: int
    budget: MemoryBudget
    dispatcher: Dispatcher
    guard: PressureGuard
    cache: SimulatedCache
    alive: bool = True
    attached: bool = True
    stream: int = 0
    """Counts its streams to the driver: what one still carries when it breaks is lost."""
    mute: str = ""
    """`frozen`, `cut` or `deaf` while that lasts."""
    draining: bool = False
    dismissed: bool = False
    slowness: float = 1.0
    disk_full: bool = False
    broken: bool = False
    """No executor can be started."""
    executors: dict[str, FakeExecutor] = field(default_factory=dict)
    executors_started: int = 0
    readings: dict[TaskKey, Reading] = field(default_factory=dict)
    """Tasks it was sent and has not reported."""
    finished: dict[TaskKey, events.TaskFinished] = field(default_factory=dict)
    """Of tasks that have ended, until they are reported."""
    outputs: dict[TaskKey, Rows] = field(default_factory=dict)
    corrupt: set[TaskKey] = field(default_factory=set)
    daemon_bytes: int = DAEMON_BYTES
    watched: bool = False
    looks_over: int = 0
    unsent: list[events.Event] = field(default_factory=list)
    unheard: list[Callable[[], None]] = field(default_factory=list)
    last_said_s: float = 0.0
    last_told_s: float = 0.0

    @property
    def speaks(self) -> bool:
        """What it says reaches the driver."""
        return self.alive and self.attached and self.mute in ("", "deaf")

    @property
    def serves(self) -> bool:
        """Others can fetch blocks from it."""
        return self.alive and self.mute in ("", "deaf")

    @property
    def held_bytes(self) -> int:
        """What all its processes and its cached blocks really take."""
        return self.daemon_bytes + sum(e.held_bytes for e in self.executors.values()) + self.budget.storage.used_bytes

    def running(self) -> frozenset[TaskKey]:
        """What a heartbeat lists."""
        return frozenset(
            TaskKey(task.job_id, task.stage_id, task.partition, task.attempt) for task in self.dispatcher.running()
        )

    def held_maps(self) -> dict[OutputKey, frozenset[tuple[int, int]]]:
        held: dict[OutputKey, set[tuple[int, int]]] = {}
        for key in self.outputs:
            held.setdefault(OutputKey(key.job_id, key.stage_id), set()).add((key.partition, key.attempt))
        return {output: frozenset(maps) for output, maps in held.items()}

    def drop(self, is_unwanted: Callable[[TaskKey], bool]) -> None:
        self.outputs = {key: rows for key, rows in self.outputs.items() if not is_unwanted(key)}


def new_worker(
    name: str,
    incarnation: str,
    host: str,
    rack: str,
    slots: int,
    budget_bytes: int,
    later: Callable[..., None],
    seen: Counter[str],
) -> FakeWorker:
    """A daemon that has just started; `later(seconds, what)` is its clock, `seen` counts what it did."""
    budget = MemoryBudget(budget_bytes, slots)
    budget.charge(Use.DAEMON, DAEMON_BYTES)
    cache = SimulatedCache(budget, later, seen)
    guard = PressureGuard(budget_bytes)
    worker = FakeWorker(name, incarnation, host, rack, slots, budget, Dispatcher(budget), guard, cache)
    cache.dropped = lambda key: worker.outputs.pop(key, None)
    return worker
