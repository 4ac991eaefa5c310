"""count, sum, avg, min, max and the aggregates that are as simple."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace_driver.errors import SparkError
from headrace_driver.functions.coercion import cast_to, is_integral, is_interval, is_orderable
from headrace_driver.functions.decimals import average_type, sum_type
from headrace_driver.functions.declare import BOOLEAN, INTEGRAL, Parameter, check_count, coerce
from headrace_driver.functions.mismatch import unexpected_type, unordered
from headrace_driver.functions.registry import (
    REGISTRY,
    BindContext,
    Buffer,
    Function,
    FunctionKind,
    TwoPhase,
    Wrap,
)
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import AggregateCall, Expression, Literal
from headrace_driver.render.decimals import quotient
from headrace_driver.render.order_keys import needs_key, order_key
from headrace_driver.render.text import let
from headrace_driver.render.types import kernel_type

_SUMMED = '("NUMERIC" or "INTERVAL DAY TO SECOND" or "INTERVAL YEAR TO MONTH")'


def make(
    name: str, args: Sequence[Expression], dtype: t.DataType, ctx: BindContext, *, null: bool = True
) -> AggregateCall:
    """An aggregate call; analysis adds DISTINCT, FILTER, ORDER BY and IGNORE NULLS."""
    return AggregateCall(name, tuple(args), dtype, null, display=ctx.display or name, origin=ctx.origin)


def simple(
    name: str,
    parameters: Sequence[Parameter],
    returns: t.DataType | Callable[[Sequence[Expression]], t.DataType],
    kernel: str,
    *,
    merge: str | None = None,
    aliases: Sequence[str] = (),
    defaults: Sequence[Expression] = (),
    null: bool = True,
    duplicate_agnostic: bool = False,
    cast: bool = False,
    kind: FunctionKind = FunctionKind.AGGREGATE,
    deterministic: bool = True,
    any_decimal_width: bool = False,
) -> None:
    """An aggregate that is one kernel aggregate, `kernel` a template over the arguments; `merge` combines partial
    results (over {0}); `cast` when the kernel's type is not the result's."""

    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, len(parameters) - len(defaults), len(parameters), ctx)
        missing = len(parameters) - len(args)
        given = [*args, *(defaults[len(defaults) - missing :] if missing else ())]
        accepted = coerce(name, parameters, given, ctx)
        dtype = returns if isinstance(returns, t.DataType) else returns(accepted)
        return make(name, accepted, dtype, ctx, null=null)

    def typed(call: AggregateCall, text: str) -> str:
        return f"CAST({text} AS {kernel_type(call.type)})" if cast else text

    def render(call: AggregateCall, args: Sequence[str], wrap: Wrap) -> str:
        return typed(call, wrap(kernel.format(*args)))

    def two_phase(call: AggregateCall) -> TwoPhase:
        assert merge is not None
        return TwoPhase(
            (
                Buffer(
                    kernel_type(call.type),
                    lambda args, wrap: typed(call, wrap(kernel.format(*args))),
                    lambda column: typed(call, merge.format(column)),
                ),
            ),
            lambda columns: columns[0],
        )

    REGISTRY.add(
        Function(
            name,
            kind,
            bind,
            render_aggregate=render,
            two_phase=two_phase if merge is not None else None,
            duplicate_agnostic=duplicate_agnostic,
            deterministic=deterministic,
            any_decimal_width=any_decimal_width,
        ),
        *aliases,
    )


def _bind_count(args: Sequence[Expression], ctx: BindContext) -> Expression:
    """`count(*)` comes as count(1); several arguments count rows in which none is null."""
    if not args and ctx.conf.get("spark.sql.legacy.allowParameterlessCount", "false") != "true":
        raise SparkError(
            "WRONG_NUM_ARGS.WITH_SUGGESTION",
            "The `count` requires at least one argument parameters but the actual number is 0. If you have to call "
            'this function with 0 parameters, set the legacy configuration "spark.sql.legacy.allowParameterlessCount" '
            'to "true".',
            {
                "functionName": "`count`",
                "expectedNum": " >= 1",
                "actualNum": "0",
                "legacyConfKey": '"spark.sql.legacy.allowParameterlessCount"',
                "legacyConfValue": '"true"',
            },
            sql_state="42605",
            origins=(ctx.origin,),
        )
    return make("count", args, t.LONG, ctx, null=False)


def _count_of(call: AggregateCall, args: Sequence[str]) -> str:
    counted = [text for arg, text in zip(call.args, args, strict=True) if arg.nullable or call.distinct]
    if not counted:
        return "count(*)"
    if len(counted) == 1:
        return f"count({counted[0]})"
    nulls = " OR ".join(f"{text} IS NULL" for text in counted)
    value = f"ROW({', '.join(counted)})" if call.distinct else "1"
    return f"count(CASE WHEN {nulls} THEN NULL ELSE {value} END)"


def _count_phases(call: AggregateCall) -> TwoPhase:
    return TwoPhase(
        (
            Buffer(
                "BIGINT",
                lambda args, wrap: wrap(_count_of(call, args)),
                lambda column: f"CAST(coalesce(sum({column}), 0) AS BIGINT)",
            ),
        ),
        lambda columns: f"coalesce({columns[0]}, 0)",
    )


def _summed(name: str, args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count(name, args, 1, 1, ctx)
    (arg,) = args
    if isinstance(arg.dtype, t.AtomicNumeric) or is_interval(arg.dtype):
        return arg
    if isinstance(arg.dtype, t.StringType | t.NullType):
        return cast_to(arg, t.DOUBLE)
    raise unexpected_type(ctx.display or name, args, 0, _SUMMED, ctx)


def _sum_result(dtype: t.DataType) -> t.DataType:
    if isinstance(dtype, t.DecimalType):
        return sum_type(dtype)
    if is_integral(dtype):
        return t.LONG
    if is_interval(dtype):
        return dtype
    return t.DOUBLE


def _sum_text(call: AggregateCall, text: str, *, attempt: bool) -> str:
    """The kernel sums whole numbers in 128 bits; the cast back raises (or is null) where Spark's 64 overflow."""
    if isinstance(call.type, t.DoubleType):
        return text
    return f"{'TRY_CAST' if attempt else 'CAST'}({text} AS {kernel_type(call.type)})"


