"""Global orders: one task for what is small, ranges of the first key for the rest.

Rows to be ordered are first written down where they are, with a sample of the first key. Their real size decides then:
one task reads and sorts them all, or the sample's quantiles split them into ranges, each sorted by a task of its own.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Alias, Attribute, Expression, Literal, SortOrder, new_id
from headrace_driver.plan.physical.exchange import ExchangeKind
from headrace_driver.plan.physical.operator import ANYHOW, ONE_TASK, ORDERED, Estimate, Operator, Placement, Spread
from headrace_driver.plan.physical.operators import LimitRows, ProjectRows, SortRows
from headrace_driver.plan.physical.reading import read, size_of
from headrace_driver.plan.stage import StageStats

if TYPE_CHECKING:
    from headrace_driver.plan.physical.planner import Planned, Planner


def plan_sort(planner: Planner, node: lp.Sort) -> Planned:
    """ORDER BY over everything, or within each task (`sortWithinPartitions`)."""
    child = planner.plan(node.child)
    if child is None:
        return None
    spread = child.placement.spread
    if not node.is_global or spread in (Spread.EVERYWHERE, Spread.ONE_TASK):
        return _sorted(child, node.order, child.placement)
    kept = planner.asked(node, "kept")
    if kept is None and child.estimate.bytes <= planner.options.one_task_sort_bytes / 4:
        return _in_one_task(planner, node, child)
    if kept is None and planner.asked(node, "sort") is not None:
        return _in_one_task(planner, node, child)
    return plan_range(planner, node, child, node.order, 0)


def _in_one_task(planner: Planner, node: lp.Sort, child: Operator) -> Planned:
    whole = planner.whole(node, "sort", child)
    return None if whole is None else _sorted(whole, node.order, whole.placement)


def _sorted(child: Operator, order: tuple[SortOrder, ...], placement: Placement) -> Operator:
    return SortRows(child, order, child.output, placement, child.estimate)


def plan_top(planner: Planner, node: lp.Limit, sort: lp.Sort, count: int, offset: int) -> Planned:
    """ORDER BY with LIMIT: every task keeps its first rows, one task the first of those."""
    child = planner.plan(sort.child)
    if child is None:
        return None
    reach = count + offset
    rows = min(float(reach), child.estimate.rows)
    estimate = Estimate(rows, rows * child.estimate.row_bytes)
    output = child.output
    if child.placement.spread not in (Spread.EVERYWHERE, Spread.ONE_TASK):
        if estimate.bytes > planner.options.one_task_sort_bytes:
            ordered = planner.plan(sort)
            whole = None if ordered is None else planner.whole(node, "limit", ordered)
            return None if whole is None else LimitRows(whole, count, offset, output, whole.placement, estimate)
        child = SortRows(child, sort.order, output, child.placement, estimate, reach)
    whole = planner.whole(node, "top", child)
    return None if whole is None else SortRows(whole, sort.order, output, whole.placement, estimate, count, offset)


def plan_range(
    planner: Planner, node: lp.LogicalPlan, child: Operator, order: tuple[SortOrder, ...], partitions: int
) -> Planned:
    """Sorted runs of a global order. `partitions` 0: as many as sizes suggest; otherwise as the user asked."""
    output = child.output
    asked = planner.asked(node, "kept")
    if asked is None:
        child, key = _with_key(child, order[0].child)
    else:
        child, key = asked.child, _attribute(asked.keys[0])
    kept = planner.exchange(
        node, "kept", child, ExchangeKind.KEEP, (key,), sample_rows=planner.options.sort_sample_rows
    )
    if kept is None:
        return None
    size = size_of(kept)
    if not partitions and size.bytes <= planner.options.one_task_sort_bytes:
        return _without_key(_sorted(read(kept, ONE_TASK, max_tasks=1), order, ONE_TASK), output)
    wanted = partitions or planner.partitions_for(size.bytes)
    ranged = planner.asked(node, "ranges")
    if ranged is None:
        bounds = _bounds(kept.finished, order[0], wanted)
        source = read(kept, ANYHOW)
        planner.exchange(node, "ranges", source, ExchangeKind.RANGE, (order[0],), len(bounds) + 1, bounds)
        ranged = planner.asked(node, "ranges")
    if ranged is None or not ranged.is_finished:
        return None
    return _without_key(_sorted(read(ranged, ORDERED, exact_tasks=True), order, ORDERED), output)


def _with_key(child: Operator, key: Expression) -> tuple[Operator, Attribute]:
    """The sort key as a column, so that it can be sampled."""
    if isinstance(key, Attribute):
        return child, key
    alias = Alias(key, "key", new_id())
    output = (*child.output, alias.attribute())
    return ProjectRows(child, (*child.output, alias), output, child.placement, child.estimate), alias.attribute()


def _without_key(op: Operator, output: tuple[Attribute, ...]) -> Operator:
    """Without the column that `_with_key` added."""
    return op if op.output == output else ProjectRows(op, output, output, op.placement, op.estimate)


def _attribute(key: Expression) -> Attribute:
    assert isinstance(key, Attribute)
    return key


def _bounds(stats: StageStats, key: SortOrder, partitions: int) -> tuple[Expression, ...]:
    """Split points of the sampled first key, in the order's direction, each once. Values of nested types, which only
    the kernel can compare, stay in one range."""
    if isinstance(key.child.dtype, t.ArrayType | t.StructType):
        return ()
    values = sorted(_sampled(stats.samples), reverse=not key.ascending)
    if not values:
        return ()
    picked = (values[len(values) * i // partitions] for i in range(1, partitions))
    return tuple(Literal(value, key.child.dtype) for value in dict.fromkeys(picked))


def _sampled(samples: Sequence[bytes]) -> list[Any]:
    found: list[Any] = []
    for sample in samples:
        if not sample:
            continue
        column = pa.ipc.open_stream(io.BytesIO(sample)).read_all().column(0)
        if pa.types.is_date32(column.type):
            column = column.cast(pa.int32())
        elif pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())
        found.extend(value for value in column.to_pylist() if value is not None and value == value)
    return found
