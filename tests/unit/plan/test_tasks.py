"""How stages are cut into tasks: every row in exactly one slice, tasks of about equal size, no row read in vain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Attribute, Call, Expression, Literal
from headrace_driver.plan.logical import JoinType
from headrace_driver.plan.options import PlannerOptions
from headrace_driver.plan.physical.exchange import Exchange, ExchangeKind, ReadBroadcast, ReadExchange
from headrace_driver.plan.physical.operator import ANYHOW, EVERYWHERE, Estimate, Operator, Placement, Spread
from headrace_driver.plan.physical.operators import JoinRows, ScanFiles, ScanRange, UnionRows
from headrace_driver.plan.stage import ClusterShape, StageStats, TaskSpec
from headrace_driver.plan.stages.tasks import TaskCutter, coalesce
from tests.unit.plan.tables import ParquetTable, write_table

SIZE = Estimate(1.0, 1.0)
KEY = Attribute("k", t.LONG, True, 1)
EAGER = PlannerOptions(scan_task_rows=1, reduce_task_min_bytes=1, reduce_task_bytes=1)


def cluster(slots: int) -> ClusterShape:
    return ClusterShape(slots=slots, threads_per_slot=1, memory_bytes_per_slot=1 << 30)


def cut(root: Operator, leaves: list[Operator], slots: int, options: PlannerOptions = EAGER) -> tuple[TaskSpec, ...]:
    tasks = TaskCutter(leaves, cluster(slots), options).tasks(root)
    assert [task.partition for task in tasks] == list(range(len(tasks)))
    assert all(len(task.slices) == len(leaves) for task in tasks)
    return tasks


def scan(path: Path, predicate: Expression | None = None, placement: Placement = ANYHOW) -> ScanFiles:
    return ScanFiles(ParquetTable(path), (KEY,), (0,), predicate, placement, SIZE)


def hashed_exchange(sizes: list[int], stage: int = 1) -> Exchange:
    child = ScanRange(0, 1, 1, None, (KEY,), ANYHOW, SIZE)
    exchange = Exchange(child, ExchangeKind.HASH, (KEY,), len(sizes), stage)
    exchange.stats = StageStats(stage, 1, sum(sizes), sizes)
    return exchange


def read(exchange: Exchange, **changes: Any) -> ReadExchange:
    placement = Placement(Spread.HASHED, ((1,),), exchange.partitions)
    return ReadExchange(exchange, (KEY,), (KEY,), placement, SIZE, **changes)


def rows_read(task: TaskSpec, position: int = 0) -> set[int]:
    """Numbers of the rows of the one file that a task's slice covers."""
    files = task.slices[position].scan.files
    return {row for f in files for row in range(f.first_row, f.first_row + f.rows)}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 rows, ascending, in row groups of 7."""
    directory = tmp_path_factory.mktemp("tables")
    write_table(directory, "numbers", pa.table({"k": pa.array(range(100), pa.int64())}), 7)
    return directory / "numbers.parquet"


@pytest.mark.parametrize("slots", [1, 2, 3, 8, 40])
def test_scan_slices_cover_all_rows_once(table: Path, slots: int) -> None:
    leaf = scan(table)
    slices = [rows_read(task) for task in cut(leaf, [leaf], slots)]
    assert sum(map(len, slices)) == 100
    assert set().union(*slices) == set(range(100))
    assert len(slices) == min(slots, 15)


def test_small_scans_are_one_task(table: Path) -> None:
    leaf = scan(table)
    assert len(cut(leaf, [leaf], 8, PlannerOptions())) == 1


@pytest.mark.parametrize(
    ("name", "value", "rows"),
    [
        ("<", 7, range(7)),
        ("<=", 7, range(14)),
        (">", 97, range(98, 100)),
        (">=", 97, range(91, 100)),
        ("=", 50, range(49, 56)),
        ("=", 1000, range(0)),
    ],
)
def test_row_groups_a_predicate_rules_out_are_not_read(table: Path, name: str, value: int, rows: range) -> None:
    leaf = scan(table, Call(name, (KEY, Literal(value, t.LONG)), t.BOOLEAN))
    assert set().union(*(rows_read(task) for task in cut(leaf, [leaf], 3))) == set(rows)


def test_a_mirrored_comparison_prunes_alike(table: Path) -> None:
    leaf = scan(table, Call(">", (Literal(7, t.LONG), KEY), t.BOOLEAN))
    assert set().union(*(rows_read(task) for task in cut(leaf, [leaf], 3))) == set(range(7))


def test_lists_prune_too(table: Path) -> None:
    leaf = scan(table, Call("in", (KEY, Literal(3, t.LONG), Literal(90, t.LONG)), t.BOOLEAN))
    wanted = {*range(7), *range(84, 91)}
    assert set().union(*(rows_read(task) for task in cut(leaf, [leaf], 3))) == wanted


def test_a_stage_that_reads_nothing_still_has_a_task(table: Path) -> None:
    leaf = scan(table, Call("<", (KEY, Literal(-1, t.LONG)), t.BOOLEAN))
    (task,) = cut(leaf, [leaf], 3)
    assert not rows_read(task)


@given(
    start=st.integers(-100, 100),
    rows=st.integers(0, 500),
    tasks=st.none() | st.integers(1, 20),
    slots=st.integers(1, 9),
)
def test_range_slices_cover_all_rows_once(start: int, rows: int, tasks: int | None, slots: int) -> None:
    leaf = ScanRange(start, 3, rows, tasks, (KEY,), ANYHOW, SIZE)
    found = cut(leaf, [leaf], slots)
    pieces = [task.slices[0].rows for task in found]
    assert sum(piece.length for piece in pieces) == rows
    covered = [row for piece in pieces for row in range(piece.offset, piece.offset + piece.length)]
    assert covered == list(range(rows))
    if tasks is not None:
        assert len(found) == tasks


@given(
    sizes=st.lists(st.integers(0, 1000), min_size=1, max_size=60), slots=st.integers(1, 12), aim=st.integers(1, 5000)
)
def test_coalesced_runs_cover_all_reducers_once(sizes: list[int], slots: int, aim: int) -> None:
    runs = coalesce(sizes, slots, PlannerOptions(reduce_task_bytes=aim, reduce_task_min_bytes=100))
    assert [reducer for first, count in runs for reducer in range(first, first + count)] == list(range(len(sizes)))
    assert all(count > 0 for _, count in runs)


def test_even_reducers_are_joined_evenly() -> None:
    options = PlannerOptions(reduce_task_bytes=1 << 20, reduce_task_min_bytes=1)
    assert coalesce([10] * 12, 4, options) == [(0, 3), (3, 3), (6, 3), (9, 3)]


def test_a_large_reducer_stays_alone() -> None:
    options = PlannerOptions(reduce_task_bytes=100, reduce_task_min_bytes=1)
    assert coalesce([100, 1, 1, 1], 2, options) == [(0, 1), (1, 3)]


def test_little_data_is_one_task() -> None:
    assert coalesce([10] * 50, 8, PlannerOptions()) == [(0, 50)]


def test_both_sides_of_a_join_are_cut_alike() -> None:
    left, right = read(hashed_exchange([9, 1, 1, 9], 1)), read(hashed_exchange([0, 0, 50, 0], 2))
    join = JoinRows(left, right, JoinType.INNER, None, "shuffle", (KEY,), left.placement, SIZE)
    tasks = cut(join, [left, right], 3)
    assert len(tasks) > 1
    for task in tasks:
        one, other = task.shuffle_reads
        assert (one.stage_id, other.stage_id) == (1, 2)
        assert (one.first_reducer, one.reducer_count) == (other.first_reducer, other.reducer_count)
    counts = [task.shuffle_reads[0].reducer_count for task in tasks]
    assert sum(counts) == 4


def test_exact_tasks_are_not_joined() -> None:
    leaf = read(hashed_exchange([0, 0, 0, 5]), exact_tasks=True)
    assert [task.shuffle_reads[0].first_reducer for task in cut(leaf, [leaf], 1, PlannerOptions())] == [0, 1, 2, 3]


def test_one_task_reads_all_reducers() -> None:
    leaf = read(hashed_exchange([5, 5, 5]), max_tasks=1)
    (task,) = cut(leaf, [leaf], 8)
    assert (task.shuffle_reads[0].first_reducer, task.shuffle_reads[0].reducer_count) == (0, 3)
    assert task.input_bytes == 15


@pytest.mark.parametrize("slots", [1, 2, 5, 30])
def test_maps_of_a_kept_exchange_are_read_once(slots: int) -> None:
    exchange = hashed_exchange([1000])
    exchange.kind, exchange.maps = ExchangeKind.KEEP, 7
    leaf = read(exchange)
    options = PlannerOptions(reduce_task_min_bytes=1)
    reads = [task.shuffle_reads[0] for task in cut(leaf, [leaf], slots, options)]
    assert [m for r in reads for m in range(r.map_first, r.map_first + r.map_count)] == list(range(7))
    assert len(reads) == min(slots, 7)


def test_sides_of_a_union_have_tasks_of_their_own(table: Path) -> None:
    one, other = scan(table), read(hashed_exchange([4, 4]))
    union = UnionRows((one, other), (KEY,), ANYHOW, SIZE)
    tasks = cut(union, [one, other], 2)
    assert [(bool(rows_read(task)), bool(task.shuffle_reads)) for task in tasks] == [
        (True, False),
        (True, False),
        (False, True),
        (False, True),
    ]


def test_small_sides_are_in_every_task(table: Path) -> None:
    driving, small = scan(table), scan(table, placement=EVERYWHERE)
    broadcast = hashed_exchange([3], 9)
    whole = ReadBroadcast(broadcast, (KEY,), (KEY,), EVERYWHERE, SIZE)
    inner = JoinRows(driving, small, JoinType.INNER, None, "", (KEY,), ANYHOW, SIZE)
    join = JoinRows(inner, whole, JoinType.INNER, None, "", (KEY,), ANYHOW, SIZE)
    tasks = cut(join, [driving, small, whole], 3)
    assert len(tasks) == 3
    assert all(rows_read(task, 1) == set(range(100)) for task in tasks)
    assert not any(task.shuffle_reads for task in tasks)


def test_a_subtree_used_twice_has_slices_twice(table: Path) -> None:
    shared = scan(table, placement=EVERYWHERE)
    join = JoinRows(shared, shared, JoinType.INNER, None, "", (KEY,), EVERYWHERE, SIZE)
    (task,) = cut(join, [shared, shared], 3)
    assert rows_read(task, 0) == rows_read(task, 1) == set(range(100))
