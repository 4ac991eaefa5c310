"""to_number and to_char with number formats such as '99,999.9S'."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from headrace_driver.errors import SparkError, unsupported
from headrace_driver.functions.coercion import cast_to
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
    return NumberFormat(groups, found[4] or "", bool(found[2] or found[5]), found[1] or found[6] or "", bool(found[1]))


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
    parsed = parse_format(form.value)
    if not isinstance(value.dtype, t.DecimalType):
        value = cast_to(value, t.DecimalType(38, len(parsed.fraction)))
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
    form = c.args[1]
    assert isinstance(form, Literal)
    parsed = parse_format(form.value)
    places, width = len(parsed.fraction), parsed.integral_digits
    flat = "".join(parsed.groups)
    least = len(flat) - flat.index("0") if "0" in flat else 0
    source = c.args[0].dtype
    assert isinstance(source, t.DecimalType)
    rounded = f"CAST(abs({{v}}) AS DECIMAL({min(38, source.precision + places + 1)},{places}))"

    def build(v: str) -> str:
        text = f"CAST({rounded.replace('{v}', v)} AS VARCHAR)"

        def laid_out(s: str) -> str:
            whole = f"ltrim(split_part({s}, '.', 1), '0')"
            digits = f"lpad(lpad({whole}, CAST(greatest({least}, length({whole})) AS INTEGER), '0'), {width}, ' ')"
            fraction = f" || '.' || split_part({s}, '.', 2)" if places else ""
            body = let(digits, lambda d: _grouped(d, parsed))
            overflow = quote("#" * len(form.value))
            shown = f"{body}{fraction}"
            signed = _signed(v, f"({shown})", parsed)
            return f"CASE WHEN length({whole}) > {width} THEN {overflow} ELSE {signed} END"

        return let(text, laid_out)

    return let(args[0], build)


def _grouped(d: str, form: NumberFormat) -> str:
    """The padded digits with commas between groups, spaces where there is nothing before."""
    pieces: list[str] = []
    position = 1
    for index, group in enumerate(form.groups):
        if index:
            pieces.append(f"CASE WHEN trim(left({d}, {position - 1})) = '' THEN ' ' ELSE ',' END")
        pieces.append(f"substring({d}, {position}, {len(group)})")
        position += len(group)
    return " || ".join(pieces)


def _signed(v: str, body: str, form: NumberFormat) -> str:
    if form.dollar:
        body = f"('$' || {body})"
    negative = f"{v} < 0"
    match form.sign, form.sign_first:
        case "PR", _:
            return f"CASE WHEN {negative} THEN '<' || {body} || '>' ELSE {body} END"
        case "S", True:
            return f"(CASE WHEN {negative} THEN '-' ELSE '+' END || {body})"
        case "S", False:
            return f"({body} || CASE WHEN {negative} THEN '-' ELSE '+' END)"
        case "MI", True:
            return f"(CASE WHEN {negative} THEN '-' ELSE ' ' END || {body})"
        case "MI", False:
            return f"({body} || CASE WHEN {negative} THEN '-' ELSE ' ' END)"
    return body


def _register() -> None:
    _bind_to_number("to_number")
    _bind_to_number("try_to_number")
    REGISTRY.add(Function("to_char", FunctionKind.SCALAR, _bind_to_char), "to_varchar")
    internal("format_decimal", _format_decimal)


_register()
