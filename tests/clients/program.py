"""What clients of every version do, a call at a time: run in a client's own environment, prints one JSON object.

    python program.py sc://HOST:PORT DIRECTORY

Each call's answer stands under its name, as text that does not depend on the client's version; what a call raises
stands there as `raises class condition`. It must run on PySpark 3.5, so newer methods are looked for before the call.
"""

from __future__ import annotations

import contextlib
import datetime
import decimal
import functools
import io
import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pandas as pd
from pyspark.sql import Row, SparkSession, Window
from pyspark.sql import functions as sf

Call = Callable[[], Any]
CALLS: dict[str, Call] = {}


def shown(value: Any) -> Any:
    """Rows as lists, everything else as its text."""
    if isinstance(value, list):
        return [shown(each) for each in value]
    if isinstance(value, tuple):
        return [shown(each) for each in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if hasattr(value, "item"):
        # PySpark 3.5 counts in NumPy's numbers.
        return shown(value.item())
    return repr(value) if isinstance(value, float) else str(value)


def outcome(call: Call) -> Any:
    try:
        return shown(call())
    except Exception as error:  # noqa: BLE001  (its class is the answer)
        ask = getattr(error, "getCondition", None) or getattr(error, "getErrorClass", None)
        condition = ask() if ask is not None else None
        return f"raises {type(error).__name__} {condition}"


def each(name: str, call: Call) -> None:
    """Adds a call. Calls are made in the order they were added in, and some need what an earlier one left."""
    assert name not in CALLS, name
    CALLS[name] = call


def add_all(spark: Any, directory: str) -> None:
    """Fills CALLS."""
    people = spark.createDataFrame(
        [("Ann", 30, "x", 1.5), ("Bob", 25, "y", None), ("Cid", 35, "x", 2.5), ("Dee", None, "y", 4.0)],
        "name string, age int, team string, score double",
    )
    teams = spark.createDataFrame([("x", "Xenon"), ("z", "Zinc")], ["team", "title"])
    add_making_frames(spark, people)
    add_files(spark, people, directory)
    add_rows_and_columns(people, teams)
    add_joins_and_groups(people, teams)
    add_statistics(people)
    add_expressions_and_actions(spark, people, teams)
    add_sql_and_names(spark, people)
    add_settings(spark)
    add_refused(spark, people)
    add_interrupts(spark)


def add_making_frames(spark: Any, people: Any) -> None:
    each("createDataFrame rows", lambda: spark.createDataFrame([Row(a=1, b="x"), Row(a=2, b=None)]).collect())
    each("createDataFrame dicts", lambda: spark.createDataFrame([{"a": 1, "b": 2.5}, {"a": 3}]).collect())
    each("createDataFrame tuples", lambda: spark.createDataFrame([(1, "a")], ["n", "s"]).dtypes)
    each(
        "createDataFrame pandas",
        lambda: spark.createDataFrame(pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [0.5, 1.5]})).collect(),
    )
    each("createDataFrame empty", lambda: spark.createDataFrame([], "a int, b string").collect())
    each(
        "createDataFrame types",
        lambda: spark.createDataFrame(
            [(decimal.Decimal("1.50"), datetime.date(2024, 2, 29), b"ab", [1, None], {"k": 1}, (1, "z"))],
            "d decimal(5,2), t date, b binary, a array<int>, m map<string,int>, s struct<p:int,q:string>",
        ).collect(),
    )
    each("range", lambda: spark.range(2, 10, 3).collect())
    each("schema", lambda: people.schema.simpleString())
    each("timestamps", lambda: spark.sql("SELECT timestamp'2024-01-02 03:04:05.678'").collect())
    each("intervals", lambda: spark.sql("SELECT interval '1 02:03:04' day to second").collect())


def add_files(spark: Any, people: Any, directory: str) -> None:
    path = f"{directory}/people"
    each("write parquet", lambda: people.write.mode("overwrite").parquet(path))
    each("read parquet", lambda: spark.read.parquet(path).orderBy("name").collect())
    each("write exists", lambda: people.write.parquet(path))
    each("write csv", lambda: people.coalesce(1).write.mode("overwrite").option("header", True).csv(path + "_csv"))
    each("read csv", lambda: spark.read.csv(path + "_csv", header=True, inferSchema=True).orderBy("name").collect())
    each("write json", lambda: people.write.mode("overwrite").partitionBy("team").json(path + "_json"))
    each("read json", lambda: spark.read.schema("name string, team string").json(path + "_json").count())
    each("read missing", lambda: spark.read.parquet(directory + "/missing").count())
    each("read format", lambda: spark.read.format("parquet").load(path).count())
    each("inputFiles", lambda: len(spark.read.parquet(path).inputFiles()) > 0)