def _sum_argument(call: AggregateCall, text: str) -> str:
    return f"CAST({text} AS DOUBLE)" if isinstance(call.args[0].dtype, t.FloatType) else text


def _register_sum(name: str, *, attempt: bool) -> None:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        arg = _summed(name, args, ctx)
        return make(name, (arg,), _sum_result(arg.dtype), ctx)

    def render(call: AggregateCall, args: Sequence[str], wrap: Wrap) -> str:
        return _sum_text(call, wrap(f"sum({_sum_argument(call, args[0])})"), attempt=attempt)

    def two_phase(call: AggregateCall) -> TwoPhase | None:
        if attempt:
            return None
        return TwoPhase(
            (
                Buffer(
                    kernel_type(call.type),
                    lambda args, wrap: render(call, args, wrap),
                    lambda column: _sum_text(call, f"sum({column})", attempt=False),
                ),
            ),
            lambda columns: columns[0],
        )

    REGISTRY.add(
        Function(
            name,
            FunctionKind.AGGREGATE,
            bind,
            render_aggregate=render,
            two_phase=two_phase,
            any_decimal_width=True,
        )
    )


def _average_result(dtype: t.DataType) -> t.DataType:
    if isinstance(dtype, t.DecimalType):
        return average_type(dtype)
    if is_interval(dtype):
        return t.DAY_TIME if isinstance(dtype, t.DayTimeIntervalType) else t.YEAR_MONTH
    return t.DOUBLE


def _average(call: AggregateCall, total: str, count: str) -> str:
    """The mean of a sum and a count; null when the count is zero."""
    source = call.args[0].dtype
    if isinstance(call.type, t.DecimalType):
        assert isinstance(source, t.DecimalType)
        return quotient(total, sum_type(source), f"nullif({count}, 0)", t.DecimalType(20, 0), call.type, positive=True)
    if is_interval(source):
        half_up = let(
            total,
            lambda s: f"(sign({s}) * ((abs({s}::HUGEINT) * 2 + {count}) // nullif({count} * 2, 0)))",
        )
        return f"CAST({half_up} AS {kernel_type(call.type)})"
    return f"({total} / nullif({count}, 0))"


