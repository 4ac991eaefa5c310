"""Which row groups a predicate rules out, by minimum, maximum and null count.

Conservative: whatever is not understood keeps the row group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headrace_driver.catalog.source import ColumnRange
from headrace_driver.plan import types as t
from headrace_driver.plan.conditions import conjuncts
from headrace_driver.plan.expressions import Attribute, Call, Expression, Literal

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}


def prunable_columns(predicate: Expression | None) -> set[int]:
    """Ids of the columns whose ranges can rule something out."""
    found: set[int] = set()
    for term in conjuncts(predicate):
        attribute = _column(term)
        if attribute is not None:
            found.add(attribute.id)
    return found


def _column(term: Expression) -> Attribute | None:
    if not isinstance(term, Call) or not term.args:
        return None
    for arg in term.args[:2]:
        if isinstance(arg, Attribute) and not isinstance(arg.type, t.FractionalType | t.BinaryType):
            return arg
    return None


def may_match(predicate: Expression | None, ranges: Mapping[int, Sequence[ColumnRange]], group: int) -> bool:
    """Whether a row of row group `group` can satisfy the predicate; `ranges` by attribute id."""
    for term in conjuncts(predicate):
        attribute = _column(term)
        if attribute is None or not isinstance(term, Call):
            continue
        known = ranges.get(attribute.id)
        if known and not _term_may_match(term, attribute, known[group]):
            return False
    return True


def _term_may_match(term: Call, attribute: Attribute, known: ColumnRange) -> bool:
    if term.name == "in":
        values = term.args[1:]
        if term.args[0] is not attribute or not all(isinstance(v, Literal) for v in values):
            return True
        return any(_compare("=", known, v.value) for v in values if isinstance(v, Literal))
    if term.name not in _MIRRORED:
        return True
    left, right = term.args
    if isinstance(right, Literal) and left is attribute:
        return _compare(term.name, known, right.value)
    if isinstance(left, Literal) and right is attribute:
        return _compare(_MIRRORED[term.name], known, left.value)
    return True


def _compare(name: str, known: ColumnRange, value: Any) -> bool:
    low: Any = known.minimum
    high: Any = known.maximum
    if value is None:
        return False
    if low is None or high is None or type(low) is not type(value):
        return True
    if name == "=":
        return bool(low <= value <= high)
    if name == "<":
        return bool(low < value)
    if name == "<=":
        return bool(low <= value)
    if name == ">":
        return bool(high > value)
    return bool(high >= value)
