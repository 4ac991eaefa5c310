"""String functions: joining, pieces, padding, replacing. Characters are code points, positions count from one, negative
ones from the end."""

from __future__ import annotations

from collections.abc import Sequence

from headrace_driver.functions.coercion import cast_to, implicit_cast
from headrace_driver.functions.declare import (
    BINARY,
    INT,
    STRING,
    TEXT_OR_BINARY,
    Parameter,
    call,
    check_count,
    coerce,
    integer,
    internal,
    rewrite,
    scalar,
    string,
    type_of,
)
from headrace_driver.functions.mismatch import different_types
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Expression, Literal
from headrace_driver.render.text import bounded_count, let, let_all, not_negative, quote, raising


def is_binary(call: Call, index: int = 0) -> bool:
    return isinstance(call.args[index].dtype, t.BinaryType)


def _bind_concat(args: Sequence[Expression], ctx: BindContext) -> Expression:
    """concat and ||: strings, binaries (when all are) or arrays; null when any is null."""
    if not args:
        return string("")
    if any(isinstance(a.dtype, t.ArrayType) for a in args):
        return call("array_concat", args, ctx)
    dtype: t.DataType = t.BINARY if all(isinstance(a.dtype, t.BinaryType) for a in args) else t.STRING
    given: list[Expression] = []
    for arg in args:
        if isinstance(arg.dtype, t.BinaryType) and dtype == t.STRING:
            cast: Expression | None = cast_to(arg, t.STRING)
        else:
            cast = implicit_cast(arg, dtype)
        if cast is None:
            raise different_types("concat", args, ctx)
        given.append(cast)
    if len(given) == 1:
        return given[0]
    return Call("concat", tuple(given), dtype, any(a.nullable for a in given), ctx.display or "concat", ctx.origin)


def _text_or_texts(e: Expression) -> Expression | None:
    return implicit_cast(e, t.ArrayType(t.STRING) if isinstance(e.dtype, t.ArrayType) else t.STRING)


_TEXT_OR_TEXTS = Parameter('("ARRAY<STRING>" or "STRING")', _text_or_texts)


def _bind_concat_ws(args: Sequence[Expression], ctx: BindContext) -> Expression:
    """Skips nulls; arrays of strings give their elements."""
    check_count("concat_ws", args, 1, None, ctx)
    given = coerce("concat_ws", [STRING, *[_TEXT_OR_TEXTS] * (len(args) - 1)], args, ctx)
    return Call("concat_ws", given, t.STRING, given[0].nullable, ctx.display or "concat_ws", ctx.origin)


def _render_concat_ws(c: Call, args: Sequence[str]) -> str:
    separator, rest = args[0], args[1:]
    if not any(isinstance(a.dtype, t.ArrayType) for a in c.args[1:]):
        if not rest:
            return f"CASE WHEN {separator} IS NOT NULL THEN '' END"
        return f"concat_ws({separator}, {', '.join(rest)})"
    lists = [
        f"coalesce({text}, [])" if isinstance(a.dtype, t.ArrayType) else f"[{text}]"
        for a, text in zip(c.args[1:], rest, strict=True)
    ]
    joined = f"list_concat({', '.join(lists)})" if len(lists) > 1 else lists[0]
    kept = f"list_filter({joined}, lambda x: x IS NOT NULL)"
    return f"CASE WHEN {separator} IS NOT NULL THEN coalesce(array_to_string({kept}, {separator}), '') END"


def _substring(c: Call, args: Sequence[str]) -> str:
    """Position 0 is position 1; a negative one counts from the end and may lie before the start."""
    text, position = args[0], args[1]
    length = args[2] if len(args) == 3 else None
    size = "octet_length" if is_binary(c) else "length"
    start = c.args[1]
    amount = c.args[2] if len(c.args) == 3 else None
    plain = isinstance(start, Literal) and start.value is not None and start.value >= 0
    if plain and not is_binary(c) and (amount is None or (isinstance(amount, Literal) and (amount.value or 0) >= 0)):
        first = max(1, start.value)  # type: ignore[attr-defined]
        return f"substring({text}, {first})" if length is None else f"substring({text}, {first}, {length})"
    taken = length if length is not None else "2147483647"

    def build(names: list[str]) -> str:
        s, p, n = names
        first = f"CASE WHEN {p} > 0 THEN {p}::BIGINT WHEN {p} = 0 THEN 1 ELSE {size}({s}) + {p} + 1 END"
        # Of a piece that starts before the first character, what lies before is cut off its length.
        stop = f"({first} + greatest({n}::BIGINT, 0))"
        kept = f"greatest({stop} - greatest({first}, 1), 0)"
        if is_binary(c):
            piece = f"from_hex(substring(hex({s}), 2 * greatest({first}, 1) - 1, 2 * {kept}))"
        else:
            piece = f"substring({s}, greatest({first}, 1), {kept})"
        return f"CASE WHEN {p} IS NOT NULL AND {n} IS NOT NULL THEN {piece} END"

    return let_all([text, position, taken], build)


