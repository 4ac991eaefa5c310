"""ROLLUP, CUBE, GROUPING SETS: which sets there are, and the aggregation over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.aggregation import aggregate
from headrace_driver.plan.analysis.expressions import Binder
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.analysis.outer import Outer
from headrace_driver.plan.analysis.rewrite import Column, substitute
from headrace_driver.plan.analysis.scope import Relation
from headrace_driver.plan.analysis.select import SelectList
from headrace_driver.plan.expressions import (
    AggregateCall,
    Alias,
    Attribute,
    Case,
    Expression,
    Literal,
    UnresolvedFunction,
    WindowExpression,
    new_id,
    replace,
)
from headrace_driver.plan.logical import Expand, GroupingAnalytics, LogicalPlan, Project

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.analyzer import Analyzer

Sets = list[tuple[int, ...]]
"""Grouping sets as positions in the list of grouping expressions."""


def grouping_sets(node: GroupingAnalytics) -> tuple[list[Expression], Sets | None]:
    """The distinct grouping expressions as written, and the sets over them (None for a plain GROUP BY)."""
    written: list[Expression] = []
    positions: dict[Expression, int] = {}

    def position(e: Expression) -> int:
        found = positions.get(e)
        if found is None:
            found = positions[e] = len(written)
            written.append(e)
        return found

    if node.kind == "groupby":
        return list(node.grouping), None
    if node.kind in ("rollup", "cube"):
        elements = [_positions(e, position) for e in node.grouping]
        sets = (_rollup if node.kind == "rollup" else _cube)(elements)
        return written, [tuple(dict.fromkeys(s)) for s in sets]
    for e in node.grouping:
        position(e)
    sets = [tuple(dict.fromkeys(p for e in s for p in _positions(e, position))) for s in node.sets]
    # A single set of nothing is no grouping at all: without rows there still is one result.
    return written, None if sets == [()] and not written else sets


def _positions(e: Expression, position: Callable[[Expression], int]) -> tuple[int, ...]:
    """One element of a ROLLUP or CUBE, which may be several columns in parentheses."""
    if isinstance(e, UnresolvedFunction) and e.name[-1].lower() in ("struct", "tuple", "named_struct"):
        return tuple(position(a) for a in e.args)
    return (position(e),)


def _rollup(elements: list[tuple[int, ...]]) -> Sets:
    return [tuple(p for e in elements[:n] for p in e) for n in range(len(elements), -1, -1)]


def _cube(elements: list[tuple[int, ...]]) -> Sets:
    found: Sets = []
    for size in range(len(elements), -1, -1):
        found.extend(tuple(p for e in chosen for p in e) for chosen in combinations(elements, size))
    return found


class GroupingCalls:
    """`grouping(x)` and `grouping_id(...)`, bound before the grouping expressions are known.

    They stand as calls of the same name over the columns until `write_out` puts in what they compute.
    """

    def __init__(self, binder: Binder) -> None:
        self._binder = binder

    def bind(self, e: UnresolvedFunction) -> Expression:
        args = self._binder.bind_all(e.args)
        dtype = t.BYTE if e.name[-1].lower() == "grouping" else t.LONG
        # Bound as an aggregate so that nobody asks whether its arguments are grouped.
        return AggregateCall(f"#{e.name[-1].lower()}", args, dtype, False, origin=e.origin)

    def write_out(self, call: AggregateCall, grouping: Sequence[Expression], sets: Sets, gid: Attribute) -> Expression:
        if call.name == "#grouping":
            position = self._position(call, grouping)
            bit = 1 << (len(grouping) - 1 - position)
            values = sorted({g for s in sets if (g := set_id(s, len(grouping))) & bit})
            if not values:
                return Literal(0, t.BYTE)
            inside = self._binder.call("in", (gid, *(Literal(v, t.LONG) for v in values)))
            return Case((inside,), (Literal(1, t.BYTE),), Literal(0, t.BYTE))
        if call.args and list(call.args) != list(grouping):
            raise error(
                "GROUPING_ID_COLUMN_MISMATCH",
                call.origin,
                groupingIdColumn=",".join(_debug(a) for a in call.args),
                groupByColumns=",".join(_debug(g) for g in grouping),
            )
        return gid

    def _position(self, call: AggregateCall, grouping: Sequence[Expression]) -> int:
        for position, e in enumerate(grouping):
            if e == call.args[0]:
                return position
        raise error(
            "GROUPING_COLUMN_MISMATCH",
            call.origin,
            grouping=_debug(call.args[0]),
            groupingColumns=",".join(_debug(g) for g in grouping),
        )


def _debug(e: Expression) -> str:
    return f"{e.name}#{e.id}" if isinstance(e, Attribute) else type(e).__name__.lower()


def set_id(grouping_set: tuple[int, ...], width: int) -> int:
    """Spark's grouping id: a bit for each grouping expression, the first the highest, set where it is left out."""
    present = 0
    for position in grouping_set:
        present |= 1 << (width - 1 - position)
    return ((1 << width) - 1) & ~present


