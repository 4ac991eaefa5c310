"""Which files a read means, and the partition columns of their folders: answers are Spark's."""

import os
from pathlib import Path

import pytest

from headrace_driver.catalog.listing import list_files
from headrace_driver.catalog.partitions import NULL_FOLDER, discover
from headrace_driver.errors import SparkError
from headrace_driver.plan import types as t


def _touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def _names(root: Path, *paths: str, **options: str) -> list[str]:
    found = list_files([str(root / path) for path in paths], options)
    return [os.path.relpath(file.path, root) for file in found]


def test_directories_are_listed_without_what_is_hidden(tmp_path: Path) -> None:
    _touch(tmp_path, "b/2", "a/1", "_SUCCESS", ".crc", "_temporary/0/x", "_a=1/y", "c._COPYING_")
    assert _names(tmp_path, "") == ["_a=1/y", "a/1", "b/2"]


def test_globs_and_several_paths(tmp_path: Path) -> None:
    _touch(tmp_path, "2023/1.csv", "2024/1.csv", "2025/1.csv", "2025/2.json", "x.csv")
    assert _names(tmp_path, "202[34]") == ["2023/1.csv", "2024/1.csv"]
    assert _names(tmp_path, "{2023,2025}/*.csv", "x.csv") == ["2023/1.csv", "2025/1.csv", "x.csv"]
    assert _names(tmp_path, "x.csv", "x.csv") == ["x.csv"]
    assert _names(tmp_path, "2025", pathglobfilter="*.{json,xml}") == ["2025/2.json"]


def test_file_uris(tmp_path: Path) -> None:
    _touch(tmp_path, "a b/1")
    for uri in (f"file:{tmp_path}/a b", f"file://{tmp_path}/a%20b", f"file:///{str(tmp_path).lstrip('/')}/a%20b"):
        assert len(list_files([uri], {})) == 1
    with pytest.raises(SparkError, match="s3a://bucket/x"):
        list_files(["s3a://bucket/x"], {})


def test_modification_time(tmp_path: Path) -> None:
    _touch(tmp_path, "old", "new")
    os.utime(tmp_path / "old", (0, 0))
    assert _names(tmp_path, "", modifiedbefore="1970-01-02T00:00:00") == ["old"]
    assert _names(tmp_path, "", modifiedafter="1970-01-02T00:00:00") == ["new"]


@pytest.mark.parametrize("path", ["nope", "nope*"])
def test_missing_paths(tmp_path: Path, path: str) -> None:
    with pytest.raises(SparkError) as raised:
        list_files([str(tmp_path / path)], {})
    assert (raised.value.error_class, raised.value.sql_state) == ("PATH_NOT_FOUND", "42K03")
    assert raised.value.parameters == {"path": f"file:{tmp_path}/{path}"}


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (["1", "2"], "int"),
        (["1", "3000000000"], "bigint"),
        (["1", "99999999999999999999"], "decimal(20,0)"),
        (["1", "1.5"], "double"),
        (["3000000000", "1.5"], "string"),
        (["99999999999999999999", "1.5"], "string"),
        (["1e3"], "decimal(4,0)"),
        (["1d"], "double"),
        (["NaN"], "double"),
        ([" 1"], "double"),
        (["+1"], "int"),
        (["1L"], "string"),
        (["true"], "string"),
        (["2020-01-01", "2020-01-02"], "date"),
        (["2020-01-01", "2020-01-01 10:00:00"], "timestamp"),
        (["2020-01-01", "1"], "string"),
        (["2020-1-1"], "string"),
        (["2020-02-30"], "string"),
        (["2020-01-01T10:00:00"], "string"),
        ([NULL_FOLDER], "void"),
        (["1", NULL_FOLDER], "int"),
    ],
)
def test_types_of_partition_columns(tmp_path: Path, values: list[str], name: str) -> None:
    _touch(tmp_path, *(f"k={value}/f" for value in values))
    found = discover(list_files([str(tmp_path)], {}), infer_types=True)
    assert [(c.name, c.dtype.name) for c in found.columns] == [("k", name)]


def test_values_are_unescaped_and_nulls_known(tmp_path: Path) -> None:
    _touch(tmp_path, "a=1/b=x%2Fy/f", f"a=2/b={NULL_FOLDER}/deeper/g", "stray")
    found = discover(list_files([str(tmp_path)], {}), infer_types=True)
    assert [c.name for c in found.columns] == ["a", "b"]
    # Files outside of the partitions are passed over, as by Spark.
    assert dict(zip((os.path.basename(f.path) for f in found.files), found.values, strict=True)) == {
        "f": ("1", "x/y"),
        "g": ("2", None),
    }


def test_declared_types_count_before_inferred_ones(tmp_path: Path) -> None:
    _touch(tmp_path, "a=1/f")
    listed = list_files([str(tmp_path)], {})
    assert discover(listed, True, [t.StructField("A", t.STRING)]).columns == (t.StructField("A", t.STRING),)
    assert discover(listed, False).columns == (t.StructField("a", t.STRING),)


def test_base_path_and_recursive_lookup(tmp_path: Path) -> None:
    _touch(tmp_path, "a=1/f")
    path = str(tmp_path / "a=1")
    assert discover(list_files([path], {}), True).columns == ()
    assert discover(list_files([path], {"basepath": str(tmp_path)}), True).columns == (t.StructField("a", t.INTEGER),)
    with pytest.raises(SparkError):
        list_files([path], {"basepath": str(tmp_path / "other")})


def test_conflicting_partitions(tmp_path: Path) -> None:
    _touch(tmp_path, "x/a=1/f", "x/b=1/f", "y/a=1/f")
    with pytest.raises(SparkError) as raised:
        discover(list_files([str(tmp_path / "x")], {}), True)
    assert raised.value.error_class == "CONFLICTING_PARTITION_COLUMN_NAMES"
    with pytest.raises(SparkError) as raised:
        discover(list_files([str(tmp_path / "x/a=1/.."), str(tmp_path / "y")], {}), True)
    assert raised.value.error_class == "CONFLICTING_DIRECTORY_STRUCTURES"
