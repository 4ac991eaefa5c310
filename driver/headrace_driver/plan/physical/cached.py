"""Reading cached rows: the kept stage of another job stands in the plan as an exchange that has finished."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace_driver.plan import logical as lp
from headrace_driver.plan.expressions import Attribute
from headrace_driver.plan.physical.exchange import Exchange, ExchangeKind, ReadExchange
from headrace_driver.plan.physical.operator import ANYHOW, Estimate, Spread
from headrace_driver.plan.physical.operators import CachedRows
from headrace_driver.plan.physical.reading import UNCOMPRESSED_RATIO
from headrace_driver.plan.stage import StageStats
from headrace_driver.plan.statistics import UNKNOWN, column_bytes

if TYPE_CHECKING:
    from headrace_driver.plan.physical.planner import Planner

NO_JOB = 1 << 62
"""Stands for the job of rows that are not computed yet, in a plan that is only explained."""


def plan_cached(planner: Planner, node: lp.InMemoryRelation) -> ReadExchange:
    """Each task reads some maps; rows that were kept in order are read in order, map by map."""
    exchange = planner.kept_exchanges.get(node.cached.number)
    if exchange is None:
        exchange = planner.kept_exchanges[node.cached.number] = _exchange(planner, node)
    rows = exchange.child
    source = tuple(rows.output[position] for position in node.positions)
    size = planner.estimate(node)
    if node.cached.kept is not None:
        share = _width(source) / _width(rows.output)
        size = Estimate(rows.estimate.rows, rows.estimate.bytes * share)
    placement = rows.placement
    return ReadExchange(
        exchange,
        node.attributes,
        source,
        placement,
        size,
        max_tasks=1 if placement.spread is Spread.ONE_TASK else 0,
        exact_tasks=placement.spread is Spread.ORDERED,
    )


def _width(attributes: tuple[Attribute, ...]) -> float:
    """Bytes of a row of these columns, by their types."""
    return sum(column_bytes(a, UNKNOWN) for a in attributes) or 1.0


def _exchange(planner: Planner, node: lp.InMemoryRelation) -> Exchange:
    """The kept stage, with real sizes where its rows are there and estimates while the plan is only explained."""
    cached, kept = node.cached, node.cached.kept
    if kept is None:
        estimator = planner.estimator
        size = Estimate(estimator.estimate(cached.plan).rows, estimator.bytes(cached.plan))
        rows = CachedRows(cached, cached.output, ANYHOW, size)
        stats = StageStats(0, int(size.rows), int(size.bytes / UNCOMPRESSED_RATIO), [int(size.bytes)])
        return Exchange(rows, ExchangeKind.KEEP, (), 1, 0, stats=stats, maps=1, estimated=True, job_id=NO_JOB)
    rows = CachedRows(
        cached, cached.output, kept.placement, Estimate(float(kept.rows), float(kept.raw_bytes)), kept.physical
    )
    # In the measure of ordinary exchanges, whose blocks are compressed.
    stored_bytes = int(kept.raw_bytes / UNCOMPRESSED_RATIO)
    stats = StageStats(kept.stage_id, kept.rows, stored_bytes, [stored_bytes])
    return Exchange(rows, ExchangeKind.KEEP, (), 1, kept.stage_id, stats=stats, maps=kept.maps, job_id=kept.job_id)
