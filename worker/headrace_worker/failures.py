"""Exceptions of an attempt become the typed Failure the driver acts on. Pure.

Where a failure is the user's (data or query), it carries the class, SQLSTATE and parameters Spark would raise. The
driver's programs raise Spark errors themselves by `error('HR|<class>|<json parameters>')`; the kernel's own errors are
recognised by their type and the fixed part of their text. Everything not recognised is an internal error, with its
traceback: it is retried and then shown, never dressed up as something it is not.
"""

from __future__ import annotations

import errno
import json
import math
import os
import re
import traceback
from collections.abc import Sequence
from decimal import Decimal

import duckdb

from headrace_proto.v1 import common_pb2
from headrace_worker.kernel import ProgramError
from headrace_worker.shuffle.partitioning import PartitionOutOfRange
from headrace_worker.shuffle.plan import FetchCancelled, FetchError
from headrace_worker.shuffle.store import StoreFull

RAISED = re.compile(r"HR\|(?P<error_class>[A-Z0-9_.]+)\|(?P<parameters>\{.*\})", re.DOTALL)
"""What a program raises by `error()`; the engine puts its own prefix before it."""

SQL_STATES = {
    "ARITHMETIC_OVERFLOW": "22003",
    "BINARY_ARITHMETIC_OVERFLOW": "22003",
    "CAST_INVALID_INPUT": "22018",
    "CAST_OVERFLOW": "22003",
    "COLLECTION_SIZE_LIMIT_EXCEEDED": "54000",
    "DIVIDE_BY_ZERO": "22012",
    "FAILED_READ_FILE": "KD001",
    "INVALID_ARRAY_INDEX": "22003",
    "INVALID_ARRAY_INDEX_IN_ELEMENT_AT": "22003",
    "INVALID_INDEX_OF_ZERO": "22003",
    "INVALID_REGEXP_REPLACE": "22023",
    "MALFORMED_RECORD_IN_PARSING": "22023",
    "MAP_KEY_DOES_NOT_EXIST": "2200C",
    "NULL_MAP_KEY": "2200E",
    "NUMERIC_VALUE_OUT_OF_RANGE": "22003",
    "REMAINDER_BY_ZERO": "22012",
    "SCALAR_SUBQUERY_TOO_MANY_ROWS": "21000",
    "UNSUPPORTED_FEATURE": "0A000",
    "USER_RAISED_EXCEPTION": "P0001",
}

_TYPE_NAMES = {
    "INT8": "TINYINT",
    "INT16": "SMALLINT",
    "INT32": "INT",
    "INT64": "BIGINT",
    "INT128": "DECIMAL(38,0)",
    "VARCHAR": "STRING",
    "BLOB": "BINARY",
    "BOOL": "BOOLEAN",
}

_PATH = re.compile(r"""["'(](?P<path>(?:/|[a-z0-9]+://)[^"')]+)["')]""")
_PREFIX = re.compile(r"^(?:[A-Z][A-Za-z -]*|INTERRUPT) Error: ")
_SOURCE_LINE = re.compile(r"\n\nLINE \d+:.*", re.DOTALL)


def failure_of(error: BaseException, granted_bytes: int = 0, files: Sequence[str] = ()) -> common_pb2.Failure:
    """The typed failure of one attempt that ended with `error`, having read those files or parts of them."""
    if isinstance(error, FetchError):
        return common_pb2.Failure(
            fetch_failed=common_pb2.FetchFailed(
                output=common_pb2.OutputId(job_id=error.output[0], stage_id=error.output[1]),
                worker_id=error.worker_id,
                map_partitions=error.maps,
                reason=error.reason,  # type: ignore[arg-type]
                detail=error.detail,
            )
        )
    if isinstance(error, FetchCancelled):
        return cancelled("cancelled by the driver")
    if isinstance(error, StoreFull):
        return disk_full(error.directory, error.needed_bytes)
    if isinstance(error, MemoryError):
        return out_of_memory(granted_bytes, str(error) or "the process could not allocate")
    if isinstance(error, ProgramError | PartitionOutOfRange):
        return internal(error)
    if isinstance(error, duckdb.Error) or _is_engine_text(error):
        return _of_engine(error, granted_bytes, files)
    return internal(error)


