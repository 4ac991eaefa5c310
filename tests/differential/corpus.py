"""Query texts of the differential tests: one file a query (TPC-H, TPC-DS), or many small ones a file (semantics)."""

import re
from pathlib import Path

QUERIES_ROOT = Path(__file__).parent / "queries"
_TABLES = "_tables"


def suite(name: str) -> dict[str, str]:
    """Query texts of `queries/<name>/q*.sql` by file name without its ending."""
    return {path.stem: path.read_text() for path in sorted((QUERIES_ROOT / name).glob("q*.sql"))}


def areas() -> list[str]:
    """Names of the semantics files, each an area of the language."""
    return [path.stem for path in sorted((QUERIES_ROOT / "semantics").glob("*.sql")) if path.stem != _TABLES]


def area(name: str) -> dict[str, str]:
    """Queries of one semantics file by name.

    A line `-- name` starts a query, which ends before the next such line::

        -- add_widens_precision
        SELECT 1.5 + 2.25
        -- divide_by_zero
        SELECT 1 / 0
    """
    return _blocks((QUERIES_ROOT / "semantics" / f"{name}.sql").read_text())


def semantics_tables() -> dict[str, str]:
    """SELECT texts of the small tables that semantics queries read, by view name."""
    return _blocks((QUERIES_ROOT / "semantics" / f"{_TABLES}.sql").read_text())


def _blocks(text: str) -> dict[str, str]:
    parts = re.split(r"^-- (\w+)$\n", text, flags=re.MULTILINE)
    names = parts[1::2]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ValueError(f"query names used twice: {', '.join(sorted(repeated))}")
    return {name: body.strip() for name, body in zip(names, parts[2::2], strict=True)}
