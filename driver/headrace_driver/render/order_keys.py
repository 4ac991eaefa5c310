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
