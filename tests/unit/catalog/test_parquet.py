"""Parquet sources: schemas, files that differ, statistics, and what the kernel is told to read."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace_driver.catalog import footers
from headrace_driver.catalog.files import open_files
from headrace_driver.catalog.source import ScanRequest, Source
from headrace_driver.errors import SparkError
from headrace_driver.plan import types as t
from headrace_driver.plan.logical import ReadFiles
from headrace_driver.sql import parse_schema
from tests.unit.catalog import scanning


def _write(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, **options)
    return path


def _open(*paths: Path, schema: str | None = None, **options: str) -> Source:
    declared = parse_schema(schema) if schema else None
    return open_files(ReadFiles("parquet", tuple(map(str, paths)), declared, options), {}, "UTC")


UTC = dt.timezone.utc  # noqa: UP017


def test_types_are_sparks(tmp_path: Path) -> None:
    columns = {
        "i8": pa.array([-1], pa.int8()),
        "u8": pa.array([200], pa.uint8()),
        "u16": pa.array([60_000], pa.uint16()),
        "u32": pa.array([4_000_000_000], pa.uint32()),
        "u64": pa.array([1 << 63], pa.uint64()),
        "f": pa.array([1.5], pa.float32()),
        "dec": pa.array([Decimal("1.50")], pa.decimal128(9, 2)),
        "wide": pa.array([Decimal("-1.5")], pa.decimal128(30, 1)),
        "d": pa.array([dt.date(2020, 1, 2)]),
        "ms": pa.array([1_000], pa.timestamp("ms", "UTC")),
        "us": pa.array([1], pa.timestamp("us", "UTC")),
        "ntz": pa.array([1_000], pa.timestamp("ms")),
        "s": pa.array(["x"]),
        "b": pa.array([b"\x00\xff"]),
        "dict": pa.array(["x"]).dictionary_encode(),
        "l": pa.array([[1, None]], pa.list_(pa.uint8())),
        "m": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
        "st": pa.array([{"x": 1, "y": None}], pa.struct([("x", pa.int32()), ("y", pa.string())])),
        "n": pa.nulls(1),
    }
    source = _open(_write(tmp_path / "f.parquet", columns))
    assert source.schema.name == (
        "struct<i8:tinyint,u8:smallint,u16:int,u32:bigint,u64:decimal(20,0),f:float,dec:decimal(9,2),"
        "wide:decimal(30,1),d:date,ms:timestamp,us:timestamp,ntz:timestamp_ntz,s:string,b:binary,dict:string,"
        "l:array<smallint>,m:map<string,bigint>,st:struct<x:int,y:string>,n:void>"
    )
    assert scanning.rows(source) == [
        (
            *(-1, 200, 60_000, 4_000_000_000, Decimal(1 << 63), 1.5, Decimal("1.50"), Decimal("-1.5")),
            dt.date(2020, 1, 2),
            dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
            dt.datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
            dt.datetime(1970, 1, 1, 0, 0, 1),
            *("x", b"\x00\xff", "x", [1, None], {"k": 1}, {"x": 1, "y": None}, None),
        )
    ]


def test_int96_is_an_instant(tmp_path: Path) -> None:
    path = _write(tmp_path / "f", {"t": pa.array([dt.datetime(2020, 1, 1)])}, use_deprecated_int96_timestamps=True)
    source = _open(path)
    assert source.schema.fields[0].dtype == t.TIMESTAMP
    assert scanning.rows(source) == [(dt.datetime(2020, 1, 1, tzinfo=UTC),)]
    assert source.ranges(0, 0)[0].minimum is None


@pytest.mark.parametrize("column", [pa.array([1], pa.timestamp("ns")), pa.array([1], pa.time64("us"))])
def test_illegal_types(tmp_path: Path, column: pa.Array) -> None:
    with pytest.raises(SparkError) as raised:
        _open(_write(tmp_path / "f", {"a": column}, version="2.6"))
    assert raised.value.error_class == "PARQUET_TYPE_ILLEGAL"


def test_types_that_spark_wrote_into_the_file(tmp_path: Path) -> None:
    text = (
        '{"type":"struct","fields":[{"name":"a","type":"interval day to second","nullable":false,"metadata":{}},'
        '{"name":"b","type":"char(3)","nullable":true,"metadata":{"comment":"x"}}]}'
    )
    table = pa.table({"a": pa.array([5], pa.int64()), "b": ["x"]})
    table = table.replace_schema_metadata({"org.apache.spark.sql.parquet.row.metadata": text})
    pq.write_table(table, tmp_path / "f")
    source = _open(tmp_path / "f")
    assert source.schema.fields == (
        t.StructField("a", t.DayTimeIntervalType()),
        t.StructField("b", t.StringType(3, True), True, '{"comment": "x"}'),
    )
    assert scanning.rows(source) == [(5, "x")]


def test_schema_of_the_first_file_by_path(tmp_path: Path) -> None:
    b = _write(tmp_path / "b", {"a": pa.array([2], pa.int32()), "y": [1]})
    a = _write(tmp_path / "a", {"a": pa.array([1], pa.int32()), "x": ["s"]})
    source = _open(b, a)
    assert source.schema.name == "struct<a:int,x:string>"
    assert sorted(scanning.rows(source), key=repr) == [(1, "s"), (2, None)]


def test_merged_schema(tmp_path: Path) -> None:
    a = _write(tmp_path / "a", {"a": [1], "s": pa.array([{"x": 1}], pa.struct([("x", pa.int64())]))})
    b = _write(tmp_path / "b", {"b": ["z"], "s": pa.array([{"y": 2}], pa.struct([("y", pa.int64())]))})
    source = _open(a, b, mergeschema="true")
    assert source.schema.name == "struct<a:bigint,s:struct<x:bigint,y:bigint>,b:string>"
    assert sorted(scanning.rows(source), key=repr) == [
        (1, {"x": 1, "y": None}, None),
        (None, {"x": None, "y": 2}, "z"),
    ]
    c = _write(tmp_path / "c", {"a": ["text"]})
    with pytest.raises(SparkError) as raised:
        _open(a, c, mergeschema="true")
    assert raised.value.error_class == "CANNOT_MERGE_SCHEMAS"


def test_files_whose_types_do_not_match(tmp_path: Path) -> None:
    a = _write(tmp_path / "a", {"a": pa.array([1], pa.int32()), "b": [1]})
    z = _write(tmp_path / "z", {"a": pa.array([1], pa.int64()), "b": [1]})
    source = _open(a, z)
    assert len(scanning.rows(source, [1])) == 2
    with pytest.raises(SparkError) as raised:
        source.scan_input(ScanRequest(((0, "c0"),)))
    error = raised.value
    assert error.error_class == "FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH"
    assert error.parameters == {
        "path": f"file://{z}",
        "column": "[a]",
        "expectedType": "int",
        "actualType": "INT64",
    }


def test_columns_of_a_given_schema_by_name(tmp_path: Path) -> None:
    path = _write(tmp_path / "f", {"a": pa.array([1, None], pa.int32()), "B": [b"x", b"y"]})
    source = _open(path, schema="b STRING, A BIGINT NOT NULL, zz DOUBLE")
    assert source.schema.name == "struct<b:string,A:bigint,zz:double>"
    assert all(field.nullable for field in source.schema.fields)
    assert scanning.rows(source) == [("x", 1, None), ("y", None, None)]
    assert scanning.rows(_open(path, schema="a DECIMAL(12,2)")) == [(Decimal("1.00"),), (None,)]
    assert scanning.rows(_open(path, schema="zz INT")) == [(None,), (None,)]


@pytest.mark.parametrize(
    ("stored", "wanted", "allowed"),
    [
        (pa.int32(), "double", True),
        (pa.int32(), "float", False),
        (pa.int64(), "int", False),
        (pa.int64(), "double", False),
        (pa.int64(), "string", False),
        (pa.int64(), "decimal(20,0)", True),
        (pa.int64(), "decimal(20,2)", False),
        (pa.float32(), "double", True),
        (pa.float64(), "float", False),
        (pa.decimal128(5, 2), "decimal(7,2)", True),
        (pa.decimal128(5, 2), "decimal(4,2)", False),
        (pa.date32(), "timestamp_ntz", True),
        (pa.date32(), "timestamp", False),
        (pa.bool_(), "int", False),
    ],
)
def test_conversions_that_spark_allows(tmp_path: Path, stored: pa.DataType, wanted: str, allowed: bool) -> None:
    one = pa.array([Decimal(1)], stored) if pa.types.is_decimal(stored) else pa.array([1], pa.int32()).cast(stored)
    source = _open(_write(tmp_path / "f", {"a": one}), schema=f"a {wanted}")
    if allowed:
        assert len(scanning.rows(source)) == 1
    else:
        with pytest.raises(SparkError):
            scanning.rows(source)


def test_partition_columns_are_read_from_folders(tmp_path: Path) -> None:
    for folder, value in (("d=2024-01-01/n=01", 1), ("d=2024-02-01/n=__HIVE_DEFAULT_PARTITION__", 2)):
        _write(tmp_path / folder / "f", {"v": [value]})
    source = _open(tmp_path)
    assert source.schema.name == "struct<v:bigint,d:date,n:int>"
    assert source.partition_columns == 2
    assert scanning.rows(source) == [(1, dt.date(2024, 1, 1), 1), (2, dt.date(2024, 2, 1), None)]
    assert scanning.rows(source, [2]) == [(1,), (None,)]
    assert len(scanning.rows(source, [])) == 2
    assert source.ranges(1, 0)[0].minimum == source.ranges(1, 0)[0].maximum == 19_723
    assert (source.statistics(1).minimum, source.statistics(1).maximum, source.statistics(1).distinct) == (
        19_723,
        19_754,
        2.0,
    )
    assert source.statistics(2).nulls == 1


def test_statistics_and_ranges(tmp_path: Path) -> None:
    rows = 40_000
    columns = {
        "id": pa.array(range(rows), pa.int64()),
        "few": [["a", "bb", "ccc"][i % 3] for i in range(rows)],
        "price": pa.array([Decimal(i % 1_000) / 100 for i in range(rows)], pa.decimal128(7, 2)),
        "day": pa.array([dt.date(2024, 1, 1) + dt.timedelta(days=i % 100) for i in range(rows)]),
        "holes": pa.array([None if i % 4 == 0 else i for i in range(rows)], pa.int32()),
    }
    source = _open(_write(tmp_path / "f", columns, row_group_size=10_000))
    file = source.files()[0]
    assert [(g.first_row, g.rows) for g in file.row_groups] == [(i * 10_000, 10_000) for i in range(4)]
    assert source.rows() == file.rows == rows
    assert 0.8 * file.bytes < sum(g.bytes for g in file.row_groups) <= file.bytes
    assert [(r.minimum, r.maximum, r.nulls) for r in source.ranges(0, 0)][1] == (10_000, 19_999, 0)
    identity, few, price, day, holes = (source.statistics(i) for i in range(5))
    assert (identity.minimum, identity.maximum, identity.distinct) == (0, rows - 1, rows)
    assert (few.minimum, few.maximum) == ("a", "ccc")
    assert few.distinct is not None
    assert 2 <= few.distinct <= 6
    assert (price.minimum, price.maximum) == (Decimal("0.00"), Decimal("9.99"))
    assert price.distinct is not None
    assert 500 <= price.distinct <= 1_000
    assert (day.minimum, day.distinct) == (19_723, 100.0)
    assert holes.nulls == rows // 4
    assert sum(source.column_bytes(i) for i in range(5)) < file.bytes


def test_footers_are_read_again_only_when_the_file_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path / "f", {"a": [1]})
    assert _open(path).rows() == 1
    reads: list[str] = []
    original = footers._read

    def counted(key: tuple[str, int, int]) -> footers.Footer:
        reads.append(key[0])
        return original(key)

    monkeypatch.setattr(footers, "_read", counted)
    assert _open(path).rows() == 1
    assert reads == []
    _write(path, {"a": [1, 2]})
    assert _open(path).rows() == 2
    assert reads == [str(path)]


@pytest.mark.parametrize("content", [b"", b"hello world, this is no parquet", b"PAR1" + b"x" * 100 + b"PAR1"])
def test_files_that_are_no_parquet(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(SparkError) as raised:
        _open(tmp_path / "f")
    assert raised.value.error_class == "FAILED_READ_FILE.CANNOT_READ_FILE_FOOTER"
    assert raised.value.parameters == {"path": f"file:{tmp_path}/f"}


def test_directory_without_data(tmp_path: Path) -> None:
    (tmp_path / "_SUCCESS").write_text("")
    with pytest.raises(SparkError) as raised:
        _open(tmp_path)
    assert (raised.value.error_class, raised.value.sql_state) == ("UNABLE_TO_INFER_SCHEMA", "42KD9")
    source = _open(tmp_path, schema="a INT")
    assert source.rows() == 0
    assert source.files() == ()
    assert source.scan_input(ScanRequest(((0, "c0"),))).columns[0].kernel_type == "INTEGER"


def test_column_names_that_differ_in_case_only(tmp_path: Path) -> None:
    with pytest.raises(SparkError) as raised:
        _open(_write(tmp_path / "f", {"a": [1], "A": [2]}))
    assert raised.value.error_class == "COLUMN_ALREADY_EXISTS"


def test_names_with_quotes_and_braces(tmp_path: Path) -> None:
    names = ['a"b', "{c}", "d'e", "f g"]
    path = _write(tmp_path / "x'y" / "k=1" / "f", {name: [i] for i, name in enumerate(names)})
    source = _open(path)
    assert scanning.rows(source) == [(0, 1, 2, 3)]
    assert scanning.rows(_open(path, schema="`{c}` BIGINT, `a\"b` BIGINT, `d'e` BIGINT, `{x}` INT")) == [
        (1, 0, 2, None)
    ]


def test_description(tmp_path: Path) -> None:
    path = _write(tmp_path / "f", {"a": [1]})
    assert _open(path).description == f"parquet file:{path} [1 file, {path.stat().st_size} B]"
