"""PySpark against the service with the fake engine: what clients see."""

from __future__ import annotations

import time
from typing import Any

import pyarrow as pa
import pytest
from pyspark.errors import (
    AnalysisException,
    IllegalArgumentException,
    ParseException,
    PySparkException,
    SparkNoSuchElementException,
    UnsupportedOperationException,
)
from pyspark.errors.exceptions.connect import SparkConnectGrpcException

from headrace_driver.catalog.views import SEARCH_PATH
from tests.unit.connect.conftest import connect
from tests.unit.connect.serving import Served


def test_a_literal(spark: Any) -> None:
    assert spark.sql("select 1 as a, 'x' as b").collect() == [(1, "x")]


def test_rows_come_in_order_and_complete(spark: Any) -> None:
    assert [row.id for row in spark.range(5, 12_345, 3).collect()] == list(range(5, 12_345, 3))


def test_a_result_without_rows_has_its_columns(spark: Any) -> None:
    table = spark.range(0).toArrow()
    assert table.schema == pa.schema([pa.field("id", pa.int64(), nullable=False)])
    assert table.num_rows == 0


def test_local_data(spark: Any) -> None:
    frame = spark.createDataFrame([(1, "a"), (2, None)], "x int, y string")
    assert frame.collect() == [(1, "a"), (2, None)]
    assert frame.schema.simpleString() == "struct<x:int,y:string>"
    assert frame.isLocal()


def test_local_data_without_rows(spark: Any) -> None:
    frame = spark.createDataFrame([], "x int, y array<string>")
    assert frame.collect() == []
    assert frame.columns == ["x", "y"]


def test_a_schema_as_inside_a_struct(spark: Any) -> None:
    frame = spark.createDataFrame([("a", 1)], "name: string, age: int")
    assert frame.schema.simpleString() == "struct<name:string,age:int>"


def test_cached_local_data(spark: Any) -> None:
    # Some 9 MB: sent as artifacts in chunks, then named by their hashes.
    spark.conf.set("spark.sql.session.localRelationCacheThreshold", "1000")
    spark.conf.set("spark.sql.session.localRelationChunkSizeBytes", "1000000")
    rows = [(i, "x" * 80) for i in range(100_000)]
    found = spark.createDataFrame(rows, "a int, b string").toArrow()
    assert found.column("a").to_pylist() == list(range(100_000))


