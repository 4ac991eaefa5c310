"""`${key}` in SQL text, as Spark replaces it."""

from __future__ import annotations

import pytest

from headrace_driver.connect.conf import SessionConf
from headrace_driver.connect.conversion import SessionSql
from headrace_driver.errors import SparkError
from headrace_driver.plan import expressions as e
from headrace_driver.plan import types as t
from headrace_driver.sql.variables import substituted

_SET = {"foo.bar": "1", "outer": "<${foo.bar}>", "one": "${two}", "two": "${one}"}


def _conf(**more: str) -> SessionConf:
    return SessionConf(None, {**_SET, **more})


def _substituted(text: str, conf: SessionConf) -> str:
    return substituted(text, conf.mapping, conf.get_option)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT '${foo.bar}'", "SELECT '1'"),
        ("${foo.bar} + ${hiveconf:foo.bar} + ${spark:foo.bar}", "1 + 1 + 1"),
        ("'${spark.sql.shuffle.partitions}'", "'200'"),
        ("'${nosuch}'", "''"),
        ("'${nosuch:x}'", "'${nosuch:x}'"),
        ("${outer}", "<1>"),
        ("SELECT '$foo {bar}'", "SELECT '$foo {bar}'"),
    ],
)
def test_replaced(text: str, expected: str) -> None:
    assert _substituted(text, _conf()) == expected


def test_turned_off() -> None:
    assert _substituted("'${foo.bar}'", _conf(**{"spark.sql.variable.substitute": "false"})) == "'${foo.bar}'"


@pytest.mark.parametrize(("text", "said"), [("${one}", "Circular reference"), ("${env:HOME}", "env:HOME")])
def test_refused(text: str, said: str) -> None:
    with pytest.raises(SparkError, match=said):
        _substituted(text, _conf())


def test_expressions_are_texts_too() -> None:
    assert SessionSql("UTC", _conf()).parse_expression("${foo.bar}") == e.Literal(1, t.INTEGER)
