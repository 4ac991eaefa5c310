"""Constants of times as Spark 4.2 prints them in names, in years that Python does not have as well."""

from __future__ import annotations

import datetime
from random import Random

import pytest

from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.literal_text import literal_text
from headrace_driver.plan.expressions import Literal
from headrace_driver.sql.literals import date_text, parse_date, parse_timestamp

NEW_YORK = "America/New_York"


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("10000-01-02", "+10000-01-02"),
        ("-0001-03-01", "-0001-03-01"),
        ("0000-01-01", "0000-01-01"),
        ("0005-01-01", "0005-01-01"),
        ("123456-01-01", "+123456-01-01"),
    ],
)
def test_dates(written: str, printed: str) -> None:
    days = parse_date(written)
    assert days is not None
    assert literal_text(Literal(days, t.DATE)) == f"DATE '{printed}'"


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("12345-01-01 00:00:00", "+12345-01-01 00:00:00"),
        ("-0005-01-01 00:00:00", "-0005-01-01 00:00:00"),
        ("290000-01-01 00:00:00", "+290000-01-01 00:00:00"),
        ("294247-01-10 04:00:54.775807 UTC", "+294247-01-09 23:00:54.775807"),
        ("0001-01-01 00:00:00 UTC", "0000-12-31 19:03:58"),
        ("9999-12-31 23:59:59 -10:00", "+10000-01-01 04:59:59"),
    ],
)
def test_times_in_a_zone(written: str, printed: str) -> None:
    parsed = parse_timestamp(written, NEW_YORK)
    assert parsed is not None
    instant_us, _ = parsed
    assert literal_text(Literal(instant_us, t.TIMESTAMP), time_zone=NEW_YORK) == f"TIMESTAMP '{printed}'"


def test_times_without_a_zone() -> None:
    assert literal_text(Literal(-(2**63), t.TIMESTAMP_NTZ)) == "TIMESTAMP_NTZ '-290308-12-21 19:59:05.224192'"


def test_years_that_python_has() -> None:
    draw = Random(1)
    for _ in range(1_000):
        ordinal = draw.randint(1, datetime.date.max.toordinal())
        days = ordinal - datetime.date(1970, 1, 1).toordinal()
        assert date_text(days) == str(datetime.date.fromordinal(ordinal))
