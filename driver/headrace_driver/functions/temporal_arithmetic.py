"""+ - * / where a side is a date, a timestamp or an interval.

Bound to calls of their own, so that each has one kernel text: date_add, date_sub, add_months, timestamp_plus, ...
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace_driver.errors import SparkError
from headrace_driver.functions.coercion import cast_to, implicit_cast, is_interval
from headrace_driver.functions.declare import internal
from headrace_driver.functions.mismatch import binary_mismatch, unexpected_type
from headrace_driver.functions.registry import REGISTRY, BindContext
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Expression, Literal
from headrace_driver.render.text import let, let_all, raising
from headrace_driver.render.time import MICROS_PER_DAY, fixed_offset_us, local, moved_instant
from headrace_driver.render.types import kernel_type

_INSTANT = (t.TimestampType, t.TimestampNTZType)


def temporal(operator: str, args: Sequence[Expression], ctx: BindContext) -> Expression | None:
    """The operation on time, or None when both sides are plain numbers (or strings)."""
    left, right = args
    if not (_is_temporal(left.dtype) or _is_temporal(right.dtype)):
        return None
    left, right = _with_nulls(operator, left, right)
    result = None
    if operator in "+-":
        result = _sum(operator, left, right, ctx)
        if result is None and operator == "+":
            result = _sum(operator, right, left, ctx)
    elif operator == "*":
        result = _scaled(left, right, ctx) or _scaled(right, left, ctx)
    elif operator == "/":
        result = _divided(left, right, ctx)
    if result is None:
        raise _refused(operator, (left, right), args, ctx)
    return result


def _refused(operator: str, pair: Sequence[Expression], args: Sequence[Expression], ctx: BindContext) -> SparkError:
    """What Spark says: it has taken the operation for another by the first operand that has one."""
    left, right = pair
    if operator == "+" and isinstance(right.dtype, t.DateType):
        return unexpected_type("date_add", (right, left), 1, '("INT" or "SMALLINT" or "TINYINT")', ctx)
    if operator in "+-" and isinstance(left.dtype, t.DateType) and not _is_temporal(right.dtype):
        return unexpected_type("date_add", args, 1, '("INT" or "SMALLINT" or "TINYINT")', ctx)
    if operator == "*" and is_interval(right.dtype):
        return unexpected_type("*", (right, left), 1, '"NUMERIC"', ctx)
    if operator in "*/" and is_interval(left.dtype):
        return unexpected_type(operator, (left, right), 1, '"NUMERIC"', ctx)
    return binary_mismatch(operator, args, ctx)


def _is_temporal(dtype: t.DataType) -> bool:
    return isinstance(dtype, t.DateType | t.CalendarIntervalType | t.TimestampType | t.TimestampNTZType) or (
        is_interval(dtype)
    )


def _with_nulls(operator: str, left: Expression, right: Expression) -> tuple[Expression, Expression]:
    """An untyped null beside a date is a number of days, beside others of their type, as a factor a number."""
    if operator in "*/" and (is_interval(left.dtype) or is_interval(right.dtype)):
        return (
            cast_to(left, t.DOUBLE) if isinstance(left.dtype, t.NullType) else left,
            cast_to(right, t.DOUBLE) if isinstance(right.dtype, t.NullType) else right,
        )
    if isinstance(left.dtype, t.NullType):
        left = cast_to(left, t.INTEGER if isinstance(right.dtype, t.DateType) else right.dtype)
    if isinstance(right.dtype, t.NullType):
        right = cast_to(right, t.INTEGER if isinstance(left.dtype, t.DateType) else left.dtype)
    return left, right


def _make(name: str, args: tuple[Expression, ...], dtype: t.DataType, ctx: BindContext) -> Call:
    return Call(name, args, dtype, any(a.nullable for a in args), ctx.display or name, ctx.origin)


def _zone(ctx: BindContext) -> Literal:
    return Literal(ctx.time_zone, t.STRING)


def _sum(operator: str, left: Expression, right: Expression, ctx: BindContext) -> Expression | None:
    match left.dtype, right.dtype:
        case t.DateType(), t.DayTimeIntervalType(0, 0):
            return _make("date_plus_days", (left, _signed(operator, right, ctx)), t.DATE, ctx)
        case t.DateType(), t.DayTimeIntervalType():
            return _sum(operator, cast_to(left, t.TIMESTAMP), right, ctx)
        case t.DateType(), t.YearMonthIntervalType():
            return _make("date_plus_months", (left, _signed(operator, right, ctx)), t.DATE, ctx)
        case t.DateType(), t.CalendarIntervalType():
            return _make("date_plus_interval", (left, _signed(operator, right, ctx)), t.DATE, ctx)
        case (
            (t.TimestampType() | t.TimestampNTZType()),
            (t.DayTimeIntervalType() | t.YearMonthIntervalType() | t.CalendarIntervalType()),
        ):
            name = (
                "timestamp_plus_"
                + {
                    t.DayTimeIntervalType: "time",
                    t.YearMonthIntervalType: "months",
                    t.CalendarIntervalType: "interval",
                }[type(right.dtype)]
            )
            return _make(name, (left, _signed(operator, right, ctx), _zone(ctx)), left.dtype, ctx)
        case ((t.DateType() | t.TimestampType() | t.TimestampNTZType() | t.StringType()), _) if (
            operator == "-"
            and isinstance(right.dtype, t.DateType | t.TimestampType | t.TimestampNTZType | t.StringType)
        ):
            return _difference(left, right, ctx)
        case t.DateType(), (t.ByteType() | t.ShortType() | t.IntegerType()):
            function = REGISTRY.find("date_add" if operator == "+" else "date_sub")
            assert function is not None
            return function.bind((left, right), ctx)
        case (t.DayTimeIntervalType(), t.DayTimeIntervalType()) | (
            t.YearMonthIntervalType(),
            t.YearMonthIntervalType(),
        ):
            dtype = type(left.dtype)(min(left.dtype.start, right.dtype.start), max(left.dtype.end, right.dtype.end))  # type: ignore[attr-defined,call-arg]
            return _make("interval_plus" if operator == "+" else "interval_minus", (left, right), dtype, ctx)
        case t.CalendarIntervalType(), t.CalendarIntervalType():
            return _make("calendar_plus", (left, _signed(operator, right, ctx)), t.CALENDAR_INTERVAL, ctx)
    return None


def _signed(operator: str, interval: Expression, ctx: BindContext) -> Expression:
    if operator == "+":
        return interval
    if isinstance(interval, Literal) and isinstance(interval.value, int):
        return Literal(-interval.value, interval.type)
    function = REGISTRY.find("negative")
    assert function is not None
    return function.bind((interval,), ctx)


def _difference(left: Expression, right: Expression, ctx: BindContext) -> Expression | None:
    if isinstance(left.dtype, t.StringType):
        left = cast_to(left, right.dtype)
    if isinstance(right.dtype, t.StringType):
        right = cast_to(right, left.dtype)
    if isinstance(left.dtype, t.DateType) and isinstance(right.dtype, t.DateType):
        return _make("subtract_dates", (left, right), t.DayTimeIntervalType(0, 0), ctx)
    clocks = isinstance(left.dtype, t.TimestampNTZType) or isinstance(right.dtype, t.TimestampNTZType)
    moment = t.TIMESTAMP_NTZ if clocks else t.TIMESTAMP
    return _make("subtract_timestamps", (cast_to(left, moment), cast_to(right, moment), _zone(ctx)), t.DAY_TIME, ctx)


def _number(e: Expression) -> Expression | None:
    if isinstance(e.dtype, t.AtomicNumeric):
        return e
    return implicit_cast(e, t.DOUBLE)


def _scaled(interval: Expression, factor: Expression, ctx: BindContext) -> Expression | None:
    number = _number(factor) if not _is_temporal(factor.dtype) else None
    if number is None:
        return None
    if isinstance(interval.dtype, t.DayTimeIntervalType):
        return _make("interval_times", (interval, number), t.DAY_TIME, ctx)
    if isinstance(interval.dtype, t.YearMonthIntervalType):
        return _make("interval_times", (interval, number), t.YEAR_MONTH, ctx)
    if isinstance(interval.dtype, t.CalendarIntervalType):
        return _make("calendar_times", (interval, cast_to(number, t.DOUBLE)), t.CALENDAR_INTERVAL, ctx)
    return None


def _divided(interval: Expression, divisor: Expression, ctx: BindContext) -> Expression | None:
    number = _number(divisor) if not _is_temporal(divisor.dtype) else None
    if number is None or not is_interval(interval.dtype):
        return None
    dtype = t.DAY_TIME if isinstance(interval.dtype, t.DayTimeIntervalType) else t.YEAR_MONTH
    return _make("interval_over", (interval, number), dtype, ctx)


def add_months_text(date: str, months: str) -> str:
    """A date moved by months, its day cut to the month's last."""
    return f"CAST({date} + to_months({months}) AS DATE)"


