"""JSON text: get_json_object, from_json, to_json, schema_of_json and small ones."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from headrace_driver.errors import unsupported
from headrace_driver.functions.declare import STRING, check_count, coerce, scalar
from headrace_driver.functions.mismatch import not_constant, unexpected_type
from headrace_driver.functions.options import literal_options, schema_argument
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Expression, Literal
from headrace_driver.render.json import json_text, json_value, read_json, standard_json
from headrace_driver.render.printing import floating
from headrace_driver.render.text import let, quote

_STEP = re.compile(r"\.(\*|[^.\[\]]+)|\[(\d+)\]|\[(\*)\]|\['([^']*)'\]")


def kernel_path(path: str) -> str | None:
    """A Spark JSON path as the kernel writes it, or None when it is no path or, as `.*` with Spark, finds nothing."""
    if not path.startswith("$"):
        return None
    position, steps = 1, "$"
    while position < len(path):
        found = _STEP.match(path, position)
        if found is None:
            return None
        position = found.end()
        name, index, star, quoted_name = found.groups()
        if index is not None:
            steps += f"[{index}]"
        elif name == "*":
            return None
        elif star:
            steps += "[*]"
        else:
            steps += key_step(name if name is not None else quoted_name)
    return steps


def key_step(name: str) -> str:
    """One object key as a step of a kernel path."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'."{escaped}"'


def _get_json_object(c: Call, args: Sequence[str]) -> str:
    path = c.args[1]
    if not isinstance(path, Literal):
        raise unsupported("get_json_object with a path that is not constant")
    steps = None if path.value is None else kernel_path(path.value)
    if steps is None:
        return "NULL::VARCHAR"
    if "[*]" in steps.replace("[*][*]", "[*]", 1).replace("[*]", "", 1):
        # Spark nests what an inner one finds in an outer one's array; two side by side it takes for one.
        raise unsupported("get_json_object with several wildcards in its path")

    def build(s: str) -> str:
        found = f"json_extract(CASE WHEN json_valid({s}) THEN CAST({s} AS JSON) END, {quote(steps)})"
        if "[*]" not in steps:
            return let(found, json_value)
        if steps.endswith('"'):
            # Of objects, keys without a value do not count; elements do.
            found = f"list_filter({found}, lambda x: json_type(x) <> 'NULL')"
        return let(found, _found)

    return let(standard_json(args[0]), build)


def _found(values: str) -> str:
    """Of a path with a wildcard: nothing, the one value as JSON, or an array of all."""
    texts = f"array_to_string(list_transform({values}, lambda x: {_as_json('x')}), ',')"
    return f"CASE len({values}) WHEN 0 THEN NULL WHEN 1 THEN {texts} ELSE '[' || {texts} || ']' END"


def _as_json(j: str) -> str:
    """A JSON value as JSON, with numbers as Java prints them."""
    return f"CASE json_type({j}) WHEN 'DOUBLE' THEN {floating(f'CAST({j} AS DOUBLE)')} ELSE CAST({j} AS VARCHAR) END"


