"""Numbers and values put into text: format_number, format_string."""

from __future__ import annotations

import re
from collections.abc import Sequence

from headrace_driver.errors import ErrorKind, SparkError, unsupported
from headrace_driver.functions.coercion import cast_to
from headrace_driver.functions.declare import (
    ANY,
    check_count,
    scalar,
)
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Expression, Literal
from headrace_driver.render.printing import as_string, decimal_to_string
from headrace_driver.render.text import let, quote


def _format_number(c: Call, args: Sequence[str]) -> str:
    """Thousands separated by commas, so many digits after the point, half even as Java's DecimalFormat."""
    places = c.args[1]
    if not isinstance(places, Literal):
        raise unsupported("format_number with places that are not constant")
    if isinstance(places.dtype, t.StringType):
        return _pattern_number(c, args[0], places.value)
    n = places.value
    if n is None or n < 0:
        return "NULL::VARCHAR"
    value = args[0]
    if isinstance(c.args[0].dtype, t.FloatType | t.DoubleType):
        # Exact binary value, so ties are rare; the decimal's rounding is half up.
        return let(
            value,
            lambda v: (
                f"CASE WHEN isnan({v}) THEN 'NaN' WHEN isinf({v}) THEN CASE WHEN {v} > 0 THEN '∞' ELSE '-∞' END "
                f"ELSE format('{{:,.{n}f}}', CAST({v} AS DOUBLE)) END"
            ),
        )
    digits = (
        f"CAST(round_even(CAST({value} AS DECIMAL(38,{min(18, max(n, _scale(c.args[0].dtype)))})), {n}) AS VARCHAR)"
    )

    def group(s: str) -> str:
        whole = f"ltrim(split_part({s}, '.', 1), '-')"
        grouped = f"reverse(regexp_replace(reverse({whole}), '([0-9]{{3}})', '\\1,', 'g'))"
        shown = f"CASE WHEN starts_with({s}, '-') THEN '-' ELSE '' END || ltrim({grouped}, ',')"
        fraction = f" || '.' || left(rpad(split_part({s}, '.', 2), {n}, '0'), {n})" if n else ""
        return f"({shown}{fraction})"

    return let(digits, group)


def _pattern_number(c: Call, value: str, pattern: str | None) -> str:
    """Java's DecimalFormat for patterns of # 0 , and one point."""
    if pattern is None:
        return "NULL::VARCHAR"
    if not re.fullmatch(r"[#,]*[0,]*(?:\.0*#*)?", pattern):
        raise unsupported(f"format_number with the pattern '{pattern}'")
    whole, _, fraction = pattern.partition(".")
    most, least, least_whole = len(fraction), fraction.count("0"), whole.count("0")
    exact = f"CAST({value} AS VARCHAR)" if isinstance(c.args[0].dtype, t.FloatType | t.DoubleType) else value
    rounded = f"CAST(round_even(CAST({exact} AS DECIMAL(38,{min(18, most + 3)})), {most}) AS VARCHAR)"

    def shown(s: str) -> str:
        digits = f"ltrim(ltrim(split_part({s}, '.', 1), '-'), '0')"
        padded = f"lpad({digits}, CAST(greatest({least_whole}, length({digits})) AS INTEGER), '0')"
        if "," in whole:
            size = len(whole) - whole.rindex(",") - 1
            padded = f"ltrim(reverse(regexp_replace(reverse({padded}), '([0-9]{{{size}}})', '\\1,', 'g')), ',')"
        tail = f"left(split_part({s}, '.', 2), {most})" if most else "''"
        kept = f"rpad(rtrim({tail}, '0'), CAST(greatest({least}, length(rtrim({tail}, '0'))) AS INTEGER), '0')"
        point = let(kept, lambda f: f"CASE WHEN {f} = '' THEN '' ELSE '.' || {f} END")
        return f"(CASE WHEN starts_with({s}, '-') THEN '-' ELSE '' END || {padded} || {point})"

    return let(rounded, shown)


def _scale(dtype: t.DataType) -> int:
    return dtype.scale if isinstance(dtype, t.DecimalType) else 0


