"""Ask real Spark for answers. Runs inside the oracle's own environment (classic PySpark on the JVM), not the project's.

    python -m scripts.oracle.spark_answers tpch tpcds semantics [--only q01 --only q14]

Besides the rows of a query this finds out how far its ORDER BY determines them: the sort under the query's top-level
LIMIT and projection is taken from Spark's own analyzed plan, its keys are evaluated as extra columns, and the rows are
cut into tie groups. The query itself is then run unchanged and must agree, so the stored answer is Spark's own.
"""

import argparse
import glob
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from py4j.java_gateway import is_instance_of  # type: ignore[import-not-found]  # the oracle's environment has it
from py4j.protocol import Py4JJavaError  # type: ignore[import-not-found]
from pyspark import SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from tests.differential import corpus, data
from tests.differential.compare import mismatch
from tests.differential.expected import (
    Answer,
    Expected,
    ExpectedError,
    columns_of,
    rows_of,
    tie_groups,
    write,
    write_many,
)


@dataclass(frozen=True)
class _Ordering:
    """A query's top-level order: a plan without its LIMIT and with its sort keys as last columns (JVM object)."""

    keyed_plan: Any
    key_count: int
    limit: int | None


def start_spark(memory: str) -> SparkSession:
    """A Spark on two threads with Spark 4's defaults: ANSI on, UTC, Parquet read as written."""
    # The unmodified defaults matter more than speed, except for the number of shuffle partitions.
    spark = (
        SparkSession.builder.master("local[2]")
        .appName("headrace-oracle")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", memory)
        .config("spark.sql.warehouse.dir", tempfile.mkdtemp(prefix="headrace-oracle-"))
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.sql.artifact.isolation.enabled", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    return spark


def register_tables(spark: SparkSession, directory: Path) -> None:
    """Each Parquet file of `directory` as a temporary view named after it."""
    for path in sorted(glob.glob(str(directory / "*.parquet"))):
        spark.read.parquet(path).createOrReplaceTempView(Path(path).stem)


def ask(spark: SparkSession, text: str) -> Expected:
    """Spark's answer to one query, with its tie groups; raises what Spark raises."""
    frame = spark.sql(text)
    columns = columns_of(frame.schema.jsonValue())
    rows = rows_of(frame.toArrow())
    ordering = _ordering(spark, frame)
    if ordering is None:
        return Expected(columns, rows, (len(rows),) if rows else (), None)
    keyed = rows_of(_frame_of(spark, ordering.keyed_plan).toArrow())
    width = len(columns)
    groups = tie_groups([row[width:] for row in keyed]) if ordering.key_count else ((len(keyed),) if keyed else ())
    if ordering.limit is not None:
        groups = _cut(groups, ordering.limit)
    expected = Expected(columns, [row[:width] for row in keyed[: sum(groups)]], groups, ordering.limit)
    problem = mismatch(expected, Answer(columns, rows))
    if problem is not None:
        raise RuntimeError(f"the keyed form of the query disagrees with the query: {problem}")
    return expected


def _condition(error: PySparkException | Py4JJavaError) -> tuple[str | None, str | None]:
    """Condition and SQLSTATE. Some failures arrive as bare Java exceptions with Spark's own among their causes."""
    if isinstance(error, PySparkException):
        return error.getCondition(), error.getSqlState()
    cause = error.java_exception
    gateway = SparkContext._gateway
    while cause is not None:
        if is_instance_of(gateway, cause, "org.apache.spark.SparkThrowable") and cause.getCondition():
            return cause.getCondition(), cause.getSqlState()
        cause = cause.getCause()
    return None, None


def _cut(groups: tuple[int, ...], limit: int) -> tuple[int, ...]:
    """The groups that the first `limit` rows touch."""
    kept: list[int] = []
    for size in groups:
        if sum(kept) >= limit:
            break
        kept.append(size)
    return tuple(kept)


def _ordering(spark: SparkSession, frame: DataFrame) -> _Ordering | None:
    """Find LIMIT, projection and sort at the top of the analyzed plan; None when the query orders nothing."""
    jvm = spark._jvm
    plan = frame._jdf.queryExecution().analyzed()
    definitions = None
    if plan.nodeName() == "WithCTE":
        definitions, plan = plan.cteDefs(), plan.plan()
    limit = None
    if plan.nodeName() == "GlobalLimit":
        limit = int(plan.limitExpr().eval(jvm.org.apache.spark.sql.catalyst.InternalRow.empty()))
        plan = plan.child().child()
    while plan.nodeName() == "SubqueryAlias":
        plan = plan.child()
    sort, outputs = plan, _items(plan.output())
    if plan.nodeName() == "Project" and plan.child().nodeName() == "Sort":
        sort, outputs = plan.child(), _items(plan.projectList())
    if sort.nodeName() != "Sort":
        if limit is None or "UnionLoop" in frame._jdf.queryExecution().analyzed().toString():
            # Without its limit a recursion may have no end.
            return None
        orders: list[Any] = []
    else:
        orders = _items(sort.order())
    empty = _sequence(jvm, [])
    none = jvm.scala.Option.empty()
    expressions = jvm.org.apache.spark.sql.catalyst.expressions
    keys = [
        expressions.Alias(order.child(), f"__key{i}", expressions.NamedExpression.newExprId(), empty, none, empty)
        for i, order in enumerate(orders)
    ]
    logical = jvm.org.apache.spark.sql.catalyst.plans.logical
    keyed = logical.Project(_sequence(jvm, [*outputs, *keys]), sort)
    if definitions is not None:
        keyed = logical.WithCTE(keyed, definitions)
    return _Ordering(keyed, len(keys), limit)


def _items(sequence: Any) -> list[Any]:
    return [sequence.apply(i) for i in range(sequence.size())]


def _sequence(jvm: Any, items: list[Any]) -> Any:
    array = jvm.java.util.ArrayList()
    for item in items:
        array.add(item)
    return jvm.org.apache.spark.api.python.PythonUtils.toSeq(array)


def _frame_of(spark: SparkSession, plan: Any) -> DataFrame:
    jvm = spark._jvm
    assert jvm is not None
    return DataFrame(jvm.org.apache.spark.sql.classic.Dataset.ofRows(spark._jsparkSession, plan), spark)


def answer_suite(spark: SparkSession, name: str, directory: Path, only: list[str]) -> int:
    """Store the answers of a one-query-a-file suite; returns how many queries failed (which none may)."""
    register_tables(spark, directory)
    failures = empty = 0
    for query, text in corpus.suite(name).items():
        if only and query not in only:
            continue
        started = time.monotonic()
        try:
            expected = ask(spark, text)
        except (PySparkException, RuntimeError) as error:
            failures += 1
            print(f"{name} {query}: FAILED {str(error)[:300]}", flush=True)
            continue
        path = write(name, query, expected)
        empty += not expected.rows
        print(
            f"{name} {query}: {expected.row_count} rows, {len(expected.groups)} groups, limit {expected.limit}, "
            f"{path.stat().st_size} bytes, {time.monotonic() - started:.1f} s",
            flush=True,
        )
    print(f"{name}: {failures} failed, {empty} empty", flush=True)
    return failures


def answer_semantics(spark: SparkSession, only: list[str]) -> int:
    """Store answers and errors of the semantics corpus, one file an area."""
    for view, text in corpus.semantics_tables().items():
        spark.sql(text).createOrReplaceTempView(view)
    doubtful = 0
    for area in corpus.areas():
        if only and area not in only:
            continue
        answers: dict[str, Expected | ExpectedError] = {}
        for query, text in corpus.area(area).items():
            try:
                answers[query] = ask(spark, text)
            except (PySparkException, Py4JJavaError) as error:
                condition, sqlstate = _condition(error)
                if condition is None or condition.startswith("INTERNAL_ERROR"):
                    doubtful += 1
                    print(f"semantics {area}.{query}: no usable condition: {str(error)[:300]}", flush=True)
                    continue
                answers[query] = ExpectedError(condition, sqlstate or "")
            except Exception as error:  # noqa: BLE001 - the client's own limits (types it cannot hold) surface as anything
                doubtful += 1
                print(f"semantics {area}.{query}: not usable: {type(error).__name__} {str(error)[:300]}", flush=True)
        write_many("semantics", area, answers)
        errors = sum(isinstance(answer, ExpectedError) for answer in answers.values())
        print(f"semantics {area}: {len(answers)} answers, {errors} of them errors", flush=True)
    return doubtful


def main() -> int:
    """Command line; see the module's description."""
    parser = argparse.ArgumentParser(description="Store real Spark's answers as expected answers.")
    parser.add_argument("suites", nargs="+", choices=["tpch", "tpcds", "semantics"])
    parser.add_argument("--only", action="append", default=[], help="query or area, may be given several times")
    parser.add_argument("--memory", default="4g", help="heap of the JVM")
    arguments = parser.parse_args()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = start_spark(arguments.memory)
    failures = 0
    for suite in arguments.suites:
        if suite == "tpch":
            failures += answer_suite(spark, "tpch", data.tpch_data(), arguments.only)
        elif suite == "tpcds":
            failures += answer_suite(spark, "tpcds", data.tpcds_data(), arguments.only)
        else:
            failures += answer_semantics(spark, arguments.only)
    spark.stop()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
