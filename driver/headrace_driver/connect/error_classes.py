"""Which JVM exception class an error is, also for errors from workers, of which only Spark's error class is known."""

from __future__ import annotations

from collections.abc import Mapping

from headrace_driver.errors import ErrorKind

_THROWABLE = ("java.lang.Exception", "java.lang.Throwable", "java.lang.Object")
_RUNTIME = ("java.lang.RuntimeException", *_THROWABLE)

_ANCESTORS: dict[ErrorKind, tuple[str, ...]] = {
    ErrorKind.ANALYSIS: _THROWABLE,
    ErrorKind.PARSE: (ErrorKind.ANALYSIS.value, *_THROWABLE),
    ErrorKind.ARITHMETIC: ("java.lang.ArithmeticException", *_RUNTIME),
    ErrorKind.CAST_NUMBER_FORMAT: (
        "java.lang.NumberFormatException",
        "java.lang.IllegalArgumentException",
        *_RUNTIME,
    ),
    ErrorKind.DATE_TIME: ("java.time.DateTimeException", *_RUNTIME),
    ErrorKind.ARRAY_INDEX: (
        "java.lang.ArrayIndexOutOfBoundsException",
        "java.lang.IndexOutOfBoundsException",
        *_RUNTIME,
    ),
    ErrorKind.NO_SUCH_ELEMENT: ("java.util.NoSuchElementException", *_RUNTIME),
    ErrorKind.ILLEGAL_ARGUMENT: ("java.lang.IllegalArgumentException", *_RUNTIME),
    ErrorKind.JAVA_ILLEGAL_ARGUMENT: _RUNTIME,
    ErrorKind.UNSUPPORTED_OPERATION: ("java.lang.UnsupportedOperationException", *_RUNTIME),
    ErrorKind.RUNTIME: _RUNTIME,
    ErrorKind.SPARK: _THROWABLE,
    ErrorKind.SQL: ("java.sql.SQLException", *_THROWABLE),
    ErrorKind.INVALID_PLAN: _THROWABLE,
    ErrorKind.UPGRADE: _RUNTIME,
    ErrorKind.PYTHON: _RUNTIME,
}


def hierarchy(kind: ErrorKind) -> tuple[str, ...]:
    """The exception's class and its ancestors, by which PySpark chooses the Python class."""
    return (kind.value, *_ANCESTORS[kind])


_KINDS: dict[str, ErrorKind] = {
    "ARITHMETIC_OVERFLOW": ErrorKind.ARITHMETIC,
    "BINARY_ARITHMETIC_OVERFLOW": ErrorKind.ARITHMETIC,
    "CAST_OVERFLOW": ErrorKind.ARITHMETIC,
    "DATETIME_OVERFLOW": ErrorKind.ARITHMETIC,
    "DIVIDE_BY_ZERO": ErrorKind.ARITHMETIC,
    "INTERVAL_ARITHMETIC_OVERFLOW": ErrorKind.ARITHMETIC,
    "INTERVAL_DIVIDED_BY_ZERO": ErrorKind.ARITHMETIC,
    "NUMERIC_VALUE_OUT_OF_RANGE": ErrorKind.ARITHMETIC,
    "REMAINDER_BY_ZERO": ErrorKind.ARITHMETIC,
    "CANNOT_PARSE_TIMESTAMP": ErrorKind.DATE_TIME,
    "CANNOT_PARSE_TIME": ErrorKind.DATE_TIME,
    "DATETIME_FIELD_OUT_OF_BOUNDS": ErrorKind.DATE_TIME,
    "INVALID_FRACTION_OF_SECOND": ErrorKind.DATE_TIME,
    "INVALID_ARRAY_INDEX": ErrorKind.ARRAY_INDEX,
    "INVALID_ARRAY_INDEX_IN_ELEMENT_AT": ErrorKind.ARRAY_INDEX,
    "INVALID_BITMAP_POSITION": ErrorKind.ARRAY_INDEX,
    "MAP_KEY_DOES_NOT_EXIST": ErrorKind.NO_SUCH_ELEMENT,
    "CONVERSION_INVALID_INPUT": ErrorKind.ILLEGAL_ARGUMENT,
    "INVALID_PARAMETER_VALUE": ErrorKind.RUNTIME,
    "CANNOT_DECODE_URL": ErrorKind.ILLEGAL_ARGUMENT,
    "ILLEGAL_DAY_OF_WEEK": ErrorKind.ILLEGAL_ARGUMENT,
    "INVALID_FORMAT": ErrorKind.ILLEGAL_ARGUMENT,
    "INVALID_TIMEZONE": ErrorKind.DATE_TIME,
    "SCALAR_SUBQUERY_TOO_MANY_ROWS": ErrorKind.SPARK,
    "_LEGACY_ERROR_TEMP_3243": ErrorKind.ILLEGAL_ARGUMENT,
    "INCONSISTENT_BEHAVIOR_CROSS_VERSION": ErrorKind.UPGRADE,
    "FAILED_READ_FILE": ErrorKind.SPARK,
    "TASK_WRITE_FAILED": ErrorKind.SPARK,
    "INTERNAL_ERROR": ErrorKind.SPARK,
    "MALFORMED_RECORD_IN_PARSING": ErrorKind.SPARK,
    "UNSUPPORTED_FEATURE": ErrorKind.UNSUPPORTED_OPERATION,
    "UDF_ERROR": ErrorKind.PYTHON,
}
"""By error class without subclass. What is not listed is an AnalysisException where its SQLSTATE says that the query
is wrong (42...), and a SparkRuntimeException else."""


def kind_of(error_class: str, sql_state: str, parameters: Mapping[str, str]) -> ErrorKind:
    """The exception class of an error of which only Spark's own description is known."""
    main = error_class.partition(".")[0]
    if main == "CAST_INVALID_INPUT":
        return _cast_kind(parameters.get("targetType", "").strip('"').upper())
    found = _KINDS.get(main)
    if found is not None:
        return found
    return ErrorKind.ANALYSIS if sql_state.startswith("42") else ErrorKind.RUNTIME


def _cast_kind(target: str) -> ErrorKind:
    if target.startswith(("DATE", "TIMESTAMP")):
        return ErrorKind.DATE_TIME
    if target.startswith(("TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL")):
        if target.startswith("INTERVAL"):
            return ErrorKind.ILLEGAL_ARGUMENT
        return ErrorKind.CAST_NUMBER_FORMAT
    return ErrorKind.RUNTIME
