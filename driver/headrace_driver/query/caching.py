"""Cached plans as jobs: the engine's part of `cache.materialise`, and the queries that only compute cached rows."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from headrace_driver.cache.data import CachedData, KeptRows
from headrace_driver.cache.lost_checkpoints import check_again
from headrace_driver.cache.matching import relations_in
from headrace_driver.cache.materialise import Computation, KeptJob, Materialiser
from headrace_driver.cluster.history import PlanTexts
from headrace_driver.cluster.job import CommitHook, JobHandle, JobInfo, JobProgress
from headrace_driver.cluster.runner import ClusterRunner
from headrace_driver.connect.runner import Block, OperatorMetrics
from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.plan.adaptive import AdaptiveQuery
from headrace_driver.plan.physical.operator import ANYHOW, ONE_TASK, Spread
from headrace_driver.plan.physical.reading import UNCOMPRESSED_RATIO
from headrace_driver.plan.stage import StageStats
from headrace_driver.query.last_stages import files_stage, kept_stage
from headrace_driver.query.reports import plan_texts
from headrace_driver.query.writes import prepare_write
from headrace_driver.session import Session
from headrace_proto.v1 import task_pb2

_T = TypeVar("_T")
Optimize = Callable[[lp.LogicalPlan, Session], lp.LogicalPlan]


class OnPlanningThread(Protocol):
    """Runs a function on a planning thread and returns what it returns."""

    def __call__(self, work: Callable[[], _T], /) -> Awaitable[_T]: ...


@dataclass(frozen=True, slots=True)
class _Writing:
    """The job that writes a checkpoint's files."""

    query: AdaptiveQuery
    commit: CommitHook


@dataclass(slots=True)
class _OneAfterTheOther:
    """Two jobs as one: the one that runs, and in the end the one that keeps rows."""

    job: KeptJob

    def cancel(self, reason: str) -> bool:
        return self.job.cancel(reason)

    def release(self) -> None:
        self.job.release()


class CacheJobs:
    """Implements `cache.materialise.Compute`."""

    def __init__(self, cluster: ClusterRunner, optimize: Optimize, on_thread: OnPlanningThread) -> None:
        self._cluster = cluster
        self._optimize = optimize
        self._on_thread = on_thread

    async def plan(self, cached: CachedData) -> tuple[AdaptiveQuery | _Writing, Sequence[CachedData]]:
        """See `Compute.plan`."""

        if cached.files is not None:
            writing = await self._on_thread(lambda: self._writing(cached))
            return writing, relations_in(writing.query.logical)

        def prepare() -> AdaptiveQuery:
            check_again(cached)
            session: Session = cached.session
            plan = session.cache.use_in(cached.plan, but=cached)
            level = cached.level
            storage = task_pb2.Storage(memory=level.use_memory, disk=level.use_disk, compressed=not level.deserialized)
            last = kept_stage(storage, level.replication)
            return AdaptiveQuery(self._optimize(plan, session), session.conf.time_zone, last)

        query = await self._on_thread(prepare)
        return query, relations_in(query.logical)

    async def submit(self, cached: CachedData, prepared: object, lost: Callable[[], None]) -> Computation:
        """See `Compute.submit`."""
        if isinstance(prepared, _Writing):
            return await self._submit_write(cached, prepared, lost)
        assert isinstance(prepared, AdaptiveQuery)
        query = prepared

        def texts() -> PlanTexts:
            return plan_texts(cached.plan, query.logical, query, self._cluster.job_record(query.job_id))

        info = JobInfo(cached.description, cached.session.session_id, plan_texts=texts, lost=lost)
        handle = await self._cluster.submit(query, info)

        async def rows() -> KeptRows:
            return _kept(query, handle, (await handle.wait()).stats, compressed=not cached.level.deserialized)

        return Computation(handle, rows)

    def _writing(self, cached: CachedData) -> _Writing:
        assert cached.files is not None
        session: Session = cached.session
        write = prepare_write(cached.files.write, session.conf.mapping)
        plan = self._optimize(session.cache.use_in(write.query), session)
        return _Writing(AdaptiveQuery(plan, session.conf.time_zone, files_stage(write.files)), write.commit)

    async def _submit_write(self, cached: CachedData, writing: _Writing, lost: Callable[[], None]) -> Computation:
        """The files first, then what is read of them: rows lost later are read from the files again."""
        files, query = cached.files, writing.query
        assert files is not None

        def texts() -> PlanTexts:
            return plan_texts(files.write.child, query.logical, query, self._cluster.job_record(query.job_id))

        info = JobInfo(cached.description, cached.session.session_id, plan_texts=texts, commit=writing.commit)
        handle = await self._cluster.submit(query, info)
        jobs = _OneAfterTheOther(handle)

        async def rows() -> KeptRows:
            await handle.wait()
            handle.release()
            cached.plan = await self._on_thread(files.read)
            cached.output, cached.files = cached.plan.output, None
            files.written()
            reading, _ = await self.plan(cached)
            computation = await self.submit(cached, reading, lost)
            jobs.job = computation.job
            return await computation.rows()

        return Computation(jobs, rows)


