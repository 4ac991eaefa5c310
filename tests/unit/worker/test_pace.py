"""Chunks of a stream of blocks are small where the cable is slow."""

from __future__ import annotations

import pytest

from headrace_worker.shuffle.server import CHUNK_BYTES, FIRST_CHUNK_BYTES, Pace

SILENCE_S_MAX = 10.0
"""The shortest time after which a reader gives a stream up."""


def sent_at(bytes_per_s: float, chunks: int) -> list[tuple[int, float]]:
    """Sizes and seconds of the chunks of a stream that gets so many bytes a second."""
    pace, sent = Pace(), []
    for _ in range(chunks):
        sent.append((pace.chunk_bytes, pace.chunk_bytes / bytes_per_s))
        pace.sent(sent[-1][1])
    return sent


@pytest.mark.parametrize("bytes_per_s", [15_000, 100_000, 1_000_000])
def test_by_a_slow_cable_a_reader_hears_in_time(bytes_per_s: float) -> None:
    assert max(seconds for _, seconds in sent_at(bytes_per_s, 50)) < SILENCE_S_MAX


def test_by_a_fast_cable_chunks_soon_are_large() -> None:
    sizes = [size for size, _ in sent_at(1e9, 10)]
    assert sizes[0] == FIRST_CHUNK_BYTES
    assert set(sizes[3:]) == {CHUNK_BYTES}


def test_what_was_slow_may_become_fast() -> None:
    pace = Pace()
    for _ in range(20):
        pace.sent(3.0)
    for _ in range(20):
        pace.sent(0.001)
    assert pace.chunk_bytes == CHUNK_BYTES
