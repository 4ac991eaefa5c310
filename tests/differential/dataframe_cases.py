"""DataFrame calls that no SQL text can say (`na`, `stat`, `describe`, ...), each a function of a session.

A case returns a DataFrame, or a plain value where the call itself answers one. The same functions run on real Spark
(`scripts/oracle/dataframe_answers.py`) and on this engine (`test_dataframes.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspark.sql import functions as F  # noqa: N812 - the name every PySpark program uses

from tests.differential.expected import Answer, Column, columns_of, plain, rows_of

CASES: dict[str, Callable[[Any], Any]] = {}


def _add(area: str, cases: dict[str, Callable[[Any], Any]]) -> None:
    CASES.update({f"{area}.{name}": case for name, case in cases.items()})


def people(spark: Any) -> Any:
    """Nulls, NaN and each kind of column that `na` treats in its own way."""
    return spark.sql(
        """SELECT * FROM VALUES
        (1, 'Ada', 1.5D, CAST(0.5 AS FLOAT), 10L, true, CAST(1.25 AS DECIMAL(5,2)), DATE '2024-01-01', array(1)),
        (2, NULL, CAST('NaN' AS DOUBLE), CAST('NaN' AS FLOAT), NULL, NULL, NULL, NULL, NULL),
        (NULL, 'Bob', NULL, NULL, -5L, false, 2.50, DATE '2024-02-29', array(NULL)),
        (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
        (5, '', 0.0D, CAST(-1 AS FLOAT), 0L, false, 0.00, NULL, array())
        AS people(id, name, x, f, n, ok, dec, day, arr)"""
    )


def first_people(spark: Any) -> Any:
    """Those whose figures do not hang on the order of a sum."""
    return people(spark).where("id IS NULL OR id < 5")


def numbers(spark: Any) -> Any:
    """A hundred rows of which every figure is known."""
    return spark.sql(
        """SELECT id, id % 10 AS k, CAST(id AS DOUBLE) / 4 AS d, CAST(id AS DECIMAL(10,2)) AS dec,
        CASE WHEN id % 7 = 0 THEN NULL ELSE id * 2 END AS gaps, concat('s', id % 3) AS s,
        id % 2 = 0 AS even, CAST(id AS FLOAT) AS f, DATE '2024-01-01' + CAST(id AS INT) AS day
        FROM range(0, 100, 1, 1)"""
    )


def doubtful(spark: Any) -> Any:
    """Doubles with NaN, infinities, nulls and both zeros."""
    return spark.sql(
        """SELECT * FROM VALUES (1.0D), (CAST('NaN' AS DOUBLE)), (NULL), (CAST('Infinity' AS DOUBLE)), (-0.0D), (0.0D),
        (CAST('-Infinity' AS DOUBLE)), (2.5D) AS doubtful(x)"""
    )


_add(
    "fill",
    {
        "integer": lambda s: people(s).na.fill(7),
        "negative": lambda s: people(s).na.fill(-3),
        "double": lambda s: people(s).na.fill(7.9),
        "text": lambda s: people(s).na.fill("none"),
        "boolean": lambda s: people(s).na.fill(True),
        "subset": lambda s: people(s).na.fill(7, subset=["id", "x"]),
        "subset_of_other_type": lambda s: people(s).na.fill(7, subset=["name", "id"]),
        "subset_one": lambda s: people(s).na.fill("none", "name"),
        "by_column": lambda s: people(s).na.fill({"id": 50, "name": "unknown", "x": 1.25}),
        "by_column_cast": lambda s: people(s).na.fill({"id": 50.7, "dec": 3, "f": 2}),
        "by_column_text_for_number": lambda s: people(s).na.fill({"id": "5"}),
        "by_column_number_for_text": lambda s: people(s).na.fill({"name": 5}),
        "by_column_boolean": lambda s: people(s).na.fill({"ok": True, "n": 0}),
        "by_column_date": lambda s: people(s).na.fill({"day": "2024-01-01"}),
        "by_column_boolean_for_text": lambda s: people(s).na.fill({"name": True}),
        "unknown_column": lambda s: people(s).na.fill({"nope": 1}),
        "unknown_in_subset": lambda s: people(s).na.fill(1, subset=["nope"]),
        "case_of_names": lambda s: people(s).na.fill(1, subset=["ID"]),
        "case_of_names_by_column": lambda s: people(s).na.fill({"ID": 1}),
        "array_column": lambda s: people(s).na.fill(1, subset=["arr"]),
        "star_like_name": lambda s: s.sql("SELECT CAST(NULL AS INT) AS `a.b`, 1 AS c").na.fill(1),
        "nested_name": lambda s: s.sql("SELECT named_struct('p', CAST(NULL AS INT)) AS st").na.fill({"st.p": 1}),
        "duplicate_names": lambda s: s.sql("SELECT CAST(NULL AS INT) AS a, CAST(NULL AS INT) AS a").na.fill(1),
        "ambiguous_subset": lambda s: s.sql("SELECT CAST(NULL AS INT) AS a, 2 AS a").na.fill(1, subset=["a"]),
        "ambiguous_by_column": lambda s: s.sql("SELECT CAST(NULL AS INT) AS a, 2 AS a").na.fill({"a": 1}),
        "schema": lambda s: people(s).na.fill(1).schema.json(),
        "overflowing": lambda s: s.sql("SELECT CAST(NULL AS TINYINT) AS t").na.fill(300),
        "decimal_column": lambda s: people(s).select("dec").na.fill(1.239),
    },
)
_add(
    "drop",
    {
        "any": lambda s: people(s).na.drop(),
        "all": lambda s: people(s).na.drop("all"),
        "threshold": lambda s: people(s).na.drop(thresh=3),
        "threshold_zero": lambda s: people(s).na.drop(thresh=0),
        "threshold_too_high": lambda s: people(s).na.drop(thresh=99),
        "subset": lambda s: people(s).na.drop(subset=["id", "x"]),
        "subset_all": lambda s: people(s).na.drop("all", subset=["id", "name"]),
        "subset_threshold": lambda s: people(s).na.drop(thresh=1, subset=["x", "f"]),
        "subset_text": lambda s: people(s).na.drop(subset="name"),
        "subset_array": lambda s: people(s).na.drop(subset=["arr"]),
        "unknown": lambda s: people(s).na.drop(subset=["nope"]),
        "nested": lambda s: s.sql("SELECT named_struct('p', a) AS st FROM VALUES (1), (NULL) t(a)").na.drop(
            subset=["st.p"]
        ),
        "empty_subset": lambda s: people(s).na.drop(subset=[]),
        "duplicate_names": lambda s: s.sql("SELECT 1 AS a, CAST(NULL AS INT) AS a").na.drop(),
    },
)
_add(
    "replace",
    {
        "one": lambda s: people(s).na.replace(5, 50),
        "one_subset": lambda s: people(s).na.replace(5, 50, subset=["id"]),
        "text": lambda s: people(s).na.replace("Ada", "Eva"),
        "text_to_null": lambda s: people(s).na.replace("Ada", None),
        "number_to_null": lambda s: people(s).na.replace(5, None),
        "lists": lambda s: people(s).na.replace(["Ada", "Bob"], ["A", "B"]),
        "list_to_one": lambda s: people(s).na.replace(["Ada", "Bob"], "X"),
        "mapping": lambda s: people(s).na.replace({1: 100, 5: 500}),
        "mapping_double": lambda s: people(s).na.replace({1.5: 9.75}),
        "mapping_with_null": lambda s: people(s).na.replace({"Ada": None, "Bob": "B"}),
        "boolean": lambda s: people(s).na.replace(True, False),
        "nan": lambda s: people(s).na.replace(float("nan"), 1.0),
        "nan_subset": lambda s: people(s).na.replace(float("nan"), 1.0, "x"),
        "zero": lambda s: people(s).na.replace(0, 9),
        "double_in_integers": lambda s: people(s).na.replace(5.0, 50.5),
        "decimal_column": lambda s: people(s).select("dec").na.replace(1.25, 9.5),
        "mixed_subset": lambda s: people(s).na.replace("Ada", "E", subset=["name", "id"]),
        "unknown": lambda s: people(s).na.replace(1, 2, subset=["nope"]),
        "chained": lambda s: people(s).na.replace({1: 5, 5: 1}),
        "schema": lambda s: people(s).na.replace(1, 2).schema.json(),
        "case_of_names": lambda s: people(s).na.replace(5, 6, subset=["ID"]),
        "overflowing": lambda s: s.sql("SELECT CAST(1 AS TINYINT) AS t").na.replace(1, 300),
        "duplicate_names": lambda s: s.sql("SELECT 1 AS a, 1 AS a").na.replace(1, 2),
        "mixed_types": lambda s: people(s).na.replace({1: 2.5}),
        "array_column": lambda s: people(s).select("arr", "id").na.replace(1, 2),
    },
)
_add(
    "quantile",
    {
        "median": lambda s: numbers(s).stat.approxQuantile("id", [0.5], 0.0),
        "several": lambda s: numbers(s).stat.approxQuantile("d", [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0], 0.0),
        "columns": lambda s: numbers(s).stat.approxQuantile(["id", "gaps", "dec"], [0.25, 0.75], 0.0),
        "floats": lambda s: numbers(s).stat.approxQuantile("f", [0.33], 0.0),
        "nan_ignored": lambda s: doubtful(s).stat.approxQuantile("x", [0.0, 0.25, 0.5, 0.75, 1.0], 0.0),
        "empty": lambda s: numbers(s).where("id < 0").stat.approxQuantile("id", [0.5], 0.0),
        "all_null": lambda s: s.sql("SELECT CAST(NULL AS DOUBLE) AS x").stat.approxQuantile("x", [0.5], 0.0),
        "some_empty": lambda s: s.sql("SELECT CAST(NULL AS DOUBLE) AS x, 1 AS y").stat.approxQuantile(
            ["x", "y"], [0.5], 0.0
        ),
        "text": lambda s: numbers(s).stat.approxQuantile("s", [0.5], 0.0),
        "date": lambda s: numbers(s).stat.approxQuantile("day", [0.5], 0.0),
        "boolean": lambda s: numbers(s).stat.approxQuantile("even", [0.5], 0.0),
        "unknown": lambda s: numbers(s).stat.approxQuantile("nope", [0.5], 0.0),
        "out_of_range": lambda s: numbers(s).stat.approxQuantile("id", [1.5], 0.0),
        "repeated_probability": lambda s: numbers(s).stat.approxQuantile("id", [0.9, 0.1, 0.9], 0.0),
    },
)
_add(
    "crosstab",
    {
        "integers": lambda s: numbers(s).stat.crosstab("k", "s"),
        "texts": lambda s: people(s).stat.crosstab("name", "ok"),
        "nulls": lambda s: people(s).stat.crosstab("id", "name"),
        "doubles": lambda s: people(s).stat.crosstab("x", "name"),
        "same": lambda s: numbers(s).stat.crosstab("s", "s"),
        "empty": lambda s: numbers(s).where("id < 0").stat.crosstab("k", "s"),
        "unknown": lambda s: numbers(s).stat.crosstab("nope", "s"),
        "backticks": lambda s: s.sql("SELECT 1 AS x, 'a.b' AS y UNION ALL SELECT 1, 'c`d'").stat.crosstab("x", "y"),
        "odd_name": lambda s: s.sql("SELECT 1 AS `a.b`, 2 AS c").stat.crosstab("`a.b`", "c"),
        "null_text": lambda s: s.sql("SELECT * FROM VALUES ('null', 1), (NULL, 1) t(a, b)").stat.crosstab("a", "b"),
        "decimals": lambda s: people(s).stat.crosstab("dec", "day"),
        "negative_zero": lambda s: doubtful(s).withColumn("one", F.lit(1)).stat.crosstab("x", "one"),
    },
)
_add(
    "corr",
    {
        "perfect": lambda s: numbers(s).stat.corr("id", "d"),
        "with_nulls": lambda s: numbers(s).stat.corr("id", "gaps"),
        "decimals": lambda s: numbers(s).stat.corr("dec", "k"),
        "floats": lambda s: numbers(s).stat.corr("f", "k", "pearson"),
        "constant": lambda s: numbers(s).withColumn("one", F.lit(1)).stat.corr("id", "one"),
        "empty": lambda s: numbers(s).where("id < 0").stat.corr("id", "k"),
        "single": lambda s: numbers(s).where("id = 3").stat.corr("id", "k"),
        "text": lambda s: numbers(s).stat.corr("id", "s"),
        "boolean": lambda s: numbers(s).stat.corr("id", "even"),
        "unknown": lambda s: numbers(s).stat.corr("id", "nope"),
        "nan": lambda s: doubtful(s).withColumn("y", F.lit(2)).stat.corr("x", "y"),
        "frame_method": lambda s: numbers(s).corr("id", "k"),
    },
)
_add(
    "cov",
    {
        "integers": lambda s: numbers(s).stat.cov("id", "d"),
        "with_nulls": lambda s: numbers(s).stat.cov("id", "gaps"),
        "decimals": lambda s: numbers(s).stat.cov("dec", "k"),
        "empty": lambda s: numbers(s).where("id < 0").stat.cov("id", "k"),
        "single": lambda s: numbers(s).where("id = 3").stat.cov("id", "k"),
        "text": lambda s: numbers(s).stat.cov("s", "id"),
        "date": lambda s: numbers(s).stat.cov("day", "id"),
        "unknown": lambda s: numbers(s).stat.cov("nope", "id"),
        "frame_method": lambda s: numbers(s).cov("id", "k"),
    },
)
_add(
    "freq_items",
    {
        "few_values": lambda s: _sorted_items(numbers(s).stat.freqItems(["s"], 0.25)),
        "several": lambda s: _sorted_items(numbers(s).stat.freqItems(["s", "even"], 0.3)),
        "integers": lambda s: _sorted_items(numbers(s).stat.freqItems(["k"], 0.05)),
        "heavy": lambda s: _sorted_items(s.sql("SELECT 1 AS a FROM range(50)").stat.freqItems(["a"])),
        "heavy_and_light": lambda s: _sorted_items(
            s.sql("SELECT CASE WHEN id % 4 = 0 THEN id ELSE -1 END AS a FROM range(0, 100, 1, 1)").stat.freqItems(
                ["a"], 0.6
            )
        ),
        "nulls": lambda s: _sorted_items(s.sql("SELECT CAST(NULL AS INT) AS a FROM range(5)").stat.freqItems(["a"])),
        "with_nulls": lambda s: _sorted_items(people(s).stat.freqItems(["name", "ok"])),
        "doubles": lambda s: _sorted_items(people(s).select("x").where("x < 9").stat.freqItems(["x"])),
        "dates": lambda s: _sorted_items(people(s).stat.freqItems(["day", "dec"])),
        "empty": lambda s: _sorted_items(numbers(s).where("id < 0").stat.freqItems(["id"])),
        "schema": lambda s: people(s).stat.freqItems(["name", "id"]).schema.json(),
        "frame_method": lambda s: _sorted_items(numbers(s).freqItems(["s"], 0.2)),
        "unknown": lambda s: numbers(s).stat.freqItems(["nope"]),
        "support_too_low": lambda s: numbers(s).stat.freqItems(["s"], 0.00001),
        "support_too_high": lambda s: numbers(s).stat.freqItems(["s"], 1.5),
        "support_one": lambda s: _sorted_items(s.sql("SELECT 1 AS a FROM range(5)").stat.freqItems(["a"], 1.0)),
        "twice": lambda s: numbers(s).stat.freqItems(["s", "s"], 0.3).columns,
        "exactly_at_support": lambda s: _sorted_items(
            s.sql("SELECT id % 2 AS a FROM range(0, 10, 1, 1)").stat.freqItems(["a"], 0.5)
        ),
        "no_columns": lambda s: numbers(s).stat.freqItems([]),
    },
)
_add(
    "sample_by",
    {
        "all_or_nothing": lambda s: numbers(s).stat.sampleBy("k", {0: 1.0, 1: 0.0}, seed=1),
        "texts": lambda s: numbers(s).stat.sampleBy("s", {"s1": 1.0}, seed=1),
        "by_expression": lambda s: numbers(s).stat.sampleBy(F.col("id") % 5, {4: 1.0}, seed=1),
        "null_stratum": lambda s: people(s).stat.sampleBy("name", {"Ada": 1.0}, seed=1),
        "no_strata": lambda s: numbers(s).stat.sampleBy("k", {}, seed=1),
        "too_much": lambda s: numbers(s).stat.sampleBy("k", {0: 1.5}, seed=1),
        "negative": lambda s: numbers(s).stat.sampleBy("k", {0: -0.5}, seed=1),
        "other_type": lambda s: numbers(s).stat.sampleBy("k", {1.0: 1.0}, seed=1),
        "unknown": lambda s: numbers(s).stat.sampleBy("nope", {0: 1.0}, seed=1),
        "doubles": lambda s: doubtful(s).where("x <> 0").stat.sampleBy("x", {1.0: 1.0}, seed=1),
        "boolean": lambda s: numbers(s).stat.sampleBy("even", {True: 1.0}, seed=1),
    },
)
_add(
    "describe",
    {
        "all": lambda s: first_people(s).describe(),
        "numbers": lambda s: numbers(s).describe(),
        "some": lambda s: first_people(s).describe("id", "name"),
        "unfit": lambda s: people(s).describe("day"),
        "boolean": lambda s: people(s).describe("ok"),
        "unknown": lambda s: people(s).describe("nope"),
        "empty": lambda s: people(s).where("id > 99").describe("id", "name"),
        "no_columns_fit": lambda s: people(s).select("ok", "day").describe(),
        "nan": lambda s: doubtful(s).describe(),
        "summary": lambda s: first_people(s).drop("x", "f").summary(),
        "summary_numbers": lambda s: numbers(s).summary(),
        "summary_some": lambda s: numbers(s).summary("count", "min", "33%", "max"),
        "summary_distinct": lambda s: numbers(s).summary("count_distinct"),
        "summary_bad_percentile": lambda s: numbers(s).summary("x%"),
        "summary_percentile_above": lambda s: numbers(s).summary("101%"),
        "summary_unknown": lambda s: numbers(s).summary("middle"),
        "summary_twice": lambda s: numbers(s).select("id").summary("min", "min"),
        "summary_fraction": lambda s: numbers(s).select("id").summary("12.5%"),
        "summary_empty": lambda s: people(s).where("id > 99").summary(),
        "summary_intervals": lambda s: s.sql("SELECT INTERVAL 1 DAY AS i, 1 AS n").summary("count", "min"),
        "intervals": lambda s: s.sql("SELECT INTERVAL 1 DAY AS i, INTERVAL 2 MONTH AS m, 1 AS n").describe(),
        "texts_of_numbers": lambda s: s.sql("SELECT * FROM VALUES ('10'), ('9'), ('x') t(a)").describe(),
    },
)

_add(
    "shapes",
    {
        "rows_of_melt": lambda s: numbers(s).melt("id", ["d", "f"], "k", "v").count(),
        "rows_of_lateral_join": lambda s: numbers(s).lateralJoin(s.range(2)).count(),
        "rows_of_crossed": lambda s: numbers(s).crossJoin(s.range(2)).groupBy().count(),
    },
)


def _sorted_items(frame: Any) -> Any:
    """The arrays of frequent items sorted: their order is a hash map's."""
    return frame.select(*(F.sort_array(F.col(f"`{name}`")).alias(name) for name in frame.columns))


def areas() -> list[str]:
    """The first parts of the cases' names."""
    return list(dict.fromkeys(name.partition(".")[0] for name in CASES))


def run(name: str, session: Any) -> Answer:
    """A case's answer; a plain value as a table of one."""
    found = CASES[name](session)
    if hasattr(found, "toArrow"):
        return Answer(columns_of(found.schema.jsonValue()), rows_of(found.toArrow()))
    return Answer((Column("value", "value", True),), [[plain(found)]])
