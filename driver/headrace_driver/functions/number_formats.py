"""to_number and to_char with number formats such as '99,999.9S'."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from headrace_driver.errors import SparkError, unsupported
from headrace_driver.functions.coercion import cast_to
from headrace_driver.functions.decimals import decimal_for
from headrace_driver.functions.declare import STRING, call, check_count, coerce, internal
from headrace_driver.functions.mismatch import not_constant
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Expression, Literal
from headrace_driver.render.text import let, quote, raising
from headrace_driver.render.types import kernel_type

_FORMAT = re.compile(r"(MI|S)?(\$)?([09][09,G]*)?(?:[.D]([09]*))?(\$)?(MI|S|PR)?")


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """`groups` are the digits before the point between separators, `fraction` those after it; `sign` is S, MI, PR or
    empty, standing first or last."""

    groups: tuple[str, ...]
    fraction: str
    point: bool
    dollar: bool
    sign: str
    sign_first: bool

    @property
    def integral_digits(self) -> int:
        return sum(map(len, self.groups))

    @property
    def dtype(self) -> t.DecimalType:
        return t.DecimalType(max(1, self.integral_digits + len(self.fraction)), len(self.fraction))


def parse_format(text: str) -> NumberFormat:
    """A format of `to_number` and `to_char`; raises INVALID_FORMAT.UNEXPECTED_TOKEN."""
    found = _FORMAT.fullmatch(text.upper())
    if not found or not (found[3] or found[4]) or (found[1] and found[6]):
        raise SparkError(
            "INVALID_FORMAT.UNEXPECTED_TOKEN",
            f"The format is invalid: '{text}'.",
            {"format": f"'{text}'"},
            sql_state="42601",
        )
    groups = tuple(re.split("[,G]", found[3] or ""))
    return NumberFormat(
        groups,
        found[4] or "",
        found[4] is not None,
        bool(found[2] or found[5]),
        found[1] or found[6] or "",
        bool(found[1]),
    )


def _pattern(form: NumberFormat) -> str:
    """The regular expression of texts that the format reads."""

    def first(group: str) -> str:
        return f"[0-9]{{{len(group)}}}" if group.startswith("0") else f"[0-9]{{0,{len(group)}}}"

    integral = first(form.groups[-1])
    tail = f"[0-9]{{{len(form.groups[-1])}}}"
    for group in reversed(form.groups[:-1]):
        leading = first(group) if group.startswith("0") else f"[0-9]{{1,{len(group)}}}"
        integral = f"(?:{leading},{tail}|{integral})"
        tail = f"[0-9]{{{len(group)}}},{tail}"
    digits = integral + (rf"(?:\.[0-9]{{0,{len(form.fraction)}}})?" if form.fraction else r"\.?")
    if form.dollar:
        digits = r"\$" + digits
    match form.sign, form.sign_first:
        case "PR", _:
            return f"(?:<{digits}>|{digits})"
        case "S", True:
            return f"[+-]?{digits}"
        case "S", False:
            return f"{digits}[+-]?"
        case "MI", True:
            return f"-?{digits}"
        case "MI", False:
            return f"{digits}-?"
    return digits


def _bind_to_number(name: str) -> None:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 2, 2, ctx)
        text, form = coerce(name, [STRING, STRING], args, ctx)
        if not isinstance(form, Literal) or form.value is None:
            raise not_constant(name, args, 1, ctx)
        return Call(name, (text, form), parse_format(form.value).dtype, True, ctx.display or name, ctx.origin)

    def render(c: Call, args: Sequence[str]) -> str:
        form = c.args[1]
        assert isinstance(form, Literal)
        parsed = parse_format(form.value)

        def build(s: str) -> str:
            digits = f"regexp_replace({s}, '[^0-9.]', '', 'g')"
            number = (
                f"CAST(CASE WHEN regexp_matches({s}, '[-<]') THEN '-' ELSE '' END || {digits} AS {kernel_type(c.type)})"
            )
            valid = f"regexp_full_match({s}, {quote(_pattern(parsed))}) AND regexp_matches({s}, '[0-9]')"
            mismatch = raising(
                "INVALID_FORMAT.MISMATCH_INPUT", {"inputType": '"STRING"', "format": form.value}, input=s
            )
            other = "NULL" if name.startswith("try") else mismatch
            return f"CASE WHEN {valid} THEN {number} WHEN {s} IS NOT NULL THEN {other} END"

        return let(f"trim({args[0]})", build)

    REGISTRY.add(Function(name, FunctionKind.SCALAR, bind, render, raises=not name.startswith("try")))


def _bind_to_char(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("to_char", args, 2, 2, ctx)
    value = args[0]
    if isinstance(value.dtype, t.DateType | t.TimestampType | t.TimestampNTZType):
        return call("date_format", args, ctx)
    form = cast_to(args[1], t.STRING)
    if not isinstance(form, Literal) or form.value is None:
        raise not_constant("to_char", args, 1, ctx)
    if isinstance(value.dtype, t.BinaryType):
        return _binary_to_char(value, form.value.lower(), ctx)
    parse_format(form.value)
    if not isinstance(value.dtype, t.DecimalType):
        value = cast_to(value, decimal_for(value.dtype) or t.DecimalType(38, 18))
    return Call("format_decimal", (value, form), t.STRING, value.nullable, ctx.display or "to_char", ctx.origin)


def _binary_to_char(value: Expression, form: str, ctx: BindContext) -> Expression:
    if form == "hex":
        return call("hex", (value,), ctx)
    if form == "base64":
        return call("base64", (value,), ctx)
    if form == "utf-8":
        return cast_to(value, t.STRING)
    raise unsupported(f"to_char of binary values with the format '{form}'")


def _format_decimal(c: Call, args: Sequence[str]) -> str:
    """The value laid out as Spark does it, token after token. What has more digits than the format becomes #."""
    form = c.args[1]
    assert isinstance(form, Literal)
    parsed = parse_format(form.value)
    width, places = parsed.integral_digits, len(parsed.fraction)

    def build(names: list[str]) -> str:
        v, s = names
        whole = f"ltrim(split_part({s}, '.', 1), '0')"
        fraction = f"rtrim(split_part({s}, '.', 2), '0')"
        beyond = f"(length({whole}) > {width} OR length({fraction}) > {places})"
        digits = f"CASE WHEN {beyond} THEN '{'#' * width}' ELSE lpad({whole}, {width}, ' ') END"
        tail = f"CASE WHEN {beyond} THEN '{'#' * places}' ELSE rpad({fraction}, {places}, '0') END"
        return let(digits, lambda d: _laid_out(f"{v} < 0", _grouped(d, parsed), tail, parsed))

    return let(args[0], lambda v: let(f"CAST(abs({v}) AS VARCHAR)", lambda s: build([v, s])))


