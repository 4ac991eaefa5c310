"""After a driver's restart: the workers of its predecessor come back, and what they hold of its jobs is kept for them.

The jobs wait until all workers known to be alive have registered again, a few seconds at most: what those still to come
hold would be computed again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress

from headrace_driver.cluster.messages import key_of
from headrace_driver.journal.state import KeptJob, KeptOutput
from headrace_driver.scheduler.identity import TaskKey
from headrace_proto.v1 import cluster_pb2, task_pb2

REJOIN_WAIT_S = 8.0
"""Workers dial again every few seconds at most; one that is not back by then is taken as gone."""


class Rejoining:
    """`expected` are the workers of the earlier driver, `jobs` those that will be resumed."""

    def __init__(self, expected: Iterable[str] = (), jobs: Mapping[int, KeptJob] | None = None) -> None:
        self._expected = set(expected)
        self._jobs = dict(jobs or {})
        self._held: dict[tuple[str, str], set[TaskKey]] = {}
        self._holders: dict[int, set[str]] = {}
        """Workers with something of a waiting job, whatever it is, by job."""
        self._all_back = asyncio.Event()
        self._deadline_s = 0.0

    def joined(self, register: cluster_pb2.Register) -> None:
        """Notes what a worker holds, and takes what waiting jobs need out of its registration: the scheduler, which
        does not know these jobs yet, would have it dropped."""
        waiting = self._jobs
        if waiting:
            held = self._held.setdefault((register.worker_id, register.incarnation), set())
            for maps in register.held_maps:
                output = maps.output
                for partition, attempt in zip(maps.map_partition, maps.map_attempt, strict=True):
                    held.add(TaskKey(output.job_id, output.stage_id, partition, attempt))
            for output in register.held_outputs:
                if output.job_id in waiting:
                    self._holders.setdefault(output.job_id, set()).add(register.worker_id)
            kept = [output for output in register.held_outputs if output.job_id not in waiting]
            del register.held_outputs[:]
            register.held_outputs.extend(kept)
            maps_kept = [maps for maps in register.held_maps if maps.output.job_id not in waiting]
            del register.held_maps[:]
            register.held_maps.extend(maps_kept)
        self._expected.discard(register.worker_id)
        if not self._expected:
            self._all_back.set()

    def heard(self, worker_id: str, incarnation: str, message: cluster_pb2.FromWorker) -> None:
        """Keeps what ends meanwhile of waiting jobs, and lets their running tasks run."""
        if not self._jobs:
            return
        for status in message.statuses:
            job = self._jobs.get(status.id.job_id)
            if job is not None:
                self._holders.setdefault(job.job_id, set()).add(worker_id)
            if job is None or status.state != task_pb2.TaskStatus.FINISHED:
                continue
            known = job.outputs.setdefault(status.id.stage_id, [])
            if all(output.partition != status.id.partition for output in known):
                octets = status.SerializeToString()
                known.append(KeptOutput(status.id.partition, worker_id, incarnation, octets, is_judged=False))
                self._held.setdefault((worker_id, incarnation), set()).add(key_of(status.id))
        for task in message.heartbeat.running:
            if task.job_id in self._jobs:
                self._holders.setdefault(task.job_id, set()).add(worker_id)
        running = [task for task in message.heartbeat.running if task.job_id not in self._jobs]
        if len(running) < len(message.heartbeat.running):
            del message.heartbeat.running[:]
            message.heartbeat.running.extend(running)

    async def complete(self) -> None:
        """Until all are back, or the time for it is over."""
        if not self._expected:
            return
        now_s = asyncio.get_running_loop().time()
        self._deadline_s = self._deadline_s or now_s + REJOIN_WAIT_S
        with suppress(TimeoutError):
            await asyncio.wait_for(self._all_back.wait(), max(0.0, self._deadline_s - now_s))

    def holds(self, worker_id: str, incarnation: str, key: TaskKey) -> bool:
        """Whether a worker is back, as the process it was, with the output of that attempt."""
        return key in self._held.get((worker_id, incarnation), ())

    def resumed(self, job_id: int) -> frozenset[str]:
        """The job waits no more. Returns the workers with something of it, who drop it when they are told: neither they
        nor the scheduler know that it is theirs to go."""
        if self._jobs.pop(job_id, None) is None:
            return frozenset()
        if not self._jobs:
            asyncio.get_running_loop().call_later(REJOIN_WAIT_S, self._forget)
        return frozenset(self._holders.pop(job_id, ()))

    def _forget(self) -> None:
        if not self._jobs:
            self._held.clear()
