"""Operators with columns: those of analysed plans, some of which the front ends make already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from functools import cached_property
from typing import Any

from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Alias, Attribute, Expression, SortOrder
from headrace_driver.plan.logical.operator import JoinType, LogicalPlan, SetKind, UnaryPlan, plan_node, replace
from headrace_driver.plan.logical.unresolved import ReadFiles


@plan_node
class OneRow(LogicalPlan):
    """One row without columns: SELECT without FROM."""

    @cached_property
    def output(self) -> tuple[Attribute, ...]:
        return ()


@plan_node
class LocalData(LogicalPlan):
    """Rows that came with the plan: an Arrow IPC stream whose columns are, in order, of `schema`'s types.

    `attributes` is empty before analysis.
    """

    arrow_stream: bytes
    schema: t.StructType
    rows: int
    attributes: tuple[Attribute, ...] = ()

    @cached_property
    def output(self) -> tuple[Attribute, ...]:
        return self.attributes


@plan_node
class Range(LogicalPlan):
    """`spark.range`: one BIGINT column `id`."""

    start: int
    end: int
    step: int
    partitions: int | None = None
    attributes: tuple[Attribute, ...] = ()

    @cached_property
    def output(self) -> tuple[Attribute, ...]:
        return self.attributes

    @property
    def rows(self) -> int:
        return max(0, -((self.start - self.end) // self.step))


@plan_node
class SubqueryAlias(UnaryPlan):
    """`child AS name`: requalifies the columns."""

    child: LogicalPlan
    name: str

    @cached_property
    def output(self) -> tuple[Attribute, ...]:
        return tuple(Attribute(a.name, a.type, a.null, a.id, (self.name,), a.metadata) for a in self.child.output)


@plan_node
class Filter(UnaryPlan):
    EXPRESSIONS = ("condition",)

    child: LogicalPlan
    condition: Expression


@plan_node
class Sort(UnaryPlan):
    """`is_global` False: sortWithinPartitions."""

    EXPRESSIONS = ("order",)

    child: LogicalPlan
    order: tuple[SortOrder, ...]
    is_global: bool = True


@plan_node
class Limit(UnaryPlan):
    """At most `count` rows after skipping `offset`. Expressions before analysis (they may be any foldable text),
    integer literals afterwards; `count` None: no bound."""

    EXPRESSIONS = ("count", "offset")

    child: LogicalPlan
    count: Expression | None
    offset: Expression | None = None


@plan_node
class Tail(UnaryPlan):
    """The last `count` rows, in order."""

    child: LogicalPlan
    count: int


@plan_node
class Distinct(UnaryPlan):
    child: LogicalPlan


@plan_node
class Sample(UnaryPlan):
    """Bernoulli (or Poisson with replacement) sampling of the range [lower, upper) of a seeded generator.

    `deterministic_order`: samples of one child with one seed must agree on every row's number (`randomSplit`).
    """

    child: LogicalPlan
    lower: float
    upper: float
    with_replacement: bool
    seed: int
    deterministic_order: bool = False


@plan_node
class Repartition(UnaryPlan):
    """`repartition`, `coalesce` (shuffle False), `repartitionByRange` (keys are SortOrder)."""

    EXPRESSIONS = ("keys",)

    child: LogicalPlan
    partitions: int | None
    shuffle: bool = True
    keys: tuple[Expression, ...] = ()


@plan_node
class Scan(LogicalPlan):
    """Files (or worker-held data) with a known schema.

    `source` is a `headrace_driver.catalog.source.Source`: it lists files with sizes, rows and statistics. `attributes`
    are the columns read, `columns` their positions in the source's schema. `predicate` is what pushdown promised to
    the scan: used for pruning and evaluated by the scan, over `attributes` (and columns it needs besides).
    """

    EXPRESSIONS = ("predicate",)

    source: Any
    attributes: tuple[Attribute, ...]
    predicate: Expression | None = None
    read: ReadFiles | None = None
    """What the source was opened for; None for worker-held data."""

    @cached_property
    def output(self) -> tuple[Attribute, ...]:
        return self.attributes


@plan_node
class InMemoryRelation(LogicalPlan):
    """Rows of a cached plan, a `headrace_driver.cache.data.CachedData`; attribute i is its column `positions[i]`."""

    cached: Any
    attributes: tuple[Attribute, ...]
    positions: tuple[int, ...]

    @cached_property
    def output(self) -> tuple[Attribute, ...]:
        return self.attributes


@plan_node
class Project(UnaryPlan):
    """`columns` are `Alias`es or `Attribute`s."""

    EXPRESSIONS = ("columns",)

    child: LogicalPlan
    columns: tuple[Alias | Attribute, ...]

    @cached_property
    def output(self) -> tuple[Attribute, ...]:
        return tuple(c if isinstance(c, Attribute) else c.attribute() for c in self.columns)


@plan_node
class Aggregate(UnaryPlan):
    """Groups by `grouping` (attributes or expressions without aggregates); yields `columns`, each an attribute of the
    grouping, or an `Alias` of an expression over grouping expressions and `AggregateCall`s."""

    EXPRESSIONS = ("grouping", "columns")

    child: LogicalPlan
    grouping: tuple[Expression, ...]
    columns: tuple[Alias | Attribute, ...]

    @cached_property
    def output(self) -> tuple[Attribute, ...]:
        return tuple(c if isinstance(c, Attribute) else c.attribute() for c in self.columns)


@plan_node
class Expand(UnaryPlan):
    """Every input row once for each of `projections` (grouping sets); yields `attributes`."""

    child: LogicalPlan
    projections: tuple[tuple[Expression, ...], ...]
    attributes: tuple[Attribute, ...]

    @cached_property
    def output(self) -> tuple[Attribute, ...]:
        return self.attributes

    def expressions(self) -> Iterator[Expression]:
        for projection in self.projections:
            yield from projection

    def map_expressions(self, change: Callable[[Expression], Expression]) -> LogicalPlan:
        new = tuple(tuple(change(e) for e in projection) for projection in self.projections)
        return replace(self, projections=new)


@plan_node
class Window(UnaryPlan):
    """Adds `columns`, aliases of `WindowExpression`s that share one partitioning and ordering."""

    EXPRESSIONS = ("columns", "partition_by", "order_by")

    child: LogicalPlan
    columns: tuple[Alias, ...]
    partition_by: tuple[Expression, ...]
    order_by: tuple[SortOrder, ...]

    @cached_property
    def output(self) -> tuple[Attribute, ...]:
        return self.child.output + tuple(c.attribute() for c in self.columns)


@plan_node
class Generate(UnaryPlan):
    """Adds `attributes`, the rows `generator` makes of each input row; `outer` keeps rows it makes nothing of."""

    EXPRESSIONS = ("generator",)

    child: LogicalPlan
    generator: Expression
    outer: bool
    attributes: tuple[Attribute, ...]

    @cached_property
    def output(self) -> tuple[Attribute, ...]:
        return self.child.output + self.attributes


class JoinHint(Enum):
    BROADCAST_LEFT = "broadcast left"
    BROADCAST_RIGHT = "broadcast right"
    MERGE = "merge"
    SHUFFLE_HASH_LEFT = "shuffle_hash left"
    SHUFFLE_HASH_RIGHT = "shuffle_hash right"
    NESTED_LOOP = "shuffle_replicate_nl"


@plan_node
class Join(LogicalPlan):
    """`null_aware` marks the anti join of NOT IN, and the existence join of IN: a null on either side makes the answer
    unknown."""

    INPUTS = ("left", "right")
    EXPRESSIONS = ("condition",)

    left: LogicalPlan
    right: LogicalPlan
    type: JoinType
    condition: Expression | None = None
    hint: JoinHint | None = None
    null_aware: bool = False
    mark: Attribute | None = None
    """Set for existence joins (type LEFT): yields one boolean column more, true where the right side matched (and null
    where it is unknown whether it did, if `null_aware`)."""

    @cached_property
    def output(self) -> tuple[Attribute, ...]:
        if self.mark is not None:
            return (*self.left.output, self.mark)
        if self.type in (JoinType.SEMI, JoinType.ANTI):
            return self.left.output
        left, right = self.left.output, self.right.output
        if self.type in (JoinType.RIGHT, JoinType.FULL):
            left = tuple(_nullable(a) for a in left)
        if self.type in (JoinType.LEFT, JoinType.FULL):
            right = tuple(_nullable(a) for a in right)
        return left + right


def _nullable(a: Attribute) -> Attribute:
    return a if a.null else Attribute(a.name, a.type, True, a.id, a.qualifier, a.metadata)


@plan_node
class LateralJoin(LogicalPlan):
    """The right plan runs for each left row, to which it refers by `OuterReference`s; the optimizer decorrelates it."""

    INPUTS = ("left", "right")
    EXPRESSIONS = ("condition",)

    left: LogicalPlan
    right: LogicalPlan
    type: JoinType
    outer: tuple[Attribute, ...]
    condition: Expression | None = None

    @cached_property
    def output(self) -> tuple[Attribute, ...]:
        right = self.right.output
        return self.left.output + (tuple(_nullable(a) for a in right) if self.type is JoinType.LEFT else right)


@plan_node
class Union(LogicalPlan):
    """UNION ALL of children whose columns have equal types by position; `attributes` are the result's columns."""

    INPUTS = ("children",)

    children: tuple[LogicalPlan, ...]
    attributes: tuple[Attribute, ...]

    @cached_property
    def output(self) -> tuple[Attribute, ...]:
        return self.attributes


