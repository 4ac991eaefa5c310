"""Sessions for the differential tests.

They run on the `spark` fixture of tests/conftest.py, a local cluster of this engine. `HEADRACE_TEST_REMOTE=sc://...`
points them at any other Spark Connect server instead; at real Spark's it checks the tests themselves.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.connect.session import SparkSession

from tests.differential import corpus, data
from tests.differential.expected import Answer, columns_of, rows_of

Ask = Callable[[DataFrame], Answer]


@pytest.fixture(scope="session")
def session(request: pytest.FixtureRequest) -> Iterator[SparkSession]:
    """The session that queries run on."""
    remote = os.environ.get("HEADRACE_TEST_REMOTE")
    if remote is None:
        spark: SparkSession = request.getfixturevalue("spark")
        spark.conf.set("spark.sql.session.timeZone", "UTC")
        yield spark
    else:
        spark = SparkSession.builder.remote(remote).getOrCreate()
        spark.conf.set("spark.sql.session.timeZone", "UTC")
        yield spark
        spark.stop()


@pytest.fixture(scope="module")
def tpch(session: SparkSession) -> SparkSession:
    """A session whose views are the TPC-H tables (registered per module: TPC-DS has a `customer` as well)."""
    return _with_tables(session, data.tpch_data())


@pytest.fixture(scope="module")
def tpcds(session: SparkSession) -> SparkSession:
    """A session whose views are the TPC-DS tables."""
    return _with_tables(session, data.tpcds_data())


@pytest.fixture(scope="module")
def small_tables(session: SparkSession) -> SparkSession:
    """A session whose views are the small tables of the semantics corpus."""
    for view, text in corpus.semantics_tables().items():
        session.sql(text).createOrReplaceTempView(view)
    return session


@pytest.fixture(scope="session")
def ask() -> Ask:
    """Runs a DataFrame and returns its answer in the form that expected answers have."""
    return lambda frame: Answer(columns_of(frame.schema.jsonValue()), rows_of(frame.toArrow()))


def _with_tables(session: SparkSession, directory: Path) -> SparkSession:
    for path in sorted(directory.glob("*.parquet")):
        session.read.parquet(str(path)).createOrReplaceTempView(path.stem)
    return session
