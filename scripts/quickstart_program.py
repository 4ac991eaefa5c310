"""The program of scripts/quickstart: plain PySpark over Parquet, then what the cluster says it did.

Usage: python scripts/quickstart_program.py sc://HOST:PORT TPCH_DIRECTORY
"""

import os
import sys
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as sf

TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")

FIRST_HEARTBEAT_S_MAX = 3.0
"""Workers report their memory about once a second; the queries may be over before a worker's first report."""


def revenue_by_nation(spark: SparkSession) -> None:
    """DataFrame API: five tables joined, grouped, ordered."""
    lineitem, orders, customer = spark.table("lineitem"), spark.table("orders"), spark.table("customer")
    (
        lineitem.filter(sf.col("l_shipdate") >= sf.lit("1995-01-01").cast("date"))
        .join(orders, lineitem.l_orderkey == orders.o_orderkey)
        .join(customer, orders.o_custkey == customer.c_custkey)
        .join(spark.table("nation"), customer.c_nationkey == sf.col("n_nationkey"))
        .join(spark.table("region"), sf.col("n_regionkey") == sf.col("r_regionkey"))
        .groupBy("r_name", "n_name")
        .agg(
            sf.sum(sf.col("l_extendedprice") * (1 - sf.col("l_discount"))).alias("revenue"),
            sf.countDistinct("o_orderkey").alias("orders"),
        )
        .orderBy(sf.desc("revenue"))
        .limit(10)
        .show(truncate=False)
    )


def late_suppliers(spark: SparkSession) -> None:
    """SQL: a join with an EXISTS subquery and a window over the groups."""
    spark.sql(
        """
        SELECT n_name AS nation, s_name AS supplier, count(*) AS late_orders,
               rank() OVER (PARTITION BY n_name ORDER BY count(*) DESC, s_name) AS place
        FROM supplier
        JOIN nation ON s_nationkey = n_nationkey
        JOIN lineitem l ON s_suppkey = l_suppkey
        WHERE l_receiptdate > l_commitdate
          AND EXISTS (SELECT 1 FROM orders WHERE o_orderkey = l.l_orderkey AND o_orderpriority = '1-URGENT')
        GROUP BY n_name, s_name
        ORDER BY place, late_orders DESC, supplier
        LIMIT 8
        """
    ).show(truncate=False)


def report(address: str, wall_s: float) -> None:
    """What happened, by the cluster's own account."""
    from collections import Counter

    from headrace import JobsClient
    from headrace.commands.tables import show, table
    from headrace.quantities import byte_text, duration_text

    with JobsClient(address) as client:
        details = [client.get_job(summary.job_id) for summary in reversed(client.list_jobs())]
        workers = client.list_workers()
        ends_s = time.monotonic() + FIRST_HEARTBEAT_S_MAX
        while not all(worker.heartbeat.rss_bytes for worker in workers) and time.monotonic() < ends_s:
            time.sleep(0.1)
            workers = client.list_workers()
    rows = []
    for detail in details:
        summary = detail.summary
        placed = Counter(task.worker_id for stage in detail.stages for task in stage.tasks)
        peak = max((stage.metrics.peak_memory_bytes for stage in detail.stages), default=0)
        rows.append(
            (
                str(summary.job_id),
                " ".join(summary.description.split())[:40],
                f"{summary.stages_finished}",
                ", ".join(f"{worker}: {count}" for worker, count in sorted(placed.items())),
                byte_text(summary.shuffle_bytes),
                f"{summary.rows_out:,}",
                duration_text(summary.finished_us - summary.submitted_us),
                byte_text(peak),
            )
        )
    titles = (">job", "what", ">stages", "tasks on", ">shuffled", ">rows out", ">time", ">peak memory of a task")
    show(table(titles, rows))
    resident = ", ".join(f"{w.registration.worker_id} {byte_text(w.heartbeat.rss_bytes)}" for w in workers)
    print(f"{len(details)} jobs in {wall_s:.2f} s seen from the program. Memory of the workers: {resident}.")


def main() -> None:
    address, data = sys.argv[1], os.path.abspath(sys.argv[2])
    spark = SparkSession.builder.remote(address).getOrCreate()
    start_s = time.perf_counter()
    for name in TABLES:
        spark.read.parquet(f"{data}/{name}.parquet").createOrReplaceTempView(name)
    print("\nRevenue by nation since 1995 (DataFrame API):")
    revenue_by_nation(spark)
    print("Suppliers most often late with urgent orders, by nation (SQL):")
    late_suppliers(spark)
    wall_s = time.perf_counter() - start_s
    spark.stop()
    print("What happened:")
    report(address, wall_s)


if __name__ == "__main__":
    main()
