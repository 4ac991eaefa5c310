"""One job as those who submitted it see it: what they say of it, its progress, its outcome and its result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from headrace_driver.cluster.history import JobRecord, PlanTexts
from headrace_driver.cluster.replay import Replay
from headrace_driver.cluster.results import ResultBlock, ResultReader, ResultState
from headrace_driver.plan.stage import QueryPlan, StageStats


class CommitHook(Protocol):
    """Makes the files of a FILES stage visible, or removes them. Called once, after the job's tasks have ended."""

    @property
    def place(self) -> str:
        """Where the files lie before, for `catalog.commits.abort`."""
        ...

    async def moves(self, stats: StageStats) -> str:
        """What the commit will do, for `commit` and `catalog.commits.complete`."""
        ...

    async def commit(self, moves: str) -> None: ...
    async def abort(self) -> None: ...


@dataclass(frozen=True, slots=True)
class JobInfo:
    """What is known of a query besides its plan."""

    description: str = ""
    session_id: str = ""
    operation_id: str = ""
    weight: float = 1.0
    planning_us: int = 0
    """Spent before submission."""
    plan_texts: Callable[[], PlanTexts] = PlanTexts
    """Renders the plans; called while the job runs for whoever looks, and once at its end."""
    commit: CommitHook | None = None
    followed: bool = False
    """Whether somebody can come back to it after a restart of the driver."""
    lost: Callable[[], None] = lambda: None
    """Called when a job that had succeeded could not compute a lost part of its output again, and has been dropped."""


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """A job that succeeded."""

    job_id: int
    stats: StageStats


@dataclass(frozen=True, slots=True)
class StageProgress:
    """As Spark Connect's ExecutionProgress wants it."""

    stage_id: int
    tasks: int
    tasks_finished: int
    input_bytes: int
    done: bool


@dataclass(frozen=True, slots=True)
class JobProgress:
    """A job while it runs, of stages planned so far."""

    stages: tuple[StageProgress, ...]
    tasks_running: int


class Runner(Protocol):
    """What a handle asks of the one that runs its job."""

    def result_reader(self, state: ResultState, /, *, followed: bool) -> ResultReader: ...
    def cancel(self, job_id: int, reason: str, /) -> bool: ...
    def release(self, handle: JobHandle, /) -> None: ...


class JobHandle:
    """One submitted job."""

    def __init__(self, runner: Runner, plan: QueryPlan, record: JobRecord, info: JobInfo) -> None:
        self.job_id = record.job_id
        self.record = record
        self.plan = plan
        self.info = info
        self.result = ResultState(record.job_id)
        self.open_stages: set[int] = set()
        self.final_stage_id = -1
        self.replay: Replay | None = None
        """While steps of an earlier driver are taken again."""
        self.done: asyncio.Future[JobOutcome] = asyncio.get_running_loop().create_future()
        # A job nobody waits for may fail; its failure is in its record.
        self.done.add_done_callback(lambda future: future.cancelled() or future.exception())
        self._runner = runner

    async def wait(self) -> JobOutcome:
        """Until the job has succeeded, files committed; raises JobFailed. Being cancelled leaves the job running."""
        return await asyncio.shield(self.done)

    async def result_blocks(self, from_partition: int = 0) -> AsyncGenerator[ResultBlock, None]:
        """Streams the result in partition order, starting before the job has ended. Read it once.

        Partitions that were read are not kept. Raises JobFailed, possibly after some blocks.
        """
        started_s = time.perf_counter()
        reader = self._runner.result_reader(self.result, followed=self.info.followed)
        async with aclosing(reader.blocks(from_partition)) as blocks:
            async for block in blocks:
                yield block
        self.record.result_us += int((time.perf_counter() - started_s) * 1e6)

    def progress(self) -> JobProgress:
        """Stages and tasks as they are now."""
        stages = self.record.stages.values()
        return JobProgress(
            tuple(
                StageProgress(
                    stage.stage_id,
                    stage.task_count,
                    # Tasks that ran again for a lost output count once.
                    min(stage.finished, stage.task_count),
                    stage.metrics.bytes_read + stage.metrics.fetch_local_bytes + stage.metrics.fetch_remote_bytes,
                    stage.state == "finished",
                )
                for stage in stages
            ),
            sum(stage.running for stage in stages),
        )

    def cancel(self, reason: str) -> bool:
        """Ends the job; False when it had ended already."""
        return self._runner.cancel(self.job_id, reason)

    def release(self) -> None:
        """The result is not needed any more: workers drop it. Cancels the job when it still runs. Call it always."""
        self._runner.release(self)
