"""Maps without lambdas: constructors, access, keys and values."""

from __future__ import annotations

from collections.abc import Sequence

from headrace_driver.functions.coercion import cast_to, common_type, common_type_of, same_type
from headrace_driver.functions.collections import element, make, null_safe
from headrace_driver.functions.declare import (
    ARRAY,
    MAP,
    STRING,
    check_count,
    coerce,
    scalar,
)
from headrace_driver.functions.mismatch import (
    different_types,
    null_argument,
    unexpected_type,
)
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Expression, Literal
from headrace_driver.render.text import let, let_all, raising
from headrace_driver.render.types import kernel_type


def _bind_map(args: Sequence[Expression], ctx: BindContext) -> Expression:
    if len(args) % 2:
        check_count("map", args, len(args) + 1, len(args) + 1, ctx)
    keys, values = args[0::2], args[1::2]
    if not args:
        return make("map", (), t.MapType(t.NULL, t.NULL, False), ctx, null=False)
    key, value = common_type_of(k.dtype for k in keys), common_type_of(v.dtype for v in values)
    if key is None or value is None:
        raise different_types("map", keys if key is None else values, ctx)
    given: list[Expression] = []
    for k, v in zip(keys, values, strict=True):
        given.extend((cast_to(k, key), cast_to(v, value)))
    nullable = any(v.nullable for v in given[1::2])
    return make("map", given, t.MapType(key, value, nullable), ctx, null=False)


def checked_map(keys: str, values: str) -> str:
    """A map of two lists; null and repeated keys raise Spark's errors."""

    def build(names: list[str]) -> str:
        k, v = names
        null_key = raising("NULL_MAP_KEY")
        repeated = f"list_filter({k}, lambda x, i: list_position({k}, x) < i)[1]"
        policy = {"mapKeyDedupPolicy": '"spark.sql.mapKeyDedupPolicy"'}
        twice = raising("DUPLICATED_MAP_KEY", policy, key=f"CAST({repeated} AS VARCHAR)")
        return (
            f"CASE WHEN len(list_filter({k}, lambda x: x IS NULL)) > 0 THEN {null_key} "
            f"WHEN len(list_distinct({k})) < len({k}) THEN {twice} ELSE MAP({k}, {v}) END"
        )

    return let_all([keys, values], build)


def _render_map(c: Call, args: Sequence[str]) -> str:
    if not args:
        return f"MAP([], [])::{kernel_type(c.type)}"
    keys, values = f"[{', '.join(args[0::2])}]", f"[{', '.join(args[1::2])}]"
    literals = [a.value for a in c.args[0::2] if isinstance(a, Literal)]
    if len(literals) == len(c.args) // 2 and None not in literals and len(set(literals)) == len(literals):
        return f"MAP({keys}, {values})"
    return checked_map(keys, values)


def _bind_map_get(args: Sequence[Expression], ctx: BindContext) -> Expression:
    source, key = args
    assert isinstance(source.dtype, t.MapType)
    dtype = common_type(source.dtype.key, key.dtype)
    if dtype is None or not same_type(dtype, source.dtype.key):
        if dtype is None:
            raise unexpected_type(ctx.display or "element_at", args, 1, f'"{source.dtype.key.sql}"', ctx)
        source = cast_to(source, t.MapType(dtype, source.dtype.value, source.dtype.value_contains_null))
    assert isinstance(source.dtype, t.MapType)
    return make("map_get", (source, cast_to(key, dtype)), source.dtype.value, ctx, null=True)


def _key(args: Sequence[Expression]) -> t.DataType:
    assert isinstance(args[0].dtype, t.MapType)
    return t.ArrayType(args[0].dtype.key, False)


def _value(args: Sequence[Expression]) -> t.DataType:
    assert isinstance(args[0].dtype, t.MapType)
    return t.ArrayType(args[0].dtype.value, args[0].dtype.value_contains_null)


def _entries(args: Sequence[Expression]) -> t.DataType:
    source = args[0].dtype
    assert isinstance(source, t.MapType)
    fields = (t.StructField("key", source.key, False), t.StructField("value", source.value, source.value_contains_null))
    return t.ArrayType(t.StructType(fields), False)


def _bind_map_concat(args: Sequence[Expression], ctx: BindContext) -> Expression:
    if not args:
        return _bind_map((), ctx)
    dtype = common_type_of(a.dtype for a in args)
    if not isinstance(dtype, t.MapType):
        raise different_types("map_concat", args, ctx)
    return make("map_concat", [cast_to(a, dtype) for a in args], dtype, ctx)


