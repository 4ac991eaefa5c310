"""Jobs of an earlier driver: their stages are planned again step by step, and what was computed is credited.

While a job is replayed nothing of it is launched. All outputs the earlier driver knew are taken as done, so that
stages complete and the planner takes the same steps; at the end those that no worker holds any more are given up, and
run again only where they are still demanded, as after any loss.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from headrace_driver.scheduler.events import OutputsRestored, TaskFinished
from headrace_driver.scheduler.jobs import JobRun
from headrace_driver.scheduler.outputs import NOBODY
from headrace_driver.scheduler.stages import StageRun
from headrace_driver.scheduler.workers import WorkerPool

GENERATION_BITS = 16
"""Attempts and output tables of each driver are numbered apart: what an earlier one started may still run."""


def renumber(stage: StageRun, generation: int) -> None:
    """Numbers the stage's attempts and tables above all of earlier drivers."""
    first = generation << GENERATION_BITS
    stage.next_attempt = array("I", [first]) * stage.total
    stage.outputs.epoch = first


def credit(job: JobRun, stage: StageRun, event: OutputsRestored, pool: WorkerPool) -> Iterator[TaskFinished]:
    """Takes outputs as done; yields those that can be read now."""
    for restored in event.outputs:
        finished = restored.finished
        partition = finished.key.partition
        if partition >= stage.total or stage.is_done(partition):
            continue
        worker = pool.by_id.get(finished.worker_id)
        if worker is not None and restored.held:
            worker.jobs.add(job.job_id)
        stage.finish(partition)
        stage.outputs.record(partition, finished.key.attempt, worker if restored.held else None, finished)
        if stage.outputs.holder[partition] != NOBODY:
            yield finished


def lost_partitions(stage: StageRun) -> list[int]:
    """Done, and held by nobody: to be given up."""
    return [
        partition
        for partition in range(stage.total)
        if stage.is_done(partition) and stage.outputs.holder[partition] == NOBODY
    ]
