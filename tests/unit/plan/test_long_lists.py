"""IN over many constants answers as a short list does, in every place, with every kind of null; and becomes a join."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace_driver.plan import logical as lp
from headrace_driver.plan.expressions import Call, walk
from headrace_driver.plan.optimizer import long_lists
from tests.unit.plan.session import PlanSession
from tests.unit.plan.stage_runner import StageRunner

LISTS = {
    "i": ["3, 4, 5, 5, 100", "3, NULL, 5", "NULL, NULL, NULL", "-1, 2000000000000, 7"],
    "s": ["'a', 'c', 'zz'", "'a', NULL, 'b'", "'', 'A', 'B'"],
    "d": ["1.50, 2, 100", "1.5, NULL, 2.25", "12345678901234567890.5, 1.5, 3"],
    "f": ["double('NaN'), 0, 2.5", "-0.0D, 1.5D, 2.5D", "0.0D, NULL, 2.5D"],
    "t": ["DATE'2020-01-01', DATE'2020-01-03', NULL", "'2020-01-01', '2020-01-02', '2020-01-05'"],
}
SHAPES = (
    "SELECT n FROM v WHERE {x} IN ({list}) ORDER BY n",
    "SELECT n FROM v WHERE {x} NOT IN ({list}) ORDER BY n",
    "SELECT n, {x} IN ({list}) AS a, {x} NOT IN ({list}) AS b, ({x} IN ({list})) IS NULL AS c FROM v ORDER BY n",
    "SELECT n FROM v WHERE {x} IN ({list}) OR n = 2 ORDER BY n",
    "SELECT n FROM v WHERE NOT ({x} IN ({list}) AND n > 2) ORDER BY n",
    "SELECT {x} IN ({list}) AS k, count(*) AS n, sum(if({x} IN ({list}), n, 0)) AS m FROM v GROUP BY 1 ORDER BY 1",
    "SELECT a.n, b.n AS m FROM v a LEFT JOIN v b ON a.n = b.n AND b.{x} IN ({list}) ORDER BY 1",
    "SELECT a.n, b.n AS m FROM v a FULL JOIN v b ON a.n = b.n AND a.{x} NOT IN ({list}) ORDER BY 1, 2",
    "SELECT {x}, count(*) AS n FROM v GROUP BY {x} HAVING {x} IN ({list}) ORDER BY 1",
    "SELECT n FROM v WHERE EXISTS (SELECT 1 FROM v w WHERE w.n = v.n + 1 AND w.{x} IN ({list})) ORDER BY n",
    "WITH c AS (SELECT * FROM v WHERE {x} IN ({list})) SELECT a.n FROM c a JOIN c b ON a.n = b.n ORDER BY 1",
)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> PlanSession:
    folder = tmp_path_factory.mktemp("lists")
    pq.write_table(
        pa.table(
            {
                "n": pa.array(range(1, 7), pa.int32()),
                "i": pa.array([3, 4, None, 7, 0, 5], pa.int32()),
                "s": ["a", "b", None, "", "A", "c"],
                "d": pa.array(
                    [Decimal(x) if x else None for x in ("1.50", "2.25", "", "3", "0", "2")], pa.decimal128(9, 2)
                ),
                "f": [0.0, -0.0, None, float("nan"), 2.5, 1.5],
                "t": pa.array([datetime.date(2020, 1, k) if k < 6 else None for k in range(1, 7)], pa.date32()),
            }
        ),
        folder / "v.parquet",
    )
    return PlanSession(folder)


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> StageRunner:
    return StageRunner(tmp_path_factory.mktemp("scratch"))


def _lists_left(plan: lp.LogicalPlan) -> list[Call]:
    calls = (part for op in lp.walk(plan) for e in op.expressions() for part in walk(e))
    return [part for part in calls if isinstance(part, Call) and part.name == "in"]


@pytest.mark.parametrize(
    ("column", "shape"), [(column, shape) for column in LISTS for shape in SHAPES[: None if column == "i" else 3]]
)
def test_long_lists_answer_as_short_ones(
    session: PlanSession, runner: StageRunner, monkeypatch: pytest.MonkeyPatch, column: str, shape: str
) -> None:
    for values in LISTS[column]:
        text = shape.format(x=column, list=values)
        expected = runner.run(session.optimized(text)).table
        with monkeypatch.context() as patched:
            patched.setattr(long_lists, "LONG", 2)
            plan = session.optimized(text)
            answer = runner.run(plan).table
        assert repr(answer.to_pylist()) == repr(expected.to_pylist()), text


def test_constants_that_need_computing_stay_a_list(
    session: PlanSession, runner: StageRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "SELECT n, i IN (3, 4, 5, n, length(s)) AS a FROM v ORDER BY n"
    expected = runner.run(session.optimized(text)).table
    monkeypatch.setattr(long_lists, "LONG", 2)
    plan = session.optimized(text)
    assert [len(call.args) for call in _lists_left(plan)] == [3]
    assert runner.run(plan).table.to_pylist() == expected.to_pylist()


def test_a_long_list_is_a_join_and_a_range(session: PlanSession) -> None:
    numbers = ", ".join(map(str, range(5, 5 + long_lists.LONG)))
    plan = session.optimized(f"SELECT n FROM v WHERE i IN ({numbers})")
    assert not _lists_left(plan)
    joins = [op for op in lp.walk(plan) if isinstance(op, lp.Join)]
    assert [(join.type, type(join.condition)) for join in joins] == [(lp.JoinType.SEMI, Call)]
    filters = [op.condition for op in lp.walk(plan) if isinstance(op, lp.Filter) and isinstance(op.child, lp.Scan)]
    names = {part.name for e in filters for part in walk(e) if isinstance(part, Call)}
    assert {">=", "<="} <= names
    short = ", ".join(map(str, range(5, 4 + long_lists.LONG)))
    assert _lists_left(session.optimized(f"SELECT n FROM v WHERE i IN ({short})"))
