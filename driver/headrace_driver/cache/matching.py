"""Finding cached plans inside other plans.

As Spark's CacheManager: analysed plans are compared, with names and column ids taken out, from the root down, and the
outermost match is replaced. Subqueries and common table expressions are searched too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace_driver.cache.data import CachedData
from headrace_driver.plan import logical as lp
from headrace_driver.plan.expressions import Exists, Expression, InSubquery, ScalarSubquery
from headrace_driver.plan.semantics import fingerprint

Shape = tuple[str, int]
"""The root's kind and the number of operators: cheap to compare before two plans are compared in full."""

_TRANSPARENT = (lp.SubqueryAlias, lp.Identified)


def same_rows(plan: lp.LogicalPlan) -> bytes:
    """A key equal for plans that yield the same rows under other names."""
    return fingerprint(plan)


def shape_of(plan: lp.LogicalPlan) -> Shape:
    """The shape of a whole plan."""
    return _Shapes().of(plan)


class Candidates:
    """Cached plans ready to be looked for: by shape, then by key."""

    def __init__(self, cached: Sequence[CachedData], keys: Mapping[int, bytes]) -> None:
        """`keys` by the number of each cached plan."""
        self._by_shape: dict[Shape, dict[bytes, CachedData]] = {}
        for each in cached:
            self._by_shape.setdefault(shape_of(each.plan), {})[keys[each.number]] = each

    def use_in(self, plan: lp.LogicalPlan) -> lp.LogicalPlan:
        """The plan with cached parts replaced; the same object where there are none."""
        return _Replacement(self._by_shape).of(plan) if self._by_shape else plan


class _Shapes:
    """Shapes of a plan's operators, each counted once."""

    def __init__(self) -> None:
        self._sizes: dict[int, int] = {}

    def of(self, plan: lp.LogicalPlan) -> Shape:
        root = plan
        while isinstance(root, _TRANSPARENT):
            root = root.child
        return type(root).__name__, self._size(root)

    def _size(self, plan: lp.LogicalPlan) -> int:
        known = self._sizes.get(id(plan))
        if known is not None:
            return known
        # Without recursion: plans can be thousands of levels deep.
        order = list(lp.walk(plan))
        for op in reversed(order):
            below = sum(self._sizes[id(child)] for child in op.inputs())
            self._sizes[id(op)] = below + (not isinstance(op, _TRANSPARENT))
        return self._sizes[id(plan)]


class _Replacement:
    """One plan's walk. Definitions of common table expressions are rewritten once for all their uses."""

    def __init__(self, by_shape: Mapping[Shape, Mapping[bytes, CachedData]]) -> None:
        self._by_shape = by_shape
        self._shapes = _Shapes()
        self._definitions: dict[int, lp.CTEDefinition] = {}

    def of(self, plan: lp.LogicalPlan) -> lp.LogicalPlan:
        found = self._find(plan)
        if found is not None:
            return found
        if isinstance(plan, lp.CTEReference):
            definition = self._definition(plan.definition)
            return plan if definition is plan.definition else lp.replace(plan, definition=definition)
        return plan.map_inputs(self.of).map_expressions(self._expression)

    def _find(self, plan: lp.LogicalPlan) -> lp.LogicalPlan | None:
        alike = self._by_shape.get(self._shapes.of(plan))
        cached = alike.get(fingerprint(plan)) if alike else None
        if cached is None:
            return None
        if cached.kept is None:
            # Newer: it knows the files as they are now.
            cached.plan, cached.output = plan, plan.output
        return relation_over(cached, plan)

    def _definition(self, definition: lp.CTEDefinition) -> lp.CTEDefinition:
        known = self._definitions.get(definition.id)
        if known is None:
            inner = self.of(definition.plan)
            known = definition if inner is definition.plan else lp.CTEDefinition(definition.id, inner)
            self._definitions[definition.id] = known
        return known

    def _expression(self, expression: Expression) -> Expression:
        if isinstance(expression, ScalarSubquery | Exists | InSubquery):
            inner = self.of(expression.plan)
            if inner is not expression.plan:
                changes = {name: getattr(expression, name) for name in type(expression).__match_args__}
                return type(expression)(**{**changes, "plan": inner})
            return expression
        return expression.map_children(self._expression)


def relation_over(cached: CachedData, plan: lp.LogicalPlan) -> lp.InMemoryRelation:
    """The cached rows in place of an equal plan, under that plan's columns."""
    return lp.InMemoryRelation(cached, plan.output, tuple(range(len(plan.output))))


def relations_anywhere_in(plan: lp.LogicalPlan) -> list[CachedData]:
    """Those of the plan and of the plans in its expressions: of one that is not optimized yet."""
    found: dict[int, CachedData] = {}
    plans, expressions = [plan], list[Expression]()
    while plans:
        current = plans.pop()
        for op in lp.walk(current):
            expressions.extend(op.expressions())
        found.update((cached.number, cached) for cached in relations_in(current))
        while expressions:
            expression = expressions.pop()
            expressions.extend(expression.children())
            if isinstance(expression, ScalarSubquery | Exists | InSubquery):
                plans.append(expression.plan)
    return list(found.values())


def relations_in(plan: lp.LogicalPlan) -> list[CachedData]:
    """The cached plans a plan reads, each once."""
    found: dict[int, CachedData] = {}
    entered: set[int] = set()
    stack = [plan]
    while stack:
        for op in lp.walk(stack.pop()):
            if isinstance(op, lp.InMemoryRelation):
                found[op.cached.number] = op.cached
            elif isinstance(op, lp.CTEReference) and op.definition.id not in entered:
                entered.add(op.definition.id)
                stack.append(op.definition.plan)
    return list(found.values())
