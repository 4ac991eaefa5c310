"""Every TPC-H and TPC-DS query has the columns that real Spark gives it."""

import json
from typing import Any

import pytest

from headrace_driver.plan import types as t
from headrace_driver.plan.analysis import analyze
from headrace_driver.sql import parse_statement
from tests.differential import corpus
from tests.differential.expected import Expected, read
from tests.unit.analysis.session import TPC, FakeSession

_JSON_NAMES = {"int": "integer", "bigint": "long", "smallint": "short", "tinyint": "byte"}


def json_type(dtype: t.DataType) -> Any:
    """Spark's JSON form of a type."""
    if isinstance(dtype, t.ArrayType):
        return {"type": "array", "elementType": json_type(dtype.element), "containsNull": dtype.contains_null}
    return _JSON_NAMES.get(dtype.name, dtype.name)


@pytest.mark.parametrize("suite", ["tpch", "tpcds"])
def test_schemas(suite: str) -> None:
    session = FakeSession(TPC[suite])
    wrong: list[str] = []
    queries = corpus.suite(suite)
    assert len(queries) in (22, 99)
    for name, text in queries.items():
        plan = analyze(parse_statement(text.rstrip().rstrip(";")), session)
        got = [(a.name, json_type(a.type), a.null) for a in plan.output]
        answer = read(suite, name)
        assert isinstance(answer, Expected)
        want = [(c.name, c.type, c.nullable) for c in answer.columns]
        if got != want:
            wrong.append(f"{name}: {json.dumps([(g, w) for g, w in zip(got, want, strict=False) if g != w])}")
    assert not wrong
