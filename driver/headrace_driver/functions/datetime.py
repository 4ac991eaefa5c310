"""Dates and timestamps: parts, truncation, arithmetic by name, and the present moment."""

from __future__ import annotations

from collections.abc import Sequence

from headrace_driver.errors import unsupported
from headrace_driver.functions.coercion import cast_to, implicit_cast, is_interval
from headrace_driver.functions.declare import (
    INT,
    LONG,
    STRING,
    TIMESTAMP,
    Parameter,
    call,
    check_count,
    coerce,
    internal,
    rewrite,
    scalar,
    string,
    type_of,
)
from headrace_driver.functions.mismatch import bad_value, unexpected_type
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.functions.temporal_arithmetic import add_months_text
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Cast, Expression, Literal
from headrace_driver.render.text import let, let_all, raising
from headrace_driver.render.time import MICROS_PER_DAY, MICROS_PER_SECOND, instant, local, moved_instant
from headrace_driver.render.types import kernel_type

_TIMES = (t.TimestampType, t.TimestampNTZType)


def zone_of(c: Call) -> str:
    """The session's zone, which time-dependent calls carry as their last argument."""
    zone = c.args[-1]
    assert isinstance(zone, Literal)
    return str(zone.value)


def clock(c: Call, args: Sequence[str], index: int = 0) -> str:
    """A date or timestamp argument as what clocks show: DATE or TIMESTAMP."""
    if isinstance(c.args[index].dtype, t.TimestampType):
        return local(args[index], zone_of(c))
    return args[index]


def _moment(e: Expression) -> Expression | None:
    """A date or timestamp; strings are read as timestamps."""
    if isinstance(e.dtype, t.DateType | t.TimestampType | t.TimestampNTZType):
        return e
    return implicit_cast(e, t.TIMESTAMP)


def _day(e: Expression) -> Expression | None:
    if isinstance(e.dtype, t.DateType):
        return e
    if isinstance(e.dtype, _TIMES):
        return cast_to(e, t.DATE)
    return implicit_cast(e, t.DATE)


MOMENT = Parameter('"TIMESTAMP"', _moment)
DAY = Parameter('"DATE"', _day)


def _part(name: str, kernel: str, parameter: Parameter, *aliases: str) -> None:
    """A part as INT; `kernel` over the wall clock {0}."""
    scalar(
        name,
        [parameter],
        t.INTEGER,
        lambda c, a: f"CAST({kernel.format(clock(c, a))} AS INTEGER)",
        zone=True,
        aliases=aliases,
    )


_FIELDS: dict[str, str] = {
    **dict.fromkeys(("YEAR", "Y", "YEARS", "YR", "YRS"), "year"),
    "YEAROFWEEK": "year_of_week",
    **dict.fromkeys(("QUARTER", "QTR"), "quarter"),
    **dict.fromkeys(("MONTH", "MON", "MONS", "MONTHS"), "month"),
    **dict.fromkeys(("WEEK", "W", "WEEKS"), "weekofyear"),
    **dict.fromkeys(("DAY", "D", "DAYS"), "day"),
    **dict.fromkeys(("DAYOFWEEK", "DOW"), "dayofweek"),
    **dict.fromkeys(("DAYOFWEEK_ISO", "DOW_ISO"), "dayofweek_iso"),
    "DOY": "dayofyear",
    **dict.fromkeys(("HOUR", "H", "HOURS", "HR", "HRS"), "hour"),
    **dict.fromkeys(("MINUTE", "M", "MIN", "MINS", "MINUTES"), "minute"),
    **dict.fromkeys(("SECOND", "S", "SEC", "SECONDS", "SECS"), "second_fraction"),
}
_YEAR_MONTH_FIELDS = {"year": 0, "month": 1}
_DAY_TIME_FIELDS = {"day": 0, "hour": 1, "minute": 2, "second_fraction": 3}
"""The fields an interval of a type has by their place in it."""
_TIME_UNITS = {"day": MICROS_PER_DAY, "hour": 3600 * MICROS_PER_SECOND, "minute": 60 * MICROS_PER_SECOND}


