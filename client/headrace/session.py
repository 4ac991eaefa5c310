"""`connect()`: a PySpark session on a cluster that is there, or on one started for this program."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from headrace.address import DriverAddress
from headrace.deferred_pandas import import_pyspark
from headrace.local import LocalCluster
from headrace.security import Role, Security, from_settings
from headrace.settings import resolve

if TYPE_CHECKING:
    import grpc
    from pyspark.sql.connect.session import SparkSession


def connect(address: str | None = None, **options: Any) -> SparkSession:
    """A PySpark session.

    Without an address it joins the cluster that `HEADRACE_DRIVER` or `SPARK_REMOTE` names (as in an application run by
    `headrace submit`), else it starts a local one that ends with the program. `options` are those of `LocalCluster`,
    or, with an address, `token=` and `settings=`.

        spark = headrace.connect()
        spark = headrace.connect("sc://10.0.0.1:15002", token="…", settings={"security.tls_ca": "ca.pem"})
    """
    named = address or os.environ.get("HEADRACE_DRIVER") or os.environ.get("SPARK_REMOTE")
    if named:
        flags = {**options.pop("settings", {}), "security.token": options.pop("token", None)}
        if options:
            raise TypeError(f"connect() to a running cluster does not take {', '.join(sorted(options))}")
        return open_session(named, from_settings(resolve(flags)))
    cluster = LocalCluster(meanwhile=import_pyspark, **options)
    try:
        session = cluster.session()
    except BaseException:
        cluster.close()
        raise
    _keep(session, cluster)
    return session


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


def _keep(session: SparkSession, cluster: LocalCluster) -> None:
    """Ties the cluster's life to the session's: `spark.stop()` ends both."""
    stop = session.stop

    def stop_both() -> None:
        session.client.set_retry_policies([])  # where the driver has died, it will not come back
        stop()
        cluster.close()

    session.stop = stop_both
