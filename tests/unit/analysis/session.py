"""A session for analysis tests: tables that have a schema only, temporary views from SQL text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import headrace_driver.functions.builtin  # noqa: F401 - fills the registry
from headrace_driver.errors import Origin
from headrace_driver.functions.registry import BindContext
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis import analyze
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.analysis.suggestions import quoted
from headrace_driver.plan.logical import LogicalPlan
from headrace_driver.sql import parse_schema, parse_statement

TPC: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "tables.json").read_text())
"""The TPC-H and TPC-DS tables as DDL, by benchmark and name."""


class FakeSource:
    """A source that has a schema and nothing else."""

    def __init__(self, name: str, schema: t.StructType) -> None:
        self.description = name
        self.schema = schema
        self.format = "parquet"


class FakeSession:
    """An `AnalysisContext` over tables, given as DDL by name, and the views made in it."""

    def __init__(self, tables: Mapping[str, str], conf: Mapping[str, str] | None = None) -> None:
        self.tables = tables
        self.conf: dict[str, str] = dict(conf or {})
        self.views: dict[str, LogicalPlan] = {}
        self._schemas: dict[str, t.StructType] = {}

    def bind_context(self, display: str, origin: Origin) -> BindContext:
        return BindContext(conf=self.conf, display=display, origin=origin)

    def relation(self, parts: tuple[str, ...], options: Mapping[str, str], origin: Origin) -> LogicalPlan:
        name = parts[-1].lower()
        if len(parts) == 1 and name in self.views:
            return self.views[name]
        if len(parts) == 1 and name in self.tables:
            return p.ReadFiles("parquet", (name,))
        path = "[`system`.`builtin`, `system`.`session`, `spark_catalog`.`default`]"
        raise error("TABLE_OR_VIEW_NOT_FOUND", origin, relationName=quoted(parts), searchPath=path)

    def open(self, read: p.ReadFiles) -> Any:
        name = read.paths[0]
        if name not in self._schemas:
            self._schemas[name] = parse_schema(self.tables[name])
        return FakeSource(name, self._schemas[name])

    def sql(self, text: str) -> LogicalPlan:
        """The resolved plan of a statement; CREATE TEMP VIEW takes effect."""
        plan = analyze(parse_statement(text), self)
        if isinstance(plan, p.CreateView):
            self.views[plan.name[-1].lower()] = plan.child
        return plan


def schema_text(plan: LogicalPlan) -> str:
    """`a int!, b string`: `!` marks columns that cannot be null."""
    return ", ".join(f"{a.name} {a.type.name}{'' if a.null else '!'}" for a in plan.output)
