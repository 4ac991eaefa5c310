"""The life of a stage: which tasks wait, run and are done, and how long they take."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from headrace_driver.plan.stage import FINAL_KINDS, HostPreference, OutputKind, StageSpec
from headrace_driver.scheduler.identity import OutputKey, Place, TaskKey
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_driver.scheduler.outputs import NOT_RECREATED, StageOutputs
from headrace_driver.scheduler.pending import PendingTasks, TaskState
from headrace_driver.scheduler.retries import FailureCounts
from headrace_driver.scheduler.workers import Attempt

_PENDING, _RUNNING, _DONE = int(TaskState.PENDING), int(TaskState.RUNNING), int(TaskState.DONE)
_RUN_TIME_WEIGHT = 0.2
"""Weight of the newest task in the mean run time: follows a change within some ten tasks."""


class StageRun:
    """One stage of a running job."""

    def __init__(self, job_id: int, spec: StageSpec) -> None:
        count = len(spec.tasks)
        self.key = OutputKey(job_id, spec.stage_id)
        self.spec = spec
        self.status = bytearray(count)
        self.next_attempt = array("I", [0]) * count
        self.outputs = StageOutputs(spec)
        self.parents: list[StageRun] = []
        """Whose outputs its tasks read: stages of its job, and kept stages of others."""
        self.readers: list[StageRun] = []
        """Whose tasks read its outputs; of a kept stage, stages of other jobs too."""
        self.pending = PendingTasks(self.status)
        self.current: dict[int, Attempt] = {}
        """The attempt of each running partition that is expected to finish it."""
        self.copies: dict[int, Attempt] = {}
        """Second attempts at partitions whose first one is slow; whichever finishes first counts."""
        self.preemptions: dict[int, int] = {}
        """How often attempts at a partition had to give their slot to another job."""
        self.run_s = array("f", [0.0]) * count
        """How long the attempt took that counts; 0 where that is unknown."""
        self.counts: dict[int, FailureCounts] = {}
        self.memory_bytes: dict[int, int] = {}
        """Larger grants of partitions that ran out of memory."""
        self.preferences: dict[int, tuple[HostPreference, ...]] = {}
        """Preferences found from where the shuffle input lies; the spec's own stand in the spec."""
        self.default_place = Place.NO_PREFERENCE
        self.waiting = count
        """Tasks in state PENDING."""
        self.done = 0
        self.filed = False
        """The tasks have been put into `pending` (when the stage first became ready)."""
        self.completed_once = False
        self.abandoned = False
        self.demanded = True
        self.rolled_back = False
        """What it had computed was thrown away, since its input gave other rows when it was computed again."""
        self.valid_from = 0
        """Attempts launched before this launch number are not to be used, even if they finish."""
        self.has_strict = any(task.strict for task in spec.tasks)
        self.strict_absent_since_s: float | None = None
        """Since when a task is bound to data that no worker of the cluster holds."""
        self.run_s_mean = 0.0
        self.prefetch_depth = 0

    @property
    def total(self) -> int:
        return len(self.status)

    @property
    def is_complete(self) -> bool:
        return self.done == len(self.status)

    @property
    def is_result(self) -> bool:
        return self.spec.kind is OutputKind.RESULT

    @property
    def is_kept(self) -> bool:
        """Its outputs are cached rows, for tasks of other jobs."""
        return self.spec.kind is OutputKind.KEPT

    @property
    def is_final(self) -> bool:
        """The job ends with this stage."""
        return self.spec.kind in FINAL_KINDS

    def preferences_of(self, partition: int) -> Sequence[HostPreference]:
        return self.spec.tasks[partition].preferences or self.preferences.get(partition, ())

    def new_key(self, partition: int) -> TaskKey:
        """Names the next attempt at a partition."""
        attempt = self.next_attempt[partition]
        self.next_attempt[partition] = attempt + 1
        return TaskKey(self.key.job_id, self.key.stage_id, partition, attempt)

    def attempts(self) -> list[Attempt]:
        """All attempts that may still finish their partitions."""
        return [*self.current.values(), *self.copies.values()] if self.copies else list(self.current.values())

    def attempts_at(self, partition: int) -> list[Attempt]:
        """The attempts that may still finish this partition."""
        return [found[partition] for found in (self.current, self.copies) if partition in found]

    def start_copy(self, attempt: Attempt) -> None:
        """A second attempt at a running partition."""
        partition = attempt.key.partition
        assert self.status[partition] == _RUNNING
        assert partition not in self.copies
        self.copies[partition] = attempt

    def counts_attempt(self, attempt: Attempt) -> bool:
        """Whether the attempt is expected to finish its partition, as first or as second."""
        partition = attempt.key.partition
        return self.current.get(partition) is attempt or self.copies.get(partition) is attempt

    def withdraw(self, attempt: Attempt) -> bool:
        """The attempt counts no more. True: nothing else computes its partition, which the caller reopens."""
        partition = attempt.key.partition
        if self.copies.get(partition) is attempt:
            del self.copies[partition]
            return False
        if self.current.get(partition) is not attempt:
            return False
        if (copy := self.copies.pop(partition, None)) is not None:
            self.current[partition] = copy
            return False
        del self.current[partition]
        return True

    def start(self, attempt: Attempt) -> None:
        partition = attempt.key.partition
        assert self.status[partition] == _PENDING
        self.status[partition] = _RUNNING
        self.waiting -= 1
        self.current[partition] = attempt

    def finish(self, partition: int) -> None:
        """The partition is done, by whichever attempt."""
        if self.status[partition] == _PENDING:
            self.waiting -= 1
        self.status[partition] = _DONE
        self.done += 1
        self.current.pop(partition, None)
        self.copies.pop(partition, None)

    def reopen(self, partition: int) -> None:
        """A running or done partition has to be computed (again). The caller files it in `pending`."""
        assert partition not in self.copies
        if self.status[partition] == _DONE:
            self.done -= 1
        assert self.status[partition] != _PENDING
        self.status[partition] = _PENDING
        self.waiting += 1
        self.current.pop(partition, None)

    def discard(self, sequence: int) -> None:
        """All outputs are dropped; should they be needed again, all tasks run again, from launch `sequence` on."""
        assert not self.current
        assert not self.copies
        if not self.spec.deterministic:
            # Should a task run again, its rows are compared with those that others may have been computed from.
            self.outputs.recreated.update((p, NOT_RECREATED) for p in range(self.total) if self.is_done(p))
        self.valid_from = sequence
        self.status[:] = bytes(len(self.status))
        self.waiting, self.done = self.total, 0
        self.pending = PendingTasks(self.status)
        self.filed = False
        for partition in range(self.total):
            self.outputs.forget(partition)

    def is_done(self, partition: int) -> bool:
        return self.status[partition] == _DONE

    def is_pending(self, partition: int) -> bool:
        return self.status[partition] == _PENDING

    def counts_of(self, partition: int) -> FailureCounts:
        counts = self.counts.get(partition)
        if counts is None:
            counts = self.counts[partition] = FailureCounts()
        return counts

    def observe_run(self, partition: int, run_s: float, options: SchedulerOptions) -> None:
        """Learns how long tasks take, and from that how many may queue for a slot."""
        if run_s <= 0:
            return
        self.run_s[partition] = run_s
        mean = self.run_s_mean
        self.run_s_mean = run_s if mean == 0 else mean + (run_s - mean) * _RUN_TIME_WEIGHT
        self.prefetch_depth = min(options.prefetch_depth_max, int(options.prefetch_run_s / self.run_s_mean))
