"""Expressions as EXPLAIN shows them: columns as `name#id`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from headrace_driver.plan import types as t
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
    GetField,
    InSubquery,
    Lambda,
    LambdaVariable,
    Literal,
    OuterReference,
    ScalarSubquery,
    SortOrder,
    UnresolvedAttribute,
    UnresolvedExtract,
    UnresolvedFunction,
    UnresolvedLambda,
    UnresolvedStar,
    WindowExpression,
)
from headrace_driver.sql.literals import date_text

_INFIX = frozenset(("+", "-", "*", "/", "%", "=", "<=>", "<", "<=", ">", ">=", "and", "or", "&", "|", "^", "div"))
MAX_ITEMS = 25
"""As `spark.sql.debug.maxToStringFields`: longer lists are cut in plan texts."""


def expression_text(expression: Expression) -> str:
    """One expression on one line."""
    writer = _WRITERS.get(type(expression))
    if writer is not None:
        return writer(expression)
    children = ", ".join(expression_text(c) for c in expression.children())
    return f"{type(expression).__name__}({children})"


def list_text(expressions: Iterable[Expression]) -> str:
    """`[a#1, b#2]`, cut after MAX_ITEMS."""
    items = list(expressions)
    shown = [expression_text(e) for e in items[:MAX_ITEMS]]
    if len(items) > MAX_ITEMS:
        shown.append(f"... {len(items) - MAX_ITEMS} more")
    return f"[{', '.join(shown)}]"


def _literal(e: Any) -> str:
    if e.value is None:
        return "null"
    if isinstance(e.type, t.DateType):
        return date_text(e.value)
    return str(e.value).lower() if isinstance(e.value, bool) else str(e.value)


def _call(e: Any) -> str:
    args = [expression_text(a) for a in e.args]
    if e.name in _INFIX and len(args) > 1:
        return f"({f' {e.name.upper()} '.join(args)})"
    if e.name == "in":
        return f"{args[0]} IN ({', '.join(args[1 : MAX_ITEMS + 1])})"
    return f"{e.name}({', '.join(args)})"


def _aggregate(e: Any) -> str:
    args = ", ".join(expression_text(a) for a in e.args)
    where = f" FILTER (WHERE {expression_text(e.where)})" if e.where is not None else ""
    return f"{e.name}({'distinct ' if e.distinct else ''}{args}){where}"


def _case(e: Any) -> str:
    branches = "".join(
        f" WHEN {expression_text(c)} THEN {expression_text(v)}" for c, v in zip(e.conditions, e.values, strict=True)
    )
    otherwise = f" ELSE {expression_text(e.otherwise)}" if e.otherwise is not None else ""
    return f"CASE{branches}{otherwise} END"


def _order(e: Any) -> str:
    nulls = "" if e.nulls_first is None else f" NULLS {'FIRST' if e.nulls_first else 'LAST'}"
    return f"{expression_text(e.child)} {'ASC' if e.ascending else 'DESC'}{nulls}"


def _window(e: Any) -> str:
    parts = []
    if e.partition_by:
        parts.append("PARTITION BY " + ", ".join(expression_text(p) for p in e.partition_by))
    if e.order_by:
        parts.append("ORDER BY " + ", ".join(expression_text(o) for o in e.order_by))
    if e.frame is not None:
        bounds = [b.value if isinstance(b, Bound) else expression_text(b) for b in (e.frame.lower, e.frame.upper)]
        parts.append(f"{e.frame.unit.value} BETWEEN {bounds[0]} AND {bounds[1]}")
    return f"{expression_text(e.function)} OVER ({' '.join(parts)})"


def _named_call(e: Any) -> str:
    """A call by name, as the user wrote it."""
    args = [expression_text(a) for a in e.args]
    name = ".".join(e.name)
    if name.lower() in _INFIX and len(args) == 2:
        return f"({args[0]} {name.upper()} {args[1]})"
    text = f"'{name}({'distinct ' if e.distinct else ''}{', '.join(args)})"
    if e.order_by:
        text += f" WITHIN GROUP (ORDER BY {', '.join(expression_text(o) for o in e.order_by)})"
    return text + (f" FILTER (WHERE {expression_text(e.where)})" if e.where is not None else "")


def _named_alias(e: Any) -> str:
    """Names have no ids before analysis."""
    return f"{expression_text(e.child)} AS {e.name}" + (f"#{e.id}" if e.id else "")


_WRITERS: dict[type[Expression], Callable[[Any], str]] = {
    Literal: _literal,
    Attribute: lambda e: f"{e.name}#{e.id}",
    OuterReference: lambda e: f"outer({e.attribute.name}#{e.attribute.id})",
    Alias: _named_alias,
    Cast: lambda e: f"{e.mode.value}({expression_text(e.child)} as {e.type.name})",
    Call: _call,
    AggregateCall: _aggregate,
    Case: _case,
    SortOrder: _order,
    WindowExpression: _window,
    GetField: lambda e: f"{expression_text(e.child)}.{e.name}",
    Lambda: lambda e: f"lambda({', '.join(v.name for v in e.variables)} -> {expression_text(e.body)})",
    LambdaVariable: lambda e: f"{e.name}#{e.id}",
    UnresolvedAttribute: lambda e: f"'{'.'.join(e.parts)}",
    UnresolvedStar: lambda e: ".".join((*e.target, "*")),
    UnresolvedFunction: _named_call,
    UnresolvedExtract: lambda e: f"{expression_text(e.child)}[{expression_text(e.key)}]",
    UnresolvedLambda: lambda e: f"lambda({', '.join(e.names)} -> {expression_text(e.body)})",
    ScalarSubquery: lambda e: "scalar-subquery",
    Exists: lambda e: "exists-subquery",
    InSubquery: lambda e: f"{list_text(e.values)} IN (subquery)",
}
