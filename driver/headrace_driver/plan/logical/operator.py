"""What all logical operators are: nodes with child plans and expressions, walked and rewritten alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any, ClassVar, TypeVar, dataclass_transform

from headrace_driver.plan.expressions import Attribute, Expression

C = TypeVar("C", bound=type)


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
def plan_node(cls: C) -> C:
    """A dataclass compared by identity that the type checker treats as frozen (see `expressions.node`)."""
    return dataclass(eq=False)(cls)  # type: ignore[return-value]


class LogicalPlan:
    """Base of all logical operators. `INPUTS` names the fields that hold child plans, `EXPRESSIONS` those that hold
    expressions (an Expression, None, or a tuple of them)."""

    INPUTS: ClassVar[tuple[str, ...]] = ()
    EXPRESSIONS: ClassVar[tuple[str, ...]] = ()
    __match_args__: ClassVar[tuple[str, ...]] = ()

    @cached_property
    def output(self) -> tuple[Attribute, ...]:
        """The columns, after analysis."""
        raise TypeError(f"{type(self).__name__} has no columns before analysis")

    def inputs(self) -> tuple[LogicalPlan, ...]:
        """The child plans."""
        found: list[LogicalPlan] = []
        for name in self.INPUTS:
            value = getattr(self, name)
            if isinstance(value, tuple):
                found.extend(value)
            elif value is not None:
                found.append(value)
        return tuple(found)

    def expressions(self) -> Iterator[Expression]:
        """All top-level expressions of this operator."""
        for name in self.EXPRESSIONS:
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, tuple):
                yield from value
            else:
                yield value

    def map_inputs(self, change: Callable[[LogicalPlan], LogicalPlan]) -> LogicalPlan:
        """This operator with `change` applied to every child; the same object when nothing changed."""
        return _changed(self, self.INPUTS, change)

    def map_expressions(self, change: Callable[[Expression], Expression]) -> LogicalPlan:
        """This operator with `change` applied to every top-level expression; the same object when nothing changed."""
        return _changed(self, self.EXPRESSIONS, change)


P = TypeVar("P", bound=LogicalPlan)


def _changed(plan: LogicalPlan, names: tuple[str, ...], change: Callable[[Any], Any]) -> LogicalPlan:
    changes: dict[str, Any] = {}
    for name in names:
        value = getattr(plan, name)
        if value is None:
            continue
        if isinstance(value, tuple):
            new: Any = tuple([change(item) for item in value])
            if any(a is not b for a, b in zip(new, value, strict=True)):
                changes[name] = new
        else:
            new = change(value)
            if new is not value:
                changes[name] = new
    return replace(plan, **changes) if changes else plan


def replace(plan: P, **changes: Any) -> P:
    """A copy of an operator with some fields changed."""
    cls = type(plan)
    return cls(**{name: changes.get(name, getattr(plan, name)) for name in cls.__match_args__})


def transform_up(plan: LogicalPlan, change: Callable[[LogicalPlan], LogicalPlan]) -> LogicalPlan:
    """Applies `change` to every operator, inputs first. Does not enter the plans of subquery expressions."""
    return change(plan.map_inputs(lambda child: transform_up(child, change)))


def walk(plan: LogicalPlan) -> Iterator[LogicalPlan]:
    """The operator and all below it, parents first. Does not enter the plans of subquery expressions."""
    stack = [plan]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(current.inputs()))


class JoinType(Enum):
    INNER = "Inner"
    LEFT = "LeftOuter"
    RIGHT = "RightOuter"
    FULL = "FullOuter"
    SEMI = "LeftSemi"
    ANTI = "LeftAnti"
    CROSS = "Cross"


class SetKind(Enum):
    UNION = "UNION"
    INTERSECT = "INTERSECT"
    EXCEPT = "EXCEPT"


class UnaryPlan(LogicalPlan):
    """An operator with one child, which by default yields the child's columns."""

    INPUTS = ("child",)
    child: LogicalPlan

    @cached_property
    def output(self) -> tuple[Attribute, ...]:
        return self.child.output
