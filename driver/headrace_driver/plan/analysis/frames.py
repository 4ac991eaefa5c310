"""Window frames: what each function may have, and what it has when nothing is said."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from headrace_driver.errors import unsupported
from headrace_driver.functions.coercion import cast_to
from headrace_driver.functions.registry import FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.constants import constant, is_constant
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.expressions import (
    Bound,
    Expression,
    Frame,
    FrameUnit,
    Literal,
    UnresolvedFunction,
    WindowExpression,
)

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.expressions import Binder

WHOLE_PARTITION = Frame(FrameUnit.ROWS, Bound.UNBOUNDED_PRECEDING, Bound.UNBOUNDED_FOLLOWING)
UP_TO_PEERS = Frame(FrameUnit.RANGE, Bound.UNBOUNDED_PRECEDING, Bound.CURRENT_ROW)
UP_TO_ROW = Frame(FrameUnit.ROWS, Bound.UNBOUNDED_PRECEDING, Bound.CURRENT_ROW)

_OFFSET_FUNCTIONS = frozenset({"lag", "lead"})
_REQUIRED = {
    **dict.fromkeys(("row_number", "rank", "dense_rank", "percent_rank", "ntile"), UP_TO_ROW),
    "cume_dist": UP_TO_PEERS,
}
_RANGE_TYPES = '("NUMERIC" or "INTERVAL DAY TO SECOND" or "INTERVAL YEAR TO MONTH" or "INTERVAL")'


def resolve(binder: Binder, e: WindowExpression, kind: FunctionKind, order_by: tuple[Expression, ...]) -> Frame:
    """The frame `e` is computed over. `lag` and `lead` look at the whole partition."""
    name = e.function.name[-1].lower() if isinstance(e.function, UnresolvedFunction) else ""
    if kind is FunctionKind.WINDOW and not order_by:
        text = binder.namer().text(e.function)
        raise error("WINDOW_FUNCTION_FRAME_NOT_ORDERED", wf_name=name, wf_expr=text)
    if name in _OFFSET_FUNCTIONS:
        if e.frame is not None:
            raise error("_LEGACY_ERROR_TEMP_1035", prettyName=name)
        return WHOLE_PARTITION
    required = _REQUIRED.get(name)
    if required is not None:
        if e.frame is not None and e.frame != required:
            raise error(
                "_LEGACY_ERROR_TEMP_1036", wf=_debug_text(binder, e.frame), required=_debug_text(binder, required)
            )
        return required
    if e.frame is None:
        return UP_TO_PEERS if order_by else WHOLE_PARTITION
    return _checked(binder, e, e.frame, order_by)


def _checked(binder: Binder, e: WindowExpression, frame: Frame, order_by: tuple[Expression, ...]) -> Frame:
    lower, upper = _bound(binder, frame.lower), _bound(binder, frame.upper)
    if any(isinstance(bound, Literal) and bound.value is None for bound in (lower, upper)):
        raise unsupported("window frame bounds that are null")
    if isinstance(lower, Literal) and isinstance(upper, Literal) and _exceeds(lower, upper):
        raise error(
            "DATATYPE_MISMATCH.SPECIFIED_WINDOW_FRAME_WRONG_COMPARISON",
            e.origin,
            sqlExpr=f'"{binder.namer().frame_text(frame)}"',
            comparison="less than or equal",
        )
    offsets = [b for b in (lower, upper) if not isinstance(b, Bound)]
    if frame.unit is FrameUnit.ROWS:
        for place, bound in (("lower", lower), ("upper", upper)):
            if not isinstance(bound, Bound) and not isinstance(bound.dtype, t.IntegerType | t.ShortType | t.ByteType):
                _refuse(binder, frame, place, bound.dtype, '"INT"')
        return Frame(frame.unit, lower, upper)
    if not order_by and (offsets or not (lower is Bound.UNBOUNDED_PRECEDING and upper is Bound.UNBOUNDED_FOLLOWING)):
        raise error("DATATYPE_MISMATCH.RANGE_FRAME_WITHOUT_ORDER", e.origin, sqlExpr=_spec_text(binder, e))
    if not offsets:
        return Frame(frame.unit, lower, upper)
    if len(order_by) > 1:
        order = ",".join(binder.namer().text(o) for o in e.order_by)
        raise error(
            "DATATYPE_MISMATCH.RANGE_FRAME_MULTI_ORDER", e.origin, sqlExpr=_spec_text(binder, e), orderSpec=order
        )
    key = order_by[0].dtype
    for place, bound in (("lower", lower), ("upper", upper)):
        if not isinstance(bound, Bound):
            _check_range(binder, frame, place, key, bound.dtype)
    return Frame(frame.unit, _as_key(lower, key), _as_key(upper, key))


def _exceeds(lower: Literal, upper: Literal) -> bool:
    if isinstance(lower.value, tuple) and isinstance(upper.value, tuple):
        # Calendar intervals: which of two on one side is longer is found at each row.
        return all(v >= 0 for v in lower.value) and any(v > 0 for v in lower.value) and any(v < 0 for v in upper.value)
    numbers = (int, float, Decimal)
    if not isinstance(lower.value, numbers) or not isinstance(upper.value, numbers):
        return False
    return Decimal(lower.value) > Decimal(upper.value)


def _check_range(binder: Binder, frame: Frame, place: str, key: t.DataType, offset: t.DataType) -> None:
    if isinstance(key, t.AtomicNumeric) and isinstance(offset, t.AtomicNumeric):
        return
    intervals = t.DayTimeIntervalType | t.YearMonthIntervalType | t.CalendarIntervalType
    if isinstance(key, t.DateType) and isinstance(offset, t.IntegerType | intervals):
        return
    if isinstance(key, t.TimestampType | t.TimestampNTZType) and isinstance(offset, intervals):
        return
    if type(key) is type(offset) and isinstance(key, intervals):
        return
    _refuse(binder, frame, place, key, _RANGE_TYPES)


def _refuse(binder: Binder, frame: Frame, place: str, dtype: t.DataType, expected: str) -> None:
    raise error(
        "DATATYPE_MISMATCH.SPECIFIED_WINDOW_FRAME_UNACCEPTED_TYPE",
        sqlExpr=f'"{binder.namer().frame_text(frame)}"',
        location=place,
        exprType=f'"{dtype.sql}"',
        expectedType=expected,
    )


def _bound(binder: Binder, bound: Bound | Expression) -> Bound | Expression:
    """An offset as a literal, negative before the current row."""
    if isinstance(bound, Bound):
        return bound
    if isinstance(bound, UnresolvedFunction) and bound.name[-1] in ("negative", "-") and len(bound.args) == 1:
        inner = binder.bind(bound.args[0])
        if isinstance(inner, Literal) and isinstance(inner.value, int | float | Decimal):
            return Literal(-inner.value, inner.type)
    made = binder.bind(bound)
    value = constant(made) if is_constant(made) else None
    return Literal(value, made.dtype) if isinstance(value, int) else made


def _as_key(bound: Bound | Expression, key: t.DataType) -> Bound | Expression:
    if isinstance(bound, Bound) or not isinstance(key, t.AtomicNumeric):
        return bound
    return cast_to(bound, key)


def _spec_text(binder: Binder, e: WindowExpression) -> str:
    """`"(ORDER BY a ASC NULLS FIRST RANGE ...)"`."""
    text = binder.namer().text(e)
    return f'"{text[text.rindex(" OVER (") + 6 :]}"'


def _debug_text(binder: Binder, frame: Frame) -> str:
    unit = "RowFrame" if frame.unit is FrameUnit.ROWS else "RangeFrame"
    return f"specifiedwindowframe({unit}, {_debug_bound(binder, frame.lower)}, {_debug_bound(binder, frame.upper)})"


def _debug_bound(binder: Binder, bound: Bound | Expression) -> str:
    if isinstance(bound, Bound):
        return bound.value.lower().replace(" ", "") + "$()"
    return binder.namer().text(bound)
