"""LIKE patterns and regular expressions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from headrace_driver.errors import SparkError, unsupported
from headrace_driver.functions.declare import (
    ANY,
    INT,
    STRING,
    check_count,
    coerce,
    integer,
    scalar,
    string,
)
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Expression, Literal
from headrace_driver.render.text import let, let_all, quote, raising

# Letters that Java gives no meaning after a backslash.
_BAD_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\[CFIJKLMOTUYgijlmoqy]")
_UNSUPPORTED_REGEX = re.compile(r"\(\?(?:=|!|<=|<!|>)|[*+?}]\+|(?<!\\)(?:\\\\)*\\[1-9]|\\[GZ]|&&\[")


def like_prefix(pattern: str, escape: str) -> str:
    """Checks a constant pattern: the escape character must stand before _, % or itself."""
    position = 0
    while position < len(pattern):
        if pattern[position] == escape:
            following = pattern[position + 1 : position + 2]
            if not following or following not in ("_", "%", escape):
                raise SparkError(
                    "INVALID_FORMAT.ESC_AT_THE_END" if not following else "INVALID_FORMAT.ESC_IN_THE_MIDDLE",
                    f"The format is invalid: '{pattern}'. The escape character is not allowed "
                    + ("at the end." if not following else f"to precede '{following}'."),
                    {"format": f"'{pattern}'"}
                    if not following
                    else {"format": f"'{pattern}'", "char": f"'{following}'"},
                    sql_state="42601",
                )
            position += 1
        position += 1
    return pattern


def _bind_like(name: str) -> None:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 2, 3, ctx)
        given = list(args) if len(args) == 3 else [*args, string("\\")]
        accepted = coerce(name, [STRING, STRING, STRING], given, ctx)
        pattern, escape = accepted[1], accepted[2]
        if isinstance(pattern, Literal) and isinstance(escape, Literal) and pattern.value is not None:
            like_prefix(pattern.value, escape.value)
        nullable = accepted[0].nullable or accepted[1].nullable
        return Call(name, accepted, t.BOOLEAN, nullable, ctx.display or name, ctx.origin)

    def render(c: Call, args: Sequence[str]) -> str:
        pattern = c.args[1]
        escape = c.args[2]
        if isinstance(pattern, Literal) and isinstance(escape, Literal) and escape.value not in (pattern.value or ""):
            return f"({args[0]} {name.upper()} {args[1]})"
        return f"({args[0]} {name.upper()} {args[1]} ESCAPE {args[2]})"

    REGISTRY.add(Function(name, FunctionKind.SCALAR, bind, render))


def _invalid_pattern(pattern: str) -> SparkError:
    return SparkError(
        "INVALID_PARAMETER_VALUE.PATTERN",
        f"The value of parameter(s) `regexp` is invalid: '{pattern}'.",
        {"parameter": "`regexp`", "functionName": "`rlike`", "value": f"'{pattern}'"},
        sql_state="22023",
    )


def _compiles(pattern: str) -> bool:
    """Whether groups and classes are closed; what only Java or only Python knows is not looked at."""
    depth, in_class, position = 0, 0, 0
    while position < len(pattern):
        letter = pattern[position]
        if letter == "\\":
            if pattern[position + 1 : position + 2] == "Q":
                end = pattern.find("\\E", position)
                position = len(pattern) if end < 0 else end
            position += 2
            if position > len(pattern):
                return False
            continue
        if letter == "[":
            # A bracket right after the opening one (or after ^) is a character.
            in_class += 1
            if pattern[position + 1 : position + 2] == "^":
                position += 1
            if pattern[position + 1 : position + 2] == "]":
                position += 1
        elif letter == "]" and in_class:
            in_class -= 1
        elif letter == "(" and not in_class:
            depth += 1
        elif letter == ")" and not in_class:
            depth -= 1
            if depth < 0:
                return False
        elif letter in "*+?" and not in_class and position == 0:
            return False
        position += 1
    return depth == 0 and in_class == 0


def kernel_regex(pattern: str) -> str:
    """A Java pattern for the kernel's RE2, or an error naming what RE2 lacks."""
    if _BAD_ESCAPE.search(pattern):
        raise _invalid_pattern(pattern)
    if not _compiles(pattern):
        raise _invalid_pattern(pattern)
    if _UNSUPPORTED_REGEX.search(pattern):
        raise unsupported(
            f"the regular expression '{pattern}'",
            "Look-around, back-references and possessive quantifiers are not available.",
        )
    pattern = re.sub(r"(?<!\\)\(\?<([A-Za-z])", r"(?P<\1", pattern)
    pattern = pattern.replace(r"\h", r"[ \t\x{A0}]").replace(r"\R", r"(?:\r\n|[\n\x0b\f\r\x{85}])")
    return re.sub(r"\\p\{(Alpha|Digit|Alnum|Upper|Lower|Punct|Space)\}", lambda m: f"[[:{m[1].lower()}:]]", pattern)


