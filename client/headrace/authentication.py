"""Refuses calls that do not show the credentials their service needs, for every service of a gRPC server."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import structlog

from headrace.security import Role, Security, is_authorized, required_role

_LOG_INTERVAL_S = 1.0
"""A refused caller may be a loop: one line a second is enough, with the number of those left out."""

_log = structlog.get_logger("headrace.authentication")


class AuthenticationInterceptor(grpc.aio.ServerInterceptor):
    """Put first on every daemon's server: `grpc.aio.server(interceptors=[AuthenticationInterceptor(security)])`.

    It looks at the call before the handler is known, so reflection and methods that do not exist are refused as well.
    """

    def __init__(self, security: Security) -> None:
        self._security = security
        self._logged_s = float("-inf")
        self._unlogged = 0

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """The service's own handler, or one that ends the call with UNAUTHENTICATED."""
        method = handler_call_details.method
        role = required_role(method)
        if role is not None and self._security.secret_of(role):
            shown = [value for key, value in handler_call_details.invocation_metadata if key == "authorization"]
            if not is_authorized(self._security, role, shown):
                return self._refusal(method, role, bool(shown))
        return await continuation(handler_call_details)

    def _refusal(self, method: str, role: Role, shown: bool) -> Any:
        problem = "The credentials are wrong" if shown else "Credentials are missing"
        fix = (
            "connect with sc://HOST:PORT/;use_ssl=true;token=… or set HEADRACE_TOKEN"
            if role is Role.CLIENT
            else "give the worker the driver's join secret (HEADRACE_JOIN_SECRET or --join-secret-file)"
        )

        async def refuse(_requests: Any, context: Any) -> None:
            self._note(method, context.peer(), problem)
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, f"{problem}: {fix}.")

        # A stream-to-stream handler that answers nothing fits every kind of method.
        return grpc.stream_stream_rpc_method_handler(refuse)

    def _note(self, method: str, peer: str, problem: str) -> None:
        now_s = time.monotonic()
        if now_s - self._logged_s < _LOG_INTERVAL_S:
            self._unlogged += 1
            return
        _log.warning("call refused", method=method, peer=peer, reason=problem, unlogged=self._unlogged)
        self._logged_s, self._unlogged = now_s, 0
