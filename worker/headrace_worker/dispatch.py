"""Which queued task starts on which executor, and when. Pure: events in, actions out, no clock and no I/O.

Tasks start in the order the driver sent them. An executor runs one at a time; short ones are sent ahead, so that it
never waits for the daemon between two of them, but no further than `AHEAD_US` of work. If one of them turns out to be
long, those behind it are taken back as soon as another executor has nothing to do.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from headrace_proto.v1 import common_pb2, task_pb2
from headrace_worker.memory import MemoryBudget

AHEAD_US = 20_000
"""Work sent ahead to a busy executor: some frames' worth, and too little to matter when it is the wrong choice."""

AHEAD_TASKS_MAX = 64

CAUTION = 0.6
"""Of its grant the kernel is told, after a task of the same stage has held far more than it was granted."""

REFILL_US = AHEAD_US // 2
"""An executor is sent more when it has less than this left: many tasks in few messages."""

STILLBORN_MAX = 3
"""Executors in a row that died before they were ready, after which this worker is taken to be unable to start any: one
or two may have been killed for a reason that is over."""

TaskKey = tuple[int, int, int, int]
StageKey = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Start:
    """Send these tasks to an executor, with its new grant first if that changed (else 0)."""

    executor_id: str
    launches: tuple[task_pb2.TaskLaunch, ...]
    grant_bytes: int = 0


