"""Dates, timestamps and intervals made from numbers, and numbers from them."""

from __future__ import annotations

from collections.abc import Sequence

from headrace_driver.functions.coercion import cast_to, is_integral
from headrace_driver.functions.declare import (
    DATE,
    INT,
    LONG,
    NUMERIC,
    STRING,
    TIMESTAMP,
    Parameter,
    check_count,
    coerce,
    integer,
    scalar,
)
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Expression, Literal
from headrace_driver.render.parsing import zoned
from headrace_driver.render.text import let, let_all, raising
from headrace_driver.render.time import MICROS_PER_DAY, MICROS_PER_SECOND, floor_div, instant


def _make_date(c: Call, args: Sequence[str]) -> str:
    # Arguments may raise by themselves, which TRY neither allows nor may hide.
    return let_all(list(args[:3]), _date_of)


def _date_of(args: Sequence[str]) -> str:
    attempt = f"TRY(make_date(CAST({args[0]} AS BIGINT), CAST({args[1]} AS BIGINT), CAST({args[2]} AS BIGINT)))"
    known = " AND ".join(f"{a} IS NOT NULL" for a in args[:3])
    bad = raising(
        "DATETIME_FIELD_OUT_OF_BOUNDS.WITH_SUGGESTION",
        {"rangeMessage": "Invalid date", "ansiConfig": '"spark.sql.ansi.enabled"'},
    )
    return f"coalesce({attempt}, CASE WHEN {known} THEN {bad} END)"


def _make_clock(args: Sequence[str], *, attempt: bool) -> str:
    """make_timestamp's fields; seconds are a decimal, and 60 is the next minute's start."""
    y, mo, d, h, mi, s = args[:6]
    made = (
        f"TRY(make_timestamp(CAST({y} AS BIGINT), CAST({mo} AS BIGINT), CAST({d} AS "
        f"BIGINT), CAST({h} AS BIGINT), CAST({mi} AS BIGINT), CASE WHEN {s} = 60 THEN 0e0 "
        f"ELSE CAST({s} AS DOUBLE) END) + to_seconds(CASE WHEN {s} = 60 THEN 60 ELSE 0 "
        "END))"
    )
    if attempt:
        return made
    known = " AND ".join(f"{a} IS NOT NULL" for a in (y, mo, d, h, mi, s))
    bad = raising(
        "DATETIME_FIELD_OUT_OF_BOUNDS.WITH_SUGGESTION",
        {"rangeMessage": "Invalid time", "ansiConfig": '"spark.sql.ansi.enabled"'},
    )
    return f"coalesce({made}, CASE WHEN {known} THEN {bad} END)"


def _register_make_timestamp() -> None:
    seconds = Parameter('"DECIMAL(16,6)"', lambda e: cast_to(e, t.DecimalType(16, 6)) if NUMERIC.accept(e) else None)
    fields = [INT, INT, INT, INT, INT, seconds]
    for name, ntz, attempt in (
        ("make_timestamp", False, False),
        ("try_make_timestamp", False, True),
        ("make_timestamp_ntz", True, False),
        ("try_make_timestamp_ntz", True, True),
    ):

        def bind(args: Sequence[Expression], ctx: BindContext, name: str = name, ntz: bool = ntz) -> Expression:
            if len(args) == 1 and isinstance(args[0].dtype, t.DateType):
                return cast_to(args[0], t.TIMESTAMP_NTZ if ntz else t.TIMESTAMP)
            check_count(name, args, 6, 6 if ntz else 7, ctx)
            given = coerce(name, fields, args[:6], ctx)
            zone = coerce(name, [STRING], args[6:], ctx) if len(args) == 7 else (Literal(ctx.time_zone, t.STRING),)
            dtype = t.TIMESTAMP_NTZ if ntz else t.TIMESTAMP
            return Call(name, (*given, *zone), dtype, True, ctx.display or name, ctx.origin)

        def render(c: Call, args: Sequence[str], ntz: bool = ntz, attempt: bool = attempt) -> str:
            made = let_all(list(args[:6]), lambda n: _make_clock(n, attempt=attempt))
            if ntz:
                return made
            zone = c.args[6]
            return instant(made, str(zone.value)) if isinstance(zone, Literal) else zoned(made, args[6])

        aliases = {"make_timestamp": ("make_timestamp_ltz",), "try_make_timestamp": ("try_make_timestamp_ltz",)}
        REGISTRY.add(Function(name, FunctionKind.SCALAR, bind, render, raises=not attempt), *aliases.get(name, ()))


