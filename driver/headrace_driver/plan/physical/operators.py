"""Physical operators: what one task does with its share of the rows.

A tree of these reaches from an output (an exchange's, the result's) down to the leaves a task reads: files, rows that
came with the plan, or the blocks of finished exchanges. Everything between two exchanges runs as one kernel program.

Every operator knows how its rows lie across tasks (`placement`); the planner inserts exchanges where an operator needs
them otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, TypeVar, dataclass_transform

from headrace_driver.catalog.source import Source
from headrace_driver.functions.registry import TwoPhase
from headrace_driver.plan.expressions import AggregateCall, Alias, Attribute, Expression, SortOrder
from headrace_driver.plan.logical import JoinType, LocalData, SetKind
from headrace_driver.plan.stage import StageStats

C = TypeVar("C", bound=type)


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
def operator(cls: C) -> C:
    """A dataclass compared by identity that the type checker treats as frozen (see `expressions.node`)."""
    return dataclass(eq=False)(cls)  # type: ignore[return-value]


class Spread(Enum):
    """How an operator's rows lie across the tasks of its stage."""

    EVERYWHERE = "everywhere"
    """Every task can make all of them by itself: so small that to read them again costs less than to move them."""
    ONE_TASK = "one task"
    HASHED = "hashed"
    """By `Placement.keys`, into `Placement.partitions`: rows with equal keys are in one task."""
    RANGED = "ranged"
    """By `Placement.keys`, into `Placement.ranges` of the key as it lies in the files."""
    ORDERED = "ordered"
    """One task after the other holds the next run of a global order."""
    ANYHOW = "anyhow"


@dataclass(frozen=True, slots=True)
class KeyRanges:
    """Ascending split points of an integer or date key: task i has keys in [points[i - 1], points[i])."""

    points: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Placement:
    """A `Spread` and, for HASHED and RANGED, alternative key lists: tuples of attribute ids that all describe it."""

    spread: Spread
    keys: tuple[tuple[int, ...], ...] = ()
    partitions: int = 0
    ranges: KeyRanges | None = None

    @property
    def is_keyed(self) -> bool:
        """Whether rows with equal keys are in one task."""
        return self.spread in (Spread.HASHED, Spread.RANGED)

    def brings_together(self, wanted: Sequence[Expression]) -> bool:
        """Whether rows that agree in all `wanted` expressions are in one task."""
        if self.spread in (Spread.EVERYWHERE, Spread.ONE_TASK):
            return True
        if not self.is_keyed:
            return False
        ids = {e.id for e in wanted if isinstance(e, Attribute)}
        return any(ids.issuperset(keys) for keys in self.keys)


EVERYWHERE = Placement(Spread.EVERYWHERE)
ONE_TASK = Placement(Spread.ONE_TASK)
ANYHOW = Placement(Spread.ANYHOW)
ORDERED = Placement(Spread.ORDERED)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Rows and bytes (uncompressed, of the columns kept) an operator yields; real where a stage has finished."""

    rows: float
    bytes: float

    @property
    def row_bytes(self) -> float:
        return self.bytes / self.rows if self.rows else 0.0


class Operator:
    """Base of all physical operators."""

    INPUTS: ClassVar[tuple[str, ...]] = ()
    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate

    def inputs(self) -> tuple[Operator, ...]:
        """The operators whose rows this one takes, in the same stage."""
        found: list[Operator] = []
        for name in self.INPUTS:
            value = getattr(self, name)
            if isinstance(value, tuple):
                found.extend(value)
            else:
                found.append(value)
        return tuple(found)


class ExchangeKind(Enum):
    """How an exchange redistributes rows."""

    HASH = "hash"
    SINGLE = "single"
    ROUND_ROBIN = "round-robin"
    RANGE = "range"
    KEEP = "keep"
    """Each task's rows stay together: the output is only written down, to be read more than once or sampled."""


@dataclass(eq=False)
class Exchange:
    """A stage boundary: the rows of `child`, redistributed. `stats` is set when its stage has finished.

    The one mutable object of a physical plan: it is the planner's record of a stage it asked for.
    """

    child: Operator
    kind: ExchangeKind
    keys: tuple[Expression, ...]
    partitions: int
    stage_id: int
    bounds: tuple[Expression, ...] = ()
    """RANGE: ascending split points of the first key, literals."""
    sample_rows: int = 0
    stats: StageStats | None = None
    maps: int = 0
    """Tasks of the stage, set when it is compiled."""
    estimated: bool = False
    """`stats` are estimates: the plan is being explained, not run."""
    job_id: int = 0
    """Not 0: the stage is the kept one of that job, and its blocks are cached rows."""
    same_as: Exchange | None = None
    """Another exchange that computes the same rows, column by column: its stage serves for this one too."""

    @property
    def origin(self) -> Exchange:
        """The exchange whose stage makes the blocks."""
        return self if self.same_as is None else self.same_as

    @property
    def is_finished(self) -> bool:
        return self.origin.stats is not None

    @property
    def finished(self) -> StageStats:
        stats = self.origin.stats
        assert stats is not None, "an exchange was read before its stage had finished"
        return stats


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


@dataclass(frozen=True, slots=True)
class ReducerSplit:
    """One reducer read by several tasks: each the blocks of maps (first, count), where count 0 means all of them."""

    reducer: int
    maps: tuple[tuple[int, int], ...]


@operator
class ReadExchange(Operator):
    """Each task reads its reducers' blocks (or, of a KEEP exchange, its share of the maps).

    `source_columns[i]` is the exchanged column that `output[i]` is. Reads that meet in one operator split the same
    reducers into the same number of tasks.
    """

    exchange: Exchange
    output: tuple[Attribute, ...]
    source_columns: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate
    max_tasks: int = 0
    """0: as many as sizes suggest; 1 makes one task read everything."""
    exact_tasks: bool = False
    """One task a reducer: the user asked for that many partitions."""
    splits: tuple[ReducerSplit, ...] = ()
    omitted: frozenset[int] = frozenset()
    """Reducers that are read elsewhere."""


@operator
class ReadBroadcast(Operator):
    """Every task reads all blocks of the exchange."""

    exchange: Exchange
    output: tuple[Attribute, ...]
    source_columns: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate


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
    INPUTS = ("child",)

    child: Operator
    count: int | None
    offset: int
    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate


@operator
class TailRows(Operator):
    INPUTS = ("child",)

    child: Operator
    count: int
    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate


@operator
class SampleRows(Operator):
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
