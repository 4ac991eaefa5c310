"""Random values keep to their seed, and what counts rows counts them where Spark does; partitions as many as asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pyspark.sql import functions as F  # noqa: N812

if TYPE_CHECKING:
    from pyspark.sql import Column
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.session import SparkSession

pytestmark = pytest.mark.cluster


def _columns() -> list[Column]:
    return [
        F.rand(5),
        F.randn(5),
        F.expr("uniform(10, 20, 5)"),
        F.expr("randstr(6, 5)"),
        F.expr("shuffle(array(1, 2, 3, 4, 5), 5)"),
        F.expr("uuid(5)"),
    ]


def test_values_of_a_seed_are_the_same_each_time(spark: SparkSession) -> None:
    frame = spark.range(0, 1_000, 1, 4)
    drawn = frame.select("id", *_columns())
    rows = sorted(drawn.collect())
    assert sorted(drawn.collect()) == rows
    assert len({row[1] for row in rows}) == 1_000
    assert all(10 <= row[3] < 20 and len(row[4]) == 6 and sorted(row[5]) == [1, 2, 3, 4, 5] for row in rows)
    assert len({row[6] for row in rows}) == 1_000
    other = sorted(frame.select("id", F.rand(6)).collect())
    assert all(mine[1] != theirs[1] for mine, theirs in zip(rows, other, strict=True))


def test_values_are_spread_as_they_should_be(spark: SparkSession) -> None:
    row = (
        spark.range(0, 20_000, 1, 2)
        .select(F.rand(1).alias("u"), F.randn(1).alias("n"))
        .agg(F.avg("u"), F.min("u"), F.max("u"), F.avg("n"), F.stddev("n"))
        .collect()[0]
    )
    assert abs(row[0] - 0.5) < 0.02
    assert 0 <= row[1] < 0.01
    assert 0.99 < row[2] < 1
    assert abs(row[3]) < 0.05
    assert abs(row[4] - 1) < 0.05


def test_no_seed_gives_other_values(spark: SparkSession) -> None:
    assert spark.sql("SELECT rand() AS a, rand() AS b").filter("a = b").count() == 0
    assert spark.sql("SELECT rand() AS a").collect() != spark.sql("SELECT rand() AS a").collect()


def test_a_filter_above_changes_no_value(spark: SparkSession) -> None:
    drawn = spark.range(0, 1_000, 1, 4).select("id", F.rand(3).alias("r"))
    known = {row.id: row.r for row in drawn.collect()}
    some = drawn.filter("id % 7 = 3 AND id > 500").collect()
    assert len(some) == 71
    assert all(known[row.id] == row.r for row in some)
    train, rest = drawn.filter("r < 0.7 AND id > 9"), drawn.filter("r >= 0.7 AND id > 9")
    assert train.count() + rest.count() == 990


def test_values_are_drawn_once_wherever_they_stand(spark: SparkSession) -> None:
    frame = spark.range(0, 100, 1, 2)
    kept = frame.filter(F.rand(3) < 0.5)
    assert 20 < kept.count() < 80
    assert sorted(kept.collect()) == sorted(kept.collect())
    assert frame.orderBy(F.rand(3)).collect() == frame.orderBy(F.rand(3)).collect() != frame.collect()
    groups = frame.groupBy((F.rand(3) * 2).cast("int").alias("g")).count().orderBy("g").collect()
    assert [row.g for row in groups] == [0, 1]
    assert sum(row[1] for row in groups) == 100
    drawn = frame.select(F.rand(3).alias("u"))
    assert drawn.agg(F.sum("u")).collect() == drawn.agg(F.sum("u")).collect()
    by = frame.selectExpr("id", "id % 2 AS k").sampleBy("k", {0: 1.0, 1: 0.5}, seed=4)
    found = sorted(by.collect())
    assert found == sorted(by.collect())
    assert sum(row.k == 0 for row in found) == 50
    assert 5 < sum(row.k == 1 for row in found) < 45


def test_rows_are_numbered_as_they_are_sorted(spark: SparkSession) -> None:
    number = F.monotonically_increasing_id().alias("n")
    frame = spark.range(10).orderBy(F.desc("id")).select("id", number)
    assert [tuple(row) for row in frame.collect()] == [(9 - i, i) for i in range(10)]
    top = spark.range(10).orderBy(F.desc("id")).limit(3).select("id", number)
    assert [tuple(row) for row in top.collect()] == [(9, 0), (8, 1), (7, 2)]
    assert spark.range(10).filter(F.monotonically_increasing_id() < 4).count() == 4


def _sizes(frame: DataFrame) -> list[int]:
    return [row[1] for row in frame.groupBy(F.spark_partition_id()).count().orderBy("count").collect()]


def test_partitions_are_as_many_as_asked(spark: SparkSession) -> None:
    frame = spark.range(0, 100, 1, 4)
    assert _sizes(frame) == [25] * 4
    assert _sizes(frame.repartition(5)) == [20] * 5
    assert len(_sizes(frame.repartition(5, "id"))) == 5
    assert _sizes(frame.coalesce(2)) == [50, 50]
    assert _sizes(frame.coalesce(9)) == [25] * 4
    assert _sizes(frame.coalesce(1)) == [100]
    assert _sizes(frame.repartitionByRange(2, "id")) == [50, 50]
    halves = frame.repartitionByRange(2, F.desc("id")).select("id", F.spark_partition_id().alias("p")).collect()
    assert max(row.id for row in halves if row.p == 1) < min(row.id for row in halves if row.p == 0)
    people = spark.createDataFrame([(14, "Tom"), (23, "Alice"), (16, "Bob")], ["age", "name"])
    assert len(_sizes(people.repartitionByRange(2, "age"))) == 2
