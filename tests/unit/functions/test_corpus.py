"""Every statement of the corpus, against what real Spark answered."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from headrace_driver.errors import SparkError
from tests.unit.functions.kernel import run

CORPUS = Path(__file__).parent / "corpus"
UNSUPPORTED: dict[str, list[str]] = json.loads((CORPUS / "unsupported.json").read_text())
"""By reason, the statements that this engine does not answer as Spark does; each is asked all the same, so that one
that starts to work must be taken off the list."""
_REASONS = {sql: reason for reason, statements in UNSUPPORTED.items() for sql in statements}


def entries() -> list[Any]:
    """Every question of the corpus, as a test parameter."""
    return [
        pytest.param(entry, id=f"{path.stem}:{entry['sql'][:80]}")
        for path in sorted(CORPUS.glob("*.json"))
        if path.stem != "unsupported"
        for entry in json.loads(path.read_text())
    ]


def same(ours: Any, theirs: Any) -> bool:
    """Equal, floating point within a few units in the last place."""
    if isinstance(theirs, float) and isinstance(ours, float | int):
        return ours == theirs or math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(theirs, list) and isinstance(ours, list):
        return len(ours) == len(theirs) and all(same(a, b) for a, b in zip(ours, theirs, strict=True))
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(same(ours[k], theirs[k]) for k in theirs)
    return bool(ours == theirs)


def complaint(entry: dict[str, Any], *, split: bool = False) -> str | None:
    """What is wrong with our answer, or None."""
    try:
        ours = run(entry["sql"], split=split)
    except SparkError as error:
        if entry.get("error") == error.error_class:
            return None
        return f"raised {error}, expected {entry.get('error') or entry['rows']}"
    except Exception as error:  # noqa: BLE001 - a crash is a wrong answer too
        return f"{type(error).__name__}: {error}"
    if "error" in entry:
        return f"gave {ours.rows}, expected {entry['error']}"
    if ours.types != entry["types"]:
        return f"types {ours.types}, expected {entry['types']}"
    ordered = re.search(r"ORDER BY [^()]*$", entry["sql"])
    theirs = entry["rows"]
    if not same(ours.rows, theirs) and (ordered or not same(sorted(ours.rows, key=repr), sorted(theirs, key=repr))):
        return f"rows {ours.rows}, expected {entry['rows']}"
    return None


@pytest.mark.parametrize("entry", entries())
def test_answer_is_sparks(entry: dict[str, Any]) -> None:
    found = complaint(entry)
    if entry["sql"] in _REASONS:
        assert found, f"works now: take it off unsupported.json ({_REASONS[entry['sql']]})"
        return
    assert found is None


AGGREGATES = json.loads((CORPUS / "aggregates.json").read_text())


@pytest.mark.parametrize("entry", [pytest.param(e, id=e["sql"][:80]) for e in AGGREGATES])
def test_partial_aggregates_merge_to_the_same(entry: dict[str, Any]) -> None:
    if entry["sql"] in _REASONS:
        pytest.skip(_REASONS[entry["sql"]])
    assert complaint(entry, split=True) is None