@dataclass(frozen=True, slots=True)
class CancelOn:
    """Tell an executor to give up these tasks; it will report them."""

    executor_id: str
    tasks: tuple[common_pb2.TaskId, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """Tell the driver."""

    status: task_pb2.TaskStatus


Action = Start | CancelOn | Report


@dataclass(slots=True)
class _Executor:
    in_flight: OrderedDict[TaskKey, task_pb2.TaskLaunch] = field(default_factory=OrderedDict)
    expected_us: dict[TaskKey, int] = field(default_factory=dict)
    ahead_us: int = 0
    """How long it is expected to be busy with what it was sent: the sum of `expected_us`."""
    told_bytes: int = 0
    """The grant it works with. A little more or less is not worth telling: it costs a task half a millisecond."""
    head_at_tick: TaskKey | None = None

    def add(self, key: TaskKey, launch: task_pb2.TaskLaunch, expected_us: int) -> None:
        self.in_flight[key] = launch
        self.expected_us[key] = expected_us
        self.ahead_us += expected_us

    def remove(self, key: TaskKey) -> task_pb2.TaskLaunch | None:
        self.ahead_us -= self.expected_us.pop(key, 0)
        return self.in_flight.pop(key, None)

    def head(self) -> TaskKey | None:
        return next(iter(self.in_flight), None)


class Dispatcher:
    """The worker's task queue."""

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self._waiting: OrderedDict[TaskKey, task_pb2.TaskLaunch] = OrderedDict()
        self._executors: dict[str, _Executor] = {}
        self._run_us: dict[StageKey, int] = {}
        self._overshot: set[StageKey] = set()
        """Stages a task of which ran out of memory here."""
        self._held_back = False
        self._stillborn = 0
        """Executors in a row that died before they were ready."""
        self._recalled: set[TaskKey] = set()
        """Sent ahead and asked back; what was not started goes to the head of the queue again."""

    def launch(self, launches: Iterable[task_pb2.TaskLaunch]) -> list[Action]:
        """The driver sent tasks. One that is known already (sent again after a reconnection) is not run twice."""
        for launch in launches:
            key = key_of(launch.id)
            if not any(key in executor.in_flight for executor in self._executors.values()):
                self._waiting.setdefault(key, launch)
        return self._dispatch()

    def executor_ready(self, executor_id: str) -> list[Action]:
        """A new executor has started."""
        self._stillborn = 0
        self._executors[executor_id] = _Executor()
        return self._dispatch()

    def finished(self, executor_id: str, statuses: Iterable[task_pb2.TaskStatus]) -> list[Action]:
        """An executor reported ends of attempts."""
        executor = self._executors[executor_id]
        actions: list[Action] = []
        for status in statuses:
            key = key_of(status.id)
            launch = executor.remove(key)
            if launch is None:
                continue
            recalled = key in self._recalled
            self._recalled.discard(key)
            if recalled and status.failure.HasField("cancelled"):
                self._waiting[key] = launch
                self._waiting.move_to_end(key, last=False)
            else:
                self._learn(status)
                actions.append(Report(status))
        if not executor.in_flight:
            self._budget.release(executor_id)
        return actions + self._dispatch()

    def executor_lost(self, executor_id: str, failure: common_pb2.Failure) -> list[Action]:
        """An executor died. What it was running failed with it; what it was only sent goes back to the queue's head."""
        executor = self._executors.pop(executor_id, None)
        self._budget.release(executor_id)
        if executor is None:
            return self._never_started(failure)
        if not executor.in_flight:
            return self._dispatch()
        self._recalled.difference_update(executor.in_flight)
        (key, running), *queued = executor.in_flight.items()
        if failure.HasField("out_of_memory"):
            self._overshot.add((key[0], key[1]))
        for waiting, launch in reversed(queued):
            self._waiting[waiting] = launch
            self._waiting.move_to_end(waiting, last=False)
        status = task_pb2.TaskStatus(
            id=running.id, state=task_pb2.TaskStatus.FAILED, failure=failure, executor_id=executor_id
        )
        return [Report(status), *self._dispatch()]

    def _never_started(self, failure: common_pb2.Failure) -> list[Action]:
        """An executor died before it was ready. Where that goes on and no other works, what waits fails by it: on
        another worker it may run, and a job that runs nowhere has to end."""
        self._stillborn += 1
        if self._executors or self._stillborn < STILLBORN_MAX:
            return []
        waiting = list(self._waiting.values())
        self._waiting.clear()
        failed = task_pb2.TaskStatus.FAILED
        return [Report(task_pb2.TaskStatus(id=launch.id, state=failed, failure=failure)) for launch in waiting]

    def cancel(self, tasks: Iterable[common_pb2.TaskId]) -> list[Action]:
        """The driver no longer wants these."""
        return self._cancel_keys([key_of(task) for task in tasks])

    def drop_jobs(self, jobs: Iterable[int]) -> list[Action]:
        """Everything of these jobs is unwanted."""
        dropped = set(jobs)
        for stage in [stage for stage in self._run_us if stage[0] in dropped]:
            del self._run_us[stage]
        self._overshot = {stage for stage in self._overshot if stage[0] not in dropped}
        keys = [key for key in self._waiting if key[0] in dropped]
        for executor in self._executors.values():
            keys.extend(key for key in executor.in_flight if key[0] in dropped)
        return self._cancel_keys(keys)

    def hold_back(self, held: bool) -> list[Action]:
        """Starts nothing while the worker is over its budget and something is running that may end."""
        self._held_back = held
        return self._dispatch()

    def memory_freed(self) -> list[Action]:
        """Cached blocks were evicted, or other charges became less."""
        return self._dispatch()

    def tick(self) -> list[Action]:
        """Some time has passed: takes tasks back from behind one that has been running since the last tick."""
        actions: list[Action] = []
        wanted = self.free_slots() and not self._waiting
        for executor_id, executor in self._executors.items():
            head = executor.head()
            if wanted and head is not None and head == executor.head_at_tick:
                queued = [key for key in executor.in_flight if key != head and key not in self._recalled]
                self._recalled.update(queued)
                if queued:
                    actions.append(CancelOn(executor_id, tuple(executor.in_flight[key].id for key in queued)))
            executor.head_at_tick = head
        return actions

    def running(self) -> list[common_pb2.TaskId]:
        """The task at the head of every executor."""
        return [next(iter(e.in_flight.values())).id for e in self._executors.values() if e.in_flight]

    def running_on(self, executor_id: str) -> common_pb2.TaskId | None:
        """What one executor is running."""
        executor = self._executors.get(executor_id)
        return next(iter(executor.in_flight.values())).id if executor and executor.in_flight else None

    def idle(self) -> bool:
        """Nothing queued, nothing running."""
        return not self._waiting and not any(executor.in_flight for executor in self._executors.values())

    def nothing_queued(self) -> bool:
        """No executor has a next task after the one it runs."""
        return not self._waiting and all(len(executor.in_flight) <= 1 for executor in self._executors.values())

    def free_slots(self) -> int:
        """Executors with nothing to do."""
        return sum(not executor.in_flight for executor in self._executors.values())

    def _dispatch(self) -> list[Action]:
        """Starts tasks from the head of the queue until one cannot start."""
        if self._held_back and any(executor.in_flight for executor in self._executors.values()):
            return []
        starts: dict[str, list[task_pb2.TaskLaunch]] = {}
        grants: dict[str, int] = {}
        nearly_through = [name for name, executor in self._executors.items() if executor.ahead_us <= REFILL_US]
        while self._waiting:
            key, launch = next(iter(self._waiting.items()))
            run_us = self._run_us.get((key[0], key[1]))
            chosen = self._idle_executor(launch)
            if chosen is None and run_us is not None and self.free_slots() == 0:
                chosen = self._busy_executor(launch, run_us, nearly_through)
            if chosen is None:
                break
            executor_id, new_grant = chosen
            del self._waiting[key]
            # A stage nobody has measured may be long, so nothing is sent behind its tasks.
            self._executors[executor_id].add(key, launch, AHEAD_US if run_us is None else run_us)
            starts.setdefault(executor_id, []).append(launch)
            if new_grant:
                grants[executor_id] = new_grant
        return [Start(executor_id, tuple(sent), grants.get(executor_id, 0)) for executor_id, sent in starts.items()]

    def _idle_executor(self, launch: task_pb2.TaskLaunch) -> tuple[str, int] | None:
        """An executor with nothing to do if memory allows, and its grant if that changes."""
        for executor_id, executor in self._executors.items():
            if not executor.in_flight:
                claimants = min(len(self._waiting), self.free_slots())
                grant = self._budget.grant(executor_id, launch.memory_bytes, claimants)
                if grant is None and self._budget.reclaim():
                    grant = self._budget.grant(executor_id, launch.memory_bytes, claimants)
                if grant is None:
                    return None
                told = int(grant * CAUTION) if (launch.id.job_id, launch.id.stage_id) in self._overshot else grant
                if abs(told - executor.told_bytes) <= told // 16 and executor.told_bytes:
                    return executor_id, 0
                executor.told_bytes = told
                return executor_id, told
        return None

    def _busy_executor(
        self, launch: task_pb2.TaskLaunch, run_us: int, nearly_through: list[str]
    ) -> tuple[str, int] | None:
        """The executor that is through first, if a task of this length may wait there."""
        best: tuple[int, str] | None = None
        for executor_id in nearly_through:
            executor = self._executors[executor_id]
            if executor.ahead_us + run_us > AHEAD_US or len(executor.in_flight) >= AHEAD_TASKS_MAX:
                continue
            if self._budget.covers(executor_id, launch.memory_bytes) and (
                best is None or (executor.ahead_us, executor_id) < best
            ):
                best = (executor.ahead_us, executor_id)
        return None if best is None else (best[1], 0)

    def _learn(self, status: task_pb2.TaskStatus) -> None:
        """Keeps a moving average of a stage's run time."""
        if status.state != task_pb2.TaskStatus.FINISHED:
            return
        stage = (status.id.job_id, status.id.stage_id)
        run_us = max(1, int(status.metrics.run_us))
        known = self._run_us.get(stage)
        self._run_us[stage] = run_us if known is None else (3 * known + run_us) // 4

    def _cancel_keys(self, keys: list[TaskKey]) -> list[Action]:
        actions: list[Action] = []
        unwanted = set(keys)
        self._recalled -= unwanted
        for key in keys:
            launch = self._waiting.pop(key, None)
            if launch is not None:
                failure = common_pb2.Failure(cancelled=common_pb2.Cancelled(reason="cancelled before it started"))
                failed = task_pb2.TaskStatus.FAILED
                actions.append(Report(task_pb2.TaskStatus(id=launch.id, state=failed, failure=failure)))
        for executor_id, executor in self._executors.items():
            tasks = tuple(launch.id for key, launch in executor.in_flight.items() if key in unwanted)
            if tasks:
                actions.append(CancelOn(executor_id, tasks))
        return actions + self._dispatch()


def key_of(task: common_pb2.TaskId) -> TaskKey:
    """A task attempt as a dictionary key."""
    return task.job_id, task.stage_id, task.partition, task.attempt
