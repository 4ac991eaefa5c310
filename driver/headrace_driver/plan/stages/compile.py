"""Compiles one exchange (or the result) into a stage the scheduler can run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from headrace_driver.plan.determinism import is_deterministic
from headrace_driver.plan.expressions import Attribute, Expression, Literal, SortOrder
from headrace_driver.plan.logical import JoinType
from headrace_driver.plan.options import DEFAULT_OPTIONS, PlannerOptions
from headrace_driver.plan.physical.exchange import Exchange, ExchangeKind, ReadBroadcast, ReadExchange
from headrace_driver.plan.physical.operator import Operator
from headrace_driver.plan.physical.operators import (
    AggregateMerge,
    AggregateWhole,
    CachedRows,
    FilterRows,
    JoinRows,
    LimitRows,
    ProjectRows,
    SampleRows,
    ScanFiles,
    walk,
)
from headrace_driver.plan.stage import ClusterShape, OutputKind, StageSpec
from headrace_driver.plan.stages.tasks import TaskCutter
from headrace_driver.plan.stages.text import StageText, columns_of, doubled
from headrace_driver.render.expressions import Renderer, column_name
from headrace_driver.render.types import identifier, kernel_type
from headrace_proto.v1 import common_pb2, task_pb2

PLANNER_ORDERS = "join_order,build_side_probe_side"
"""The kernel optimizers that are off in stages that read shuffled blocks or given rows. Their row counts, which the
planner has seen, are unknown to the kernel, and it would take each for a single row."""
KERNEL_ORDERS = ""
"""Stages over files alone, with whole broadcasts beside them: the kernel knows their row counts, and ways the planner
has no words for, such as building a semi join's hash table of its left side."""


class StageCompiler:
    """Compiles the stages of one job."""

    def __init__(
        self, job_id: int, cluster: ClusterShape, renderer: Renderer, options: PlannerOptions = DEFAULT_OPTIONS
    ) -> None:
        self._job_id = job_id
        self._cluster = cluster
        self._options = options
        self._renderer = renderer

    def exchange(self, exchange: Exchange) -> StageSpec:
        """The stage that makes an exchange's blocks."""
        text = StageText(self._job_id, self._renderer)
        child = exchange.child
        output = task_pb2.StageOutput(columns=columns_of(child))
        extra = ""
        if exchange.kind is ExchangeKind.HASH:
            output.hash.partitions = exchange.partitions
            extra = f"hash({', '.join(text.expression(k) for k in exchange.keys)}) AS __hash"
        elif exchange.kind is ExchangeKind.RANGE:
            output.by_id.partitions = exchange.partitions
            key = exchange.keys[0]
            assert isinstance(key, SortOrder)
            extra = f"{_range_partition(text, key, exchange.bounds)} AS __part"
        elif exchange.kind is ExchangeKind.ROUND_ROBIN:
            output.round_robin.partitions = exchange.partitions
        else:
            output.single.SetInParent()
        if exchange.sample_rows:
            output.sample_rows = exchange.sample_rows
            output.sample_columns.extend(column_name(k) for k in exchange.keys if isinstance(k, Attribute))
        sql = text.select(child, extra)
        spec = self._stage(exchange.stage_id, OutputKind.SHUFFLE, sql, text, child, output, exchange.partitions)
        exchange.maps = len(spec.tasks)
        return spec

    def result(self, stage_id: int, root: Operator, arrow_schema: bytes, batch_bytes: int) -> StageSpec:
        """The last stage, whose blocks go to the client in its own Arrow schema."""
        text = StageText(self._job_id, self._renderer)
        sql = text.select(root)
        output = task_pb2.StageOutput(
            columns=columns_of(root),
            result=task_pb2.ResultOutput(arrow_schema=arrow_schema, batch_bytes=batch_bytes),
        )
        return self._stage(stage_id, OutputKind.RESULT, sql, text, root, output, 1)

    def files(self, stage_id: int, root: Operator, files: task_pb2.FileOutput) -> StageSpec:
        """The last stage of a write; the files' columns have the names of the query's."""
        text = StageText(self._job_id, self._renderer)
        names = [f"{column_name(a)} AS {doubled(identifier(a.name))}" for a in root.output]
        sql = f"SELECT {', '.join(names)} FROM ({text.select(root)})"
        output = task_pb2.StageOutput(files=files)
        for attribute in root.output:
            output.columns.add(name=attribute.name, kernel_type=kernel_type(attribute.type))
        return self._stage(stage_id, OutputKind.FILES, sql, text, root, output, 1)

    def kept(self, stage_id: int, root: Operator, storage: task_pb2.Storage, replicas: int) -> StageSpec:
        """The last stage of a job that caches rows."""
        text = StageText(self._job_id, self._renderer)
        sql = text.select(root)
        output = task_pb2.StageOutput(columns=columns_of(root), storage=storage)
        output.single.SetInParent()
        spec = self._stage(stage_id, OutputKind.KEPT, sql, text, root, output, 1)
        return replace(spec, replicas=replicas)

    def _stage(
        self,
        stage_id: int,
        kind: OutputKind,
        sql: str,
        text: StageText,
        root: Operator,
        output: task_pb2.StageOutput,
        reducers: int,
    ) -> StageSpec:
        description = describe(root)
        kernel_orders = _kernel_can_order(root, text.leaves)
        program = task_pb2.StageProgram(
            output=common_pb2.OutputId(job_id=self._job_id, stage_id=stage_id),
            sql=sql,
            inputs=text.inputs,
            output_spec=output,
            settings={
                "disabled_optimizers": KERNEL_ORDERS if kernel_orders else PLANNER_ORDERS,
                "preserve_insertion_order": "true" if text.keeps_order else "false",
            },
            description=description,
        )
        tasks = TaskCutter(text.leaves, self._cluster, self._options).tasks(root)
        exchanges = [leaf.exchange.origin for leaf in text.leaves if isinstance(leaf, ReadExchange | ReadBroadcast)]
        return StageSpec(
            stage_id,
            kind,
            program,
            tasks,
            tuple(dict.fromkeys(exchange.stage_id for exchange in exchanges if not exchange.job_id)),
            reducers,
            description,
            # Which row comes to which reducer depends on the order of rows, which blocks from several workers have not.
            _is_deterministic(root) and not output.HasField("round_robin"),
            tuple(dict.fromkeys((exchange.job_id, exchange.stage_id) for exchange in exchanges if exchange.job_id)),
        )


