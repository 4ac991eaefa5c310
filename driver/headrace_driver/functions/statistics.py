"""Aggregates that look at order or keep values: collect_list, listagg, max_by, percentiles, mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from headrace_driver.errors import unsupported
from headrace_driver.functions.aggregates import make, simple
from headrace_driver.functions.coercion import cast_to, is_interval
from headrace_driver.functions.declare import DOUBLE, INT, check_count, coerce, string
from headrace_driver.functions.mismatch import not_constant, out_of_range, unexpected_type
from headrace_driver.functions.registry import REGISTRY, BindContext, Buffer, Function, FunctionKind, TwoPhase, Wrap
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import (
    AggregateCall,
    Attribute,
    Call,
    Cast,
    Expression,
    LambdaVariable,
    Literal,
    SortOrder,
)
from headrace_driver.render.text import let
from headrace_driver.render.types import kernel_type


def _array_of(args: Sequence[Expression]) -> t.DataType:
    return t.ArrayType(args[0].dtype, False)


def _without_nulls(text: str, call: AggregateCall, wrap: Wrap) -> str:
    """The kernel's list() keeps nulls and gives null for no rows; Spark skips them and gives an empty list."""
    listed = wrap(text)
    kernel = kernel_type(call.type)
    if call.args[0].nullable:
        return f"coalesce(list_filter({listed}, lambda x: x IS NOT NULL), []::{kernel})"
    return f"coalesce({listed}, []::{kernel})"


def _collect(name: str, *aliases: str, distinct: bool) -> None:
    """The order of collect_list is that of the rows as they arrive, which shuffles change (in Spark too)."""

    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 1, 1, ctx)
        if distinct and isinstance(args[0].dtype, t.MapType):
            raise unexpected_type(name, args, 0, '"BINARY_COMPARABLE"', ctx)
        return make(name, args, _array_of(args), ctx, null=False)

    prefix = "DISTINCT " if distinct else ""

    def render(call: AggregateCall, args: Sequence[str], wrap: Wrap) -> str:
        return _without_nulls(f"list({prefix}{args[0]})", call, wrap)

    def two_phase(call: AggregateCall) -> TwoPhase:
        kernel = kernel_type(call.type)
        merged = "list_distinct(flatten(list({0})))" if distinct else "flatten(list({0}))"
        return TwoPhase(
            (
                Buffer(
                    kernel,
                    lambda args, wrap: render(call, args, wrap),
                    lambda column: f"coalesce({merged.format(column)}, []::{kernel})",
                ),
            ),
            lambda columns: f"coalesce({columns[0]}, []::{kernel})",
        )

    REGISTRY.add(
        Function(
            name,
            FunctionKind.AGGREGATE,
            bind,
            render_aggregate=render,
            two_phase=two_phase,
            duplicate_agnostic=distinct,
            deterministic=False,
        ),
        *aliases,
    )


def _bind_listagg(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("listagg", args, 1, 2, ctx)
    separator = args[1] if len(args) == 2 else string("")
    if not isinstance(separator, Literal):
        raise not_constant("listagg", args, 1, ctx)
    value = args[0] if isinstance(args[0].dtype, t.BinaryType) else cast_to(args[0], t.STRING)
    if isinstance(value.dtype, t.BinaryType):
        raise unsupported("listagg of binary values")
    return make("listagg", (value, cast_to(separator, t.STRING)), t.STRING, ctx)


def _listagg(call: AggregateCall, args: Sequence[str], wrap: Wrap) -> str:
    separator = call.args[1]
    assert isinstance(separator, Literal)
    text = "''" if separator.value is None else args[1]
    return wrap(f"string_agg({args[0]}, {text})")


def _by(name: str, kernel: str, extreme: str) -> None:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 2, 3, ctx)
        if len(args) == 2:
            return make(name, args, args[0].dtype, ctx)
        (count,) = coerce(name, [INT], args[2:], ctx)
        if not isinstance(count, Literal):
            raise not_constant(name, args, 2, ctx)
        return make(name, (*args[:2], count), t.ArrayType(args[0].dtype), ctx)

    def render(call: AggregateCall, args: Sequence[str], wrap: Wrap) -> str:
        if len(args) == 3:
            return wrap(f"{kernel}({args[0]}, {args[1]}, {args[2]}::BIGINT)")
        # The null variant may yield a null value of the row with the largest key.
        return wrap(f"{kernel}_null({args[0]}, {args[1]})")

    def two_phase(call: AggregateCall) -> TwoPhase | None:
        if len(call.args) == 3:
            return None
        value, key = (kernel_type(a.dtype) for a in call.args)

        def merge(column: str) -> str:
            best = f"{kernel}_null({column}.v, {column}.k)"
            return f"{{'v': {best}, 'k': {extreme}({column}.k)}}"

        return TwoPhase(
            (
                Buffer(
                    f"STRUCT(v {value}, k {key})",
                    lambda args, wrap: f"{{'v': {render(call, args, wrap)}, 'k': {wrap(f'{extreme}({args[1]})')}}}",
                    merge,
                ),
            ),
            lambda columns: f"struct_extract({columns[0]}, 'v')",
        )

    REGISTRY.add(
        Function(
            name,
            FunctionKind.AGGREGATE,
            bind,
            render_aggregate=render,
            two_phase=two_phase,
            deterministic=False,
            duplicate_agnostic=True,
        )
    )


