"""Spark SQL text cut into tokens, by the rules of Spark's own lexer (longest match, keywords in any case).

Tokens live in parallel lists rather than objects: a 5 MB text has a million of them. `kinds[i]` is
 - the upper-case text of an unquoted word (every word may be a keyword or a name; the grammar decides),
 - QUOTED_NAME, STRING or NUMBER,
 - the operator or punctuation itself,
 - END after the last token.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from headrace_driver.errors import Origin

QUOTED_NAME = "`"
STRING = "'"
NUMBER = "0"
END = ""
_LOOKAHEAD = 6

_SPACE = "[ \\t\\n\\f\\r\\v\u00a0\u1680\u2000-\u200a\u2028\u202f\u205f\u3000]+"
_TOKEN = re.compile(
    rf"""
    (?P<skip>{_SPACE}|--(?:\\\n|[^\r\n])*\r?\n?)
    |(?P<comment>/\*(?!\+))
    |(?P<string>[rR]?'(?:(?<=[rR]')[^']*|[^'\\]*(?:(?:\\.|'')[^'\\]*)*)'
               |[rR]?"(?:(?<=[rR]")[^"]*|[^"\\]*(?:(?:\\.|"")[^"\\]*)*)")
    |(?P<number>(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?(?:[bB][dD]|[dDfF])?(?![A-Za-z0-9_])
               |\d+(?:[eE][+-]?\d+)?(?:[bB][dD]|[lLsSyYdDfF])?(?![A-Za-z0-9_]))
    |(?P<word>\w+(?:://[\w/\-.?=&\#%]+)?)
    |(?P<quoted>`(?:[^`]|``)*`)
    |(?P<operator><=>|>>>|<=|<>|<<|>>|>=|==|!=|!<|!>|\|\||\|>|->|=>|::|\*/|/\*\+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
# `!>` is <= and `!<` is >=, as in Spark.
# A quote that nothing closes must not pass for the kind it is the sign of.
_SYNONYMS = {"==": "=", "!=": "<>", "!>": "<=", "!<": ">=", "'": "unclosed '", "`": "unclosed `"}
_COMMENT_EDGE = re.compile(r"/\*|\*/")


@dataclass(slots=True)
class Tokens:
    """A text and its tokens; the last ones are END, at the end of the text, as many as the grammar looks ahead."""

    text: str
    kinds: list[str]
    starts: list[int]
    stops: list[int]
    """Offset of each token's last character."""
    is_name: list[bool]
    """Whether the token may be a name: a word or a quoted name."""
    _newlines: list[int] | None = field(default=None)

    def shown(self, index: int) -> str:
        """The token as it stands in the text."""
        return self.text[self.starts[index] : self.stops[index] + 1]

    def origin(self, first: int, last: int) -> Origin:
        """The place from token `first` to token `last`."""
        start = self.starts[first]
        line, column = self.line_and_column(start)
        return Origin(self.text, start, self.stops[last], line, column)

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Line from 1 and column from 0 of a character, as Spark counts them."""
        newlines = self._newlines
        if newlines is None:
            newlines = self._newlines = [m.start() for m in re.finditer("\n", self.text)]
        line = bisect_right(newlines, offset - 1)
        return line + 1, offset - (newlines[line - 1] + 1 if line else 0)


def tokenize(text: str) -> Tokens:
    """Cuts a text into tokens. Never fails: a character no token starts with is an operator the grammar refuses."""
    kinds: list[str] = []
    starts: list[int] = []
    stops: list[int] = []
    is_name: list[bool] = []
    position, end = 0, len(text)
    match = _TOKEN.match
    while position < end:
        found = match(text, position)
        assert found is not None, "the pattern matches any character"
        group = found.lastgroup
        start, position = position, found.end()
        if group == "skip":
            continue
        if group == "word":
            kinds.append(found.group().upper())
            is_name.append(True)
        elif group == "operator":
            operator = found.group()
            kinds.append(_SYNONYMS.get(operator, operator))
            is_name.append(False)
        elif group == "number":
            kinds.append(NUMBER)
            is_name.append(False)
        elif group == "string":
            kinds.append(STRING)
            is_name.append(False)
        elif group == "quoted":
            kinds.append(QUOTED_NAME)
            is_name.append(True)
        else:
            position = _comment_end(text, position)
            if position < 0:
                # Left for the grammar to refuse, as an operator it knows nothing of.
                position = end
                kinds.append("/*")
                is_name.append(False)
            else:
                continue
        starts.append(start)
        stops.append(position - 1)
    for _ in range(_LOOKAHEAD):
        kinds.append(END)
        is_name.append(False)
        starts.append(end)
        stops.append(end - 1)
    return Tokens(text, kinds, starts, stops, is_name)


def _comment_end(text: str, position: int) -> int:
    """The offset after a bracketed comment whose opening has been read (comments nest), or -1 when it never ends."""
    depth = 1
    while depth:
        edge = _COMMENT_EDGE.search(text, position)
        if edge is None:
            return -1
        depth += 1 if edge.group() == "/*" else -1
        position = edge.end()
    return position
