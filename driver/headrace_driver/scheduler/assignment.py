"""Which task runs where: locality, waiting for a better place, retries elsewhere, spreading over free slots.

Order within a stage: tasks that failed before, tasks next to their input, tasks without preference, and last those
whose input is moved because waiting has cost as much as moving would. Waiting until then makes the worst case twice
the best, whatever happens to the slots waited for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from headrace_driver.plan import size_codes
from headrace_driver.plan.stage import HostPreference, OutputKind
from headrace_driver.scheduler.identity import OutputKey, Place
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_driver.scheduler.outputs import StageOutputs
from headrace_driver.scheduler.stages import StageRun
from headrace_driver.scheduler.workers import WorkerPool, WorkerState

_RETRIES_LOOKED_AT_MAX = 64
"""Failed tasks of one stage looked at in one search: enough to fill slots, bounded when thousands failed at once."""


_NOBODY: frozenset[int] = frozenset()


class Placement(NamedTuple):
    """A task, where it goes, and how near to its data that is."""

    partition: int
    worker: WorkerState
    place: Place


class Assignment:
    """Finds the next task of a stage and a worker for it. Takes the task out of `pending`, changes nothing else."""

    def __init__(self, pool: WorkerPool, options: SchedulerOptions) -> None:
        self._pool = pool
        self._options = options
        self._round = 0
        self._depth_max = options.prefetch_depth_max
        self.wake_s: float | None = None
        """When waiting for locality will have lasted long enough for some task, found in this round."""

    def start_round(self) -> None:
        """A round is one pass over all jobs in which room at workers only becomes less."""
        self._round += 1
        self.wake_s = None
        self._depth_max = self._options.prefetch_depth_max

    def let_catch_up(self, stages: Iterable[StageRun]) -> None:
        """Tasks of these stages found no room in this round: what is placed after them does not queue where they may
        not, or the slots they wait for would never stand free."""
        for stage in stages:
            if stage.prefetch_depth < self._depth_max and stage.waiting > stage.pending.delayed:
                self._depth_max = stage.prefetch_depth

    def _depth(self, stage: StageRun) -> int:
        """How many tasks of the stage may queue for each slot."""
        depth = stage.prefetch_depth
        return depth if depth < self._depth_max else self._depth_max

    def file(self, stage: StageRun, parents: Sequence[StageOutputs]) -> None:
        """Puts all tasks of a stage that became ready for the first time into its queues."""
        stage.filed = True
        self._prefer_reduce_hosts(stage, parents)
        if not stage.preferences and not stage.has_strict and not any(task.preferences for task in stage.spec.tasks):
            stage.pending.add_all(stage.total)
            return
        for partition in range(stage.total):
            self.file_again(stage, partition)

    def file_again(self, stage: StageRun, partition: int) -> None:
        """Queues one waiting task."""
        task = stage.spec.tasks[partition]
        preferences = stage.preferences_of(partition)
        if preferences or task.strict:
            stage.pending.add_preferring(partition, preferences, self._transfer_s(preferences), strict=task.strict)
        else:
            stage.pending.add_free(partition)

    def place(self, stage: StageRun, now_s: float, slotless_since_s: float | None = None) -> Placement | None:
        """The next task of the stage and where it goes, or None when no waiting task may run on a worker with room.

        `slotless_since_s`: since when its job has had no slot at all, which counts as waiting for a better place.
        """
        pending = stage.pending
        if pending.retries:
            found = self._place_retry(stage)
            if found is not None:
                return found
        if pending.has_places():
            found = self._place_local(stage)
            if found is not None:
                return found
        if pending.has_free():
            worker = self._pool.freest(self._depth(stage))
            if worker is None:
                return None
            partition = pending.take_free()
            if partition is not None:
                return Placement(partition, worker, stage.default_place)
        return self._place_moved(stage, now_s, slotless_since_s) if pending.movable else None

    def would_place(self, stage: StageRun, worker: WorkerState, waited_s: float) -> bool:
        """Whether a task of the stage would be placed on this worker, had it a free slot, after so long a wait."""
        pending = stage.pending
        if any(
            stage.is_pending(partition) and self._may_retry_on(stage, partition, worker)
            for partition in islice(pending.retries, _RETRIES_LOOKED_AT_MAX)
        ):
            return True
        if pending.waits_for(worker):
            return True
        cheapest = pending.cheapest_move()
        return cheapest is not None and min(cheapest[0], self._options.locality_wait_max_s) <= waited_s

    def place_of(self, stage: StageRun, partition: int, worker: WorkerState) -> Place:
        """How near to its input the task would be on this worker."""
        preferences = stage.preferences_of(partition)
        if not preferences:
            return stage.default_place
        strict = stage.spec.tasks[partition].strict
        if any(preference.worker and preference.host == worker.worker_id for preference in preferences):
            return Place.NODE_LOCAL if strict else Place.PROCESS_LOCAL
        if any(not preference.worker and preference.host == worker.host for preference in preferences):
            return Place.NODE_LOCAL
        if worker.rack and worker.rack in self._racks(preferences):
            return Place.RACK_LOCAL
        return Place.ANY

    def strict_places_present(self, stage: StageRun, partition: int) -> bool:
        """Whether any worker that holds a strict task's data is in the cluster."""
        return any(True for _ in self._workers_at(stage.preferences_of(partition)))

    def _place_retry(self, stage: StageRun) -> Placement | None:
        stage.pending.skip_stale_retries()
        for partition in islice(stage.pending.retries, _RETRIES_LOOKED_AT_MAX):
            if not stage.is_pending(partition):
                continue
            worker = self._retry_worker(stage, partition, stage.pending.avoid.get(partition, _NOBODY))
            if worker is not None:
                stage.pending.take_retry(partition)
                return Placement(partition, worker, self.place_of(stage, partition, worker))
        return None

    def _retry_worker(self, stage: StageRun, partition: int, avoid: AbstractSet[int]) -> WorkerState | None:
        """A worker with a free slot on which the task has not failed; one where it has only when there is no other."""
        pool = self._pool
        if stage.spec.tasks[partition].strict:
            fresh = self._strict_places(stage, partition, avoid)
            return next((worker for worker in fresh if pool.is_open(worker, 0)), None)
        may_return = self._has_failed_everywhere(avoid)
        return next((w for w in pool.open_workers(0) if may_return or w.index not in avoid), None)

    def _may_retry_on(self, stage: StageRun, partition: int, worker: WorkerState) -> bool:
        """Whether a failed task may run on this worker."""
        avoid = stage.pending.avoid.get(partition, _NOBODY)
        if stage.spec.tasks[partition].strict:
            return worker in self._strict_places(stage, partition, avoid)
        return worker.index not in avoid or self._has_failed_everywhere(avoid)

    def _strict_places(self, stage: StageRun, partition: int, avoid: AbstractSet[int]) -> list[WorkerState]:
        """Usable workers with a strict task's data; those where it has failed only when there are no others."""
        candidates = [worker for worker in self._workers_at(stage.preferences_of(partition)) if worker.usable]
        return [worker for worker in candidates if worker.index not in avoid] or candidates

    def _has_failed_everywhere(self, avoid: AbstractSet[int]) -> bool:
        pool = self._pool
        others = sum(1 for index in avoid if index in pool.by_index and pool.by_index[index].usable)
        return others >= pool.usable_count

    def _place_local(self, stage: StageRun) -> Placement | None:
        """Each place in turn gives one task, so that a stage spreads over all its places."""
        pending, pool, depth = stage.pending, self._pool, self._depth(stage)
        if pending.round != self._round:
            pending.round = self._round
            pending.round_candidates = self._local_candidates(stage)
        candidates = pending.round_candidates
        while candidates:
            worker = candidates[0]
            partition = pending.take_local(worker) if pool.is_open(worker, depth) else None
            if partition is None:
                candidates.popleft()
                continue
            candidates.rotate(-1)
            return Placement(partition, worker, self.place_of(stage, partition, worker))
        return None

    def _local_candidates(self, stage: StageRun) -> deque[WorkerState]:
        """Workers with room that may have local tasks, looked up from whichever side is smaller."""
        pending, pool, depth = stage.pending, self._pool, self._depth(stage)
        if len(pending.by_host) + len(pending.by_worker) > pool.usable_count:
            return deque(pool.open_workers(depth))
        named = (pool.by_id[name] for name in pending.by_worker if name in pool.by_id)
        hosted = (worker for host in pending.by_host for worker in pool.by_host.get(host, {}).values())
        found = {worker.index: worker for group in (named, hosted) for worker in group if pool.is_open(worker, depth)}
        return deque(sorted(found.values(), key=lambda worker: -worker.free))

    def _place_moved(self, stage: StageRun, now_s: float, slotless_since_s: float | None) -> Placement | None:
        """The task whose input is cheapest to move, once that costs no more than has been waited."""
        pending, pool = stage.pending, self._pool
        cheapest = pending.cheapest_move()
        if cheapest is None or pool.freest(0) is None:
            return None
        if pending.wait_started_s is None:
            pending.wait_started_s = now_s
        transfer_s, partition = cheapest
        waits_since_s = pending.wait_started_s
        if slotless_since_s is not None:
            waits_since_s = min(waits_since_s, slotless_since_s)
        ready_s = waits_since_s + min(transfer_s, self._options.locality_wait_max_s)
        if ready_s > now_s:
            self.wake_s = ready_s if self.wake_s is None else min(self.wake_s, ready_s)
            return None
        worker = self._near_rack(stage.preferences_of(partition)) or pool.freest(0)
        assert worker is not None
        pending.take_move()
        return Placement(partition, worker, self.place_of(stage, partition, worker))

    def _near_rack(self, preferences: Sequence[HostPreference]) -> WorkerState | None:
        """An open worker in the rack of a preferred host."""
        pool = self._pool
        for rack in self._racks(preferences):
            for worker in pool.by_rack[rack].values():
                if pool.is_open(worker, 0):
                    return worker
        return None

    def _racks(self, preferences: Sequence[HostPreference]) -> list[str]:
        found = {worker.rack: None for worker in self._workers_at(preferences) if worker.rack}
        return list(found)

    def _workers_at(self, preferences: Sequence[HostPreference]) -> Iterable[WorkerState]:
        pool = self._pool
        for preference in preferences:
            if not preference.worker:
                yield from pool.by_host.get(preference.host, {}).values()
            elif preference.host in pool.by_id:
                yield pool.by_id[preference.host]

    def _transfer_s(self, preferences: Sequence[HostPreference]) -> float:
        """Seconds to move the input that the best place has; nothing is saved by waiting for a place that is gone."""
        if not any(True for _ in self._workers_at(preferences)):
            return 0.0
        local_bytes = max((preference.bytes for preference in preferences), default=0)
        transfer_s = local_bytes / self._options.transfer_bytes_per_s
        if self._has_rack_neighbours(preferences):
            transfer_s *= self._options.rack_transfer_factor
        return transfer_s

    def _has_rack_neighbours(self, preferences: Sequence[HostPreference]) -> bool:
        return any(len(self._pool.by_rack.get(rack, ())) > 1 for rack in self._racks(preferences))

    def _prefer_reduce_hosts(self, stage: StageRun, parents: Sequence[StageOutputs]) -> None:
        """Gives reduce tasks the hosts that hold a good part of their input."""
        tasks = stage.spec.tasks
        if not any(task.shuffle_reads for task in tasks):
            return
        if stage.spec.kept_reads:
            self._prefer_holders(stage)
        parents = [parent for parent in parents if parent.spec.kind is OutputKind.SHUFFLE]
        hosts = sorted({self._pool.by_index[index].host for parent in parents for index in parent.holder_indices()})
        if len(hosts) == 1 and len(self._pool.by_host) == 1:
            stage.default_place = Place.NODE_LOCAL
            return
        cells = sum(len(parent.holder) * parent.spec.reducers for parent in parents)
        if not hosts or cells > self._options.reduce_cells_max or len(tasks) > self._options.reduce_tasks_max:
            return
        by_host = {parent.spec.stage_id: self._bytes_by_host(parent, hosts) for parent in parents}
        for partition, task in enumerate(tasks):
            if task.preferences or task.strict or partition in stage.preferences:
                continue
            held = np.zeros(len(hosts))
            for read in task.shuffle_reads:
                if read.job_id:
                    continue
                first, last = read.first_reducer, read.first_reducer + read.reducer_count
                held += by_host[read.stage_id][first:last].sum(axis=0)
            whole = float(held.sum())
            good = np.nonzero(held >= self._options.reduce_fraction * whole)[0].tolist() if whole > 0 else []
            if good:
                stage.preferences[partition] = tuple(HostPreference(hosts[i], int(held[i])) for i in good)

    def _prefer_holders(self, stage: StageRun) -> None:
        """Sends tasks that read cached rows to the workers that hold them, else to those workers' hosts."""
        kept = {parent.key: parent.outputs for parent in stage.parents if parent.is_kept}
        for partition, task in enumerate(stage.spec.tasks):
            if task.preferences or task.strict:
                continue
            held: dict[int, int] = {}
            for read in task.shuffle_reads:
                outputs = kept.get(OutputKey(read.job_id, read.stage_id))
                if outputs is not None:
                    outputs.add_held_bytes(held, read)
            by_host: dict[str, int] = {}
            for index, held_bytes in held.items():
                host = self._pool.by_index[index].host
                by_host[host] = by_host.get(host, 0) + held_bytes
            if held:
                most = max(held.values())
                good = [index for index, held_bytes in held.items() if 2 * held_bytes >= most]
                stage.preferences[partition] = (
                    *(HostPreference(self._pool.by_index[index].worker_id, held[index], True) for index in good),
                    *(
                        HostPreference(host, by_host[host])
                        for host in dict.fromkeys(self._pool.by_index[i].host for i in good)
                    ),
                )

    def _bytes_by_host(self, parent: StageOutputs, hosts: Sequence[str]) -> npt.NDArray[np.float64]:
        """One row a reducer, one column a host: tasks read whole rows."""
        position = {host: at for at, host in enumerate(hosts)}
        of_index = {index: position[self._pool.by_index[index].host] for index in parent.holder_indices()}
        groups = np.array([of_index.get(holder, -1) for holder in parent.holder], dtype=np.int64)
        by_host = size_codes.sums_by_group(parent.size_codes, parent.spec.reducers, groups, len(hosts))
        return np.ascontiguousarray(by_host.T)
