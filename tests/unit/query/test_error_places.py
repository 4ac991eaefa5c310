"""Which place in the user's query an error of its execution is given."""

from __future__ import annotations

import pytest

from headrace_driver.plan import logical as p
from headrace_driver.plan.analysis import analyze
from headrace_driver.query.error_places import place_of
from headrace_driver.sql import parse_statement
from headrace_proto.v1 import common_pb2
from tests.unit.functions.kernel import Session


def place(sql: str, error_class: str, **parameters: str) -> str:
    """The piece of the text that is named."""
    failure = common_pb2.Failure(user_error=common_pb2.UserError(error_class=error_class, parameters=parameters))
    plan = parse_statement(sql)
    assert isinstance(plan, p.LogicalPlan)
    return place_of(failure, analyze(plan, Session())).fragment


@pytest.mark.parametrize(
    ("sql", "error_class", "parameters", "expected"),
    [
        ("SELECT 1 / id + 2 FROM range(3)", "DIVIDE_BY_ZERO", {}, "1 / id"),
        ("SELECT id FROM range(3) WHERE 5 % id = 1", "REMAINDER_BY_ZERO", {}, "5 % id"),
        ("SELECT pmod(5, id), 1 / id FROM range(3)", "REMAINDER_BY_ZERO", {}, "pmod(5, id)"),
        (
            "SELECT cast('x' AS int), cast('1' AS date)",
            "CAST_INVALID_INPUT",
            {"targetType": '"INT"'},
            "cast('x' AS int)",
        ),
        # The cast is coercion's; Spark names what the user wrote.
        ("SELECT 'a' + id FROM range(3)", "CAST_INVALID_INPUT", {"targetType": '"BIGINT"'}, "'a' + id"),
        (
            "SELECT id + 1, id * id FROM range(3)",
            "ARITHMETIC_OVERFLOW",
            {"alternative": " Use 'try_multiply' to tolerate overflow and return NULL instead."},
            "id * id",
        ),
        ("SELECT array(1)[id], 1 / id FROM range(3)", "INVALID_ARRAY_INDEX", {}, "array(1)[id]"),
        (
            "SELECT cast(id AS decimal(3,2)) FROM range(3)",
            "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION",
            {},
            "cast(id AS decimal(3,2))",
        ),
    ],
)
def test_the_only_place_that_can_have_raised_it(
    sql: str, error_class: str, parameters: dict[str, str], expected: str
) -> None:
    assert place(sql, error_class, **parameters) == expected


def test_of_several_places_none_is_named() -> None:
    assert place("SELECT 1 / id, 2 / id FROM range(3)", "DIVIDE_BY_ZERO") == ""
    # Cast from a number: no text is malformed.
    assert place("SELECT cast(id AS int) FROM range(3)", "CAST_INVALID_INPUT", targetType='"INT"') == ""


def test_errors_that_spark_gives_no_context_have_none() -> None:
    assert place("SELECT cast(id AS tinyint) FROM range(3)", "CAST_OVERFLOW") == ""
