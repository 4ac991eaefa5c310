"""What all expressions are: nodes with children, walked and rewritten alike."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar, dataclass_transform

from headrace_driver.plan import types as t

C = TypeVar("C", bound=type)
_ids = itertools.count(1)
_own = threading.local()


def new_id() -> int:
    """A fresh attribute id, unique in this process (inside `ids_from`: in its plan)."""
    own: Iterator[int] | None = getattr(_own, "ids", None)
    return next(_ids if own is None else own)


def skip_ids(upto: int) -> None:
    """Ids made from now on are above `upto`, which stands in a plan of an earlier process. Not while others plan."""
    global _ids
    _ids = itertools.count(max(next(_ids), upto + 1))


@contextmanager
def ids_from(ids: Iterator[int]) -> Iterator[None]:
    """Within this thread, ids come from there: a plan made twice from one beginning then has the same ids."""
    _own.ids = ids
    try:
        yield
    finally:
        _own.ids = None


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def node(cls: C) -> C:
    """A slotted dataclass that the type checker treats as frozen.

    Runtime freezing would triple the cost of making a node, and planning makes tens of thousands of them.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)  # type: ignore[return-value]


class Expression:
    """Base of all expression nodes. Subclasses name the fields that hold children in `CHILDREN`.

    A field in `CHILDREN` holds an Expression, None, or a tuple of Expressions.
    """

    __slots__ = ()
    CHILDREN: ClassVar[tuple[str, ...]] = ()
    __match_args__: ClassVar[tuple[str, ...]] = ()

    @property
    def dtype(self) -> t.DataType:
        raise TypeError(f"{type(self).__name__} has no type before analysis")

    @property
    def nullable(self) -> bool:
        return True

    def children(self) -> tuple[Expression, ...]:
        """All direct children, in the order of `CHILDREN`."""
        names = self.CHILDREN
        if not names:
            return ()
        found: list[Expression] = []
        for name in names:
            value = getattr(self, name)
            if value is None:
                continue
            if type(value) is tuple:
                found.extend(value)
            else:
                found.append(value)
        return tuple(found)

    def map_children(self, change: Callable[[Expression], Expression]) -> Expression:
        """This node with `change` applied to every child; the same object when nothing changed."""
        changes: dict[str, Any] = {}
        for name in self.CHILDREN:
            value = getattr(self, name)
            if value is None:
                continue
            if type(value) is tuple:
                new: Any = tuple([change(child) for child in value])
                if any(a is not b for a, b in zip(new, value, strict=True)):
                    changes[name] = new
            else:
                new = change(value)
                if new is not value:
                    changes[name] = new
        return replace(self, **changes) if changes else self


E = TypeVar("E", bound=Expression)


def replace(expression: E, **changes: Any) -> E:
    """A copy of a node with some fields changed."""
    cls = type(expression)
    return cls(**{name: changes.get(name, getattr(expression, name)) for name in cls.__match_args__})


def transform_up(expression: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """Applies `change` to every node, children first."""
    if expression.CHILDREN:
        expression = expression.map_children(lambda child: transform_up(child, change))
    return change(expression)


def transform_down(expression: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """Applies `change` to every node, parents first."""
    expression = change(expression)
    if expression.CHILDREN:
        return expression.map_children(lambda child: transform_down(child, change))
    return expression


def walk(expression: Expression) -> Iterator[Expression]:
    """The node and all below it, parents first. Does not enter the plans of subqueries."""
    stack = [expression]
    while stack:
        current = stack.pop()
        yield current
        if current.CHILDREN:
            stack.extend(reversed(current.children()))
