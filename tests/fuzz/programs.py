"""Valid programs and requests, to be damaged: together they use most kinds of relations, expressions and commands."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from headrace_driver.connect.protocol import base_pb2, catalog_pb2, commands_pb2, relations_pb2

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.session import SparkSession


def dataframes(spark: SparkSession) -> list[DataFrame]:
    """Programs whose plans use most kinds of relations and expressions."""
    from pyspark.sql import Window
    from pyspark.sql import functions as sf

    numbers = spark.range(0, 50, 1, 3).withColumn("k", sf.col("id") % 5).withColumn("text", sf.col("id").cast("string"))
    local = spark.createDataFrame([(1, "a", None), (2, "b", 2.5)], "x int, y string, z double")
    window = Window.partitionBy("k").orderBy("id").rowsBetween(-2, 1)
    return [
        numbers.filter("id > 3 AND text LIKE '1%'").select("*", sf.expr("k + 1"), sf.when(sf.col("k") > 2, 1)),
        numbers.groupBy("k").agg(sf.sum("id"), sf.countDistinct("text"), sf.collect_list("id")).orderBy(sf.desc("k")),
        numbers.join(local, numbers.k == local.x, "left").drop("y").limit(7).offset(2),
        numbers.select(sf.sum("id").over(window), sf.lag("id", 2).over(Window.partitionBy("k").orderBy("id"))),
        numbers.rollup("k").count().union(numbers.select("k", "id")).distinct(),
        numbers.groupBy("k").pivot("text", ["1", "2"]).sum("id").na.fill(0),
        numbers.withColumns({"s": sf.struct("id", "k"), "a": sf.array("id", "k")}).select("s.id", sf.explode("a")),
        numbers.select(sf.transform(sf.array("id"), lambda x: x + 1), sf.to_json(sf.create_map("text", "id"))),
        local.unpivot("x", ["z"], "name", "value").sample(0.5, seed=1).repartition(2, "name").sortWithinPartitions("x"),
        local.replace("a", "c").dropna().describe("x").hint("broadcast").alias("t").toDF("a", "b"),
        numbers.stat.crosstab("k", "text").dropDuplicates(["k_text"]).withColumnRenamed("k_text", "name"),
        spark.sql(
            "SELECT k, count(*) FROM (SELECT id % 3 AS k FROM range(9)) GROUP BY k HAVING count(*) > :n", {"n": 1}
        ),
        numbers.filter(sf.col("id").isin(1, 2, 3)).select(sf.col("id").cast("date").isNull(), sf.lit(1.5).alias("x")),
        *_more_relations(spark, numbers, local),
        *_more_expressions(spark, numbers, local),
    ]


def _more_relations(spark: SparkSession, numbers: DataFrame, local: DataFrame) -> list[DataFrame]:
    from pyspark.sql import functions as sf

    nested = spark.createDataFrame([([1, 2], {"a": 1}, (1,))], "a array<int>, m map<string,int>, s struct<i:int>")
    everything: list[DataFrame] = [
        numbers.cube("k", "text").agg(sf.grouping_id(), sf.avg("id")),
        numbers.groupingSets([["k"], []], "k").agg(sf.count("*")),
        numbers.intersectAll(numbers).exceptAll(numbers.limit(3)).unionByName(numbers, allowMissingColumns=True),
        local.lateralJoin(spark.range(3).select((sf.col("id") + 1).alias("n")), how="left"),
        numbers.filter(sf.col("id") > spark.range(4).agg(sf.max("id")).scalar()),
        numbers.where(spark.range(9).where(sf.col("id") == 3).exists()),
        numbers.sampleBy("k", {0: 0.5, 1: 0.2}, seed=3).summary("count", "50%", "mean"),
        numbers.freqItems(["k"], 0.4),
        local.transpose("x"),
        local.to(spark.createDataFrame([], "y string, x long").schema),
        local.na.drop(how="all", subset=["z"]).na.fill({"z": 1.5, "y": "q"}).replace({"a": "b"}, subset=["y"]),
        numbers.withMetadata("id", {"note": "x"}).select(numbers.colRegex("`i.*`"), "*"),
        numbers.repartitionByRange(3, "id").coalesce(2).withColumnsRenamed({"id": "n"}).dropDuplicates(["n"]),
        spark.tvf.explode(sf.array(sf.lit(1), sf.lit(2))),
        spark.tvf.stack(sf.lit(2), sf.lit(1), sf.lit(2)),
        nested.select("a", sf.explode("m"), sf.col("s").withField("j", sf.lit(1)), sf.inline(sf.array("s"))),
        spark.sql("SELECT ?, ?", [1, "a"]),
        spark.sql("SELECT * FROM {t} WHERE x > 1", t=local),
        spark.sql("WITH t AS (SELECT 1 AS a) SELECT a, rank() OVER (ORDER BY a) FROM t ORDER BY 1 LIMIT 3"),
        spark.sql("VALUES (1, DATE'2024-01-01'), (2, NULL) AS t(a, d)"),
        spark.read.schema("a int, b string").option("header", True).csv("nothing.csv"),
        spark.read.format("json").schema("a int").load("nothing.json"),
        spark.read.table("nothing"),
    ]
    return everything


def _more_expressions(spark: SparkSession, numbers: DataFrame, local: DataFrame) -> list[DataFrame]:
    import datetime
    import decimal

    from pyspark.sql import Window
    from pyspark.sql import functions as sf

    literals = [
        decimal.Decimal("1.25"),
        datetime.date(2024, 2, 29),
        datetime.datetime(2024, 2, 29, 12),
        datetime.timedelta(days=1, seconds=3),
        b"abc",
        True,
        None,
        [1, 2],
        ["a", "b"],
    ]
    ranged = Window.orderBy("id").rangeBetween(-3, Window.currentRow)
    text = sf.col("text")
    return [
        spark.range(2).select(*[sf.lit(value).alias(f"c{number}") for number, value in enumerate(literals)]),
        numbers.select(
            sf.sum("id").over(ranged),
            sf.ntile(3).over(Window.orderBy("id")),
            sf.row_number().over(Window.partitionBy("k").orderBy(sf.desc_nulls_first("text"))),
        ),
        numbers.select(
            sf.regexp_replace(text, "([0-9])", "<$1>"),
            sf.substring(text, 1, 2),
            sf.lpad(text, 5, "*"),
            sf.repeat(text, 3),
            sf.format_string("%s-%d", text, sf.col("k")),
            sf.split(text, "1"),
            sf.concat_ws(",", text, text),
            sf.translate(text, "1", "x"),
        ),
        numbers.select(
            sf.date_add(sf.lit("2024-01-31").cast("date"), sf.col("k").cast("int")),
            sf.add_months(sf.lit("2024-01-31").cast("date"), 1),
            sf.date_format(sf.lit("2024-01-31").cast("timestamp"), "yyyy-MM-dd HH"),
            sf.to_timestamp(text, "yyyy"),
            sf.months_between(sf.current_date(), sf.current_date()),
            sf.trunc(sf.lit("2024-01-31").cast("date"), "month"),
            sf.from_utc_timestamp(sf.lit("2024-01-31").cast("timestamp"), "Europe/Berlin"),
            sf.make_date(sf.lit(2024), sf.lit(1), sf.col("k").cast("int") + 1),
        ),
        numbers.select(
            sf.round(sf.col("id") / 3, 2),
            sf.pow("id", "k"),
            sf.conv(text, 10, 16),
            sf.bround(sf.col("id") * 1.5, 0),
            sf.sequence(sf.lit(1), sf.col("id")),
            sf.array_repeat("id", 2),
            sf.slice(sf.array("id", "k"), 1, 1),
            sf.element_at(sf.array("id", "k"), 1),
            sf.hash("id"),
            sf.shiftleft("id", 2),
        ),
        numbers.select(
            sf.from_json(text, "a int, b array<int>"),
            sf.get_json_object(text, "$.a"),
            sf.from_csv(text, "a int"),
            sf.to_csv(sf.struct("id", "text")),
            sf.schema_of_json(sf.lit('{"a": 1}')),
            sf.aggregate(sf.array("id"), sf.lit(0).cast("long"), lambda a, x: a + x),
            sf.map_filter(sf.create_map("text", "id"), lambda k, v: v > 1),
            sf.array_sort(sf.array("id", "k"), lambda a, b: a - b),
            sf.zip_with(sf.array("id"), sf.array("k"), lambda a, b: a + b),
        ),
        numbers.groupBy("k").agg(
            sf.approx_count_distinct("id"),
            sf.percentile_approx("id", [0.1, 0.5], 100),
            sf.max_by("text", "id"),
            sf.first("text", ignorenulls=True),
            sf.stddev("id"),
            sf.corr("id", "k"),
            sf.collect_set("text"),
            sf.listagg("text", ","),
            sf.mode("id"),
            sf.histogram_numeric("id", sf.lit(3)),
        ),
        numbers.groupBy(sf.window(sf.col("id").cast("timestamp"), "10 seconds", "5 seconds")).count(),
        numbers.select(
            sf.try_divide("id", "k"),
            sf.col("id").try_cast("int"),
            sf.coalesce("id", "k"),
            sf.nvl2("id", "k", "k"),
            sf.col("text").rlike("^1"),
            sf.col("id").between(1, 5) & ~sf.col("k").isNull(),
            sf.expr("CASE k WHEN 1 THEN 'a' ELSE 'b' END"),
            sf.call_function("abs", sf.col("id")),
            sf.expr("named_struct('a', id, 'b', text).a"),
            sf.stack(sf.lit(2), sf.col("id"), sf.col("k")),
        ),
    ]


def commands(spark: SparkSession, directory: Path) -> list[Message]:
    """Plans that are commands. Files are written below the directory only."""
    client: Any = spark._client
    numbers = spark.range(0, 20, 1, 2)
    relation = numbers._plan.plan(client)
    view = commands_pb2.CreateDataFrameViewCommand(input=relation, name="v", replace=True)
    found = [commands_pb2.Command(create_dataframe_view=view)]
    for source, options in (("parquet", {}), ("csv", {"header": "true"}), ("json", {})):
        write = commands_pb2.WriteOperation(
            input=relation, source=source, path=str(directory / source), mode=2, options=options
        )
        found.append(commands_pb2.Command(write_operation=write))
    partitioned = commands_pb2.WriteOperation(
        input=relation, source="parquet", path=str(directory / "parts"), mode=2, partitioning_columns=["id"]
    )
    found.append(commands_pb2.Command(write_operation=partitioned))
    sql = commands_pb2.SqlCommand(input=relations_pb2.Relation(sql=relations_pb2.SQL(query="SHOW TABLES")))
    found.append(commands_pb2.Command(sql_command=sql))
    for text in ("SET a = 1", "CREATE OR REPLACE TEMP VIEW w AS SELECT 1", "DESCRIBE range(3)", "EXPLAIN SELECT 1"):
        query = relations_pb2.Relation(sql=relations_pb2.SQL(query=text))
        found.append(commands_pb2.Command(sql_command=commands_pb2.SqlCommand(input=query)))
    found.append(commands_pb2.Command(checkpoint_command=commands_pb2.CheckpointCommand(relation=relation, eager=True)))
    found.append(commands_pb2.Command(get_resources_command={}))
    return [base_pb2.Plan(command=command) for command in found]


def is_harmless(request: Message, directory: Path) -> bool:
    """Whether it writes no files but below the directory: an overwritten path cut short would be somebody else's."""
    plan = getattr(request, "plan", None)
    command = getattr(plan, "command", None)
    if command is None or command.WhichOneof("command_type") != "write_operation":
        return True
    write = command.write_operation
    if write.WhichOneof("save_type") != "path":
        return "path" not in {key.lower() for key in write.options}
    return write.path.startswith(f"{directory}/") and ".." not in write.path and not write.options.get("path")


