"""The service spoken to in messages, where PySpark would hide what happens or never do it."""

from __future__ import annotations

import asyncio
import threading
import uuid
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from headrace_driver.connect import service
from headrace_driver.connect.protocol import SERVICE, base_pb2, relations_pb2
from tests.unit.connect.serving import Served

_MESSAGES = {
    "ExecutePlan": ("ExecutePlanRequest", "ExecutePlanResponse"),
    "ReattachExecute": ("ReattachExecuteRequest", "ExecutePlanResponse"),
    "AnalyzePlan": ("AnalyzePlanRequest", "AnalyzePlanResponse"),
    "Config": ("ConfigRequest", "ConfigResponse"),
    "AddArtifacts": ("AddArtifactsRequest", "AddArtifactsResponse"),
    "ArtifactStatus": ("ArtifactStatusesRequest", "ArtifactStatusesResponse"),
    "Interrupt": ("InterruptRequest", "InterruptResponse"),
    "ReleaseExecute": ("ReleaseExecuteRequest", "ReleaseExecuteResponse"),
    "ReleaseSession": ("ReleaseSessionRequest", "ReleaseSessionResponse"),
    "FetchErrorDetails": ("FetchErrorDetailsRequest", "FetchErrorDetailsResponse"),
    "CloneSession": ("CloneSessionRequest", "CloneSessionResponse"),
    "GetStatus": ("GetStatusRequest", "GetStatusResponse"),
}