def regex_text(c: Call, index: int, args: Sequence[str]) -> str:
    """A pattern argument as kernel text; patterns that come from data are taken as they are."""
    pattern = c.args[index]
    if isinstance(pattern, Literal) and pattern.value is not None:
        return quote(kernel_regex(pattern.value))
    return args[index]


def _rlike(c: Call, args: Sequence[str]) -> str:
    return f"regexp_matches({args[0]}, {regex_text(c, 1, args)})"


def java_replacement(text: str) -> str:
    """A Java replacement ($1, \\$) for the kernel's (\\1)."""
    text = text.replace("\\\\", "\0")
    text = re.sub(r"\\(.)", lambda m: "\1" if m[1] == "$" else m[1], text)
    text = re.sub(r"\$(\d)", r"\\\1", text)
    return text.replace("\1", "$").replace("\0", "\\\\")


def _replace(c: Call, args: Sequence[str]) -> str:
    replacement = c.args[2]
    new = args[2]
    if isinstance(replacement, Literal) and replacement.value is not None:
        new = quote(java_replacement(replacement.value))
    else:
        new = f"regexp_replace({new}, '\\$([0-9])', '\\\\\\1', 'g')"
    replaced = f"regexp_replace({{0}}, {regex_text(c, 1, args)}, {new}, 'g')"
    start = c.args[3]
    if isinstance(start, Literal) and start.value == 1:
        return replaced.replace("{0}", args[0])
    head = f"left({args[0]}, {args[3]} - 1)"
    return f"({head} || {replaced.replace('{0}', f'substring({args[0]}, {args[3]})')})"


def _check_group(c: Call, args: Sequence[str], body: str) -> str:
    """Raises where the group number is beyond the pattern's groups."""
    pattern, group = c.args[1], c.args[2]
    if not isinstance(group, Literal):
        raise unsupported("a regular expression's group number that is not constant")
    if isinstance(pattern, Literal) and pattern.value is not None and group.value is not None:
        groups = len(re.findall(r"(?<!\\)\((?!\?[:i])", pattern.value))
        if not 0 <= group.value <= groups:
            return (
                raising(
                    "INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX",
                    {
                        "parameter": "`idx`",
                        "functionName": f"`{c.name}`",
                        "groupCount": str(groups),
                        "groupIndex": str(group.value),
                    },
                )
                + "::VARCHAR"
            )
    return body


def _extract(c: Call, args: Sequence[str]) -> str:
    return _check_group(c, args, f"regexp_extract({args[0]}, {regex_text(c, 1, args)}, {args[2]})")


def _extract_all(c: Call, args: Sequence[str]) -> str:
    body = f"regexp_extract_all({args[0]}, {regex_text(c, 1, args)}, {args[2]})"
    checked = _check_group(c, args, body)
    return checked if checked == body else f"[{checked}]"