def _left(c: Call, args: Sequence[str]) -> str:
    if is_binary(c):
        return f"from_hex(substring(hex({args[0]}), 1, 2 * {not_negative(args[1])}))"
    return f"left({args[0]}, {not_negative(args[1])})"


def _pad(side: str) -> None:
    name = f"{side}pad"

    def render(c: Call, args: Sequence[str]) -> str:
        def build(names: list[str]) -> str:
            s, n, p = names
            count = bounded_count(n, name, "len")
            if is_binary(c):
                half = f"from_hex({name}(hex({s}), ({count}) * 2, hex({p})))"
                return (
                    f"CASE WHEN octet_length({p}) = 0 THEN from_hex(left(hex({s}), {not_negative(n)} * "
                    f"2)) ELSE {half} END"
                )
            return f"CASE WHEN {p} = '' THEN left({s}, {not_negative(n)}) ELSE {name}({s}, {count}, {p}) END"

        return let_all(list(args), build)

    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 2, 3, ctx)
        binary = isinstance(args[0].dtype, t.BinaryType)
        given = list(args)
        if len(given) == 2:
            given.append(Literal(b"\0", t.BINARY) if binary else string(" "))
        kind = BINARY if binary and isinstance(given[2].dtype, t.BinaryType) else STRING
        accepted = coerce(name, [kind, INT, kind], given, ctx)
        dtype = accepted[0].dtype
        return Call(name, accepted, dtype, any(a.nullable for a in accepted), ctx.display or name, ctx.origin)

    REGISTRY.add(Function(name, FunctionKind.SCALAR, bind, render, raises=True))


