"""Digests of result partitions: rows, their order and their blocks count, what lies under nulls does not."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from headrace_driver.cluster.results import ResultBlock
from headrace_driver.cluster.row_digest import RowDigest, RowHashes
from headrace_driver.errors import SparkError
from headrace_driver.journal.operations import Beginning
from headrace_driver.journal.state import KeptRead

HASHES = RowHashes()


def body(*columns: pa.Array) -> bytes:
    # Two columns of one name, as results may have.
    table = pa.Table.from_arrays(list(columns), names=["x"] * len(columns))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    octets: bytes = sink.getvalue().to_pybytes()
    return octets


def digest(*blocks: list[Any], kind: pa.DataType | None = None) -> bytes:
    made = RowDigest(HASHES)
    for block in blocks:
        made.add(body(pa.array(block, kind)), len(block))
    return made.octets


def test_rows_their_order_and_their_blocks_count() -> None:
    found = digest([1, 2], [3])
    assert found == digest([1, 2], [3])
    for other in (digest([2, 1], [3]), digest([1], [2, 3]), digest([1, 2], [4]), digest([1, 2])):
        assert found != other


def test_what_lies_under_nulls_does_not_count() -> None:
    def with_garbage(garbage: int) -> bytes:
        values = np.array([1, garbage, 3], dtype=np.int64)
        array = pa.Array.from_buffers(pa.int64(), 3, [pa.py_buffer(b"\x05"), pa.py_buffer(values)])
        made = RowDigest(HASHES)
        made.add(body(array, array), 3)
        return made.octets

    assert with_garbage(7) == with_garbage(-9)
    assert digest([1, None, 3]) != digest([1, 2, 3])


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["a", None]),
        pa.array([b"a", None]),
        pa.array([True, None]),
        pa.array([[1], [None]]),
        pa.array([{"a": 1}, None]),
        pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int32())),
        pa.array([decimal.Decimal("1.20"), None]),
        pa.array([datetime.datetime(2026, 1, 1), None], pa.timestamp("us", "Asia/Tokyo")),
        pa.array([datetime.timedelta(days=1), None], pa.duration("us")),
        pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
        pa.array([None, None], pa.null()),
    ],
    ids=lambda values: str(values.type),
)
def test_every_type_of_a_result_has_hashes(values: pa.Array) -> None:
    hashes = HASHES.of(body(values))
    assert hashes is not None
    assert len(hashes) == 16


def _block(attempt: int, octets: bytes, partition: int = 4) -> ResultBlock:
    return ResultBlock(partition, 10, b"", attempt, octets)


def test_a_partition_computed_again_goes_on_where_it_is_the_same() -> None:
    begins = Beginning(7, 100, 4, KeptRead(4, 1, 7, 100, b"same"))
    begins.check(_block(1, b""))
    begins.check(_block(9, b"same"))
    begins.check(_block(9, b"other", partition=5))
    for changed in (b"other", b""):
        with pytest.raises(SparkError) as caught:
            begins.check(_block(9, changed))
        assert caught.value.error_class == "RESULT_CHANGED"
    unknown = Beginning(7, 100, 4, KeptRead(4, 1, 7, 100, b""))
    with pytest.raises(SparkError):
        unknown.check(_block(9, b""))
