"""Rows that do not outlive a driver or a worker: cached ones, and results of which a client has a part."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cluster.restart.restartable import Cluster, outcome, said, tell

pytestmark = pytest.mark.cluster


def _worker_killed(worker: subprocess.Popen[str]) -> None:
    worker.kill()
    worker.wait()


def test_what_was_cached_is_cached_still_and_computed_again(cluster: Cluster) -> None:
    cluster.start_worker("w1")
    program = cluster.program(
        """
        from pyspark.errors.exceptions.connect import SparkConnectGrpcException
        table = spark.range(0, 20000, 1, 2).selectExpr("id", "id % 7 as k").cache()
        table.createOrReplaceTempView("t")
        spark.sql("CACHE TABLE counts OPTIONS('storageLevel' 'DISK_ONLY') AS SELECT k, count(*) n FROM t GROUP BY k")
        cut = table.where("id >= 100").localCheckpoint()
        cut.createOrReplaceTempView("cut")
        lasting = cut.where("id < 150").localCheckpoint()
        drawn = spark.sql("select id, uuid() as u from range(0, 20000, 1, 2)").localCheckpoint()
        say(table.count() + cut.count() + lasting.count() + drawn.count())
        hear("go on")
        say("InMemoryTableScan" in table._explain_string())
        say(spark.catalog.isCached("t") and spark.catalog.isCached("counts"))
        say(str(spark.table("counts").storageLevel).startswith("Disk Serialized"))
        say(table.count() + spark.table("counts").agg({"n": "sum"}).first()[0])
        say(cut.count() + spark.table("cut").count() + lasting.count())
        try:
            drawn.count()
        except SparkConnectGrpcException as error:
            say(error.getCondition())
        table.unpersist()
        say("InMemoryTableScan" in table._explain_string())
        """
    )
    assert said(program) == str(20000 + 19900 + 50 + 20000)
    cluster.kill_driver()
    cluster.start_driver()
    tell(program, "go on")
    cached = ["True", "True", "True", str(2 * 20000), str(2 * 19900 + 50)]
    assert outcome(program) == [*cached, "CHECKPOINT_RDD_BLOCK_ID_NOT_FOUND", "False"]


def _write(file: Path, letter: str) -> None:
    """Two tables that differ in nothing but letters, of 45 MB."""
    text = pa.array([f"{number:09}{letter * 291}" for number in range(150_000)])
    pq.write_table(pa.table({"t": text}), file, compression="none", use_dictionary=False)


@pytest.mark.long
def test_a_partition_lost_half_sent_goes_on_unless_its_rows_are_others(cluster: Cluster, tmp_path: Path) -> None:
    worker = cluster.start_worker("w1")
    file = tmp_path / "changing.parquet"
    _write(file, "x")
    program = cluster.program(
        f"""
        from pyspark.errors.exceptions.connect import SparkConnectGrpcException
        # Partitions are far more than what lies between driver and client: their ends are still to come.
        same = spark.sql("select id, repeat(uuid(), 10) as t from range(0, 300000, 1, 2)").toLocalIterator()
        other = spark.read.parquet("{file}").toLocalIterator()
        kept = spark.sql("select id, repeat(md5(string(id)), 10) as t from range(0, 300000, 1, 2)").cache()
        from_cache = kept.toLocalIterator()
        seen = next(same).id
        next(other)
        next(from_cache)
        say("some")
        hear("go on")
        for row in same:
            seen += 1
            assert row.id == seen, (row.id, seen)
            assert len(row.t) == 360
        say(seen)
        say([row.id for row in from_cache] == list(range(1, 300000)))
        try:
            list(other)
        except SparkConnectGrpcException as error:
            say(error.getCondition())
        """
    )
    assert said(program) == "some"
    cluster.kill_driver()
    _worker_killed(worker)
    _write(file, "y")
    cluster.start_driver()
    cluster.start_worker("w2")
    tell(program, "go on")
    assert outcome(program, timeout_s=180) == ["299999", "True", "RESULT_CHANGED"]
