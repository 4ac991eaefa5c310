"""How much of a disk an executor's kernel may fill, where it spills, and what to do when it did not fit.

Decisions only, from what the file systems say; `executor/spilling.py` carries them out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

RESERVE_SHARE, RESERVE_BYTES_MAX = 0.05, 1 << 30
"""Of a disk so much is not spilled into, 1 GiB at most: map outputs of other tasks go there too, and they cannot be
written elsewhere once they are begun."""

LIMIT_BYTES_MIN = 1 << 20
LIMIT_CHANGE_SHARE = 0.1
"""A limit is changed when it is off by more than this, since changing it costs 0.2 ms."""

HEADROOM = 1.25
"""What did not fit is known only as far as it came; it is tried again where at least so many times that fits."""

ENOUGH_GRANTS = 4
"""Where a task can spill so many times its memory, it stays: moving costs a new kernel (40 ms) once it has spilled."""

MOVE_SHARE = 0.5
"""A directory with less than this part of the room that the roomiest has is left, if it has not enough."""

WAIT_S = 0.2
WAIT_S_MAX = 30.0
"""How long a task whose spill did not fit waits for others on its worker to give back theirs. It has lost its work and
keeps its memory meanwhile, so it waits no longer than another worker would take to be found."""

RERUNS_MAX = 2
"""How often one attempt is run again in place; others may fill again what was free."""


@dataclass(frozen=True, slots=True)
class Room:
    """One directory of the worker."""

    directory: Path
    total_bytes: int
    free_bytes: int
    returning_bytes: int = 0
    """What other executors of the worker have spilled here and give back when their tasks end."""

    @property
    def spillable_bytes(self) -> int:
        """What may still be spilled here."""
        reserve = min(RESERVE_BYTES_MAX, int(self.total_bytes * RESERVE_SHARE))
        return max(0, self.free_bytes - reserve)


def spill_limit(room: Room, held_bytes: int) -> int:
    """The kernel's `max_temp_directory_size`, when it holds so much there already."""
    return max(LIMIT_BYTES_MIN, held_bytes + room.spillable_bytes)


def limit_is_off(limit_bytes: int, wanted_bytes: int) -> bool:
    """Whether a limit is worth changing."""
    return abs(limit_bytes - wanted_bytes) > LIMIT_CHANGE_SHARE * limit_bytes


def better_place(here: Room, rooms: Sequence[Room], grant_bytes: int) -> Path | None:
    """Where the next task should spill, if not where the last one did."""
    best = max(rooms, key=lambda room: room.spillable_bytes)
    enough = here.spillable_bytes >= ENOUGH_GRANTS * grant_bytes
    if enough or here.spillable_bytes >= MOVE_SHARE * best.spillable_bytes:
        return None
    return best.directory


class Step(Enum):
    """What becomes of an attempt that found the disk full."""

    AGAIN = "run it again"
    WAIT = "others will give some back"
    GIVE_UP = "it does not fit on this worker now"


def after_full(needed_bytes: int, rooms: Sequence[Room], waited_s: float, reruns: int) -> tuple[Step, Path]:
    """What becomes of an attempt that found a disk full, and the directory to use."""
    wanted = int(needed_bytes * HEADROOM)
    best = max(rooms, key=lambda room: room.spillable_bytes)
    if reruns >= RERUNS_MAX:
        return Step.GIVE_UP, best.directory
    if best.spillable_bytes >= wanted:
        return Step.AGAIN, best.directory
    may_fit = any(room.returning_bytes and room.spillable_bytes + room.returning_bytes >= wanted for room in rooms)
    return (Step.WAIT if may_fit and waited_s < WAIT_S_MAX else Step.GIVE_UP), best.directory
