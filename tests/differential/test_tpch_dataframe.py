"""TPC-H queries written with the DataFrame API answer as their SQL texts do on real Spark."""

import datetime
from collections.abc import Callable

import pytest
from pyspark.sql import functions as F  # noqa: N812 - the name every PySpark program uses
from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.connect.session import SparkSession

from tests.differential.compare import check
from tests.differential.conftest import Ask
from tests.differential.expected import Expected, read

pytestmark = pytest.mark.differential

Build = Callable[[SparkSession], DataFrame]


def q01(spark: SparkSession) -> DataFrame:
    """Aggregates with several expressions over one scan."""
    discounted = F.col("l_extendedprice") * (1 - F.col("l_discount"))
    return (
        spark.table("lineitem")
        .where(F.col("l_shipdate") <= F.lit(datetime.date(1998, 9, 2)))
        .groupBy("l_returnflag", "l_linestatus")
        .agg(
            F.sum("l_quantity").alias("sum_qty"),
            F.sum("l_extendedprice").alias("sum_base_price"),
            F.sum(discounted).alias("sum_disc_price"),
            F.sum(discounted * (1 + F.col("l_tax"))).alias("sum_charge"),
            F.avg("l_quantity").alias("avg_qty"),
            F.avg("l_extendedprice").alias("avg_price"),
            F.avg("l_discount").alias("avg_disc"),
            F.count("*").alias("count_order"),
        )
        .orderBy("l_returnflag", "l_linestatus")
    )


def q03(spark: SparkSession) -> DataFrame:
    """Two joins, a top-N by a computed column."""
    customer, orders, lineitem = (spark.table(name) for name in ("customer", "orders", "lineitem"))
    return (
        customer.filter(customer.c_mktsegment == "BUILDING")
        .join(orders, customer.c_custkey == orders.o_custkey)
        .join(lineitem, lineitem.l_orderkey == orders.o_orderkey)
        .filter((F.col("o_orderdate") < "1995-03-15") & (F.col("l_shipdate") > "1995-03-15"))
        .groupBy("l_orderkey", "o_orderdate", "o_shippriority")
        .agg(F.sum(F.col("l_extendedprice") * (1 - F.col("l_discount"))).alias("revenue"))
        .select("l_orderkey", "revenue", "o_orderdate", "o_shippriority")
        .orderBy(F.desc("revenue"), "o_orderdate")
        .limit(10)
    )


def q04(spark: SparkSession) -> DataFrame:
    """A left semi join by name of its type."""
    late = spark.table("lineitem").where("l_commitdate < l_receiptdate")
    return (
        spark.table("orders")
        .where(F.col("o_orderdate").between(F.lit("1993-07-01").cast("date"), F.lit("1993-09-30").cast("date")))
        .join(late, F.col("o_orderkey") == F.col("l_orderkey"), "left_semi")
        .groupBy("o_orderpriority")
        .agg(F.count("*").alias("order_count"))
        .sort("o_orderpriority")
    )


def q05(spark: SparkSession) -> DataFrame:
    """Six tables, a condition over two of them in one join."""
    return (
        spark.table("region")
        .where(F.col("r_name") == "ASIA")
        .join(spark.table("nation"), F.col("n_regionkey") == F.col("r_regionkey"))
        .join(spark.table("customer"), F.col("c_nationkey") == F.col("n_nationkey"))
        .join(spark.table("orders"), F.col("o_custkey") == F.col("c_custkey"))
        .join(spark.table("lineitem"), F.col("l_orderkey") == F.col("o_orderkey"))
        .join(
            spark.table("supplier"),
            (F.col("s_suppkey") == F.col("l_suppkey")) & (F.col("s_nationkey") == F.col("c_nationkey")),
        )
        .where("o_orderdate >= date '1994-01-01' and o_orderdate < date '1995-01-01'")
        .groupBy("n_name")
        .agg(F.sum(F.expr("l_extendedprice * (1 - l_discount)")).alias("revenue"))
        .orderBy(F.col("revenue").desc())
    )


