"""Logical plans as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headrace_driver.plan import logical as lp
from headrace_driver.plan.display.expressions import expression_text, list_text
from headrace_driver.plan.display.trees import tree_text
from headrace_driver.plan.statistics import Estimator


def logical_text(plan: lp.LogicalPlan, costs: bool = False) -> str:
    """The tree of a logical plan; `costs` adds estimated rows and bytes to every operator."""
    estimator = Estimator() if costs else None

    def line(op: lp.LogicalPlan) -> str:
        text = _line(op)
        if estimator is None:
            return text
        rows = estimator.estimate(op).rows
        return f"{text}, Statistics(sizeInBytes={estimator.bytes(op):,.0f} B, rowCount={rows:,.0f})"

    return tree_text(_seen(plan), line, _children)


def _seen(plan: lp.LogicalPlan) -> lp.LogicalPlan:
    """The operator below the marks that tie a client's plan to its names."""
    while isinstance(plan, lp.Identified):
        plan = plan.child
    return plan


def _children(op: lp.LogicalPlan) -> list[lp.LogicalPlan]:
    found = [_seen(child) for child in op.inputs()]
    if isinstance(op, lp.InMemoryRelation) and not op.cached.is_checkpoint:
        found.append(op.cached.plan)
    if isinstance(op, lp.CTEReference):
        found.append(op.definition.plan)
    return found


def _line(op: lp.LogicalPlan) -> str:
    writer = _WRITERS.get(type(op))
    if writer is not None:
        return writer(op)
    inside = ", ".join(expression_text(e) for e in op.expressions())
    return f"{type(op).__name__}{' ' + inside if inside else ''}"


def _join(op: Any) -> str:
    kind = f"ExistenceJoin({op.mark.name}#{op.mark.id})" if op.mark is not None else op.type.value
    condition = f", {expression_text(op.condition)}" if op.condition is not None else ""
    return f"Join {kind}{condition}{' null-aware' if op.null_aware else ''}"


def _limit(op: Any) -> str:
    parts = [
        f"{name} {expression_text(e)}" for name, e in (("Limit", op.count), ("Offset", op.offset)) if e is not None
    ]
    return " ".join(parts) or "Limit all"


def _unresolved_join(op: Any) -> str:
    words = ["'Join", *(["Natural"] if op.natural else []), *(["Lateral"] if op.lateral else []), op.type.value]
    condition = f", {expression_text(op.condition)}" if op.condition is not None else ""
    return " ".join(words) + condition + (f", using [{', '.join(op.using)}]" if op.using else "")


def _unresolved_aggregate(op: Any) -> str:
    kind = "" if op.kind == "groupby" else f" {op.kind}"
    pivot = f", pivot {expression_text(op.pivot_column)}" if op.pivot_column is not None else ""
    having = f", having {expression_text(op.having)}" if op.having is not None else ""
    return f"'Aggregate{kind} {list_text(op.grouping)}, {list_text(op.aggregates)}{pivot}{having}"


_WRITERS: dict[type[lp.LogicalPlan], Callable[[Any], str]] = {
    lp.Scan: lambda op: f"Relation {list_text(op.attributes)} {op.source.description}",
    lp.InMemoryRelation: lambda op: (
        f"LogicalRDD {list_text(op.attributes)}, false"
        if op.cached.is_checkpoint
        else f"InMemoryRelation {list_text(op.attributes)}, {op.cached.level.description}"
    ),
    lp.LocalData: lambda op: f"LocalRelation {list_text(op.output)}, {op.rows} rows",
    lp.Range: lambda op: f"Range ({op.start}, {op.end}, step={op.step}, splits={op.partitions})",
    lp.OneRow: lambda op: "OneRowRelation",
    lp.Filter: lambda op: f"Filter {expression_text(op.condition)}",
    lp.Project: lambda op: f"Project {list_text(op.columns)}",
    lp.Aggregate: lambda op: f"Aggregate {list_text(op.grouping)}, {list_text(op.columns)}",
    lp.Window: lambda op: f"Window {list_text(op.columns)}",
    lp.Sort: lambda op: f"Sort {list_text(op.order)}, {str(op.is_global).lower()}",
    lp.Limit: _limit,
    lp.Join: _join,
    lp.SubqueryAlias: lambda op: f"SubqueryAlias {op.name}",
    lp.Union: lambda op: "Union",
    lp.SetOperation: lambda op: f"{op.kind.value.capitalize()}{' All' if op.all else ''}",
    lp.CTEReference: lambda op: f"CTE {op.definition.id} {list_text(op.attributes)}",
    lp.Recursion: lambda op: f"UnionLoop {op.loop_id}, {list_text(op.attributes)}",
    lp.RecursionReference: lambda op: f"UnionLoopRef {op.loop_id}, {list_text(op.attributes)}",
    lp.Generate: lambda op: f"Generate {expression_text(op.generator)}, {op.outer}, {list_text(op.attributes)}",
    lp.Expand: lambda op: f"Expand {len(op.projections)} projections, {list_text(op.attributes)}",
    lp.ReadFiles: lambda op: f"'ReadFiles {op.format or 'default'} [{', '.join(op.paths)}]",
    lp.UnresolvedJoin: _unresolved_join,
    lp.GroupingAnalytics: _unresolved_aggregate,
    lp.UnresolvedProject: lambda op: f"'Project {list_text(op.columns)}",
    lp.WithColumns: lambda op: f"'WithColumns {list_text(op.columns)}",
    lp.WithColumnsRenamed: lambda op: f"'WithColumnsRenamed [{', '.join(f'{a} -> {b}' for a, b in op.renames)}]",
    lp.DropColumns: lambda op: f"'DropColumns [{', '.join((*map(expression_text, op.columns), *op.names))}]",
    lp.ToDF: lambda op: f"'ToDF [{', '.join(op.names)}]",
    lp.Deduplicate: lambda op: f"'Deduplicate [{', '.join(op.names or ())}]",
    lp.Hint: lambda op: f"'UnresolvedHint {op.name} {list_text(op.parameters)}",
    lp.UnresolvedRelation: lambda op: f"'UnresolvedRelation [{'.'.join(op.parts)}]",
}
