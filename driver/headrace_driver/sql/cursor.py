"""A cursor over tokens, and what every grammar needs: names, strings, lists with commas."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from headrace_driver.errors import SparkError
from headrace_driver.sql.failures import parse_error, syntax_error, too_complex
from headrace_driver.sql.lexer import END, NUMBER, QUOTED_NAME, STRING, Tokens
from headrace_driver.sql.literals import string_value

MAX_NESTING = 1_000
"""How deep parentheses, calls and subqueries may be nested: planning recurses over trees, and Spark, too, gives up."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_]+", re.ASCII)

R = TypeVar("R")


class Cursor:
    """A place among tokens."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.kinds = tokens.kinds
        self.is_name = tokens.is_name
        self.i = 0
        self.depth = 0

    def accept(self, kind: str) -> bool:
        """Steps over the token if it is of that kind."""
        if self.kinds[self.i] == kind:
            self.i += 1
            return True
        return False

    def accept_all(self, *kinds: str) -> bool:
        """Steps over the next tokens if they are of those kinds, all of them."""
        i = self.i
        for offset, kind in enumerate(kinds):
            if self.kinds[i + offset] != kind:
                return False
        self.i += len(kinds)
        return True

    def expect(self, kind: str) -> None:
        """Steps over a token that must be of that kind."""
        if self.kinds[self.i] != kind:
            raise self.failure(f"missing '{kind}'" if self.kinds[self.i] in (END, ")", ";") else "")
        self.i += 1

    def peek(self, ahead: int = 1) -> str:
        """The kind of a token further on."""
        return self.kinds[self.i + ahead]

    def failure(self, hint: str = "") -> SparkError:
        """PARSE_SYNTAX_ERROR at the current token."""
        return syntax_error(self.tokens, self.i, hint)

    def expect_end(self) -> None:
        """Nothing may follow but semicolons."""
        while self.kinds[self.i] == ";" and self.i > 0:
            self.i += 1
        if self.kinds[self.i] != END:
            raise self.failure(f"extra input '{self.tokens.shown(self.i)[:100]}'")

    def deeper(self) -> None:
        """Notes that the grammar nests once more; `self.depth -= 1` undoes it."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise too_complex(self.tokens)

    def many(self, item: Callable[[], R]) -> list[R]:
        """One item or more, with commas between them."""
        items = [item()]
        while self.kinds[self.i] == ",":
            self.i += 1
            items.append(item())
        return items

    def name(self) -> str:
        """An identifier: any word, or a back-quoted name."""
        i = self.i
        if not self.is_name[i]:
            raise self.failure()
        self.i += 1
        text = self.tokens.shown(i)
        if self.kinds[i] == QUOTED_NAME:
            return text[1:-1].replace("``", "`")
        if not (text.isascii() and text.isidentifier()) and _PLAIN_NAME.fullmatch(text) is None:
            raise self.invalid_identifier(text, i)
        return text

    def strict_name(self) -> str:
        """A name at whose end a hyphen can only be a name written without back quotes (`FROM my-table`)."""
        start = self.i
        name = self.name()
        if self.kinds[self.i] == "-" and self.is_name[self.i + 1]:
            while self.kinds[self.i] == "-" and self.is_name[self.i + 1]:
                self.i += 2
            text = self.tokens.text[self.tokens.starts[start] : self.tokens.stops[self.i - 1] + 1]
            raise self.invalid_identifier(text, start)
        return name

    def invalid_identifier(self, text: str, index: int) -> SparkError:
        return parse_error(
            "INVALID_IDENTIFIER",
            f"The unquoted identifier {text} is invalid and must be back quoted as: `{text}`. Unquoted identifiers can "
            "only contain ASCII letters ('a' - 'z', 'A' - 'Z'), digits ('0' - '9'), and underbar ('_'). Unquoted "
            "identifiers must also not start with a digit. Different data sources and meta stores may impose "
            "additional restrictions on valid identifiers.",
            {"ident": text},
            "42602",
            self.tokens.origin(index, index),
        )

    def dotted_name(self) -> tuple[str, ...]:
        """`a.b.c`"""
        parts = [self.strict_name()]
        while self.kinds[self.i] == ".":
            self.i += 1
            parts.append(self.strict_name())
        return tuple(parts)

    def string(self) -> str:
        """A string literal's value; strings next to one another are one."""
        if self.kinds[self.i] != STRING:
            raise self.failure()
        text = string_value(self.tokens.shown(self.i))
        self.i += 1
        while self.kinds[self.i] == STRING:
            text += string_value(self.tokens.shown(self.i))
            self.i += 1
        return text

    def one_string(self) -> str:
        """A string literal's value where another string may follow that is no part of it."""
        if self.kinds[self.i] != STRING:
            raise self.failure()
        self.i += 1
        return string_value(self.tokens.shown(self.i - 1))

    def whole_number(self) -> int:
        """An integer without suffix or sign."""
        if self.kinds[self.i] != NUMBER or not self.tokens.shown(self.i).isdigit():
            raise self.failure()
        self.i += 1
        return int(self.tokens.shown(self.i - 1))
