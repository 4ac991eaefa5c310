"""The errors of the SQL front, as Spark raises them: what is wrong, where, and the lines around it."""

from __future__ import annotations

from headrace_driver.errors import ErrorKind, Origin, SparkError
from headrace_driver.sql.lexer import END, Tokens

_SHOWN_LINES = 3
_SHOWN_COLUMNS = 200


def parse_error(
    error_class: str, message: str, parameters: dict[str, str], sql_state: str, origin: Origin
) -> SparkError:
    """An error of kind ParseException at one place of the text."""
    return SparkError(error_class, message, parameters, sql_state=sql_state, kind=ErrorKind.PARSE, origins=(origin,))


def syntax_error(tokens: Tokens, index: int, hint: str = "") -> SparkError:
    """PARSE_SYNTAX_ERROR at a token."""
    kind = tokens.kinds[index]
    if kind == "/*":
        return parse_error(
            "UNCLOSED_BRACKETED_COMMENT",
            "Found an unclosed bracketed comment. Please, append */ at the end of the comment.",
            {},
            "42601",
            tokens.origin(index, index),
        )
    near = "end of input" if kind == END else f"'{_shortened(tokens.shown(index))}'"
    hint = f": {hint}" if hint else ""
    origin = tokens.origin(index, index)
    return parse_error(
        "PARSE_SYNTAX_ERROR",
        f"Syntax error at or near {near}{hint}.{position_text(origin)}",
        {"error": near, "hint": hint},
        "42601",
        origin,
    )


def too_complex(tokens: Tokens) -> SparkError:
    """FAILED_TO_PARSE_TOO_COMPLEX: nested deeper than planning could follow."""
    last = len(tokens.kinds) - 1
    return parse_error(
        "FAILED_TO_PARSE_TOO_COMPLEX",
        "The statement, including potential SQL functions and referenced views, was too complex to parse. "
        "To mitigate this error divide the statement into multiple, less complex chunks.",
        {},
        "54001",
        tokens.origin(last, last),
    )


def position_text(origin: Origin) -> str:
    """`(line 1, pos 7)` and the lines around it with a marker, in the form Spark shows a syntax error."""
    lines = origin.text.split("\n") if len(origin.text) < 1_000_000 else [origin.text[:_SHOWN_COLUMNS]]
    at = min(origin.line, len(lines))
    before = lines[max(0, at - _SHOWN_LINES) : at]
    after = lines[at : at + _SHOWN_LINES]
    marker = "-" * min(max(origin.column, 0), _SHOWN_COLUMNS) + "^^^"
    shown = "\n".join([*(line[:_SHOWN_COLUMNS] for line in before), marker, *(line[:_SHOWN_COLUMNS] for line in after)])
    return f" (line {origin.line}, pos {origin.column})\n\n== SQL ==\n{shown}\n"


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_COLUMNS else text[:_SHOWN_COLUMNS] + "..."