def _kernel_can_order(root: Operator, leaves: Sequence[Operator]) -> bool:
    """Whether the kernel's estimates are as good as the planner's: it counts rows of files and of broadcasts, but
    does not know how few groups a semi join's HAVING leaves, and would test them last."""
    if not all(isinstance(leaf, ScanFiles | ReadBroadcast) for leaf in leaves):
        return False
    tests = [op.right for op in walk(root) if isinstance(op, JoinRows) and op.type in (JoinType.SEMI, JoinType.ANTI)]
    return not any(isinstance(op, AggregateWhole | AggregateMerge) for test in tests for op in walk(test))


def _range_partition(text: StageText, key: SortOrder, bounds: Sequence[Expression]) -> str:
    """The number of the range a key falls into, by bisection; nulls go to the end the order puts them."""
    value = text.expression(key.child)
    less = "<" if key.ascending else ">"
    last = len(bounds)

    def between(low: int, high: int) -> str:
        if low == high:
            return str(low)
        middle = (low + high) // 2
        bound = bounds[middle]
        assert isinstance(bound, Literal)
        test = f"{value} {less} {text.expression(bound)}"
        return f"CASE WHEN {test} THEN {between(low, middle)} ELSE {between(middle + 1, high)} END"

    nulls = 0 if key.nulls_first else last
    return f"CASE WHEN {value} IS NULL THEN {nulls} ELSE {between(0, last)} END"


def _is_deterministic(root: Operator) -> bool:
    """Whether each run of a task gives the same rows. Where it may not, runs are compared by their checksums."""
    for op in walk(root):
        if isinstance(op, SampleRows | LimitRows):
            return False
        if isinstance(op, ProjectRows) and not all(is_deterministic(c) for c in op.columns):
            return False
        if isinstance(op, FilterRows) and not is_deterministic(op.condition):
            return False
    return True


def describe(root: Operator) -> str:
    """One line on a stage: its scans and joins."""
    words: list[str] = []
    for op in walk(root):
        if isinstance(op, ScanFiles):
            words.append(f"scan {op.source.description}")
        elif isinstance(op, JoinRows):
            words.append(f"{op.type.value} join ({op.strategy})")
        elif isinstance(op, ReadExchange | ReadBroadcast) and isinstance(op.exchange.child, CachedRows):
            words.append(f"read {op.exchange.child.cached.description}")
        elif isinstance(op, ReadExchange | ReadBroadcast):
            words.append(f"read stage {op.exchange.stage_id}")
    text = "; ".join(words) or type(root).__name__
    return text if len(text) <= 300 else text[:297] + "..."
