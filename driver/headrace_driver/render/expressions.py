"""Resolved expressions as kernel text.

Every text stands by itself (functions and parentheses, never a bare infix), and its kernel type is exactly
`kernel_type(e.dtype)`, except that decimals inside arithmetic keep the kernel's own width (render/decimals.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from headrace_driver.errors import unsupported
from headrace_driver.functions.decimals import decimal_for, holds
from headrace_driver.functions.registry import REGISTRY, Function, TwoPhase, Wrap
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import (
    AggregateCall,
    Alias,
    Attribute,
    Bound,
    Call,
    Case,
    Cast,
    CastMode,
    Expression,
    Frame,
    FrameUnit,
    GetField,
    Lambda,
    LambdaVariable,
    Literal,
    SortOrder,
    WindowExpression,
    replace,
    walk,
)
from headrace_driver.render.casts import cast_text
from headrace_driver.render.decimals import DecimalText, arithmetic, literal_decimal
from headrace_driver.render.literals import literal_text
from headrace_driver.render.order_keys import needs_key, order_key
from headrace_driver.render.types import kernel_type


def column_name(attribute: Attribute) -> str:
    """The kernel's name of a column."""
    return f"c{attribute.id}"


_DECIMAL_OPERATORS = frozenset("+-*")
_NO_FRAME = frozenset({"row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead"})


