"""Rows as lines of text: what the CSV, JSON and text writers write, as kernel text.

The lines are put together by the kernel rather than left to its own writers: Spark's formats of numbers and times, its
rules for quoting, and JSON objects without null fields are others. They come into plans as calls of functions only the
planner knows, whose first argument holds the options as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from headrace_driver.catalog.partitions import NULL_FOLDER
from headrace_driver.errors import unsupported
from headrace_driver.functions.datetime_patterns import print_moment
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Cast, Expression, Literal
from headrace_driver.render.json import json_text
from headrace_driver.render.printing import as_string
from headrace_driver.render.text import let, quote
from headrace_driver.render.types import identifier

_CSV_LINE = "$csv_line"
_JSON_LINE = "$json_line"
_PARTITION_VALUE = "$partition_value"
_ENDED_LINE = "$ended_line"

TIMESTAMP_FORMAT = "yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]"
TIMESTAMP_NTZ_FORMAT = "yyyy-MM-dd'T'HH:mm:ss[.SSS]"
DATE_FORMAT = "yyyy-MM-dd"


def csv_line(columns: Sequence[Expression], options: Mapping[str, str]) -> Expression:
    """One CSV line of resolved columns. Options as `csv_options` completes them."""
    return _line(_CSV_LINE, columns, options)


def json_line(columns: Sequence[Expression], names: Sequence[str], options: Mapping[str, str]) -> Expression:
    """One JSON object of resolved columns."""
    return _line(_JSON_LINE, columns, {**options, "names": json.dumps(list(names))})


def ended(line: Expression, end: str) -> Expression:
    """The line with characters at its end, before the line feed."""
    return Call(_ENDED_LINE, (line, Literal(end, t.STRING)), t.STRING, False)


def partition_value(column: Expression) -> Expression:
    """The text of a partition folder's value; null and empty text share one folder."""
    text = column if isinstance(column.dtype, t.StringType) else Cast(column, t.STRING)
    return Call(_PARTITION_VALUE, (text,), t.STRING, False)


def _line(name: str, columns: Sequence[Expression], options: Mapping[str, str]) -> Expression:
    return Call(name, (Literal(json.dumps(dict(options)), t.STRING), *columns), t.STRING, False)


def _options(call: Call) -> dict[str, str]:
    first = call.args[0]
    assert isinstance(first, Literal)
    options: dict[str, str] = json.loads(first.value)
    return options


def _csv_line(call: Call, args: Sequence[str]) -> str:
    options = _options(call)
    fields = [_csv_field(text, column.dtype, options) for text, column in zip(args[1:], call.args[1:], strict=True)]
    return "(" + f" || {_text(options['sep'])} || ".join(fields) + ")"


def _csv_field(text: str, dtype: t.DataType, options: Mapping[str, str]) -> str:
    shown = _time_text(text, dtype, options) or as_string(text, dtype, options["timezone"])
    if isinstance(dtype, t.StringType):
        shown = _trimmed(shown, options)
    elif isinstance(dtype, t.BinaryType):
        raise unsupported("BINARY columns in CSV files")

    def build(v: str) -> str:
        return (
            f"CASE WHEN {v} IS NULL THEN {_text(_quoted_if_all(options['nullvalue'], options))} "
            f"WHEN {v} = '' THEN {_text(_unescaped_empty(options))} "
            f"ELSE {_enclosed(v, options, certain=not _may_need_quotes(dtype))} END"
        )

    return let(shown, build)


def _may_need_quotes(dtype: t.DataType) -> bool:
    return not isinstance(dtype, t.AtomicNumeric | t.BooleanType | t.DateType)


def _quoted_if_all(text: str, options: Mapping[str, str]) -> str:
    mark = options["quote"]
    return f"{mark}{text}{mark}" if options["quoteall"] == "true" else text


def _unescaped_empty(options: Mapping[str, str]) -> str:
    """An empty string: `""` unless told otherwise."""
    empty = options["emptyvalue"]
    mark = options["quote"]
    return empty if empty == mark * 2 else _quoted_if_all(empty, options)


