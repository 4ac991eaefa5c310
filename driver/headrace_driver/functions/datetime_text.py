"""Dates and timestamps read from text and printed as text; clocks of other zones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace_driver.errors import unsupported
from headrace_driver.functions.coercion import cast_to
from headrace_driver.functions.datetime import zone_of
from headrace_driver.functions.datetime_patterns import print_text, read_text
from headrace_driver.functions.declare import (
    LONG,
    STRING,
    TIMESTAMP,
    call,
    check_count,
    coerce,
    internal,
    rewrite,
    scalar,
    string,
)
from headrace_driver.functions.registry import REGISTRY, BindContext, Function, FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Cast, CastMode, Expression, Literal
from headrace_driver.render.parsing import zoned, zoned_clock
from headrace_driver.render.text import let, let_all, raising
from headrace_driver.render.time import MICROS_PER_SECOND, instant, local
from headrace_driver.render.types import kernel_type


def _offset_seconds(c: Call, args: Sequence[str]) -> str:
    """Seconds east of UTC at an instant."""
    if not isinstance(c.args[0].dtype, t.TimestampType):
        return "0"
    return f"((epoch_us({local(args[0], zone_of(c))}) - epoch_us({args[0]})) // 1000000)"


def _pattern(c: Call, index: int, name: str) -> str | None:
    pattern = c.args[index]
    if not isinstance(pattern, Literal):
        raise unsupported(f"{name} with a pattern that is not constant")
    return None if pattern.value is None else str(pattern.value)


def _date_format(c: Call, args: Sequence[str]) -> str:
    pattern = _pattern(c, 1, "date_format")
    if pattern is None:
        return "NULL::VARCHAR"
    return print_text(local(args[0], zone_of(c)), pattern, _offset_seconds(c, args), zone_of(c))


def parse_with(c: Call, text: str, pattern: str, dtype: t.DataType, *, attempt: bool) -> str:
    """`text` read by a Java pattern as an instant, wall clock or date. Raises CANNOT_PARSE_TIMESTAMP."""

    def build(v: str) -> str:
        read = read_text(v, pattern, dtype, zone_of(c))
        if attempt:
            return read
        failed = raising(
            "CANNOT_PARSE_TIMESTAMP",
            {"func": "`try_to_timestamp`"},
            message=f"'Text ''' || {v} || ''' could not be parsed'",
        )
        return f"coalesce({read}, CASE WHEN {v} IS NOT NULL THEN {failed} END)"

    return let(text, build)


def _bind_parse(
    name: str, dtype: t.DataType, *, attempt: bool
) -> Callable[[Sequence[Expression], BindContext], Expression]:
    """to_date, to_timestamp and their try_ forms: a cast without a pattern."""

    def bind(args: Sequence[Expression], ctx: BindContext) -> Expression:
        check_count(name, args, 1, 2, ctx)
        mode = CastMode.TRY if attempt else CastMode.ANSI
        if len(args) == 1 or not isinstance(args[0].dtype, t.StringType):
            if args[0].dtype == dtype:
                return args[0]
            return Cast(args[0], dtype, mode, implicit=True, origin=ctx.origin)
        given = coerce(name, [STRING, STRING], args, ctx)
        zone = Literal(ctx.time_zone, t.STRING)
        return Call(f"parse_{name}", (*given, zone), dtype, True, ctx.display or name, ctx.origin)

    return bind


def _register_parse(name: str, dtype: t.DataType, *aliases: str, attempt: bool) -> None:
    def render(c: Call, args: Sequence[str]) -> str:
        pattern = _pattern(c, 1, name)
        if pattern is None:
            return f"NULL::{kernel_type(dtype)}"
        return parse_with(c, args[0], pattern, dtype, attempt=attempt)

    REGISTRY.add(Function(name, FunctionKind.SCALAR, _bind_parse(name, dtype, attempt=attempt)), *aliases)
    internal(f"parse_{name}", render, raises=not attempt)


_DEFAULT = string("yyyy-MM-dd HH:mm:ss")


def _bind_unix_timestamp(args: Sequence[Expression], ctx: BindContext) -> Expression:
    check_count("unix_timestamp", args, 0, 2, ctx)
    if not args:
        return Literal(ctx.now_us // MICROS_PER_SECOND, t.LONG)
    source = args[0]
    if isinstance(source.dtype, t.StringType):
        pattern = args[1] if len(args) == 2 else _DEFAULT
        moment = call("to_timestamp", (source, pattern), ctx)
    else:
        moment = coerce("unix_timestamp", [TIMESTAMP], args[:1], ctx)[0]
    return Call("whole_seconds", (moment,), t.LONG, moment.nullable, ctx.display or "unix_timestamp", ctx.origin)


def _from_unixtime(c: Call, args: Sequence[str]) -> str:
    pattern = _pattern(c, 1, "from_unixtime")
    if pattern is None:
        return "NULL::VARCHAR"
    zone = zone_of(c)
    moment = f"make_timestamptz({args[0]} * 1000000)"
    offset = f"((epoch_us({local(moment, zone)}) - epoch_us({moment})) // 1000000)"
    return print_text(local(moment, zone), pattern, offset, zone)


def _convert_timezone(args: Sequence[Expression], ctx: BindContext) -> Expression:
    zones = args[:-1] if len(args) == 3 else (Literal(ctx.time_zone, t.STRING), args[0])
    source, target = coerce("convert_timezone", [STRING, STRING], zones, ctx)
    moment = cast_to(args[-1], t.TIMESTAMP_NTZ)
    nullable = any(a.nullable for a in (source, target, moment))
    return Call("convert_clock", (source, target, moment), t.TIMESTAMP_NTZ, nullable, ctx.display, ctx.origin)


def _in_zone(zone: Expression, text: str, moment: str, *, to_local: bool) -> str:
    if isinstance(zone, Literal) and zone.value is not None:
        return local(moment, str(zone.value)) if to_local else instant(moment, str(zone.value))
    return let_all([moment, text], lambda n: zoned_clock(*n) if to_local else zoned(*n))


def _convert_clock(c: Call, args: Sequence[str]) -> str:
    moment = _in_zone(c.args[0], args[0], args[2], to_local=False)
    return _in_zone(c.args[1], args[1], moment, to_local=True)


def _from_utc(c: Call, args: Sequence[str]) -> str:
    """The instant whose session clock shows what a clock of the zone showed at the given one."""
    moved = _in_zone(c.args[1], args[1], args[0], to_local=True)
    return f"make_timestamptz(epoch_us({moved}))"


def _to_utc(c: Call, args: Sequence[str]) -> str:
    shown = f"make_timestamp(epoch_us({args[0]}))"
    return _in_zone(c.args[1], args[1], shown, to_local=False)


def _register_text() -> None:
    scalar("date_format", [TIMESTAMP, STRING], t.STRING, _date_format, zone=True)
    _register_parse("to_date", t.DATE, attempt=False)
    _register_parse("try_to_date", t.DATE, attempt=True)
    _register_parse("to_timestamp", t.TIMESTAMP, "to_timestamp_ltz", attempt=False)
    _register_parse("try_to_timestamp", t.TIMESTAMP, attempt=True)
    _register_parse("to_timestamp_ntz", t.TIMESTAMP_NTZ, attempt=False)
    REGISTRY.add(Function("unix_timestamp", FunctionKind.SCALAR, _bind_unix_timestamp), "to_unix_timestamp")
    scalar("from_unixtime", [LONG, STRING], t.STRING, _from_unixtime, defaults=(_DEFAULT,), zone=True)
    # Towards zero, unlike unix_seconds.
    internal("whole_seconds", "(epoch_us({0}) // 1000000)")
    rewrite("convert_timezone", 2, 3, _convert_timezone)
    internal("convert_clock", _convert_clock)
    scalar("from_utc_timestamp", [TIMESTAMP, STRING], t.TIMESTAMP, _from_utc)
    scalar("to_utc_timestamp", [TIMESTAMP, STRING], t.TIMESTAMP, _to_utc)


_register_text()
