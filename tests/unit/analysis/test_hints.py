"""Hints that repartition or choose joins: what they take, and Spark's errors for the rest. Unknown ones are ignored."""

from __future__ import annotations

import pytest

from headrace_driver.errors import SparkError
from headrace_driver.plan import expressions as e
from headrace_driver.plan import logical as p
from headrace_driver.plan.analysis import analyze
from headrace_driver.sql import parse_statement
from tests.unit.analysis.session import FakeSession

_NUMBER_AND_COLUMNS = (
    "{} Hint parameters should include an optional integral partitionNum and/or columns, but {} can not be recognized "
    "as either partitionNum or columns."
)
_TABLES = {"t": "id BIGINT"}


def _analyzed(hint: str, **conf: str) -> p.LogicalPlan:
    session = FakeSession(_TABLES, conf)
    return analyze(parse_statement(f"SELECT /*+ {hint} */ id FROM t"), session)


def _repartition(plan: p.LogicalPlan) -> p.Repartition | None:
    found = [node for node in p.walk(plan) if isinstance(node, p.Repartition)]
    return found[0] if found else None


@pytest.mark.parametrize(
    ("hint", "count", "shuffle", "keys"),
    [
        ("COALESCE(2)", 2, False, []),
        ("REPARTITION", None, True, []),
        ("REPARTITION(3, id)", 3, True, ["id"]),
        ("REPARTITION('id')", None, True, ["id"]),
        ("REPARTITION_BY_RANGE(3, id)", 3, True, ["id"]),
        ("REBALANCE(id)", None, True, ["id"]),
    ],
)
def test_repartitions(hint: str, count: int | None, shuffle: bool, keys: list[str]) -> None:
    found = _repartition(_analyzed(hint))
    assert found is not None
    assert (found.partitions, found.shuffle) == (count, shuffle)
    names = [key.child if isinstance(key, e.SortOrder) else key for key in found.keys]
    assert [name.name for name in names if isinstance(name, e.Attribute)] == keys
    assert all(isinstance(key, e.SortOrder) for key in found.keys) or "RANGE" not in hint


@pytest.mark.parametrize(
    ("hint", "message"),
    [
        ("COALESCE", "COALESCE Hint expects a partition number as a parameter."),
        ("COALESCE('a')", "COALESCE Hint expects a partition number as a parameter."),
        ("COALESCE(id)", "COALESCE Hint expects a partition number as a parameter."),
        ("COALESCE(1, 2)", "COALESCE Hint expects a partition number as a parameter."),
        ("COALESCE(0)", "requirement failed: Number of partitions (0) must be positive."),
        ("REPARTITION(0)", "requirement failed: Number of partitions (0) must be positive."),
        ("REBALANCE(0)", "requirement failed: Number of partitions (0) must be positive."),
        ("REPARTITION(id, 3)", _NUMBER_AND_COLUMNS.format("REPARTITION", '"3"')),
        ("REPARTITION(3, 5)", _NUMBER_AND_COLUMNS.format("REPARTITION", '"5"')),
        ("REPARTITION(1.5)", _NUMBER_AND_COLUMNS.format("REPARTITION", '"1.5"')),
        ("REBALANCE(3, 4)", _NUMBER_AND_COLUMNS.format("REBALANCE", '"4"')),
        ("REPARTITION(nosuch)", "A column, variable, or function parameter with name `nosuch` cannot be resolved."),
        ("BROADCAST(1)", 'Join strategy hint parameter should be an identifier or string but was "1"'),
    ],
)
def test_parameters_that_do_not_fit(hint: str, message: str) -> None:
    with pytest.raises(SparkError) as raised:
        _analyzed(hint)
    assert message in str(raised.value)


@pytest.mark.parametrize("hint", ["NOSUCH", "NOSUCH(a)", "SKEW('t')", "BROADCAST(nosuch)", "BROADCAST('t')"])
def test_hints_that_say_nothing_here_change_nothing(hint: str) -> None:
    assert _repartition(_analyzed(hint)) is None


def test_hints_can_be_turned_off() -> None:
    assert _repartition(_analyzed("REPARTITION(3)", **{"spark.sql.optimizer.disableHints": "true"})) is None
