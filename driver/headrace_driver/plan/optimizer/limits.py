"""Moves limits down: below projections, and a copy into each side of a union.

Limit(10, Project(x, UnionAll(A, B)))  ->  Project(x, Limit(10, UnionAll(Limit(10, A), Limit(10, B))))
"""

from __future__ import annotations

from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Literal


def push_limits(plan: lp.LogicalPlan) -> lp.LogicalPlan:
    """Applies the rule to a whole plan."""
    return lp.transform_up(plan, _push)


def _push(plan: lp.LogicalPlan) -> lp.LogicalPlan:
    if not isinstance(plan, lp.Limit):
        return plan
    child = plan.child
    if isinstance(child, lp.Project):
        return lp.replace(child, child=_push(lp.replace(plan, child=child.child)))
    if isinstance(child, lp.Union) and isinstance(plan.count, Literal) and plan.count.value is not None:
        skipped = plan.offset.value if isinstance(plan.offset, Literal) else 0
        reach = Literal(plan.count.value + skipped, t.INTEGER)
        sides = tuple(_push(lp.Limit(side, reach)) for side in child.children)
        return lp.replace(plan, child=lp.replace(child, children=sides))
    if isinstance(child, lp.Limit) and plan.offset is None and child.offset is None:
        counts = [c.value for c in (plan.count, child.count) if isinstance(c, Literal)]
        if len(counts) == 2:
            return lp.Limit(child.child, Literal(min(counts), t.INTEGER))
    return plan
