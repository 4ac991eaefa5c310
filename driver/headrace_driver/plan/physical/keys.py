"""Which of a join's terms are equalities between its sides, by which rows can be brought together."""

from __future__ import annotations

from headrace_driver.functions.coercion import cast_to
from headrace_driver.functions.decimals import holds, wider
from headrace_driver.functions.internal import DECIMAL_DIGITS
from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.plan.conditions import conjuncts, equated
from headrace_driver.plan.expressions import Attribute, Call, Expression, walk


def key_pairs(join: lp.Join) -> tuple[list[tuple[Expression, Expression]], list[Expression]]:
    """The equalities between the sides as (left, right) pairs, and the other terms of the condition."""
    left = {a.id for a in join.left.output}
    right = {a.id for a in join.right.output}
    pairs: list[tuple[Expression, Expression]] = []
    rest: list[Expression] = []
    for term in conjuncts(join.condition):
        sides = equated(term)
        if sides is not None:
            first, second = (_ids(side) for side in sides)
            if first and second and first <= left and second <= right:
                pairs.append(_hashed_alike(*sides))
                continue
            if first and second and first <= right and second <= left:
                pairs.append(_hashed_alike(sides[1], sides[0]))
                continue
        rest.append(term)
    return pairs, rest


def _hashed_alike(left: Expression, right: Expression) -> tuple[Expression, Expression]:
    """Decimals of different types in one form, as the kernel compares them by value but hashes them by their digits."""
    a, b = left.dtype, right.dtype
    if not isinstance(a, t.DecimalType) or not isinstance(b, t.DecimalType) or a == b:
        return left, right
    common = wider(a, b)
    if holds(common, a) and holds(common, b):
        return cast_to(left, common), cast_to(right, common)
    return _digits(left), _digits(right)


def _digits(e: Expression) -> Expression:
    return Call(DECIMAL_DIGITS, (e,), t.STRING, e.nullable)


def _ids(expression: Expression) -> set[int]:
    return {e.id for e in walk(expression) if isinstance(e, Attribute)}
