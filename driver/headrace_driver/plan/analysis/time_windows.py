"""`window(time, duration[, slide[, start]])`: rows put into windows of time, tumbling or sliding.

The call stands for a column `window` that is computed beneath the operator it is written in: one window for each row,
or, when windows overlap, the row once for each window it falls into.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace_driver.errors import Origin, unsupported
from headrace_driver.functions.time_windows import micros_of, time_of
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.expressions import (
    Alias,
    Attribute,
    Cast,
    Expression,
    Literal,
    UnresolvedFunction,
    new_id,
)
from headrace_driver.plan.logical import Expand, Filter, LogicalPlan, Project
from headrace_driver.sql.intervals import IntervalError, of_text

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.expressions import Binder

NAME = "window"
OVERLAPPING_MAX = 10_000
"""Windows one row may fall into: each is a row of its own and an expression of the plan. A day has 1,440
minutes."""
_TYPES = (
    '("(TIMESTAMP OR TIMESTAMP WITHOUT TIME ZONE)" or "STRUCT<start: TIMESTAMP, end: TIMESTAMP>" '
    'or "STRUCT<start: TIMESTAMP_NTZ, end: TIMESTAMP_NTZ>")'
)


class TimeWindow:
    """The one time window an operator may have. Durations in microseconds."""

    def __init__(self, binder: Binder, e: UnresolvedFunction) -> None:
        durations = [_microseconds(a, e.origin) for a in e.args[1:]]
        if not 1 <= len(durations) <= 3:
            raise error(
                "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
                e.origin,
                functionName="`window`",
                expectedNum="[2, 3, 4]",
                actualNum=str(len(e.args)),
                docroot="https://spark.apache.org/docs/latest",
            )
        self.length_us = durations[0]
        self.slide_us = durations[1] if len(durations) > 1 else self.length_us
        self.start_us = durations[2] if len(durations) > 2 else 0
        self.time = _time(binder, e, self._text(binder, e))
        self._check(binder, e)
        is_sliding = self.length_us > self.slide_us
        dtype = self.time.dtype
        struct = t.StructType((t.StructField("start", dtype), t.StructField("end", dtype)))
        self.attribute = Attribute(NAME, struct, is_sliding, new_id())

    def _text(self, binder: Binder, e: UnresolvedFunction) -> str:
        time = binder.namer().text(e.args[0])
        return f'"window({time}, {self.length_us}, {self.slide_us}, {self.start_us})"'

    def _check(self, binder: Binder, e: UnresolvedFunction) -> None:
        text = self._text(binder, e)
        for name, value in (("window_duration", self.length_us), ("slide_duration", self.slide_us)):
            if value <= 0:
                raise error(
                    "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE",
                    e.origin,
                    sqlExpr=text,
                    exprName=f"`{name}`",
                    valueRange="(0, 9223372036854775807]",
                    currentValue=f"{value}L",
                )
        for left, value, constraint, right, bound in (
            ("slide_duration", self.slide_us, "<=", "window_duration", self.length_us),
            ("abs(start_time)", abs(self.start_us), "<", "slide_duration", self.slide_us - 1),
        ):
            if value > bound:
                limit = self.length_us if right == "window_duration" else self.slide_us
                raise error(
                    "DATATYPE_MISMATCH.PARAMETER_CONSTRAINT_VIOLATION",
                    e.origin,
                    sqlExpr=text,
                    leftExprName=f"`{left}`",
                    leftExprValue=f"{value}L",
                    constraint=constraint,
                    rightExprName=f"`{right}`",
                    rightExprValue=f"{limit}L",
                )
        if self.length_us > OVERLAPPING_MAX * self.slide_us:
            feature = f"window() with more than {OVERLAPPING_MAX:,} windows over one moment"
            raise unsupported(feature, "Numbers are microseconds; take a longer slide, such as '5 seconds'.")

    def is_same(self, other: TimeWindow) -> bool:
        """Whether two calls mean one window."""
        mine = (self.time, self.length_us, self.slide_us, self.start_us)
        return mine == (other.time, other.length_us, other.slide_us, other.start_us)

    def beneath(self, binder: Binder, plan: LogicalPlan) -> LogicalPlan:
        """`plan` with the column added; rows without a time are in no window."""
        micros = micros_of(self.time)
        since = binder.call("-", (micros, _long(self.start_us)))
        last = binder.call("-", (micros, binder.call("pmod", (since, _long(self.slide_us)))))
        output = plan.output
        count = -(-self.length_us // self.slide_us)
        structs = [self._struct(binder, last, n) for n in range(count)]
        if count == 1:
            present = Filter(plan, binder.call("isnotnull", (self.time,)))
            return Project(present, (*output, Alias(structs[0], NAME, self.attribute.id)))
        # The slide need not divide the length: the earliest candidate may end before the row.
        expanded = Expand(plan, tuple((*output, s) for s in structs), (*output, self.attribute))
        start, end = (binder.field(self.attribute, i) for i in range(2))
        inside = binder.call("and", (binder.call(">=", (self.time, start)), binder.call("<", (self.time, end))))
        return Filter(expanded, inside)

    def _struct(self, binder: Binder, last: Expression, back: int) -> Expression:
        """The window that starts `back` slides before the last one a row is in."""
        begin = binder.call("-", (last, _long(back * self.slide_us))) if back else last
        end = binder.call("+", (begin, _long(self.length_us)))
        args = (
            Literal("start", t.STRING),
            time_of(begin, self.time.dtype),
            Literal("end", t.STRING),
            time_of(end, self.time.dtype),
        )
        return binder.call("named_struct", args)


def _long(value: int) -> Literal:
    return Literal(value, t.LONG)


def _time(binder: Binder, e: UnresolvedFunction, text: str) -> Expression:
    time = binder.bind(e.args[0])
    if isinstance(time.dtype, t.TimestampType | t.TimestampNTZType):
        return time
    if isinstance(time.dtype, t.DateType | t.StringType):
        return Cast(time, t.TIMESTAMP, implicit=True)
    raise error(
        "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
        e.origin,
        sqlExpr=text,
        paramIndex="first",
        requiredType=_TYPES,
        inputSql=binder.quoted(e.args[0]),
        inputType=f'"{time.dtype.sql}"',
    )


def _microseconds(e: Expression, origin: Origin) -> int:
    """A duration: a constant string of weeks down to microseconds, or an interval."""
    if not isinstance(e, Literal):
        raise unsupported("window() with durations that are not constants")
    literal = e
    if isinstance(e.type, t.StringType):
        text = str(e.value)
        try:
            literal = of_text(text)
        except IntervalError:
            raise error("CANNOT_PARSE_INTERVAL", origin, intervalString=f"'{text}'") from None
        if isinstance(literal.type, t.YearMonthIntervalType):
            raise error("_LEGACY_ERROR_TEMP_3231", origin, interval=text)
    if not isinstance(literal.type, t.DayTimeIntervalType | t.LongType | t.IntegerType):
        raise unsupported(f"window() with a duration of type {literal.type.sql}")
    return int(literal.value)
