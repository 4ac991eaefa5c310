"""Arrays without lambdas: constructor, access, set operations, sorting, slicing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace_driver.functions.coercion import cast_to, common_type, common_type_of, is_integral, is_orderable
from headrace_driver.functions.declare import (
    ARRAY,
    BOOLEAN,
    INT,
    STRING,
    call,
    check_count,
    coerce,
    scalar,
    type_of,
)
from headrace_driver.functions.mismatch import (
    array_mismatch,
    binary_mismatch,
    different_types,
    null_argument,
    unexpected_type,
    unordered,
)
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Expression, Literal
from headrace_driver.render.order_keys import keyed_list, needs_key, sorted_list
from headrace_driver.render.text import bounded_count, let, let_all, name_for, raising
from headrace_driver.render.types import kernel_type


def element(e: Expression) -> t.DataType:
    """The element type of an array."""
    assert isinstance(e.dtype, t.ArrayType)
    return e.dtype.element


def make(
    name: str, args: Sequence[Expression], dtype: t.DataType, ctx: BindContext, *, null: bool | None = None
) -> Call:
    """A call that is null where an argument may be, unless told otherwise."""
    nullable = any(a.nullable for a in args) if null is None else null
    return Call(name, tuple(args), dtype, nullable, ctx.display or name, ctx.origin)


def _bind_array(args: Sequence[Expression], ctx: BindContext) -> Expression:
    if not args:
        return make("array", (), t.ArrayType(t.NULL, False), ctx, null=False)
    dtype = common_type_of(a.dtype for a in args)
    if dtype is None:
        raise different_types("array", args, ctx)
    given = [cast_to(a, dtype) for a in args]
    return make("array", given, t.ArrayType(dtype, any(a.nullable for a in given)), ctx, null=False)


def _render_array(c: Call, args: Sequence[str]) -> str:
    return f"[{', '.join(args)}]" if args else f"[]::{kernel_type(c.type)}"


def _bind_get_item(args: Sequence[Expression], ctx: BindContext) -> Expression:
    """`a[i]` (from zero) and `m[key]`."""
    child, key = args
    if isinstance(child.dtype, t.MapType):
        return call("map_get", args, ctx)
    if isinstance(child.dtype, t.ArrayType):
        (index,) = coerce("get_item", [INT], (key,), ctx) if is_integral(key.dtype) else (None,)
        if index is None:
            if not isinstance(key.dtype, t.NullType):
                raise unexpected_type("get_item", args, 1, '"INTEGRAL"', ctx)
            index = cast_to(key, t.INTEGER)
        return make("array_item", (child, index), element(child), ctx, null=True)
    raise unexpected_type("get_item", args, 0, '("ARRAY" or "MAP")', ctx)


def _array_item(c: Call, args: Sequence[str]) -> str:
    def build(names: list[str]) -> str:
        a, i = names
        out = raising("INVALID_ARRAY_INDEX", indexValue=f"CAST({i} AS VARCHAR)", arraySize=f"CAST(len({a}) AS VARCHAR)")
        return f"CASE WHEN {i} < 0 OR {i} >= len({a}) THEN {out} ELSE {a}[{i}::BIGINT + 1] END"

    return let_all(list(args), build)


def _bind_element_at(name: str) -> Callable[[Sequence[Expression], BindContext], Expression]:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 2, 2, ctx)
        if isinstance(args[0].dtype, t.MapType):
            return call("map_get", args, ctx)
        given = coerce(name, [ARRAY, INT], args, ctx)
        return make(name, given, element(given[0]), ctx, null=True)

    return bind


def _element_at(c: Call, args: Sequence[str], *, attempt: bool = False) -> str:
    def build(names: list[str]) -> str:
        a, i = names
        zero = raising("INVALID_INDEX_OF_ZERO")
        if attempt:
            return f"CASE WHEN {i} = 0 THEN {zero} ELSE {a}[{i}] END"
        out = raising(
            "INVALID_ARRAY_INDEX_IN_ELEMENT_AT",
            indexValue=f"CAST({i} AS VARCHAR)",
            arraySize=f"CAST(len({a}) AS VARCHAR)",
        )
        return f"CASE WHEN {i} = 0 THEN {zero} WHEN abs({i}) > len({a}) THEN {out} ELSE {a}[{i}] END"

    return let_all(list(args), build)


def _bind_array_concat(args: Sequence[Expression], ctx: BindContext) -> Expression:
    dtype = common_type_of(a.dtype for a in args)
    if not isinstance(dtype, t.ArrayType) or any(isinstance(a.dtype, t.NullType) for a in args):
        raise different_types("concat", args, ctx)
    return make("array_concat", [cast_to(a, dtype) for a in args], dtype, ctx)


def null_safe(args: Sequence[str], body: str) -> str:
    """`body` unless an argument is null: the kernel's list functions often skip nulls."""
    known = " AND ".join(f"{a} IS NOT NULL" for a in args)
    return f"CASE WHEN {known} THEN {body} END"