def _bind_extract(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("extract", args, 2, 2, ctx)
    field, source = args
    if not isinstance(field, Literal):
        raise unexpected_type("extract", args, 0, '"STRING"', ctx)
    name = _FIELDS.get(str(field.value).upper())
    if name is None:
        raise _bad_field(field, source, ctx)
    if is_interval(source.dtype):
        return _interval_field(name, field, source, ctx)
    return call(name, (source,), ctx)


def _bad_field(field: Literal, source: Expression, ctx: BindContext) -> Exception:
    return bad_value(
        "INVALID_EXTRACT_FIELD",
        f"Cannot extract `{field.value}` from {source.dtype.sql}.",
        {"field": f"`{field.value}`", "expr": source.dtype.sql},
        ctx,
    )


def _interval_field(name: str, field: Literal, source: Expression, ctx: BindContext) -> Expression:
    dtype = source.dtype
    if isinstance(dtype, t.YearMonthIntervalType) and dtype.start <= _YEAR_MONTH_FIELDS.get(name, -1) <= dtype.end:
        result: t.DataType = t.INTEGER if name == "year" else t.BYTE
        return Call(f"interval_{name}", (source,), result, source.nullable, ctx.display, ctx.origin)
    if isinstance(dtype, t.DayTimeIntervalType) and dtype.start <= _DAY_TIME_FIELDS.get(name, -1) <= dtype.end:
        if name == "second_fraction":
            return Call("interval_second", (source,), t.DecimalType(8, 6), source.nullable, ctx.display, ctx.origin)
        kind: t.DataType = t.INTEGER if name == "day" else t.BYTE
        return Call(f"interval_{name}", (source,), kind, source.nullable, ctx.display, ctx.origin)
    raise _bad_field(field, source, ctx)


def _second_fraction(c: Call, args: Sequence[str]) -> str:
    micros = f"(microsecond({clock(c, args)}))"
    return f"CAST(CAST({micros} AS DECIMAL(8,0)) * 0.000001 AS DECIMAL(8,6))"


def _register_parts() -> None:
    for name, kernel, parameter, aliases in (
        ("year", "year({0})", MOMENT, ()),
        ("quarter", "quarter({0})", MOMENT, ()),
        ("month", "month({0})", MOMENT, ()),
        ("day", "day({0})", MOMENT, ("dayofmonth",)),
        ("dayofyear", "dayofyear({0})", MOMENT, ()),
        ("dayofweek", "dayofweek({0}) + 1", MOMENT, ()),
        ("dayofweek_iso", "isodow({0})", MOMENT, ()),
        ("weekday", "isodow({0}) - 1", MOMENT, ()),
        ("weekofyear", "weekofyear({0})", MOMENT, ()),
        ("year_of_week", "isoyear({0})", MOMENT, ()),
        ("hour", "hour({0})", Parameter('"TIMESTAMP"', _moment), ()),
        ("minute", "minute({0})", MOMENT, ()),
        ("second", "second({0})", MOMENT, ()),
    ):
        _part(name, kernel, parameter, *aliases)
    scalar("second_fraction", [TIMESTAMP], t.DecimalType(8, 6), _second_fraction, zone=True)
    for name in ("dayname", "monthname"):
        scalar(name, [DAY], t.STRING, f"left({name}({{0}}), 3)")
    REGISTRY.add(Function("extract", FunctionKind.SCALAR, _bind_extract), "date_part", "datepart")
    internal("interval_year", "CAST({0} // 12 AS INTEGER)")
    internal("interval_month", "CAST({0} % 12 AS TINYINT)")
    internal("interval_day", f"CAST({{0}} // {MICROS_PER_DAY} AS INTEGER)")
    internal("interval_hour", f"CAST({{0}} % {MICROS_PER_DAY} // {_TIME_UNITS['hour']} AS TINYINT)")
    internal("interval_minute", f"CAST({{0}} % {_TIME_UNITS['hour']} // {_TIME_UNITS['minute']} AS TINYINT)")
    internal("interval_second", "CAST(CAST({0} % 60000000 AS DECIMAL(8,0)) * 0.000001 AS DECIMAL(8,6))")


_DATE_UNITS = {
    **dict.fromkeys(("YEAR", "YYYY", "YY"), "year"),
    "QUARTER": "quarter",
    **dict.fromkeys(("MONTH", "MM", "MON"), "month"),
    "WEEK": "week",
}
_CLOCK_UNITS = {
    **_DATE_UNITS,
    **dict.fromkeys(("DAY", "DD"), "day"),
    "HOUR": "hour",
    "MINUTE": "minute",
    "SECOND": "second",
    "MILLISECOND": "milliseconds",
    "MICROSECOND": "microseconds",
}
_WITHIN_A_DAY = frozenset({"hour", "minute", "second", "milliseconds", "microseconds"})


def _trunc(c: Call, args: Sequence[str]) -> str:
    unit = c.args[1]
    if isinstance(unit, Literal):
        kernel = _DATE_UNITS.get(str(unit.value).upper())
        return f"CAST(date_trunc('{kernel}', {args[0]}) AS DATE)" if kernel else "NULL::DATE"
    branches = " ".join(
        f"WHEN '{name}' THEN CAST(date_trunc('{kernel}', {args[0]}) AS DATE)" for name, kernel in _DATE_UNITS.items()
    )
    return f"CASE upper({args[1]}) {branches} END"


def _date_trunc(c: Call, args: Sequence[str]) -> str:
    unit = c.args[0]
    if not isinstance(unit, Literal):
        raise unsupported("date_trunc with a unit that is not constant")
    kernel = _CLOCK_UNITS.get(str(unit.value).upper())
    if kernel is None:
        return f"NULL::{kernel_type(c.type)}"

    def truncated(shown: str) -> str:
        return f"CAST(date_trunc('{kernel}', {shown}) AS TIMESTAMP)"

    if not isinstance(c.type, t.TimestampType):
        return truncated(args[1])
    if kernel in _WITHIN_A_DAY:
        return moved_instant(args[1], truncated, zone_of(c))
    return instant(truncated(local(args[1], zone_of(c))), zone_of(c))


def _days(e: Expression) -> Expression | None:
    if isinstance(e.dtype, t.ByteType | t.ShortType | t.IntegerType):
        return cast_to(e, t.INTEGER)
    if isinstance(e.dtype, t.StringType | t.NullType):
        return cast_to(e, t.INTEGER)
    return None


DAYS = Parameter('("INT" or "SMALLINT" or "TINYINT")', _days)


def _bind_date_add(name: str, sign: str) -> None:
    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 2, 2, ctx)
        given = coerce(name, [DAY, DAYS], args, ctx)
        nullable = any(a.nullable for a in given)
        return Call(name, given, t.DATE, nullable, ctx.display or name, ctx.origin)

    REGISTRY.add(
        Function(name, FunctionKind.SCALAR, bind, lambda c, a: f"({a[0]} {sign} {a[1]})"),
        *(("dateadd",) if name == "date_add" else ()),
    )


