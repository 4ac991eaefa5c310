"""Skewed partitions: hash partitions far larger than the others, mostly because of one key with very many rows.

When both sides of a shuffled join have been written, their real sizes by partition are known. A skewed partition of a
side is then read by several tasks, each the blocks of a run of maps, and each with the whole partition of the other
side. That is right where every row of the side that is split finds its partners in the other side's partition and no
row of the other side has to know whether it found any. Groups that were moved before they were aggregated are split
likewise: aggregated partly, and merged. What cannot be split is said in the plan and left as it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING

from headrace_driver.plan import logical as lp
from headrace_driver.plan import size_codes
from headrace_driver.plan.expressions import Attribute, Expression
from headrace_driver.plan.logical import JoinType
from headrace_driver.plan.options import PlannerOptions
from headrace_driver.plan.physical.exchange import Exchange, ExchangeKind, ReadExchange, ReducerSplit
from headrace_driver.plan.physical.operator import ANYHOW, Estimate, Operator

if TYPE_CHECKING:
    from headrace_driver.plan.physical.planner import Planner

SAID_MAX = 5
"""Partitions named one by one in the plan; of more than that only their number is said."""
UNEVEN_SHARE = 0.8
"""Of a partition's bytes in the largest split, from which on splitting it only costs: its rows come from one map."""
_SPLIT_LEFT = (JoinType.INNER, JoinType.LEFT, JoinType.SEMI, JoinType.ANTI)
_SPLIT_RIGHT = (JoinType.INNER, JoinType.RIGHT)


@dataclass(frozen=True, slots=True)
class Skewed:
    """A skewed partition: its block bytes, and how many times the median that is."""

    reducer: int
    bytes: int
    factor: float

    def named(self, stage_id: int) -> str:
        times = "far above the median, which is 0," if math.isinf(self.factor) else f"{self.factor:.0f} × the median"
        return f"skew: partition {self.reducer} of stage {stage_id} was {times}"


def skewed_partitions(sizes: Sequence[int], options: PlannerOptions) -> list[Skewed]:
    """Partitions that stand out from the others and are large enough for that to matter, the largest first."""
    floor = 2 * options.skew_piece_min_bytes
    if len(sizes) < 2 or max(sizes) < floor:
        return []
    middle = median(sizes)
    found = [
        Skewed(reducer, size, size / middle if middle else math.inf)
        for reducer, size in enumerate(sizes)
        if size >= floor and size > options.skew_factor * middle
    ]
    return sorted(found, key=lambda skewed: -skewed.bytes)


def split_join(
    planner: Planner, node: lp.Join, left: Operator, right: Operator, keys: Sequence[Expression]
) -> tuple[Operator, Operator]:
    """The two sides of a shuffled join as they are to be read; `keys` are the left's or right's, as hashed."""
    sides = (_plain_read(left), _plain_read(right))
    found = [_found(planner, side) for side in sides]
    if not any(found):
        return left, right
    why_not = _left_whole_because(planner, node, sides, keys)
    if why_not:
        for side, skewed in zip(sides, found, strict=True):
            _say_left(planner, side, skewed, why_not)
        return left, right
    read_left, read_right = sides
    assert read_left is not None
    assert read_right is not None
    allowed = (node.type in _SPLIT_LEFT, node.type in _SPLIT_RIGHT and node.mark is None)
    for may, side, skewed in zip(allowed, sides, found, strict=True):
        if not may:
            _say_left(planner, side, skewed, f"{_side_name(side is read_left)} of a {_join_name(node)} cannot be split")
    total = read_left.exchange.finished.bytes + read_right.exchange.finished.bytes
    pieces = _Pieces(planner, total, sum(len(s) for may, s in zip(allowed, found, strict=True) if may))
    splits_left, splits_right = [], []
    for reducer in sorted({s.reducer for may, some in zip(allowed, found, strict=True) if may for s in some}):
        halves = [
            next((s for s in some if s.reducer == reducer), None) if may else None
            for may, some in zip(allowed, found, strict=True)
        ]
        runs_left, runs_right = pieces.cut_pair(read_left.exchange, halves[0], read_right.exchange, halves[1])
        if len(runs_left) * len(runs_right) > 1:
            splits_left.append(ReducerSplit(reducer, tuple(run for run in runs_left for _ in runs_right)))
            splits_right.append(ReducerSplit(reducer, tuple(run for _ in runs_left for run in runs_right)))
    if not splits_left:
        return left, right
    return (
        replace(read_left, splits=tuple(splits_left), placement=ANYHOW),
        replace(read_right, splits=tuple(splits_right), placement=ANYHOW),
    )