def _render_array_concat(c: Call, args: Sequence[str]) -> str:
    return let_all(list(args), lambda n: null_safe(n, f"list_concat({', '.join(n)})"))


def _with_element(
    name: str, *, result: Callable[[Expression, Expression], t.DataType], render: Callable[[Call, Sequence[str]], str]
) -> None:
    """Functions of an array and a value of its element type."""

    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 2, 2, ctx)
        if name == "array_contains" and any(isinstance(a.dtype, t.NullType) for a in args):
            raise null_argument(name, args, ctx)
        (array,) = coerce(name, [ARRAY], args[:1], ctx)
        dtype = common_type(element(array), args[1].dtype)
        if dtype is None or isinstance(args[1].dtype, t.StringType) != isinstance(element(array), t.StringType):
            if not isinstance(args[1].dtype, t.NullType) and not isinstance(element(array), t.NullType):
                raise array_mismatch(name, (array, args[1]), ctx)
            dtype = dtype or args[1].dtype
        array = cast_to(array, t.ArrayType(dtype, array.dtype.contains_null))  # type: ignore[attr-defined]
        value = cast_to(args[1], dtype)
        return make(name, (array, value), result(array, value), ctx, null=True)

    REGISTRY.add(Function(name, FunctionKind.SCALAR, bind, render))


def _contains(c: Call, args: Sequence[str]) -> str:
    def build(names: list[str]) -> str:
        a, v = names
        source = c.args[0].dtype
        assert isinstance(source, t.ArrayType)
        some_null = f"WHEN len(list_filter({a}, lambda x: x IS NULL)) > 0 THEN NULL "
        unknown = some_null if source.contains_null else ""
        return (
            f"CASE WHEN {v} IS NULL THEN NULL WHEN list_contains({a}, {v}) THEN true "
            f"{unknown}WHEN {a} IS NOT NULL THEN false END"
        )

    return let_all(list(args), build)


def _two_arrays(name: str, dtype: t.DataType | None, render: Callable[[Sequence[str]], str]) -> None:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 2, 2, ctx)
        given = coerce(name, [ARRAY, ARRAY], args, ctx)
        common = common_type(given[0].dtype, given[1].dtype)
        if common is None:
            raise binary_mismatch(name, given, ctx)
        pair = [cast_to(a, common) for a in given]
        return make(name, pair, dtype or common, ctx, null=dtype is not None or any(a.nullable for a in pair))

    REGISTRY.add(Function(name, FunctionKind.SCALAR, bind, lambda c, a: let_all(list(a), render)))


def distinct_in_order(a: str) -> str:
    """The first of equal elements, null being one; the kernel's list_distinct drops nulls and the order."""
    x = name_for(a + "#d")
    return (
        f"list_filter({a}, lambda {x}, {x}i: list_position({a}, {x}) = {x}i OR ({x} IS "
        f"NULL AND len(list_filter({a}[1:{x}i - 1], lambda y: y IS NULL)) = 0))"
    )


def _has(a: str, x: str) -> str:
    among_nulls = f"({x} IS NULL AND len(list_filter({a}, lambda y: y IS NULL)) > 0)"
    return f"(coalesce(list_contains({a}, {x}), false) OR {among_nulls})"


