"""The comparison of answers accepts what a query leaves open and rejects every wrong answer."""

import datetime
import json
from decimal import Decimal

import pyarrow as pa
import pytest

from tests.differential.compare import WrongAnswerError, check, mismatch, type_name
from tests.differential.expected import (
    Answer,
    Column,
    Expected,
    ExpectedError,
    Row,
    dumps,
    from_json,
    plain,
    rows_of,
    tie_groups,
    to_json,
)

COLUMNS = (Column("k", "long", True), Column("v", "double", True))


def ordered(rows: list[Row], limit: int | None = None) -> Expected:
    """An answer sorted by its first column."""
    return Expected(COLUMNS, rows, tie_groups([row[:1] for row in rows]), limit)


def unordered(rows: list[Row], limit: int | None = None) -> Expected:
    """An answer of a query without ORDER BY."""
    return Expected(COLUMNS, rows, (len(rows),), limit)


@pytest.mark.parametrize(
    ("expected", "rows"),
    [
        pytest.param(ordered([[1, 0.5], [2, 0.5]]), [[1, 0.5], [2, 0.5]], id="same"),
        pytest.param(ordered([]), [], id="empty"),
        pytest.param(ordered([[1, 0.1 + 0.2]]), [[1, 0.3]], id="rounding"),
        pytest.param(ordered([[1, 1.0], [1, 2.0], [2, 0.0]]), [[1, 2.0], [1, 1.0], [2, 0.0]], id="ties swap"),
        pytest.param(unordered([[1, 1.0], [2, 2.0]]), [[2, 2.0], [1, 1.0]], id="no order"),
        pytest.param(ordered([[1, 1.0], [2, 2.0], [2, 3.0]], 2), [[1, 1.0], [2, 3.0]], id="either tie at the limit"),
        pytest.param(unordered([[1, 1.0], [2, 2.0], [3, 3.0]], 1), [[3, 3.0]], id="limit without order"),
        pytest.param(ordered([[1, "NaN"], [2, None]]), [[1, "NaN"], [2, None]], id="NaN and null"),
        pytest.param(ordered([[1, 0.0]]), [[1, -0.0]], id="sign of zero within a tolerance"),
    ],
)
def test_accepts(expected: Expected, rows: list[Row]) -> None:
    check(expected, Answer(COLUMNS, rows))


@pytest.mark.parametrize(
    ("expected", "rows"),
    [
        pytest.param(ordered([[1, 0.5]]), [[2, 0.5]], id="value"),
        pytest.param(ordered([[1, 0.5]]), [[1, 0.5000001]], id="double beyond rounding"),
        pytest.param(ordered([[1, 0.5]]), [], id="row missing"),
        pytest.param(ordered([[1, 0.5]]), [[1, 0.5], [1, 0.5]], id="row too many"),
        pytest.param(ordered([[1, 0.5], [2, 0.5]]), [[2, 0.5], [1, 0.5]], id="order"),
        pytest.param(unordered([[1, 1.0], [1, 1.0], [2, 2.0]]), [[1, 1.0], [2, 2.0], [2, 2.0]], id="multiplicity"),
        pytest.param(ordered([[1, 1.0], [2, 2.0], [2, 3.0]], 2), [[1, 1.0], [2, 4.0]], id="not a tie at the limit"),
        pytest.param(ordered([[1, 1.0], [2, 2.0], [2, 3.0]], 2), [[2, 2.0], [2, 3.0]], id="first group left out"),
        pytest.param(ordered([[1, 1.0], [2, 2.0], [2, 3.0]], 2), [[1, 1.0]], id="fewer rows than the limit"),
        pytest.param(ordered([[1, None]]), [[1, 0.0]], id="null"),
        pytest.param(ordered([[1, None]]), [[1, "NaN"]], id="null is not NaN"),
        pytest.param(ordered([[1, 1.0]]), [[1, 1]], id="integer for double"),
        pytest.param(ordered([[1, 1.0]]), [[True, 1.0]], id="boolean for integer"),
    ],
)
def test_rejects(expected: Expected, rows: list[Row]) -> None:
    with pytest.raises(WrongAnswerError):
        check(expected, Answer(COLUMNS, rows))


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param((Column("K", "long", True), COLUMNS[1]), id="name"),
        pytest.param((Column("k", "integer", True), COLUMNS[1]), id="type"),
        pytest.param(COLUMNS[:1], id="missing column"),
        pytest.param(COLUMNS[::-1], id="column order"),
    ],
)
def test_rejects_schema(columns: tuple[Column, ...]) -> None:
    assert mismatch(ordered([]), Answer(columns, [])) is not None


