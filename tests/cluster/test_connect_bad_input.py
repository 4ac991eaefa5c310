"""Input that could hurt the driver: deep plans, long texts, broken messages. It answers, and lives on."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

import headrace
from headrace_driver.connect.protocol import SERVICE, base_pb2, expressions_pb2, relations_pb2

pytestmark = pytest.mark.cluster


def _varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def _wrapped(field: int, octets: bytes) -> bytes:
    """A message field of that number."""
    return _varint(field << 3 | 2) + _varint(len(octets)) + octets


def _plus_one() -> bytes:
    """`id + 1 AS id`."""
    column = expressions_pb2.Expression(unresolved_attribute={"unparsed_identifier": "id"})
    one = expressions_pb2.Expression(literal={"integer": 1})
    total = expressions_pb2.Expression(unresolved_function={"function_name": "+", "arguments": [column, one]})
    alias = expressions_pb2.Expression(alias={"expr": total, "name": ["id"]})
    octets: bytes = alias.SerializeToString()
    return octets


def _nested_projections(levels: int) -> bytes:
    """A plan message; protobuf's own serializer refuses more than 100 levels."""
    expression = _plus_one()
    relation: bytes = relations_pb2.Relation(range={"end": 3, "step": 1}).SerializeToString()
    # Relation.project = 3 { Project.input = 1, Project.expressions = 3 }. From inside out, as sizes stand in front;
    # the octets are put together once, or it would take time by the square of the levels.
    after = _wrapped(3, expression)
    size, heads = len(relation), []
    for _ in range(levels):
        inner = _varint(1 << 3 | 2) + _varint(size)
        size += len(inner) + len(after)
        outer = _varint(3 << 3 | 2) + _varint(size)
        size += len(outer)
        heads.append(outer + inner)
    return _wrapped(1, b"".join(reversed(heads)) + relation + after * levels)


@pytest.fixture
def channel(cluster: headrace.LocalCluster) -> Iterator[grpc.Channel]:
    address = cluster.address.removeprefix("sc://")
    with grpc.insecure_channel(address) as found:
        yield found


def _execute(channel: grpc.Channel, plan: bytes) -> list[Any]:
    head = base_pb2.ExecutePlanRequest(session_id=str(uuid.uuid4()), user_context={"user_id": "test"})
    call: Any = channel.unary_stream(
        f"/{SERVICE}/ExecutePlan", response_deserializer=base_pb2.ExecutePlanResponse.FromString
    )
    return list(call(head.SerializeToString() + _wrapped(3, plan), timeout=120))


def _condition(error: pytest.ExceptionInfo[grpc.RpcError]) -> str:
    status = rpc_status.from_call(error.value)
    assert status is not None, error.value
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return str(info.metadata["errorClass"])


def _check_alive(spark: Any) -> None:
    assert spark.range(3).count() == 3


def test_nested_projections(channel: grpc.Channel, spark: Any) -> None:
    responses = _execute(channel, _nested_projections(500))
    assert sum(r.arrow_batch.row_count for r in responses) == 3
    _check_alive(spark)


@pytest.mark.parametrize("levels", [5_000, 20_000, 100_000])
def test_deeper_than_can_be_followed(channel: grpc.Channel, spark: Any, levels: int) -> None:
    """The kernel follows some 1,000 computations on one another, planning 10,000 relations, protobuf 32,000."""
    with pytest.raises(grpc.RpcError) as error:
        _execute(channel, _nested_projections(levels))
    assert _condition(error) in ("FAILED_TO_PARSE_TOO_COMPLEX", "CONNECT_INVALID_PLAN.CANNOT_PARSE")
    _check_alive(spark)


def test_octets_that_are_no_plan(channel: grpc.Channel, spark: Any) -> None:
    with pytest.raises(grpc.RpcError) as error:
        _execute(channel, b"\xff" * 1000)
    assert _condition(error) == "CONNECT_INVALID_PLAN.CANNOT_PARSE"
    _check_alive(spark)


def test_a_text_of_five_megabytes(spark: Any) -> None:
    text = "SELECT '" + "x" * 5_000_000 + "' AS a"
    assert len(spark.sql(text).collect()[0].a) == 5_000_000


def test_rows_of_five_megabytes(spark: Any) -> None:
    rows = ", ".join(f"({i}, '{'x' * 1_000}')" for i in range(5_000))
    assert len(rows) > 5_000_000
    assert spark.sql(f"SELECT count(*) FROM VALUES {rows} AS t(a, b)").collect() == [(5_000,)]


def test_a_list_of_thousands(spark: Any) -> None:
    numbers = ", ".join(str(i) for i in range(20_000))
    assert spark.sql(f"SELECT id FROM range(10) WHERE id IN ({numbers})").count() == 10


def test_nested_parentheses(spark: Any) -> None:
    from pyspark.errors import ParseException

    with pytest.raises(ParseException):
        spark.sql("SELECT " + "(" * 200_000 + "1" + ")" * 199_999)
    _check_alive(spark)
