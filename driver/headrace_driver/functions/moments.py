"""Aggregates of central moments: variance, skewness, kurtosis, covariance, correlation, regression.

Partial results are counts, means and sums of powers of deviations, merged pair by pair (Chan, Pébay): sums of plain
powers would cancel where the mean is large.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace_driver.functions.aggregates import make
from headrace_driver.functions.declare import DOUBLE, check_count, coerce
from headrace_driver.functions.registry import REGISTRY, BindContext, Buffer, Function, FunctionKind, TwoPhase, Wrap
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import AggregateCall, Expression
from headrace_driver.render.text import let, raising

_DIVIDE_BY_ZERO = raising("DIVIDE_BY_ZERO", {"config": '"spark.sql.ansi.enabled"'})


def _bind(name: str, arguments: int, dtype: t.DataType) -> Callable[[Sequence[Expression], BindContext], Expression]:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, arguments, arguments, ctx)
        return make(name, coerce(name, [DOUBLE] * arguments, args, ctx), dtype, ctx, null=dtype != t.LONG)

    return bind


def _struct(**fields: str) -> str:
    return "{" + ", ".join(f"'{name}': {text}" for name, text in fields.items()) + "}"


def _merged(column: str, **fields: str) -> str:
    """Partial results `a` and `b` in a column combined until one is left; tasks without values do not count."""
    return f"list_reduce(list({column}) FILTER (WHERE {column}.n > 0), lambda a, b: {_struct(**fields)})"


_SECOND = "STRUCT(n DOUBLE, mean DOUBLE, m2 DOUBLE)"
_N = "(a.n + b.n)"
_D = "(b.mean - a.mean)"
_MERGED_MEAN = f"a.mean + {_D} * (b.n / {_N})"
_MERGED_M2 = f"a.m2 + b.m2 + {_D} * {_D} * (a.n * b.n / {_N})"


def _merge_second(column: str) -> str:
    return _merged(column, n=_N, mean=_MERGED_MEAN, m2=_MERGED_M2)


def _update_second(args: Sequence[str], wrap: Wrap) -> str:
    count = f"CAST({wrap(f'count({args[0]})')} AS DOUBLE)"
    return _struct(n=count, mean=wrap(f"avg({args[0]})"), m2=f"{wrap(f'var_pop({args[0]})')} * {count}")


def _variance(name: str, *aliases: str, sample: bool, root: bool) -> None:
    def finish(columns: Sequence[str]) -> str:
        def build(m: str) -> str:
            variance = f"{m}.m2 / ({m}.n - 1)" if sample else f"{m}.m2 / {m}.n"
            value = f"sqrt({variance})" if root else variance
            return f"CASE WHEN {m}.n > {1 if sample else 0} THEN {value} END"

        return let(columns[0], build)

    REGISTRY.add(
        Function(
            name,
            FunctionKind.AGGREGATE,
            _bind(name, 1, t.DOUBLE),
            render_aggregate=lambda call, args, wrap: wrap(f"{name}({args[0]})"),
            two_phase=lambda call: TwoPhase((Buffer(_SECOND, _update_second, _merge_second),), finish),
        ),
        *aliases,
    )


_FOURTH = "STRUCT(n DOUBLE, mean DOUBLE, m2 DOUBLE, m3 DOUBLE, m4 DOUBLE)"


def _merge_fourth(column: str) -> str:
    product = "a.n * b.n"
    m3 = (
        f"a.m3 + b.m3 + pow({_D}, 3) * {product} * (a.n - b.n) / pow({_N}, 2) "
        f"+ 3 * {_D} * (a.n * b.m2 - b.n * a.m2) / {_N}"
    )
    m4 = (
        f"a.m4 + b.m4 + pow({_D}, 4) * {product} * (a.n * a.n - {product} + b.n * b.n) / pow({_N}, 3) "
        f"+ 6 * pow({_D}, 2) * (a.n * a.n * b.m2 + b.n * b.n * a.m2) / pow({_N}, 2) "
        f"+ 4 * {_D} * (a.n * b.m3 - b.n * a.m3) / {_N}"
    )
    return _merged(column, n=_N, mean=_MERGED_MEAN, m2=_MERGED_M2, m3=m3, m4=m4)


def _update_fourth(args: Sequence[str], wrap: Wrap) -> str:
    """From the values themselves: the kernel's own skewness is a sample's, and only of three values or more."""

    def build(v: str) -> str:
        def with_mean(mean: str) -> str:
            def power(order: int) -> str:
                return f"list_sum(list_transform({v}, lambda x: pow(x - {mean}, {order})))"

            count = f"CAST(len({v}) AS DOUBLE)"
            return _struct(n=count, mean=mean, m2=power(2), m3=power(3), m4=power(4))

        return let(f"list_avg({v})", with_mean)

    return let(f"list_filter({wrap(f'list({args[0]})')}, lambda x: x IS NOT NULL)", build)


def _shape(name: str, value: str) -> None:
    """skewness and kurtosis of the population; `value` over the moments {m}."""

    def finish(columns: Sequence[str]) -> str:
        return let(columns[0], lambda m: f"CASE WHEN {m}.n > 0 AND {m}.m2 <> 0 THEN {value.replace('{m}', m)} END")

    def render(call: AggregateCall, args: Sequence[str], wrap: Wrap) -> str:
        return finish([_update_fourth(args, wrap)])

    REGISTRY.add(
        Function(
            name,
            FunctionKind.AGGREGATE,
            _bind(name, 1, t.DOUBLE),
            render_aggregate=render,
            two_phase=lambda call: TwoPhase((Buffer(_FOURTH, _update_fourth, _merge_fourth),), finish),
        )
    )


_PAIRS = "STRUCT(n DOUBLE, mx DOUBLE, my DOUBLE, sxx DOUBLE, syy DOUBLE, sxy DOUBLE)"


def _update_pairs(args: Sequence[str], wrap: Wrap) -> str:
    """Of the first argument as y and the second as x, rows with a null left out."""

    def of(name: str) -> str:
        return wrap(f"regr_{name}({args[0]}, {args[1]})")

    count = f"CAST({of('count')} AS DOUBLE)"
    return _struct(n=count, mx=of("avgx"), my=of("avgy"), sxx=of("sxx"), syy=of("syy"), sxy=of("sxy"))


def _merge_pairs(column: str) -> str:
    weight = f"(a.n * b.n / {_N})"
    dx, dy = "(b.mx - a.mx)", "(b.my - a.my)"
    return _merged(
        column,
        n=_N,
        mx=f"a.mx + {dx} * (b.n / {_N})",
        my=f"a.my + {dy} * (b.n / {_N})",
        sxx=f"a.sxx + b.sxx + {dx} * {dx} * {weight}",
        syy=f"a.syy + b.syy + {dy} * {dy} * {weight}",
        sxy=f"a.sxy + b.sxy + {dx} * {dy} * {weight}",
    )


# What each is over the moments {m}; null where there are no pairs, or the value does not exist.
_OF_PAIRS = {
    "covar_pop": "CASE WHEN {m}.n > 0 THEN {m}.sxy / {m}.n END",
    "covar_samp": "CASE WHEN {m}.n > 1 THEN {m}.sxy / ({m}.n - 1) END",
    "corr": "CASE WHEN {m}.n > 1 THEN CASE WHEN {m}.sxx * {m}.syy <> 0 "
    f"THEN {{m}}.sxy / sqrt({{m}}.sxx * {{m}}.syy) ELSE {_DIVIDE_BY_ZERO} END END",
    "regr_avgx": "CASE WHEN {m}.n > 0 THEN {m}.mx END",
    "regr_avgy": "CASE WHEN {m}.n > 0 THEN {m}.my END",
    "regr_sxx": "CASE WHEN {m}.n > 0 THEN {m}.sxx END",
    "regr_syy": "CASE WHEN {m}.n > 0 THEN {m}.syy END",
    "regr_sxy": "CASE WHEN {m}.n > 0 THEN {m}.sxy END",
    "regr_slope": "CASE WHEN {m}.sxx <> 0 THEN {m}.sxy / {m}.sxx END",
    "regr_intercept": "CASE WHEN {m}.sxx <> 0 THEN {m}.my - {m}.sxy / {m}.sxx * {m}.mx END",
    "regr_r2": "CASE WHEN {m}.sxx <> 0 THEN CASE WHEN {m}.syy = 0 THEN 1e0 "
    "ELSE {m}.sxy * {m}.sxy / ({m}.sxx * {m}.syy) END END",
    "regr_count": "CAST(coalesce({m}.n, 0) AS BIGINT)",
}


def _pairs(name: str, value: str) -> None:
    def finish(columns: Sequence[str]) -> str:
        return let(columns[0], lambda m: value.replace("{m}", m))

    REGISTRY.add(
        Function(
            name,
            FunctionKind.AGGREGATE,
            _bind(name, 2, t.LONG if name == "regr_count" else t.DOUBLE),
            render_aggregate=lambda call, args, wrap: finish([_update_pairs(args, wrap)]),
            two_phase=lambda call: TwoPhase((Buffer(_PAIRS, _update_pairs, _merge_pairs),), finish),
        )
    )


def _register() -> None:
    _variance("stddev_samp", "stddev", "std", sample=True, root=True)
    _variance("stddev_pop", sample=False, root=True)
    _variance("var_samp", "variance", sample=True, root=False)
    _variance("var_pop", sample=False, root=False)
    _shape("skewness", "sqrt({m}.n) * {m}.m3 / pow({m}.m2, 1.5)")
    _shape("kurtosis", "{m}.n * {m}.m4 / ({m}.m2 * {m}.m2) - 3")
    for name, value in _OF_PAIRS.items():
        _pairs(name, value)


_register()
