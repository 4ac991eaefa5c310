"""Queries that analysis asks: run from a thread, their answers as literals."""

from __future__ import annotations

import asyncio
import datetime
import decimal
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace_driver.catalog.views import SessionViews
from headrace_driver.connect import row_data
from headrace_driver.connect.results import Rows
from headrace_driver.errors import SparkError
from headrace_driver.plan import expressions as e
from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.query.distinct import InnerQueries, _values
from headrace_driver.session import Session, SessionKey, SessionStore


@dataclass
class _Prepared:
    schema: t.StructType
    local: lp.LogicalPlan | None
    plan: lp.LogicalPlan


@dataclass
class _Running:
    streams: list[bytes]
    fails: bool = False
    released: int = 0
    cancelled: list[str] = field(default_factory=list)

    async def blocks(self, first_partition: int = 0) -> AsyncGenerator[Rows, None]:
        await asyncio.sleep(0)
        if self.fails:
            raise SparkError("A", "no")
        for stream in self.streams:
            yield Rows(1, stream)

    def cancel(self, reason: str) -> None:
        self.cancelled.append(reason)

    def release(self) -> None:
        self.released += 1


_SCHEMA = row_data.struct(x=t.LONG)


def _session(directory: Path) -> Session:
    store = SessionStore(directory, lambda: 0.0, SessionViews)
    return store.get_or_create(SessionKey("me", "00112233-4455-6677-8899-aabbccddeeff"))


def _collect(directory: Path, running: _Running, seen: list[lp.LogicalPlan]) -> Any:
    async def start(*_: Any) -> _Running:
        return running

    async def main() -> Any:
        def prepare(plan: lp.LogicalPlan) -> _Prepared:
            seen.append(plan)
            return _Prepared(_SCHEMA, None, plan)

        plan = lp.LocalData(b"", _SCHEMA, 0, (e.Attribute("x", t.LONG, True, 1),))
        queries = InnerQueries(asyncio.get_running_loop(), _session(directory), prepare, start)
        return await asyncio.to_thread(queries.collect, plan)

    return asyncio.run(main())


def test_values_come_sorted_and_bounded(tmp_path: Path) -> None:
    seen: list[lp.LogicalPlan] = []
    running = _Running([row_data.local_data(_SCHEMA, [[None], [1]]).arrow_stream])
    assert _collect(tmp_path, running, seen) == [e.Literal(None, t.LONG), e.Literal(1, t.LONG)]
    assert isinstance(seen[0], lp.Limit)
    assert isinstance(seen[0].child, lp.Sort)
    assert (running.released, running.cancelled) == (1, [])


def test_a_failed_query_is_released(tmp_path: Path) -> None:
    running = _Running([], fails=True)
    with pytest.raises(SparkError, match="no"):
        _collect(tmp_path, running, [])
    assert (running.released, len(running.cancelled)) == (1, 1)


@pytest.mark.parametrize(
    ("array", "dtype", "values"),
    [
        (pa.array([datetime.date(1970, 1, 3), None]), t.DATE, [2, None]),
        (pa.array([5], pa.timestamp("us", tz="Asia/Tokyo")), t.TIMESTAMP, [5]),
        (pa.array([7], pa.duration("us")), t.DAY_TIME, [7]),
        (pa.array([decimal.Decimal("1.50")]), t.DecimalType(3, 2), [decimal.Decimal("1.50")]),
        (pa.array(["a"]), t.STRING, ["a"]),
        (
            pa.array([{"a": 1, "b": datetime.date(1970, 1, 2)}, None]),
            t.StructType((t.StructField("a", t.LONG), t.StructField("b", t.DATE))),
            [(1, 1), None],
        ),
    ],
)
def test_values_are_those_of_literals(array: pa.Array, dtype: t.DataType, values: list[object]) -> None:
    assert _values(array, dtype) == values


def test_values_that_cannot_name_columns() -> None:
    with pytest.raises(SparkError, match="array"):
        _values(pa.array([[1]]), t.ArrayType(t.LONG))
