"""How much may be spilled, where, and what becomes of an attempt that found a disk full."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace_worker.engine import Engine
from headrace_worker.failures import failure_of
from headrace_worker.storage.room import (
    RERUNS_MAX,
    WAIT_S_MAX,
    Room,
    Step,
    after_full,
    better_place,
    limit_is_off,
    spill_limit,
)

A, B = Path("/a"), Path("/b")
GB = 1 << 30


def room(directory: Path, free: float, returning: float = 0, total: float = 1000) -> Room:
    return Room(directory, int(total * GB), int(free * GB), int(returning * GB))


def test_the_limit_is_what_is_held_and_what_is_free_but_for_a_reserve() -> None:
    assert spill_limit(room(A, free=10), held_bytes=3 * GB) == 12 * GB
    assert spill_limit(room(A, free=1, total=10), held_bytes=0) == int(0.5 * GB)
    assert spill_limit(room(A, free=0), held_bytes=0) > 0


def test_limits_are_changed_when_they_are_off() -> None:
    assert limit_is_off(0, 1)
    assert not limit_is_off(100, 95)
    assert limit_is_off(100, 80)
    assert limit_is_off(100, 120)


def test_a_task_spills_where_there_is_room() -> None:
    assert better_place(room(A, 2), [room(A, 2), room(B, 50)], grant_bytes=GB) == B
    assert better_place(room(A, 9), [room(A, 9), room(B, 50)], grant_bytes=GB) is None
    assert better_place(room(A, 3), [room(A, 3), room(B, 4)], grant_bytes=GB) is None


@pytest.mark.parametrize(
    ("rooms", "waited_s", "reruns", "step", "place"),
    [
        ([room(A, 5)], 0, 0, Step.GIVE_UP, A),
        ([room(A, 5), room(B, 20)], 0, 0, Step.AGAIN, B),
        ([room(A, 20)], 0, 0, Step.AGAIN, A),
        ([room(A, 20)], 0, RERUNS_MAX, Step.GIVE_UP, A),
        ([room(A, 5, returning=20)], 0, 0, Step.WAIT, A),
        ([room(A, 5, returning=20)], WAIT_S_MAX, 0, Step.GIVE_UP, A),
        ([room(A, 5, returning=3)], 0, 0, Step.GIVE_UP, A),
        ([room(A, 15), room(B, 1, returning=1)], 0, 0, Step.AGAIN, A),
    ],
)
def test_after_a_full_disk(rooms: list[Room], waited_s: float, reruns: int, step: Step, place: Path) -> None:
    assert after_full(10 * GB, rooms, waited_s, reruns) == (step, place)


SORT = (
    "SELECT max(p) FROM (SELECT lag(t) OVER (ORDER BY t) AS p FROM (SELECT md5(i::VARCHAR) AS t FROM range({}) r(i)))"
)


def test_the_kernel_keeps_to_its_limit_and_says_how_much_it_needed(tmp_path: Path) -> None:
    """And what these tests assume of the engine: a directory once used is kept, a new instance takes another."""
    engine = Engine(1, 20 << 20, tmp_path / "one")
    assert engine.spill_elsewhere(tmp_path / "two")
    engine.set_spill_limit(5 << 20)
    with pytest.raises(Exception, match="max_temp_directory_size") as raised:
        engine.run(SORT.format(300_000))
    needed = failure_of(raised.value).disk_full.needed_bytes
    assert 4 << 20 < needed < 6 << 20
    assert not engine.spill_elsewhere(tmp_path / "three")
    engine.open_again(tmp_path / "three")
    assert engine.run(SORT.format(300_000))
    assert engine.spill_directory == tmp_path / "three"
