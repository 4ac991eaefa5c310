"""Large and deeply nested texts: an answer or a clear error, in reasonable time, never a crash."""

import sys
import threading
from collections.abc import Callable

import pytest

from headrace_driver.errors import SparkError
from headrace_driver.plan import expressions as e
from headrace_driver.plan import logical as p
from headrace_driver.sql import parse_expression, parse_statement


def _with_deep_stack(work: Callable[[], object]) -> object:
    """Runs as the driver does: a thread with a large stack and a high recursion limit."""
    found: list[object] = []

    def run() -> None:
        try:
            found.append(work())
        except Exception as error:  # noqa: BLE001 - handed to the caller
            found.append(error)

    limit, size = sys.getrecursionlimit(), threading.stack_size(256 << 20)
    sys.setrecursionlimit(50_000)
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(limit)
        threading.stack_size(size)
    if isinstance(found[0], Exception):
        raise found[0]
    return found[0]


def _depth(expression: e.Expression) -> int:
    deepest, stack = 0, [(expression, 1)]
    while stack:
        current, depth = stack.pop()
        deepest = max(deepest, depth)
        stack += [(child, depth + 1) for child in current.children()]
    return deepest


def test_long_chain_of_and_is_a_shallow_tree() -> None:
    condition = parse_expression(" AND ".join(f"column_{i} = {i}" for i in range(20_000)))
    assert _depth(condition) < 20
    assert sum(isinstance(x, e.UnresolvedAttribute) for x in e.walk(condition)) == 20_000


def test_five_megabytes_of_list() -> None:
    values = ", ".join(f"'{i:08}'" for i in range(400_000))
    text = f"SELECT * FROM t WHERE a IN ({values})"
    assert len(text) > 4_500_000
    plan = parse_statement(text)
    assert isinstance(plan, p.UnresolvedProject)
    assert isinstance(plan.child, p.Filter)
    assert len(plan.child.condition.children()) == 400_001


def test_long_union_is_a_shallow_tree_in_order() -> None:
    plan = parse_statement(" UNION ALL ".join(f"SELECT {i}" for i in range(5_000)))

    def depth(node: p.LogicalPlan) -> int:
        return 1 + max((depth(child) for child in node.inputs()), default=0)

    assert depth(plan) < 20
    projections = [node for node in p.walk(plan) if isinstance(node, p.UnresolvedProject)]
    values = [column.value for node in projections for column in node.columns if isinstance(column, e.Literal)]
    assert values == list(range(5_000))


@pytest.mark.parametrize(
    "text",
    [
        "SELECT " + "(" * 100_000 + "1" + ")" * 100_000,
        "SELECT " + "(" * 1_000_000,
        "SELECT " + "f(" * 20_000 + "1" + ")" * 20_000,
        "SELECT " + "trim(" * 20_000 + "x" + ")" * 20_000,
        "SELECT " + "(SELECT " * 10_000 + "1" + ")" * 10_000,
        "SELECT * FROM " + "(SELECT * FROM " * 10_000 + "t" + ")" * 10_000,
        "SELECT " + "CASE WHEN a THEN " * 10_000 + "1" + " END" * 10_000,
        "SELECT " + "1 + " * 100_000 + "1",
        "SELECT " + "- " * 100_000 + "x",
        "SELECT " + "NOT " * 100_000 + "x",
        "SELECT x" + "[1]" * 100_000,
        "SELECT CAST(x AS " + "ARRAY<" * 10_000 + "INT" + ">" * 10_000 + ")",
        "SELECT 1 " + "EXCEPT SELECT 1 " * 10_000,
        "EXPLAIN " * 10_000 + "SELECT 1",
        "SELECT * FROM t " + "JOIN t " * 10_000,
    ],
    ids=lambda text: text[:20],
)
def test_too_deep_is_said(text: str) -> None:
    with pytest.raises(SparkError) as raised:
        _with_deep_stack(lambda: parse_statement(text))
    assert raised.value.error_class == "FAILED_TO_PARSE_TOO_COMPLEX"


def test_nesting_within_the_bound_parses() -> None:
    for text in (
        "(" * 900 + "x" + ")" * 900,
        "trim(" * 900 + "x" + ")" * 900,
        "- " * 4_000 + "x",
        "x + " * 4_000 + "x",
    ):
        assert _with_deep_stack(lambda text=text: parse_expression(text)) is not None  # type: ignore[misc]


def test_small_stack_ends_in_an_error_not_a_crash() -> None:
    before = sys.getrecursionlimit()
    # Other tests of the same process may have raised it.
    sys.setrecursionlimit(1_000)
    try:
        with pytest.raises(SparkError) as raised:
            parse_expression("(" * 950 + "x" + ")" * 950)
    finally:
        sys.setrecursionlimit(before)
    assert raised.value.error_class == "FAILED_TO_PARSE_TOO_COMPLEX"