def _enclosed(v: str, options: Mapping[str, str], certain: bool) -> str:
    """The value in quotes where it needs them. `certain`: it never does."""
    mark, escape = options["quote"], options["escape"]
    every = options["quoteall"] == "true"
    if not mark or (certain and not every):
        return v
    escaped = v
    if escape and escape != mark:
        escaped = f"replace({escaped}, {_text(escape)}, {_text(escape * 2)})"
    escaped = f"replace({escaped}, {_text(mark)}, {_text((escape or mark) + mark)})"
    enclosed = f"{_text(mark)} || {escaped} || {_text(mark)}"
    if every:
        return f"({enclosed})"
    special = [options["sep"], "\n", "\r", *([mark] if options["escapequotes"] == "true" else [])]
    tests = " OR ".join(f"contains({v}, {_text(one)})" for one in special)
    return f"CASE WHEN {tests} THEN {enclosed} ELSE {v} END"


def _text(text: str) -> str:
    """Text as an expression of the kernel's: characters that cannot be seen stand as calls."""
    pieces = [
        f"chr({ord(piece)})" if piece < " " else quote(piece) for piece in re.split(r"([\0-\x1f])", text) if piece
    ]
    return f"({' || '.join(pieces)})" if len(pieces) > 1 else (pieces or ["''"])[0]


def _trimmed(text: str, options: Mapping[str, str]) -> str:
    blanks = "E' \\t\\n\\r\\x0b\\x0c'"
    left = options["ignoreleadingwhitespace"] == "true"
    right = options["ignoretrailingwhitespace"] == "true"
    if left and right:
        return f"trim({text}, {blanks})"
    if left:
        return f"ltrim({text}, {blanks})"
    return f"rtrim({text}, {blanks})" if right else text


def csv_header(names: Sequence[str], options: Mapping[str, str]) -> str:
    """The line of names."""
    mark, escape = options["quote"], options["escape"]
    special = (options["sep"], "\n", "\r", mark)

    def shown(name: str) -> str:
        if not mark or not (options["quoteall"] == "true" or any(one and one in name for one in special)):
            return name
        if escape and escape != mark:
            name = name.replace(escape, escape * 2)
        return mark + name.replace(mark, (escape or mark) + mark) + mark

    return options["sep"].join(shown(name) for name in names)


def _time_text(text: str, dtype: t.DataType, options: Mapping[str, str]) -> str | None:
    """A date or timestamp in the format of the options; None for other types."""
    zone = options["timezone"]
    if isinstance(dtype, t.DateType):
        pattern = options["dateformat"]
        return f"CAST({text} AS VARCHAR)" if pattern == DATE_FORMAT else print_moment(text, dtype, pattern, zone)
    if isinstance(dtype, t.TimestampNTZType):
        return print_moment(text, dtype, options["timestampntzformat"], zone)
    return print_moment(text, dtype, options["timestampformat"], zone) if isinstance(dtype, t.TimestampType) else None


def _json_line(call: Call, args: Sequence[str]) -> str:
    options = _options(call)
    names = json.loads(options["names"])
    fields = tuple(t.StructField(name, c.dtype) for name, c in zip(names, call.args[1:], strict=True))
    packed = ", ".join(f"{identifier(f.name)} := {text}" for f, text in zip(fields, args[1:], strict=True))
    pattern, days = options["timestampformat"], options["dateformat"]
    return json_text(
        f"struct_pack({packed})",
        t.StructType(fields),
        zone=options["timezone"],
        skip_nulls=options["ignorenullfields"] == "true",
        timestamp_format=None if pattern == TIMESTAMP_FORMAT else pattern,
        date_format=None if days == DATE_FORMAT else days,
    )


def _partition_value(call: Call, args: Sequence[str]) -> str:
    return f"coalesce(nullif({args[0]}, ''), {quote(NULL_FOLDER)})"


def _ended_line(call: Call, args: Sequence[str]) -> str:
    end = call.args[1]
    assert isinstance(end, Literal)
    return f"({args[0]} || {_text(end.value)})"


def _not_callable(args: Sequence[Expression], ctx: BindContext) -> Expression:
    raise unsupported(f"calling {ctx.display}, which is for the planner")


for _name, _render in (
    (_CSV_LINE, _csv_line),
    (_JSON_LINE, _json_line),
    (_PARTITION_VALUE, _partition_value),
    (_ENDED_LINE, _ended_line),
):
    REGISTRY.add(Function(_name, FunctionKind.SCALAR, _not_callable, render=_render, foldable=False))