def _share(e: Expression) -> Expression:
    if isinstance(e, Literal) and isinstance(e.type, t.ArrayType):
        return cast_to(e, t.ArrayType(t.DOUBLE))
    return cast_to(e, t.ArrayType(t.DOUBLE)) if isinstance(e.dtype, t.ArrayType) else cast_to(e, t.DOUBLE)


def _check_share(name: str, args: Sequence[Expression], ctx: BindContext) -> None:
    """Percentages are constants within 0 and 1, not NaN: the kernel takes negative ones as from the other end."""
    for value in _numbers(args[1], name, args, ctx):
        if not 0 <= value <= 1:
            raise out_of_range(name, args, "percentage", "[0.0, 1.0]", f"{value}D", ctx)


def _numbers(share: Expression, name: str, args: Sequence[Expression], ctx: BindContext) -> list[float]:
    """The constants in a percentage or an array of them, but for nulls and texts, which are looked at later."""
    match share:
        case Literal(value):
            values = value if isinstance(value, tuple) else (value,)
            return [float(each) for each in values if isinstance(each, int | float | Decimal)]
        case Cast():
            return _numbers(share.child, name, args, ctx)
        case Call(name="negative", args=(inner,)):
            return [-number for number in _numbers(inner, name, args, ctx)]
        case Call(name="array", args=elements):
            return [number for element in elements for number in _numbers(element, name, args, ctx)]
        case Attribute() | LambdaVariable():
            raise not_constant(name, args, 1, ctx)
    return []


def _percentile_result(value: Expression, share: Expression, dtype: t.DataType) -> t.DataType:
    return t.ArrayType(dtype, False) if isinstance(share.dtype, t.ArrayType) else dtype


def _bind_percentile(name: str, *, interpolated: bool) -> Callable[[Sequence[Expression], BindContext], Expression]:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 2, 3, ctx)
        value = args[0]
        if not isinstance(value.dtype, t.DayTimeIntervalType | t.YearMonthIntervalType):
            (value,) = coerce(name, [DOUBLE], args[:1], ctx)
        _check_share(name, args, ctx)
        share = _share(args[1])
        frequency = tuple(args[2:])
        dtype: t.DataType = t.DOUBLE
        if isinstance(value.dtype, t.DayTimeIntervalType):
            dtype = t.DAY_TIME
        elif isinstance(value.dtype, t.YearMonthIntervalType):
            dtype = t.YEAR_MONTH
        return make(name, (value, share, *frequency), _percentile_result(value, share, dtype), ctx)

    return bind


def _descending(call: AggregateCall) -> bool:
    return bool(call.order_by) and isinstance(call.order_by[0], SortOrder) and not call.order_by[0].ascending


def _from_the_top(value: str, share: str, wrap: Wrap) -> str:
    """percentile_disc over a descending order: the kernel has only the ascending one."""
    kept = f"list_filter({wrap(f'list({value})')}, lambda x: x IS NOT NULL)"
    return let(
        f"list_sort({kept}, 'DESC')",
        lambda v: f"{v}[greatest(1, CAST(ceil(CAST({share} AS DOUBLE) * len({v})) AS BIGINT))]",
    )


def _percentile(kernel: str) -> Callable[[AggregateCall, Sequence[str], Wrap], str]:
    def render(call: AggregateCall, args: Sequence[str], wrap: Wrap) -> str:
        if len(args) == 3 and not (isinstance(call.args[2], Literal) and call.args[2].value == 1):
            raise unsupported("percentile with frequencies")
        if _descending(call):
            if kernel == "quantile_disc":
                return _from_the_top(args[0], args[1], wrap)
            return f"CAST({wrap(f'{kernel}({args[0]}, (1 - {args[1]}))')} AS {kernel_type(call.type)})"
        found = wrap(f"{kernel}({args[0]}, {args[1]})")
        if isinstance(call.type, t.DayTimeIntervalType | t.YearMonthIntervalType):
            found = f"trunc({found})"
        return f"CAST({found} AS {kernel_type(call.type)})"

    return render