def _except(n: Sequence[str]) -> str:
    return null_safe(n, f"list_filter({let(n[0], distinct_in_order)}, lambda x: NOT {_has(n[1], 'x')})")


def _intersect(n: Sequence[str]) -> str:
    return null_safe(n, f"list_filter({let(n[0], distinct_in_order)}, lambda x: {_has(n[1], 'x')})")


def _union(n: Sequence[str]) -> str:
    return null_safe(n, let(f"list_concat({n[0]}, {n[1]})", distinct_in_order))


def _overlap(n: Sequence[str]) -> str:
    nulls = " OR ".join(f"len(list_filter({a}, lambda x: x IS NULL)) > 0" for a in n)
    return (
        f"CASE WHEN {n[0]} IS NULL OR {n[1]} IS NULL THEN NULL WHEN list_has_any({n[0]}, {n[1]}) THEN true "
        f"WHEN len({n[0]}) > 0 AND len({n[1]}) > 0 AND ({nulls}) THEN NULL ELSE false END"
    )


def _sort_array(c: Call, args: Sequence[str]) -> str:
    ascending = c.args[1]
    if isinstance(ascending, Literal):
        if ascending.value is None:
            return f"NULL::{kernel_type(c.type)}"
        order = "'ASC', 'NULLS FIRST'" if ascending.value else _DESCENDING
        return sorted_list(args[0], c.type, order)
    ascending_list = sorted_list(args[0], c.type, "'ASC', 'NULLS FIRST'")
    return f"CASE WHEN {args[1]} THEN {ascending_list} ELSE {sorted_list(args[0], c.type, _DESCENDING)} END"


_DESCENDING = "'DESC', 'NULLS LAST'"


def _extreme(kernel: str) -> Callable[[Call, Sequence[str]], str]:
    """The least or greatest element, nulls left out."""

    def render(c: Call, args: Sequence[str]) -> str:
        dtype = c.args[0].dtype
        assert isinstance(dtype, t.ArrayType)
        if not needs_key(dtype.element):
            return f"{kernel}({args[0]})"
        return f"{kernel}({keyed_list(args[0], dtype)}).v"

    return render


def _slice(c: Call, args: Sequence[str]) -> str:
    def build(names: list[str]) -> str:
        a, start, length = names
        zero = raising("INVALID_PARAMETER_VALUE.START", {"parameter": "`start`", "functionName": "`slice`"})
        negative = raising(
            "INVALID_PARAMETER_VALUE.LENGTH",
            {"parameter": "`length`", "functionName": "`slice`"},
            length=f"CAST({length} AS VARCHAR)",
        )
        first = f"CASE WHEN {start} < 0 THEN len({a}) + {start} + 1 ELSE {start}::BIGINT END"
        taken = f"CASE WHEN {first} < 1 THEN [] ELSE list_slice({a}, {first}, {first} + {length} - 1) END"
        return null_safe(names, f"CASE WHEN {start} = 0 THEN {zero} WHEN {length} < 0 THEN {negative} ELSE {taken} END")

    return let_all(list(args), build)


def _array_join(c: Call, args: Sequence[str]) -> str:
    def build(names: list[str]) -> str:
        a, separator = names[0], names[1]
        kept = (
            f"list_filter({a}, lambda x: x IS NOT NULL)"
            if len(names) == 2
            else f"list_transform({a}, lambda x: coalesce(x, {names[2]}))"
        )
        return null_safe(names, f"coalesce(array_to_string({kept}, {separator}), '')")

    return let_all(list(args), build)


