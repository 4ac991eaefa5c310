"""Bitmaps of 4,096 bytes, for counting distinct numbers: position p is bit p % 8, from the lowest, of byte p // 8."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace_driver.functions.aggregates import make
from headrace_driver.functions.declare import LONG, Parameter, check_count, coerce, scalar
from headrace_driver.functions.registry import REGISTRY, BindContext, Buffer, Function, FunctionKind, TwoPhase, Wrap
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import AggregateCall, Expression
from headrace_driver.render.text import let, raising

_BYTES = 4096
_BITS = 8 * _BYTES
_BITMAP = Parameter('"BINARY"', lambda e: e if isinstance(e.dtype, t.BinaryType) else None)
"""Strings are none, though other functions take them for their bytes."""


def _place(position: str) -> str:
    """Where the kernel has the bit, which counts those of a byte from the highest."""
    known = {"bitmapNumBytes": str(_BYTES), "bitmapNumBits": str(_BITS)}

    def build(p: str) -> str:
        bad = raising("INVALID_BITMAP_POSITION", known, bitPosition=f"CAST({p} AS VARCHAR)")
        return f"CASE WHEN {p} < 0 OR {p} >= {_BITS} THEN {bad} ELSE CAST({p} // 8 * 8 + 7 - {p} % 8 AS INTEGER) END"

    return let(position, build)


def _constructed(args: Sequence[str], wrap: Wrap) -> str:
    return f"CAST({wrap(f'bitstring_agg({_place(args[0])}, 0, {_BITS - 1})')} AS BLOB)"


def _combined(kernel: str) -> Callable[[Sequence[str], Wrap], str]:
    """Shorter bitmaps are filled with zeros, longer ones cut."""

    def update(args: Sequence[str], wrap: Wrap) -> str:
        whole = f"from_hex(rpad(hex({args[0]}), {2 * _BYTES}, '0'))"
        return f"CAST({wrap(f'{kernel}(CAST({whole} AS BIT))')} AS BLOB)"

    return update


def _aggregate(
    name: str, parameter: Parameter, update: Callable[[Sequence[str], Wrap], str], kernel: str, empty: str
) -> None:
    """`kernel` merges bitmaps; `empty` is the byte that one of no rows is full of."""

    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 1, 1, ctx)
        return make(name, coerce(name, [parameter], args, ctx), t.BINARY, ctx, null=False)

    def filled(bitmap: str) -> str:
        return f"coalesce({bitmap}, from_hex(repeat('{empty}', {_BYTES})))"

    def render(call: AggregateCall, args: Sequence[str], wrap: Wrap) -> str:
        return filled(update(args, wrap))

    buffer = Buffer("BLOB", update, lambda column: f"CAST({kernel}(CAST({column} AS BIT)) AS BLOB)")
    phases = TwoPhase((buffer,), lambda columns: filled(columns[0]))
    REGISTRY.add(
        Function(
            name,
            FunctionKind.AGGREGATE,
            bind,
            render_aggregate=render,
            two_phase=lambda call: phases,
            duplicate_agnostic=True,
        )
    )


def _register() -> None:
    scalar(
        "bitmap_count",
        [_BITMAP],
        t.LONG,
        # The kernel has no bits of no bytes.
        lambda c, a: let(a[0], lambda b: f"CASE octet_length({b}) WHEN 0 THEN 0 ELSE bit_count(CAST({b} AS BIT)) END"),
    )
    _aggregate("bitmap_construct_agg", LONG, _constructed, "bit_or", "00")
    _aggregate("bitmap_or_agg", _BITMAP, _combined("bit_or"), "bit_or", "00")
    _aggregate("bitmap_and_agg", _BITMAP, _combined("bit_and"), "bit_and", "FF")


_register()
