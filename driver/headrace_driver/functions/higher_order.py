"""Functions with lambdas: transform, filter, aggregate, ... over arrays and maps."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from headrace_driver.functions.coercion import cast_to, same_type
from headrace_driver.functions.collections import make
from headrace_driver.functions.declare import BOOLEAN, Parameter, check_count, coerce
from headrace_driver.functions.maps import checked_map
from headrace_driver.functions.mismatch import unexpected_return, unexpected_type
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind, LambdaTypes
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Expression, Lambda, replace
from headrace_driver.render.order_keys import sorted_list
from headrace_driver.render.text import let, let_all

Types = Sequence[tuple[t.DataType, bool]]

# An untyped null is no array here: the lambda's parameters would have no type.
ARRAY = Parameter('"ARRAY"', lambda e: e if isinstance(e.dtype, t.ArrayType) else None)
MAP = Parameter('"MAP"', lambda e: e if isinstance(e.dtype, t.MapType) else None)


def _add(
    name: str,
    types: LambdaTypes,
    bind: Callable[[Sequence[Expression], BindContext], Expression],
    render: Callable[[Call, Sequence[str]], str],
    *aliases: str,
) -> None:
    REGISTRY.add(Function(name, FunctionKind.SCALAR, bind, render, lambda_types=types, raises=True), *aliases)


def _array_of(args: Sequence[Expression | None], index: int = 0) -> t.ArrayType:
    found = args[index]
    dtype = found.dtype if found is not None else t.NULL
    return dtype if isinstance(dtype, t.ArrayType) else t.ArrayType(t.NULL)


def _map_of(args: Sequence[Expression | None], index: int = 0) -> t.MapType:
    found = args[index]
    dtype = found.dtype if found is not None else t.NULL
    return dtype if isinstance(dtype, t.MapType) else t.MapType(t.NULL, t.NULL)


def _element_and_index(args: Sequence[Expression | None], position: int, count: int) -> Types:
    array = _array_of(args)
    return [(array.element, array.contains_null), (t.INTEGER, False)]


def _one_element(args: Sequence[Expression | None], position: int, count: int) -> Types:
    array = _array_of(args)
    return [(array.element, array.contains_null)]


def _entry(args: Sequence[Expression | None], position: int, count: int) -> Types:
    source = _map_of(args)
    return [(source.key, False), (source.value, source.value_contains_null)]


def _lambda_of(name: str, args: Sequence[Expression], index: int, ctx: BindContext) -> Lambda:
    found = args[index]
    if not isinstance(found, Lambda):
        # A value where a lambda stands is a function that ignores its parameters; Spark wants a lambda.
        raise unexpected_type(name, args, index, '"LAMBDA"', ctx)
    return found


def with_index(text: str, function: Lambda) -> str:
    """The kernel counts list positions from one and in BIGINT, Spark from zero and in INT."""
    if len(function.variables) < 2:
        return text
    index = f"v{function.variables[1].id}"
    head, body = text.split(": ", 1)
    return f"{head}: {body.replace(index, f'CAST({index} - 1 AS INTEGER)')}"


def _bind_transform(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("transform", args, 2, 2, ctx)
    (array,) = coerce("transform", [ARRAY], args[:1], ctx)
    function = _lambda_of("transform", args, 1, ctx)
    dtype = t.ArrayType(function.body.dtype, function.body.nullable)
    return make("transform", (array, function), dtype, ctx, null=array.nullable)


def _transform(c: Call, args: Sequence[str]) -> str:
    function = c.args[1]
    assert isinstance(function, Lambda)
    return f"list_transform({args[0]}, {with_index(args[1], function)})"


def _predicate(name: str, dtype: t.DataType | None) -> Callable[[Sequence[Expression], BindContext], Expression]:
    """filter, exists, forall: a lambda that gives a boolean."""

    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 2, 2, ctx)
        (array,) = coerce(name, [ARRAY], args[:1], ctx)
        function = _lambda_of(name, args, 1, ctx)
        (body,) = coerce(name, [BOOLEAN], (function.body,), ctx)
        function = replace(function, body=body)
        nullable = array.nullable or (dtype is not None and body.nullable)
        return make(name, (array, function), dtype or array.dtype, ctx, null=nullable)

    return bind


def _filter(c: Call, args: Sequence[str]) -> str:
    function = c.args[1]
    assert isinstance(function, Lambda)
    return f"list_filter({args[0]}, {with_index(args[1], function)})"


def _exists(c: Call, args: Sequence[str]) -> str:
    """Three-valued: null when no element is true and some are unknown."""

    def build(found: str) -> str:
        return (
            f"CASE WHEN list_contains({found}, true) THEN true WHEN len(list_filter({found}, "
            f"lambda x: x IS NULL)) > 0 THEN NULL WHEN {found} IS NOT NULL THEN false END"
        )

    return let(f"list_transform({args[0]}, {args[1]})", build)


def _forall(c: Call, args: Sequence[str]) -> str:
    def build(found: str) -> str:
        return (
            f"CASE WHEN list_contains({found}, false) THEN false WHEN "
            f"len(list_filter({found}, lambda x: x IS NULL)) > 0 THEN NULL WHEN {found} IS "
            "NOT NULL THEN true END"
        )

    return let(f"list_transform({args[0]}, {args[1]})", build)


def _aggregate_types(args: Sequence[Expression | None], position: int, count: int) -> Types:
    zero = args[1]
    accumulator = (zero.dtype if zero is not None else t.NULL, True)
    if position == 2:
        array = _array_of(args)
        return [accumulator, (array.element, array.contains_null)]
    return [accumulator]


def _bind_aggregate(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("aggregate", args, 3, 4, ctx)
    (array,) = coerce("aggregate", [ARRAY], args[:1], ctx)
    zero, merge = args[1], _lambda_of("aggregate", args, 2, ctx)
    if not same_type(merge.body.dtype, zero.dtype):
        merge = replace(merge, body=cast_to(merge.body, zero.dtype))
    if len(args) == 3:
        return make("aggregate", (array, zero, merge), zero.dtype, ctx, null=True)
    finish = _lambda_of("aggregate", args, 3, ctx)
    return make("aggregate", (array, zero, merge, finish), finish.body.dtype, ctx, null=True)


def _aggregate(c: Call, args: Sequence[str]) -> str:
    # The kernel's list_reduce gives null for empty lists even with a start value.
    folded = let(
        args[0],
        lambda a: (
            f"CASE WHEN len({a}) = 0 THEN {args[1]} WHEN {a} IS NOT NULL THEN "
            f"list_reduce({a}, {args[2]}, {args[1]}) END"
        ),
    )
    if len(args) == 3:
        return folded
    return f"CASE WHEN {args[0]} IS NOT NULL THEN list_transform([{folded}], {args[3]})[1] END"


def _zip_with_types(args: Sequence[Expression | None], position: int, count: int) -> Types:
    return [(_array_of(args, 0).element, True), (_array_of(args, 1).element, True)]


def _bind_zip_with(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("zip_with", args, 3, 3, ctx)
    left, right = coerce("zip_with", [ARRAY, ARRAY], args[:2], ctx)
    function = _lambda_of("zip_with", args, 2, ctx)
    dtype = t.ArrayType(function.body.dtype, function.body.nullable)
    return make("zip_with", (left, right, function), dtype, ctx, null=left.nullable or right.nullable)


def inline(text: str, function: Lambda, values: Sequence[str]) -> str:
    """The body of a lambda's text with its parameters replaced."""
    body = text.split(": ", 1)[1]
    for variable, value in zip(function.variables, values, strict=False):
        # Whole words: other names begin as this one does.
        body = re.sub(rf"\bv{variable.id}\b", lambda _, value=value: value, body)  # type: ignore[misc]
    return body


