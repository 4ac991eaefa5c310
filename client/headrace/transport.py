"""Opens ports and channels with the TLS a `Security` asks for, and says in plain words why a port cannot be had."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from typing import Any

import grpc

from headrace.address import host_port
from headrace.errors import ListenError
from headrace.security import Role, Security, check_may_listen

MESSAGE_BYTES_MAX = 128 << 20
"""What PySpark sends and takes at most in one message."""

Options = Sequence[tuple[str, int | str]]

SERVER_OPTIONS: Options = (
    # Without this two daemons could share a port on Linux and each would get a part of the calls.
    ("grpc.so_reuseport", 0),
    # The rows of a plan go on to workers in a program, which is a little larger than the message they came in.
    ("grpc.max_send_message_length", 2 * MESSAGE_BYTES_MAX),
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    # Workers and clients ping idle connections to notice a dead peer.
    ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
    ("grpc.keepalive_permit_without_calls", 1),
)

CHANNEL_OPTIONS: Options = (
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # Clusters live on addresses of their own; a proxy from the environment must not get between.
    ("grpc.enable_http_proxy", 0),
)


def listen(server: Any, host: str, port: int, security: Security, role: Role) -> int:
    """Opens `host:port` on a gRPC server and returns the port, which is a new one where 0 was asked.

    `role` says whose credentials guard it; raises RefusedError or ListenError.
    """
    check_may_listen(host, security, role)
    address = host_port(host, port)
    credentials = server_credentials(security)
    try:
        if credentials is None:
            bound = int(server.add_insecure_port(address))
        else:
            bound = int(server.add_secure_port(address, credentials))
    except RuntimeError as error:
        raise listen_error(host, port, str(error)) from error
    if bound == 0:
        raise listen_error(host, port, "gRPC gives no reason")
    return bound


def listen_error(host: str, port: int, detail: str, flag: str = "--port") -> ListenError:
    """Why `host:port` could not be listened on, with the fix; `detail` where a second try tells no more."""
    return probe(host, port, flag) or ListenError(f"Cannot listen on {host_port(host, port)}: {detail}.")


def probe(host: str, port: int, flag: str = "--port") -> ListenError | None:
    """Tries to listen on `host:port` for a moment; None where that works. gRPC itself tells no reason."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host.strip("[]"), port))
            trial.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return ListenError(
                f"Port {port} on {host} is in use. Stop the process that has it (ss -ltnp 'sport = :{port}' shows it), "
                f"choose another with {flag}, or take any free one with {flag} 0."
            )
        if error.errno == errno.EADDRNOTAVAIL:
            return ListenError(f"{host} is no address of this machine; choose one of its own with --host.")
        if error.errno == errno.EACCES:
            return ListenError(f"Port {port} needs privileges; choose one above 1023 with {flag}.")
        return ListenError(f"Cannot listen on {host_port(host, port)}: {error.strerror}.")
    return None


def server_credentials(security: Security) -> grpc.ServerCredentials | None:
    """TLS of a daemon's port; None for plain text."""
    if security.tls_cert is None or security.tls_key is None:
        return None
    pair = (security.tls_key.read_bytes(), security.tls_cert.read_bytes())
    authorities = security.tls_ca.read_bytes() if security.tls_ca is not None else None
    return grpc.ssl_server_credentials(
        [pair],
        root_certificates=authorities if security.require_client_cert else None,
        require_client_auth=security.require_client_cert,
    )


def channel_credentials(security: Security, tls: bool = False) -> grpc.ChannelCredentials | None:
    """TLS of outgoing calls; None for plain text. Under mutual TLS the process shows its own certificate.

    `tls` asks for it where no authority is named, so that the system's are trusted.
    """
    if not security.calls_tls and not tls:
        return None
    return grpc.ssl_channel_credentials(
        root_certificates=security.tls_ca.read_bytes() if security.tls_ca is not None else None,
        private_key=security.tls_key.read_bytes() if security.tls_key is not None else None,
        certificate_chain=security.tls_cert.read_bytes() if security.tls_cert is not None else None,
    )


def open_channel(address: str, security: Security, tls: bool = False) -> grpc.Channel:
    """A blocking channel to `host:port`; pass `metadata=security.metadata(role)` with every call on it."""
    credentials = channel_credentials(security, tls)
    everything = [*CHANNEL_OPTIONS, *_server_name(security)]
    if credentials is None:
        return grpc.insecure_channel(address, options=everything)
    return grpc.secure_channel(address, credentials, options=everything)


def open_aio_channel(address: str, security: Security, tls: bool = False) -> grpc.aio.Channel:
    """An asyncio channel to `host:port`; pass `metadata=security.metadata(role)` with every call on it."""
    credentials = channel_credentials(security, tls)
    everything = [*CHANNEL_OPTIONS, *_server_name(security)]
    if credentials is None:
        return grpc.aio.insecure_channel(address, options=everything)
    return grpc.aio.secure_channel(address, credentials, options=everything)


def _server_name(security: Security) -> Options:
    return (("grpc.ssl_target_name_override", security.tls_server_name),) if security.tls_server_name else ()