def test_show(spark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    spark.range(3).show(2)
    assert capsys.readouterr().out == ("+---+\n| id|\n+---+\n|  0|\n|  1|\n+---+\nonly showing top 2 rows\n")


def test_views(spark: Any) -> None:
    spark.range(2).createOrReplaceTempView("two")
    assert spark.table("two").collect() == [(0,), (1,)]
    assert [table.name for table in spark.catalog.listTables()] == ["two"]
    assert spark.catalog.tableExists("two")
    with pytest.raises(AnalysisException) as error:
        spark.range(1).createTempView("two")
    assert error.value.getCondition() == "TEMP_TABLE_OR_VIEW_ALREADY_EXISTS"
    assert spark.catalog.dropTempView("two")
    assert not spark.catalog.dropTempView("two")


def test_views_by_sql(spark: Any) -> None:
    spark.sql("CREATE TEMPORARY VIEW one AS SELECT 1 AS a")
    assert spark.sql("SHOW TABLES").collect() == [("", "one", True)]
    assert spark.sql("DESCRIBE one").collect() == [("a", "int", None)]
    spark.sql("DROP VIEW one")
    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_NOT_FOUND"):
        spark.sql("DROP VIEW one")


def test_sessions_do_not_see_each_other(spark: Any, served: Served) -> None:
    other = connect(served)
    try:
        spark.range(2).createOrReplaceTempView("mine")
        spark.conf.set("spark.sql.shuffle.partitions", "7")
        assert not other.catalog.tableExists("mine")
        assert other.conf.get("spark.sql.shuffle.partitions") == "200"
    finally:
        other.stop()


def test_a_clone_has_what_its_source_had(spark: Any) -> None:
    spark.range(2).createOrReplaceTempView("mine")
    spark.conf.set("spark.sql.shuffle.partitions", "7")
    clone = spark.cloneSession()
    try:
        spark.conf.set("spark.sql.shuffle.partitions", "8")
        assert clone.conf.get("spark.sql.shuffle.partitions") == "7"
        assert clone.catalog.tableExists("mine")
    finally:
        # PySpark 4.2 cannot stop a clone.
        clone._client.release_session()
        clone._client.close()


def test_settings(spark: Any) -> None:
    assert spark.conf.get("spark.sql.orderByOrdinal") == "true"
    spark.conf.set("spark.sql.orderByOrdinal", "false")
    assert spark.conf.get("spark.sql.orderByOrdinal") == "false"
    spark.conf.unset("spark.sql.orderByOrdinal")
    assert spark.conf.get("spark.sql.orderByOrdinal") == "true"
    assert spark.conf.get("no.such", "default") == "default"
    assert spark.conf.isModifiable("spark.sql.orderByOrdinal")
    assert not spark.conf.isModifiable("spark.sql.warehouse.dir")
    assert spark.conf.getAll["spark.app.name"] == "headrace"


@pytest.mark.parametrize(
    ("key", "value", "kind", "condition", "state"),
    [
        ("spark.sql.warehouse.dir", "x", AnalysisException, "CANNOT_MODIFY_STATIC_CONFIG", "46110"),
        ("spark.executor.memory", "1g", AnalysisException, "CANNOT_MODIFY_CONFIG", "46110"),
        ("spark.sql.ansi.enabled", "maybe", IllegalArgumentException, "INVALID_CONF_VALUE.TYPE_MISMATCH", "22022"),
        ("spark.sql.session.timeZone", "Foo", IllegalArgumentException, "INVALID_CONF_VALUE.TIME_ZONE", "22022"),
    ],
)
def test_settings_that_are_refused(
    spark: Any, key: str, value: str, kind: type[PySparkException], condition: str, state: str
) -> None:
    with pytest.raises(kind) as error:
        spark.conf.set(key, value)
    assert error.value.getCondition() == condition
    assert error.value.getSqlState() == state


def test_an_unknown_setting(spark: Any) -> None:
    with pytest.raises(SparkNoSuchElementException) as error:
        spark.conf.get("no.such")
    assert error.value.getMessageParameters() == {"sqlConf": '"no.such"'}


def test_set_by_sql(spark: Any) -> None:
    assert spark.sql("SET spark.sql.orderByOrdinal = false").collect() == [("spark.sql.orderByOrdinal", "false")]
    assert spark.sql("SET spark.sql.orderByOrdinal").collect() == [("spark.sql.orderByOrdinal", "false")]
    spark.sql("RESET spark.sql.orderByOrdinal")
    assert spark.conf.get("spark.sql.orderByOrdinal") == "true"


def test_a_syntax_error(spark: Any) -> None:
    with pytest.raises(ParseException) as error:
        spark.sql("select 1 +")
    assert error.value.getCondition() == "PARSE_SYNTAX_ERROR"
    assert error.value.getSqlState() == "42601"
    assert error.value.getMessageParameters() == {"error": "end of input", "hint": ""}
    assert str(error.value).startswith(
        "\n[PARSE_SYNTAX_ERROR] Syntax error at or near end of input. SQLSTATE: 42601 (line 1, pos 10)\n\n"
        "== SQL ==\nselect 1 +\n----------^^^\n"
    )


def test_an_analysis_error_has_its_place_in_the_text(spark: Any) -> None:
    with pytest.raises(AnalysisException) as error:
        spark.sql("select *\nfrom nowhere")
    assert not isinstance(error.value, ParseException)
    assert error.value.getMessageParameters() == {"relationName": "`nowhere`", "searchPath": SEARCH_PATH}
    context = error.value.getQueryContext()[0]
    assert context.fragment() == "nowhere"
    assert (context.startIndex(), context.stopIndex()) == (14, 20)
    assert context.summary() == "== SQL (line 2, position 6) ==\nfrom nowhere\n     ^^^^^^^\n"
    assert "SQLSTATE: 42P01; line 2 pos 5" in str(error.value)


def test_what_is_not_built_says_so(spark: Any) -> None:
    with pytest.raises(UnsupportedOperationException) as error:
        spark.range(1).toDF("a").writeTo("t").create()
    assert error.value.getCondition() == "UNSUPPORTED_FEATURE.HEADRACE"
    assert error.value.getSqlState() == "0A000"
    with pytest.raises(UnsupportedOperationException, match="user-defined functions"):
        spark.udf.register("f", lambda x: x)
    with pytest.raises(UnsupportedOperationException, match="structured streaming"):
        spark.readStream.format("rate").load().schema  # noqa: B018


def test_a_defect_is_an_internal_error_and_the_service_lives_on(spark: Any, served: Served) -> None:
    async def defect(_: int) -> None:
        raise ZeroDivisionError("oops")

    before, served.engine.before_block = served.engine.before_block, defect
    try:
        with pytest.raises(SparkConnectGrpcException) as error:
            spark.range(10).collect()
    finally:
        served.engine.before_block = before
    assert error.value.getCondition() == "INTERNAL_ERROR"
    assert "ZeroDivisionError: oops" in str(error.value)
    assert served.engine.running[-1].released == 1
    assert spark.sql("select 1").collect() == [(1,)]


def test_explain(spark: Any) -> None:
    assert spark.range(1)._explain_string(mode="extended") == "== extended ==\nIdentified\n"
    assert spark.sql("EXPLAIN FORMATTED SELECT 1").collect() == [("== formatted ==\nUnresolvedProject\n",)]


def test_questions_about_plans(spark: Any) -> None:
    assert spark.version == "4.2.0"
    frame = spark.range(3)
    assert not frame.isLocal()
    assert not frame.isStreaming
    assert frame.inputFiles() == []
    assert frame.sameSemantics(spark.range(3))
    assert not frame.sameSemantics(spark.range(4))
    assert frame.semanticHash() == spark.range(3).semanticHash()
    assert frame.storageLevel.useMemory is False


def test_a_result_in_pieces(served: Served) -> None:
    session = connect(served)
    try:
        session._client._preferred_arrow_chunk_size = 1024
        assert session.range(5_000).toArrow().column("id").to_pylist() == list(range(5_000))
    finally:
        session.stop()


def test_without_reattaching(spark: Any) -> None:
    spark._client.disable_reattachable_execute()
    assert len(spark.range(3_000).collect()) == 3_000


def test_a_closed_session_is_closed(spark: Any, served: Served) -> None:
    session = connect(served)
    session.range(1).collect()
    session._client.release_session()
    with pytest.raises(SparkConnectGrpcException) as error:
        session.range(1).collect()
    assert error.value.getCondition() == "INVALID_HANDLE.SESSION_CLOSED"
    session._client.close()


def test_five_megabytes_of_sql(spark: Any) -> None:
    text = "select '" + "x" * 5_000_000 + "' as a"
    started_s = time.perf_counter()
    assert len(spark.sql(text).collect()[0].a) == 5_000_000
    assert time.perf_counter() - started_s < 30


def test_five_megabytes_of_nonsense(spark: Any) -> None:
    with pytest.raises(ParseException):
        spark.sql("select " + "(" * 100_000 + " x " * 1_000_000)