def _bind_from_json(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("from_json", args, 2, 3, ctx)
    (text,) = coerce("from_json", [STRING], args[:1], ctx)
    dtype = schema_argument("from_json", args, ctx)
    if not isinstance(dtype, t.StructType | t.ArrayType | t.MapType):
        raise unexpected_type("from_json", args, 1, '"STRUCT" or "ARRAY" or "MAP"', ctx)
    options = literal_options("from_json", args, 2, ctx)
    _check_options("from_json", options)
    mode = options.get("mode", "PERMISSIVE").upper()
    if mode == "DROPMALFORMED":
        raise unsupported("from_json in the mode DROPMALFORMED")
    corrupt = options.get(
        "columnnameofcorruptrecord", ctx.conf.get("spark.sql.columnNameOfCorruptRecord", "_corrupt_record")
    )
    if isinstance(dtype, t.StructType) and any(f.name == corrupt for f in dtype.fields):
        raise unsupported(f"from_json with a column {corrupt} for malformed text")
    given = (
        text,
        Literal(mode, t.STRING),
        Literal(options.get("timestampformat"), t.STRING),
        Literal(options.get("dateformat"), t.STRING),
        Literal(options.get("allowsinglequotes", "true").lower() == "true", t.BOOLEAN),
        Literal(options.get("allowunquotedfieldnames", "false").lower() == "true", t.BOOLEAN),
        Literal(ctx.time_zone, t.STRING),
    )
    return Call("from_json", given, _nullable(dtype), True, ctx.display or "from_json", ctx.origin)


_READ = (
    "allowsinglequotes",
    "allowunquotedfieldnames",
    "mode",
    "timestampformat",
    "dateformat",
    "columnnameofcorruptrecord",
)
_AS_DEFAULT = {
    "allowcomments": "false",
    "allownumericleadingzeros": "false",
    "allowunquotedcontrolchars": "false",
    "allowbackslashescapinganycharacter": "false",
    "primitivesasstring": "false",
    "prefersdecimal": "false",
    "dropfieldifallnull": "false",
    "locale": "en-US",
    "multiline": "false",
    "encoding": "utf-8",
}


def _check_options(name: str, options: dict[str, str]) -> None:
    """Options that would change the answer and are not read are refused; Spark ignores those it does not know."""
    for key, value in options.items():
        default = _AS_DEFAULT.get(key)
        if key in _TIME_OPTIONS:
            raise unsupported(f"the option {key} of {name}")
        if key not in _READ and default is not None and value.lower() != default.lower():
            raise unsupported(f"the option {key} of {name}")


_WRITTEN_AS_DEFAULT = {"pretty": "false", "writenonasciicharacterascodepoint": "false", "locale": "en-US"}
_TIME_OPTIONS = frozenset({"timestampntzformat", "timezone"})


def _check_written(name: str, options: dict[str, str]) -> None:
    """The same for options of text that is written."""
    for key, value in options.items():
        if key in _TIME_OPTIONS or value.lower() != _WRITTEN_AS_DEFAULT.get(key, value).lower():
            raise unsupported(f"the option {key} of {name}")


def _nullable(dtype: t.DataType) -> t.DataType:
    """The same type with nulls allowed everywhere: text may lack anything."""
    match dtype:
        case t.StructType(fields):
            return t.StructType(tuple(t.StructField(f.name, _nullable(f.dtype)) for f in fields))
        case t.ArrayType(element):
            return t.ArrayType(_nullable(element))
        case t.MapType(key, value):
            return t.MapType(_nullable(key), _nullable(value))
    return dtype


def _constant(e: Expression) -> Any:
    assert isinstance(e, Literal)
    return e.value


def _from_json(c: Call, args: Sequence[str]) -> str:
    _, mode, timestamp_format, date_format, single_quotes, bare_names, zone = c.args
    return read_json(
        standard_json(args[0], single_quotes=_constant(single_quotes), bare_names=_constant(bare_names)),
        c.type,
        zone=_constant(zone),
        timestamp_format=_constant(timestamp_format),
        date_format=_constant(date_format),
        fail_fast=_constant(mode) == "FAILFAST",
    )


def _bind_to_json(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("to_json", args, 1, 2, ctx)
    if not isinstance(args[0].dtype, t.StructType | t.ArrayType | t.MapType):
        raise unexpected_type("to_json", args, 0, '"STRUCT" or "ARRAY" or "MAP"', ctx)
    options = literal_options("to_json", args, 1, ctx)
    _check_written("to_json", options)
    ignores_nulls = ctx.conf.get("spark.sql.jsonGenerator.ignoreNullFields", "true")
    given = (
        args[0],
        Literal(options.get("ignorenullfields", ignores_nulls).lower(), t.STRING),
        Literal(options.get("sortkeys", "false").lower(), t.STRING),
        Literal(options.get("timestampformat"), t.STRING),
        Literal(options.get("dateformat"), t.STRING),
        Literal(ctx.time_zone, t.STRING),
    )
    return Call("to_json", given, t.STRING, args[0].nullable, ctx.display or "to_json", ctx.origin)


def _to_json(c: Call, args: Sequence[str]) -> str:
    value, skip, in_order, timestamp_format, date_format, zone = c.args
    return json_text(
        args[0],
        value.dtype,
        zone=_constant(zone),
        skip_nulls=_constant(skip) == "true",
        sort_keys=_constant(in_order) == "true",
        timestamp_format=_constant(timestamp_format),
        date_format=_constant(date_format),
    )


def inferred(value: Any) -> t.DataType:
    """The type Spark infers for a parsed JSON value."""
    match value:
        case None:
            return t.NULL
        case bool():
            return t.BOOLEAN
        case int():
            return t.LONG if -(1 << 63) <= value < 1 << 63 else t.DecimalType(min(38, len(str(abs(value)))), 0)
        case float():
            return t.DOUBLE
        case str():
            return t.STRING
        case list():
            element: t.DataType = t.NULL
            for item in value:
                element = merged(element, inferred(item))
            return t.ArrayType(element)
    fields = sorted(value.items())
    return t.StructType(tuple(t.StructField(name, inferred(item)) for name, item in fields))


def merged(a: t.DataType, b: t.DataType) -> t.DataType:
    """The type that holds values of both inferred types."""
    if a == b or isinstance(b, t.NullType):
        return a
    if isinstance(a, t.NullType):
        return b
    if isinstance(a, t.ArrayType) and isinstance(b, t.ArrayType):
        return t.ArrayType(merged(a.element, b.element))
    if isinstance(a, t.StructType) and isinstance(b, t.StructType):
        types = {f.name: f.dtype for f in a.fields}
        for f in b.fields:
            types[f.name] = merged(types[f.name], f.dtype) if f.name in types else f.dtype
        return t.StructType(tuple(t.StructField(name, types[name]) for name in sorted(types)))
    if isinstance(a, t.AtomicNumeric) and isinstance(b, t.AtomicNumeric):
        return t.DOUBLE
    return t.STRING


def without_nulls(dtype: t.DataType) -> t.DataType:
    """Fields in which nothing but nulls was seen are strings."""
    match dtype:
        case t.NullType():
            return t.STRING
        case t.ArrayType(element):
            return t.ArrayType(without_nulls(element))
        case t.StructType(fields):
            return t.StructType(tuple(t.StructField(f.name, without_nulls(f.dtype)) for f in fields))
    return dtype


def _bind_schema_of(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("schema_of_json", args, 1, 2, ctx)
    if not isinstance(args[0], Literal):
        raise not_constant("schema_of_json", args, 0, ctx)
    if not isinstance(args[0].value, str):
        raise unexpected_type("schema_of_json", args, 0, '"STRING"', ctx)
    _check_options("schema_of_json", literal_options("schema_of_json", args, 1, ctx))
    if not args[0].value.strip():
        return Literal("STRING", t.STRING)
    try:
        value = json.loads(args[0].value)
    except ValueError:
        # Spark's reader takes more for JSON (names in single quotes) and raises its own exception for the rest.
        raise unsupported("schema_of_json of a text that is no strict JSON") from None
    return Literal(without_nulls(inferred(value)).sql, t.STRING)


def _typed(s: str, kind: str, value: str) -> str:
    return f"CASE WHEN json_valid({s}) AND json_type({s}) = '{kind}' THEN {value} END"


def _register() -> None:
    scalar("get_json_object", [STRING, STRING], t.STRING, _get_json_object, null=True)
    REGISTRY.add(Function("from_json", FunctionKind.SCALAR, _bind_from_json, _from_json))
    REGISTRY.add(Function("to_json", FunctionKind.SCALAR, _bind_to_json, _to_json))
    REGISTRY.add(Function("schema_of_json", FunctionKind.SCALAR, _bind_schema_of))
    scalar(
        "json_array_length",
        [STRING],
        t.INTEGER,
        lambda c, a: let(standard_json(a[0]), lambda s: _typed(s, "ARRAY", f"CAST(json_array_length({s}) AS INTEGER)")),
        null=True,
    )
    scalar(
        "json_object_keys",
        [STRING],
        t.ArrayType(t.STRING),
        lambda c, a: let(standard_json(a[0]), lambda s: _typed(s, "OBJECT", f"json_keys({s})")),
        null=True,
    )


_register()
