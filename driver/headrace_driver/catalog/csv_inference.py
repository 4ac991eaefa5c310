"""Names and types of CSV columns that no schema tells, by Spark's rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from headrace_driver.catalog.probing import ask
from headrace_driver.functions.datetime_patterns import read_text
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import CastMode
from headrace_driver.render.parsing import string_to
from headrace_driver.render.text import let

if TYPE_CHECKING:
    from headrace_driver.catalog.csv import CsvOptions


def header_names(first: Sequence[str | None], header: bool) -> list[str]:
    """Column names of the first record. Names that are used twice get their position behind them."""
    if not header:
        return [f"_c{i}" for i in range(len(first))]
    folded = [name.lower() for name in first if name is not None]
    names = []
    for position, name in enumerate(first):
        if name is None or name == "":
            names.append(f"_c{position}")
        elif folded.count(name.lower()) > 1:
            names.append(f"{name}{position}")
        else:
            names.append(name)
    return names


# What a single value may be, tried in this order.
_INTEGER, _LONG, _DECIMAL, _DOUBLE, _DATE, _TIMESTAMP, _BOOLEAN, _STRING = range(1, 9)


def inferred_types(
    values: str, columns: Sequence[str], how: CsvOptions, prefer_date: bool, number: Callable[[str], str]
) -> list[t.DataType]:
    """The types of columns: each value's own type, then what holds all of them."""
    if not columns:
        return []
    kinds = ", ".join(f"list(DISTINCT {_kind(text, how, prefer_date, number)})" for text in columns)
    digits = ", ".join(f"max({_digits(text)})" for text in columns)
    row = ask(f"SELECT {kinds}, {digits} FROM {values}")[0]
    count = len(columns)
    return [_common({kind for kind in row[i] or () if kind is not None}, row[count + i] or 0) for i in range(count)]


def _kind(text: str, how: CsvOptions, prefer_date: bool, number: Callable[[str], str]) -> str:
    def build(v: str) -> str:
        whole = f"regexp_full_match({v}, '[+-]?[0-9]+')"
        if how.timestamp_format is None:
            moment = string_to(v, t.TIMESTAMP, CastMode.TRY, how.zone)
        else:
            moment = read_text(v, how.timestamp_format, t.TIMESTAMP, how.zone)
        parts = [
            f"WHEN {v} IS NULL THEN NULL",
            f"WHEN {whole} AND TRY_CAST({v} AS INTEGER) IS NOT NULL THEN {_INTEGER}",
            f"WHEN {whole} AND TRY_CAST({v} AS BIGINT) IS NOT NULL THEN {_LONG}",
            f"WHEN {whole} AND length(ltrim({v}, '+-0')) <= 38 THEN {_DECIMAL}",
            f"WHEN {number(v)} IS NOT NULL THEN {_DOUBLE}",
        ]
        if prefer_date:
            pattern = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
            day = f"(regexp_full_match({v}, '{pattern}') AND TRY_CAST({v} AS DATE) IS NOT NULL)"
            if how.date_format is not None:
                day = f"({read_text(v, how.date_format, t.DATE, how.zone)} IS NOT NULL)"
            parts.append(f"WHEN {day} THEN {_DATE}")
        parts.append(f"WHEN {moment} IS NOT NULL THEN {_TIMESTAMP}")
        parts.append(f"WHEN lower({v}) IN ('true', 'false') THEN {_BOOLEAN}")
        return f"CASE {' '.join(parts)} ELSE {_STRING} END"

    return let(text, build)


def _digits(text: str) -> str:
    return f"length(ltrim({text}, '+-0'))"


def _common(kinds: set[int], digits: int) -> t.DataType:
    if not kinds:
        return t.STRING
    if kinds == {_INTEGER}:
        return t.INTEGER
    if kinds <= {_INTEGER, _LONG}:
        return t.LONG
    if kinds <= {_INTEGER, _LONG, _DECIMAL}:
        return t.DecimalType(max(digits, 20 if _LONG in kinds else 10, 1), 0)
    if kinds <= {_INTEGER, _LONG, _DECIMAL, _DOUBLE}:
        return t.DOUBLE
    if kinds == {_DATE}:
        return t.DATE
    if kinds <= {_DATE, _TIMESTAMP}:
        return t.TIMESTAMP
    return t.BOOLEAN if kinds == {_BOOLEAN} else t.STRING
