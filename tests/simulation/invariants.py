"""What must hold after every event, whatever happened. Written against the scheduler's actions and visible state."""

from __future__ import annotations

from collections import defaultdict

from headrace_driver.scheduler import actions, events
from headrace_driver.scheduler.identity import TaskKey
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_driver.scheduler.outputs import DRIVER
from headrace_driver.scheduler.scheduler import Scheduler
from headrace_driver.scheduler.workers import WorkerState


class Observer:
    """Keeps its own books from events and actions, and compares them with the scheduler's."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._launched: set[TaskKey] = set()
        self._completed: set[int] = set()
        self._failed: set[int] = set()
        self._submitted: set[int] = set()
        self._stages_completed: set[tuple[int, int]] = set()
        self._announced: dict[int, dict[int, int]] = defaultdict(dict)
        self._unusable: set[str] = set()
        self._wanted_bytes: dict[tuple[int, int, int], int] = {}
        """What tasks that ran out of memory should be granted next."""
        self._preempted: dict[tuple[int, int, int], int] = defaultdict(int)
        self._checks = 0

    def before(self, event: events.Event) -> None:
        match event:
            case events.JobSubmitted(job_id):
                self._submitted.add(job_id)
            case events.WorkerDraining(worker_id):
                self._unusable.add(worker_id)
            case events.WorkerJoined(worker_id, incarnation):
                known = self._scheduler.pool.by_id.get(worker_id)
                if known is None or known.incarnation != incarnation:
                    self._unusable.discard(worker_id)

    def after(self, event: events.Event, decided: list[actions.Action], options: SchedulerOptions) -> None:
        for action in decided:
            self._check_action(action)
        for action in decided:
            if isinstance(action, actions.LaunchTasks):
                self._check_slots_of(self._scheduler.pool.by_id[action.worker_id], options)
        # The whole books are compared now and then: they are long, and a difference stays.
        self._checks += 1
        if self._checks % (4 + len(self._scheduler.pool.by_index)) == 0:
            self._check_free_slots()
            self._check_jobs()

    def check_end(self) -> None:
        self._check_jobs()
        assert self._completed | self._failed <= self._submitted
        assert not self._scheduler.jobs, f"jobs {list(self._scheduler.jobs)} were released and are still there"

    def _check_action(self, action: actions.Action) -> None:
        match action:
            case actions.LaunchTasks(worker_id, tasks):
                worker = self._scheduler.pool.by_id.get(worker_id)
                assert worker is not None, f"tasks go to {worker_id}, which is not in the cluster"
                assert worker.usable, f"tasks go to {worker_id}, which must not get any"
                assert worker_id not in self._unusable, f"tasks go to draining {worker_id}"
                for launch in tasks:
                    assert launch.key not in self._launched, f"{launch.key} is launched twice"
                    self._launched.add(launch.key)
                    assert launch.key.job_id not in self._failed, f"{launch.key} is launched after its job failed"
                    self._check_inputs(launch)
                    wanted = self._wanted_bytes.get(launch.key[:3], 0)
                    assert launch.memory_bytes >= wanted, f"{launch.key} gets no more memory than before"
            case actions.TaskRetried(task, _, failure) if failure.HasField("out_of_memory"):
                self._wanted_bytes[task[:3]] = 2 * failure.out_of_memory.granted_bytes
            case actions.TaskPreempted(task, _, job_id):
                self._check_preemption(task, job_id)
            case actions.StageCompleted(job_id, stats):
                key = (job_id, stats.stage_id)
                assert key not in self._stages_completed, f"stage {key} is completed twice"
                self._stages_completed.add(key)
                stage = self._scheduler.jobs[job_id].stages[stats.stage_id]
                assert stats.rows == stage.total, "a stage's rows are those of its tasks, each counted once"
            case actions.CompleteJob(job_id):
                assert job_id not in self._completed | self._failed, f"job {job_id} completes after its end"
                self._completed.add(job_id)
            case actions.FailJob(job_id):
                # It may have completed before: then it lost a part of its result and could not compute it again.
                assert job_id not in self._failed, f"job {job_id} fails twice"
                self._failed.add(job_id)
            case actions.ResultReady(task):
                known = self._announced[task.job_id].get(task.partition, task.attempt)
                assert known == task.attempt, f"{task} is announced while attempt {known} is"
                self._announced[task.job_id][task.partition] = task.attempt
            case actions.ResultLost(job_id, _, partition):
                del self._announced[job_id][partition]

    def _check_preemption(self, task: TaskKey, job_id: int) -> None:
        """A job keeps a slot, and no task loses its own again and again."""
        self._preempted[task[:3]] += 1
        assert self._preempted[task[:3]] <= self._scheduler.options.preemptions_max, f"{task} is preempted for ever"
        robbed = self._scheduler.jobs[task.job_id]
        assert job_id in self._scheduler.jobs
        assert job_id != task.job_id
        assert any(stage.current for stage in robbed.stages.values()), f"{task} was all that its job ran"
        assert not robbed.complete

    def _check_inputs(self, launch: actions.Launch) -> None:
        """A task starts only when all it reads is complete, every part with a worker that is there."""
        job = self._scheduler.jobs[launch.key.job_id]
        for stage in job.stages[launch.key.stage_id].parents:
            assert stage.is_complete, f"{launch.key} reads stage {stage.key}, which is not complete"
            for holder in stage.outputs.holder:
                assert holder == DRIVER or holder in self._scheduler.pool.by_index, f"{launch.key} reads a lost output"

    def _check_slots_of(self, worker: WorkerState, options: SchedulerOptions) -> None:
        bound = worker.slots * (1 + options.prefetch_depth_max)
        assert len(worker.running) <= bound, f"{worker.worker_id} has {len(worker.running)} tasks, more than {bound}"

    def _check_free_slots(self) -> None:
        pool = self._scheduler.pool
        free = sum(max(0, worker.free) for worker in pool.by_index.values() if worker.usable)
        assert free == pool.free_slots, f"{free} slots are free, the pool says {pool.free_slots}"

    def _check_jobs(self) -> None:
        """No task is lost: each is done with an output somewhere, running somewhere, or waiting in its stage."""
        pool = self._scheduler.pool
        running: dict[int, int] = defaultdict(int)
        for worker in pool.by_index.values():
            for key in worker.running:
                running[key.job_id] += 1
        for job in self._scheduler.jobs.values():
            assert job.running == running[job.job_id], (
                f"job {job.job_id} runs {running[job.job_id]}, says {job.running}"
            )
            for stage in job.stages.values():
                states = list(stage.status)
                assert stage.waiting == states.count(0)
                assert stage.done == states.count(2)
                assert len(stage.current) == states.count(1)
                assert stage.copies.keys() <= stage.current.keys()
                for partition, attempt in (*stage.current.items(), *stage.copies.items()):
                    assert attempt.worker.running.get(attempt.key) is attempt, f"{attempt.key} runs nowhere"
                    assert attempt.key.partition == partition
                    assert not attempt.cancelled
                for partition, state in enumerate(states):
                    holder = stage.outputs.holder[partition]
                    if state == 2 and not job.replaying:
                        assert holder == DRIVER or holder in pool.by_index, f"output {partition} of {stage.key} is lost"
                for partition, copies in stage.outputs.copies.items():
                    known = [stage.outputs.holder[partition], *copies]
                    assert stage.is_done(partition), f"copies of output {partition} of {stage.key} outlive it"
                    assert len(set(known)) == len(known), f"copies of {stage.key}: {known}"
                    assert set(copies) <= pool.by_index.keys(), f"copies of {stage.key} are with workers that are gone"
