"""Result batches in the client's schema."""

from __future__ import annotations

import pyarrow as pa
import pytest

from headrace_worker.kernel import ProgramError
from headrace_worker.result import conform


def test_rows_without_columns_are_counted() -> None:
    found = conform(pa.record_batch({"unused": [1, 2, 3]}), pa.schema([]))
    assert (found.num_rows, found.num_columns) == (3, 0)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, found.schema) as writer:
        writer.write_batch(found)
    assert pa.ipc.open_stream(sink.getvalue()).read_all().num_rows == 3


def test_another_number_of_columns_is_a_defect_of_the_program() -> None:
    with pytest.raises(ProgramError, match="2 columns"):
        conform(pa.record_batch({"a": [1], "b": [2]}), pa.schema([("a", pa.int64())]))
