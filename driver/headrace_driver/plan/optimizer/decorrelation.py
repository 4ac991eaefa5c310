"""Pulls correlated predicates out of a subquery's plan.

`pull_up(plan)` gives a plan without outer references and the predicates that tie it to the outer query, so that the
subquery can become a join (Spark's PullupCorrelatedPredicates). Where predicates cannot be pulled, `over_domain` gives
the general answer: the subquery is computed for every combination of outer values at once (Neumann and Kemper,
"Unnesting Arbitrary Queries", 2015).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headrace_driver.errors import unsupported
from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.plan.conditions import conjuncts
from headrace_driver.plan.expressions import (
    AggregateCall,
    Alias,
    Attribute,
    Bound,
    Call,
    Expression,
    Frame,
    FrameUnit,
    Literal,
    OuterReference,
    SortOrder,
    WindowExpression,
    new_id,
    transform_down,
    walk,
)
from headrace_driver.plan.optimizer.terms import conjunction, equality, factored, has_outer_reference, substitute


@dataclass(frozen=True, slots=True)
class PulledUp:
    """A plan without outer references, and the predicates over its output and the outer columns."""

    plan: lp.LogicalPlan
    predicates: tuple[Expression, ...]
    grouped: bool = False
    """A global aggregation got grouping columns: outer rows without partner have lost their row."""


class CannotPull(Exception):
    """The predicates of this plan cannot be pulled up; `over_domain` can compute it."""


def is_correlated(plan: lp.LogicalPlan) -> bool:
    """Whether any operator of the plan reads outer columns."""
    return any(has_outer_reference(e) for op in lp.walk(plan) for e in op.expressions())


def pull_up(plan: lp.LogicalPlan) -> PulledUp:
    """Raises CannotPull where the plan's shape forbids it."""
    if not is_correlated(plan):
        return PulledUp(plan, ())
    if isinstance(plan, lp.Filter):
        return _pull_filter(plan)
    if isinstance(plan, lp.Project):
        return _pull_project(plan)
    if isinstance(plan, lp.Aggregate):
        return _pull_aggregate(plan)
    if isinstance(plan, lp.SubqueryAlias | lp.Sort | lp.Distinct):
        if any(has_outer_reference(e) for e in plan.expressions()):
            raise CannotPull
        inner = pull_up(plan.child)
        if isinstance(plan, lp.Distinct) and not all(_outer_equality(p) for p in inner.predicates):
            raise CannotPull
        return PulledUp(lp.replace(plan, child=inner.plan), inner.predicates, inner.grouped)
    if isinstance(plan, lp.Join):
        return _pull_join(plan)
    raise CannotPull


def _pull_filter(plan: lp.Filter) -> PulledUp:
    inner = pull_up(plan.child)
    if inner.grouped:
        raise CannotPull
    kept: list[Expression] = []
    pulled = list(inner.predicates)
    for term in conjuncts(plan.condition):
        # `(a = outer AND p) OR (a = outer AND q)` hides an equality that can be pulled.
        for part in conjuncts(factored(term)) if has_outer_reference(term) else (term,):
            (pulled if has_outer_reference(part) else kept).append(part)
    condition = conjunction(kept)
    child = inner.plan if condition is None else lp.Filter(inner.plan, condition)
    return PulledUp(child, tuple(pulled))


def _pull_project(plan: lp.Project) -> PulledUp:
    inner = pull_up(plan.child)
    if any(has_outer_reference(c) for c in plan.columns):
        raise CannotPull
    columns = list(plan.columns)
    present = {a.id for a in plan.output}
    for attribute in _inner_columns(inner.predicates, inner.plan):
        if attribute.id not in present:
            present.add(attribute.id)
            columns.append(attribute)
    return PulledUp(lp.Project(inner.plan, tuple(columns)), inner.predicates, inner.grouped)


def _inner_columns(predicates: Sequence[Expression], plan: lp.LogicalPlan) -> list[Attribute]:
    available = {a.id: a for a in plan.output}
    found: dict[int, Attribute] = {}
    for predicate in predicates:
        for part in walk(predicate):
            if isinstance(part, Attribute) and part.id in available:
                found[part.id] = available[part.id]
    return list(found.values())


