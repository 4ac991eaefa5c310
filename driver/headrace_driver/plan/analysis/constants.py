"""Constants that a clause needs while it is analysed: LIMIT, OFFSET and the bounds of window frames."""

from __future__ import annotations

from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Cast, Expression, Literal


def is_constant(e: Expression) -> bool:
    """Whether an expression needs no row."""
    if isinstance(e, Literal):
        return True
    if isinstance(e, Call | Cast):
        return all(is_constant(c) for c in e.children())
    return False


def constant(e: Expression) -> object:
    """The value of a constant expression of whole numbers; the expression itself when it is something else."""
    if isinstance(e, Literal):
        return e.value
    if isinstance(e, Cast) and isinstance(e.type, t.IntegerType | t.LongType):
        value = constant(e.child)
        if value is None:
            return None
        return int(value) if isinstance(value, int) or (isinstance(value, str) and _is_number(value)) else e
    if isinstance(e, Call):
        values = [constant(a) for a in e.args]
        if any(v is None for v in values):
            return None
        if all(isinstance(v, int) for v in values):
            return _arithmetic(e, [int(v) for v in values if isinstance(v, int)])
    return e


def _is_number(text: str) -> bool:
    return text.strip().lstrip("+-").isdigit()


def _arithmetic(e: Call, values: list[int]) -> object:
    if len(values) == 1:
        return {"negative": -values[0], "-": -values[0], "positive": values[0], "+": values[0]}.get(e.name, e)
    if len(values) == 2:
        a, b = values
        return {"+": a + b, "-": a - b, "*": a * b}.get(e.name, e)
    return e
