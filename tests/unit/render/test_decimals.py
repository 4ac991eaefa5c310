"""Decimal arithmetic on the kernel, against Python's exact decimals, over random widths, scales and values."""

from __future__ import annotations

import random
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

import duckdb
import pytest

from headrace_driver.functions import builtin
from headrace_driver.functions.decimals import result_of
from headrace_driver.functions.registry import REGISTRY, BindContext
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Attribute, Call, Expression
from headrace_driver.render.expressions import Renderer

assert builtin
WIDTHS = (3, 9, 12, 18, 19, 25, 38)
EXACT = Context(prec=200)


def bound(operator: str, left: t.DecimalType, right: t.DecimalType) -> Expression:
    function = REGISTRY.find(operator)
    assert function is not None
    pair = (Attribute("a", left, True, 1), Attribute("b", right, True, 2))
    return function.bind(pair, BindContext())


def number(rng: random.Random, dtype: t.DecimalType) -> Decimal:
    digits = rng.randint(1, dtype.precision)
    nines = rng.random() < 0.3
    value = 10**digits - rng.randint(1, 99) if nines else rng.randint(0, 10**digits - 1)
    return Decimal(rng.choice((1, -1)) * (value % 10**dtype.precision)).scaleb(-dtype.scale, EXACT)


def exact(operator: str, a: Decimal, b: Decimal) -> Decimal:
    match operator:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            return a / b
    return a - b * int(a / b)


@pytest.mark.parametrize("operator", ["+", "-", "*", "/", "%"])
def test_results_are_exact_or_out_of_range(operator: str) -> None:
    rng = random.Random(operator)
    kernel = duckdb.connect()
    renderer = Renderer()
    for _ in range(60):
        left, right = (t.DecimalType(p, rng.randint(0, min(p, 20))) for p in (rng.choice(WIDTHS), rng.choice(WIDTHS)))
        a, b = number(rng, left), number(rng, right)
        if operator in "/%" and b == 0:
            continue
        dtype = result_of(operator, left, right)
        with localcontext(EXACT):
            wanted = exact(operator, a, b).quantize(Decimal(1).scaleb(-dtype.scale), rounding=ROUND_HALF_UP)
            fits = abs(wanted).scaleb(dtype.scale) < 10**dtype.precision
        text = renderer.expression(bound(operator, left, right))
        data = f"(SELECT '{a:f}'::{left.name} AS c1, '{b:f}'::{right.name} AS c2)"
        if fits:
            assert kernel.execute(f"SELECT {text} FROM {data}").fetchone() == (wanted,), (operator, left, right, a, b)
        else:
            with pytest.raises(duckdb.Error):
                kernel.execute(f"SELECT {text} FROM {data}").fetchone()


def test_products_stay_narrow_when_statistics_bound_them() -> None:
    price, discount = Attribute("p", t.DecimalType(12, 2), True, 1), Attribute("d", t.DecimalType(12, 2), True, 2)
    star, minus = REGISTRY.find("*"), REGISTRY.find("-")
    assert star is not None
    assert minus is not None
    call = star.bind((price, minus.bind((price, discount), BindContext())), BindContext())
    assert isinstance(call, Call)
    assert "CAST" in Renderer().loose(call)
    assert Renderer(digit_bounds={1: 10_000_000, 2: 10}).loose(call) == "(c1 * (c1 - c2))"
