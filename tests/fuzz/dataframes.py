"""DataFrame programs whose plans use most kinds of relations and expressions."""

from __future__ import annotations

import datetime
import decimal

from pyspark.sql import Column, Window
from pyspark.sql import functions as sf
from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.connect.session import SparkSession

LITERALS = [
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


def dataframes(spark: SparkSession) -> list[DataFrame]:
    """Programs whose plans use most kinds of relations and expressions."""
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
        *_rarer_relations(spark, numbers, local),
        *_expressions(spark, numbers),
    ]


def _rarer_relations(spark: SparkSession, numbers: DataFrame, local: DataFrame) -> list[DataFrame]:
    nested = spark.createDataFrame([([1, 2], {"a": 1}, (1,))], "a array<int>, m map<string,int>, s struct<i:int>")
    return [
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


def _expressions(spark: SparkSession, numbers: DataFrame) -> list[DataFrame]:
    return [
        spark.range(2).select(*[sf.lit(value).alias(f"c{number}") for number, value in enumerate(LITERALS)]),
        *(numbers.select(*columns()) for columns in (_windows, _texts, _times, _numbers, _nested)),
        numbers.groupBy("k").agg(*_aggregates()),
        numbers.groupBy(sf.window(sf.col("id").cast("timestamp"), "10 seconds", "5 seconds")).count(),
        numbers.select(*_conditions()),
    ]


def _windows() -> list[Column]:
    ranged = Window.orderBy("id").rangeBetween(-3, Window.currentRow)
    return [
        sf.sum("id").over(ranged),
        sf.ntile(3).over(Window.orderBy("id")),
        sf.row_number().over(Window.partitionBy("k").orderBy(sf.desc_nulls_first("text"))),
    ]


def _texts() -> list[Column]:
    text = sf.col("text")
    return [
        sf.regexp_replace(text, "([0-9])", "<$1>"),
        sf.substring(text, 1, 2),
        sf.lpad(text, 5, "*"),
        sf.repeat(text, 3),
        sf.format_string("%s-%d", text, sf.col("k")),
        sf.split(text, "1"),
        sf.concat_ws(",", text, text),
        sf.translate(text, "1", "x"),
    ]


def _times() -> list[Column]:
    text = sf.col("text")
    return [
        sf.date_add(sf.lit("2024-01-31").cast("date"), sf.col("k").cast("int")),
        sf.add_months(sf.lit("2024-01-31").cast("date"), 1),
        sf.date_format(sf.lit("2024-01-31").cast("timestamp"), "yyyy-MM-dd HH"),
        sf.to_timestamp(text, "yyyy"),
        sf.months_between(sf.current_date(), sf.current_date()),
        sf.trunc(sf.lit("2024-01-31").cast("date"), "month"),
        sf.from_utc_timestamp(sf.lit("2024-01-31").cast("timestamp"), "Europe/Berlin"),
        sf.make_date(sf.lit(2024), sf.lit(1), sf.col("k").cast("int") + 1),
    ]


def _numbers() -> list[Column]:
    text = sf.col("text")
    return [
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
    ]


def _nested() -> list[Column]:
    text = sf.col("text")
    return [
        sf.from_json(text, "a int, b array<int>"),
        sf.get_json_object(text, "$.a"),
        sf.from_csv(text, "a int"),
        sf.to_csv(sf.struct("id", "text")),
        sf.schema_of_json(sf.lit('{"a": 1}')),
        sf.aggregate(sf.array("id"), sf.lit(0).cast("long"), lambda a, x: a + x),
        sf.map_filter(sf.create_map("text", "id"), lambda k, v: v > 1),
        sf.array_sort(sf.array("id", "k"), lambda a, b: a - b),
        sf.zip_with(sf.array("id"), sf.array("k"), lambda a, b: a + b),
    ]


def _aggregates() -> list[Column]:
    return [
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
    ]


def _conditions() -> list[Column]:
    return [
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
    ]
