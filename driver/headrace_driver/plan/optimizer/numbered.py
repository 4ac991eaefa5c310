"""Values that depend on a row's number (rand, monotonically_increasing_id, ...) are computed in projections.

Filter(rand(7) < 0.5, child)   -> Project(child.*, Filter(r < 0.5, Project(child.*, rand(7) AS r, child)))
Aggregate(sum(rand(7)), child) -> Aggregate(sum(r), Project(child.*, rand(7) AS r, child))

A projection alone sees every row of its child once and in order; conditions are split, moved and repeated.
"""

from __future__ import annotations

from collections.abc import Callable

from headrace_driver.functions.registry import REGISTRY
from headrace_driver.plan import logical as lp
from headrace_driver.plan.expressions import (
    AggregateCall,
    Alias,
    Call,
    Expression,
    LambdaVariable,
    new_id,
    transform_down,
    walk,
)


def numbers_rows(expression: Expression) -> bool:
    """Whether an expression, or one in it, counts rows."""
    return any(_counts(part) for part in walk(expression))


def project_numbered(plan: lp.LogicalPlan) -> lp.LogicalPlan:
    """Applies the rule of this module to a plan whose subqueries have become joins."""
    return lp.transform_up(plan, _project)


def _counts(part: Expression) -> bool:
    if not isinstance(part, Call):
        return False
    function = REGISTRY.find(part.name)
    return function is not None and function.numbers_rows


def _project(plan: lp.LogicalPlan) -> lp.LogicalPlan:
    if isinstance(plan, lp.Project) or not isinstance(plan, lp.UnaryPlan):
        return plan
    if not any(numbers_rows(e) for e in plan.expressions()):
        return plan
    made: list[Alias] = []

    def named(part: Expression) -> Expression:
        if not _counts(part) or any(isinstance(below, LambdaVariable) for below in walk(part)):
            return part
        for alias in made:
            if alias.child == part:
                return alias.attribute()
        made.append(Alias(part, "_drawn", new_id()))
        return made[-1].attribute()

    changed: lp.LogicalPlan
    if isinstance(plan, lp.Aggregate):
        changed = _in_aggregate(plan, named, made)
    else:
        changed = plan.map_expressions(lambda e: transform_down(e, named))
    if not made:
        return plan
    below = lp.Project(plan.child, (*plan.child.output, *made))
    changed = lp.replace(changed, child=below)
    return changed if changed.output == plan.output else lp.Project(changed, plan.output)


def _in_aggregate(plan: lp.Aggregate, named: Callable[[Expression], Expression], made: list[Alias]) -> lp.Aggregate:
    """Groups and arguments of aggregates are of the child's rows; what else a column draws is of the groups."""
    grouping = tuple(transform_down(e, named) for e in plan.grouping)

    def of_column(part: Expression) -> Expression:
        if isinstance(part, AggregateCall):
            return transform_down(part, named)
        return named(part) if any(alias.child == part for alias in made) else part

    columns = tuple(transform_down(c, of_column) for c in plan.columns)
    return lp.replace(plan, grouping=grouping, columns=columns)