def catalog_plans() -> list[Message]:
    """Calls of `spark.catalog`."""
    calls: list[dict[str, Any]] = [
        {"current_database": {}},
        {"list_databases": {"pattern": "d*"}},
        {"list_tables": {"pattern": "*"}},
        {"table_exists": {"table_name": "v"}},
        {"list_columns": {"table_name": "v"}},
        {"get_table": {"table_name": "v"}},
        {"function_exists": {"function_name": "sum"}},
        {"get_function": {"function_name": "sum"}},
        {"list_functions": {"pattern": "su*"}},
        {"drop_temp_view": {"view_name": "v"}},
        {"is_cached": {"table_name": "v"}},
        {"cache_table": {"table_name": "v"}},
        {"clear_cache": {}},
        {"current_catalog": {}},
    ]
    relations = [relations_pb2.Relation(catalog=catalog_pb2.Catalog(**call)) for call in calls]
    return [base_pb2.Plan(root=relation) for relation in relations]


def displays(spark: SparkSession) -> list[Message]:
    """Plans of `show`, `tail` and of statistics that a client asks for as a relation."""
    client: Any = spark._client
    below = spark.range(0, 20, 1, 2).selectExpr("id", "id * 2 AS b")._plan.plan(client)
    relations: list[dict[str, Any]] = [
        {"show_string": {"input": below, "num_rows": 5, "truncate": 20, "vertical": False}},
        {"html_string": {"input": below, "num_rows": 5, "truncate": 20}},
        {"tail": {"input": below, "limit": 3}},
        {"cov": {"input": below, "col1": "id", "col2": "b"}},
        {"corr": {"input": below, "col1": "id", "col2": "b", "method": "pearson"}},
        {"approx_quantile": {"input": below, "cols": ["id"], "probabilities": [0.1, 0.5], "relative_error": 0.1}},
    ]
    return [base_pb2.Plan(root=relations_pb2.Relation(**each)) for each in relations]


