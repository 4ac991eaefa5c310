"""Java's date and time patterns, translated to the kernel's strftime/strptime or to pieces of kernel text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headrace_driver.errors import SparkError, unsupported
from headrace_driver.plan import types as t
from headrace_driver.render.parsing import zoned
from headrace_driver.render.text import let, quote
from headrace_driver.render.time import instant, local

_LETTERS = re.compile(r"([A-Za-z])\1*|'((?:[^']|'')*)'|([^A-Za-z']+)")


def tokens(pattern: str) -> Iterator[tuple[str, str]]:
    """(letters, "") of a run of one pattern letter, or ("", literal)."""
    position = 0
    for found in _LETTERS.finditer(pattern):
        if found.start() != position:
            break
        position = found.end()
        if found[1]:
            yield found[0], ""
        elif found[2] is not None:
            yield "", found[2].replace("''", "'") if found[2] else "'"
        else:
            yield "", found[3].replace("[", "").replace("]", "") if found[3] else ""
    if position != len(pattern):
        raise _invalid(pattern)


def _invalid(pattern: str) -> SparkError:
    return SparkError(
        "INVALID_DATETIME_PATTERN.ILLEGAL_CHARACTER",
        f"Unrecognized datetime pattern: {pattern}.",
        {"c": "", "pattern": pattern},
        sql_state="22007",
    )


def _not_here(run: str, pattern: str) -> SparkError:
    if run[0] == "u":
        return SparkError(
            "INCONSISTENT_BEHAVIOR_CROSS_VERSION.DATETIME_PATTERN_RECOGNITION",
            "You may get a different result due to the upgrading to Spark >= 3.0: Fail to "
            f"recognize '{pattern}' pattern "
            "in the DateTimeFormatter.",
            {"pattern": f"'{pattern}'", "config": '"spark.sql.legacy.timeParserPolicy"'},
            sql_state="42K0B",
        )
    return unsupported(f"the letters {run} in the datetime pattern '{pattern}'")


_PRINTED: dict[str, str] = {
    "y": "CAST(year({v}) AS VARCHAR)",
    "yy": "strftime({v}, '%y')",
    "yyyy": "strftime({v}, '%Y')",
    "M": "CAST(month({v}) AS VARCHAR)",
    "MM": "strftime({v}, '%m')",
    "MMM": "strftime({v}, '%b')",
    "MMMM": "strftime({v}, '%B')",
    "d": "CAST(day({v}) AS VARCHAR)",
    "dd": "strftime({v}, '%d')",
    "D": "CAST(dayofyear({v}) AS VARCHAR)",
    "DD": "lpad(CAST(dayofyear({v}) AS VARCHAR), 2, '0')",
    "DDD": "strftime({v}, '%j')",
    "E": "strftime({v}, '%a')",
    "EE": "strftime({v}, '%a')",
    "EEE": "strftime({v}, '%a')",
    "EEEE": "strftime({v}, '%A')",
    "H": "CAST(hour({v}) AS VARCHAR)",
    "HH": "strftime({v}, '%H')",
    "h": "CAST((hour({v}) + 11) % 12 + 1 AS VARCHAR)",
    "hh": "strftime({v}, '%I')",
    "k": "CAST((hour({v}) + 23) % 24 + 1 AS VARCHAR)",
    "kk": "lpad(CAST((hour({v}) + 23) % 24 + 1 AS VARCHAR), 2, '0')",
    "K": "CAST(hour({v}) % 12 AS VARCHAR)",
    "KK": "lpad(CAST(hour({v}) % 12 AS VARCHAR), 2, '0')",
    "m": "CAST(minute({v}) AS VARCHAR)",
    "mm": "strftime({v}, '%M')",
    "s": "CAST(second({v}) AS VARCHAR)",
    "ss": "strftime({v}, '%S')",
    "a": "strftime({v}, '%p')",
    "Q": "CAST(quarter({v}) AS VARCHAR)",
    "QQ": "lpad(CAST(quarter({v}) AS VARCHAR), 2, '0')",
    "QQQ": "('Q' || CAST(quarter({v}) AS VARCHAR))",
    "F": "CAST((day({v}) - 1) // 7 + 1 AS VARCHAR)",
    "G": "CASE WHEN year({v}) > 0 THEN 'AD' ELSE 'BC' END",
}
_PRINTED.update({"L": _PRINTED["M"], "LL": _PRINTED["MM"], "LLL": _PRINTED["MMM"], "LLLL": _PRINTED["MMMM"]})
_PRINTED["QQQQ"] = (
    "(CAST(quarter({v}) AS VARCHAR) || ['st', 'nd', 'rd', 'th'][CAST(quarter({v}) AS INTEGER)] || ' quarter')"
)
_PRINTED.update({letter * 2: _PRINTED[letter] for letter in "G"})


def print_text(clock: str, pattern: str, zone_offset: str, zone: str) -> str:
    """`clock` (TIMESTAMP) printed by a Java pattern. `zone_offset` is text of the offset in seconds, for x, X, Z, O."""

    def build(v: str) -> str:
        pieces: list[str] = []
        for run, literal in tokens(pattern):
            if not run:
                pieces.append(quote(literal))
            elif run in _PRINTED:
                pieces.append(_PRINTED[run].replace("{v}", v))
            elif run[0] == "S" and len(run) <= 9:
                pieces.append(f"left(strftime({v}, '%f') || '000', {len(run)})")
            elif run[0] == "y":
                pieces.append(f"lpad(CAST(year({v}) AS VARCHAR), {len(run)}, '0')")
            elif run[0] in "xXZO":
                pieces.append(_offset(run, zone_offset, pattern))
            elif run == "VV":
                pieces.append(quote(zone))
            else:
                raise _not_here(run, pattern)
        return f"({' || '.join(pieces)})" if pieces else f"CASE WHEN {v} IS NOT NULL THEN '' END"

    return let(clock, build)


def _offset(run: str, seconds: str, pattern: str) -> str:
    forms = {
        "x": "h",
        "X": "h",
        "xx": "hm",
        "XX": "hm",
        "xxx": "h:m",
        "XXX": "h:m",
        "Z": "hm",
        "ZZ": "hm",
        "ZZZ": "hm",
        "ZZZZZ": "h:m",
        "O": "G",
        "OOOO": "GG",
    }
    form = forms.get(run)
    if form is None:
        raise _not_here(run, pattern)

    def build(s: str) -> str:
        sign = f"CASE WHEN {s} < 0 THEN '-' ELSE '+' END"
        hours = f"lpad(CAST(abs({s}) // 3600 AS VARCHAR), 2, '0')"
        minutes = f"lpad(CAST(abs({s}) // 60 % 60 AS VARCHAR), 2, '0')"
        if form == "G":
            tail = f"CASE WHEN {s} % 3600 <> 0 THEN ':' || {minutes} ELSE '' END"
            return (
                f"CASE WHEN {s} = 0 THEN 'GMT' ELSE 'GMT' || {sign} || CAST(abs({s}) // 3600 AS VARCHAR) || {tail} END"
            )
        if form == "GG":
            return f"CASE WHEN {s} = 0 THEN 'GMT' ELSE 'GMT' || {sign} || {hours} || ':' || {minutes} END"
        if form == "h":
            shown = f"{sign} || {hours} || CASE WHEN {s} % 3600 <> 0 THEN {minutes} ELSE '' END"
        else:
            shown = f"{sign} || {hours} || '{':' if ':' in form else ''}' || {minutes}"
        zero = "Z" if run[0] == "X" or run == "ZZZZZ" else None
        return f"CASE WHEN {s} = 0 THEN '{zero}' ELSE {shown} END" if zero else f"({shown})"

    return let(seconds, build)


_MONTHS = "(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_FULL_MONTHS = "(?i:january|february|march|april|may|june|july|august|september|october|november|december)"
# Pattern letters: the field they set and the text they accept.
_READ: dict[str, tuple[str, str]] = {
    "y": ("y", "[0-9]{1,9}"),
    "yy": ("yy", "[0-9]{2}"),
    "yyyy": ("y", "[0-9]{4}"),
    "M": ("mo", "[0-9]{1,2}"),
    "MM": ("mo", "[0-9]{2}"),
    "MMM": ("mon", _MONTHS),
    "MMMM": ("mon", _FULL_MONTHS),
    "d": ("d", "[0-9]{1,2}"),
    "dd": ("d", "[0-9]{2}"),
    "D": ("dy", "[0-9]{1,3}"),
    "DDD": ("dy", "[0-9]{3}"),
    "H": ("h", "[0-9]{1,2}"),
    "HH": ("h", "[0-9]{2}"),
    "h": ("h12", "[0-9]{1,2}"),
    "hh": ("h12", "[0-9]{2}"),
    "m": ("mi", "[0-9]{1,2}"),
    "mm": ("mi", "[0-9]{2}"),
    "s": ("s", "[0-9]{1,2}"),
    "ss": ("s", "[0-9]{2}"),
    "a": ("ap", "(?i:am|pm)"),
    "E": ("skip", "(?i:mon|tue|wed|thu|fri|sat|sun)"),
    "EEE": ("skip", "(?i:mon|tue|wed|thu|fri|sat|sun)"),
    "EEEE": ("skip", "(?i:monday|tuesday|wednesday|thursday|friday|saturday|sunday)"),
    "X": ("z", "Z|[+-][0-9]{2}(?:[0-9]{2})?"),
    "XX": ("z", "Z|[+-][0-9]{4}"),
    "XXX": ("z", "Z|[+-][0-9]{2}:[0-9]{2}"),
    "x": ("z", "[+-][0-9]{2}(?:[0-9]{2})?"),
    "xx": ("z", "[+-][0-9]{4}"),
    "xxx": ("z", "[+-][0-9]{2}:[0-9]{2}"),
    "Z": ("z", "[+-][0-9]{4}"),
    "ZZZZZ": ("z", "Z|[+-][0-9]{2}:[0-9]{2}"),
    "VV": ("z", "[A-Za-z][A-Za-z0-9_+/-]*"),
    "z": ("z", "[A-Za-z][A-Za-z0-9_+/-]*"),
}


_DIRECTIVES = {
    "yyyy": "%Y",
    "M": "%m",
    "MM": "%m",
    "MMM": "%b",
    "MMMM": "%B",
    "d": "%d",
    "dd": "%d",
    "H": "%H",
    "HH": "%H",
    "h": "%I",
    "hh": "%I",
    "m": "%M",
    "mm": "%M",
    "s": "%S",
    "ss": "%S",
    "a": "%p",
    "SSSSSS": "%f",
}


class Reader:
    """A Java pattern for reading: a regular expression with one group a field, and the fields' names."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.fields: list[str] = []
        expression = ""
        listed = list(tokens(pattern))
        for index, (run, literal) in enumerate(listed):
            if not run:
                expression += re.escape(literal)
                continue
            if run[0] == "S" and len(run) <= 9:
                self.fields.append("f")
                expression += f"([0-9]{{{len(run)}}})"
                continue
            if run not in _READ:
                raise _not_here(run, pattern)
            field, text = _READ[run]
            if field == "y" and text == "[0-9]{4}" and not self._digits_follow(listed, index):
                text = "[0-9]{4}|[+-][0-9]{4,9}"
            self.fields.append(field if field != "skip" else f"skip{index}")
            expression += f"({text})"
        self.expression = expression

    @staticmethod
    def _digits_follow(listed: list[tuple[str, str]], index: int) -> bool:
        return index + 1 < len(listed) and bool(listed[index + 1][0])

    def matches(self, text: str) -> str:
        return f"regexp_full_match({text}, {quote(self.expression)})"

    def parsed(self, text: str) -> str:
        if not self.fields:
            # A pattern of literals alone: all there is to know is that the text matches.
            return "{'nothing': ''}"
        names = ", ".join(quote(f) for f in self.fields)
        return f"regexp_extract({text}, {quote('^' + self.expression + '$')}, [{names}])"

    def clock(self, m: str) -> str:
        """The wall clock of matched fields in the struct `m`: TIMESTAMP, or an error of the kernel."""
        year = "1970"
        if "y" in self.fields:
            year = f"CAST({m}.y AS BIGINT)"
        elif "yy" in self.fields:
            year = f"(2000 + CAST({m}.yy AS BIGINT))"
        month = f"CAST({m}.mo AS BIGINT)" if "mo" in self.fields else "1"
        if "mon" in self.fields:
            names = "'janfebmaraprmayjunjulaugsepoctnovdec'"
            month = f"((instr({names}, lower(left({m}.mon, 3))) + 2) // 3)"
        day = f"CAST({m}.d AS BIGINT)" if "d" in self.fields else "1"
        hour = f"CAST({m}.h AS BIGINT)" if "h" in self.fields else "0"
        if "h12" in self.fields:
            afternoon = f"CASE WHEN lower({m}.ap) = 'pm' THEN 12 ELSE 0 END" if "ap" in self.fields else "0"
            hour = f"(CAST({m}.h12 AS BIGINT) % 12 + {afternoon})"
        minute = f"CAST({m}.mi AS BIGINT)" if "mi" in self.fields else "0"
        second = f"CAST({m}.s AS DOUBLE)" if "s" in self.fields else "0e0"
        if "f" in self.fields:
            second += f" + CAST(rpad(left({m}.f, 6), 6, '0') AS DOUBLE) / 1e6"
        made = f"make_timestamp({year}, {month}, {day}, {hour}, {minute}, {second})"
        if "dy" in self.fields:
            made = f"({made} + to_days(CAST({m}.dy AS INTEGER) - 1))"
        return made

    @property
    def directives(self) -> str | None:
        """The pattern for the kernel's own reader, where it has all of it (texts are matched beforehand)."""
        made = ""
        for run, literal in tokens(self.pattern):
            directive = _DIRECTIVES.get(run) if run else literal.replace("%", "%%")
            if directive is None:
                return None
            made += directive
        twelve = "h12" in self.fields
        return None if twelve != ("ap" in self.fields) or "y" not in self.fields else made

    @property
    def zoned(self) -> bool:
        return "z" in self.fields


