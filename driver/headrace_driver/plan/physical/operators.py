"""Physical operators: what one task does with its share of the rows.

A tree of these reaches from an output (an exchange's, the result's) down to the leaves a task reads: files, rows that
came with the plan, or the blocks of finished exchanges. Everything between two exchanges runs as one kernel program.

Every operator knows how its rows lie across tasks (`placement`); the planner inserts exchanges where an operator needs
them otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headrace_driver.catalog.source import Source
from headrace_driver.functions.registry import TwoPhase
from headrace_driver.plan.expressions import AggregateCall, Alias, Attribute, Expression, SortOrder
from headrace_driver.plan.logical import JoinType, LocalData, SetKind
from headrace_driver.plan.physical.exchange import Exchange, ReadBroadcast, ReadExchange
from headrace_driver.plan.physical.operator import Estimate, Operator, Placement, Spread, operator


@operator
class ScanFiles(Operator):
    """`columns[i]` is the position in the source's schema of `output[i]`. `predicate` prunes row groups; the filter
    itself stands above. Where the placement is RANGED, it is by the source's column `key_column`."""

    source: Source
    output: tuple[Attribute, ...]
    columns: tuple[int, ...]
    predicate: Expression | None
    placement: Placement
    estimate: Estimate
    key_column: int = -1


@operator
class ScanRows(Operator):
    """Rows that came with the plan."""

    data: LocalData
    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate


@operator
class ScanRange(Operator):
    """The numbers from `start` on, made by the tasks; `tasks` is how many the user asked for."""

    start: int
    step: int
    rows: int
    tasks: int | None
    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate


@operator
class OneRowScan(Operator):
    """One row without columns."""

    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate


@operator
class EmptyRows(Operator):
    """No rows: what stands above needs nothing that was below."""

    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate


@operator
class CachedRows(Operator):
    """What a cached plan yields, all columns: the child of the exchange that stands for its kept stage.

    `physical` is how the rows were made, where they have been.
    """

    cached: Any
    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate
    physical: Operator | None = None


@operator
class ProjectRows(Operator):
    INPUTS = ("child",)

    child: Operator
    columns: tuple[Alias | Attribute, ...]
    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate


@operator
class FilterRows(Operator):
    INPUTS = ("child",)

    child: Operator
    condition: Expression
    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate


@operator
class GenerateRows(Operator):
    """Each row once for every row its generator yields; `outer` keeps rows that have none."""

    INPUTS = ("child",)

    child: Operator
    generator: Expression
    outer: bool
    attributes: tuple[Attribute, ...]
    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class BufferedAggregate:
    """One aggregate of a two-phase aggregation: `result` is its column, `buffers` the names of its state columns."""

    call: AggregateCall
    result: Attribute
    split: TwoPhase
    buffers: tuple[str, ...]


@operator
class ExpandRows(Operator):
    """Every row once for each projection; `carried` are aggregates whose state columns come along."""

    INPUTS = ("child",)

    child: Operator
    projections: tuple[tuple[Expression, ...], ...]
    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate
    carried: tuple[BufferedAggregate, ...] = ()


@operator
class AggregateWhole(Operator):
    """One-phase aggregation: all rows of a group are in the task. `aggregates` are aliases of `AggregateCall`s."""

    INPUTS = ("child",)

    child: Operator
    grouping: tuple[Attribute, ...]
    aggregates: tuple[Alias, ...]
    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate


@operator
class AggregatePartial(Operator):
    """First phase: `output` holds the grouping only; the state columns follow under their own names.

    `kept` are aggregates computed later from grouping columns (DISTINCT arguments).
    """

    INPUTS = ("child",)

    child: Operator
    grouping: tuple[Attribute, ...]
    aggregates: tuple[BufferedAggregate, ...]
    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate


