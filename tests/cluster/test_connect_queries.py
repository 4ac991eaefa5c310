"""Spark Connect on real daemons: answers and errors as PySpark shows them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pyspark.sql.connect.proto as proto
import pytest
from pyspark.errors import AnalysisException, ArithmeticException, NumberFormatException, PySparkException
from pyspark.sql import functions as F  # noqa: N812 - the name every PySpark program uses
from pyspark.sql.connect.proto import base_pb2_grpc

import headrace

pytestmark = pytest.mark.cluster


@pytest.fixture
def session(cluster: headrace.LocalCluster) -> Iterator[Any]:
    """A session of the test's own."""
    from pyspark.sql.connect.session import SparkSession

    found = SparkSession(cluster.address if "://" in cluster.address else f"sc://{cluster.address}")
    yield found
    found.stop()


@pytest.mark.parametrize(
    ("text", "kind", "condition", "state"),
    [
        ("SELECT 1 / id FROM range(3)", ArithmeticException, "DIVIDE_BY_ZERO", "22012"),
        ("SELECT CAST(concat('x', id) AS INT) FROM range(3)", NumberFormatException, "CAST_INVALID_INPUT", "22018"),
        ("SELECT 9223372036854775807L + id FROM range(3)", ArithmeticException, "ARITHMETIC_OVERFLOW", "22003"),
    ],
)
def test_errors_of_workers_are_spark_errors(
    session: Any, text: str, kind: type[PySparkException], condition: str, state: str
) -> None:
    with pytest.raises(kind) as error:
        session.sql(text).collect()
    assert error.value.getCondition() == condition
    assert error.value.getSqlState() == state
    assert f"[{condition}]" in str(error.value)
    assert f"SQLSTATE: {state}" in str(error.value)


def test_frames_without_columns(session: Any) -> None:
    assert len(session.range(5).select().collect()) == 5
    assert session.range(0).isEmpty()
    assert not session.range(5).isEmpty()


def test_display(session: Any, capsys: pytest.CaptureFixture[str]) -> None:
    session.sql("SELECT 1.50 AS d, array(1, NULL) AS a, named_struct('x', 'y') AS s, CAST('ab' AS BINARY) AS b").show()
    assert capsys.readouterr().out == (
        "+----+---------+---+-------+\n"
        "|   d|        a|  s|      b|\n"
        "+----+---------+---+-------+\n"
        "|1.50|[1, NULL]|{y}|[61 62]|\n"
        "+----+---------+---+-------+\n\n"
    )


def test_a_pivot_finds_its_values(session: Any) -> None:
    frame = session.createDataFrame([("a", "x", 1), ("a", "y", 2), ("b", "x", 3)], "k string, p string, v int")
    found = frame.groupBy("k").pivot("p").sum("v").orderBy("k")
    assert found.columns == ["k", "x", "y"]
    assert found.collect() == [("a", 1, 2), ("b", 3, None)]


def test_views_outlive_the_frames_they_name(session: Any) -> None:
    session.range(3).createOrReplaceTempView("three")
    joined = session.sql("SELECT a.id FROM three a JOIN three b ON a.id = b.id")
    assert sorted(row.id for row in joined.collect()) == [0, 1, 2]


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ({"header": "true", "lineSep": "\r\n"}, b'a,b\r\n1,"q\\"uo,te"\r\n'),
        ({"quote": ""}, b'1,\0q"uo,te\0\n'),
    ],
)
def test_lines_are_those_that_spark_writes(session: Any, tmp_path: Path, options: dict[str, str], lines: bytes) -> None:
    frame = session.sql("SELECT 1 AS a, 'q\"uo,te' AS b")
    frame.write.options(**options).csv(str(tmp_path / "out"))
    (file,) = (tmp_path / "out").glob("part-*")
    assert file.read_bytes() == lines


def test_writes_answer_when_their_files_are_there(session: Any, tmp_path: Path) -> None:
    session.range(10).write.parquet(str(tmp_path / "out"))
    assert session.read.parquet(str(tmp_path / "out")).count() == 10
    with pytest.raises(PySparkException, match="PATH_ALREADY_EXISTS"):
        session.range(10).write.parquet(str(tmp_path / "out"))


def test_formatted_explain_tells_what_the_query_did_once_it_has_run(session: Any) -> None:
    frame = session.range(0, 1000, 1, 4).groupBy((F.col("id") % 7).alias("k")).count()
    assert "== Last Run ==" not in frame._explain_string(mode="formatted")
    assert len(frame.collect()) == 7
    text = frame._explain_string(mode="formatted").partition("== Last Run ==")[2]
    assert " finished: " in text
    assert "7 rows" in text
    assert "planning " in text
    assert "(finished, " in text


def test_the_parsed_plan_is_what_the_user_wrote(session: Any) -> None:
    frame = session.range(5).withColumn("x", F.col("id") + 1).filter("x > 2").groupBy("x").agg(F.max("id").alias("m"))
    parsed = frame._explain_string(extended=True).partition("== Analyzed")[0].splitlines()
    assert parsed == [
        "== Parsed Logical Plan ==",
        "'Aggregate ['x], ['max('id) AS m]",
        "+- Filter ('x > 2)",
        "   +- 'WithColumns [('id + 1) AS x]",
        "      +- Range (0, 5, step=1, splits=None)",
        "",
    ]


def test_an_error_of_a_running_query_names_its_place(session: Any) -> None:
    with pytest.raises(ArithmeticException) as raised:
        session.sql("SELECT id,\n 7 / (id - id) AS q FROM range(3)").collect()
    (context,) = raised.value.getQueryContext()
    assert (context.fragment(), context.startIndex(), context.stopIndex()) == ("7 / (id - id)", 12, 24)
    assert "== SQL (line 2, position 2) ==\n 7 / (id - id) AS q" in str(raised.value)


def test_a_client_with_default_limits_can_read_a_large_result(session: Any, cluster: headrace.LocalCluster) -> None:
    """PySpark raises gRPC's limit of 4 MiB a message; other clients may not."""
    client = session.client
    request = client._execute_plan_request_with_metadata()
    request.plan.root.range.CopyFrom(proto.Range(start=0, end=3_000_000, step=1, num_partitions=2))
    with grpc.insecure_channel(cluster.address.removeprefix("sc://")) as channel:
        rows = sum(r.arrow_batch.row_count for r in base_pb2_grpc.SparkConnectServiceStub(channel).ExecutePlan(request))
    assert rows == 3_000_000


def test_view_names_are_sqls(session: Any) -> None:
    frame = session.range(2)
    for name in ("`a b`", "Mixed", "other.c"):
        frame.createOrReplaceTempView(name)
    assert sorted(table.name for table in session.catalog.listTables()) == ["a b", "c", "mixed"]
    assert session.table("`a b`").count() == session.table("MIXED").count() == 2
    for wrong in ("a b", "x-y", "", "a.b.c", "a`b"):
        with pytest.raises(AnalysisException, match="Invalid view name") as raised:
            frame.createOrReplaceTempView(wrong)
        assert raised.value.getMessageParameters() == {"viewName": wrong}


def test_rows_are_numbered_in_their_order(session: Any) -> None:
    assert session.range(0, 1000, 1, 4).zipWithIndex("n").where("n <> id").count() == 0
    rows = session.range(0, 7).orderBy(F.desc("id")).zipWithIndex().collect()
    assert [(row.id, row["index"]) for row in rows] == [(6 - i, i) for i in range(7)]
