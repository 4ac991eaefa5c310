"""Branches that a finished stage without rows makes needless: nothing joins nothing, whatever the other side has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace_driver.plan import logical as lp
from headrace_driver.plan.logical import JoinType
from headrace_driver.plan.physical.exchange import Exchange, ReadBroadcast, ReadExchange
from headrace_driver.plan.physical.operator import EVERYWHERE, Estimate, Operator
from headrace_driver.plan.physical.operators import (
    AggregateMerge,
    AggregatePartial,
    AggregateWhole,
    EmptyRows,
    FilterRows,
    GenerateRows,
    LimitRows,
    ProjectRows,
    SampleRows,
    SortRows,
    TailRows,
    UnionRows,
    WindowRows,
)

if TYPE_CHECKING:
    from headrace_driver.plan.physical.planner import Planner

_PASSING = (FilterRows, GenerateRows, LimitRows, ProjectRows, SampleRows, SortRows, TailRows, WindowRows)
_GROUPING = (AggregateMerge, AggregatePartial, AggregateWhole)
_NEEDS_LEFT = (JoinType.INNER, JoinType.CROSS, JoinType.LEFT, JoinType.SEMI, JoinType.ANTI)
_NEEDS_RIGHT = (JoinType.INNER, JoinType.CROSS, JoinType.RIGHT, JoinType.SEMI)


def has_no_rows(exchange: Exchange | None) -> bool:
    """Whether a stage is known to have left nothing behind."""
    if exchange is None or not exchange.is_finished or exchange.origin.estimated:
        return False
    return exchange.finished.rows == 0


def is_empty(op: Operator | None) -> bool:
    """Whether an operator is known to yield no rows."""
    while op is not None:
        if isinstance(op, EmptyRows):
            return True
        if isinstance(op, ReadExchange | ReadBroadcast):
            return has_no_rows(op.exchange)
        if isinstance(op, UnionRows):
            return all(is_empty(child) for child in op.children)
        if not isinstance(op, _PASSING) and not (isinstance(op, _GROUPING) and op.grouping):
            return False
        op = op.inputs()[0]
    return False


def join_of_nothing(
    planner: Planner, node: lp.Join, left_empty: bool, right_empty: bool, left: Operator | None
) -> Operator | None:
    """What a join is that has nothing to join, though its other side may not have been read; None where it has."""
    side = ""
    if left_empty and node.type in _NEEDS_LEFT:
        side = "left"
    elif right_empty and node.type in _NEEDS_RIGHT and node.mark is None:
        side = "right"
    if side:
        planner.decisions.append(f"the {side} side of {_join_name(node)} has no rows: no result, nothing more is read")
        return EmptyRows(node.output, EVERYWHERE, Estimate(0.0, 0.0))
    if right_empty and node.type is JoinType.ANTI and node.mark is None and left is not None:
        planner.decisions.append(f"the right side of {_join_name(node)} has no rows: all rows of the left side pass")
        return left
    return None


def _join_name(node: lp.Join) -> str:
    word = node.type.value
    return f"{'an' if word[0].lower() in 'aeiou' else 'a'} {word} join"
