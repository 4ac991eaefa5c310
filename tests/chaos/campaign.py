"""Faults one after another, chosen by a seed, while clients go on asking."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import psutil

from headrace.errors import HeadraceError
from tests.chaos.daemons import Daemons, until
from tests.cluster.hosts import Host
from tests.differential.compare import mismatch
from tests.differential.expected import Answer, Expected, columns_of, rows_of

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

PAUSE_S = (0.2, 1.2)
"""Between two faults: some meet while the last one is still being mended, some find all well."""
FROZEN_S = (0.5, 13.0)
"""From a hiccup to longer than a worker may be silent."""
DRIVER_DOWN_S = (0.0, 3.0)
SLOW_BYTES_PER_S = 100_000
REJOIN_S_MAX = 60.0
QUERY_S_MAX = 240.0
"""Far beyond what any of the queries takes with every fault at once; a query that takes longer hangs. PySpark may let a
minute pass between two tries to reach a driver."""

Heal = Callable[[], None]
Kind = Callable[[str], Heal]


def nothing_to_heal() -> None:
    """Of faults that the cluster has to get over by itself."""


@dataclass
class Faults:
    """What can happen to a worker, or to the driver. Each returns what undoes it, to be called some seconds later.

    `disks` are small file systems of the workers, by their names.
    """

    daemons: Daemons
    random: Random
    states: Callable[[], Mapping[str, str]]
    """Of the workers, by name; raises while no driver answers."""
    disks: Mapping[str, Path] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)
    """What was done when."""

    def alive(self) -> Mapping[str, str]:
        try:
            return self.states()
        except HeadraceError:
            return {}

    def kill_executor(self, name: str) -> Heal:
        with contextlib.suppress(psutil.NoSuchProcess, IndexError):
            self.random.choice(self.daemons.executors(name)).kill()
        return nothing_to_heal

    def freeze_executor(self, name: str) -> Heal:
        found: list[psutil.Process] = []
        with contextlib.suppress(psutil.NoSuchProcess):
            for executor in self.daemons.executors(name):
                executor.suspend()
                found.append(executor)

        def heal() -> None:
            for executor in found:
                with contextlib.suppress(psutil.NoSuchProcess):
                    executor.resume()

        return heal

    def freeze_worker(self, name: str) -> Heal:
        self.daemons.kill(name, signal.SIGSTOP)
        return lambda: self.daemons.kill(name, signal.SIGCONT)

    def kill_worker(self, name: str) -> Heal:
        self.daemons.kill(name)
        return lambda: self._start_again(name)

    def preempt_worker(self, name: str) -> Heal:
        """The notice of a spare machine: it leaves in good order."""
        self.daemons.kill(name, signal.SIGTERM)
        return lambda: self._start_again(name)

    def delete_blocks(self, name: str) -> Heal:
        for path in self._some_blocks(name):
            path.unlink(missing_ok=True)
        return nothing_to_heal

    def damage_blocks(self, name: str) -> Heal:
        for path in self._some_blocks(name):
            with contextlib.suppress(FileNotFoundError), path.open("r+b") as file:
                size = path.stat().st_size
                for _ in range(5):
                    file.seek(self.random.randrange(max(1, size)))
                    file.write(self.random.randbytes(3))
        return nothing_to_heal

    def cut_blocks_short(self, name: str) -> Heal:
        for path in self._some_blocks(name):
            with contextlib.suppress(FileNotFoundError), path.open("r+b") as file:
                file.truncate(path.stat().st_size // 2)
        return nothing_to_heal

    def kill_driver(self, _: str) -> Heal:
        """Its clients and workers are not told; the next one finds what it has left in its journal."""
        self.daemons.kill("driver")
        self.daemons.processes["driver"].wait()
        time.sleep(self.random.uniform(*DRIVER_DOWN_S))
        self.daemons.start_driver()
        return nothing_to_heal

    def fill_disk(self, name: str) -> Heal:
        """No byte more goes to it."""
        path = self.disks[name] / "filling"
        piece = os.urandom(1 << 16)
        with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
            while True:
                file.write(piece)
        return path.unlink

    def cut_cable(self, name: str) -> Heal:
        host = self.daemons.hosts[name]
        host.cut()
        return host.mend

    def silence_host(self, name: str) -> Heal:
        """Nobody hears it any more; it hears all others."""
        host, others = self._host_and_others(name)
        host.cut_towards(*others)
        return lambda: host.mend_towards(*others)

    def deafen_host(self, name: str) -> Heal:
        """It hears nobody any more; all others hear it."""
        host, others = self._host_and_others(name)
        for other in others:
            other.cut_towards(host)

        def heal() -> None:
            for other in others:
                other.mend_towards(host)

        return heal

    def part_workers(self, name: str) -> Heal:
        """Two that cannot reach each other; the driver reaches both."""
        host, others = self._host_and_others(name)
        other = self.random.choice([other for other in others if other.name != "driver"])
        host.cut_towards(other)
        other.cut_towards(host)

        def heal() -> None:
            host.mend_towards(other)
            other.mend_towards(host)

        return heal

    def slow_cable(self, name: str) -> Heal:
        host = self.daemons.hosts[name]
        host.slow_down(SLOW_BYTES_PER_S)
        return host.speed_up

    def _host_and_others(self, name: str) -> tuple[Host, list[Host]]:
        hosts = self.daemons.hosts
        return hosts[name], [host for other, host in hosts.items() if other != name]

    def _some_blocks(self, name: str) -> list[Path]:
        found = [path for pattern in ("*.data", "*.index") for path in self.daemons.blocks(name, pattern)]
        return self.random.sample(found, min(len(found), 4))

    def _start_again(self, name: str) -> None:
        self.daemons.processes[name].wait(60)
        until(
            lambda: self.alive().get(name) not in ("alive", "draining", "silent"), REJOIN_S_MAX, f"{name} is given up"
        )
        self.daemons.add_worker(name)

    def wait_for(self, name: str) -> None:
        """The worker is in the cluster again."""
        until(lambda: self.alive().get(name) == "alive", REJOIN_S_MAX, f"{name} is back")

    def small(self) -> list[Kind]:
        """What leaves the worker usable."""
        found: list[Kind] = [self.kill_executor, self.delete_blocks, self.damage_blocks, self.cut_blocks_short]
        return [*found, self.kill_driver] if self.daemons.journal else found

    def large(self) -> list[Kind]:
        """What takes a worker away for a while."""
        found: list[Kind] = [self.freeze_executor, self.freeze_worker, self.kill_worker, self.preempt_worker]
        if self.disks:
            found.append(self.fill_disk)
        if self.daemons.hosts:
            found += [self.cut_cable, self.silence_host, self.deafen_host, self.part_workers, self.slow_cable]
        return found

    def endless(self) -> Iterator[tuple[Kind, bool]]:
        """Each kind once in a random order, then each again; with whether it takes a worker away."""
        while True:
            kinds = [(kind, False) for kind in self.small()] + [(kind, True) for kind in self.large()]
            self.random.shuffle(kinds)
            yield from kinds


@dataclass
class Clients:
    """Threads that ask one query after another until told to stop, and check every answer against real Spark's."""

    sessions: list[SparkSession]
    queries: Mapping[str, tuple[str, Expected]]
    seed: int
    asked: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """They ask while the block runs; afterwards each has finished its last query."""
        for number, session in enumerate(self.sessions):
            thread = threading.Thread(target=self._ask_on, args=(session, Random(self.seed * 100 + number)))
            self._threads.append(thread)
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join(QUERY_S_MAX)
                if thread.is_alive():
                    self.problems.append("a query has not ended")

    def _ask_on(self, session: SparkSession, random: Random) -> None:
        while not self._stop.is_set() and not self.problems:
            name = random.choice(list(self.queries))
            text, expected = self.queries[name]
            started_s = time.monotonic()
            try:
                frame = session.sql(text)
                problem = mismatch(expected, Answer(columns_of(frame.schema.jsonValue()), rows_of(frame.toArrow())))
            except Exception as error:  # noqa: BLE001 - any failure is the finding
                problem = f"{type(error).__name__}: {error}"
            seconds = time.monotonic() - started_s
            self.slowest_s = max(self.slowest_s, seconds)
            self.asked[name] += 1
            if problem is not None:
                self.problems.append(f"{name} after {seconds:.1f} s: {problem}")


def run(faults: Faults, clients: Clients, count: int) -> None:
    """`count` faults; stops early where a client found a problem. At least one worker is left alone at any time."""
    random, away, started_s = faults.random, dict[str, tuple[float, Heal]](), time.monotonic()
    workers = [name for name in faults.daemons.processes if name != "driver"]

    def heal(due_s: float) -> None:
        for name, (when_s, action) in list(away.items()):
            if when_s <= due_s:
                action()
                del away[name]
                faults.wait_for(name)

    with clients.asking():
        try:
            for kind, large in itertools.islice(faults.endless(), count):
                if clients.problems:
                    break
                heal(time.monotonic())
                present = [name for name in workers if name not in away]
                if large and len(present) == 1:
                    heal(float("inf"))
                    present = workers
                name = random.choice(present)
                action = kind(name)
                faults.counts[kind.__name__] += 1
                faults.told.append(f"{time.monotonic() - started_s:.1f} s: {kind.__name__} {name}")
                if large:
                    away[name] = (time.monotonic() + random.uniform(*FROZEN_S), action)
                time.sleep(random.uniform(*PAUSE_S))
        finally:
            heal(float("inf"))
