"""What every physical operator has: columns, how its rows lie across tasks, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, TypeVar, dataclass_transform

from headrace_driver.plan.expressions import Attribute, Expression

C = TypeVar("C", bound=type)


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
def operator(cls: C) -> C:
    """A dataclass compared by identity that the type checker treats as frozen (see `expressions.node`)."""
    return dataclass(eq=False)(cls)  # type: ignore[return-value]


class Spread(Enum):
    """How an operator's rows lie across the tasks of its stage."""

    EVERYWHERE = "everywhere"
    """Every task can make all of them by itself: so small that to read them again costs less than to move them."""
    ONE_TASK = "one task"
    HASHED = "hashed"
    """By `Placement.keys`, into `Placement.partitions`: rows with equal keys are in one task."""
    RANGED = "ranged"
    """By `Placement.keys`, into `Placement.ranges` of the key as it lies in the files."""
    ORDERED = "ordered"
    """One task after the other holds the next run of a global order."""
    ANYHOW = "anyhow"


@dataclass(frozen=True, slots=True)
class KeyRanges:
    """Ascending split points of an integer or date key: task i has keys in [points[i - 1], points[i])."""

    points: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Placement:
    """A `Spread` and, for HASHED and RANGED, alternative key lists: tuples of attribute ids that all describe it."""

    spread: Spread
    keys: tuple[tuple[int, ...], ...] = ()
    partitions: int = 0
    ranges: KeyRanges | None = None

    @property
    def is_keyed(self) -> bool:
        """Whether rows with equal keys are in one task."""
        return self.spread in (Spread.HASHED, Spread.RANGED)

    def brings_together(self, wanted: Sequence[Expression]) -> bool:
        """Whether rows that agree in all `wanted` expressions are in one task."""
        if self.spread in (Spread.EVERYWHERE, Spread.ONE_TASK):
            return True
        if not self.is_keyed:
            return False
        ids = {e.id for e in wanted if isinstance(e, Attribute)}
        return any(ids.issuperset(keys) for keys in self.keys)


EVERYWHERE = Placement(Spread.EVERYWHERE)
ONE_TASK = Placement(Spread.ONE_TASK)
ANYHOW = Placement(Spread.ANYHOW)
ORDERED = Placement(Spread.ORDERED)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Rows and bytes (uncompressed, of the columns kept) an operator yields; real where a stage has finished."""

    rows: float
    bytes: float

    @property
    def row_bytes(self) -> float:
        return self.bytes / self.rows if self.rows else 0.0


class Operator:
    """Base of all physical operators."""

    INPUTS: ClassVar[tuple[str, ...]] = ()
    output: tuple[Attribute, ...]
    placement: Placement
    estimate: Estimate

    def inputs(self) -> tuple[Operator, ...]:
        """The operators whose rows this one takes, in the same stage."""
        found: list[Operator] = []
        for name in self.INPUTS:
            value = getattr(self, name)
            if isinstance(value, tuple):
                found.extend(value)
            else:
                found.append(value)
        return tuple(found)
