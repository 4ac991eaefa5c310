"""A cluster of its own for each test here, in place of the one all others share: its driver is killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.restart.restartable import Cluster


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    running = Cluster(tmp_path)
    try:
        running.start_driver()
        yield running
    finally:
        running.end()