def _grouped(d: str, form: NumberFormat) -> str:
    """The padded digits, zeros in groups that start with one, commas behind digits."""
    pieces: list[str] = []
    position = 1
    for index, group in enumerate(form.groups):
        if index:
            last = "'0'" if form.groups[index - 1].startswith("0") else f"substring({d}, {position - 1}, 1)"
            pieces.append(f"CASE WHEN {last} BETWEEN '0' AND '9' THEN ',' ELSE ' ' END")
        digits = f"substring({d}, {position}, {len(group)})"
        pieces.append(f"replace({digits}, ' ', '0')" if group.startswith("0") else digits)
        position += len(group)
    return " || ".join(pieces) or "''"


_MARKS = {"S": ("-", "+"), "MI": ("-", " "), "PR": ("<", "")}
"""What stands before negative and other values."""


def _laid_out(negative: str, digits: str, tail: str, form: NumberFormat) -> str:
    """Signs stand next to the digits, spaces before or behind both."""
    below, otherwise = _MARKS.get(form.sign, ("", ""))
    sign = f"CASE WHEN {negative} THEN '{below}' ELSE '{otherwise}' END"
    body = f"('$' || {digits})" if form.dollar else f"({digits})"
    if form.sign_first or form.sign == "PR":
        body = let(body, lambda b: f"({_leading_spaces(b)} || {sign} || ltrim({b}, ' '))")
    if form.point:
        # Without a whole part the last space before the point is a zero.
        zero = "left({b}, length({b}) - 1) || '0'"
        body = let(body, lambda b: f"(CASE WHEN right({b}, 1) = ' ' THEN {zero.format(b=b)} ELSE {b} END)")
        point = f"'.' || {tail}" if form.fraction else "' '"
        body = f"({body} || {point})"
    if form.sign and not form.sign_first:
        body = let(body, lambda b: _signed_behind(b, negative, form.sign))
    return let(body, lambda b: f"CASE WHEN {b} IN ('', '+', '-') THEN '0' ELSE {b} END")


def _leading_spaces(b: str) -> str:
    return f"left({b}, length({b}) - length(ltrim({b}, ' ')))"


def _signed_behind(b: str, negative: str, sign: str) -> str:
    def marked(mark: str) -> str:
        return f"rtrim({b}, ' ') || '{mark}' || right({b}, length({b}) - length(rtrim({b}, ' ')))"

    below, otherwise = {
        "S": (marked("-"), marked("+")),
        "MI": (marked("-"), f"{b} || ' '"),
        "PR": (marked(">"), f"{b} || '  '"),
    }[sign]
    return f"(CASE WHEN {negative} THEN {below} ELSE {otherwise} END)"


def _register() -> None:
    _bind_to_number("to_number")
    _bind_to_number("try_to_number")
    REGISTRY.add(Function("to_char", FunctionKind.SCALAR, _bind_to_char), "to_varchar")
    internal("format_decimal", _format_decimal)


_register()