class Renderer:
    """Renders expressions for one session time zone.

    `names` gives the text of columns that are not called `column_name(attribute)`. `digit_bounds` gives, for decimal
    columns by attribute id, the largest absolute unscaled value known from statistics: where sums and products provably
    fit 64 bits, the kernel keeps to them.
    """

    def __init__(
        self,
        time_zone: str = "UTC",
        *,
        names: Mapping[int, str] | None = None,
        digit_bounds: Mapping[int, int] | None = None,
    ) -> None:
        self.time_zone = time_zone
        self._names = names or {}
        self._digit_bounds = digit_bounds or {}
        self._cases: dict[type[Expression], Callable[[Expression], str]] = {
            Literal: self._literal,
            Attribute: self._attribute,
            Cast: self._cast,
            Call: self._call,
            Case: self._case,
            GetField: self._get_field,
            SortOrder: self._sort_order,
            Lambda: self._lambda,
            LambdaVariable: self._variable,
            AggregateCall: self._aggregate,
            WindowExpression: self._window,
            Alias: self._alias,
        }

    def expression(self, expression: Expression) -> str:
        """Kernel text of a resolved expression, of kernel type `kernel_type(expression.dtype)`."""
        render = self._cases.get(type(expression))
        if render is None:
            raise unsupported(f"{type(expression).__name__} in this place")
        return render(expression)

    def expressions(self, expressions: Sequence[Expression]) -> list[str]:
        return [self.expression(e) for e in expressions]

    def loose(self, expression: Expression) -> str:
        """The same, but a decimal may be wider or narrower than declared (its scale and value are right)."""
        if isinstance(expression.dtype, t.DecimalType):
            return self.decimal(expression).text
        return self.expression(expression)

    def decimal(self, expression: Expression) -> DecimalText:
        """A decimal with the width the kernel computes it in."""
        dtype = expression.dtype
        assert isinstance(dtype, t.DecimalType)
        match expression:
            case Call(name, (left, right)) if name in _DECIMAL_OPERATORS:
                found = arithmetic(name, self.decimal(left), self.decimal(right), dtype)
                if found is not None:
                    return found
            case Literal(value) if value is not None:
                return literal_decimal(value, dtype)
            case Attribute(id=id):
                bound = self._digit_bounds.get(id, 10**dtype.precision - 1)
                return DecimalText(self._attribute(expression), dtype.precision, dtype.scale, bound)
            case Cast(child, implicit=True) if isinstance(child.dtype, t.DecimalType) and _only_wider(
                child.dtype, dtype
            ):
                return self.decimal(child)
        return DecimalText(self.expression(expression), dtype.precision, dtype.scale, 10**dtype.precision - 1)

    # --- aggregates in two phases ------------------------------------------------------------------------------------

    def two_phase(self, call: AggregateCall) -> TwoPhase | None:
        """How this call is split over tasks, or None when its rows must come together first."""
        function = _function(call.name)
        if function.two_phase is None or (call.distinct and not function.duplicate_agnostic) or call.order_by:
            return None
        return function.two_phase(call)

    def partial(self, call: AggregateCall, split: TwoPhase) -> list[str]:
        """The buffers' texts over input rows, to stand in a GROUP BY."""
        wrap = self._wrap(call)
        args = self._aggregate_args(call)
        return [buffer.update(args, wrap) for buffer in split.buffers]

    @staticmethod
    def merge(split: TwoPhase, columns: Sequence[str]) -> list[str]:
        """The buffers' texts over partial buffers in `columns`, to stand in a GROUP BY."""
        return [buffer.merge(column) for buffer, column in zip(split.buffers, columns, strict=True)]

    @staticmethod
    def finish(split: TwoPhase, columns: Sequence[str]) -> str:
        """The result over merged buffers (columns, or the merging texts themselves)."""
        return split.finish(columns)

    def in_steps(self, call: AggregateCall) -> TwoPhase | None:
        """How to compute an aggregate below its result, where both need lambdas: the kernel cannot bind one with an
        aggregate in it that has another in its arguments."""
        two_phase = _function(call.name).two_phase
        split = None if call.distinct or call.order_by or two_phase is None else two_phase(call)
        if split is None or not any("lambda" in text for text in self.partial(call, split)):
            return None
        return split if "lambda" in split.finish([f"b{i}" for i in range(len(split.buffers))]) else None

    # --- one node each -----------------------------------------------------------------------------------------------

    def _literal(self, e: Expression) -> str:
        assert isinstance(e, Literal)
        return literal_text(e.value, e.type)

    def _attribute(self, e: Expression) -> str:
        assert isinstance(e, Attribute)
        return self._names.get(e.id) or f"c{e.id}"

    def _alias(self, e: Expression) -> str:
        assert isinstance(e, Alias)
        return self.expression(e.child)

    def _cast(self, e: Expression) -> str:
        assert isinstance(e, Cast)
        source = e.child.dtype
        return cast_text(self.expression(e.child), source, e.type, e.mode, self.time_zone)

    def _call(self, e: Expression) -> str:
        assert isinstance(e, Call)
        name = e.name
        if name in ("and", "or"):
            return self._junction(e)
        if name in _DECIMAL_OPERATORS and isinstance(e.type, t.DecimalType):
            found = self.decimal_or_none(e)
            if found is not None:
                return found.exact(e.type)
        function = _function(name)
        assert function.render is not None, name
        if function.any_decimal_width:
            return function.render(e, [self.loose(a) for a in e.args])
        return function.render(e, [self.expression(a) for a in e.args])

    def decimal_or_none(self, e: Call) -> DecimalText | None:
        """+ - * of decimals in kernel arithmetic; None when that loses digits Spark keeps or rounds."""
        assert isinstance(e.type, t.DecimalType)
        if len(e.args) != 2:
            return None
        return arithmetic(e.name, self.decimal(e.args[0]), self.decimal(e.args[1]), e.type)

    def _junction(self, e: Call) -> str:
        """AND, OR. The kernel evaluates all terms for all rows. Those that may raise come last, under a CASE that keeps
        them from rows the others have decided; they keep their order among themselves."""
        terms = _terms(e, e.name)
        word = f" {e.name.upper()} "
        safe = [self.expression(x) for x in terms if not may_raise(x)]
        risky = [self.expression(x) for x in terms if may_raise(x)]
        if not risky or (not safe and len(risky) == 1):
            return f"({word.join([*safe, *risky])})"
        decided = "false" if e.name == "and" else "true"
        guarded = risky[-1]
        for before in reversed(risky[:-1]):
            guarded = f"({before}{word}CASE WHEN {before} IS DISTINCT FROM {decided} THEN {guarded} END)"
        if not safe:
            return guarded
        condition = f"({word.join(safe)})" if len(safe) > 1 else safe[0]
        return f"({word.join(safe)}{word}CASE WHEN {condition} IS DISTINCT FROM {decided} THEN {guarded} END)"

    def _case(self, e: Expression) -> str:
        assert isinstance(e, Case)
        branches = " ".join(
            f"WHEN {self.expression(c)} THEN {self.expression(v)}" for c, v in zip(e.conditions, e.values, strict=True)
        )
        otherwise = f" ELSE {self.expression(e.otherwise)}" if e.otherwise is not None else ""
        return f"CASE {branches}{otherwise} END"

    def _get_field(self, e: Expression) -> str:
        assert isinstance(e, GetField)
        return f"struct_extract_at({self.expression(e.child)}, {e.ordinal + 1})"

    def _sort_order(self, e: Expression) -> str:
        assert isinstance(e, SortOrder)
        first = e.ascending if e.nulls_first is None else e.nulls_first
        direction = "" if e.ascending else " DESC"
        key = self.loose(e.child)
        if needs_key(e.child.dtype):
            key = order_key(key, e.child.dtype)
        return f"{key}{direction} NULLS {'FIRST' if first else 'LAST'}"

    def _lambda(self, e: Expression) -> str:
        assert isinstance(e, Lambda)
        return f"lambda {', '.join(f'v{v.id}' for v in e.variables)}: {self.expression(e.body)}"

    def _variable(self, e: Expression) -> str:
        assert isinstance(e, LambdaVariable)
        return f"v{e.id}"

    # --- aggregates and windows --------------------------------------------------------------------------------------

    def _aggregate(self, e: Expression) -> str:
        assert isinstance(e, AggregateCall)
        return self._aggregate_over(e, "")

    def _aggregate_args(self, call: AggregateCall) -> list[str]:
        if _function(call.name).any_decimal_width:
            return [self.loose(a) for a in call.args]
        return [self.expression(a) for a in call.args]

    def _aggregate_over(self, call: AggregateCall, over: str) -> str:
        function = _function(call.name)
        assert function.render_aggregate is not None, call.name
        return function.render_aggregate(call, self._aggregate_args(call), self._wrap(call, over))

    def _wrap(self, call: AggregateCall, over: str = "") -> Wrap:
        """What every kernel aggregate of the call gets: DISTINCT, ORDER BY, FILTER, OVER."""
        distinct = "DISTINCT " if call.distinct and not _function(call.name).duplicate_agnostic else ""
        ordered = call.order_by and not _function(call.name).order_is_argument
        order = f" ORDER BY {', '.join(self.expressions(call.order_by))}" if ordered else ""
        where = f" FILTER (WHERE {self.expression(call.where)})" if call.where is not None else ""
        if not distinct and not order:
            return lambda text: f"{text}{where}{over}"

        def wrap(text: str) -> str:
            name, inner = text.split("(", 1)
            return f"{name}({distinct}{inner[:-1]}{order}){where}{over}"

        return wrap

    def _window(self, e: Expression) -> str:
        assert isinstance(e, WindowExpression)
        assert isinstance(e.function, AggregateCall)
        return self._aggregate_over(e.function, f" OVER ({self.window(e)})")

    def window(self, e: WindowExpression) -> str:
        """The inside of OVER (...), with the frame always written out."""
        parts: list[str] = []
        if e.partition_by:
            parts.append(f"PARTITION BY {', '.join(self.expressions(e.partition_by))}")
        frame = e.frame
        keys = e.order_by
        if frame is not None and _has_range_offset(frame):
            parts.append(f"ORDER BY {self._range_key(keys[0])}")
        elif keys:
            parts.append(f"ORDER BY {', '.join(self.expressions(keys))}")
        ranked = isinstance(e.function, AggregateCall) and e.function.name in _NO_FRAME
        if frame is not None and not ranked:
            parts.append(self._frame(frame, keys))
        return " ".join(parts)

    def _frame(self, frame: Frame, keys: Sequence[Expression]) -> str:
        key = keys[0].dtype if keys else t.NULL
        lower = self._bound(frame.lower, frame.unit, key)
        upper = self._bound(frame.upper, frame.unit, key)
        if frame.unit is FrameUnit.RANGE and not keys:
            # Without an order all rows are peers.
            lower, upper = "UNBOUNDED PRECEDING", "UNBOUNDED FOLLOWING"
            return f"ROWS BETWEEN {lower} AND {upper}"
        # Frames that are empty everywhere, as from 1 FOLLOWING to the current row, the kernel takes as offsets only.
        if frame.upper is Bound.CURRENT_ROW and lower.endswith(" FOLLOWING"):
            upper = self._bound(_nought(frame.lower), frame.unit, key)
        elif frame.lower is Bound.CURRENT_ROW and upper.endswith(" PRECEDING"):
            lower = self._bound(_nought(frame.upper), frame.unit, key).replace(" FOLLOWING", " PRECEDING")
        return f"{frame.unit.value} BETWEEN {lower} AND {upper}"

    def _bound(self, bound: Bound | Expression, unit: FrameUnit, key: t.DataType) -> str:
        if isinstance(bound, Bound):
            return bound.value
        if unit is FrameUnit.ROWS and isinstance(bound, Literal):
            side = "PRECEDING" if bound.value < 0 else "FOLLOWING"
            return f"{abs(bound.value)} {side}"
        if not isinstance(bound, Literal):
            raise unsupported("window frame bounds that are not constants")
        side = "PRECEDING" if _negative(bound.value) else "FOLLOWING"
        return f"{self._offset(bound, key)} {side}"

    def _offset(self, bound: Literal, key: t.DataType) -> str:
        """The absolute offset of a RANGE bound, in the kernel's type for the (converted) key."""
        value = bound.value
        if isinstance(bound.type, t.CalendarIntervalType):
            months, days, microseconds = (abs(v) for v in value)
            return f"(to_months({months}) + to_days({days}) + to_microseconds({microseconds}::BIGINT))"
        if isinstance(key, t.DateType) and isinstance(bound.type, t.DayTimeIntervalType):
            return f"to_microseconds({abs(value)}::BIGINT)"
        if isinstance(key, t.TimestampType | t.TimestampNTZType) and isinstance(bound.type, t.DayTimeIntervalType):
            return f"to_microseconds({abs(value)}::BIGINT)"
        if isinstance(bound.type, t.YearMonthIntervalType) and not isinstance(key, t.YearMonthIntervalType):
            return f"to_months({abs(value)})"
        return literal_text(abs(value), bound.type)

    def _range_key(self, key: Expression) -> str:
        """An ordering key as the kernel's RANGE arithmetic wants it: dates plus a number of days are numbers."""
        assert isinstance(key, SortOrder)
        return self._sort_order(key)


