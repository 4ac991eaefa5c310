"""Mathematics. Kernel functions that raise outside their domain are guarded to give NaN, as Java's do."""

from __future__ import annotations

import math
from collections.abc import Sequence

from headrace_driver.functions.coercion import cast_to, is_integral, is_interval
from headrace_driver.functions.decimals import adjusted, decimal_for
from headrace_driver.functions.declare import (
    DOUBLE,
    INT,
    LONG,
    NUMERIC,
    STRING,
    Parameter,
    call,
    check_count,
    coerce,
    integer,
    internal,
    scalar,
)
from headrace_driver.functions.mismatch import not_constant
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Expression, Literal
from headrace_driver.render.decimals import unscaled
from headrace_driver.render.text import let, let_all
from headrace_driver.render.types import kernel_type

_NAN = "'nan'::DOUBLE"
_POLE = "CASE WHEN {v} = 0 THEN 1 / {v} ELSE 'nan'::DOUBLE END"


def _domain(condition: str, inside: str, outside: str = _NAN) -> str:
    """A text whose {v} is the argument: `inside` where `condition` holds."""
    return f"CASE WHEN {condition} THEN {inside} WHEN {{v}} IS NOT NULL THEN {outside} END"


_UNARY: dict[str, str] = {
    "sqrt": _domain("{v} >= 0", "sqrt({v})"),
    "cbrt": "cbrt({v})",
    "exp": "exp({v})",
    "expm1": "CASE WHEN abs({v}) < 1e-5 THEN {v} + {v} * {v} / 2 + {v} * {v} * {v} / 6 ELSE exp({v}) - 1 END",
    "ln": "CASE WHEN {v} > 0 THEN ln({v}) END",
    "log10": "CASE WHEN {v} > 0 THEN log10({v}) END",
    "log2": "CASE WHEN {v} > 0 THEN log2({v}) END",
    "log1p": "CASE WHEN {v} > -1 THEN CASE WHEN abs({v}) < 1e-5 THEN {v} - {v} * {v} / 2 + {v} * {v} * {v} / 3 "
    "ELSE ln(1 + {v}) END END",
    "sin": _domain("isfinite({v})", "sin({v})"),
    "cos": _domain("isfinite({v})", "cos({v})"),
    "tan": _domain("isfinite({v})", "tan({v})"),
    "cot": _domain("isfinite({v}) AND {v} <> 0", "1 / tan({v})", _POLE),
    "sec": _domain("isfinite({v})", "1 / cos({v})"),
    "csc": _domain("isfinite({v}) AND {v} <> 0", "1 / sin({v})", _POLE),
    "asin": _domain("{v} BETWEEN -1 AND 1", "asin({v})"),
    "acos": _domain("{v} BETWEEN -1 AND 1", "acos({v})"),
    "atan": "atan({v})",
    "sinh": "sinh({v})",
    "cosh": "cosh({v})",
    "tanh": "tanh({v})",
    "asinh": "asinh({v})",
    "acosh": _domain("{v} >= 1", "acosh({v})"),
    "atanh": "CASE WHEN abs({v}) < 1 THEN atanh({v}) WHEN abs({v}) = 1 THEN {v} * 'inf'::DOUBLE "
    f"WHEN {{v}} IS NOT NULL THEN {_NAN} END",
    "degrees": "degrees({v})",
    "radians": "radians({v})",
    "rint": "round_even({v}, 0)",
    "signum": "CASE WHEN isnan({v}) THEN {v} WHEN {v} > 0 THEN 1e0 WHEN {v} < 0 THEN -1e0 ELSE {v} END",
}
_ALIASES = {"signum": ("sign",)}


def _unary(template: str, args: Sequence[str]) -> str:
    return (
        let(args[0], lambda v: template.replace("{v}", v))
        if template.count("{v}") > 1
        else template.replace("{v}", args[0])
    )


def _power(c: Call, args: Sequence[str]) -> str:
    """Java's pow: 1^NaN is NaN, and a negative base with a fraction gives NaN instead of an error."""

    def build(names: list[str]) -> str:
        a, b = names
        return (
            f"CASE WHEN isnan({b}) OR (isnan({a}) AND {b} <> 0) THEN {_NAN} "
            f"WHEN abs({a}) = 1 AND isinf({b}) THEN {_NAN} "
            f"WHEN {a} < 0 AND isfinite({a}) AND isfinite({b}) AND {b} <> trunc({b}) THEN {_NAN} ELSE pow({a}, {b}) END"
        )

    return let_all(list(args), build)


