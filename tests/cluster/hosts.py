"""Hosts on this machine: network namespaces with addresses, host names and temporary directories of their own.

    test process ── bridge (.254) ──veth── driver (.1), w1 (.2), w2 (.3), …

The test process sits on the bridge and is a host among them. Every host mounts a directory of its own at the same
path, so that a file read on the wrong host is missing or holds other rows. Needs root and Linux.

Cables can be pulled, be deaf or dumb for one direction, be slow, and be replaced between two hosts by a slow one.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

_START_S_MAX = 30.0
_STOP_S_MAX = 15.0
_DISK = "/srv"
"""Where each host sees its own files."""
_NOBODY = "02:00:00:00:00:01"
"""The hardware address of no card: what is sent there vanishes."""


class NoNamespaces(Exception):
    """This machine does not allow what the hosts need."""


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except FileNotFoundError:
        raise NoNamespaces(f"there is no {command[0]} here") from None
    except subprocess.CalledProcessError as error:
        raise NoNamespaces(f"`{' '.join(command)}` says: {error.stderr.strip()}") from None
    return done.stdout


def _shape(tc: Sequence[str], device: str, bytes_per_s: int) -> None:
    """What leaves by the device waits for up to 0.4 s, then packets are dropped, as by a router's buffer."""
    rate = ("rate", f"{bytes_per_s}bps", "burst", "32k", "latency", "400ms")
    _run(*tc, "qdisc", "replace", "dev", device, "root", "tbf", *rate)


@dataclass
class Daemon:
    """A daemon of a host and the KEY=VALUE lines it printed when it was ready."""

    process: subprocess.Popen[str]
    printed: dict[str, str]
    log: Path


@dataclass
class Host:
    """One namespace. `link` is its cable, seen from the bridge."""

    name: str
    namespace: str
    link: str
    address: str
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def disk(self) -> Path:
        """What the host sees as `_DISK`, from outside."""
        return self.directory / "disk"

    def sent_bytes(self) -> int:
        """Bytes this host has put on the wire, headers of Ethernet, IP and TCP included."""
        return int(Path(f"/sys/class/net/{self.link}/statistics/rx_bytes").read_text())

    def cut(self) -> None:
        """Pulls the cable: packets vanish, no connection is closed."""
        _run("ip", "link", "set", self.link, "down")

    def mend(self) -> None:
        _run("ip", "link", "set", self.link, "up")

    def cut_towards(self, *others: Host) -> None:
        """What this host sends to the others vanishes; what they send still arrives here."""
        for other in others:
            to = ("to", other.address, "dev", "eth0", "lladdr", _NOBODY, "nud", "permanent")
            _run("ip", "-n", self.namespace, "neigh", "replace", *to)

    def mend_towards(self, *others: Host) -> None:
        """Also where nothing is cut."""
        for other in others:
            to = ("to", other.address, "dev", "eth0", "nud", "permanent")
            _run("ip", "-n", self.namespace, "neigh", "flush", *to)

    def slow_down(self, bytes_per_s: int) -> None:
        """Its cable carries no more, in each direction."""
        for tc, device in ((("tc", "-n", self.namespace), "eth0"), (("tc",), self.link)):
            _shape(tc, device, bytes_per_s)

    def speed_up(self) -> None:
        _run("tc", "-n", self.namespace, "qdisc", "del", "dev", "eth0", "root")
        _run("tc", "qdisc", "del", "dev", self.link, "root")

    def command(self, *arguments: str) -> list[str]:
        """A command line that runs in the host, with its name and its disk."""
        inside = f'hostname {self.name} && mount --bind "$1" {_DISK} && shift && exec "$@"'
        unshared = ["unshare", "--uts", "--mount", "sh", "-c", inside, "sh", str(self.disk), *arguments]
        return ["ip", "netns", "exec", self.namespace, *unshared]

    @contextmanager
    def running(self, *arguments: str, keys: int) -> Iterator[Daemon]:
        """`headrace ARGUMENTS…` on the host that has printed `keys` lines; ended with the block."""
        log = self.directory / f"{arguments[0]}.log"
        command = self.command(sys.executable, "-m", "headrace.cli", *arguments)
        with log.open("a") as errors:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, **self.environment}
            )
        assert process.stdout is not None
        try:
            lines = [process.stdout.readline().strip() for _ in range(keys)]
            assert all(lines), log.read_text()
            yield Daemon(process, dict(line.split("=", 1) for line in lines), log)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_S_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()

    def processes(self) -> list[psutil.Process]:
        """What runs in the namespace."""
        pids = _run("ip", "netns", "pids", self.namespace).split()
        return [psutil.Process(int(pid)) for pid in pids if psutil.pid_exists(int(pid))]


