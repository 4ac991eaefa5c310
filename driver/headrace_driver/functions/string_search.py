"""What a string is like and where something stands in it: search, edit distance, sounds, words, check digits."""

from __future__ import annotations

from collections.abc import Sequence

from headrace_driver.functions.declare import (
    INT,
    STRING,
    TEXT_OR_BINARY,
    call,
    check_count,
    coerce,
    integer,
    rewrite,
    scalar,
    string,
)
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.functions.strings import is_binary
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Expression, Literal
from headrace_driver.render.text import let, let_all, quote, raising


def _locate(c: Call, args: Sequence[str]) -> str:
    """locate(what, where, from): 0 when not found, `from` < 1 or null; an empty text is found at 1 from anywhere."""

    def build(names: list[str]) -> str:
        what, where, start = names
        found = f"instr(substring({where}, {start}), {what})"
        return (
            f"CAST(CASE WHEN {start} IS NULL THEN 0 WHEN {what} IS NULL OR {where} IS NULL THEN NULL "
            f"WHEN {start} < 1 THEN 0 WHEN {what} = '' THEN 1 "
            f"WHEN {found} = 0 THEN 0 ELSE {found} + {start} - 1 END AS INTEGER)"
        )

    if isinstance(c.args[2], Literal) and c.args[2].value == 1:
        return f"CAST(instr({args[1]}, {args[0]}) AS INTEGER)"
    return let_all(list(args), build)


def _soundex(c: Call, args: Sequence[str]) -> str:
    """Codes of letters; H and W do not part equal codes, vowels do; anything but a letter first: the text itself."""

    def build(s: str) -> str:
        letters_only = f"regexp_replace(upper({s}), '[^A-Z]', '0', 'g')"
        codes = f"translate({letters_only}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', '01230127022455012623017202')"
        letters = f"list_filter(regexp_extract_all({codes}, '[0-9]'), lambda x: x <> '7')"
        folded = (
            f"list_reduce({letters}, lambda a, x: {{'last': x, 'out': a.out || CASE WHEN x <> '0' AND x <> a.last "
            f"THEN x ELSE '' END}}, {{'last': left({codes}, 1), 'out': ''}})"
        )
        skip = f"substring({folded}.out, 1)"
        return (
            f"CASE WHEN {s} = '' THEN '' WHEN NOT regexp_matches(left({s}, 1), '[A-Za-z]') THEN {s} "
            f"ELSE upper(left({s}, 1)) || rpad(left({skip}, 3), 3, '0') END"
        )

    return let(args[0], build)


def _distance(names: list[str]) -> str:
    """Edit distance of characters. The kernel's counts bytes, so texts with other letters go through rows of the
    classical table: each from the one before, cell by cell."""
    a, b = names
    return (
        f"CASE WHEN strlen({a}) = length({a}) AND strlen({b}) = length({b}) "
        f"THEN CAST(levenshtein({a}, {b}) AS INTEGER) "
        f"WHEN {a} IS NOT NULL AND {b} IS NOT NULL THEN {_distance_of_characters(a, b)} END"
    )


def _distance_of_characters(a: str, b: str) -> str:
    def table(names: list[str]) -> str:
        chars, others = names
        cell = (
            f"least(acc[j[1]] + 1, prev[j[1] + 1] + 1, "
            f"prev[j[1]] + CASE WHEN {others}[j[1]] = {chars}[i[1]] THEN 0 ELSE 1 END)"
        )

        def numbers(count: str) -> str:
            return f"list_transform(range(1, {count} + 1), lambda n: [n])"

        row = f"list_reduce({numbers(f'length({b})')}, lambda acc, j: list_append(acc, {cell}), [i[1]])"
        rows = f"list_reduce({numbers(f'length({a})')}, lambda prev, i: {row}, range(length({b}) + 1))"
        return f"CAST({rows}[length({b}) + 1] AS INTEGER)"

    cells = let_all([f"string_split({a}, '')", f"string_split({b}, '')"], table)
    short = f"WHEN {a} = '' THEN length({b}) WHEN {b} = '' THEN length({a})"
    return f"CAST(CASE {short} ELSE {cells} END AS INTEGER)"