def _trims() -> None:
    """Spark trims spaces only; with characters given, any of those. With two arguments the characters come first."""
    for name, kernel in (("trim", "trim"), ("ltrim", "ltrim"), ("rtrim", "rtrim")):

        def bind(args: Sequence[Expression], ctx: BindContext, name: str = name) -> Expression:
            check_count(name, args, 1, 2, ctx)
            given = coerce(name, [STRING] * len(args), args, ctx)
            nullable = any(a.nullable for a in given)
            return Call(name, given, t.STRING, nullable, ctx.display or name, ctx.origin)

        def render(c: Call, args: Sequence[str], kernel: str = kernel) -> str:
            return f"{kernel}({args[-1]}, {args[0] if len(args) == 2 else quote(' ')})"

        REGISTRY.add(Function(name, FunctionKind.SCALAR, bind, render))

    def bind_btrim(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count("btrim", args, 1, 2, ctx)
        return call("trim", tuple(reversed(args)), ctx)

    REGISTRY.add(Function("btrim", FunctionKind.SCALAR, bind_btrim))


def _split_part(c: Call, args: Sequence[str]) -> str:
    def build(names: list[str]) -> str:
        s, d, n = names
        zero = raising("INVALID_INDEX_OF_ZERO")
        parts = f"string_split({s}, {d})"
        whole = f"CASE WHEN {n} IN (1, -1) THEN {s} ELSE '' END"
        return (
            f"CASE WHEN {n} = 0 THEN {zero} WHEN {d} = '' THEN {whole} "
            f"WHEN {d} IS NULL OR {n} IS NULL THEN NULL WHEN {s} IS NOT NULL THEN coalesce({parts}[{n}], '') END"
        )

    return let_all(list(args), build)


def _substring_index(c: Call, args: Sequence[str]) -> str:
    def build(names: list[str]) -> str:
        s, d, n = names
        parts = f"string_split({s}, {d})"
        head = f"array_to_string(list_slice({parts}, 1, {n}), {d})"
        tail = f"array_to_string(list_slice({parts}, greatest(len({parts}) + {n} + 1, 1), len({parts})), {d})"
        return (
            f"CASE WHEN {s} IS NULL OR {d} IS NULL OR {n} IS NULL THEN NULL WHEN {n} = 0 OR {d} = '' THEN '' "
            f"WHEN {n} > 0 THEN {head} ELSE {tail} END"
        )

    return let_all(list(args), build)


def _initcap(c: Call, args: Sequence[str]) -> str:
    words = f"string_split(lower({args[0]}), ' ')"
    return (
        f"CASE WHEN {args[0]} = '' THEN '' ELSE array_to_string(list_transform({words}, "
        f"lambda w: upper(left(w, 1)) || substring(w, 2)), ' ') END"
    )


def _mask(c: Call, args: Sequence[str]) -> str:
    text, upper, lower, digit, other = args
    # One pass a class; a replacement must not be replaced again, so every character is looked at by itself.
    body = (
        f"CASE WHEN regexp_matches(ch, '^\\p{{Lu}}$') THEN coalesce({upper}, ch) "
        f"WHEN regexp_matches(ch, '^\\p{{Ll}}$') THEN coalesce({lower}, ch) "
        f"WHEN regexp_matches(ch, '^\\p{{Nd}}$') THEN coalesce({digit}, ch) ELSE coalesce({other}, ch) END"
    )
    listed = f"list_transform(string_split({text}, ''), lambda ch: {body})"
    return f"CASE WHEN {text} = '' THEN '' ELSE array_to_string({listed}, '') END"


def _bind_elt(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("elt", args, 2, None, ctx)
    rest = args[1:]
    binary = all(isinstance(a.dtype, t.BinaryType) for a in rest)
    given = (coerce("elt", [INT], args[:1], ctx)[0], *(cast_to(a, t.BINARY if binary else t.STRING) for a in rest))
    return Call("elt", given, given[1].dtype, True, ctx.display or "elt", ctx.origin)


def _render_elt(c: Call, args: Sequence[str]) -> str:
    def build(n: str) -> str:
        branches = " ".join(f"WHEN {i + 1} THEN {a}" for i, a in enumerate(args[1:]))
        out = raising(
            "INVALID_ARRAY_INDEX",
            {"arraySize": str(len(args) - 1), "ansiConfig": '"spark.sql.ansi.enabled"'},
            indexValue=f"CAST({n} AS VARCHAR)",
        )
        return f"CASE {n} {branches} ELSE CASE WHEN {n} IS NOT NULL THEN {out} END END"

    return let(args[0], build)


def _replace(c: Call, args: Sequence[str]) -> str:
    wanted = c.args[1]
    if isinstance(wanted, Literal) and wanted.value:
        return f"replace({args[0]}, {args[1]}, {args[2]})"

    def build(names: list[str]) -> str:
        text, wanted, other = names
        return (
            f"CASE WHEN {wanted} = '' AND {other} IS NOT NULL THEN {text} ELSE replace({text}, {wanted}, {other}) END"
        )

    return let_all(list(args), build)


def _overlay(c: Call, args: Sequence[str]) -> str:
    def build(names: list[str]) -> str:
        s, r, p, n = names
        if is_binary(c):
            size = f"CASE WHEN {n} < 0 THEN octet_length({r}) ELSE {n} END"
            return f"from_hex(left(hex({s}), 2 * ({p} - 1)) || hex({r}) || substring(hex({s}), 2 * ({p} + {size}) - 1))"
        size = f"CASE WHEN {n} < 0 THEN length({r}) ELSE {n} END"
        return f"(left({s}, {p} - 1) || {r} || substring({s}, {p} + {size}))"

    return let_all(list(args), build)


def _bind_length(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("length", args, 1, 1, ctx)
    given = coerce("length", [TEXT_OR_BINARY], args, ctx)
    return Call("length", given, t.INTEGER, given[0].nullable, ctx.display or "length", ctx.origin)


def _register() -> None:
    REGISTRY.add(Function("concat", FunctionKind.SCALAR, _bind_concat, lambda c, a: f"({' || '.join(a)})"), "||")
    REGISTRY.add(Function("concat_ws", FunctionKind.SCALAR, _bind_concat_ws, _render_concat_ws))
    # The kernel maps code point by code point; these are the letters of living languages with longer counterparts.
    scalar("upper", [STRING], t.STRING, "upper(replace({0}, 'ß', 'SS'))", aliases=("ucase",))
    scalar("lower", [STRING], t.STRING, "lower(replace({0}, 'İ', 'i̇'))", aliases=("lcase",))
    REGISTRY.add(
        Function(
            "length",
            FunctionKind.SCALAR,
            _bind_length,
            lambda c, a: f"CAST({'octet_length' if is_binary(c) else 'length'}({a[0]}) AS INTEGER)",
        ),
        "char_length",
        "character_length",
        "len",
    )
    scalar(
        "octet_length",
        [TEXT_OR_BINARY],
        t.INTEGER,
        lambda c, a: f"CAST({'octet_length' if is_binary(c) else 'strlen'}({a[0]}) AS INTEGER)",
    )
    scalar(
        "bit_length",
        [TEXT_OR_BINARY],
        t.INTEGER,
        lambda c, a: f"CAST({'octet_length' if is_binary(c) else 'strlen'}({a[0]}) * 8 AS INTEGER)",
    )
    _register_pieces()
    _register_others()


def _register_pieces() -> None:
    scalar("substring2", [TEXT_OR_BINARY, INT], type_of(0), _substring)
    scalar("substring3", [TEXT_OR_BINARY, INT, INT], type_of(0), _substring)
    rewrite(
        "substring",
        2,
        3,
        lambda args, ctx: call("substring2" if len(args) == 2 else "substring3", args, ctx),
        aliases=("substr",),
    )
    scalar("left", [TEXT_OR_BINARY, INT], type_of(0), _left)
    scalar("right", [STRING, INT], t.STRING, lambda c, a: f"right({a[0]}, {not_negative(a[1])})")
    _pad("l")
    _pad("r")
    _trims()
    scalar("split_part", [STRING, STRING, INT], t.STRING, _split_part, raises=True)
    scalar("substring_index", [STRING, STRING, INT], t.STRING, _substring_index)
    scalar(
        "repeat",
        [STRING, INT],
        t.STRING,
        lambda c, a: f"repeat({a[0]}, {bounded_count(a[1], 'repeat', 'times')})",
        raises=True,
    )
    scalar("space", [INT], t.STRING, lambda c, a: f"repeat(' ', {bounded_count(a[0], 'space', 'n')})", raises=True)
    scalar("overlay", [TEXT_OR_BINARY, TEXT_OR_BINARY, INT, INT], type_of(0), _overlay, defaults=(integer(-1),))


def _register_others() -> None:
    scalar("initcap", [STRING], t.STRING, _initcap)
    scalar("replace", [STRING, STRING, STRING], t.STRING, _replace, defaults=(string(""),))
    scalar("translate", [STRING, STRING, STRING], t.STRING, "translate({0}, {1}, {2})")
    rewrite(
        "reverse",
        1,
        1,
        lambda args, ctx: call(_REVERSALS.get(type(args[0].dtype), "string_reverse"), args, ctx),
    )
    scalar("string_reverse", [STRING], t.STRING, "reverse({0})")
    scalar(
        "binary_reverse",
        [BINARY],
        t.BINARY,
        lambda c, a: let(
            f"hex({a[0]})",
            lambda h: (
                f"from_hex(coalesce(array_to_string(list_transform(range(length({h}) // 2), "
                f"lambda i: substring({h}, length({h}) - 2 * i - 1, 2)), ''), ''))"
            ),
        ),
    )
    REGISTRY.add(Function("elt", FunctionKind.SCALAR, _bind_elt, _render_elt, raises=True))
    scalar(
        "mask",
        [STRING, STRING, STRING, STRING, STRING],
        t.STRING,
        _mask,
        defaults=(string("X"), string("x"), string("n"), Literal(None, t.STRING)),
    )
    scalar("quote", [STRING], t.STRING, "('''' || replace(replace({0}, '\\', '\\\\'), '''', '\\''') || '''')")
    internal("read_side_padding", "rpad({0}, {1}, ' ')")


_REVERSALS = {t.ArrayType: "array_reverse", t.BinaryType: "binary_reverse"}


_register()
