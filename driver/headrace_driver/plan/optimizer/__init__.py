"""The optimizer: rules from logical plan to logical plan, each a module with one public function.

The order of passes is fixed, and each walks the plan once:

    subqueries become joins, values that count rows go into projections, cheap common table expressions are inlined,
    constants folded, predicates pushed down, inner joins ordered by cost, groups reduced to those joined,
    columns pruned, a query that is a row of literals is that row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace_driver.plan import logical as lp
from headrace_driver.plan.expressions import Expression, Literal
from headrace_driver.plan.optimizer.columns import merge_projects, prune_columns
from headrace_driver.plan.optimizer.constant_row import constant_row
from headrace_driver.plan.optimizer.ctes import SharedPlans, inline_ctes, rebind
from headrace_driver.plan.optimizer.folding import fold_constants
from headrace_driver.plan.optimizer.joins import order_joins
from headrace_driver.plan.optimizer.limits import push_limits
from headrace_driver.plan.optimizer.numbered import project_numbered
from headrace_driver.plan.optimizer.predicates import push_down
from headrace_driver.plan.optimizer.reduction import reduce_groups
from headrace_driver.plan.optimizer.subqueries import rewrite_subqueries
from headrace_driver.plan.statistics import Estimator

Evaluate = Callable[[Sequence[Expression]], list[Literal | None]]
"""Evaluates constant expressions; None where the value cannot be known before the query runs (it raises)."""


def optimize(
    plan: lp.LogicalPlan, evaluate: Evaluate, recursions: Callable[[lp.LogicalPlan], lp.LogicalPlan] | None = None
) -> lp.LogicalPlan:
    """Rewrites an analysed plan into one that yields the same rows at less cost.

    `recursions` puts other plans in the place of every `Recursion`; it is asked only when there is one.
    """
    inlined = inline_ctes(_without_subqueries(plan, {}))
    plan = inlined.plan
    if inlined.is_recursive:
        assert recursions is not None, "nobody computes recursions"
        plan = recursions(plan)
    plan = fold_constants(plan, evaluate)
    shared = SharedPlans()
    plan = push_down(plan, shared.note_predicates)
    return constant_row(_finish(plan, shared, evaluate))


def _without_subqueries(plan: lp.LogicalPlan, done: dict[int, lp.CTEDefinition]) -> lp.LogicalPlan:
    """Rewrites subqueries in the plan and in the definitions it uses."""

    def change(reference: lp.CTEReference) -> lp.LogicalPlan:
        known = done.get(reference.definition.id)
        if known is None:
            inner = _without_subqueries(reference.definition.plan, done)
            known = done[reference.definition.id] = lp.CTEDefinition(reference.definition.id, inner)
        return lp.CTEReference(known, reference.attributes)

    return rebind(project_numbered(rewrite_subqueries(plan)), change)


def _finish(plan: lp.LogicalPlan, shared: SharedPlans, evaluate: Evaluate) -> lp.LogicalPlan:
    """Join order and columns, outside in: a definition is finished when all its uses have said what they read."""
    estimator = Estimator()

    def finish(part: lp.LogicalPlan, as_set: bool = False) -> lp.LogicalPlan:
        ordered = reduce_groups(order_joins(part, estimator), estimator)
        return push_limits(merge_projects(prune_columns(ordered, shared.note_columns, estimator, as_set)))

    plan = finish(plan)
    finished: dict[int, lp.CTEDefinition] = {}
    for definition in _outermost_first(plan):
        uses = shared.uses[definition.id]
        inner = push_down(shared.filtered(definition), shared.note_predicates)
        kept = tuple(a for a in definition.plan.output if a.id in uses.needed)
        if len(kept) < len(inner.output):
            inner = lp.Project(inner, kept)
        finished[definition.id] = lp.CTEDefinition(definition.id, finish(inner, uses.as_set))
    return _rebound(plan, finished, {}, shared)


def _outermost_first(plan: lp.LogicalPlan) -> list[lp.CTEDefinition]:
    """Definitions in an order in which every one comes before those it uses itself."""
    found: dict[int, lp.CTEDefinition] = {}

    def visit(part: lp.LogicalPlan) -> None:
        for op in lp.walk(part):
            if isinstance(op, lp.CTEReference) and op.definition.id not in found:
                visit(op.definition.plan)
                found[op.definition.id] = op.definition

    visit(plan)
    return list(reversed(found.values()))


def _rebound(
    plan: lp.LogicalPlan,
    finished: dict[int, lp.CTEDefinition],
    bound: dict[int, lp.CTEDefinition],
    shared: SharedPlans,
) -> lp.LogicalPlan:
    """All uses refer to the finished definitions, with the columns those still have."""

    def change(reference: lp.CTEReference) -> lp.LogicalPlan:
        key = reference.definition.id
        if key not in bound:
            inner = _rebound(finished[key].plan, finished, bound, shared)
            bound[key] = lp.CTEDefinition(key, inner)
        needed = shared.uses[key].needed
        pairs = zip(reference.attributes, reference.definition.plan.output, strict=True)
        attributes = tuple(mine for mine, theirs in pairs if theirs.id in needed)
        return lp.CTEReference(bound[key], attributes)

    return rebind(plan, change)
