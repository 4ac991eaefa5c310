"""Changes to resolved plans that analysis makes after the fact."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from headrace_driver.plan.expressions import (
    Alias,
    Attribute,
    Exists,
    Expression,
    Frame,
    InSubquery,
    LambdaVariable,
    OuterReference,
    ScalarSubquery,
    new_id,
)
from headrace_driver.plan.logical import (
    Aggregate,
    CTEReference,
    Filter,
    Generate,
    Join,
    JoinType,
    Limit,
    LogicalPlan,
    Project,
    Repartition,
    Sample,
    Sort,
    Tail,
    Window,
    walk,
)
from headrace_driver.plan.logical import replace as replace_plan

Column = Alias | Attribute


def attribute_of(column: Column) -> Attribute:
    """The column as those above see it."""
    return column if isinstance(column, Attribute) else column.attribute()


def attributes_in(e: Expression, found: dict[int, Attribute]) -> None:
    """Adds the columns of the operator's input that `e` uses to `found`: its own and those its subqueries take."""
    if isinstance(e, Attribute):
        found.setdefault(e.id, e)
        return
    if isinstance(e, ScalarSubquery | Exists | InSubquery):
        for attribute in e.outer:
            found.setdefault(attribute.id, attribute)
    for child in e.children():
        attributes_in(child, found)


def references(expressions: Iterable[Expression]) -> dict[int, Attribute]:
    """The columns used by expressions, by id."""
    found: dict[int, Attribute] = {}
    for e in expressions:
        attributes_in(e, found)
    return found


_PASSING = (Filter, Sort, Limit, Tail, Sample, Repartition, Window, Generate)


def widen(plan: LogicalPlan, columns: Sequence[Column]) -> LogicalPlan | None:
    """The plan yielding `columns` too: columns beneath its projections, or new ones of its aggregation (aliases).

    None when they cannot be had: something in between (DISTINCT, a set operation) depends on the exact columns.
    """
    output = {a.id for a in plan.output}
    missing = [c for c in columns if c.id not in output]
    if not missing:
        return plan
    if isinstance(plan, Aggregate):
        return Aggregate(plan.child, plan.grouping, (*plan.columns, *missing))
    if isinstance(plan, Project):
        child = widen(plan.child, missing)
        if child is None:
            return None
        return Project(child, (*plan.columns, *(attribute_of(c) for c in missing)))
    if isinstance(plan, _PASSING):
        child = widen(plan.child, missing)
        return None if child is None else replace_plan(plan, child=child)
    if isinstance(plan, Join) and plan.mark is None:
        left = widen(plan.left, missing)
        if left is not None:
            return replace_plan(plan, left=left)
        if plan.type not in (JoinType.SEMI, JoinType.ANTI):
            right = widen(plan.right, missing)
            return None if right is None else replace_plan(plan, right=right)
    return None


def substitute(e: Expression, change: Callable[[Expression], Expression | None]) -> Expression:
    """Replaces the outermost nodes for which `change` has an answer."""
    found = change(e)
    if found is not None:
        return found
    return e.map_children(lambda child: substitute(child, change)) if e.CHILDREN else e


def fresh_copy(plan: LogicalPlan, *, keep_outer: bool = False) -> LogicalPlan:
    """A resolved plan with new ids throughout, so that it can stand twice in one query.

    With `keep_outer` the columns around the plan that it refers to keep theirs.
    """
    ids: dict[int, int] = {}
    own = {a.id for node in walk(plan) for a in node.output} if keep_outer else set()

    def renewed(old: int) -> int:
        new = ids.get(old)
        if new is None:
            new = ids[old] = new_id()
        return new

    def of_value(value: Any) -> Any:
        if isinstance(value, Expression):
            return of_expression(value)
        if isinstance(value, LogicalPlan):
            return of_plan(value)
        if type(value) is tuple:
            return tuple([of_value(v) for v in value])
        return value

    def of_expression(e: Expression) -> Expression:
        if isinstance(e, Attribute):
            return Attribute(e.name, e.type, e.null, renewed(e.id), e.qualifier, e.metadata)
        if isinstance(e, OuterReference):
            if keep_outer and e.attribute.id not in own:
                return e
            return OuterReference(of_expression(e.attribute))  # type: ignore[arg-type]
        if isinstance(e, Alias):
            return Alias(of_expression(e.child), e.name, renewed(e.id), e.metadata)
        if isinstance(e, LambdaVariable | Frame):
            return e
        if isinstance(e, ScalarSubquery | Exists | InSubquery):
            changes = {name: of_value(getattr(e, name)) for name in type(e).__match_args__}
            return type(e)(**changes)
        return e.map_children(of_expression)

    def of_plan(node: LogicalPlan) -> LogicalPlan:
        if isinstance(node, CTEReference):
            return CTEReference(node.definition, of_value(node.attributes))
        changes = {name: of_value(getattr(node, name)) for name in type(node).__match_args__}
        return type(node)(**changes)

    return of_plan(plan)


def map_ids(columns: Sequence[Attribute], by_id: Mapping[int, Attribute]) -> tuple[Attribute, ...]:
    """Columns replaced by what became of them, keeping their names and qualifiers; those gone are dropped."""
    mapped = []
    for a in columns:
        new = by_id.get(a.id)
        if new is not None:
            mapped.append(Attribute(a.name, new.type, new.null, new.id, a.qualifier, a.metadata))
    return tuple(mapped)
