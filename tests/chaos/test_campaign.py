"""TPC-H and TPC-DS in a loop while the driver is killed and started again, workers are killed, frozen, preempted, their
blocks damaged, their disks filled and their cables cut: no answer is wrong and no query fails.

A seed gives the same faults in the same order; how they meet the queries differs from run to run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

import pytest
from pyspark.sql.connect.client.retries import DefaultPolicy
from pyspark.sql.connect.session import SparkSession

from tests.chaos.campaign import Clients, Faults, run
from tests.chaos.daemons import Chaos, NoDisk, chaos_cluster, small_disk
from tests.cluster.hosts import Network, NoNamespaces
from tests.differential import corpus, data
from tests.differential.expected import Expected, read

pytestmark = pytest.mark.cluster

CLIENTS = 3


WORKERS = ("w0", "w1", "w2")
DISK_BYTES = 512 << 20
"""Of each worker: enough for the queries also where two of three workers are away, and soon filled."""


@contextmanager
def hosts(directory: Path) -> Iterator[Network | None]:
    """A host for each daemon; None, with the reason printed, where this machine cannot have them."""
    network = Network(directory, ("driver", *WORKERS), {})
    try:
        network.build()
        yield network
    except NoNamespaces as reason:
        print(f"no faults of cables: {reason}")
        yield None
    finally:
        network.remove()


@contextmanager
def disks(directory: Path) -> Iterator[Mapping[str, Path]]:
    """A small disk for each worker; none, with the reason printed, where this machine cannot have them."""
    with ExitStack() as stack:
        made = {name: directory / name / "blocks" for name in WORKERS}
        try:
            for mount in made.values():
                stack.enter_context(small_disk(mount, DISK_BYTES))
        except NoDisk as reason:
            print(f"no full disks: {reason}")
            made = {}
        yield made


def queries(suite: str, names: list[str]) -> dict[str, tuple[str, Expected]]:
    found = {}
    for name in names:
        expected = read(suite, name)
        assert isinstance(expected, Expected)
        found[f"{suite} {name}"] = (corpus.suite(suite)[name], expected)
    return found


def session(chaos: Chaos, directory: Path) -> SparkSession:
    """One of its own for each client, with the tables as views.

    With drivers dying one after another PySpark would soon wait a minute between its tries to reach one.
    """
    spark: SparkSession = SparkSession.builder.remote(f"sc://{chaos.daemons.address}").create()
    spark.client.set_retry_policies([DefaultPolicy(max_retries=100, max_backoff=2_000)])
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    for path in sorted(directory.glob("*.parquet")):
        spark.read.parquet(str(path)).createOrReplaceTempView(path.stem)
    return spark


def campaign(chaos: Chaos, suite: str, seed: int, count: int, small_disks: Mapping[str, Path] | None = None) -> None:
    directory = data.tpch_data() if suite == "tpch" else data.tpcds_data()
    sessions = [session(chaos, directory) for _ in range(CLIENTS)]
    clients = Clients(sessions, queries(suite, list(corpus.suite(suite))), seed)
    faults = Faults(chaos.daemons, Random(seed), chaos.states, small_disks or {})
    run(faults, clients, count)
    told = f"seed {seed}: {clients.asked.total()} queries, slowest {clients.slowest_s:.1f} s, {dict(faults.counts)}"
    print(told)
    assert not clients.problems, (told, clients.problems, faults.told[-10:])
    assert faults.counts.total() == count
    for spark in sessions:
        spark.stop()


def test_a_few_faults(tmp_path: Path) -> None:
    """One of each kind that needs nothing of the machine, the driver's death among them."""
    with chaos_cluster(tmp_path, journal=True) as chaos:
        campaign(chaos, "tpch", seed=1, count=9)


@pytest.mark.long
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("suite", ["tpch", "tpcds"])
def test_many_faults(tmp_path: Path, suite: str) -> None:
    with ExitStack() as stack:
        small_disks = stack.enter_context(disks(tmp_path))
        network = stack.enter_context(hosts(tmp_path / "hosts"))
        found = {host.name: host for host in network.hosts} if network is not None else {}
        chaos = stack.enter_context(chaos_cluster(tmp_path, hosts=found, journal=True))
        campaign(chaos, suite, 2, 160, small_disks)
        jobs = chaos.jobs.list_jobs(limit=0)
        assert sum(job.tasks_failed for job in jobs) > 0, "no fault met a task"
