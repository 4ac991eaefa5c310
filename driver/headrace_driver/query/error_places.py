"""Where in the user's SQL or program an error of a running query arose.

Workers report class and parameters only. The place is known all the same where just one expression of the query can
have raised that: Spark names it in the error's query context, and so do we. Where several can, none is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headrace_driver.errors import NOWHERE, Origin, SparkError
from headrace_driver.functions.registry import REGISTRY
from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import (
    AggregateCall,
    Attribute,
    Call,
    Cast,
    CastMode,
    Expression,
    Lambda,
    Literal,
    new_id,
)
from headrace_driver.render.expressions import Renderer
from headrace_proto.v1 import common_pb2

_LOCATED = frozenset(
    {
        "ARITHMETIC_OVERFLOW",
        "CAST_INVALID_INPUT",
        "DIVIDE_BY_ZERO",
        "INTERVAL_ARITHMETIC_OVERFLOW",
        "INTERVAL_DIVIDED_BY_ZERO",
        "INVALID_ARRAY_INDEX",
        "INVALID_ARRAY_INDEX_IN_ELEMENT_AT",
        "INVALID_INDEX_OF_ZERO",
        "NUMERIC_VALUE_OUT_OF_RANGE",
        "REMAINDER_BY_ZERO",
    }
)
"""The errors whose place Spark tells."""

_OPERATORS = {"try_add": "+", "try_subtract": "-", "try_multiply": "*"}
"""What overflowed, by the function that Spark advises instead."""


def place_of(failure: common_pb2.Failure, plan: lp.LogicalPlan) -> Origin:
    """The only place in an analysed query that can have raised a failure; NOWHERE where there are none or several."""
    error = failure.user_error
    main = error.error_class.partition(".")[0]
    if main not in _LOCATED:
        return NOWHERE
    places = {place for e, place in _placed(plan) if place is not NOWHERE and _can_raise(e, main, error.parameters)}
    return places.pop() if len(places) == 1 else NOWHERE


def _placed(plan: lp.LogicalPlan) -> Iterator[tuple[Expression, Origin]]:
    """Every expression with its origin, or that of the one around it: coercion adds casts of its own."""
    for operator in lp.walk(plan):
        stack = [(e, NOWHERE) for e in operator.expressions()]
        while stack:
            e, around = stack.pop()
            own = getattr(e, "origin", NOWHERE)
            place = around if own == NOWHERE else own
            yield e, place
            stack.extend((child, place) for child in e.children())


def _can_raise(e: Expression, main: str, parameters: Mapping[str, str]) -> bool:
    if main == "CAST_INVALID_INPUT":
        is_cast = isinstance(e, Cast) and e.mode is CastMode.ANSI and isinstance(e.child.dtype, t.StringType)
        return is_cast and f'"{e.dtype.sql}"' == parameters.get("targetType", "")
    if main == "NUMERIC_VALUE_OUT_OF_RANGE":
        return isinstance(e, Cast | Call | AggregateCall) and isinstance(e.dtype, t.DecimalType)
    if main == "ARITHMETIC_OVERFLOW":
        return isinstance(e, Call) and _advised(parameters) == e.name and isinstance(e.dtype, t.IntegralType)
    return isinstance(e, Call) and f"HR|{main}|" in _own_text(e)


def _advised(parameters: Mapping[str, str]) -> str:
    said = parameters.get("alternative", "")
    return next((operator for name, operator in _OPERATORS.items() if name in said), "")


def _own_text(call: Call) -> str:
    """The kernel text of a call without that of its arguments; empty for those that are not rendered by themselves."""
    function = REGISTRY.find(call.name)
    if function is None or function.render is None:
        return ""

    def stands_for(child: Expression) -> Expression:
        kept = isinstance(child, Literal | Lambda)
        return child if kept else Attribute("argument", child.dtype, child.nullable, new_id())

    try:
        return Renderer().expression(call.map_children(stands_for))
    except SparkError:
        # Some are made only of certain arguments; the query with them has been rendered, so it is none of those.
        return ""