def aggregate_sets(
    analyzer: Analyzer,
    child: Relation,
    grouping: tuple[Expression, ...],
    sets: Sets,
    calls: GroupingCalls,
    selected: SelectList,
    binder: Binder,
    having: Expression | None,
    outer: Outer | None,
) -> Relation:
    """Grouping sets: every row once for each set, the columns left out as nulls, grouped by them and the set's id."""
    grouping, sets = _merged(grouping, sets)
    plan, keys = _keyed(child.plan, grouping)
    everywhere = set.intersection(*(set(s) for s in sets)) if sets else set()
    attributes = tuple(
        Attribute(_name(g), g.dtype, g.nullable or i not in everywhere, new_id(), _qualifier(g))
        for i, g in enumerate(grouping)
    )
    gid = Attribute("spark_grouping_id", t.LONG, False, new_id())
    position = Attribute("_gen_grouping_pos", t.LONG, False, new_id()) if len(set(sets)) < len(sets) else None
    expanded = _expand(plan, keys, attributes, gid, position, sets)
    mapping: dict[Expression, Expression] = dict(zip(grouping, attributes, strict=True))
    mapping.update(zip(keys, attributes, strict=True))

    change = _written_out(calls, grouping, sets, gid, mapping)
    items: list[Column] = []
    for item in selected.items:
        changed = substitute(item, change)
        assert isinstance(changed, Alias | Attribute)
        items.append(changed)
    above = Relation(
        expanded,
        _replaced_columns(child.columns, mapping),
        frames={k: tuple(_replaced_columns(c, mapping) for c in v) for k, v in child.frames.items()},
        case_sensitive=child.case_sensitive,
    )
    keys_above: tuple[Expression, ...] = (*attributes, gid, *((position,) if position else ()))
    lifted = Binder(analyzer, above, outer)
    lifted.windows = binder.windows
    lifted.grouping_call = lambda e: _late_call(e, lifted, attributes, sets, gid, calls)
    selected_above = SelectList(items, selected.levels, selected.generators, selected.sources)
    relation = aggregate(analyzer, above, keys_above, selected_above, lifted, having, outer)
    if relation.grouped is not None:
        relation.grouped.grouping_call = lifted.grouping_call
    return relation


def _written_out(
    calls: GroupingCalls,
    grouping: tuple[Expression, ...],
    sets: Sets,
    gid: Attribute,
    mapping: Mapping[Expression, Expression],
) -> Callable[[Expression], Expression | None]:
    """Rewrites what is selected to the expanded columns, and grouping() to what it finds in the set's id."""

    def change(e: Expression) -> Expression | None:
        if isinstance(e, AggregateCall):
            return calls.write_out(e, grouping, sets, gid) if e.name.startswith("#") else e
        if isinstance(e, WindowExpression):
            return replace(
                e,
                function=e.function.map_children(lambda c: substitute(c, change)),
                partition_by=tuple(substitute(p, change) for p in e.partition_by),
                order_by=tuple(substitute(o, change) for o in e.order_by),
            )
        found = mapping.get(e)
        if isinstance(found, Attribute) and isinstance(e, Attribute) and e.name != found.name:
            return Attribute(e.name, found.type, found.null, found.id, found.qualifier)
        return found

    return change


def _late_call(
    e: UnresolvedFunction,
    binder: Binder,
    attributes: Sequence[Attribute],
    sets: Sets,
    gid: Attribute,
    calls: GroupingCalls,
) -> Expression:
    """grouping() in HAVING, over the expanded columns."""
    args = Binder(binder.analyzer, binder.relation, binder.outer).bind_all(e.args)
    call = AggregateCall(f"#{e.name[-1].lower()}", args, t.LONG, False, origin=e.origin)
    return calls.write_out(call, attributes, sets, gid)


def _merged(grouping: tuple[Expression, ...], sets: Sets) -> tuple[tuple[Expression, ...], Sets]:
    """Expressions that turn out to be the same column as one."""
    first: dict[Expression, int] = {}
    renumbered = [first.setdefault(e, len(first)) for e in grouping]
    if len(first) == len(grouping):
        return grouping, sets
    return tuple(first), [tuple(dict.fromkeys(renumbered[p] for p in s)) for s in sets]


def _keyed(plan: LogicalPlan, grouping: tuple[Expression, ...]) -> tuple[LogicalPlan, tuple[Attribute, ...]]:
    """The input with grouping expressions that are not columns computed."""
    aliases = {i: Alias(g, "_group", new_id()) for i, g in enumerate(grouping) if not isinstance(g, Attribute)}
    keys = tuple(g if isinstance(g, Attribute) else aliases[i].attribute() for i, g in enumerate(grouping))
    if aliases:
        plan = Project(plan, (*plan.output, *aliases.values()))
    return plan, keys


def _expand(
    plan: LogicalPlan,
    keys: tuple[Attribute, ...],
    attributes: tuple[Attribute, ...],
    gid: Attribute,
    position: Attribute | None,
    sets: Sets,
) -> Expand:
    output = plan.output
    projections: list[tuple[Expression, ...]] = []
    for number, grouping_set in enumerate(sets):
        chosen = set(grouping_set)
        row: list[Expression] = list(output)
        row.extend(k if i in chosen else Literal(None, k.type) for i, k in enumerate(keys))
        row.append(Literal(set_id(grouping_set, len(keys)), t.LONG))
        if position is not None:
            row.append(Literal(number, t.LONG))
        projections.append(tuple(row))
    extra = (position,) if position is not None else ()
    return Expand(plan, tuple(projections), (*output, *attributes, gid, *extra))


def _name(e: Expression) -> str:
    return e.name if isinstance(e, Attribute) else "_group"


def _qualifier(e: Expression) -> tuple[str, ...]:
    return e.qualifier if isinstance(e, Attribute) else ()


def _replaced_columns(columns: tuple[Attribute, ...], mapping: dict[Expression, Expression]) -> tuple[Attribute, ...]:
    def above(a: Attribute) -> Attribute:
        new = mapping.get(a)
        if not isinstance(new, Attribute):
            return a
        return Attribute(a.name, new.type, new.null, new.id, a.qualifier, a.metadata)

    return tuple([above(a) for a in columns])
