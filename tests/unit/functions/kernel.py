"""Runs a statement on the kernel in this process: parse, analyse, render, and nothing of the engine around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa

from headrace_driver.errors import Origin, SparkError
from headrace_driver.functions import builtin
from headrace_driver.functions.registry import BindContext
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis import analyze
from headrace_driver.plan.expressions import AggregateCall, Alias, Attribute, Cast, Expression, new_id, transform_down
from headrace_driver.render.expressions import Renderer, column_name
from headrace_driver.render.types import kernel_type
from headrace_driver.sql import parse_statement
from headrace_worker.engine import add_own_functions
from headrace_worker.failures import failure_of

assert builtin
TIME_ZONE = "America/Los_Angeles"
NOW_US = 1_577_865_600_000_000


class Session:
    """An `AnalysisContext` without tables."""

    conf: Mapping[str, str] = {"spark.sql.session.timeZone": TIME_ZONE}

    def bind_context(self, display: str, origin: Origin) -> BindContext:
        return BindContext(TIME_ZONE, self.conf, display, origin, NOW_US, "tester")

    def relation(self, parts: tuple[str, ...], options: Mapping[str, str], origin: Origin) -> p.LogicalPlan:
        raise SparkError("TABLE_OR_VIEW_NOT_FOUND", ".".join(parts))

    def open(self, read: p.ReadFiles) -> Any:
        raise SparkError("PATH_NOT_FOUND", str(read.paths))


@dataclass
class Program:
    """Kernel text of a plan. With `split`, aggregates are computed over three parts and then merged."""

    split: bool = False
    renderer: Renderer = field(default_factory=lambda: Renderer(TIME_ZONE))
    tables: dict[str, pa.Table] = field(default_factory=dict)

    def text(self, plan: p.LogicalPlan) -> str:
        method = getattr(self, type(plan).__name__.lower(), None)
        if method is None:
            raise NotImplementedError(type(plan).__name__)
        return str(method(plan))

    def onerow(self, plan: p.OneRow) -> str:
        return "SELECT 1 AS one"

    def localdata(self, plan: p.LocalData) -> str:
        name = f"data{len(self.tables)}"
        table = pa.ipc.open_stream(plan.arrow_stream).read_all()
        self.tables[name] = table.rename_columns([column_name(a) for a in plan.attributes])
        kinds = ", ".join(
            f"CAST({column_name(a)} AS {kernel_type(a.dtype)}) AS {column_name(a)}" for a in plan.attributes
        )
        return f"SELECT {kinds} FROM {name}"

    def range(self, plan: p.Range) -> str:
        return f"SELECT range AS {column_name(plan.output[0])} FROM range({plan.start}, {plan.end}, {plan.step})"

    def subqueryalias(self, plan: p.SubqueryAlias) -> str:
        return self.text(plan.child)

    def project(self, plan: p.Project) -> str:
        return f"SELECT {self.columns(plan.columns)} FROM ({self.text(plan.child)})"

    def columns(self, columns: Sequence[Expression]) -> str:
        return ", ".join(f"{self.renderer.expression(c)} AS c{c.id}" for c in columns) or "1 AS one"  # type: ignore[attr-defined]

    def filter(self, plan: p.Filter) -> str:
        return f"SELECT * FROM ({self.text(plan.child)}) WHERE {self.renderer.expression(plan.condition)}"

    def sort(self, plan: p.Sort) -> str:
        keys = ", ".join(self.renderer.expressions(plan.order))
        return f"SELECT * FROM ({self.text(plan.child)}) ORDER BY {keys}"

    def limit(self, plan: p.Limit) -> str:
        count = f" LIMIT {self.renderer.expression(plan.count)}" if plan.count is not None else ""
        return f"SELECT * FROM ({self.text(plan.child)}){count}"

    def union(self, plan: p.Union) -> str:
        parts = []
        for child in plan.children:
            names = ", ".join(
                f"{column_name(a)} AS {column_name(b)}" for a, b in zip(child.output, plan.attributes, strict=True)
            )
            parts.append(f"SELECT {names} FROM ({self.text(child)})")
        return " UNION ALL ".join(parts)

    def window(self, plan: p.Window) -> str:
        return f"SELECT *, {self.columns(plan.columns)} FROM ({self.text(plan.child)})"

    def generate(self, plan: p.Generate) -> str:
        listed = self.renderer.expression(plan.generator)
        if plan.outer:
            listed = f"CASE WHEN coalesce(len({listed}), 0) = 0 THEN [NULL] ELSE {listed} END"
        names = [column_name(a) for a in plan.attributes]
        if len(names) == 1:
            return f"SELECT *, unnest({listed}) AS {names[0]} FROM ({self.text(plan.child)})"
        fields = ", ".join(f"struct_extract_at(g_, {i + 1}) AS {n}" for i, n in enumerate(names))
        return f"SELECT *, {fields} FROM (SELECT *, unnest({listed}) AS g_ FROM ({self.text(plan.child)}))"

    def aggregate(self, plan: p.Aggregate) -> str:
        if self.split:
            found = self.in_two_phases(plan)
            if found is not None:
                return found
        grouping = ", ".join(self.renderer.expressions(plan.grouping))
        group = f" GROUP BY {grouping}" if grouping else ""
        return f"SELECT {self.columns(plan.columns)} FROM ({self.text(plan.child)}){group}"

    def in_two_phases(self, plan: p.Aggregate) -> str | None:
        """Partial aggregation over thirds of the rows, then merging; None when a call cannot be split."""
        renderer = self.renderer
        keys = [(renderer.expression(g), f"k{i}") for i, g in enumerate(plan.grouping)]
        partial = [f"{text} AS {name}" for text, name in keys]
        merged = [name for _, name in keys]
        results: dict[AggregateCall, Attribute] = {}

        class Unsplit(Exception):
            pass

        finished: list[str] = []

        def collect(e: Expression) -> Expression:
            if not isinstance(e, AggregateCall):
                return e
            if e in results:
                return results[e]
            split = renderer.two_phase(e)
            if split is None:
                raise Unsplit
            names = [f"b{len(results)}_{i}" for i in range(len(split.buffers))]
            partial.extend(f"{text} AS {name}" for text, name in zip(renderer.partial(e, split), names, strict=True))
            merged.extend(f"{text} AS {name}" for text, name in zip(renderer.merge(split, names), names, strict=True))
            results[e] = Attribute("", e.type, e.null, new_id())
            finished.append(f"{renderer.finish(split, names)} AS {column_name(results[e])}")
            return results[e]

        try:
            columns = [transform_down(c, collect) for c in plan.columns]
        except Unsplit:
            return None
        keyed = {g: Attribute("", g.dtype, True, new_id()) for g in plan.grouping}
        columns = [
            Alias(keyed[c], c.name, c.id) if c in keyed else transform_down(c, lambda e: keyed.get(e, e))  # type: ignore[attr-defined]
            for c in columns
        ]
        child = f"SELECT *, ntile(3) OVER () AS third FROM ({self.text(plan.child)})"
        group = ", ".join([*(text for text, _ in keys), "third"])
        first = f"SELECT {', '.join(partial)} FROM ({child}) GROUP BY {group} ORDER BY third"
        names = ", ".join(name for _, name in keys)
        second = f"SELECT {', '.join(merged)} FROM ({first}){f' GROUP BY {names}' if names else ''}"
        again = [f"k{i} AS {column_name(a)}" for i, a in enumerate(keyed.values())]
        third = f"SELECT {', '.join(again + finished)} FROM ({second})"
        return f"SELECT {self.columns(columns)} FROM ({third})"


@cache
def _kernel() -> duckdb.DuckDBPyConnection:
    """One instance for all statements: opening one costs more than most of them."""
    kernel = duckdb.connect()
    kernel.execute("SET TimeZone = 'UTC'; SET threads = 1; SET VARIABLE hr_partition = 0::BIGINT")
    add_own_functions(kernel)
    return kernel


@dataclass(frozen=True)
class Result:
    types: list[str]
    rows: list[list[Any]]


def run(sql: str, *, split: bool = False) -> Result:
    """The statement's types and rows, encoded as the corpus has them. Raises SparkError."""
    plan = analyze(parse_statement(sql, time_zone=TIME_ZONE), Session())
    output = plan.output
    shown = [
        Alias(Cast(a, t.STRING) if has_text_only(a.dtype) else a, a.name, new_id())  # what Python cannot hold
        for a in output
    ]
    program = Program(split)
    text = program.text(p.Project(plan, tuple(shown)))
    kernel = _kernel()
    for name, table in program.tables.items():
        kernel.register(name, table)
    try:
        rows = kernel.execute(text).fetchall()
    except duckdb.Error as error:
        raise _as_spark(error) from error
    finally:
        for name in program.tables:
            kernel.unregister(name)
    types = [t.STRING if has_text_only(a.dtype) else a.dtype for a in output]
    return Result(
        [a.dtype.name for a in output],
        [[encoded(v, dtype) for v, dtype in zip(row, types, strict=True)] for row in rows],
    )


