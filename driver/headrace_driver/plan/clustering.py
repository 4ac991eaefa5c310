"""How files lie by one of their columns: sorted by it, as fact tables often are by a key or by time, or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headrace_driver.catalog.source import Source
from headrace_driver.plan import types as t

OVERLAP = 1.25
"""Sum of the row groups' key ranges over the whole range: 1 is sorted, far more is unsorted. What overlaps is read by
two tasks, so the factor is also what reading costs more at most."""


@dataclass(frozen=True, slots=True)
class Clustering:
    """The row groups of a column in key order: (minimum, maximum, compressed bytes of the group)."""

    groups: tuple[tuple[int, int, int], ...]

    @property
    def bytes(self) -> int:
        return sum(size for _, _, size in self.groups)


def clustering(source: Source, column: int) -> Clustering | None:
    """How a table lies by one of its columns; None when it is not sorted by it, or that is not known."""
    field = source.schema.fields[column]
    if source.strict_hosts or not isinstance(field.dtype, t.IntegralType | t.DateType):
        return None
    if column >= len(source.schema.fields) - source.partition_columns:
        return None
    groups: list[tuple[int, int, int]] = []
    for index, file in enumerate(source.files()):
        ranges = source.ranges(column, index)
        if not ranges or len(ranges) != len(file.row_groups):
            return None
        for known, group in zip(ranges, file.row_groups, strict=True):
            low: Any = known.minimum
            high: Any = known.maximum
            if not isinstance(low, int) or not isinstance(high, int) or known.nulls != 0:
                return None
            groups.append((low, high, group.bytes))
    if not groups:
        return None
    groups.sort()
    span = max(high for _, high, _ in groups) - groups[0][0] + 1
    if sum(high - low + 1 for low, high, _ in groups) > span * OVERLAP:
        return None
    return Clustering(tuple(groups))
