"""What windows of time need beside `window` itself, which analysis rewrites (plan/analysis/time_windows.py)."""

from __future__ import annotations

from collections.abc import Sequence

from headrace_driver.functions.declare import internal, rewrite
from headrace_driver.functions.mismatch import unexpected_type
from headrace_driver.functions.registry import BindContext
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Expression, GetField

_WINDOW = '"STRUCT<start: TIMESTAMP, end: TIMESTAMP>"'


def micros_of(time: Expression) -> Expression:
    """Microseconds since the epoch of a timestamp of either kind."""
    name = "ntz_micros" if isinstance(time.dtype, t.TimestampNTZType) else "unix_micros"
    return Call(name, (time,), t.LONG, time.nullable, name)


def time_of(micros: Expression, dtype: t.DataType) -> Expression:
    """The timestamp of that kind so many microseconds after the epoch."""
    name = "micros_ntz" if isinstance(dtype, t.TimestampNTZType) else "timestamp_micros"
    return Call(name, (micros,), dtype, micros.nullable, name)


def _window_time(args: Sequence[Expression], ctx: BindContext) -> Expression:
    """The last moment in a window: a microsecond before its end."""
    window = args[0]
    dtype = window.dtype
    fields = dtype.fields if isinstance(dtype, t.StructType) else ()
    if [f.name for f in fields] != ["start", "end"] or not isinstance(
        fields[1].dtype, t.TimestampType | t.TimestampNTZType
    ):
        raise unexpected_type("window_time", args, 0, _WINDOW, ctx)
    end = GetField(window, 1, "end")
    return Call("moment_before", (end,), end.dtype, end.nullable, ctx.display or "window_time", ctx.origin)


rewrite("window_time", 1, 1, _window_time)
internal("moment_before", "({0} - INTERVAL 1 MICROSECOND)")
internal("ntz_micros", "epoch_us({0})")
internal("micros_ntz", "make_timestamp({0})")
