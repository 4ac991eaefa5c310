"""Reader options that would change the answer are refused by name, with any value but their default."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace_driver.catalog.files import open_files
from headrace_driver.catalog.read_options import check_read_options
from headrace_driver.errors import SparkError
from headrace_driver.plan.logical import ReadFiles

REFUSED = [
    *[
        (name, option, "true")
        for name in ("parquet", "text")
        for option in ("ignorecorruptfiles", "ignoremissingfiles")
    ],
    ("parquet", "datetimerebasemode", "LEGACY"),
    ("parquet", "int96rebasemode", "EXCEPTION"),
    ("csv", "preferdate", "false"),
    ("csv", "enforceschema", "FALSE"),
    ("json", "allowsinglequotes", "false"),
    ("json", "allownonnumericnumbers", "false"),
]


@pytest.mark.parametrize(("name", "option", "value"), REFUSED)
def test_refused_by_name(name: str, option: str, value: str) -> None:
    with pytest.raises(SparkError, match=f"the option {option} = {value} when reading {name}") as raised:
        check_read_options(name, {option: value})
    assert raised.value.error_class == "UNSUPPORTED_FEATURE.HEADRACE"


@pytest.mark.parametrize(
    ("name", "option", "default"),
    [
        ("parquet", "ignorecorruptfiles", "False"),
        ("parquet", "datetimerebasemode", "CORRECTED"),
        ("csv", "preferdate", "true"),
        ("json", "allowsinglequotes", "TRUE"),
        ("text", "anything", "at all"),
    ],
)
def test_defaults_and_unknown_names_are_taken(name: str, option: str, default: str) -> None:
    check_read_options(name, {option: default})


def test_a_read_checks_its_options(tmp_path: Path) -> None:
    path = str(tmp_path / "a.parquet")
    pq.write_table(pa.table({"a": [1]}), path)
    assert open_files(ReadFiles("parquet", (path,), None, {}), {}, "UTC").schema.fields[0].name == "a"
    with pytest.raises(SparkError, match="ignorecorruptfiles"):
        open_files(ReadFiles("parquet", (path,), None, {"ignorecorruptfiles": "true"}), {}, "UTC")