def _bind_log(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("log", args, 1, 2, ctx)
    if len(args) == 1:
        return call("ln", args, ctx)
    given = coerce("log", [DOUBLE, DOUBLE], args, ctx)
    return Call("log", given, t.DOUBLE, True, ctx.display or "log", ctx.origin)


def _log(c: Call, args: Sequence[str]) -> str:
    def build(names: list[str]) -> str:
        base, x = names
        return f"CASE WHEN {base} > 0 AND {x} > 0 THEN ln({x}) / ln({base}) END"

    return let_all(list(args), build)


def _round_type(dtype: t.DataType, places: int) -> t.DataType:
    if not isinstance(dtype, t.DecimalType):
        return dtype
    integral = dtype.precision - dtype.scale + 1
    if places < 0:
        return adjusted(max(integral, -places + 1), 0)
    scale = min(dtype.scale, places)
    return adjusted(integral + scale, scale)


def _bind_round(name: str) -> None:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 1, 2, ctx)
        given = [args[0], args[1] if len(args) == 2 else integer(0)]
        value, places = coerce(name, [NUMERIC, INT], given, ctx)
        if not isinstance(places, Literal):
            raise not_constant(ctx.display or name, args, 1, ctx)
        if places.value is None:
            return Literal(None, value.dtype)
        dtype = _round_type(value.dtype, places.value)
        return Call(name, (value, places), dtype, value.nullable, ctx.display or name, ctx.origin)

    REGISTRY.add(Function(name, FunctionKind.SCALAR, bind, lambda c, a: _round(c, a, even=name == "bround")))


def _round(c: Call, args: Sequence[str], *, even: bool) -> str:
    places = c.args[1]
    assert isinstance(places, Literal)
    n = int(places.value)
    source = c.args[0].dtype
    if is_integral(source):
        return args[0] if n >= 0 else _round_integral(args[0], n, c.type, even=even)
    if isinstance(source, t.DecimalType):
        return _round_decimal(args[0], n, source, c.type, even=even)
    kernel = kernel_type(c.type)

    # Spark rounds the shown decimal digits: through a decimal where those fit, else there is nothing to round.
    def build(v: str) -> str:
        if n < 0:
            unit = f"1e{-n}"
            rounded = f"round_even({v} / {unit}, 0)" if even else f"round({v} / {unit})"
            return f"CASE WHEN isfinite({v}) THEN CAST({rounded} * {unit} AS {kernel}) ELSE {v} END"
        if n == 0:
            rounded = f"round_even({v}, 0)" if even else f"round({v})"
            return f"CASE WHEN abs({v}) < 1e15 THEN CAST({rounded} AS {kernel}) ELSE {v} END"
        scale = min(n, 18)
        digits = f"TRY_CAST(CAST({v} AS VARCHAR) AS DECIMAL(38,{scale}))"
        if even:
            digits = f"round_even(TRY_CAST(CAST({v} AS VARCHAR) AS DECIMAL(38,18)), {scale})"
        return f"coalesce(CASE WHEN abs({v}) < 1e15 THEN CAST({digits} AS {kernel}) END, {v})"

    return let(args[0], build)


def _round_integral(text: str, n: int, dtype: t.DataType, *, even: bool) -> str:
    unit = 10**-n
    kernel = kernel_type(dtype)
    if unit > 10**19:
        return f"({text} * 0::{kernel})"

    def build(v: str) -> str:
        x = f"{v}::HUGEINT"
        if even:
            down = f"({x} - (({x} % {unit}) + {unit}) % {unit})"
            rest = f"((({x} % {unit}) + {unit}) % {unit})"
            up = (
                f"CASE WHEN {rest} * 2 > {unit} OR ({rest} * 2 = {unit} AND ({down} // {unit}) % "
                f"2 <> 0) THEN {unit} ELSE 0 END"
            )
            return f"CAST({down} + {up} AS {kernel})"
        return f"CAST(({x} + sign({v}) * {unit // 2}) // {unit} * {unit} AS {kernel})"

    return let(text, build)


def _round_decimal(text: str, n: int, source: t.DecimalType, dtype: t.DataType, *, even: bool) -> str:
    kernel = kernel_type(dtype)
    if n >= source.scale:
        return f"CAST({text} AS {kernel})"
    if n >= 0:
        return f"CAST(round_even({text}, {n}) AS {kernel})" if even else f"CAST({text} AS {kernel})"
    unit = 10**-n
    tens = unscaled(text, source)
    step = unit * 10**source.scale
    if even:
        return let(
            tens,
            lambda v: f"CAST(round_even(CAST({v} AS DECIMAL(38,0)) / {step}, 0) * {unit} AS {kernel})",
        )
    return let(tens, lambda v: f"CAST(({v} + sign({v}) * {step // 2}) // {step} * {unit} AS {kernel})")


