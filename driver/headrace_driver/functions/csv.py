"""CSV text of structs: to_csv, from_csv, schema_of_csv."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

from headrace_driver.errors import unsupported
from headrace_driver.functions.datetime_patterns import print_moment, read_text
from headrace_driver.functions.declare import STRING, check_count, coerce
from headrace_driver.functions.mismatch import not_constant, unexpected_type
from headrace_driver.functions.options import literal_options, schema_argument
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, CastMode, Expression, Literal
from headrace_driver.render.parsing import string_to
from headrace_driver.render.printing import as_string, decimal_to_string
from headrace_driver.render.text import let, quote
from headrace_driver.render.types import identifier


def _separator(name: str, options: dict[str, str]) -> str:
    unknown = set(options) - {"sep", "delimiter"}
    if unknown:
        raise unsupported(f"the option {min(unknown)} of {name}")
    separator = options.get("sep", options.get("delimiter", ","))
    if len(separator) != 1:
        raise unsupported(f"{name} with a separator of several characters")
    return separator


def _bind_to_csv(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("to_csv", args, 1, 2, ctx)
    if not isinstance(args[0].dtype, t.StructType):
        raise unexpected_type("to_csv", args, 0, '"STRUCT"', ctx)
    options = literal_options("to_csv", args, 1, ctx)
    pattern = Literal(options.pop("timestampformat", None), t.STRING)
    separator = Literal(_separator("to_csv", options), t.STRING)
    given = (args[0], separator, pattern, Literal(ctx.time_zone, t.STRING))
    return Call("to_csv", given, t.STRING, True, ctx.display or "to_csv", ctx.origin)


def _to_csv(c: Call, args: Sequence[str]) -> str:
    struct, separator, written, zone = c.args
    assert isinstance(written, Literal)
    assert isinstance(struct.dtype, t.StructType)
    assert isinstance(separator, Literal)
    assert isinstance(zone, Literal)

    def shown(text: str, dtype: t.DataType) -> str:
        if isinstance(dtype, t.TimestampType | t.TimestampNTZType):
            pattern = "yyyy-MM-dd'T'HH:mm:ss.SSS" + ("XXX" if isinstance(dtype, t.TimestampType) else "")
            return print_moment(text, dtype, written.value or pattern, zone.value)
        if isinstance(dtype, t.DecimalType):
            return decimal_to_string(text, dtype)
        if isinstance(dtype, t.BinaryType):
            raise unsupported("to_csv of BINARY")
        return as_string(text, dtype, zone.value)

    def field(text: str, dtype: t.DataType, first: bool) -> str:
        plain = shown(text, dtype)
        if isinstance(dtype, t.AtomicNumeric | t.BooleanType | t.DateType):
            return f"coalesce({plain}, '')"
        # Blanks around a value go; an empty one is told from null; the first of a line must not look like a comment.
        special = f'[{re.escape(separator.value)}"\r\n]' + ("|^#" if first else "")
        escaped = "replace(replace({0}, '\\', '\\\\'), '\"', '\\\"')"
        return let(
            f"trim({plain}, E' \\t\\n\\r\\x0b\\x0c')",
            lambda s: (
                f"CASE WHEN {s} = '' THEN '\"\"' WHEN regexp_matches({s}, {quote(special)}) "
                f"THEN '\"' || {escaped.format(s)} || '\"' ELSE coalesce({s}, '') END"
            ),
        )

    def build(v: str) -> str:
        fields = [
            field(f"struct_extract_at({v}, {i + 1})", f.dtype, i == 0)
            for i, f in enumerate(struct.dtype.fields)  # type: ignore[attr-defined]
        ]
        joined = f" || {quote(separator.value)} || ".join(fields)
        if len(fields) == 1:
            # A line of nothing is no line.
            joined = f"nullif({joined}, '')"
        return f"CASE WHEN {v} IS NOT NULL THEN {joined or quote('')} END"

    return let(args[0], build)


def _bind_from_csv(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("from_csv", args, 2, 3, ctx)
    (text,) = coerce("from_csv", [STRING], args[:1], ctx)
    dtype = schema_argument("from_csv", args, ctx)
    if not isinstance(dtype, t.StructType):
        raise unexpected_type("from_csv", args, 1, '"STRUCT"', ctx)
    options = literal_options("from_csv", args, 2, ctx)
    patterns = [Literal(options.pop(name, None), t.STRING) for name in ("timestampformat", "dateformat")]
    missing = Literal(options.pop("nullvalue", ""), t.STRING)
    given = (
        text,
        Literal(_separator("from_csv", options), t.STRING),
        *patterns,
        missing,
        Literal(ctx.time_zone, t.STRING),
    )
    fields = tuple(t.StructField(f.name, f.dtype) for f in dtype.fields)
    return Call("from_csv", given, t.StructType(fields), True, ctx.display or "from_csv", ctx.origin)


def _from_csv(c: Call, args: Sequence[str]) -> str:
    assert isinstance(c.type, t.StructType)
    separator, for_moments, for_dates, missing, zone = (a for a in c.args[1:] if isinstance(a, Literal))
    struct = c.type
    mark = re.escape(separator.value)
    split = f'{mark}("(?:[^"\\\\]|\\\\.|"")*"|[^{mark}]*)'

    def read(text: str, dtype: t.DataType) -> str:
        if isinstance(dtype, t.StringType):
            return text
        pattern = for_moments if isinstance(dtype, t.TimestampType) else for_dates
        if pattern.value is not None and isinstance(dtype, t.TimestampType | t.DateType):
            return let(text, lambda v: read_text(v, pattern.value, dtype, zone.value))

        # Java reads most types without spaces around them only.
        def exactly(v: str) -> str:
            return f"CASE WHEN trim({v}) = {v} THEN {string_to(v, dtype, CastMode.TRY, zone.value)} END"

        strict = isinstance(dtype, t.AtomicNumeric | t.BooleanType) and not isinstance(
            dtype, t.FloatType | t.DoubleType
        )
        return let(text, exactly) if strict else string_to(text, dtype, CastMode.TRY, zone.value)

    def cell(parts: str, index: int) -> str:
        plain = f"{parts}[{index + 1}]"
        unquoted = f"replace(replace({plain}[2:length({plain}) - 1], '\"\"', '\"'), '\\\"', '\"')"
        bare = f"nullif(nullif({plain}, ''), {quote(missing.value)})"
        return f"CASE WHEN starts_with({plain}, '\"') THEN {unquoted} ELSE {bare} END"

    def build(s: str) -> str:
        listed = f"regexp_extract_all({quote(separator.value)} || {s}, {quote(split)}, 1)"

        def pack(parts: str) -> str:
            fields = [f"{identifier(f.name)} := {read(cell(parts, i), f.dtype)}" for i, f in enumerate(struct.fields)]
            return f"struct_pack({', '.join(fields)})"

        return f"CASE WHEN {s} IS NOT NULL THEN {let(listed, pack)} END"

    return let(args[0], build)


def _bind_schema_of(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("schema_of_csv", args, 1, 2, ctx)
    if not isinstance(args[0], Literal) or args[0].value is None:
        raise not_constant("schema_of_csv", args, 0, ctx)
    separator = _separator("schema_of_csv", literal_options("schema_of_csv", args, 1, ctx))
    row = next(csv.reader([args[0].value], delimiter=separator))
    fields = tuple(t.StructField(f"_c{i}", _inferred(cell)) for i, cell in enumerate(row))
    return Literal(t.StructType(fields).sql, t.STRING)


def _inferred(cell: str) -> t.DataType:
    if re.fullmatch(r"[+-]?\d+", cell):
        number = int(cell)
        if -(1 << 31) <= number < 1 << 31:
            return t.INTEGER
        return t.LONG if -(1 << 63) <= number < 1 << 63 else t.DecimalType(min(38, len(str(abs(number)))), 0)
    if re.fullmatch(r"[+-]?(\d+\.\d*|\.\d+|\d+)([eE][+-]?\d+)?", cell):
        return t.DOUBLE
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", cell):
        return t.DATE
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?", cell):
        return t.TIMESTAMP
    return t.BOOLEAN if cell.lower() in ("true", "false") else t.STRING


def _register() -> None:
    REGISTRY.add(Function("to_csv", FunctionKind.SCALAR, _bind_to_csv, _to_csv))
    REGISTRY.add(Function("from_csv", FunctionKind.SCALAR, _bind_from_csv, _from_csv))
    REGISTRY.add(Function("schema_of_csv", FunctionKind.SCALAR, _bind_schema_of))


_register()
