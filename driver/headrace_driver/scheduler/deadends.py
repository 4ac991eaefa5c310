"""Job failures the scheduler finds itself: nothing to run on, data that is gone, a plan that contradicts itself."""

from __future__ import annotations

from collections.abc import Mapping

from headrace_driver.plan.stage import FINAL_KINDS
from headrace_driver.scheduler.assignment import Assignment
from headrace_driver.scheduler.events import StagesPlanned
from headrace_driver.scheduler.jobs import JobRun
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_driver.scheduler.stages import StageRun
from headrace_proto.v1 import common_pb2


def starved(job: JobRun, usable_workers: int, now_s: float, options: SchedulerOptions) -> common_pb2.Failure | None:
    """A failure when the job has had no usable worker for too long."""
    if usable_workers or not job.ready:
        job.starved_since_s = None
        return None
    if job.starved_since_s is None:
        job.starved_since_s = now_s
    if now_s - job.starved_since_s < options.no_workers_wait_s:
        return None
    detail = (
        f"The cluster has had no usable worker for {options.no_workers_wait_s:g} s. "
        "Start one with `headrace worker --driver HOST:PORT`; `headrace workers` shows those known."
    )
    return common_pb2.Failure(worker_lost=common_pb2.WorkerLost(detail=detail))


def held_data_gone(
    job: JobRun, assignment: Assignment, now_s: float, options: SchedulerOptions
) -> common_pb2.Failure | None:
    """A failure when a task has waited too long for a worker that alone holds its data."""
    for stage in job.ready:
        if not stage.has_strict:
            continue
        absent = next((task for task in stage.spec.tasks if _is_absent(stage, task.partition, assignment)), None)
        if absent is None:
            stage.strict_absent_since_s = None
            continue
        if stage.strict_absent_since_s is None:
            stage.strict_absent_since_s = now_s
        if now_s - stage.strict_absent_since_s >= options.held_data_wait_s:
            names = ", ".join(sorted(preference.host for preference in absent.preferences))
            detail = (
                f"The input of task {absent.partition} of stage {stage.key.stage_id} is held by {names} alone, "
                f"which has not been in the cluster for {options.held_data_wait_s:g} s."
            )
            return common_pb2.Failure(worker_lost=common_pb2.WorkerLost(worker_id=names, detail=detail))
    return None


def _is_absent(stage: StageRun, partition: int, assignment: Assignment) -> bool:
    strict_waits = stage.spec.tasks[partition].strict and stage.is_pending(partition)
    return strict_waits and not assignment.strict_places_present(stage, partition)


def planning_fault(job: JobRun, event: StagesPlanned) -> str:
    """A sentence when the planner's answer contradicts itself or what it answered before."""
    known = set(job.stages)
    if unknown := [stage_id for stage_id in event.abandon if stage_id not in known]:
        return f"The planner abandons stages {unknown} it never planned."
    finals = sum(stage.is_final for stage in job.stages.values())
    for spec in event.start:
        finals += spec.kind in FINAL_KINDS
        if spec.stage_id in known:
            return f"The planner started stage {spec.stage_id} twice."
        if missing := [parent for parent in spec.reads if parent not in known]:
            return f"Stage {spec.stage_id} reads stages {missing} that were never planned."
        if any(task.partition != position for position, task in enumerate(spec.tasks)):
            return f"The tasks of stage {spec.stage_id} are not numbered from 0 without gaps."
        known.add(spec.stage_id)
    return "The planner gave the job two final stages." if finals > 1 else ""


def kept_gone(jobs: Mapping[int, JobRun], event: StagesPlanned) -> str:
    """A sentence when a stage reads cached rows that are no more."""
    for spec in event.start:
        for job_id, stage_id in spec.kept_reads:
            if job_id not in jobs or stage_id not in jobs[job_id].stages:
                return f"Stage {spec.stage_id} reads cached rows of job {job_id}, which has been released."
    return ""


def changed_under_the_client(stage: StageRun) -> common_pb2.Failure:
    """The failure when rows the client has read can no longer be made consistent with those still to come."""
    message = (
        f"Rows of stage {stage.key.stage_id} were lost after the client had read results computed from them, and the "
        "stage gives other rows each time it runs (it is not deterministic). Run the query again."
    )
    return common_pb2.Failure(internal=common_pb2.InternalError(message=message))
