"""What is remembered of jobs, and that it stays within bounds."""

from __future__ import annotations

import pytest

from headrace_driver.cluster import history
from headrace_driver.cluster.history import JobHistory, JobRecord, PlanTexts
from headrace_driver.plan.stage import OutputKind, TaskSpec
from headrace_driver.scheduler.actions import Launch
from headrace_driver.scheduler.identity import Place, TaskKey
from headrace_proto.v1 import common_pb2, jobs_pb2, task_pb2
from tests.unit.cluster.fakes import stage


def record(job_id: int, tasks: int = 1) -> JobRecord:
    made = JobRecord(job_id, "q", "s", "o", 1, PlanTexts)
    made.add_stage(stage(1, OutputKind.SHUFFLE, tasks))
    return made


def launch(job_id: int, partition: int) -> Launch:
    return Launch(TaskKey(job_id, 1, partition, 0), TaskSpec(partition), Place.RACK_LOCAL)


def status(
    job_id: int, partition: int, state: task_pb2.TaskStatus.State = task_pb2.TaskStatus.FINISHED, **metrics: int
) -> task_pb2.TaskStatus:
    task = common_pb2.TaskId(job_id=job_id, stage_id=1, partition=partition)
    return task_pb2.TaskStatus(id=task, state=state, metrics=task_pb2.TaskMetrics(**metrics))


def test_metrics_are_summed_and_the_peak_is_the_maximum() -> None:
    jobs = JobHistory()
    jobs.add(record(1, tasks=2))
    for partition, (rows, peak) in enumerate(((10, 500), (5, 300))):
        jobs.launched(launch(1, partition), "a", 1000)
        done = status(1, partition, rows_read=rows, peak_memory_bytes=peak, write_bytes=7, run_us=400, queue_us=100)
        spent_us = jobs.reported(TaskKey(1, 1, partition, 0), done, 2000)
        assert spent_us == 1000
    kept = jobs.get(1)
    assert kept is not None
    [detail] = kept.detail().stages
    assert (detail.metrics.rows_read, detail.metrics.peak_memory_bytes, detail.state) == (15, 500, "finished")
    assert [task.locality for task in detail.tasks] == [task_pb2.Locality.RACK_LOCAL] * 2
    assert kept.summary().shuffle_bytes == 14
    assert kept.detail().time_us["scheduling"] == 1000


def test_no_stage_runs_on_in_a_job_that_is_over() -> None:
    jobs = JobHistory()
    jobs.add(record(1, tasks=2))
    for partition in (0, 1):
        jobs.launched(launch(1, partition), "a", 1)
    kept = jobs.get(1)
    assert kept is not None
    assert kept.detail().stages[0].state == "running"
    kept.end(jobs_pb2.JOB_CANCELLED, 2)
    jobs.reported(TaskKey(1, 1, 0, 0), status(1, 0), 3)
    assert kept.detail().stages[0].state == "stopped"


def test_tasks_told_to_stop_have_not_failed() -> None:
    jobs = JobHistory()
    jobs.add(record(1, tasks=2))
    stopped = common_pb2.Failure(cancelled=common_pb2.Cancelled(reason="nobody needs it"))
    died = common_pb2.Failure(executor_lost=common_pb2.ExecutorLost(exit_code=-9))
    for partition, failure in enumerate((stopped, died)):
        jobs.launched(launch(1, partition), "a", 1)
        told = status(1, partition, task_pb2.TaskStatus.FAILED)
        told.failure.CopyFrom(failure)
        jobs.reported(TaskKey(1, 1, partition, 0), told, 2)
    kept = jobs.get(1)
    assert kept is not None
    assert [task.state for task in kept.detail().stages[0].tasks] == ["cancelled", "failed"]
    assert kept.summary().tasks_failed == 1


def test_slots_given_to_others_are_told_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "DECISIONS_KEPT", 3)
    jobs = JobHistory()
    jobs.add(record(1))
    for other in range(2, 9):
        jobs.preempted(TaskKey(1, 1, 0, 0), other)
    jobs.preempted(TaskKey(99, 1, 0, 0), 2)
    kept = jobs.get(1)
    assert kept is not None
    assert list(kept.detail().decisions) == [f"a task of stage 1 gave its slot to job {other}" for other in (2, 3, 4)]


def test_what_a_lost_worker_ran_is_lost() -> None:
    jobs = JobHistory()
    jobs.add(record(1, tasks=3))
    for partition, worker in enumerate(("a", "a", "b")):
        jobs.launched(launch(1, partition), worker, 1)
    jobs.reported(TaskKey(1, 1, 0, 0), status(1, 0), 2)
    jobs.worker_lost("a", 3)
    kept = jobs.get(1)
    assert kept is not None
    tasks = kept.detail().stages[0].tasks
    assert [(task.state, task.finished_us) for task in tasks] == [("finished", 2), ("lost", 3), ("launched", 0)]


def test_tasks_of_old_jobs_go_first_then_the_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "JOBS_KEPT", 4)
    monkeypatch.setattr(history, "JOBS_WITH_TASKS_KEPT", 2)
    jobs = JobHistory()
    for job_id in range(1, 7):
        jobs.add(record(job_id))
        jobs.launched(launch(job_id, 0), "a", 1)
        kept = jobs.get(job_id)
        assert kept is not None
        kept.end(jobs_pb2.JOB_FINISHED, 2)
    assert [(each.job_id, len(each.stages[1].tasks)) for each in jobs.newest()] == [(6, 1), (5, 1), (4, 0), (3, 0)]


def test_a_job_of_very_many_tasks_keeps_some_and_counts_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "TASKS_KEPT_PER_JOB", 3)
    jobs = JobHistory()
    jobs.add(record(1, tasks=10))
    for partition in range(10):
        jobs.launched(launch(1, partition), "a", 1)
        jobs.reported(TaskKey(1, 1, partition, 0), status(1, partition), 2)
    kept = jobs.get(1)
    assert kept is not None
    assert len(kept.detail().stages[0].tasks) == 3
    assert kept.summary().tasks_finished == 10


def test_running_jobs_are_never_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "JOBS_KEPT", 2)
    jobs = JobHistory()
    for job_id in range(1, 6):
        jobs.add(record(job_id))
    assert [each.job_id for each in jobs.newest()] == [5, 4, 3, 2, 1]


def test_a_plan_that_cannot_be_drawn_says_so() -> None:
    broken = JobRecord(1, "q", "s", "o", 1, lambda: 1 / 0)  # type: ignore[arg-type,return-value]
    broken.end(jobs_pb2.JOB_FINISHED, 2)
    assert "cannot be shown" in broken.detail().physical_plan
