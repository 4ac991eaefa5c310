"""Types as text: Spark's DDL and tree forms."""

from __future__ import annotations

import json
import re

from headrace_driver.plan import types as t

_TYPE_NAMES: dict[t.DataType, str] = {
    t.BYTE: "byte",
    t.SHORT: "short",
    t.INTEGER: "integer",
    t.LONG: "long",
}
"""Where Spark's typeName differs from its simpleString."""

DEPTH_ALL = 2**31 - 1


def type_name(dtype: t.DataType) -> str:
    """Spark's typeName: `integer` where simpleString says `int`; `struct`, `array`, `map` without their parts."""
    match dtype:
        case t.StructType():
            return "struct"
        case t.ArrayType():
            return "array"
        case t.MapType():
            return "map"
        case _:
            return _TYPE_NAMES.get(dtype) or dtype.name


def tree_string(schema: t.StructType, level: int = DEPTH_ALL) -> str:
    """What `printSchema` shows; `level` 0 or less means all levels."""
    lines = ["root\n"]
    _append_fields(schema, " |", level if level > 0 else DEPTH_ALL, lines)
    return "".join(lines)


def _append_fields(schema: t.StructType, prefix: str, level: int, lines: list[str]) -> None:
    if level <= 0:
        return
    for field in schema.fields:
        name = _escape(field.name)
        lines.append(f"{prefix}-- {name}: {type_name(field.dtype)} (nullable = {_flag(field.nullable)})\n")
        _append_inside(field.dtype, f"{prefix}    |", level, lines)


def _append_inside(dtype: t.DataType, prefix: str, level: int, lines: list[str]) -> None:
    level -= 1
    if level <= 0:
        return
    match dtype:
        case t.StructType():
            _append_fields(dtype, prefix, level, lines)
        case t.ArrayType():
            nulls = _flag(dtype.contains_null)
            lines.append(f"{prefix}-- element: {type_name(dtype.element)} (containsNull = {nulls})\n")
            _append_inside(dtype.element, f"{prefix}    |", level, lines)
        case t.MapType():
            nulls = _flag(dtype.value_contains_null)
            lines.append(f"{prefix}-- key: {type_name(dtype.key)}\n")
            _append_inside(dtype.key, f"{prefix}    |", level, lines)
            lines.append(f"{prefix}-- value: {type_name(dtype.value)} (valueContainsNull = {nulls})\n")
            _append_inside(dtype.value, f"{prefix}    |", level, lines)
        case _:
            pass


def _flag(value: bool) -> str:
    return "true" if value else "false"


_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f", "\b": "\\b", "\v": "\\v", "\a": "\\a"}


def _escape(name: str) -> str:
    return "".join(_ESCAPES.get(c, c) for c in name)


def ddl(schema: t.StructType) -> str:
    """StructType.toDDL: "`a b` INT NOT NULL COMMENT 'x',c STRING"."""
    return ",".join(_field_ddl(field) for field in schema.fields)


def _field_ddl(field: t.StructField) -> str:
    null = "" if field.nullable else " NOT NULL"
    comment = json.loads(field.metadata).get("comment") if field.metadata else None
    said = f" COMMENT '{_escape_quotes(comment)}'" if comment is not None else ""
    return f"{quote_if_needed(field.name)} {field.dtype.sql}{null}{said}"


def _escape_quotes(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def quote_if_needed(name: str) -> str:
    """A name as it may stand in SQL."""
    if re.fullmatch(r"[a-zA-Z0-9_]+", name) and not name.isdigit():
        return name
    return "`" + name.replace("`", "``") + "`"
