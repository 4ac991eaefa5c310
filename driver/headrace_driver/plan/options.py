"""Thresholds of physical planning. Tests set them so that every strategy can be forced on a handful of rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class PlannerOptions:
    """All sizes are in bytes; "uncompressed" as the kernel holds them, "compressed" as they lie in files or blocks."""

    small_bytes: int = 4 << 20
    """A subtree that reads no more than this (compressed) is made by every task that needs it: opening a file of that
    size costs about a millisecond, a stage of its own five."""
    small_rows: int = 300_000
    """And no more rows than this."""
    reducer_bytes: int = 32 << 20
    """Aimed-at uncompressed bytes for one hash partition: small enough to fit any task's memory several times."""
    max_partitions: int = 1024
    """Of one exchange. Beyond it blocks become too small to compress or to read in one go."""

    broadcast_share: float = 0.25
    """Of one task's memory may a broadcast side take: the kernel's hash table is up to twice its bytes."""
    broadcast_cost: float = 1.0
    """Cost of building one byte of a broadcast in one task, against moving one byte of the other side by shuffle."""
    always_broadcast_bytes: int = 1 << 20
    """Uncompressed bytes below which a broadcast is never worse than a shuffle."""

    key_filter_share: float = 0.5
    """Of a join's second side's rows that meet keys of the first, above which looking them up costs what it saves."""
    key_filter_min_bytes: int = 16 << 20
    """Uncompressed bytes that need not be moved, below which a stage that picks keys costs more than it saves."""
    key_filter_cost: float = 1.0
    """Cost of one byte of such keys read by every slot, against moving one byte of the other side."""
    task_pairs: int = 20_000_000
    """Pairs of rows that one task compares in about a fifth of a second; more, and a join without keys is divided."""
    meets_rows: int = 100
    """Rows each row of the other side meets in such a join, at least: otherwise moving them costs what it saves."""

    merge_pays_below: float = 0.5
    """Groups per row above which aggregating before the exchange is work for nothing. Asked of single keys only: for
    several the estimate, a product of distinct counts, is mostly far too high."""

    one_task_sort_bytes: int = 64 << 20
    """Uncompressed bytes that one task sorts faster than a second pass over them can be set up."""
    sort_sample_rows: int = 1_000
    """Sampled keys a task: quantiles good to a few per cent with tens of partitions."""

    scan_task_bytes: int = 128 << 20
    """Compressed bytes of the columns read by one scan task: about half a second of kernel time."""
    scan_task_rows: int = 100_000
    """Rows below which a second task costs more than it saves."""
    scan_tasks_max: int = 100_000
    reduce_task_bytes: int = 64 << 20
    """Block bytes aimed at for one reduce task."""
    reduce_task_min_bytes: int = 1 << 20
    """Block bytes below which a second reduce task costs more than it saves."""

    skew_factor: float = 4.0
    """Times the median of all partitions, above which one is skewed: what uneven hashing alone hardly ever makes."""
    skew_piece_min_bytes: int = 4 << 20
    """Block bytes one split of a skewed partition has at least; a partition below twice that is left alone."""
    skew_splits_max: int = 256
    """Tasks that the skewed partitions of one shuffle are split into: each reads the other side's partition again."""

    @lru_cache(maxsize=16)  # noqa: B019  (frozen, and few: the default and those of tests)
    def within(self, memory_bytes_per_slot: int) -> PlannerOptions:
        """The options for tasks with so much memory: pieces small enough that what the kernel cannot spill fits."""
        kernel_bytes = max(KERNEL_BYTES_MIN, (memory_bytes_per_slot - PROCESS_BYTES) * KERNEL_SHARE)
        return replace(
            self,
            reducer_bytes=min(self.reducer_bytes, int(kernel_bytes / 4)),
            reduce_task_bytes=min(self.reduce_task_bytes, int(kernel_bytes / 4)),
            one_task_sort_bytes=min(self.one_task_sort_bytes, int(kernel_bytes / 2)),
        )


KERNEL_BYTES_MIN = 48 << 20
PROCESS_BYTES = 216 << 20
"""Of a slot's memory go to the processes themselves, its part of the daemon included."""
KERNEL_SHARE = 0.7
"""Of what is left may the kernel hold (see `memory.kernel_limit` of the worker)."""

DEFAULT_OPTIONS = PlannerOptions()
