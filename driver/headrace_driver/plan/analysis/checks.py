"""What must hold of every resolved plan; a violation is a defect of analysis, not of the query."""

from __future__ import annotations

from headrace_driver.errors import SparkError
from headrace_driver.plan import logical as p
from headrace_driver.plan.analysis.rewrite import references
from headrace_driver.plan.expressions import (
    AggregateCall,
    Exists,
    Expression,
    InSubquery,
    ScalarSubquery,
    UnresolvedAttribute,
    UnresolvedExtract,
    UnresolvedFunction,
    UnresolvedLambda,
    UnresolvedRegex,
    UnresolvedStar,
    WindowExpression,
)
from headrace_driver.plan.logical import LogicalPlan
from headrace_driver.plan.logical.commands import Command, no_relation

_UNRESOLVED = (
    *(UnresolvedAttribute, UnresolvedStar, UnresolvedRegex, UnresolvedFunction, UnresolvedExtract),
    UnresolvedLambda,
)


def check(plan: LogicalPlan) -> None:
    """Every column an operator uses comes from below it; aggregates stand only in Aggregate and Window. A command in
    a query is refused."""
    for node in p.walk(plan):
        if isinstance(node, Command):
            raise no_relation()
        expressions = tuple(node.expressions())
        if not expressions:
            continue
        available: set[int] = set()
        for child in node.inputs():
            available.update(a.id for a in child.output)
        missing = [a for a in references(expressions).values() if a.id not in available]
        if missing and not _makes_own(node):
            raise defect(f"{type(node).__name__} uses {missing[0].name}#{missing[0].id}, which nothing below it yields")
        may_aggregate = isinstance(node, p.Aggregate)
        for e in expressions:
            _check_expression(e, node, may_aggregate)


def _makes_own(node: LogicalPlan) -> bool:
    return isinstance(node, p.Scan)


def _check_expression(e: Expression, node: LogicalPlan, may_aggregate: bool) -> None:
    if isinstance(e, _UNRESOLVED):
        raise defect(f"{type(e).__name__} left in {type(node).__name__}")
    if isinstance(e, AggregateCall) and not may_aggregate:
        raise defect(f"aggregate {e.name} left in {type(node).__name__}")
    if isinstance(e, ScalarSubquery | Exists | InSubquery):
        check(e.plan)
    inner = may_aggregate
    if isinstance(e, WindowExpression):
        if not isinstance(node, p.Window):
            raise defect(f"window function left in {type(node).__name__}")
        inner = True
    for child in e.children():
        _check_expression(child, node, inner)


def defect(text: str) -> SparkError:
    """An error of ours."""
    return SparkError("INTERNAL_ERROR", f"Analysis made a plan that cannot be run: {text}.", sql_state="XX000")
