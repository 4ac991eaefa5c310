"""WITH RECURSIVE: the driver asks for one level after the other, each a query over the rows of the level before.

Rows of all levels come together on the driver, and Spark's row limit bounds their number; the query that reads them has
them as local data. Limits directly above a recursion end it early, as in Spark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa

from headrace_driver.connect.local_relations import empty, of_streams
from headrace_driver.errors import ErrorKind, SparkError
from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Alias, Attribute, Cast, Expression, Literal, new_id

LEVELS_MAX = "spark.sql.cteRecursionLevelLimit"
ROWS_MAX = "spark.sql.cteRecursionRowLimit"

Streams = Callable[[lp.LogicalPlan], list[bytes]]
"""Runs a resolved plan: its rows as Arrow streams, none where there are no rows."""


class Recursions:
    """Computes the recursions of one query."""

    def __init__(self, streams: Streams, conf: Mapping[str, str]) -> None:
        self._streams = streams
        self._levels_max = int(conf.get(LEVELS_MAX, "100"))
        self._rows_max = int(conf.get(ROWS_MAX, "1000000"))
        self._definitions: dict[int, lp.CTEDefinition] = {}

    def computed(self, plan: lp.LogicalPlan, limit: int | None = None) -> lp.LogicalPlan:
        """The plan with rows in the place of recursions; of the plan's own rows only the first `limit` are read."""
        if isinstance(plan, lp.Recursion):
            return self._rows(plan, limit)
        if isinstance(plan, lp.CTEReference):
            return lp.CTEReference(self._definition(plan.definition), plan.attributes)
        below = None
        if isinstance(plan, lp.Limit):
            below = _reach(plan, limit)
        elif isinstance(plan, lp.Project | lp.SubqueryAlias):
            below = limit
        return plan.map_inputs(lambda child: self.computed(child, below))

    def _definition(self, definition: lp.CTEDefinition) -> lp.CTEDefinition:
        known = self._definitions.get(definition.id)
        if known is None:
            known = lp.CTEDefinition(definition.id, self.computed(definition.plan))
            self._definitions[definition.id] = known
        return known

    def _rows(self, plan: lp.Recursion, limit: int | None) -> lp.LogicalPlan:
        levels_max = self._levels_max if plan.levels_max is None else plan.levels_max
        level = self._level(plan.anchor, plan)
        streams, rows = [level.arrow_stream], level.rows
        number = 1
        while level.rows and (limit is None or rows < limit):
            self._check_rows(rows, limit)
            if 0 <= levels_max < number:
                raise _too_many_levels(levels_max)
            level = self._level(_over(plan.step, plan.loop_id, level), plan)
            streams.append(level.arrow_stream)
            rows += level.rows
            number += 1
        self._check_rows(rows, limit)
        return _data(streams, plan.output)

    def _check_rows(self, rows: int, limit: int | None) -> None:
        if 0 <= self._rows_max < rows and limit is None:
            raise _error(
                "RECURSION_ROW_LIMIT_EXCEEDED",
                f"Recursion row limit {self._rows_max} reached but query has not exhausted, try setting a larger LIMIT "
                "value when querying the CTE relation.",
                {"rowLimit": str(self._rows_max)},
            )

    def _level(self, part: lp.LogicalPlan, plan: lp.Recursion) -> lp.LocalData:
        # Every level has the columns' names and types, whatever the part calls them.
        pairs = zip(part.output, plan.output, strict=True)
        named = lp.Project(part, tuple(Alias(_as(a, b.type), b.name, new_id()) for a, b in pairs))
        return _data(self._streams(named), plan.output)


def shown(plan: lp.LogicalPlan) -> lp.LogicalPlan:
    """For EXPLAIN, which runs nothing: a recursion as the union of its anchor and one step over no rows."""
    definitions: dict[int, lp.CTEDefinition] = {}

    def change(op: lp.LogicalPlan) -> lp.LogicalPlan:
        if isinstance(op, lp.Recursion):
            nothing = lp.LocalData(b"", _schema(op.output), 0)
            return lp.Union((op.anchor, _over(op.step, op.loop_id, nothing)), op.attributes)
        if isinstance(op, lp.CTEReference):
            inner = definitions.get(op.definition.id)
            if inner is None:
                inner = lp.CTEDefinition(op.definition.id, lp.transform_up(op.definition.plan, change))
                definitions[op.definition.id] = inner
            return lp.CTEReference(inner, op.attributes)
        return op

    return lp.transform_up(plan, change)


def _reach(plan: lp.Limit, limit: int | None) -> int | None:
    """How many of its child's rows a limit reads at most; None where that is not known."""
    counts = [plan.count, plan.offset]
    if any(c is not None and not isinstance(c, Literal) for c in counts):
        return None
    count, offset = (c.value if isinstance(c, Literal) else None for c in counts)
    if count is None or (limit is not None and limit < count):
        count = limit
    return None if count is None else int(count) + int(offset or 0)


def _over(step: lp.LogicalPlan, loop_id: int, level: lp.LocalData) -> lp.LogicalPlan:
    """The step over the rows of a level."""

    def change(op: lp.LogicalPlan) -> lp.LogicalPlan:
        if not isinstance(op, lp.RecursionReference) or op.loop_id != loop_id:
            return op
        return lp.LocalData(level.arrow_stream, level.schema, level.rows, op.attributes)

    return lp.transform_up(step, change)


def _as(column: Attribute, dtype: t.DataType) -> Expression:
    return column if column.type == dtype else Cast(column, dtype, implicit=True)


def _schema(columns: tuple[Attribute, ...]) -> t.StructType:
    return t.StructType(tuple(t.StructField(a.name, a.type, True) for a in columns))


def _data(streams: list[bytes], columns: tuple[Attribute, ...]) -> lp.LocalData:
    schema = _schema(columns)
    found = of_streams([_nullable(stream) for stream in streams], schema) if streams else empty(schema)
    assert isinstance(found, lp.LocalData), "rows come back in the types that were asked for"
    return lp.LocalData(found.arrow_stream, found.schema, found.rows, columns)


def _nullable(stream: bytes) -> bytes:
    """The rows under a schema in which all columns may be null: levels may differ in that."""
    sink = pa.BufferOutputStream()
    with pa.ipc.open_stream(stream) as reader:
        schema = pa.schema([field.with_nullable(True) for field in reader.schema])
        with pa.ipc.new_stream(sink, schema) as writer:
            for batch in reader:
                writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
    made: bytes = sink.getvalue().to_pybytes()
    return made


def _too_many_levels(levels_max: int) -> SparkError:
    return _error(
        "RECURSION_LEVEL_LIMIT_EXCEEDED",
        f"Recursion level limit {levels_max} reached but query has not exhausted, try increasing it like "
        "'WITH RECURSIVE t(col) MAX RECURSION LEVEL 200'.",
        {"levelLimit": str(levels_max)},
    )


def _error(condition: str, message: str, parameters: dict[str, str]) -> SparkError:
    return SparkError(condition, message, parameters, sql_state="42836", kind=ErrorKind.SPARK)
