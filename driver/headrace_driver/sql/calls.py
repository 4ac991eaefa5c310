"""Calls with a syntax of their own: CAST(x AS type), EXTRACT(f FROM x), TRIM(BOTH x FROM y), and so on.

Each parser stands at the function's name, which a parenthesis follows. It returns None where the call turns out to be
an ordinary one (`trim(x)`, `position('a', b)`); the cursor may then stand anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from headrace_driver.errors import unsupported
from headrace_driver.plan import expressions as e
from headrace_driver.plan import types as t
from headrace_driver.sql.data_types import without_lengths
from headrace_driver.sql.failures import parse_error
from headrace_driver.sql.lexer import STRING
from headrace_driver.sql.names import identifier_clause

if TYPE_CHECKING:
    from headrace_driver.sql.values import ValueParser

# Binding power of comparisons: the grammar's valueExpression.
_VALUE = 50
_UNITS = (
    "YEAR",
    "QUARTER",
    "MONTH",
    "WEEK",
    "DAY",
    "DAYOFYEAR",
    "HOUR",
    "MINUTE",
    "SECOND",
    "MILLISECOND",
    "MICROSECOND",
)


def _cast(parser: ValueParser, start: int) -> e.Expression | None:
    parser.i += 2
    parser.deeper()
    value = parser.expression()
    parser.expect("AS")
    dtype = without_lengths(parser.data_type())
    parser.depth -= 1
    parser.expect(")")
    mode = e.CastMode.TRY if parser.kinds[start] == "TRY_CAST" else e.CastMode.ANSI
    return e.Cast(value, dtype, mode, origin=parser.origin(start))


def _exists(parser: ValueParser, start: int) -> e.Expression | None:
    if not parser.query_starts(start + 2):
        return None
    parser.i += 2
    return e.Exists(parser.nested_query())


def _struct(parser: ValueParser, start: int) -> e.Expression | None:
    parser.i += 2
    parser.deeper()
    args = () if parser.kinds[parser.i] == ")" else tuple(parser.many(parser.named_expression))
    parser.depth -= 1
    parser.expect(")")
    return parser.call_suffixes(("struct",), args, False, False, start)


def _ordinary(parser: ValueParser, start: int) -> bool:
    """Whether the argument list starts as only an ordinary call's can."""
    kind = parser.kinds[start + 2]
    return kind in (")", "DISTINCT", "ALL", "NOT", "!", "*") or parser.kinds[start + 3] == "=>"


def _rest(parser: ValueParser, start: int, first: e.Expression, first_token: int) -> e.Expression:
    """The call goes on as an ordinary one after its first argument (which is not parsed twice: calls nest)."""
    args = [parser.operators(first, first_token, 0)]
    while parser.accept(","):
        args.append(parser.argument())
    parser.expect(")")
    return parser.call_suffixes((parser.tokens.shown(start),), tuple(args), False, False, start)


def _value(parser: ValueParser) -> e.Expression:
    parser.deeper()
    value = parser.expression(_VALUE)
    parser.depth -= 1
    return value


def _first(parser: ValueParser, start: int) -> e.Expression | None:
    """`first(x IGNORE NULLS)`"""
    if _ordinary(parser, start):
        return None
    parser.i += 2
    value = _value(parser)
    if not parser.accept_all("IGNORE", "NULLS"):
        return _rest(parser, start, value, start + 2)
    parser.expect(")")
    return parser.call_suffixes((parser.tokens.shown(start),), (value,), False, True, start)


def _position(parser: ValueParser, start: int) -> e.Expression | None:
    if _ordinary(parser, start):
        return None
    parser.i += 2
    part = _value(parser)
    if not parser.accept("IN"):
        return _rest(parser, start, part, start + 2)
    text = parser.expression(_VALUE)
    parser.expect(")")
    return parser.call("locate", (part, text), start)


def _substring(parser: ValueParser, start: int) -> e.Expression | None:
    if _ordinary(parser, start):
        return None
    parser.i += 2
    args = [_value(parser)]
    if not parser.accept("FROM"):
        return _rest(parser, start, args[0], start + 2)
    args.append(parser.expression(_VALUE))
    if parser.accept("FOR"):
        args.append(parser.expression(_VALUE))
    parser.expect(")")
    return parser.call("substring", tuple(args), start)


_TRIMS = {"BOTH": "trim", "LEADING": "ltrim", "TRAILING": "rtrim"}


def _trim(parser: ValueParser, start: int) -> e.Expression | None:
    if _ordinary(parser, start):
        return None
    parser.i += 2
    name = _TRIMS.get(parser.kinds[parser.i]) if parser.kinds[parser.i + 1] not in (")", ",", ".") else None
    if name is not None:
        parser.i += 1
    first = parser.i
    characters = None if parser.kinds[first] == "FROM" and parser.kinds[first + 1] != ")" else _value(parser)
    if not parser.accept("FROM"):
        if name is not None or characters is None:
            raise parser.failure()
        return _rest(parser, start, characters, first)
    text = parser.expression(_VALUE)
    parser.expect(")")
    return parser.call(name or "trim", (text,) if characters is None else (characters, text), start)


