"""CSV and JSON files read as real Spark reads them."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from headrace_driver.catalog.files import open_files
from headrace_driver.errors import SparkError
from headrace_driver.plan.logical import ReadFiles
from headrace_driver.sql import parse_schema
from tests.unit.catalog import questions, scanning


def _ours(question: dict[str, Any], format_name: str, folder: Path) -> tuple[str, list[str]] | None:
    options = {key.lower(): value for key, value in question["options"].items()}
    schema = parse_schema(question["schema"]) if question.get("schema") else None
    paths = tuple(str(folder / name) for name in question["files"])
    try:
        source = open_files(ReadFiles(format_name, paths, schema, options), {}, "UTC")
        return source.schema.name, questions.shown(scanning.rows(source))
    except (SparkError, duckdb.Error) as error:
        if "HR|" in str(error) or isinstance(error, SparkError):
            return None
        raise


# Where we differ, and why.
KNOWN: dict[str, dict[int, str]] = {
    "csv": {
        79: "enforceSchema = false is refused",
        98: "a time without a date is of the current day in Spark, null here",
        99: "likewise",
    },
    "json": {
        5: "Spark overlooks text that follows a complete JSON value",
        8: "a number read as text is written anew: 100.0 for 1e2",
        28: "of several JSON values in one file Spark reads the first",
        31: "objects, arrays and numbers read as text are written anew",
    },
}


@pytest.mark.parametrize("format_name", ["csv", "json"])
def test_files_are_read_as_spark_reads_them(format_name: str, tmp_path: Path) -> None:
    stored = questions.read(format_name)
    questions.write_files(stored["files"], tmp_path)
    differing = {}
    for number, question in enumerate(stored["questions"]):
        expected = None if question.get("error") else (question["type"], question["rows"])
        ours = _ours(question, format_name, tmp_path)
        if ours != expected and number not in KNOWN[format_name]:
            differing[number] = (question["files"], question["options"], question.get("schema"), expected, ours)
    assert differing == {}
