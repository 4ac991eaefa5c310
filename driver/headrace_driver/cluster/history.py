"""What jobs did: kept while they run and for a while after, for the command line, the web page and progress bars.

Bounds: the last 200 jobs by summary and stages; task by task the last 50 jobs, at most 20,000 tasks each and 200,000 in
all. A task's record is some 400 bytes, so the whole stays below 100 MB however many tasks run.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import structlog

from headrace_driver.cluster.messages import id_of
from headrace_driver.plan.stage import OutputKind, StageSpec
from headrace_driver.scheduler.actions import Launch
from headrace_driver.scheduler.identity import TaskKey
from headrace_proto.v1 import common_pb2, jobs_pb2, task_pb2

_log = structlog.get_logger("headrace.jobs")

JOBS_KEPT = 200
JOBS_WITH_TASKS_KEPT = 50
TASKS_KEPT_PER_JOB = 20_000
TASKS_KEPT = 200_000
DECISIONS_KEPT = 200
"""Sentences of one job about slots it gave away are left out beyond so many: a long job beside a day of short ones."""
SQL_CHARACTERS_KEPT = 64 << 10
"""Of one stage's program: more than anyone reads, bounded when a program carries a huge list of literals."""

_EXCHANGES = (OutputKind.SHUFFLE, OutputKind.BROADCAST)

_SUMMED = tuple(field.name for field in task_pb2.TaskMetrics.DESCRIPTOR.fields if field.name != "peak_memory_bytes")


@dataclass(frozen=True, slots=True)
class PlanTexts:
    """The plans of a query as text, for people."""

    logical: str = ""
    optimized: str = ""
    physical: str = ""


@dataclass(slots=True)
class StageRecord:
    """One stage's progress and sums. It keeps nothing of the StageSpec, whose slices and programs may be large."""

    stage_id: int
    kind: OutputKind
    description: str
    parents: tuple[int, ...]
    sql: str
    task_count: int
    state: str = "waiting"
    launched: int = 0
    running: int = 0
    finished: int = 0
    failed: int = 0
    metrics: task_pb2.TaskMetrics = field(default_factory=task_pb2.TaskMetrics)
    tasks: dict[TaskKey, jobs_pb2.TaskDetail] = field(default_factory=dict)

    def detail(self, *, with_tasks: bool) -> jobs_pb2.StageDetail:
        return jobs_pb2.StageDetail(
            stage_id=self.stage_id,
            description=self.description,
            state=self.state,
            parents=self.parents,
            metrics=self.metrics,
            tasks=self.tasks.values() if with_tasks else (),
            sql=self.sql,
        )


