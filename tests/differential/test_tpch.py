"""Every TPC-H query answers as real Spark does."""

import pytest
from pyspark.sql.connect.session import SparkSession

from tests.differential import corpus
from tests.differential.compare import check
from tests.differential.conftest import Ask
from tests.differential.expected import Expected, read

pytestmark = pytest.mark.differential

QUERIES = corpus.suite("tpch")


@pytest.mark.parametrize("query", QUERIES)
def test_tpch(query: str, tpch: SparkSession, ask: Ask) -> None:
    expected = read("tpch", query)
    assert isinstance(expected, Expected)
    check(expected, ask(tpch.sql(QUERIES[query])))
