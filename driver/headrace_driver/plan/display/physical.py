"""Physical plans as text: stage by stage, with what really happened where a stage has run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from headrace_driver.plan.display.expressions import expression_text, list_text
from headrace_driver.plan.display.trees import tree_text
from headrace_driver.plan.logical import JoinType
from headrace_driver.plan.physical.exchange import Exchange, ReadBroadcast, ReadExchange, ReducerSplit
from headrace_driver.plan.physical.operator import Operator, Spread
from headrace_driver.plan.physical.operators import (
    AggregateMerge,
    AggregatePartial,
    AggregateWhole,
    CachedRows,
    EmptyRows,
    ExpandRows,
    FilterRows,
    GenerateRows,
    JoinRows,
    LimitRows,
    ProjectRows,
    ScanFiles,
    ScanRange,
    ScanRows,
    SetRows,
    SortRows,
    TailRows,
    UnionRows,
    WindowRows,
)


@dataclass(frozen=True, slots=True)
class StageActuals:
    """What a stage did, for the display. Times are sums over tasks."""

    state: str
    tasks: int
    rows: int
    bytes: int
    read_bytes: int
    spill_bytes: int
    run_s: float


def physical_text(root: Operator, actuals: Mapping[int, StageActuals], final_stage: int | None = None) -> str:
    """The tree of a physical plan down to its scans; exchanges show the stage that makes them."""

    def line(node: Operator | Exchange) -> str:
        if isinstance(node, Exchange):
            return _exchange(node, actuals.get(node.stage_id))
        return _line(node)

    head = ""
    if final_stage is not None and final_stage in actuals:
        head = f"Stage {final_stage}{_actual(actuals[final_stage])}\n"
    whole: Operator | Exchange = root
    return head + tree_text(whole, line, _children)


def _children(node: Operator | Exchange) -> list[Operator | Exchange]:
    if isinstance(node, Exchange):
        return [node.child]
    if isinstance(node, ReadExchange) and isinstance(node.exchange.child, CachedRows):
        return [] if node.exchange.child.cached.is_checkpoint else [node.exchange.child]
    if isinstance(node, CachedRows):
        return [] if node.physical is None else [node.physical]
    if isinstance(node, ReadExchange | ReadBroadcast):
        return [node.exchange]
    return list(node.inputs())


def _exchange(exchange: Exchange, actual: StageActuals | None) -> str:
    keys = f"({', '.join(expression_text(k) for k in exchange.keys)}, {exchange.partitions})" if exchange.keys else ""
    if actual is not None:
        return f"Exchange {exchange.kind.value}{keys} [stage {exchange.stage_id}]{_actual(actual)}"
    size = exchange.child.estimate
    estimated = f" (estimated: {size.rows:,.0f} rows, {_bytes(size.bytes)})"
    return f"Exchange {exchange.kind.value}{keys} [stage {exchange.stage_id}]{estimated}"


def _actual(actual: StageActuals) -> str:
    parts = [
        actual.state,
        f"{actual.tasks} task{'' if actual.tasks == 1 else 's'}",
        f"{actual.rows:,} rows",
        _bytes(actual.bytes),
        f"read {_bytes(actual.read_bytes)}",
        f"{actual.run_s:.3f} s",
    ]
    if actual.spill_bytes:
        parts.append(f"spilled {_bytes(actual.spill_bytes)}")
    return f" ({', '.join(parts)})"


def _bytes(size: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def _line(op: Operator) -> str:
    writer = _WRITERS.get(type(op))
    text = writer(op) if writer is not None else type(op).__name__
    return f"{text} (every task)" if op.placement.spread is Spread.EVERYWHERE and not op.inputs() else text


def _read(op: Any) -> str:
    rows = op.exchange.child
    if isinstance(rows, CachedRows):
        word = "Scan ExistingRDD" if rows.cached.is_checkpoint else "InMemoryTableScan "
        return f"{word}{list_text(op.output)}"
    text = f"ShuffleRead {list_text(op.output)}"
    if op.splits:
        pieces = ", ".join(_split(split) for split in op.splits[:5])
        return f"{text}, skewed: {pieces}{', ...' if len(op.splits) > 5 else ''}"
    return f"{text}, without partitions {_numbers(op.omitted)}" if op.omitted else text


def _split(split: ReducerSplit) -> str:
    if len(set(split.maps)) == 1:
        return f"partition {split.reducer} whole by each of {len(split.maps)} tasks"
    return f"partition {split.reducer} in pieces by {len(split.maps)} tasks"


def _numbers(numbers: Collection[int]) -> str:
    return ", ".join(map(str, sorted(numbers)[:5])) + (", ..." if len(numbers) > 5 else "")


def _join(op: Any) -> str:
    condition = f", {expression_text(op.condition)}" if op.condition is not None else ""
    kind = "Existence" if op.mark is not None else op.type.value
    word = "NestedLoopJoin" if op.type is JoinType.CROSS or op.condition is None else "HashJoin"
    return f"{word} {kind} [{op.strategy}]{condition}"


def _sort(op: Any) -> str:
    if op.count is None:
        return f"Sort {list_text(op.order)}"
    return f"TopN {op.count}{f' offset {op.offset}' if op.offset else ''} {list_text(op.order)}"


def _aggregates(op: Any) -> str:
    calls = [expression_text(a.call) for a in op.aggregates]
    return f"keys={list_text(op.grouping)}, functions=[{', '.join(calls)}]"


_WRITERS: dict[type[Operator], Callable[[Any], str]] = {
    ScanFiles: lambda op: (
        f"Scan {op.source.description} {list_text(op.output)}"
        + (f", pruning {expression_text(op.predicate)}" if op.predicate is not None else "")
    ),
    ScanRows: lambda op: f"LocalTableScan {list_text(op.output)}, {op.data.rows} rows",
    ScanRange: lambda op: f"Range (start={op.start}, step={op.step}, rows={op.rows})",
    EmptyRows: lambda op: f"Empty {list_text(op.output)}",
    ReadExchange: lambda op: _read(op),
    CachedRows: lambda op: (
        f"InMemoryRelation {list_text(op.output)}, {op.cached.level.description}"
        + (f", {op.estimate.rows:,.0f} rows" if op.cached.kept is not None else ", not computed yet")
    ),
    ReadBroadcast: lambda op: f"BroadcastRead {list_text(op.output)}",
    ProjectRows: lambda op: f"Project {list_text(op.columns)}",
    FilterRows: lambda op: f"Filter {expression_text(op.condition)}",
    ExpandRows: lambda op: f"Expand {len(op.projections)} projections",
    GenerateRows: lambda op: f"Generate {expression_text(op.generator)}",
    AggregateWhole: lambda op: f"HashAggregate(keys={list_text(op.grouping)}, functions={list_text(op.aggregates)})",
    AggregatePartial: lambda op: f"HashAggregate partial({_aggregates(op)})",
    AggregateMerge: lambda op: f"HashAggregate {'final' if op.finish else 'merge'}({_aggregates(op)})",
    WindowRows: lambda op: f"Window {list_text(op.columns)}",
    SortRows: _sort,
    LimitRows: lambda op: f"Limit {op.count}{f' offset {op.offset}' if op.offset else ''}",
    TailRows: lambda op: f"Tail {op.count}",
    JoinRows: _join,
    UnionRows: lambda op: "Union",
    SetRows: lambda op: f"{op.kind.value.capitalize()}{' All' if op.all else ''}",
}
