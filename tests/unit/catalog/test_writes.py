"""Writes: what tasks are told, and a commit that shows all of it or nothing."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from headrace_driver.catalog.files import open_files
from headrace_driver.catalog.output_options import rows_per_file
from headrace_driver.catalog.writes import FileWrite
from headrace_driver.errors import SparkError
from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Attribute, new_id
from headrace_driver.plan.stage import StageStats
from headrace_proto.v1 import task_pb2


def _child(**columns: t.DataType) -> lp.LogicalPlan:
    fields = tuple(t.StructField(name, dtype) for name, dtype in columns.items())
    attributes = tuple(Attribute(f.name, f.dtype, True, new_id()) for f in fields)
    return lp.LocalData(b"", t.StructType(fields), 0, attributes)


def _write(
    target: Path,
    mode: lp.SaveMode = lp.SaveMode.ERROR,
    *,
    format_name: str = "parquet",
    partition_by: tuple[str, ...] = (),
    conf: dict[str, str] | None = None,
    child: lp.LogicalPlan | None = None,
    **options: str,
) -> FileWrite:
    child = child or (_child(a=t.STRING) if format_name == "text" else _child(a=t.INTEGER, k=t.STRING))
    return FileWrite(lp.WriteFiles(child, format_name, str(target), mode, partition_by, options), conf or {})


def _stage(write: FileWrite, *names: str) -> StageStats:
    """As if tasks had written those files; a file of a failed attempt lies there too."""
    staging = Path(write.output().staging)
    for name in (*names, "part-failed-attempt"):
        (staging / name).parent.mkdir(parents=True, exist_ok=True)
        (staging / name).write_text(name)
    return StageStats(0, 0, 0, (), files=[task_pb2.WrittenFile(path=name) for name in names])


def _tree(root: Path) -> dict[str, str]:
    return {str(p.relative_to(root)): p.read_text() for p in sorted(root.rglob("*")) if p.is_file()}


def _commit(write: FileWrite, stats: StageStats) -> None:
    asyncio.run(write.commit(asyncio.run(write.moves(stats))))


def test_commit_shows_the_committed_attempts_files_only(tmp_path: Path) -> None:
    target = tmp_path / "new" / "table"
    write = _write(target, partition_by=("k",))
    stats = _stage(write, "k=1/part-0", "k=2/part-0")
    # Until the commit there is nothing a reader would take for data.
    with pytest.raises(SparkError, match="UNABLE_TO_INFER_SCHEMA"):
        open_files(lp.ReadFiles("parquet", (str(target),)), {}, "UTC")
    _commit(write, stats)
    assert _tree(target) == {"_SUCCESS": "", "k=1/part-0": "k=1/part-0", "k=2/part-0": "k=2/part-0"}


def test_abort_leaves_nothing(tmp_path: Path) -> None:
    write = _write(tmp_path / "table")
    _stage(write, "part-0")
    asyncio.run(write.abort())
    assert list(tmp_path.iterdir()) == []


def test_existing_target_by_mode(tmp_path: Path) -> None:
    target = tmp_path / "table"
    target.mkdir()
    (target / "old").write_text("old")
    with pytest.raises(SparkError) as raised:
        _write(target)
    assert (raised.value.error_class, raised.value.sql_state) == ("PATH_ALREADY_EXISTS", "42K04")
    assert raised.value.parameters == {"outputPath": f"file:{target}"}
    ignored = _write(target, lp.SaveMode.IGNORE)
    assert ignored.skipped
    _commit(ignored, _stage(ignored, "part-0"))
    assert _tree(target) == {"old": "old"}
    appended = _write(target, lp.SaveMode.APPEND)
    _commit(appended, _stage(appended, "part-1"))
    assert _tree(target) == {"_SUCCESS": "", "old": "old", "part-1": "part-1"}
    replaced = _write(target, lp.SaveMode.OVERWRITE)
    _commit(replaced, _stage(replaced, "part-2"))
    assert _tree(target) == {"_SUCCESS": "", "part-2": "part-2"}


def test_overwriting_a_file_by_a_directory(tmp_path: Path) -> None:
    (tmp_path / "table").write_text("a file")
    write = _write(tmp_path / "table", lp.SaveMode.OVERWRITE)
    _commit(write, _stage(write, "part-0"))
    assert _tree(tmp_path / "table") == {"_SUCCESS": "", "part-0": "part-0"}
    assert [p.name for p in tmp_path.iterdir()] == ["table"]


def test_dynamic_overwrite_replaces_the_partitions_written(tmp_path: Path) -> None:
    for name in ("k=1/old", "k=2/old"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("old")
    conf = {"spark.sql.sources.partitionOverwriteMode": "dynamic"}
    write = _write(tmp_path, lp.SaveMode.OVERWRITE, partition_by=("k",), conf=conf)
    _commit(write, _stage(write, "k=2/part-0", "k=3/part-0"))
    assert _tree(tmp_path) == {
        "_SUCCESS": "",
        "k=1/old": "old",
        "k=2/part-0": "k=2/part-0",
        "k=3/part-0": "k=3/part-0",
    }


def test_a_commit_that_fails_is_undone(tmp_path: Path) -> None:
    target = tmp_path / "table"
    target.mkdir()
    (target / "old").write_text("old")
    write = _write(target, lp.SaveMode.OVERWRITE)
    stats = _stage(write, "part-0")
    lost = StageStats(0, 0, 0, (), files=[*stats.files, task_pb2.WrittenFile(path="part-lost")])
    with pytest.raises(SparkError, match="part-lost"):
        _commit(write, lost)
    assert _tree(target) == {"old": "old"}


def test_overwriting_what_is_read(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": [1]}), tmp_path / "f")
    source = open_files(lp.ReadFiles("parquet", (str(tmp_path),)), {}, "UTC")
    scan = lp.Scan(source, (Attribute("a", t.LONG, True, new_id()),))
    with pytest.raises(SparkError) as raised:
        _write(tmp_path, lp.SaveMode.OVERWRITE, child=scan)
    assert raised.value.error_class == "UNSUPPORTED_OVERWRITE.PATH"
    _write(tmp_path, lp.SaveMode.APPEND, child=scan)


@pytest.mark.parametrize(
    ("codec", "extension"),
    [(None, ".snappy.parquet"), ("none", ".parquet"), ("GZIP", ".gz.parquet"), ("zstd", ".zstd.parquet")],
)
def test_parquet_output(tmp_path: Path, codec: str | None, extension: str) -> None:
    options: dict[str, Any] = {} if codec is None else {"compression": codec}
    output = _write(tmp_path / "t", partition_by=("K",), maxrecordsperfile="5", **options).output()
    assert (output.format, output.extension, list(output.partition_by)) == ("parquet", extension, ["k"])
    assert output.max_rows_per_file == 5
    assert str(tmp_path / "t") in output.staging
    schema = json.loads(output.copy_options.split("row.metadata': '")[1].removesuffix("'}"))
    assert [f["name"] for f in schema["fields"]] == ["a"]


def test_text_formats_are_one_column_of_lines(tmp_path: Path) -> None:
    write = _write(tmp_path / "t", format_name="csv", header="true", sep="|", compression="gzip")
    assert write.output().extension == ".csv.gz"
    assert [a.name for a in write.query.output] == ["a|k"]
    assert [a.name for a in _write(tmp_path / "t", format_name="json", partition_by=("k",)).query.output] == [
        "line",
        "k",
    ]


@pytest.mark.parametrize(
    ("format_name", "column", "error_class"),
    [
        ("csv", t.ArrayType(t.INTEGER), "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE"),
        ("text", t.INTEGER, "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE"),
        ("parquet", t.CALENDAR_INTERVAL, "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE"),
        ("parquet", t.StructType(()), "EMPTY_SCHEMA_NOT_SUPPORTED_FOR_DATASOURCE"),
        ("orc", t.INTEGER, "UNSUPPORTED_FEATURE.HEADRACE"),
    ],
)
def test_what_a_format_cannot_hold(tmp_path: Path, format_name: str, column: t.DataType, error_class: str) -> None:
    with pytest.raises(SparkError) as raised:
        _write(tmp_path / "t", format_name=format_name, child=_child(a=column))
    assert raised.value.error_class == error_class
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("format_name", "options", "error_class"),
    [
        ("parquet", {"compression": "foo"}, "CODEC_NOT_AVAILABLE.WITH_AVAILABLE_CODECS_SUGGESTION"),
        ("csv", {"compression": "bzip2"}, "UNSUPPORTED_FEATURE.HEADRACE"),
        ("csv", {"encoding": "UTF-16"}, "UNSUPPORTED_FEATURE.HEADRACE"),
        ("json", {"pretty": "true"}, "UNSUPPORTED_FEATURE.HEADRACE"),
        ("json", {"writenonasciicharacterascodepoint": "true"}, "UNSUPPORTED_FEATURE.HEADRACE"),
        ("json", {"ignorenullfields": "x"}, ""),
        ("json", {"allowcomments": "x"}, ""),
        ("csv", {"linesep": "|"}, "UNSUPPORTED_FEATURE.HEADRACE"),
        ("csv", {"linesep": ""}, ""),
        ("csv", {"linesep": "abc"}, ""),
        ("csv", {"comment": "#"}, "UNSUPPORTED_FEATURE.HEADRACE"),
        ("csv", {"header": "maybe"}, "_LEGACY_ERROR_TEMP_2147"),
        ("csv", {"inferschema": "maybe"}, "_LEGACY_ERROR_TEMP_2147"),
        ("csv", {"maxcolumns": "x"}, "_LEGACY_ERROR_TEMP_2146"),
        ("csv", {"quote": "ab"}, "OPTION_VALUE_EXCEEDS_ONE_CHARACTER"),
        ("csv", {"sep": ""}, ""),
        ("csv", {"sep": "\\x"}, "INVALID_DELIMITER_VALUE.UNSUPPORTED_SPECIAL_CHARACTER"),
        ("csv", {"encoding": "nosuch"}, "INVALID_PARAMETER_VALUE.CHARSET"),
        ("csv", {"nosuch": "1"}, "UNSUPPORTED_FEATURE.HEADRACE"),
        ("text", {"wholetext": "x"}, ""),
        ("parquet", {"parquet.encryption.footer.key": "k"}, "UNSUPPORTED_FEATURE.HEADRACE"),
        ("parquet", {"compression": "lzo"}, "UNSUPPORTED_FEATURE.HEADRACE"),
        ("parquet", {"mergeschema": "maybe"}, ""),
        ("parquet", {"maxrecordsperfile": "x"}, ""),
        ("parquet", {"maxrecordsperfile": ""}, ""),
        ("parquet", {"partitionoverwritemode": "nosuch"}, ""),
        ("orc", {}, "UNSUPPORTED_FEATURE.HEADRACE"),
        ("noop", {}, "UNSUPPORTED_FEATURE.HEADRACE"),
        ("nosuch", {}, "DATA_SOURCE_NOT_FOUND"),
        ("com.example.nosuch", {}, "DATA_SOURCE_NOT_FOUND"),
    ],
)
def test_options_that_would_change_the_files(
    tmp_path: Path, format_name: str, options: dict[str, Any], error_class: str
) -> None:
    with pytest.raises(SparkError) as raised:
        _write(tmp_path / "t", format_name=format_name, **options)
    assert raised.value.error_class == error_class


@pytest.mark.parametrize(
    ("format_name", "options"),
    [
        # They say how files are read; Spark's writers look at their values and do nothing with them.
        ("csv", {"inferschema": "true", "mode": "FAILFAST", "nanvalue": "n", "multiline": "true", "maxcolumns": "2"}),
        ("json", {"primitivesasstring": "true", "mode": "FAILFAST", "samplingratio": "0.5", "locale": "de"}),
        ("text", {"wholetext": "true", "encoding": "nosuch"}),
        ("parquet", {"mergeschema": "true", "parquet.block.size": "1000000", "nosuch": "1"}),
    ],
)
def test_options_of_readers_change_nothing(tmp_path: Path, format_name: str, options: dict[str, Any]) -> None:
    assert _write(tmp_path / "a", format_name=format_name, **options).output().extension


def test_the_extension_is_an_option_of_csv(tmp_path: Path) -> None:
    write = _write(tmp_path / "a", format_name="csv", extension="dat", compression="gzip")
    assert write.output().extension == ".dat.gz"


@pytest.mark.parametrize(
    ("options", "conf", "rows"),
    [
        ({}, {}, 0),
        ({"maxrecordsperfile": "7"}, {}, 7),
        ({"maxrecordsperfile": "-1"}, {}, 0),
        ({}, {"spark.sql.files.maxRecordsPerFile": "5"}, 5),
        ({"maxrecordsperfile": "7"}, {"spark.sql.files.maxRecordsPerFile": "5"}, 7),
    ],
)
def test_rows_of_a_file(options: dict[str, str], conf: dict[str, str], rows: int) -> None:
    assert rows_per_file(options, conf) == rows
