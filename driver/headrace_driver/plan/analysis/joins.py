"""Joins: USING, NATURAL, LATERAL, conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace_driver.plan import logical as p
from headrace_driver.plan.analysis.expressions import Binder
from headrace_driver.plan.analysis.hints import join_hint
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.analysis.outer import Outer
from headrace_driver.plan.analysis.scope import Relation
from headrace_driver.plan.analysis.suggestions import quoted
from headrace_driver.plan.expressions import Alias, Attribute, Expression, UnresolvedFunction, new_id
from headrace_driver.plan.logical import JoinType, LogicalPlan

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.analyzer import Analyzer

_LEFT_ONLY = (JoinType.SEMI, JoinType.ANTI)


def join(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """`left JOIN right`, by a condition, by USING or NATURAL, or LATERAL."""
    assert isinstance(node, p.UnresolvedJoin)
    left = analyzer.resolve(node.left, outer)
    if node.lateral:
        return _lateral(analyzer, node, left, outer)
    right = analyzer.resolve(node.right, outer)
    if node.natural or node.using:
        return _using(analyzer, node, left, right)
    both = _combined(left, right, JoinType.INNER)
    condition = None
    if node.condition is not None:
        binder = Binder(analyzer, both, outer)
        condition = binder.bind_predicate(node.condition, "join")
        refuse_aggregates(binder, node.condition)
    return _joined(left, right, node.type, condition)


def refuse_aggregates(binder: Binder, source: Expression) -> None:
    """Aggregates and window functions have no place in a join condition."""
    if binder.aggregates or binder.windows:
        texts = [binder.quoted(e) for e in aggregates_in(source, binder)] or [binder.quoted(source)]
        raise error("UNSUPPORTED_EXPR_FOR_OPERATOR", invalidExprSqls=", ".join(texts))


def aggregates_in(source: Expression, binder: Binder) -> list[Expression]:
    """The aggregate calls of an expression as written."""
    if isinstance(source, UnresolvedFunction):
        function = binder.analyzer.registry.find(source.name[-1])
        if function is not None and function.kind.value == "aggregate":
            return [source]
    found: list[Expression] = []
    for child in source.children():
        found.extend(aggregates_in(child, binder))
    return found


def _nullable(columns: tuple[Attribute, ...]) -> tuple[Attribute, ...]:
    return tuple([a if a.null else Attribute(a.name, a.type, True, a.id, a.qualifier, a.metadata) for a in columns])


def _combined(left: Relation, right: Relation, kind: JoinType) -> Relation:
    """The names both sides offer after a join of that kind (the plan is still missing)."""
    left_columns, left_hidden = left.columns, left.hidden
    right_columns, right_hidden = right.columns, right.hidden
    if kind in (JoinType.RIGHT, JoinType.FULL):
        left_columns, left_hidden = _nullable(left_columns), _nullable(left_hidden)
    if kind in (JoinType.LEFT, JoinType.FULL):
        right_columns, right_hidden = _nullable(right_columns), _nullable(right_hidden)
    frames = dict(left.frames)
    for plan_id, occurrences in right.frames.items():
        frames[plan_id] = frames.get(plan_id, ()) + occurrences
    return Relation(
        left.plan,
        left_columns + right_columns,
        left_hidden + right_hidden,
        frames=frames,
        case_sensitive=left.case_sensitive,
    )


def _joined(left: Relation, right: Relation, kind: JoinType, condition: Expression | None) -> Relation:
    plan = p.Join(left.plan, right.plan, kind, condition, join_hint(left.hint, right.hint, kind))
    if kind in _LEFT_ONLY:
        relation = left.on(plan)
        relation.under = relation.grouped = relation.hint = None
        # Whether df["x"] means the left or the right side is still to be told apart when both hold the same DataFrame.
        return relation
    relation = _combined(left, right, kind)
    relation.plan = plan
    return relation


def _using(analyzer: Analyzer, node: p.UnresolvedJoin, left: Relation, right: Relation) -> Relation:
    """The key columns once, first; the other side's stay to be had under their qualified names."""
    names = node.using if not node.natural else _shared_names(left, right)
    pairs = [(_key(left, name, "left"), _key(right, name, "right")) for name in names]
    condition: Expression | None = None
    for a, b in pairs:
        equal = _equal(analyzer, left, a, b)
        condition = equal if condition is None else _and(analyzer, left, condition, equal)
    kind = JoinType.INNER if node.type is JoinType.CROSS and pairs else node.type
    joined = _joined(left, right, kind, condition)
    if kind in _LEFT_ONLY:
        return _keys_first(joined, [a for a, _ in pairs])
    here = {a.id: a for a in (*joined.columns, *joined.hidden)}
    left_keys = [here[a.id] for a, _ in pairs]
    right_keys = [here[b.id] for _, b in pairs]
    if kind is JoinType.FULL:
        return _full_using(analyzer, joined, left_keys, right_keys)
    shown, other = (right_keys, left_keys) if kind is JoinType.RIGHT else (left_keys, right_keys)
    gone = {a.id for a in (*shown, *other)}
    rest = tuple([a for a in joined.columns if a.id not in gone])
    return _with_names(joined, (*shown, *rest), (*joined.hidden, *other))


