"""Messages of errors as Spark words them: where in the SQL text or program the error arose is part of the message."""

from __future__ import annotations

import re

from headrace_driver.errors import ErrorKind, Origin, SparkError

_POSITION = re.compile(r" \(line \d+, pos \d+\)\n\n== SQL ==\n.*", re.DOTALL)

SYNTAX_ERROR = "PARSE_SYNTAX_ERROR"
"""What the grammar itself refuses: Spark gives such errors a line and a column, and no query context."""
_CONTEXT_CHARS = 32
"""Characters shown on either side of the failing piece of a line."""
_ELLIPSIS = "..."
_TEXT_CHARS_MAX = 100_000
"""Of an SQL text quoted in a syntax error; the message travels in one gRPC message."""


def full_message(error: SparkError) -> str:
    """The text PySpark shows: class, sentence, SQLSTATE, and where it happened in the form of the exception's class."""
    text = str(error)
    if error.kind is ErrorKind.PARSE:
        # Some messages of the SQL front carry the position already; Spark has the SQLSTATE before it.
        text = _POSITION.sub("", error.message)
        text = f"[{error.error_class}] {text} SQLSTATE: {error.sql_state}"
    if not error.sql_state:
        # Spark's errors that have no class yet show only their sentence.
        text = error.message
    origin = next((o for o in error.origins if o.start >= 0 or o.call_site), None)
    if error.kind is ErrorKind.PARSE:
        if origin is None or error.error_class == SYNTAX_ERROR:
            return _syntax_error(text, origin)
        return f"\n{text}\n{context_summary(origin)}"
    if origin is None:
        return text
    if error.kind is ErrorKind.ANALYSIS:
        if origin.call_site or not origin.text:
            return text
        line, column = position(origin)
        return f"{text}; line {line} pos {column}"
    return f"{text}\n{context_summary(origin)}"


def position(origin: Origin) -> tuple[int, int]:
    """Line (from 1) and column (from 0) of an origin in SQL text."""
    start = max(origin.start, 0)
    return origin.text.count("\n", 0, start) + 1, start - (origin.text.rfind("\n", 0, start) + 1)


def context_summary(origin: Origin) -> str:
    """The failing piece marked in its text, or the call that made it in the user's program."""
    if origin.call_site:
        return f'== DataFrame ==\n"{origin.text}" was called from\n{origin.call_site}\n'
    if origin.start < 0 or not origin.text:
        return ""
    line, column = position(origin)
    return f"== SQL (line {line}, position {column + 1}) ==\n{_marked(origin)}"


def _marked(origin: Origin) -> str:
    text = origin.text
    # The end of the input, just behind the text, is shown at its last character.
    start = min(max(origin.start, 0), len(text) - 1)
    stop = min(origin.stop if origin.stop >= 0 else len(text) - 1, len(text) - 1)
    first = start
    while first >= 0 and start - first <= _CONTEXT_CHARS and text[first] != "\n":
        first -= 1
    left_out = start - first > _CONTEXT_CHARS
    last = stop
    while last < len(text) and last - stop <= _CONTEXT_CHARS and text[last] != "\n":
        last += 1
    right_out = last - stop > _CONTEXT_CHARS
    shown = (_ELLIPSIS if left_out else "") + text[first + 1 : last] + (_ELLIPSIS if right_out else "")
    index = first - (len(_ELLIPSIS) if left_out else 0)
    lines: list[str] = []
    for line in shown.split("\n"):
        lines.append(line + "\n")
        index += 1
        marks = ["^" if start <= index + i <= stop else " " for i in range(len(line)) if index + i <= stop]
        lines.append("".join(marks) + "\n")
        index += len(line)
    return "".join(lines)


def _syntax_error(text: str, origin: Origin | None) -> str:
    if origin is None or origin.start < 0:
        return f"\n{text}"
    line, column = position(origin)
    above, below = _quoted(origin.text, line)
    # A line cut at its front ends where the error is, or later.
    shown = len(above) - 1 - (above.rfind("\n", 0, len(above) - 1) + 1)
    marker = "-" * min(column, shown) + "^^^"
    return f"\n{text} (line {line}, pos {column})\n\n== SQL ==\n{above}{marker}\n{below}"


def _quoted(text: str, line: int) -> tuple[str, str]:
    """The text up to and including the line, and the rest; long ones cut around the line."""
    lines = text.split("\n")
    while lines and not lines[-1]:
        lines.pop()
    above, below = "\n".join(lines[:line]), "\n".join(lines[line:])
    if len(above) > _TEXT_CHARS_MAX:
        above = _ELLIPSIS + above[-_TEXT_CHARS_MAX:]
    if len(below) > _TEXT_CHARS_MAX:
        below = below[:_TEXT_CHARS_MAX] + _ELLIPSIS
    return above + "\n", below + "\n" if below else ""
