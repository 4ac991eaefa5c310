"""Caching on real processes: sources read once, lost rows computed again, memory that runs short, checkpoints."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark import StorageLevel
from pyspark.errors.exceptions.connect import SparkException

import headrace
from tests.chaos.daemons import chaos_cluster
from tests.living_files import files_below

pytestmark = pytest.mark.cluster

ROWS = 200_000


@pytest.fixture(scope="module")
def own() -> Iterator[headrace.LocalCluster]:
    with headrace.LocalCluster(workers=2, cores_per_worker=1) as cluster:
        yield cluster


@pytest.fixture
def spark(own: headrace.LocalCluster) -> Iterator[Any]:
    session = own.session()
    yield session
    session.stop()


def _files(folder: Path, times: int = 1) -> str:
    folder.mkdir(exist_ok=True)
    for number in range(4):
        first = number * ROWS // 4
        values = pa.array([value * times for value in range(first, first + ROWS // 4)])
        pq.write_table(
            pa.table({"id": values, "k": [value % 7 for value in range(ROWS // 4)]}), folder / f"{number}.pq"
        )
    return str(folder)


SUM = ROWS * (ROWS - 1) // 2


def test_a_cached_plan_reads_its_files_once(spark: Any, tmp_path: Path) -> None:
    path = _files(tmp_path / "t")
    table = spark.read.parquet(path).cache()
    assert str(table.storageLevel) == "Disk Memory Deserialized 1x Replicated"
    assert table.agg({"id": "sum"}).collect()[0][0] == SUM
    _files(tmp_path / "t", times=2)
    assert spark.read.parquet(path).agg({"id": "sum"}).collect()[0][0] == SUM
    shutil.rmtree(path)
    assert table.where("id < 10").count() == 10
    _files(tmp_path / "t", times=2)
    table.unpersist()
    assert table.agg({"id": "sum"}).collect()[0][0] == 2 * SUM


def test_a_write_into_a_cached_path_refreshes_it(spark: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "t")
    spark.range(10).write.parquet(path)
    table = spark.read.parquet(path).cache()
    assert table.count() == 10
    spark.range(5).write.mode("append").parquet(path)
    assert spark.read.parquet(path).count() == 15
    assert table.count() == 15


def test_cached_rows_of_a_killed_worker_are_computed_again(tmp_path: Path) -> None:
    with headrace.LocalCluster(workers=2, cores_per_worker=1) as cluster:
        spark = cluster.session()
        table = spark.read.parquet(_files(tmp_path / "t")).cache()
        assert table.count() == ROWS
        cluster.kill_worker(0)
        assert table.agg({"id": "sum"}).collect()[0][0] == SUM
        assert table.groupBy("k").count().count() == 7
        spark.stop()


def test_rows_that_do_not_fit_memory_are_right_all_the_same(tmp_path: Path) -> None:
    with headrace.LocalCluster(workers=1, cores_per_worker=1, memory_per_worker=512 << 20) as cluster:
        spark = cluster.session()
        names = ("MEMORY_AND_DISK", "MEMORY_ONLY", "DISK_ONLY", "MEMORY_AND_DISK_SER")
        for number, name in enumerate(names):
            text = "repeat(cast(id as string), 6) s"
            spark.range(2_000_000).selectExpr(f"id + {number} id", text).createOrReplaceTempView(f"t{number}")
            spark.sql(f"CACHE TABLE t{number} OPTIONS('storageLevel' '{name}')")
        for _ in range(2):
            for number in range(len(names)):
                found = spark.sql(f"select count(*), sum(id), max(length(s)) from t{number}").collect()[0]
                assert tuple(found) == (2_000_000, 1999999000000 + 2_000_000 * number, 42)
        spark.stop()


def _storage_bytes(cluster: headrace.LocalCluster) -> int:
    return sum(worker.heartbeat.memory.storage_bytes for worker in cluster.workers())


def test_rows_lie_in_memory_and_are_given_back(tmp_path: Path) -> None:
    with headrace.LocalCluster(workers=1, cores_per_worker=1) as cluster:
        spark = cluster.session()
        table = spark.range(ROWS).selectExpr("id", "id * 2 d").cache()
        assert table.agg({"d": "sum"}).collect()[0][0] == 2 * SUM
        held = _until(lambda: _storage_bytes(cluster), lambda value: value > 0)
        assert held >= ROWS * 16
        spark.stop()
        assert _until(lambda: _storage_bytes(cluster), lambda value: value == 0) == 0


def _until(measure: Callable[[], int], wanted: Callable[[int], bool]) -> int:
    """What is measured once it is as wanted, or after ten seconds."""
    ends_s = time.monotonic() + 10
    while not wanted(found := measure()) and time.monotonic() < ends_s:
        time.sleep(0.1)
    return found


def _blocks(*directories: Path) -> Counter[str]:
    """How often each map output lies below directories, by job/stage/map-attempt."""
    found = files_below(*directories, pattern="blocks/*/*/*.index")
    return Counter("/".join(path.parts[-3:]) for path in found)


def _memory_directory(cluster: headrace.LocalCluster, worker: str) -> Path:
    """Where a worker keeps blocks in memory: it holds a lock there."""
    for descriptor in Path(f"/proc/{cluster.pid(worker)}/fd").iterdir():
        with contextlib.suppress(OSError):
            if (target := os.readlink(descriptor)).startswith("/dev/shm/headrace-"):
                return Path(target).parent
    pytest.skip("no memory file system")


def test_of_two_copies_one_may_be_lost(tmp_path: Path) -> None:
    with chaos_cluster(tmp_path, workers=2) as chaos:
        path = _files(tmp_path / "t")
        table = chaos.spark.read.parquet(path).persist(StorageLevel.DISK_ONLY_2)
        assert table.count() == ROWS
        # Nothing can be computed again once the files are gone; every worker that held rows first is lost in the end.
        for lost, stays, joins in (("w0", "w1", "w2"), ("w1", "w2", "")):
            both = (tmp_path / lost / "blocks", tmp_path / stays / "blocks")
            copies = _until(lambda both=both: min(_blocks(*both).values(), default=0), lambda least: least >= 2)  # type: ignore[misc]
            assert copies == 2
            shutil.rmtree(path, ignore_errors=True)
            chaos.daemons.kill(lost)
            chaos.daemons.processes[lost].wait(10)
            shutil.rmtree(tmp_path / lost / "blocks")
            assert table.agg({"id": "sum"}).collect()[0][0] == SUM
            assert table.groupBy("k").count().count() == 7
            if joins:
                chaos.daemons.add_worker(joins)


def test_a_worker_that_leaves_takes_no_cached_rows_with_it(tmp_path: Path) -> None:
    with chaos_cluster(tmp_path, workers=2) as chaos:
        path = _files(tmp_path / "t")
        table = chaos.spark.read.parquet(path).cache()
        assert table.count() == ROWS
        shutil.rmtree(path)
        chaos.daemons.kill("w0", signal.SIGTERM)
        assert chaos.daemons.processes["w0"].wait(30) == 0
        assert table.agg({"id": "sum"}).collect()[0][0] == SUM
        assert table.groupBy("k").count().count() == 7


def test_memory_that_runs_short_moves_rows_to_disk_or_drops_them() -> None:
    budget_bytes = 512 << 20
    with headrace.LocalCluster(workers=1, cores_per_worker=1, memory_per_worker=budget_bytes) as cluster:
        spark = cluster.session()
        memory = _memory_directory(cluster, "worker-0")
        text = "repeat(cast(id as string), 8) s"

        def cache(number: int, level: str) -> None:
            spark.range(2_000_000).selectExpr(f"id + {number} id", text).createOrReplaceTempView(f"t{number}")
            spark.sql(f"CACHE TABLE t{number} OPTIONS('storageLevel' '{level}')")

        cache(0, "MEMORY_ONLY")
        first = set(_blocks(memory))
        assert first
        for number in range(1, 4):
            cache(number, "MEMORY_AND_DISK")
            assert _storage_bytes(cluster) <= budget_bytes
        assert _blocks(cluster.directory), "nothing went to disk"
        assert first - set(_blocks(memory, cluster.directory)), "nothing of MEMORY_ONLY was dropped"
        for number in range(4):
            found = spark.sql(f"select count(*), sum(id), max(length(s)) from t{number}").collect()[0]
            assert tuple(found) == (2_000_000, 1999999000000 + 2_000_000 * number, 56)
        # Zero as well: what the kernel really held may have been met by evicting the last of them.
        assert _storage_bytes(cluster) <= budget_bytes
        spark.stop()


def test_tables_are_cached_by_sql(spark: Any) -> None:
    spark.range(100).selectExpr("id", "id % 5 k").createOrReplaceTempView("r")
    spark.sql("CACHE TABLE r OPTIONS('storageLevel' 'MEMORY_ONLY')")
    assert spark.catalog.isCached("r")
    spark.sql("CACHE LAZY TABLE w AS SELECT k, count(*) n FROM r GROUP BY k")
    assert spark.sql("SELECT sum(n) FROM w JOIN r USING (k)").collect()[0][0] == 2000
    text = spark.table("w")._explain_string()
    assert "InMemoryTableScan" in text
    assert "InMemoryRelation" in text
    spark.sql("UNCACHE TABLE r")
    spark.sql("UNCACHE TABLE IF EXISTS nope")
    assert not spark.catalog.isCached("r")
    assert spark.catalog.isCached("w")
    spark.sql("CLEAR CACHE")
    assert not spark.catalog.isCached("w")
    assert spark.table("w").count() == 5


def test_checkpoints_cut_the_plan(spark: Any, tmp_path: Path) -> None:
    path = _files(tmp_path / "t")
    cut = spark.read.parquet(path).where("id < 1000").orderBy("id", ascending=False).localCheckpoint()
    shutil.rmtree(path)
    assert [row.id for row in cut.limit(2).collect()] == [999, 998]
    assert cut.join(cut.alias("other").select("id"), "id").count() == 1000
    text = cut._explain_string(mode="extended")
    assert "Scan ExistingRDD" in text
    assert "parquet" not in text
    lazy = spark.range(3).localCheckpoint(eager=False)
    assert lazy.count() == 3


def test_reliable_checkpoints_outlive_workers(tmp_path: Path) -> None:
    kept = tmp_path / "checkpoints"
    settings = {"driver.checkpoint_directory": str(kept)}
    with headrace.LocalCluster(workers=1, cores_per_worker=1, settings=settings) as cluster:
        spark = cluster.session()
        path = _files(tmp_path / "t")
        # Two columns of one name, as files could not hold them.
        cut = spark.read.parquet(path).selectExpr("id", "k as id").checkpoint()
        shutil.rmtree(path)
        assert list(kept.rglob("*.parquet"))
        assert cut.columns == ["id", "id"]
        cluster.kill_worker(0)
        cluster.add_worker()
        assert cut.toDF("id", "k").agg({"id": "sum"}).collect()[0][0] == SUM
        spark.stop()


def test_a_lazy_checkpoint_is_written_when_it_is_first_read(tmp_path: Path) -> None:
    kept = tmp_path / "checkpoints"
    settings = {"driver.checkpoint_directory": str(kept)}
    with headrace.LocalCluster(workers=1, cores_per_worker=1, settings=settings) as cluster:
        spark = cluster.session()
        path = _files(tmp_path / "t")
        read = spark.read.parquet(path).cache()
        cut = read.selectExpr("id", "k as id").checkpoint(eager=False)
        cut.createOrReplaceTempView("cut")
        assert "parquet" not in cut._explain_string(mode="extended")
        assert not list(kept.rglob("*.parquet"))
        assert cut.toDF("id", "k").agg({"id": "sum"}).collect()[0][0] == SUM
        written = set(kept.rglob("*.parquet"))
        assert written
        read.unpersist()
        shutil.rmtree(path)
        # From now on it is the files that are read: nothing has to be kept with workers, or can be lost with them.
        assert cut.columns == ["id", "id"]
        cluster.kill_worker(0)
        cluster.add_worker()
        for again in (cut, spark.table("cut")):
            assert again.toDF("id", "k").agg({"id": "sum"}).collect()[0][0] == SUM
        assert set(kept.rglob("*.parquet")) == written
        spark.stop()
        assert set(kept.rglob("*.parquet")) == written, "as Spark, the files are left to whoever named the directory"


def test_reliable_checkpoints_need_a_directory(spark: Any) -> None:
    with pytest.raises(SparkException, match="Checkpoint directory has not been set"):
        spark.range(3).checkpoint()


def test_tables_that_were_changed_by_others_are_read_again_when_refreshed(spark: Any, tmp_path: Path) -> None:
    spark.read.parquet(_files(tmp_path / "t")).createOrReplaceTempView("changing")
    spark.sql("CACHE TABLE changing")
    _files(tmp_path / "t", times=2)
    assert spark.sql("SELECT sum(id) FROM changing").collect()[0][0] == SUM
    spark.sql("REFRESH TABLE changing")
    assert spark.sql("SELECT sum(id) FROM changing").collect()[0][0] == 2 * SUM
    assert spark.catalog.isCached("changing")
    _files(tmp_path / "t", times=3)
    spark.catalog.refreshTable("changing")
    assert spark.table("changing").agg({"id": "sum"}).collect()[0][0] == 3 * SUM
    _files(tmp_path / "t", times=4)
    spark.catalog.refreshByPath(str(tmp_path / "t"))
    assert spark.table("changing").agg({"id": "sum"}).collect()[0][0] == 4 * SUM
    spark.sql("UNCACHE TABLE changing")
