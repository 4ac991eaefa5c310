"""From SQL text over a directory of Parquet files to analysed and optimized plans."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

import headrace_driver.functions.builtin  # noqa: F401 - fills the registry
from headrace_driver.catalog.source import Source
from headrace_driver.constants import ConstantEvaluator
from headrace_driver.errors import Origin
from headrace_driver.functions.registry import BindContext
from headrace_driver.plan import logical as lp
from headrace_driver.plan.analysis import analyze
from headrace_driver.plan.expressions import Attribute, new_id
from headrace_driver.plan.optimizer import optimize
from headrace_driver.sql import parse_statement
from tests.unit.plan.tables import ParquetTable

ZONE = "UTC"
_CONSTANTS = ConstantEvaluator()


class PlanSession:
    """An `AnalysisContext` whose tables are found by name: in a directory of Parquet files, or by any other rule."""

    def __init__(self, tables: Path | Callable[[str], Source], conf: Mapping[str, str] | None = None) -> None:
        self.conf: Mapping[str, str] = conf or {}
        self._find = tables if callable(tables) else _parquet(tables)
        self._tables: dict[str, Source] = {}

    @cached_property
    def _now_us(self) -> int:
        return int(time.time() * 1e6)

    def bind_context(self, display: str, origin: Origin) -> BindContext:
        return BindContext(conf=self.conf, display=display, origin=origin, now_us=self._now_us)

    def relation(self, parts: tuple[str, ...], options: Mapping[str, str], origin: Origin) -> lp.LogicalPlan:
        name = parts[-1].lower()
        if name not in self._tables:
            self._tables[name] = self._find(name)
        source = self._tables[name]
        return lp.Scan(source, tuple(Attribute(f.name, f.dtype, True, new_id(), (name,)) for f in source.schema.fields))

    def open(self, read: lp.ReadFiles) -> Source:
        raise NotImplementedError("tables are found by name here")

    def analysed(self, text: str) -> lp.LogicalPlan:
        return analyze(parse_statement(text), self)

    def optimized(self, text: str) -> lp.LogicalPlan:
        return optimized(self.analysed(text))


def _parquet(directory: Path) -> Callable[[str], Source]:
    return lambda name: ParquetTable(directory / f"{name}.parquet")


def optimized(plan: lp.LogicalPlan) -> lp.LogicalPlan:
    """An analysed plan after all rules."""
    return optimize(plan, lambda expressions: _CONSTANTS.evaluate(expressions, ZONE))
