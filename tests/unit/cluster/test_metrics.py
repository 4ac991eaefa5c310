"""What `/metrics` shows is counted: a name that always says 0 is worse than none."""

from __future__ import annotations

import re
from pathlib import Path

import headrace_driver
from headrace_driver.cluster.metrics import ClusterMetrics


def test_every_metric_is_counted_somewhere() -> None:
    names = vars(ClusterMetrics()).keys() - {"registry"}
    sources = [path.read_text() for path in Path(headrace_driver.__path__[0]).rglob("*.py")]
    counted = {
        name for source in sources for name in re.findall(r"\b_?metrics\.(\w+)\.(?:labels|inc|set|observe)\(", source)
    }
    assert names - counted == set()
