"""Small queries, one subject each: values, types, names and error conditions as real Spark has them."""

from typing import Any

import pytest
from pyspark.errors import PySparkException
from pyspark.sql.connect.session import SparkSession

from tests.differential import corpus
from tests.differential.compare import check
from tests.differential.conftest import Ask
from tests.differential.expected import ExpectedError, read_many
from tests.differential.known_differences import KNOWN_DIFFERENCES

pytestmark = pytest.mark.differential

# Results of a single expression: only the last bits of library functions such as exp may differ.
DOUBLE_TOLERANCE = 1e-13

# Spark has no public name for these conditions yet; that the query fails is all an engine can be held to.
UNNAMED = "_LEGACY_ERROR_TEMP"

QUERIES = {f"{area}.{name}": text for area in corpus.areas() for name, text in corpus.area(area).items()}
EXPECTED = {
    f"{area}.{name}": answer for area in corpus.areas() for name, answer in read_many("semantics", area).items()
}


def _cases() -> list[Any]:
    return [
        pytest.param(
            query,
            marks=pytest.mark.xfail(reason=KNOWN_DIFFERENCES[query], strict=True) if query in KNOWN_DIFFERENCES else (),
        )
        for query in QUERIES
    ]


@pytest.mark.parametrize("query", _cases())
def test_semantics(query: str, small_tables: SparkSession, ask: Ask) -> None:
    expected = EXPECTED[query]
    if isinstance(expected, ExpectedError):
        with pytest.raises(PySparkException) as raised:
            ask(small_tables.sql(QUERIES[query]))
        if expected.condition.startswith(UNNAMED):
            return
        found = (raised.value.getCondition(), raised.value.getSqlState())
        assert found == (expected.condition, expected.sqlstate), str(raised.value)
    else:
        check(expected, ask(small_tables.sql(QUERIES[query])), double_tolerance=DOUBLE_TOLERANCE)
