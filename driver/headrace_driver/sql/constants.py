"""Typed literals: DATE '...', TIMESTAMP '...', X'...', INTERVAL '...'."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

from headrace_driver.errors import SparkError, unsupported
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Literal
from headrace_driver.sql import intervals, literals
from headrace_driver.sql.failures import parse_error

if TYPE_CHECKING:
    from headrace_driver.sql.values import ValueParser

_SPECIAL_DAYS = {"today": 0, "tomorrow": 1, "yesterday": -1}


def typed_literal(parser: ValueParser, kind: str) -> Literal:
    """The literal at a word followed by a string. Raises INVALID_TYPED_LITERAL or UNSUPPORTED_TYPED_LITERAL."""
    start = parser.i
    parser.i += 1
    text = parser.string()
    value = _value(parser, kind, text, start)
    if value is None:
        raise parse_error(
            "INVALID_TYPED_LITERAL",
            f"The value of the typed literal \"{kind}\" is invalid: '{text}'.",
            {"valueType": f'"{kind}"', "value": f"'{text}'"},
            "42604",
            parser.origin(start),
        )
    return value


def _value(parser: ValueParser, kind: str, text: str, start: int) -> Literal | None:
    zone = parser.time_zone
    if kind == "DATE":
        day = _special_day(text, zone)
        number = literals.parse_date(text) if day is None else day
        return None if number is None else Literal(number, t.DATE)
    if kind in ("TIMESTAMP", "TIMESTAMP_LTZ"):
        moment = _special_moment(text, zone)
        parsed = (moment, True) if moment is not None else literals.parse_timestamp(text, zone, _today(zone))
        return None if parsed is None else Literal(parsed[0], t.TIMESTAMP)
    if kind == "TIMESTAMP_NTZ":
        return _without_zone(text, zone)
    if kind == "INTERVAL":
        return _interval(parser, text, start)
    if kind == "X":
        padded = text if len(text) % 2 == 0 else "0" + text
        try:
            return Literal(bytes.fromhex(padded), t.BINARY) if " " not in text else None
        except ValueError:
            return None
    if kind == "TIME":
        raise unsupported("the data type TIME")
    raise _unknown_type(parser, kind, start)


def _without_zone(text: str, zone: str) -> Literal | None:
    moment = _special_moment(text, zone)
    if moment is not None:
        local = moment + (0 if text.strip().lower() == "epoch" else _zone_offset_us(moment, zone))
        return Literal(local, t.TIMESTAMP_NTZ)
    # A zone in the text is read and left out: the fields count as they stand.
    number = literals.parse_timestamp_fields(text)
    return None if number is None else Literal(number, t.TIMESTAMP_NTZ)


def _interval(parser: ValueParser, text: str, start: int) -> Literal | None:
    try:
        return intervals.of_text(text)
    except intervals.IntervalError as error:
        if str(error) == "mixed":
            raise intervals.mixed_fields(parser.origin(start).fragment) from None
        return None


def _today(zone: str) -> int:
    return (datetime.now(literals.zone_of(zone)).date()).toordinal() - literals.EPOCH_ORDINAL


def _special_day(text: str, zone: str) -> int | None:
    """`epoch`, `now`, `today`, `tomorrow`, `yesterday`, as days since the epoch."""
    word = text.strip().lower()
    if word == "epoch":
        return 0
    if word == "now":
        return _today(zone)
    shift = _SPECIAL_DAYS.get(word)
    return None if shift is None else _today(zone) + shift


def _special_moment(text: str, zone: str) -> int | None:
    word = text.strip().lower()
    if word == "epoch":
        return 0
    if word == "now":
        return time.time_ns() // 1000
    shift = _SPECIAL_DAYS.get(word)
    if shift is None:
        return None
    local = (_today(zone) + shift) * literals.DAY_US
    return local - literals.offset_us(local, literals.zone_of(zone))


def _zone_offset_us(moment_us: int, zone: str) -> int:
    offset = datetime.fromtimestamp(moment_us / 1e6, literals.zone_of(zone)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds()) * 1_000_000


def _unknown_type(parser: ValueParser, kind: str, start: int) -> SparkError:
    supported = '"DATE", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP", "INTERVAL", "X", "TIME"'
    return parse_error(
        "UNSUPPORTED_TYPED_LITERAL",
        f'Literals of the type "{kind}" are not supported. Supported types are {supported}.',
        {"unsupportedType": f'"{kind}"', "supportedTypes": supported},
        "0A000",
        parser.origin(start),
    )
