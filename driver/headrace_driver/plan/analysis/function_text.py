"""Functions that Spark does not print as a name with arguments in brackets, or prints by the types of its arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import (
    Alias,
    Expression,
    Literal,
    UnresolvedAttribute,
    UnresolvedFunction,
    UnresolvedStar,
)


class Printer(Protocol):
    """Prints the arguments (see `naming.Namer`)."""

    def text(self, e: Expression, /) -> str:
        """The expression in one line."""
        ...

    def texts(self, many: Sequence[Expression], /) -> list[str]:
        """Each of them in one line."""
        ...

    def type_of(self, e: Expression, /) -> t.DataType | None:
        """None: not known."""
        ...

    def argument_texts(self, e: UnresolvedFunction, name: str, /) -> list[str]:
        """The arguments, stars as the columns they stand for."""
        ...


def _not(printer: Printer, e: UnresolvedFunction) -> str:
    return f"(NOT {printer.text(e.args[0])})"


def _negated_equal(printer: Printer, e: UnresolvedFunction) -> str:
    return f"(NOT ({printer.text(e.args[0])} = {printer.text(e.args[1])}))"


def _negative(printer: Printer, e: UnresolvedFunction) -> str | None:
    """`-x`; the call `negative(x)` keeps its name."""
    if not e.origin.fragment.startswith("-"):
        return None
    return f"(- {printer.text(e.args[0])})" if len(e.args) == 1 else None


def _positive(printer: Printer, e: UnresolvedFunction) -> str | None:
    return f"(+ {printer.text(e.args[0])})"


def _plus(printer: Printer, e: UnresolvedFunction) -> str | None:
    """`+`, which with dates and intervals is another function."""
    if len(e.args) == 1:
        return f"(+ {printer.text(e.args[0])})"
    left, right = (printer.type_of(a) for a in e.args)
    a, b = e.args
    if isinstance(right, t.DateType | t.TimestampType | t.TimestampNTZType):
        a, b, left, right = b, a, right, left
    return _shifted(printer, a, b, left, right, "+", "date_add")


def _minus(printer: Printer, e: UnresolvedFunction) -> str | None:
    if len(e.args) == 1:
        return f"(- {printer.text(e.args[0])})"
    left, right = (printer.type_of(a) for a in e.args)
    return _shifted(printer, e.args[0], e.args[1], left, right, "-", "date_sub")


def _shifted(
    printer: Printer,
    a: Expression,
    b: Expression,
    left: t.DataType | None,
    right: t.DataType | None,
    sign: str,
    by_days: str,
) -> str | None:
    if not isinstance(left, t.DateType | t.TimestampType | t.TimestampNTZType):
        return None
    first, second = printer.text(a), printer.text(b)
    if isinstance(left, t.DateType):
        if isinstance(right, t.IntegerType | t.ShortType | t.ByteType):
            return f"{by_days}({first}, {second})"
        if isinstance(right, t.DayTimeIntervalType) and right.start == right.end == 0:
            days = f"extractansiintervaldays({second})"
            return f"date_add({first}, {days if sign == '+' else f'(- {days})'})"
    if isinstance(right, t.DayTimeIntervalType | t.YearMonthIntervalType | t.CalendarIntervalType):
        return f"{first} {sign} {second}"
    return None


def _is_null(printer: Printer, e: UnresolvedFunction) -> str:
    return f"({printer.text(e.args[0])} IS {'NOT ' if e.name[-1].lower() == 'isnotnull' else ''}NULL)"


def _truth(printer: Printer, e: UnresolvedFunction) -> str:
    return f"({printer.text(e.args[0])} <=> {e.name[-1].lower()[2:]})"


def _in(printer: Printer, e: UnresolvedFunction) -> str:
    return f"({printer.text(e.args[0])} IN ({', '.join(printer.texts(e.args[1:]))}))"


def _like(printer: Printer, e: UnresolvedFunction) -> str:
    texts = printer.texts(e.args)
    if len(texts) == 3 and texts[2] != "\\":
        return f"{texts[0]} {e.name[-1].upper()} {texts[1]} ESCAPE '{texts[2]}'"
    return f"{texts[0]} {e.name[-1].upper()} {texts[1]}"


def _ilike(printer: Printer, e: UnresolvedFunction) -> str:
    return f"ilike({', '.join(printer.texts(e.args[:2]))})"


def _when(printer: Printer, e: UnresolvedFunction) -> str:
    texts = printer.texts(e.args)
    whens = [f"WHEN {c} THEN {v}" for c, v in zip(texts[0::2], texts[1::2], strict=False)]
    otherwise = f" ELSE {texts[-1]}" if len(texts) % 2 else ""
    return f"CASE {' '.join(whens)}{otherwise} END"


def _if(printer: Printer, e: UnresolvedFunction) -> str:
    return f"(IF({', '.join(printer.texts(e.args))}))"


def _bit_not(printer: Printer, e: UnresolvedFunction) -> str:
    return f"~{printer.text(e.args[0])}"


def _log(printer: Printer, e: UnresolvedFunction) -> str:
    texts = printer.texts(e.args)
    return f"LOG({', '.join(texts if len(texts) > 1 else ['E()', *texts])})"


def _extract_part(printer: Printer, e: UnresolvedFunction) -> str:
    texts = printer.texts(e.args)
    return f"extract({texts[0]} FROM {texts[1]})"


def _position(printer: Printer, e: UnresolvedFunction) -> str:
    texts = printer.texts(e.args)
    return f"{e.name[-1].lower()}({', '.join(texts if len(texts) > 2 else [*texts, '1'])})"


def _struct(printer: Printer, e: UnresolvedFunction) -> str:
    if any(isinstance(a, UnresolvedStar) for a in e.args):
        return f"struct({', '.join(printer.argument_texts(e, 'struct'))})"
    parts = [printer.text(a.child if isinstance(a, Alias) else a) for a in e.args]
    if e.origin.fragment.startswith("("):
        named = [
            f"{a.parts[-1] if isinstance(a, UnresolvedAttribute) else f'col{i}'}, {part}"
            for i, (a, part) in enumerate(zip(e.args, parts, strict=True), 1)
        ]
        return f"named_struct({', '.join(named)})"
    if any(isinstance(a, Alias) for a in e.args):
        parts = [f"{p} AS {a.name}" if isinstance(a, Alias) else p for p, a in zip(parts, e.args, strict=True)]
    return f"struct({', '.join(parts)})"


def _trim(printer: Printer, e: UnresolvedFunction) -> str | None:
    if len(e.args) < 2:
        return None
    side = {"trim": "BOTH", "btrim": "BOTH", "ltrim": "LEADING", "rtrim": "TRAILING"}[e.name[-1].lower()]
    texts = printer.texts(e.args)
    if e.name[-1].lower() == "btrim":
        return f"btrim({', '.join(texts)})"
    return f"TRIM({side} {texts[0]} FROM {texts[1]})"


def _date_part(printer: Printer, e: UnresolvedFunction) -> str:
    return f"{e.name[-1].lower()}({' FROM '.join(printer.texts(e.args))})"


def _date_add(printer: Printer, e: UnresolvedFunction) -> str | None:
    return f"date_add({', '.join(printer.texts(e.args))})" if len(e.args) == 2 else None


def _to_char(printer: Printer, e: UnresolvedFunction) -> str | None:
    """Spark rewrites it by the type of what is formatted."""
    if len(e.args) != 2:
        return None
    dtype = printer.type_of(e.args[0])
    texts = printer.texts(e.args)
    if isinstance(dtype, t.DateType | t.TimestampType | t.TimestampNTZType):
        return f"date_format({', '.join(texts)})"
    if isinstance(dtype, t.BinaryType):
        is_varchar = e.name[-1].lower() == "to_varchar"
        if texts[1] in ("base64", "hex"):
            return f"{'to_varchar' if is_varchar else texts[1]}({texts[0]})"
        return f"{'to_varchar' if is_varchar else 'decode'}({', '.join(texts)})"
    return f"to_char({', '.join(texts)})"


def _time_window(printer: Printer, e: UnresolvedFunction) -> str | None:
    """A time window is the column `window`."""
    return "window" if len(e.args) > 1 else None


def _mode(printer: Printer, e: UnresolvedFunction) -> str | None:
    if len(e.args) == 2 and isinstance(e.args[1], Literal) and e.args[1].value is True:
        return f"mode() WITHIN GROUP (ORDER BY {printer.text(e.args[0])} DESC)"
    return None


def _raise_error(printer: Printer, e: UnresolvedFunction) -> str | None:
    if len(e.args) != 1:
        return None
    return f"raise_error(USER_RAISED_EXCEPTION, map(errorMessage, {printer.text(e.args[0])}))"


def _assert_true(printer: Printer, e: UnresolvedFunction) -> str | None:
    text = printer.text(e.args[0])
    return f"assert_true({text}, '{text}' is not true!)" if len(e.args) == 1 else None


def _convert_time_zone(printer: Printer, e: UnresolvedFunction) -> str | None:
    texts = printer.texts(e.args)
    return f"convert_timezone({', '.join(['current_timezone()', *texts])})" if len(texts) == 2 else None


SPECIAL: dict[str, Callable[[Printer, UnresolvedFunction], str | None]] = {
    "not": _not,
    "!": _not,
    "<>": _negated_equal,
    "!=": _negated_equal,
    "negative": _negative,
    "positive": _positive,
    "+": _plus,
    "-": _minus,
    "isnull": _is_null,
    "isnotnull": _is_null,
    "istrue": _truth,
    "isfalse": _truth,
    "in": _in,
    "like": _like,
    "ilike": _ilike,
    "when": _when,
    "if": _if,
    "~": _bit_not,
    "log": _log,
    "extract": _extract_part,
    "position": _position,
    "struct": _struct,
    "datepart": _date_part,
    "dateadd": _date_add,
    "mode": _mode,
    "window": _time_window,
    "to_char": _to_char,
    "to_varchar": _to_char,
    "raise_error": _raise_error,
    "assert_true": _assert_true,
    "convert_timezone": _convert_time_zone,
    "trim": _trim,
    "ltrim": _trim,
    "rtrim": _trim,
    "btrim": _trim,
}
"""By the function's name in lower case; None: it is printed as others are."""