def _day_seconds(moment: str, shown: str, zone: str) -> str:
    """Whole seconds since the day began: those that passed, where clocks were set in between."""
    midnight = instant(f"date_trunc('day', {shown})", zone)
    return f"(epoch_us({moment}) - epoch_us({midnight})) // 1000000"


def _months_between(c: Call, args: Sequence[str]) -> str:
    """Whole months when the days agree or both are month ends; otherwise the rest counts in 31-day months."""
    round_off = c.args[2]

    def build(moments: list[str], a: str, b: str) -> str:
        months = f"((year({a}) - year({b})) * 12 + month({a}) - month({b}))"
        ends = f"(day({a}) = day(last_day({a})) AND day({b}) = day(last_day({b})))"
        passed = [_day_seconds(m, shown, zone_of(c)) for m, shown in zip(moments, (a, b), strict=True)]
        seconds = f"((day({a}) - day({b})) * 86400 + {passed[0]} - {passed[1]})"
        value = (
            f"CASE WHEN day({a}) = day({b}) OR {ends} THEN CAST({months} AS DOUBLE) ELSE "
            f"{months} + {seconds} / 2678400e0 END"
        )
        return f"round({value}, 8)" if not (isinstance(round_off, Literal) and round_off.value is False) else value

    return let_all(
        list(args[:2]),
        lambda moments: let_all([clock(c, moments, 0), clock(c, moments, 1)], lambda n: build(moments, *n)),
    )


