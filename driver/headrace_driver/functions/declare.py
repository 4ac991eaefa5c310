"""A small language for registry entries: parameters, result type, kernel text.

    scalar("upper", [STRING], t.STRING, "upper({0})", aliases=("ucase",))

A parameter turns an argument into one of the wanted type, or None when it does not fit. Templates use {0}, {1}, ... for
the arguments' kernel texts, which always stand by themselves (no parentheses needed around them).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headrace_driver.errors import unsupported
from headrace_driver.functions.coercion import cast_to, common_type_of, implicit_cast, is_integral
from headrace_driver.functions.mismatch import different_types, not_constant, unexpected_type, wrong_count
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind, LambdaTypes
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Expression, Lambda, Literal

Text = str | Callable[[Call, Sequence[str]], str]
Returns = t.DataType | Callable[[Sequence[Expression]], t.DataType]


@dataclass(frozen=True, slots=True)
class Parameter:
    """`accept` returns the argument in the wanted type, or None; `wanted` names the type in messages."""

    wanted: str
    accept: Callable[[Expression], Expression | None]
    constant: bool = False


def of(dtype: t.DataType) -> Parameter:
    """Exactly this type, after an implicit cast where ANSI has one."""
    return Parameter(f'"{dtype.sql}"', lambda e: implicit_cast(e, dtype))


def _numeric(e: Expression) -> Expression | None:
    if isinstance(e.dtype, t.AtomicNumeric):
        return e
    return cast_to(e, t.DOUBLE) if isinstance(e.dtype, t.StringType | t.NullType) else None


def _integral(e: Expression) -> Expression | None:
    if is_integral(e.dtype):
        return e
    if isinstance(e.dtype, t.NullType):
        return cast_to(e, t.INTEGER)
    return cast_to(e, t.INTEGER) if isinstance(e.dtype, t.StringType) else None


def _binary_or_string(e: Expression) -> Expression | None:
    if isinstance(e.dtype, t.BinaryType | t.StringType):
        return e
    return implicit_cast(e, t.STRING)


def _array(e: Expression) -> Expression | None:
    if isinstance(e.dtype, t.ArrayType):
        return e
    return cast_to(e, t.ArrayType(t.NULL)) if isinstance(e.dtype, t.NullType) else None


def _map(e: Expression) -> Expression | None:
    if isinstance(e.dtype, t.MapType):
        return e
    return cast_to(e, t.MapType(t.NULL, t.NULL)) if isinstance(e.dtype, t.NullType) else None


ANY = Parameter("any", lambda e: e)
NUMERIC = Parameter('"NUMERIC"', _numeric)
INTEGRAL = Parameter('"INTEGRAL"', _integral)
STRING = of(t.STRING)
BINARY = of(t.BINARY)
BOOLEAN = of(t.BOOLEAN)
INT = of(t.INTEGER)
LONG = of(t.LONG)
DOUBLE = of(t.DOUBLE)
DATE = of(t.DATE)
TIMESTAMP = of(t.TIMESTAMP)
TEXT_OR_BINARY = Parameter('("STRING" or "BINARY")', _binary_or_string)
ARRAY = Parameter('"ARRAY"', _array)
MAP = Parameter('"MAP"', _map)


def constant(parameter: Parameter) -> Parameter:
    """The same, but the argument must be a literal (functions whose text depends on the value)."""
    return Parameter(parameter.wanted, parameter.accept, constant=True)


def coerce(
    name: str, parameters: Sequence[Parameter], args: Sequence[Expression], ctx: BindContext
) -> tuple[Expression, ...]:
    """The arguments in the wanted types; raises UNEXPECTED_INPUT_TYPE."""
    accepted: list[Expression] = []
    for index, (parameter, arg) in enumerate(zip(parameters, args, strict=True)):
        new = parameter.accept(arg)
        if new is None:
            raise unexpected_type(ctx.display or name, args, index, parameter.wanted, ctx)
        if parameter.constant and not isinstance(new, Literal):
            raise not_constant(ctx.display or name, args, index, ctx)
        accepted.append(new)
    return tuple(accepted)


def check_count(name: str, args: Sequence[Expression], low: int, high: int | None, ctx: BindContext) -> None:
    """Raises WRONG_NUM_ARGS unless low <= len(args) <= high (None: no bound)."""
    if low <= len(args) and (high is None or len(args) <= high):
        return
    if high is None:
        expected = f"> {low - 1}"
    elif low == high:
        expected = str(low)
    else:
        expected = "[" + ", ".join(str(n) for n in range(low, high + 1)) + "]"
    raise wrong_count(ctx.display or name, expected, len(args), ctx)


def render_text(text: Text) -> Callable[[Call, Sequence[str]], str]:
    """A template as a render function."""
    if callable(text):
        return text
    template = text
    return lambda call, args: template.format(*args)


def scalar(
    name: str,
    parameters: Sequence[Parameter],
    returns: Returns,
    text: Text,
    *,
    aliases: Sequence[str] = (),
    defaults: Sequence[Expression] = (),
    variadic: Parameter | None = None,
    variadic_min: int = 0,
    same_types: Sequence[int] = (),
    null: bool | None = None,
    zone: bool = False,
    raises: bool = False,
    deterministic: bool = True,
    foldable: bool = True,
    numbers_rows: bool = False,
    any_decimal_width: bool = False,
    lambda_types: LambdaTypes | None = None,
    kind: FunctionKind = FunctionKind.SCALAR,
    check: Callable[[Sequence[Expression], BindContext], None] | None = None,
) -> None:
    """Registers a function.

    `defaults` stand for missing last arguments; `variadic` takes any number more; arguments at `same_types` are
    brought to one type first; `zone` appends the session's time zone as a string literal; `null` True or False fixes
    nullability, None means nullable when an argument is.
    """
    fixed = len(parameters)

    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, fixed - len(defaults) + variadic_min, None if variadic is not None else fixed, ctx)
        given = list(args)
        if len(given) < fixed:
            given.extend(defaults[len(defaults) - (fixed - len(given)) :])
        if same_types:
            given = meet(name, given, same_types, ctx)
        wanted = list(parameters)
        if variadic is not None:
            wanted.extend([variadic] * (len(given) - fixed))
        accepted = coerce(name, wanted, given, ctx)
        if check is not None:
            check(accepted, ctx)
        dtype = returns if isinstance(returns, t.DataType) else returns(accepted)
        nullable = any(a.nullable for a in accepted if not isinstance(a, Lambda)) if null is None else null
        if zone:
            accepted = (*accepted, Literal(ctx.time_zone, t.STRING))
        return Call(name, accepted, dtype, nullable, ctx.display or name, ctx.origin)

    REGISTRY.add(
        Function(
            name,
            kind,
            bind,
            render_text(text),
            deterministic=deterministic,
            foldable=foldable and deterministic,
            numbers_rows=numbers_rows,
            raises=raises,
            lambda_types=lambda_types,
            any_decimal_width=any_decimal_width,
        ),
        *aliases,
    )


def meet(name: str, args: Sequence[Expression], positions: Sequence[int], ctx: BindContext) -> list[Expression]:
    """The arguments with those at `positions` cast to their common type."""
    chosen = [args[i] for i in positions if i < len(args)]
    dtype = common_type_of(a.dtype for a in chosen)
    if dtype is None:
        raise different_types(ctx.display or name, chosen, ctx)
    return [cast_to(a, dtype) if i in positions else a for i, a in enumerate(args)]


def rewrite(
    name: str,
    low: int,
    high: int | None,
    build: Callable[[Sequence[Expression], BindContext], Expression],
    *,
    aliases: Sequence[str] = (),
) -> None:
    """Registers a function that is other expressions: `build` makes them from the resolved arguments."""

    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, low, high, ctx)
        return build(args, ctx)

    REGISTRY.add(Function(name, FunctionKind.SCALAR, bind), *aliases)


def internal(
    name: str, text: Text, *, raises: bool = False, any_decimal_width: bool = False, deterministic: bool = True
) -> None:
    """Registers a call that only other functions' type rules make; no query can name it."""

    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        raise unsupported(f"calling {name} by name")

    REGISTRY.add(
        Function(
            name,
            FunctionKind.SCALAR,
            bind,
            render_text(text),
            raises=raises,
            any_decimal_width=any_decimal_width,
            deterministic=deterministic,
        )
    )


def call(name: str, args: Sequence[Expression], ctx: BindContext) -> Expression:
    """A call of another function of the registry, bound."""
    function = REGISTRY.find(name)
    assert function is not None, name
    return function.bind(args, ctx)


def string(value: str) -> Literal:
    return Literal(value, t.STRING)


def integer(value: int) -> Literal:
    return Literal(value, t.INTEGER)


def type_of(index: int) -> Callable[[Sequence[Expression]], t.DataType]:
    """The result has the type of the argument at `index`."""
    return lambda args: args[index].dtype
