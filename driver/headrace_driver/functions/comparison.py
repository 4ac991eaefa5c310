"""= <=> < in between, and or not, null tests: everything that yields a boolean and reads no text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace_driver.functions.coercion import cast_to, comparable_type, is_integral, is_orderable
from headrace_driver.functions.decimals import decimal_for, holds
from headrace_driver.functions.declare import ANY, BOOLEAN, NUMERIC, check_count, coerce, scalar
from headrace_driver.functions.mismatch import (
    binary_mismatch,
    different_types,
    unexpected_type,
    unordered,
    wrong_operand,
)
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import FALSE, Call, Expression, Literal
from headrace_driver.render.order_keys import needs_key, order_key


def _pair(name: str, args: Sequence[Expression], ctx: BindContext) -> tuple[Expression, Expression]:
    """Both sides in one type; decimals of different widths are left to the kernel, which compares their values."""
    left, right = args
    if isinstance(left.dtype, t.DecimalType) and isinstance(right.dtype, t.DecimalType):
        return _decimal_pair(left, right)
    dtype = comparable_type((left.dtype, right.dtype))
    if dtype is None:
        raise binary_mismatch(ctx.display or name, args, ctx)
    if isinstance(dtype, t.DecimalType):
        return _decimal_pair(_narrow(left), _narrow(right))
    if not is_orderable(dtype) and not (name in ("=", "<=>", "!=") and isinstance(dtype, t.CalendarIntervalType)):
        raise unordered(ctx.display or name, args, dtype, ctx)
    return cast_to(left, dtype), cast_to(right, dtype)


def _narrow(e: Expression) -> Expression:
    """A whole number beside a decimal: a constant of its own width, a column of its type's."""
    decimal = decimal_for(e.dtype)
    if isinstance(e.dtype, t.NullType) or decimal is None:
        return cast_to(e, t.DecimalType(38, 0))
    return cast_to(e, decimal) if is_integral(e.dtype) else e


def _decimal_pair(left: Expression, right: Expression) -> tuple[Expression, Expression]:
    """A constant takes the column's type where that keeps its value, so that scans can use the comparison."""
    if isinstance(right, Literal) and not isinstance(left, Literal):
        return left, _like(right, left.dtype)
    if isinstance(left, Literal) and not isinstance(right, Literal):
        return _like(left, right.dtype), right
    return left, right


def _like(literal: Literal, dtype: t.DataType) -> Expression:
    assert isinstance(dtype, t.DecimalType)
    folded = cast_to(literal, dtype)
    if isinstance(folded, Literal) and folded.value == literal.value:
        return folded
    return literal


def _comparison(name: str, kernel: str, *, null_safe: bool = False) -> None:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 2, 2, ctx)
        pair = _pair(name, args, ctx)
        nullable = not null_safe and (pair[0].nullable or pair[1].nullable)
        return Call(name, pair, t.BOOLEAN, nullable, ctx.display or name, ctx.origin)

    REGISTRY.add(
        Function(
            name,
            FunctionKind.SCALAR,
            bind,
            lambda call, args: f"({_compared(call, args, 0)} {kernel} {_compared(call, args, 1)})",
            any_decimal_width=True,
        ),
        *_ALIASES.get(name, ()),
    )


def _compared(call: Call, args: Sequence[str], index: int) -> str:
    """An operand as the kernel must see it to order nulls inside of it first."""
    if call.name in _BY_ORDER and any(needs_key(a.dtype) for a in call.args):
        return order_key(args[index], call.args[index].dtype, always=True)
    return args[index]


_BY_ORDER = ("<", "<=", ">", ">=")
_ALIASES = {"=": ("==",), "!=": ("<>",), "<=>": ("equal_null",)}


