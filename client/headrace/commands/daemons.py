"""`headrace driver` and `headrace worker`: one daemon in the foreground, until SIGTERM or Ctrl-C."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headrace.commands.options import with_settings
from headrace.errors import ExitCode
from headrace.settings import Settings, registry

if TYPE_CHECKING:
    from headrace_driver.daemon import DriverAddresses


@click.command()
@with_settings(
    registry.DRIVER_LISTEN_HOST,
    registry.DRIVER_LISTEN_PORT,
    registry.DRIVER_HTTP_PORT,
    registry.DRIVER_DIRECTORY,
    registry.DRIVER_JOURNAL,
    registry.DRIVER_WAREHOUSE,
    registry.DRIVER_CHECKPOINT_DIRECTORY,
    registry.DRIVER_SESSION_TIMEOUT,
    registry.DRIVER_OPERATION_TIMEOUT,
    registry.DRIVER_STOP_GRACE,
    *registry.SECURITY,
    *registry.LOG,
)
def driver(settings: Settings) -> None:
    """Start a driver: it takes queries and places tasks on the workers that join.

    When it answers it prints two lines to standard output, which a shell can source:

    \b
        HEADRACE_DRIVER=127.0.0.1:15002
        HEADRACE_HTTP=127.0.0.1:4040

    SIGTERM and Ctrl-C stop it cleanly. Log lines go to standard error.
    """
    import asyncio

    from headrace.daemons import driver_config
    from headrace.log import configure
    from headrace.security import Role, check_may_listen
    from headrace.transport import probe
    from headrace.without_pandas import forbid_pandas

    forbid_pandas()
    configure(settings.get(registry.LOG_FORMAT), settings.get(registry.LOG_LEVEL))
    config = driver_config(settings, keeps_journal=True)
    check_may_listen(config.host, config.security, Role.CLIENT)
    for port, flag in ((config.port, "--port"), (config.http_port, "--http-port")):
        problem = probe(config.host, port, flag)
        if problem is not None:
            raise problem
    from headrace_driver.daemon import run_driver

    def announce(addresses: DriverAddresses) -> None:
        click.echo(f"HEADRACE_DRIVER={addresses.grpc}\nHEADRACE_HTTP={addresses.http}")

    asyncio.run(run_driver(config, announce))


@click.command()
@with_settings(
    registry.CLUSTER_DRIVER,
    *registry.in_section("worker"),
    *registry.SECURITY,
    *registry.LOG,
)
def worker(settings: Settings) -> int:
    """Start a worker and join it to a driver; it waits for one that is not there yet.

    When it listens it prints a line to standard output; `headrace workers` tells whether it has joined:

    \b
        HEADRACE_WORKER=127.0.0.1:41236

    SIGTERM and Ctrl-C make it leave: no new tasks, running ones may end within --drain. A second one hurries it. Log
    lines go to standard error.
    """
    import asyncio

    from headrace.daemons import worker_config
    from headrace.log import configure
    from headrace.transport import probe

    config = worker_config(settings)
    problem = probe(settings.get(registry.WORKER_LISTEN_HOST), settings.get(registry.WORKER_LISTEN_PORT))
    if problem is not None:
        raise problem
    configure(settings.get(registry.LOG_FORMAT), settings.get(registry.LOG_LEVEL))
    from headrace_worker.daemon import EXIT_REFUSED, run_worker
    from headrace_worker.nursery import Nursery

    nursery = Nursery.open()
    code = asyncio.run(run_worker(config, lambda address: click.echo(f"HEADRACE_WORKER={address}"), nursery))
    return ExitCode.REFUSED if code == EXIT_REFUSED else code