def _zip_with(c: Call, args: Sequence[str]) -> str:
    function = c.args[2]
    assert isinstance(function, Lambda)

    def build(names: list[str]) -> str:
        a, b = names
        body = inline(args[2], function, (f"{a}[i_]", f"{b}[i_]"))
        made = f"list_transform(generate_series(1, greatest(len({a}), len({b}))), lambda i_: {body})"
        return f"CASE WHEN {a} IS NOT NULL AND {b} IS NOT NULL THEN {made} END"

    return let_all([args[0], args[1]], build)


def _bind_map_function(
    name: str, result: Callable[[t.MapType, Lambda], t.DataType], *, boolean: bool = False
) -> Callable[[Sequence[Expression], BindContext], Expression]:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 2, 2, ctx)
        (source,) = coerce(name, [MAP], args[:1], ctx)
        function = _lambda_of(name, args, 1, ctx)
        if boolean:
            (body,) = coerce(name, [BOOLEAN], (function.body,), ctx)
            function = replace(function, body=body)
        assert isinstance(source.dtype, t.MapType)
        return make(name, (source, function), result(source.dtype, function), ctx, null=source.nullable)

    return bind


def _over_entries(c: Call, args: Sequence[str], m: str) -> str:
    """The list of the lambda's results over the entries of `m`."""
    function = c.args[1]
    assert isinstance(function, Lambda)
    body = inline(args[1], function, ("e_.key", "e_.value"))
    return f"list_transform(map_entries({m}), lambda e_: {body})"


def _transform_keys(c: Call, args: Sequence[str]) -> str:
    return let(
        args[0],
        lambda m: f"CASE WHEN {m} IS NOT NULL THEN {checked_map(_over_entries(c, args, m), f'map_values({m})')} END",
    )


