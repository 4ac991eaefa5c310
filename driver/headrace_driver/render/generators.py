"""Generators as kernel text: a list of structs, one for each row a generator makes."""

from __future__ import annotations

from collections.abc import Sequence

from headrace_driver.errors import unsupported
from headrace_driver.functions.registry import REGISTRY
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Attribute, Call, Expression, Literal
from headrace_driver.render.expressions import Renderer, column_name
from headrace_driver.render.types import kernel_type


def generated_rows(generator: Expression, outer: bool, attributes: Sequence[Attribute], renderer: Renderer) -> str:
    """Kernel text of a LIST of STRUCTs with a field per attribute; `outer` turns no rows into one of nulls."""
    if not isinstance(generator, Call):
        raise unsupported(f"{type(generator).__name__} as a generator")
    names = [column_name(a) for a in attributes]
    rows = _rows(generator, names, renderer)
    if not outer:
        return rows
    nulls = ", ".join(f"{n} := CAST(NULL AS {kernel_type(a.type)})" for n, a in zip(names, attributes, strict=True))
    return f"CASE WHEN len({rows}) > 0 THEN {rows} ELSE [struct_pack({nulls})] END"


def _rows(generator: Call, names: Sequence[str], renderer: Renderer) -> str:
    args = generator.args
    texts = [renderer.expression(a) for a in args]
    match generator.name:
        case "explode":
            return _exploded(args[0], texts[0], names)
        case "posexplode":
            inner = _exploded(args[0], texts[0], [*names[1:]])
            fields = ", ".join(f"{n} := r.{n}" for n in names[1:])
            return f"list_transform({inner}, lambda r, i: struct_pack({names[0]} := CAST(i - 1 AS INTEGER), {fields}))"
        case "inline":
            element = args[0].dtype
            assert isinstance(element, t.ArrayType)
            fields = ", ".join(f"{n} := struct_extract_at(r, {i + 1})" for i, n in enumerate(names))
            return f"list_transform({texts[0]}, lambda r: struct_pack({fields}))"
        case "stack":
            return _stacked(args, texts, names)
    function = REGISTRY.find(generator.name)
    if function is not None and function.render is not None:
        rows = function.render(generator, texts)
        fields = ", ".join(f"{n} := struct_extract_at(r, {i + 1})" for i, n in enumerate(names))
        return f"list_transform({rows}, lambda r: struct_pack({fields}))"
    raise unsupported(f"the generator {generator.name}")


def _exploded(arg: Expression, text: str, names: Sequence[str]) -> str:
    if isinstance(arg.dtype, t.MapType):
        return f"list_transform(map_entries({text}), lambda r: struct_pack({names[0]} := r.key, {names[1]} := r.value))"
    return f"list_transform({text}, lambda r: struct_pack({names[0]} := r))"


def _stacked(args: Sequence[Expression], texts: Sequence[str], names: Sequence[str]) -> str:
    """stack(n, v1, v2, ...): n rows, values in reading order, nulls at the end."""
    assert isinstance(args[0], Literal)
    count, width = int(args[0].value), len(names)
    values = list(texts[1:])
    values += ["NULL"] * (count * width - len(values))
    rows = []
    for row in range(count):
        fields = ", ".join(f"{n} := {values[row * width + i]}" for i, n in enumerate(names))
        rows.append(f"struct_pack({fields})")
    return f"[{', '.join(rows)}]"