def split_groups(planner: Planner, read: Operator) -> ReadExchange | None:
    """The skewed partitions, in pieces, of a read whose rows are aggregated next; None without any to split."""
    plain = _plain_read(read)
    skewed = _found(planner, plain)
    if plain is None or not skewed:
        return None
    exchange = plain.exchange
    pieces = _Pieces(planner, exchange.finished.bytes, len(skewed))
    splits = []
    for one in sorted(skewed, key=lambda s: s.reducer):
        runs = pieces.cut(exchange, one, pieces.splits_max)
        if len(runs) > 1:
            splits.append(ReducerSplit(one.reducer, tuple(runs)))
    if not splits:
        return None
    heavy = frozenset(split.reducer for split in splits)
    rest = frozenset(range(exchange.partitions)) - heavy
    estimate = _part(plain.estimate, _share(exchange, heavy))
    return replace(plain, splits=tuple(splits), omitted=rest, placement=ANYHOW, estimate=estimate)


def without_splits(read: Operator, split: Operator) -> ReadExchange:
    """What `split_groups` left of a read."""
    assert isinstance(read, ReadExchange)
    assert isinstance(split, ReadExchange)
    heavy = frozenset(one.reducer for one in split.splits)
    return replace(read, omitted=heavy, estimate=_part(read.estimate, 1 - _share(read.exchange, heavy)))


def say_left_whole(planner: Planner, read: Operator, reason: str) -> None:
    """Notes skew that the operator above cannot do anything about."""
    plain = _plain_read(read)
    _say_left(planner, plain, _found(planner, plain), reason)


