"""Our trees against Spark's, for every question of `questions/`."""

import pytest

from headrace_driver.errors import SparkError
from headrace_driver.sql import parse_expression, parse_statement
from tests.unit.sql import questions, spark_form


def _ours(name: str, text: str) -> str:
    try:
        if name == "statements":
            return questions.normalised(spark_form.plan(parse_statement(text)))
        return questions.normalised(spark_form.expression(parse_expression(text)))
    except SparkError as error:
        return f"! {error.error_class}"


@pytest.mark.parametrize("name", ["expressions", "statements"])
def test_trees_are_sparks(name: str) -> None:
    asked = questions.read(name)
    assert len(asked) > 100
    differing = {q.text: (q.expected, ours) for q in asked if (ours := _ours(name, q.text)) != q.expected}
    assert differing == {}
