"""What the Connect service needs of the engine: planning by threads, running by the event loop.

`analyze`, `prepare` and `explain` are pure CPU work and are called on planning threads (`planning_threads`), several at
a time; `start` is called on the event loop.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from headrace_driver.cache.data import CachedData
from headrace_driver.journal.state import KeptJob
from headrace_driver.plan import types as t
from headrace_driver.plan.logical import ExplainMode, LogicalPlan
from headrace_driver.session import Session


class Block(Protocol):
    """Some rows of a result: a complete Arrow IPC stream with one batch, of the client's schema exactly."""

    @property
    def rows(self) -> int: ...
    @property
    def arrow_stream(self) -> bytes: ...
    @property
    def partition(self) -> int: ...
    @property
    def attempt(self) -> int:
        """At the partition: another reading of the same attempt gives the same blocks."""
        ...

    @property
    def digest(self) -> bytes:
        """Equal for partitions of the same blocks; empty where it is not needed, or none can be had."""
        ...


class StageProgress(Protocol):
    """One stage, for progress bars."""

    @property
    def stage_id(self) -> int: ...
    @property
    def tasks(self) -> int: ...
    @property
    def tasks_finished(self) -> int: ...
    @property
    def input_bytes(self) -> int: ...
    @property
    def done(self) -> bool: ...


class Progress(Protocol):
    """A running query, for progress bars."""

    @property
    def stages(self) -> Sequence[StageProgress]: ...
    @property
    def tasks_running(self) -> int: ...


@dataclass(frozen=True, slots=True)
class MetricValue:
    """One figure of an operator: `kind` is sum, size, timing, nsTiming or average, as Spark names them."""

    key: str
    name: str
    value: int
    kind: str = "sum"


@dataclass(frozen=True, slots=True)
class OperatorMetrics:
    """Figures of one operator of the finished query; `parent` is the plan id of the operator that reads it."""

    name: str
    plan_id: int
    parent: int
    values: tuple[MetricValue, ...] = ()


class RunningQuery(Protocol):
    """A query in execution. `release` is called exactly once, whatever happened before."""

    @property
    def job_id(self) -> int: ...

    def blocks(self, first_partition: int = 0) -> AsyncGenerator[Block, None]:
        """The result from a partition on, in order, as it becomes available; at most a few blocks are held for a slow
        reader. Ends when the query has ended (a write has none, and ends when its files are committed). Raises what
        failed it: a SparkError, or an exception whose `failure` is the cluster's typed Failure."""
        ...

    def progress(self) -> Progress: ...

    def metrics(self) -> Sequence[OperatorMetrics]:
        """Once the blocks have ended."""
        ...

    def cancel(self, reason: str) -> None:
        """Ends the query; `blocks` raises."""
        ...

    def release(self) -> None:
        """The result is not needed any more."""
        ...


class PreparedQuery(Protocol):
    """A query planned as far as it can be before it runs."""

    @property
    def schema(self) -> t.StructType:
        """Of the result; empty for a write."""
        ...

    @property
    def local(self) -> LogicalPlan | None:
        """`LocalData` when planning has already computed the result (constants, VALUES, an empty scan)."""
        ...


class QueryRunner(Protocol):
    """The engine. `session` gives settings (`session.conf.mapping`), names (`session.catalog`) and artifacts."""

    def analyze(self, plan: LogicalPlan, session: Session) -> LogicalPlan:
        """The resolved plan of an unresolved one (commands included). Raises SparkError."""
        ...

    def prepare(self, plan: LogicalPlan, session: Session, description: str) -> PreparedQuery:
        """Optimizes and plans a resolved query or WriteFiles. `description` is for people who watch jobs."""
        ...

    def explain(self, plan: LogicalPlan, session: Session, mode: ExplainMode) -> str:
        """The text of EXPLAIN for an unresolved plan."""
        ...

    def caching(self, cached: CachedData) -> PreparedQuery:
        """A query without rows that ends when cached rows are there."""
        ...

    async def start(self, query: PreparedQuery, session: Session, operation_id: str) -> RunningQuery:
        """Submits a prepared query to the cluster."""
        ...

    async def resume(self, query: PreparedQuery, session: Session, operation_id: str, job: KeptJob) -> RunningQuery:
        """Goes on with a query that an earlier process submitted; what it had computed counts as far as it is left."""
        ...
