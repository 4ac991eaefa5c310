"""A PySpark session with this process's TLS and token."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from headrace.address import DriverAddress
from headrace.deferred_pandas import import_pyspark
from headrace.security import Role, Security

if TYPE_CHECKING:
    import grpc
    from pyspark.sql.connect.session import SparkSession


def open_session(
    address: str, security: Security, opened: Callable[[grpc.Channel], object] | None = None
) -> SparkSession:
    """A new session on the driver at `address`, with this process's TLS and token.

    `opened` is told the channel of the session and those of its clones to come.
    """
    import_pyspark()
    from pyspark.sql.connect.session import SparkSession

    parsed = DriverAddress.parse(address)
    credentials = parsed.with_credentials(security)
    builder = SparkSession.builder.channelBuilder(_channel_builder(parsed, credentials, opened))
    session: SparkSession = builder.create()
    return session


def _channel_builder(
    address: DriverAddress, security: Security, opened: Callable[[grpc.Channel], object] | None
) -> Any:
    """PySpark's channel to the driver, with what its URL cannot say: own authorities, a certificate of the client's,
    and a token on a plain connection to other names than localhost.
    """
    from pyspark.sql.connect.client.core import DefaultChannelBuilder

    from headrace.transport import CHANNEL_OPTIONS, channel_credentials

    class Builder(DefaultChannelBuilder):  # type: ignore[misc]
        @property
        def token(self) -> str | None:
            return None  # metadata() sends it; PySpark would insist on TLS

        def metadata(self) -> list[tuple[str, str]]:
            return [*super().metadata(), *security.metadata(Role.CLIENT)]

        def toChannel(self) -> Any:  # noqa: N802 - PySpark's name
            channel = self._channel()
            if opened is not None:
                opened(channel)
            return channel

        def _channel(self) -> Any:
            for name, value in CHANNEL_OPTIONS:
                self.setChannelOption(name, value)
            credentials = channel_credentials(security, address.wants_tls)
            if credentials is None:
                return self._insecure_channel(address.target)
            if security.tls_server_name:
                self.setChannelOption("grpc.ssl_target_name_override", security.tls_server_name)
            return self._secure_channel(address.target, credentials)

    return Builder(address.url)