def _plus_time(call: Call, args: Sequence[str]) -> str:
    """Whole days move the wall clock, the rest moves the instant."""
    stamp, interval, _ = args
    zone = _zone_of(call)
    known = call.args[1]
    no_days = isinstance(known, Literal) and isinstance(known.value, int) and abs(known.value) < MICROS_PER_DAY
    if no_days or isinstance(call.type, t.TimestampNTZType) or fixed_offset_us(zone) is not None:
        return f"({stamp} + to_microseconds({interval}))"

    def build(i: str) -> str:
        days = f"to_days(CAST({i} // {MICROS_PER_DAY} AS INTEGER))"
        moved = moved_instant(stamp, lambda shown: f"({shown} + {days})", zone)
        return f"({moved} + to_microseconds({i} % {MICROS_PER_DAY}))"

    return let(interval, build)


def _plus_months(call: Call, args: Sequence[str]) -> str:
    stamp, months, _ = args
    zone = _zone_of(call)
    if isinstance(call.type, t.TimestampNTZType):
        return f"({stamp} + to_months({months}))"
    return moved_instant(stamp, lambda shown: f"({shown} + to_months({months}))", zone)


def _plus_interval(call: Call, args: Sequence[str]) -> str:
    stamp, interval, _ = args
    zone = _zone_of(call)
    if isinstance(call.type, t.TimestampNTZType):
        return f"({stamp} + {interval})"

    # Months and days move the wall clock, the rest moves the instant.
    def build(i: str) -> str:
        calendar = f"to_months(CAST(datepart('year', {i}) * 12 + datepart('month', {i}) AS INTEGER))"
        days = f"to_days(CAST(datepart('day', {i}) AS INTEGER))"
        moved = moved_instant(stamp, lambda shown: f"({shown} + {calendar} + {days})", zone)
        micros = (
            f"(datepart('hour', {i}) * 3600000000 + datepart('minute', {i}) * 60000000 + datepart('microsecond', {i}))"
        )
        return f"({moved} + to_microseconds({micros}))"

    return let(interval, build)