def connect_requests(spark: SparkSession, directory: Path) -> list[tuple[str, Message]]:
    """Methods of Spark Connect with a valid request each."""
    client: Any = spark._client
    head = {"session_id": str(uuid.uuid4()), "user_context": {"user_id": "fuzz"}}
    plans = [df._plan.to_proto(client) for df in dataframes(spark)]
    actions = [*plans, *commands(spark, directory), *catalog_plans(), *displays(spark)]
    execute = [base_pb2.ExecutePlanRequest(**head, plan=plan, operation_id=str(uuid.uuid4())) for plan in actions]
    return [
        *(("ExecutePlan", request) for request in execute),
        *(("AnalyzePlan", request) for request in _questions(head, plans)),
        *_others(head),
    ]


def _questions(head: dict[str, Any], plans: list[Any]) -> list[Message]:
    analyze = base_pb2.AnalyzePlanRequest
    questions = [analyze(**head, schema={"plan": plan}) for plan in plans]
    questions += [
        analyze(**head, explain={"plan": plan, "explain_mode": mode}) for mode, plan in enumerate(plans[:5], 1)
    ]
    questions += [
        analyze(**head, tree_string={"plan": plans[0], "level": 2}),
        analyze(**head, is_local={"plan": plans[1]}),
        analyze(**head, input_files={"plan": plans[2]}),
        analyze(**head, ddl_parse={"ddl_string": "a INT, b ARRAY<STRUCT<c: DECIMAL(10,2)>>"}),
        analyze(**head, json_to_ddl={"json_string": '{"type":"struct","fields":[]}'}),
        analyze(**head, same_semantics={"target_plan": plans[0], "other_plan": plans[0]}),
        analyze(**head, semantic_hash={"plan": plans[3]}),
        analyze(**head, persist={"relation": plans[3].root, "storage_level": {"use_memory": True, "replication": 1}}),
        analyze(**head, unpersist={"relation": plans[3].root}),
        analyze(**head, get_storage_level={"relation": plans[3].root}),
        analyze(**head, spark_version={}),
    ]
    return questions


