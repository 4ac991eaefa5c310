"""What a statement's clauses say is done, or refused with Spark's error: nothing is read over."""

from __future__ import annotations

import pytest

from headrace_driver.errors import SparkError
from headrace_driver.plan import logical as p
from headrace_driver.plan.analysis import analyze
from headrace_driver.sql import parse_statement
from tests.unit.analysis.session import FakeSession


def _analyzed(text: str) -> p.LogicalPlan:
    return analyze(parse_statement(text), FakeSession({"t": "id BIGINT"}))


def test_comments_of_a_views_columns_are_kept() -> None:
    view = _analyzed("CREATE TEMP VIEW v (a COMMENT 'it''s a', b) COMMENT 'of no use' AS SELECT 1, 2")
    assert isinstance(view, p.CreateView)
    assert [(c.name, c.metadata) for c in view.child.output] == [("a", '{"comment": "it\'s a"}'), ("b", "")]


@pytest.mark.parametrize(
    ("text", "error_class"),
    [
        ("CREATE TEMP VIEW v (a, A) AS SELECT 1, 2", "COLUMN_ALREADY_EXISTS"),
        ("CREATE TEMP VIEW v TBLPROPERTIES ('a' = 'b') AS SELECT 1", "_LEGACY_ERROR_TEMP_0035"),
        ("CREATE TEMP VIEW v COMMENT 'x' COMMENT 'y' AS SELECT 1", "DUPLICATE_CLAUSES"),
        (
            "CREATE TEMP VIEW v WITH SCHEMA BINDING AS SELECT 1",
            "UNSUPPORTED_FEATURE.TEMPORARY_VIEW_WITH_SCHEMA_BINDING_MODE",
        ),
        ("CREATE TEMP VIEW v (x INT) AS SELECT 1", "PARSE_SYNTAX_ERROR"),
        ("DROP VIEW v PURGE", "PARSE_SYNTAX_ERROR"),
        ("INSERT OVERWRITE DIRECTORY '/a' USING csv OPTIONS (path '/b') SELECT 1", "_LEGACY_ERROR_TEMP_0049"),
        ("INSERT OVERWRITE DIRECTORY USING csv SELECT 1", "_LEGACY_ERROR_TEMP_0049"),
        ("SELECT * FROM t TABLESAMPLE ()", "_LEGACY_ERROR_TEMP_0014"),
        ("SELECT * FROM t TABLESAMPLE (101 PERCENT)", "_LEGACY_ERROR_TEMP_0064"),
        ("SELECT * FROM t TABLESAMPLE (BUCKET 3 OUT OF 2)", "_LEGACY_ERROR_TEMP_0064"),
        ("SELECT * FROM t TABLESAMPLE (BUCKET 1 OUT OF 0)", "_LEGACY_ERROR_TEMP_0064"),
        ("SELECT * FROM t TABLESAMPLE (BUCKET 1 OUT OF 2 ON id)", "UNSUPPORTED_FEATURE.HEADRACE"),
        ("SELECT * FROM t TABLESAMPLE (10M)", "UNSUPPORTED_FEATURE.HEADRACE"),
        ("SELECT * FROM t TABLESAMPLE (1.5 ROWS)", "INVALID_LIMIT_LIKE_EXPRESSION.DATA_TYPE"),
        ("SELECT * FROM t TABLESAMPLE (50 PERCENT) REPEATABLE (1.5)", "PARSE_SYNTAX_ERROR"),
        ("SELECT * FROM range(2) WITH (foo = 'bar')", "PARSE_SYNTAX_ERROR"),
    ],
)
def test_refused(text: str, error_class: str) -> None:
    with pytest.raises(SparkError) as raised:
        _analyzed(text)
    assert raised.value.error_class == error_class


def test_samples() -> None:
    rows = parse_statement("SELECT * FROM t TABLESAMPLE (5 ROWS) REPEATABLE (3)")
    assert [type(node) for node in p.walk(rows)][1] is p.Limit
    (sample,) = [n for n in p.walk(parse_statement("SELECT * FROM t TABLESAMPLE (BUCKET 1 OUT OF 4)")) if _is_sample(n)]
    assert isinstance(sample, p.Sample)
    assert (sample.lower, sample.upper) == (0.0, 0.25)
    (sample,) = [
        n for n in p.walk(parse_statement("SELECT * FROM t TABLESAMPLE (5 PERCENT) REPEATABLE (3)")) if _is_sample(n)
    ]
    assert isinstance(sample, p.Sample)
    assert sample.seed == 3


def _is_sample(node: p.LogicalPlan) -> bool:
    return isinstance(node, p.Sample)
