"""Arrays of numbers or times a step apart."""

from __future__ import annotations

from collections.abc import Sequence

from headrace_driver.functions.coercion import cast_to, common_type, is_integral
from headrace_driver.functions.collections import make, null_safe
from headrace_driver.functions.datetime import zone_of
from headrace_driver.functions.declare import check_count
from headrace_driver.functions.mismatch import different_types
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Expression, Literal
from headrace_driver.render.text import ELEMENTS_MAX, let_all, raising, too_many
from headrace_driver.render.time import MICROS_PER_DAY, instant, local
from headrace_driver.render.types import kernel_type


def _bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("sequence", args, 2, 3, ctx)
    start, stop = args[0], args[1]
    dtype = common_type(start.dtype, stop.dtype)
    if dtype is None:
        raise different_types("sequence", args, ctx)
    start, stop = cast_to(start, dtype), cast_to(stop, dtype)
    if is_integral(dtype):
        step = cast_to(args[2], dtype) if len(args) == 3 else None
        given = (start, stop) if step is None else (start, stop, step)
        return make("sequence", given, t.ArrayType(dtype, False), ctx)
    step = args[2] if len(args) == 3 else Literal(86_400_000_000, t.DayTimeIntervalType(0, 0))
    return make("sequence_time", (start, stop, step, Literal(ctx.time_zone, t.STRING)), t.ArrayType(dtype, False), ctx)


def _bounded(distance: str, step: str) -> str:
    """The branch of a CASE that raises where steps over the distance (kernel texts of numbers) give more elements than
    an array has."""
    count = f"(abs({distance}) // nullif(abs(({step})::HUGEINT), 0) + 1)"
    return f"WHEN {count} > {ELEMENTS_MAX} THEN {too_many(f'CAST({count} AS VARCHAR)', 'sequence')}"


def _leads_away(start: str, stop: str, step: str) -> str:
    """Whether steps never reach the end (kernel texts of numbers)."""
    return (
        f"({step} = 0 AND {start} <> {stop}) OR ({step} > 0 AND {start} > {stop}) OR ({step} < 0 AND {start} < {stop})"
    )


def _illegal(start: str, stop: str, step: str) -> str:
    given = {"start": start, "stop": stop, "step": step}
    return raising("_LEGACY_ERROR_TEMP_3243", None, **{k: f"CAST({v} AS VARCHAR)" for k, v in given.items()})


def _numbers(c: Call, args: Sequence[str]) -> str:
    kernel = kernel_type(c.type)

    def build(names: list[str]) -> str:
        a, b = names[0], names[1]
        step = names[2] if len(names) == 3 else f"CASE WHEN {a} <= {b} THEN 1 ELSE -1 END"
        bad = _illegal(a, b, step)
        wrong = _leads_away(a, b, step)
        counted = _bounded(f"{b}::HUGEINT - {a}::HUGEINT", step)
        made = (
            f"CASE WHEN {a} = {b} THEN [{a}] {counted} ELSE CAST(generate_series({a}::BIGINT, {b}::BIGINT, "
            f"({step})::BIGINT) AS {kernel}) END"
        )
        guarded = made if len(names) == 2 else f"CASE WHEN {wrong} THEN {bad} ELSE {made} END"
        return null_safe(names, f"CAST({guarded} AS {kernel})")

    return let_all(list(args), build)


def _times(c: Call, args: Sequence[str]) -> str:
    step_type = c.args[2].dtype
    kernel = kernel_type(c.type)
    source = c.args[0].dtype
    # Steps of less than a day go from instant to instant, others along the clocks of the zone.
    known = c.args[2]
    step_us = known.value if isinstance(known, Literal) and isinstance(step_type, t.DayTimeIntervalType) else None
    zone = "UTC" if step_us is not None and abs(step_us) < MICROS_PER_DAY else zone_of(c)
    if isinstance(step_type, t.DayTimeIntervalType):
        step = f"to_microseconds({args[2]})"
    elif isinstance(step_type, t.YearMonthIntervalType):
        step = f"to_months({args[2]})"
    else:
        step = args[2]
    start, stop = (
        local(a, zone) if isinstance(source, t.TimestampType) else f"CAST({a} AS TIMESTAMP)" for a in args[:2]
    )

    def build(names: list[str]) -> str:
        a, b = names
        made = f"generate_series({a}, {b}, {step})"
        if isinstance(step_type, t.YearMonthIntervalType):
            # Each element is the start plus so many steps, so that month ends do not creep.
            m = args[2]
            count = f"abs(datediff('month', {a}, {b})) // nullif(abs({m}), 0) + 2"
            reached = f"CASE WHEN {m} > 0 THEN x <= {b} ELSE x >= {b} END"
            moved = f"list_transform(range({count}), lambda i: {a} + to_months(CAST(i * {m} AS INTEGER)))"
            made = f"list_filter({moved}, lambda x: {reached})"
        elif isinstance(step_type, t.DayTimeIntervalType):
            distance = f"epoch_us({b})::HUGEINT - epoch_us({a})::HUGEINT"
            made = f"CASE {_bounded(distance, args[2])} ELSE {made} END"
        if isinstance(step_type, t.DayTimeIntervalType | t.YearMonthIntervalType):
            made = f"CASE {_times_lead_away(a, b, args[2], step_type, source)} ELSE {made} END"
        back = (
            f"list_transform({made}, lambda x: {instant('x', zone)})" if isinstance(source, t.TimestampType) else made
        )
        return null_safe(names, f"CAST({back} AS {kernel})")

    return let_all([start, stop], build)


def _times_lead_away(start: str, stop: str, step: str, step_type: t.DataType, source: t.DataType) -> str:
    """The branch of a CASE that raises as for numbers: Spark counts days where days are all there is, else
    microseconds, and the step in months or in the unit of the ends."""
    days = isinstance(source, t.DateType) and isinstance(step_type, t.DayTimeIntervalType)
    unit = "// 86400000000" if days else ""
    first, last = f"(epoch_us({start}) {unit})", f"(epoch_us({stop}) {unit})"
    return f"WHEN {_leads_away(first, last, step)} THEN {_illegal(first, last, f'({step} {unit})')}"


REGISTRY.add(Function("sequence", FunctionKind.SCALAR, _bind, _numbers, raises=True))
REGISTRY.add(Function("sequence_time", FunctionKind.SCALAR, _bind, _times, raises=True))
