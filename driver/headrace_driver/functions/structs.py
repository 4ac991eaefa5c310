"""Struct constructors and other functions that look at types rather than values."""

from __future__ import annotations

from collections.abc import Sequence

from headrace_driver.functions.declare import check_count
from headrace_driver.functions.mismatch import not_constant
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Alias, Attribute, Call, Expression, GetField, LambdaVariable, Literal
from headrace_driver.render.types import identifier


def _name_of(e: Expression, index: int) -> str:
    if isinstance(e, Alias | Attribute | GetField | LambdaVariable):
        return e.name
    return f"col{index + 1}"


def _bind_struct(args: Sequence[Expression], ctx: BindContext) -> Expression:
    """`struct(a, b AS c, 1)`: fields named after columns and aliases, else col1, col2, ..."""
    check_count("struct", args, 1, None, ctx)
    names = [_name_of(e, i) for i, e in enumerate(args)]
    return _named(names, [e.child if isinstance(e, Alias) else e for e in args], ctx)


def _bind_named_struct(args: Sequence[Expression], ctx: BindContext) -> Expression:
    if not args or len(args) % 2:
        check_count("named_struct", args, len(args) + 1, len(args) + 1, ctx)
    names: list[str] = []
    for index, name in enumerate(args[0::2]):
        if not isinstance(name, Literal) or name.value is None:
            raise not_constant("named_struct", args, 2 * index, ctx)
        names.append(str(name.value))
    return _named(names, args[1::2], ctx)


def _named(names: Sequence[str], values: Sequence[Expression], ctx: BindContext) -> Call:
    fields = tuple(t.StructField(n, v.dtype, v.nullable) for n, v in zip(names, values, strict=True))
    args: list[Expression] = []
    for name, value in zip(names, values, strict=True):
        args.extend((Literal(name, t.STRING), value))
    return Call("named_struct", tuple(args), t.StructType(fields), False, ctx.display or "struct", ctx.origin)


def _render_struct(c: Call, args: Sequence[str]) -> str:
    assert isinstance(c.type, t.StructType)
    names = [f.name for f in c.type.fields]
    values = args[1::2]
    if len({n.lower() for n in names}) < len(names):
        # The kernel wants names that differ; by position they do not matter.
        return f"ROW({', '.join(values)})"
    return f"struct_pack({', '.join(f'{identifier(n)} := {v}' for n, v in zip(names, values, strict=True))})"


def _bind_typeof(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("typeof", args, 1, 1, ctx)
    return Literal(args[0].dtype.name, t.STRING)


def _register() -> None:
    REGISTRY.add(Function("struct", FunctionKind.SCALAR, _bind_struct))
    REGISTRY.add(Function("named_struct", FunctionKind.SCALAR, _bind_named_struct, _render_struct))
    REGISTRY.add(Function("typeof", FunctionKind.SCALAR, _bind_typeof))


_register()