def _overlay(parser: ValueParser, start: int) -> e.Expression | None:
    if _ordinary(parser, start):
        return None
    parser.i += 2
    args = [_value(parser)]
    if not parser.accept("PLACING"):
        return _rest(parser, start, args[0], start + 2)
    args.append(parser.expression(_VALUE))
    parser.expect("FROM")
    args.append(parser.expression(_VALUE))
    if parser.accept("FOR"):
        args.append(parser.expression(_VALUE))
    parser.expect(")")
    return parser.call("overlay", tuple(args), start)


def _extract(parser: ValueParser, start: int) -> e.Expression | None:
    if not (parser.is_name[start + 2] and parser.kinds[start + 3] == "FROM"):
        return None
    parser.i += 2
    field = parser.name()
    parser.i += 1
    parser.deeper()
    source = parser.expression(_VALUE)
    parser.depth -= 1
    parser.expect(")")
    return parser.call("extract", (e.Literal(field, t.STRING), source), start)


def _unit_arithmetic(name: str) -> Callable[[ValueParser, int], e.Expression | None]:
    """`timestampadd(unit, n, x)`, `timestampdiff(unit, a, b)`; with two arguments `date_add` is an ordinary call."""

    def parse(parser: ValueParser, start: int) -> e.Expression | None:
        kind = parser.kinds[start + 2]
        if parser.kinds[start + 3] != "," or (kind not in _UNITS and kind != STRING):
            return None
        parser.i = start + 2
        unit = parser.primary()
        parser.i = start + 4
        first = _value(parser)
        if not parser.accept(","):
            parser.expect(")")
            return parser.call_suffixes((parser.tokens.shown(start),), (unit, first), False, False, start)
        if kind == STRING:
            raise _quoted_unit(parser, start)
        second = parser.expression(_VALUE)
        parser.expect(")")
        return parser.call(name, (e.Literal(parser.tokens.shown(start + 2), t.STRING), first, second), start)

    return parse


def _quoted_unit(parser: ValueParser, start: int) -> Exception:
    name, unit = parser.tokens.shown(start).lower(), parser.tokens.shown(start + 2)
    return parse_error(
        "INVALID_PARAMETER_VALUE.DATETIME_UNIT",
        f"The value of parameter(s) `unit` in `{name}` is invalid: expects one of the units without quotes "
        f"{', '.join(_UNITS)}, but got the string literal {unit}.",
        {"functionName": f"`{name}`", "parameter": "`unit`", "invalidValue": unit},
        "22023",
        parser.tokens.origin(start, start + 2),
    )


def _identifier(parser: ValueParser, start: int) -> e.Expression | None:
    """`IDENTIFIER('a.b')`: a column, or a function when a call follows."""
    parts = identifier_clause(parser)
    if parser.kinds[parser.i] == "(":
        return parser.call_arguments(parts, start)
    return e.UnresolvedAttribute(parts, origin=parser.origin(start))


def _transform(parser: ValueParser, start: int) -> e.Expression | None:
    """`SELECT TRANSFORM(...) USING 'script'` is not the function of that name."""
    if parser.kinds[start - 1] == "SELECT" and parser.kinds[parser.closed_by(start + 1) + 1] in ("USING", "ROW"):
        raise unsupported("SELECT TRANSFORM with a script")
    return None


CALLS: dict[str, Callable[[ValueParser, int], e.Expression | None]] = {
    "CAST": _cast,
    "TRY_CAST": _cast,
    "EXISTS": _exists,
    "STRUCT": _struct,
    "FIRST": _first,
    "LAST": _first,
    "ANY_VALUE": _first,
    "POSITION": _position,
    "SUBSTRING": _substring,
    "SUBSTR": _substring,
    "TRIM": _trim,
    "OVERLAY": _overlay,
    "EXTRACT": _extract,
    "TIMESTAMPADD": _unit_arithmetic("timestampadd"),
    "DATEADD": _unit_arithmetic("timestampadd"),
    "DATE_ADD": _unit_arithmetic("timestampadd"),
    "TIMESTAMPDIFF": _unit_arithmetic("timestampdiff"),
    "DATEDIFF": _unit_arithmetic("timestampdiff"),
    "DATE_DIFF": _unit_arithmetic("timestampdiff"),
    "TIMEDIFF": _unit_arithmetic("timestampdiff"),
    "IDENTIFIER": _identifier,
    "TRANSFORM": _transform,
}
