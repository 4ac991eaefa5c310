"""Values of a row by its number: random ones, which keep to their seed, and identifiers.

A random value is a hash of (seed, partition, number of the row in the task, which value of the row), so that the same
rows in the same order get the same values. Spark's own sequence (XORShift, each value from the one before) would have
to be computed row after row, which SQL cannot; its values of a seed are not reproduced.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from headrace_driver.functions.coercion import is_integral
from headrace_driver.functions.declare import (
    ANY,
    ARRAY,
    INT,
    LONG,
    Parameter,
    Text,
    check_count,
    coerce,
    constant,
    meet,
    render_text,
)
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Expression, Literal
from headrace_driver.render.types import kernel_type

PARTITION = "getvariable('hr_partition')"
"""The task's number. The worker sets it for programs that name it (PARTITION_VARIABLE in its executor/attempt.py)."""
ROW_NUMBER = "row_number() OVER ()"
"""The row's number in the task, from 1."""


def _hash(seed: str, *which: object) -> str:
    """64 bits of the row. Twice, as the kernel mixes the hashes of several values too little."""
    seeds = [f"coalesce(CAST({seed} AS BIGINT), 0)", f"CAST({PARTITION} AS BIGINT)", ROW_NUMBER, *map(str, which)]
    return f"hash(hash({', '.join(seeds)}))"


def _uniform(seed: str, *which: object) -> str:
    """Evenly from 0 (inclusive) to 1 (exclusive), with all 53 bits of a double."""
    return f"(CAST({_hash(seed, *which)} >> 11 AS DOUBLE) / 9007199254740992.0)"


def _normal(seed: str) -> str:
    """Box and Muller; 1 less the first is never zero."""
    return f"(sqrt(-2 * ln(1 - {_uniform(seed, 1)})) * cos(2 * pi() * {_uniform(seed, 2)}))"


def _between(c: Call, args: Sequence[str]) -> str:
    value = f"({args[0]} + ({args[1]} - {args[0]}) * {_uniform(args[2], 0)})"
    return f"CAST({'floor' if is_integral(c.type) else ''}({value}) AS {kernel_type(c.type)})"


def _text(c: Call, args: Sequence[str]) -> str:
    alphabet = "'0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'"
    letter = f"{alphabet}[1 + CAST({_hash(args[1], 'i')} % 62 AS INTEGER)]"
    return f"array_to_string(list_transform(range({args[0]}), lambda i: {letter}), '')"


def _shuffle(c: Call, args: Sequence[str]) -> str:
    keyed = f"list_transform({args[0]}, lambda x, i: {{'k': {_hash(args[1], 'i')}, 'v': x}})"
    return f"list_transform(list_sort({keyed}), lambda x: x.v)"


def _uuid(c: Call, args: Sequence[str]) -> str:
    """Version 4: 122 random bits."""
    digits = f"printf('%016x%016x', {_hash(args[0], 1)}, {_hash(args[0], 2)})"
    pattern = "^(.{8})(.{4}).(.{3})(.)(.{3})(.{12})$"
    variant = f"'89ab'[1 + CAST({_hash(args[0], 3)} % 4 AS INTEGER)]"
    return f"regexp_replace({digits}, '{pattern}', '\\1-\\2-4\\3-' || {variant} || '\\5-\\6')"


def _drawn(
    name: str,
    parameters: Sequence[Parameter],
    returns: Callable[[Sequence[Expression]], t.DataType],
    text: Text,
    *,
    same_types: Sequence[int] = (),
    aliases: Sequence[str] = (),
) -> None:
    """Registers a function whose last argument is the seed, any where it is missing."""
    count = len(parameters) + 1

    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, count - 1, count, ctx)
        given = list(args) if len(args) == count else [*args, Literal(random.getrandbits(63), t.LONG)]
        if same_types:
            given = meet(name, given, same_types, ctx)
        accepted = coerce(name, [*parameters, LONG], given, ctx)
        nullable = any(a.nullable for a in accepted[:-1])
        return Call(name, accepted, returns(accepted), nullable, ctx.display or name, ctx.origin)

    REGISTRY.add(
        Function(
            name,
            FunctionKind.SCALAR,
            bind,
            render_text(text),
            deterministic=False,
            foldable=False,
            numbers_rows=True,
        ),
        *aliases,
    )


def _identifier(name: str, dtype: t.DataType, text: str, *, numbers_rows: bool) -> None:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 0, 0, ctx)
        return Call(name, (), dtype, False, ctx.display or name, ctx.origin)

    function = Function(
        name,
        FunctionKind.SCALAR,
        bind,
        render_text(text),
        deterministic=False,
        foldable=False,
        numbers_rows=numbers_rows,
    )
    REGISTRY.add(function)


def _register() -> None:
    _drawn("rand", [], lambda a: t.DOUBLE, lambda c, a: _uniform(a[0], 0), aliases=("random",))
    _drawn("randn", [], lambda a: t.DOUBLE, lambda c, a: _normal(a[0]))
    _drawn("uniform", [ANY, ANY], lambda a: a[0].dtype, _between, same_types=(0, 1))
    _drawn("randstr", [constant(INT)], lambda a: t.STRING, _text)
    _drawn("shuffle", [ARRAY], lambda a: a[0].dtype, _shuffle)
    _drawn("uuid", [], lambda a: t.STRING, _uuid)
    _identifier("spark_partition_id", t.INTEGER, f"CAST({PARTITION} AS INTEGER)", numbers_rows=False)
    _identifier(
        "monotonically_increasing_id",
        t.LONG,
        f"(CAST({PARTITION} AS BIGINT) * 8589934592 + {ROW_NUMBER} - 1)",
        numbers_rows=True,
    )


_register()