class Network:
    """Hosts on one bridge. Addresses are of 198.18.0.0/15, which is set aside for measurements between networks."""

    def __init__(self, directory: Path, names: Sequence[str], environment: Mapping[str, str]) -> None:
        mark = f"{os.getpid() % 0x10000:04x}"
        subnet = f"198.18.{os.getpid() % 254 + 1}"
        self.bridge = f"hr{mark}"
        self.own_address = f"{subnet}.254"
        self._subnet = subnet
        self.hosts = [
            Host(
                name,
                f"hr{mark}-{name}",
                f"hr{mark}{number}",
                f"{subnet}.{number}",
                directory / name,
                # A temporary directory of its own is what keeps hosts from finding each other's blocks as files.
                {**environment, "TMPDIR": str(directory / name / "tmp"), "XDG_CONFIG_HOME": str(directory / name)},
            )
            for number, name in enumerate(names, start=1)
        ]

    def build(self) -> None:
        """Raises NoNamespaces; `remove` also takes down what was half built."""
        if os.geteuid() != 0:
            raise NoNamespaces("network namespaces need root")
        if not all(shutil.which(tool) for tool in ("ip", "unshare", "mount", "hostname")):
            raise NoNamespaces("ip, unshare, mount or hostname is missing")
        if not Path(_DISK).is_dir():
            raise NoNamespaces(f"there is no {_DISK} to mount disks at")
        _remove_leftovers()
        _run("ip", "link", "add", self.bridge, "type", "bridge")
        _run("ip", "address", "add", f"{self.own_address}/24", "dev", self.bridge)
        _run("ip", "link", "set", self.bridge, "up")
        for host in self.hosts:
            self._add(host)

    def _add(self, host: Host) -> None:
        (host.directory / "tmp").mkdir(parents=True)
        host.disk.mkdir()
        _run("ip", "netns", "add", host.namespace)
        _run("ip", "link", "add", host.link, "type", "veth", "peer", "name", "eth0", "netns", host.namespace)
        _run("ip", "link", "set", host.link, "master", self.bridge, "up")
        inside = ("ip", "-n", host.namespace)
        _run(*inside, "address", "add", f"{host.address}/24", "dev", "eth0")
        _run(*inside, "link", "set", "lo", "up")
        _run(*inside, "link", "set", "eth0", "up")
        _run("ip", "netns", "exec", host.namespace, "unshare", "--uts", "--mount", "true")

    @contextmanager
    def slow_cable(self, one: Host, other: Host, bytes_per_s: int) -> Iterator[None]:
        """While the block runs, what two hosts send each other goes by a cable of its own that carries no more."""
        ends = (one, other, f"to-{other.name}"), (other, one, f"to-{one.name}")
        (_, _, device), (_, _, far_device) = ends
        _run("ip", "link", "add", device, "netns", one.namespace, "type", "veth",
             "peer", "name", far_device, "netns", other.namespace)  # fmt: skip
        try:
            for host, peer, name in ends:
                _run("ip", "-n", host.namespace, "link", "set", name, "up")
                _shape(("tc", "-n", host.namespace), name, bytes_per_s)
                route = (f"{peer.address}/32", "dev", name, "src", host.address)
                _run("ip", "-n", host.namespace, "route", "add", *route)
            yield
        finally:
            _run("ip", "-n", one.namespace, "link", "del", device)

    def remove(self) -> None:
        """Takes down everything that is there."""
        for host in self.hosts:
            subprocess.run(["ip", "netns", "delete", host.namespace], capture_output=True)
            subprocess.run(["ip", "link", "delete", host.link], capture_output=True)
        subprocess.run(["ip", "link", "delete", self.bridge], capture_output=True)


def _remove_leftovers() -> None:
    """Of test processes that were killed before they could clean up. Names tell the process."""
    for name in _run("ip", "netns", "list").split():
        mark = re.fullmatch(r"hr([0-9a-f]{4})-\w+", name)
        if mark and not psutil.pid_exists(int(mark[1], 16)):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)
            subprocess.run(["ip", "link", "delete", f"hr{mark[1]}"], capture_output=True)


@contextmanager
def network(directory: Path, names: Sequence[str], environment: Mapping[str, str]) -> Iterator[Network]:
    """Hosts for the length of the block; skips the test, saying why, where this machine cannot have them."""
    with ExitStack() as stack:
        built = Network(directory, names, environment)
        stack.callback(built.remove)
        try:
            built.build()
        except NoNamespaces as reason:
            pytest.skip(f"no hosts in network namespaces: {reason}")
        yield built
        deadline_s = time.monotonic() + _START_S_MAX
        while (left := [p for host in built.hosts for p in host.processes()]) and time.monotonic() < deadline_s:
            time.sleep(0.1)
        assert not left, f"processes left in the hosts: {left}"
