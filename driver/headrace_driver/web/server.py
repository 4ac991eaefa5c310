"""HTTP beside gRPC: pages for people, `/metrics` for Prometheus, `/health` for probes.

A thread of its own, so that a busy event loop still shows its metrics. All but `/health`, which is open as the gRPC
health service is, needs the client token once one is set: `authorization: Bearer …`, which Prometheus can send, or as
the password that browsers ask for (any name).
"""

from __future__ import annotations

import base64
import binascii
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import prometheus_client

from headrace.address import host_port
from headrace.security import Role, Security, is_authorized
from headrace.transport import listen_error
from headrace_driver.web import pages
from headrace_driver.web.watcher import LoopBusy, Watcher

_READ_TIMEOUT_S = 10.0
"""A caller that sends no request frees its thread after so long."""

_JOB_PATH = re.compile(r"/jobs/(\d{1,18})")


class HttpServer:
    """Serves until `stop`; `address` is host:port as bound."""

    def __init__(
        self,
        host: str,
        port: int,
        security: Security,
        registries: Sequence[prometheus_client.CollectorRegistry],
        watcher: Watcher,
    ) -> None:
        try:
            self._server = _Server((host.strip("[]"), port), security, registries, watcher)
        except OSError as error:
            raise listen_error(host, port, str(error), "--http-port") from error
        self.address = host_port(host, self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Closes the port; requests under way end by themselves."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(
        self,
        address: tuple[str, int],
        security: Security,
        registries: Sequence[prometheus_client.CollectorRegistry],
        watcher: Watcher,
    ) -> None:
        self.security = security
        self.registries = registries
        self.watcher = watcher
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)
        if security.tls_cert is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(security.tls_cert, security.tls_key)
            if security.require_client_cert:
                context.load_verify_locations(security.tls_ca)
                context.verify_mode = ssl.CERT_REQUIRED
            # The handshake happens in the request's thread, at its first read, so that a silent caller blocks nobody.
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _READ_TIMEOUT_S

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/health":
            self._answer(200, "text/plain; charset=utf-8", b"ok\n")
        elif not is_authorized(self.server.security, Role.CLIENT, _shown(self.headers.get_all("authorization", []))):
            self._answer(401, "text/plain; charset=utf-8", b"Send the client token: authorization: Bearer TOKEN\n")
        elif path == "/metrics":
            texts = [prometheus_client.generate_latest(registry) for registry in self.server.registries]
            self._answer(200, prometheus_client.CONTENT_TYPE_LATEST, b"".join(texts))
        else:
            status, page = self._page(path)
            self._answer(status, pages.CONTENT_TYPE, page.encode())

    def _page(self, path: str) -> tuple[int, str]:
        now_us = int(time.time() * 1e6)
        watcher = self.server.watcher
        try:
            if path == "/":
                return 200, pages.cluster_page(*watcher.cluster(), now_us)
            if (named := _JOB_PATH.fullmatch(path)) is not None:
                detail = watcher.job(int(named[1]))
                if detail is not None:
                    return 200, pages.job_page(detail, now_us)
                return 404, pages.absent_page(f"The driver does not remember a job {named[1]}.")
        except LoopBusy:
            return 503, pages.absent_page("The driver is busy or about to stop. Load this page again.")
        return 404, pages.absent_page("There are /, /jobs/ID, /metrics and /health here.")

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="Headrace: any name, the client token as password"')
            self.send_header("WWW-Authenticate", "Bearer")
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", pages.CONTENT_POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are no news."""


def _shown(headers: Iterable[str]) -> list[str]:
    """The authorization headers, with the password of a browser as the bearer's token that it stands for."""
    return [_bearer(header) if header[:6].lower() == "basic " else header for header in headers]


def _bearer(basic: str) -> str:
    """Empty where it is not what browsers send."""
    try:
        _, _, password = base64.b64decode(basic[6:].strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return f"Bearer {password}"
