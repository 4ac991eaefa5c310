"""Joins and groups without an exchange, by a key the files are already sorted by.

Fact tables often come in the order of a key or of time: each row group holds a narrow run of it, as the footers'
minima and maxima show. Then every task can take a range of the key and read, of every table that is clustered by it,
just the row groups that overlap. Equal keys meet in one task though nothing was moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from headrace_driver.plan.clustering import Clustering, clustering
from headrace_driver.plan.expressions import Alias, Attribute, Expression
from headrace_driver.plan.logical import JoinType
from headrace_driver.plan.physical.operator import KeyRanges, Operator, Placement, Spread
from headrace_driver.plan.physical.operators import FilterRows, JoinRows, ProjectRows, ScanFiles

MIN_GROUPS_PER_TASK = 2
RANGE_TASK_BYTES = 256 << 20
"""Compressed bytes of the columns read aimed at for one range of the largest table: more than one scan task has, since
each task also builds the hash tables of what is broadcast to it."""


def split(by: Clustering, slots: int, column_share: float) -> KeyRanges | None:
    """Ranges of about equal bytes, a multiple of the slots; None where there is too little for two tasks."""
    per_slot = max(1, round(by.bytes * column_share / (RANGE_TASK_BYTES * slots)))
    tasks = min(slots * per_slot, len(by.groups) // MIN_GROUPS_PER_TASK)
    if tasks < 2:
        return None
    points: list[int] = []
    done = 0
    for low, _, size in by.groups:
        if done >= by.bytes * (len(points) + 1) / tasks and (not points or low > points[-1]):
            points.append(low)
        done += size
    return KeyRanges(tuple(points)) if points else None


@dataclass(frozen=True, slots=True)
class Driving:
    """The scan whose rows make an operator's rows, with the position of a column of it in the source."""

    scan: ScanFiles
    column: int


def driving_scan(op: Operator, attribute: Attribute) -> Driving | None:
    """The one scan an operator's rows come from, if the attribute is a column of it; None otherwise."""
    while True:
        if op.placement.spread is not Spread.ANYHOW:
            return None
        if isinstance(op, ScanFiles):
            for known, column in zip(op.output, op.columns, strict=True):
                if known.id == attribute.id:
                    return Driving(op, column)
            return None
        if isinstance(op, ProjectRows):
            found = _before_projection(op, attribute)
            if found is None:
                return None
            attribute = found
        following = _driving_input(op)
        if following is None:
            return None
        op = following


def _before_projection(op: ProjectRows, attribute: Attribute) -> Attribute | None:
    for column in op.columns:
        if column.id == attribute.id:
            inner = column.child if isinstance(column, Alias) else column
            return inner if isinstance(inner, Attribute) else None
    return None


def _driving_input(op: Operator) -> Operator | None:
    """The input whose tasks are the operator's tasks."""
    if isinstance(op, FilterRows | ProjectRows):
        return op.child
    if isinstance(op, JoinRows):
        if op.left.placement.spread is Spread.EVERYWHERE and op.type in (
            JoinType.INNER,
            JoinType.CROSS,
            JoinType.RIGHT,
        ):
            return op.right
        if op.right.placement.spread is Spread.EVERYWHERE and op.type not in (JoinType.RIGHT, JoinType.FULL):
            return op.left
    return None


def with_ranges(op: Operator, attribute: Attribute, ranges: KeyRanges) -> Operator:
    """The operator with its driving scan cut by ranges of `attribute`, which is now what it is placed by."""
    placement = Placement(Spread.RANGED, ((attribute.id,),), ranges=ranges)
    if isinstance(op, ScanFiles):
        column = next(c for known, c in zip(op.output, op.columns, strict=True) if known.id == attribute.id)
        return replace(op, placement=placement, key_column=column)
    if isinstance(op, ProjectRows):
        inner = _before_projection(op, attribute)
        assert inner is not None
        return replace(op, child=with_ranges(op.child, inner, ranges), placement=placement)
    if isinstance(op, FilterRows):
        return replace(op, child=with_ranges(op.child, attribute, ranges), placement=placement)
    assert isinstance(op, JoinRows)
    if _driving_input(op) is op.left:
        return replace(op, left=with_ranges(op.left, attribute, ranges), placement=placement)
    return replace(op, right=with_ranges(op.right, attribute, ranges), placement=placement)


class Aligner:
    """Finds ranges for one query; clusterings are remembered, and the same column is always split alike."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._known: dict[tuple[int, int], tuple[Clustering | None, KeyRanges | None]] = {}

    def _ranges(self, driving: Driving) -> tuple[Clustering | None, KeyRanges | None]:
        key = (id(driving.scan.source), driving.column)
        found = self._known.get(key)
        if found is None:
            known = clustering(driving.scan.source, driving.column)
            found = self._known[key] = (known, None if known is None else split(known, self._slots, 0.4))
        return found

    def group(self, op: Operator, keys: Sequence[Expression]) -> Operator | None:
        """The operator placed by one of the grouping keys, if a table lies so."""
        for key in keys:
            if not isinstance(key, Attribute):
                continue
            driving = driving_scan(op, key)
            if driving is not None:
                ranges = self._ranges(driving)[1]
                if ranges is not None:
                    return with_ranges(op, key, ranges)
        return None

    def join(
        self, left: Operator, right: Operator, pairs: Sequence[tuple[Expression, Expression]]
    ) -> tuple[Operator, Operator] | None:
        """Both sides placed by ranges of a pair of keys that must be equal, if both lie so."""
        for one, other in pairs:
            if isinstance(one, Attribute) and isinstance(other, Attribute) and one.type == other.type:
                found = self._pair(left, right, one, other)
                if found is not None:
                    return found
        return None

    def _pair(
        self, left: Operator, right: Operator, one: Attribute, other: Attribute
    ) -> tuple[Operator, Operator] | None:
        placed = [_placed_by(side, key) for side, key in ((left, one), (right, other))]
        if placed[0] is not None or placed[1] is not None:
            ranges = placed[0] or placed[1]
            assert ranges is not None
            if placed[0] is not None and placed[1] is not None:
                return (left, right) if placed[0] == placed[1] else None
            follower, key = (right, other) if placed[1] is None else (left, one)
            driving = driving_scan(follower, key)
            if driving is None or self._ranges(driving)[0] is None:
                return None
            moved = with_ranges(follower, key, ranges)
            return (left, moved) if follower is right else (moved, right)
        return self._both(left, right, one, other)

    def _both(
        self, left: Operator, right: Operator, one: Attribute, other: Attribute
    ) -> tuple[Operator, Operator] | None:
        sides = (driving_scan(left, one), driving_scan(right, other))
        if sides[0] is None or sides[1] is None:
            return None
        known = [self._ranges(side) for side in sides if side is not None]
        if known[0][0] is None or known[1][0] is None:
            return None
        larger = max(known, key=lambda found: found[0].bytes if found[0] is not None else 0)
        ranges = larger[1]
        if ranges is None:
            return None
        return with_ranges(left, one, ranges), with_ranges(right, other, ranges)


def _placed_by(op: Operator, key: Attribute) -> KeyRanges | None:
    if op.placement.spread is Spread.RANGED and (key.id,) in op.placement.keys:
        return op.placement.ranges
    return None