def _bind_format_string(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("format_string", args, 1, None, ctx)
    given = (cast_to(args[0], t.STRING), *args[1:])
    return Call("format_string", given, t.STRING, True, ctx.display or "format_string", ctx.origin)


def _render_format_string(c: Call, args: Sequence[str]) -> str:
    """Java's Formatter for %s %d %x %X %o %f %e %c %b %n %% with flags, width and precision."""
    template = c.args[0]
    if not isinstance(template, Literal):
        raise unsupported("format_string with a format that is not constant")
    if template.value is None:
        return "NULL::VARCHAR"
    return _formatted(template.value, list(zip(c.args[1:], args[1:], strict=True)))


def _formatted(template: str, values: list[tuple[Expression, str]]) -> str:
    pieces: list[str] = []
    position = index = 0
    for found in re.finditer(r"%(?:(\d+)\$)?([-#+ 0,(]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])", template):
        if found.start() > position:
            pieces.append(quote(template[position : found.start()]))
        position = found.end()
        number, flags, width, precision, conversion = found.groups()
        if conversion == "n":
            pieces.append("chr(10)")
            continue
        if conversion == "%":
            pieces.append("'%'")
            continue
        if number is None:
            index += 1
        chosen = (int(number) if number else index) - 1
        if chosen >= len(values):
            raise unsupported("format_string with fewer arguments than the format names")
        value, text = values[chosen]
        pieces.append(_conversion(conversion, flags, width, precision, value, text))
    if position < len(template):
        pieces.append(quote(template[position:]))
    return f"({' || '.join(pieces)})" if pieces else "''"


_JAVA_CLASSES: dict[type[t.DataType], str] = {
    t.BooleanType: "java.lang.Boolean",
    t.ByteType: "java.lang.Byte",
    t.ShortType: "java.lang.Short",
    t.IntegerType: "java.lang.Integer",
    t.LongType: "java.lang.Long",
    t.FloatType: "java.lang.Float",
    t.DoubleType: "java.lang.Double",
    t.DecimalType: "org.apache.spark.sql.types.Decimal",
    t.StringType: "org.apache.spark.unsafe.types.UTF8String",
}


def _check_conversion(conversion: str, value: Expression) -> None:
    """Java's Formatter converts no kind of number into another, and Spark's decimals are none of its kinds."""
    taken = (t.IntegralType,) if conversion in "doxX" else (t.FloatType, t.DoubleType)
    if isinstance(value.dtype, (*taken, t.NullType)):
        return
    given = _JAVA_CLASSES.get(type(value.dtype))
    if given is None:
        raise unsupported(f"the conversion %{conversion} of {value.dtype.name} in format_string")
    raise SparkError("", f"{conversion} != {given}", sql_state="", kind=ErrorKind.JAVA_ILLEGAL_ARGUMENT)


def _conversion(
    conversion: str, flags: str, width: str | None, precision: str | None, value: Expression, text: str
) -> str:
    if conversion in "sS":
        shown = f"coalesce({_as_java(value, text)}, 'null')"
        if precision:
            shown = f"left({shown}, {precision})"
        if conversion == "S":
            shown = f"upper({shown})"
        if width:
            shown = f"format('{{:{'<' if '-' in flags else '>'}{width}}}', {shown})"
        return shown
    if conversion in "doxXfeEgG":
        _check_conversion(conversion, value)
    if conversion in "doxX":
        spec = _spec(flags, width, None, "d" if conversion == "d" else conversion)
        number = text if conversion == "d" else _unsigned(text, value.dtype)
        missing = _null(flags, width)
        return f"coalesce(format({quote(spec)}, {number}), {missing.upper() if conversion == 'X' else missing})"
    if conversion in "feEgG":
        spec = _spec(flags, width, precision or "6", conversion)
        number = f"CAST({text} AS DOUBLE)"
        shown = _half_up(number, int(precision or "6")) if conversion == "f" else number
        return let(
            number,
            lambda v: (
                f"CASE WHEN isfinite({v}) THEN format({quote(spec)}, {shown}) "
                f"ELSE {_not_finite(v, flags, width, precision)} END"
            ),
        )
    if conversion in "bB":
        return (
            f"CAST({text} IS NOT NULL AND {text} AS VARCHAR)"
            if value.dtype == t.BOOLEAN
            else f"CAST({text} IS NOT NULL AS VARCHAR)"
        )
    if conversion in "cC":
        return f"coalesce({text if isinstance(value.dtype, t.StringType) else f'chr({text})'}, 'null')"
    raise unsupported(f"the conversion %{conversion} in format_string")


def _unsigned(text: str, dtype: t.DataType) -> str:
    """The bits of a whole number as Java shows them in other bases: those of its own width."""
    bits = 8 if dtype == t.BYTE else 16 if dtype == t.SHORT else 32 if dtype == t.INTEGER else 64
    return let(
        text, lambda v: f"CASE WHEN {v} < 0 THEN CAST({v}::HUGEINT + {1 << bits} AS UBIGINT) ELSE {v}::UBIGINT END"
    )


def _not_finite(v: str, flags: str, width: str | None, precision: str | None) -> str:
    """NaN, an infinity or a missing number, never filled with zeros; Java cuts the word null, too."""
    positive = "+Infinity" if "+" in flags else " Infinity" if " " in flags else "Infinity"
    negative = "(Infinity)" if "(" in flags else "-Infinity"
    word = (
        f"CASE WHEN {v} IS NULL THEN {quote('null'[: int(precision or 4)])} WHEN isnan({v}) THEN 'NaN' "
        f"WHEN {v} > 0 THEN '{positive}' ELSE '{negative}' END"
    )
    return f"format('{{:{'<' if '-' in flags else '>'}{width}}}', {word})" if width else word


def _half_up(number: str, places: int) -> str:
    """A double rounded as Java's Formatter does it: its shortest decimal digits, half up."""
    if places > 20:
        return number

    def rounded(v: str) -> str:
        decimal = f"CAST(TRY_CAST(CAST(abs({v}) AS VARCHAR) AS DECIMAL(38,{places})) AS DOUBLE)"
        # A decimal has no negative zero, which Java shows.
        return f"coalesce(CASE WHEN signbit({v}) THEN - {decimal} ELSE {decimal} END, {v})"

    return let(number, rounded)


def _null(flags: str, width: str | None) -> str:
    """The word for a missing number, as wide as the number would be."""
    size = int(width or 0)
    return quote("null".ljust(size) if "-" in flags else "null".rjust(size))


def _spec(flags: str, width: str | None, precision: str | None, conversion: str) -> str:
    align = "<" if "-" in flags else ""
    sign = "+" if "+" in flags else (" " if " " in flags else "")
    zero = "0" if "0" in flags and not align else ""
    comma = "," if "," in flags else ""
    return (
        "{:" + align + sign + zero + (width or "") + comma + (f".{precision}" if precision else "") + conversion + "}"
    )


def _as_java(value: Expression, text: str) -> str:
    if isinstance(value.dtype, t.DecimalType):
        return decimal_to_string(text, value.dtype)
    return as_string(text, value.dtype, "UTC")


def _register() -> None:
    scalar("format_number", [ANY, ANY], t.STRING, _format_number)
    REGISTRY.add(Function("format_string", FunctionKind.SCALAR, _bind_format_string, _render_format_string), "printf")


_register()
