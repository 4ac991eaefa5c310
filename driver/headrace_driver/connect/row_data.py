"""Small results that the driver makes itself: rows in Python to `LocalData`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from headrace_driver.connect.arrow_types import arrow_schema
from headrace_driver.plan import types as t
from headrace_driver.plan.logical import LocalData


def struct(**columns: t.DataType) -> t.StructType:
    """Nullable columns by name."""
    return t.StructType(tuple(t.StructField(name, dtype) for name, dtype in columns.items()))


def local_data(schema: t.StructType, rows: Sequence[Sequence[Any]]) -> LocalData:
    """Rows as a relation. Values are those pyarrow takes for the types."""
    arrow = arrow_schema(schema, "UTC")
    if schema.fields:
        columns = [pa.array([row[i] for row in rows], field.type) for i, field in enumerate(arrow)]
        batch = pa.RecordBatch.from_arrays(columns, schema=arrow)
    else:
        batch = pa.RecordBatch.from_arrays([], schema=arrow)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, arrow) as writer:
        writer.write_batch(batch)
    return LocalData(sink.getvalue().to_pybytes(), schema, len(rows))


NOTHING = local_data(t.StructType(), ())
"""What commands without an answer return."""
