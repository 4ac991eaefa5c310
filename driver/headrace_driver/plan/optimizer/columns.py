"""Drops columns nobody reads, down to the scans, and rows that only repeat others.

Every input of an operator yields just what the operator and those above it read, so that exchanges move nothing else.
Where duplicates make no difference (below DISTINCT, on the right of a semi join) an inner join of which only one
side's columns are read is a semi join, and an outer join of which only the outer side's are read is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import singledispatch

from headrace_driver.functions.registry import REGISTRY
from headrace_driver.plan import logical as lp
from headrace_driver.plan.expressions import AggregateCall, Attribute, Call, Expression, walk
from headrace_driver.plan.logical import JoinType
from headrace_driver.plan.optimizer.terms import is_free, references
from headrace_driver.plan.statistics import Estimator

Needed = set[int]
Noted = Callable[[lp.CTEReference, Needed, bool], None]
"""Told which columns each use of a common table expression reads, and whether it reads them as a set."""

SEMI_JOIN_ROWS = 2.0
"""A side may have so many times the rows of the other to become the right side of a semi join, which is the one the
hash table is made of."""


@dataclass(frozen=True, slots=True)
class Pruning:
    """What the rule asks and tells while it walks a plan."""

    note: Noted
    estimator: Estimator


def prune_columns(plan: lp.LogicalPlan, note: Noted, estimator: Estimator, as_set: bool = False) -> lp.LogicalPlan:
    """Prunes a whole plan, whose own output stays as it is; `as_set` if duplicates among its rows do not matter."""
    pruning = Pruning(note, estimator)
    return _exactly(_prune(plan, {a.id for a in plan.output}, pruning, as_set), plan.output)


def _exactly(plan: lp.LogicalPlan, output: Sequence[Attribute]) -> lp.LogicalPlan:
    if len(plan.output) == len(output) and all(a.id == b.id for a, b in zip(plan.output, output, strict=True)):
        return plan
    return lp.Project(plan, tuple(output))


def _reads(expressions: Iterable[Expression]) -> Needed:
    found: Needed = set()
    for expression in expressions:
        found |= references(expression)
    return found


def _only(plan: lp.LogicalPlan, needed: Needed, to: Pruning, as_set: bool = False) -> lp.LogicalPlan:
    """The plan pruned, with a projection on top where it still yields more than is needed."""
    pruned = _prune(plan, needed, to, as_set)
    kept = tuple(a for a in pruned.output if a.id in needed)
    return pruned if len(kept) == len(pruned.output) else lp.Project(pruned, kept)


_ROW_BY_ROW = (lp.Filter, lp.Sort, lp.SubqueryAlias, lp.Generate)
"""Operators that make equal rows of equal rows."""


@singledispatch
def _prune(plan: lp.LogicalPlan, needed: Needed, to: Pruning, as_set: bool) -> lp.LogicalPlan:
    """The plan with inputs that yield only what `needed` and the operator itself read."""
    wanted = needed | _reads(plan.expressions())
    below = as_set and isinstance(plan, _ROW_BY_ROW) and all(is_free(e) for e in plan.expressions())
    return plan.map_inputs(lambda child: _only(child, wanted & {a.id for a in child.output}, to, below))


@_prune.register
def _(plan: lp.Scan, needed: Needed, to: Pruning, as_set: bool) -> lp.LogicalPlan:
    kept = tuple(a for a in plan.attributes if a.id in needed)
    return plan if len(kept) == len(plan.attributes) else lp.replace(plan, attributes=kept)


@_prune.register
def _(plan: lp.InMemoryRelation, needed: Needed, to: Pruning, as_set: bool) -> lp.LogicalPlan:
    kept = [(a, at) for a, at in zip(plan.attributes, plan.positions, strict=True) if a.id in needed]
    if len(kept) == len(plan.attributes):
        return plan
    return lp.InMemoryRelation(plan.cached, tuple(a for a, _ in kept), tuple(at for _, at in kept))


@_prune.register
def _(plan: lp.LocalData, needed: Needed, to: Pruning, as_set: bool) -> lp.LogicalPlan:
    return plan


@_prune.register
def _(plan: lp.Project, needed: Needed, to: Pruning, as_set: bool) -> lp.LogicalPlan:
    columns = tuple(c for c in plan.columns if c.id in needed)
    below = as_set and all(is_free(c) for c in columns)
    return lp.Project(_prune(plan.child, _reads(columns), to, below), columns)


@_prune.register
def _(plan: lp.Aggregate, needed: Needed, to: Pruning, as_set: bool) -> lp.LogicalPlan:
    columns = tuple(c for c in plan.columns if c.id in needed)
    if not columns and not plan.grouping:
        columns = plan.columns[:1]
    reads = _reads(columns) | _reads(plan.grouping)
    wanted = reads & {a.id for a in plan.child.output}
    below = all(_ignores_duplicates(e) for e in (*columns, *plan.grouping))
    return lp.Aggregate(_only(plan.child, wanted, to, below), plan.grouping, columns)


def _ignores_duplicates(expression: Expression) -> bool:
    """Whether an expression over groups is the same however often a row is repeated."""
    for part in walk(expression):
        if isinstance(part, AggregateCall):
            function = REGISTRY.find(part.name)
            if not part.distinct and (function is None or not function.duplicate_agnostic):
                return False
        elif isinstance(part, Call):
            function = REGISTRY.find(part.name)
            if function is not None and not function.deterministic:
                return False
    return True


@_prune.register
def _(plan: lp.Window, needed: Needed, to: Pruning, as_set: bool) -> lp.LogicalPlan:
    columns = tuple(c for c in plan.columns if c.id in needed)
    if not columns:
        return _prune(plan.child, needed, to, as_set)
    wanted = (needed | _reads(columns)) & {a.id for a in plan.child.output}
    return lp.replace(plan, child=_only(plan.child, wanted, to), columns=columns)


@_prune.register
def _(plan: lp.Expand, needed: Needed, to: Pruning, as_set: bool) -> lp.LogicalPlan:
    positions = [i for i, a in enumerate(plan.attributes) if a.id in needed]
    projections = tuple(tuple(p[i] for i in positions) for p in plan.projections)
    attributes = tuple(plan.attributes[i] for i in positions)
    reads = _reads(e for p in projections for e in p)
    return lp.Expand(_only(plan.child, reads, to), projections, attributes)


@_prune.register
def _(plan: lp.Generate, needed: Needed, to: Pruning, as_set: bool) -> lp.LogicalPlan:
    wanted = (needed | references(plan.generator)) & {a.id for a in plan.child.output}
    return lp.replace(plan, child=_only(plan.child, wanted, to))


@_prune.register
def _(plan: lp.Join, needed: Needed, to: Pruning, as_set: bool) -> lp.LogicalPlan:
    left_ids = {a.id for a in plan.left.output}
    right_ids = {a.id for a in plan.right.output}
    free = plan.condition is None or is_free(plan.condition)
    as_set = as_set and free
    if as_set and plan.mark is None and plan.type is JoinType.LEFT and needed <= left_ids:
        return _prune(plan.left, needed, to, as_set)
    if as_set and plan.hint is None and plan.mark is None and plan.type in (JoinType.INNER, JoinType.CROSS):
        plan, right_ids = _semi_join(plan, needed, left_ids, right_ids, to.estimator)
        left_ids = {a.id for a in plan.left.output}
    wanted = needed | (references(plan.condition) if plan.condition is not None else set())
    tests_only = plan.type in (JoinType.SEMI, JoinType.ANTI) or plan.mark is not None
    left = _only(plan.left, wanted & left_ids, to, as_set)
    right = _only(plan.right, wanted & right_ids, to, (tests_only and free) or as_set)
    return lp.replace(plan, left=left, right=right)


def _semi_join(
    plan: lp.Join, needed: Needed, left_ids: Needed, right_ids: Needed, estimator: Estimator
) -> tuple[lp.Join, Needed]:
    """The join with the side that only filters on the right of a semi join, if there is one and it is not too large."""
    left, right = plan.left, plan.right
    if not needed <= left_ids:
        left, right, left_ids, right_ids = right, left, right_ids, left_ids
    too_large = estimator.estimate(right).rows > estimator.estimate(left).rows * SEMI_JOIN_ROWS
    if not needed <= left_ids or too_large:
        return plan, {a.id for a in plan.right.output}
    return lp.replace(plan, left=left, right=right, type=JoinType.SEMI), right_ids


@_prune.register
def _(plan: lp.Union, needed: Needed, to: Pruning, as_set: bool) -> lp.LogicalPlan:
    positions = [i for i, a in enumerate(plan.attributes) if a.id in needed]
    children = []
    for child in plan.children:
        wanted = tuple(child.output[i] for i in positions)
        children.append(_exactly(_prune(child, {a.id for a in wanted}, to, as_set), wanted))
    return lp.Union(tuple(children), tuple(plan.attributes[i] for i in positions))


@_prune.register
def _(plan: lp.SetOperation, needed: Needed, to: Pruning, as_set: bool) -> lp.LogicalPlan:
    """Every column decides which rows are equal."""
    sets = not plan.all
    left = _exactly(_prune(plan.left, {a.id for a in plan.left.output}, to, sets), plan.left.output)
    right = _exactly(_prune(plan.right, {a.id for a in plan.right.output}, to, sets), plan.right.output)
    return lp.replace(plan, left=left, right=right)


@_prune.register
def _(plan: lp.Distinct, needed: Needed, to: Pruning, as_set: bool) -> lp.LogicalPlan:
    output = plan.child.output
    return lp.Distinct(_exactly(_prune(plan.child, {a.id for a in output}, to, True), output))


@_prune.register
def _(plan: lp.Sample, needed: Needed, to: Pruning, as_set: bool) -> lp.LogicalPlan:
    # The parts of a randomSplit choose rows by all their values, whatever is read of each part.
    chosen_by = {a.id for a in plan.child.output} if plan.deterministic_order else needed
    return plan.map_inputs(lambda child: _only(child, chosen_by, to))


@_prune.register
def _(plan: lp.CTEReference, needed: Needed, to: Pruning, as_set: bool) -> lp.LogicalPlan:
    to.note(plan, needed, as_set)
    return plan


@_prune.register
def _(plan: lp.WriteFiles, needed: Needed, to: Pruning, as_set: bool) -> lp.LogicalPlan:
    return lp.replace(plan, child=prune_columns(plan.child, to.note, to.estimator))


def merge_projects(plan: lp.LogicalPlan) -> lp.LogicalPlan:
    """Removes projections that change nothing, and joins two in a row where nothing would be computed twice."""
    return lp.transform_up(plan, _merged)


def _merged(plan: lp.LogicalPlan) -> lp.LogicalPlan:
    if not isinstance(plan, lp.Project):
        return plan
    child = plan.child
    if len(plan.columns) == len(child.output) and all(
        isinstance(c, Attribute) and c.id == a.id for c, a in zip(plan.columns, child.output, strict=True)
    ):
        return child
    if isinstance(child, lp.Project) and all(isinstance(c, Attribute) for c in plan.columns):
        below = {c.id: c for c in child.columns}
        return lp.Project(child.child, tuple(below[c.id] for c in plan.columns))
    if isinstance(child, lp.Project) and all(isinstance(c, Attribute) for c in child.columns):
        return lp.Project(child.child, plan.columns)
    return plan
