"""Estimates of rows, widths and distinct values for logical plans, from the sources' statistics.

Used by join ordering and physical planning. The formulas are the usual ones (System R; Spark's CBO): selectivities of
independent predicates multiply, an equi-join keeps |L| * |R| / max(distinct). Every figure may be wrong by much;
physical planning replaces estimates by real sizes as stages finish.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import singledispatch
from math import prod

from headrace_driver.catalog.source import ColumnStatistics
from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.plan.conditions import conjuncts, equated
from headrace_driver.plan.expressions import Alias, Attribute, Call, Cast, Expression, Literal, walk

UNKNOWN = ColumnStatistics()
UNKNOWN_SELECTIVITY = 0.25
"""Of a predicate nothing is known about; LIKE, functions and the like."""
RANGE_SELECTIVITY = 0.33
MIN_INTERVAL_SHARE = 0.0001
"""Of an interval between two bounds, at least: minima and maxima say nothing of how values lie between them."""
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
UNKNOWN_ROWS = 1_000_000.0
"""Of files that do not tell their row count, when their size does not either."""


@dataclass(frozen=True, slots=True)
class RelationEstimate:
    """Rows, and what is known of each column by attribute id."""

    rows: float
    columns: Mapping[int, ColumnStatistics] = field(default_factory=dict)

    def distinct(self, attribute_id: int) -> float:
        """Distinct values of a column, at most the row count."""
        known = self.columns.get(attribute_id, UNKNOWN).distinct
        return max(1.0, min(self.rows, known if known is not None else self.rows))

    def width(self, attributes: tuple[Attribute, ...]) -> float:
        """Average uncompressed bytes of a row of those columns."""
        return sum(column_bytes(a, self.columns.get(a.id, UNKNOWN)) for a in attributes) or 1.0


_FIXED_BYTES: dict[type[t.DataType], float] = {
    t.BooleanType: 1.0,
    t.ByteType: 1.0,
    t.ShortType: 2.0,
    t.IntegerType: 4.0,
    t.FloatType: 4.0,
    t.DateType: 4.0,
}


def column_bytes(attribute: Attribute, known: ColumnStatistics) -> float:
    """Average bytes of one value of a column."""
    dtype = attribute.type
    fixed = _FIXED_BYTES.get(type(dtype))
    if fixed is not None:
        return fixed
    if isinstance(dtype, t.StringType | t.BinaryType):
        return known.average_bytes if known is not UNKNOWN else 20.0
    if isinstance(dtype, t.DecimalType):
        return 8.0 if dtype.precision <= 18 else 16.0
    if isinstance(dtype, t.ArrayType | t.MapType | t.StructType):
        return 64.0
    return 8.0


class Estimator:
    """Estimates of logical plans, remembered by identity; `actual` overrides what has really been seen."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[lp.LogicalPlan, RelationEstimate]] = {}

    def estimate(self, plan: lp.LogicalPlan) -> RelationEstimate:
        found = self._known.get(id(plan))
        if found is None:
            # The plan is kept with its estimate so that its id cannot be given to another object.
            found = (plan, _estimate(plan, self.estimate))
            self._known[id(plan)] = found
        return found[1]

    def observe(self, plan: lp.LogicalPlan, rows: float) -> None:
        """Sets the real row count of a plan; estimates above it made before stay."""
        before = self.estimate(plan)
        self._known[id(plan)] = (plan, RelationEstimate(rows, before.columns))

    def bytes(self, plan: lp.LogicalPlan) -> float:
        """Uncompressed bytes of a plan's output."""
        found = self.estimate(plan)
        return found.rows * found.width(plan.output)


Recurse = Callable[[lp.LogicalPlan], RelationEstimate]


@singledispatch
def _estimate(plan: lp.LogicalPlan, of: Recurse) -> RelationEstimate:
    inputs = plan.inputs()
    if not inputs:
        return RelationEstimate(UNKNOWN_ROWS)
    return of(inputs[0])


@_estimate.register
def _(plan: lp.OneRow, of: Recurse) -> RelationEstimate:
    return RelationEstimate(1.0)


@_estimate.register
def _(plan: lp.LocalData, of: Recurse) -> RelationEstimate:
    return RelationEstimate(float(plan.rows))


