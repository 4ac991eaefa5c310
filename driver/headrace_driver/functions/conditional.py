"""case, if, coalesce and their kin: choosing between values."""

from __future__ import annotations

from collections.abc import Sequence

from headrace_driver.functions.coercion import cast_to, common_type_of
from headrace_driver.functions.declare import BOOLEAN, call, check_count, coerce, meet, rewrite
from headrace_driver.functions.mismatch import different_types, unexpected_type
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Case, Expression, Literal
from headrace_driver.render.text import let_all


def case(
    conditions: Sequence[Expression], values: Sequence[Expression], otherwise: Expression | None, ctx: BindContext
) -> Case:
    """CASE with its values brought to one type."""
    branches = [*values, otherwise] if otherwise is not None else list(values)
    dtype = common_type_of(b.dtype for b in branches)
    if dtype is None:
        raise different_types("casewhen", branches, ctx)
    cast = [cast_to(b, dtype) for b in branches]
    for index, condition in enumerate(conditions):
        if isinstance(condition.dtype, t.NullType):
            raise unexpected_type("casewhen", conditions, index, '"BOOLEAN"', ctx)
    tests = tuple(coerce("casewhen", [BOOLEAN], [c], ctx)[0] for c in conditions)
    return Case(tests, tuple(cast[: len(values)]), cast[-1] if otherwise is not None else None)


def _bind_when(args: Sequence[Expression], ctx: BindContext) -> Expression:
    """`when(c1, v1, c2, v2, ..., [else])`."""
    check_count("when", args, 2, None, ctx)
    pairs = len(args) // 2
    otherwise = args[-1] if len(args) % 2 else None
    return case(args[0 : 2 * pairs : 2], args[1 : 2 * pairs : 2], otherwise, ctx)


def _bind_if(args: Sequence[Expression], ctx: BindContext) -> Expression:
    if not isinstance(args[0].dtype, t.BooleanType | t.NullType):
        raise unexpected_type("if", args, 0, '"BOOLEAN"', ctx)
    return case((cast_to(args[0], t.BOOLEAN),), (args[1],), args[2], ctx)


def _bind_coalesce(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("coalesce", args, 1, None, ctx)
    given = meet("coalesce", args, range(len(args)), ctx)
    if len(given) == 1:
        return given[0]
    nullable = all(a.nullable for a in given)
    return Call("coalesce", tuple(given), given[0].dtype, nullable, ctx.display or "coalesce", ctx.origin)


def _bind_nullif(args: Sequence[Expression], ctx: BindContext) -> Expression:
    left, right = args
    return Case((call("=", (left, right), ctx),), (Literal(None, left.dtype),), left)


def _bind_nvl2(args: Sequence[Expression], ctx: BindContext) -> Expression:
    return case((call("isnotnull", args[:1], ctx),), (args[1],), args[2], ctx)


def _bind_extreme(name: str) -> None:
    """greatest, least: nulls are skipped, NaN is the largest."""

    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 2, None, ctx)
        strings = [isinstance(a.dtype, t.StringType) for a in args if not isinstance(a.dtype, t.NullType)]
        if any(strings) and not all(strings):
            raise different_types(ctx.display or name, args, ctx)
        given = meet(name, args, range(len(args)), ctx)
        nullable = all(a.nullable for a in given)
        return Call(name, tuple(given), given[0].dtype, nullable, ctx.display or name, ctx.origin)

    REGISTRY.add(
        Function(name, FunctionKind.SCALAR, bind, lambda c, args: f"{name}({', '.join(args)})"),
    )


def _bind_nanvl(args: Sequence[Expression], ctx: BindContext) -> Expression:
    given = [a if isinstance(a.dtype, t.FloatType | t.DoubleType) else cast_to(a, t.DOUBLE) for a in args]
    given = meet("nanvl", given, (0, 1), ctx)
    return Call("nanvl", tuple(given), given[0].dtype, True, ctx.display or "nanvl", ctx.origin)


def _bind_nullifzero(args: Sequence[Expression], ctx: BindContext) -> Expression:
    return case((call("=", (args[0], Literal(0, t.INTEGER)), ctx),), (Literal(None, t.NULL),), args[0], ctx)


def _bind_zeroifnull(args: Sequence[Expression], ctx: BindContext) -> Expression:
    return _bind_coalesce((args[0], Literal(0, t.INTEGER)), ctx)


def _bind_decode(args: Sequence[Expression], ctx: BindContext) -> Expression:
    """decode(value, s1, r1, ..., [default]): a null search value matches null. With two arguments: of a charset."""
    if len(args) == 2:
        return call("decode_charset", args, ctx)
    check_count("decode", args, 2, None, ctx)
    value, rest = args[0], args[1:]
    pairs = len(rest) // 2
    otherwise = rest[-1] if len(rest) % 2 else None
    conditions = [call("<=>", (value, s), ctx) for s in rest[0 : 2 * pairs : 2]]
    return case(conditions, rest[1 : 2 * pairs : 2], otherwise, ctx)


def _register() -> None:
    REGISTRY.add(Function("when", FunctionKind.SCALAR, _bind_when), "case")
    rewrite("if", 3, 3, _bind_if)
    REGISTRY.add(
        Function("coalesce", FunctionKind.SCALAR, _bind_coalesce, lambda c, args: f"coalesce({', '.join(args)})")
    )
    rewrite("nvl", 2, 2, _bind_coalesce, aliases=("ifnull",))
    rewrite("nvl2", 3, 3, _bind_nvl2)
    rewrite("nullif", 2, 2, _bind_nullif)
    rewrite("nullifzero", 1, 1, _bind_nullifzero)
    rewrite("zeroifnull", 1, 1, _bind_zeroifnull)
    _bind_extreme("greatest")
    _bind_extreme("least")
    REGISTRY.add(
        Function(
            "nanvl",
            FunctionKind.SCALAR,
            _bind_nanvl,
            lambda c, args: let_all([args[0]], lambda v: f"CASE WHEN isnan({v[0]}) THEN {args[1]} ELSE {v[0]} END"),
        )
    )
    REGISTRY.add(Function("decode", FunctionKind.SCALAR, _bind_decode))


_register()
