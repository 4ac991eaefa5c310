"""Columns nobody named have the names that real Spark gives them, for every example of its functions' documentation."""

import json
from pathlib import Path

from headrace_driver.errors import SparkError
from tests.unit.analysis.session import FakeSession

ANSWERS = Path(__file__).parent / "column_names.json"
KNOWN_DIFFERENCES = {
    # Spark folds a comparison of a whole number with a fraction into one of whole numbers.
    "SELECT 2 > 1.1",
    # Spark folds the cast of a null.
    "SELECT array_append(CAST(null as Array<Int>), 2)",
    "SELECT array_prepend(CAST(null as Array<Int>), 2)",
    # The padding shown depends on the type of what is padded.
    "SELECT hex(lpad(unhex('aabb'), 5))",
    "SELECT hex(rpad(unhex('aabb'), 5))",
}
KNOWN_AT_LEAST = 800
"""Statements whose functions are built; the others are skipped."""


def test_names() -> None:
    session = FakeSession({})
    wrong: dict[str, tuple[list[str], list[str]]] = {}
    known = 0
    for text, names in json.loads(ANSWERS.read_text()):
        try:
            plan = session.sql(text)
        except SparkError:
            continue
        known += 1
        got = [a.name for a in plan.output]
        if got != names and text not in KNOWN_DIFFERENCES:
            wrong[text] = (got, names)
    assert not wrong
    assert known >= KNOWN_AT_LEAST
