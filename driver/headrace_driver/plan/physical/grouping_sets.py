"""ROLLUP, CUBE and GROUPING SETS without multiplying the input.

Grouping sets repeat every row once for each set before it is aggregated. Where the aggregates read nothing the
repetition changes, rows are first aggregated by all keys at once; what is repeated then are groups, not rows.
"""

from __future__ import annotations

from headrace_driver.plan.expressions import AggregateCall, Attribute, Expression, transform_down, walk
from headrace_driver.plan.physical.operator import Operator
from headrace_driver.plan.physical.operators import (
    AggregateMerge,
    AggregatePartial,
    BufferedAggregate,
    ExpandRows,
    ProjectRows,
)


def grouping_sets_first(
    before: Operator, grouping: tuple[Attribute, ...], aggregates: tuple[BufferedAggregate, ...]
) -> Operator | None:
    """The first phase of an aggregation over an `ExpandRows`, or None where it is none (or cannot be turned round)."""
    expand = before.child if isinstance(before, ProjectRows) else before
    if not isinstance(expand, ExpandRows) or not all(isinstance(c, Attribute) for c in _columns(before)):
        return None
    kept = _unchanged(expand)
    reads = {a.id for aggregate in aggregates for a in walk(aggregate.call) if isinstance(a, Attribute)}
    positions = {a.id: i for i, a in enumerate(expand.output)}
    if not reads <= kept.keys() or not all(key.id in positions for key in grouping):
        return None
    renamed = tuple(_over_base(aggregate, kept) for aggregate in aggregates)
    if any(aggregate is None for aggregate in renamed):
        return None
    picked = [positions[key.id] for key in grouping]
    projections = tuple(tuple(projection[i] for i in picked) for projection in expand.projections)
    base = {a.id: a for projection in projections for e in projection for a in walk(e) if isinstance(a, Attribute)}
    keys = tuple(base.values())
    if not keys:
        # Aggregated by nothing at all, no rows would become one.
        return None
    carried = tuple(aggregate for aggregate in renamed if aggregate is not None)
    child = expand.child
    groups = AggregatePartial(child, keys, carried, keys, child.placement, child.estimate)
    repeated = ExpandRows(groups, projections, grouping, child.placement, expand.estimate, carried)
    return AggregateMerge(repeated, grouping, carried, (), False, grouping, child.placement, before.estimate)


def _columns(op: Operator) -> tuple[Expression, ...]:
    return op.columns if isinstance(op, ProjectRows) else op.output


def _unchanged(expand: ExpandRows) -> dict[int, Attribute]:
    """Columns that are the same input column in every projection, by the id they have above."""
    found: dict[int, Attribute] = {}
    for position, attribute in enumerate(expand.output):
        first = expand.projections[0][position]
        if isinstance(first, Attribute) and all(projection[position] == first for projection in expand.projections):
            found[attribute.id] = first
    return found


def _over_base(aggregate: BufferedAggregate, kept: dict[int, Attribute]) -> BufferedAggregate | None:
    """The aggregate over the input's own columns; None when it cannot be split over them."""
    call = transform_down(aggregate.call, lambda e: kept.get(e.id, e) if isinstance(e, Attribute) else e)
    if not isinstance(call, AggregateCall):
        return None
    return BufferedAggregate(call, aggregate.result, aggregate.split, aggregate.buffers)