def add_rows_and_columns(people: Any, teams: Any) -> None:
    each("select", lambda: people.select("name", (sf.col("age") + 1).alias("next")).collect())
    each("filter", lambda: people.filter("age > 25 AND team = 'x'").count())
    each("where column", lambda: people.where(people.age.between(20, 30)).select(people.name).collect())
    each("withColumn", lambda: people.withColumn("old", sf.col("age") > 28).orderBy("name").collect())
    each("withColumnsRenamed", lambda: people.withColumnRenamed("name", "n").columns)
    each("drop", lambda: people.drop("age", "score").columns)
    each("distinct", lambda: people.select("team").distinct().orderBy("team").collect())
    each("dropDuplicates", lambda: people.dropDuplicates(["team"]).count())
    each("orderBy", lambda: people.orderBy(sf.desc_nulls_last("age")).select("name").collect())
    each("limit offset", lambda: people.orderBy("name").offset(1).limit(2).select("name").collect())
    each("tail", lambda: people.orderBy("name").tail(1))
    each("head take first", lambda: [people.orderBy("name").head(), len(people.take(2)), people.first() is not None])
    each("union", lambda: people.select("team").union(teams.select("team")).count())
    each("unionByName", lambda: people.unionByName(teams, allowMissingColumns=True).columns)
    each(
        "intersect except",
        lambda: [
            people.select("team").intersect(teams.select("team")).count(),
            people.select("team").exceptAll(teams.select("team")).count(),
        ],
    )


def add_joins_and_groups(people: Any, teams: Any) -> None:
    for how in ("inner", "left", "right", "full", "left_semi", "left_anti"):
        each(f"join {how}", functools.partial(joined, people, teams, how))
    each("join condition", lambda: people.alias("p").join(teams.alias("t"), sf.expr("p.team = t.team")).count())
    each("crossJoin", lambda: people.crossJoin(teams).count())
    each("join self", lambda: people.join(people, people.team == people.team).count())
    each("groupBy", lambda: people.groupBy("team").agg(sf.sum("age"), sf.avg("score")).orderBy("team").collect())
    each("rollup", lambda: people.rollup("team").count().orderBy("team").collect())
    each("cube", lambda: people.cube("team").agg(sf.grouping_id().alias("g")).orderBy("g", "team").collect())
    each("pivot", lambda: people.groupBy().pivot("team", ["x", "y"]).sum("age").collect())
    each("pivot found", lambda: people.groupBy().pivot("team").count().collect())
    each(
        "window",
        lambda: (
            people.select("name", sf.row_number().over(Window.partitionBy("team").orderBy("name")).alias("n"))
            .orderBy("name")
            .collect()
        ),
    )
    each(
        "window frame",
        lambda: people.select(sf.sum("age").over(Window.orderBy("name").rowsBetween(-1, 0)).alias("s")).collect(),
    )


def add_statistics(people: Any) -> None:
    """Missing values, statistics, samples."""
    each("fillna", lambda: people.fillna({"age": 0, "score": -1.0}).orderBy("name").collect())
    each("dropna", lambda: people.dropna().count())
    each("replace", lambda: people.replace("Ann", "Eva").orderBy("name").first().name)
    each("stat", lambda: [people.stat.corr("age", "age"), people.stat.crosstab("team", "name").columns])
    each("approxQuantile", lambda: people.approxQuantile("age", [0.5], 0.0))
    each("describe", lambda: people.describe("age").collect())
    each("summary", lambda: people.select("age").summary("count", "min").collect())
    each("sample", lambda: 0 <= people.sample(0.5, seed=1).count() <= 4)
    each("randomSplit", lambda: sum(part.count() for part in people.randomSplit([0.5, 0.5], seed=3)))
    each("unpivot", lambda: people.unpivot("name", ["age"], "k", "v").orderBy("name").collect())


def add_expressions_and_actions(spark: Any, people: Any, teams: Any) -> None:
    each("explode", lambda: spark.sql("SELECT array(1, 2) a").select(sf.explode("a")).collect())
    each("higher order", lambda: spark.sql("SELECT array(1, 2) a").select(sf.transform("a", lambda x: x + 1)).collect())
    each("when", lambda: people.select(sf.when(sf.col("age") > 28, "a").otherwise("b").alias("w")).collect())
    each("repartition", lambda: people.repartition(3, "team").count())
    each("hint", lambda: people.join(teams.hint("broadcast"), "team").count())
    each("toPandas", lambda: people.orderBy("name").toPandas().to_csv(index=False))
    each("toLocalIterator", lambda: sum(1 for _ in people.toLocalIterator()))
    each("toJSON", lambda: people.limit(0).toJSON().collect())
    each("isEmpty", lambda: [people.isEmpty(), people.filter("false").isEmpty()])
    each("foreach", lambda: people.foreach(lambda row: None))
    each("transform", lambda: people.transform(lambda frame: frame.select("name")).columns)
    each("sameSemantics", lambda: people.select("name").sameSemantics(people.select("name")))
    each("isLocal isStreaming", lambda: [people.filter("age > 1").isLocal(), people.isStreaming])
    each("show", lambda: people.orderBy("name")._show_string(2, 20, False))
    each("html", lambda: "<table" in (spark.range(1).limit(1)._repr_html_() or "<table"))
    each("explain", lambda: "Plan" in people._explain_string(mode="extended"))
    each("printSchema", lambda: printed(people.printSchema))