def _with_names(relation: Relation, columns: tuple[Attribute, ...], hidden: tuple[Attribute, ...]) -> Relation:
    relation.columns, relation.hidden = columns, hidden
    relation.forget_names()
    return relation


def _keys_first(relation: Relation, keys: list[Attribute]) -> Relation:
    ids = {a.id for a in keys}
    rest = tuple([a for a in relation.columns if a.id not in ids])
    return _with_names(relation, (*keys, *rest), relation.hidden)


def _full_using(
    analyzer: Analyzer, joined: Relation, left_keys: list[Attribute], right_keys: list[Attribute]
) -> Relation:
    """A full join's keys are whichever side has one."""
    binder = Binder(analyzer, joined)
    keys = []
    for a, b in zip(left_keys, right_keys, strict=True):
        keys.append(Alias(binder.call("coalesce", (a, b)), a.name, new_id()))
    gone = {a.id for a in (*left_keys, *right_keys)}
    rest = tuple([a for a in joined.columns if a.id not in gone])
    joined.plan = p.Project(joined.plan, (*keys, *joined.plan.output))
    columns = (*(k.attribute() for k in keys), *rest)
    return _with_names(joined, columns, (*joined.hidden, *left_keys, *right_keys))


def _shared_names(left: Relation, right: Relation) -> tuple[str, ...]:
    fold = right.scope.fold
    there = {fold(a.name) for a in right.columns}
    return tuple([a.name for a in left.columns if fold(a.name) in there])


def _key(relation: Relation, name: str, side: str) -> Attribute:
    found = relation.scope.named(name)
    if not found:
        names = ", ".join(quoted((n,)) for n in sorted(a.name for a in relation.columns))
        raise error("UNRESOLVED_USING_COLUMN_FOR_JOIN", colName=quoted((name,)), side=side, suggestion=names)
    if len(found) > 1:
        names = ", ".join(quoted((*a.qualifier, a.name)) for a in found)
        raise error("AMBIGUOUS_REFERENCE", name=quoted((name,)), referenceNames=f"[{names}]")
    return found[0]


def _equal(analyzer: Analyzer, relation: Relation, a: Attribute, b: Attribute) -> Expression:
    return Binder(analyzer, relation).call("=", (a, b))


def _and(analyzer: Analyzer, relation: Relation, a: Expression, b: Expression) -> Expression:
    return Binder(analyzer, relation).call("and", (a, b))


def _lateral(analyzer: Analyzer, node: p.UnresolvedJoin, left: Relation, outer: Outer | None) -> Relation:
    """The right side sees the columns of the left one."""
    if node.type not in (JoinType.INNER, JoinType.LEFT, JoinType.CROSS):
        raise error(
            "UNSUPPORTED_FEATURE.LATERAL_JOIN_USING" if node.using else "INVALID_LATERAL_JOIN_TYPE",
            joinType=node.type.name,
        )
    around = Outer(left)
    right = analyzer.resolve(node.right, around)
    both = _combined(left, right, JoinType.INNER)
    condition = None
    if node.condition is not None:
        condition = Binder(analyzer, both, outer).bind_predicate(node.condition, "join")
    if node.using or node.natural:
        raise error("UNSUPPORTED_FEATURE.LATERAL_JOIN_USING")
    kind = JoinType.INNER if node.type is JoinType.CROSS else node.type
    relation = _combined(left, right, kind)
    relation.plan = p.LateralJoin(left.plan, right.exact(), kind, tuple(around.used.values()), condition)
    return relation