def _sum_kernel(call: AggregateCall) -> str:
    """The type of the sum behind a mean."""
    source = call.args[0].dtype
    if isinstance(source, t.DecimalType):
        return kernel_type(sum_type(source))
    return "DOUBLE" if not is_interval(source) else kernel_type(source)


def _register_average(name: str, *aliases: str, attempt: bool = False) -> None:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        arg = _summed(name, args, ctx)
        return make(name, (arg,), _average_result(arg.dtype), ctx)

    def partial_sum(call: AggregateCall, args: Sequence[str], wrap: Wrap) -> str:
        total = wrap(f"sum({_sum_argument(call, args[0])})")
        if isinstance(call.args[0].dtype, t.FloatType | t.DoubleType):
            return total
        return f"{'TRY_CAST' if attempt else 'CAST'}({total} AS {_sum_kernel(call)})"

    def render(call: AggregateCall, args: Sequence[str], wrap: Wrap) -> str:
        if isinstance(call.type, t.DoubleType):
            return wrap(f"avg({_sum_argument(call, args[0])})")
        return _average(call, partial_sum(call, args, wrap), wrap(f"count({args[0]})"))

    def two_phase(call: AggregateCall) -> TwoPhase | None:
        if attempt:
            return None
        kernel = _sum_kernel(call)
        return TwoPhase(
            (
                Buffer(
                    kernel,
                    lambda args, wrap: partial_sum(call, args, wrap),
                    lambda column: f"CAST(sum({column}) AS {kernel})",
                ),
                Buffer(
                    "BIGINT",
                    lambda args, wrap: wrap(f"count({args[0]})"),
                    lambda column: f"CAST(sum({column}) AS BIGINT)",
                ),
            ),
            lambda columns: _average(call, columns[0], columns[1]),
        )

    REGISTRY.add(
        Function(
            name,
            FunctionKind.AGGREGATE,
            bind,
            render_aggregate=render,
            two_phase=two_phase,
            any_decimal_width=True,
        ),
        *aliases,
    )


def _register_extremes() -> None:
    for name in ("min", "max"):
        _register_extreme(name)


def _register_extreme(name: str) -> None:
    """min and max; of values with nulls inside by a key that sorts those first."""

    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 1, 1, ctx)
        dtype = args[0].dtype
        if not is_orderable(dtype):
            raise unordered(ctx.display or name, args, dtype, ctx)
        return make(name, args, dtype, ctx)

    def text(call: AggregateCall, value: str) -> str:
        if needs_key(call.type):
            return f"arg_{name}({value}, {order_key(value, call.type)})"
        return f"{name}({value})"

    def two_phase(call: AggregateCall) -> TwoPhase:
        update = Buffer(
            kernel_type(call.type), lambda args, wrap: wrap(text(call, args[0])), lambda column: text(call, column)
        )
        return TwoPhase((update,), lambda columns: columns[0])

    REGISTRY.add(
        Function(
            name,
            FunctionKind.AGGREGATE,
            bind,
            render_aggregate=lambda call, args, wrap: wrap(text(call, args[0])),
            two_phase=two_phase,
            duplicate_agnostic=True,
        )
    )


def _bind_first(name: str) -> Callable[[Sequence[Expression], BindContext], Expression]:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 1, 2, ctx)
        ignore = len(args) == 2 and isinstance(args[1], Literal) and bool(args[1].value)
        return AggregateCall(
            name, (args[0],), args[0].dtype, True, ignore_nulls=ignore, display=ctx.display or name, origin=ctx.origin
        )

    return bind