def _instr(c: Call, args: Sequence[str]) -> str:
    def build(names: list[str]) -> str:
        s, p = names
        found = f"regexp_extract({s}, '(?s)^(.*?)(?:' || {p} || ')', 1)"
        return (
            f"CASE WHEN regexp_matches({s}, {p}) THEN CAST(length({found}) + 1 AS INTEGER) "
            f"WHEN {s} IS NOT NULL AND {p} IS NOT NULL THEN 0 END"
        )

    return let_all([args[0], regex_text(c, 1, args)], build)


def _split(c: Call, args: Sequence[str]) -> str:
    """split(s, regex, limit): trailing empty strings are kept; an empty pattern gives the characters."""
    pattern, limit = c.args[1], c.args[2]
    if isinstance(pattern, Literal) and pattern.value == "":
        parts = let(args[0], lambda s: f"CASE WHEN {s} = '' THEN [''] ELSE string_split({s}, '') END")
    elif (
        isinstance(pattern, Literal)
        and pattern.value is not None
        and not re.search(r"[\\^$.|?*+()\[\]{}]", pattern.value)
    ):
        parts = f"string_split({args[0]}, {args[1]})"
    elif (
        isinstance(pattern, Literal)
        and pattern.value is not None
        and re.fullmatch(r"\\[^A-Za-z0-9]|\[[^\]\[^\\-]\]", pattern.value)
    ):
        parts = (
            f"string_split({args[0]}, "
            f"{quote(pattern.value.strip('[]') if pattern.value[0] == '[' else pattern.value[1])})"
        )
    else:
        parts = f"regexp_split_to_array({args[0]}, {regex_text(c, 1, args)})"
    if isinstance(limit, Literal) and limit.value is not None and limit.value <= 0:
        return parts
    return _split_limited(c, args, parts)


def _split_limited(c: Call, args: Sequence[str], parts: str) -> str:
    def build(names: list[str]) -> str:
        s, listed, n = names
        # The last of n pieces is the rest of the text: what remains after the first n - 1 pieces and their separators.
        pattern = regex_text(c, 1, args)
        rest = (
            f"regexp_extract({s}, '(?s)^(?:.*?(?:' || {pattern} || ')){{' || CAST({n} - 1 AS VARCHAR) || '}}(.*)$', 1)"
        )
        return (
            f"CASE WHEN {s} IS NULL OR {n} <= 0 OR len({listed}) <= {n} THEN {listed} WHEN {n} = 1 THEN [{s}] "
            f"ELSE list_append(list_slice({listed}, 1, {n} - 1), {rest}) END"
        )

    return let_all([args[0], parts, args[2]], build)


def _register() -> None:
    _bind_like("like")
    _bind_like("ilike")
    scalar("rlike", [STRING, STRING], t.BOOLEAN, _rlike, aliases=("regexp", "regexp_like"))
    scalar("regexp_replace", [STRING, STRING, STRING, INT], t.STRING, _replace, defaults=(integer(1),))
    scalar("regexp_extract", [STRING, STRING, INT], t.STRING, _extract, defaults=(integer(1),))
    scalar("regexp_extract_all", [STRING, STRING, INT], t.ArrayType(t.STRING), _extract_all, defaults=(integer(1),))
    scalar(
        "regexp_substr",
        [STRING, STRING],
        t.STRING,
        lambda c, a: (
            f"CASE WHEN regexp_matches({a[0]}, {regex_text(c, 1, a)}) THEN "
            f"regexp_extract({a[0]}, {regex_text(c, 1, a)}) END"
        ),
        null=True,
    )
    scalar(
        "regexp_count",
        [STRING, STRING],
        t.INTEGER,
        lambda c, a: f"CAST(len(regexp_extract_all({a[0]}, {regex_text(c, 1, a)})) AS INTEGER)",
    )
    scalar("regexp_instr", [STRING, STRING, ANY], t.INTEGER, _instr, defaults=(integer(0),))
    scalar("split", [STRING, STRING, INT], t.ArrayType(t.STRING, False), _split, defaults=(integer(-1),))


_register()
