"""Values as Spark's strings: CAST(x AS STRING), and what df.show() prints."""

from __future__ import annotations

from headrace_driver.errors import unsupported
from headrace_driver.plan import types as t
from headrace_driver.render.text import let, name_for
from headrace_driver.render.time import local


def as_string(text: str, source: t.DataType, zone: str) -> str:
    """The value as CAST(... AS STRING) gives it."""
    match source:
        case t.FloatType() | t.DoubleType():
            return floating(text)
        case t.BinaryType():
            return f"decode({text})"
        case t.TimestampType():
            return f"CAST({local(text, zone)} AS VARCHAR)"
        case t.DayTimeIntervalType(start, end):
            return day_time(text, start, end)
        case t.YearMonthIntervalType(start, end):
            return year_month(text, start, end)
        case t.CalendarIntervalType():
            return calendar(text)
        case t.ArrayType(element):
            return _array(text, element, zone)
        case t.MapType():
            return _map(text, source, zone)
        case t.StructType():
            return _struct(text, source, zone)
        case t.StringType():
            return text
        case t.DecimalType(precision, scale) if precision == scale:
            # The kernel leaves out the zero of a type that has no whole digits.
            return f"CAST(CAST({text} AS {_with_whole_digit(precision, scale)}) AS VARCHAR)"
        case t.VariantType():
            raise unsupported("a cast from variant to string")
    return f"CAST({text} AS VARCHAR)"


def _with_whole_digit(precision: int, scale: int) -> str:
    """A kernel type with room before the point; 38 digits behind it leave none."""
    if precision == 38:
        raise unsupported("decimals of 38 digits behind the point as strings")
    return f"DECIMAL({precision + 1},{scale})"


def decimal_to_string(text: str, dtype: t.DecimalType) -> str:
    """Java's BigDecimal.toString, which JSON and CSV are written with: scientific below 1E-6."""
    if dtype.scale <= 6:
        return as_string(text, dtype, "UTC")

    def scientific(v: str, digits: str) -> str:
        mantissa = f"left({digits}, 1) || CASE WHEN length({digits}) > 1 THEN '.' || {digits}[2:] ELSE '' END"
        exponent = f"CAST(length({digits}) - 1 - {dtype.scale} AS VARCHAR)"
        sign = f"CASE WHEN {v} < 0 THEN '-' ELSE '' END"
        return f"CASE WHEN {v} = 0 THEN '0E-{dtype.scale}' ELSE {sign} || {mantissa} || 'E' || {exponent} END"

    def build(v: str) -> str:
        plain = as_string(v, dtype, "UTC")
        digits = f"ltrim(replace(ltrim({plain}, '-'), '.', ''), '0')"
        return f"CASE WHEN abs({v}) < 0.000001 THEN {let(digits, lambda d: scientific(v, d))} ELSE {plain} END"

    return let(text, build)


def floating(text: str) -> str:
    """Java's Double.toString: plain from 1e-3 up to 1e7, otherwise d.dE±n."""

    def build(v: str) -> str:
        return (
            f"CASE WHEN isnan({v}) THEN 'NaN' WHEN isinf({v}) THEN CASE WHEN {v} > 0 THEN 'Infinity' ELSE '-Infinity' "
            f"END WHEN {v} = 0 OR (abs({v}) >= 1e-3 AND abs({v}) < 1e7) THEN CAST({v} AS VARCHAR) ELSE "
            f"{_scientific(v)} END"
        )

    return let(text, build)


def _scientific(v: str) -> str:
    """The kernel's digits with the point after the first one. Its own text is `1e+16`, `1.5e-05` or `10000000.0`."""

    def assemble(s: str, m: str, d: str) -> str:
        # s: the kernel's text; m: its mantissa without sign; d: the significant digits.
        rest = f"CASE WHEN length({d}) > 1 THEN {d}[2:] ELSE '0' END"
        leading = f"length(split_part({m}, '.', 1)) - 1"
        zeros = f"length(ltrim(split_part({m}, '.', 2), '0')) - length(split_part({m}, '.', 2)) - 1"
        exponent = (
            f"CASE WHEN contains({s}, 'e') THEN CAST(split_part({s}, 'e', 2) AS BIGINT) "
            f"WHEN abs({v}) >= 1 THEN {leading} ELSE {zeros} END"
        )
        return (
            f"(CASE WHEN {v} < 0 THEN '-' ELSE '' END || {d}[1] || '.' || {rest} || 'E' || CAST({exponent} AS VARCHAR))"
        )

    def from_text(s: str) -> str:
        mantissa = f"ltrim(split_part({s}, 'e', 1), '-')"
        return let(
            mantissa,
            lambda m: let(f"rtrim(ltrim(replace({m}, '.', ''), '0'), '0')", lambda d: assemble(s, m, d)),
        )

    return let(f"CAST({v} AS VARCHAR)", from_text)


def _two(text: str) -> str:
    return f"lpad(CAST({text} AS VARCHAR), 2, '0')"


_DAY_TIME_UNITS = (86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000)
_DAY_TIME_NAMES = ("DAY", "HOUR", "MINUTE", "SECOND")


