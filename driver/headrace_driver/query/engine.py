"""Implements `connect.runner.QueryRunner`: what the Connect service (and native SQL jobs) run queries with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from weakref import WeakSet

from headrace_driver.cache.data import CachedData
from headrace_driver.cache.matching import relations_in
from headrace_driver.cache.materialise import Materialiser
from headrace_driver.cluster.failures import JobFailed
from headrace_driver.cluster.history import PlanTexts
from headrace_driver.cluster.job import CommitHook, JobHandle, JobInfo, JobProgress
from headrace_driver.cluster.runner import ClusterRunner
from headrace_driver.connect.planning_threads import PlanningThreads
from headrace_driver.connect.runner import Block, OperatorMetrics, PreparedQuery
from headrace_driver.constants import ConstantEvaluator
from headrace_driver.functions import builtin
from headrace_driver.journal.state import KeptJob
from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.plan.adaptive import AdaptiveQuery, LastStage
from headrace_driver.plan.analysis import analyze
from headrace_driver.plan.logical import ExplainMode, LogicalPlan
from headrace_driver.plan.optimizer import optimize
from headrace_driver.query.caching import CacheJobs, Caching, PreparedCaching, RefreshingCommit
from headrace_driver.query.distinct import InnerQueries
from headrace_driver.query.error_places import place_of
from headrace_driver.query.explain import explain_text
from headrace_driver.query.last_stages import files_stage, result_stage, schema_of
from headrace_driver.query.names import Held, SessionNames
from headrace_driver.query.recursion import Recursions, shown
from headrace_driver.query.reports import plan_texts, run_text
from headrace_driver.query.writes import prepare_write
from headrace_driver.session import Session

assert builtin, "importing it fills the function registry"

LARGE_TYPES = "spark.sql.execution.arrow.useLargeVarTypes"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A query that is optimized; its stages are planned as they become ready."""

    schema: t.StructType
    local: LogicalPlan | None
    analysed: LogicalPlan
    optimized: LogicalPlan
    plan: AdaptiveQuery
    description: str
    planning_us: int
    commit: CommitHook | None = None


class Running:
    """A submitted query."""

    def __init__(self, handle: JobHandle, query: LogicalPlan, let_go: Callable[[], None]) -> None:
        """`query` is the analysed plan, in which errors have their places."""
        self._handle = handle
        self._query = query
        self._let_go = let_go

    @property
    def job_id(self) -> int:
        return self._handle.job_id

    async def blocks(self, first_partition: int = 0) -> AsyncGenerator[Block, None]:
        """See `RunningQuery.blocks`."""
        try:
            if self._handle.info.commit is None:
                async for block in self._handle.result_blocks(first_partition):
                    yield block
            await self._handle.wait()
        except JobFailed as failed:
            failed.origin = place_of(failed.failure, self._query)
            raise

    def progress(self) -> JobProgress:
        return self._handle.progress()

    def metrics(self) -> Sequence[OperatorMetrics]:
        return ()

    def cancel(self, reason: str) -> None:
        self._handle.cancel(reason)

    def release(self) -> None:
        self._handle.release()
        self._let_go()


