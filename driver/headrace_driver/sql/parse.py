"""The entry points of the SQL front: text in, unresolved trees out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from headrace_driver.errors import SparkError
from headrace_driver.plan.expressions import Expression
from headrace_driver.plan.logical import LogicalPlan
from headrace_driver.plan.types import DataType, StructType
from headrace_driver.sql.failures import parse_error, too_complex
from headrace_driver.sql.json_schema import type_from_json
from headrace_driver.sql.lexer import END, Tokens, tokenize
from headrace_driver.sql.statements import StatementParser

R = TypeVar("R")


def parse_statement(
    text: str,
    *,
    named: Mapping[str, Expression] | None = None,
    positional: Sequence[Expression] | None = None,
    time_zone: str = "UTC",
) -> LogicalPlan:
    """The unresolved plan of one statement.

    `named` and `positional` are bound to the markers `:name` and `?`; `time_zone` is the session's, in which TIMESTAMP
    literals without a zone are read. Raises SparkError, of kind PARSE where the text is at fault.
    """

    def statement(parser: StatementParser) -> LogicalPlan:
        plan = parser.statement()
        parser.expect_end()
        parser.check_windows()
        return plan

    return _parse(text, statement, named, positional, time_zone)


def parse_expression(text: str, *, named: Mapping[str, Expression] | None = None, time_zone: str = "UTC") -> Expression:
    """An expression, with an alias if it has one: `expr("a + 1 AS b")`."""

    def expression(parser: StatementParser) -> Expression:
        found = parser.named_expression()
        parser.expect_end()
        parser.check_windows()
        return found

    return _parse(text, expression, named, None, time_zone)


def parse_data_type(text: str) -> DataType:
    """A data type in DDL form, `array<int>`, or a table schema, `a INT, b STRING` (a struct then)."""
    if text.lstrip()[:1] == "{" or text.strip().startswith('"'):
        return type_from_json(text)

    def data_type(parser: StatementParser) -> DataType:
        found = parser.data_type()
        parser.expect_end()
        return found

    try:
        return _parse(text, data_type, None, None, "UTC")
    except SparkError as error:
        try:
            return _parse(text, _schema, None, None, "UTC")
        except SparkError:
            raise error from None


def parse_schema(text: str) -> StructType:
    """A schema as given to `DataFrameReader.schema`: DDL columns, `struct<...>`, or Spark's JSON."""
    if text.lstrip()[:1] == "{":
        found = type_from_json(text)
        if isinstance(found, StructType):
            return found
    try:
        return _parse(text, _schema, None, None, "UTC")
    except SparkError as error:
        try:
            dtype = parse_data_type(text)
        except SparkError:
            raise error from None
        if not isinstance(dtype, StructType):
            raise error from None
        return dtype


def _schema(parser: StatementParser) -> StructType:
    fields = tuple(parser.many(parser.column_definition))
    parser.expect_end()
    return StructType(fields)


def _parse(
    text: str,
    grammar: Callable[[StatementParser], R],
    named: Mapping[str, Expression] | None,
    positional: Sequence[Expression] | None,
    time_zone: str,
) -> R:
    tokens = tokenize(text)
    if tokens.kinds[0] == END:
        raise _empty(tokens)
    parser = StatementParser(tokens, time_zone, named, positional)
    try:
        return grammar(parser)
    except RecursionError:
        raise too_complex(tokens) from None


def _empty(tokens: Tokens) -> SparkError:
    return parse_error(
        "PARSE_EMPTY_STATEMENT",
        "Syntax error, unexpected empty statement.",
        {},
        "42617",
        tokens.origin(0, 0),
    )