def _others(head: dict[str, Any]) -> list[tuple[str, Message]]:
    name = "spark.sql.shuffle.partitions"
    operations = [
        {"get": {"keys": [name]}},
        {"set": {"pairs": [{"key": name, "value": "7"}]}},
        {"set": {"pairs": [{"key": "spark.sql.session.timeZone", "value": "Asia/Tokyo"}]}},
        {"get_all": {"prefix": "spark"}},
        {"get_with_default": {"pairs": [{"key": name, "value": "3"}]}},
        {"get_option": {"keys": [name]}},
        {"unset": {"keys": [name]}},
        {"is_modifiable": {"keys": [name]}},
    ]
    operation_id = str(uuid.uuid4())
    chunk = {"data": b"abcdef", "crc": 1267612143}
    begin = {"name": "cache/b", "total_bytes": 6, "num_chunks": 1, "initial_chunk": chunk}
    artifacts = base_pb2.AddArtifactsRequest
    return [
        *(("Config", base_pb2.ConfigRequest(**head, operation=operation)) for operation in operations),
        ("ArtifactStatus", base_pb2.ArtifactStatusesRequest(**head, names=["cache/abc"])),
        ("Interrupt", base_pb2.InterruptRequest(**head, interrupt_type=2, operation_tag="t")),
        ("Interrupt", base_pb2.InterruptRequest(**head, interrupt_type=3, operation_id=operation_id)),
        ("ReattachExecute", base_pb2.ReattachExecuteRequest(**head, operation_id=operation_id)),
        ("ReleaseExecute", base_pb2.ReleaseExecuteRequest(**head, operation_id=operation_id, release_all={})),
        ("ReleaseExecute", base_pb2.ReleaseExecuteRequest(**head, operation_id=operation_id, release_until={})),
        ("ReleaseSession", base_pb2.ReleaseSessionRequest(**head)),
        ("CloneSession", base_pb2.CloneSessionRequest(**head, new_session_id=str(uuid.uuid4()))),
        ("GetStatus", base_pb2.GetStatusRequest(**head, operation_status={"operation_ids": [operation_id]})),
        ("FetchErrorDetails", base_pb2.FetchErrorDetailsRequest(**head, error_id=operation_id)),
        ("AddArtifacts", artifacts(**head, batch={"artifacts": [{"name": "cache/a", "data": chunk}]})),
        ("AddArtifacts", artifacts(**head, begin_chunk=begin)),
        ("AddArtifacts", artifacts(**head, batch={"artifacts": [{"name": "files/x.txt", "data": chunk}]})),
    ]