def test_nullability_is_stored_but_not_compared() -> None:
    columns = tuple(Column(column.name, column.type, False) for column in COLUMNS)
    assert mismatch(ordered([[1, 1.0]]), Answer(columns, [[1, 1.0]])) is None


def test_decimals_strings_and_dates_are_exact() -> None:
    columns = (Column("d", "decimal(5,2)", True), Column("s", "string", True), Column("t", "date", True))
    expected = Expected(columns, [["1.50", "a", "2020-01-01"]], (1,), None)
    assert mismatch(expected, Answer(columns, [["1.50", "a", "2020-01-01"]])) is None
    for wrong in (["1.5", "a", "2020-01-01"], ["1.50", "a ", "2020-01-01"], ["1.50", "a", "2020-01-02"]):
        assert mismatch(expected, Answer(columns, [wrong])) is not None


def test_zero_tolerance_tells_zeros_apart() -> None:
    assert mismatch(ordered([[1, 0.0]]), Answer(COLUMNS, [[1, -0.0]]), double_tolerance=0) is not None
    assert mismatch(ordered([[1, -0.0]]), Answer(COLUMNS, [[1, -0.0]]), double_tolerance=0) is None


def test_doubles_inside_nested_values_are_compared_with_tolerance() -> None:
    columns = (Column("a", {"type": "array", "elementType": "double", "containsNull": True}, True),)
    expected = Expected(columns, [[[0.1 + 0.2, None]]], (1,), None)
    assert mismatch(expected, Answer(columns, [[[0.3, None]]])) is None
    assert mismatch(expected, Answer(columns, [[[0.3, 0.0]]])) is not None
    assert mismatch(expected, Answer(columns, [[[0.3]]])) is not None


def test_type_names() -> None:
    nested = {"type": "struct", "fields": [{"name": "a", "type": "integer"}, {"name": "b", "type": "decimal(3,1)"}]}
    assert type_name({"type": "map", "keyType": "string", "valueType": nested}) == (
        "map<string,struct<a:int,b:decimal(3,1)>>"
    )
    assert type_name({"type": "array", "elementType": "long", "containsNull": True}) == "array<bigint>"


def test_tie_groups_treat_rounding_as_a_tie() -> None:
    assert tie_groups([[0.3], [0.1 + 0.2], [0.4], [None], [None]]) == (2, 1, 2)
    assert tie_groups([]) == ()


def test_rows_of_keeps_every_value_exactly() -> None:
    utc = datetime.UTC
    table = pa.table(
        {
            "decimal": pa.array([Decimal("0.0000001")], pa.decimal128(20, 7)),
            "timestamp": pa.array([datetime.datetime(2020, 1, 2, 3, 4, 5, 6, utc)], pa.timestamp("us", "UTC")),
            "interval": pa.array([datetime.timedelta(days=1, microseconds=1)], pa.duration("us")),
            "binary": pa.array([b"\x00\xff"]),
            "map": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
        }
    )
    assert rows_of(table) == [
        ["0.0000001", "2020-01-02 03:04:05.000006+00:00", 86_400_000_001, "00ff", [["a", 1]]],
    ]


@pytest.mark.parametrize(("value", "stored"), [(float("nan"), "NaN"), (float("-inf"), "-Infinity"), (-0.0, -0.0)])
def test_special_doubles(value: float, stored: object) -> None:
    assert repr(plain(value)) == repr(stored)


@pytest.mark.parametrize(
    "answer",
    [
        ordered([[1, 1.0], [2, 2.5]]),
        ordered([[1, 1.0], [1, 2.0], [2, 2.5]], 2),
        unordered([[1, 1.0], [1, 2.0]]),
        ordered([]),
        ExpectedError("DIVIDE_BY_ZERO", "22012"),
    ],
)
def test_stored_form_round_trips(answer: Expected | ExpectedError) -> None:
    assert from_json(json.loads(dumps(to_json(answer)))) == answer