def _first_kernel(kernel: str, call: AggregateCall, text: str, wrap: Wrap) -> str:
    """first and last over groups and over windows, where IGNORE NULLS stands inside the parentheses."""
    probe = wrap("x()")
    if " OVER (" in probe:
        name = f"{kernel}_value"
        return wrap(f"{name}({text}{' IGNORE NULLS' if call.ignore_nulls else ''})")
    if not call.ignore_nulls:
        return wrap(f"{kernel}({text})")
    if kernel == "first":
        return wrap(f"any_value({text})")
    where = probe[len("x() FILTER (WHERE ") : -1]
    condition = f"{where} AND {text} IS NOT NULL" if where else f"{text} IS NOT NULL"
    return f"last({text}) FILTER (WHERE {condition})"


def _register_first(name: str, kernel: str, *aliases: str) -> None:
    """Which row is first is not determined when rows arrive from several tasks (nor is it in Spark)."""

    def render(call: AggregateCall, args: Sequence[str], wrap: Wrap) -> str:
        return _first_kernel(kernel, call, args[0], wrap)

    def two_phase(call: AggregateCall) -> TwoPhase:
        # A task without rows of the group has nothing to say, which is not the same as a first value that is null.
        def update(args: Sequence[str], wrap: Wrap) -> str:
            counted = f"count({args[0]})" if call.ignore_nulls else "count(*)"
            return f"{{'s': {wrap(counted)} > 0, 'v': {render(call, args, wrap)}}}"

        def merge(column: str) -> str:
            said = f"FILTER (WHERE {column}.s)"
            return f"{{'s': bool_or({column}.s), 'v': {kernel}({column}.v) {said}}}"

        return TwoPhase(
            (Buffer(f"STRUCT(s BOOLEAN, v {kernel_type(call.type)})", update, merge),),
            lambda columns: f"struct_extract({columns[0]}, 'v')",
        )

    REGISTRY.add(
        Function(
            name,
            FunctionKind.AGGREGATE,
            _bind_first(name),
            render_aggregate=render,
            two_phase=two_phase,
            duplicate_agnostic=True,
            deterministic=False,
        ),
        *aliases,
    )


def _register() -> None:
    REGISTRY.add(
        Function(
            "count",
            FunctionKind.AGGREGATE,
            _bind_count,
            render_aggregate=lambda call, args, wrap: wrap(_count_of(call, args)),
            two_phase=_count_phases,
            any_decimal_width=True,
        )
    )
    _register_sum("sum", attempt=False)
    _register_sum("try_sum", attempt=True)
    _register_average("avg", "mean")
    _register_average("try_avg", attempt=True)
    _register_extremes()
    _register_first("first", "first", "first_value")
    _register_first("last", "last", "last_value")
    _register_first("any_value", "first")
    REGISTRY.add(
        Function(
            "count_if",
            FunctionKind.AGGREGATE,
            lambda args, ctx: make("count_if", coerce("count_if", [BOOLEAN], args, ctx), t.LONG, ctx, null=False),
            render_aggregate=lambda call, args, wrap: wrap(f"count(CASE WHEN {args[0]} THEN 1 END)"),
            two_phase=lambda call: TwoPhase(
                (
                    Buffer(
                        "BIGINT",
                        lambda args, wrap: wrap(f"count(CASE WHEN {args[0]} THEN 1 END)"),
                        lambda column: f"CAST(coalesce(sum({column}), 0) AS BIGINT)",
                    ),
                ),
                lambda columns: f"coalesce({columns[0]}, 0)",
            ),
        )
    )
    for name, aliases in (("bool_and", ("every",)), ("bool_or", ("some", "any"))):
        simple(
            name,
            [BOOLEAN],
            t.BOOLEAN,
            f"{name}({{0}})",
            merge=f"{name}({{0}})",
            aliases=aliases,
            duplicate_agnostic=True,
        )
    for name in ("bit_and", "bit_or"):
        simple(
            name,
            [INTEGRAL],
            lambda args: args[0].dtype,
            f"{name}({{0}})",
            merge=f"{name}({{0}})",
            duplicate_agnostic=True,
        )
    simple("bit_xor", [INTEGRAL], lambda args: args[0].dtype, "bit_xor({0})", merge="bit_xor({0})")


_register()