def _bind_ceiling(name: str, kernel: str, *aliases: str) -> None:
    """ceil and floor: whole numbers; with places, decimals."""

    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 1, 2, ctx)
        (value,) = coerce(name, [NUMERIC], args[:1], ctx)
        places: Expression = integer(0)
        if len(args) == 2:
            (places,) = coerce(name, [INT], args[1:], ctx)
            if not isinstance(places, Literal) or places.value is None:
                raise not_constant(ctx.display or name, args, 1, ctx)
            return _ceiling_to(name, value, places, ctx)
        if is_integral(value.dtype):
            dtype: t.DataType = t.LONG
        elif isinstance(value.dtype, t.DecimalType):
            integral = value.dtype.precision - value.dtype.scale
            dtype = t.DecimalType(min(38, integral + 1) if value.dtype.scale else max(1, value.dtype.precision), 0)
        else:
            dtype = t.LONG
        return Call(name, (value, places), dtype, value.nullable, ctx.display or name, ctx.origin)

    def render(c: Call, args: Sequence[str]) -> str:
        places = c.args[1]
        assert isinstance(places, Literal)
        if isinstance(c.args[0].dtype, t.FloatType | t.DoubleType):
            # Java's (long): saturating.
            return let(
                f"{kernel}({args[0]})",
                lambda v: (
                    f"CASE WHEN isnan({v}) THEN 0 WHEN {v} >= 9.223372036854775e18 THEN 9223372036854775807 WHEN "
                    f"{v} <= -9.223372036854775e18 THEN (-9223372036854775808)::BIGINT ELSE CAST({v} AS BIGINT) END"
                ),
            )
        if places.value == 0:
            return f"CAST({kernel}({args[0]}) AS {kernel_type(c.type)})"
        return _ceiling_decimal(kernel, args[0], c, places.value)

    REGISTRY.add(Function(name, FunctionKind.SCALAR, bind, render), *aliases)


def _ceiling_to(name: str, value: Expression, places: Literal, ctx: BindContext) -> Expression:
    source = value
    if not isinstance(value.dtype, t.DecimalType):
        decimal = decimal_for(value.dtype)
        assert decimal is not None
        source = cast_to(value, decimal)
    dtype = _round_type(source.dtype, places.value)
    return Call(name, (source, places), dtype, value.nullable, ctx.display or name, ctx.origin)


def _ceiling_decimal(kernel: str, text: str, c: Call, n: int) -> str:
    source = c.args[0].dtype
    assert isinstance(source, t.DecimalType)
    assert isinstance(c.type, t.DecimalType)
    if n >= source.scale:
        return f"CAST({text} AS {kernel_type(c.type)})"
    step = 10 ** (source.scale - n)
    unit = "1" if n <= 0 else f"'{10.0**-n:.{n}f}'::DECIMAL({n},{n})"
    scale = f" * {10**-n}" if n < 0 else f" * {unit}"
    extra = "" if kernel == "floor" else f" + CASE WHEN {{v}} % {step} <> 0 THEN 1 ELSE 0 END"
    down = f"({{v}} - (({{v}} % {step}) + {step}) % {step}) // {step}"
    whole = f"({down}{extra})"
    return let(
        unscaled(text, source),
        lambda v: f"CAST(CAST({whole.replace('{v}', v)} AS DECIMAL(38,0)){scale} AS {kernel_type(c.type)})",
    )


def _abs(c: Call, args: Sequence[str]) -> str:
    return f"abs({args[0]})"