class _Pieces:
    """Cuts skewed partitions of one stage's inputs into pieces of about the bytes one task should have."""

    def __init__(self, planner: Planner, total_bytes: int, count: int) -> None:
        options = planner.options
        self._planner = planner
        # Two pieces a slot even out; none so large that a task would rather have spilled, nor too small to pay.
        even = total_bytes / (2 * planner.cluster.slots)
        self._aim_bytes = max(options.skew_piece_min_bytes, min(even, options.reduce_task_bytes))
        self._large_bytes = options.reduce_task_bytes
        self.splits_max = max(2, options.skew_splits_max // max(1, count))
        self._said = 0

    def cut_pair(
        self, left: Exchange, of_left: Skewed | None, right: Exchange, of_right: Skewed | None
    ) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """The runs of maps of either side; every pair of them is a task.

        Where both are skewed the larger is cut, the other only where a task could not hold it well.
        """
        if of_left is None or of_right is None:
            one = self.cut(left, of_left, self.splits_max) if of_left is not None else [_ALL_MAPS]
            other = self.cut(right, of_right, self.splits_max) if of_right is not None else [_ALL_MAPS]
            return one, other
        if of_left.bytes < of_right.bytes:
            runs_right, runs_left = self.cut_pair(right, of_right, left, of_left)
            return runs_left, runs_right
        first = self.cut(left, of_left, self.splits_max)
        most = self.splits_max // len(first)
        second = self.cut(right, of_right, most) if of_right.bytes > self._large_bytes and most > 1 else [_ALL_MAPS]
        return first, second

    def cut(self, exchange: Exchange, skewed: Skewed, most: int) -> list[tuple[int, int]]:
        """Runs of maps with about equal bytes for the partition; all maps in one run where splitting cannot help."""
        weights = _map_bytes(exchange, skewed.reducer)
        wanted = min(math.ceil(skewed.bytes / self._aim_bytes), most, len(weights))
        name = skewed.named(exchange.stage_id)
        if wanted < 2:
            few = "all its rows come from one map" if len(weights) < 2 else "it is no more than one task's work"
            self._say(f"{name}, left whole: {few}")
            return [_ALL_MAPS]
        runs = _even_runs(weights, wanted)
        largest = max(sum(weights[first : first + count]) for first, count in runs)
        if largest > UNEVEN_SHARE * sum(weights):
            self._say(f"{name}, left whole: {largest / sum(weights):.0%} of it come from one map")
            return [_ALL_MAPS]
        self._say(f"{name}, split into {len(runs)}")
        return runs

    def _say(self, sentence: str) -> None:
        self._said += 1
        if self._said <= SAID_MAX:
            self._planner.decisions.append(sentence)
        elif self._said == SAID_MAX + 1:
            self._planner.decisions.append("skew: more partitions of these stages were looked at likewise")


_ALL_MAPS = (0, 0)


def _plain_read(op: Operator) -> ReadExchange | None:
    """The read of a hash exchange whose partitions are spread over tasks as sizes suggest."""
    if not isinstance(op, ReadExchange) or op.exchange.kind is not ExchangeKind.HASH:
        return None
    return None if op.max_tasks or op.exact_tasks or op.exchange.origin.estimated else op


def _found(planner: Planner, read: ReadExchange | None) -> list[Skewed]:
    return [] if read is None else skewed_partitions(read.exchange.finished.partition_bytes, planner.options)


def _left_whole_because(
    planner: Planner, node: lp.Join, sides: tuple[ReadExchange | None, ...], keys: Sequence[Expression]
) -> str:
    """Why no side of a join may be split; empty if one may."""
    if None in sides:
        return "the other side lies by its key already and is not read from a shuffle"
    if node.type is JoinType.FULL:
        return "a full outer join needs both sides' rows of a key in one task"
    above = _nearest_above(planner.root, node)
    ids = {key.id for key in keys if isinstance(key, Attribute)}
    if isinstance(above, lp.Window) and len(ids) == len(keys):
        wanted = {e.id for e in above.partition_by if isinstance(e, Attribute)}
        if ids <= wanted:
            return "the window above needs the rows of a key in one task"
    return ""


def _nearest_above(root: lp.LogicalPlan, node: lp.LogicalPlan) -> lp.LogicalPlan | None:
    """The first operator above that does more than pass rows on. One walk, made only where there is skew."""
    parents: dict[int, lp.LogicalPlan] = {}
    stack = [root]
    while stack:
        current = stack.pop()
        below = list(current.inputs())
        if isinstance(current, lp.CTEReference):
            below.append(current.definition.plan)
        for child in below:
            if id(child) not in parents:
                parents[id(child)] = current
                stack.append(child)
    above = parents.get(id(node))
    while isinstance(above, lp.Project | lp.Filter | lp.SubqueryAlias):
        above = parents.get(id(above))
    return above


def _map_bytes(exchange: Exchange, reducer: int) -> list[int]:
    """What each map wrote for one reducer; alike for all where that was too much to keep."""
    codes = exchange.finished.size_codes
    if not codes:
        return [1] * max(1, exchange.origin.maps)
    return [size_codes.decode(code[reducer]) if code else 0 for code in codes]


def _even_runs(weights: Sequence[int], wanted: int) -> list[tuple[int, int]]:
    """At most `wanted` runs (first, count) that cover all maps, each at the boundaries nearest to even shares."""
    total = sum(weights) or 1
    runs: list[tuple[int, int]] = []
    current, done = -1, 0.0
    for index, weight in enumerate(weights):
        # A map belongs to the run its middle falls into.
        run = min(wanted - 1, int((done + weight / 2) / total * wanted))
        if run == current:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((index, 1))
        current, done = run, done + weight
    return runs


def _say_left(planner: Planner, read: ReadExchange | None, skewed: Sequence[Skewed], reason: str) -> None:
    if read is None:
        return
    for one in skewed[:SAID_MAX]:
        planner.decisions.append(f"{one.named(read.exchange.stage_id)}, left whole: {reason}")
    if len(skewed) > SAID_MAX:
        planner.decisions.append(f"skew: {len(skewed) - SAID_MAX} more partitions of that stage, left whole as well")


def _side_name(is_left: bool) -> str:
    return "the left side" if is_left else "the right side"


def _join_name(node: lp.Join) -> str:
    return "mark join" if node.mark is not None else f"{node.type.value} join"


def _share(exchange: Exchange, reducers: frozenset[int]) -> float:
    sizes = exchange.finished.partition_bytes
    return sum(sizes[reducer] for reducer in reducers) / max(1, sum(sizes))


def _part(estimate: Estimate, share: float) -> Estimate:
    return Estimate(estimate.rows * share, estimate.bytes * share)