@_estimate.register
def _(plan: lp.Range, of: Recurse) -> RelationEstimate:
    rows = plan.rows
    low, high = plan.start, plan.start + plan.step * max(0, rows - 1)
    column = ColumnStatistics(min(low, high), max(low, high), 0, float(rows), 8.0)
    return RelationEstimate(float(rows), {a.id: column for a in plan.attributes})


@_estimate.register
def _(plan: lp.Scan, of: Recurse) -> RelationEstimate:
    source = plan.source
    positions = {f.name: i for i, f in enumerate(source.schema.fields)}
    columns = {a.id: source.statistics(positions[a.name]) for a in plan.attributes}
    rows = source.rows()
    if rows is None:
        width = sum(column_bytes(a, columns[a.id]) for a in plan.attributes) or 8.0
        rows = sum(f.bytes for f in source.files()) / width if source.files() else UNKNOWN_ROWS
    found = RelationEstimate(float(rows), columns)
    return found if plan.predicate is None else _filtered(found, plan.predicate)


@_estimate.register
def _(plan: lp.InMemoryRelation, of: Recurse) -> RelationEstimate:
    """The rows counted when they were computed, the columns as the cached plan estimates them."""
    cached = plan.cached
    known = of(cached.plan)
    pairs = zip(plan.attributes, plan.positions, strict=True)
    columns = {a.id: known.columns.get(cached.output[position].id, UNKNOWN) for a, position in pairs}
    return RelationEstimate(float(cached.kept.rows) if cached.kept is not None else known.rows, columns)


@_estimate.register
def _(plan: lp.Filter, of: Recurse) -> RelationEstimate:
    return _filtered(of(plan.child), plan.condition)


@_estimate.register
def _(plan: lp.Project, of: Recurse) -> RelationEstimate:
    child = of(plan.child)
    columns = dict(child.columns)
    for column in plan.columns:
        if isinstance(column, Alias):
            columns[column.id] = _of_expression(column.child, child)
    return RelationEstimate(child.rows, columns)


def _of_expression(expression: Expression, child: RelationEstimate) -> ColumnStatistics:
    """Statistics of a computed column: those of the column it renames, or at most that column's distinct values."""
    if isinstance(expression, Attribute):
        return child.columns.get(expression.id, UNKNOWN)
    if isinstance(expression, Literal):
        return ColumnStatistics(distinct=1.0)
    if isinstance(expression, Cast) and isinstance(expression.child, Attribute):
        inner = child.columns.get(expression.child.id, UNKNOWN)
        return ColumnStatistics(distinct=inner.distinct, average_bytes=inner.average_bytes)
    names = {e.id for e in walk(expression) if isinstance(e, Attribute)}
    if len(names) == 1:
        return ColumnStatistics(distinct=child.distinct(names.pop()))
    return UNKNOWN


@_estimate.register
def _(plan: lp.Aggregate, of: Recurse) -> RelationEstimate:
    child = of(plan.child)
    if not plan.grouping:
        return RelationEstimate(1.0)
    groups = 1.0
    for key in plan.grouping:
        known = _of_expression(key, child)
        groups *= max(1.0, known.distinct if known.distinct is not None else child.rows**0.5)
        if groups >= child.rows:
            break
    columns = dict(child.columns)
    for column in plan.columns:
        if isinstance(column, Alias):
            columns[column.id] = _of_expression(column.child, child)
    return RelationEstimate(max(1.0, min(groups, child.rows)), columns)


@_estimate.register
def _(plan: lp.Expand, of: Recurse) -> RelationEstimate:
    child = of(plan.child)
    columns = dict(child.columns)
    for position, attribute in enumerate(plan.attributes):
        columns[attribute.id] = _of_expression(plan.projections[0][position], child)
    return RelationEstimate(child.rows * len(plan.projections), columns)


@_estimate.register
def _(plan: lp.Generate, of: Recurse) -> RelationEstimate:
    child = of(plan.child)
    return RelationEstimate(child.rows * 4, child.columns)


@_estimate.register
def _(plan: lp.Limit, of: Recurse) -> RelationEstimate:
    child = of(plan.child)
    count = plan.count.value if isinstance(plan.count, Literal) else child.rows
    return RelationEstimate(min(child.rows, float(count)), child.columns)


@_estimate.register
def _(plan: lp.Distinct, of: Recurse) -> RelationEstimate:
    child = of(plan.child)
    groups = 1.0
    for attribute in plan.output:
        groups *= child.distinct(attribute.id)
    return RelationEstimate(min(groups, child.rows), child.columns)