def _levenshtein(c: Call, args: Sequence[str]) -> str:
    distance = let_all([args[0], args[1]], _distance)
    if len(args) == 2:
        return distance
    return let(distance, lambda d: f"CASE WHEN {d} <= coalesce({args[2]}, 0) THEN {d} WHEN {d} IS NOT NULL THEN -1 END")


def _bind_levenshtein(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("levenshtein", args, 2, 3, ctx)
    given = coerce("levenshtein", [STRING, STRING, INT][: len(args)], args, ctx)
    return Call("levenshtein", given, t.INTEGER, any(a.nullable for a in given), ctx.display, ctx.origin)


def _find_in_set(c: Call, args: Sequence[str]) -> str:
    def build(names: list[str]) -> str:
        s, listed = names
        position = f"coalesce(list_position(string_split({listed}, ','), {s}), 0)"
        return f"CASE WHEN contains({s}, ',') THEN 0 WHEN {s} IS NOT NULL AND {listed} IS NOT NULL THEN {position} END"

    return let_all(list(args), build)


_PLAIN_SENTENCES = "([A-Za-z]+( [A-Za-z]+)*([.!?] [A-Z][a-z]*( [A-Za-z]+)*)*[.!?]?)?"
"""Words of letters with one blank between them, sentences that begin with a capital."""


def _sentences(c: Call, args: Sequence[str]) -> str:
    """Of plain text only: Java's rules for numbers, abbreviations, hyphens and the like are not built."""
    refused = raising("UNSUPPORTED_FEATURE.HEADRACE", {"feature": "sentences of other than plain English text"})

    def build(s: str) -> str:
        sentences = f"regexp_split_to_array({s}, '[.!?]( |$)')"
        words = "list_filter(string_split(x, ' '), lambda w: w <> '')"
        found = f"list_filter(list_transform({sentences}, lambda x: {words}), lambda ws: len(ws) > 0)"
        plain = f"regexp_full_match({s}, {quote(_PLAIN_SENTENCES)})"
        return f"CASE WHEN {plain} THEN {found} WHEN {s} IS NOT NULL THEN {refused} END"

    return let(args[0], build)


def _luhn(c: Call, args: Sequence[str]) -> str:
    def build(s: str) -> str:
        digits = f"list_reverse(list_transform(string_split({s}, ''), lambda d: TRY_CAST(d AS INTEGER)))"
        weighed = (
            f"list_transform({digits}, lambda d, i: CASE WHEN i % 2 = 1 THEN d WHEN d > 4 "
            "THEN d * 2 - 9 ELSE d * 2 END)"
        )
        return (
            f"CASE WHEN regexp_full_match({s}, '[0-9]+') THEN list_sum({weighed}) % 10 = 0 "
            f"WHEN {s} IS NOT NULL THEN false END"
        )

    return let(args[0], build)


def _register() -> None:
    scalar("locate", [STRING, STRING, INT], t.INTEGER, _locate, defaults=(integer(1),), aliases=("position",))
    rewrite("instr", 2, 2, lambda args, ctx: call("locate", (args[1], args[0]), ctx))
    for name, kernel in (("contains", "contains"), ("startswith", "starts_with"), ("endswith", "ends_with")):
        scalar(
            name,
            [TEXT_OR_BINARY, TEXT_OR_BINARY],
            t.BOOLEAN,
            lambda c, a, kernel=kernel: (  # type: ignore[misc]
                f"{kernel}(hex({a[0]}), hex({a[1]}))" if is_binary(c) else f"{kernel}({a[0]}, {a[1]})"
            ),
        )
    scalar("find_in_set", [STRING, STRING], t.INTEGER, _find_in_set)
    REGISTRY.add(Function("levenshtein", FunctionKind.SCALAR, _bind_levenshtein, _levenshtein))
    scalar("soundex", [STRING], t.STRING, _soundex)
    scalar(
        "sentences",
        [STRING, STRING, STRING],
        t.ArrayType(t.ArrayType(t.STRING)),
        _sentences,
        raises=True,
        defaults=(string(""), string("")),
    )
    scalar("luhn_check", [STRING], t.BOOLEAN, _luhn)


_register()
