"""Decimal arithmetic in kernel text, exact as Spark's and no wider than it has to be.

The kernel computes + - * of decimals in 64 bits when both sides have at most 18 digits, and raises on overflow where
Spark's declared type would still hold the result. So one side is widened first, unless the values provably fit: bounds
come from literals and from column statistics.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from headrace_driver.functions.decimals import MAX_PRECISION
from headrace_driver.plan import types as t
from headrace_driver.render.text import let, let_all, raising

_NARROW = 18
"""Digits the kernel holds in 64 bits."""
DIRECT_CHARS = 2_000
"""Of kernel text that may be repeated instead of named."""


@dataclass(frozen=True, slots=True)
class DecimalText:
    """A decimal text of kernel type DECIMAL(precision, scale) whose unscaled value never exceeds `bound`."""

    text: str
    precision: int
    scale: int
    bound: int

    def exact(self, dtype: t.DecimalType) -> str:
        """The text as DECIMAL of the declared type."""
        if (self.precision, self.scale) == (dtype.precision, dtype.scale):
            return self.text
        return f"CAST({self.text} AS DECIMAL({dtype.precision},{dtype.scale}))"

    def widened(self, precision: int) -> DecimalText:
        return DecimalText(f"CAST({self.text} AS DECIMAL({precision},{self.scale}))", precision, self.scale, self.bound)


def literal_decimal(value: Any, dtype: t.DecimalType) -> DecimalText:
    """A constant, whose bound is its value."""
    number = Decimal(value)
    text = f"'{number:f}'::DECIMAL({dtype.precision},{dtype.scale})"
    return DecimalText(text, dtype.precision, dtype.scale, abs(int(number.scaleb(dtype.scale))))


def arithmetic(operator: str, left: DecimalText, right: DecimalText, dtype: t.DecimalType) -> DecimalText | None:
    """`left operator right` for + - *; None when the kernel's decimals cannot hold the exact result."""
    if operator == "*":
        scale = left.scale + right.scale
        if scale > MAX_PRECISION:
            return None
        width = left.precision + right.precision
        bound = left.bound * right.bound
    else:
        scale = max(left.scale, right.scale)
        width = max(left.precision - left.scale, right.precision - right.scale) + scale + 1
        bound = left.bound * 10 ** (scale - left.scale) + right.bound * 10 ** (scale - right.scale)
    if width > _NARROW and left.precision <= _NARROW and right.precision <= _NARROW:
        if bound < 10**_NARROW:
            width = _NARROW
        else:
            left = left.widened(_NARROW + 1)
            width = _NARROW + 1 + right.precision if operator == "*" else width
    width = min(width, MAX_PRECISION)
    made = DecimalText(f"({left.text} {operator} {right.text})", width, scale, bound)
    if scale == dtype.scale:
        return made
    if bound >= 10**MAX_PRECISION:
        return None
    return DecimalText(made.exact(dtype), dtype.precision, dtype.scale, 10**dtype.precision - 1)


def quotient(
    numerator: str,
    n: t.DecimalType,
    denominator: str,
    d: t.DecimalType,
    dtype: t.DecimalType,
    *,
    positive: bool = False,
) -> str:
    """numerator / denominator rounded half up to `dtype`, in 128-bit integers.

    `n` and `d` are the operands' types. The denominator is not zero; `positive` says that it is above. Rows whose
    scaled numerator exceeds 128 bits (only the widest types have such) are divided digit by digit.
    """
    shift = dtype.scale - n.scale + d.scale
    fits = n.precision + shift + 1 <= MAX_PRECISION and d.precision + 1 <= MAX_PRECISION

    def build(names: list[str]) -> str:
        above, below = names
        half = below if positive else f"abs({below})"
        quick = f"(({above} * {2 * 10**shift}::HUGEINT + sign({above}) * {half}) // ({below} * 2))"
        return quick if fits else f"coalesce(TRY({quick}), {_digit_by_digit(above, below, shift)})"

    sides = [unscaled(numerator, n), unscaled(denominator, d)]
    # Written out twice a side is still computed once: the kernel finds common subexpressions. Naming it costs a list a
    # row, a hundred times more, and is left to texts that would grow without bound when divisions nest.
    direct = fits and sum(map(len, sides)) <= DIRECT_CHARS
    whole = build(sides) if direct else let_all(sides, build)
    return f"CAST(CAST({whole} AS DECIMAL(38,0)) * {unit(dtype.scale)} AS DECIMAL({dtype.precision},{dtype.scale}))"


