"""Evaluates constant expressions with the driver's own kernel, so that they mean what they mean on workers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import duckdb

from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Expression, Literal
from headrace_driver.render.expressions import Renderer

MEMORY_LIMIT = "64MB"
"""Constants are small; a literal too large for this is left to the workers."""


class ConstantEvaluator:
    """One single-threaded kernel instance of the driver, opened when first needed. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def evaluate(self, expressions: Sequence[Expression], time_zone: str) -> list[Literal | None]:
        """Values of constant expressions; None for each that fails, so that its error is raised when the query runs."""
        renderer = Renderer(time_zone)
        texts = [_plain(renderer.expression(e), e.dtype) for e in expressions]
        with self._lock:
            values = self._row(texts)
            if values is None:
                rows = [self._row([text]) for text in texts]
                return [
                    None if row is None else Literal(row[0], e.dtype) for row, e in zip(rows, expressions, strict=True)
                ]
        return [Literal(value, e.dtype) for value, e in zip(values, expressions, strict=True)]

    def _row(self, texts: Sequence[str]) -> Sequence[Any] | None:
        if self._connection is None:
            self._connection = duckdb.connect(config={"threads": 1, "memory_limit": MEMORY_LIMIT})
            self._connection.execute("SET TimeZone = 'UTC'")
        try:
            row: Sequence[Any] | None = self._connection.execute(f"SELECT {', '.join(texts)}").fetchone()
        except duckdb.Error:
            return None
        return row


def _plain(text: str, dtype: t.DataType) -> str:
    """Dates and instants as the numbers that literals hold."""
    if isinstance(dtype, t.DateType):
        return f"date_diff('day', DATE '1970-01-01', {text})"
    if isinstance(dtype, t.TimestampType | t.TimestampNTZType):
        return f"epoch_us({text})"
    return text
