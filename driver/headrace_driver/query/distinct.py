"""Queries that planning needs the answer of: the values of a pivot's column, where the user names none, and the levels
of a recursion."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any

import pyarrow as pa

from headrace_driver.connect import results
from headrace_driver.connect.runner import PreparedQuery, RunningQuery
from headrace_driver.errors import unsupported
from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Literal, SortOrder
from headrace_driver.session import Session

VALUES_MAX = 10_001
"""Read at most: one more than spark.sql.pivotMaxValues, so that analysis can tell that there are too many."""

Prepare = Callable[[lp.LogicalPlan], PreparedQuery]
Start = Callable[[PreparedQuery, Session, str], Any]


class InnerQueries:
    """Runs such queries from a planning thread: the thread waits while the cluster works."""

    def __init__(self, loop: asyncio.AbstractEventLoop, session: Session, prepare: Prepare, start: Start) -> None:
        self._loop = loop
        self._session = session
        self._prepare = prepare
        self._start = start

    def collect(self, plan: lp.LogicalPlan) -> Sequence[Literal]:
        """The sorted values of the one column of a resolved plan."""
        [column] = plan.output
        ordered = lp.Sort(plan, (SortOrder(column, True, True),))
        values: list[Any] = []
        for stream in self.streams(lp.Limit(ordered, Literal(VALUES_MAX, t.INTEGER))):
            with pa.ipc.open_stream(stream) as reader:
                for batch in reader:
                    values.extend(_values(batch.column(0), column.dtype))
        return [Literal(value, column.dtype) for value in values]

    def streams(self, plan: lp.LogicalPlan) -> list[bytes]:
        """The rows of a resolved plan, in the client's schema."""
        prepared = self._prepare(plan)
        if prepared.local is not None:
            assert isinstance(prepared.local, lp.LocalData)
            rows = results.local_rows(prepared.local, prepared.schema, self._session.conf.time_zone)
            return [block.arrow_stream for block in rows]
        assert not _on_loop(self._loop), "the event loop would wait for itself"
        return asyncio.run_coroutine_threadsafe(self._run(prepared), self._loop).result()

    async def _run(self, prepared: PreparedQuery) -> list[bytes]:
        running: RunningQuery = await self._start(prepared, self._session, str(uuid.uuid4()))
        try:
            async with aclosing(running.blocks()) as blocks:
                return [block.arrow_stream async for block in blocks]
        except BaseException:
            running.cancel("the query that needs it has ended")
            raise
        finally:
            running.release()


def _on_loop(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


def _values(column: pa.Array, dtype: t.DataType) -> list[Any]:
    """Values as `Literal` holds them."""
    match dtype:
        case t.DateType():
            found: list[Any] = column.cast(pa.int32()).to_pylist()
        case t.TimestampType() | t.TimestampNTZType() | t.DayTimeIntervalType():
            found = column.cast(pa.int64()).to_pylist()
        case t.StructType():
            parts = [_values(column.field(i), field.dtype) for i, field in enumerate(dtype.fields)]
            whole = column.is_null().to_pylist()
            found = [None if null else row for null, row in zip(whole, zip(*parts, strict=True), strict=True)]
        case t.ArrayType() | t.MapType() | t.YearMonthIntervalType() | t.CalendarIntervalType():
            raise unsupported(f"pivot by a column of type {dtype.name} without a list of values")
        case _:
            found = column.to_pylist()
    return found
