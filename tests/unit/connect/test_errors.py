"""Errors as clients get them: class names, messages in Spark's words, contexts, and what workers report."""

from __future__ import annotations

import json

import pytest
from google.rpc import error_details_pb2

from headrace_driver.cluster.failures import JobFailed
from headrace_driver.connect import error_details
from headrace_driver.connect.error_classes import hierarchy, kind_of
from headrace_driver.connect.error_text import context_summary, full_message
from headrace_driver.errors import ErrorKind, Origin, SparkError
from headrace_proto.v1 import common_pb2

_LONG = "select 1 as " + "a" * 106 + ", 2/0 as b"


@pytest.mark.parametrize(
    ("text", "start", "stop", "expected"),
    [
        ("select 1/0", 7, 9, "== SQL (line 1, position 8) ==\nselect 1/0\n       ^^^\n"),
        ("select 1,\n 2/0 as x,\n 3", 11, 13, "== SQL (line 2, position 2) ==\n 2/0 as x,\n ^^^\n"),
        (
            "select (1 +\n 2)/0\nas y",
            7,
            16,
            "== SQL (line 1, position 8) ==\nselect (1 +\n       ^^^^\n 2)/0\n^^^^^\n",
        ),
        (
            _LONG,
            120,
            122,
            "== SQL (line 1, position 121) ==\n...aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, 2/0 as b\n" + " " * 35 + "^^^\n",
        ),
        (
            "select 'é' as x, 1/0 as y",
            17,
            19,
            "== SQL (line 1, position 18) ==\nselect 'é' as x, 1/0 as y\n" + " " * 17 + "^^^\n",
        ),
    ],
)
def test_the_place_in_sql_text_as_spark_marks_it(text: str, start: int, stop: int, expected: str) -> None:
    assert context_summary(Origin(text, start, stop)) == expected


def test_the_place_in_a_program() -> None:
    origin = Origin("__truediv__", 0, 10, call_site="app.py:12")
    assert context_summary(origin) == '== DataFrame ==\n"__truediv__" was called from\napp.py:12\n'


def test_the_end_of_the_text_has_a_place() -> None:
    assert context_summary(Origin("select 1 +", 10, 10)).startswith("== SQL (line 1, position 11) ==")
    assert context_summary(Origin("", 0, 0)) == ""


def test_messages() -> None:
    origin = Origin("select *\nfrom x", 14, 14)
    analysis = SparkError("A.B", "Wrong.", sql_state="42000", origins=[origin])
    assert full_message(analysis) == "[A.B] Wrong. SQLSTATE: 42000; line 2 pos 5"
    runtime = SparkError("C", "Bad.", sql_state="22012", kind=ErrorKind.ARITHMETIC, origins=[Origin("1/0", 0, 2)])
    assert full_message(runtime) == "[C] Bad. SQLSTATE: 22012\n== SQL (line 1, position 1) ==\n1/0\n^^^\n"
    literal = SparkError("D", "Odd.", sql_state="42604", kind=ErrorKind.PARSE, origins=[origin])
    assert full_message(literal) == "\n[D] Odd. SQLSTATE: 42604\n== SQL (line 2, position 6) ==\nfrom x\n     ^\n"
    syntax = SparkError("PARSE_SYNTAX_ERROR", "Odd.", sql_state="42601", kind=ErrorKind.PARSE, origins=[origin])
    expected = "SQLSTATE: 42601 (line 2, pos 5)\n\n== SQL ==\nselect *\nfrom x\n-----^^^\n"
    assert full_message(syntax) == f"\n[PARSE_SYNTAX_ERROR] Odd. {expected}"
    assert error_details.report(syntax).contexts == ()


def test_long_texts_are_not_quoted_whole() -> None:
    text = "x" * 3_000_000
    error = SparkError(
        "D", "Odd.", sql_state="42601", kind=ErrorKind.PARSE, origins=[Origin(text, 2_000_000, 2_000_000)]
    )
    assert len(full_message(error)) < 300_000


@pytest.mark.parametrize(
    ("error_class", "state", "parameters", "kind"),
    [
        ("DIVIDE_BY_ZERO", "22012", {}, ErrorKind.ARITHMETIC),
        ("ARITHMETIC_OVERFLOW", "22003", {}, ErrorKind.ARITHMETIC),
        ("NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION", "22003", {}, ErrorKind.ARITHMETIC),
        ("CAST_INVALID_INPUT", "22018", {"targetType": '"INT"'}, ErrorKind.CAST_NUMBER_FORMAT),
        ("CAST_INVALID_INPUT", "22018", {"targetType": '"DECIMAL(3,1)"'}, ErrorKind.CAST_NUMBER_FORMAT),
        ("CAST_INVALID_INPUT", "22018", {"targetType": '"DATE"'}, ErrorKind.DATE_TIME),
        ("CAST_INVALID_INPUT", "22018", {"targetType": '"TIMESTAMP_NTZ"'}, ErrorKind.DATE_TIME),
        ("CAST_INVALID_INPUT", "22018", {"targetType": '"BOOLEAN"'}, ErrorKind.RUNTIME),
        ("INVALID_ARRAY_INDEX", "22003", {}, ErrorKind.ARRAY_INDEX),
        ("USER_RAISED_EXCEPTION", "P0001", {}, ErrorKind.RUNTIME),
        ("SCALAR_SUBQUERY_TOO_MANY_ROWS", "21000", {}, ErrorKind.SPARK),
        ("CANNOT_DECODE_URL", "22546", {}, ErrorKind.ILLEGAL_ARGUMENT),
        ("INVALID_FORMAT.MISMATCH_INPUT", "42601", {}, ErrorKind.ILLEGAL_ARGUMENT),
        ("PATH_NOT_FOUND", "42K03", {}, ErrorKind.ANALYSIS),
    ],
)
def test_exception_classes_of_errors_from_workers(
    error_class: str, state: str, parameters: dict[str, str], kind: ErrorKind
) -> None:
    assert kind_of(error_class, state, parameters) is kind