def day_time(text: str, start: int, end: int) -> str:
    """INTERVAL '1 02:03:04.5' DAY TO SECOND."""

    def build(v: str) -> str:
        pieces: list[str] = []
        for unit in range(start, end + 1):
            size = _DAY_TIME_UNITS[unit]
            whole = f"abs({v}::HUGEINT) // {size}"
            part = whole if unit == start else f"{whole} % {_DAY_TIME_UNITS[unit - 1] // size}"
            separator = "" if unit == start else (" " if unit == 1 else ":")
            shown = f"CAST({part} AS VARCHAR)" if unit == 0 else _two(part)
            pieces.append(f"'{separator}' || {shown}")
            if unit == 3:
                pieces.append(
                    f"CASE WHEN {v} % 1000000 = 0 THEN '' ELSE '.' || "
                    f"rtrim(lpad(CAST(abs({v} % 1000000) AS VARCHAR), 6, '0'), '0') END"
                )
        name = _DAY_TIME_NAMES[start] if start == end else f"{_DAY_TIME_NAMES[start]} TO {_DAY_TIME_NAMES[end]}"
        return f"('INTERVAL ''' || CASE WHEN {v} < 0 THEN '-' ELSE '' END || {' || '.join(pieces)} || ''' {name}')"

    return let(text, build)


def year_month(text: str, start: int, end: int) -> str:
    """INTERVAL '1-2' YEAR TO MONTH."""

    def build(v: str) -> str:
        sign = f"CASE WHEN {v} < 0 THEN '-' ELSE '' END"
        if (start, end) == (0, 1):
            shown = f"CAST(abs({v}::BIGINT) // 12 AS VARCHAR) || '-' || CAST(abs({v}::BIGINT) % 12 AS VARCHAR)"
            return f"('INTERVAL ''' || {sign} || {shown} || ''' YEAR TO MONTH')"
        amount, name = (f"abs({v}::BIGINT) // 12", "YEAR") if end == 0 else (f"abs({v}::BIGINT)", "MONTH")
        return f"('INTERVAL ''' || {sign} || CAST({amount} AS VARCHAR) || ''' {name}')"

    return let(text, build)


def calendar(text: str) -> str:
    """`1 years 2 months 3 days 4 hours 5 minutes 6 seconds`."""

    def build(v: str) -> str:
        # Parts that are zero are left out; `0 seconds` when all are.
        months = f"(datepart('year', {v}) * 12 + datepart('month', {v}))"
        micros = (
            f"(datepart('hour', {v}) * 3600000000 + datepart('minute', {v}) * 60000000 + datepart('microsecond', {v}))"
        )
        parts = [
            (f"{months} // 12", "years"),
            (f"{months} % 12", "months"),
            (f"datepart('day', {v})", "days"),
            (f"{micros} // 3600000000", "hours"),
            (f"{micros} // 60000000 % 60", "minutes"),
        ]
        texts = [f"CASE WHEN {p} <> 0 THEN CAST({p} AS VARCHAR) || ' {name}' END" for p, name in parts]
        rest = f"({micros} % 60000000)"
        seconds = (
            f"CASE WHEN {rest} <> 0 THEN CASE WHEN {rest} < 0 THEN '-' ELSE '' END || "
            f"CAST(abs({rest}) // 1000000 AS VARCHAR) || CASE WHEN {rest} % 1000000 <> 0 THEN '.' || "
            f"rtrim(lpad(CAST(abs({rest}) % 1000000 AS VARCHAR), 6, '0'), '0') ELSE '' END || ' seconds' END"
        )
        joined = f"concat_ws(' ', {', '.join([*texts, seconds])})"
        return f"CASE WHEN {v} IS NOT NULL THEN coalesce(nullif({joined}, ''), '0 seconds') END"

    return let(text, build)


def _inner(v: str, dtype: t.DataType, zone: str) -> str:
    return f"coalesce({as_string(v, dtype, zone)}, 'null')"


def _array(text: str, element: t.DataType, zone: str) -> str:
    name = name_for(text)
    return (
        f"('[' || array_to_string(list_transform({text}, lambda {name}: {_inner(name, element, zone)}), ', ') || ']')"
    )


def _map(text: str, source: t.MapType, zone: str) -> str:
    name = name_for(text)
    entry = f"{_inner(f'{name}.key', source.key, zone)} || ' -> ' || {_inner(f'{name}.value', source.value, zone)}"
    entries = f"list_transform(map_entries({text}), lambda {name}: {entry})"
    return f"('{{' || array_to_string({entries}, ', ') || '}}')"


def _struct(text: str, source: t.StructType, zone: str) -> str:
    def build(v: str) -> str:
        fields = [_inner(f"struct_extract_at({v}, {i + 1})", f.dtype, zone) for i, f in enumerate(source.fields)]
        shown = " || ', ' || ".join(fields) if fields else "''"
        return f"CASE WHEN {v} IS NOT NULL THEN '{{' || {shown} || '}}' END"

    return let(text, build)
