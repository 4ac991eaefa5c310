"""Data that came with a plan, or was uploaded before it: Arrow and a schema, to `LocalData`."""

from __future__ import annotations

import pyarrow as pa

from headrace_driver.connect.arrow_types import END_OF_STREAM, arrow_schema, from_arrow_schema
from headrace_driver.connect.artifacts import CACHE
from headrace_driver.connect.expressions import SqlFront
from headrace_driver.connect.invalid_plan import invalid_plan
from headrace_driver.connect.protocol import Proto, parse, relations_pb2
from headrace_driver.connect.reads import parse_schema
from headrace_driver.errors import SparkError
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.session import Session


def local_relation(m: Proto, session: Session, sql: SqlFront) -> p.LogicalPlan:
    """The plan of a LocalRelation or of one that was cached whole or in chunks."""
    match m.DESCRIPTOR.name:
        case "LocalRelation":
            return _local(m, sql)
        case "CachedLocalRelation":
            return _local(parse(relations_pb2.LocalRelation, _cached(session, m.hash)), sql)
        case _:
            return _chunked(m, session, sql)


def _local(m: Proto, sql: SqlFront) -> p.LogicalPlan:
    schema = parse_schema(m.schema, sql) if m.HasField("schema") else None
    if not m.HasField("data"):
        if schema is None:
            raise invalid_plan(
                "SCHEMA_REQUIRED_FOR_LOCAL_RELATION",
                "Schema for LocalRelation is required when the input data is not provided.",
            )
        return empty(schema)
    return of_streams([m.data], schema)


def _chunked(m: Proto, session: Session, sql: SqlFront) -> p.LogicalPlan:
    schema = None
    if m.HasField("schemaHash"):
        schema = parse_schema(_chunk(session, m.schemaHash).decode("utf-8"), sql)
    if not m.dataHashes:
        if schema is None:
            raise invalid_plan(
                "CHUNKED_CACHED_LOCAL_RELATION_WITHOUT_DATA",
                "ChunkedCachedLocalRelation should contain data.",
            )
        return empty(schema)
    return of_streams([_chunk(session, each) for each in m.dataHashes], schema)


def _cached(session: Session, digest: str) -> bytes:
    name = CACHE + digest
    if not session.artifacts.has(name):
        raise invalid_plan(
            "CANNOT_FIND_CACHED_LOCAL_RELATION",
            f"Cannot find a cached local relation for hash: {digest}",
            {"hash": digest},
        )
    return session.artifacts.read(name)


def _chunk(session: Session, digest: str) -> bytes:
    name = CACHE + digest
    if not session.artifacts.has(name):
        raise invalid_plan(
            "NOT_FOUND_CHUNKED_CACHED_LOCAL_RELATION",
            f"Not found chunked cached local relation block with the hash: {digest} in the session with sessionUUID "
            f"{session.server_side_id}.",
            {"hash": digest, "sessionUUID": session.server_side_id},
        )
    return session.artifacts.read(name)


def of_streams(streams: list[bytes], schema: t.StructType | None) -> p.LogicalPlan:
    """Rows of Arrow streams with equal schemas. With a schema given, columns take its names by position and are cast
    to its types where they differ."""
    rows, arrow = _measure(streams[0])
    stream = streams[0]
    if len(streams) > 1:
        stream, rows = _joined(streams, arrow)
    found = from_arrow_schema(arrow)
    if schema is None or found == schema:
        return p.LocalData(stream, found, rows)
    if len(schema.fields) != len(found.fields):
        raise SparkError(
            "ASSIGNMENT_ARITY_MISMATCH",
            f"The number of columns or variables assigned or aliased: {len(schema.fields)} does not match the number "
            f"of source expressions: {len(found.fields)}.",
            {"numTarget": str(len(schema.fields)), "numExpr": str(len(found.fields))},
            sql_state="42802",
        )
    if all(_same_type(a.dtype, b.dtype) for a, b in zip(found.fields, schema.fields, strict=True)):
        # Nullability is the client's word: it has made both from the same rows.
        return p.LocalData(stream, schema, rows)
    names = tuple(field.name for field in schema.fields)
    return p.ToSchema(p.ToDF(p.LocalData(stream, found, rows), names), schema)


def _measure(stream: bytes) -> tuple[int, pa.Schema]:
    try:
        with pa.ipc.open_stream(stream) as reader:
            rows = 0
            for batch in reader:
                # Offsets beyond the data would be read by a kernel that trusts them.
                batch.validate(full=True)
                rows += batch.num_rows
            return rows, reader.schema
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _malformed(error) from error


def _joined(streams: list[bytes], arrow: pa.Schema) -> tuple[bytes, int]:
    sink = pa.BufferOutputStream()
    rows = 0
    try:
        with pa.ipc.new_stream(sink, arrow) as writer:
            for stream in streams:
                with pa.ipc.open_stream(stream) as reader:
                    if not reader.schema.equals(arrow):
                        raise invalid_plan(
                            "CHUNKED_CACHED_LOCAL_RELATION_SCHEMAS",
                            "The chunks of a cached local relation have different schemas.",
                        )
                    for batch in reader:
                        batch.validate(full=True)
                        rows += batch.num_rows
                        writer.write_batch(batch)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _malformed(error) from error
    return sink.getvalue().to_pybytes(), rows


def _malformed(error: Exception) -> SparkError:
    return invalid_plan("INPUT_DATA_NOT_ARROW", f"The data of a local relation is no Arrow stream: {error}")


def empty(schema: t.StructType) -> p.LogicalPlan:
    """No rows of a schema."""
    arrow = arrow_schema(schema, "UTC")
    return p.LocalData(arrow.serialize().to_pybytes() + END_OF_STREAM, schema, 0)


def _same_type(a: t.DataType, b: t.DataType) -> bool:
    """Whether values need no cast, whatever may be null and whatever struct fields are called inside."""
    match a, b:
        case t.ArrayType(), t.ArrayType():
            return _same_type(a.element, b.element)
        case t.MapType(), t.MapType():
            return _same_type(a.key, b.key) and _same_type(a.value, b.value)
        case t.StructType(), t.StructType():
            return len(a.fields) == len(b.fields) and all(
                x.name == y.name and _same_type(x.dtype, y.dtype) for x, y in zip(a.fields, b.fields, strict=True)
            )
        case t.StringType(length=None), t.StringType(length=None):
            return True
        case _:
            return a == b
