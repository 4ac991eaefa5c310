"""Clients and planners: jobs are submitted, planned stage by stage, read, cancelled and released."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from headrace_driver.plan.stage import OutputKind, StageSpec
from headrace_driver.scheduler import actions, events
from headrace_driver.scheduler.identity import TaskKey
from headrace_proto.v1 import common_pb2
from tests.simulation.jobs import Plans, SimulatedJob
from tests.simulation.memory import most_a_task_can_have

if TYPE_CHECKING:
    from tests.simulation.cluster import Simulation

_Reason = common_pb2.FetchFailed.Reason
_TASK = re.compile(r"Task (\d+) of stage (\d+)")
_CACHE_NUMBERS = 1000
"""Jobs that cache rows are numbered from here on; those that read them from the double on."""


class Clients:
    """All jobs. `due` counts those that will be submitted yet."""

    def __init__(self, simulation: Simulation) -> None:
        self._sim = simulation
        self._plans = Plans(simulation.random, simulation.shape)
        self.jobs: dict[int, SimulatedJob] = {}
        self.due = 0
        self.unended = 0

    def start(self) -> None:
        """All jobs of the run will come within seconds."""
        rng, shape = self._sim.random, self._sim.shape
        for job_id in range(1, shape.jobs + 1):
            if rng.random() < shape.caches:
                self._later(rng.uniform(0, 0.6 * shape.spread_s), partial(self._plans.cache, job_id + _CACHE_NUMBERS))
            else:
                self._later(rng.uniform(0, shape.spread_s), partial(self._plans.query, job_id, None))

    def is_over(self) -> bool:
        return not self.due and not self.unended

    def spec(self, key: TaskKey) -> StageSpec:
        return self.jobs[key.job_id].specs[key.stage_id]

    def perform(self, action: actions.Action) -> None:
        """What the scheduler says about jobs."""
        match action:
            case actions.StageCompleted(job_id, stats):
                job = self.jobs[job_id]
                job.finished_stages.add(stats.stage_id)
                self.plan(job, stats.stage_id)
            case actions.ResultReady(key):
                self.jobs[key.job_id].ready[key.partition] = action
            case actions.ResultLost(job_id, _, partition):
                self.jobs[job_id].ready.pop(partition, None)
            case actions.CompleteJob(job_id, stats):
                job = self.jobs[job_id]
                job.complete = True
                if job.final().kind is OutputKind.FILES:
                    self._commit(job, [file.path for file in stats.files])
                elif job.final().kind is OutputKind.KEPT and not job.readers_left:
                    self._cached(job)
            case actions.FailJob(job_id, failure):
                self._failed(self.jobs[job_id], failure)

    def end(self, job: SimulatedJob, how: str) -> None:
        """The job is over for its client."""
        assert not job.ended
        job.ended = how
        self.unended -= 1
        cache = self.jobs.get(job.cache_id)
        if cache is not None:
            cache.readers_left -= 1
            if not cache.readers_left and not cache.ended:
                self._release(cache)

    def forget_cache(self, job: SimulatedJob) -> None:
        """Cached rows have gone with their driver: the query is planned without them."""
        self._plans.without_cache(job)

    def _failed(self, job: SimulatedJob, failure: common_pb2.Failure) -> None:
        cause = failure.WhichOneof("cause") or "?"
        if cause == "out_of_memory" and not self._sim.shape.out_of_memory:
            most = most_a_task_can_have(self._sim.shape.memory_mb << 20)
            partition, stage_id = map(int, _TASK.findall(failure.out_of_memory.detail)[-1])
            need = job.needs[stage_id, partition]
            assert need.bytes > most, f"job {job.job_id} failed for want of memory that a worker has: {failure}"
        if not job.ended:
            self.end(job, cause)

    def _later(self, delay_s: float, make: Callable[[], SimulatedJob]) -> None:
        self.due += 1
        self._sim.at(delay_s, lambda: self._submit(make))

    def _submit(self, make: Callable[[], SimulatedJob]) -> None:
        sim = self._sim
        if not sim.driver.hears:
            sim.at(0.5, lambda: self._submit(make))
            return
        self.due -= 1
        job = make()
        job_id = job.job_id
        self.jobs[job_id] = job
        self.unended += 1
        if sim.random.random() < sim.shape.cancels:
            sim.at(sim.random.uniform(0, sim.shape.spread_s), lambda: self._cancel(job))
        sim.driver.feed(events.JobSubmitted(job_id, sim.random.choice((1.0, 1.0, 2.0))))
        sim.driver.restarts.submitted(job)
        self.plan(job, -1)
        if job.final().kind is OutputKind.RESULT:
            sim.at(0.6 * sim.random.uniform(0, sim.shape.spread_s), lambda: self._read(job))

    def _cached(self, cache: SimulatedJob) -> None:
        """The rows are there: others come to read them."""
        rng = self._sim.random
        cache.readers_left = rng.choice((1, 2))
        for number in range(cache.readers_left):
            job_id = cache.job_id + _CACHE_NUMBERS * (1 + number)
            self._later(
                rng.uniform(0, 0.8 * self._sim.shape.spread_s),
                partial(self._reader, job_id, cache),
            )

    def _reader(self, job_id: int, cache: SimulatedJob) -> SimulatedJob:
        """Once the rows are gone, queries are planned without them."""
        return self._plans.query(job_id, None if cache.ended else cache)

    def _cancel(self, job: SimulatedJob) -> None:
        if job.ended or not self._sim.driver.hears or job.job_id not in self._sim.driver.scheduler.jobs:
            return
        completed = self._sim.driver.scheduler.jobs[job.job_id].complete
        if job.final().kind is OutputKind.KEPT and completed:
            return
        self._sim.driver.feed(events.JobCancelled(job.job_id, "changed my mind"))
        if completed and not job.ended:
            self.end(job, "cancelled")

    def plan(self, job: SimulatedJob, finished: int) -> None:
        """The planner's step, after a stage has finished (-1: the first)."""
        stages = job.next_stages()
        replay = self._sim.driver.restarts.stepped(job, finished, stages)
        if stages and not replay:
            driver = self._sim.driver.scheduler
            self._sim.at(0.001, lambda: self._planned(driver, job, stages))

    def _planned(self, driver: object, job: SimulatedJob, stages: list[StageSpec]) -> None:
        # The planner dies with its driver.
        if driver is self._sim.driver.scheduler:
            self._sim.driver.feed(events.StagesPlanned(job.job_id, tuple(stages)))

    def _commit(self, job: SimulatedJob, files: list[str]) -> None:
        """The manifest has the files of one attempt a partition."""
        partitions = sorted(int(path.split("#")[0].split(".")[2]) for path in files)
        assert partitions == list(range(len(job.final().tasks))), f"job {job.job_id} commits {files}"
        assert not job.committing, f"job {job.job_id} commits twice"
        job.committing = True
        self._sim.at(self._sim.random.uniform(0, 1), lambda: self._release(job))

    def _release(self, job: SimulatedJob) -> None:
        if job.ended:
            return
        if not self._sim.driver.is_up:
            self._sim.at(0.5, lambda: self._release(job))
            return
        self.end(job, "done")
        self._sim.driver.feed(events.JobReleased(job.job_id))

    def _read(self, job: SimulatedJob) -> None:
        """The client reads one result partition after another; unreadable ones are reported and waited for."""
        sim = self._sim
        if job.ended:
            return
        if len(job.delivered) == len(job.final().tasks):
            if job.complete:
                self._release(job)
            else:
                sim.at(0.5, lambda: self._read(job))
            return
        ready = job.ready.get(len(job.delivered))
        if ready is not None and sim.driver.hears:
            self._read_partition(job, ready)
        sim.at(sim.random.uniform(0.01, 0.6), lambda: self._read(job))

    def _read_partition(self, job: SimulatedJob, ready: actions.ResultReady) -> None:
        key, sim = ready.key, self._sim
        reason = sim.daemons.trouble("", ready.worker_id, key)
        if reason is not None:
            sim.driver.feed(events.ResultUnreadable(*key[:3], key.attempt, _Reason.Value(reason)))
            return
        job.ready.pop(key.partition)
        job.deliver(key.partition, sim.workers[ready.worker_id].outputs[key])
        sim.driver.feed(events.ResultConsumed(*key[:3], key.attempt))
