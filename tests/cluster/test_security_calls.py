"""Every service of a running driver refuses strangers; TLS and mutual TLS; what is open without credentials."""

from __future__ import annotations

import asyncio
import base64
import ssl
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

from headrace.errors import RefusedError
from headrace.jobs import JobsClient
from headrace.security import Role, Security
from headrace.transport import open_aio_channel
from headrace_driver.daemon import DriverAddresses, DriverConfig, DriverDaemon
from headrace_proto.v1 import blocks_pb2, cluster_pb2, jobs_pb2

pytestmark = pytest.mark.cluster

GUARDED = Security(token="client-token", join_secret="worker-secret")
CONNECT_METHODS = (
    *("ExecutePlan", "AnalyzePlan", "Config", "AddArtifacts", "ArtifactStatus", "Interrupt", "ReattachExecute"),
    *("ReleaseExecute", "ReleaseSession", "FetchErrorDetails", "CloneSession"),
)


def methods_of(*services: ServiceDescriptor) -> list[str]:
    return [f"/{service.full_name}/{method.name}" for service in services for method in service.methods]


METHODS = [
    *(f"/spark.connect.SparkConnectService/{name}" for name in CONNECT_METHODS),
    *methods_of(
        jobs_pb2.DESCRIPTOR.services_by_name["Jobs"],
        cluster_pb2.DESCRIPTOR.services_by_name["Cluster"],
        blocks_pb2.DESCRIPTOR.services_by_name["Blocks"],
        reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"],
    ),
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/no.such.Service/Method",
]


@asynccontextmanager
async def driver(security: Security, directory: Path) -> AsyncIterator[DriverAddresses]:
    daemon = DriverDaemon(DriverConfig(security=security, directory=directory, stop_grace_s=0.1))
    try:
        yield await daemon.start()
    finally:
        await daemon.stop()


async def outcome(channel: grpc.aio.Channel, method: str, metadata: tuple[tuple[str, str], ...]) -> grpc.StatusCode:
    """The status of a call of any kind with one empty message.

    The message goes with the call: sent as a stream's, grpcio's client may find the stream refused and closed by then,
    and calls that an internal error.
    """
    stub: Any = channel.unary_stream(method)
    call = stub(b"", metadata=metadata, timeout=5)
    try:
        async for _ in call:
            pass
    except grpc.aio.AioRpcError as error:
        return error.code()
    code: grpc.StatusCode = await call.code()
    return code