def _transform_values(c: Call, args: Sequence[str]) -> str:
    return let(args[0], lambda m: f"CASE WHEN {m} IS NOT NULL THEN MAP(map_keys({m}), {_over_entries(c, args, m)}) END")


def _map_filter(c: Call, args: Sequence[str]) -> str:
    function = c.args[1]
    assert isinstance(function, Lambda)
    body = inline(args[1], function, ("e_.key", "e_.value"))
    return let(
        args[0],
        lambda m: (
            f"CASE WHEN {m} IS NOT NULL THEN map_from_entries(list_filter(map_entries({m}), lambda e_: {body})) END"
        ),
    )


def _map_zip_types(args: Sequence[Expression | None], position: int, count: int) -> Types:
    left, right = _map_of(args, 0), _map_of(args, 1)
    return [(left.key, False), (left.value, True), (right.value, True)]


def _bind_map_zip(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("map_zip_with", args, 3, 3, ctx)
    left, right = coerce("map_zip_with", [MAP, MAP], args[:2], ctx)
    function = _lambda_of("map_zip_with", args, 2, ctx)
    assert isinstance(left.dtype, t.MapType)
    dtype = t.MapType(left.dtype.key, function.body.dtype, function.body.nullable)
    return make("map_zip_with", (left, right, function), dtype, ctx, null=left.nullable or right.nullable)


def _map_zip(c: Call, args: Sequence[str]) -> str:
    function = c.args[2]
    assert isinstance(function, Lambda)

    def build(names: list[str]) -> str:
        a, b = names
        keys = f"list_concat(map_keys({a}), list_filter(map_keys({b}), lambda k_: NOT map_contains({a}, k_)))"
        body = inline(args[2], function, ("k_", f"{a}[k_]", f"{b}[k_]"))
        made = let(keys, lambda k: f"MAP({k}, list_transform({k}, lambda k_: {body}))")
        return f"CASE WHEN {a} IS NOT NULL AND {b} IS NOT NULL THEN {made} END"

    return let_all([args[0], args[1]], build)


def _sort_types(args: Sequence[Expression | None], position: int, count: int) -> Types:
    array = _array_of(args)
    return [(array.element, array.contains_null)] * 2


def _bind_array_sort(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("array_sort", args, 1, 2, ctx)
    (array,) = coerce("array_sort", [ARRAY], args[:1], ctx)
    if len(args) == 1:
        return make("array_sort", (array,), array.dtype, ctx)
    function = _lambda_of("array_sort", args, 1, ctx)
    if not isinstance(function.body.dtype, t.IntegerType):
        raise unexpected_return("array_sort", args, "INT", function.body.dtype.sql, ctx)
    return make("array_sort", (array, function), array.dtype, ctx, null=array.nullable)


def _array_sort(c: Call, args: Sequence[str]) -> str:
    if len(args) == 1:
        return sorted_list(args[0], c.args[0].dtype, "'ASC', 'NULLS LAST'")
    function = c.args[1]
    assert isinstance(function, Lambda)

    # Insertion into a sorted list, behind all that are not larger: stable, as Java's sort is.
    def build(a: str) -> str:
        before = inline(args[1], function, ("y_", "x_"))
        place = f"list_filter(s_, lambda y_: {before} <= 0)"
        after = f"list_filter(s_, lambda y_: NOT ({before} <= 0))"
        step = f"list_concat(list_concat({place}, [x_]), {after})"
        nested = f"list_transform({a}, lambda w_: [w_])"
        return (
            f"CASE WHEN len({a}) < 2 THEN {a} ELSE list_reduce({nested}, lambda s_, q_: "
            f"list_transform(q_, lambda x_: {step})[1]) END"
        )

    return let(args[0], build)


def _register() -> None:
    _add("transform", _element_and_index, _bind_transform, _transform)
    _add("filter", _element_and_index, _predicate("filter", None), _filter)
    _add("exists", _one_element, _predicate("exists", t.BOOLEAN), _exists)
    _add("forall", _one_element, _predicate("forall", t.BOOLEAN), _forall)
    _add("aggregate", _aggregate_types, _bind_aggregate, _aggregate, "reduce")
    _add("zip_with", _zip_with_types, _bind_zip_with, _zip_with)
    _add(
        "transform_keys",
        _entry,
        _bind_map_function("transform_keys", lambda m, f: t.MapType(f.body.dtype, m.value, m.value_contains_null)),
        _transform_keys,
    )
    _add(
        "transform_values",
        _entry,
        _bind_map_function("transform_values", lambda m, f: t.MapType(m.key, f.body.dtype, f.body.nullable)),
        _transform_values,
    )
    _add("map_filter", _entry, _bind_map_function("map_filter", lambda m, f: m, boolean=True), _map_filter)
    _add("map_zip_with", _map_zip_types, _bind_map_zip, _map_zip)
    _add("array_sort", _sort_types, _bind_array_sort, _array_sort)


_register()
