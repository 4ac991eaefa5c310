"""Rows of a shuffled join's second side that cannot find a partner are dropped where they lie.

When the first side of a join has been made and is too large to be broadcast, its keys alone may not be: they are
narrower than its rows, and each is needed once. Where few of the second side's rows meet them, a stage of its own picks
the keys, every task of the second side reads them, and only what is left is hashed and moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace_driver.plan import logical as lp
from headrace_driver.plan.expressions import Attribute, Expression
from headrace_driver.plan.logical import JoinType
from headrace_driver.plan.optimizer.terms import conjunction
from headrace_driver.plan.physical.exchange import Exchange, ExchangeKind
from headrace_driver.plan.physical.operator import Estimate, Operator, Spread
from headrace_driver.plan.physical.operators import AggregatePartial, JoinRows
from headrace_driver.plan.physical.reading import hashed, read, read_whole, size_of

if TYPE_CHECKING:
    from headrace_driver.plan.physical.planner import Planned, Planner

DROPPING_TYPES = (JoinType.INNER, JoinType.SEMI)
"""Joins in which rows of the second side without a partner are not in the result."""


@dataclass(frozen=True, slots=True)
class _Filter:
    """What a filter would cost and leave: its keys, their rows and bytes at most, and the share of rows that pass."""

    keys: tuple[Attribute, ...]
    size: Estimate
    share: float


def filtered_by_keys(
    planner: Planner,
    node: lp.Join,
    made: Exchange,
    probe: Operator,
    keys: Sequence[Expression],
    others: Sequence[Expression],
    condition: Sequence[Expression],
) -> Planned:
    """The second side, less what meets none of the keys of the first where that pays; None while those are picked.

    `condition` are the equalities of the join between `keys`, of the first side, and `others`, of the second.
    """
    found = _filter(planner, node, made, keys, others)
    asked = planner.asked(node, "keys") is not None
    if found is None or not (asked or _pays(planner, found, probe)):
        return probe
    if not asked:
        planner.decisions.append(
            f"stage {made.stage_id}: {int(found.size.rows):,} rows, too large to broadcast: its keys filter the other "
            f"side, of which {found.share:.0%} are expected to be left"
        )
    source = read(made, hashed(keys, made.partitions))
    picked = AggregatePartial(source, found.keys, (), found.keys, source.placement, found.size)
    exchange = planner.exchange(node, "keys", picked, ExchangeKind.SINGLE)
    if exchange is None:
        return None
    estimate = Estimate(probe.estimate.rows * found.share, probe.estimate.bytes * found.share)
    partners = read_whole(exchange)
    return JoinRows(
        probe, partners, JoinType.SEMI, conjunction(condition), "broadcast", probe.output, probe.placement, estimate
    )


def _filter(
    planner: Planner, node: lp.Join, made: Exchange, keys: Sequence[Expression], others: Sequence[Expression]
) -> _Filter | None:
    """What is known of the filter; None where the join has no place for one."""
    if node.type not in DROPPING_TYPES or node.mark is not None or node.null_aware or node.hint is not None:
        return None
    columns = [
        (a, b) for a, b in zip(keys, others, strict=True) if isinstance(a, Attribute) and isinstance(b, Attribute)
    ]
    if len(columns) < len(keys):
        return None
    first, second = node.left, node.right
    if all(key.id != a.id for key, _ in columns[:1] for a in first.output):
        first, second = second, first
    mine, theirs = planner.estimator.estimate(first), planner.estimator.estimate(second)
    rows = size_of(made).rows
    share = min(min(rows, mine.distinct(key.id)) / theirs.distinct(other.id) for key, other in columns)
    wanted = tuple(dict.fromkeys(key for key, _ in columns))
    return _Filter(wanted, Estimate(rows, rows * mine.width(wanted)), min(1.0, share))


def _pays(planner: Planner, found: _Filter, probe: Operator) -> bool:
    """Whether rows not moved are worth the keys read by every slot, and a stage more."""
    options = planner.options
    saved = probe.estimate.bytes * (1 - found.share)
    return (
        probe.placement.spread is not Spread.EVERYWHERE
        and found.share <= options.key_filter_share
        and saved >= options.key_filter_min_bytes
        and found.size.bytes <= planner.cluster.memory_bytes_per_slot * options.broadcast_share
        and found.size.bytes * planner.cluster.slots * options.key_filter_cost <= saved
    )