async def serving(channel: grpc.aio.Channel) -> bool:
    answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def test_every_method_refuses_missing_wrong_and_swapped_credentials(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with driver(GUARDED, tmp_path) as addresses, open_aio_channel(addresses.grpc, Security()) as channel:
            for method in METHODS:
                worker_method = "headrace.v1.Cluster" in method or "headrace.v1.Blocks" in method
                other = Role.CLIENT if worker_method else Role.WORKER
                for metadata in (
                    (),
                    (("authorization", "Bearer wrong"),),
                    (("authorization", "client-token"),),
                    (("token", "client-token"),),
                    GUARDED.metadata(other),
                ):
                    found = await outcome(channel, method, metadata)
                    assert found is grpc.StatusCode.UNAUTHENTICATED, (method, metadata)
                right = Role.WORKER if worker_method else Role.CLIENT
                found = await outcome(channel, method, GUARDED.metadata(right))
                assert found is not grpc.StatusCode.UNAUTHENTICATED, method
            assert await serving(channel)

    asyncio.run(scenario())


def test_metrics_need_the_token_and_health_does_not(tmp_path: Path) -> None:
    def get(url: str, token: str = "") -> int:
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    async def scenario() -> None:
        async with driver(GUARDED, tmp_path) as addresses:
            base = f"http://{addresses.http}"
            loop = asyncio.get_running_loop()
            assert await loop.run_in_executor(None, get, f"{base}/health") == 200
            assert await loop.run_in_executor(None, get, f"{base}/metrics") == 401
            assert await loop.run_in_executor(None, get, f"{base}/metrics", "worker-secret") == 401
            assert await loop.run_in_executor(None, get, f"{base}/metrics", "client-token") == 200
            for page in ("", "/", "/jobs/1", "/nothing"):
                assert await loop.run_in_executor(None, get, f"{base}{page}") == 401

    asyncio.run(scenario())


def test_browsers_show_the_token_as_a_password(tmp_path: Path) -> None:
    def get(url: str, password: str) -> tuple[int, str]:
        shown = base64.b64encode(f"anybody:{password}".encode()).decode()
        request = urllib.request.Request(url, headers={"Authorization": f"Basic {shown}"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, " ".join(error.headers.get_all("WWW-Authenticate", []))

    async def scenario() -> None:
        async with driver(GUARDED, tmp_path) as addresses:

            def ask() -> None:
                base = f"http://{addresses.http}"
                status, page = get(f"{base}/", "client-token")
                assert (status, "headrace worker --driver" in page) == (200, True)
                assert get(f"{base}/jobs/17", "client-token")[0] == 404
                assert get(f"{base}/elsewhere", "client-token")[0] == 404
                for wrong in ("worker-secret", "", "client-tokens"):
                    status, schemes = get(f"{base}/", wrong)
                    assert (status, "Basic" in schemes) == (401, True)

            await asyncio.get_running_loop().run_in_executor(None, ask)

    asyncio.run(scenario())


def test_the_jobs_client_says_what_was_wrong(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with driver(GUARDED, tmp_path) as addresses:

            def ask() -> None:
                for token, message in (("", "Credentials are missing"), ("wrong", "The credentials are wrong")):
                    with JobsClient(addresses.grpc, token=token) as client, pytest.raises(RefusedError, match=message):
                        client.list_jobs()

            await asyncio.get_running_loop().run_in_executor(None, ask)

    asyncio.run(scenario())


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of an authority, a certificate for this machine by it, and one by another authority."""
    folder = tmp_path_factory.mktemp("certificates")
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name, issuer in (("own", authority), ("foreign", stranger)):
        issued = issuer.issue_cert("127.0.0.1", "localhost")
        issued.private_key_pem.write_to_path(folder / f"{name}.key")
        for blob in issued.cert_chain_pems:
            blob.write_to_path(folder / f"{name}.pem", append=True)
    return {path.name: path for path in folder.iterdir()}


def test_tls_serves_those_who_trust_it_and_no_plain_text(tmp_path: Path, certificates: dict[str, Path]) -> None:
    server = Security(token="t", tls_cert=certificates["own.pem"], tls_key=certificates["own.key"])

    async def scenario() -> None:
        async with driver(server, tmp_path) as addresses:
            async with open_aio_channel(addresses.grpc, Security(tls_ca=certificates["ca.pem"])) as channel:
                assert await serving(channel)
                method = "/headrace.v1.Jobs/ListJobs"
                assert await outcome(channel, method, ()) is grpc.StatusCode.UNAUTHENTICATED
                shown = Security(token="t").metadata(Role.CLIENT)
                assert await outcome(channel, method, shown) is not grpc.StatusCode.UNAUTHENTICATED
            for stranger in (Security(), Security(tls_ca=certificates["foreign.pem"])):
                async with open_aio_channel(addresses.grpc, stranger) as channel:
                    with pytest.raises(grpc.aio.AioRpcError, match="UNAVAILABLE"):
                        await serving(channel)
            context = ssl.create_default_context(cafile=certificates["ca.pem"])

            def health() -> int:
                with urllib.request.urlopen(f"https://{addresses.http}/health", context=context, timeout=5) as answer:
                    return int(answer.status)

            assert await asyncio.get_running_loop().run_in_executor(None, health) == 200

    asyncio.run(scenario())


def test_mutual_tls_refuses_connections_without_a_certificate_of_ours(
    tmp_path: Path, certificates: dict[str, Path]
) -> None:
    own: dict[str, Any] = {
        "tls_cert": certificates["own.pem"],
        "tls_key": certificates["own.key"],
        "tls_ca": certificates["ca.pem"],
    }
    foreign: dict[str, Any] = {"tls_cert": certificates["foreign.pem"], "tls_key": certificates["foreign.key"]}

    async def scenario() -> None:
        async with driver(Security(require_client_cert=True, **own), tmp_path) as addresses:
            async with open_aio_channel(addresses.grpc, Security(**own)) as channel:
                assert await serving(channel)
            for stranger in (
                Security(tls_ca=certificates["ca.pem"]),
                Security(tls_ca=certificates["ca.pem"], **foreign),
            ):
                async with open_aio_channel(addresses.grpc, stranger) as channel:
                    with pytest.raises(grpc.aio.AioRpcError, match="UNAVAILABLE"):
                        await serving(channel)

    asyncio.run(scenario())