def _bind_array_join(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("array_join", args, 2, 3, ctx)
    given = (cast_to(args[0], t.ArrayType(t.STRING)), *coerce("array_join", [STRING] * (len(args) - 1), args[1:], ctx))
    return make("array_join", given, t.STRING, ctx)


def _flatten(c: Call, args: Sequence[str]) -> str:
    return let(
        args[0], lambda a: f"CASE WHEN len(list_filter({a}, lambda x: x IS NULL)) > 0 THEN NULL ELSE flatten({a}) END"
    )


def _arrays_zip(c: Call, args: Sequence[str]) -> str:
    assert isinstance(c.type, t.ArrayType)
    struct = c.type.element

    def build(names: list[str]) -> str:
        longest = f"greatest({', '.join(f'len({n})' for n in names)})" if len(names) > 1 else f"len({names[0]})"
        parts = ", ".join(f"{n}[i]" for n in names)
        return null_safe(
            names, f"list_transform(generate_series(1, {longest}), lambda i: ROW({parts})::{kernel_type(struct)})"
        )

    return let_all(list(args), build)


def _bind_arrays_zip(args: Sequence[Expression], ctx: BindContext) -> Expression:
    from headrace_driver.plan.expressions import Attribute, GetField

    given = coerce("arrays_zip", [ARRAY] * len(args), args, ctx)
    fields = tuple(
        t.StructField(a.name if isinstance(a, Attribute | GetField) else str(i), element(a), True)
        for i, a in enumerate(given)
    )
    return make("arrays_zip", given, t.ArrayType(t.StructType(fields), False), ctx)


def _array_insert(c: Call, args: Sequence[str]) -> str:
    def build(names: list[str]) -> str:
        a, i, v = names
        zero = raising("INVALID_INDEX_OF_ZERO")
        kernel = kernel_type(c.type)
        # Beyond the ends nulls fill the gap.
        after = f"list_concat(list_concat({a}, list_resize([]::{kernel}, greatest({i} - len({a}) - 1, 0))), [{v}])"
        inside = f"list_concat(list_concat({a}[1:{i} - 1], [{v}]), {a}[{i}:])"
        n = f"(len({a}) + {i} + 2)"
        back = f"list_concat(list_concat({a}[1:{n} - 1], [{v}]), {a}[{n}:])"
        before = f"list_concat(list_concat([{v}], list_resize([]::{kernel}, -{i} - len({a}) - 1)), {a})"
        return (
            f"CASE WHEN {a} IS NULL OR {i} IS NULL THEN NULL WHEN {i} = 0 THEN {zero} WHEN {i} > len({a}) THEN {after} "
            f"WHEN {i} > 0 THEN {inside} WHEN -{i} <= len({a}) + 1 THEN {back} ELSE {before} END"
        )

    return let_all(list(args), build)


def _bind_array_insert(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("array_insert", args, 3, 3, ctx)
    array, index = coerce("array_insert", [ARRAY, INT], args[:2], ctx)
    dtype = common_type(element(array), args[2].dtype)
    if dtype is None:
        raise different_types("array_insert", (array, args[2]), ctx)
    given = (cast_to(array, t.ArrayType(dtype)), index, cast_to(args[2], dtype))
    return make("array_insert", given, t.ArrayType(dtype), ctx, null=True)


def _bind_array_repeat(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("array_repeat", args, 2, 2, ctx)
    (count,) = coerce("array_repeat", [INT], args[1:], ctx)
    dtype = t.ArrayType(args[0].dtype, args[0].nullable)
    return make("array_repeat", (args[0], count), dtype, ctx, null=count.nullable)


def _bind_size(name: str) -> None:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 1, 1, ctx)
        if not isinstance(args[0].dtype, t.ArrayType | t.MapType | t.NullType):
            raise unexpected_type(name, args, 0, '("ARRAY" or "MAP")', ctx)
        return make(name, args, t.INTEGER, ctx)

    REGISTRY.add(
        Function(
            name,
            FunctionKind.SCALAR,
            bind,
            lambda c, a: (
                f"CAST({'cardinality' if isinstance(c.args[0].dtype, t.MapType) else 'len'}({a[0]}) AS INTEGER)"
                if not isinstance(c.args[0].dtype, t.NullType)
                else "NULL::INTEGER"
            ),
        ),
        *(("cardinality",) if name == "size" else ()),
    )


def _register_arrays() -> None:
    REGISTRY.add(Function("array", FunctionKind.SCALAR, _bind_array, _render_array))
    REGISTRY.add(Function("array_concat", FunctionKind.SCALAR, _bind_array_concat, _render_array_concat))
    REGISTRY.add(Function("array_item", FunctionKind.SCALAR, _bind_get_item, _array_item, raises=True))
    REGISTRY.add(Function("get_item", FunctionKind.SCALAR, _bind_get_item))
    REGISTRY.add(Function("element_at", FunctionKind.SCALAR, _bind_element_at("element_at"), _element_at, raises=True))
    REGISTRY.add(
        Function(
            "try_element_at",
            FunctionKind.SCALAR,
            _bind_element_at("try_element_at"),
            lambda c, a: _element_at(c, a, attempt=True),
            raises=True,
        )
    )
    scalar(
        "get",
        [ARRAY, INT],
        lambda a: element(a[0]),
        lambda c, a: let(a[1], lambda i: f"CASE WHEN {i} >= 0 THEN {a[0]}[{i}::BIGINT + 1] END"),
        null=True,
    )
    _bind_size("size")
    scalar("array_size", [ARRAY], t.INTEGER, "CAST(len({0}) AS INTEGER)")
    _with_element("array_contains", result=lambda a, v: t.BOOLEAN, render=_contains)
    _with_element(
        "array_position",
        result=lambda a, v: t.LONG,
        render=lambda c, a: let_all(
            list(a), lambda n: null_safe(n, f"CAST(coalesce(list_position({n[0]}, {n[1]}), 0) AS BIGINT)")
        ),
    )
    _with_element(
        "array_remove",
        result=lambda a, v: a.dtype,
        render=lambda c, a: let_all(
            list(a), lambda n: null_safe(n, f"list_filter({n[0]}, lambda x: x IS DISTINCT FROM {n[1]})")
        ),
    )
    for name, text in (("array_append", "list_concat({a}, [{v}])"), ("array_prepend", "list_concat([{v}], {a})")):
        _with_element(
            name,
            result=lambda a, v: t.ArrayType(element(a)),
            render=lambda c, a, text=text: let(  # type: ignore[misc]
                a[0], lambda n: f"CASE WHEN {n} IS NOT NULL THEN {text.format(a=n, v=a[1])} END"
            ),
        )
    _register_sets()


def _ordered_elements(name: str) -> Callable[[Sequence[Expression], BindContext], None]:
    def check(args: Sequence[Expression], ctx: BindContext) -> None:
        if not is_orderable(element(args[0])):
            raise unordered(ctx.display or name, args, element(args[0]), ctx)

    return check


def _register_sets() -> None:
    _two_arrays("array_except", None, _except)
    _two_arrays("array_intersect", None, _intersect)
    _two_arrays("array_union", None, _union)
    _two_arrays("arrays_overlap", t.BOOLEAN, _overlap)
    scalar("array_distinct", [ARRAY], type_of(0), lambda c, a: let(a[0], distinct_in_order))
    scalar(
        "array_compact",
        [ARRAY],
        lambda a: t.ArrayType(element(a[0]), False),
        "list_filter({0}, lambda x: x IS NOT NULL)",
    )
    scalar("array_reverse", [ARRAY], type_of(0), "list_reverse({0})")
    for name in ("array_max", "array_min"):
        kernel = name.replace("array", "list")
        scalar(name, [ARRAY], lambda a: element(a[0]), _extreme(kernel), null=True, check=_ordered_elements(name))
    scalar("sort_array", [ARRAY, BOOLEAN], type_of(0), _sort_array, defaults=(Literal(True, t.BOOLEAN),))
    scalar("slice", [ARRAY, INT, INT], type_of(0), _slice, raises=True)
    REGISTRY.add(Function("array_join", FunctionKind.SCALAR, _bind_array_join, _array_join))
    scalar("flatten", [ARRAY], lambda a: element(a[0]), _flatten, null=True)
    REGISTRY.add(Function("arrays_zip", FunctionKind.SCALAR, _bind_arrays_zip, _arrays_zip))
    REGISTRY.add(Function("array_insert", FunctionKind.SCALAR, _bind_array_insert, _array_insert, raises=True))
    REGISTRY.add(
        Function(
            "array_repeat",
            FunctionKind.SCALAR,
            _bind_array_repeat,
            lambda c, a: (
                f"list_transform(range(CAST({bounded_count(a[1], 'array_repeat')} AS BIGINT)), lambda i: {a[0]})"
            ),
            raises=True,
        )
    )


_register_arrays()