def _outer_equality(predicate: Expression) -> tuple[Expression, Expression] | None:
    """(inner, outer) of a predicate `inner = outer` whose sides are purely one and the other."""
    if not (isinstance(predicate, Call) and predicate.name in ("=", "<=>")):
        return None
    first, second = predicate.args
    for inner, outer in ((first, second), (second, first)):
        parts = list(walk(outer))
        purely_outer = not any(isinstance(p, Attribute) for p in parts)
        if purely_outer and has_outer_reference(outer) and not has_outer_reference(inner):
            return inner, outer
    return None


def _pull_aggregate(plan: lp.Aggregate) -> PulledUp:
    inner = pull_up(plan.child)
    if inner.grouped or any(has_outer_reference(e) for e in plan.expressions()):
        raise CannotPull
    child = inner.plan
    grouping = list(plan.grouping)
    columns = list(plan.columns)
    present = {a.id for a in plan.output}
    predicates: list[Expression] = []
    made: list[Alias] = []
    for predicate in inner.predicates:
        sides = _outer_equality(predicate)
        if sides is None:
            raise CannotPull
        key, outer = sides
        if not isinstance(key, Attribute):
            alias = Alias(key, "key", new_id())
            made.append(alias)
            key = alias.attribute()
        if key not in grouping:
            grouping.append(key)
        if key.id not in present:
            present.add(key.id)
            columns.append(key)
        assert isinstance(predicate, Call)
        predicates.append(equality(key, outer, null_safe=predicate.name == "<=>"))
    if made:
        child = lp.Project(child, (*child.output, *made))
    grouped = not plan.grouping
    return PulledUp(lp.Aggregate(child, tuple(grouping), tuple(columns)), tuple(predicates), grouped)


def _pull_join(plan: lp.Join) -> PulledUp:
    left, right = pull_up(plan.left), pull_up(plan.right)
    if left.grouped or right.grouped or plan.mark is not None:
        raise CannotPull
    if right.predicates and plan.type not in (lp.JoinType.INNER, lp.JoinType.CROSS):
        raise CannotPull
    if left.predicates and plan.type in (lp.JoinType.RIGHT, lp.JoinType.FULL):
        raise CannotPull
    predicates = [*left.predicates, *right.predicates]
    kept: list[Expression] = []
    for term in conjuncts(plan.condition):
        if not has_outer_reference(term):
            kept.append(term)
        elif plan.type in (lp.JoinType.INNER, lp.JoinType.CROSS):
            predicates.append(term)
        else:
            raise CannotPull
    joined = lp.replace(plan, left=left.plan, right=right.plan, condition=conjunction(kept))
    return PulledUp(joined, tuple(predicates))


def unwrap(expression: Expression) -> Expression:
    """Outer references as plain columns, once the expression stands in the outer query."""
    return transform_down(expression, lambda part: part.attribute if isinstance(part, OuterReference) else part)


@dataclass(frozen=True, slots=True)
class OverDomain:
    """A plan that yields, besides its own columns, `domain[i]`: the value of outer column i each row belongs to."""

    plan: lp.LogicalPlan
    domain: tuple[Attribute, ...]


def over_domain(plan: lp.LogicalPlan, outer_plan: lp.LogicalPlan, outer: Sequence[Attribute]) -> OverDomain:
    """Computes a correlated plan for all distinct values of the outer columns at once."""
    source = lp.Distinct(lp.Project(outer_plan, tuple(outer)))
    return _Unnesting(source, tuple(outer)).rewrite(plan)


