"""What real sizes change in a plan: what was planned first, what became of it, and the sentence that says why."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace_driver.plan.display.physical import physical_text
from headrace_driver.plan.options import PlannerOptions
from headrace_driver.plan.physical.planner import Planner
from headrace_driver.plan.physical.skew import _even_runs, skewed_partitions
from headrace_driver.plan.stage import ClusterShape
from tests.unit.plan.session import PlanSession
from tests.unit.plan.stage_runner import Finished, StageRunner
from tests.unit.plan.tables import write_table

SLOTS = ClusterShape(slots=4, threads_per_slot=1, memory_bytes_per_slot=1 << 30)
SHUFFLES = PlannerOptions(
    small_bytes=0,
    small_rows=0,
    reducer_bytes=8192,
    max_partitions=16,
    scan_task_rows=500,
    reduce_task_min_bytes=256,
    reduce_task_bytes=4096,
    always_broadcast_bytes=0,
    broadcast_share=0.0,
    skew_piece_min_bytes=512,
)
BROADCASTS = replace(SHUFFLES, broadcast_share=0.25)
ROWS = 6000


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`skewed`: half of the rows have key 7, in all row groups; `gathered`: the same in order of the key."""
    directory = tmp_path_factory.mktemp("tables")
    keys = [7 if i % 10 < 5 else i for i in range(ROWS)]
    v = list(range(ROWS))
    shown = [i * 7919 % ROWS for i in range(ROWS)]
    write_table(directory, "skewed", pa.table({"k": keys, "v": v}), 250)
    write_table(directory, "gathered", pa.table({"k": [shown[i] if i > 2000 else 7 for i in v], "v": v}), 2000)
    write_table(directory, "other", pa.table({"k": shown, "w": v}), 250)
    write_table(directory, "nothing", pa.table({"k": pa.array([], pa.int64()), "w": pa.array([], pa.int64())}), 250)
    return directory


def run(tables: Path, text: str, options: PlannerOptions = SHUFFLES) -> Finished:
    return StageRunner(tables, SLOTS, options).run(PlanSession(tables).optimized(text))


def before(tables: Path, text: str, options: PlannerOptions = SHUFFLES) -> str:
    """The plan as EXPLAIN shows it, from estimates."""
    root = Planner(PlanSession(tables).optimized(text), SLOTS, options, estimating=True).advance()
    assert root is not None
    return physical_text(root, {})


def after(finished: Finished) -> str:
    assert finished.query.root is not None
    return physical_text(finished.query.root, {})


def unsplit(tables: Path, text: str, options: PlannerOptions = SHUFFLES) -> Finished:
    return run(tables, text, replace(options, skew_factor=1e9))


SPLIT_JOINS = {
    "inner": ("SELECT v, w FROM skewed s JOIN other o ON s.k = o.k", "Inner"),
    "left": ("SELECT v, w FROM skewed s LEFT JOIN other o ON s.k = o.k AND w > 9", "LeftOuter"),
    "right": ("SELECT v, w FROM other o RIGHT JOIN skewed s ON s.k = o.k AND w > 9", "LeftOuter"),
    "semi": ("SELECT v FROM skewed s LEFT SEMI JOIN other o ON s.k = o.k AND w <> v", "LeftSemi"),
    "anti": ("SELECT v FROM skewed s LEFT ANTI JOIN other o ON s.k = o.k AND w < v", "LeftAnti"),
}


@pytest.mark.parametrize("kind", SPLIT_JOINS)
def test_a_skewed_side_is_read_in_pieces(tables: Path, kind: str) -> None:
    text, shown = SPLIT_JOINS[kind]
    assert "skewed" not in before(tables, text).replace("parquet skewed", "")
    finished = run(tables, text)
    plan = after(finished)
    assert f"HashJoin {shown} [shuffle, skewed partitions split]" in plan
    assert "in pieces by 4 tasks" in plan
    assert "whole by each of 4 tasks" in plan
    (said,) = [sentence for sentence in finished.decisions if sentence.startswith("skew")]
    assert said.endswith("× the median, split into 4")
    plain = unsplit(tables, text)
    assert "split" not in after(plain)
    assert Counter(map(str, finished.table.to_pylist())) == Counter(map(str, plain.table.to_pylist()))
    sizes, evener = ([task.input_bytes for task in f.specs[-1].tasks] for f in (plain, finished))
    assert max(sizes) > 2 * max(evener)


