"""Counts beyond what a string or an array can have are refused before the kernel makes room for them."""

from __future__ import annotations

import pytest

from headrace_driver.errors import SparkError
from tests.unit.functions.kernel import run

BEYOND = 2_147_483_633
"""One more than the elements of an array."""


@pytest.mark.parametrize(
    "expression",
    [
        "repeat('ab', n)",
        "space(n)",
        "array_repeat('a', n)",
        "lpad('a', n, 'x')",
        "rpad(X'01', n, X'02')",
        "sequence(1, n)",
        "sequence(n, 1, -1)",
        "sequence(-9223372036854775808, 9223372036854775807)",
        "sequence(TIMESTAMP'2000-01-01', TIMESTAMP'2020-01-01', INTERVAL '0.000001' SECOND)",
    ],
)
@pytest.mark.parametrize("rows", [f"(2), ({BEYOND})", f"({BEYOND})"])
def test_count_beyond_an_array(expression: str, rows: str) -> None:
    with pytest.raises(SparkError) as raised:
        run(f"SELECT {expression} FROM VALUES {rows} AS t(n)")
    assert raised.value.error_class == "COLLECTION_SIZE_LIMIT_EXCEEDED.PARAMETER"


def test_constant_count_beyond_an_array() -> None:
    with pytest.raises(SparkError) as raised:
        run(f"SELECT array_repeat(1, {BEYOND})")
    assert raised.value.error_class == "COLLECTION_SIZE_LIMIT_EXCEEDED.PARAMETER"


def test_counts_that_fit() -> None:
    found = run(
        "SELECT repeat('ab', n), space(n), array_repeat('a', n), lpad('a', n, 'x'), rpad('a', n, '') "
        "FROM VALUES (2), (-1), (NULL) AS t(n)"
    )
    assert found.types == ["string", "string", "array<string>", "string", "string"]
    assert found.rows == [["abab", "  ", ["a", "a"], "xa", "a"], ["", "", [], "", ""], [None] * 5]


def test_rows_another_condition_has_decided_are_not_refused() -> None:
    found = run(f"SELECT n FROM VALUES (1), ({BEYOND}) AS t(n) WHERE lpad('a', n, 'x') = 'a' AND n < 10")
    assert found.rows == [[1]]


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("make_date(CAST(x AS INT), 1, 1)", [[{"date": "2020-01-01"}]]),
        ("try_url_decode(concat(x, raised))", [["2020+"]]),
        ("try_to_binary(concat(x, CAST(CAST(x AS INT) AS STRING)), 'base64')", [[{"hex": "db4db4db4db4"}]]),
    ],
)
def test_arguments_that_may_raise(expression: str, answer: list[list[object]]) -> None:
    raised = "CASE WHEN x = '' THEN raise_error('none') ELSE '%2B' END"
    text = expression.replace("raised", raised)
    assert run(f"SELECT {text} FROM VALUES ('2020') AS t(x)").rows == answer


def test_what_the_argument_of_make_date_raises_is_not_hidden() -> None:
    with pytest.raises(SparkError) as raised:
        run("SELECT make_date(CAST(x AS INT), 1, 1) FROM VALUES ('a') AS t(x)")
    assert raised.value.error_class == "CAST_INVALID_INPUT"