def _bind_in(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("in", args, 2, None, ctx)
    dtype = comparable_type([a.dtype for a in args])
    if dtype is None:
        raise different_types("in", args, ctx)
    if not is_orderable(dtype):
        raise unordered("in", args, dtype, ctx)
    given: list[Expression] = []
    for arg in args:
        same = isinstance(dtype, t.DecimalType) and isinstance(arg.dtype, t.DecimalType) and holds(dtype, arg.dtype)
        given.append(arg if same and not isinstance(arg, Literal) else cast_to(arg, dtype))
    return Call("in", tuple(given), t.BOOLEAN, any(a.nullable for a in given), "in", ctx.origin)


def _bind_between(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("between", args, 3, 3, ctx)
    value, low, high = args
    make = _binder
    return make("and")((make(">=")((value, low), ctx), make("<=")((value, high), ctx)), ctx)


def _binder(name: str) -> Callable[[Sequence[Expression], BindContext], Expression]:
    function = REGISTRY.find(name)
    assert function is not None
    return function.bind


def _junction(name: str) -> None:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 2, 2, ctx)
        given: list[Expression] = []
        for arg in args:
            if not isinstance(arg.dtype, t.BooleanType | t.NullType | t.StringType):
                if args[0].dtype == args[1].dtype:
                    raise wrong_operand(name, args, '"BOOLEAN"', ctx)
                raise binary_mismatch(name, args, ctx)
            given.append(cast_to(arg, t.BOOLEAN))
        nullable = any(a.nullable for a in given)
        return Call(name, tuple(given), t.BOOLEAN, nullable, ctx.display or name, ctx.origin)

    REGISTRY.add(Function(name, FunctionKind.SCALAR, bind, lambda call, args: f"({args[0]} {name.upper()} {args[1]})"))


def _bind_not(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("not", args, 1, 1, ctx)
    (child,) = coerce("not", [BOOLEAN], args, ctx)
    if child == FALSE:
        return Literal(True, t.BOOLEAN)
    return Call("not", (child,), t.BOOLEAN, child.nullable, ctx.display or "not", ctx.origin)


def _bind_isnan(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("isnan", args, 1, 1, ctx)
    (child,) = coerce("isnan", [NUMERIC], args, ctx)
    if not isinstance(child.dtype, t.FloatType | t.DoubleType):
        child = cast_to(child, t.DOUBLE)
    if not isinstance(child.dtype, t.FloatType | t.DoubleType):
        raise unexpected_type("isnan", args, 0, '("DOUBLE" or "FLOAT")', ctx)
    return Call("isnan", (child,), t.BOOLEAN, False, ctx.display or "isnan", ctx.origin)


def _register() -> None:
    for name, kernel in (("=", "="), ("!=", "<>"), ("<", "<"), ("<=", "<="), (">", ">"), (">=", ">=")):
        _comparison(name, kernel)
    _comparison("<=>", "IS NOT DISTINCT FROM", null_safe=True)
    _junction("and")
    _junction("or")
    REGISTRY.add(
        Function(
            "in",
            FunctionKind.SCALAR,
            _bind_in,
            lambda call, args: f"({args[0]} IN ({', '.join(args[1:])}))",
            any_decimal_width=True,
        )
    )
    REGISTRY.add(Function("between", FunctionKind.SCALAR, _bind_between))
    REGISTRY.add(Function("not", FunctionKind.SCALAR, _bind_not, lambda call, args: f"(NOT {args[0]})"), "!")
    scalar("isnull", [ANY], t.BOOLEAN, "({0} IS NULL)", null=False, any_decimal_width=True)
    scalar("isnotnull", [ANY], t.BOOLEAN, "({0} IS NOT NULL)", null=False, any_decimal_width=True)
    scalar("istrue", [BOOLEAN], t.BOOLEAN, "({0} IS TRUE)", null=False)
    scalar("isfalse", [BOOLEAN], t.BOOLEAN, "({0} IS FALSE)", null=False)
    REGISTRY.add(
        Function("isnan", FunctionKind.SCALAR, _bind_isnan, lambda call, args: f"coalesce(isnan({args[0]}), false)")
    )


_register()
