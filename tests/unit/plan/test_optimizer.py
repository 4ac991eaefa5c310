"""What the optimizer makes of queries, as text: one file a rule in `golden/`, each a list of queries with their plans.

Column ids are numbered in the order they appear. `HEADRACE_UPDATE_GOLDEN=1` rewrites the files with what the optimizer
makes of the queries now; the difference is for a reviewer to judge.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from headrace_driver.catalog.source import Source
from headrace_driver.plan.display.logical import logical_text
from headrace_driver.sql import parse_schema
from tests.unit.plan.session import PlanSession
from tests.unit.plan.tables import StatedTable

GOLDEN = Path(__file__).parent / "golden"

_TABLES: Mapping[str, tuple[str, int, Mapping[str, float]]] = {
    "a": ("k int, v bigint, s string, d date", 1_000_000, {"k": 1_000, "v": 100, "s": 10, "d": 365}),
    "b": ("k int, v bigint, s string", 100_000, {"k": 1_000, "v": 100, "s": 10}),
    "c": ("k int, n bigint", 100, {"k": 100, "n": 50}),
    # The keys of TPC-H at scale 1.
    "lineitem": (
        "l_orderkey bigint, l_partkey bigint, l_suppkey bigint, l_quantity decimal(15,2), l_price decimal(15,2)",
        6_001_215,
        {"l_orderkey": 1_500_000, "l_partkey": 200_000, "l_suppkey": 10_000, "l_quantity": 50},
    ),
    "orders": (
        "o_orderkey bigint, o_custkey bigint, o_status string, o_date date",
        1_500_000,
        {"o_custkey": 100_000, "o_status": 3, "o_date": 2_406},
    ),
    "customer": ("c_custkey bigint, c_nationkey bigint, c_name string", 150_000, {"c_nationkey": 25}),
    "supplier": ("s_suppkey bigint, s_nationkey bigint, s_name string", 10_000, {"s_nationkey": 25}),
    "part": ("p_partkey bigint, p_brand string, p_type string", 200_000, {"p_brand": 25, "p_type": 150}),
    "nation": ("n_nationkey bigint, n_name string, n_regionkey bigint", 25, {"n_regionkey": 5}),
    "region": ("r_regionkey bigint, r_name string", 5, {}),
}


def stated(name: str) -> Source:
    """The tables of these tests: statistics without files."""
    schema, rows, distinct = _TABLES[name]
    return StatedTable(name, parse_schema(schema), rows, distinct)


@dataclass(frozen=True, slots=True)
class Case:
    """One query with the plan that is right for it."""

    title: str
    query: str
    plan: str


def read(path: Path) -> tuple[str, list[Case]]:
    """The words at the head of a file, and its cases."""
    head, *parts = re.split(r"^== ", path.read_text(), flags=re.MULTILINE)
    cases = []
    for part in parts:
        title, _, rest = part.partition("\n")
        query, _, plan = rest.partition("\n->\n")
        cases.append(Case(title, query.strip(), plan.strip()))
    return head.strip(), cases


def write(path: Path, head: str, cases: list[Case]) -> None:
    parts = [f"== {case.title}\n{case.query}\n->\n{case.plan}\n" for case in cases]
    path.write_text("\n".join([f"{head}\n", *parts]))


def plan_text(query: str) -> str:
    """The optimized plan, ids and names of shared definitions numbered by appearance."""
    text = logical_text(PlanSession(stated).optimized(query))
    numbers: dict[str, str] = {}

    def number(match: re.Match[str]) -> str:
        return match[1] + numbers.setdefault(match[2], str(len(numbers) + 1))

    text = re.sub(r"(#)(\d+)", number, text)
    numbers = {}
    return re.sub(r"(CTE )(\d+)", number, text).strip()


FILES = sorted(GOLDEN.glob("*.txt"))
CASES = {f"{path.stem}: {case.title}": case for path in FILES for case in read(path)[1]}


@pytest.mark.skipif(not os.environ.get("HEADRACE_UPDATE_GOLDEN"), reason="rewrites the files")
def test_update() -> None:
    for path in FILES:
        head, cases = read(path)
        write(path, head, [Case(case.title, case.query, plan_text(case.query)) for case in cases])


@pytest.mark.parametrize("name", CASES)
def test_plan(name: str) -> None:
    assert plan_text(CASES[name].query) == CASES[name].plan
