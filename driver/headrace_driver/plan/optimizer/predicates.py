"""Moves predicates to where they drop rows earliest: through projections, aggregations and joins, down to the scans.

    Filter(a > 1 AND b = 2, Join(A, B))  ->  Join(Filter(a > 1, A), Filter(b = 2, B))

On the way outer joins whose padded rows a predicate would drop become inner joins, predicates are copied across
equalities (`x = y AND x = 5` gives `y = 5`), common terms are taken out of disjunctions, and every side of a join gets
what a disjunction says about it alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import singledispatch

from headrace_driver.plan import logical as lp
from headrace_driver.plan.conditions import conjuncts, disjuncts
from headrace_driver.plan.expressions import Attribute, Call, Case, Expression, Literal, walk
from headrace_driver.plan.logical import JoinType
from headrace_driver.plan.optimizer.numbered import numbers_rows
from headrace_driver.plan.optimizer.terms import (
    conjunction,
    definitions,
    disjunction,
    factored,
    is_free,
    references,
    substitute,
)

Terms = Sequence[Expression]
Noted = Callable[[lp.CTEReference, Terms], None]
"""Told which predicates stand right above each use of a common table expression."""

MAX_COPIED = 64
"""Predicates copied across equalities per join: a bound for generated queries with hundreds of terms."""


def push_down(plan: lp.LogicalPlan, note: Noted) -> lp.LogicalPlan:
    """Moves all predicates of a plan down."""
    return _push(plan, [], note)


def _above(plan: lp.LogicalPlan, terms: Terms) -> lp.LogicalPlan:
    condition = conjunction(terms)
    return plan if condition is None else lp.Filter(plan, condition)


@singledispatch
def _push(plan: lp.LogicalPlan, terms: Terms, note: Noted) -> lp.LogicalPlan:
    """Pushes `terms` into `plan`; operators without a rule of their own keep them above."""
    return _above(plan.map_inputs(lambda child: _push(child, [], note)), terms)


@_push.register
def _(plan: lp.Filter, terms: Terms, note: Noted) -> lp.LogicalPlan:
    own = [simpler for term in conjuncts(plan.condition) for simpler in conjuncts(factored(term))]
    return _push(plan.child, [*own, *terms], note)


@_push.register
def _(plan: lp.SubqueryAlias, terms: Terms, note: Noted) -> lp.LogicalPlan:
    return _push(plan.child, terms, note)


@_push.register
def _(plan: lp.Project, terms: Terms, note: Noted) -> lp.LogicalPlan:
    made = definitions(plan.columns)
    down: list[Expression] = []
    kept: list[Expression] = []
    # Rows that a filter took out below would change the numbers of those that stay.
    counts = any(numbers_rows(e) for e in made.values())
    for term in terms:
        if not counts and is_free(term) and all(is_free(made[i]) for i in references(term) if i in made):
            down.append(substitute(term, made))
        else:
            kept.append(term)
    return _above(lp.replace(plan, child=_push(plan.child, down, note)), kept)


@_push.register
def _(plan: lp.Aggregate, terms: Terms, note: Noted) -> lp.LogicalPlan:
    made = definitions(plan.columns)
    keys = set(plan.grouping)
    down: list[Expression] = []
    kept: list[Expression] = []
    for term in terms:
        inner = substitute(term, made)
        if plan.grouping and is_free(term) and _reads_only(inner, keys):
            down.append(inner)
        else:
            kept.append(term)
    return _above(lp.replace(plan, child=_push(plan.child, down, note)), kept)


def _reads_only(term: Expression, allowed: set[Expression]) -> bool:
    """Whether an expression is made of the allowed expressions and literals."""
    if term in allowed:
        return True
    if isinstance(term, Attribute) or not is_free(term):
        return False
    return all(_reads_only(child, allowed) for child in term.children())


@_push.register
def _(plan: lp.Window, terms: Terms, note: Noted) -> lp.LogicalPlan:
    allowed: set[Expression] = set(plan.partition_by)
    down = [term for term in terms if allowed and references(term) and _reads_only(term, allowed)]
    kept = [term for term in terms if term not in down]
    return _above(lp.replace(plan, child=_push(plan.child, down, note)), kept)


@_push.register
def _(plan: lp.Generate, terms: Terms, note: Noted) -> lp.LogicalPlan:
    below = {a.id for a in plan.child.output}
    down = [term for term in terms if is_free(term) and references(term) <= below]
    kept = [term for term in terms if term not in down]
    return _above(lp.replace(plan, child=_push(plan.child, down, note)), kept)


@_push.register
def _(plan: lp.Sort, terms: Terms, note: Noted) -> lp.LogicalPlan:
    return lp.replace(plan, child=_push(plan.child, terms, note))


@_push.register
def _(plan: lp.Distinct, terms: Terms, note: Noted) -> lp.LogicalPlan:
    down = [term for term in terms if is_free(term)]
    kept = [term for term in terms if term not in down]
    return _above(lp.replace(plan, child=_push(plan.child, down, note)), kept)


@_push.register
def _(plan: lp.Repartition, terms: Terms, note: Noted) -> lp.LogicalPlan:
    down = [term for term in terms if is_free(term)]
    kept = [term for term in terms if term not in down]
    return _above(lp.replace(plan, child=_push(plan.child, down, note)), kept)


@_push.register
def _(plan: lp.Union, terms: Terms, note: Noted) -> lp.LogicalPlan:
    down = [term for term in terms if is_free(term)]
    kept = [term for term in terms if term not in down]
    children = []
    for child in plan.children:
        names: dict[int, Expression] = {a.id: c for a, c in zip(plan.attributes, child.output, strict=True)}
        children.append(_push(child, [substitute(term, names) for term in down], note))
    return _above(lp.replace(plan, children=tuple(children)), kept)


@_push.register
def _(plan: lp.SetOperation, terms: Terms, note: Noted) -> lp.LogicalPlan:
    down = [term for term in terms if is_free(term)]
    kept = [term for term in terms if term not in down]
    names: dict[int, Expression] = {a.id: c for a, c in zip(plan.left.output, plan.right.output, strict=True)}
    left = _push(plan.left, down, note)
    right = _push(plan.right, [substitute(term, names) for term in down], note)
    return _above(lp.replace(plan, left=left, right=right), kept)


@_push.register
def _(plan: lp.CTEReference, terms: Terms, note: Noted) -> lp.LogicalPlan:
    note(plan, terms)
    return _above(plan, terms)


@_push.register
def _(plan: lp.Join, terms: Terms, note: Noted) -> lp.LogicalPlan:
    if plan.mark is not None:
        return _push_mark(plan, terms, note)
    left_ids = {a.id for a in plan.left.output}
    right_ids = {a.id for a in plan.right.output}
    kind = _narrowed(plan.type, terms, left_ids, right_ids)
    own = [simpler for term in conjuncts(plan.condition) for simpler in conjuncts(factored(term))]
    if kind in (JoinType.INNER, JoinType.CROSS):
        return _push_inner(plan, [*own, *terms], left_ids, right_ids, note)
    above = [term for term in terms if is_free(term)]
    kept = [term for term in terms if not is_free(term)]
    to_left: list[Expression] = []
    to_right: list[Expression] = []
    condition: list[Expression] = []
    # Predicates above go to a side whose rows are never padded; those of ON to a side whose rows may be dropped.
    for term in above:
        reads = references(term)
        if reads <= left_ids and kind in (JoinType.LEFT, JoinType.SEMI, JoinType.ANTI):
            to_left.append(term)
        elif reads <= right_ids and kind is JoinType.RIGHT:
            to_right.append(term)
        else:
            kept.append(term)
    for term in own:
        reads = references(term)
        free = is_free(term) and bool(reads) and not plan.null_aware
        if free and reads <= right_ids and kind in (JoinType.LEFT, JoinType.SEMI, JoinType.ANTI):
            to_right.append(term)
        elif free and reads <= left_ids and kind in (JoinType.RIGHT, JoinType.SEMI):
            to_left.append(term)
        else:
            condition.append(term)
    if kind in (JoinType.LEFT, JoinType.SEMI, JoinType.ANTI):
        to_right += _copied(to_left, condition, right_ids)
    if kind in (JoinType.RIGHT, JoinType.SEMI):
        to_left += _copied(to_right, condition, left_ids)
    left, right = _push(plan.left, to_left, note), _push(plan.right, to_right, note)
    return _above(lp.replace(plan, left=left, right=right, type=kind, condition=conjunction(condition)), kept)


def _push_mark(plan: lp.Join, terms: Terms, note: Noted) -> lp.LogicalPlan:
    left_ids = {a.id for a in plan.left.output}
    down = [term for term in terms if is_free(term) and references(term) <= left_ids]
    kept = [term for term in terms if term not in down]
    left, right = _push(plan.left, down, note), _push(plan.right, [], note)
    return _above(lp.replace(plan, left=left, right=right), kept)


def _push_inner(plan: lp.Join, terms: Terms, left_ids: set[int], right_ids: set[int], note: Noted) -> lp.LogicalPlan:
    terms = list(dict.fromkeys(terms))
    free = [term for term in terms if is_free(term)]
    kept = [term for term in terms if not is_free(term)]
    free += _copied(free, free, left_ids | right_ids)
    to_left: list[Expression] = []
    to_right: list[Expression] = []
    condition: list[Expression] = []
    for term in dict.fromkeys(free):
        reads = references(term)
        if reads <= left_ids:
            to_left.append(term)
        elif reads <= right_ids:
            to_right.append(term)
        else:
            condition.append(term)
            to_left += _implied(term, left_ids)
            to_right += _implied(term, right_ids)
    left, right = _push(plan.left, to_left, note), _push(plan.right, to_right, note)
    whole = conjunction(condition)
    kind = JoinType.CROSS if whole is None else JoinType.INNER
    return _above(lp.replace(plan, left=left, right=right, type=kind, condition=whole), kept)


def _narrowed(kind: JoinType, terms: Terms, left_ids: set[int], right_ids: set[int]) -> JoinType:
    """An outer join without the padding that a predicate above drops anyway."""
    if kind not in (JoinType.LEFT, JoinType.RIGHT, JoinType.FULL):
        return kind
    needs_left = any(_rejects_nulls(term, left_ids) for term in terms)
    needs_right = any(_rejects_nulls(term, right_ids) for term in terms)
    if kind is JoinType.LEFT:
        return JoinType.INNER if needs_right else kind
    if kind is JoinType.RIGHT:
        return JoinType.INNER if needs_left else kind
    if needs_left and needs_right:
        return JoinType.INNER
    if needs_left:
        return JoinType.LEFT
    return JoinType.RIGHT if needs_right else kind


_STRICT = frozenset(("=", "<", "<=", ">", ">=", "like", "in", "+", "-", "*", "rlike", "startswith", "contains"))


def _rejects_nulls(term: Expression, ids: set[int]) -> bool:
    """Whether a predicate cannot be true when all columns in `ids` are null."""
    if not isinstance(term, Call):
        return isinstance(term, Attribute) and term.id in ids
    if term.name == "and":
        return any(_rejects_nulls(arg, ids) for arg in term.args)
    if term.name == "or":
        return all(_rejects_nulls(arg, ids) for arg in term.args)
    if term.name == "isnotnull" or (term.name == "not" and _is_strict(term.args[0])):
        return _null_from(term.args[0], ids)
    if term.name == "in":
        return _null_from(term.args[0], ids)
    if term.name in _STRICT:
        return any(_null_from(arg, ids) for arg in term.args)
    return False


def _is_strict(term: Expression) -> bool:
    return isinstance(term, Call) and term.name in _STRICT


def _null_from(expression: Expression, ids: set[int]) -> bool:
    """Whether an expression is null when all columns in `ids` are."""
    if isinstance(expression, Attribute):
        return expression.id in ids
    if isinstance(expression, Case | Literal):
        return False
    if isinstance(expression, Call):
        if expression.name == "in":
            return _null_from(expression.args[0], ids)
        return expression.name in _STRICT and any(_null_from(arg, ids) for arg in expression.args)
    children = expression.children()
    return len(children) == 1 and _null_from(children[0], ids)


def _copied(terms: Terms, equalities: Terms, wanted: set[int]) -> list[Expression]:
    """One-column predicates restated for the columns that equalities make the same."""
    same: dict[int, list[Attribute]] = {}
    for term in equalities:
        if isinstance(term, Call) and term.name == "=":
            one, other = term.args
            if isinstance(one, Attribute) and isinstance(other, Attribute) and one.type == other.type:
                same.setdefault(one.id, []).append(other)
                same.setdefault(other.id, []).append(one)
    if not same:
        return []
    copies: dict[Expression, None] = {}
    queue = [term for term in terms if isinstance(term, Call) and is_free(term)]
    seen: set[Expression] = set(queue)
    while queue and len(copies) < MAX_COPIED:
        term = queue.pop(0)
        reads = references(term)
        if len(reads) != 1 or not _worth_copying(term):
            continue
        (read,) = reads
        for partner in same.get(read, ()):
            copy = substitute(term, {read: partner})
            if copy not in seen:
                seen.add(copy)
                queue.append(copy)  # type: ignore[arg-type]
                if partner.id in wanted:
                    copies[copy] = None
    return list(copies)


def _worth_copying(term: Call) -> bool:
    return term.name in ("=", "<", "<=", ">", ">=", "in") and any(isinstance(part, Literal) for part in walk(term))


def _implied(term: Expression, ids: set[int]) -> list[Expression]:
    """What a disjunction over both sides of a join says about one side: each branch's own terms, joined by OR."""
    branches = disjuncts(term)
    if len(branches) < 2:
        return []
    alternatives: list[Expression] = []
    for branch in branches:
        own = [t for t in conjuncts(branch) if references(t) and references(t) <= ids]
        whole = conjunction(own)
        if whole is None:
            return []
        alternatives.append(whole)
    return [disjunction(alternatives)]
