"""Who may call: credentials, where they come from, and when a daemon may listen at all. No I/O but reading files.

Two shared secrets: clients show the token, workers the join secret. Once one of them is set nothing is open but health
checks; where only one is set it serves both. `headrace.authentication` refuses calls by these rules and
`headrace.transport` opens ports and channels with them.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from headrace.errors import RefusedError, SettingError
from headrace.settings import Setting, Settings, registry

Metadata = tuple[tuple[str, str], ...]

_OPEN_SERVICES = frozenset({"grpc.health.v1.Health"})
"""Answered without credentials: load balancers and Kubernetes probes cannot show any, and it tells alive or not."""
_WORKER_SERVICES = frozenset({"headrace.v1.Cluster", "headrace.v1.Blocks"})


class Role(Enum):
    """Whose credentials a call needs."""

    CLIENT = "client"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Security:
    """Credentials and TLS of one process. The default is none of it, for loopback."""

    token: str = field(default="", repr=False)
    join_secret: str = field(default="", repr=False)
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_ca: Path | None = None
    tls_server_name: str = ""
    require_client_cert: bool = False
    insecure: bool = False

    def __post_init__(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise SettingError("TLS needs both a certificate and its key: set --tls-cert and --tls-key.")
        if self.require_client_cert and (self.tls_cert is None or self.tls_ca is None):
            raise SettingError("--require-client-cert needs --tls-cert, --tls-key and --tls-ca.")

    @property
    def serves_tls(self) -> bool:
        """Whether this process's own ports speak TLS."""
        return self.tls_cert is not None

    @property
    def calls_tls(self) -> bool:
        """Whether this process's outgoing calls speak TLS."""
        return self.tls_ca is not None or self.tls_cert is not None

    def secret_of(self, role: Role) -> str:
        """What callers in `role` show; empty where nobody has to show anything."""
        if role is Role.CLIENT:
            return self.token or self.join_secret
        return self.join_secret or self.token

    def metadata(self, role: Role) -> Metadata:
        """The metadata to send with every call made in `role`."""
        secret = self.secret_of(role)
        return (("authorization", f"Bearer {secret}"),) if secret else ()


def required_role(method: str) -> Role | None:
    """Whose credentials `method` (`/package.Service/Method`) needs; None for what is open to everybody.

    Services nobody has heard of need a client's, so that the refusal does not tell what exists.
    """
    service = method.removeprefix("/").partition("/")[0]
    if service in _OPEN_SERVICES:
        return None
    return Role.WORKER if service in _WORKER_SERVICES else Role.CLIENT


def is_authorized(security: Security, role: Role, authorization: Iterable[str | bytes]) -> bool:
    """Whether one of the `authorization` values shows the secret of `role`. Takes the same time for every wrong one."""
    secret = security.secret_of(role)
    if not secret:
        return True
    expected = secret.encode()
    for value in authorization:
        raw = value.encode() if isinstance(value, str) else value
        scheme, _, shown = raw.partition(b" ")
        if scheme.lower() == b"bearer" and hmac.compare_digest(shown.strip(), expected):
            return True
    return False


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`. A name counts when all its addresses do."""
    bare = host.strip("[]")
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(bare, None)
    except OSError:
        return False
    return all(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]).is_loopback for entry in found)


def check_may_listen(host: str, security: Security, role: Role) -> None:
    """Raises RefusedError where listening on `host` would let strangers run code on the cluster."""
    if is_loopback(host) or security.insecure or security.require_client_cert or security.secret_of(role):
        return
    secrets = "a join secret (HEADRACE_JOIN_SECRET or --join-secret-file, the same as the driver's)"
    if role is Role.CLIENT:
        secrets = (
            "a client token (HEADRACE_TOKEN or --token-file) and a join secret for workers (HEADRACE_JOIN_SECRET or "
            "--join-secret-file)"
        )
    raise RefusedError(
        f"Refused to listen on {host} without credentials: whoever reaches the port could run code on the cluster. "
        f"Set {secrets}, or mutual TLS (--tls-cert, --tls-key, --tls-ca, --require-client-cert), or listen on "
        "127.0.0.1, or accept the danger with --insecure."
    )


def from_settings(settings: Settings) -> Security:
    """The security a process was told, with secrets read from their files."""
    security = Security(
        token=_secret(settings, registry.SECURITY_TOKEN, registry.SECURITY_TOKEN_FILE),
        join_secret=_secret(settings, registry.SECURITY_JOIN_SECRET, registry.SECURITY_JOIN_SECRET_FILE),
        tls_cert=settings.get(registry.SECURITY_TLS_CERT),
        tls_key=settings.get(registry.SECURITY_TLS_KEY),
        tls_ca=settings.get(registry.SECURITY_TLS_CA),
        tls_server_name=settings.get(registry.SECURITY_TLS_SERVER_NAME),
        require_client_cert=settings.get(registry.SECURITY_REQUIRE_CLIENT_CERT),
        insecure=settings.get(registry.SECURITY_INSECURE),
    )
    for setting in (registry.SECURITY_TLS_CERT, registry.SECURITY_TLS_KEY, registry.SECURITY_TLS_CA):
        path = settings.get(setting)
        if path is not None and not path.is_file():
            raise SettingError(f"{setting.name} (from {settings.source(setting)}): there is no file {path}.")
    _check_tls_files(security)
    return security


def _check_tls_files(security: Security) -> None:
    """gRPC would say no more than that it cannot listen or connect."""
    if not security.calls_tls:
        return
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if security.tls_cert is not None:
            what = f"{security.tls_cert} and {security.tls_key} are not a certificate and its private key in PEM"
            # A key with a passphrase is refused rather than asked about.
            context.load_cert_chain(security.tls_cert, security.tls_key, password="")
        if security.tls_ca is not None:
            what = f"{security.tls_ca} holds no certificates in PEM"
            context.load_verify_locations(security.tls_ca)
    except OSError as error:
        raise SettingError(f"TLS: {what} ({getattr(error, 'reason', None) or error.strerror}).") from error


def _secret(settings: Settings, setting: Setting[str], file_setting: Setting[Path | None]) -> str:
    secret, name = settings.get(setting), setting.name
    path = settings.get(file_setting)
    if path is not None and not secret:
        name = file_setting.name
        try:
            secret = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise SettingError(f"{name}: {path} cannot be read: {reason}.") from error
        if not secret:
            raise SettingError(f"{name}: {path} is empty; it should hold the secret and nothing else.")
    # It travels in an HTTP/2 header.
    if not all("!" <= character <= "~" for character in secret):
        raise SettingError(f"{name}: only visible ASCII characters without spaces are possible.")
    return secret
