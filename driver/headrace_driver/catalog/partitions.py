"""Hive-style partition folders (`year=2024/month=1`): their columns, types by Spark's rules, and values per file."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from headrace_driver.catalog.listing import ListedFile
from headrace_driver.errors import ErrorKind, SparkError
from headrace_driver.plan import types as t
from headrace_driver.sql.literals import parse_date, parse_timestamp

NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
# Java's parseDouble, which Spark uses.
_DOUBLE = re.compile(r"\s*[+-]?(?:NaN|Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[dDfF]?)\s*", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Partitions:
    """The partition columns of a listing; `values[i]` are those of `files[i]`, None for null."""

    columns: tuple[t.StructField, ...]
    files: tuple[ListedFile, ...]
    values: tuple[tuple[str | None, ...], ...]


def discover(files: Sequence[ListedFile], infer_types: bool, declared: Sequence[t.StructField] = ()) -> Partitions:
    """The partitions the files' folders make. Types of `declared` columns count before inferred ones.

    Files outside of partition folders are left out when there are any, as in Spark.
    """
    found: dict[str, tuple[tuple[str, str | None], ...]] = {}
    for file in files:
        folder = os.path.dirname(file.path)
        if folder not in found:
            found[folder] = _folder_values(folder, file.root)
    if not any(found.values()):
        return Partitions((), tuple(files), ((),) * len(files))
    _check_bases(files, found)
    names = _common_names(found)
    kept = [file for file in files if found[os.path.dirname(file.path)]]
    values = [tuple(value for _, value in found[os.path.dirname(file.path)]) for file in kept]
    by_name = {field.name.lower(): field for field in declared}
    columns = []
    for position, name in enumerate(names):
        field = by_name.get(name.lower())
        dtype = field.dtype if field is not None else _type_of([row[position] for row in values], infer_types)
        columns.append(t.StructField(field.name if field is not None else name, dtype))
    return Partitions(tuple(columns), tuple(kept), tuple(values))


def _folder_values(folder: str, root: str) -> tuple[tuple[str, str | None], ...]:
    """(name, value) of the partition folders between a folder and its root, outermost first."""
    pairs: list[tuple[str, str | None]] = []
    while len(folder) > len(root):
        folder, name = os.path.split(folder)
        key, equals, value = name.partition("=")
        if equals and key and value:
            pairs.append((unescaped(key), None if value == NULL_FOLDER else unescaped(value)))
        elif pairs:
            break
    return tuple(reversed(pairs))


def unescaped(text: str) -> str:
    """A name or value with `%XX` undone."""
    if "%" not in text:
        return text
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)


def _check_bases(files: Sequence[ListedFile], found: dict[str, tuple[tuple[str, str | None], ...]]) -> None:
    """All partition folders must hang under one directory, and no other data beside them."""
    bases = dict.fromkeys(f.root if found[os.path.dirname(f.path)] else os.path.dirname(f.path) for f in files)
    if len(bases) == 1:
        return
    shown = "".join(f"\n\tfile:{base}" for base in bases) + "\n"
    raise SparkError(
        "CONFLICTING_DIRECTORY_STRUCTURES",
        f"Conflicting directory structures detected.\nSuspicious paths:\n{shown}\nIf provided paths are partition "
        'directories, please set "basePath" in the options of the data source to specify the root directory of the '
        "table.\nIf there are multiple root directories, please load them separately and then union them.",
        {"discoveredBasePaths": shown},
        sql_state="KD009",
        kind=ErrorKind.RUNTIME,
    )


def _common_names(found: dict[str, tuple[tuple[str, str | None], ...]]) -> tuple[str, ...]:
    names = {tuple(name for name, _ in pairs): folder for folder, pairs in found.items() if pairs}
    if len(names) == 1:
        return next(iter(names))
    lists = "\n".join(f"\tPartition column name list #{i}: {', '.join(one)}" for i, one in enumerate(names))
    raise SparkError(
        "CONFLICTING_PARTITION_COLUMN_NAMES",
        "Conflicting partition column names detected: "
        f"{lists}. For partitioned table directories, data files should only live in leaf directories. And directories "
        "at the same level should have the same partition column name. Please check the following directories for "
        f"unexpected files or inconsistent partition column names: {', '.join('file:' + f for f in names.values())}",
        {"distinctPartColLists": lists, "suspiciousPaths": ", ".join("file:" + f for f in names.values())},
        sql_state="KD009",
        kind=ErrorKind.RUNTIME,
    )


def _type_of(values: Sequence[str | None], infer_types: bool) -> t.DataType:
    if not infer_types:
        return t.STRING
    found: t.DataType | None = None
    for value in {value for value in values if value is not None}:
        one = _value_type(value)
        found = one if found is None else _wider(found, one)
    return t.NULL if found is None else found


def _value_type(text: str) -> t.DataType:
    """The type Spark infers of one value."""
    if _INTEGER.fullmatch(text):
        number = int(text)
        if -(1 << 31) <= number < 1 << 31:
            return t.INTEGER
        if -(1 << 63) <= number < 1 << 63:
            return t.LONG
    digits = _whole_digits(text)
    if digits is not None:
        return t.DecimalType(digits, 0)
    if _DOUBLE.fullmatch(text):
        return t.DOUBLE
    if _DATE.fullmatch(text) and parse_date(text) is not None:
        return t.DATE
    if _TIMESTAMP.fullmatch(text) and parse_timestamp(text, "UTC") is not None:
        return t.TIMESTAMP
    return t.STRING


def _whole_digits(text: str) -> int | None:
    """How many digits a whole number in decimal notation has (`1e3` is one, of 4 digits); None: it is none."""
    if text.strip() != text or not text.isascii():
        return None
    try:
        _, digits, exponent = Decimal(text).as_tuple()
    except InvalidOperation:
        return None
    if not isinstance(exponent, int) or exponent < 0 or len(digits) + exponent > 38:
        return None
    return len(digits) + exponent


_WHOLE_DIGITS: dict[t.DataType, int] = {t.INTEGER: 10, t.LONG: 20}


def _wider(left: t.DataType, right: t.DataType) -> t.DataType:
    """The type for values of both; text where Spark would rather not lose digits."""
    if left == right:
        return left
    pair = {left, right}
    if pair == {t.INTEGER, t.LONG}:
        return t.LONG
    if pair == {t.INTEGER, t.DOUBLE}:
        return t.DOUBLE
    digits = [one.precision if isinstance(one, t.DecimalType) else _WHOLE_DIGITS.get(one) for one in pair]
    if all(digits):
        return t.DecimalType(max(count for count in digits if count), 0)
    if pair == {t.DATE, t.TIMESTAMP}:
        return t.TIMESTAMP
    return t.STRING