@_estimate.register
def _(plan: lp.Union, of: Recurse) -> RelationEstimate:
    return RelationEstimate(sum(of(child).rows for child in plan.children))


@_estimate.register
def _(plan: lp.CTEReference, of: Recurse) -> RelationEstimate:
    inner = of(plan.definition.plan)
    pairs = zip(plan.attributes, plan.definition.plan.output, strict=True)
    return RelationEstimate(inner.rows, {a.id: inner.columns.get(b.id, UNKNOWN) for a, b in pairs})


@_estimate.register
def _(plan: lp.Join, of: Recurse) -> RelationEstimate:
    left, right = of(plan.left), of(plan.right)
    columns = {**right.columns, **left.columns}
    if plan.mark is not None:
        return RelationEstimate(left.rows, columns)
    matched = join_rows(left, right, plan.condition)
    if plan.type is lp.JoinType.SEMI:
        return RelationEstimate(max(1.0, left.rows * _matching_share(left, right, plan.condition)), columns)
    if plan.type is lp.JoinType.ANTI:
        return RelationEstimate(max(1.0, left.rows * (1 - 0.9 * _matching_share(left, right, plan.condition))), columns)
    if plan.type is lp.JoinType.LEFT:
        matched = max(matched, left.rows)
    elif plan.type is lp.JoinType.RIGHT:
        matched = max(matched, right.rows)
    elif plan.type is lp.JoinType.FULL:
        matched = max(matched, left.rows + right.rows)
    return RelationEstimate(max(1.0, matched), columns)


def join_rows(left: RelationEstimate, right: RelationEstimate, condition: Expression | None) -> float:
    """Rows of the inner join of two relations.

    Several equalities are one key: their distinct counts multiply only as far as a side has rows, and since such a
    key is as a rule the other side's primary key, the side with fewer combinations tells how many partners there are.
    """
    rows = left.rows * right.rows
    pairs = []
    for term in conjuncts(condition):
        pair = equated(term)
        if pair is None:
            rows *= RANGE_SELECTIVITY
        else:
            pairs.append((_key_distinct(pair, left), _key_distinct(pair, right)))
    if len(pairs) == 1:
        rows /= max(pairs[0])
    elif pairs:
        combined = (min(left.rows, prod(p[0] for p in pairs)), min(right.rows, prod(p[1] for p in pairs)))
        rows /= max(min(combined), *(max(pair) for pair in pairs))
    return max(1.0, rows)


def _key_distinct(pair: tuple[Expression, Expression], side: RelationEstimate) -> float:
    counts = []
    for expression in pair:
        ids = [e.id for e in walk(expression) if isinstance(e, Attribute)]
        if ids and all(i in side.columns for i in ids):
            known = _of_expression(expression, side).distinct
            counts.append(min(side.rows, known) if known is not None else side.rows)
    return max(1.0, *counts) if counts else 1.0


def _matching_share(left: RelationEstimate, right: RelationEstimate, condition: Expression | None) -> float:
    """The share of left rows that find a partner: as many of its key values as the right side has."""
    share = 1.0
    for term in conjuncts(condition):
        pair = equated(term)
        if pair is not None:
            share = min(share, _key_distinct(pair, right) / _key_distinct(pair, left))
    return min(1.0, max(share, 0.001))


def _filtered(child: RelationEstimate, condition: Expression) -> RelationEstimate:
    share = 1.0
    columns = child.columns
    terms = conjuncts(condition)
    for term in terms:
        share *= selectivity(term, child)
        fixed = _fixed_column(term)
        if fixed is not None:
            known = columns.get(fixed, UNKNOWN)
            columns = {**columns, fixed: ColumnStatistics(distinct=1.0, average_bytes=known.average_bytes)}
    rows = max(1.0, child.rows * share * _intervals_correction(terms, child))
    return RelationEstimate(rows, columns)


