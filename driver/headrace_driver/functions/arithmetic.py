"""+ - * / % div, unary minus and plus, pmod, bits, and their try_ forms: on numbers, dates, timestamps, intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace_driver.functions.coercion import cast_to, common_type, implicit_cast, is_integral, is_interval
from headrace_driver.functions.decimals import MAX_PRECISION, decimal_for, decimal_of_value, result_of
from headrace_driver.functions.declare import INT, INTEGRAL, NUMERIC, Parameter, check_count, internal, scalar, type_of
from headrace_driver.functions.mismatch import binary_mismatch, unexpected_type, wrong_operand
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.functions.temporal_arithmetic import temporal
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Case, Expression, Literal
from headrace_driver.render.decimals import out_of_range, product, quotient, remainder, rounded_sum, unscaled
from headrace_driver.render.text import is_atom, let, let_all, raising
from headrace_driver.render.types import kernel_type

_ANSI = '"spark.sql.ansi.enabled"'
_DIVIDE_BY_ZERO = raising("DIVIDE_BY_ZERO", {"config": _ANSI})
_REMAINDER_BY_ZERO = raising("REMAINDER_BY_ZERO", {"config": _ANSI})
_NUMBER_OR_INTERVAL = '("NUMERIC" or "INTERVAL DAY TO SECOND" or "INTERVAL YEAR TO MONTH" or "INTERVAL")'


def operands(name: str, args: Sequence[Expression], ctx: BindContext) -> tuple[Expression, Expression]:
    """Two numbers of one type, or two decimals each of its own precision."""
    left, right = _promote_strings(name, args, ctx)
    if isinstance(left.dtype, t.NullType) and isinstance(right.dtype, t.NullType):
        return cast_to(left, t.DOUBLE), cast_to(right, t.DOUBLE)
    if isinstance(left.dtype, t.NullType):
        left = cast_to(left, right.dtype)
    if isinstance(right.dtype, t.NullType):
        right = cast_to(right, left.dtype)
    if not (isinstance(left.dtype, t.AtomicNumeric) and isinstance(right.dtype, t.AtomicNumeric)):
        if left.dtype != right.dtype:
            raise binary_mismatch(ctx.display or name, (left, right), ctx)
        raise wrong_operand(ctx.display or name, (left, right), _NUMBER_OR_INTERVAL, ctx)
    if isinstance(left.dtype, t.DecimalType) or isinstance(right.dtype, t.DecimalType):
        return _decimals(left, right)
    dtype = common_type(left.dtype, right.dtype)
    assert dtype is not None
    return cast_to(left, dtype), cast_to(right, dtype)


def _wanted(name: str) -> str:
    """The operand types of an operator as messages name them."""
    match name:
        case "/":
            return '("DOUBLE" or "DECIMAL")'
        case "div":
            return '("BIGINT" or "DECIMAL" or "INTERVAL YEAR TO MONTH" or "INTERVAL DAY TO SECOND")'
        case "+" | "-":
            return _NUMBER_OR_INTERVAL
    return '"NUMERIC"'


def _promote_strings(name: str, args: Sequence[Expression], ctx: BindContext) -> tuple[Expression, Expression]:
    left, right = args
    if all(isinstance(e.dtype, t.StringType | t.NullType) for e in args):
        if any(isinstance(e.dtype, t.StringType) for e in args):
            # Spark reads a string as a number only beside a number.
            raise wrong_operand(ctx.display or name, [e for e in args if e.dtype == t.STRING], _wanted(name), ctx)
        return left, right
    if isinstance(left.dtype, t.StringType) != isinstance(right.dtype, t.StringType):
        dtype = common_type(left.dtype, right.dtype)
        if dtype is None:
            raise binary_mismatch(ctx.display or name, args, ctx)
        return cast_to(left, dtype), cast_to(right, dtype)
    return left, right


def _decimals(left: Expression, right: Expression) -> tuple[Expression, Expression]:
    floating = (t.FloatType, t.DoubleType)
    if isinstance(left.dtype, floating) or isinstance(right.dtype, floating):
        return cast_to(left, t.DOUBLE), cast_to(right, t.DOUBLE)
    return as_decimal(left), as_decimal(right)


def as_decimal(e: Expression) -> Expression:
    """An integral operand as the narrowest decimal: of its value when constant, of its type otherwise."""
    if isinstance(e.dtype, t.DecimalType):
        return e
    if isinstance(e, Literal) and e.value is not None:
        return cast_to(e, decimal_of_value(e.value))
    decimal = decimal_for(e.dtype)
    assert decimal is not None
    return cast_to(e, decimal)


def _arithmetic(operator: str) -> Callable[[Sequence[Expression], BindContext], Expression]:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        if len(args) == 1 and operator in "+-":
            return REGISTRY.find("negative" if operator == "-" else "positive").bind(args, ctx)  # type: ignore[union-attr]
        check_count(operator, args, 2, 2, ctx)
        moved = temporal(operator, args, ctx)
        if moved is not None:
            return moved
        left, right = operands(operator, args, ctx)
        dtype = left.dtype
        if isinstance(dtype, t.DecimalType):
            assert isinstance(right.dtype, t.DecimalType)
            dtype = result_of(operator, dtype, right.dtype)
        return _make(operator, (left, right), dtype, ctx)

    return bind


def _make(
    name: str, args: tuple[Expression, ...], dtype: t.DataType, ctx: BindContext, null: bool | None = None
) -> Call:
    nullable = any(a.nullable for a in args) if null is None else null
    return Call(name, args, dtype, nullable, ctx.display or name, ctx.origin)


def _render_infix(operator: str) -> Callable[[Call, Sequence[str]], str]:
    """+ - *. Decimals come here only when the kernel cannot hold the exact product."""

    def render(call: Call, args: Sequence[str]) -> str:
        if isinstance(call.type, t.DecimalType):
            return _wide_product(call, args) if operator == "*" else _wide_sum(operator, call, args)
        return f"({args[0]} {operator} {args[1]})"

    return render


def _wide_product(call: Call, args: Sequence[str]) -> str:
    """A product whose digits may exceed 38, or Spark's error where those of the result do."""
    dtype = call.type
    assert isinstance(dtype, t.DecimalType)

    def build(names: list[str]) -> str:
        a, b = names
        shown = f"concat(CAST({a} AS VARCHAR), ' * ', CAST({b} AS VARCHAR))"
        beyond = f"CASE WHEN {a} IS NOT NULL AND {b} IS NOT NULL THEN {out_of_range(shown, dtype)} END"
        return f"coalesce(TRY({_exact_product(call, names)}), {beyond})"

    return let_all(list(args), build)


