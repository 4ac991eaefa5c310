"""The skew benchmark's factors, and that a failure is shown in place of a factor."""

from typing import Any

from benchmarks.skew import SHAPES, factors, markdown


def answered(seconds: float) -> dict[str, Any]:
    return {"warm_s": seconds, "error": None}


FAILED = {"warm_s": None, "error": "no answer within 60 s"}


def queries() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for shape in SHAPES:
        found[f"{shape}: even"] = {"one": answered(2.0), "two": answered(1.0)}
        found[f"{shape}: skewed"] = {"one": answered(3.0), "two": FAILED}
    found["dimension: automatic"] = {"one": answered(0.5), "two": answered(1.0)}
    found["dimension: shuffled"] = {"one": answered(4.0), "two": answered(1.5)}
    return found


def test_factors_are_of_skewed_to_even_and_of_shuffled_to_automatic() -> None:
    found = factors(queries(), ["one", "two"])
    assert all(found[shape] == {"one": 1.5, "two": None} for shape in SHAPES)
    assert found["dimension, shuffled against automatic"] == {"one": 8.0, "two": 1.5}


def test_a_failure_is_shown() -> None:
    names = ["one", "two"]
    text = markdown(
        {
            "rows": 10,
            "fact_rows": 20,
            "warm_runs": 1,
            "started": "2024-01-01T00:00:00+00:00",
            "machine": {"processor": "any", "cores_used": 2, "cores": 2, "load_at_end": 1.0},
            "engines": {name: {"description": name.title()} for name in names},
            "queries": queries(),
            "factors": factors(queries(), names),
        }
    )
    assert "| aggregate: skewed | 3.00 | failed |" in text
    assert "| aggregate | 1.50 | – |" in text
    assert "- aggregate: skewed, two: no answer within 60 s" in text