def _timestamp_seconds(c: Call, args: Sequence[str]) -> str:
    dtype = c.args[0].dtype
    if is_integral(dtype):
        return f"make_timestamptz(CAST({args[0]} AS BIGINT) * 1000000)"
    if isinstance(dtype, t.DecimalType):
        return f"make_timestamptz(CAST(CAST({args[0]} AS DECIMAL(38,{dtype.scale})) * 1000000 AS BIGINT))"
    return let(
        args[0], lambda v: f"CASE WHEN isfinite({v}) THEN make_timestamptz(CAST(trunc({v} * 1e6) AS BIGINT)) END"
    )


def _register_numbers() -> None:
    scalar("make_date", [INT, INT, INT], t.DATE, _make_date, raises=True)
    _register_make_timestamp()
    scalar("timestamp_seconds", [NUMERIC], t.TIMESTAMP, _timestamp_seconds)
    scalar("timestamp_millis", [LONG], t.TIMESTAMP, "make_timestamptz({0} * 1000)")
    scalar("timestamp_micros", [LONG], t.TIMESTAMP, "make_timestamptz({0})")
    scalar("unix_seconds", [TIMESTAMP], t.LONG, lambda c, a: floor_div(f"epoch_us({a[0]})", MICROS_PER_SECOND))
    scalar("unix_millis", [TIMESTAMP], t.LONG, lambda c, a: floor_div(f"epoch_us({a[0]})", 1000))
    scalar("unix_micros", [TIMESTAMP], t.LONG, "epoch_us({0})")
    scalar("unix_date", [DATE], t.INTEGER, "CAST({0} - '1970-01-01'::DATE AS INTEGER)")
    scalar("date_from_unix_date", [INT], t.DATE, "('1970-01-01'::DATE + {0})")
    for name, low in (("make_dt_interval", 0), ("make_ym_interval", 0)):
        _register_interval_maker(name, low)
    _register_make_interval()


def _register_interval_maker(name: str, low: int) -> None:
    day_time = name == "make_dt_interval"
    seconds = Parameter('"DECIMAL(18,6)"', lambda e: cast_to(e, t.DecimalType(18, 6)) if NUMERIC.accept(e) else None)
    wanted = [INT, INT, INT, seconds] if day_time else [INT, INT]
    dtype: t.DataType = t.DAY_TIME if day_time else t.YEAR_MONTH

    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, low, len(wanted), ctx)
        zero = [integer(0)] * (len(wanted) - len(args))
        given = coerce(name, wanted, [*args, *zero], ctx)
        return Call(name, given, dtype, any(a.nullable for a in given), ctx.display or name, ctx.origin)

    def render(c: Call, a: Sequence[str]) -> str:
        if not day_time:
            return f"CAST({a[0]}::BIGINT * 12 + {a[1]} AS INTEGER)"
        return (
            f"CAST({a[0]}::HUGEINT * {MICROS_PER_DAY} + {a[1]}::HUGEINT * 3600000000 + {a[2]}::HUGEINT * 60000000 "
            f"+ CAST({a[3]}::DECIMAL(38,6) * 1000000 AS HUGEINT) AS BIGINT)"
        )

    REGISTRY.add(Function(name, FunctionKind.SCALAR, bind, render, raises=True))


def _register_make_interval() -> None:
    seconds = Parameter('"DECIMAL(18,6)"', lambda e: cast_to(e, t.DecimalType(18, 6)) if NUMERIC.accept(e) else None)
    for name, cast in (("make_interval", "CAST"), ("try_make_interval", "TRY_CAST")):

        def bind(args: Sequence[Expression], ctx: BindContext, name: str = name) -> Expression:
            check_count(name, args, 0, 7, ctx)
            given = coerce(name, [INT] * 6 + [seconds], [*args, *[integer(0)] * (7 - len(args))], ctx)
            return Call(name, given, t.CALENDAR_INTERVAL, True, ctx.display or name, ctx.origin)

        def render(c: Call, a: Sequence[str], cast: str = cast) -> str:
            months = f"{cast}({a[0]}::BIGINT * 12 + {a[1]} AS INTEGER)"
            days = f"{cast}({a[2]}::BIGINT * 7 + {a[3]} AS INTEGER)"
            rest = (
                f"{a[4]}::HUGEINT * 3600000000 + {a[5]}::HUGEINT * 60000000 + "
                f"CAST({a[6]}::DECIMAL(38,6) * 1000000 AS HUGEINT)"
            )
            return f"(to_months({months}) + to_days({days}) + to_microseconds({cast}({rest} AS BIGINT)))"

        REGISTRY.add(Function(name, FunctionKind.SCALAR, bind, render))


_register_numbers()