_TOO_DEEP = "Max expression depth limit"
"""What the kernel says of thousands of SELECTs in one another."""


def _too_complex() -> common_pb2.Failure:
    return user_error(
        "FAILED_TO_PARSE_TOO_COMPLEX",
        "The statement, including potential SQL functions and referenced views, was too complex to parse.\nTo mitigate "
        "this error divide the statement into multiple, less complex chunks.",
    )


def user_error(error_class: str, text: str, **parameters: str) -> common_pb2.Failure:
    """A failure that is the user's; the SQLSTATE follows from the class."""
    return common_pb2.Failure(
        user_error=common_pb2.UserError(
            error_class=error_class,
            sql_state=SQL_STATES.get(error_class.split(".", maxsplit=1)[0], ""),
            parameters=parameters,
            message=f"[{error_class}] {text}" if text else "",
        )
    )


def internal(error: BaseException) -> common_pb2.Failure:
    """A failure nobody foresaw."""
    return common_pb2.Failure(
        internal=common_pb2.InternalError(
            message=f"{type(error).__name__}: {error}", traceback="".join(traceback.format_exception(error))
        )
    )


def cancelled(reason: str) -> common_pb2.Failure:
    """The driver asked for it."""
    return common_pb2.Failure(cancelled=common_pb2.Cancelled(reason=reason))


def out_of_memory(granted_bytes: int, detail: str) -> common_pb2.Failure:
    """The task needs more than it was granted."""
    return common_pb2.Failure(out_of_memory=common_pb2.OutOfMemory(granted_bytes=granted_bytes, detail=detail))


def disk_full(directory: str, needed_bytes: int = 0) -> common_pb2.Failure:
    """A disk of this worker has no space left."""
    return common_pb2.Failure(disk_full=common_pb2.DiskFull(directory=directory, needed_bytes=needed_bytes))


_BEYOND_TIME = re.compile(r"Date out of range|Date and time not in timestamp range|Timestamp out of range")
_UNKNOWN_ZONE = re.compile(r"Unknown TimeZone '(?P<zone>[^']*)'")


def _is_engine_text(error: BaseException) -> bool:
    """The Arrow stream interface passes the engine's errors on as OSError or ArrowInvalid with the engine's text."""
    return isinstance(error, OSError | ValueError) and bool(_PREFIX.match(str(error)))


def _of_engine(error: BaseException, granted_bytes: int, files: Sequence[str]) -> common_pb2.Failure:
    text = str(error)
    prefix = _PREFIX.match(text)
    kind = prefix.group()[: -len(" Error: ")] if prefix else ""
    detail = _SOURCE_LINE.sub("", text[prefix.end() :] if prefix else text)
    raised = RAISED.search(detail)
    if raised:
        return _raised(raised)
    if kind == "Out of Memory":
        return _out_of_memory(detail, granted_bytes)
    unknown_zone = _UNKNOWN_ZONE.match(detail)
    if unknown_zone:
        return user_error("INVALID_TIMEZONE", "", timeZone=unknown_zone["zone"])
    if kind == "INTERRUPT":
        return cancelled("interrupted")
    recognised = None
    if kind == "Invalid Input":
        recognised = _invalid_input(detail)
    elif kind == "Out of Range":
        recognised = _out_of_range(detail)
    elif kind == "Conversion":
        recognised = _conversion(detail)
    if recognised is None and _BEYOND_TIME.match(detail):
        # What Spark was doing when its calendar ended, the kernel does not say.
        recognised = user_error("DATETIME_OVERFLOW", "", operation=detail)
    # Some of what is said of files comes without a kind: a Parquet footer of a wrong length, from DuckDB 2.0.1 on.
    kinds = ("", "IO", "Invalid Input", "Serialization", "Invalid", "Binder", "Parser")
    if kind in kinds and recognised is None:
        recognised = _reading(kind, detail)
    # Decoders say what is wrong with the bytes they were given as IO, and name no file.
    if recognised is None and files and (type(error) is duckdb.Error or kind == "IO" or _CORRUPT.search(detail)):
        recognised = _damaged(files, detail)
    return recognised or internal(error)


