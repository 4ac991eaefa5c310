"""Pieces of kernel text: quoting, raising errors, naming an intermediate value."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Mapping

_ATOM = re.compile(
    r"[A-Za-z_][A-Za-z0-9_.]*|-?[0-9][0-9.]*|'(?:[^']|'')*'(?:::[A-Z]+)?|\(-?[0-9]+\)::[A-Z]+|[0-9]+::[A-Z]+"
)

ELEMENTS_MAX = 2_147_483_632
"""Elements of an array, bytes of a string: Spark's ByteArrayMethods.MAX_ROUNDED_ARRAY_LENGTH."""


def quote(text: str) -> str:
    """A string constant."""
    return "'" + text.replace("'", "''") + "'"


def name_for(value: str) -> str:
    """A lambda parameter's name, made of what it stands for: the same plan gives the same text every time."""
    return f"v{zlib.crc32(value.encode()):x}_"


def is_atom(text: str) -> bool:
    """A column, a parameter or a constant: as cheap to repeat as to name."""
    return _ATOM.fullmatch(text) is not None


def let(value: str, body: Callable[[str], str]) -> str:
    """`body` over a value that it uses more than once, computed once."""
    if is_atom(value):
        return body(value)
    name = name_for(value)
    return f"list_transform([{value}], lambda {name}: {body(name)})[1]"


def let_all(values: list[str], body: Callable[[list[str]], str]) -> str:
    """`let` of several values."""

    def bind(rest: list[str], named: list[str]) -> str:
        if not rest:
            return body(named)
        return let(rest[0], lambda name: bind(rest[1:], [*named, name]))

    return bind(values, [])


def not_negative(text: str) -> str:
    """A count with negative ones as zero; null stays null, which the kernel's greatest() would skip."""
    return text if text.isdigit() else f"({text} * CAST({text} > 0 AS INTEGER))"


def bounded_count(text: str, function: str, parameter: str = "count") -> str:
    """A count as `not_negative`; one beyond the elements of a Spark array raises before the kernel makes them."""
    if text.isdigit() and int(text) <= ELEMENTS_MAX:
        return text
    bad = too_many(f"CAST({text} AS VARCHAR)", function, parameter)
    return f"CASE WHEN {text} > {ELEMENTS_MAX} THEN {bad} ELSE {not_negative(text)} END"


def too_many(count: str, function: str, parameter: str = "count") -> str:
    """Kernel text that raises for so many (a kernel text of a string) elements."""
    known = {"maxRoundedArrayLength": str(ELEMENTS_MAX), "functionName": f"`{function}`", "parameter": f"`{parameter}`"}
    return raising("COLLECTION_SIZE_LIMIT_EXCEEDED.PARAMETER", known, numberOfElements=count)


def raising(error_class: str, constants: Mapping[str, str] | None = None, **values: str) -> str:
    """Kernel text that raises a Spark error. `constants` are parameter values known now, `values` kernel texts
    of strings known then. The text has the type the context wants."""
    if not values:
        return f"error({quote(f'HR|{error_class}|{json.dumps(dict(constants or {}), ensure_ascii=False)}')})"
    pairs = [f"{quote(k)}, {quote(v)}" for k, v in (constants or {}).items()]
    pairs.extend(f"{quote(k)}, {v}" for k, v in values.items())
    return f"error({quote(f'HR|{error_class}|')} || json_object({', '.join(pairs)}))"
