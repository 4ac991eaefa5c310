"""Which of a join's terms are equalities between its sides, by which rows can be brought together."""

from __future__ import annotations

from headrace_driver.plan import logical as lp
from headrace_driver.plan.conditions import conjuncts, equated
from headrace_driver.plan.expressions import Attribute, Expression, walk


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
                pairs.append(sides)
                continue
            if first and second and first <= right and second <= left:
                pairs.append((sides[1], sides[0]))
                continue
        rest.append(term)
    return pairs, rest


def _ids(expression: Expression) -> set[int]:
    return {e.id for e in walk(expression) if isinstance(e, Attribute)}