LEFT_WHOLE = {
    "right side of a left join": (
        "SELECT v, w FROM other o LEFT JOIN skewed s ON s.k = o.k",
        "the right side of a LeftOuter join cannot be split",
    ),
    "full join": ("SELECT v, w FROM skewed s FULL JOIN other o ON s.k = o.k", "a full outer join needs both sides'"),
    "window": ("SELECT v, sum(v) OVER (PARTITION BY k) FROM skewed", "a window needs all rows of a key in one task"),
    "join below a window": (
        "SELECT v, sum(w) OVER (PARTITION BY s.k) FROM skewed s JOIN other o ON s.k = o.k",
        "the window above needs the rows of a key in one task",
    ),
    "percentile": ("SELECT k, percentile(v, 0.5) FROM skewed GROUP BY k", "these aggregates need all rows of a group"),
    "distinct": ("SELECT k, count(DISTINCT v) FROM skewed GROUP BY k", "distinct values of a group meet in one task"),
    "one map": ("SELECT v, w FROM gathered s JOIN other o ON s.k = o.k", "come from one map"),
}


@pytest.mark.parametrize("kind", LEFT_WHOLE)
def test_what_cannot_be_split_is_said_once_and_left(tables: Path, kind: str) -> None:
    text, why = LEFT_WHOLE[kind]
    options = SHUFFLES if kind != "one map" else replace(SHUFFLES, scan_task_rows=2000)
    finished = run(tables, text, options)
    (said,) = [sentence for sentence in finished.decisions if sentence.startswith("skew")]
    assert "left whole" in said
    assert why in said
    assert "in pieces" not in after(finished)
    plain = unsplit(tables, text, options)
    assert Counter(map(str, finished.table.to_pylist())) == Counter(map(str, plain.table.to_pylist()))


def test_groups_of_a_skewed_partition_are_aggregated_in_pieces(tables: Path) -> None:
    text = "SELECT k, sum(v), count(*), avg(v) FROM skewed GROUP BY k"
    options = replace(SHUFFLES, merge_pays_below=0.0)
    assert "Union" not in before(tables, text, options)
    finished = run(tables, text, options)
    assert "HashAggregate partial" in after(finished)
    assert "in pieces by 4 tasks" in after(finished)
    assert next(d for d in finished.decisions if d.startswith("skew")).endswith("split into 4")
    plain = unsplit(tables, text, options)
    assert "HashAggregate partial" not in after(plain)
    assert sorted(map(str, finished.table.to_pylist())) == sorted(map(str, plain.table.to_pylist()))


def test_two_phases_leave_no_skew(tables: Path) -> None:
    finished = run(tables, "SELECT k, sum(v) FROM skewed GROUP BY k", replace(SHUFFLES, merge_pays_below=1.0))
    assert not [d for d in finished.decisions if d.startswith("skew")]
    sizes = finished.stats[0].partition_bytes
    assert max(sizes) < 2 * sorted(sizes)[len(sizes) // 2]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("SELECT s.v FROM skewed s JOIN nothing n ON s.k = n.k", 0),
        ("SELECT s.v FROM skewed s LEFT SEMI JOIN nothing n ON s.k = n.k", 0),
        ("SELECT s.v FROM skewed s JOIN (SELECT k FROM other WHERE w + 1 < 0) n ON s.k = n.k", 0),
        ("SELECT n.w FROM nothing n LEFT ANTI JOIN skewed s ON s.k = n.k", 0),
        ("SELECT count(*) FROM skewed s JOIN nothing n ON s.k = n.k", 1),
        ("SELECT s.v FROM skewed s JOIN other o ON s.k = o.k JOIN nothing n ON o.k = n.k", 0),
    ],
)
def test_what_joins_nothing_is_not_read(tables: Path, text: str, rows: int) -> None:
    assert "Scan parquet skewed" in before(tables, text)
    finished = run(tables, text)
    assert "Scan parquet skewed" not in after(finished)
    assert "Empty" in after(finished)
    assert not any("skewed" in spec.description for spec in finished.specs)
    assert any("has no rows: no result, nothing more is read" in d for d in finished.decisions)
    assert finished.table.num_rows == rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("SELECT s.v, n.w FROM skewed s LEFT JOIN nothing n ON s.k = n.k", ROWS),
        ("SELECT s.v, n.w FROM nothing n RIGHT JOIN skewed s ON s.k = n.k", ROWS),
        ("SELECT s.v, n.w FROM nothing n FULL JOIN skewed s ON s.k = n.k", ROWS),
        ("SELECT s.v FROM skewed s LEFT ANTI JOIN nothing n ON s.k = n.k", ROWS),
    ],
)
def test_rows_that_need_no_partner_pass(tables: Path, text: str, rows: int) -> None:
    finished = run(tables, text)
    assert "Empty" not in after(finished)
    assert finished.table.num_rows == rows


