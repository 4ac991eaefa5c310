"""Precision and scale of decimal arithmetic, as Spark has them with spark.sql.decimalOperations.allowPrecisionLoss."""

from __future__ import annotations

from decimal import Decimal

from headrace_driver.plan import types as t

MAX_PRECISION = 38
_MINIMUM_KEPT_SCALE = 6

_OF_INTEGRAL: dict[t.DataType, t.DecimalType] = {
    t.BYTE: t.DecimalType(3, 0),
    t.SHORT: t.DecimalType(5, 0),
    t.INTEGER: t.DecimalType(10, 0),
    t.LONG: t.DecimalType(20, 0),
    t.FLOAT: t.DecimalType(14, 7),
    t.DOUBLE: t.DecimalType(30, 15),
}


def decimal_for(dtype: t.DataType) -> t.DecimalType | None:
    """The decimal that holds every value of a numeric type (for floating point: the one Spark picked)."""
    return dtype if isinstance(dtype, t.DecimalType) else _OF_INTEGRAL.get(dtype)


def decimal_of_value(value: int | Decimal) -> t.DecimalType:
    """The narrowest decimal that holds a constant."""
    if isinstance(value, int):
        return t.DecimalType(max(1, len(str(abs(value)))), 0)
    _, digits, exponent = value.as_tuple()
    scale = max(0, -int(exponent))
    precision = len(digits) + max(0, int(exponent))
    return t.DecimalType(min(MAX_PRECISION, max(precision, scale, 1)), min(MAX_PRECISION, scale))


def bounded(precision: int, scale: int) -> t.DecimalType:
    """Cut to what decimals can hold, without any care for the scale."""
    return t.DecimalType(min(precision, MAX_PRECISION), min(scale, MAX_PRECISION))


def adjusted(precision: int, scale: int) -> t.DecimalType:
    """When the digits do not all fit, gives up fractional digits first, down to six."""
    if precision <= MAX_PRECISION:
        return t.DecimalType(precision, scale)
    integral = precision - scale
    return t.DecimalType(MAX_PRECISION, max(MAX_PRECISION - integral, min(scale, _MINIMUM_KEPT_SCALE)))


def wider(a: t.DecimalType, b: t.DecimalType) -> t.DecimalType:
    """The common type of two decimals (for comparison, union, CASE); past 38 digits the fraction gives way."""
    scale = max(a.scale, b.scale)
    integral = max(a.precision - a.scale, b.precision - b.scale)
    return bounded(integral + scale, max(0, scale - max(0, integral + scale - 38)))


def holds(wide: t.DecimalType, narrow: t.DecimalType) -> bool:
    """Whether every value of `narrow` is one of `wide`."""
    return wide.scale >= narrow.scale and wide.precision - wide.scale >= narrow.precision - narrow.scale


def result_of(operator: str, a: t.DecimalType, b: t.DecimalType) -> t.DecimalType:
    """The type of `a operator b` for + - * / % on decimals."""
    p1, s1, p2, s2 = a.precision, a.scale, b.precision, b.scale
    match operator:
        case "+" | "-":
            scale = max(s1, s2)
            return adjusted(max(p1 - s1, p2 - s2) + scale + 1, scale)
        case "*":
            return adjusted(p1 + p2 + 1, s1 + s2)
        case "/":
            scale = max(_MINIMUM_KEPT_SCALE, s1 + p2 + 1)
            return adjusted(p1 - s1 + s2 + scale, scale)
        case "%" | "pmod":
            scale = max(s1, s2)
            return adjusted(min(p1 - s1, p2 - s2) + scale, scale)
    raise ValueError(f"no decimal rule for {operator}")


def sum_type(a: t.DecimalType) -> t.DecimalType:
    """Ten more digits, which is enough for ten thousand million rows."""
    return bounded(a.precision + 10, a.scale)


def average_type(a: t.DecimalType) -> t.DecimalType:
    """Four more digits on either side, as Spark has them."""
    return bounded(a.precision + 4, a.scale + 4)
