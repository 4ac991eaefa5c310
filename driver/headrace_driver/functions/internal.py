"""Functions only the planner calls; their names cannot be written without quoting."""

from __future__ import annotations

from collections.abc import Sequence

from headrace_driver.errors import unsupported
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.plan.expressions import Call, Expression
from headrace_driver.plan.types import DecimalType
from headrace_driver.render.text import raising
from headrace_driver.render.types import kernel_type

TOO_MANY_ROWS = "$too_many_rows"
"""Fails the query: a scalar subquery has yielded a second row."""


def _not_callable(args: Sequence[Expression], ctx: BindContext) -> Expression:
    raise unsupported(f"calling {ctx.display}, which is for the planner")


def _too_many_rows(call: Call, args: Sequence[str]) -> str:
    return f"CAST({raising('SCALAR_SUBQUERY_TOO_MANY_ROWS')} AS {kernel_type(call.type)})"


REGISTRY.add(
    Function(
        TOO_MANY_ROWS,
        FunctionKind.SCALAR,
        _not_callable,
        render=_too_many_rows,
        deterministic=True,
        foldable=False,
        raises=True,
    )
)

DECIMAL_DIGITS = "$decimal_digits"
"""Text that is the same for equal decimals of any type; some that differ in sign share it, too."""


def _decimal_digits(call: Call, args: Sequence[str]) -> str:
    dtype = call.args[0].dtype
    point = "" if isinstance(dtype, DecimalType) and dtype.scale else " || '.'"
    return f"ltrim(rtrim(CAST(abs({args[0]}) AS VARCHAR){point}, '0'), '0')"


REGISTRY.add(Function(DECIMAL_DIGITS, FunctionKind.SCALAR, _not_callable, render=_decimal_digits))