def test_small_where_much_was_expected_is_broadcast(tables: Path) -> None:
    text = "SELECT v, w FROM skewed s JOIN (SELECT * FROM other WHERE w + 1 < 8) o ON s.k = o.k"
    options = replace(BROADCASTS, broadcast_cost=6.0)
    assert "[shuffle]" in before(tables, text, options)
    finished = run(tables, text, options)
    assert "[broadcast]" in after(finished)
    assert len(finished.specs) == 2
    (said,) = finished.decisions
    assert "were expected: broadcast, other side not shuffled" in said


def test_large_where_little_was_expected_is_shuffled(tables: Path) -> None:
    text = "SELECT v, w FROM skewed s JOIN (SELECT * FROM other WHERE w + 1 > 0 AND k + 1 > 0) o ON s.k = o.k"
    options = replace(BROADCASTS, broadcast_cost=2.0)
    assert "[broadcast]" in before(tables, text, options)
    finished = run(tables, text, options)
    assert "[shuffle" in after(finished)
    assert any("were expected: too large to broadcast, other side shuffled" in d for d in finished.decisions)


def test_a_broadcast_asked_for_that_no_task_can_hold_is_shuffled(tables: Path) -> None:
    text = "SELECT /*+ BROADCAST(o) */ v, w FROM skewed s JOIN other o ON s.k = o.k"
    plan = PlanSession(tables).optimized(text)
    tight = replace(SLOTS, memory_bytes_per_slot=50_000)
    assert "[broadcast]" in after(StageRunner(tables, SLOTS, SHUFFLES).run(plan))
    assert "[shuffle" in after(StageRunner(tables, tight, SHUFFLES).run(plan))


def test_equal_exchanges_are_one_stage(tables: Path) -> None:
    text = (
        "SELECT x.k, x.s, y.c FROM (SELECT k, sum(w) s FROM other GROUP BY k) x"
        " JOIN (SELECT k, sum(w) c FROM other GROUP BY k) y ON x.k = y.k"
    )
    finished = run(tables, text)
    assert any("is computed once and read again" in d for d in finished.decisions)
    assert sum("scan parquet other" in spec.description for spec in finished.specs) == 1
    assert finished.table.num_rows == ROWS


def test_skew_is_told_by_median_and_size() -> None:
    options = PlannerOptions(skew_piece_min_bytes=100, skew_factor=4.0)
    assert [s.reducer for s in skewed_partitions([10, 900, 50, 500, 20, 30], options)] == [1, 3]
    assert not skewed_partitions([1, 1, 1, 199], options)  # below the floor
    assert not skewed_partitions([300, 400, 900, 1100], options)  # unlike, but none stands out
    assert not skewed_partitions([5000], options)
    assert not skewed_partitions([], options)


def test_splits_are_capped(tables: Path) -> None:
    text = SPLIT_JOINS["inner"][0]
    finished = run(tables, text, replace(SHUFFLES, skew_splits_max=2))
    assert "in pieces by 2 tasks" in after(finished)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=60), st.integers(1, 20))
def test_runs_of_maps_cover_every_map_once(weights: list[int], wanted: int) -> None:
    runs = _even_runs(weights, wanted)
    assert [m for first, count in runs for m in range(first, first + count)] == list(range(len(weights)))
    assert len(runs) <= wanted
    if sum(weights):
        largest = max(sum(weights[first : first + count]) for first, count in runs)
        assert largest <= sum(weights) / wanted + 2 * max(weights)