def _as_spark(error: Exception) -> Exception:
    failure = failure_of(error)
    if failure.WhichOneof("cause") == "user_error":
        return SparkError(failure.user_error.error_class, failure.user_error.message)
    return error


_PLAIN = (
    *(t.BooleanType, t.AtomicNumeric, t.StringType, t.BinaryType, t.DateType, t.TimestampNTZType),
    *(t.DayTimeIntervalType, t.NullType),
)


def has_text_only(dtype: t.DataType) -> bool:
    """The same as in scripts/oracle/functions.py."""
    match dtype:
        case t.ArrayType(element):
            return has_text_only(element)
        case t.MapType(key, value):
            return has_text_only(key) or has_text_only(value)
        case t.StructType(fields):
            return any(has_text_only(f.dtype) for f in fields)
    return not isinstance(dtype, _PLAIN)


def encoded(value: Any, dtype: t.DataType) -> Any:
    """A kernel value as the corpus has it."""
    if value is None:
        return None
    match dtype:
        case t.FloatType() | t.DoubleType():
            return value if value == value and abs(value) != float("inf") else str(value)
        case t.DecimalType():
            return {"decimal": format(Decimal(value), "f")}
        case t.DateType():
            return {"date": value.isoformat() if isinstance(value, date) else str(value)}
        case t.TimestampType() | t.TimestampNTZType():
            assert isinstance(value, datetime)
            return {"time": value.astimezone(UTC).isoformat(sep=" ") if value.tzinfo else value.isoformat(sep=" ")}
        case t.DayTimeIntervalType():
            return {"us": value}
        case t.BinaryType():
            return {"hex": bytes(value).hex()}
        case t.ArrayType(element):
            return [encoded(v, element) for v in value]
        case t.MapType(key, item):
            return {"map": sorted(([encoded(k, key), encoded(v, item)] for k, v in value.items()), key=repr)}
        case t.StructType(fields):
            values = list(value.values()) if isinstance(value, dict) else list(value)
            return {"struct": [encoded(v, f.dtype) for v, f in zip(values, fields, strict=True)]}
    return value
