"""From an optimized logical plan to physical operators, step by step as stages finish.

The planner walks the logical plan from the root. Where rows have to be redistributed it asks for a stage and reports
`None`: not yet known. When that stage has finished the walk is made again, finds the real sizes, and decides what
depends on them: which side of a join is broadcast, how many tasks read a shuffle, whether a sort needs ranges.
Decided parts are remembered by the identity of their logical operator, so nothing is decided twice.

Pure: stages are asked for through `_exchange`, sizes arrive through `Exchange.stats`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from headrace_driver.errors import SparkError, unsupported
from headrace_driver.plan import logical as lp
from headrace_driver.plan.expressions import Alias, Expression, Literal, SortOrder
from headrace_driver.plan.options import DEFAULT_OPTIONS, PlannerOptions
from headrace_driver.plan.physical import aggregates, joins, skew, sorting
from headrace_driver.plan.physical.aligned import Aligner
from headrace_driver.plan.physical.cached import plan_cached
from headrace_driver.plan.physical.exchange import Exchange, ExchangeKind, ReadExchange
from headrace_driver.plan.physical.fingerprint import Fingerprint, fingerprint
from headrace_driver.plan.physical.operator import ANYHOW, EVERYWHERE, ONE_TASK, Estimate, Operator, Spread
from headrace_driver.plan.physical.operators import (
    ExpandRows,
    FilterRows,
    GenerateRows,
    LimitRows,
    OneRowScan,
    ProjectRows,
    SampleRows,
    ScanFiles,
    ScanRange,
    ScanRows,
    SetRows,
    TailRows,
    UnionRows,
    WindowRows,
    vanishes,
)
from headrace_driver.plan.physical.reading import UNCOMPRESSED_RATIO, hashed, read, renamed, size_of
from headrace_driver.plan.physical.small import is_small_subtree
from headrace_driver.plan.stage import ClusterShape, StageStats
from headrace_driver.plan.statistics import Estimator

Planned = Operator | None


class Planner:
    """Plans one query. `advance` is called again whenever a stage it asked for has finished."""

    def __init__(
        self,
        root: lp.LogicalPlan,
        cluster: ClusterShape,
        options: PlannerOptions = DEFAULT_OPTIONS,
        estimating: bool = False,
    ) -> None:
        self.root = root
        self.cluster = cluster
        self.options = options
        self.estimator = Estimator()
        self.aligner = Aligner(cluster.slots)
        self.decisions: list[str] = []
        self.requested: list[Exchange] = []
        """Stages asked for and not yet handed out."""
        self.kept_exchanges: dict[int, Exchange] = {}
        """Cached rows this query reads, by the number of the cached plan."""
        self.shapes: dict[int, aggregates.Shape] = {}
        """Aggregations taken apart, by the identity of their logical operator."""
        self._estimating = estimating
        self._planned: dict[int, Operator] = {}
        self._exchanges: dict[tuple[int, str], Exchange] = {}
        self._by_fingerprint: dict[Fingerprint, Exchange] = {}
        self._small: dict[int, bool] = {}
        self._next_stage = 1

    def advance(self) -> Planned:
        """The whole physical plan, or None while stages it depends on are running (see `requested`)."""
        return self.plan(self.root)

    def plan(self, node: lp.LogicalPlan) -> Planned:
        """The operator for one logical operator, or None when it has to wait."""
        known = self._planned.get(id(node))
        if known is not None:
            return known
        strategy = _STRATEGIES.get(type(node))
        if strategy is None:
            raise unsupported(f"the operator {type(node).__name__} in a query plan")
        found = strategy(self, node)
        if found is not None:
            self._planned[id(node)] = found
        return found

    def new_stage_id(self) -> int:
        self._next_stage += 1
        return self._next_stage - 1

    def exchange(
        self,
        owner: lp.LogicalPlan | lp.CTEDefinition,
        role: str,
        child: Operator,
        kind: ExchangeKind,
        keys: Sequence[Expression] = (),
        partitions: int = 1,
        bounds: Sequence[Expression] = (),
        sample_rows: int = 0,
    ) -> Exchange | None:
        """The finished exchange `role` of a logical operator; asks for its stage the first time, None until it ends."""
        found = self._exchanges.get((id(owner), role))
        if found is None:
            found = self._new_exchange(Exchange(child, kind, tuple(keys), partitions, 0, tuple(bounds), sample_rows))
            self._exchanges[id(owner), role] = found
        return found if found.is_finished else None

    def _new_exchange(self, wanted: Exchange) -> Exchange:
        """Asks for a stage, or finds the one that computes the same already."""
        mark = fingerprint(wanted.child, wanted.keys)
        key = (wanted.kind, wanted.partitions, wanted.bounds, wanted.sample_rows, mark)
        same = self._by_fingerprint.get(key) if mark is not None else None
        if same is not None:
            wanted.same_as = same
            wanted.stage_id = same.stage_id
            self.decisions.append(f"stage {same.stage_id} is computed once and read again")
            return wanted
        wanted.stage_id = self.new_stage_id()
        self._by_fingerprint[key] = wanted
        if self._estimating:
            wanted.estimated = True
            wanted.stats = _estimated_stats(wanted)
        self.requested.append(wanted)
        return wanted

    def asked(self, owner: lp.LogicalPlan | lp.CTEDefinition, role: str) -> Exchange | None:
        """The exchange `role` of a logical operator if it was asked for, finished or not."""
        return self._exchanges.get((id(owner), role))

    def estimate(self, node: lp.LogicalPlan) -> Estimate:
        """Rows and uncompressed bytes of a logical operator."""
        return Estimate(self.estimator.estimate(node).rows, self.estimator.bytes(node))

    def partitions_for(self, total_bytes: float) -> int:
        """Hash partitions for so many uncompressed bytes."""
        wanted = math.ceil(total_bytes / self.options.reducer_bytes)
        return max(1, min(self.options.max_partitions, max(wanted, self.cluster.slots)))

    def is_small(self, node: lp.LogicalPlan) -> bool:
        """Whether every task can afford to compute this whole subtree by itself."""
        known = self._small.get(id(node))
        if known is None:
            known = self._small[id(node)] = is_small_subtree(node, self.estimator, self.options)
        return known

    def whole(self, node: lp.LogicalPlan, role: str, child: Operator) -> Planned:
        """The rows of `child` in one task (or everywhere), moved there if need be."""
        if child.placement.spread in (Spread.EVERYWHERE, Spread.ONE_TASK):
            return child
        exchange = self.exchange(node, role, child, ExchangeKind.SINGLE)
        return None if exchange is None else read(exchange, ONE_TASK, max_tasks=1)

    def clustered(self, node: lp.LogicalPlan, role: str, child: Operator, keys: Sequence[Expression]) -> Planned:
        """The rows of `child` placed so that rows equal in `keys` are in one task."""
        if child.placement.brings_together(keys):
            return child
        if not keys:
            return self.whole(node, role, child)
        partitions = self.partitions_for(child.estimate.bytes)
        exchange = self.exchange(node, role, child, ExchangeKind.HASH, keys, partitions)
        return None if exchange is None else self.read_hashed(exchange, keys)

    def read_hashed(self, exchange: Exchange, keys: Sequence[Expression]) -> Operator:
        """Reads a finished exchange hashed by `keys`; what one task is enough for, in one, where more can follow."""
        if exchange.finished.bytes < self.options.reduce_task_min_bytes:
            return read(exchange, ONE_TASK, max_tasks=1)
        return read(exchange, hashed(keys, exchange.partitions))


def _estimated_stats(exchange: Exchange) -> StageStats:
    size = exchange.child.estimate
    total = int(size.bytes / UNCOMPRESSED_RATIO)
    share = total // exchange.partitions
    return StageStats(exchange.stage_id, int(size.rows), total, [share] * exchange.partitions)


def _scan(planner: Planner, node: lp.Scan, predicate: Expression | None = None) -> Operator:
    positions = {f.name: i for i, f in enumerate(node.source.schema.fields)}
    columns = tuple(positions[a.name] for a in node.attributes)
    placement = EVERYWHERE if planner.is_small(node) else ANYHOW
    return ScanFiles(node.source, node.attributes, columns, predicate, placement, planner.estimate(node))


def _local_data(planner: Planner, node: lp.LocalData) -> Operator:
    placement = EVERYWHERE if planner.is_small(node) else ANYHOW
    return ScanRows(node, node.attributes, placement, planner.estimate(node))


def _range(planner: Planner, node: lp.Range) -> Operator:
    placement = EVERYWHERE if planner.is_small(node) else ANYHOW
    return ScanRange(
        node.start, node.step, node.rows, node.partitions, node.attributes, placement, planner.estimate(node)
    )


def _one_row(planner: Planner, node: lp.OneRow) -> Operator:
    return OneRowScan((), EVERYWHERE, Estimate(1.0, 1.0))


def _filter(planner: Planner, node: lp.Filter) -> Planned:
    child: Planned
    if isinstance(node.child, lp.Scan):
        child = planner.plan(node.child)
        assert isinstance(child, ScanFiles)
        child = ScanFiles(child.source, child.output, child.columns, node.condition, child.placement, child.estimate)
    else:
        child = planner.plan(node.child)
    if child is None:
        return None
    share = planner.estimate(node).rows / max(1.0, planner.estimate(node.child).rows)
    estimate = Estimate(child.estimate.rows * share, child.estimate.bytes * share)
    return FilterRows(child, node.condition, child.output, child.placement, estimate)


def _project(planner: Planner, node: lp.Project) -> Planned:
    child = planner.plan(node.child)
    if child is None:
        return None
    width = planner.estimator.estimate(node).width(node.output)
    estimate = Estimate(child.estimate.rows, child.estimate.rows * width)
    return ProjectRows(child, node.columns, node.output, renamed(child.placement, node.columns), estimate)


def _expand(planner: Planner, node: lp.Expand) -> Planned:
    child = planner.plan(node.child)
    if child is None:
        return None
    times = len(node.projections)
    estimate = Estimate(child.estimate.rows * times, child.estimate.bytes * times)
    spread = child.placement.spread
    placement = child.placement if spread in (Spread.EVERYWHERE, Spread.ONE_TASK) else ANYHOW
    return ExpandRows(child, node.projections, node.attributes, placement, estimate)


def _generate(planner: Planner, node: lp.Generate) -> Planned:
    child = planner.plan(node.child)
    if child is None:
        return None
    estimate = planner.estimate(node)
    return GenerateRows(child, node.generator, node.outer, node.attributes, node.output, child.placement, estimate)


def _window(planner: Planner, node: lp.Window) -> Planned:
    child = planner.plan(node.child)
    if child is None:
        return None
    placed = planner.clustered(node, "window", child, node.partition_by)
    if placed is None:
        return None
    if placed is not child:
        skew.say_left_whole(planner, placed, "a window needs all rows of a key in one task")
    width = planner.estimator.estimate(node).width(node.output)
    estimate = Estimate(placed.estimate.rows, placed.estimate.rows * width)
    return WindowRows(placed, node.columns, node.output, placed.placement, estimate)


def _limit(planner: Planner, node: lp.Limit) -> Planned:
    count, offset = _integer(node.count), _integer(node.offset) or 0
    if isinstance(node.child, lp.Sort) and node.child.is_global and count is not None:
        return sorting.plan_top(planner, node, node.child, count, offset)
    child = planner.plan(node.child)
    if child is None:
        return None
    output = child.output
    estimate = planner.estimate(node)
    if child.placement.spread not in (Spread.EVERYWHERE, Spread.ONE_TASK) and count is not None:
        reach = count + offset
        child = LimitRows(child, reach, 0, output, child.placement, estimate)
    whole = planner.whole(node, "limit", child)
    return None if whole is None else LimitRows(whole, count, offset, output, whole.placement, estimate)


def _integer(expression: Expression | None) -> int | None:
    if expression is None:
        return None
    if not isinstance(expression, Literal):
        raise SparkError(
            "INVALID_LIMIT_LIKE_EXPRESSION.IS_UNFOLDABLE",
            "The limit like expression is invalid: it must evaluate to a constant value.",
            sql_state="42K0E",
        )
    return None if expression.value is None else int(expression.value)


def _tail(planner: Planner, node: lp.Tail) -> Planned:
    child = planner.plan(node.child)
    whole = None if child is None else planner.whole(node, "tail", child)
    if whole is None:
        return None
    return TailRows(whole, node.count, whole.output, whole.placement, planner.estimate(node))


def _sample(planner: Planner, node: lp.Sample) -> Planned:
    child = planner.plan(node.child)
    if child is None:
        return None
    share = node.upper - node.lower
    estimate = Estimate(child.estimate.rows * share, child.estimate.bytes * share)
    return SampleRows(
        child,
        node.lower,
        node.upper,
        node.with_replacement,
        node.seed,
        child.output,
        child.placement,
        estimate,
        node.deterministic_order,
    )


def _union(planner: Planner, node: lp.Union) -> Planned:
    children = [planner.plan(child) for child in node.children]
    ready = [child for child in children if child is not None]
    if len(ready) < len(children):
        return None
    estimate = Estimate(sum(c.estimate.rows for c in ready), sum(c.estimate.bytes for c in ready))
    if all(c.placement.spread is Spread.EVERYWHERE for c in ready):
        return UnionRows(tuple(ready), node.attributes, EVERYWHERE, estimate)
    # A side that yields rows without a slice would do so in every task of the stage: written down, it is read once.
    sides: list[Operator] = []
    for position, child in enumerate(ready):
        side: Planned = child
        if not vanishes(child):
            exchange = planner.exchange(node, f"union {position}", child, ExchangeKind.SINGLE)
            side = None if exchange is None else read(exchange, ONE_TASK, max_tasks=1)
        if side is not None:
            sides.append(side)
    if len(sides) < len(ready):
        return None
    return UnionRows(tuple(sides), node.attributes, ANYHOW, estimate)


def _set_operation(planner: Planner, node: lp.SetOperation) -> Planned:
    left, right = planner.plan(node.left), planner.plan(node.right)
    if left is None or right is None:
        return None
    estimate = left.estimate
    if left.placement == right.placement and left.placement.spread is Spread.EVERYWHERE:
        return SetRows(left, right, node.kind, node.all, left.output, left.placement, estimate)
    partitions = planner.partitions_for(left.estimate.bytes + right.estimate.bytes)
    sides = [
        planner.exchange(node, role, side, ExchangeKind.HASH, side.output, partitions)
        for role, side in (("left", left), ("right", right))
    ]
    if sides[0] is None or sides[1] is None:
        return None
    first, second = (read(side, hashed(side.child.output, partitions)) for side in (sides[0], sides[1]))
    return SetRows(first, second, node.kind, node.all, first.output, first.placement, estimate)


def _distinct(planner: Planner, node: lp.Distinct) -> Planned:
    columns = node.child.output
    return aggregates.plan_aggregate(planner, node, node.child, columns, columns)


def _aggregate(planner: Planner, node: lp.Aggregate) -> Planned:
    return aggregates.plan_aggregate(planner, node, node.child, node.grouping, node.columns)


def _repartition(planner: Planner, node: lp.Repartition) -> Planned:
    child = planner.plan(node.child)
    if child is None:
        return None
    if not node.shuffle:
        return _coalesce(planner, node, child)
    exact = node.partitions is not None
    partitions = node.partitions or planner.partitions_for(child.estimate.bytes)
    if node.keys and isinstance(node.keys[0], SortOrder):
        return sorting.plan_range(
            planner, node, child, tuple(k for k in node.keys if isinstance(k, SortOrder)), partitions
        )
    if node.keys:
        exchange = planner.exchange(node, "repartition", child, ExchangeKind.HASH, node.keys, partitions)
        placement = hashed(node.keys, partitions)
    else:
        exchange = planner.exchange(node, "repartition", child, ExchangeKind.ROUND_ROBIN, (), partitions)
        placement = ANYHOW
    return None if exchange is None else read(exchange, placement, exact_tasks=exact)


def _coalesce(planner: Planner, node: lp.Repartition, child: Operator) -> Planned:
    if child.placement.spread in (Spread.EVERYWHERE, Spread.ONE_TASK):
        return child
    exchange = planner.exchange(node, "coalesce", child, ExchangeKind.KEEP)
    return None if exchange is None else read(exchange, ANYHOW, max_tasks=node.partitions or 1)


def _cte_reference(planner: Planner, node: lp.CTEReference) -> Planned:
    definition = node.definition
    child = planner.plan(definition.plan)
    if child is None:
        return None
    if child.placement.spread is Spread.EVERYWHERE:
        renames = tuple(
            Alias(inner, outer.name, outer.id)
            for inner, outer in zip(definition.plan.output, node.attributes, strict=True)
        )
        return ProjectRows(child, renames, node.attributes, child.placement, child.estimate)
    exchange = planner.exchange(definition, "cte", child, ExchangeKind.KEEP)
    if exchange is None:
        return None
    planner.estimator.observe(definition.plan, size_of(exchange).rows)
    return ReadExchange(exchange, node.attributes, definition.plan.output, ANYHOW, size_of(exchange))


def _subquery_alias(planner: Planner, node: lp.SubqueryAlias) -> Planned:
    return planner.plan(node.child)


_STRATEGIES: dict[type[lp.LogicalPlan], Callable[..., Planned]] = {
    lp.Scan: _scan,
    lp.InMemoryRelation: plan_cached,
    lp.LocalData: _local_data,
    lp.Range: _range,
    lp.OneRow: _one_row,
    lp.Filter: _filter,
    lp.Project: _project,
    lp.Expand: _expand,
    lp.Generate: _generate,
    lp.Window: _window,
    lp.Limit: _limit,
    lp.Tail: _tail,
    lp.Sample: _sample,
    lp.Union: _union,
    lp.SetOperation: _set_operation,
    lp.Distinct: _distinct,
    lp.Aggregate: _aggregate,
    lp.Join: joins.plan_join,
    lp.Sort: sorting.plan_sort,
    lp.Repartition: _repartition,
    lp.CTEReference: _cte_reference,
    lp.SubqueryAlias: _subquery_alias,
}