def _map_concat(c: Call, args: Sequence[str]) -> str:
    def build(names: list[str]) -> str:
        keys = f"flatten([{', '.join(f'map_keys({n})' for n in names)}])"
        values = f"flatten([{', '.join(f'map_values({n})' for n in names)}])"
        return null_safe(names, checked_map(keys, values))

    return let_all(list(args), build)


def _map_from_arrays(c: Call, args: Sequence[str]) -> str:
    return let_all(list(args), lambda n: null_safe(n, checked_map(n[0], n[1])))


def _arrays_to_map(args: Sequence[Expression]) -> t.DataType:
    values = args[1].dtype
    assert isinstance(values, t.ArrayType)
    return t.MapType(element(args[0]), values.element, values.contains_null)


def _entries_to_map(args: Sequence[Expression]) -> t.DataType:
    struct = element(args[0])
    assert isinstance(struct, t.StructType)
    return t.MapType(struct.fields[0].dtype, struct.fields[1].dtype, struct.fields[1].nullable)


def _map_from_entries(c: Call, args: Sequence[str]) -> str:
    def build(a: str) -> str:
        keys = f"list_transform({a}, lambda x: struct_extract_at(x, 1))"
        values = f"list_transform({a}, lambda x: struct_extract_at(x, 2))"
        return (
            f"CASE WHEN {a} IS NOT NULL AND len(list_filter({a}, lambda x: x IS NULL)) = 0 "
            f"THEN {checked_map(keys, values)} END"
        )

    return let(args[0], build)


def _str_to_map(c: Call, args: Sequence[str]) -> str:
    def build(names: list[str]) -> str:
        s, pair, kv = names
        pairs = f"regexp_split_to_array({s}, {pair})"
        keys = f"list_transform({pairs}, lambda x: regexp_split_to_array(x, {kv})[1])"
        # The value is all after the first separator.
        values = (
            f"list_transform({pairs}, lambda x: CASE WHEN regexp_matches(x, {kv}) THEN "
            f"regexp_extract(x, '(?s)^.*?(?:' || {kv} || ')(.*)$', 1) END)"
        )
        return null_safe(names, checked_map(keys, values))

    return let_all(list(args), build)


def _bind_contains_key(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("map_contains_key", args, 2, 2, ctx)
    if any(isinstance(a.dtype, t.NullType) for a in args):
        raise null_argument("map_contains_key", args, ctx)
    (source,) = coerce("map_contains_key", [MAP], args[:1], ctx)
    assert isinstance(source.dtype, t.MapType)
    dtype = common_type(source.dtype.key, args[1].dtype)
    if dtype is None:
        raise different_types("map_contains_key", args, ctx)
    wanted = t.MapType(dtype, source.dtype.value, source.dtype.value_contains_null)
    return make("map_contains_key", (cast_to(source, wanted), cast_to(args[1], dtype)), t.BOOLEAN, ctx)


def _contains_key(c: Call, args: Sequence[str]) -> str:
    return let(args[1], lambda k: f"CASE WHEN {k} IS NOT NULL THEN map_contains({args[0]}, {k}) END")


def _register_maps() -> None:
    REGISTRY.add(Function("map", FunctionKind.SCALAR, _bind_map, _render_map))
    REGISTRY.add(Function("map_get", FunctionKind.SCALAR, _bind_map_get, lambda c, a: f"{a[0]}[{a[1]}]"))
    scalar("map_keys", [MAP], _key, "map_keys({0})")
    scalar("map_values", [MAP], _value, "map_values({0})")
    scalar("map_entries", [MAP], _entries, "map_entries({0})")
    REGISTRY.add(Function("map_contains_key", FunctionKind.SCALAR, _bind_contains_key, _contains_key))
    REGISTRY.add(Function("map_concat", FunctionKind.SCALAR, _bind_map_concat, _map_concat, raises=True))
    scalar("map_from_arrays", [ARRAY, ARRAY], _arrays_to_map, _map_from_arrays, raises=True)
    scalar("map_from_entries", [ARRAY], _entries_to_map, _map_from_entries, raises=True, null=True)
    scalar(
        "str_to_map",
        [STRING, STRING, STRING],
        t.MapType(t.STRING, t.STRING),
        _str_to_map,
        defaults=(Literal(",", t.STRING), Literal(":", t.STRING)),
        raises=True,
    )


_register_maps()
