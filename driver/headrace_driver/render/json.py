"""Kernel text that reads typed values from JSON and writes them as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from headrace_driver.errors import unsupported
from headrace_driver.functions.datetime_patterns import print_moment, read_text
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import CastMode
from headrace_driver.render.parsing import string_to
from headrace_driver.render.printing import as_string, decimal_to_string, floating
from headrace_driver.render.text import let, name_for, quote, raising
from headrace_driver.render.types import identifier, kernel_type

_WHOLE = "('UBIGINT', 'BIGINT')"
_NUMBER = "('UBIGINT', 'BIGINT', 'DOUBLE')"


def json_value(j: str) -> str:
    """A JSON value as text: strings without quotes, null as null, numbers as Java prints them."""
    double = floating(f"CAST({j} AS DOUBLE)")
    return (
        f"CASE json_type({j}) WHEN 'NULL' THEN NULL WHEN 'VARCHAR' THEN json_extract_string({j}, '$') "
        f"WHEN 'DOUBLE' THEN {double} ELSE CAST({j} AS VARCHAR) END"
    )


def standard_json(text: str, *, single_quotes: bool = True, bare_names: bool = False) -> str:
    """JSON text with strings in single quotes, which Spark reads unless told otherwise, and names without any put into
    double quotes. Other text stays as it is."""
    if not single_quotes and not bare_names:
        return text

    def piece(p: str) -> str:
        bare = f"regexp_replace({p}, {quote(_BARE_NAME)}, {quote(_QUOTED_NAME)}, 'g')" if bare_names else p
        cases = f"WHEN starts_with({p}, '\"') THEN {p}"
        if single_quotes:
            inner = f"replace(replace({p}[2:length({p}) - 1], '\\''', ''''), '\\\"', '\"')"
            cases += (
                f" WHEN starts_with({p}, '''') AND length({p}) > 1 THEN '\"' || replace({inner}, '\"', '\\\"') || '\"'"
            )
        return f"CASE {cases} ELSE {bare} END"

    def build(s: str) -> str:
        pieces = f"regexp_extract_all({s}, {quote(_PIECES)})"
        rewritten = f"array_to_string(list_transform({pieces}, lambda p_: {piece('p_')}), '')"
        odd = f"NOT json_valid({s})" if bare_names else f"contains({s}, '''') AND NOT json_valid({s})"
        return f"CASE WHEN {odd} THEN {rewritten} ELSE {s} END"

    return let(text, build)


_PIECES = r"""(?s)"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^"']+|["']"""
"""Strings in quotes of either kind, what stands between them, and quotes that nothing closes."""
_BARE_NAME = r"([{,]\s*)([A-Za-z_$][A-Za-z0-9_$]*)(\s*:)"
_QUOTED_NAME = r'\1"\2"\3'


@dataclass(frozen=True, slots=True)
class _Reading:
    zone: str
    timestamp_format: str | None
    date_format: str | None


def read_json(
    text: str,
    dtype: t.DataType,
    *,
    zone: str,
    timestamp_format: str | None = None,
    date_format: str | None = None,
    fail_fast: bool = False,
) -> str:
    """from_json: a field that does not fit is null; text that is no JSON gives a struct of nulls (or raises)."""
    how = _Reading(zone, timestamp_format, date_format)
    malformed = f"NULL::{kernel_type(dtype)}"
    if isinstance(dtype, t.StructType):
        malformed = _struct_of(dtype, lambda f: f"NULL::{kernel_type(f.dtype)}")
    if fail_fast:
        malformed = raising(
            "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", {"failFastMode": "FAILFAST"}, badRecord=text
        )

    def build(s: str) -> str:
        read = let(f"CAST({s} AS JSON)", lambda j: f"coalesce({_value(j, dtype, how)}, {malformed})")
        return f"CASE WHEN json_valid({s}) THEN {read} WHEN trim({s}) <> '' THEN {malformed} END"

    return let(text, build)


def read_value(
    j: str, dtype: t.DataType, *, zone: str, timestamp_format: str | None = None, date_format: str | None = None
) -> str:
    """A JSON value as `dtype`; null where it does not fit."""
    return _value(j, dtype, _Reading(zone, timestamp_format, date_format))


def _struct_of(dtype: t.StructType, field: Callable[[t.StructField], str]) -> str:
    return f"struct_pack({', '.join(f'{identifier(f.name)} := {field(f)}' for f in dtype.fields)})"


def _step(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return quote(f'$."{escaped}"')


def _value(j: str, dtype: t.DataType, how: _Reading) -> str:
    """The JSON value `j` as `dtype`, or null."""
    match dtype:
        case t.StringType():
            return (
                f"CASE json_type({j}) WHEN 'NULL' THEN NULL WHEN 'VARCHAR' THEN "
                f"json_extract_string({j}, '$') ELSE CAST({j} AS VARCHAR) END"
            )
        case t.BooleanType():
            return f"CASE WHEN json_type({j}) = 'BOOLEAN' THEN CAST({j} AS BOOLEAN) END"
        case t.ByteType() | t.ShortType() | t.IntegerType() | t.LongType():
            return f"CASE WHEN json_type({j}) IN {_WHOLE} THEN TRY_CAST({j} AS {kernel_type(dtype)}) END"
        case t.DoubleType() | t.FloatType():
            named = f"json_extract_string({j}, '$') IN ('NaN', 'Infinity', '-Infinity', '+INF', 'INF', '-INF')"
            number = f"TRY_CAST({j} AS {kernel_type(dtype)})"
            return (
                f"CASE WHEN json_type({j}) IN {_NUMBER} THEN {number} WHEN json_type({j}) = 'VARCHAR' AND {named} "
                f"THEN TRY_CAST(json_extract_string({j}, '$') AS {kernel_type(dtype)}) END"
            )
        case t.DecimalType():
            return (
                f"CASE WHEN json_type({j}) IN ('UBIGINT', 'BIGINT', 'DOUBLE', 'VARCHAR') "
                f"THEN TRY_CAST(json_extract_string({j}, '$') AS {kernel_type(dtype)}) END"
            )
        case t.DateType() | t.TimestampType() | t.TimestampNTZType():
            return _moment(j, dtype, how)
        case t.ArrayType(element):
            return _list(j, element, how)
        case t.MapType(_, item):
            return _map(j, item, how)
        case t.StructType():
            body = _struct_of(
                dtype, lambda f: let(f"json_extract({j}, {_step(f.name)})", lambda v: _value(v, f.dtype, how))
            )
            return f"CASE WHEN json_type({j}) = 'OBJECT' THEN {body} END"
        case t.BinaryType():
            return f"CASE WHEN json_type({j}) = 'VARCHAR' THEN TRY(from_base64(json_extract_string({j}, '$'))) END"
    raise unsupported(f"reading {dtype.name} from JSON")


def _moment(j: str, dtype: t.DataType, how: _Reading) -> str:
    pattern = how.date_format if isinstance(dtype, t.DateType) else how.timestamp_format
    text = f"json_extract_string({j}, '$')"
    if pattern is None:
        read = string_to(text, dtype, CastMode.TRY, how.zone)
    else:
        read = let(text, lambda v: read_text(v, pattern, dtype, how.zone))
    # A number is an instant in seconds.
    seconds = f" WHEN json_type({j}) IN {_WHOLE} THEN make_timestamptz(CAST({j} AS BIGINT) * 1000000)"
    return (
        f"CASE WHEN json_type({j}) = 'VARCHAR' THEN {read}{seconds if isinstance(dtype, t.TimestampType) else ''} END"
    )


def _list(j: str, element: t.DataType, how: _Reading) -> str:
    name = name_for(j + "[]")
    body = _value(name, element, how)
    return (
        f"CASE WHEN json_type({j}) = 'ARRAY' THEN list_transform(json_extract({j}, '$[*]'), lambda {name}: {body}) END"
    )


def _map(j: str, item: t.DataType, how: _Reading) -> str:
    name = name_for(j + "{}")
    path = f"""('$."' || replace(replace({name}, '\\', '\\\\'), '"', '\\"') || '"')"""
    body = let(f"json_extract({j}, {path})", lambda v: _value(v, item, how))
    # Of keys that are repeated the last counts, in the place of the first.
    keys = f"list_filter(json_keys({j}), lambda k, i: list_position(json_keys({j}), k) = i)"
    return f"CASE WHEN json_type({j}) = 'OBJECT' THEN MAP({keys}, list_transform({keys}, lambda {name}: {body})) END"


@dataclass(frozen=True, slots=True)
class _Writing:
    zone: str
    skip_nulls: bool
    sort_keys: bool
    timestamp_format: str | None
    date_format: str | None


def json_text(
    text: str,
    dtype: t.DataType,
    *,
    zone: str,
    skip_nulls: bool = True,
    sort_keys: bool = False,
    timestamp_format: str | None = None,
    date_format: str | None = None,
) -> str:
    """to_json: null for a null value; null fields of structs are left out."""
    return _written(text, dtype, _Writing(zone, skip_nulls, sort_keys, timestamp_format, date_format))


def _quoted(text: str) -> str:
    return f"CAST(to_json({text}) AS VARCHAR)"


def _written(text: str, dtype: t.DataType, how: _Writing) -> str:
    """The JSON of a value; null (not the word) when it is null."""
    match dtype:
        case t.StringType():
            return _quoted(text)
        case t.BinaryType():
            return _quoted(f"to_base64({text})")
        case t.FloatType() | t.DoubleType():
            return let(
                text, lambda v: f"CASE WHEN isfinite({v}) THEN {floating(v)} ELSE '\"' || {floating(v)} || '\"' END"
            )
        case t.DecimalType():
            return decimal_to_string(text, dtype)
        case t.BooleanType() | t.IntegralType():
            return f"CAST({text} AS VARCHAR)"
        case t.DateType() | t.TimestampType() | t.TimestampNTZType():
            return _quoted(_printed(text, dtype, how))
        case t.ArrayType(element):
            name = name_for(text + "[]")
            items = f"list_transform({text}, lambda {name}: coalesce({_written(name, element, how)}, 'null'))"
            return f"('[' || array_to_string({items}, ',') || ']')"
        case t.MapType(key, value):
            name = name_for(text + "{}")
            entry = (
                f"{_quoted(_key_text(f'{name}.key', key, how.zone))} || ':' || "
                f"coalesce({_written(f'{name}.value', value, how)}, 'null')"
            )
            return (
                f"('{{' || array_to_string(list_transform(map_entries({text}), lambda {name}: {entry}), ',') || '}}')"
            )
        case t.StructType():
            return let(text, lambda v: _struct(v, dtype, how))
        case t.NullType():
            return "NULL::VARCHAR"
    return _quoted(as_string(text, dtype, how.zone))


def _struct(v: str, dtype: t.StructType, how: _Writing) -> str:
    parts: list[str] = []
    fields = list(enumerate(dtype.fields))
    if how.sort_keys:
        fields.sort(key=lambda pair: pair[1].name)
    for i, f in fields:
        key = quote(_json_key(f.name) + ":")
        written = _written(f"struct_extract_at({v}, {i + 1})", f.dtype, how)
        parts.append(f"{key} || {written}" if how.skip_nulls else f"{key} || coalesce({written}, 'null')")
    joined = f"concat_ws(',', {', '.join(parts)})" if parts else "''"
    return f"CASE WHEN {v} IS NOT NULL THEN '{{' || {joined} || '}}' END"


def _key_text(text: str, dtype: t.DataType, zone: str) -> str:
    """A map's key as text; structs as Spark shows its internal rows."""
    if not isinstance(dtype, t.StructType):
        return as_string(text, dtype, zone)
    parts = " || ',' || ".join(
        f"coalesce({_key_text(f'struct_extract_at({text}, {i + 1})', f.dtype, zone)}, 'null')"
        for i, f in enumerate(dtype.fields)
    )
    return f"('[' || {parts} || ']')"


def _json_key(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _printed(text: str, dtype: t.DataType, how: _Writing) -> str:
    if isinstance(dtype, t.DateType):
        return print_moment(text, dtype, how.date_format, how.zone) if how.date_format else f"CAST({text} AS VARCHAR)"
    default = "yyyy-MM-dd'T'HH:mm:ss.SSS" + ("XXX" if isinstance(dtype, t.TimestampType) else "")
    return print_moment(text, dtype, how.timestamp_format or default, how.zone)
