"""The worker's own gRPC server: blocks, health, reflection; where it listens and what others call it."""

from __future__ import annotations

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from headrace_proto.v1 import blocks_pb2, blocks_pb2_grpc
from headrace_worker.config import WorkerConfig, address_towards
from headrace_worker.security import SERVER_OPTIONS, PeerCredentials, SecretInterceptor
from headrace_worker.shuffle.server import BlocksService


async def serve(
    config: WorkerConfig, credentials: PeerCredentials, blocks: BlocksService
) -> tuple[grpc.aio.Server, str]:
    """A server that has started, and the address to advertise. Raises OSError where it cannot listen."""
    interceptors = [SecretInterceptor(config.secret)] if config.secret else []
    server = grpc.aio.server(options=SERVER_OPTIONS, interceptors=interceptors)
    blocks_pb2_grpc.add_BlocksServicer_to_server(blocks, server)  # type: ignore[no-untyped-call]
    health_service = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health_service, server)
    name = blocks_pb2.DESCRIPTOR.services_by_name["Blocks"].full_name
    reflection.enable_server_reflection((name, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    for service in ("", name):
        await health_service.set(service, health_pb2.HealthCheckResponse.SERVING)
    secure = credentials.server_credentials()
    try:
        if secure is None:
            port = server.add_insecure_port(config.bind)
        else:
            port = server.add_secure_port(config.bind, secure)
    except RuntimeError as error:
        raise OSError(f"cannot listen on {config.bind}: {error}") from error
    await server.start()
    return server, _advertised(config, port)


def _advertised(config: WorkerConfig, port: int) -> str:
    if config.advertise:
        host, _, given = config.advertise.rpartition(":")
        return f"{host}:{port if given in ('', '0') else given}"
    host = config.bind.rpartition(":")[0]
    if host in ("0.0.0.0", "[::]", "::"):
        host = address_towards(config.driver)
    return f"{host}:{port}"
