"""The function registry: from a Spark function's name to its type rule and its kernel text.

One entry is one `Function`. `bind` sees resolved arguments, checks and coerces them, and returns a resolved expression
(usually a `Call` or `AggregateCall` of the same name, but a function may rewrite itself into others). `render` turns a
bound call into kernel text, given its arguments' text. Aggregates say how they are computed in two phases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from headrace_driver.errors import NOWHERE, Origin
from headrace_driver.plan.expressions import AggregateCall, Call, Expression
from headrace_driver.plan.types import DataType


class FunctionKind(Enum):
    """Where a function may stand."""

    SCALAR = "scalar"
    AGGREGATE = "aggregate"
    WINDOW = "window"
    GENERATOR = "generator"
    """Binds to a `Call` whose type is the StructType of the columns it makes. Names ending in `_outer` are the same
    generator with `Generate.outer`; analysis strips the ending from the call."""


@dataclass(frozen=True, slots=True)
class BindContext:
    """What a type rule may ask of the session. `conf` has Spark's names and string values."""

    time_zone: str = "UTC"
    conf: Mapping[str, str] = field(default_factory=dict)
    display: str = ""
    """The name as the user wrote it."""
    origin: Origin = NOWHERE
    now_us: int = 0
    """The query's one current timestamp, microseconds since the epoch."""
    user: str = ""
    catalog: str = "spark_catalog"
    database: str = "default"


Wrap = Callable[[str], str]
"""Adds to one kernel aggregate's text, `name(arguments)`, what its place wants: DISTINCT, ORDER BY, FILTER, OVER."""

LambdaTypes = Callable[[Sequence[Expression | None], int, int], Sequence[tuple[DataType, bool]]]
"""From (arguments bound so far, position of the lambda, its number of parameters) to type and nullability of each
parameter. Arguments that are lambdas, or not resolved yet, are None; all others are resolved."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """One column of an aggregate's intermediate state.

    `update` is kernel text over the argument texts, in which every kernel aggregate stands in the given `wrap` (it
    adds FILTER); `merge` is kernel text over the buffer column's name, with plain aggregates. Both yield
    `kernel_type`. `Renderer.partial`, `merge` and `finish` (render/expressions.py) apply them.
    """

    kernel_type: str
    update: Callable[[Sequence[str], Wrap], str]
    merge: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class TwoPhase:
    """How an aggregate is split over map and reduce tasks: buffers, then kernel text over the merged buffers."""

    buffers: tuple[Buffer, ...]
    finish: Callable[[Sequence[str]], str]


@dataclass(frozen=True, slots=True)
class Function:
    """One registry entry.

    For aggregates `render` is the one-phase kernel text WITHOUT `FILTER`/`OVER`, which the caller cannot append when
    it is a larger expression; so `render_aggregate` gets a `wrap` function that must be applied to each kernel
    aggregate in it: it adds DISTINCT, ORDER BY, FILTER and OVER.
    """

    name: str
    kind: FunctionKind
    bind: Callable[[Sequence[Expression], BindContext], Expression]
    render: Callable[[Call, Sequence[str]], str] | None = None
    render_aggregate: Callable[[AggregateCall, Sequence[str], Wrap], str] | None = None
    two_phase: Callable[[AggregateCall], TwoPhase | None] | None = None
    """None, or returning None: rows of a group must come together before it can be computed (also when DISTINCT)."""
    duplicate_agnostic: bool = False
    """max, min, ...: DISTINCT changes nothing."""
    deterministic: bool = True
    foldable: bool = True
    numbers_rows: bool = False
    """Its text counts the rows of the SELECT it stands in (ROW_NUMBER): the optimizer keeps it in projections."""
    raises: bool = False
    """May fail on some values (division, casts, ...), so it must not be evaluated for rows a filter would remove."""
    lambda_types: LambdaTypes | None = None
    """Higher-order functions only: asked by analysis before it resolves the body of a lambda argument."""
    order_is_argument: bool = False
    """WITHIN GROUP (ORDER BY x) names the argument (percentile_cont, mode, ...): the kernel gets no ORDER BY."""
    any_decimal_width: bool = False
    """`render` takes decimals of the right scale in any kernel width (comparisons, count, ...): saves casts."""


class Registry:
    """Functions by lower-case name. Names are claimed once."""

    def __init__(self) -> None:
        self._functions: dict[str, Function] = {}

    def add(self, function: Function, *aliases: str) -> None:
        for name in (function.name, *aliases):
            if name in self._functions:
                raise ValueError(f"function {name} is registered twice")
            self._functions[name] = function

    def find(self, name: str) -> Function | None:
        """The entry of that name, whatever its case, or None."""
        return self._functions.get(name.lower())

    def names(self) -> list[str]:
        return sorted(self._functions)


REGISTRY = Registry()
"""All built-in functions, filled when `headrace_driver.functions.builtin` is imported."""
