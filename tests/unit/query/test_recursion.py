"""Recursions: which levels are asked for, when they end, and what is left for the query above."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from headrace_driver.errors import SparkError
from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Attribute, Literal
from headrace_driver.query.recursion import LEVELS_MAX, ROWS_MAX, Recursions, shown

COLUMN = Attribute("n", t.INTEGER, True, 1)
INNER = Attribute("n", t.INTEGER, True, 2)
RECURSION = lp.Recursion(
    7,
    lp.LocalData(b"", t.StructType(()), 0, (Attribute("a", t.INTEGER, False, 3),)),
    lp.Filter(lp.RecursionReference(7, (INNER,)), Literal(True, t.BOOLEAN)),
    None,
    (COLUMN,),
)


class _Levels:
    """Answers level after level with so many rows, and remembers what it was asked."""

    def __init__(self, rows_of: Callable[[int], int]) -> None:
        self._rows_of = rows_of
        self.asked: list[lp.LogicalPlan] = []

    def streams(self, plan: lp.LogicalPlan) -> list[bytes]:
        self.asked.append(plan)
        rows = self._rows_of(len(self.asked))
        if rows == 0:
            return []
        sink = pa.BufferOutputStream()
        # The anchor's column cannot be null, the step's can.
        schema = pa.schema([pa.field("n", pa.int32(), nullable=len(self.asked) > 1)])
        with pa.ipc.new_stream(sink, schema) as writer:
            writer.write_batch(pa.record_batch([pa.array([len(self.asked)] * rows, pa.int32())], schema=schema))
        return [sink.getvalue().to_pybytes()]

    def read(self) -> list[int]:
        """For every level asked, the rows of the level before that it reads."""
        found: list[int] = []
        for plan in self.asked:
            found.extend(op.rows for op in lp.walk(plan) if isinstance(op, lp.LocalData))
        return found


def _values(data: lp.LogicalPlan) -> list[int]:
    assert isinstance(data, lp.LocalData)
    with pa.ipc.open_stream(data.arrow_stream) as reader:
        values: list[int] = reader.read_all().column(0).to_pylist()
    return values


def test_levels_read_the_level_before_until_one_is_empty() -> None:
    levels = _Levels(lambda n: 4 - n)
    found = Recursions(levels.streams, {}).computed(RECURSION)
    assert _values(found) == [1, 1, 1, 2, 2, 3]
    assert found.output == (COLUMN,)
    assert levels.read() == [0, 3, 2, 1]


def test_nothing_in_the_anchor_is_nothing() -> None:
    levels = _Levels(lambda n: 0)
    assert _values(Recursions(levels.streams, {}).computed(RECURSION)) == []
    assert len(levels.asked) == 1


@pytest.mark.parametrize(("levels_max", "conf"), [(3, {}), (None, {LEVELS_MAX: "3"})])
def test_more_levels_than_allowed_are_an_error(levels_max: int | None, conf: dict[str, str]) -> None:
    levels = _Levels(lambda n: 1)
    plan = lp.replace(RECURSION, levels_max=levels_max)
    with pytest.raises(SparkError) as raised:
        Recursions(levels.streams, conf).computed(plan)
    assert (raised.value.error_class, raised.value.sql_state) == ("RECURSION_LEVEL_LIMIT_EXCEEDED", "42836")
    assert len(levels.asked) == 4  # the anchor and three levels


def test_more_rows_than_allowed_are_an_error() -> None:
    levels = _Levels(lambda n: 10)
    with pytest.raises(SparkError) as raised:
        Recursions(levels.streams, {ROWS_MAX: "25"}).computed(RECURSION)
    assert raised.value.error_class == "RECURSION_ROW_LIMIT_EXCEEDED"
    assert len(levels.asked) == 3


def test_a_limit_right_above_ends_it() -> None:
    levels = _Levels(lambda n: 2)
    limit = lp.Limit(lp.Project(RECURSION, (COLUMN,)), Literal(3, t.INTEGER), Literal(2, t.INTEGER))
    found = Recursions(levels.streams, {}).computed(limit)
    assert len(levels.asked) == 3
    assert isinstance(found, lp.Limit)


def test_a_limit_above_a_filter_does_not() -> None:
    levels = _Levels(lambda n: 2)
    limit = lp.Limit(lp.Filter(RECURSION, Literal(True, t.BOOLEAN)), Literal(3, t.INTEGER))
    with pytest.raises(SparkError):
        Recursions(levels.streams, {}).computed(limit)


def test_a_definition_used_twice_is_computed_once() -> None:
    levels = _Levels(lambda n: 2 - n)
    definition = lp.CTEDefinition(5, RECURSION)
    uses = tuple(lp.CTEReference(definition, (Attribute("n", t.INTEGER, True, i),)) for i in (11, 12))
    found = Recursions(levels.streams, {}).computed(lp.Union(uses, (COLUMN,)))
    first, second = found.inputs()
    assert isinstance(first, lp.CTEReference)
    assert isinstance(second, lp.CTEReference)
    assert first.definition is second.definition
    assert len(levels.asked) == 2


def test_explain_runs_nothing() -> None:
    plan = shown(RECURSION)
    assert isinstance(plan, lp.Union)
    assert not [op for op in lp.walk(plan) if isinstance(op, lp.Recursion | lp.RecursionReference)]
