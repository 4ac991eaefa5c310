"""The driver process: opens its ports, wires the services together, and takes them down again in order."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import prometheus_client
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from headrace.address import DriverAddress, host_port
from headrace.authentication import AuthenticationInterceptor
from headrace.errors import ExitCode, SettingError
from headrace.security import Role, Security
from headrace.transport import SERVER_OPTIONS, listen, open_aio_channel
from headrace_driver.allocator import return_freed_blocks
from headrace_driver.catalog.held import HeldTables
from headrace_driver.catalog.views import GlobalViews, SessionViews
from headrace_driver.cluster.assembly import ClusterSide
from headrace_driver.connect.executions import Executions
from headrace_driver.connect.operations import DETACHED_TIMEOUT_S
from headrace_driver.connect.planning_threads import PlanningThreads
from headrace_driver.connect.service import APPLICATION_KEY, SparkConnectServicer, add_to_server
from headrace_driver.jobs.applications import Applications, ApplicationSettings
from headrace_driver.jobs.service import JobsService
from headrace_driver.journal.writer import Journal, NoJournal
from headrace_driver.query.engine import Engine
from headrace_driver.query.native_sql import NativeSql
from headrace_driver.restart import OpenJournal
from headrace_driver.session import IDLE_TIMEOUT_S, SessionStore
from headrace_driver.web.server import HttpServer
from headrace_driver.web.watcher import Watcher

_log = structlog.get_logger("headrace.driver")

_LOOPBACK = "127.0.0.1"
_TOKEN_BYTES = 24


@dataclass(frozen=True, slots=True)
class DriverConfig:
    """What one driver process is told. Ports of 0 take free ones; `directory` None makes a temporary one."""

    host: str = "127.0.0.1"
    port: int = 0
    http_port: int = 0
    directory: Path | None = None
    journal: Path | None = None
    """Where it writes down what its successor needs; None: nothing outlives it."""
    warehouse: Path = Path("spark-warehouse")
    checkpoint_directory: Path | None = None
    session_timeout_s: float = IDLE_TIMEOUT_S
    operation_timeout_s: float = DETACHED_TIMEOUT_S
    stop_grace_s: float = 5.0
    security: Security = field(default_factory=Security)


@dataclass(frozen=True, slots=True)
class DriverAddresses:
    """Where the driver listens, as host:port."""

    grpc: str
    http: str


class DriverDaemon:
    """One driver: `start`, then `stop` once. Must be used within one event loop."""

    def __init__(self, config: DriverConfig) -> None:
        self._config = config
        # Uploads have to outlive the process like the journal that knows of them.
        kept = config.journal / "files" if config.journal is not None else None
        self._made_directory = config.directory is None and kept is None
        self._directory = config.directory or kept or Path(tempfile.mkdtemp(prefix="headrace-driver-"))
        self.fenced = asyncio.Event()
        """Another driver has taken the journal over: this one has to end."""
        self._journal: OpenJournal | None = None
        self._server: grpc.aio.Server | None = None
        self._http: HttpServer | None = None
        self._health = health.aio.HealthServicer()
        self._cluster: ClusterSide | None = None
        self._connect: SparkConnectServicer | None = None
        self._addresses = DriverAddresses("", "")
        self._for_applications: tuple[grpc.aio.Server, str, Security] | None = None
        """The port they have to themselves, where they have one."""

    async def start(self) -> DriverAddresses:
        """Opens both ports; raises RefusedError or ListenError before anything has been started."""
        config = self._config
        if config.journal is not None:
            self._journal = OpenJournal.open(config.journal, self.fenced)
        _make(self._directory)
        server = grpc.aio.server(interceptors=[AuthenticationInterceptor(config.security)], options=SERVER_OPTIONS)
        services = self._add_services(server)
        port = listen(server, config.host, config.port, config.security, Role.CLIENT)
        registries = [prometheus_client.REGISTRY, self._cluster_side().metrics.registry]
        watcher = Watcher(self._cluster_side().runner)
        self._http = HttpServer(config.host, config.http_port, config.security, registries, watcher)
        self._addresses = DriverAddresses(host_port(config.host, port), self._http.address)
        self._cluster_side().start()
        assert self._connect is not None
        if self._journal is not None:
            await asyncio.to_thread(self._journal.settle_writes)
            self._journal.resume(self._connect, self._cluster_side().runner)
        self._connect.start()
        await server.start()
        self._server = server
        if config.security.require_client_cert:
            await self._open_for_applications(self._connect)
        for service in ("", *services):
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        addresses = self._addresses
        _log.info("driver ready", grpc=addresses.grpc, http=addresses.http, tls=config.security.serves_tls)
        return addresses

    def _add_services(self, server: grpc.aio.Server) -> list[str]:
        """Adds every service and returns their full names."""
        security = self._config.security
        opened = self._journal
        journal: Journal = opened.writer if opened is not None else NoJournal()
        self._cluster = ClusterSide(
            lambda address: open_aio_channel(address, security),
            security.metadata(Role.WORKER),
            identity=opened.identity if opened is not None else None,
            notes=opened.notes if opened is not None else None,
            rejoining=opened.rejoining if opened is not None else None,
        )
        applications = Applications(
            ApplicationSettings(self._directory / "applications", self._way_here, self._application_ended)
        )
        executions = Executions(time.monotonic, journal=journal, detached_timeout_s=self._config.operation_timeout_s)
        shared, threads = GlobalViews(), PlanningThreads()
        engine = Engine(
            self._cluster.runner, HeldTables(self._cluster.runner.held_data).open, threads, executions.is_followed
        )
        settings = {
            "spark.app.name": "headrace",
            "spark.master": "headrace",
            "spark.sql.warehouse.dir": self._config.warehouse.absolute().as_uri(),
        }
        if (checkpoints := self._config.checkpoint_directory) is not None:
            settings["spark.checkpoint.dir"] = checkpoints.absolute().as_uri()
        sessions = SessionStore(
            self._directory / "sessions",
            time.monotonic,
            lambda: SessionViews(shared),
            settings,
            self._config.session_timeout_s,
            forget_cached=engine.forget,
            keeper=opened.sessions if opened is not None else None,
        )
        if opened is not None:
            opened.restore_sessions(sessions, shared)
        self._connect = SparkConnectServicer(engine, sessions, threads, executions)
        jobs = JobsService(self._cluster.runner, NativeSql(engine, sessions, threads), applications)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        services = [
            add_to_server(self._connect, server),
            self._cluster.add_to(server),
            jobs.add_to(server),
            health.SERVICE_NAME,
        ]
        reflection.enable_server_reflection([*services, reflection.SERVICE_NAME], server)
        return services

    async def _open_for_applications(self, connect: SparkConnectServicer) -> None:
        """PySpark cannot show a certificate. Under mutual TLS the applications this driver runs call a port of their
        own, which only this host reaches and only their token opens."""
        security = Security(token=secrets.token_hex(_TOKEN_BYTES))
        server = grpc.aio.server(interceptors=[AuthenticationInterceptor(security)], options=SERVER_OPTIONS)
        add_to_server(connect, server)
        port = listen(server, _LOOPBACK, 0, security, Role.CLIENT)
        await server.start()
        self._for_applications = (server, host_port(_LOOPBACK, port), security)

    def _way_here(self, application: str) -> dict[str, str]:
        if self._for_applications is None:
            return connection_variables(self._addresses.grpc, self._config.security, application)
        _, address, security = self._for_applications
        return connection_variables(address, security, application)

    def _application_ended(self, application: str) -> None:
        assert self._connect is not None, "nothing is submitted to a driver without services"
        self._connect.close_application(application)

    def _cluster_side(self) -> ClusterSide:
        assert self._cluster is not None, "services are added before anything starts"
        return self._cluster

    async def stop(self) -> None:
        """Takes no new calls, lets running ones end within the grace, then closes and cleans up."""
        await self._health.enter_graceful_shutdown()
        if self._server is not None:
            # Workers' streams are calls too and end by the cluster side only, so the grace runs beside it.
            ending = asyncio.create_task(self._server.stop(self._config.stop_grace_s))
            await asyncio.sleep(0)
            if self._connect is not None:
                await self._connect.stop()
            await self._cluster_side().stop()
            await ending
            if self._for_applications is not None:
                await self._for_applications[0].stop(None)
        if self._http is not None:
            self._http.stop()
        if self._journal is not None:
            await asyncio.to_thread(self._journal.writer.stop)
        if self._made_directory:
            shutil.rmtree(self._directory, ignore_errors=True)
        if self._server is not None:
            _log.info("driver stopped")


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(f"The driver's directory {directory} cannot be made: {error.strerror}.") from error


def connection_variables(address: str, security: Security, application: str) -> dict[str, str]:
    """What leads a program on this host to the driver: PySpark by SPARK_REMOTE, `headrace.connect()` by the rest.

    The sessions it opens are marked as those of `application`.
    """
    parsed = DriverAddress.parse(address)
    host = "localhost" if parsed.host in ("0.0.0.0", "::", "127.0.0.1", "::1") else parsed.host
    token = security.secret_of(Role.CLIENT)
    parameters: dict[str, str] = {"use_ssl": "true"} if security.serves_tls else {}
    if token and (security.serves_tls or host == "localhost"):
        parameters["token"] = token
    elif token:
        # PySpark sends its token without TLS to localhost only; other parameters become metadata as they are.
        parameters["authorization"] = f"Bearer {token}"
    parameters[APPLICATION_KEY] = application
    variables = {"SPARK_REMOTE": DriverAddress(host, parsed.port, parameters).url}
    files = {
        "HEADRACE_TLS_CA": security.tls_ca,
        "HEADRACE_TLS_CERT": security.tls_cert,
        "HEADRACE_TLS_KEY": security.tls_key,
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": security.tls_ca,
    }
    variables |= {name: str(path.absolute()) for name, path in files.items() if path is not None}
    if security.tls_server_name:
        variables["HEADRACE_TLS_SERVER_NAME"] = security.tls_server_name
    return variables


async def run_driver(config: DriverConfig, on_ready: Callable[[DriverAddresses], None] = lambda _: None) -> None:
    """Runs a driver until SIGTERM or SIGINT; `on_ready` is told the addresses once they answer."""
    return_freed_blocks()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    daemon = DriverDaemon(config)
    try:
        on_ready(await daemon.start())
        fenced = asyncio.create_task(daemon.fenced.wait())
        await asyncio.wait((asyncio.create_task(stopping.wait()), fenced), return_when=asyncio.FIRST_COMPLETED)
        if daemon.fenced.is_set():
            # Whatever an orderly end would do to clients, workers and files is the other driver's business now.
            os._exit(ExitCode.REFUSED)
    finally:
        await daemon.stop()