_UNIT_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
_UNIT_DAYS = {"DAY": 1, "DAYOFYEAR": 1, "WEEK": 7}
_UNIT_MICROS = {
    "HOUR": 3600 * MICROS_PER_SECOND,
    "MINUTE": 60 * MICROS_PER_SECOND,
    "SECOND": MICROS_PER_SECOND,
    "MILLISECOND": 1000,
    "MICROSECOND": 1,
}


def _bind_timestampadd(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("timestampadd", args, 3, 3, ctx)
    unit = _unit(args[0], ctx)
    (amount,) = coerce("timestampadd", [LONG], args[1:2], ctx)
    (moment,) = coerce("timestampadd", [MOMENT], args[2:], ctx)
    if isinstance(moment.dtype, t.DateType):
        moment = cast_to(moment, t.TIMESTAMP)
    given = (string(unit), amount, moment, Literal(ctx.time_zone, t.STRING))
    nullable = amount.nullable or moment.nullable
    return Call("timestampadd", given, moment.dtype, nullable, ctx.display or "timestampadd", ctx.origin)


def _unit(e: Expression, ctx: BindContext) -> str:
    unit = str(e.value).upper() if isinstance(e, Literal) else ""
    if unit not in _UNIT_MONTHS and unit not in _UNIT_DAYS and unit not in _UNIT_MICROS:
        raise bad_value(
            "INVALID_PARAMETER_VALUE.DATETIME_UNIT",
            f"The value of parameter(s) `unit` is invalid: {unit}.",
            {"parameter": "`unit`", "functionName": "`timestampadd`", "invalidValue": unit},
            ctx,
        )
    return unit


def _timestampadd(c: Call, args: Sequence[str]) -> str:
    unit = c.args[0].value  # type: ignore[attr-defined]
    amount, moment, zone = args[1], args[2], zone_of(c)
    if unit in _UNIT_MICROS:
        return f"({moment} + to_microseconds({amount} * {_UNIT_MICROS[unit]}))"
    if unit in _UNIT_MONTHS:
        step = f"to_months(CAST({amount} * {_UNIT_MONTHS[unit]} AS INTEGER))"
    else:
        step = f"to_days(CAST({amount} * {_UNIT_DAYS[unit]} AS INTEGER))"
    if isinstance(c.type, t.TimestampNTZType):
        return f"({moment} + {step})"
    return moved_instant(moment, lambda shown: f"({shown} + {step})", zone)


def _bind_timestampdiff(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("timestampdiff", args, 3, 3, ctx)
    unit = _unit(args[0], ctx)
    start, end = coerce("timestampdiff", [TIMESTAMP, TIMESTAMP], args[1:], ctx)
    given = (string(unit), start, end, Literal(ctx.time_zone, t.STRING))
    nullable = start.nullable or end.nullable
    return Call("timestampdiff", given, t.LONG, nullable, ctx.display or "timestampdiff", ctx.origin)


def _timestampdiff(c: Call, args: Sequence[str]) -> str:
    """Whole units between wall clocks, towards zero. A month is over when its day and time of day come again."""
    unit = c.args[0].value  # type: ignore[attr-defined]
    zone = zone_of(c)
    start, end = local(args[1], zone), local(args[2], zone)
    if unit not in _UNIT_MONTHS:
        size = _UNIT_MICROS.get(unit) or _UNIT_DAYS[unit] * MICROS_PER_DAY
        return f"((epoch_us({end}) - epoch_us({start})) // {size})"

    def months(names: list[str]) -> str:
        a, b = names

        def place(v: str) -> str:
            day = f"(year({v}) * 12 + month({v})) * 32 + day({v})"
            return f"(({day}) * {MICROS_PER_DAY} + epoch_us({v}) - epoch_us(date_trunc('day', {v})))"

        return f"(({place(b)} - {place(a)}) // {32 * MICROS_PER_DAY * _UNIT_MONTHS[unit]})"

    return let_all([start, end], months)


_WEEKDAYS = {"SU": 6, "MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5}
_DAY_NAMES = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")


def _next_day(c: Call, args: Sequence[str]) -> str:
    names = {n: _WEEKDAYS[n[:2]] for full in _DAY_NAMES for n in (full, full[:3], full[:2])}
    day = c.args[1]
    bad = raising("ILLEGAL_DAY_OF_WEEK", string=args[1])
    if isinstance(day, Literal):
        number = names.get(str(day.value).strip().upper())
        if number is None:
            return f"CASE WHEN {args[0]} IS NOT NULL AND {args[1]} IS NOT NULL THEN {bad} END::DATE"
        wanted = str(number)
    else:
        branches = " ".join(f"WHEN '{n}' THEN {number}" for n, number in names.items())
        wanted = f"CASE upper(trim({args[1]})) {branches} ELSE {bad} END"
    return let(args[0], lambda d: f"({d} + CAST((({wanted} - isodow({d}) + 1) % 7 + 6) % 7 + 1 AS INTEGER))")


def _register_now() -> None:
    def today(args: Sequence[Expression], ctx: BindContext) -> Expression:
        return Cast(Literal(ctx.now_us, t.TIMESTAMP), t.DATE, implicit=True)

    def local_now(args: Sequence[Expression], ctx: BindContext) -> Expression:
        return Cast(Literal(ctx.now_us, t.TIMESTAMP), t.TIMESTAMP_NTZ, implicit=True)

    rewrite("current_date", 0, 0, today, aliases=("curdate",))
    rewrite("current_timestamp", 0, 0, lambda args, ctx: Literal(ctx.now_us, t.TIMESTAMP), aliases=("now",))
    rewrite("localtimestamp", 0, 0, local_now)
    rewrite("current_timezone", 0, 0, lambda args, ctx: Literal(ctx.time_zone, t.STRING))


def _register() -> None:
    _register_parts()
    scalar("trunc", [DAY, STRING], t.DATE, _trunc, null=True)
    scalar(
        "date_trunc",
        [
            STRING,
            TIMESTAMP,
        ],
        type_of(1),
        _date_trunc,
        zone=True,
        null=True,
    )
    _bind_date_add("date_add", "+")
    _bind_date_add("date_sub", "-")
    scalar("datediff", [DAY, DAY], t.INTEGER, "CAST({0} - {1} AS INTEGER)", aliases=("date_diff",))
    scalar("add_months", [DAY, INT], t.DATE, lambda c, a: add_months_text(a[0], a[1]))
    scalar("last_day", [DAY], t.DATE, "last_day({0})")
    scalar("next_day", [DAY, STRING], t.DATE, _next_day, null=True)
    scalar(
        "months_between",
        [TIMESTAMP, TIMESTAMP, Parameter('"BOOLEAN"', lambda e: implicit_cast(e, t.BOOLEAN))],
        t.DOUBLE,
        _months_between,
        defaults=(Literal(True, t.BOOLEAN),),
        zone=True,
    )
    REGISTRY.add(Function("timestampadd", FunctionKind.SCALAR, _bind_timestampadd, _timestampadd))
    REGISTRY.add(Function("timestampdiff", FunctionKind.SCALAR, _bind_timestampdiff, _timestampdiff))
    _register_now()
    for name, dtype in (("date", t.DATE), ("timestamp", t.TIMESTAMP)):
        rewrite(name, 1, 1, lambda args, ctx, dtype=dtype: Cast(args[0], dtype, origin=ctx.origin))  # type: ignore[misc]


_register()
