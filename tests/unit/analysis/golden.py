"""Golden files: SQL in `cases/<area>.sql`, what analysis makes of it in `cases/<area>.txt`.

A case is a line `-- name` and the statement under it. Rewrite the answers after reading the difference:

    python -m tests.unit.analysis.golden
"""

from __future__ import annotations

import re
from pathlib import Path

from headrace_driver.errors import SparkError
from headrace_driver.plan import logical as p
from tests.unit.analysis.session import FakeSession, schema_text
from tests.unit.analysis.tree_text import TreeText

CASES = Path(__file__).parent / "cases"
TABLES = {
    "t": "a INT, b STRING, x DOUBLE, arr ARRAY<INT>, m MAP<STRING, INT>, s STRUCT<f: INT, g: STRING>",
    "u": "a INT, z INT",
    "events": "at TIMESTAMP, n INT",
}


def areas() -> list[str]:
    """Names of the case files."""
    return sorted(path.stem for path in CASES.glob("*.sql"))


def cases(area: str) -> dict[str, str]:
    """Statements of a case file by name."""
    parts = re.split(r"^-- (\w+)$\n", (CASES / f"{area}.sql").read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], (text.strip() for text in parts[2::2]), strict=True))


def answer(fake: FakeSession, text: str) -> str:
    """The resolved tree and its schema, or the error with its message."""
    try:
        plan = fake.sql(text)
    except SparkError as failure:
        return str(failure)
    lines = TreeText().tree(plan)
    if not isinstance(plan, p.DropView | p.SetCommand | p.ShowTables):
        lines.append(f"=> {schema_text(plan)}")
    return "\n".join(lines)


def answers(area: str) -> str:
    """The whole answer file of an area."""
    fake = FakeSession(TABLES)
    return "\n".join(f"-- {name}\n{text}\n{answer(fake, text)}\n" for name, text in cases(area).items())


def main() -> None:
    """Writes all answer files."""
    for area in areas():
        (CASES / f"{area}.txt").write_text(answers(area))


if __name__ == "__main__":
    main()
