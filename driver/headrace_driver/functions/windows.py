"""Functions that stand only over windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace_driver.functions.aggregates import make
from headrace_driver.functions.coercion import cast_to, common_type
from headrace_driver.functions.declare import INT, check_count, coerce, integer
from headrace_driver.functions.mismatch import out_of_range, unexpected_type
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind, Wrap
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import AggregateCall, Expression, Literal


def _ranking(name: str, dtype: t.DataType) -> None:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        # rank(x) takes arguments that Spark ignores.
        return make(name, (), dtype, ctx, null=False)

    def render(call: AggregateCall, args: Sequence[str], wrap: Wrap) -> str:
        text = wrap(f"{name}()")
        return f"CAST({text} AS INTEGER)" if isinstance(dtype, t.IntegerType) else text

    REGISTRY.add(Function(name, FunctionKind.WINDOW, bind, render_aggregate=render))


def _bind_ntile(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("ntile", args, 0, 1, ctx)
    given = coerce("ntile", [INT], args or (integer(1),), ctx)
    if isinstance(args[0] if args else None, Literal) and isinstance(given[0], Literal):
        buckets = given[0].value
        if not isinstance(buckets, int) or buckets < 1:
            raise out_of_range("ntile", args, "buckets", "(0, 2147483647]", buckets, ctx)
    return make("ntile", given, t.INTEGER, ctx, null=False)


def _shifted(name: str) -> Callable[[Sequence[Expression], BindContext], Expression]:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 1, 3, ctx)
        value = args[0]
        (offset,) = coerce(name, [INT], args[1:2] or (integer(1),), ctx)
        if len(args) < 3:
            return make(name, (value, offset), value.dtype, ctx)
        if common_type(value.dtype, args[2].dtype) is None:
            wanted = f'("{value.dtype.sql}" or "VOID")'
            raise unexpected_type(ctx.display or name, args, 2, wanted, ctx)
        return make(name, (value, offset, cast_to(args[2], value.dtype)), value.dtype, ctx)

    return bind


def _render_shifted(call: AggregateCall, args: Sequence[str], wrap: Wrap) -> str:
    nulls = " IGNORE NULLS" if call.ignore_nulls else ""
    return wrap(f"{call.name}({', '.join(args)}{nulls})")


def _bind_nth(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("nth_value", args, 2, 3, ctx)
    ignore = len(args) == 3 and isinstance(args[2], Literal) and bool(args[2].value)
    (offset,) = coerce("nth_value", [INT], args[1:2], ctx)
    return AggregateCall(
        "nth_value",
        (args[0], offset),
        args[0].dtype,
        True,
        ignore_nulls=ignore,
        display=ctx.display or "nth_value",
        origin=ctx.origin,
    )


def _register() -> None:
    for name in ("row_number", "rank", "dense_rank"):
        _ranking(name, t.INTEGER)
    for name in ("percent_rank", "cume_dist"):
        _ranking(name, t.DOUBLE)
    REGISTRY.add(
        Function(
            "ntile",
            FunctionKind.WINDOW,
            _bind_ntile,
            render_aggregate=lambda call, args, wrap: f"CAST({wrap(f'ntile({args[0]})')} AS INTEGER)",
        )
    )
    for name in ("lag", "lead"):
        REGISTRY.add(Function(name, FunctionKind.WINDOW, _shifted(name), render_aggregate=_render_shifted))
    REGISTRY.add(
        Function(
            "nth_value",
            FunctionKind.WINDOW,
            _bind_nth,
            render_aggregate=_render_shifted,
        )
    )


_register()