def _exact_product(call: Call, args: Sequence[str]) -> str:
    """A product by the kernel's own multiplication, and where that overflows, by limbs."""
    left, right = (a.dtype for a in call.args)
    assert isinstance(left, t.DecimalType)
    assert isinstance(right, t.DecimalType)
    dtype = call.type
    assert isinstance(dtype, t.DecimalType)
    if left.scale + right.scale > MAX_PRECISION:
        return product(args[0], left, args[1], right, dtype)

    def build(names: list[str]) -> str:
        a, b = names
        quick = f"TRY(CAST({a} AS DECIMAL(38,{left.scale})) * {b})"
        return f"coalesce(CAST({quick} AS {kernel_type(dtype)}), {product(a, left, b, right, dtype)})"

    return let_all(list(args), build)


def _wide_sum(operator: str, call: Call, args: Sequence[str]) -> str:
    left, right = (a.dtype for a in call.args)
    assert isinstance(left, t.DecimalType)
    assert isinstance(right, t.DecimalType)
    assert isinstance(call.type, t.DecimalType)
    return rounded_sum(operator, args[0], left, args[1], right, call.type)


def _guarded(a: str, b: str, divisor: Expression, result: Callable[[str, str], str], error: str) -> str:
    """`result` with a check for zero, left out where the divisor is a constant."""
    if isinstance(divisor, Literal) and divisor.value:
        return result(a, b)

    def build(x: str, y: str) -> str:
        return f"CASE WHEN {y} = 0 THEN CASE WHEN {x} IS NOT NULL THEN {error} END ELSE {result(x, y)} END"

    if is_atom(a):
        return let(b, lambda y: build(a, y))
    return let(a, lambda x: let(b, lambda y: build(x, y)))


