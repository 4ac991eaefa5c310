"""The memory benchmark: its report, its sampler, its checks."""

from __future__ import annotations

import os
from typing import Any

import pytest

from benchmarks.memory.programs import Sizes, WrongAnswer, _expect
from benchmarks.memory.report import markdown
from benchmarks.memory.trees import measure

MB = 1 << 20


def tpch(peak: int, right: bool = True) -> dict[str, Any]:
    run = {"seconds": 2.0, "peak_pss_bytes": peak, "peak_rss_bytes": peak + MB, "spill_bytes": 0, "failed_tasks": 1}
    queries = {"q01": {"capped": run, "uncapped": {**run, "seconds": 1.0}, "right": right}}
    return {"scale": 1, "memory": "100m", "memory_bytes": 100 * MB, "queries": queries}


def page(**parts: Any) -> str:
    return markdown({"started": "now", "cores": 2, "load_at_start": 0.0, "load_at_end": 0.0, **parts})


def test_a_tree_above_its_budget_breaks_the_promise() -> None:
    assert "kept" in page(tpch=tpch(114 * MB))
    assert "BROKEN" in page(tpch=tpch(116 * MB))


def test_ratio_and_wrong_answers_are_shown() -> None:
    text = page(tpch=tpch(10 * MB, right=False))
    assert "0 of 1 answers" in text
    assert "2.00 times" in text
    assert "| NO |" in text


def test_programs_that_did_not_finish_say_why() -> None:
    run: dict[str, Any] = {"engine": "sail", "program": "sort", "seconds": None, "capped": True}
    run["error"] = "ended\nwith a | code"
    run["peak"] = {"pss_bytes": 5 * MB, "rss_bytes": 6 * MB}
    text = page(programs={"memory_bytes": MB, "sizes": {"groups": 5}, "runs": [run]})
    assert "| sort | sail | no: ended with a / code |  | 5 MB | 6 MB | yes |" in text


def test_wrong_numbers_are_errors() -> None:
    _expect(rows=(1, 1))
    with pytest.raises(WrongAnswer, match="rows 1 instead of 2"):
        _expect(rows=(1, 2))


def test_sizes_scale() -> None:
    assert Sizes().scaled(0.5).groups == 30_000_000


def test_a_process_has_memory() -> None:
    found = measure(os.getpid())
    assert 0 < found.pss_bytes <= found.rss_bytes