@pytest.mark.parametrize("kind", ErrorKind)
def test_every_kind_has_its_ancestors(kind: ErrorKind) -> None:
    classes = hierarchy(kind)
    assert classes[0] == kind.value
    assert classes[-1] == "java.lang.Object"


def _info(error: BaseException) -> error_details_pb2.ErrorInfo:
    info = error_details_pb2.ErrorInfo()
    assert error_details.status(error_details.report(error)).details[0].Unpack(info)
    return info


def test_the_status_of_a_spark_error() -> None:
    info = _info(SparkError("A.B", "Wrong.", {"x": "`y`"}, sql_state="42000"))
    assert info.reason == "org.apache.spark.sql.AnalysisException"
    assert json.loads(info.metadata["classes"])[0] == info.reason
    assert info.metadata["errorClass"] == "A.B"
    assert info.metadata["sqlState"] == "42000"
    assert json.loads(info.metadata["messageParameters"]) == {"x": "`y`"}


def test_a_status_stays_small() -> None:
    error = SparkError("A", "x" * 100_000, {"x": "y" * 100_000}, sql_state="42000")
    found = error_details.report(error)
    status = error_details.status(found)
    assert status.ByteSize() < 8_000
    assert status.message.endswith("...")
    # The details have it all.
    assert len(error_details.details(found).message) > 100_000
    assert len(error_details.details(found).spark_throwable.message_parameters["x"]) == 100_000


def test_a_user_error_from_a_worker() -> None:
    user = common_pb2.UserError(
        error_class="DIVIDE_BY_ZERO",
        sql_state="22012",
        parameters={"config": '"spark.sql.ansi.enabled"'},
        message="[DIVIDE_BY_ZERO] Division by zero. SQLSTATE: 22012",
    )
    found = error_details.report(JobFailed(1, common_pb2.Failure(user_error=user)))
    assert found.classes[:2] == ("org.apache.spark.SparkArithmeticException", "java.lang.ArithmeticException")
    assert found.message == "[DIVIDE_BY_ZERO] Division by zero. SQLSTATE: 22012"
    assert found.parameters == {"config": '"spark.sql.ansi.enabled"'}


def test_a_user_error_without_words_gets_sparks() -> None:
    user = common_pb2.UserError(error_class="DIVIDE_BY_ZERO", parameters={"config": '"spark.sql.ansi.enabled"'})
    found = error_details.report(JobFailed(1, common_pb2.Failure(user_error=user)))
    assert found.message == (
        "[DIVIDE_BY_ZERO] Division by zero. Use `try_divide` to tolerate divisor being 0 and return NULL instead. If "
        'necessary set "spark.sql.ansi.enabled" to "false" to bypass this error. SQLSTATE: 22012'
    )
    assert found.sql_state == "22012"


def test_a_subclass_has_its_own_words() -> None:
    user = common_pb2.UserError(
        error_class="FAILED_READ_FILE.CANNOT_READ_FILE_FOOTER", parameters={"path": "/x"}, message=""
    )
    found = error_details.report(JobFailed(1, common_pb2.Failure(user_error=user)))
    assert "Encountered error while reading file /x." in found.message
    assert "footer" in found.message


def test_words_of_the_worker_stay() -> None:
    user = common_pb2.UserError(error_class="OWN", message="[OWN] These words.", sql_state="22000")
    found = error_details.report(JobFailed(1, common_pb2.Failure(user_error=user)))
    assert found.message == "[OWN] These words. SQLSTATE: 22000"


@pytest.mark.parametrize(
    ("failure", "error_class", "state"),
    [
        (common_pb2.Failure(cancelled={"reason": "enough"}), "OPERATION_CANCELED", "HY008"),
        (common_pb2.Failure(out_of_memory={"detail": "big"}), "CLUSTER_FAILURE.OUT_OF_MEMORY", "53200"),
        (common_pb2.Failure(disk_full={"directory": "/d"}), "CLUSTER_FAILURE.DISK_FULL", "53100"),
        (common_pb2.Failure(fetch_failed={"detail": "x"}), "CLUSTER_FAILURE.FETCH_FAILED", "58000"),
        (common_pb2.Failure(executor_lost={"exit_code": -9}), "CLUSTER_FAILURE.EXECUTOR_LOST", "58000"),
        (common_pb2.Failure(worker_lost={"worker_id": "w"}), "CLUSTER_FAILURE.WORKER_LOST", "58000"),
        (common_pb2.Failure(internal={"message": "oops", "traceback": "..."}), "INTERNAL_ERROR", "XX000"),
    ],
)
def test_failures_of_the_cluster(failure: common_pb2.Failure, error_class: str, state: str) -> None:
    found = error_details.report(JobFailed(1, failure))
    assert (found.error_class, found.sql_state) == (error_class, state)


def test_a_defect_is_named_by_the_id_in_the_log() -> None:
    found = error_details.report(KeyError("x"))
    assert found.error_class == "INTERNAL_ERROR"
    assert found.error_id in found.message


def test_kept_errors_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_details, "KEPT_MAX", 2)
    archive = error_details.ErrorArchive()
    reports = [error_details.report(SparkError("A", str(i))) for i in range(3)]
    for each in reports:
        archive.keep(each)
    assert archive.take(reports[0].error_id) is None
    assert archive.take(reports[2].error_id) is reports[2]
    assert archive.take(reports[2].error_id) is None
