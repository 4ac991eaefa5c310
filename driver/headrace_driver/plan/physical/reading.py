"""Reading finished exchanges, and where rows lie afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from headrace_driver.plan.expressions import Alias, Attribute, Expression
from headrace_driver.plan.physical.exchange import Exchange, ReadBroadcast, ReadExchange
from headrace_driver.plan.physical.operator import EVERYWHERE, Estimate, Placement, Spread

UNCOMPRESSED_RATIO = 2.5
"""Uncompressed bytes per block byte: lz4 on columnar data gives 2.2 to 3."""


def hashed(keys: Sequence[Expression], partitions: int) -> Placement:
    """Placement of rows hashed by keys; expressions that are no columns cannot be recognised later."""
    ids = tuple(k.id for k in keys if isinstance(k, Attribute))
    known = (ids,) if len(ids) == len(keys) else ()
    return Placement(Spread.HASHED, known, partitions)


def size_of(exchange: Exchange) -> Estimate:
    """Real rows and uncompressed bytes of a finished exchange."""
    stats = exchange.finished
    width = exchange.child.estimate.row_bytes
    return Estimate(float(stats.rows), max(stats.bytes * UNCOMPRESSED_RATIO, stats.rows * width * 0.5))


def read(exchange: Exchange, placement: Placement, max_tasks: int = 0, exact_tasks: bool = False) -> ReadExchange:
    """Reads a finished exchange, task by task."""
    output = exchange.child.output
    return ReadExchange(exchange, output, output, placement, size_of(exchange), max_tasks, exact_tasks)


def read_whole(exchange: Exchange) -> ReadBroadcast:
    """Reads a finished exchange whole in every task."""
    output = exchange.child.output
    return ReadBroadcast(exchange, output, output, EVERYWHERE, size_of(exchange))


def renamed(placement: Placement, columns: Sequence[Alias | Attribute]) -> Placement:
    """A placement in terms of a projection's columns; keys that are dropped no longer count."""
    if not placement.is_keyed:
        return placement
    names: dict[int, int] = {}
    for column in columns:
        if isinstance(column, Attribute):
            names[column.id] = column.id
        elif isinstance(column.child, Attribute):
            names.setdefault(column.child.id, column.id)
    keys = tuple(tuple(names[i] for i in ids) for ids in placement.keys if all(i in names for i in ids))
    return replace(placement, keys=keys)
