"""Evaluates constant expressions once, while planning, so that estimates and pruning see their values.

l_shipdate <= DATE '1998-12-01' - INTERVAL '90' DAY  ->  l_shipdate <= DATE '1998-09-02'
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace_driver.functions.registry import REGISTRY
from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import (
    AggregateCall,
    Call,
    Cast,
    Expression,
    Literal,
    WindowExpression,
)
from headrace_driver.plan.optimizer.terms import conjunction, disjunction

Evaluate = Callable[[Sequence[Expression]], list[Literal | None]]

_FOLDED_TYPES = (
    t.BooleanType,
    t.AtomicNumeric,
    t.StringType,
    t.DateType,
    t.TimestampType,
    t.TimestampNTZType,
    t.DayTimeIntervalType,
    t.YearMonthIntervalType,
)


def fold_constants(plan: lp.LogicalPlan, evaluate: Evaluate) -> lp.LogicalPlan:
    """Folds the conditions of a plan's filters and joins, then drops terms that are always true."""
    constants: dict[Expression, Literal | None] = {}
    targets = [op for op in lp.walk(plan) if isinstance(op, lp.Filter | lp.Join)]
    for op in targets:
        for expression in op.expressions():
            _collect(expression, constants)
    if constants:
        keys = list(constants)
        constants = dict(zip(keys, evaluate(keys), strict=True))

    def fold(expression: Expression) -> Expression:
        known = constants.get(expression)
        if known is not None:
            return known
        if isinstance(expression, AggregateCall | WindowExpression):
            return expression
        return _simplified(expression.map_children(fold))

    def change(op: lp.LogicalPlan) -> lp.LogicalPlan:
        if isinstance(op, lp.Filter):
            condition = fold(op.condition)
            if condition == Literal(True, t.BOOLEAN):
                return op.child
            return op if condition is op.condition else lp.replace(op, condition=condition)
        return op.map_expressions(fold) if isinstance(op, lp.Join) else op

    return lp.transform_up(plan, change)


def _collect(expression: Expression, found: dict[Expression, Literal | None]) -> bool:
    """Whether an expression is constant; notes the largest constant parts that are not literals."""
    if isinstance(expression, Literal):
        return True
    children = expression.children()
    constant = [_collect(child, found) for child in children]
    if all(constant) and children and _foldable(expression):
        return True
    for child, fixed in zip(children, constant, strict=True):
        if fixed and not isinstance(child, Literal) and isinstance(child.dtype, _FOLDED_TYPES):
            found.setdefault(child, None)
    return False


def _foldable(expression: Expression) -> bool:
    if isinstance(expression, Cast):
        return True
    if not isinstance(expression, Call):
        return False
    function = REGISTRY.find(expression.name)
    return function is not None and function.deterministic and function.foldable


def _simplified(expression: Expression) -> Expression:
    """Boolean algebra with literals."""
    if not isinstance(expression, Call):
        return expression
    if expression.name == "and":
        terms = [a for a in expression.args if not (isinstance(a, Literal) and a.value is True)]
        if any(isinstance(a, Literal) and a.value is False for a in terms):
            return Literal(False, t.BOOLEAN)
        return conjunction(terms) or Literal(True, t.BOOLEAN)
    if expression.name == "or":
        terms = [a for a in expression.args if not (isinstance(a, Literal) and a.value is False)]
        if any(isinstance(a, Literal) and a.value is True for a in terms):
            return Literal(True, t.BOOLEAN)
        return disjunction(terms)
    if expression.name == "not" and isinstance(expression.args[0], Literal):
        value = expression.args[0].value
        return Literal(None if value is None else not value, t.BOOLEAN)
    return expression
