"""Why a driver that listens takes no call, as far as a TLS handshake tells. gRPC itself says "Socket closed"."""

from __future__ import annotations

import socket
import ssl

from headrace.security import Security

_TIMEOUT_S = 3.0


def tls_problem(host: str, port: int, security: Security, tls: bool) -> str:
    """What is wrong between this process's TLS and that of `host:port`, and the fix; empty where it is not that.

    `tls` says whether the calls of this process to it speak TLS.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["h2"])
    if not tls:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    elif security.tls_ca is not None:
        context.load_verify_locations(security.tls_ca)
    else:
        context.load_default_certs()
    if security.tls_cert is not None:
        context.load_cert_chain(security.tls_cert, security.tls_key)
    try:
        plain = socket.create_connection((host, port), _TIMEOUT_S)
    except OSError:
        return ""
    with plain:
        return _shake(plain, context, security.tls_server_name or host, tls)


def _shake(plain: socket.socket, context: ssl.SSLContext, name: str, tls: bool) -> str:
    try:
        with context.wrap_socket(plain, server_hostname=name) as wrapped:
            if not tls:
                return "it speaks TLS, and this process does not: name its authority with --tls-ca"
            # A server of HTTP/2 speaks first, unless it refuses the client's certificate.
            taken = bool(wrapped.recv(1))
    except ssl.SSLCertVerificationError as error:
        fix = "name its authority with --tls-ca, or the name in the certificate with --tls-server-name"
        return f"its certificate is not trusted ({error.verify_message}): {fix}"
    except TimeoutError:
        return ""
    except OSError as error:
        if not tls:
            return ""
        taken = False
        reason = getattr(error, "reason", None) or ""
        if "ALERT" not in reason and "certificate" not in reason.lower():
            return "it does not speak TLS, and this process does: leave out --tls-ca, --tls-cert and use_ssl"
    return "" if taken else "it wants a client certificate of its authority: show one with --tls-cert and --tls-key"
