"""Values of a result as people and as scripts read them: the text of Spark's show, and what JSON can say."""

from __future__ import annotations

import math
import struct
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

_FLOAT_DIGITS = range(1, 10)
"""Nine tell every 32-bit float from its neighbours."""


def cell_text(value: Any, kind: pa.DataType) -> str:
    """As Spark's show prints a value: `NULL`, `1.0E10`, `[1, NULL]`, `{k -> 1}`, `{1, a}`."""
    if value is None:
        return "NULL"
    if pa.types.is_map(kind):
        pairs = [f"{cell_text(key, kind.key_type)} -> {cell_text(item, kind.item_type)}" for key, item in value]
        return "{" + ", ".join(pairs) + "}"
    if pa.types.is_struct(kind):
        return "{" + ", ".join(cell_text(value[field.name], field.type) for field in kind) + "}"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return "[" + ", ".join(cell_text(item, kind.value_type) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return f"[{value.hex(' ').upper()}]"
    if isinstance(value, float):
        return _java_text(value, pa.types.is_float32(kind))
    if isinstance(value, datetime):
        # Spark shows the session's wall clock and no zone.
        text = value.replace(tzinfo=None).isoformat(" ")
        return text.rstrip("0") if value.microsecond else text
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


def json_value(value: Any, kind: pa.DataType) -> Any:
    """What `json.dumps` takes: maps as objects, decimals and times as text, binary as hexadecimal digits, and floats
    that JSON has no number for as the text Spark gives them."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if pa.types.is_map(kind):
        return {cell_text(key, kind.key_type): json_value(item, kind.item_type) for key, item in value}
    if pa.types.is_struct(kind):
        return {field.name: json_value(value[field.name], field.type) for field in kind}
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [json_value(item, kind.value_type) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float):
        return value if math.isfinite(value) else _java_text(value, False)
    return str(value)


def csv_column(column: pa.Array) -> pa.Array:
    """The column as Arrow's CSV writer can write it: binary, nested values and intervals become text, as in `show`
    but for binary, which is hexadecimal digits, and NULL, which is empty."""
    kind = column.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.array([None if value is None else value.hex() for value in column.to_pylist()], pa.string())
    if pa.types.is_nested(kind) or pa.types.is_duration(kind) or pa.types.is_interval(kind):
        texts = [None if value is None else cell_text(value, kind) for value in column.to_pylist()]
        return pa.array(texts, pa.string())
    return column


def _java_text(value: float, single: bool) -> str:
    """Java's text of a double or float: plain from a thousandth to ten million, else like `1.0E10`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    shortest = _shortest_float(value) if single else repr(value)
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        plain = format(Decimal(shortest), "f")
        return plain if "." in plain else plain + ".0"
    sign, digits, exponent = Decimal(shortest).normalize().as_tuple()
    text = "".join(map(str, digits))
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{int(exponent) + len(text) - 1}"


def _shortest_float(value: float) -> str:
    packed = struct.pack("f", value)
    for digits in _FLOAT_DIGITS:
        text = f"{value:.{digits}g}"
        if struct.pack("f", float(text)) == packed:
            break
    return text