@operator
class AggregateMerge(Operator):
    """Second phase, over state columns. With `finish` False it merges only (rows may meet again further on).

    `distinct` are DISTINCT aggregates over columns of the input, computed here in one phase; `fresh` are aggregates
    whose first phase this is, next to the merging of the others.
    """

    INPUTS = ("child",)

    child: Operator
    grouping: tuple[Attribute, ...]
    aggregates: tuple[BufferedAggregate, ...]
    distinct: tuple[Alias, ...]
    finish: bool
    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate
    fresh: tuple[BufferedAggregate, ...] = ()


@operator
class WindowRows(Operator):
    INPUTS = ("child",)

    child: Operator
    columns: tuple[Alias, ...]
    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate


@operator
class SortRows(Operator):
    """Sorts within each task; with `count`, keeps only so many rows after `offset`."""

    INPUTS = ("child",)

    child: Operator
    order: tuple[SortOrder, ...]
    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate
    count: int | None = None
    offset: int = 0


@operator
class LimitRows(Operator):
    """So many rows after `offset`; None: all of them."""

    INPUTS = ("child",)

    child: Operator
    count: int | None
    offset: int
    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate


@operator
class TailRows(Operator):
    """The last rows of one task."""

    INPUTS = ("child",)

    child: Operator
    count: int
    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate


@operator
class SampleRows(Operator):
    """Each row with probability `upper` - `lower`, or that many times on average `with_replacement`."""

    INPUTS = ("child",)

    child: Operator
    lower: float
    upper: float
    with_replacement: bool
    seed: int
    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate
    deterministic_order: bool = False


@operator
class JoinRows(Operator):
    """Joins what a task has of both sides; the kernel builds its hash table of the right side.

    `condition` is the whole condition, `strategy` says for people how the sides came together.
    """

    INPUTS = ("left", "right")

    left: Operator
    right: Operator
    type: JoinType
    condition: Expression | None
    strategy: str
    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate
    null_aware: bool = False
    mark: Attribute | None = None


@operator
class UnionRows(Operator):
    """All rows of all children; the tasks of the children stand side by side."""

    INPUTS = ("children",)

    children: tuple[Operator, ...]
    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate


@operator
class SetRows(Operator):
    """INTERSECT or EXCEPT of what a task has of both sides."""

    INPUTS = ("left", "right")

    left: Operator
    right: Operator
    kind: SetKind
    all: bool
    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate


def vanishes(op: Operator) -> bool:
    """Whether an operator yields no rows in a task that has no slice of its inputs (one of another side of a union)."""
    if isinstance(op, ScanFiles | ScanRows | ScanRange | ReadExchange):
        return op.placement.spread is not Spread.EVERYWHERE
    if isinstance(op, OneRowScan | ReadBroadcast):
        return False
    if isinstance(op, AggregateWhole | AggregatePartial | AggregateMerge) and not op.grouping:
        return False
    if isinstance(op, JoinRows):
        return _join_vanishes(op)
    if isinstance(op, SetRows):
        return vanishes(op.left) or (op.kind is SetKind.INTERSECT and vanishes(op.right))
    return all(vanishes(child) for child in op.inputs())


def _join_vanishes(op: JoinRows) -> bool:
    left, right = vanishes(op.left), vanishes(op.right)
    if op.type in (JoinType.INNER, JoinType.CROSS):
        return left or right
    if op.type is JoinType.RIGHT:
        return right
    return left and right if op.type is JoinType.FULL else left


def walk(root: Operator, enter: Callable[[Exchange], bool] | None = None) -> list[Operator]:
    """All operators of the stage below `root`, parents first; `enter` decides for each exchange whether to go on."""
    found: list[Operator] = []
    stack = [root]
    while stack:
        current = stack.pop()
        found.append(current)
        stack.extend(reversed(current.inputs()))
        if enter is not None and isinstance(current, ReadExchange | ReadBroadcast) and enter(current.exchange):
            stack.append(current.exchange.child)
    return found