def _intervals_correction(terms: list[Expression], child: RelationEstimate) -> float:
    """What the product of selectivities is wrong by where a column is bounded from both sides.

    `a <= x AND x < b` are no independent predicates: their shares overlap by all but the interval, so together they
    keep below + above - 1 of the rows, not below * above.
    """
    bounds: dict[int, dict[bool, float]] = {}
    for term in terms:
        found = _bound(term, child)
        if found is not None:
            column, is_upper, share = found
            sides = bounds.setdefault(column, {})
            sides[is_upper] = min(share, sides.get(is_upper, 1.0))
    factor = 1.0
    for column, sides in bounds.items():
        if len(sides) == 2:
            least = 1.0 / child.distinct(column)
            factor *= max(least, sides[True] + sides[False] - 1.0, MIN_INTERVAL_SHARE) / (sides[True] * sides[False])
    return min(1.0, factor)


def _bound(term: Expression, child: RelationEstimate) -> tuple[int, bool, float] | None:
    """The column a comparison with a constant bounds, whether from above, and the share of rows it keeps."""
    if not isinstance(term, Call) or term.name not in _MIRRORED:
        return None
    left, right = term.args
    name = term.name
    if isinstance(left, Literal):
        left, right, name = right, left, _MIRRORED[name]
    if isinstance(left, Cast):
        left = left.child
    if not (isinstance(left, Attribute) and isinstance(right, Literal)):
        return None
    known = child.columns.get(left.id, UNKNOWN)
    if _number(known.minimum) is None or _number(known.maximum) is None or _number(right.value) is None:
        return None
    return left.id, name in ("<", "<="), _range_share(term, child)


def _fixed_column(term: Expression) -> int | None:
    pair = equated(term)
    if pair is None:
        return None
    for one, other in (pair, pair[::-1]):
        if isinstance(one, Attribute) and isinstance(other, Literal):
            return one.id
    return None


def selectivity(term: Expression, child: RelationEstimate) -> float:
    """The share of rows for which a predicate is true."""
    if isinstance(term, Literal):
        return 1.0 if term.value else 0.0
    if not isinstance(term, Call):
        return UNKNOWN_SELECTIVITY
    if term.name == "and":
        result = 1.0
        for arg in term.args:
            result *= selectivity(arg, child)
        return result
    if term.name == "or":
        miss = 1.0
        for arg in term.args:
            miss *= 1 - selectivity(arg, child)
        return 1 - miss
    if term.name == "not":
        return max(0.0, 1 - selectivity(term.args[0], child))
    if term.name in ("isnotnull", "isnull"):
        return _null_share(term, child)
    if term.name == "in":
        return min(1.0, (len(term.args) - 1) * _equality_share(term.args[0], child))
    if term.name in ("=", "<=>"):
        return _comparison_of_columns(term, child)
    if term.name in ("<", "<=", ">", ">="):
        return _range_share(term, child)
    if term.name in ("like", "rlike", "contains", "startswith", "endswith"):
        return 0.1
    return UNKNOWN_SELECTIVITY


def _null_share(term: Call, child: RelationEstimate) -> float:
    column = term.args[0]
    known = child.columns.get(column.id, UNKNOWN).nulls if isinstance(column, Attribute) else None
    share = known / child.rows if known is not None and child.rows else 0.02
    return min(1.0, share) if term.name == "isnull" else max(0.0, 1 - share)


def _equality_share(column: Expression, child: RelationEstimate) -> float:
    known = _of_expression(column, child).distinct
    return 1 / max(1.0, known) if known is not None else 0.05


def _comparison_of_columns(term: Call, child: RelationEstimate) -> float:
    left, right = term.args
    if isinstance(right, Literal):
        return _equality_share(left, child)
    if isinstance(left, Literal):
        return _equality_share(right, child)
    return min(_equality_share(left, child), _equality_share(right, child))


def _range_share(term: Call, child: RelationEstimate) -> float:
    left, right = term.args
    name = term.name
    if isinstance(left, Literal):
        left, right = right, left
        name = _MIRRORED[name]
    if isinstance(left, Cast):
        left = left.child
    if not (isinstance(left, Attribute) and isinstance(right, Literal)):
        return RANGE_SELECTIVITY
    known = child.columns.get(left.id, UNKNOWN)
    low, high, value = _number(known.minimum), _number(known.maximum), _number(right.value)
    if low is None or high is None or value is None or high <= low:
        return RANGE_SELECTIVITY
    below = min(1.0, max(0.0, (value - low) / (high - low)))
    return max(0.0001, below if name in ("<", "<=") else 1 - below)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or value is None or isinstance(value, str | bytes):
        return None
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
