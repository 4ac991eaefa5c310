"""Golden traces: scenarios a reviewer can read. `HEADRACE_UPDATE_TRACES=1` writes them anew; look at the difference."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.simulation.script import play

TRACES = sorted((Path(__file__).parent / "traces").glob("*.txt"))


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_trace(path: Path) -> None:
    written = path.read_text()
    played = play(written)
    if os.environ.get("HEADRACE_UPDATE_TRACES"):
        path.write_text(played)
    assert played == written


def test_there_are_traces() -> None:
    assert len(TRACES) >= 8
