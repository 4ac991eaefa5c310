"""DataFrame calls without SQL text (`na`, `stat`, `describe`, ...) answer as real Spark's."""

import pytest
from pyspark.errors import PySparkException
from pyspark.sql.connect.session import SparkSession

from tests.differential.compare import check
from tests.differential.dataframe_cases import CASES, areas, run
from tests.differential.expected import ExpectedError, read_many

pytestmark = pytest.mark.differential

EXPECTED = {f"{area}.{name}": answer for area in areas() for name, answer in read_many("dataframes", area).items()}


@pytest.mark.parametrize("case", CASES)
def test_dataframe(case: str, session: SparkSession) -> None:
    expected = EXPECTED[case]
    if not isinstance(expected, ExpectedError):
        check(expected, run(case, session))
        return
    with pytest.raises(PySparkException) as raised:
        run(case, session)
    if expected.sqlstate:
        found = (raised.value.getCondition(), raised.value.getSqlState())
        assert found == (expected.condition, expected.sqlstate), str(raised.value)
    else:
        assert type(raised.value).__name__ == expected.condition, str(raised.value)
