"""`connect()`: a PySpark session on a cluster that is there, or on one started for this program."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from headrace.deferred_pandas import import_pyspark
from headrace.local import LocalCluster
from headrace.security import from_settings
from headrace.session import open_session
from headrace.settings import resolve

if TYPE_CHECKING:
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


def _keep(session: SparkSession, cluster: LocalCluster) -> None:
    """Ties the cluster's life to the session's: `spark.stop()` ends both."""
    stop = session.stop

    def stop_both() -> None:
        session.client.set_retry_policies([])  # where the driver has died, it will not come back
        stop()
        cluster.close()

    session.stop = stop_both