def _damaged(files: Sequence[str], detail: str) -> common_pb2.Failure:
    """What the libraries below the kernel say of data they cannot decode, which no error of the kernel's own is put
    around and which names no file."""
    more = f" or {len(files) - FILES_NAMED_MAX} more" if len(files) > FILES_NAMED_MAX else ""
    path = " or ".join(files[:FILES_NAMED_MAX]) + more
    return user_error(
        "FAILED_READ_FILE.NO_HINT",
        f"Encountered error while reading file {path}. {detail}",
        path=path,
        detail=detail,
    )


def _raised(match: re.Match[str]) -> common_pb2.Failure:
    """The planner's own error; the driver turns class and parameters into Spark's sentence."""
    error_class = match["error_class"]
    try:
        parameters = {str(name): str(value) for name, value in json.loads(match["parameters"]).items()}
    except ValueError:
        parameters = {"detail": match["parameters"]}
    return user_error(error_class, "", **parameters)


_UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_SIZE = r"(\d+(?:\.\d+)?) (bytes|KiB|MiB|GiB|TiB)"
_OFFLOADED = re.compile(rf"failed to offload data block of size {_SIZE} \({_SIZE}/")


def _directory_in(detail: str) -> str:
    """Where the file lies that could not be written; empty where the kernel does not say."""
    found = _PATH.search(detail)
    return os.path.dirname(found["path"]) if found else ""


def _out_of_memory(detail: str, granted_bytes: int) -> common_pb2.Failure:
    """Also raised when spilling fails: then it is the disk that is full."""
    offloaded = _OFFLOADED.search(detail)
    if offloaded:
        # The kernel rounds to a tenth.
        return disk_full("", sum(int((float(offloaded[n]) + 0.05) * _UNITS[offloaded[n + 1]]) for n in (1, 3)))
    if "max_temp_directory_size" in detail or "No space left" in detail:
        return disk_full(_directory_in(detail))
    return out_of_memory(granted_bytes, detail)


def _invalid_input(detail: str) -> common_pb2.Failure | None:
    if detail.startswith("Division by zero"):
        return user_error(
            "DIVIDE_BY_ZERO",
            "Division by zero. Use `try_divide` to tolerate divisor being 0 and return NULL instead. If necessary set "
            '"spark.sql.ansi.enabled" to "false" to bypass this error.',
            config='"spark.sql.ansi.enabled"',
        )
    if detail.startswith("Invalid replacement string for regexp_replace"):
        return user_error("INVALID_REGEXP_REPLACE", f"Could not perform regexp_replace. {detail}")
    if detail.startswith("More than one row returned by a subquery"):
        return user_error(
            "SCALAR_SUBQUERY_TOO_MANY_ROWS", "More than one row returned by a subquery used as an expression."
        )
    return None


_SMALL_OVERFLOW = re.compile(r"Overflow in \w+ of INT(?:8|16) \((?P<left>-?\d+) (?P<symbol>\S) (?P<right>-?\d+)\)")
_DECIMAL_ARITHMETIC = re.compile(r"Overflow in \w+ of DECIMAL\((?P<width>\d+)\) \((?P<value>[^)]*)\)")
_LONG_STRING = re.compile(
    r"Cannot create a string of size: '(?P<size>\d+)', the maximum supported string size is: '(?P<limit>\d+)'"
)