@dataclass(slots=True)
class JobRecord:
    """One job. `state` is a JobState of jobs.proto; times in microseconds since the epoch."""

    job_id: int
    description: str
    session_id: str
    operation_id: str
    submitted_us: int
    plan_texts: Callable[[], PlanTexts]
    state: jobs_pb2.JobState = jobs_pb2.JOB_QUEUED
    finished_us: int = 0
    planning_us: int = 0
    dispatch_us: int = 0
    """Between launch and end of its tasks, what was neither waiting nor running in a worker."""
    result_us: int = 0
    rows_out: int = 0
    failure: common_pb2.Failure | None = None
    stages: dict[int, StageRecord] = field(default_factory=dict)
    decisions: list[str] = field(default_factory=list)
    tasks_kept: int = 0
    version: int = 0
    """Grows with every change; lets a watcher see whether there is news."""
    _texts: PlanTexts | None = None
    _told: jobs_pb2.JobDetail | None = None
    """What an earlier driver said of a job that ended under it."""

    @classmethod
    def of(cls, told: jobs_pb2.JobDetail) -> JobRecord:
        """A job that ended under an earlier driver."""
        said = told.summary
        record = cls(said.job_id, said.description, said.session_id, said.operation_id, said.submitted_us, PlanTexts)
        record.state, record.finished_us, record._told = said.state, said.finished_us, told
        return record

    @property
    def is_over(self) -> bool:
        return self.state not in (jobs_pb2.JOB_QUEUED, jobs_pb2.JOB_RUNNING)

    def end(self, state: jobs_pb2.JobState, now_us: int, failure: common_pb2.Failure | None = None) -> None:
        """The job is over. The plan is rendered now, so that the query itself can be let go."""
        self.state, self.finished_us, self.failure = state, now_us, failure
        for stage in self.stages.values():
            # Where all is well these are stages whose rows turned out not to be needed, as below a LIMIT.
            if stage.state != "finished":
                stage.state = "stopped"
        self._texts = self._render()
        self.plan_texts = PlanTexts
        self.version += 1

    def add_stage(self, spec: StageSpec) -> None:
        self.stages[spec.stage_id] = StageRecord(
            spec.stage_id,
            spec.kind,
            spec.description or spec.program.description,
            spec.reads,
            spec.program.sql[:SQL_CHARACTERS_KEPT],
            len(spec.tasks),
        )
        self.version += 1

    def summary(self) -> jobs_pb2.JobSummary:
        if self._told is not None:
            return self._told.summary
        stages = self.stages.values()
        return jobs_pb2.JobSummary(
            job_id=self.job_id,
            description=self.description,
            state=self.state,
            session_id=self.session_id,
            operation_id=self.operation_id,
            submitted_us=self.submitted_us,
            finished_us=self.finished_us,
            stages=len(self.stages),
            stages_finished=sum(stage.state == "finished" for stage in stages),
            tasks=sum(stage.task_count for stage in stages),
            # Tasks that ran again for a lost output count once.
            tasks_finished=sum(min(stage.finished, stage.task_count) for stage in stages),
            tasks_failed=sum(stage.failed for stage in stages),
            rows_out=self.rows_out,
            shuffle_bytes=sum(stage.metrics.write_bytes for stage in stages if stage.kind in _EXCHANGES),
            spill_bytes=sum(stage.metrics.spill_bytes for stage in stages),
            failure=self.failure,
            planning_us=self.planning_us,
        )

    def detail(self, *, with_tasks: bool = True) -> jobs_pb2.JobDetail:
        if self._told is not None:
            return self._told
        texts = self._texts or self._render()
        return jobs_pb2.JobDetail(
            summary=self.summary(),
            stages=[stage.detail(with_tasks=with_tasks) for stage in self.stages.values()],
            logical_plan=texts.logical,
            optimized_plan=texts.optimized,
            physical_plan=texts.physical,
            decisions=self.decisions,
            time_us=self._times(),
        )

    def _render(self) -> PlanTexts:
        try:
            return self.plan_texts()
        except Exception as error:  # noqa: BLE001 - a plan that cannot be drawn must not take its job along
            _log.warning("the plan cannot be shown", job=self.job_id, error=repr(error))
            return PlanTexts(physical=f"The plan cannot be shown: {error!r}")

    def _times(self) -> dict[str, int]:
        """Where the time went: planning and result on the driver, the rest summed over tasks."""
        metrics = [stage.metrics for stage in self.stages.values()]
        return {
            "planning": self.planning_us,
            "scheduling": self.dispatch_us,
            "queue": sum(each.queue_us for each in metrics),
            "kernel": sum(each.kernel_us for each in metrics),
            "fetch": sum(each.fetch_wait_us for each in metrics),
            "write": sum(each.write_us for each in metrics),
            "tasks": sum(each.run_us for each in metrics),
            "result": self.result_us,
        }