class _Unnesting:
    def __init__(self, source: lp.LogicalPlan, outer: tuple[Attribute, ...]) -> None:
        self._source = source
        self._outer = outer

    def _fresh_domain(self) -> OverDomain:
        renames = tuple(Alias(a, a.name, new_id()) for a in self._outer)
        return OverDomain(lp.Project(self._source, renames), tuple(r.attribute() for r in renames))

    def _bound(self, expression: Expression, domain: Sequence[Attribute]) -> Expression:
        values = {outer.id: inner for outer, inner in zip(self._outer, domain, strict=True)}

        def change(part: Expression) -> Expression:
            return values[part.attribute.id] if isinstance(part, OuterReference) else part

        return transform_down(expression, change)

    def rewrite(self, plan: lp.LogicalPlan) -> OverDomain:
        if not is_correlated(plan):
            domain = self._fresh_domain()
            return OverDomain(lp.Join(domain.plan, plan, lp.JoinType.CROSS), domain.domain)
        if isinstance(plan, lp.Filter | lp.SubqueryAlias):
            inner = self.rewrite(plan.child)
            changed = lp.replace(plan, child=inner.plan) if isinstance(plan, lp.Filter) else inner.plan
            return OverDomain(changed.map_expressions(lambda e: self._bound(e, inner.domain)), inner.domain)
        if isinstance(plan, lp.Project):
            return self._project(plan)
        if isinstance(plan, lp.Aggregate):
            return self._aggregate(plan)
        if isinstance(plan, lp.Join):
            return self._join(plan)
        if isinstance(plan, lp.Limit):
            return self._limit(plan)
        if isinstance(plan, lp.Sort | lp.Distinct):
            inner = self.rewrite(plan.child)
            return OverDomain(lp.replace(plan, child=inner.plan), inner.domain)
        if isinstance(plan, lp.Window):
            return self._window(plan)
        if isinstance(plan, lp.Generate):
            inner = self.rewrite(plan.child)
            generator = self._bound(plan.generator, inner.domain)
            return OverDomain(lp.replace(plan, child=inner.plan, generator=generator), inner.domain)
        if isinstance(plan, lp.Union):
            return self._union(plan)
        raise unsupported(f"a correlated subquery that reads outer columns below {type(plan).__name__}")

    def _project(self, plan: lp.Project) -> OverDomain:
        inner = self.rewrite(plan.child)
        columns = [self._bound(c, inner.domain) for c in plan.columns]
        kept = tuple(c for c in columns if isinstance(c, Alias | Attribute))
        return OverDomain(lp.Project(inner.plan, (*kept, *inner.domain)), inner.domain)

    def _aggregate(self, plan: lp.Aggregate) -> OverDomain:
        inner = self.rewrite(plan.child)
        columns = tuple(
            c for c in (self._bound(c, inner.domain) for c in plan.columns) if isinstance(c, Alias | Attribute)
        )
        grouping = tuple(self._bound(g, inner.domain) for g in plan.grouping)
        if plan.grouping:
            whole = lp.Aggregate(inner.plan, (*grouping, *inner.domain), (*columns, *inner.domain))
            return OverDomain(whole, inner.domain)
        # A global aggregation has a row for every outer value, also where there is nothing to aggregate.
        domain = self._fresh_domain()
        marked = lp.Project(inner.plan, (*inner.plan.output, Alias(Literal(1, t.INTEGER), "present", new_id())))
        padded: dict[int, Expression] = {a.id: _nullable(a) for a in marked.output}
        present = _nullable(marked.output[-1])
        same = conjunction(equality(a, b, null_safe=True) for a, b in zip(domain.domain, inner.domain, strict=True))
        joined = lp.Join(domain.plan, marked, lp.JoinType.LEFT, same)
        counted = tuple(_over_padded(c, present, padded) for c in columns)
        return OverDomain(lp.Aggregate(joined, domain.domain, (*counted, *domain.domain)), domain.domain)

    def _join(self, plan: lp.Join) -> OverDomain:
        left_reads, right_reads = is_correlated(plan.left), is_correlated(plan.right)
        condition = plan.condition
        if right_reads and not left_reads and plan.type in (lp.JoinType.INNER, lp.JoinType.CROSS):
            right = self.rewrite(plan.right)
            bound = None if condition is None else self._bound(condition, right.domain)
            inner = lp.JoinType.INNER if bound is not None else plan.type
            return OverDomain(lp.replace(plan, right=right.plan, condition=bound, type=inner), right.domain)
        left = self.rewrite(plan.left)
        bound = None if condition is None else self._bound(condition, left.domain)
        if not right_reads:
            return OverDomain(lp.replace(plan, left=left.plan, condition=bound), left.domain)
        right = self.rewrite(plan.right)
        same = [equality(a, b, null_safe=True) for a, b in zip(left.domain, right.domain, strict=True)]
        kind = lp.JoinType.INNER if plan.type is lp.JoinType.CROSS else plan.type
        if kind in (lp.JoinType.RIGHT, lp.JoinType.FULL):
            raise unsupported(f"a correlated subquery with a {kind.value} join")
        whole = conjunction([*conjuncts(bound), *same])
        return OverDomain(lp.replace(plan, left=left.plan, right=right.plan, condition=whole, type=kind), left.domain)

    def _limit(self, plan: lp.Limit) -> OverDomain:
        """The first rows for each outer value: those with the lowest row numbers."""
        order: tuple[SortOrder, ...] = ()
        child = plan.child
        if isinstance(child, lp.Sort):
            order, child = child.order, child.child
        inner = self.rewrite(child)
        order = tuple(s for s in (self._bound(o, inner.domain) for o in order) if isinstance(s, SortOrder))
        frame = Frame(FrameUnit.ROWS, Bound.UNBOUNDED_PRECEDING, Bound.CURRENT_ROW)
        keys = order or tuple(SortOrder(d, True, True) for d in inner.domain[:1])
        number = WindowExpression(AggregateCall("row_number", (), t.INTEGER, False), inner.domain, keys, frame)
        alias = Alias(number, "row_number", new_id())
        window = lp.Window(inner.plan, (alias,), inner.domain, keys)
        offset = plan.offset.value if isinstance(plan.offset, Literal) else 0
        terms: list[Expression] = []
        if isinstance(plan.count, Literal):
            terms.append(_compare("<=", alias.attribute(), offset + plan.count.value))
        if offset:
            terms.append(_compare(">", alias.attribute(), offset))
        condition = conjunction(terms)
        kept: lp.LogicalPlan = window if condition is None else lp.Filter(window, condition)
        return OverDomain(lp.Project(kept, (*plan.output, *inner.domain)), inner.domain)

    def _window(self, plan: lp.Window) -> OverDomain:
        inner = self.rewrite(plan.child)
        columns = []
        for column in plan.columns:
            function = column.child
            assert isinstance(function, WindowExpression)
            bound = self._bound(function, inner.domain)
            assert isinstance(bound, WindowExpression)
            parts = (*bound.partition_by, *inner.domain)
            whole = WindowExpression(bound.function, parts, bound.order_by, bound.frame)
            columns.append(Alias(whole, column.name, column.id, column.metadata))
        partition = (*(self._bound(p, inner.domain) for p in plan.partition_by), *inner.domain)
        return OverDomain(
            lp.replace(plan, child=inner.plan, columns=tuple(columns), partition_by=partition), inner.domain
        )

    def _union(self, plan: lp.Union) -> OverDomain:
        sides = [self.rewrite(child) for child in plan.children]
        domain = tuple(Attribute(a.name, a.type, a.null, new_id()) for a in self._outer)
        children = tuple(
            lp.Project(side.plan, (*child.output, *side.domain))
            for side, child in zip(sides, plan.children, strict=True)
        )
        return OverDomain(lp.Union(children, (*plan.attributes, *domain)), domain)