def _terms(e: Expression, name: str) -> list[Expression]:
    """The terms of a chain of one operator, from left to right."""
    if isinstance(e, Call) and e.name == name:
        return [term for arg in e.args for term in _terms(arg, name)]
    return [e]


def _has_range_offset(frame: Frame) -> bool:
    return frame.unit is FrameUnit.RANGE and not (isinstance(frame.lower, Bound) and isinstance(frame.upper, Bound))


def _nought(bound: Bound | Expression) -> Bound | Expression:
    """The offset that is the current row."""
    if not isinstance(bound, Literal):
        return bound
    return replace(bound, value=(0, 0, 0) if isinstance(bound.value, tuple) else type(bound.value)(0))


def _negative(value: object) -> bool:
    if isinstance(value, tuple):
        return any(v < 0 for v in value)
    return value < 0  # type: ignore[operator]


def _only_wider(source: t.DecimalType, target: t.DecimalType) -> bool:
    return source.scale == target.scale and source.precision <= target.precision


def _function(name: str) -> Function:
    function = REGISTRY.find(name)
    if function is None:
        raise unsupported(f"the function {name}")
    return function


def may_raise(expression: Expression) -> bool:
    """Whether evaluating it may fail on some values."""
    for e in walk(expression):
        if isinstance(e, Call):
            if _function(e.name).raises:
                return True
        elif isinstance(e, Cast) and e.mode is CastMode.ANSI and not isinstance(e.child, Literal) and _cast_raises(e):
            return True
    return False


def _cast_raises(cast: Cast) -> bool:
    source, target = cast.child.dtype, cast.type
    if isinstance(source, t.NullType) or isinstance(target, t.StringType | t.BinaryType):
        return False
    if isinstance(source, t.StringType):
        return True
    order = (t.ByteType, t.ShortType, t.IntegerType, t.LongType, t.FloatType, t.DoubleType)
    if isinstance(source, order) and isinstance(target, order):
        return order.index(type(source)) > order.index(type(target))
    if isinstance(target, t.DecimalType):
        decimal = decimal_for(source)
        exact = not isinstance(source, t.FloatType | t.DoubleType)
        return not (isinstance(source, t.BooleanType) or (exact and decimal is not None and holds(target, decimal)))
    return isinstance(target, t.AtomicNumeric) and not isinstance(
        source, t.BooleanType | t.TimestampType | t.DayTimeIntervalType | t.YearMonthIntervalType
    )


__all__ = ["Renderer", "column_name", "kernel_type", "may_raise"]