class JobHistory:
    """Running jobs and the last ones that ended, oldest first."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[int, JobRecord] = OrderedDict()
        self._with_tasks: OrderedDict[int, None] = OrderedDict()
        self._tasks_kept = 0

    def add(self, record: JobRecord) -> None:
        self._jobs[record.job_id] = record
        self._with_tasks[record.job_id] = None
        if len(self._jobs) > JOBS_KEPT:
            self._evict_job()
        if len(self._with_tasks) > JOBS_WITH_TASKS_KEPT:
            self._evict_tasks(next(iter(self._with_tasks)))

    def get(self, job_id: int) -> JobRecord | None:
        return self._jobs.get(job_id)

    def newest(self) -> Iterator[JobRecord]:
        return reversed(self._jobs.values())

    def launched(self, launch: Launch, worker_id: str, now_us: int) -> None:
        """A task was given to a worker."""
        job = self._jobs.get(launch.key.job_id)
        if job is None:
            return
        stage = job.stages[launch.key.stage_id]
        stage.state = "running"
        stage.running += 1
        stage.launched += 1
        job.version += 1
        if not self._has_room(job):
            return
        job.tasks_kept += 1
        self._tasks_kept += 1
        stage.tasks[launch.key] = jobs_pb2.TaskDetail(
            id=id_of(launch.key),
            state="launched",
            worker_id=worker_id,
            locality=launch.place.value,  # type: ignore[arg-type]
            launched_us=now_us,
        )

    def reported(self, key: TaskKey, status: task_pb2.TaskStatus, now_us: int) -> int:
        """A worker reported on a task. Returns microseconds since its launch, 0 when that is not known any more."""
        job = self._jobs.get(key.job_id)
        stage = job.stages.get(key.stage_id) if job is not None else None
        if job is None or stage is None:
            return 0
        job.version += 1
        task = stage.tasks.get(key)
        if status.state == task_pb2.TaskStatus.RUNNING:
            if task is not None and task.state == "launched":
                task.state = "running"
                task.executor_id = status.executor_id
            return now_us - task.launched_us if task is not None else 0
        finished = status.state == task_pb2.TaskStatus.FINISHED
        stage.running -= 1
        if finished:
            stage.finished += 1
            if stage.finished >= stage.task_count:
                stage.state = "finished"
        elif has_failed(status):
            stage.failed += 1
        _add_metrics(stage.metrics, status.metrics)
        if task is None:
            return 0
        task.state = "finished" if finished else "failed" if has_failed(status) else "cancelled"
        task.finished_us = now_us
        task.executor_id = status.executor_id
        task.metrics.CopyFrom(status.metrics)
        if not finished:
            task.failure.CopyFrom(status.failure)
        spent_us = now_us - task.launched_us
        job.dispatch_us += max(0, spent_us - status.metrics.queue_us - status.metrics.run_us)
        return spent_us

    def preempted(self, key: TaskKey, to_job_id: int) -> None:
        """A task had to give its slot to another job."""
        job = self._jobs.get(key.job_id)
        if job is not None and len(job.decisions) < DECISIONS_KEPT:
            job.decisions.append(f"a task of stage {key.stage_id} gave its slot to job {to_job_id}")
            job.version += 1

    def worker_lost(self, worker_id: str, now_us: int) -> None:
        """What it was given and has not reported on went with it."""
        for job_id in self._with_tasks:
            job = self._jobs[job_id]
            for stage in job.stages.values() if not job.is_over else ():
                for task in stage.tasks.values():
                    if task.worker_id == worker_id and task.state in ("launched", "running"):
                        task.state, task.finished_us = "lost", now_us
                        job.version += 1

    def _has_room(self, job: JobRecord) -> bool:
        if job.job_id not in self._with_tasks or job.tasks_kept >= TASKS_KEPT_PER_JOB:
            return False
        while self._tasks_kept >= TASKS_KEPT:
            oldest = next((job_id for job_id in self._with_tasks if self._jobs[job_id].is_over), None)
            if oldest is None:
                return False
            self._evict_tasks(oldest)
        return True

    def _evict_job(self) -> None:
        oldest = next((job_id for job_id, job in self._jobs.items() if job.is_over), None)
        if oldest is not None:
            if oldest in self._with_tasks:
                self._evict_tasks(oldest)
            del self._jobs[oldest]

    def _evict_tasks(self, job_id: int) -> None:
        del self._with_tasks[job_id]
        job = self._jobs[job_id]
        for stage in job.stages.values():
            stage.tasks.clear()
        self._tasks_kept -= job.tasks_kept
        job.tasks_kept = 0


def has_failed(status: task_pb2.TaskStatus) -> bool:
    """Whether the attempt ended by a fault: one that was told to stop has not failed."""
    return status.state == task_pb2.TaskStatus.FAILED and status.failure.WhichOneof("cause") != "cancelled"


def _add_metrics(total: task_pb2.TaskMetrics, one: task_pb2.TaskMetrics) -> None:
    """Sums; the peak is the maximum."""
    for name in _SUMMED:
        if value := getattr(one, name):
            setattr(total, name, getattr(total, name) + value)
    total.peak_memory_bytes = max(total.peak_memory_bytes, one.peak_memory_bytes)
