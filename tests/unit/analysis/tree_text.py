"""Resolved plans as compact text: columns `name#n`, numbered in the order they appear."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace_driver.plan import logical as p
from headrace_driver.plan.expressions import (
    AggregateCall,
    Alias,
    Attribute,
    Bound,
    Call,
    Case,
    Cast,
    Exists,
    Expression,
    Frame,
    GetField,
    InSubquery,
    Lambda,
    LambdaVariable,
    Literal,
    OuterReference,
    ScalarSubquery,
    SortOrder,
    WindowExpression,
)
from headrace_driver.plan.logical import LogicalPlan


class TreeText:
    """Prints one plan."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._tables: dict[int, LogicalPlan] = {}

    def tree(self, plan: LogicalPlan, depth: int = 0) -> list[str]:
        """One line an operator, inputs and subqueries indented under it."""
        pad = "  " * depth
        lines = [f"{pad}{type(plan).__name__}{self._fields(plan)}"]
        for expression in plan.expressions():
            for subquery in _subqueries(expression):
                outer = f" outer {self.all(subquery.outer)}" if subquery.outer else ""
                lines.append(f"{pad}  subquery{outer}")
                lines += self.tree(subquery.plan, depth + 2)
        if isinstance(plan, p.CTEReference):
            first = plan.definition.id not in self._tables
            self._tables[plan.definition.id] = plan.definition.plan
            if first:
                lines += self.tree(plan.definition.plan, depth + 1)
        for child in plan.inputs():
            lines += self.tree(child, depth + 1)
        return lines

    def _fields(self, plan: LogicalPlan) -> str:
        parts: list[str] = []
        for name in type(plan).__match_args__:
            value = getattr(plan, name)
            if (
                name in plan.INPUTS
                or name in ("source", "arrow_stream", "schema", "definition", "read")
                or value in (None, ())
            ):
                continue
            parts.append(f"{name}={self._value(value)}")
        return f" {' '.join(parts)}" if parts else ""

    def _value(self, value: Any) -> str:
        if isinstance(value, tuple):
            return self.all(value)
        if isinstance(value, Expression):
            return self.expression(value)
        return str(getattr(value, "value", value))

    def all(self, values: Sequence[Any]) -> str:
        return f"[{', '.join(self._value(v) for v in values)}]"

    def _id(self, number: int) -> str:
        return f"#{self._numbers.setdefault(number, len(self._numbers) + 1)}"

    def expression(self, e: Expression) -> str:
        """One expression."""
        match e:
            case Attribute():
                return f"{e.name}{self._id(e.id)}"
            case Alias():
                return f"{self.expression(e.child)} AS {e.name}{self._id(e.id)}"
            case OuterReference():
                return f"outer({self.expression(e.attribute)})"
            case Literal():
                return repr(e.value) if isinstance(e.value, str) else str(e.value)
            case Cast():
                return f"{e.mode.value}({self.expression(e.child)} as {e.type.name})"
            case GetField():
                return f"{self.expression(e.child)}.{e.name}"
            case SortOrder():
                nulls = "FIRST" if e.nulls_first else "LAST"
                return f"{self.expression(e.child)} {'ASC' if e.ascending else 'DESC'} NULLS {nulls}"
            case Call():
                return f"{e.name}({', '.join(self.expression(a) for a in e.args)})"
            case AggregateCall():
                where = f" WHERE {self.expression(e.where)}" if e.where else ""
                distinct = "DISTINCT " if e.distinct else ""
                return f"{e.name}({distinct}{', '.join(self.expression(a) for a in e.args)}{where})"
            case Case():
                whens = " ".join(
                    f"WHEN {self.expression(c)} THEN {self.expression(v)}"
                    for c, v in zip(e.conditions, e.values, strict=True)
                )
                return f"CASE {whens}{f' ELSE {self.expression(e.otherwise)}' if e.otherwise else ''} END"
            case WindowExpression():
                return f"{self.expression(e.function)} OVER ({self._frame(e.frame)})"
            case ScalarSubquery() | Exists():
                return type(e).__name__
            case InSubquery():
                return f"{self.all(e.values)} IN subquery"
            case Lambda():
                return f"({', '.join(v.name for v in e.variables)}) -> {self.expression(e.body)}"
            case LambdaVariable():
                return e.name
        return type(e).__name__

    def _frame(self, frame: Frame | None) -> str:
        if frame is None:
            return "no frame"
        bounds = [b.value if isinstance(b, Bound) else self.expression(b) for b in (frame.lower, frame.upper)]
        return f"{frame.unit.value} {bounds[0]} .. {bounds[1]}"


def _subqueries(e: Expression) -> list[Any]:
    found: list[Any] = [e] if isinstance(e, ScalarSubquery | Exists | InSubquery) else []
    for child in e.children():
        found += _subqueries(child)
    return found
