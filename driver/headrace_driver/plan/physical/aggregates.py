"""How an aggregation is spread over tasks.

Rows of a group that are together already are aggregated in one go. Otherwise, where every aggregate can be split, tasks
aggregate what they have, the partial results are hashed by the grouping and merged. DISTINCT aggregates over one list
of arguments are split by grouping by those arguments first; everything else moves its rows before aggregating them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace_driver.functions.registry import REGISTRY, FunctionKind, TwoPhase
from headrace_driver.plan import logical as lp
from headrace_driver.plan.expressions import (
    AggregateCall,
    Alias,
    Attribute,
    Expression,
    new_id,
    replace,
    transform_down,
    walk,
)
from headrace_driver.plan.physical import skew
from headrace_driver.plan.physical.exchange import ExchangeKind, ReadExchange
from headrace_driver.plan.physical.grouping_sets import grouping_sets_first
from headrace_driver.plan.physical.operator import ANYHOW, Estimate, Operator
from headrace_driver.plan.physical.operators import (
    AggregateMerge,
    AggregatePartial,
    AggregateWhole,
    BufferedAggregate,
    ProjectRows,
    UnionRows,
)
from headrace_driver.plan.physical.reading import renamed

if TYPE_CHECKING:
    from headrace_driver.plan.physical.planner import Planned, Planner


@dataclass(frozen=True, slots=True)
class Shape:
    """An aggregation taken apart: what is computed before, the grouping columns, the aggregates, the results."""

    before: tuple[Alias | Attribute, ...]
    grouping: tuple[Attribute, ...]
    aggregates: tuple[Alias, ...]
    results: tuple[Alias | Attribute, ...]


def plan_aggregate(
    planner: Planner,
    node: lp.LogicalPlan,
    source: lp.LogicalPlan,
    grouping: Sequence[Expression],
    columns: Sequence[Alias | Attribute],
) -> Planned:
    """Plans one aggregation (or DISTINCT, an aggregation without aggregates)."""
    child = planner.plan(source)
    if child is None:
        return None
    shape = planner.shapes.get(id(node))
    if shape is None:
        shape = planner.shapes[id(node)] = take_apart(source, grouping, columns)
    estimate = planner.estimate(node)
    if not child.placement.brings_together(grouping):
        child = planner.aligner.group(child, grouping) or child
    done = _aggregated(planner, node, child, grouping, shape, estimate)
    return None if done is None else _results(done, shape, estimate)


def take_apart(source: lp.LogicalPlan, grouping: Sequence[Expression], columns: Sequence[Alias | Attribute]) -> Shape:
    """Gives every grouping expression and every aggregate a column of its own."""
    keys: dict[Expression, Attribute] = {}
    before: dict[int, Alias | Attribute] = {}
    for expression in grouping:
        if expression in keys:
            continue
        if isinstance(expression, Attribute):
            keys[expression] = expression
            before[expression.id] = expression
        else:
            alias = Alias(expression, "group", new_id())
            keys[expression] = alias.attribute()
            before[alias.id] = alias
    aggregates: dict[Expression, Alias] = {}

    def take(expression: Expression) -> Expression:
        key = keys.get(expression)
        if key is not None:
            return key
        if isinstance(expression, AggregateCall):
            found = aggregates.get(expression)
            if found is None:
                found = aggregates[expression] = Alias(expression, expression.name, new_id())
            return found.attribute()
        return expression

    results = tuple(_result(column, transform_down(column, take)) for column in columns)
    available = {a.id: a for a in source.output}
    for expression in aggregates:
        for part in walk(expression):
            if isinstance(part, Attribute) and part.id in available:
                before.setdefault(part.id, part)
    return Shape(tuple(before.values()), tuple(keys.values()), tuple(aggregates.values()), results)


def _result(column: Alias | Attribute, made: Expression) -> Alias | Attribute:
    if isinstance(made, Alias):
        return made
    assert isinstance(made, Attribute)
    # A grouping expression's own column stands for the attribute the query knows it by.
    return made if made.id == column.id else Alias(made, column.name, column.id)


def _aggregated(
    planner: Planner,
    node: lp.LogicalPlan,
    child: Operator,
    grouping: Sequence[Expression],
    shape: Shape,
    estimate: Estimate,
) -> Planned:
    together = child.placement.brings_together(grouping)
    before = _before(child, shape)
    if together:
        return _whole(before, shape, estimate)
    split = [_split(alias) for alias in shape.aggregates]
    distinct = [alias for alias, parts in zip(shape.aggregates, split, strict=True) if parts is None]
    if not distinct:
        if len(shape.grouping) == 1 and estimate.rows > child.estimate.rows * planner.options.merge_pays_below:
            return _move_then_aggregate(planner, node, before, shape, estimate)
        buffered = [_buffered(alias, parts) for alias, parts in zip(shape.aggregates, split, strict=True) if parts]
        return _two_phases(planner, node, before, shape, buffered, estimate)
    if _one_distinct_list(distinct):
        rest = [_buffered(alias, parts) for alias, parts in zip(shape.aggregates, split, strict=True) if parts]
        return _distinct_phases(planner, node, before, shape, rest, distinct, estimate)
    return _move_then_aggregate(planner, node, before, shape, estimate)


def _before(child: Operator, shape: Shape) -> Operator:
    """Computes grouping expressions; drops what the aggregation does not need."""
    output = tuple(c if isinstance(c, Attribute) else c.attribute() for c in shape.before)
    width = child.estimate.row_bytes * len(output) / max(1, len(child.output))
    estimate = Estimate(child.estimate.rows, child.estimate.rows * width)
    return ProjectRows(child, shape.before, output, child.placement, estimate)


def _whole(child: Operator, shape: Shape, estimate: Estimate) -> Operator:
    output = (*shape.grouping, *(alias.attribute() for alias in shape.aggregates))
    return AggregateWhole(child, shape.grouping, shape.aggregates, output, child.placement, estimate)


def _move_then_aggregate(
    planner: Planner, node: lp.LogicalPlan, before: Operator, shape: Shape, estimate: Estimate
) -> Planned:
    placed = planner.clustered(node, "group", before, shape.grouping)
    if placed is None:
        return None
    split = [_split(alias) for alias in shape.aggregates]
    if any(parts is None for parts in split):
        skew.say_left_whole(planner, placed, "these aggregates need all rows of a group in one task")
        return _whole(placed, shape, estimate)
    split_read = None if planner.asked(node, "skew") is not None else skew.split_groups(planner, placed)
    if split_read is None and planner.asked(node, "skew") is None:
        return _whole(placed, shape, estimate)
    buffered = [_buffered(alias, parts) for alias, parts in zip(shape.aggregates, split, strict=True) if parts]
    return _skewed_groups(planner, node, placed, split_read, shape, tuple(buffered), estimate)


def _skewed_groups(
    planner: Planner,
    node: lp.LogicalPlan,
    placed: Operator,
    split_read: ReadExchange | None,
    shape: Shape,
    aggregates: tuple[BufferedAggregate, ...],
    estimate: Estimate,
) -> Planned:
    """Skewed partitions are aggregated in pieces, whose results are merged; the others in one go."""
    asked = planner.asked(node, "skew")
    if asked is not None:
        partial = asked.child
    else:
        assert split_read is not None
        partial = AggregatePartial(
            split_read, shape.grouping, aggregates, shape.grouping, split_read.placement, split_read.estimate
        )
    moved = _moved(planner, node, "skew", partial, shape.grouping)
    if moved is None:
        return None
    merged = _merge(moved, shape.grouping, aggregates, (), moved.estimate)
    rest = _whole(skew.without_splits(placed, partial.inputs()[0]), shape, estimate)
    return UnionRows((rest, merged), rest.output, ANYHOW, estimate)


def _split(alias: Alias) -> TwoPhase | None:
    """How an aggregate is split; None when its rows (or its distinct arguments) must come together."""
    call = alias.child
    assert isinstance(call, AggregateCall)
    function = REGISTRY.find(call.name)
    assert function is not None, call.name
    assert function.kind is FunctionKind.AGGREGATE, call.name
    if call.order_by or (call.distinct and not function.duplicate_agnostic) or function.two_phase is None:
        return None
    return function.two_phase(call)


def _buffered(alias: Alias, split: TwoPhase) -> BufferedAggregate:
    call = alias.child
    assert isinstance(call, AggregateCall)
    names = tuple(f"b{alias.id}_{i}" for i in range(len(split.buffers)))
    return BufferedAggregate(call, alias.attribute(), split, names)


def _two_phases(
    planner: Planner,
    node: lp.LogicalPlan,
    before: Operator,
    shape: Shape,
    buffered: Sequence[BufferedAggregate],
    estimate: Estimate,
) -> Planned:
    aggregates = tuple(buffered)
    first = planner.asked(node, "merge")
    partial: Operator
    if first is not None:
        partial = first.child
    else:
        partial = grouping_sets_first(before, shape.grouping, aggregates) or AggregatePartial(
            before,
            shape.grouping,
            aggregates,
            shape.grouping,
            before.placement,
            _partial_size(planner, before, shape.grouping, aggregates, estimate),
        )
    merged = _moved(planner, node, "merge", partial, shape.grouping)
    return None if merged is None else _merge(merged, shape.grouping, aggregates, (), estimate)


def _partial_size(
    planner: Planner,
    before: Operator,
    grouping: Sequence[Attribute],
    aggregates: Sequence[BufferedAggregate],
    estimate: Estimate,
) -> Estimate:
    width = 8.0 * (len(grouping) + sum(len(a.buffers) for a in aggregates))
    rows = min(before.estimate.rows, estimate.rows * planner.cluster.slots)
    return Estimate(rows, rows * max(8.0, width))


def _moved(planner: Planner, node: lp.LogicalPlan, role: str, partial: Operator, keys: Sequence[Attribute]) -> Planned:
    if not keys:
        return planner.whole(node, role, partial)
    partitions = planner.partitions_for(partial.estimate.bytes)
    exchange = planner.exchange(node, role, partial, ExchangeKind.HASH, keys, partitions)
    return None if exchange is None else planner.read_hashed(exchange, keys)


def _merge(
    child: Operator,
    grouping: tuple[Attribute, ...],
    aggregates: tuple[BufferedAggregate, ...],
    distinct: tuple[Alias, ...],
    estimate: Estimate,
) -> Operator:
    output = (*grouping, *(a.result for a in aggregates), *(d.attribute() for d in distinct))
    return AggregateMerge(child, grouping, aggregates, distinct, True, output, child.placement, estimate)


def _one_distinct_list(distinct: Sequence[Alias]) -> bool:
    """Whether all are DISTINCT over the same plain columns, without FILTER or ORDER BY."""
    calls = [alias.child for alias in distinct]
    first = calls[0]
    return all(
        isinstance(call, AggregateCall)
        and isinstance(first, AggregateCall)
        and call.distinct
        and call.where is None
        and not call.order_by
        and call.args == first.args
        and all(isinstance(arg, Attribute) for arg in call.args)
        for call in calls
    )


def _distinct_phases(
    planner: Planner,
    node: lp.LogicalPlan,
    before: Operator,
    shape: Shape,
    rest: Sequence[BufferedAggregate],
    distinct: Sequence[Alias],
    estimate: Estimate,
) -> Planned:
    """Group by keys and DISTINCT arguments first; what then meets by keys holds every argument few times."""
    call = distinct[0].child
    assert isinstance(call, AggregateCall)
    arguments = tuple(arg for arg in call.args if isinstance(arg, Attribute))
    keys = tuple(dict.fromkeys((*shape.grouping, *arguments)))
    aggregates = tuple(rest)
    first = planner.asked(node, "merge")
    if first is not None:
        partial: Operator = first.child
    else:
        size = Estimate(before.estimate.rows * 0.5, before.estimate.bytes * 0.5)
        partial = AggregatePartial(before, keys, aggregates, keys, before.placement, size)
    if shape.grouping:
        moved = _moved(planner, node, "merge", partial, shape.grouping)
        if moved is None:
            return None
        skew.say_left_whole(planner, moved, "distinct values of a group meet in one task")
        return _merge(moved, shape.grouping, aggregates, tuple(distinct), estimate)
    return _global_distinct(planner, node, partial, arguments, aggregates, distinct, estimate)


def _global_distinct(
    planner: Planner,
    node: lp.LogicalPlan,
    partial: Operator,
    arguments: tuple[Attribute, ...],
    aggregates: tuple[BufferedAggregate, ...],
    distinct: Sequence[Alias],
    estimate: Estimate,
) -> Planned:
    """Without grouping: hashed by the arguments, each value is in one task; their partial results meet in one."""
    plain = [Alias(replace(_call(alias), distinct=False), alias.name, alias.id) for alias in distinct]
    split = [_split(alias) for alias in plain]
    if any(parts is None for parts in split):
        whole = planner.whole(node, "merge", partial)
        return None if whole is None else _merge(whole, (), aggregates, tuple(distinct), estimate)
    moved = _moved(planner, node, "merge", partial, arguments)
    if moved is None:
        return None
    fresh = tuple(_buffered(alias, parts) for alias, parts in zip(plain, split, strict=True) if parts)
    second = planner.asked(node, "distinct")
    if second is not None:
        counted: Operator = second.child
    else:
        once = AggregateMerge(moved, arguments, aggregates, (), False, arguments, moved.placement, moved.estimate)
        counted = AggregateMerge(once, (), aggregates, (), False, (), once.placement, Estimate(1.0, 64.0), fresh)
    whole = planner.whole(node, "distinct", counted)
    return None if whole is None else _merge(whole, (), (*aggregates, *fresh), (), estimate)


def _call(alias: Alias) -> AggregateCall:
    assert isinstance(alias.child, AggregateCall)
    return alias.child


def _results(done: Operator, shape: Shape, estimate: Estimate) -> Operator:
    output = tuple(c if isinstance(c, Attribute) else c.attribute() for c in shape.results)
    if output == done.output and all(isinstance(c, Attribute) for c in shape.results):
        return done
    return ProjectRows(done, shape.results, output, renamed(done.placement, shape.results), estimate)