@plan_node
class SetOperation(LogicalPlan):
    """INTERSECT or EXCEPT [ALL] of children with equal types by position; yields the left side's columns."""

    INPUTS = ("left", "right")

    left: LogicalPlan
    right: LogicalPlan
    kind: SetKind
    all: bool

    @cached_property
    def output(self) -> tuple[Attribute, ...]:
        return self.left.output


@plan_node
class CTEDefinition:
    """One common table expression: used by several `CTEReference`s, computed once when that pays."""

    id: int
    plan: LogicalPlan


@plan_node
class CTEReference(LogicalPlan):
    """One use of a common table expression, with column ids of its own; `output[i]` is the plan's `output[i]`."""

    definition: CTEDefinition
    attributes: tuple[Attribute, ...]

    @cached_property
    def output(self) -> tuple[Attribute, ...]:
        return self.attributes


@plan_node
class RecursionReference(LogicalPlan):
    """In the step of a `Recursion`: the rows of the level before."""

    loop_id: int
    attributes: tuple[Attribute, ...]

    @cached_property
    def output(self) -> tuple[Attribute, ...]:
        return self.attributes


@plan_node
class Recursion(LogicalPlan):
    """WITH RECURSIVE: the anchor's rows, those the step makes of them, those it makes of these, until there are none.

    Anchor and step have equal types by position. Levels beyond `levels_max` (None: the session's limit) are an error.
    The engine computes it before a query that reads it is optimized, so no later planning meets one.
    """

    INPUTS = ("anchor", "step")

    loop_id: int
    anchor: LogicalPlan
    step: LogicalPlan
    levels_max: int | None
    attributes: tuple[Attribute, ...]

    @cached_property
    def output(self) -> tuple[Attribute, ...]:
        return self.attributes
