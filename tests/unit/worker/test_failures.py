"""What the kernel says becomes what Spark would say. Every case raises the real error in the real engine."""

from __future__ import annotations

import errno
from pathlib import Path

import duckdb
import pytest

from headrace_proto.v1 import common_pb2
from headrace_worker.engine import Engine
from headrace_worker.failures import failure_of
from headrace_worker.kernel import ProgramError
from headrace_worker.shuffle.plan import FetchError
from headrace_worker.shuffle.store import StoreFull, no_space_is_typed


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(1, 256 << 20, tmp_path_factory.mktemp("spill"))


def failure(engine: Engine, sql: str) -> common_pb2.Failure:
    try:
        reader = engine.stream(sql, 2048)
        try:
            for _ in reader:
                pass
        finally:
            reader.close()
    except Exception as error:  # noqa: BLE001
        return failure_of(error)
    raise AssertionError(f"no error: {sql}")


FROM_ROWS = "FROM range(10000) t(i)"


@pytest.mark.parametrize(
    ("sql", "error_class", "sql_state"),
    [
        (f"SELECT 1 // (i - 5000) {FROM_ROWS}", "DIVIDE_BY_ZERO", "22012"),
        (f"SELECT 1 % (i - 5000) {FROM_ROWS}", "DIVIDE_BY_ZERO", "22012"),
        (f"SELECT 9223372036854775807 + i {FROM_ROWS}", "ARITHMETIC_OVERFLOW", "22003"),
        (f"SELECT -9223372036854775807 - i {FROM_ROWS}", "ARITHMETIC_OVERFLOW", "22003"),
        (f"SELECT 9223372036854775807 * (i + 2) {FROM_ROWS}", "ARITHMETIC_OVERFLOW", "22003"),
        (f"SELECT sum(9223372036854775807 - i)::BIGINT {FROM_ROWS}", "ARITHMETIC_OVERFLOW", "22003"),
        (f"SELECT (i || 'x')::INTEGER {FROM_ROWS}", "CAST_INVALID_INPUT", "22018"),
        (f"SELECT (i || 'x')::DATE {FROM_ROWS}", "CAST_INVALID_INPUT", "22018"),
        (f"SELECT (i || 'x')::TIMESTAMP {FROM_ROWS}", "CAST_INVALID_INPUT", "22018"),
        (f"SELECT (i || 'x')::DECIMAL(10,2) {FROM_ROWS}", "CAST_INVALID_INPUT", "22018"),
        (f"SELECT (i || 'x')::DOUBLE {FROM_ROWS}", "CAST_INVALID_INPUT", "22018"),
        (f"SELECT (i || 'x')::BOOLEAN {FROM_ROWS}", "CAST_INVALID_INPUT", "22018"),
        (f"SELECT i::TINYINT {FROM_ROWS}", "CAST_OVERFLOW", "22003"),
        (f"SELECT repeat('abc', 2000000000 + i) {FROM_ROWS}", "COLLECTION_SIZE_LIMIT_EXCEEDED.INITIALIZE", "54000"),
        (f"SELECT decode(unhex('FF')) {FROM_ROWS}", "UNSUPPORTED_FEATURE.HEADRACE", "0A000"),
        (
            f"SELECT (i::DECIMAL(10,2) * 100)::DECIMAL(4,2) {FROM_ROWS}",
            "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION",
            "22003",
        ),
        (f"SELECT (SELECT i {FROM_ROWS})", "SCALAR_SUBQUERY_TOO_MANY_ROWS", "21000"),
        (
            f"SELECT CASE WHEN i = 9999 THEN error('HR|DIVIDE_BY_ZERO|{{}}') ELSE i END {FROM_ROWS}",
            "DIVIDE_BY_ZERO",
            "22012",
        ),
    ],
)
def test_user_errors(engine: Engine, sql: str, error_class: str, sql_state: str) -> None:
    found = failure(engine, sql)
    assert found.WhichOneof("cause") == "user_error", found
    assert (found.user_error.error_class, found.user_error.sql_state) == (error_class, sql_state)


def test_a_raised_error_keeps_its_parameters(engine: Engine) -> None:
    text = """HR|MAP_KEY_DOES_NOT_EXIST|{"keyValue": "it''s | {here}", "n": 1}"""
    found = failure(engine, f"SELECT error('{text}') FROM range(3)").user_error
    assert found.error_class == "MAP_KEY_DOES_NOT_EXIST"
    assert dict(found.parameters) == {"keyValue": "it's | {here}", "n": "1"}


