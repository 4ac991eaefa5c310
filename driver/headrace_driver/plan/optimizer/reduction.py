"""Groups only what a join will keep.

    Join(k = p, Aggregate(group by k, BIG), SMALL)  ->  Join(k = p, Aggregate(group by k, BIG SEMI JOIN SMALL), SMALL)

A correlated subquery over a big table becomes an aggregation of all its groups, joined to the few the outer query asks
for. Where the other side of such a join has far fewer keys than there are groups, rows of other groups are dropped
before they are aggregated (magic sets; Mumick and Pirahesh, "Implementation of Magic-sets", 1994). The small side is
computed a second time, so it has to be cheap beside the big one.
"""

from __future__ import annotations

from headrace_driver.plan import logical as lp
from headrace_driver.plan.analysis.rewrite import fresh_copy
from headrace_driver.plan.conditions import conjuncts, equated
from headrace_driver.plan.expressions import Attribute, Expression
from headrace_driver.plan.logical import JoinType
from headrace_driver.plan.optimizer.terms import conjunction, equality
from headrace_driver.plan.statistics import Estimator

KEPT_SHARE = 0.25
"""Of the groups, at most: otherwise the semi join drops too little to pay for itself."""
COST_SHARE = 0.35
"""Of the rows the big side scans may the small side scan, at most."""
MIN_ROWS = 500_000
"""Rows below which aggregating all groups costs less than thinking about it."""


def reduce_groups(plan: lp.LogicalPlan, estimator: Estimator) -> lp.LogicalPlan:
    """Applies the rule to every join of a plan."""

    def change(op: lp.LogicalPlan) -> lp.LogicalPlan:
        if not isinstance(op, lp.Join) or op.null_aware or op.mark is not None:
            return op
        if op.type in (JoinType.INNER, JoinType.LEFT, JoinType.SEMI, JoinType.ANTI):
            op = lp.replace(op, right=_reduced(op.right, op.left, op.condition, estimator))
        if op.type in (JoinType.INNER, JoinType.RIGHT, JoinType.SEMI):
            op = lp.replace(op, left=_reduced(op.left, op.right, op.condition, estimator))
        return op

    return lp.transform_up(plan, change)


def _reduced(
    side: lp.LogicalPlan, other: lp.LogicalPlan, condition: Expression | None, estimator: Estimator
) -> lp.LogicalPlan:
    """The side with its aggregation fed only the groups that `other` has keys of."""
    pairs = _key_pairs(side, other, condition)
    if not pairs:
        return side
    path: list[lp.Project | lp.Filter] = []
    current = side
    while isinstance(current, lp.Project | lp.Filter):
        path.append(current)
        current = current.child
    if not isinstance(current, lp.Aggregate):
        return side
    grouping = {key.id for key in current.grouping if isinstance(key, Attribute)}
    usable = [(key, partner) for key, partner in pairs if key.id in grouping]
    if not usable or not _pays(current, other, usable, estimator):
        return side
    copy = fresh_copy(lp.Project(other, tuple(dict.fromkeys(partner for _, partner in usable))))
    names = dict(zip(dict.fromkeys(partner.id for _, partner in usable), copy.output, strict=True))
    same = conjunction(equality(key, names[partner.id]) for key, partner in usable)
    reduced: lp.LogicalPlan = lp.replace(current, child=lp.Join(current.child, copy, JoinType.SEMI, same))
    for op in reversed(path):
        reduced = lp.replace(op, child=reduced)
    return reduced


def _key_pairs(
    side: lp.LogicalPlan, other: lp.LogicalPlan, condition: Expression | None
) -> list[tuple[Attribute, Attribute]]:
    """Equal columns, as (column of `side`, column of `other`)."""
    mine = {a.id for a in side.output}
    theirs = {a.id for a in other.output}
    found: list[tuple[Attribute, Attribute]] = []
    for term in conjuncts(condition):
        sides = equated(term)
        if sides is None or not all(isinstance(s, Attribute) for s in sides):
            continue
        for one, partner in (sides, sides[::-1]):
            if (
                isinstance(one, Attribute)
                and isinstance(partner, Attribute)
                and one.id in mine
                and partner.id in theirs
            ):
                found.append((one, partner))
    return found


def _pays(
    big: lp.Aggregate, small: lp.LogicalPlan, pairs: list[tuple[Attribute, Attribute]], estimator: Estimator
) -> bool:
    rows = estimator.estimate(big.child).rows
    if rows < MIN_ROWS or _scanned_rows(small, estimator) > _scanned_rows(big, estimator) * COST_SHARE:
        return False
    child, keys = estimator.estimate(big.child), estimator.estimate(small)
    kept = min(keys.distinct(partner.id) / child.distinct(key.id) for key, partner in pairs)
    return min(kept, keys.rows / max(1.0, estimator.estimate(big).rows)) < KEPT_SHARE


def _scanned_rows(plan: lp.LogicalPlan, estimator: Estimator) -> float:
    total = 0.0
    for op in lp.walk(plan):
        if isinstance(op, lp.CTEReference):
            return float("inf")
        if not op.inputs():
            total += estimator.estimate(op).rows
    return total
