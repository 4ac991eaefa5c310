"""Every RPC of the service is served, and answers nonsense and nothing at all by a typed error or an answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from headrace_driver.connect.protocol import base_pb2
from tests.unit.connect.serving import Served, serving

METHODS = base_pb2.DESCRIPTOR.services_by_name["SparkConnectService"].methods
TYPED = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(Path(tmp_path_factory.mktemp("served"))) as running:
        yield running


@pytest.mark.parametrize("octets", [b"", b"\xff\xff\xff"], ids=["empty", "nonsense"])
@pytest.mark.parametrize("method", list(METHODS), ids=lambda method: method.name)
def test_every_call_is_answered(served: Served, method: Any, octets: bytes) -> None:
    path = f"/spark.connect.SparkConnectService/{method.name}"
    channel: Any
    with grpc.insecure_channel(served.address) as channel:
        if method.client_streaming:
            call = channel.stream_unary(path).future(iter([octets]), timeout=10)
        elif method.server_streaming:
            call = channel.unary_stream(path)(octets, timeout=10)
        else:
            call = channel.unary_unary(path).future(octets, timeout=10)
        code, details = call.code(), call.details()
    if code is grpc.StatusCode.INTERNAL:
        assert details.startswith("["), "an error condition comes first"
        assert "INTERNAL_ERROR" not in details
    else:
        assert code in TYPED, (code, details)
