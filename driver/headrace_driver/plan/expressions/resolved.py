"""Expressions with types: those of analysed trees, some of which the front ends make already."""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING, Any

from headrace_driver.errors import NOWHERE, Origin
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions.node import Expression, node, replace, transform_up, walk

if TYPE_CHECKING:
    from headrace_driver.plan.logical import LogicalPlan


@node
class Literal(Expression):
    """A constant. Dates are days since the epoch, timestamps and day-time intervals microseconds, year-month intervals
    months (all int); arrays and structs tuples, maps tuples of pairs; None is null of any type."""

    value: Any
    type: t.DataType

    @property
    def dtype(self) -> t.DataType:
        return self.type

    @property
    def nullable(self) -> bool:
        return self.value is None


@node
class Alias(Expression):
    """A named expression. `id` 0 before analysis; afterwards the id of the attribute it makes."""

    CHILDREN = ("child",)

    child: Expression
    name: str
    id: int = 0
    metadata: str = ""

    @property
    def dtype(self) -> t.DataType:
        return self.child.dtype

    @property
    def nullable(self) -> bool:
        return self.child.nullable

    def attribute(self) -> Attribute:
        """The column this alias makes (after analysis)."""
        return Attribute(self.name, self.child.dtype, self.child.nullable, self.id, (), self.metadata)


class CastMode(Enum):
    """What a cast does with a value that does not fit: error, null, or what Spark did before ANSI."""

    ANSI = "cast"
    TRY = "try_cast"
    LEGACY = "legacy"


@node
class Cast(Expression):
    """`CAST(child AS type)`. `implicit` casts come from coercion and do not show in column names."""

    CHILDREN = ("child",)

    child: Expression
    type: t.DataType
    mode: CastMode = CastMode.ANSI
    implicit: bool = field(default=False, compare=False)
    origin: Origin = field(default=NOWHERE, compare=False)

    @property
    def dtype(self) -> t.DataType:
        return self.type

    @property
    def nullable(self) -> bool:
        return self.mode is CastMode.TRY or self.child.nullable or _cast_may_lose(self.child.dtype, self.type)


def _cast_may_lose(source: t.DataType, target: t.DataType) -> bool:
    """Whether Spark calls a cast nullable whose child is not, because some values have no counterpart.

    It does so under ANSI too, where those values raise.
    """
    if source == target or isinstance(source, t.NullType):
        return False
    if isinstance(source, t.StringType):
        return not isinstance(target, t.StringType | t.BinaryType)
    if isinstance(target, t.StringType):
        return False
    if isinstance(source, t.DateType):
        return not isinstance(target, t.TimestampType)
    if isinstance(target, t.DateType):
        return not isinstance(source, t.TimestampType)
    if isinstance(source, t.TimestampType):
        return isinstance(target, t.ByteType | t.ShortType | t.IntegerType)
    if isinstance(source, t.FloatType | t.DoubleType) and isinstance(target, t.TimestampType):
        return True
    if isinstance(target, t.DecimalType):
        return not _decimal_holds(source, target)
    return isinstance(source, t.FractionalType) and isinstance(target, t.IntegralType)


_DIGITS: dict[type[t.DataType], int] = {
    t.BooleanType: 1,
    t.ByteType: 3,
    t.ShortType: 5,
    t.IntegerType: 10,
    t.LongType: 20,
}


def _decimal_holds(source: t.DataType, target: t.DecimalType) -> bool:
    if isinstance(source, t.DecimalType):
        whole = source.precision - source.scale
        return target.precision - target.scale >= whole and target.scale >= source.scale
    digits = _DIGITS.get(type(source))
    return digits is not None and target.precision - target.scale >= digits


@node
class SortOrder(Expression):
    """One key of an ordering. `nulls_first` None before analysis means Spark's default: first when ascending."""

    CHILDREN = ("child",)

    child: Expression
    ascending: bool = True
    nulls_first: bool | None = None

    @property
    def dtype(self) -> t.DataType:
        return self.child.dtype


class FrameUnit(Enum):
    ROWS = "ROWS"
    RANGE = "RANGE"


class Bound(Enum):
    """Frame bounds that are not an offset."""

    UNBOUNDED_PRECEDING = "UNBOUNDED PRECEDING"
    CURRENT_ROW = "CURRENT ROW"
    UNBOUNDED_FOLLOWING = "UNBOUNDED FOLLOWING"


@node
class Frame(Expression):
    """A window frame; an offset bound is an expression, negative before the current row."""

    unit: FrameUnit
    lower: Bound | Expression
    upper: Bound | Expression


@node
class WindowExpression(Expression):
    """`function OVER (PARTITION BY ... ORDER BY ... frame)`. After analysis `frame` is set for every function."""

    CHILDREN = ("function", "partition_by", "order_by")

    function: Expression
    partition_by: tuple[Expression, ...] = ()
    order_by: tuple[Expression, ...] = ()
    frame: Frame | None = None
    origin: Origin = field(default=NOWHERE, compare=False)

    @property
    def dtype(self) -> t.DataType:
        return self.function.dtype

    @property
    def nullable(self) -> bool:
        return self.function.nullable


@node
class ScalarSubquery(Expression):
    """`(SELECT one_column ...)`. `outer` lists, after analysis, the outer attributes its plan refers to."""

    plan: LogicalPlan = field(hash=False)
    outer: tuple[Attribute, ...] = ()

    @property
    def dtype(self) -> t.DataType:
        return self.plan.output[0].dtype


