"""`headrace local`: a driver and workers on this machine, until Ctrl-C."""

from __future__ import annotations

import signal
import threading
from typing import Any

import click

from headrace.commands.options import with_settings
from headrace.settings import Settings, registry

_LIVENESS_INTERVAL_S = 0.5


@click.command()
@with_settings(
    registry.LOCAL_WORKERS,
    registry.LOCAL_CORES_PER_WORKER,
    registry.LOCAL_MEMORY_PER_WORKER,
    registry.LOCAL_PORT,
    registry.LOCAL_HTTP_PORT,
    registry.LOCAL_START_TIMEOUT,
    registry.DRIVER_WAREHOUSE,
    registry.DRIVER_CHECKPOINT_DIRECTORY,
    registry.WORKER_DATA,
    registry.SECURITY_TOKEN,
    registry.SECURITY_TOKEN_FILE,
    *registry.LOG,
)
def local(settings: Settings) -> None:
    """Start a driver and workers as processes on this machine.

    When all have joined it prints to standard output, which a shell can source:

    \b
        HEADRACE_DRIVER=127.0.0.1:41234
        HEADRACE_HTTP=127.0.0.1:41235
        SPARK_REMOTE=sc://127.0.0.1:41234

    SIGTERM and Ctrl-C stop everything. Logs are in the directory told on standard error.
    """
    from headrace.address import DriverAddress
    from headrace.local import LocalCluster

    stopping = threading.Event()

    def stop(*_: Any) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with LocalCluster(settings=settings) as cluster:
        address = DriverAddress.parse(cluster.address)
        click.echo(
            f"HEADRACE_DRIVER={address.target}\nHEADRACE_HTTP={cluster.http_address}\nSPARK_REMOTE={address.url}"
        )
        click.echo(f"Logs are in {cluster.directory}. Ctrl-C stops the cluster.", err=True)
        while not stopping.wait(_LIVENESS_INTERVAL_S):
            cluster.check_alive()
