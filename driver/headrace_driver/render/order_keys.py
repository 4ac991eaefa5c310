"""Keys by which values of nested types sort as in Spark, where a null inside is the smallest value.

The kernel takes nulls inside structs and lists for the largest. A field that may be null is therefore preceded, in the
key, by whether it is there.
"""

from __future__ import annotations

from headrace_driver.plan import types as t
from headrace_driver.render.text import let, name_for


def needs_key(dtype: t.DataType) -> bool:
    """Whether values of the type may hold nulls that the kernel would sort otherwise."""
    match dtype:
        case t.ArrayType(element, contains_null):
            return contains_null or needs_key(element)
        case t.StructType(fields):
            return any(f.nullable or needs_key(f.dtype) for f in fields)
    return False


def order_key(text: str, dtype: t.DataType, *, always: bool = False) -> str:
    """A value that the kernel compares as Spark compares `text`; null where that is null.

    With `always` nested values get the form of a key though no null can be inside: another that is compared may have
    one.
    """
    if not (needs_key(dtype) or (always and isinstance(dtype, t.ArrayType | t.StructType))):
        return text
    if isinstance(dtype, t.ArrayType):
        name = name_for(text)
        part = f"{{'p': {name} IS NOT NULL, 'v': {order_key(name, dtype.element, always=always)}}}"
        return f"list_transform({text}, lambda {name}: {part})"
    assert isinstance(dtype, t.StructType)
    fields = dtype.fields

    def build(v: str) -> str:
        parts: list[str] = []
        for i, field in enumerate(fields):
            value = f"struct_extract_at({v}, {i + 1})"
            parts.append(f"'p{i}': {value} IS NOT NULL, 'v{i}': {order_key(value, field.dtype, always=always)}")
        return f"CASE WHEN {v} IS NOT NULL THEN {{{', '.join(parts)}}} END"

    return let(text, build)


def keyed_list(text: str, dtype: t.ArrayType) -> str:
    """A list of {k: key, v: value}, which the kernel compares as Spark compares the values; nulls stay nulls."""
    name = name_for(text)
    pair = f"{{'k': {order_key(name, dtype.element)}, 'v': {name}}}"
    return f"list_transform({text}, lambda {name}: CASE WHEN {name} IS NOT NULL THEN {pair} END)"


def sorted_list(text: str, dtype: t.DataType, order: str) -> str:
    """A list sorted in the kernel's `order`, nulls inside its elements before all other values."""
    assert isinstance(dtype, t.ArrayType)
    if not needs_key(dtype.element):
        return f"list_sort({text}, {order})"
    return f"list_transform(list_sort({keyed_list(text, dtype)}, {order}), lambda pair_: pair_.v)"
