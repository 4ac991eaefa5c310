"""Conversions that Java's Formatter refuses, in its words (which have no error class in Spark)."""

from __future__ import annotations

import pytest

from headrace_driver.errors import ErrorKind, SparkError
from tests.unit.functions.kernel import run


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("format_string('%.2f', 1.5)", "f != org.apache.spark.sql.types.Decimal"),
        ("format_string('%d', 1.5D)", "d != java.lang.Double"),
        ("format_string('%f', 1)", "f != java.lang.Integer"),
        ("format_string('%d', 'a')", "d != org.apache.spark.unsafe.types.UTF8String"),
        ("printf('%x', true)", "x != java.lang.Boolean"),
    ],
)
def test_a_value_of_another_kind_is_refused(call: str, words: str) -> None:
    with pytest.raises(SparkError) as raised:
        run(f"SELECT {call}")
    assert (raised.value.message, raised.value.kind) == (words, ErrorKind.JAVA_ILLEGAL_ARGUMENT)


def test_values_of_the_right_kind_and_nulls_are_written() -> None:
    assert run("SELECT format_string('%.2f|%d|%d', 1.5D, 3L, NULL)").rows == [["1.50|3|null"]]