@node
class Exists(Expression):
    """`EXISTS (SELECT ...)`."""

    plan: LogicalPlan = field(hash=False)
    outer: tuple[Attribute, ...] = ()

    @property
    def dtype(self) -> t.DataType:
        return t.BOOLEAN

    @property
    def nullable(self) -> bool:
        return False


@node
class InSubquery(Expression):
    """`(a, b) IN (SELECT x, y ...)`."""

    CHILDREN = ("values",)

    values: tuple[Expression, ...]
    plan: LogicalPlan = field(hash=False)
    outer: tuple[Attribute, ...] = ()

    @property
    def dtype(self) -> t.DataType:
        return t.BOOLEAN

    @property
    def nullable(self) -> bool:
        return any(v.nullable for v in self.values) or any(a.null for a in self.plan.output)


@node
class Attribute(Expression):
    """A column of a child's output, known by `id` alone; the rest is for people and for types."""

    name: str = field(compare=False)
    type: t.DataType = field(compare=False)
    null: bool = field(compare=False)
    id: int
    qualifier: tuple[str, ...] = field(default=(), compare=False)
    metadata: str = field(default="", compare=False)

    @property
    def dtype(self) -> t.DataType:
        return self.type

    @property
    def nullable(self) -> bool:
        return self.null


@node
class OuterReference(Expression):
    """A column of the query around a subquery."""

    attribute: Attribute

    @property
    def dtype(self) -> t.DataType:
        return self.attribute.type

    @property
    def nullable(self) -> bool:
        return self.attribute.null


@node
class Call(Expression):
    """A scalar (or generator) function of the registry on arguments already of the right types.

    `name` is the registry's name; `display` what the user called it, for column names.
    """

    CHILDREN = ("args",)

    name: str
    args: tuple[Expression, ...]
    type: t.DataType
    null: bool = True
    display: str = field(default="", compare=False)
    origin: Origin = field(default=NOWHERE, compare=False)

    @property
    def dtype(self) -> t.DataType:
        return self.type

    @property
    def nullable(self) -> bool:
        return self.null


@node
class AggregateCall(Expression):
    """An aggregate function of the registry; stands in `Aggregate` and, inside `WindowExpression`, over windows.

    Pure window functions (row_number, lag, ...) are `AggregateCall`s too, of registry entries marked as window-only.
    """

    CHILDREN = ("args", "where", "order_by")

    name: str
    args: tuple[Expression, ...]
    type: t.DataType
    null: bool = True
    distinct: bool = False
    where: Expression | None = None
    order_by: tuple[Expression, ...] = ()
    ignore_nulls: bool = False
    display: str = field(default="", compare=False)
    origin: Origin = field(default=NOWHERE, compare=False)

    @property
    def dtype(self) -> t.DataType:
        return self.type

    @property
    def nullable(self) -> bool:
        return self.null


@node
class Case(Expression):
    """`CASE WHEN c1 THEN v1 ... ELSE e END`; all values of one type. Laziness counts: values may raise."""

    CHILDREN = ("conditions", "values", "otherwise")

    conditions: tuple[Expression, ...]
    values: tuple[Expression, ...]
    otherwise: Expression | None = None

    @property
    def dtype(self) -> t.DataType:
        return self.values[0].dtype

    @property
    def nullable(self) -> bool:
        return self.otherwise is None or self.otherwise.nullable or any(v.nullable for v in self.values)


@node
class GetField(Expression):
    """Field number `ordinal` of a struct."""

    CHILDREN = ("child",)

    child: Expression
    ordinal: int
    name: str

    @property
    def dtype(self) -> t.DataType:
        struct = self.child.dtype
        assert isinstance(struct, t.StructType)
        return struct.fields[self.ordinal].dtype

    @property
    def nullable(self) -> bool:
        struct = self.child.dtype
        assert isinstance(struct, t.StructType)
        return self.child.nullable or struct.fields[self.ordinal].nullable


@node
class LambdaVariable(Expression):
    """A parameter of a lambda, inside its body."""

    name: str = field(compare=False)
    type: t.DataType
    null: bool
    id: int

    @property
    def dtype(self) -> t.DataType:
        return self.type

    @property
    def nullable(self) -> bool:
        return self.null


_VARIABLES_MAX = 10
"""More than any function gives its lambda."""


@node
class Lambda(Expression):
    """A function argument of a higher-order function."""

    CHILDREN = ("body",)

    variables: tuple[LambdaVariable, ...] = field(compare=False)
    body: Expression = field(compare=False)
    form: Expression = field(init=False, repr=False)
    """The body with its variables numbered by their level: what makes two lambdas equal."""
    level: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        inside = [part.level for part in walk(self.body) if isinstance(part, Lambda)]
        level = 1 + max(inside, default=0)
        numbers = {v.id: -(_VARIABLES_MAX * level + place) for place, v in enumerate(self.variables)}

        def numbered(e: Expression) -> Expression:
            found = numbers.get(e.id) if isinstance(e, LambdaVariable) else None
            return e if found is None else replace(e, id=found)

        object.__setattr__(self, "level", level)
        object.__setattr__(self, "form", transform_up(self.body, numbered))

    @property
    def dtype(self) -> t.DataType:
        return self.body.dtype

    @property
    def nullable(self) -> bool:
        return self.body.nullable


TRUE = Literal(True, t.BOOLEAN)
FALSE = Literal(False, t.BOOLEAN)