def add_sql_and_names(spark: Any, people: Any) -> None:
    each("sql args", lambda: spark.sql("SELECT :a + 1 AS n", args={"a": 41}).collect())
    each("sql positional", lambda: spark.sql("SELECT ? AS n", args=[7]).collect())
    each("sql frame", lambda: spark.sql("SELECT count(*) AS n FROM {df}", df=people).collect())
    each("view", lambda: (people.createOrReplaceTempView("people"), spark.table("people").count())[1])
    each("view exists", lambda: people.createTempView("people"))
    each(
        "catalog",
        lambda: [
            spark.catalog.currentDatabase(),
            spark.catalog.currentCatalog(),
            spark.catalog.tableExists("people"),
            [table.name for table in spark.catalog.listTables() if table.name == "people"],
            [column.name for column in spark.catalog.listColumns("people")],
            spark.catalog.functionExists("upper"),
            [database.name for database in spark.catalog.listDatabases()],
        ],
    )
    each("dropTempView", lambda: [spark.catalog.dropTempView("people"), spark.catalog.dropTempView("people")])


def add_settings(spark: Any) -> None:
    each(
        "conf",
        lambda: [
            spark.conf.set("spark.sql.shuffle.partitions", "7"),
            spark.conf.get("spark.sql.shuffle.partitions"),
            spark.conf.unset("spark.sql.shuffle.partitions"),
            spark.conf.get("spark.sql.shuffle.partitions"),
            spark.conf.get("spark.nothing", "default"),
            spark.conf.isModifiable("spark.sql.ansi.enabled"),
        ],
    )
    each("conf missing", lambda: spark.conf.get("spark.nothing"))
    each("conf bad", lambda: spark.conf.set("spark.sql.shuffle.partitions", "x"))
    each("version", lambda: spark.version)


def add_refused(spark: Any, people: Any) -> None:
    """What is refused, and with which class."""
    udf = sf.udf(lambda x: x, "int")
    each("udf", lambda: spark.range(1).select(udf("id")).collect())
    each("mapInPandas", lambda: spark.range(1).mapInPandas(lambda frames: frames, "id long").collect())
    each("readStream", lambda: spark.readStream.format("rate").load().writeStream.format("console").start())
    each("cache", lambda: cached(spark))
    each("saveAsTable", lambda: people.write.saveAsTable("t_people"))
    each("unknown column", lambda: people.select("nope").collect())
    each("unknown table", lambda: spark.table("nope").collect())
    each("unknown function", lambda: spark.sql("SELECT nope(1)").collect())
    each("ambiguous", lambda: spark.sql("SELECT id FROM range(1) a JOIN range(1) b").collect())
    each("parse", lambda: spark.sql("SELEC 1").collect())
    each("division by zero", lambda: spark.sql("SELECT 1 / id FROM range(1)").collect())
    each("overflow", lambda: spark.sql("SELECT 9223372036854775807 + id FROM range(1, 2)").collect())
    each("cast", lambda: spark.sql("SELECT CAST('x' AS int)").collect())


def add_interrupts(spark: Any) -> None:
    each("tags", lambda: [spark.addTag("a"), sorted(spark.getTags()), spark.clearTags(), sorted(spark.getTags())])
    each("interrupt nothing", lambda: [spark.interruptAll(), spark.interruptTag("none")])
    each("interrupt", lambda: interrupted(spark))


def joined(left: Any, right: Any, how: str) -> Any:
    return left.join(right, "team", how).orderBy("team", "name").collect()


def printed(call: Call) -> str:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        call()
    return text.getvalue()


def cached(spark: Any) -> int:
    frame = spark.range(7).cache()
    try:
        return int(frame.count())
    finally:
        frame.unpersist()


def interrupted(spark: Any) -> list[Any]:
    """A query that is ended by its tag: how many were, and what it raised."""
    raised: list[str] = []

    def run() -> None:
        spark.addTag("endless")
        endless = "SELECT count(*) FROM range(0, 1000000000000, 1, 2) WHERE sha2(CAST(id AS STRING), 256) = 'never'"
        raised.append(outcome(lambda: spark.sql(endless).collect()))

    thread = threading.Thread(target=run)
    thread.start()
    ended: list[str] = []
    deadline_s = time.monotonic() + 20
    while not ended and time.monotonic() < deadline_s:
        time.sleep(0.1)
        ended = spark.interruptTag("endless")
    thread.join(20)
    return [len(ended), raised]


def main() -> None:
    remote, directory = sys.argv[1:]
    spark = SparkSession.builder.remote(remote).getOrCreate()
    add_all(spark, directory)
    print(json.dumps({name: outcome(call) for name, call in CALLS.items()}, indent=1))
    spark.stop()


if __name__ == "__main__":
    main()