def unscaled(text: str, dtype: t.DecimalType) -> str:
    """The digits of a decimal as a HUGEINT. The kernel multiplies in the width of the decimal, so it is widened first;
    where even 38 digits do not hold the product, whole and fractional part go separate ways."""
    precision, scale = dtype.precision, dtype.scale
    if scale == 0:
        return f"CAST({text} AS HUGEINT)"
    unit = 10**scale
    if precision + scale <= _NARROW:
        return f"CAST({text} * {unit} AS HUGEINT)"
    if precision + scale <= MAX_PRECISION:
        return f"CAST(CAST({text} AS DECIMAL({precision + scale},{scale})) * {unit}::HUGEINT AS HUGEINT)"
    return let(text, lambda v: f"(CAST(trunc({v}) AS HUGEINT) * {unit}::HUGEINT + {_fraction(v, scale)})")


def unit(scale: int) -> str:
    """10^-scale as a decimal constant."""
    return f"'{Decimal(1).scaleb(-scale):f}'::DECIMAL({max(scale, 1)},{scale})" if scale else "1"


def _digit_by_digit(above: str, below: str, shift: int) -> str:
    """above * 10^shift / below, half up, by long division: one digit a step, the remainder stays below the divisor.

    Unsigned 128 bits hold twice a remainder but not ten times one, so a step is 2, 4, 5, 10 times the remainder.
    """
    d = f"abs({below})::UHUGEINT"
    n = f"abs({above})::UHUGEINT"

    def add(state: str, more: str, times: str) -> str:
        """The state with its remainder grown to `more` and its digit to `times`, the divisor taken out once."""
        return let(
            more,
            lambda r: (
                f"{{'q': {state}.q, 'd': {times} + CASE WHEN {r} >= {d} THEN 1::UHUGEINT ELSE 0::UHUGEINT END, "
                f"'r': CASE WHEN {r} >= {d} THEN {r} - {d} ELSE {r} END}}"
            ),
        )

    two = add("a", "a.r + a.r", "0::UHUGEINT")
    four = let(two, lambda s: add(s, f"{s}.r + {s}.r", f"{s}.d + {s}.d"))
    five = let(four, lambda s: add(s, f"{s}.r + a.r", f"{s}.d"))
    ten = let(five, lambda s: add(s, f"{s}.r + {s}.r", f"{s}.d + {s}.d"))
    step = let(ten, lambda s: f"{{'q': {s}.q * 10::UHUGEINT + {s}.d, 'r': {s}.r}}")
    start = f"{{'q': {n} // {d}, 'r': {n} % {d}}}"
    # list_reduce wants its list to be of the accumulator's type.
    done = f"list_reduce(list_transform(range({shift}), lambda i: {start}), lambda a, i: {step}, {start})"
    if shift <= 0:
        done = start

    def rounded(v: str) -> str:
        up = f"CASE WHEN {v}.r + {v}.r >= {d} THEN 1::UHUGEINT ELSE 0::UHUGEINT END"
        return f"(CAST({v}.q + {up} AS HUGEINT) * sign({above}) * sign({below}))"

    return let(done, rounded)


def remainder(left: str, a: t.DecimalType, right: str, b: t.DecimalType, dtype: t.DecimalType) -> str:
    """left % right with the sign of the left side; the right side is not zero."""
    kernel = f"DECIMAL({dtype.precision},{dtype.scale})"
    scale = max(a.scale, b.scale)
    if max(a.precision - a.scale, b.precision - b.scale) + scale <= _NARROW:
        return f"CAST(({left} % {right}) AS {kernel})"
    grow = 10 ** (scale - a.scale)
    grow_right = 10 ** (scale - b.scale)

    def build(names: list[str]) -> str:
        n, d = names
        if grow > 1:
            # Where the left side's digits exceed 128 bits, zeros are appended one by one to the remainder.
            return f"coalesce(TRY(({n} * {grow}::HUGEINT) % {d}), {_grown_remainder(n, d, scale - a.scale)})"
        if grow_right > 1:
            # A right side beyond 128 bits is larger than the left side, which remains.
            return let(f"TRY({d} * {grow_right}::HUGEINT)", lambda w: f"coalesce({n} % {w}, {n})")
        return f"({n} % {d})"

    digits = let_all([unscaled(left, a), unscaled(right, b)], build)
    return f"CAST(CAST({digits} AS DECIMAL(38,0)) * {unit(scale)} AS {kernel})"


def _grown_remainder(n: str, d: str, zeros: int) -> str:
    """(n * 10^zeros) % d for a product beyond 128 bits: zero by zero, ten times being 2, 4, 5, 10 times."""
    size = f"abs({d})::UHUGEINT"

    def less(more: str) -> str:
        return let(more, lambda r: f"CASE WHEN {r} >= {size} THEN {r} - {size} ELSE {r} END")

    four = let(less("r + r"), lambda two: less(f"{two} + {two}"))
    ten = let(let(four, lambda v: less(f"{v} + r")), lambda five: less(f"{five} + {five}"))
    steps = f"list_transform(range({zeros}), lambda i: 0::UHUGEINT)"
    start = f"(abs({n})::UHUGEINT % {size})"
    return f"(CAST(list_reduce({steps}, lambda r, i: {ten}, {start}) AS HUGEINT) * sign({n}))"


