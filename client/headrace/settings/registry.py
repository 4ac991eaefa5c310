"""Every setting of driver, worker, local cluster and client: the one place that names, explains and defaults it.

Command line flags, HEADRACE_… variables, TOML keys and `docs/reference-settings.md` all come from here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from headrace.settings import kinds
from headrace.settings.kinds import Kind

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """One setting. `name` is its TOML path (`driver.listen_port` is `listen_port` in `[driver]`)."""

    name: str
    kind: Kind[T]
    default: T
    doc: str
    flag: str
    env: str = ""
    """Variable name where it is not the one derived from `name`."""
    default_doc: str = ""
    """What the reference page says of the default where the value alone would not tell."""
    secret: bool = False
    """Never shown in logs, errors or help."""

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return self.env or "HEADRACE_" + self.name.upper().replace(".", "_")

    @property
    def section(self) -> str:
        """The TOML table it stands in."""
        return self.name.partition(".")[0]


REGISTRY: dict[str, Setting[Any]] = {}


def _add(setting: Setting[T]) -> Setting[T]:
    assert setting.name not in REGISTRY, f"two settings are called {setting.name}"
    assert all(setting.variable != other.variable for other in REGISTRY.values()), setting.variable
    REGISTRY[setting.name] = setting
    return setting


CLUSTER_DRIVER = _add(
    Setting(
        "cluster.driver",
        kinds.ADDRESS,
        "127.0.0.1:15002",
        "Driver to join or to ask, as HOST:PORT or sc://HOST:PORT. The driver prints it in this form when it starts.",
        "--driver",
        env="HEADRACE_DRIVER",
    )
)

# The driver's variables are HEADRACE_DRIVER_LISTEN_…, not HEADRACE_DRIVER_PORT: Kubernetes puts HEADRACE_DRIVER_PORT
# (a URL) into every pod next to a service called headrace-driver.
DRIVER_LISTEN_HOST = _add(
    Setting(
        "driver.listen_host",
        kinds.TEXT,
        "127.0.0.1",
        "Address the driver listens on. Anything but loopback needs credentials, see Security.",
        "--host",
    )
)
DRIVER_LISTEN_PORT = _add(
    Setting(
        "driver.listen_port",
        kinds.PORT,
        15002,
        "gRPC port for clients and workers; 0 takes a free one and prints it.",
        "--port",
    )
)
DRIVER_HTTP_PORT = _add(
    Setting(
        "driver.http_port",
        kinds.PORT,
        4040,
        "Port of the pages for people, /metrics and /health on the same address; 0 takes a free one.",
        "--http-port",
    )
)
DRIVER_DIRECTORY = _add(
    Setting(
        "driver.directory",
        kinds.optional(kinds.PATH),
        None,
        "Private directory of the driver: submitted applications, uploaded artifacts.",
        "--dir",
        default_doc="a new directory below the system's temporary one, removed at the end",
    )
)
DRIVER_JOURNAL = _add(
    Setting(
        "driver.journal",
        kinds.optional(kinds.PATH),
        None,
        "Directory of the driver's journal: a driver that dies and is started again with the same one goes on with "
        "sessions, queries and writes. One driver at a time may use it.",
        "--journal",
        default_doc="`journal` in the driver's directory where `--dir` is given, else none is kept",
    )
)
DRIVER_WAREHOUSE = _add(
    Setting(
        "driver.warehouse",
        kinds.PATH,
        Path("spark-warehouse"),
        "Directory of tables saved without a path. These are not built yet: it is what `spark.sql.warehouse.dir` says.",
        "--warehouse",
    )
)
DRIVER_CHECKPOINT_DIRECTORY = _add(
    Setting(
        "driver.checkpoint_directory",
        kinds.optional(kinds.PATH),
        None,
        "Directory of `DataFrame.checkpoint()` (`spark.checkpoint.dir`); all hosts must see it under the same name.",
        "--checkpoint-dir",
        default_doc="none: `checkpoint()` is refused, `localCheckpoint()` is not",
    )
)
DRIVER_SESSION_TIMEOUT = _add(
    Setting(
        "driver.session_timeout",
        kinds.duration(1, 365 * 86400),
        3600.0,
        "How long a session may be unused before it is closed and gives back what it holds: cached rows, views, "
        "uploads. Running queries are use.",
        "--session-timeout",
    )
)
DRIVER_OPERATION_TIMEOUT = _add(
    Setting(
        "driver.operation_timeout",
        kinds.duration(1, 7 * 86400),
        300.0,
        "How long a query goes on, and keeps its result, without its client: one that does not come back to it by then "
        "cannot any more. PySpark tries again for about ten minutes, with up to a minute between.",
        "--operation-timeout",
    )
)
DRIVER_STOP_GRACE = _add(
    Setting(
        "driver.stop_grace",
        kinds.DURATION,
        5.0,
        "How long running calls may take to end after SIGTERM before they are cut.",
        "--stop-grace",
    )
)

WORKER_NAME = _add(
    Setting(
        "worker.name",
        kinds.optional(kinds.TEXT),
        None,
        "Name of the worker, unique in the cluster.",
        "--name",
        default_doc="host name and a random suffix",
    )
)
WORKER_LISTEN_HOST = _add(
    Setting(
        "worker.listen_host",
        kinds.TEXT,
        "127.0.0.1",
        "Address on which the worker serves shuffle blocks; other workers and the driver must reach it. Anything but "
        "loopback needs the join secret, see Security.",
        "--host",
    )
)
WORKER_LISTEN_PORT = _add(
    Setting("worker.listen_port", kinds.PORT, 0, "Port of the block service; 0 takes a free one.", "--port")
)
WORKER_ADVERTISE_HOST = _add(
    Setting(
        "worker.advertise_host",
        kinds.optional(kinds.TEXT),
        None,
        "Host name or address by which others reach this worker.",
        "--advertise-host",
        default_doc="the address it listens on; with 0.0.0.0 the one it uses towards the driver",
    )
)
WORKER_CORES = _add(
    Setting(
        "worker.cores",
        kinds.optional(kinds.integer(1, 1024)),
        None,
        "Cores to use.",
        "--cores",
        default_doc="all this process may use",
    )
)
WORKER_THREADS_PER_TASK = _add(
    Setting(
        "worker.threads_per_task",
        kinds.optional(kinds.integer(1, 1024)),
        None,
        "Threads one task runs with; cores divided by it are the tasks at once.",
        "--threads-per-task",
        default_doc="1 on hosts of up to 8 cores, up to 4 on larger ones",
    )
)
WORKER_MEMORY = _add(
    Setting(
        "worker.memory",
        kinds.optional(kinds.SIZE),
        None,
        "The worker's one memory budget: execution, cache, shuffle, broadcast and Python functions together.",
        "--memory",
        default_doc="the cgroup's limit or the machine's memory, less a tenth for the system",
    )
)
WORKER_DIRECTORIES = _add(
    Setting(
        "worker.directories",
        kinds.many(kinds.PATH),
        (),
        "Directories for shuffle files and spill, one a disk.",
        "--dir",
        default_doc="a new directory below the system's temporary one",
    )
)
WORKER_RACK = _add(Setting("worker.rack", kinds.TEXT, "", "Label of the rack or zone, for locality.", "--rack"))
WORKER_HOST_NAME = _add(
    Setting(
        "worker.host_name",
        kinds.TEXT,
        "",
        "Label of the host, for locality: workers with the same one share its disks.",
        "--host-name",
        default_doc="the host name",
    )
)
WORKER_DRAIN = _add(
    Setting(
        "worker.drain",
        kinds.DURATION,
        10.0,
        "How long a worker told to stop waits for its running tasks.",
        "--drain",
    )
)
WORKER_DRIVER_GRACE = _add(
    Setting(
        "worker.driver_grace",
        kinds.DURATION,
        600.0,
        "How long a worker keeps its blocks for a driver that is away. It waits for one to come back in any case.",
        "--driver-grace",
    )
)
WORKER_DATA = _add(
    Setting(
        "worker.data",
        kinds.many(kinds.NAMED_DIRECTORY),
        (),
        "NAME=DIR: offers the files below DIR on this host to the cluster as a part of table NAME.",
        "--data",
    )
)

LOCAL_WORKERS = _add(
    Setting("local.workers", kinds.integer(1, 64), 2, "Worker processes of a local cluster.", "--workers")
)
LOCAL_CORES_PER_WORKER = _add(
    Setting(
        "local.cores_per_worker",
        kinds.optional(kinds.integer(1, 1024)),
        None,
        "Cores of each worker of a local cluster.",
        "--cores-per-worker",
        default_doc="this machine's cores divided by the workers, at least 1",
    )
)
LOCAL_MEMORY_PER_WORKER = _add(
    Setting(
        "local.memory_per_worker",
        kinds.optional(kinds.SIZE),
        None,
        "Memory budget of each worker of a local cluster.",
        "--memory-per-worker",
        default_doc="60 % of the memory divided by the workers",
    )
)
LOCAL_PORT = _add(
    Setting(
        "local.listen_port",
        kinds.PORT,
        0,
        "gRPC port of a local cluster's driver; 0 takes a free one.",
        "--port",
    )
)
LOCAL_HTTP_PORT = _add(
    Setting(
        "local.http_port",
        kinds.PORT,
        0,
        "HTTP port of a local cluster's driver; 0 takes a free one.",
        "--http-port",
    )
)
LOCAL_START_TIMEOUT = _add(
    Setting(
        "local.start_timeout",
        kinds.DURATION,
        60.0,
        "How long the processes of a local cluster may take to be ready.",
        "--start-timeout",
    )
)

SECURITY_TOKEN = _add(
    Setting(
        "security.token",
        kinds.TEXT,
        "",
        "Bearer token that clients must show; where no join secret is set, workers too. Prefer the "
        "variable or the file: other users of the host can read a process's arguments.",
        "--token",
        env="HEADRACE_TOKEN",
        secret=True,
    )
)
SECURITY_TOKEN_FILE = _add(
    Setting(
        "security.token_file",
        kinds.optional(kinds.PATH),
        None,
        "File that holds the client token, alone.",
        "--token-file",
        env="HEADRACE_TOKEN_FILE",
    )
)
SECURITY_JOIN_SECRET = _add(
    Setting(
        "security.join_secret",
        kinds.TEXT,
        "",
        "Secret that workers show to the driver and to each other; where no token is set, clients too. Prefer the "
        "variable or the file.",
        "--join-secret",
        env="HEADRACE_JOIN_SECRET",
        secret=True,
    )
)
SECURITY_JOIN_SECRET_FILE = _add(
    Setting(
        "security.join_secret_file",
        kinds.optional(kinds.PATH),
        None,
        "File that holds the join secret, alone.",
        "--join-secret-file",
        env="HEADRACE_JOIN_SECRET_FILE",
    )
)
SECURITY_TLS_CERT = _add(
    Setting(
        "security.tls_cert",
        kinds.optional(kinds.PATH),
        None,
        "Certificate chain (PEM). Switches TLS on for every port of a daemon; a client shows it under mutual TLS.",
        "--tls-cert",
        env="HEADRACE_TLS_CERT",
    )
)
SECURITY_TLS_KEY = _add(
    Setting(
        "security.tls_key",
        kinds.optional(kinds.PATH),
        None,
        "Private key (PEM) of the certificate.",
        "--tls-key",
        env="HEADRACE_TLS_KEY",
    )
)
SECURITY_TLS_CA = _add(
    Setting(
        "security.tls_ca",
        kinds.optional(kinds.PATH),
        None,
        "Certificates (PEM) of the authorities this process trusts; switches TLS on for its outgoing calls.",
        "--tls-ca",
        env="HEADRACE_TLS_CA",
        default_doc="those of the system where TLS is on",
    )
)
SECURITY_TLS_SERVER_NAME = _add(
    Setting(
        "security.tls_server_name",
        kinds.TEXT,
        "",
        "Name expected in the certificates of the daemons this process calls, for clusters whose hosts share one.",
        "--tls-server-name",
        env="HEADRACE_TLS_SERVER_NAME",
        default_doc="the host name or address called",
    )
)
SECURITY_REQUIRE_CLIENT_CERT = _add(
    Setting(
        "security.require_client_cert",
        kinds.SWITCH,
        False,
        "Mutual TLS: refuses every connection that shows no certificate signed by the authorities of --tls-ca.",
        "--require-client-cert",
        env="HEADRACE_REQUIRE_CLIENT_CERT",
    )
)
SECURITY_INSECURE = _add(
    Setting(
        "security.insecure",
        kinds.SWITCH,
        False,
        "Allows listening on other than loopback addresses without credentials: whoever reaches the port can run "
        "code on every host of the cluster.",
        "--insecure",
        env="HEADRACE_INSECURE",
    )
)

LOG_FORMAT = _add(
    Setting(
        "log.format",
        kinds.choice("console", "json"),
        "console",
        "Log lines for people or for machines; they go to standard error.",
        "--log-format",
    )
)
LOG_LEVEL = _add(
    Setting(
        "log.level",
        kinds.choice("debug", "info", "warning", "error"),
        "info",
        "The least important log lines to write.",
        "--log-level",
    )
)

SECURITY = tuple(setting for setting in REGISTRY.values() if setting.section == "security")
LOG = (LOG_FORMAT, LOG_LEVEL)
CLIENT_SECURITY = (
    SECURITY_TOKEN,
    SECURITY_TOKEN_FILE,
    SECURITY_TLS_CA,
    SECURITY_TLS_CERT,
    SECURITY_TLS_KEY,
    SECURITY_TLS_SERVER_NAME,
)


def in_section(section: str) -> Iterable[Setting[Any]]:
    """The settings of one TOML table, in the order they were written."""
    return (setting for setting in REGISTRY.values() if setting.section == section)
