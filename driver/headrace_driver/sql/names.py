"""Names given as text: IDENTIFIER('a.b'), and the names in `spark.table("a.b")`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace_driver.errors import ErrorKind, SparkError
from headrace_driver.plan import expressions as e
from headrace_driver.plan import types as t
from headrace_driver.sql.cursor import Cursor
from headrace_driver.sql.failures import parse_error
from headrace_driver.sql.lexer import tokenize

if TYPE_CHECKING:
    from headrace_driver.sql.lookahead import Lookahead


def parse_name(text: str) -> tuple[str, ...]:
    """The parts of a dotted name, back quotes undone. Raises SparkError."""
    parser = Cursor(tokenize(text))
    if not text.strip():
        raise SparkError(
            "PARSE_EMPTY_STATEMENT",
            "Syntax error, unexpected empty statement.",
            {},
            sql_state="42617",
            kind=ErrorKind.PARSE,
        )
    parts = parser.dotted_name()
    parser.expect_end()
    return parts


def identifier_clause(parser: Lookahead) -> tuple[str, ...]:
    """The name meant by `IDENTIFIER(<constant string>)`, at which the parser stands."""
    start = parser.i
    parser.i += 1
    parser.expect("(")
    value = _folded(parser.expression())
    parser.expect(")")
    if value is None:
        raise parse_error(
            "NOT_A_CONSTANT_STRING.NOT_CONSTANT",
            f"The expression {parser.origin(start).fragment} used for the routine or clause IDENTIFIER must be a "
            "constant STRING which is NOT NULL.",
            {"expr": parser.origin(start).fragment, "name": "IDENTIFIER"},
            "42601",
            parser.origin(start),
        )
    return parse_name(value)


def _folded(value: e.Expression) -> str | None:
    """The text of a constant string, put together of literals."""
    if isinstance(value, e.Literal) and value.type == t.STRING and value.value is not None:
        return str(value.value)
    if isinstance(value, e.UnresolvedFunction) and value.name == ("concat",):
        parts = [_folded(arg) for arg in value.args]
        return None if None in parts else "".join(part for part in parts if part is not None)
    return None
