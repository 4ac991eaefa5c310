"""What fits nowhere else: session values, errors, display strings, URLs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace_driver.errors import SparkError, unsupported
from headrace_driver.functions.coercion import cast_to
from headrace_driver.functions.declare import (
    BOOLEAN,
    STRING,
    check_count,
    coerce,
    internal,
    rewrite,
    scalar,
    string,
)
from headrace_driver.functions.mismatch import not_constant, sql_of, unexpected_type
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Cast, Expression, Literal
from headrace_driver.render.printing import as_string
from headrace_driver.render.text import let, raising

SPARK_VERSION = "4.2.0"


def _raise_error(c: Call, args: Sequence[str]) -> str:
    raised = raising("USER_RAISED_EXCEPTION", errorMessage=f"coalesce({args[0]}, 'null')")
    return f"CAST({raised} AS INTEGER)"


def _bind_assert(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("assert_true", args, 1, 2, ctx)
    (condition,) = coerce("assert_true", [BOOLEAN], args[:1], ctx)
    message = cast_to(args[1], t.STRING) if len(args) == 2 else string(f"'{sql_of(condition)}' is not true!")
    return Call("assert_true", (condition, message), t.NULL, True, ctx.display or "assert_true", ctx.origin)


def _assert(c: Call, args: Sequence[str]) -> str:
    raised = raising("USER_RAISED_EXCEPTION", errorMessage=args[1])
    return f"CASE WHEN {args[0]} THEN NULL::INTEGER ELSE CAST({raised} AS INTEGER) END"


def pretty(text: str, dtype: t.DataType, zone: str) -> str:
    """A value as df.show() prints it: `NULL` for null, also inside collections; bytes as hex in brackets."""

    def inner(v: str, kind: t.DataType) -> str:
        return f"coalesce({pretty_value(v, kind)}, 'NULL')"

    def pretty_value(v: str, kind: t.DataType) -> str:
        match kind:
            case t.BinaryType():
                return f"('[' || rtrim(regexp_replace(hex({v}), '(..)', '\\1 ', 'g')) || ']')"
            case t.ArrayType(element):
                return f"('[' || array_to_string(list_transform({v}, lambda x: {inner('x', element)}), ', ') || ']')"
            case t.MapType(key, value):
                entry = f"{inner('x.key', key)} || ' -> ' || {inner('x.value', value)}"
                return f"('{{' || array_to_string(list_transform(map_entries({v}), lambda x: {entry}), ', ') || '}}')"
            case t.StructType(fields):
                parts = " || ', ' || ".join(
                    inner(f"struct_extract_at({v}, {i + 1})", f.dtype) for i, f in enumerate(fields)
                )
                return f"CASE WHEN {v} IS NOT NULL THEN '{{' || {parts or repr('')} || '}}' END"
            case t.NullType():
                return "NULL::VARCHAR"
        return as_string(v, kind, zone)

    return let(text, lambda v: inner(v, dtype))


def _bind_pretty(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("to_pretty_string", args, 1, 1, ctx)
    zone = Literal(ctx.time_zone, t.STRING)
    return Call("to_pretty_string", (args[0], zone), t.STRING, False, "to_pretty_string", ctx.origin)


def _render_pretty(c: Call, args: Sequence[str]) -> str:
    zone = c.args[1]
    assert isinstance(zone, Literal)
    return pretty(args[0], c.args[0].dtype, str(zone.value))


_URL = {
    "PROTOCOL": ("^([A-Za-z][A-Za-z0-9+.-]*):", 1),
    "HOST": ("^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(\\[[^\\]]*\\]|[^:/?#]*)", 1),
    "PATH": ("^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*([^?#]*)", 1),
    "QUERY": ("^[^?#]*\\?([^#]*)", 1),
    "REF": ("#(.*)$", 1),
    "AUTHORITY": ("^[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)", 1),
    "USERINFO": ("^[A-Za-z][A-Za-z0-9+.-]*://([^/?#@]*)@", 1),
    "FILE": ("^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*([^#]*)", 1),
}
_ALWAYS = frozenset({"PATH", "FILE"})


def _bind_parse_url(name: str) -> Callable[[Sequence[Expression], BindContext], Expression]:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 2, 3, ctx)
        given = coerce(name, [STRING] * len(args), args, ctx)
        return Call(name, given, t.STRING, True, ctx.display or name, ctx.origin)

    return bind


def _parse_url(c: Call, args: Sequence[str]) -> str:
    part = c.args[1]
    if not isinstance(part, Literal):
        raise unsupported("parse_url with a part that is not constant")
    found = _URL.get(str(part.value))
    if found is None:
        return "NULL::VARCHAR"
    pattern, group = found

    def build(u: str) -> str:
        valid = f"NOT contains({u}, ' ')"
        bad = raising("INVALID_URL", url=u)
        value = f"CASE WHEN regexp_matches({u}, '{pattern}') THEN regexp_extract({u}, '{pattern}', {group}) END"
        if len(args) == 3:
            key = f"'(?:^|&)' || regexp_escape({args[2]}) || '=([^&]*)'"
            value = let(value, lambda q: f"CASE WHEN regexp_matches({q}, {key}) THEN regexp_extract({q}, {key}, 1) END")
        elif str(part.value) not in _ALWAYS:
            value = f"nullif({value}, '')"
        other = "" if c.name.startswith("try") else f" WHEN {u} IS NOT NULL THEN {bad}"
        return f"CASE WHEN {valid} THEN {value}{other} END"

    return let(args[0], build)


def _cast_functions() -> None:
    """`int(x)`, `string(x)`, ...: casts called like functions."""
    for name, dtype in (
        ("boolean", t.BOOLEAN),
        ("tinyint", t.BYTE),
        ("smallint", t.SHORT),
        ("int", t.INTEGER),
        ("bigint", t.LONG),
        ("float", t.FLOAT),
        ("double", t.DOUBLE),
        ("decimal", t.DecimalType(10, 0)),
        ("string", t.STRING),
        ("binary", t.BINARY),
    ):
        rewrite(name, 1, 1, lambda args, ctx, dtype=dtype: Cast(args[0], dtype, origin=ctx.origin))  # type: ignore[misc]


def _bad_format(name: str, given: str, ctx: BindContext) -> SparkError:
    parameters = {"functionName": f"`{name}`", "parameter": "`format`", "invalidFormat": f"'{given}'"}
    return SparkError(
        "INVALID_PARAMETER_VALUE.BINARY_FORMAT",
        f"The value of parameter(s) `format` in `{name}` is invalid: expects one of binary formats 'base64', 'hex', "
        f"'utf-8', but got '{given}'.",
        parameters,
        sql_state="22023",
        origins=(ctx.origin,),
    )


def _bind_to_binary(name: str) -> None:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 1, 2, ctx)
        text = cast_to(args[0], t.STRING)
        form = args[1] if len(args) == 2 else string("hex")
        if not isinstance(form, Literal):
            raise not_constant(name, args, 1, ctx)
        if str(form.value).lower() not in ("hex", "utf-8", "utf8", "base64"):
            if name.startswith("try"):
                return Literal(None, t.BINARY)
            raise _bad_format(name, str(form.value), ctx)
        kind = str(form.value).lower()
        return Call(f"{name}_of", (text, string(kind)), t.BINARY, True, ctx.display or name, ctx.origin)

    def render(c: Call, args: Sequence[str]) -> str:
        form = c.args[1]
        assert isinstance(form, Literal)
        if form.value == "hex":

            def build(s: str) -> str:
                made = f"from_hex(CASE WHEN length({s}) % 2 = 1 THEN '0' ELSE '' END || {s})"
                bad = raising(
                    "CONVERSION_INVALID_INPUT", {"fmt": "'HEX'", "targetType": '"BINARY"'}, str=f"'''' || {s} || ''''"
                )
                other = "NULL" if name.startswith("try") else bad
                return (
                    f"CASE WHEN regexp_full_match({s}, '[0-9A-Fa-f]*') THEN {made} WHEN {s} IS NOT "
                    f"NULL THEN {other} END"
                )

            return let(args[0], build)
        kernel = "from_base64" if form.value == "base64" else "encode"
        if name.startswith("try"):
            # The argument may raise by itself, which the kernel does not allow under TRY.
            return let(args[0], lambda s: f"TRY({kernel}({s}))")
        return f"{kernel}({args[0]})"

    REGISTRY.add(Function(name, FunctionKind.SCALAR, bind))
    internal(f"{name}_of", render, raises=not name.startswith("try"))


def _collation(args: Sequence[Expression], ctx: BindContext) -> Expression:
    if not isinstance(args[0].dtype, t.StringType):
        raise unexpected_type("collation", args, 0, '"STRING"', ctx)
    return string("SYSTEM.BUILTIN.UTF8_BINARY")


def _register() -> None:
    scalar("raise_error", [STRING], t.NULL, _raise_error, null=True, raises=True, foldable=False)
    REGISTRY.add(Function("assert_true", FunctionKind.SCALAR, _bind_assert, _assert, raises=True, foldable=False))
    REGISTRY.add(Function("to_pretty_string", FunctionKind.SCALAR, _bind_pretty, _render_pretty))
    REGISTRY.add(Function("parse_url", FunctionKind.SCALAR, _bind_parse_url("parse_url"), _parse_url, raises=True))
    REGISTRY.add(Function("try_parse_url", FunctionKind.SCALAR, _bind_parse_url("try_parse_url"), _parse_url))
    _cast_functions()
    _bind_to_binary("to_binary")
    _bind_to_binary("try_to_binary")
    # Strings have no other collation here.
    rewrite("collation", 1, 1, _collation)
    rewrite("version", 0, 0, lambda args, ctx: string(f"{SPARK_VERSION} headrace"))
    rewrite("current_user", 0, 0, lambda args, ctx: string(ctx.user), aliases=("user", "session_user"))
    rewrite("current_catalog", 0, 0, lambda args, ctx: string(ctx.catalog))
    rewrite("current_database", 0, 0, lambda args, ctx: string(ctx.database), aliases=("current_schema",))


_register()
