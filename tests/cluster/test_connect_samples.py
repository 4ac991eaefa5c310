"""Samples with a seed: the parts of a randomSplit are a partition of the rows, and a sample is the same each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

pytestmark = pytest.mark.cluster


def test_the_parts_of_a_random_split_have_every_row_once(spark: SparkSession) -> None:
    frame = spark.range(0, 20_000, 1, 4).repartition(3)
    for seed in range(3):
        parts = [[row.id for row in part.collect()] for part in frame.randomSplit([0.2, 0.3, 0.5], seed)]
        assert sorted([id for part in parts for id in part]) == list(range(20_000))
        for share, part in zip((0.2, 0.3, 0.5), parts, strict=True):
            assert abs(len(part) / 20_000 - share) < 0.02


def test_what_is_read_of_a_part_does_not_change_its_rows(spark: SparkSession) -> None:
    frame = spark.range(0, 5_000, 1, 4).selectExpr("id", "id % 3 AS k", "'x' AS same")
    part, other = frame.randomSplit([0.5, 0.5], 7)
    assert part.count() + other.count() == 5_000
    assert part.select("k").count() == part.count() == len(part.collect())


def test_equal_rows_are_not_all_in_one_part(spark: SparkSession) -> None:
    part, other = spark.range(0, 1_000, 1, 4).selectExpr("1 AS one").randomSplit([0.5, 0.5], 7)
    assert abs(part.count() - 500) < 80
    assert part.count() + other.count() == 1_000


def test_small_tables_split_too(spark: SparkSession) -> None:
    names = [(chr(65 + i),) for i in range(26)]
    sizes = set()
    for seed in range(8):
        parts = spark.createDataFrame(names, "name string").randomSplit([0.5, 0.5], seed)
        found = [[row.name for row in part.collect()] for part in parts]
        assert sorted([name for part in found for name in part]) == [name for (name,) in names]
        sizes.add(len(found[0]))
    assert len(sizes) > 1


def test_a_sample_with_a_seed_is_the_same_each_time(spark: SparkSession) -> None:
    sample = spark.range(0, 10_000, 1, 4).sample(0.1, seed=5)
    found = sample.collect()
    assert abs(len(found) - 1_000) < 150
    assert sample.collect() == found
    # Tasks that each compute a small table have to compute the same one.
    small = spark.range(100).sample(0.5, seed=3)
    assert small.join(small.selectExpr("id AS other"), on=[]).count() == small.count() ** 2
    assert spark.range(0, 1_000, 1, 4).join(small, "id").count() == small.count()
