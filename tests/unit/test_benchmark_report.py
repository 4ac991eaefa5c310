"""A benchmark shows failures and wrong answers instead of hiding them in its totals."""

from typing import Any

from benchmarks.harness import Run
from benchmarks.report import common_queries, markdown
from benchmarks.tpch import summary


def run(seconds: float, rows: int = 1, checksum: float = 10.0) -> Run:
    """An execution that answered."""
    return Run(seconds, rows, (checksum,), None, 1 << 30)


def failed(reason: str) -> Run:
    """An execution that did not."""
    return Run(None, None, (), reason, 0)


def result(queries: dict[str, dict[str, list[Run]]]) -> dict[str, Any]:
    """A benchmark's result around the runs of its queries."""
    names = next(iter(queries.values()))
    return {
        "benchmark": "TPC-H",
        "scale": 1.0,
        "warm_runs": 2,
        "started": "2024-01-01T00:00:00+00:00",
        "machine": {"processor": "any", "cores_used": 2, "cores": 2, "memory_bytes": 1 << 34},
        "engines": {name: {"description": name.title(), "start_s": 0.5} for name in names},
        "queries": {query: summary(by_engine) for query, by_engine in queries.items()},
    }


def test_warm_is_the_median_of_the_later_runs() -> None:
    row = summary({"a": [run(9.0), run(1.0), run(5.0), run(2.0)]})["a"]
    assert (row["cold_s"], row["warm_s"], row["error"]) == (9.0, 2.0, None)


def test_the_minority_answer_is_wrong() -> None:
    rows = summary({"a": [run(1), run(1)], "b": [run(1), run(1, checksum=11.0)], "c": [run(1), run(1)]})
    assert rows["a"]["error"] is None
    assert rows["b"]["warm_s"] is None
    assert "answer differs" in rows["b"]["error"]


def test_rounding_of_averages_is_no_difference() -> None:
    rows = summary({"a": [run(1, checksum=10.0)], "b": [run(1, checksum=10.0001)], "c": [run(1)]})
    assert all(row["error"] is None for row in rows.values())


def test_totals_cover_what_all_answered_and_failures_are_listed() -> None:
    measured = result(
        {
            "q01": {"a": [run(1), run(1)], "b": [run(2), run(2)], "dead": [failed("did not start")]},
            "q02": {"a": [run(1), run(1)], "b": [failed("no answer within 5 s")], "dead": [failed("did not start")]},
        }
    )
    assert common_queries(measured) == ["q01"]
    text = markdown(measured)
    assert "| A | 1.00 | 1.00 |" in text
    assert "| B | 2.00 | 2.00 |" in text
    assert "| Dead | – | – |" in text
    assert "- q02 on b: no answer within 5 s" in text
    assert "| q02 | 1.000 | failed | failed |" in text
