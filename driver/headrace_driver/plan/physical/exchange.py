"""Exchanges, the boundaries of stages, and the operators that read what has been exchanged."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from headrace_driver.plan.expressions import Attribute, Expression
from headrace_driver.plan.physical.operator import Estimate, Operator, Placement, operator
from headrace_driver.plan.stage import StageStats


class ExchangeKind(Enum):
    """How an exchange redistributes rows."""

    HASH = "hash"
    SINGLE = "single"
    ROUND_ROBIN = "round-robin"
    RANGE = "range"
    KEEP = "keep"
    """Each task's rows stay together: the output is only written down, to be read more than once or sampled."""


@dataclass(eq=False)
class Exchange:
    """A stage boundary: the rows of `child`, redistributed. `stats` is set when its stage has finished.

    The one mutable object of a physical plan: it is the planner's record of a stage it asked for.
    """

    child: Operator
    kind: ExchangeKind
    keys: tuple[Expression, ...]
    partitions: int
    stage_id: int
    bounds: tuple[Expression, ...] = ()
    """RANGE: ascending split points of the first key, literals."""
    sample_rows: int = 0
    stats: StageStats | None = None
    maps: int = 0
    """Tasks of the stage, set when it is compiled."""
    estimated: bool = False
    """`stats` are estimates: the plan is being explained, not run."""
    job_id: int = 0
    """Not 0: the stage is the kept one of that job, and its blocks are cached rows."""
    same_as: Exchange | None = None
    """Another exchange that computes the same rows, column by column: its stage serves for this one too."""

    @property
    def origin(self) -> Exchange:
        """The exchange whose stage makes the blocks."""
        return self if self.same_as is None else self.same_as

    @property
    def is_finished(self) -> bool:
        return self.origin.stats is not None

    @property
    def finished(self) -> StageStats:
        stats = self.origin.stats
        assert stats is not None, "an exchange was read before its stage had finished"
        return stats


@dataclass(frozen=True, slots=True)
class ReducerSplit:
    """One reducer read by several tasks: each the blocks of maps (first, count), where count 0 means all of them."""

    reducer: int
    maps: tuple[tuple[int, int], ...]


@operator
class ReadExchange(Operator):
    """Each task reads its reducers' blocks (or, of a KEEP exchange, its share of the maps).

    `source_columns[i]` is the exchanged column that `output[i]` is. Reads that meet in one operator split the same
    reducers into the same number of tasks.
    """

    exchange: Exchange
    output: tuple[Attribute, ...]
    source_columns: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate
    max_tasks: int = 0
    """0: as many as sizes suggest; 1 makes one task read everything."""
    exact_tasks: bool = False
    """One task a reducer: the user asked for that many partitions."""
    splits: tuple[ReducerSplit, ...] = ()
    omitted: frozenset[int] = frozenset()
    """Reducers that are read elsewhere."""


@operator
class ReadBroadcast(Operator):
    """Every task reads all blocks of the exchange."""

    exchange: Exchange
    output: tuple[Attribute, ...]
    source_columns: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate
