"""Conjunctions, references and substitutions: what the rules do with expressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headrace_driver.functions.registry import REGISTRY
from headrace_driver.plan import types as t
from headrace_driver.plan.conditions import conjuncts, disjuncts
from headrace_driver.plan.expressions import (
    AggregateCall,
    Alias,
    Attribute,
    Call,
    Exists,
    Expression,
    InSubquery,
    Lambda,
    Literal,
    OuterReference,
    ScalarSubquery,
    transform_down,
    walk,
)


def conjunction(terms: Iterable[Expression]) -> Expression | None:
    """All terms joined by AND; None for no terms."""
    found = list(dict.fromkeys(terms))
    if not found:
        return None
    if len(found) == 1:
        return found[0]
    return Call("and", tuple(found), t.BOOLEAN, any(term.nullable for term in found))


def both(one: Expression | None, other: Expression | None) -> Expression | None:
    """The conjunction of two conditions that may be absent."""
    return conjunction([*conjuncts(one), *conjuncts(other)])


def disjunction(terms: Iterable[Expression]) -> Expression:
    """All terms joined by OR; false for no terms."""
    found = list(dict.fromkeys(terms))
    if not found:
        return Literal(False, t.BOOLEAN)
    if len(found) == 1:
        return found[0]
    return Call("or", tuple(found), t.BOOLEAN, any(term.nullable for term in found))


def factored(term: Expression) -> Expression:
    """`(a AND b) OR (a AND c)` as `a AND (b OR c)`."""
    branches = disjuncts(term)
    if len(branches) < 2:
        return term
    parts = [conjuncts(branch) for branch in branches]
    common = [t for t in parts[0] if all(t in other for other in parts[1:])]
    if not common:
        return term
    rest = [conjunction(t for t in part if t not in common) for part in parts]
    left = [r for r in rest if r is not None]
    if len(left) < len(rest):
        whole = conjunction(common)
    else:
        whole = conjunction([*common, disjunction(left)])
    assert whole is not None
    return whole


def equality(left: Expression, right: Expression, null_safe: bool = False) -> Call:
    """`left = right`, or `left <=> right`."""
    nullable = not null_safe and (left.nullable or right.nullable)
    return Call("<=>" if null_safe else "=", (left, right), t.BOOLEAN, nullable)


def references(expression: Expression) -> set[int]:
    """Ids of the columns an expression reads, those that subqueries in it take from outside included."""
    found: set[int] = set()
    for part in walk(expression):
        if isinstance(part, Attribute):
            found.add(part.id)
        elif isinstance(part, ScalarSubquery | Exists | InSubquery):
            found.update(a.id for a in part.outer)
    return found


def has_outer_reference(expression: Expression) -> bool:
    """Whether an expression reads a column of the query around it."""
    return any(isinstance(part, OuterReference) for part in walk(expression))


def has_subquery(expression: Expression) -> bool:
    return any(isinstance(part, ScalarSubquery | Exists | InSubquery) for part in walk(expression))


def substitute(expression: Expression, replacements: Mapping[int, Expression]) -> Expression:
    """The expression with columns replaced by what computes them."""

    def change(part: Expression) -> Expression:
        if isinstance(part, Attribute):
            return replacements.get(part.id, part)
        return part

    return transform_down(expression, change) if replacements else expression


def definitions(columns: Iterable[Alias | Attribute]) -> dict[int, Expression]:
    """What computes each aliased column of a projection."""
    return {column.id: column.child for column in columns if isinstance(column, Alias)}


def is_free(expression: Expression) -> bool:
    """Whether an expression may be moved or repeated: deterministic, no aggregate, no subquery."""
    for part in walk(expression):
        if isinstance(part, AggregateCall | ScalarSubquery | Exists | InSubquery | Lambda):
            return False
        if isinstance(part, Call):
            function = REGISTRY.find(part.name)
            if function is not None and not function.deterministic:
                return False
    return True
