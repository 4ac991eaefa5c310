"""IN over very many constants is a join with them: as text they cost the kernel 4 KB each, as rows 8 bytes.

Filter(x IN (c1, c2, ...))      -> Filter(EXISTS(Filter(rows, x = c)) AND x >= least AND x <= greatest)
Filter(x NOT IN (c1, c2, ...))  -> Filter(NOT EXISTS(Filter(rows, x = c)) AND x IS NOT NULL)
elsewhere                       -> EXISTS(...), null where x is null, and where a null is listed and x is not

The rule for subqueries makes joins of these. Unlike IN over a subquery, a list has SQL's three values everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headrace_driver.functions.coercion import cast_to
from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.inline_rows import arrow_of_values
from headrace_driver.plan.conditions import conjuncts
from headrace_driver.plan.expressions import (
    Attribute,
    Call,
    Case,
    Exists,
    Expression,
    LambdaVariable,
    Literal,
    OuterReference,
    WindowExpression,
    new_id,
    transform_down,
    walk,
)
from headrace_driver.plan.optimizer.terms import conjunction, disjunction, equality, has_subquery, is_free

LONG = 1000
"""Constants of a list from which it becomes rows: shorter ones the kernel compares as fast as it joins."""

_NULL = Literal(None, t.BOOLEAN)
_FALSE = Literal(False, t.BOOLEAN)
_BOUNDED = (
    t.ByteType,
    t.ShortType,
    t.IntegerType,
    t.LongType,
    t.StringType,
    t.DateType,
    t.TimestampType,
    t.TimestampNTZType,
)
"""Types whose literals order as their columns do."""


@dataclass(frozen=True, slots=True)
class _LongList:
    """A list as rows: `value` is among them where `found` is true."""

    value: Expression
    found: Expression
    has_null: bool
    bounds: tuple[Expression, ...]

    def term(self, negated: bool) -> Expression:
        """As a conjunct of a condition, where null is as good as false."""
        if not negated:
            both = conjunction((self.found, *self.bounds))
            assert both is not None
            return both
        if self.has_null:
            return _FALSE
        absent = Call("not", (self.found,), t.BOOLEAN, False)
        known = Call("isnotnull", (self.value,), t.BOOLEAN, False)
        both = conjunction((absent, known) if self.value.nullable else (absent,))
        assert both is not None
        return both

    def expression(self) -> Expression:
        """As a value of three kinds."""
        if self.has_null:
            return Case((self.found,), (Literal(True, t.BOOLEAN),), _NULL)
        if self.value.nullable:
            return Case((Call("isnull", (self.value,), t.BOOLEAN, False),), (_NULL,), self.found)
        return self.found


def lists_as_rows(plan: lp.LogicalPlan) -> lp.LogicalPlan:
    """One operator's long lists as EXISTS."""
    if not any(_is_long(part) for e in plan.expressions() for part in walk(e)):
        return plan
    known: dict[Expression, Expression] = {}
    sides = [{a.id for a in inner.output} for inner in plan.inputs()]

    def value_of(part: Expression) -> Expression:
        if isinstance(part, Call) and _is_long(part):
            if part not in known:
                found = _rows_of(part, sides)
                known[part] = _split(part, sides) if found is None else found.expression()
            return known[part]
        return part

    def term_of(term: Expression) -> Expression:
        negated = isinstance(term, Call) and term.name == "not"
        inner = term.args[0] if isinstance(term, Call) and negated else term
        found = _rows_of(inner, sides) if isinstance(inner, Call) and _is_long(inner) else None
        if found is not None:
            return found.term(negated)
        return transform_down(term, value_of)

    if isinstance(plan, lp.Filter):
        condition = conjunction(part for term in conjuncts(plan.condition) for part in conjuncts(term_of(term)))
        return plan if condition is None else lp.replace(plan, condition=condition)
    if isinstance(plan, lp.Join):
        condition = conjunction(part for term in conjuncts(plan.condition) for part in conjuncts(term_of(term)))
        return lp.replace(plan, condition=condition)
    return plan.map_expressions(lambda e: transform_down(e, value_of))


def _is_long(part: Expression) -> bool:
    return isinstance(part, Call) and part.name == "in" and len(part.args) > LONG


def _split(call: Call, sides: Sequence[set[int]]) -> Expression:
    """Constants that need computing stay a list, beside the rows of those that do not."""
    value, *items = call.args
    plain = tuple(item for item in items if isinstance(item, Literal))
    rest = tuple(item for item in items if not isinstance(item, Literal))
    if not rest or len(plain) <= LONG:
        return call
    found = _rows_of(Call("in", (value, *plain), t.BOOLEAN, True), sides)
    if found is None:
        return call
    others = Call("in", (value, *rest), t.BOOLEAN, call.nullable, call.display, call.origin)
    return disjunction((found.expression(), others))


def _rows_of(call: Call, sides: Sequence[set[int]]) -> _LongList | None:
    """None where the value cannot be the key of a join, or the constants are of no plain type."""
    if not all(isinstance(item, Literal) for item in call.args[1:]):
        return None
    dtype = call.args[1].dtype
    value = cast_to(call.args[0], dtype)
    read = {part.id: part for part in walk(value) if isinstance(part, Attribute)}
    if not any(read.keys() <= side for side in sides) or not read:
        return None
    if has_subquery(value) or not is_free(value):
        return None
    if any(isinstance(part, OuterReference | LambdaVariable | WindowExpression) for part in walk(value)):
        return None
    values = dict.fromkeys(item.value for item in call.args[1:] if isinstance(item, Literal))
    has_null = None in values
    values.pop(None, None)
    if not values:
        return _LongList(value, _FALSE, True, ())
    schema = t.StructType((t.StructField("value", dtype, False),))
    stream = arrow_of_values("value", dtype, list(values))
    if stream is None:
        return None
    column = Attribute("value", dtype, False, new_id())
    rows = lp.LocalData(stream, schema, len(values), (column,))
    outer = transform_down(value, lambda part: OuterReference(part) if isinstance(part, Attribute) else part)
    found = Exists(lp.Filter(rows, equality(outer, column)), tuple(read.values()))
    return _LongList(value, found, has_null, _bounds(value, dtype, values))


def _bounds(value: Expression, dtype: t.DataType, values: dict[Any, None]) -> tuple[Expression, ...]:
    """What lets files and row groups be left out before any row is read."""
    if not isinstance(dtype, _BOUNDED):
        return ()
    return (
        Call(">=", (value, Literal(min(values), dtype)), t.BOOLEAN, value.nullable),
        Call("<=", (value, Literal(max(values), dtype)), t.BOOLEAN, value.nullable),
    )
