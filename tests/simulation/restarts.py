"""The driver killed and started again: what the real replay and the real rejoining make of what a journal kept.

The journal itself is a dictionary here. Jobs that were planned and not over are resumed once their workers are back;
cached rows do not outlive a driver, and queries that read some are planned without them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from headrace_driver.cluster.messages import finished_status, joined_event, output_id_of
from headrace_driver.cluster.rejoining import REJOIN_WAIT_S, Rejoining
from headrace_driver.cluster.replay import Replay, digest_of
from headrace_driver.journal.state import KeptJob, KeptOutput, KeptStep
from headrace_driver.plan.stage import OutputKind, StageSpec
from headrace_driver.scheduler import events
from headrace_driver.scheduler.identity import OutputKey
from headrace_proto.v1 import cluster_pb2
from tests.simulation.jobs import SimulatedJob
from tests.simulation.workers import FakeWorker

if TYPE_CHECKING:
    from tests.simulation.cluster import Simulation

_SHAPE = (1, 1, 1, 1)


class _Rejoining(Rejoining):
    """Without the loop that forgets what it knows some time after the last job was resumed."""

    @property
    def is_complete(self) -> bool:
        return not self._expected

    def resumed(self, job_id: int) -> frozenset[str]:
        self._jobs.pop(job_id, None)
        return frozenset(self._holders.pop(job_id, ()))


class Restarts:
    """Keeps the journal, and goes on from it."""

    def __init__(self, simulation: Simulation) -> None:
        self._sim = simulation
        self._kept: dict[int, KeptJob] = {}
        self._replays: dict[int, Replay] = {}
        self._rejoining: _Rejoining | None = None
        self._resuming: dict[int, KeptJob] = {}
        """Of the driver that died: they wait for their workers."""

    @property
    def _keeps(self) -> bool:
        return self._sim.shape.driver_deaths > 0

    # What is noted.

    def submitted(self, job: SimulatedJob, generation: int = 0) -> None:
        if self._keeps:
            known = self._kept.get(job.job_id) or KeptJob(job.job_id, "", "", generation, b"", None)
            known.generation = generation
            known.steps = []
            self._kept[job.job_id] = known

    def accepted(self, accepted: list[events.TaskFinished | OutputKey]) -> None:
        """Outputs that count, as the scheduler says."""
        for done in accepted:
            if isinstance(done, OutputKey):
                if done.job_id in self._kept:
                    self._kept[done.job_id].outputs.pop(done.stage_id, None)
                continue
            kept = self._kept.get(done.key.job_id)
            if kept is not None:
                known = kept.outputs.setdefault(done.key.stage_id, [])
                known[:] = [output for output in known if output.partition != done.key.partition]
                incarnation = self._sim.workers[done.worker_id].incarnation
                octets = finished_status(done).SerializeToString()
                known.append(KeptOutput(done.key.partition, done.worker_id, incarnation, octets))
        accepted.clear()

    def stepped(self, job: SimulatedJob, finished: int, stages: list[StageSpec]) -> bool:
        """A step of planning was taken. True: in a replay, which has told the scheduler."""
        if not self._keeps or job.job_id not in self._kept:
            return False
        kept = self._kept[job.job_id]
        replay = self._replays.get(job.job_id)
        if replay is not None:
            replay.shape(finished)
        kept.steps.append(KeptStep(finished, _SHAPE))
        kept.digests.update((spec.stage_id, digest_of(spec)) for spec in stages)
        if replay is None:
            return False
        if stages:
            self._sim.driver.feed(events.StagesPlanned(job.job_id, tuple(stages)))
        self._go_on_replaying(job, replay, stages)
        return True

    def heard(self, worker: FakeWorker, event: events.Event) -> events.Event | None:
        """What a worker says while jobs wait to be resumed; None: it is not for the scheduler."""
        rejoining = self._rejoining
        if rejoining is None:
            return event
        if isinstance(event, events.WorkerJoined):
            register = _register(event)
            rejoining.joined(register)
            return joined_event(register)
        message = cluster_pb2.FromWorker()
        if isinstance(event, events.TaskFinished):
            message.statuses.append(finished_status(event))
            rejoining.heard(worker.worker_id, worker.incarnation, message)
        elif isinstance(event, events.WorkerHeard):
            running = frozenset(key for key in event.running if key.job_id not in self._resuming)
            return events.WorkerHeard(event.worker_id, running)
        return event

    # The fault, and the way back.

    def kill(self) -> None:
        """kill -9. What workers say is lost until they are heard again, what clients ask for waits."""
        sim = self._sim
        if not sim.driver.hears or self._rejoining is not None:
            return
        sim.note("the driver is killed")
        sim.seen["driver deaths"] += 1
        sim.driver.is_up = False
        self._replays.clear()
        for job_id in list(self._kept):
            job = sim.clients.jobs[job_id]
            if job.ended or job.committing:
                # A commit that was begun is only ever completed.
                del self._kept[job_id]
        for job in list(sim.clients.jobs.values()):
            if job.final().kind is OutputKind.KEPT and not job.ended:
                self._kept.pop(job.job_id, None)
                sim.clients.end(job, "lost with the driver")
        expected = list(sim.driver.scheduler.pool.by_id)
        for worker in sim.workers.values():
            if worker.alive and worker.attached:
                sim.daemons.detach(worker)
                sim.at(sim.random.uniform(0.1, 1.5), partial(sim.daemons.heard_again, worker))
        sim.at(sim.random.uniform(0.5, 5), lambda: self._start(expected))

    def _start(self, expected: list[str]) -> None:
        sim = self._sim
        sim.note("the driver is started again")
        sim.driver.new_scheduler()
        sim.driver.is_up = True
        self._resuming = dict(self._kept)
        self._rejoining = _Rejoining(expected, self._resuming)
        self._wait(sim.now_s + REJOIN_WAIT_S)

    def _wait(self, until_s: float) -> None:
        sim = self._sim
        rejoining = self._rejoining
        assert rejoining is not None
        if not rejoining.is_complete and sim.now_s < until_s:
            sim.at(0.1, lambda: self._wait(until_s))
            return
        if not sim.driver.hears:
            sim.at(0.1, lambda: self._wait(until_s))
            return
        self._rejoining = None
        waiting, self._resuming = self._resuming, {}
        for job_id in waiting:
            if not sim.clients.jobs[job_id].ended:
                self._resume(sim.clients.jobs[job_id], rejoining)

    def _resume(self, job: SimulatedJob, rejoining: _Rejoining) -> None:
        sim = self._sim
        kept = self._kept[job.job_id]
        replay = Replay(kept, rejoining.holds)
        holders = rejoining.resumed(job.job_id)
        sim.note(f"job {job.job_id} is resumed with {sum(map(len, kept.outputs.values()))} outputs")
        if job.cache_id:
            sim.clients.forget_cache(job)
        job.complete = False
        job.ready.clear()
        job.started_stages.clear()
        job.finished_stages.clear()
        self.submitted(job, kept.generation + 1)
        sim.driver.feed(events.JobSubmitted(job.job_id, 1.0, kept.generation, holders))
        self._replays[job.job_id] = replay
        sim.clients.plan(job, -1)

    def _go_on_replaying(self, job: SimulatedJob, replay: Replay, stages: list[StageSpec]) -> None:
        """As the runner does."""
        driver = self._sim.driver
        replay.planned(stages)
        for spec in stages:
            if spec.stage_id == job.final().stage_id and spec.kind is OutputKind.RESULT:
                self._sim.at(0.002, lambda: self._client_has(job))
        credits = replay.next_credits()
        if not credits:
            # Before the events: what they complete is planned as anything else.
            del self._replays[job.job_id]
            credits = tuple(replay.rest())
            for event in credits:
                driver.feed(event)
            driver.feed(events.ReplayEnded(job.job_id))
            return
        for event in credits:
            driver.feed(event)

    def _client_has(self, job: SimulatedJob) -> None:
        """What the client got from the driver before."""
        for partition in sorted(job.delivered):
            if not job.ended:
                job.ready.pop(partition, None)
                self._sim.driver.feed(events.ResultConsumed(job.job_id, job.final().stage_id, partition))


def _register(event: events.WorkerJoined) -> cluster_pb2.Register:
    register = cluster_pb2.Register(
        worker_id=event.worker_id,
        incarnation=event.incarnation,
        slots=event.slots,
        host=event.host,
        rack=event.rack,
        held_outputs=[output_id_of(output) for output in event.held_outputs],
    )
    for output, maps in event.held_maps.items():
        pairs = sorted(maps)
        register.held_maps.add(
            output=output_id_of(output),
            map_partition=[partition for partition, _ in pairs],
            map_attempt=[attempt for _, attempt in pairs],
        )
    return register
