"""Generators: functions that make rows.

A generator binds to a call whose type is the struct of its columns. Its kernel text is a LIST: of the values when it
has one column, of STRUCTs with the columns in order when it has several. A null list makes no rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace_driver.errors import unsupported
from headrace_driver.functions.coercion import cast_to, common_type_of
from headrace_driver.functions.declare import STRING, check_count, coerce
from headrace_driver.functions.mismatch import different_types, not_constant, out_of_range, unexpected_type
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Expression, Literal
from headrace_driver.render.json import standard_json
from headrace_driver.render.text import let, quote

STACK_ROWS_MAX = 10_000
"""Of `stack`, beyond the values it is given: every row is written out in the plan, the missing ones as nulls."""


def _columns(source: t.DataType) -> tuple[t.StructField, ...] | None:
    if isinstance(source, t.ArrayType):
        return (t.StructField("col", source.element, source.contains_null),)
    if isinstance(source, t.MapType):
        return (
            t.StructField("key", source.key, False),
            t.StructField("value", source.value, source.value_contains_null),
        )
    return None


def _add(
    name: str,
    bind: Callable[[Sequence[Expression], BindContext], Expression],
    render: Callable[[Call, Sequence[str]], str],
) -> None:
    """The generator and its `_outer` form."""
    REGISTRY.add(Function(name, FunctionKind.GENERATOR, bind, render))

    def bind_outer(args: Sequence[Expression], ctx: BindContext) -> Expression:
        bound = bind(args, ctx)
        assert isinstance(bound, Call)
        return Call(f"{name}_outer", bound.args, bound.type, True, bound.display, bound.origin)

    REGISTRY.add(Function(f"{name}_outer", FunctionKind.GENERATOR, bind_outer, render))


def _bind_explode(name: str, *, position: bool) -> Callable[[Sequence[Expression], BindContext], Expression]:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 1, 1, ctx)
        columns = _columns(args[0].dtype)
        if columns is None:
            raise unexpected_type(name, args, 0, '("ARRAY" or "MAP")', ctx)
        if position:
            columns = (t.StructField("pos", t.INTEGER, False), *columns)
        return Call(name, tuple(args), t.StructType(columns), False, ctx.display or name, ctx.origin)

    return bind


def _explode(c: Call, args: Sequence[str]) -> str:
    return f"map_entries({args[0]})" if isinstance(c.args[0].dtype, t.MapType) else args[0]


def _posexplode(c: Call, args: Sequence[str]) -> str:
    if isinstance(c.args[0].dtype, t.MapType):
        return (
            f"list_transform(map_entries({args[0]}), lambda x, i: {{'pos': CAST(i - 1 AS "
            f"INTEGER), 'key': x.key, 'value': x.value}})"
        )
    return f"list_transform({args[0]}, lambda x, i: {{'pos': CAST(i - 1 AS INTEGER), 'col': x}})"


def _bind_inline(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("inline", args, 1, 1, ctx)
    dtype = args[0].dtype
    if not isinstance(dtype, t.ArrayType) or not isinstance(dtype.element, t.StructType):
        raise unexpected_type("inline", args, 0, '"ARRAY<STRUCT>"', ctx)
    fields = tuple(t.StructField(f.name, f.dtype, f.nullable or dtype.contains_null) for f in dtype.element.fields)
    return Call("inline", tuple(args), t.StructType(fields), False, ctx.display or "inline", ctx.origin)


def _inline(c: Call, args: Sequence[str]) -> str:
    assert isinstance(c.type, t.StructType)
    if len(c.type.fields) == 1:
        return f"list_transform({args[0]}, lambda x: struct_extract_at(x, 1))"
    return args[0]


def _bind_stack(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("stack", args, 2, None, ctx)
    if not isinstance(args[0], Literal) or args[0].value is None:
        raise not_constant("stack", args, 0, ctx)
    if not isinstance(args[0].dtype, t.IntegerType):
        raise unexpected_type("stack", args, 0, '"INT"', ctx)
    rows = int(args[0].value)
    if rows < 1:
        raise out_of_range("stack", args, "`n`", "(0, 2147483647]", rows, ctx)
    values = args[1:]
    if rows > max(len(values), STACK_ROWS_MAX):
        raise unsupported(f"stack with more than {STACK_ROWS_MAX} rows ({rows} are asked for)")
    width = -(-len(values) // rows)
    fields: list[t.StructField] = []
    columns: list[list[Expression]] = []
    for index in range(width):
        cells = list(values[index::width])
        dtype = common_type_of(c.dtype for c in cells)
        if dtype is None:
            raise different_types("stack", cells, ctx)
        missing = rows - len(cells)
        column = [cast_to(c, dtype) for c in cells] + [Literal(None, dtype)] * missing
        columns.append(column)
        fields.append(t.StructField(f"col{index}", dtype, any(c.nullable for c in column)))
    laid = [columns[i][r] for r in range(rows) for i in range(width)]
    return Call("stack", (args[0], *laid), t.StructType(tuple(fields)), False, ctx.display or "stack", ctx.origin)


def _stack(c: Call, args: Sequence[str]) -> str:
    assert isinstance(c.type, t.StructType)
    width = len(c.type.fields)
    cells = list(args[1:])
    if width == 1:
        return f"[{', '.join(cells)}]"
    rows = [cells[i : i + width] for i in range(0, len(cells), width)]
    packed = ", ".join("{" + ", ".join(f"'c{i}': {text}" for i, text in enumerate(row)) + "}" for row in rows)
    return f"[{packed}]"


def _bind_json_tuple(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("json_tuple", args, 2, None, ctx)
    given = coerce("json_tuple", [STRING] * len(args), args, ctx)
    fields = tuple(t.StructField(f"c{i}", t.STRING) for i in range(len(args) - 1))
    return Call("json_tuple", given, t.StructType(fields), False, ctx.display or "json_tuple", ctx.origin)


def _json_tuple(c: Call, args: Sequence[str]) -> str:
    def build(j: str) -> str:
        values = []
        for arg, text in zip(c.args[1:], args[1:], strict=True):
            path = quote(f'$."{arg.value}"') if isinstance(arg, Literal) else f"'$.\"' || {text} || '\"'"
            values.append(f"CASE WHEN json_valid({j}) THEN json_extract_string({j}, {path}) END")
        return "[{" + ", ".join(f"'c{i}': {v}" for i, v in enumerate(values)) + "}]"

    return let(standard_json(args[0]), build)


def _register() -> None:
    _add("explode", _bind_explode("explode", position=False), _explode)
    _add("posexplode", _bind_explode("posexplode", position=True), _posexplode)
    _add("inline", _bind_inline, _inline)
    _add("stack", _bind_stack, _stack)
    _add("json_tuple", _bind_json_tuple, _json_tuple)


_register()