def _bind_divide(args: Sequence[Expression], ctx: BindContext, name: str = "/") -> Expression:
    check_count(name, args, 2, 2, ctx)
    moved = temporal("/", args, ctx)
    if moved is not None:
        return moved
    left, right = operands(name, args, ctx)
    if isinstance(left.dtype, t.DecimalType):
        assert isinstance(right.dtype, t.DecimalType)
        return _make(name, (left, right), result_of("/", left.dtype, right.dtype), ctx, _null_of(name, left, right))
    pair = (cast_to(left, t.DOUBLE), cast_to(right, t.DOUBLE))
    return _make(name, pair, t.DOUBLE, ctx, _null_of(name, left, right))


def _null_of(name: str, left: Expression, right: Expression) -> bool:
    return name.startswith("try") or left.nullable or right.nullable


def _render_divide(call: Call, args: Sequence[str]) -> str:
    return _guarded(args[0], args[1], call.args[1], lambda a, b: _quotient(call, a, b), _DIVIDE_BY_ZERO)


def _quotient(call: Call, a: str, b: str) -> str:
    if isinstance(call.type, t.DecimalType):
        left, right = call.args[0].dtype, call.args[1].dtype
        assert isinstance(left, t.DecimalType)
        assert isinstance(right, t.DecimalType)
        return quotient(a, left, b, right, call.type)
    return f"({a} / {b})"


def _bind_remainder(name: str) -> Callable[[Sequence[Expression], BindContext], Expression]:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 2, 2, ctx)
        left, right = operands(name, args, ctx)
        dtype = left.dtype
        if isinstance(dtype, t.DecimalType):
            assert isinstance(right.dtype, t.DecimalType)
            dtype = result_of("%", dtype, right.dtype)
        return _make(name, (left, right), dtype, ctx, _null_of(name, left, right))

    return bind


def _remainder(call: Call, a: str, b: str) -> str:
    left, right = call.args[0].dtype, call.args[1].dtype
    if isinstance(call.type, t.DecimalType) and isinstance(left, t.DecimalType) and isinstance(right, t.DecimalType):
        return remainder(a, left, b, right, call.type)
    return f"({a} % {b})"


def _render_remainder(call: Call, args: Sequence[str]) -> str:
    return _guarded(args[0], args[1], call.args[1], lambda a, b: _remainder(call, a, b), _REMAINDER_BY_ZERO)


def _positive_remainder(call: Call, a: str, b: str) -> str:
    # Java: r = a % n; if r < 0 then (r + n) % n else r.
    right = call.args[1].dtype
    if isinstance(call.type, t.DecimalType) and isinstance(right, t.DecimalType):
        wide = t.DecimalType(min(MAX_PRECISION, right.precision + 1), right.scale)

        def settle(r: str) -> str:
            again = remainder(f"({r} + {b})", wide, b, right, call.type)  # type: ignore[arg-type]
            return f"CASE WHEN {r} < 0 THEN {again} ELSE {r} END"

        return let(_remainder(call, a, b), settle)
    r = f"({a} % {b})"
    return f"CAST(CASE WHEN {r} < 0 THEN (({r} + {b}) % {b}) ELSE {r} END AS {kernel_type(call.type)})"