def read_text(text: str, pattern: str, dtype: t.DataType, zone: str) -> str:
    """`text` read by a Java pattern as a date, wall clock or instant; null when it does not match."""
    reader = Reader(pattern)

    def value(m: str) -> str:
        made = reader.clock(m)
        if isinstance(dtype, t.DateType):
            return f"CAST({made} AS DATE)"
        if isinstance(dtype, t.TimestampNTZType):
            return made
        return let(made, lambda k: zoned(k, f"{m}.z")) if reader.zoned else instant(made, zone)

    directives = reader.directives
    if directives is not None:
        clock = f"try_strptime({text}, {quote(directives)})"
        if isinstance(dtype, t.DateType):
            clock = f"CAST({clock} AS DATE)"
        elif isinstance(dtype, t.TimestampType):
            clock = instant(clock, zone)
        return f"CASE WHEN {reader.matches(text)} THEN {clock} END"
    return f"CASE WHEN {reader.matches(text)} THEN TRY({let(reader.parsed(text), value)}) END"


def print_moment(text: str, dtype: t.DataType, pattern: str, zone: str) -> str:
    """A date, wall clock or instant printed by a Java pattern."""
    if not isinstance(dtype, t.TimestampType):
        return print_text(text, pattern, "0", zone)

    def build(v: str) -> str:
        clock = local(v, zone)
        return print_text(clock, pattern, f"((epoch_us({clock}) - epoch_us({v})) // 1000000)", zone)

    return let(text, build)