def test_invalid_cast_names_value_and_type(engine: Engine) -> None:
    found = failure(engine, "SELECT ('a b' || i)::INTEGER FROM range(1) t(i)").user_error
    assert dict(found.parameters)["expression"] == "'a b0'"
    assert dict(found.parameters)["targetType"] == '"INT"'


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT (i + 2147483647)::INTEGER + 2147483647::INTEGER FROM range(1) t(i)", "try_add"),
        ("SELECT i::INTEGER * 2147483647::INTEGER FROM range(5) t(i)", "try_multiply"),
        ("SELECT (i - 2147483647)::INTEGER - 2147483647::INTEGER FROM range(1) t(i)", "try_subtract"),
        ("SELECT 0::INTEGER - (i - 2147483648)::INTEGER FROM range(1) t(i)", ""),
    ],
)
def test_an_overflow_advises_the_function_that_gives_null(engine: Engine, sql: str, expected: str) -> None:
    found = failure(engine, sql).user_error.parameters["alternative"]
    assert found == (f" Use '{expected}' to tolerate overflow and return NULL instead." if expected else "")


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("SELECT i::TINYINT FROM range(128, 129) t(i)", "128L"),
        ("SELECT (i * 1e20::DOUBLE)::BIGINT FROM range(1, 2) t(i)", "1.0E20D"),
        ("SELECT (i * 1.25e10::DOUBLE)::INTEGER FROM range(1, 2) t(i)", "1.25E10D"),
        ("SELECT (i * 300::DOUBLE)::TINYINT FROM range(1, 2) t(i)", "300.0D"),
    ],
)
def test_a_cast_that_overflows_shows_the_value_as_a_literal(engine: Engine, sql: str, shown: str) -> None:
    assert failure(engine, sql).user_error.parameters["value"] == shown


def test_what_the_users_times_are_not_is_the_users_error(engine: Engine) -> None:
    zone = failure(engine, "SELECT timestamp '2024-01-01' AT TIME ZONE z FROM (VALUES ('nowhere')) t(z)").user_error
    assert (zone.error_class, zone.parameters["timeZone"]) == ("INVALID_TIMEZONE", "nowhere")
    beyond = failure(engine, f"SELECT timestamp '2024-01-01' + to_years(i::INTEGER + 99999999) {FROM_ROWS}").user_error
    assert beyond.error_class == "DATETIME_OVERFLOW"


def test_a_missing_file_is_named(engine: Engine, tmp_path: Path) -> None:
    found = failure(engine, f"SELECT * FROM read_parquet(['{tmp_path}/none.parquet'])").user_error
    assert found.error_class == "FAILED_READ_FILE.FILE_NOT_EXIST"
    assert dict(found.parameters) == {"path": f"{tmp_path}/none.parquet"}


@pytest.mark.parametrize(
    "content", [b"", b"no parquet", b"PAR1" + bytes(1000) + b"PAR1"], ids=["empty", "short", "footer"]
)
def test_a_damaged_file_is_named(engine: Engine, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "damaged.parquet"
    path.write_bytes(content)
    found = failure(engine, f"SELECT * FROM read_parquet(['{path}'])")
    assert found.WhichOneof("cause") == "user_error", found
    assert found.user_error.error_class.startswith("FAILED_READ_FILE")
    assert found.user_error.parameters["path"] == str(path)


def test_a_damaged_page_is_named(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "page.parquet"
    engine.run(f"COPY (SELECT md5(i::VARCHAR) AS x FROM range(100000) t(i)) TO '{path}'")
    data = bytearray(path.read_bytes())
    data[2000:60000] = bytes(58000)
    path.write_bytes(data)
    found = failure(engine, f"SELECT * FROM read_parquet(['{path}'])")
    assert found.WhichOneof("cause") == "user_error", found
    assert found.user_error.error_class.startswith("FAILED_READ_FILE")


def test_out_of_memory_is_typed(tmp_path: Path) -> None:
    small = Engine(1, 20 << 20, tmp_path / "spill")
    found = failure(small, "SELECT list(repeat('x', 1000) || i) FROM range(1000000) t(i)")
    assert found.WhichOneof("cause") == "out_of_memory", found


def test_unknown_errors_are_internal_and_keep_the_traceback(engine: Engine) -> None:
    assert failure(engine, "SELECT * FROM nowhere").WhichOneof("cause") == "internal"
    found = failure_of(ProgramError("no such input"))
    assert found.internal.message == "ProgramError: no such input"
    assert failure_of(OSError("strange")).WhichOneof("cause") == "internal"


def test_a_full_disk_is_typed(tmp_path: Path) -> None:
    with pytest.raises(StoreFull) as caught, no_space_is_typed(tmp_path, 100):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert failure_of(caught.value).disk_full == common_pb2.DiskFull(directory=str(tmp_path), needed_bytes=100)


def test_failed_fetches_keep_what_the_driver_needs() -> None:
    error = FetchError((1, 2), "w", [3, 4], common_pb2.FetchFailed.MISSING, "gone")
    assert failure_of(error).fetch_failed == common_pb2.FetchFailed(
        output=common_pb2.OutputId(job_id=1, stage_id=2),
        worker_id="w",
        map_partitions=[3, 4],
        reason=common_pb2.FetchFailed.MISSING,
        detail="gone",
    )


def test_what_libraries_below_the_kernel_say_names_the_files() -> None:
    """Decoders and decompressors know no file; the task does."""
    found = failure_of(duckdb.Error("don't know what type: "), files=["/a.parquet", "/b.parquet"])
    assert found.user_error.error_class == "FAILED_READ_FILE.NO_HINT"
    assert found.user_error.parameters["path"] == "/a.parquet or /b.parquet"
    many = failure_of(duckdb.Error("Out of buffer"), files=[f"/{number}" for number in range(5)])
    assert many.user_error.parameters["path"] == "/0 or /1 or /2 or 2 more"
    assert failure_of(duckdb.Error("don't know what type: ")).WhichOneof("cause") == "internal"
    text = "Invalid Input Error: Parquet file (/x/y.parquet) corrupted: uncompressed page size mismatch"
    found = failure_of(duckdb.InvalidInputException(text), files=["/x/y.parquet"])
    assert found.user_error.parameters["path"] == "/x/y.parquet"