class Engine:
    """Plans queries for the sessions of one driver and runs them on its cluster. Made on the event loop."""

    def __init__(
        self,
        cluster: ClusterRunner,
        held: Held,
        threads: PlanningThreads | None = None,
        is_followed: Callable[[Session, str], bool] = lambda *_: False,
    ) -> None:
        """`is_followed` says whether a client can come back to an operation after a restart of the driver."""
        self._cluster = cluster
        self._is_followed = is_followed
        self._held = held
        self._constants = ConstantEvaluator()
        self._loop = asyncio.get_running_loop()
        self._sessions: WeakSet[Session] = WeakSet()
        """All that may have cached something."""
        planning = threads or PlanningThreads()
        self._cached = Materialiser(CacheJobs(cluster, self._optimize, planning.run))

    def _names(self, session: Session) -> SessionNames:
        return SessionNames(session, self._held, self._inner(session, "values of a pivot column").collect)

    def _inner(self, session: Session, description: str) -> InnerQueries:
        return InnerQueries(self._loop, session, lambda plan: self.prepare(plan, session, description), self.start)

    def analyze(self, plan: LogicalPlan, session: Session) -> LogicalPlan:
        """See `QueryRunner.analyze`."""
        self._sessions.add(session)
        return analyze(plan, self._names(session))

    def _optimize(self, plan: LogicalPlan, session: Session) -> LogicalPlan:
        levels = self._inner(session, "a level of a recursion")
        return self._optimized(plan, session, Recursions(levels.streams, session.conf.mapping).computed)

    def _optimized(
        self, plan: LogicalPlan, session: Session, recursions: Callable[[LogicalPlan], LogicalPlan]
    ) -> LogicalPlan:
        zone = session.conf.time_zone
        return optimize(plan, lambda expressions: self._constants.evaluate(expressions, zone), recursions)

    def prepare(self, plan: LogicalPlan, session: Session, description: str) -> Prepared:
        """See `QueryRunner.prepare`."""
        started_s = time.perf_counter()
        zone = session.conf.time_zone
        commit: CommitHook | None = None
        last: LastStage
        if isinstance(plan, lp.WriteFiles):
            write = prepare_write(plan, session.conf.mapping)
            target = plan.path
            commit = RefreshingCommit(write.commit, lambda: self._refresh_path(target))
            last = files_stage(write.files)
            schema = t.StructType(())
            query = write.query
        else:
            query = plan
            schema = schema_of(plan.output)
            last = result_stage(schema, zone, session.conf.mapping.get(LARGE_TYPES) == "true")
        optimized = self._optimize(session.cache.use_in(query), session)
        local = optimized if isinstance(optimized, lp.LocalData) and commit is None else None
        planning_us = int((time.perf_counter() - started_s) * 1e6)
        adaptive = AdaptiveQuery(optimized, zone, last)
        return Prepared(schema, local, query, optimized, adaptive, description, planning_us, commit)

    def explain(self, plan: LogicalPlan, session: Session, mode: ExplainMode) -> str:
        """See `QueryRunner.explain`."""
        analysed = self.analyze(plan, session)
        query = analysed.child if isinstance(analysed, lp.WriteFiles) else analysed
        optimized = self._optimized(session.cache.use_in(query), session, shown)
        shape = self._cluster.cluster_shape()
        text = explain_text(plan, query, optimized, shape, mode, session.conf.time_zone)
        return text + self._last_run(plan, session) if mode is ExplainMode.FORMATTED else text

    def _last_run(self, plan: LogicalPlan, session: Session) -> str:
        """What really happened when the client last had this relation computed; empty when it has not."""
        job_id = session.last_run(plan.plan_id) if isinstance(plan, lp.Identified) else None
        record = None if job_id is None else self._cluster.job_record(job_id)
        return run_text(record) if record is not None and record.is_over else ""

    def _refresh_path(self, path: str) -> None:
        for session in list(self._sessions):
            session.cache.refresh_path(path)

    def caching(self, cached: CachedData) -> PreparedCaching:
        """See `QueryRunner.caching`."""
        return PreparedCaching(cached)

    def forget(self, cached: CachedData) -> None:
        """A session caches this no more. From any thread."""
        self._cached.forget(cached)

    async def start(self, query: PreparedQuery, session: Session, operation_id: str) -> Running | Caching:
        """See `QueryRunner.start`."""
        if isinstance(query, PreparedCaching):
            return Caching(self._cached, query.cached)
        assert isinstance(query, Prepared), "only this engine's own queries can be started"
        info = self._info(query, session, operation_id)
        return await self._with_cached(query, lambda: self._cluster.submit(query.plan, info))

    async def resume(
        self, query: PreparedQuery, session: Session, operation_id: str, job: KeptJob
    ) -> Running | Caching:
        """See `QueryRunner.resume`. Cached rows did not outlive the earlier driver: a query that reads them begins
        anew, once they have been computed again."""
        if isinstance(query, PreparedCaching):
            self._cluster.not_resumed(job)
            return await self.start(query, session, operation_id)
        assert isinstance(query, Prepared), "only this engine's own queries can be resumed"
        info = self._info(query, session, operation_id)
        try:
            return await self._with_cached(query, lambda: self._cluster.resume(query.plan, info, job))
        except BaseException:
            self._cluster.not_resumed(job)
            raise

    def _info(self, query: Prepared, session: Session, operation_id: str) -> JobInfo:
        return JobInfo(
            description=query.description,
            session_id=session.session_id,
            operation_id=operation_id,
            planning_us=query.planning_us,
            plan_texts=lambda: self._texts(query),
            commit=query.commit,
            followed=self._is_followed(session, operation_id),
        )

    async def _with_cached(self, query: Prepared, submit: Callable[[], Awaitable[JobHandle]]) -> Running:
        """Holds the cached rows the query reads until it is released."""
        held: list[CachedData] = []

        def let_go() -> None:
            while held:
                self._cached.let_go(held.pop())

        try:
            for cached in relations_in(query.optimized):
                await self._cached.hold(cached)
                held.append(cached)
            return Running(await submit(), query.analysed, let_go)
        except BaseException:
            let_go()
            raise

    def _texts(self, query: Prepared) -> PlanTexts:
        record = self._cluster.job_record(query.plan.job_id)
        return plan_texts(query.analysed, query.optimized, query.plan, record)
