"""Commands: their queries resolved, what they name checked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from headrace_driver.plan import logical as p
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.analysis.outer import Outer
from headrace_driver.plan.analysis.scope import Relation
from headrace_driver.plan.analysis.suggestions import quoted
from headrace_driver.plan.expressions import Alias, new_id
from headrace_driver.plan.logical import LogicalPlan

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.analyzer import Analyzer


def _command(analyzer: Analyzer, node: LogicalPlan) -> Relation:
    return Relation(node, (), case_sensitive=analyzer.case_sensitive)


def _check_distinct(analyzer: Analyzer, names: Sequence[str]) -> set[str]:
    """The names as they are compared; raises where two are equal."""
    met: set[str] = set()
    for name in names:
        folded = analyzer.fold(name)
        if folded in met:
            raise error("COLUMN_ALREADY_EXISTS", columnName=quoted((folded,)))
        met.add(folded)
    return met


def write_files(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """A write: no two columns of one name, partition columns known and not all."""
    assert isinstance(node, p.WriteFiles)
    child = analyzer.resolve(node.child, outer)
    met = _check_distinct(analyzer, [column.name for column in child.columns])
    for name in node.partition_by:
        if analyzer.fold(name) not in met:
            names = ", ".join(quoted((c.name,)) for c in child.columns)
            raise error("PARTITION_COLUMN_NOT_FOUND_IN_SCHEMA", column=quoted((name,)), schema=names)
    if node.partition_by and len(set(map(analyzer.fold, node.partition_by))) == len(child.columns):
        raise error("ALL_PARTITION_COLUMNS_NOT_ALLOWED")
    return _command(analyzer, p.replace(node, child=child.exact()))


def create_view(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """CREATE TEMPORARY VIEW name (columns) AS query: the query resolved, its columns renamed."""
    assert isinstance(node, p.CreateView)
    plan = analyzer.resolve(node.child, outer).exact()
    if node.columns:
        output = plan.output
        if len(node.columns) != len(output):
            more = len(node.columns) > len(output)
            raise error(
                f"CREATE_VIEW_COLUMN_ARITY_MISMATCH.{'NOT_ENOUGH' if more else 'TOO_MANY'}_DATA_COLUMNS",
                viewName=quoted(node.name),
                viewColumns=", ".join(quoted((c,)) for c in node.columns),
                dataColumns=", ".join(quoted((a.name,)) for a in output),
            )
        _check_distinct(analyzer, node.columns)
        comments = node.comments or (None,) * len(output)
        columns = zip(output, node.columns, comments, strict=True)
        plan = p.Project(plan, tuple(Alias(a, name, new_id(), metadata=_comment(text)) for a, name, text in columns))
    return _command(analyzer, p.replace(node, child=plan, columns=(), comments=()))


def _comment(text: str | None) -> str:
    return "" if text is None else json.dumps({"comment": text}, ensure_ascii=False)


def describe(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """`DESCRIBE query`."""
    assert isinstance(node, p.DescribeRelation)
    return _command(analyzer, p.DescribeRelation(analyzer.resolve(node.child, outer).exact()))


def explain(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """`EXPLAIN query`: the query is analysed here, and planned by whoever runs the command."""
    assert isinstance(node, p.ExplainCommand)
    return _command(analyzer, p.ExplainCommand(analyzer.resolve(node.child, outer).exact(), node.mode))
