"""Kernel text that reads intervals from strings: `3 04:05:06`, `INTERVAL '3 04:05:06' DAY TO SECOND`, `1-2`."""

from __future__ import annotations

from collections.abc import Callable

from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import CastMode
from headrace_driver.render.text import let, quote, raising

_DAY_TIME = ("DAY", "HOUR", "MINUTE", "SECOND")
_YEAR_MONTH = ("YEAR", "MONTH")
_MICROS = (86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000)
_LARGEST = (0, 23, 59, 59)
"""Of a field that is not the first."""
_BEFORE = (" ", " ", ":", ":")
"""What stands before a field that is not the first."""
_UNMATCHED = "INVALID_INTERVAL_FORMAT.UNMATCHED_FORMAT_STRING"
_IN_QUOTES = "'(.*)'"
_MINUS_BEFORE = r"(?i)^INTERVAL\s+-"
_LETTERS = ("d", "h", "m", "s")


def interval(text: str, target: t.DayTimeIntervalType | t.YearMonthIntervalType, mode: CastMode) -> str:
    """The interval, microseconds or months; what is written otherwise raises, or is null for TRY and LEGACY."""
    day_time = isinstance(target, t.DayTimeIntervalType)
    names = _DAY_TIME if day_time else _YEAR_MONTH
    unit = names[target.start] if target.start == target.end else f"{names[target.start]}\\s+TO\\s+{names[target.end]}"
    worded = f"(?i)INTERVAL\\s+[+-]?'.*'\\s+{unit}"

    def build(v: str) -> str:
        is_worded = f"regexp_full_match(trim({v}), {quote(worded)})"
        inner = f"regexp_extract(trim({v}), {quote(_IN_QUOTES)}, 1)"
        body = f"CASE WHEN {is_worded} THEN {inner} ELSE trim({v}) END"
        negative = f"({is_worded} AND regexp_matches(trim({v}), {quote(_MINUS_BEFORE)}))"
        read = _day_time(target.start, target.end) if day_time else _year_month(target.start, target.end)
        kernel = "BIGINT" if day_time else "INTEGER"
        known = {
            "intervalStr": "day-time" if day_time else "year-month",
            "supportedFormat": " TO ".join(dict.fromkeys((names[target.start], names[target.end]))),
            "typeName": target.name,
        }

        def checked(b: str) -> str:
            found = f"TRY_CAST((CASE WHEN {negative} THEN -1 ELSE 1 END) * {read(b)} AS {kernel})"
            if mode is not CastMode.ANSI:
                return found
            bad = raising(f"{_UNMATCHED}_WITH_NOTICE" if day_time else _UNMATCHED, known, input=v)
            if not day_time:
                large = raising("INVALID_INTERVAL_FORMAT.INTERVAL_PARSING", {"interval": "year-month"}, input=v)
                written = "[+-]?[0-9]+" + ("" if target.start == target.end else "-[0-9]{1,2}")
                bad = f"CASE WHEN regexp_full_match({b}, {quote(written)}) THEN {large} ELSE {bad} END"
            return f"coalesce({found}, CASE WHEN {b} IS NOT NULL THEN {bad} END)"

        return let(body, checked)

    return let(text, build)


def _day_time(start: int, end: int) -> Callable[[str], str]:
    """Microseconds of a text with the fields from `start` to `end`, null when it is not one."""
    places = range(start, end + 1)
    pattern = "([+-]?)"
    for place in places:
        pattern += "([0-9]+)" if place == start else f"{_BEFORE[place]}([0-9]{{1,2}})"
    if end == len(_DAY_TIME) - 1:
        pattern += "(?:[.]([0-9]{1,9}))?"
    letters = [_LETTERS[place] for place in places] + (["f"] if end == len(_DAY_TIME) - 1 else [])

    def total(m: str) -> str:
        sums = [f"{m}.{_LETTERS[place]}::HUGEINT * {_MICROS[place]}" for place in places]
        if "f" in letters:
            sums.append(f"rpad({m}.f, 6, '0')[:6]::HUGEINT")
        fits = [f"{m}.{_LETTERS[place]}::HUGEINT <= {_LARGEST[place]}" for place in places if place != start]
        return f"CASE WHEN {' AND '.join(fits) or 'true'} THEN {_signed(m, ' + '.join(sums))} END"

    return _reader(pattern, letters, total)


def _year_month(start: int, end: int) -> Callable[[str], str]:
    """Months of a text with the fields from `start` to `end`, null when it is not one."""
    if start == end:
        return _reader("([+-]?)([0-9]+)", ["n"], lambda m: _signed(m, f"{m}.n::HUGEINT * {1 if start else 12}"))
    return _reader(
        "([+-]?)([0-9]+)-([0-9]{1,2})",
        ["y", "n"],
        lambda m: f"CASE WHEN {m}.n::HUGEINT <= 11 THEN {_signed(m, f'{m}.y::HUGEINT * 12 + {m}.n::HUGEINT')} END",
    )


def _signed(m: str, number: str) -> str:
    return f"(CASE WHEN {m}.g = '-' THEN -1 ELSE 1 END) * ({number})"


def _reader(pattern: str, letters: list[str], value: Callable[[str], str]) -> Callable[[str], str]:
    names = ", ".join(quote(name) for name in ["g", *letters])

    def read(b: str) -> str:
        taken = f"regexp_extract({b}, {quote('^' + pattern + '$')}, [{names}])"
        return f"CASE WHEN regexp_full_match({b}, {quote(pattern)}) THEN {let(taken, value)} END"

    return read
