"""Who may call whom inside the cluster: one join secret, TLS where the operator gives certificates.

The secret travels as `authorization: Bearer …` metadata. Every call of a worker's own services is checked, health
excepted: it says nothing but whether the process serves, and probes carry no secrets.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc

OPEN_SERVICES = ("/grpc.health.v1.Health/",)

CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", 256 << 20),
    ("grpc.max_send_message_length", 256 << 20),
    # A host that lost its network is noticed in well under the 10 s after which the driver gives a worker up.
    ("grpc.keepalive_time_ms", 5_000),
    ("grpc.keepalive_timeout_ms", 4_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 4_000),
)
SERVER_OPTIONS = (
    *CHANNEL_OPTIONS,
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 3_000),
    ("grpc.so_reuseport", 0),
)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of PEM files: this side's certificate and key, and the authority others are verified against."""

    cert: str = ""
    key: str = ""
    ca: str = ""
    require_client_cert: bool = False
    """Mutual TLS: callers have to show a certificate of the authority."""


@dataclass(frozen=True, slots=True)
class PeerCredentials:
    """What a process of the cluster shows to another."""

    secret: str = ""
    tls: TlsFiles | None = None

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Call metadata that carries the secret."""
        return (("authorization", f"Bearer {self.secret}"),) if self.secret else ()

    def channel_credentials(self) -> grpc.ChannelCredentials | None:
        """TLS for outgoing connections; None for plain text."""
        if self.tls is None:
            return None
        return grpc.ssl_channel_credentials(
            root_certificates=_read(self.tls.ca),
            private_key=_read(self.tls.key),
            certificate_chain=_read(self.tls.cert),
        )

    def server_credentials(self) -> grpc.ServerCredentials | None:
        """TLS for the own server; None for plain text."""
        if self.tls is None:
            return None
        key, cert, authority = _read(self.tls.key), _read(self.tls.cert), _read(self.tls.ca)
        if key is None or cert is None:
            raise ValueError("TLS needs a certificate and a key: give both --tls-cert and --tls-key")
        mutual = self.tls.require_client_cert
        return grpc.ssl_server_credentials([(key, cert)], authority if mutual else None, require_client_auth=mutual)


def channel_to(address: str, credentials: PeerCredentials) -> grpc.Channel:
    """A blocking channel to another worker."""
    secure = credentials.channel_credentials()
    if secure is None:
        return grpc.insecure_channel(address, options=CHANNEL_OPTIONS)
    return grpc.secure_channel(address, secure, options=CHANNEL_OPTIONS)


class SecretInterceptor(grpc.aio.ServerInterceptor):
    """Refuses calls that don't carry the cluster's join secret."""

    def __init__(self, secret: str) -> None:
        self._expected = f"Bearer {secret}".encode()

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        if handler_call_details.method.startswith(OPEN_SERVICES):
            return await continuation(handler_call_details)
        shown = dict(handler_call_details.invocation_metadata).get("authorization", "")
        given = shown if isinstance(shown, bytes) else shown.encode()
        if hmac.compare_digest(given, self._expected):
            return await continuation(handler_call_details)
        return _refusing(await continuation(handler_call_details))


def _refusing(handler: Any) -> Any:
    """A handler of the same shape that answers UNAUTHENTICATED."""
    if handler is None:
        return None

    async def refuse(_: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "this cluster's join secret is required")

    async def refuse_stream(_: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "this cluster's join secret is required")
        yield  # pragma: no cover  (makes this an asynchronous generator)

    if handler.request_streaming and handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler(refuse_stream)
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(refuse_stream)
    if handler.request_streaming:
        return grpc.stream_unary_rpc_method_handler(refuse)
    return grpc.unary_unary_rpc_method_handler(refuse)


def _read(path: str) -> bytes | None:
    if not path:
        return None
    with open(path, "rb") as file:
        return file.read()