def q07(spark: SparkSession) -> DataFrame:
    """One table joined twice under aliases."""
    supplying = spark.table("nation").alias("n1")
    buying = spark.table("nation").alias("n2")
    supplier_name, customer_name = F.col("n1.n_name"), F.col("n2.n_name")
    pair = ((supplier_name == "FRANCE") & (customer_name == "GERMANY")) | (
        (supplier_name == "GERMANY") & (customer_name == "FRANCE")
    )
    return (
        spark.table("supplier")
        .join(spark.table("lineitem"), F.col("s_suppkey") == F.col("l_suppkey"))
        .join(spark.table("orders"), F.col("o_orderkey") == F.col("l_orderkey"))
        .join(spark.table("customer"), F.col("c_custkey") == F.col("o_custkey"))
        .join(supplying, F.col("s_nationkey") == F.col("n1.n_nationkey"))
        .join(buying, F.col("c_nationkey") == F.col("n2.n_nationkey"))
        .where(pair & F.col("l_shipdate").between("1995-01-01", "1996-12-31"))
        .select(
            supplier_name.alias("supp_nation"),
            customer_name.alias("cust_nation"),
            F.year("l_shipdate").alias("l_year"),
            (F.col("l_extendedprice") * (1 - F.col("l_discount"))).alias("volume"),
        )
        .groupBy("supp_nation", "cust_nation", "l_year")
        .agg(F.sum("volume").alias("revenue"))
        .orderBy("supp_nation", "cust_nation", "l_year")
    )


def q12(spark: SparkSession) -> DataFrame:
    """Conditional sums by when/otherwise."""
    urgent = F.col("o_orderpriority").isin("1-URGENT", "2-HIGH")
    return (
        spark.table("orders")
        .join(spark.table("lineitem"), F.col("o_orderkey") == F.col("l_orderkey"))
        .where(F.col("l_shipmode").isin(["MAIL", "SHIP"]))
        .where((F.col("l_commitdate") < F.col("l_receiptdate")) & (F.col("l_shipdate") < F.col("l_commitdate")))
        .where((F.col("l_receiptdate") >= "1994-01-01") & (F.col("l_receiptdate") < "1995-01-01"))
        .groupBy("l_shipmode")
        .agg(
            F.sum(F.when(urgent, 1).otherwise(0)).alias("high_line_count"),
            F.sum(F.when(~urgent, 1).otherwise(0)).alias("low_line_count"),
        )
        .orderBy("l_shipmode")
    )


def q13(spark: SparkSession) -> DataFrame:
    """A left join whose condition filters the right side; aggregates of an aggregate."""
    customer, orders = spark.table("customer"), spark.table("orders")
    matches = (customer.c_custkey == orders.o_custkey) & ~orders.o_comment.like("%special%requests%")
    return (
        customer.join(orders, matches, "left")
        .groupBy("c_custkey")
        .agg(F.count("o_orderkey").alias("c_count"))
        .groupBy("c_count")
        .agg(F.count("*").alias("custdist"))
        .orderBy(F.desc("custdist"), F.desc("c_count"))
    )


def q16(spark: SparkSession) -> DataFrame:
    """An anti join in place of NOT IN, and a distinct count."""
    complained = spark.table("supplier").where(F.col("s_comment").like("%Customer%Complaints%")).select("s_suppkey")
    return (
        spark.table("part")
        .where(F.col("p_brand") != "Brand#45")
        .where(~F.col("p_type").startswith("MEDIUM POLISHED"))
        .where(F.col("p_size").isin(49, 14, 23, 45, 19, 3, 36, 9))
        .join(spark.table("partsupp"), F.col("p_partkey") == F.col("ps_partkey"))
        .join(complained, F.col("ps_suppkey") == F.col("s_suppkey"), "left_anti")
        .groupBy("p_brand", "p_type", "p_size")
        .agg(F.count_distinct("ps_suppkey").alias("supplier_cnt"))
        .orderBy(F.desc("supplier_cnt"), "p_brand", "p_type", "p_size")
    )


