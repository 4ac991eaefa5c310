"""Common table expressions: inlined, or computed once for all their uses.

A definition used once, or so cheap that reading it again costs little, is put in the place of its uses. Any other is
computed once, with only the columns its uses read and, when every use filters it, only the rows one of them keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from headrace_driver.plan import logical as lp
from headrace_driver.plan.expressions import Alias, Attribute, Expression, new_id, transform_down
from headrace_driver.plan.optimizer.terms import conjunction, disjunction, is_free, substitute


@dataclass(frozen=True, slots=True)
class Inlined:
    """A plan after `inline_ctes`, and whether a `Recursion` is in it."""

    plan: lp.LogicalPlan
    is_recursive: bool


def inline_ctes(plan: lp.LogicalPlan) -> Inlined:
    """Inlines definitions that are used once or cheap, bottom up."""
    uses: dict[int, int] = {}
    is_recursive = _count(plan, uses, set())
    return Inlined(_inline(plan, uses, {}), is_recursive)


def _count(plan: lp.LogicalPlan, uses: dict[int, int], entered: set[int]) -> bool:
    """Counts the uses of every definition; whether a recursion was met."""
    is_recursive = False
    for op in lp.walk(plan):
        if isinstance(op, lp.CTEReference):
            definition = op.definition
            uses[definition.id] = uses.get(definition.id, 0) + 1
            if definition.id not in entered:
                entered.add(definition.id)
                is_recursive = _count(definition.plan, uses, entered) or is_recursive
        elif isinstance(op, lp.Recursion):
            is_recursive = True
    return is_recursive


def _inline(plan: lp.LogicalPlan, uses: dict[int, int], done: dict[int, lp.CTEDefinition]) -> lp.LogicalPlan:
    def change(op: lp.LogicalPlan) -> lp.LogicalPlan:
        if not isinstance(op, lp.CTEReference):
            return op
        definition = op.definition
        known = done.get(definition.id)
        if known is None:
            known = lp.CTEDefinition(definition.id, _inline(definition.plan, uses, done))
            done[definition.id] = known
        if uses[definition.id] == 1 or _is_cheap(known.plan):
            return _in_place(known.plan, op, fresh=uses[definition.id] > 1)
        return lp.CTEReference(known, op.attributes)

    return lp.transform_up(plan, change)


def _is_cheap(plan: lp.LogicalPlan) -> bool:
    """Whether a plan only reads, filters and computes row by row."""
    rows = lp.Scan | lp.InMemoryRelation | lp.LocalData | lp.Range | lp.OneRow
    allowed = rows | lp.Filter | lp.Project | lp.SubqueryAlias
    return all(isinstance(op, allowed) and all(is_free(e) for e in op.expressions()) for op in lp.walk(plan))


def _in_place(plan: lp.LogicalPlan, use: lp.CTEReference, fresh: bool) -> lp.LogicalPlan:
    if fresh:
        plan = with_fresh_ids(plan)
    pairs = zip(plan.output, use.attributes, strict=True)
    return lp.Project(plan, tuple(Alias(inner, outer.name, outer.id, outer.metadata) for inner, outer in pairs))


def with_fresh_ids(plan: lp.LogicalPlan) -> lp.LogicalPlan:
    """A copy of a row-by-row plan in which every column has another id."""
    names: dict[int, Expression] = {}

    def renewed(attribute: Attribute) -> Attribute:
        made = Attribute(
            attribute.name, attribute.type, attribute.null, new_id(), attribute.qualifier, attribute.metadata
        )
        names[attribute.id] = made
        return made

    def rename(expression: Expression) -> Expression:
        def change(part: Expression) -> Expression:
            if isinstance(part, Attribute):
                return names.get(part.id, part)
            return part

        return transform_down(expression, change)

    def copy(op: lp.LogicalPlan) -> lp.LogicalPlan:
        op = op.map_inputs(copy)
        if isinstance(op, lp.Scan | lp.LocalData | lp.Range | lp.InMemoryRelation):
            return lp.replace(op, attributes=tuple(renewed(a) for a in op.attributes))
        op = op.map_expressions(rename)
        if isinstance(op, lp.Project):
            columns = []
            for column in op.columns:
                if isinstance(column, Alias):
                    made = Alias(column.child, column.name, new_id(), column.metadata)
                    names[column.id] = made.attribute()
                    columns.append(made)
                else:
                    columns.append(column)  # type: ignore[arg-type]
            op = lp.replace(op, columns=tuple(columns))
        return op

    return copy(plan)


@dataclass(slots=True)
class Uses:
    """What the uses of one definition read, collected while the plan around them is rewritten."""

    definition: lp.CTEDefinition
    predicates: list[Expression | None] = field(default_factory=list)
    needed: set[int] = field(default_factory=set)
    as_set: bool = True
    """Whether no use cares how often a row is repeated."""


class SharedPlans:
    """Keeps track of definitions computed once, and narrows them to what their uses read."""

    def __init__(self) -> None:
        self.uses: dict[int, Uses] = {}

    def note_predicates(self, reference: lp.CTEReference, terms: Sequence[Expression]) -> None:
        """Remembers the filter over one use, in terms of the definition's columns."""
        uses = self._of(reference)
        names: dict[int, Expression] = {
            a.id: b for a, b in zip(reference.attributes, reference.definition.plan.output, strict=True)
        }
        uses.predicates.append(conjunction(substitute(t, names) for t in terms if is_free(t)))

    def note_columns(self, reference: lp.CTEReference, needed: set[int], as_set: bool) -> None:
        """Remembers the columns one use reads, and whether it reads them as a set."""
        uses = self._of(reference)
        uses.as_set = uses.as_set and as_set
        for mine, theirs in zip(reference.attributes, reference.definition.plan.output, strict=True):
            if mine.id in needed:
                uses.needed.add(theirs.id)

    def _of(self, reference: lp.CTEReference) -> Uses:
        definition = reference.definition
        return self.uses.setdefault(definition.id, Uses(definition))

    def filtered(self, definition: lp.CTEDefinition) -> lp.LogicalPlan:
        """The definition's plan with what all its uses filter by."""
        uses = self.uses.get(definition.id)
        if uses is None or not uses.predicates or any(p is None for p in uses.predicates):
            return definition.plan
        return lp.Filter(definition.plan, disjunction(p for p in uses.predicates if p is not None))


def rebind(plan: lp.LogicalPlan, change: Callable[[lp.CTEReference], lp.LogicalPlan]) -> lp.LogicalPlan:
    """Applies `change` to every use of a common table expression in a plan."""
    return lp.transform_up(plan, lambda op: change(op) if isinstance(op, lp.CTEReference) else op)
