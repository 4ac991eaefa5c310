"""PIVOT: an aggregation by the grouping and the pivot column, then one column for each value and aggregate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from headrace_driver.errors import unsupported
from headrace_driver.functions.coercion import cast_to
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.context import DistinctValues
from headrace_driver.plan.analysis.expressions import Binder
from headrace_driver.plan.analysis.literal_text import literal_text
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.analysis.outer import Outer
from headrace_driver.plan.analysis.rewrite import references
from headrace_driver.plan.analysis.scope import Relation
from headrace_driver.plan.analysis.select import SelectList, bind_list
from headrace_driver.plan.expressions import (
    AggregateCall,
    Alias,
    Attribute,
    Call,
    Expression,
    Literal,
    new_id,
    replace,
)
from headrace_driver.plan.logical import LogicalPlan

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.analyzer import Analyzer

VALUES_MAX = 10_000
"""Spark's spark.sql.pivotMaxValues."""


def pivot(analyzer: Analyzer, node: p.GroupingAnalytics, outer: Outer | None) -> Relation:
    """`df.groupBy(...).pivot(column, values).agg(...)`."""
    child = analyzer.resolve(node.child, outer)
    binder = Binder(analyzer, child, outer)
    assert node.pivot_column is not None
    column = binder.bind(node.pivot_column)
    if isinstance(column, Alias):
        column = column.child
    values: list[tuple[Expression, str]]
    if node.pivot_values is None:
        values = [(v, _value_name(v)) for v in distinct_values(analyzer, child.plan, column)]
    else:
        values = [_value(binder, v) for v in node.pivot_values]
    grouping = bind_list(binder, node.grouping)
    return _pivoted(analyzer, child, binder, grouping, (column,), values, node.aggregates)


def pivot_clause(analyzer: Analyzer, node: p.PivotClause, outer: Outer | None) -> Relation:
    """SQL's PIVOT, which groups by every column it does not use."""
    child = analyzer.resolve(node.child, outer)
    binder = Binder(analyzer, child, outer)
    columns = binder.bind_all(node.columns)
    values = [_value(binder, v) for v in node.values]
    probe = Binder(analyzer, child, outer)
    aggregates = [probe.bind(a.child if isinstance(a, Alias) else a) for a in node.aggregates]
    used = references((*columns, *aggregates))
    rest = [a for a in child.columns if a.id not in used]
    grouping = SelectList(list(rest), [0] * len(rest), [], list(rest))
    return _pivoted(analyzer, child, binder, grouping, columns, values, node.aggregates)


def distinct_values(analyzer: Analyzer, plan: LogicalPlan, column: Expression) -> Sequence[Literal]:
    """The values of an expression over a plan, which takes running a query."""
    if not isinstance(analyzer.context, DistinctValues):
        raise unsupported("pivot without a list of values", "Name the values: pivot(column, [value, ...]).")
    alias = Alias(column, "pivot", new_id())
    values = analyzer.context.collect_distinct(p.Distinct(p.Project(plan, (alias,))))
    if len(values) > VALUES_MAX:
        raise error("_LEGACY_ERROR_TEMP_1324", pivotColumn="pivot", maxValues=str(VALUES_MAX))
    return values


def _value(binder: Binder, written: Expression) -> tuple[Expression, str]:
    """A pivot value and the name it gives its columns."""
    inner = written.child if isinstance(written, Alias) else written
    bound = binder.bind(inner)
    if references((bound,)):
        raise error("NON_LITERAL_PIVOT_VALUES", expression=binder.quoted(inner))
    return bound, written.name if isinstance(written, Alias) else _value_name(bound)


def _value_name(e: Expression) -> str:
    """The value as a string."""
    if isinstance(e, Literal):
        if e.value is None:
            return "null"
        text = literal_text(e)
        plain = isinstance(e.type, t.DateType | t.TimestampType | t.TimestampNTZType)
        return text.split("'")[1] if plain else text
    if isinstance(e, Call):
        parts = e.args[1::2] if e.name == "named_struct" else e.args
        return "{" + ", ".join(_value_name(a) for a in parts) + "}"
    return "value"


def _pivoted(
    analyzer: Analyzer,
    child: Relation,
    binder: Binder,
    grouping: SelectList,
    columns: tuple[Expression, ...],
    values: list[tuple[Expression, str]],
    aggregates: Sequence[Expression],
) -> Relation:
    """Two aggregations: by grouping and pivot columns, then by grouping alone picking each value's row."""
    if grouping.generators:
        raise unsupported("a generator to group by", "Generate the rows in a query of their own below.")
    selected = bind_list(Binder(analyzer, child, binder.outer), aggregates)
    for item in selected.items:
        _check_aggregated(item)
    keys = [Alias(c, f"_pivot{i}", new_id()) for i, c in enumerate(columns)]
    groups = [i if isinstance(i, Attribute) else Alias(i.child, i.name, i.id) for i in grouping.items]
    inner = p.Aggregate(
        child.plan,
        (*(g if isinstance(g, Attribute) else g.child for g in groups), *columns),
        (*groups, *keys, *selected.items),
    )
    above = tuple(g if isinstance(g, Attribute) else g.attribute() for g in groups)
    picked: list[Alias] = []
    for value, name in values:
        where = _matches(binder, keys, value)
        for item, source in zip(selected.items, aggregates, strict=True):
            column = item if isinstance(item, Attribute) else item.attribute()
            first = binder.call("first", (column,))
            assert isinstance(first, AggregateCall)
            picked.append(
                Alias(replace(first, where=where, null=True), _column_name(binder, name, aggregates, source), new_id())
            )
    plan: LogicalPlan = p.Aggregate(inner, above, (*above, *picked))
    return analyzer.relation(plan)


def _check_aggregated(e: Expression) -> None:
    """Raises where a column, even one grouped by, stands in no aggregate function: a row has many of it."""
    if isinstance(e, Attribute):
        raise error("_LEGACY_ERROR_TEMP_1006", sql=e.name)
    if not isinstance(e, AggregateCall):
        for child in e.children():
            _check_aggregated(child)


def _matches(binder: Binder, keys: Sequence[Alias], value: Expression) -> Expression:
    """Whether a row is one of the pivot value."""
    parts: Sequence[Expression] = (value,)
    if len(keys) > 1:
        assert isinstance(value, Call), "several pivot columns take struct values"
        parts = value.args[1::2] if value.name == "named_struct" else value.args
    condition: Expression | None = None
    for key, part in zip(keys, parts, strict=True):
        equal = binder.call("<=>", (key.attribute(), cast_to(part, key.dtype)))
        condition = equal if condition is None else binder.call("and", (condition, equal))
    assert condition is not None
    return condition


def _column_name(binder: Binder, value: str, aggregates: Sequence[Expression], source: Expression) -> str:
    if len(aggregates) == 1:
        return value
    name = source.name if isinstance(source, Alias) else binder.namer().text(source)
    return f"{value}_{name}"