def _zone_of(call: Call) -> str:
    zone = call.args[-1]
    assert isinstance(zone, Literal)
    return str(zone.value)


def _interval_sum(args: Sequence[str], operator: str, tolerant: str) -> str:
    known = {"functionName": f"`{tolerant}`"}
    beyond = raising("INTERVAL_ARITHMETIC_OVERFLOW.WITH_SUGGESTION", known)

    def build(names: list[str]) -> str:
        a, b = names
        there = f"{a} IS NOT NULL AND {b} IS NOT NULL"
        return f"coalesce(TRY({a} {operator} {b}), CASE WHEN {there} THEN {beyond} END)"

    return let_all(list(args), build)


def _times(call: Call, args: Sequence[str]) -> str:
    interval, number = args
    kernel = kernel_type(call.type)
    factor = call.args[1].dtype
    if isinstance(factor, t.FloatType | t.DoubleType | t.DecimalType):
        return f"CAST(round({interval} * {number}) AS {kernel})"
    return f"CAST({interval} * {number} AS {kernel})"


def _over(call: Call, args: Sequence[str]) -> str:
    interval, number = args
    kernel = kernel_type(call.type)
    zero = raising("INTERVAL_DIVIDED_BY_ZERO", {"config": '"spark.sql.ansi.enabled"'})
    factor = call.args[1].dtype

    def build(n: str) -> str:
        if isinstance(factor, t.FloatType | t.DoubleType | t.DecimalType):
            quotient = f"round({interval} / CAST({n} AS DOUBLE))"
        else:
            # Half up, in integers.
            quotient = let(
                interval,
                lambda v: (
                    f"(sign({v}) * sign({n}) * ((abs({v}::HUGEINT) * 2 + abs({n}::HUGEINT)) // "
                    f"nullif(abs({n}::HUGEINT) * 2, 0)))"
                ),
            )
        return f"CASE WHEN {n} = 0 THEN {zero} ELSE CAST({quotient} AS {kernel}) END"

    return let(number, build)


def _register() -> None:
    internal("date_plus_days", f"({{0}} + CAST({{1}} // {MICROS_PER_DAY} AS INTEGER))")
    internal("date_plus_months", lambda c, a: add_months_text(a[0], a[1]))
    internal("date_plus_interval", "CAST({0} + {1} AS DATE)")
    internal("timestamp_plus_time", _plus_time)
    internal("timestamp_plus_months", _plus_months)
    internal("timestamp_plus_interval", _plus_interval)
    internal("subtract_dates", f"(({{0}} - {{1}}) * {MICROS_PER_DAY})")
    internal("subtract_timestamps", _subtract_timestamps)
    internal("interval_plus", lambda c, a: _interval_sum(a, "+", "try_add"))
    internal("interval_minus", lambda c, a: _interval_sum(a, "-", "try_subtract"))
    internal("calendar_plus", "({0} + {1})")
    internal("calendar_times", "({0} * {1})")
    internal("interval_times", _times)
    internal("interval_over", _over, raises=True)


def _subtract_timestamps(call: Call, args: Sequence[str]) -> str:
    if isinstance(call.args[0].dtype, t.TimestampNTZType):
        return f"(epoch_us({args[0]}) - epoch_us({args[1]}))"
    # Spark takes the difference of wall clocks: a day over a change of clocks is still a day.
    zone = _zone_of(call)
    return f"(epoch_us({local(args[0], zone)}) - epoch_us({local(args[1], zone)}))"


_register()