def rounded_sum(operator: str, left: str, a: t.DecimalType, right: str, b: t.DecimalType, dtype: t.DecimalType) -> str:
    """left + right or left - right where the digits of both, aligned, may exceed 38: half up to the result's scale.

    Whole and fractional parts are added apart; a fraction of the other sign borrows from the whole part.
    """
    scale = max(a.scale, b.scale)
    kernel = f"DECIMAL({dtype.precision},{dtype.scale})"

    def build(names: list[str]) -> str:
        x, y = names
        quick = f"TRY(CAST((CAST({x} AS DECIMAL(38,{a.scale})) {operator} {y}) AS {kernel}))"
        whole = f"(CAST(trunc({x}) AS HUGEINT) {operator} CAST(trunc({y}) AS HUGEINT))"
        fraction = f"({_fraction(x, scale)} {operator} {_fraction(y, scale)})"
        one = f"{10**scale}::HUGEINT"
        drop = 10 ** (scale - dtype.scale)

        def joined(parts: list[str]) -> str:
            w, f = parts
            borrow = f"CASE WHEN sign({w}) * sign({f}) < 0 THEN sign({w}) ELSE 0 END"

            def settled(k: str) -> str:
                f2 = f"({f} + {k} * {one})"
                cut = f"(({f2} + sign({f2}) * {drop // 2}) // {drop}::HUGEINT)"
                return f"(({w} - {k}) * {10**dtype.scale}::HUGEINT + {cut})"

            return let(borrow, settled)

        digits = let_all([whole, fraction], joined)
        return f"coalesce({quick}, CAST(CAST({digits} AS DECIMAL(38,0)) * {unit(dtype.scale)} AS {kernel}))"

    return let_all([left, right], build)


def _fraction(text: str, scale: int) -> str:
    """The fractional part of a decimal in units of 10^-scale, as a HUGEINT."""
    fraction = f"CAST({text} - trunc({text}) AS DECIMAL(38,{scale}))"
    if 2 * scale > MAX_PRECISION:
        return f"CAST(replace(CAST({fraction} AS VARCHAR), '.', '') AS HUGEINT)"
    return f"CAST({fraction} * {10**scale}::HUGEINT AS HUGEINT)"


def product(left: str, a: t.DecimalType, right: str, b: t.DecimalType, dtype: t.DecimalType) -> str:
    """left * right rounded half up to fewer digits than the product has, exact also where that exceeds 128 bits.

    Both factors are cut into limbs of 19 digits; the parts of the product are divided by the power of ten to drop, and
    what is left of each is collected for the rounding (in unsigned 128 bits, which it just fits).
    """
    drop = a.scale + b.scale - dtype.scale
    limb = f"{10**19}::UHUGEINT"
    unit_text = f"{10**drop}::UHUGEINT"

    def build(names: list[str]) -> str:
        x, y = names
        u, v = f"abs({x})::UHUGEINT", f"abs({y})::UHUGEINT"
        high, low = f"({u} // {limb})", f"({u} % {limb})"
        high2, low2 = f"({v} // {limb})", f"({v} % {limb})"
        crossed = (f"({high} * {low2})", f"({low} * {high2})")
        top = f"{high} * {high2} * {10 ** (38 - drop)}::UHUGEINT"
        if drop <= 19:
            middle = " + ".join(f"{c} * {10 ** (19 - drop)}::UHUGEINT" for c in crossed)
            rest = f"({low} * {low2})"
        else:
            cut = f"{10 ** (drop - 19)}::UHUGEINT"
            middle = " + ".join(f"{c} // {cut}" for c in crossed)
            rest = f"(({' + '.join(f'{c} % {cut}' for c in crossed)}) * {limb} + {low} * {low2})"
        whole = let(
            rest,
            lambda r: (
                f"({top} + {middle} + {r} // {unit_text} + "
                f"CASE WHEN {r} % {unit_text} >= {5 * 10 ** (drop - 1)}::UHUGEINT THEN "
                "1::UHUGEINT ELSE 0::UHUGEINT END)"
            ),
        )
        return f"(CAST({whole} AS HUGEINT) * sign({x}) * sign({y}))"

    digits = let_all([unscaled(left, a), unscaled(right, b)], build)
    return f"CAST(CAST({digits} AS DECIMAL(38,0)) * {unit(dtype.scale)} AS DECIMAL({dtype.precision},{dtype.scale}))"


def out_of_range(value: str, dtype: t.DecimalType) -> str:
    """Raises NUMERIC_VALUE_OUT_OF_RANGE for the value of a text."""
    return raising(
        "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION",
        {"precision": str(dtype.precision), "scale": str(dtype.scale), "config": '"spark.sql.ansi.enabled"'},
        value=value,
    )
