"""CACHE TABLE, UNCACHE TABLE, CLEAR CACHE and REFRESH."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from headrace_driver.errors import Origin, SparkError
from headrace_driver.plan import logical as p
from headrace_driver.sql.failures import parse_error
from headrace_driver.sql.lexer import END, STRING


class Statements(Protocol):
    """What of the statement parser these need."""

    i: int
    kinds: list[str]

    def accept(self, kind: str) -> bool: ...
    def accept_all(self, *kinds: str) -> bool: ...
    def expect(self, kind: str) -> None: ...
    def table_name(self) -> tuple[str, ...]: ...
    def properties(self) -> dict[str, str]: ...
    def query(self) -> p.LogicalPlan: ...
    def string(self) -> str: ...
    def origin(self, start: int) -> Origin: ...
    def rest_of_text(self, start: int) -> str: ...


def cache(parser: Statements) -> p.LogicalPlan:
    """CACHE [LAZY] TABLE name [OPTIONS (...)] [[AS] query]."""
    start = parser.i
    parser.i += 1
    lazy = parser.accept("LAZY")
    parser.expect("TABLE")
    at = parser.i
    name = parser.table_name()
    origin = parser.origin(at)
    options = parser.properties() if parser.accept("OPTIONS") else {}
    query = None
    if parser.accept("AS") or parser.kinds[parser.i] in ("SELECT", "WITH", "(", "VALUES", "FROM"):
        query = parser.query()
    if query is not None and len(name) > 1:
        raise _qualified(parser, name, start)
    return p.CacheTable(name, query, lazy, options, origin)


def _qualified(parser: Statements, name: tuple[str, ...], start: int) -> SparkError:
    return parse_error(
        "_LEGACY_ERROR_TEMP_0037",
        f"It is not allowed to add catalog/namespace prefix {'.'.join(name[:-1])} to the table name in CACHE TABLE AS "
        "SELECT.",
        {"quoted": ".".join(name[:-1])},
        "42000",
        parser.origin(start),
    )


def uncache(parser: Statements) -> p.LogicalPlan:
    """UNCACHE TABLE [IF EXISTS] name."""
    parser.i += 1
    parser.expect("TABLE")
    if_exists = parser.accept_all("IF", "EXISTS")
    at = parser.i
    name = parser.table_name()
    return p.UncacheTable(name, if_exists, parser.origin(at))


def clear_cache(parser: Statements) -> p.LogicalPlan:
    """CLEAR CACHE."""
    parser.i += 1
    parser.expect("CACHE")
    return p.ClearCache()


def refresh(parser: Statements) -> p.LogicalPlan:
    """REFRESH TABLE name, or REFRESH path with or without quotes."""
    parser.i += 1
    if parser.accept("TABLE"):
        at = parser.i
        name = parser.table_name()
        return p.RefreshTable(name, parser.origin(at))
    if parser.kinds[parser.i] == STRING and parser.kinds[parser.i + 1] in (END, ";"):
        return p.RefreshPath(parser.string())
    path = parser.rest_of_text(parser.i)
    parser.i = len(parser.kinds) - 1
    return p.RefreshPath(path)


STATEMENTS: dict[str, Callable[[Statements], p.LogicalPlan]] = {
    "CACHE": cache,
    "UNCACHE": uncache,
    "CLEAR": clear_cache,
    "REFRESH": refresh,
}
"""By their first word."""