def _render_pmod(call: Call, args: Sequence[str]) -> str:
    divisor = call.args[1]
    if isinstance(divisor, Literal) and divisor.value is not None and not divisor.value:
        # The kernel would fold the remainder before it looks at the guard, and raise its own error.
        return f"CAST(CASE WHEN {args[0]} IS NOT NULL THEN {_REMAINDER_BY_ZERO} END AS {kernel_type(call.type)})"
    return _guarded(args[0], args[1], call.args[1], lambda a, b: _positive_remainder(call, a, b), _REMAINDER_BY_ZERO)


def _bind_div(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("div", args, 2, 2, ctx)
    left, right = args
    if is_interval(left.dtype) and type(left.dtype) is type(right.dtype):
        return _make("div", (left, right), t.LONG, ctx)
    left, right = operands("div", args, ctx)
    floating = [isinstance(a.dtype, t.FloatType | t.DoubleType) for a in args]
    if any(floating):
        if args[0].dtype != args[1].dtype:
            raise binary_mismatch("div", args, ctx)
        raise wrong_operand("div", args, '("BIGINT" or "DECIMAL" or "INTERVAL")', ctx)
    if not isinstance(left.dtype, t.DecimalType):
        longs = (implicit_cast(left, t.LONG), implicit_cast(right, t.LONG))
        if longs[0] is None or longs[1] is None:
            raise wrong_operand("div", (left, right), '("BIGINT" or "DECIMAL" or "INTERVAL")', ctx)
        left, right = longs[0], longs[1]
    return _make("div", (left, right), t.LONG, ctx)


def _render_div(call: Call, args: Sequence[str]) -> str:
    def result(a: str, b: str) -> str:
        left, right = call.args[0].dtype, call.args[1].dtype
        if isinstance(left, t.DecimalType) and isinstance(right, t.DecimalType):
            scale = max(left.scale, right.scale)
            n = f"{unscaled(a, left)} * {10 ** (scale - left.scale)}::HUGEINT"
            d = f"{unscaled(b, right)} * {10 ** (scale - right.scale)}::HUGEINT"
            return f"CAST(({n}) // ({d}) AS BIGINT)"
        if isinstance(left, t.YearMonthIntervalType):
            return f"CAST({a} // {b} AS BIGINT)"
        return f"({a} // {b})"

    return _guarded(args[0], args[1], call.args[1], result, _DIVIDE_BY_ZERO)


def _bind_negative(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("negative", args, 1, 1, ctx)
    child = args[0]
    if isinstance(child, Literal) and isinstance(child.type, t.AtomicNumeric) and child.value is not None:
        limit: dict[type[t.DataType], int] = {
            t.ByteType: -128,
            t.ShortType: -(1 << 15),
            t.IntegerType: -(1 << 31),
            t.LongType: -(1 << 63),
        }
        if child.value != limit.get(type(child.type)):
            return Literal(-child.value, child.type)
    if not (is_interval(child.dtype) or isinstance(child.dtype, t.CalendarIntervalType)):
        accepted = NUMERIC.accept(child)
        if accepted is None:
            raise unexpected_type("-", args, 0, _NUMBER_OR_INTERVAL, ctx)
        child = accepted
    return _make("negative", (child,), child.dtype, ctx)


def _render_negative(call: Call, args: Sequence[str]) -> str:
    if isinstance(call.type, t.CalendarIntervalType):
        return f"({args[0]} * -1)"
    if isinstance(call.type, t.ByteType | t.ShortType):
        low = -128 if isinstance(call.type, t.ByteType) else -(1 << 15)
        overflow = raising("ARITHMETIC_OVERFLOW", {"message": "overflow", "alternative": "", "config": _ANSI})
        kernel = kernel_type(call.type)
        return let(args[0], lambda v: f"CASE WHEN {v} = {low} THEN {overflow} ELSE 0::{kernel} - {v} END")
    if is_integral(call.type) or is_interval(call.type):
        # The kernel's own unary minus widens constants.
        return f"(0::{kernel_type(call.type)} - {args[0]})"
    return f"(- {args[0]})"


def _tried(name: str, base: str) -> None:
    """try_add and its kin: null where the operator would raise. What cannot raise in a TRY is guarded by hand."""

    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        base_function = REGISTRY.find(base)
        assert base_function is not None
        bound = base_function.bind(args, ctx)
        if isinstance(bound, Call) and bound.name == "interval_over":
            zero = Call("=", (bound.args[1], cast_to(Literal(0, t.INTEGER), bound.args[1].dtype)), t.BOOLEAN, True)
            return Case((zero,), (Literal(None, bound.type),), bound)
        if isinstance(bound, Call) and (bound.name in _TEMPORAL or bound.name in _INTERVAL_SUMS):
            return Call(f"try_{bound.name}", bound.args, bound.type, True, ctx.display or name, ctx.origin)
        if not isinstance(bound, Call) or bound.name != base:
            return Call("try_eval", (bound,), bound.dtype, True, ctx.display or name, ctx.origin)
        return Call(name, bound.args, bound.type, True, ctx.display or name, ctx.origin)

    def render(call: Call, args: Sequence[str]) -> str:
        # Arguments may raise by themselves, which TRY neither allows nor may hide: they are computed outside.
        return let_all(list(args), lambda names: attempt(call, names))

    def attempt(call: Call, args: Sequence[str]) -> str:
        a, b = args
        decimal = isinstance(call.type, t.DecimalType)
        match base:
            case "/":
                if decimal:
                    return f"TRY(CASE WHEN {b} <> 0 THEN {_quotient(call, a, b)} END)"
                return f"CASE WHEN {b} <> 0 THEN {_quotient(call, a, b)} END"
            case "%":
                return f"CASE WHEN {b} <> 0 THEN {_remainder(call, a, b)} END"
        if decimal:
            wide = _exact_product(call, args) if base == "*" else _wide_sum(base, call, args)
            return f"TRY({wide})"
        return f"TRY(({a} {base} {b}))"

    REGISTRY.add(Function(name, FunctionKind.SCALAR, bind, render))


_TEMPORAL = (
    "calendar_plus",
    "calendar_times",
    "date_add",
    "date_plus_days",
    "date_plus_interval",
    "date_plus_months",
    "date_sub",
    "interval_times",
    "subtract_dates",
    "subtract_timestamps",
    "timestamp_plus_interval",
    "timestamp_plus_months",
    "timestamp_plus_time",
)
"""What operators on time are bound to."""


def _tried_temporal(name: str) -> None:
    """Arguments that raise do so outside of the TRY, as in `_tried`."""

    def attempt(call: Call, args: Sequence[str]) -> str:
        function = REGISTRY.find(name)
        assert function is not None
        assert function.render is not None
        render = function.render
        return let_all(list(args), lambda names: f"TRY({render(call, names)})")

    internal(f"try_{name}", attempt)


_INTERVAL_SUMS = {"interval_plus": "+", "interval_minus": "-"}


def _register() -> None:
    for name in _TEMPORAL:
        _tried_temporal(name)
    for name, operator in _INTERVAL_SUMS.items():
        internal(
            f"try_{name}",
            lambda c, a, operator=operator: let_all(list(a), lambda n: f"TRY({n[0]} {operator} {n[1]})"),  # type: ignore[misc]
        )
    for operator in "+-*":
        REGISTRY.add(Function(operator, FunctionKind.SCALAR, _arithmetic(operator), _render_infix(operator)))
    REGISTRY.add(Function("/", FunctionKind.SCALAR, _bind_divide, _render_divide, raises=True))
    REGISTRY.add(Function("%", FunctionKind.SCALAR, _bind_remainder("%"), _render_remainder, raises=True), "mod")
    REGISTRY.add(Function("pmod", FunctionKind.SCALAR, _bind_remainder("pmod"), _render_pmod, raises=True))
    REGISTRY.add(Function("div", FunctionKind.SCALAR, _bind_div, _render_div, raises=True))
    REGISTRY.add(Function("negative", FunctionKind.SCALAR, _bind_negative, _render_negative))
    scalar("positive", [NUMERIC], type_of(0), "{0}")
    internal("try_eval", "TRY({0})")
    for name, base in (("add", "+"), ("subtract", "-"), ("multiply", "*"), ("divide", "/"), ("mod", "%")):
        _tried(f"try_{name}", base)
    _register_bits()


def _register_bits() -> None:
    def typed(operator: str) -> Callable[[Call, Sequence[str]], str]:
        return lambda call, a: f"CAST(({a[0]} {operator} {a[1]}) AS {kernel_type(call.type)})"

    pair = (0, 1)
    scalar("&", [INTEGRAL, INTEGRAL], type_of(0), typed("&"), same_types=pair)
    scalar("|", [INTEGRAL, INTEGRAL], type_of(0), typed("|"), same_types=pair)
    scalar("^", [INTEGRAL, INTEGRAL], type_of(0), lambda c, a: f"xor({a[0]}, {a[1]})", same_types=pair)
    scalar("~", [INTEGRAL], type_of(0), lambda c, a: f"CAST((~{a[0]}) AS {kernel_type(c.type)})")
    _register_shifts()
    bits = Parameter('("INTEGRAL" or "BOOLEAN")', lambda e: e if e.dtype == t.BOOLEAN else INTEGRAL.accept(e))
    scalar("bit_count", [bits], t.INTEGER, "CAST(bit_count(CAST({0} AS BIGINT)) AS INTEGER)")
    scalar(
        "getbit",
        [INTEGRAL, INTEGRAL],
        t.BYTE,
        "CAST((({0} >> CAST({1} AS INTEGER)) & 1) AS TINYINT)",
        aliases=("bit_get",),
    )


def _register_shifts() -> None:
    """Java takes the shift distance modulo the width, and lets bits fall off the left end."""

    def width(call: Call) -> int:
        return 64 if isinstance(call.type, t.LongType) else 32

    def left(call: Call, args: Sequence[str]) -> str:
        bits = width(call)
        whole, half = 1 << bits, 1 << (bits - 1)

        # Only the bits that stay are shifted, in unsigned arithmetic.
        def build(names: list[str]) -> str:
            v, n = names
            kept = f"(({v}::HUGEINT + {whole}) % {whole}) % (1::HUGEINT << ({bits} - {n}))"
            moved = f"({kept} * (1::HUGEINT << {n}))"
            return f"CAST((({moved} + {half}) % {whole}) - {half} AS {kernel_type(call.type)})"

        return let(args[0], lambda v: let(f"(({args[1]} % {bits} + {bits}) % {bits})", lambda n: build([v, n])))

    def right(call: Call, args: Sequence[str]) -> str:
        bits = width(call)
        return f"({args[0]} >> CAST((({args[1]} % {bits} + {bits}) % {bits}) AS {kernel_type(call.type)}))"

    def unsigned(call: Call, args: Sequence[str]) -> str:
        bits = width(call)
        whole, half = 1 << bits, 1 << (bits - 1)
        moved = f"((({args[0]}::HUGEINT + {whole}) % {whole}) >> (({args[1]} % {bits} + {bits}) % {bits}))"
        return f"CAST((({moved} + {half}) % {whole}) - {half} AS {kernel_type(call.type)})"

    def distance_type(args: Sequence[Expression]) -> t.DataType:
        return args[0].dtype if isinstance(args[0].dtype, t.LongType) else t.INTEGER

    def number(e: Expression) -> Expression | None:
        if isinstance(e.dtype, t.LongType):
            return e
        return implicit_cast(e, t.INTEGER) or implicit_cast(e, t.LONG)

    shifted = Parameter('("INT" or "BIGINT")', number)
    scalar("shiftleft", [shifted, INT], distance_type, left, aliases=("<<",))
    scalar("shiftright", [shifted, INT], distance_type, right, aliases=(">>",))
    scalar("shiftrightunsigned", [shifted, INT], distance_type, unsigned, aliases=(">>>",))


_register()
