"""PySpark on clusters as a user gets one: `connect()`, plain PySpark, tokens, TLS, submitted applications."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import trustme

import headrace
from headrace.commands import queries
from headrace.errors import QueryError

pytestmark = pytest.mark.cluster


def run(code: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=90, **more
    )


def test_connect_starts_a_cluster_that_ends_with_the_session() -> None:
    done = run(
        """
        import os, headrace, psutil
        spark = headrace.connect(workers=2, cores_per_worker=1)
        print(spark.range(10).count(), len(psutil.Process().children(recursive=True)) >= 5)
        spark.stop()
        print(psutil.Process().children(recursive=True))
        """
    )
    assert done.stdout.split() == ["10", "True", "[]"], done.stderr


def test_connect_joins_the_cluster_it_is_told(cluster: headrace.LocalCluster) -> None:
    own = headrace.connect(cluster.address)
    try:
        assert own.range(3).count() == 3
    finally:
        own.stop()
    assert cluster.workers(), "the end of a joined session leaves the cluster alone"
    code = "import headrace, os; print(headrace.connect().range(4).count(), 'children', os.environ['SPARK_REMOTE'])"
    done = run(code, env={"SPARK_REMOTE": cluster.address, "PATH": "/usr/bin"})
    assert done.stdout.split() == ["4", "children", cluster.address], done.stderr
    with pytest.raises(TypeError, match="does not take workers"):
        headrace.connect(cluster.address, workers=3)


def test_sessions_of_one_cluster_are_apart(cluster: headrace.LocalCluster) -> None:
    one, other = cluster.session(), cluster.session()
    try:
        one.range(1).createOrReplaceTempView("mine")
        assert [row.tableName for row in one.sql("SHOW TABLES").collect()] == ["mine"]
        assert other.sql("SHOW TABLES").collect() == []
    finally:
        one.stop()
        other.stop()


def test_pyspark_with_a_token_on_loopback_and_without(tmp_path: Path) -> None:
    with headrace.LocalCluster(workers=1, cores_per_worker=1, token="s3cret") as guarded:
        program = tmp_path / "program.py"
        program.write_text(
            "import sys\n"
            "from pyspark.sql import SparkSession\n"
            "print(SparkSession.builder.remote(sys.argv[1]).getOrCreate().range(5).count())\n"
        )
        right = subprocess.run([sys.executable, program, guarded.address], capture_output=True, text=True, timeout=60)
        assert right.stdout == "5\n", right.stderr
        bare = guarded.address.partition("/;")[0]
        for address in (bare, bare + "/;token=wrong"):
            wrong = subprocess.run([sys.executable, program, address], capture_output=True, text=True, timeout=60)
            assert wrong.returncode != 0
            assert "UNAUTHENTICATED" in wrong.stderr
        # An application the driver runs needs to know nothing of the token.
        submitted = tmp_path / "submitted.py"
        submitted.write_text(
            "from pyspark.sql import SparkSession\n"
            "import headrace\n"
            "print(SparkSession.builder.getOrCreate().range(6).count(), headrace.connect().range(7).count())\n"
        )
        events = list(guarded.jobs.submit_application(submitted))
        assert b"".join(event.stdout for event in events) == b"6 7\n"
        assert events[-1].exit_code == 0


def test_everything_over_mutual_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued.private_key_pem.write_to_path(tmp_path / "own.key")
    for blob in issued.cert_chain_pems:
        blob.write_to_path(tmp_path / "own.pem", append=True)
    settings = {
        "security.tls_ca": str(tmp_path / "ca.pem"),
        "security.tls_cert": str(tmp_path / "own.pem"),
        "security.tls_key": str(tmp_path / "own.key"),
        "security.require_client_cert": True,
    }
    with headrace.LocalCluster(workers=2, cores_per_worker=1, token="t", settings=settings) as cluster:
        session = cluster.session()
        # A shuffle: blocks go between the workers, and from them to the driver.
        assert session.sql("SELECT id % 7 AS k, count(*) FROM range(0, 1000, 1, 4) GROUP BY 1").count() == 7
        session.stop()
        # PySpark cannot show a certificate; an application that the driver runs need not.
        submitted = tmp_path / "submitted.py"
        submitted.write_text(
            "from pyspark.sql import SparkSession\n"
            "import headrace\n"
            "print(SparkSession.builder.getOrCreate().range(6).count(), headrace.connect().range(7).count())\n"
        )
        events = list(cluster.jobs.submit_application(submitted))
        assert b"".join(event.stdout for event in events) == b"6 7\n", events


def test_native_sql(cluster: headrace.LocalCluster, tmp_path: Path) -> None:
    def rows(sql: str, **conf: str) -> list[dict[str, Any]]:
        return [row for batch in queries._batches(cluster.jobs.submit_sql(sql, conf)) for row in batch.to_pylist()]

    assert rows("SELECT id, id * 2 AS twice FROM range(3) ORDER BY id") == [
        {"id": number, "twice": 2 * number} for number in range(3)
    ]
    assert rows("SELECT id FROM range(0)") == []
    assert rows("SET x = 1") == [{"key": "x", "value": "1"}]
    assert rows("SELECT current_timezone() AS zone", **{"spark.sql.session.timeZone": "Asia/Tokyo"}) == [
        {"zone": "Asia/Tokyo"}
    ]
    target = tmp_path / "written"
    assert rows(f"INSERT OVERWRITE DIRECTORY '{target}' USING parquet SELECT id FROM range(5)") == []
    assert rows(f"SELECT count(*) AS n FROM parquet.`{target}`") == [{"n": 5}]
    for wrong, error_class in (
        ("SELEC 1", "PARSE_SYNTAX_ERROR"),
        ("SELECT nothing", "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION"),
        ("SELECT 1 DIV (id - 1) FROM range(3)", "DIVIDE_BY_ZERO"),
    ):
        with pytest.raises(QueryError) as caught:
            rows(wrong)
        assert caught.value.error_class == error_class
        assert f"[{error_class}]" in str(caught.value)