class Wire:
    """A client that sends what it is told."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.channel = grpc.insecure_channel(served.address)
        self.session_id = str(uuid.uuid4())

    def message(self, name: str, **fields: Any) -> Any:
        kind = getattr(base_pb2, _MESSAGES[name][0])
        return kind(session_id=self.session_id, user_context=base_pb2.UserContext(user_id="me"), **fields)

    def octets(self, name: str, octets: bytes) -> Any:
        reply = getattr(base_pb2, _MESSAGES[name][1])
        if name in ("ExecutePlan", "ReattachExecute"):
            call: Any = self.channel.unary_stream(f"/{SERVICE}/{name}", response_deserializer=reply.FromString)
            return call(octets, timeout=20)
        other: Any = self.channel.unary_unary(f"/{SERVICE}/{name}", response_deserializer=reply.FromString)
        return other(octets, timeout=20)

    def call(self, name: str, **fields: Any) -> Any:
        return self.octets(name, self.message(name, **fields).SerializeToString())

    def upload(self, *payloads: dict[str, Any]) -> Any:
        call: Any = self.channel.stream_unary(
            f"/{SERVICE}/AddArtifacts", response_deserializer=base_pb2.AddArtifactsResponse.FromString
        )
        messages = [self.message("AddArtifacts", **payload).SerializeToString() for payload in payloads]
        return call(iter(messages), timeout=20)

    def execute(self, end: int, operation_id: str = "", reattachable: bool = True, **fields: Any) -> Any:
        request = self.message("ExecutePlan", **fields)
        request.plan.root.range.end = end
        request.plan.root.range.step = 1
        if operation_id:
            request.operation_id = operation_id
        if reattachable:
            request.request_options.add().reattach_options.reattachable = True
        return self.octets("ExecutePlan", request.SerializeToString())


@pytest.fixture
def wire(served: Served) -> Iterator[Wire]:
    found = Wire(served)
    yield found
    found.channel.close()


def _finish(answer: Any) -> None:
    if not hasattr(answer, "DESCRIPTOR"):
        for _ in answer:
            pass


def _error(call: Callable[[], Any]) -> Any:
    """The ErrorInfo a call ends with."""
    with pytest.raises(grpc.RpcError) as error:
        _finish(call())
    status = rpc_status.from_call(error.value)
    assert status is not None, error.value
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return info


def _condition(call: Callable[[], Any]) -> str:
    return str(_error(call).metadata.get("errorClass", ""))


def test_every_call_of_the_protocol_is_served() -> None:
    calls = {method.name for method in base_pb2.DESCRIPTOR.services_by_name["SparkConnectService"].methods}
    assert calls == set(service._UNARY) | set(service._STREAMS) | {"AddArtifacts"}


@pytest.mark.parametrize("name", sorted(_MESSAGES.keys() - {"AddArtifacts"}))
def test_octets_that_are_no_message(wire: Wire, name: str) -> None:
    assert (
        _condition(lambda: wire.octets(name, b"\xff\xff\xff\xff not a message")) == "CONNECT_INVALID_PLAN.CANNOT_PARSE"
    )


@pytest.mark.parametrize("name", sorted(_MESSAGES.keys() - {"AddArtifacts", "ReleaseSession", "FetchErrorDetails"}))
def test_messages_without_a_session(wire: Wire, name: str) -> None:
    wire.session_id = ""
    assert _condition(lambda: wire.call(name)) == "INVALID_HANDLE.FORMAT"


@pytest.mark.parametrize("octets", [b"", b"\x0a", b"\x00" * 50, bytes(range(256)) * 10])
def test_nothing_hangs_on_random_octets(wire: Wire, octets: bytes) -> None:
    for name in _MESSAGES.keys() - {"AddArtifacts", "ReleaseSession", "FetchErrorDetails"}:
        assert _condition(lambda: wire.octets(name, octets))  # noqa: B023


def test_another_server_side_session_id_means_a_restart(wire: Wire) -> None:
    wire.call("Config", operation=base_pb2.ConfigRequest.Operation(get_all={}))
    found = _error(
        lambda: wire.call(
            "Config",
            operation=base_pb2.ConfigRequest.Operation(get_all={}),
            client_observed_server_side_session_id="other",
        )
    )
    assert found.metadata["errorClass"] == "INVALID_HANDLE.SESSION_CHANGED"
    wire.session_id = str(uuid.uuid4())
    assert (
        _condition(
            lambda: wire.call(
                "Config",
                operation=base_pb2.ConfigRequest.Operation(get_all={}),
                client_observed_server_side_session_id="other",
            )
        )
        == "INVALID_HANDLE.SESSION_CHANGED"
    )


def test_a_plan_without_anything(wire: Wire) -> None:
    assert _condition(lambda: wire.call("ExecutePlan")) == "CONNECT_INVALID_PLAN.INVALID_ONE_OF_FIELD_NOT_SET"
    assert _condition(lambda: wire.call("AnalyzePlan")) == "CONNECT_INVALID_PLAN.UNKNOWN_ANALYZE_METHOD"


def test_an_empty_relation_and_one_of_a_newer_protocol(wire: Wire) -> None:
    empty = base_pb2.Plan(root=relations_pb2.Relation())
    assert (
        _condition(lambda: wire.call("ExecutePlan", plan=empty)) == "CONNECT_INVALID_PLAN.INVALID_ONE_OF_FIELD_NOT_SET"
    )
    # Field 980 with an empty message.
    newer = base_pb2.Plan(root=relations_pb2.Relation.FromString(b"\xa2\x3d\x00"))
    assert _condition(lambda: wire.call("ExecutePlan", plan=newer)) == "UNSUPPORTED_FEATURE.HEADRACE"


def test_a_field_of_a_newer_protocol_in_a_known_relation(wire: Wire) -> None:
    # Range with a field 900 (varint 1).
    newer = relations_pb2.Relation(range=relations_pb2.Range.FromString(b"\x10\x05\x18\x01\xa0\x38\x01"))
    found = _error(lambda: wire.call("ExecutePlan", plan=base_pb2.Plan(root=newer)))
    assert found.metadata["errorClass"] == "UNSUPPORTED_FEATURE.HEADRACE"
    assert "field number 900" in found.metadata["messageParameters"]


def test_error_details_are_given_once(wire: Wire) -> None:
    plan = base_pb2.Plan(root=relations_pb2.Relation(sql=relations_pb2.SQL(query="select * from nowhere")))
    info = _error(lambda: wire.call("ExecutePlan", plan=plan))
    assert info.reason == "org.apache.spark.sql.AnalysisException"
    assert info.domain == "org.apache.spark"
    found = wire.call("FetchErrorDetails", error_id=info.metadata["errorId"])
    assert found.root_error_idx == 0
    error = found.errors[0]
    assert list(error.error_type_hierarchy)[:2] == ["org.apache.spark.sql.AnalysisException", "java.lang.Exception"]
    assert error.spark_throwable.error_class == "TABLE_OR_VIEW_NOT_FOUND"
    assert error.spark_throwable.query_contexts[0].fragment == "nowhere"
    assert len(error.stack_trace) > 0
    again = wire.call("FetchErrorDetails", error_id=info.metadata["errorId"])
    assert not again.HasField("root_error_idx")


def test_reattaching_to_the_whole_and_to_a_part(wire: Wire) -> None:
    operation_id = str(uuid.uuid4())
    whole = list(wire.execute(2500, operation_id))
    assert whole[-1].HasField("result_complete")
    again = list(wire.call("ReattachExecute", operation_id=operation_id))
    assert [r.response_id for r in again] == [r.response_id for r in whole]
    part = list(wire.call("ReattachExecute", operation_id=operation_id, last_response_id=whole[1].response_id))
    assert [r.response_id for r in part] == [r.response_id for r in whole[2:]]
    assert [r.arrow_batch.start_offset for r in whole if r.HasField("arrow_batch")] == [0, 1000, 2000]
    assert (
        _condition(lambda: wire.call("ReattachExecute", operation_id=operation_id, last_response_id="never"))
        == "INVALID_CURSOR.POSITION_NOT_FOUND"
    )
    # The same request again is the same operation, another one is not.
    assert [r.response_id for r in wire.execute(2500, operation_id)] == [r.response_id for r in whole]
    assert _condition(lambda: wire.execute(3, operation_id)) == "INVALID_HANDLE.OPERATION_ALREADY_EXISTS"


def test_releasing(wire: Wire) -> None:
    operation_id = str(uuid.uuid4())
    whole = list(wire.execute(2500, operation_id))
    until = base_pb2.ReleaseExecuteRequest.ReleaseUntil(response_id=whole[1].response_id)
    assert wire.call("ReleaseExecute", operation_id=operation_id, release_until=until).operation_id == operation_id
    rest = list(wire.call("ReattachExecute", operation_id=operation_id, last_response_id=whole[1].response_id))
    assert len(rest) == len(whole) - 2
    assert (
        _condition(lambda: wire.call("ReattachExecute", operation_id=operation_id))
        == "INVALID_CURSOR.POSITION_NOT_AVAILABLE"
    )
    everything = base_pb2.ReleaseExecuteRequest.ReleaseAll()
    wire.call("ReleaseExecute", operation_id=operation_id, release_all=everything)
    assert (
        _condition(lambda: wire.call("ReattachExecute", operation_id=operation_id))
        == "INVALID_HANDLE.OPERATION_NOT_FOUND"
    )
    # What is not there need not be released.
    answer = wire.call("ReleaseExecute", operation_id=operation_id, release_all=everything)
    assert not answer.HasField("operation_id")


def test_a_stream_that_cannot_be_reattached_has_no_end_marker(wire: Wire) -> None:
    responses = list(wire.execute(5, reattachable=False))
    assert [r.WhichOneof("response_type") for r in responses] == [None, "arrow_batch"]
    assert responses[0].schema.struct.fields[0].name == "id"


def test_operation_ids_are_uuids(wire: Wire) -> None:
    assert _condition(lambda: wire.execute(1, "no uuid")) == "INVALID_HANDLE.FORMAT"


def test_interrupting_a_running_query(wire: Wire) -> None:
    started, engine = threading.Event(), wire.served.engine

    async def wait(_: int) -> None:
        started.set()
        await asyncio.Event().wait()

    before, engine.before_block = engine.before_block, wait
    try:
        operation_id = str(uuid.uuid4())
        responses = wire.execute(5, operation_id, tags=["mine"])
        assert started.wait(10)
        states = wire.call("GetStatus", operation_status={}).operation_statuses
        assert [s.operation_id for s in states] == [operation_id]
        assert states[0].state == base_pb2.GetStatusResponse.OperationStatus.OPERATION_STATE_RUNNING
        kinds = base_pb2.InterruptRequest.InterruptType
        other = wire.call("Interrupt", interrupt_type=kinds.INTERRUPT_TYPE_TAG, operation_tag="theirs")
        assert list(other.interrupted_ids) == []
        mine = wire.call("Interrupt", interrupt_type=kinds.INTERRUPT_TYPE_TAG, operation_tag="mine")
        assert list(mine.interrupted_ids) == [operation_id]
        assert _condition(lambda: responses) == "OPERATION_CANCELED"
    finally:
        engine.before_block = before
    assert engine.running[-1].cancelled
    assert engine.running[-1].released == 1


def test_interrupts_that_lack_something(wire: Wire) -> None:
    kinds = base_pb2.InterruptRequest.InterruptType
    prefix = "INVALID_PARAMETER_VALUE.INTERRUPT_TYPE_"
    assert _condition(lambda: wire.call("Interrupt")) == "UNSUPPORTED_FEATURE.INTERRUPT_TYPE"
    assert (
        _condition(lambda: wire.call("Interrupt", interrupt_type=kinds.INTERRUPT_TYPE_TAG))
        == prefix + "TAG_REQUIRES_TAG"
    )
    assert (
        _condition(lambda: wire.call("Interrupt", interrupt_type=kinds.INTERRUPT_TYPE_OPERATION_ID))
        == prefix + "OPERATION_ID_REQUIRES_ID"
    )


def test_a_client_that_goes_away_leaves_nothing_behind(wire: Wire) -> None:
    started, engine = threading.Event(), wire.served.engine

    async def wait(_: int) -> None:
        started.set()
        await asyncio.Event().wait()

    before, engine.before_block = engine.before_block, wait
    try:
        responses = wire.execute(5, reattachable=False)
        assert started.wait(10)
        running = engine.running[-1]
        responses.cancel()
        deadline = threading.Event()
        for _ in range(100):
            if running.released:
                break
            deadline.wait(0.05)
        assert running.released == 1
    finally:
        engine.before_block = before


def _chunk(data: bytes, wrong: int = 0) -> Any:
    return base_pb2.AddArtifactsRequest.ArtifactChunk(data=data, crc=zlib.crc32(data) + wrong)


def test_artifacts(wire: Wire) -> None:
    request = base_pb2.AddArtifactsRequest
    batch = request.Batch(
        artifacts=[
            request.SingleChunkArtifact(name="cache/one", data=_chunk(b"1")),
            request.SingleChunkArtifact(name="cache/bad", data=_chunk(b"2", wrong=1)),
        ]
    )
    begin = request.BeginChunkedArtifact(name="cache/two", total_bytes=6, num_chunks=2, initial_chunk=_chunk(b"abc"))
    answer = wire.upload({"batch": batch}, {"begin_chunk": begin}, {"chunk": _chunk(b"def")})
    assert [(a.name, a.is_crc_successful) for a in answer.artifacts] == [
        ("cache/one", True),
        ("cache/bad", False),
        ("cache/two", True),
    ]
    names = ["cache/one", "cache/bad", "cache/two", "cache/none"]
    statuses = wire.call("ArtifactStatus", names=names).statuses
    assert [statuses[name].exists for name in names] == [True, False, True, False]


@pytest.mark.parametrize("name", ["../x", "/etc/x", "cache/../../x", "", "a\\b", "cache/./x", "x" * 256])
def test_artifacts_stay_in_their_directory(wire: Wire, name: str) -> None:
    request = base_pb2.AddArtifactsRequest
    batch = request.Batch(artifacts=[request.SingleChunkArtifact(name=name, data=_chunk(b"1"))])
    assert _condition(lambda: wire.upload({"batch": batch})) == "INVALID_ARTIFACT_PATH"


def test_artifacts_in_the_wrong_order(wire: Wire) -> None:
    request = base_pb2.AddArtifactsRequest
    begin = request.BeginChunkedArtifact(name="cache/x", total_bytes=6, num_chunks=2, initial_chunk=_chunk(b"abc"))
    assert _condition(lambda: wire.upload({"chunk": _chunk(b"abc")})) == "CONNECT_INVALID_PLAN.ARTIFACT_CHUNK"
    assert _condition(lambda: wire.upload({"begin_chunk": begin})) == "CONNECT_INVALID_PLAN.ARTIFACT_CHUNK"
    longer = {"chunk": _chunk(b"defg")}
    assert _condition(lambda: wire.upload({"begin_chunk": begin}, longer)) == "CONNECT_INVALID_PLAN.ARTIFACT_SIZE"
    assert _condition(wire.upload) == "CONNECT_INVALID_PLAN.INVALID_ONE_OF_FIELD_NOT_SET"


def test_cached_data_that_is_not_there(wire: Wire) -> None:
    cached = relations_pb2.Relation(cached_local_relation=relations_pb2.CachedLocalRelation(hash="nope"))
    assert (
        _condition(lambda: wire.call("ExecutePlan", plan=base_pb2.Plan(root=cached)))
        == "CONNECT_INVALID_PLAN.CANNOT_FIND_CACHED_LOCAL_RELATION"
    )


def test_a_corrupt_local_relation(wire: Wire) -> None:
    corrupt = relations_pb2.Relation(local_relation=relations_pb2.LocalRelation(data=b"no arrow"))
    assert (
        _condition(lambda: wire.call("ExecutePlan", plan=base_pb2.Plan(root=corrupt)))
        == "CONNECT_INVALID_PLAN.INPUT_DATA_NOT_ARROW"
    )


def test_a_compressed_plan(wire: Wire) -> None:
    import pyarrow as pa

    relation = relations_pb2.Relation(range=relations_pb2.Range(end=3, step=1))
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(relation.SerializeToString())
    packed = base_pb2.Plan.CompressedOperation(data=sink.getvalue().to_pybytes(), op_type=1, compression_codec=1)
    responses = list(wire.call("ExecutePlan", plan=base_pb2.Plan(compressed_operation=packed)))
    assert [r.arrow_batch.row_count for r in responses if r.HasField("arrow_batch")] == [3]
    packed.data = b"no zstd"
    assert (
        _condition(lambda: wire.call("ExecutePlan", plan=base_pb2.Plan(compressed_operation=packed)))
        == "CONNECT_INVALID_PLAN.CANNOT_PARSE"
    )


def test_five_thousand_nested_relations(wire: Wire) -> None:
    """The fake engine looks only for the innermost; conversion and parsing go through all."""
    from tests.unit.connect.test_protocol import _nested

    head = wire.message("ExecutePlan").SerializeToString()
    root = _nested(5_000)
    plan = b"\x0a" + _varint(len(root)) + root
    octets = head + b"\x1a" + _varint(len(plan)) + plan
    responses = list(wire.octets("ExecutePlan", octets))
    assert any(r.HasField("arrow_batch") for r in responses)


def _varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def test_idle_sessions_are_closed_but_not_while_they_run(wire: Wire) -> None:
    wire.call("Config", operation=base_pb2.ConfigRequest.Operation(get_all={}))
    servicer = wire.served.servicer
    clock: Any = servicer.sessions._now_s
    clock.now_s += 3601.0
    wire.served.call(servicer.expire)
    assert (
        _condition(lambda: wire.call("Config", operation=base_pb2.ConfigRequest.Operation(get_all={})))
        == "INVALID_HANDLE.SESSION_CLOSED"
    )


def test_a_session_released_for_reconnection_begins_anew(wire: Wire) -> None:
    first = wire.call("Config", operation=base_pb2.ConfigRequest.Operation(get_all={}))
    wire.call("ReleaseSession", allow_reconnect=True)
    second = wire.call("Config", operation=base_pb2.ConfigRequest.Operation(get_all={}))
    assert first.server_side_session_id != second.server_side_session_id