def _bind_abs(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("abs", args, 1, 1, ctx)
    value = args[0] if is_interval(args[0].dtype) else coerce("abs", [NUMERIC], args, ctx)[0]
    return Call("abs", (value,), value.dtype, value.nullable, ctx.display or "abs", ctx.origin)


def _bind_sign(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("signum", args, 1, 1, ctx)
    value = args[0]
    if is_interval(value.dtype):
        return Call("signum", (cast_to(value, t.DOUBLE),), t.DOUBLE, value.nullable, ctx.display, ctx.origin)
    given = coerce("signum", [DOUBLE], args, ctx)
    return Call("signum", given, t.DOUBLE, given[0].nullable, ctx.display or "signum", ctx.origin)


def _factorial(c: Call, args: Sequence[str]) -> str:
    table = ", ".join(str(math.factorial(n)) for n in range(21))
    return let(args[0], lambda n: f"CASE WHEN {n} BETWEEN 0 AND 20 THEN ([{table}]::BIGINT[])[{n} + 1] END")


def _width_bucket(c: Call, args: Sequence[str]) -> str:
    def build(names: list[str]) -> str:
        v, low, high, n = names
        up = (
            f"CASE WHEN {v} < {low} THEN 0 WHEN {v} >= {high} THEN {n} + 1 ELSE "
            f"CAST(floor(({v} - {low}) / ({high} - {low}) * {n}) AS BIGINT) + 1 END"
        )
        down = (
            f"CASE WHEN {v} > {low} THEN 0 WHEN {v} <= {high} THEN {n} + 1 ELSE "
            f"CAST(floor(({low} - {v}) / ({low} - {high}) * {n}) AS BIGINT) + 1 END"
        )
        bad = (
            f"{n} <= 0 OR {n} = 9223372036854775807 OR isnan({v}) OR {low} = {high} OR NOT "
            f"isfinite({low}) OR NOT isfinite({high})"
        )
        return f"CASE WHEN {bad} THEN NULL WHEN {low} < {high} THEN {up} ELSE {down} END"

    return let_all(list(args), build)


def _measure(e: Expression) -> Expression | None:
    """A double; intervals count as their microseconds or months."""
    if is_interval(e.dtype):
        return Call("interval_number", (e,), t.DOUBLE, e.nullable)
    return DOUBLE.accept(e)


def _hypot(c: Call, args: Sequence[str]) -> str:
    """Squares of what is very large or small would be infinite or zero, so such sides are scaled by the longer one."""

    def build(names: list[str]) -> str:
        a, b = names
        longer = f"greatest(abs({a}), abs({b}))"
        ratio = f"least(abs({a}), abs({b})) / {longer}"
        return (
            f"CASE WHEN isinf({a}) OR isinf({b}) THEN CASE WHEN {a} IS NOT NULL AND {b} IS NOT NULL THEN "
            f"'Infinity'::DOUBLE END WHEN {a} IS NULL OR {b} IS NULL THEN NULL WHEN {longer} = 0 THEN 0 "
            f"WHEN {longer} > 1e150 OR {longer} < 1e-150 THEN {longer} * sqrt(1 + {ratio} * ({ratio})) "
            f"ELSE sqrt({a} * {a} + {b} * {b}) END"
        )

    return let_all(list(args), build)


def _conv(c: Call, args: Sequence[str]) -> str:
    """Base conversion over 64 unsigned bits; a negative target base shows the sign; reading stops at a bad digit."""

    def build(names: list[str]) -> str:
        s, f, to = names
        digits = "'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'"
        value = f"upper(ltrim(trim({s}), '-'))"
        codes = (
            f"list_transform(string_split({value}, ''), lambda ch: CASE WHEN ch = '' THEN -1 "
            f"ELSE instr({digits}, ch) - 1 END)"
        )
        step = (
            f"{{'ok': a.ok AND x >= 0 AND x < {f}, 'v': CASE WHEN a.ok AND x >= 0 AND x < {f} "
            f"THEN least(a.v * {f} + x, 18446744073709551615) ELSE a.v END}}"
        )
        read = f"list_reduce({codes}, lambda a, x: {step}, {{'ok': true, 'v': 0::HUGEINT}}).v"
        negative = f"starts_with(trim({s}), '-')"
        unsigned = (
            f"CASE WHEN {negative} THEN (CASE WHEN {read} > 9223372036854775808 THEN 0 ELSE "
            f"18446744073709551616 - {read} END) % 18446744073709551616 ELSE {read} END"
        )
        signed = (
            f"CASE WHEN {unsigned} > 9223372036854775807 THEN {unsigned} - 18446744073709551616 ELSE {unsigned} END"
        )

        def show(n: str) -> str:
            base = f"abs({to})"
            steps = (
                f"list_reduce(range(64), lambda a, i: CASE WHEN a.v = 0 THEN a ELSE {{'v': a.v // "
                f"{base}, 's': {digits}[CAST(a.v % {base} AS INTEGER) + 1] || a.s}} END, {{'v': "
                f"abs({n}), 's': ''}}).s"
            )
            return f"(CASE WHEN {n} < 0 THEN '-' ELSE '' END || CASE WHEN {n} = 0 THEN '0' ELSE {steps} END)"

        number = f"CASE WHEN {to} < 0 THEN {signed} ELSE {unsigned} END"
        bad = f"abs({to}) NOT BETWEEN 2 AND 36 OR {f} NOT BETWEEN 2 AND 36 OR trim({s}) = ''"
        return f"CASE WHEN {bad} THEN NULL ELSE {let(number, show)} END"

    return let_all(list(args), build)


def _hex(c: Call, args: Sequence[str]) -> str:
    if is_integral(c.args[0].dtype):
        unsigned = let(
            args[0], lambda v: f"CASE WHEN {v} < 0 THEN {v}::HUGEINT + 18446744073709551616 ELSE {v}::HUGEINT END"
        )
        return f"upper(to_hex(CAST({unsigned} AS UBIGINT)))"
    return f"hex({args[0]})"


def _bind_hex(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("hex", args, 1, 1, ctx)
    value = args[0]
    if is_integral(value.dtype):
        value = cast_to(value, t.LONG)
    elif not isinstance(value.dtype, t.BinaryType | t.StringType):
        value = coerce("hex", [LONG] if isinstance(value.dtype, t.AtomicNumeric) else [STRING], args, ctx)[0]
    return Call("hex", (value,), t.STRING, value.nullable, ctx.display or "hex", ctx.origin)


def _unhex(c: Call, args: Sequence[str]) -> str:
    return let(
        args[0],
        lambda s: (
            f"CASE WHEN regexp_full_match({s}, '[0-9A-Fa-f]*') THEN "
            f"from_hex(CASE WHEN length({s}) % 2 = 1 THEN '0' ELSE '' END || {s}) END"
        ),
    )


def _register() -> None:
    for name, template in _UNARY.items():
        if name == "signum":
            continue
        nullable = True if name in ("ln", "log10", "log2", "log1p") else None
        scalar(
            name,
            [DOUBLE],
            t.DOUBLE,
            lambda c, a, template=template: _unary(template, a),  # type: ignore[misc]
            null=nullable,
        )
    REGISTRY.add(Function("signum", FunctionKind.SCALAR, _bind_sign, lambda c, a: _unary(_UNARY["signum"], a)), "sign")
    scalar("pow", [DOUBLE, DOUBLE], t.DOUBLE, _power, aliases=("power",))
    REGISTRY.add(Function("log", FunctionKind.SCALAR, _bind_log, _log))
    scalar("atan2", [DOUBLE, DOUBLE], t.DOUBLE, "atan2({0} + 0e0, {1} + 0e0)")
    scalar(
        "hypot",
        [DOUBLE, DOUBLE],
        t.DOUBLE,
        _hypot,
    )
    scalar("e", [], t.DOUBLE, f"'{math.e!r}'::DOUBLE", null=False)
    scalar("pi", [], t.DOUBLE, f"'{math.pi!r}'::DOUBLE", null=False)
    _bind_round("round")
    _bind_round("bround")
    _bind_ceiling("ceil", "ceil", "ceiling")
    _bind_ceiling("floor", "floor")
    REGISTRY.add(Function("abs", FunctionKind.SCALAR, _bind_abs, _abs))
    # Bitmaps of distinct counting: 32,768 values a bucket, counted from one.
    scalar("bitmap_bit_position", [LONG], t.LONG, "CASE WHEN {0} > 0 THEN ({0} - 1) % 32768 ELSE (-{0}) % 32768 END")
    scalar(
        "bitmap_bucket_number", [LONG], t.LONG, "CASE WHEN {0} > 0 THEN 1 + ({0} - 1) // 32768 ELSE {0} // 32768 END"
    )
    scalar("factorial", [INT], t.LONG, _factorial, null=True)
    measure = Parameter('("DOUBLE" or "INTERVAL")', _measure)
    scalar("width_bucket", [measure, measure, measure, LONG], t.LONG, _width_bucket, null=True)
    internal("interval_number", "CAST({0} AS DOUBLE)")
    scalar("conv", [STRING, INT, INT], t.STRING, _conv, null=True)
    scalar(
        "bin",
        [LONG],
        t.STRING,
        lambda c, a: let(
            a[0],
            lambda v: (
                f"bin(CAST(CASE WHEN {v} < 0 THEN {v}::HUGEINT + 18446744073709551616 ELSE "
                f"{v}::HUGEINT END AS UBIGINT))"
            ),
        ),
    )
    REGISTRY.add(Function("hex", FunctionKind.SCALAR, _bind_hex, _hex))
    scalar("unhex", [STRING], t.BINARY, _unhex, null=True)


_register()
