"""Result rows as Arrow batches: sizes, pieces, types."""

from __future__ import annotations

import pyarrow as pa
import pytest

from headrace_driver.connect import results
from headrace_driver.connect.protocol import base_pb2
from headrace_driver.connect.results import Chunking
from headrace_driver.plan import types as t
from headrace_driver.plan.logical import LocalData


def _data(table: pa.Table, schema: t.StructType) -> LocalData:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return LocalData(sink.getvalue().to_pybytes(), schema, table.num_rows)


def _read(stream: bytes) -> pa.Table:
    with pa.ipc.open_stream(stream) as reader:
        batches = list(reader)
        assert len(batches) == 1
        return pa.Table.from_batches(batches)


_LONG = t.StructType((t.StructField("x", t.LONG),))


def test_local_rows_are_cut_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "BATCH_BYTES_MAX", 8_000)
    data = _data(pa.table({"x": pa.array(range(2_500), pa.int64())}), _LONG)
    blocks = list(results.local_rows(data, _LONG, "UTC"))
    assert [block.rows for block in blocks] == [1_000, 1_000, 500]
    assert [v for b in blocks for v in _read(b.arrow_stream).column("x").to_pylist()] == list(range(2_500))


def test_local_rows_get_the_clients_types() -> None:
    schema = t.StructType(
        (
            t.StructField("d", t.DecimalType(10, 2)),
            t.StructField("s", t.STRING),
            t.StructField("ts", t.TIMESTAMP),
            t.StructField("m", t.YEAR_MONTH),
        )
    )
    table = pa.table(
        {
            "d": pa.array(["1.50"]).cast(pa.decimal64(10, 2)),
            "s": pa.array(["x"], pa.large_string()),
            "ts": pa.array([0], pa.timestamp("us", tz="UTC")),
            "m": pa.array([14], pa.int32()),
        }
    )
    [block] = results.local_rows(_data(table, schema), schema, "Asia/Tokyo")
    found = pa.ipc.open_stream(block.arrow_stream).schema
    assert [str(field.type) for field in found] == [
        "decimal128(10, 2)",
        "string",
        "timestamp[us, tz=Asia/Tokyo]",
        "month_interval",
    ]


def test_no_rows_are_one_batch() -> None:
    [block] = results.local_rows(_data(pa.table({"x": pa.array([], pa.int64())}), _LONG), _LONG, "UTC")
    assert block.rows == 0
    assert _read(block.arrow_stream).schema == pa.schema([pa.field("x", pa.int64())])
    assert results.empty_rows(t.StructType(), "UTC").rows == 0


def test_batches_in_pieces() -> None:
    stream = bytes(range(250))
    whole = list(results.batch_responses(7, stream, 3, Chunking()))
    assert [(r.arrow_batch.row_count, r.arrow_batch.start_offset, r.arrow_batch.data) for r in whole] == [
        (7, 3, stream)
    ]
    assert not whole[0].arrow_batch.HasField("num_chunks_in_batch")
    pieces = [r.arrow_batch for r in results.batch_responses(7, stream, 3, Chunking(True, 100))]
    assert [len(piece.data) for piece in pieces] == [100, 100, 50]
    assert [(p.chunk_index, p.num_chunks_in_batch, p.row_count, p.start_offset) for p in pieces] == [
        (0, 3, 7, 3),
        (1, 3, 7, 3),
        (2, 3, 7, 3),
    ]
    assert b"".join(piece.data for piece in pieces) == stream


@pytest.mark.parametrize(
    ("wanted", "given"),
    [(1, 1 << 10), (5_000, 5_000), (0, results.CHUNK_BYTES_MAX), (1 << 40, results.CHUNK_BYTES_MAX)],
)
def test_sizes_of_pieces_are_bounded(wanted: int, given: int) -> None:
    request = base_pb2.ExecutePlanRequest()
    options = request.request_options.add().result_chunking_options
    options.allow_arrow_batch_chunking = True
    options.preferred_arrow_chunk_size = wanted
    assert results.chunking(request) == Chunking(True, given)


def test_structs_are_matched_by_position() -> None:
    schema = t.StructType(
        (t.StructField("s", t.StructType((t.StructField("x", t.LONG), t.StructField("x", t.STRING)))),)
    )
    inner = pa.struct([pa.field("a", pa.int64()), pa.field("b", pa.large_string())])
    table = pa.table({"s": pa.array([{"a": 1, "b": "y"}, None], inner)})
    [block] = results.local_rows(_data(table, schema), schema, "UTC")
    column = _read(block.arrow_stream).column("s").chunk(0)
    assert column.field(0).to_pylist()[:1] == [1]
    assert column.field(1).to_pylist()[:1] == ["y"]
    assert column.is_null().to_pylist() == [False, True]
