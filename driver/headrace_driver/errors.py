"""Errors a user sees, named and numbered as Spark names them.

Every error that is the user's to mend is a `SparkError` with Spark's error class, SQLSTATE and message parameters
(https://spark.apache.org/docs/latest/sql-error-conditions.html); PySpark turns the class back into the exception a
program catches. Anything else escaping to a client is a defect of ours and is shown as INTERNAL_ERROR.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


class ErrorKind(Enum):
    """Which exception of PySpark an error becomes, by the JVM class name Spark sends for it."""

    ANALYSIS = "org.apache.spark.sql.AnalysisException"
    PARSE = "org.apache.spark.sql.catalyst.parser.ParseException"
    ARITHMETIC = "org.apache.spark.SparkArithmeticException"
    CAST_NUMBER_FORMAT = "org.apache.spark.SparkNumberFormatException"
    DATE_TIME = "org.apache.spark.SparkDateTimeException"
    ARRAY_INDEX = "org.apache.spark.SparkArrayIndexOutOfBoundsException"
    NO_SUCH_ELEMENT = "org.apache.spark.SparkNoSuchElementException"
    ILLEGAL_ARGUMENT = "org.apache.spark.SparkIllegalArgumentException"
    UNSUPPORTED_OPERATION = "org.apache.spark.SparkUnsupportedOperationException"
    RUNTIME = "org.apache.spark.SparkRuntimeException"
    SPARK = "org.apache.spark.SparkException"
    SQL = "org.apache.spark.SparkSQLException"
    INVALID_PLAN = "org.apache.spark.sql.connect.common.InvalidPlanInput"
    UPGRADE = "org.apache.spark.SparkUpgradeException"
    JAVA_ILLEGAL_ARGUMENT = "java.lang.IllegalArgumentException"
    PYTHON = "org.apache.spark.api.python.PythonException"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where in the user's text (or program) something stands. Offsets count characters, `stop` inclusive."""

    text: str = ""
    start: int = -1
    stop: int = -1
    line: int = -1
    column: int = -1
    call_site: str = ""

    @property
    def fragment(self) -> str:
        """The piece of the text itself."""
        return self.text[self.start : self.stop + 1] if self.start >= 0 else ""


NOWHERE = Origin()


class SparkError(Exception):
    """An error with Spark's identity.

    `error_class` may have a subclass after a dot (UNRESOLVED_COLUMN.WITH_SUGGESTION). `message` is the whole sentence
    without the bracketed class, which `str()` puts in front.
    """

    def __init__(
        self,
        error_class: str,
        message: str,
        parameters: Mapping[str, str] | None = None,
        *,
        sql_state: str = "XX000",
        kind: ErrorKind = ErrorKind.ANALYSIS,
        origins: Sequence[Origin] = (),
    ) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.message = message
        self.parameters = dict(parameters or {})
        self.sql_state = sql_state
        self.kind = kind
        self.origins = tuple(origins)

    def __str__(self) -> str:
        return f"[{self.error_class}] {self.message} SQLSTATE: {self.sql_state}"


def unsupported(feature: str, hint: str = "") -> SparkError:
    """The one way to say that something Spark has is not built here; `feature` names it as the user would."""
    text = f"Headrace does not support {feature} yet."
    return SparkError(
        "UNSUPPORTED_FEATURE.HEADRACE",
        f"{text} {hint}".strip(),
        {"feature": feature},
        sql_state="0A000",
        kind=ErrorKind.UNSUPPORTED_OPERATION,
    )
