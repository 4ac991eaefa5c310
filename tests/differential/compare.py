"""Compare an engine's answer with real Spark's, giving it exactly the freedom that the query leaves and no more.

Column names and Spark types must be equal, so must values; doubles may differ by a relative 1e-9, because another
engine may sum in another order. Rows are compared in the order the query asks for: tie group after tie group, each as
a multiset. Where a top-level LIMIT cuts through a tie group any choice of its rows is right.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from tests.differential.expected import Answer, Column, Expected, Row, Value

DOUBLE_TOLERANCE = 1e-9
_SHOWN_ROWS = 3


class WrongAnswerError(AssertionError):
    """An engine's answer differs from real Spark's."""


def check(expected: Expected, actual: Answer, *, double_tolerance: float = DOUBLE_TOLERANCE) -> None:
    """Raise `WrongAnswerError` with the first difference when `actual` is not a right answer."""
    problem = mismatch(expected, actual, double_tolerance=double_tolerance)
    if problem is not None:
        raise WrongAnswerError(problem)


def mismatch(expected: Expected, actual: Answer, *, double_tolerance: float = DOUBLE_TOLERANCE) -> str | None:
    """The first difference in words, or None when the answer is right."""
    return (
        _schema_mismatch(expected.columns, actual.columns)
        or _count_mismatch(expected, actual)
        or _row_mismatch(expected, actual.rows, double_tolerance)
    )


def type_name(kind: Any) -> str:
    """Spark's type in short, without nullability: `decimal(15,2)`, `array<struct<a:int>>`."""
    match kind:
        case str():
            return _SHORT_NAMES.get(kind, kind)
        case {"type": "array", "elementType": element}:
            return f"array<{type_name(element)}>"
        case {"type": "map", "keyType": key, "valueType": value}:
            return f"map<{type_name(key)},{type_name(value)}>"
        case {"type": "struct", "fields": fields}:
            inside = [f"{field['name']}:{type_name(field['type'])}" for field in fields]
            return f"struct<{','.join(inside)}>"
    raise TypeError(f"not the JSON form of a Spark type: {kind!r}")


_SHORT_NAMES = {"integer": "int", "long": "bigint", "short": "smallint", "byte": "tinyint"}


def _schema_mismatch(expected: Iterable[Column], actual: Iterable[Column]) -> str | None:
    wanted = [(column.name, type_name(column.type)) for column in expected]
    found = [(column.name, type_name(column.type)) for column in actual]
    if [name for name, _ in wanted] != [name for name, _ in found]:
        return f"column names {[name for name, _ in found]}, expected {[name for name, _ in wanted]}"
    for (name, wanted_type), (_, found_type) in zip(wanted, found, strict=True):
        if wanted_type != found_type:
            return f"column {name} is {found_type}, expected {wanted_type}"
    return None


def _count_mismatch(expected: Expected, actual: Answer) -> str | None:
    if len(actual.rows) == expected.row_count:
        return None
    return f"{len(actual.rows)} rows, expected {expected.row_count}; first rows {actual.rows[:_SHOWN_ROWS]}"


def _row_mismatch(expected: Expected, rows: list[Row], double_tolerance: float) -> str | None:
    same_column = [_tolerance(column, double_tolerance) for column in expected.columns]
    start = 0
    for size in expected.groups:
        candidates = expected.rows[start : start + size]
        found = rows[start : start + size]
        surplus, unused = _unmatched(candidates, found, same_column)
        if surplus:
            place = f"row {start + 1}" if size == 1 else f"rows {start + 1} to {start + size} (equal in order)"
            wanted = unused or candidates
            return f"{place}: got {surplus[:_SHOWN_ROWS]}, expected {wanted[:_SHOWN_ROWS]}"
        start += size
    return None


def _tolerance(column: Column, double_tolerance: float) -> float:
    # A float has 24 bits; comparing it as closely as a double would compare noise.
    return max(double_tolerance, 1e-6) if "float" in type_name(column.type) else double_tolerance


def _unmatched(candidates: list[Row], found: list[Row], tolerances: list[float]) -> tuple[list[Row], list[Row]]:
    """Rows of `found` without a partner among `candidates`, and candidates without one, as multisets.

    Rows are first brought together by their exact parts; doubles are compared only within such a bucket.
    """
    buckets: dict[str, list[Row]] = defaultdict(list)
    for row in candidates:
        buckets[_exact_part(row)].append(row)
    surplus = []
    for row in found:
        bucket = buckets.get(_exact_part(row), [])
        partner = next((i for i, other in enumerate(bucket) if _same_row(row, other, tolerances)), None)
        if partner is None:
            surplus.append(row)
        else:
            del bucket[partner]
    return surplus, [row for bucket in buckets.values() for row in bucket]


def _exact_part(row: Row) -> str:
    """Text of a row with every double blanked out, so that rows equal but for rounding share it."""
    return repr(_blank(row))


def _blank(value: Value) -> Value:
    match value:
        case float():
            return "~"
        case list():
            return [_blank(item) for item in value]
        case dict():
            return {key: _blank(item) for key, item in value.items()}
    return value


def _same_row(left: Row, right: Row, tolerances: list[float]) -> bool:
    return all(map(_same_value, left, right, tolerances))


def _same_value(left: Value, right: Value, tolerance: float) -> bool:
    match left, right:
        case float(), float():
            if left == right == 0.0:
                return tolerance > 0 or math.copysign(1, left) == math.copysign(1, right)
            return math.isclose(left, right, rel_tol=tolerance)
        case list(), list():
            return len(left) == len(right) and all(
                _same_value(a, b, tolerance) for a, b in zip(left, right, strict=True)
            )
        case dict(), dict():
            return left.keys() == right.keys() and all(_same_value(left[k], right[k], tolerance) for k in left)
    return type(left) is type(right) and bool(left == right)