def _nullable(a: Attribute) -> Attribute:
    return Attribute(a.name, a.type, True, a.id, a.qualifier, a.metadata)


def _over_padded(column: Alias | Attribute, present: Attribute, padded: Mapping[int, Expression]) -> Alias | Attribute:
    """Aggregates of the rows that are there: the row an outer join makes of nothing must not be counted."""

    def change(part: Expression) -> Expression:
        if isinstance(part, AggregateCall) and part.name == "count" and all(isinstance(a, Literal) for a in part.args):
            return AggregateCall(
                part.name, (present,), part.type, part.null, part.distinct, part.where, display=part.display
            )
        return part

    changed = substitute(transform_down(column, change), padded)
    assert isinstance(changed, Alias | Attribute)
    return changed


def _compare(name: str, column: Attribute, value: int) -> Call:
    return Call(name, (column, Literal(value, t.INTEGER)), t.BOOLEAN, False)


def empty_value(expression: Expression) -> Expression:
    """An expression over aggregates as it comes out for no rows: counts are 0, other aggregates null."""

    def change(part: Expression) -> Expression:
        if isinstance(part, AggregateCall):
            zero = part.name in ("count", "count_if", "regr_count", "approx_count_distinct")
            return Literal(0 if zero else None, part.type)
        return part

    return transform_down(expression, change)


def renamed_plan(plan: lp.LogicalPlan) -> tuple[lp.LogicalPlan, dict[int, Expression]]:
    """The plan with fresh column ids, and what each old id has become."""
    aliases = tuple(Alias(a, a.name, new_id(), a.metadata) for a in plan.output)
    names: dict[int, Expression] = {a.id: alias.attribute() for a, alias in zip(plan.output, aliases, strict=True)}
    return lp.Project(plan, aliases), names


def rebound(expression: Expression, names: dict[int, Expression]) -> Expression:
    """An expression in terms of renamed columns."""
    return substitute(expression, names)
