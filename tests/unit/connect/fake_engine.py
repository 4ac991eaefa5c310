"""An engine small enough for tests of the service: literals, local data, ranges, views. Blocks come when tests say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from headrace_driver.catalog.views import not_found
from headrace_driver.connect import results, row_data
from headrace_driver.connect.analyze_calls import schema_of
from headrace_driver.connect.arrow_types import arrow_schema
from headrace_driver.connect.runner import OperatorMetrics, PreparedQuery
from headrace_driver.errors import unsupported
from headrace_driver.plan import expressions as e
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.session import Session


@dataclass(frozen=True)
class FakeStage:
    stage_id: int
    tasks: int
    tasks_finished: int
    input_bytes: int
    done: bool


@dataclass(frozen=True)
class FakeProgress:
    stages: tuple[FakeStage, ...]
    tasks_running: int


@dataclass(frozen=True)
class FakePrepared:
    schema: t.StructType
    local: p.LogicalPlan | None
    plan: p.LogicalPlan
    time_zone: str


@dataclass(frozen=True)
class FakeBlock(results.Rows):
    """One block of the only partition."""

    partition: int = 0
    attempt: int = 0
    digest: bytes = b""


class FakeRunning:
    """A running query over a range: `engine.block_rows` rows a block, after `engine.before_block`."""

    def __init__(self, prepared: FakePrepared, engine: FakeEngine) -> None:
        self._prepared = prepared
        self._engine = engine
        self.blocks_made = 0
        self.blocks_all = 0
        self.cancelled = ""
        self.released = 0
        self.job_id = 1

    async def blocks(self, first_partition: int = 0) -> AsyncGenerator[FakeBlock, None]:
        plan = self._prepared.plan
        assert isinstance(plan, p.Range)
        arrow = arrow_schema(self._prepared.schema, self._prepared.time_zone)
        size = self._engine.block_rows
        self.blocks_all = -(-plan.rows // size)
        for first in range(0, plan.rows, size):
            await self._engine.before_block(self.blocks_made)
            count = min(size, plan.rows - first)
            start = plan.start + first * plan.step
            values = pa.array(range(start, start + count * plan.step, plan.step), pa.int64())
            batch = pa.RecordBatch.from_arrays([values], schema=arrow)
            self.blocks_made += 1
            yield FakeBlock(count, results.encode(batch, arrow))

    def progress(self) -> FakeProgress:
        done = self.blocks_made == self.blocks_all
        return FakeProgress((FakeStage(1, self.blocks_all, self.blocks_made, 100, done),), int(not done))

    def metrics(self) -> Sequence[OperatorMetrics]:
        return ()

    def cancel(self, reason: str) -> None:
        self.cancelled = reason

    def release(self) -> None:
        self.released += 1


async def _at_once(_: int) -> None:
    await asyncio.sleep(0)


@dataclass
class FakeEngine:
    """Implements QueryRunner. `before_block` may wait or raise."""

    block_rows: int = 1000
    before_block: Callable[[int], Any] = _at_once
    running: list[FakeRunning] = field(default_factory=list)
    prepared: list[str] = field(default_factory=list)

    def analyze(self, plan: p.LogicalPlan, session: Session) -> p.LogicalPlan:
        match plan:
            case p.Identified(child=child) | p.SubqueryAlias(child=child):
                return self.analyze(child, session)
            case p.Range():
                return p.replace(plan, attributes=(e.Attribute("id", t.LONG, False, e.new_id()),))
            case p.LocalData(attributes=()):
                return p.replace(plan, attributes=_attributes(plan.schema))
            case p.LocalData():
                return plan
            case p.ToDF(child=child, names=names):
                data = self.analyze(child, session)
                assert isinstance(data, p.LocalData)
                fields = (t.StructField(n, f.dtype, f.nullable) for n, f in zip(names, data.schema, strict=True))
                schema = t.StructType(tuple(fields))
                return p.replace(data, schema=schema, attributes=_attributes(schema))
            case p.UnresolvedRelation(parts=parts):
                found = session.catalog.view(parts)
                if found is None:
                    raise not_found(parts, plan.origin)
                return found
            case p.CreateView() | p.DescribeRelation() | p.WriteFiles():
                return p.replace(plan, child=self.analyze(plan.child, session))
            case p.UnresolvedProject(child=p.OneRow()):
                return self._literals(plan)
            case p.UnresolvedProject(columns=(e.UnresolvedStar(),), having=None):
                return self.analyze(plan.child, session)
            case p.UnresolvedTableFunction(name=("range",), args=(e.Literal(value=end),)):
                return self.analyze(p.Range(0, int(end), 1), session)
            case p.Limit(child=child) | p.UnresolvedProject(child=child):
                # Only its depth matters here.
                resolved = child
                while isinstance(resolved, p.Limit | p.UnresolvedProject | p.Identified):
                    resolved = resolved.child
                return self.analyze(resolved, session)
            case _:
                raise unsupported(f"{type(plan).__name__} in the fake engine")

    def _literals(self, plan: p.UnresolvedProject) -> p.LocalData:
        names, values, fields = [], [], []
        for column in plan.columns:
            literal = column.child if isinstance(column, e.Alias) else column
            if not isinstance(literal, e.Literal):
                raise unsupported(f"{type(literal).__name__} in the fake engine")
            names.append(column.name if isinstance(column, e.Alias) else str(literal.value))
            values.append(literal.value)
            fields.append(t.StructField(names[-1], literal.type, literal.value is None))
        data = row_data.local_data(t.StructType(tuple(fields)), [values])
        return p.replace(data, attributes=_attributes(data.schema))

    def prepare(self, plan: p.LogicalPlan, session: Session, description: str) -> PreparedQuery:
        self.prepared.append(description)
        zone = session.conf.time_zone
        match plan:
            case p.Project(child=p.Limit(child=child, count=e.Literal(value=count))):
                rows = _python_rows(child)[:count]
                texts = [["NULL" if v is None else str(v) for v in row] for row in rows]
                data = row_data.local_data(
                    t.StructType(tuple(t.StructField(c.name, t.STRING, False) for c in plan.columns)), texts
                )
                return FakePrepared(data.schema, data, plan, zone)
            case p.LocalData():
                return FakePrepared(schema_of(plan), plan, plan, zone)
            case _:
                return FakePrepared(schema_of(plan), None, plan, zone)

    def explain(self, plan: p.LogicalPlan, session: Session, mode: p.ExplainMode) -> str:
        return f"== {mode.value} ==\n{type(plan).__name__}\n"

    async def start(self, query: PreparedQuery, session: Session, operation_id: str) -> FakeRunning:
        assert isinstance(query, FakePrepared)
        running = FakeRunning(query, self)
        self.running.append(running)
        return running


def _attributes(schema: t.StructType) -> tuple[e.Attribute, ...]:
    return tuple(e.Attribute(f.name, f.dtype, f.nullable, e.new_id()) for f in schema.fields)


def _python_rows(plan: p.LogicalPlan) -> list[list[object]]:
    if isinstance(plan, p.Range):
        return [[value] for value in range(plan.start, plan.end, plan.step)]
    assert isinstance(plan, p.LocalData)
    with pa.ipc.open_stream(plan.arrow_stream) as reader:
        return [list(row.values()) for row in reader.read_all().to_pylist()]