def _kept(query: AdaptiveQuery, handle: JobHandle, stats: StageStats, *, compressed: bool) -> KeptRows:
    assert query.root is not None
    maps = len(query.stages[stats.stage_id].spec.tasks)
    spread = query.root.placement.spread
    placement = ONE_TASK if maps == 1 else query.root.placement if spread is Spread.ORDERED else ANYHOW
    raw_bytes = int(stats.bytes * UNCOMPRESSED_RATIO) if compressed else stats.bytes
    return KeptRows(
        handle.job_id, stats.stage_id, maps, stats.rows, stats.bytes, max(raw_bytes, stats.rows), placement, query.root
    )


_NO_COLUMNS = t.StructType(())


@dataclass(frozen=True, slots=True)
class PreparedCaching:
    """A query that computes cached rows and yields none (CACHE TABLE, an eager checkpoint)."""

    cached: CachedData
    schema: t.StructType = _NO_COLUMNS
    local: None = None


class Caching:
    """Such a query in execution. Implements `connect.runner.RunningQuery`."""

    def __init__(self, materialiser: Materialiser, cached: CachedData) -> None:
        self._materialiser = materialiser
        self._cached = cached

    @property
    def job_id(self) -> int:
        """Its rows are computed by a job of the cache's own, which is nobody's to resume."""
        return 0

    async def blocks(self, first_partition: int = 0) -> AsyncGenerator[Block, None]:
        """Ends when the rows are there."""
        await self._materialiser.hold(self._cached)
        self._materialiser.let_go(self._cached)
        nothing: Sequence[Block] = ()
        for block in nothing:
            yield block

    def progress(self) -> JobProgress:
        return JobProgress((), 0)

    def metrics(self) -> Sequence[OperatorMetrics]:
        return ()

    def cancel(self, reason: str) -> None:
        """Whoever awaits the blocks stops awaiting them."""

    def release(self) -> None:
        """It holds nothing."""


class RefreshingCommit:
    """A write's commit, after which what is cached of its path is out of date."""

    def __init__(self, commit: CommitHook, refresh: Callable[[], None]) -> None:
        self._commit = commit
        self._refresh = refresh

    def __reduce__(self) -> tuple[Any, ...]:
        # A driver that takes over has nothing cached that could be out of date.
        return _itself, (self._commit,)

    @property
    def place(self) -> str:
        return self._commit.place

    async def moves(self, stats: StageStats) -> str:
        return await self._commit.moves(stats)

    async def commit(self, moves: str) -> None:
        await self._commit.commit(moves)
        self._refresh()

    async def abort(self) -> None:
        await self._commit.abort()


def _itself(commit: CommitHook) -> CommitHook:
    return commit
