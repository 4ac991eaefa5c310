"""The stored answers are complete, and the comparison tells each of them from a spoilt copy."""

import pytest

from tests.differential import corpus
from tests.differential.compare import mismatch
from tests.differential.expected import EXPECTED_ROOT, Answer, Expected, ExpectedError, Value, read, read_many

SUITES = {"tpch": 22, "tpcds": 99}
QUERIES = [(suite, query) for suite in SUITES for query in corpus.suite(suite)]


@pytest.mark.parametrize(("suite", "count"), SUITES.items())
def test_every_query_has_an_answer_and_every_answer_a_query(suite: str, count: int) -> None:
    queries = set(corpus.suite(suite))
    assert len(queries) == count
    assert {path.name.split(".")[0] for path in (EXPECTED_ROOT / suite).iterdir()} == queries


@pytest.mark.parametrize("area", corpus.areas())
def test_every_small_query_has_an_answer(area: str) -> None:
    assert set(read_many("semantics", area)) == set(corpus.area(area))


def test_errors_have_a_sqlstate() -> None:
    answers = [answer for area in corpus.areas() for answer in read_many("semantics", area).values()]
    errors = [answer for answer in answers if isinstance(answer, ExpectedError)]
    unnamed = [error for error in errors if error.condition.startswith("_LEGACY")]
    assert all(error.sqlstate for error in errors if error not in unnamed)
    assert len(unnamed) < len(errors) / 20


@pytest.mark.parametrize(("suite", "query"), QUERIES)
def test_spoilt_answers_are_rejected(suite: str, query: str) -> None:
    expected = read(suite, query)
    assert isinstance(expected, Expected)
    rows = expected.rows[: expected.row_count]
    assert mismatch(expected, Answer(expected.columns, rows)) is None
    assert mismatch(expected, Answer(expected.columns[1:], [row[1:] for row in rows])) is not None
    if not rows:
        assert mismatch(expected, Answer(expected.columns, [[None] * len(expected.columns)])) is not None
        return
    assert mismatch(expected, Answer(expected.columns, rows[:-1])) is not None
    spoilt = [_spoilt(rows[0][0]), *rows[0][1:]]
    assert mismatch(expected, Answer(expected.columns, [spoilt, *rows[1:]])) is not None


def _spoilt(value: Value) -> Value:
    """A value that no right answer has in this place."""
    return "never an answer" if value is None or isinstance(value, str) else value + 1_000_000_007