def _bind_median(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("median", args, 1, 1, ctx)
    return _bind_percentile("percentile", interpolated=True)((args[0], Literal(0.5, t.DOUBLE)), ctx)


def _bind_approximate(args: Sequence[Expression], ctx: BindContext) -> Expression:
    """approx_percentile: exact here, so within any accuracy asked for; the result is one of the values."""
    check_count("percentile_approx", args, 2, 3, ctx)
    value = args[0]
    plain = (t.AtomicNumeric, t.DateType, t.TimestampType, t.TimestampNTZType)
    if not (isinstance(value.dtype, plain) or is_interval(value.dtype)):
        (value,) = coerce("percentile_approx", [DOUBLE], args[:1], ctx)
    _check_share("percentile_approx", args, ctx)
    accuracy = args[2] if len(args) == 3 else None
    if isinstance(accuracy, Literal) and isinstance(accuracy.value, int) and not 0 < accuracy.value < 1 << 31:
        name = ctx.display or "percentile_approx"
        raise out_of_range(name, args, "accuracy", "(0, 2147483647]", f"{accuracy.value}L", ctx)
    share = _share(args[1])
    return make("percentile_approx", (value, share), _percentile_result(value, share, value.dtype), ctx)


def _bind_mode(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("mode", args, 1, 2, ctx)
    return make("mode", args, args[0].dtype, ctx)


def _mode(call: AggregateCall, args: Sequence[str], wrap: Wrap) -> str:
    """Of values equally frequent any, unless an order says which."""
    if not call.order_by:
        return wrap(f"mode({args[0]})")
    sooner = ">" if _descending(call) else "<"
    better = f"b.value > a.value OR (b.value = a.value AND b.key {sooner} a.key)"
    counted = f"map_entries({wrap(f'histogram({args[0]})')})"
    return f"list_reduce({counted}, lambda a, b: CASE WHEN {better} THEN b ELSE a END).key"


def _register_percentiles() -> None:
    for name, kernel, interpolated in (
        ("percentile", "quantile_cont", True),
        ("percentile_cont", "quantile_cont", True),
        ("percentile_disc", "quantile_disc", False),
    ):
        REGISTRY.add(
            Function(
                name,
                FunctionKind.AGGREGATE,
                _bind_percentile(name, interpolated=interpolated),
                render_aggregate=_percentile(kernel),
                order_is_argument=True,
            )
        )
    REGISTRY.add(Function("median", FunctionKind.AGGREGATE, _bind_median))
    REGISTRY.add(
        Function(
            "percentile_approx",
            FunctionKind.AGGREGATE,
            _bind_approximate,
            render_aggregate=_percentile("quantile_disc"),
        ),
        "approx_percentile",
    )
    REGISTRY.add(
        Function(
            "mode",
            FunctionKind.AGGREGATE,
            _bind_mode,
            render_aggregate=_mode,
            deterministic=False,
            order_is_argument=True,
        )
    )


def _bind_distinct_count(args: Sequence[Expression], ctx: BindContext) -> Expression:
    """Any answer within the accuracy asked for is right; the kernel's sketch has about 2 % at most."""
    check_count("approx_count_distinct", args, 1, 2, ctx)
    return make("approx_count_distinct", args[:1], t.LONG, ctx, null=False)


def _register() -> None:
    _collect("collect_list", "array_agg", distinct=False)
    _collect("collect_set", distinct=True)
    REGISTRY.add(Function("listagg", FunctionKind.AGGREGATE, _bind_listagg, render_aggregate=_listagg), "string_agg")
    _by("max_by", "arg_max", "max")
    _by("min_by", "arg_min", "min")
    _register_percentiles()
    REGISTRY.add(
        Function(
            "approx_count_distinct",
            FunctionKind.AGGREGATE,
            _bind_distinct_count,
            render_aggregate=lambda call, args, wrap: wrap(f"approx_count_distinct({args[0]})"),
            duplicate_agnostic=True,
        )
    )
    simple("product", [DOUBLE], t.DOUBLE, "product({0})", merge="product({0})")


_register()
