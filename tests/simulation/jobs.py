"""Jobs of a simulated run: made-up plans, what their tasks need, and what their clients have got."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from headrace_driver.plan.stage import HostPreference, OutputKind, ShuffleRead, StageSpec, TaskSpec
from headrace_driver.scheduler import actions
from headrace_proto.v1 import task_pb2
from tests.simulation.shapes import Shape

_PROGRAM = task_pb2.StageProgram()
_KEPT_PROGRAMS = {
    disk: task_pb2.StageProgram(output_spec=task_pb2.StageOutput(storage=task_pb2.Storage(memory=True, disk=disk)))
    for disk in (False, True)
}
KEPT_BYTES = 140 << 20
"""One cached block file: a small worker may keep two of them."""
_FINAL = 4
_LONGER = 30.0
_MB = 1 << 20


class Need(NamedTuple):
    """Memory of a task that cannot be spilled. `uncounted`: the kernel does not know of it."""

    bytes: int
    uncounted: bool


@dataclass
class SimulatedJob:
    """One job, as its planner and its client see it."""

    job_id: int
    specs: dict[int, StageSpec]
    user_error: tuple[int, int, int] | None = None
    longer: float = 1.0
    """How many times as long as others' its tasks take."""
    needs: dict[tuple[int, int], Need] = field(default_factory=dict)
    """By stage and partition."""
    cache_id: int = 0
    """The job whose cached rows it reads."""
    readers_left: int = 0
    """Of a job that caches rows: jobs that will read them or do."""
    ended: str = ""
    complete: bool = False
    committing: bool = False
    ready: dict[int, actions.ResultReady] = field(default_factory=dict)
    delivered: set[int] = field(default_factory=set)
    rows: dict[tuple[int, int, int], int] = field(default_factory=dict)
    """What the client has was made from these."""
    started_stages: set[int] = field(default_factory=set)
    finished_stages: set[int] = field(default_factory=set)

    def final(self) -> StageSpec:
        return self.specs[_FINAL]

    def next_stages(self) -> list[StageSpec]:
        """What can be planned now and has not been."""
        found = [
            spec
            for spec in self.specs.values()
            if spec.stage_id not in self.started_stages and self.finished_stages.issuperset(spec.reads)
        ]
        self.started_stages.update(spec.stage_id for spec in found)
        return found

    def deliver(self, partition: int, rows: Mapping[tuple[int, int, int], int]) -> None:
        """The client gets a result partition: no other time, and made from the same rows as those before."""
        assert partition not in self.delivered, f"result partition {partition} is sent twice"
        self.delivered.add(partition)
        for source, which in rows.items():
            known = self.rows.setdefault(source, which)
            assert known == which, f"job {self.job_id}: results are made from two runs of {source}"


class Plans:
    """Makes jobs up."""

    def __init__(self, rng: random.Random, shape: Shape) -> None:
        self._rng = rng
        self._shape = shape

    def query(self, job_id: int, cache: SimulatedJob | None) -> SimulatedJob:
        """Two scans (or cached rows and a scan), a join of both that is shuffled or broadcast, and a result."""
        rng = self._rng
        reducers, last = self._count(), self._count()
        left = self._cached(cache, reducers) if cache is not None else self._scan(1, reducers)
        join_kind = OutputKind.SHUFFLE if rng.random() < 0.7 else OutputKind.BROADCAST
        join = StageSpec(3, join_kind, _PROGRAM, self._tasks(reducers, (1, 2)), (1, 2), reducers=last)
        final_kind = OutputKind.RESULT if rng.random() < 0.8 else OutputKind.FILES
        reads = (3,) if join_kind is OutputKind.SHUFFLE else ()
        final = StageSpec(_FINAL, final_kind, _PROGRAM, self._tasks(last, reads), (3,))
        job = self._job(job_id, left, self._scan(2, reducers, deterministic=True), join, final)
        job.cache_id = cache.job_id if cache is not None else 0
        return job

    def cache(self, job_id: int) -> SimulatedJob:
        """A scan whose rows are kept for other jobs, some with copies."""
        rng = self._rng
        count = self._count()
        kept = StageSpec(
            _FINAL,
            OutputKind.KEPT,
            _KEPT_PROGRAMS[rng.random() < 0.5],
            self._tasks(count, (1,)),
            (1,),
            replicas=rng.choice((1, 1, 2, 3)),
        )
        return self._job(job_id, self._scan(1, count), kept)

    def without_cache(self, job: SimulatedJob) -> None:
        """The cached rows are no more: the query is planned without them."""
        job.specs = {**job.specs, 1: self._scan(1, job.specs[1].reducers, deterministic=True)}
        job.cache_id = 0

    def _job(self, job_id: int, *specs: StageSpec) -> SimulatedJob:
        job = SimulatedJob(job_id, {spec.stage_id: spec for spec in specs})
        rng = self._rng
        if rng.random() < self._shape.user_errors:
            stage = rng.choice(specs)
            job.user_error = (job_id, stage.stage_id, rng.randrange(len(stage.tasks)))
        if self._shape.long_jobs and rng.random() < self._shape.long_jobs:
            job.longer = _LONGER
        if self._shape.needs_mb_max:
            for spec in specs:
                for task in spec.tasks:
                    most = self._shape.needs_mb_max if rng.random() < 0.3 else self._shape.needs_mb_max // 8
                    job.needs[spec.stage_id, task.partition] = Need(rng.randrange(most) * _MB, rng.random() < 0.5)
        return job

    def _scan(self, stage_id: int, reducers: int, *, deterministic: bool | None = None) -> StageSpec:
        if deterministic is None:
            deterministic = self._rng.random() >= self._shape.nondeterministic
        tasks = self._tasks(self._count())
        return StageSpec(stage_id, OutputKind.SHUFFLE, _PROGRAM, tasks, reducers=reducers, deterministic=deterministic)

    def _cached(self, cache: SimulatedJob, reducers: int) -> StageSpec:
        kept = cache.final()
        tasks = tuple(
            TaskSpec(task.partition, shuffle_reads=(ShuffleRead(_FINAL, 0, 1, task.partition, 1, cache.job_id),))
            for task in kept.tasks
        )
        read = ((cache.job_id, _FINAL),)
        return StageSpec(1, OutputKind.SHUFFLE, _PROGRAM, tasks, reducers=reducers, kept_reads=read)

    def _count(self) -> int:
        return self._rng.randint(1, self._shape.tasks_max)

    def _tasks(self, count: int, reads: tuple[int, ...] = ()) -> tuple[TaskSpec, ...]:
        rng, specs = self._rng, []
        for partition in range(count):
            preferences: tuple[HostPreference, ...] = ()
            if not reads and rng.random() < 0.5:
                host = f"h{rng.randrange(self._shape.hosts)}"
                preferences = (HostPreference(host, rng.choice((1_000_000, 400_000_000))),)
            shuffles = tuple(ShuffleRead(stage_id, partition, 1) for stage_id in reads)
            asked = rng.randrange(200) * _MB if self._shape.needs_mb_max and rng.random() < 0.3 else 0
            specs.append(TaskSpec(partition, shuffle_reads=shuffles, preferences=preferences, memory_bytes=asked))
        return tuple(specs)
