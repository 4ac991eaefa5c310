"""What a condition is made of: the terms of AND and OR, the sides of an equality."""

from __future__ import annotations

from headrace_driver.plan.expressions import Call, Expression


def conjuncts(condition: Expression | None) -> list[Expression]:
    """The terms of a conjunction, from left to right; none of no condition."""
    return [] if condition is None else _terms(condition, "and")


def disjuncts(condition: Expression) -> list[Expression]:
    """The terms of a disjunction, from left to right."""
    return _terms(condition, "or")


def _terms(condition: Expression, operator: str) -> list[Expression]:
    """Without recursion: conditions of programs may be thousands of terms deep."""
    found: list[Expression] = []
    stack = [condition]
    while stack:
        current = stack.pop()
        if isinstance(current, Call) and current.name == operator:
            stack.extend(reversed(current.args))
        else:
            found.append(current)
    return found


def equated(term: Expression) -> tuple[Expression, Expression] | None:
    """The two sides of an equality (`=` or `<=>`), or None."""
    if isinstance(term, Call) and term.name in ("=", "<=>"):
        return term.args[0], term.args[1]
    return None
