"""Which way a query is run: decisions that answers alone do not show."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from headrace_driver.plan import logical as lp
from headrace_driver.plan.options import PlannerOptions
from headrace_driver.plan.stage import ClusterShape
from headrace_driver.plan.statistics import Estimator
from tests.unit.plan.session import PlanSession
from tests.unit.plan.stage_runner import Finished, StageRunner
from tests.unit.plan.tables import write_table

TWO_SLOTS = ClusterShape(slots=2, threads_per_slot=1, memory_bytes_per_slot=1 << 30)
SPREAD = PlannerOptions(small_bytes=0, small_rows=0, scan_task_rows=10)
ROWS = 4000


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`few` has ten keys, one of them null; `many` and `parts` are sorted by `k`; `loose` is not."""
    directory = tmp_path_factory.mktemp("tables")
    keys = list(range(ROWS))
    write_table(directory, "few", pa.table({"k": pa.array([*range(0, 900, 100), None], pa.int64())}), 5)
    scattered = pa.array([None, *(key * 7919 % ROWS // 2 * 2 for key in keys[1:])], pa.int64())
    write_table(directory, "loose", pa.table({"k": scattered, "v": pa.array(keys, pa.int64())}), 400)
    write_table(directory, "many", pa.table({"k": pa.array(keys, pa.int64()), "v": pa.array(keys, pa.int64())}), 400)
    write_table(directory, "parts", pa.table({"k": pa.array(keys, pa.int64()), "c": scattered}), 400)
    return directory


def run(tables: Path, scratch: Path, text: str, options: PlannerOptions = SPREAD) -> Finished:
    return StageRunner(scratch, TWO_SLOTS, options).run(PlanSession(tables).optimized(text))


def settings(finished: Finished) -> list[str]:
    return [spec.program.settings["disabled_optimizers"] for spec in finished.specs]


@pytest.mark.parametrize(
    ("condition", "rows"),
    [("v >= 1000 AND v < 1040", 40), ("1040 > v AND v >= 1000", 40), ("v >= 1000", 3000), ("v > 3000 AND v < 10", 1)],
)
def test_an_interval_is_not_two_independent_halves(tables: Path, condition: str, rows: int) -> None:
    plan = PlanSession(tables).optimized(f"SELECT k, v FROM many WHERE {condition}")
    filters = next(op for op in lp.walk(plan) if isinstance(op, lp.Filter))
    assert Estimator().estimate(filters).rows == pytest.approx(rows, rel=0.05)


@pytest.mark.parametrize(
    ("word", "equal", "answer"),
    [
        ("EXISTS", "=", [*range(0, 900, 100)]),
        ("NOT EXISTS", "=", [None]),
        ("EXISTS", "<=>", [None, *range(0, 900, 100)]),
        ("NOT EXISTS", "<=>", []),
    ],
)
def test_few_keys_are_looked_up_where_many_lie(
    tables: Path, tmp_path: Path, word: str, equal: str, answer: list[int | None]
) -> None:
    text = f"SELECT k FROM few WHERE {word} (SELECT 1 FROM loose WHERE loose.k {equal} few.k)"
    done = run(tables, tmp_path, text)
    assert any("its keys filter the other side" in said for said in done.query.decisions)
    moved = [stats.rows for stats in done.stats[:-1]]
    assert max(moved) <= 20, "the many rows were moved"
    assert sorted(done.table.column(0).to_pylist(), key=lambda k: (k is not None, k)) == answer


def test_a_condition_besides_the_keys_keeps_all_rows_that_meet_them(tables: Path, tmp_path: Path) -> None:
    text = "SELECT k FROM few WHERE EXISTS (SELECT 1 FROM loose WHERE loose.k = few.k AND loose.v + 1 < few.k + 0)"
    done = run(tables, tmp_path, text)
    assert any("its keys filter the other side" in said for said in done.query.decisions)
    loose = [(key * 7919 % ROWS // 2 * 2, key) for key in range(1, ROWS)]
    expected = {k for k in range(0, 900, 100) if any(key == k and v + 1 < k for key, v in loose)}
    assert set(done.table.column(0).to_pylist()) == expected


def test_the_kernel_orders_joins_of_files_only(tables: Path, tmp_path: Path) -> None:
    aligned = run(tables, tmp_path, "SELECT count(*) FROM many JOIN parts ON many.k = parts.k")
    assert "aligned" in aligned.strategies[0]
    assert settings(aligned)[0] == ""
    assert settings(aligned)[-1] == "join_order,build_side_probe_side"


def test_the_planner_orders_semi_joins_with_groups(tables: Path, tmp_path: Path) -> None:
    text = "SELECT count(*) FROM many WHERE k IN (SELECT k FROM parts GROUP BY k HAVING sum(c) > 3000)"
    done = run(tables, tmp_path, text)
    assert "aligned" in done.strategies[0]
    assert settings(done)[0] == "join_order,build_side_probe_side"


def test_little_data_is_merged_and_sorted_in_one_task(tables: Path, tmp_path: Path) -> None:
    done = run(tables, tmp_path, "SELECT c % 3 AS g, count(*) AS n FROM parts GROUP BY 1 ORDER BY 1")
    assert len(done.specs) == 2
    assert done.table.column(1).to_pylist()[0] == 1


def test_sorted_tables_are_joined_before_a_third(tables: Path) -> None:
    text = "SELECT count(*) FROM loose JOIN parts ON loose.v = parts.c JOIN many ON many.k = parts.k"
    plan = PlanSession(tables).optimized(text)
    innermost = [op for op in lp.walk(plan) if isinstance(op, lp.Join)][-1]
    read = {op.source.description for op in lp.walk(innermost) if isinstance(op, lp.Scan)}
    assert read == {"parquet many", "parquet parts"}


KEYS_FIRST = PlannerOptions(
    small_bytes=0,
    small_rows=0,
    scan_task_rows=10,
    always_broadcast_bytes=0,
    broadcast_cost=1e9,
    key_filter_min_bytes=0,
    key_filter_cost=0.0,
)


@pytest.mark.parametrize("equal", ["=", "<=>"])
def test_what_meets_no_key_is_not_moved(tables: Path, tmp_path: Path, equal: str) -> None:
    text = f"SELECT few.k, loose.v FROM few JOIN loose ON loose.k {equal} few.k"
    done = run(tables, tmp_path, text, KEYS_FIRST)
    assert any("its keys filter the other side, of which" in said for said in done.query.decisions)
    assert "filtered by the first's keys" in done.strategies[-1]
    moved = [stats.rows for stats in done.stats[:-1]]
    assert max(moved) <= 20, "the many rows were moved"
    loose = [None, *(key * 7919 % ROWS // 2 * 2 for key in range(1, ROWS))]
    few = [*range(0, 900, 100), None]
    expected = [(k, v) for v, k in enumerate(loose) if k in few and (k is not None or equal == "<=>")]
    found = list(zip(*(column.to_pylist() for column in done.table.columns), strict=True))
    assert sorted(map(str, found)) == sorted(map(str, expected))


@pytest.mark.parametrize("kind", ["LEFT", "FULL"])
def test_rows_that_stay_without_a_partner_are_not_filtered(tables: Path, tmp_path: Path, kind: str) -> None:
    done = run(tables, tmp_path, f"SELECT count(*) FROM loose {kind} JOIN few ON loose.k = few.k", KEYS_FIRST)
    assert not any("keys filter" in said for said in done.query.decisions)
    assert done.table.column(0)[0].as_py() >= ROWS


def test_a_filter_that_drops_little_is_not_made(tables: Path, tmp_path: Path) -> None:
    done = run(tables, tmp_path, "SELECT count(*) FROM parts JOIN loose ON loose.v = parts.c", KEYS_FIRST)
    assert not any("keys filter" in said for said in done.query.decisions)


PAIRS = "SELECT count(*) AS n, sum(a.id * b.id) AS s FROM range(5000) a JOIN range(5000) b ON a.id % 7 <> b.id % 5"


def test_a_join_without_keys_uses_all_slots(tables: Path, tmp_path: Path) -> None:
    done = run(tables, tmp_path, PAIRS, PlannerOptions())
    assert any("one side in 2 pieces" in said for said in done.query.decisions)
    joined = next(spec for spec in done.specs if "in pieces" in spec.description)
    assert len(joined.tasks) == 2
    assert joined is not done.specs[-1], "the aggregation has a phase before the rows meet"
    same = [([i for i in range(5000) if i % 7 == r], [i for i in range(5000) if i % 5 == r]) for r in range(5)]
    count = 5000 * 5000 - sum(len(a) * len(b) for a, b in same)
    total = sum(range(5000)) ** 2 - sum(sum(a) * sum(b) for a, b in same)
    assert [column[0].as_py() for column in done.table.columns] == [count, total]


def test_few_pairs_are_compared_by_one_task(tables: Path, tmp_path: Path) -> None:
    done = run(tables, tmp_path, PAIRS.replace("5000", "50"), PlannerOptions())
    assert len(done.specs) == 1