def q18(spark: SparkSession) -> DataFrame:
    """A join with an aggregate of the same table; the last column keeps Spark's own name."""
    lineitem = spark.table("lineitem")
    large = (
        lineitem.groupBy("l_orderkey").agg(F.sum("l_quantity").alias("total")).where("total > 300").select("l_orderkey")
    )
    return (
        spark.table("orders")
        .join(large, F.col("o_orderkey") == F.col("l_orderkey"), "leftsemi")
        .join(lineitem, F.col("o_orderkey") == F.col("l_orderkey"))
        .join(spark.table("customer"), F.col("c_custkey") == F.col("o_custkey"))
        .groupBy("c_name", "c_custkey", "o_orderkey", "o_orderdate", "o_totalprice")
        .sum("l_quantity")
        .orderBy(F.col("o_totalprice").desc(), F.col("o_orderdate").asc())
        .limit(100)
    )


def q21(spark: SparkSession) -> DataFrame:
    """Semi and anti self joins with an inequality, under aliases."""
    l1, l2, l3 = (spark.table("lineitem").alias(name) for name in ("l1", "l2", "l3"))
    other_supplier = (F.col("l2.l_orderkey") == F.col("l1.l_orderkey")) & (
        F.col("l2.l_suppkey") != F.col("l1.l_suppkey")
    )
    other_late = (
        (F.col("l3.l_orderkey") == F.col("l1.l_orderkey"))
        & (F.col("l3.l_suppkey") != F.col("l1.l_suppkey"))
        & (F.col("l3.l_receiptdate") > F.col("l3.l_commitdate"))
    )
    return (
        spark.table("supplier")
        .join(l1, F.col("s_suppkey") == F.col("l1.l_suppkey"))
        .join(spark.table("orders"), F.col("o_orderkey") == F.col("l1.l_orderkey"))
        .join(spark.table("nation"), F.col("s_nationkey") == F.col("n_nationkey"))
        .where((F.col("o_orderstatus") == "F") & (F.col("n_name") == "SAUDI ARABIA"))
        .where(F.col("l1.l_receiptdate") > F.col("l1.l_commitdate"))
        .join(l2, other_supplier, "semi")
        .join(l3, other_late, "anti")
        .groupBy("s_name")
        .count()
        .withColumnRenamed("count", "numwait")
        .orderBy(F.desc("numwait"), "s_name")
        .limit(100)
    )


def q22(spark: SparkSession) -> DataFrame:
    """A scalar subquery as a DataFrame, and an anti join."""
    code = F.substring("c_phone", 1, 2)
    chosen = (
        spark.table("customer")
        .withColumn("cntrycode", code)
        .where(F.col("cntrycode").isin("13", "31", "23", "29", "30", "18", "17"))
    )
    average = chosen.where("c_acctbal > 0.00").agg(F.avg("c_acctbal"))
    return (
        chosen.where(F.col("c_acctbal") > average.scalar())
        .join(spark.table("orders"), F.col("o_custkey") == F.col("c_custkey"), "left_anti")
        .groupBy("cntrycode")
        .agg(F.count("*").alias("numcust"), F.sum("c_acctbal").alias("totacctbal"))
        .orderBy("cntrycode")
    )


@pytest.mark.parametrize("build", [q01, q03, q04, q05, q07, q12, q13, q16, q18, q21, q22], ids=lambda b: b.__name__)
def test_tpch_dataframe(build: Build, tpch: SparkSession, ask: Ask) -> None:
    expected = read("tpch", build.__name__)
    assert isinstance(expected, Expected)
    check(expected, ask(build(tpch)))
