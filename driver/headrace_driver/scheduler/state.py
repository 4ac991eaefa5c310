"""What the parts of the scheduler share: one object of each kind, and the time."""

from __future__ import annotations

from dataclasses import dataclass, field

from headrace_driver.scheduler import events
from headrace_driver.scheduler.assignment import Assignment
from headrace_driver.scheduler.health import Health
from headrace_driver.scheduler.identity import OutputKey
from headrace_driver.scheduler.jobs import JobRun
from headrace_driver.scheduler.launching import Launcher
from headrace_driver.scheduler.leaving import Leaving
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_driver.scheduler.outbox import Outbox
from headrace_driver.scheduler.preemption import Preemption
from headrace_driver.scheduler.recovery import Recovery
from headrace_driver.scheduler.replication import Replication
from headrace_driver.scheduler.speculation import Speculation
from headrace_driver.scheduler.workers import WorkerPool


@dataclass(slots=True)
class SchedulerState:
    """The parts are never exchanged; `now_s` is set by the scheduler's face alone."""

    options: SchedulerOptions
    pool: WorkerPool = field(default_factory=WorkerPool)
    jobs: dict[int, JobRun] = field(default_factory=dict)
    outbox: Outbox = field(default_factory=Outbox)
    now_s: float = 0.0
    accepted: list[events.TaskFinished | OutputKey] | None = None
    """See `Scheduler.accepted`."""
    health: Health = field(init=False)
    assignment: Assignment = field(init=False)
    launcher: Launcher = field(init=False)
    recovery: Recovery = field(init=False)
    leaving: Leaving = field(init=False)
    replication: Replication = field(init=False)
    speculation: Speculation = field(init=False)
    preemption: Preemption = field(init=False)

    def __post_init__(self) -> None:
        pool, outbox, options = self.pool, self.outbox, self.options
        health = self.health = Health(options)
        assignment = self.assignment = Assignment(pool, options)
        launcher = self.launcher = Launcher(pool, assignment, outbox, options)
        recovery = self.recovery = Recovery(assignment, health, outbox, options)
        self.leaving = Leaving(pool, health, outbox, options)
        self.replication = Replication(pool, health, outbox, options)
        self.speculation = Speculation(pool, health, assignment, launcher, outbox, options)
        self.preemption = Preemption(pool, assignment, launcher, recovery, outbox, options)
