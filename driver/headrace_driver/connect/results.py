"""Result rows as responses: schema first, then Arrow batches, cut where the client asked for chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from headrace_driver.connect.arrow_types import END_OF_STREAM, MONTH_INTERVAL, arrow_schema
from headrace_driver.connect.protocol import Proto, base_pb2
from headrace_driver.connect.types import to_proto
from headrace_driver.plan import types as t
from headrace_driver.plan.logical import LocalData

BATCH_BYTES_MAX = 4 << 20
"""Of one Arrow batch cut from local data, roughly."""
CHUNK_BYTES_MIN = 1 << 10
CHUNK_BYTES_MAX = 16 << 20
"""A batch larger than this is sent in pieces to clients that put them together again (4.1 and newer)."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows: a complete Arrow IPC stream with one batch."""

    rows: int
    arrow_stream: bytes


@dataclass(frozen=True, slots=True)
class Chunking:
    """What the client said about batches in pieces."""

    allowed: bool = False
    bytes_max: int = CHUNK_BYTES_MAX


def chunking(request: Proto) -> Chunking:
    """The chunking options of an ExecutePlan request; sizes out of range are taken as the nearest in range."""
    found = Chunking()
    for option in request.request_options:
        if option.WhichOneof("request_option") == "result_chunking_options":
            wanted = option.result_chunking_options
            size = wanted.preferred_arrow_chunk_size or CHUNK_BYTES_MAX
            found = Chunking(wanted.allow_arrow_batch_chunking, min(max(size, CHUNK_BYTES_MIN), CHUNK_BYTES_MAX))
    return found


def schema_response(schema: t.StructType) -> Proto:
    """What every result begins with."""
    response = base_pb2.ExecutePlanResponse()
    response.schema.CopyFrom(to_proto(schema))
    return response


def batch_responses(rows: int, stream: bytes, start: int, cut: Chunking) -> Iterator[Proto]:
    """One Arrow batch as one response, or as several pieces. `start` counts the rows sent before."""
    size = len(stream)
    if not cut.allowed or size <= cut.bytes_max:
        response = base_pb2.ExecutePlanResponse()
        response.arrow_batch.row_count = rows
        response.arrow_batch.data = stream
        response.arrow_batch.start_offset = start
        yield response
        return
    count = -(-size // cut.bytes_max)
    view = memoryview(stream)
    for index in range(count):
        response = base_pb2.ExecutePlanResponse()
        response.arrow_batch.row_count = rows
        response.arrow_batch.data = bytes(view[index * cut.bytes_max : (index + 1) * cut.bytes_max])
        response.arrow_batch.start_offset = start
        response.arrow_batch.chunk_index = index
        response.arrow_batch.num_chunks_in_batch = count
        yield response


def empty_rows(schema: t.StructType, time_zone: str, large: bool = False) -> Rows:
    """The one batch of a result without rows: clients learn the columns from it."""
    arrow = arrow_schema(schema, time_zone, large)
    storage = pa.schema([pa.field(f.name, _storage(f.type), f.nullable) for f in arrow])
    batch = pa.RecordBatch.from_arrays([pa.array([], f.type) for f in storage], schema=storage)
    return Rows(0, encode(batch, arrow))


def local_rows(data: LocalData, schema: t.StructType, time_zone: str, large: bool = False) -> Iterator[Rows]:
    """Rows that are already on the driver, in the client's schema, in batches of bounded size."""
    arrow = arrow_schema(schema, time_zone, large)
    if data.rows == 0:
        yield empty_rows(schema, time_zone, large)
        return
    with pa.ipc.open_stream(data.arrow_stream) as reader:
        for batch in reader:
            if batch.num_rows == 0:
                continue
            per_row = max(1, batch.nbytes // batch.num_rows)
            step = max(1, BATCH_BYTES_MAX // per_row)
            for start in range(0, batch.num_rows, step):
                piece = batch.slice(start, step)
                yield Rows(piece.num_rows, encode(_conform(piece, arrow), arrow))


def encode(batch: pa.RecordBatch, arrow: pa.Schema) -> bytes:
    """One batch as a complete stream of the schema `arrow`, whose month intervals stand in the batch as int32."""
    # pyarrow cannot make arrays of month intervals, but their octets are those of int32.
    return b"".join((arrow.serialize().to_pybytes(), batch.serialize().to_pybytes(), END_OF_STREAM))


def _conform(batch: pa.RecordBatch, arrow: pa.Schema) -> pa.RecordBatch:
    storage = pa.schema([pa.field(f.name, _storage(f.type), f.nullable) for f in arrow])
    columns = [_cast(column, field.type) for column, field in zip(batch.columns, storage, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=storage)


def _cast(column: pa.Array, dtype: pa.DataType) -> pa.Array:
    if pa.types.is_null(dtype):
        return pa.nulls(len(column))
    if pa.types.is_struct(dtype) and pa.types.is_struct(column.type):
        # By position: Arrow's own cast goes by name, which need not be unique.
        parts = [_cast(column.field(i), field.type) for i, field in enumerate(dtype)]
        return pa.StructArray.from_arrays(parts, fields=list(dtype), mask=column.is_null())
    return column if column.type == dtype else pc.cast(column, dtype)


def _storage(dtype: pa.DataType) -> pa.DataType:
    return pa.int32() if dtype == MONTH_INTERVAL else dtype
