"""What a worker is told, and what it finds out by itself where it is told nothing."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

import psutil

from headrace_worker.memory import least_budget
from headrace_worker.security import PeerCredentials, TlsFiles

THREADS_PER_EXECUTOR_MAX = 4
SMALL_HOST_CORES = 8
"""Up to so many cores every core gets an executor of its own: a short query finds a slot beside a long one."""

RESERVE_SHARE = 0.1
RESERVE_BYTES = (256 << 20, 4 << 30)
"""Least and most that is left to the system, the daemon and page cache by default."""


@dataclass(frozen=True, slots=True)
class ExecutorLayout:
    """How the worker's cores are divided: `slots` tasks at once, each with `threads`."""

    slots: int
    threads: int


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """A worker's configuration. 0 and empty mean: find out."""

    driver: str
    worker_id: str = ""
    host: str = ""
    """Locality: workers with the same host share its disks. Default: the host name."""
    bind: str = "127.0.0.1:0"
    advertise: str = ""
    """host:port where others reach this worker; default: the bound address. Port 0 stands for the bound port."""
    slots: int = 0
    threads_per_slot: int = 0
    cores: int = 0
    memory_bytes: int = 0
    directories: tuple[str, ...] = ()
    rack: str = ""
    data: tuple[tuple[str, str], ...] = ()
    """(name, directory): local files offered to the whole cluster as tables."""
    secret: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    tls_ca: str = ""
    require_client_cert: bool = False
    """Mutual TLS: whoever fetches blocks has to show a certificate of `tls_ca`."""
    insecure: bool = False
    """Allows a non-loopback address without a join secret."""
    log_format: str = "console"
    parent_pid: int = 0
    """The worker ends when this process does (local mode)."""
    drain_s: float = 10.0
    """How long a worker told to stop waits for its running tasks."""
    driver_grace_s: float = 600.0
    """How long blocks are kept for a driver that is away."""

    def credentials(self) -> PeerCredentials:
        """What this worker shows to the driver and to other workers."""
        if not self.tls_cert:
            return PeerCredentials(self.secret)
        return PeerCredentials(
            self.secret, TlsFiles(self.tls_cert, self.tls_key, self.tls_ca, self.require_client_cert)
        )

    def layout(self) -> ExecutorLayout:
        """Executors and their threads."""
        if self.slots:
            return ExecutorLayout(self.slots, self.threads_per_slot or 1)
        wanted = default_layout(self.cores or available_cores(), self.threads_per_slot)
        # Where memory is short, fewer executors with more threads each make the same use of the cores.
        slots = wanted.slots
        while slots > 1 and self.resolved_memory_bytes() < least_budget(slots):
            slots -= 1
        return wanted if slots == wanted.slots else ExecutorLayout(slots, wanted.slots * wanted.threads // slots)

    def resolved_memory_bytes(self) -> int:
        """The budget: as told, else what the machine or its control group has, less a reserve."""
        if self.memory_bytes:
            return self.memory_bytes
        total = memory_of_machine()
        reserve = max(RESERVE_BYTES[0], min(RESERVE_BYTES[1], int(total * RESERVE_SHARE)))
        return max(total - reserve, total // 2)

    def problem(self) -> str:
        """A sentence on what cannot work, or nothing."""
        host = self.bind.rpartition(":")[0]
        if not self.driver:
            return "no driver address was given; say --driver HOST:PORT"
        if not host:
            return f"the bind address {self.bind!r} is not of the form host:port"
        if not is_loopback(host) and not self.secret and not self.insecure:
            return (
                f"{host} can be reached from other hosts, and without a join secret anybody there could read this "
                "worker's blocks; give --join-secret (the same as the driver's) or, on a trusted network, --insecure"
            )
        least = least_budget(self.layout().slots)
        if self.resolved_memory_bytes() < least:
            return (
                f"{self.resolved_memory_bytes() >> 20} MB of memory are too little for {self.layout().slots} tasks "
                f"at once, which need {least >> 20} MB; give --memory more or --cores less"
            )
        for name, directory in self.data:
            if not Path(directory).is_dir():
                return f"there is no directory {directory} to offer as {name}; see --data"
        if bool(self.tls_cert) != bool(self.tls_key):
            return "TLS needs both a certificate and a key"
        if self.tls_ca and not self.tls_cert:
            return "a worker in a cluster with TLS serves blocks and needs a certificate and a key of its own"
        if self.require_client_cert and not self.tls_ca:
            return "to verify the certificates of others, mutual TLS needs the authority's certificate"
        return ""


def default_layout(cores: int, threads: int = 0) -> ExecutorLayout:
    """One executor a core on small hosts; on large ones fewer, since each costs memory and a share of the budget."""
    if not threads:
        threads = 1
        while threads < THREADS_PER_EXECUTOR_MAX and cores // threads > SMALL_HOST_CORES:
            threads *= 2
    return ExecutorLayout(max(1, cores // threads), threads)


def available_cores() -> int:
    """Cores this process may use, by affinity and control group."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _read_words(_own_cgroup() / "cpu.max")
    if len(quota) == 2 and quota[0] != "max":
        cores = min(cores, max(1, round(int(quota[0]) / int(quota[1]))))
    return cores


def memory_of_machine() -> int:
    """Bytes of RAM, or of the control group where that is less."""
    total = int(psutil.virtual_memory().total)
    return min([total, *memory_limits(Path("/sys/fs/cgroup"), _read_text(Path("/proc/self/cgroup")))])


def memory_limits(root: Path, membership: str) -> list[int]:
    """Every limit on this process in the control groups below `root`: of its own group and of those above it.

    `membership` is the text of /proc/self/cgroup. Inside a container the group's path may not exist below `root`: the
    container then sees its own group as the root.
    """
    limits = []
    for line in membership.splitlines():
        number, controllers, path = (*line.split(":", 2), "", "")[:3]
        if number == "0":
            mount, name = root, "memory.max"
        elif "memory" in controllers.split(","):
            mount, name = root / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = mount / path.lstrip("/")
        for place in (group, *group.parents):
            if not place.is_relative_to(mount):
                break
            limits += [int(word) for word in _read_words(place / name) if word.isdigit()]
    return limits


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    return host in ("localhost", "[::1]", "::1") or host.startswith(("127.", "unix"))


def address_towards(driver: str) -> str:
    """This host's address on the way to the driver: what other workers should call when we listen everywhere."""
    host, _, port = driver.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host.strip("[]"), int(port)))  # sends nothing
        return str(probe.getsockname()[0])


def _own_cgroup() -> Path:
    try:
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            number, _, path = line.split(":", 2)
            if number == "0":
                return Path("/sys/fs/cgroup") / path.lstrip("/")
    except OSError:
        pass
    return Path("/sys/fs/cgroup")


def _read_words(path: Path) -> list[str]:
    return _read_text(path).split()


def _read_text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
