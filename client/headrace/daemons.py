"""From settings to the configurations of the two daemons, for the command line and for local clusters.

The daemons' packages are imported here, inside the functions: the client itself stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.address import DriverAddress, host_port
from headrace.security import Role, check_may_listen, from_settings
from headrace.settings import Settings, registry

if TYPE_CHECKING:
    from headrace_driver.daemon import DriverConfig
    from headrace_worker.config import WorkerConfig


def driver_config(settings: Settings, *, keeps_journal: bool = False) -> DriverConfig:
    """What the driver is told. `keeps_journal`: where it has a directory that outlives it; local clusters end whole."""
    from headrace_driver.daemon import DriverConfig

    directory, journal = settings.get(registry.DRIVER_DIRECTORY), settings.get(registry.DRIVER_JOURNAL)
    if journal is None and keeps_journal and directory is not None:
        journal = directory / "journal"
    return DriverConfig(
        journal=journal,
        host=settings.get(registry.DRIVER_LISTEN_HOST),
        port=settings.get(registry.DRIVER_LISTEN_PORT),
        http_port=settings.get(registry.DRIVER_HTTP_PORT),
        directory=directory,
        warehouse=settings.get(registry.DRIVER_WAREHOUSE),
        checkpoint_directory=settings.get(registry.DRIVER_CHECKPOINT_DIRECTORY),
        session_timeout_s=settings.get(registry.DRIVER_SESSION_TIMEOUT),
        operation_timeout_s=settings.get(registry.DRIVER_OPERATION_TIMEOUT),
        stop_grace_s=settings.get(registry.DRIVER_STOP_GRACE),
        security=from_settings(settings),
    )


def worker_config(settings: Settings) -> WorkerConfig:
    """What a worker is told; 0 and empty leave it to find out."""
    from headrace_worker.config import WorkerConfig

    security = from_settings(settings)
    host, advertise = settings.get(registry.WORKER_LISTEN_HOST), settings.get(registry.WORKER_ADVERTISE_HOST)
    check_may_listen(host, security, Role.WORKER)
    port = settings.get(registry.WORKER_LISTEN_PORT)
    return WorkerConfig(
        driver=DriverAddress.parse(settings.get(registry.CLUSTER_DRIVER)).target,
        worker_id=settings.get(registry.WORKER_NAME) or "",
        host=settings.get(registry.WORKER_HOST_NAME),
        bind=host_port(host, port),
        advertise=host_port(advertise, port) if advertise else "",
        threads_per_slot=settings.get(registry.WORKER_THREADS_PER_TASK) or 0,
        cores=settings.get(registry.WORKER_CORES) or 0,
        memory_bytes=settings.get(registry.WORKER_MEMORY) or 0,
        directories=tuple(str(path) for path in settings.get(registry.WORKER_DIRECTORIES)),
        rack=settings.get(registry.WORKER_RACK),
        data=tuple((name, str(path)) for name, path in settings.get(registry.WORKER_DATA)),
        secret=security.secret_of(Role.WORKER),
        tls_cert=str(security.tls_cert or ""),
        tls_key=str(security.tls_key or ""),
        tls_ca=str(security.tls_ca or ""),
        require_client_cert=security.require_client_cert,
        # Mutual TLS keeps strangers out as well as the secret does.
        insecure=security.insecure or security.require_client_cert,
        log_format=settings.get(registry.LOG_FORMAT),
        drain_s=settings.get(registry.WORKER_DRAIN),
        driver_grace_s=settings.get(registry.WORKER_DRIVER_GRACE),
    )
