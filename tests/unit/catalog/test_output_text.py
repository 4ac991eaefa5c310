"""Lines of CSV and JSON files, as real Spark has written them for the same rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from headrace_driver.catalog.writes import FileWrite
from headrace_driver.functions import builtin
from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Alias, Attribute, new_id
from headrace_driver.render.expressions import Renderer, column_name

assert builtin, "importing it fills the function registry"

ROWS = """
SELECT * FROM (VALUES
  (1, 'a b', 1.50::DECIMAL(5,2), DATE '2020-01-01', TIMESTAMPTZ '2020-01-01 10:11:12.5+00', true, 1.5::DOUBLE, NULL),
  (2, 'x,"y"\\z', NULL, NULL, NULL, false, 'NaN'::DOUBLE, ''),
  (3, ' pad ', 2.25, DATE '0099-01-01', TIMESTAMPTZ '2020-01-01 00:00:00+00', NULL, 1e20, 'q' || chr(10) || 'r'),
  (4, '#c', 0.00, DATE '2020-01-01', TIMESTAMPTZ '2020-01-01 00:00:00+00', NULL, '-0.0'::DOUBLE, 'null'))
"""
COLUMNS = {
    "i": t.INTEGER,
    "s": t.STRING,
    "d": t.DecimalType(5, 2),
    "dt": t.DATE,
    "ts": t.TIMESTAMP,
    "b": t.BOOLEAN,
    "f": t.DOUBLE,
    "n": t.STRING,
}


def _lines(
    format_name: str, rows: str, columns: Mapping[str, t.DataType], options: dict[str, str], zone: str = "UTC"
) -> list[Any]:
    fields = tuple(t.StructField(name, dtype) for name, dtype in columns.items())
    attributes = tuple(Attribute(f.name, f.dtype, True, new_id()) for f in fields)
    child = lp.LocalData(b"", t.StructType(fields), 0, attributes)
    plan = lp.WriteFiles(child, format_name, str(Path("/nowhere/at/all")), lp.SaveMode.ERROR, (), options)
    query = FileWrite(plan, {"spark.sql.session.timeZone": zone}).query
    assert isinstance(query, lp.Project)
    line = query.columns[0]
    assert isinstance(line, Alias)
    names = ", ".join(column_name(a) for a in attributes)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        text = Renderer(zone).expression(line.child)
        return [row[0] for row in connection.execute(f"SELECT {text} FROM ({rows}) AS t({names})").fetchall()]


def test_csv_lines() -> None:
    assert _lines("csv", ROWS, COLUMNS, {}) == [
        "1,a b,1.50,2020-01-01,2020-01-01T10:11:12.500Z,true,1.5,",
        '2,"x,\\"y\\"\\\\z",,,,false,NaN,""',
        '3,pad,2.25,0099-01-01,2020-01-01T00:00:00.000Z,,1.0E20,"q\nr"',
        "4,#c,0.00,2020-01-01,2020-01-01T00:00:00.000Z,,-0.0,null",
    ]


def test_csv_lines_by_options() -> None:
    options = {"sep": "|", "nullvalue": "NULL", "emptyvalue": "E", "quote": "'", "quoteall": "true"}
    assert _lines("csv", ROWS, COLUMNS, options)[:2] == [
        "'1'|'a b'|'1.50'|'2020-01-01'|'2020-01-01T10:11:12.500Z'|'true'|'1.5'|'NULL'",
        "'2'|'x,\"y\"\\\\z'|'NULL'|'NULL'|'NULL'|'false'|'NaN'|'E'",
    ]
    formats = {"dateformat": "dd.MM.yyyy", "timestampformat": "yyyy-MM-dd HH:mm"}
    assert _lines("csv", ROWS, COLUMNS, formats)[0] == "1,a b,1.50,01.01.2020,2020-01-01 10:11,true,1.5,"


def test_times_are_of_the_sessions_zone() -> None:
    columns = {"ts": t.TIMESTAMP}
    rows = "SELECT TIMESTAMPTZ '2020-07-01 10:00:00+00'"
    assert _lines("csv", rows, columns, {}, "Europe/Vienna") == ["2020-07-01T12:00:00.000+02:00"]
    assert _lines("json", rows, columns, {}, "Europe/Vienna") == ['{"ts":"2020-07-01T12:00:00.000+02:00"}']


def test_json_lines() -> None:
    assert _lines("json", ROWS, COLUMNS, {}) == [
        '{"i":1,"s":"a b","d":1.50,"dt":"2020-01-01","ts":"2020-01-01T10:11:12.500Z","b":true,"f":1.5}',
        '{"i":2,"s":"x,\\"y\\"\\\\z","b":false,"f":"NaN","n":""}',
        '{"i":3,"s":" pad ","d":2.25,"dt":"0099-01-01","ts":"2020-01-01T00:00:00.000Z","f":1.0E20,"n":"q\\nr"}',
        '{"i":4,"s":"#c","d":0.00,"dt":"2020-01-01","ts":"2020-01-01T00:00:00.000Z","f":-0.0,"n":"null"}',
    ]


@pytest.mark.parametrize(
    ("value", "dtype", "shown"),
    [
        ("[1, NULL]", t.ArrayType(t.INTEGER), "[1,null]"),
        ("MAP {'k': 1.5}", t.MapType(t.STRING, t.DecimalType(2, 1)), '{"k":1.5}'),
        (
            "{'x': NULL::VARCHAR, 'y': 'z'}",
            t.StructType((t.StructField("x", t.STRING), t.StructField("y", t.STRING))),
            '{"y":"z"}',
        ),
        ("'AB'::BLOB", t.BINARY, '"QUI="'),
        ("'Infinity'::FLOAT", t.FLOAT, '"Infinity"'),
        ("TIMESTAMP '2020-01-01'", t.TIMESTAMP_NTZ, '"2020-01-01T00:00:00.000"'),
        ("86400000000::BIGINT", t.DayTimeIntervalType(0, 0), "\"INTERVAL '1' DAY\""),
        ("1::INTEGER", t.YearMonthIntervalType(1, 1), "\"INTERVAL '1' MONTH\""),
    ],
)
def test_json_values(value: str, dtype: t.DataType, shown: str) -> None:
    assert _lines("json", f"SELECT {value}", {"a": dtype}, {}) == [f'{{"a":{shown}}}']


def test_json_keeps_nulls_when_told() -> None:
    options = {"ignorenullfields": "false"}
    assert _lines("json", "SELECT NULL::INTEGER, 'x'", {"a": t.INTEGER, "b": t.STRING}, options) == [
        '{"a":null,"b":"x"}'
    ]


def test_characters_that_cannot_be_seen() -> None:
    # What Spark writes for them: without a mark the character 0 stands in its place.
    columns = {"a": t.STRING, "b": t.STRING}
    rows = "SELECT 'x', 'q\"uo,te'"
    assert _lines("csv", rows, columns, {"quote": ""}) == ['x,\0q"uo,te\0']
    assert _lines("csv", rows, columns, {"escape": ""}) == ['x,"q\0"uo,te"']
    assert _lines("csv", rows, columns, {"sep": "\\t"}) == ['x\t"q\\"uo,te"']
    assert _lines("csv", rows, columns, {"sep": "||"}) == ['x||"q\\"uo,te"']
    assert _lines("csv", rows, columns, {"sep": "\\\\"})[0].startswith("x\\")


@pytest.mark.parametrize("format_name", ["csv", "json", "text"])
def test_lines_may_end_as_on_windows(format_name: str) -> None:
    plain = _lines(format_name, "SELECT 'v'", {"a": t.STRING}, {})
    assert _lines(format_name, "SELECT 'v'", {"a": t.STRING}, {"linesep": "\r\n"}) == [plain[0] + "\r"]