def _out_of_range(detail: str) -> common_pb2.Failure | None:
    small = _SMALL_OVERFLOW.match(detail)
    if small:
        # Spark marks both kinds as short.
        return user_error(
            "BINARY_ARITHMETIC_OVERFLOW",
            "",
            value1=f"{small['left']}S",
            symbol=small["symbol"],
            value2=f"{small['right']}S",
            functionName=f"`{_TRY[small['symbol']]}`",
        )
    decimal = _DECIMAL_ARITHMETIC.match(detail)
    if decimal:
        return _decimal_out_of_range(decimal["value"], decimal["width"], "0")
    long = _LONG_STRING.match(detail)
    if long:
        size, limit = long["size"], long["limit"]
        return user_error(
            "COLLECTION_SIZE_LIMIT_EXCEEDED.INITIALIZE",
            f"Can't create array with {size} elements which exceeding the array size limit {limit}, cannot initialize "
            "an array with specified parameters.",
            numberOfElements=size,
            maxRoundedArrayLength=limit,
        )
    binary = _BINARY_OVERFLOW.match(detail)
    if binary:
        # A change of sign is a subtraction from zero to the kernel, and Spark knows no function to advise for it.
        negated = binary["symbol"] == "-" and binary["left"] == "0"
        return _overflow("overflow", "" if negated else _TRY[binary["symbol"]])
    overflow = re.match(r"Overflow (?:in|on) (?P<operation>\w+)", detail)
    if overflow and overflow["operation"] in ("HUGEINT", "SUM"):
        # Only sums of decimals are as wide; whole numbers are cast back from there.
        return _decimal_out_of_range("sum", "38", "0")
    if overflow or "overflow" in detail.lower():
        return _overflow(f"{overflow['operation']} overflow" if overflow else "overflow")
    return None


_TRY = {"+": "try_add", "-": "try_subtract", "*": "try_multiply"}
_BINARY_OVERFLOW = re.compile(r"Overflow in \w+ of \w+ \((?P<left>-?\d+) (?P<symbol>[-+*]) -?\d+\)")


def _overflow(what: str, instead: str = "") -> common_pb2.Failure:
    """`instead` is the function that would give null."""
    return user_error(
        "ARITHMETIC_OVERFLOW",
        "",
        message=what,
        alternative=f" Use '{instead}' to tolerate overflow and return NULL instead." if instead else "",
        config='"spark.sql.ansi.enabled"',
    )


_FROM_STRING = re.compile(
    r"""Could not convert string (?P<value>'.*'|".*") to (?P<target>.+?)(?: when casting.*)?$""", re.DOTALL
)
_OUT_OF_RANGE = re.compile(
    r"Type (?P<source>\S+) with value (?P<value>\S+) can't be cast because the value is out of range for the "
    r"destination type (?P<target>[\w(),]+)"
)
_DECIMAL_OVERFLOW = re.compile(
    r"""(?:Casting value "(?P<value>[^"]*)" to type|Could not cast value (?P<number>\S+) to) """
    r"(?P<target>DECIMAL\([^)]*\))"
)
_FROM_DECIMAL = re.compile(r"Failed to cast decimal value (?P<value>\S+) to type (?P<target>\w+)")
_BAD_MOMENT = re.compile(
    r"""(?:invalid )?(?P<target>date|timestamp) field (?:value out of range|format):? ?:?\s*"(?P<value>[^"]*)\""""
)


def _conversion(detail: str) -> common_pb2.Failure | None:
    match = _FROM_STRING.match(detail)
    if match:
        return _invalid_cast(match["value"][1:-1], _spark_type(match["target"]))
    match = _BAD_MOMENT.match(detail)
    if match:
        return _invalid_cast(match["value"], match["target"].upper())
    match = _FROM_DECIMAL.match(detail)
    if match:
        return _cast_overflow(match["value"], "DECIMAL", match["target"])
    if "could not convert blob to UTF8" in detail:
        return user_error(
            "UNSUPPORTED_FEATURE.HEADRACE",
            "Headrace does not support text of bytes that are no UTF-8. Spark keeps them as they are; "
            "make_valid_utf8 or decode(bytes, charset) give text of them.",
            feature="text of bytes that are no UTF-8",
        )
    match = _OUT_OF_RANGE.match(detail)
    if match and match["source"] == "INT128":
        # Sums are widened by the kernel; what does not fit back is an overflow of the sum, not of a cast.
        return _overflow("overflow", "try_add")
    if match:
        return _cast_overflow(match["value"], match["source"], match["target"])
    match = _DECIMAL_OVERFLOW.match(detail)
    if match:
        precision, scale = re.findall(r"\d+", match["target"])
        return _decimal_out_of_range(match["value"] or match["number"], precision, scale)
    return None


