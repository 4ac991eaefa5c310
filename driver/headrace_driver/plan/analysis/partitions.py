"""How many partitions a program may ask for."""

from __future__ import annotations

from headrace_driver.errors import unsupported

PARTITIONS_MAX = 50_000
"""Each is a task that the driver plans in a tenth of a millisecond and holds 4 KB for, and a place in the index of
every map before it: above this, other clients would wait for seconds."""


def check_partitions(count: int | None) -> None:
    """Refuses more than the driver has room for."""
    if count is not None and count > PARTITIONS_MAX:
        raise unsupported(f"more than {PARTITIONS_MAX} partitions ({count} are asked for)")