def _decimal_out_of_range(value: str, precision: str, scale: str) -> common_pb2.Failure:
    return user_error(
        "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION",
        f"The {value} rounded half up from {value} cannot be represented as Decimal({precision}, {scale}). If "
        'necessary set "spark.sql.ansi.enabled" to "false" to bypass this error, and return NULL instead.',
        value=value,
        roundedValue=value,
        originalValue=value,
        precision=precision,
        scale=scale,
        config='"spark.sql.ansi.enabled"',
    )


def _cast_overflow(value: str, source: str, target: str) -> common_pb2.Failure:
    return user_error(
        "CAST_OVERFLOW",
        "",
        value=_as_literal(value, source),
        sourceType=f'"{_spark_type(source)}"',
        targetType=f'"{_spark_type(target)}"',
        ansiConfig='"spark.sql.ansi.enabled"',
    )


_SUFFIXES = {"TINYINT": "S", "SMALLINT": "S", "BIGINT": "L", "FLOAT": "F", "DOUBLE": "D"}


def _as_literal(value: str, source: str) -> str:
    """A number as Spark shows one in messages: as a literal of its type."""
    spark_type = _spark_type(source)
    if spark_type in ("FLOAT", "DOUBLE"):
        digits, _, exponent = f"{Decimal(value).normalize():E}".partition("E")
        number = float(value)
        if number != number or abs(number) == math.inf or 1e-3 <= abs(number) < 1e7:
            value = str(number)
        else:
            value = f"{digits if '.' in digits else digits + '.0'}E{int(exponent)}"
    return value + _SUFFIXES.get(spark_type, "")


def _invalid_cast(value: str, target: str) -> common_pb2.Failure:
    return user_error(
        "CAST_INVALID_INPUT",
        f'The value \'{value}\' of the type "STRING" cannot be cast to "{target}" because it is malformed. Correct '
        "the value as per the syntax, or change its target type. Use `try_cast` to tolerate malformed input and return "
        "NULL instead.",
        expression=f"'{value}'",
        sourceType='"STRING"',
        targetType=f'"{target}"',
        ansiConfig='"spark.sql.ansi.enabled"',
    )


def _spark_type(kernel_type: str) -> str:
    return _TYPE_NAMES.get(kernel_type.strip(), kernel_type.strip())


FILES_NAMED_MAX = 3
"""Of those a task reads."""
_NOT_FOUND = re.compile(r"No files found that match|Cannot open file .*No such file|Could not read.*No such file")
_CORRUPT = re.compile(
    r"No magic bytes|too small to be a Parquet|is not a Parquet|Snappy|decompress|Parquet|parquet|footer|TProtocol"
    r"|thrift|Thrift|Corrupt|Invalid data page|page header|UTF-?8|dictionary offset|CSV|JSON"
)


def _reading(kind: str, detail: str) -> common_pb2.Failure | None:
    """A file that cannot be read, by what the kernel's readers say."""
    if kind == "IO" and ("No space left" in detail or f"errno {errno.ENOSPC}" in detail):
        return disk_full(_directory_in(detail))
    found = _PATH.search(detail)
    path = found["path"] if found else ""
    if kind == "IO" and _NOT_FOUND.search(detail):
        return user_error(
            "FAILED_READ_FILE.FILE_NOT_EXIST",
            f"Encountered error while reading file {path}. File does not exist. It is possible the underlying files "
            "have been updated. You can explicitly invalidate the cache in Spark by running 'REFRESH TABLE tableName' "
            "command in SQL or by recreating the Dataset/DataFrame involved.",
            path=path,
        )
    if kind in ("Binder", "Parser"):
        return _too_complex() if _TOO_DEEP in detail else None
    if path and ("cast" in detail.lower() or "schema mismatch" in detail.lower()):
        return user_error(
            "FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH",
            f"Encountered error while reading file {path}. Data type mismatches when reading Parquet column: {detail}",
            path=path,
            detail=detail,
        )
    if path and (kind in ("IO", "Serialization") or _CORRUPT.search(detail)):
        return user_error(
            "FAILED_READ_FILE.NO_HINT",
            f"Encountered error while reading file {path}. {detail}",
            path=path,
            detail=detail,
        )
    return None
