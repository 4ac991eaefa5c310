"""Expressions the front ends make and analysis replaces."""

from __future__ import annotations

from dataclasses import field

from headrace_driver.errors import NOWHERE, Origin
from headrace_driver.plan.expressions.node import Expression, node


@node
class UnresolvedAttribute(Expression):
    """A name, in parts. `plan_id` (Spark Connect) ties it to the relation `df` of `df["name"]`."""

    parts: tuple[str, ...]
    plan_id: int | None = None
    origin: Origin = field(default=NOWHERE, compare=False)


@node
class UnresolvedStar(Expression):
    """`*`, `t.*`, `struct.*`; `except_names` for `* EXCEPT (a, b)`."""

    target: tuple[str, ...] = ()
    plan_id: int | None = None
    except_names: tuple[tuple[str, ...], ...] = ()
    origin: Origin = field(default=NOWHERE, compare=False)


@node
class UnresolvedRegex(Expression):
    """`df.colRegex("`a.*`")`: all columns whose whole name matches."""

    pattern: str
    plan_id: int | None = None


@node
class UnresolvedFunction(Expression):
    """A call by name: scalar, aggregate, window or generator; only analysis knows which.

    Operators are calls too: + - * / % div, = == <=> <> < <= > >=, and or not, like ilike rlike, in, between, isnull
    isnotnull istrue isfalse, `when` (condition, value, ..., [else]), concat, negative, positive, ~ & | ^.
    """

    CHILDREN = ("args", "where", "order_by")

    name: tuple[str, ...]
    args: tuple[Expression, ...]
    distinct: bool = False
    where: Expression | None = None
    order_by: tuple[Expression, ...] = ()
    """WITHIN GROUP (ORDER BY ...), SortOrder nodes."""
    ignore_nulls: bool = False
    origin: Origin = field(default=NOWHERE, compare=False)


@node
class UnresolvedExtract(Expression):
    """`child[key]` or `child.key`: array element, map value or struct field."""

    CHILDREN = ("child", "key")

    child: Expression
    key: Expression
    origin: Origin = field(default=NOWHERE, compare=False)


@node
class UnresolvedLambda(Expression):
    """`(x, y) -> body`; the names stand in `body` as `UnresolvedAttribute` of one part."""

    CHILDREN = ("body",)

    names: tuple[str, ...]
    body: Expression


@node
class NamedArgument(Expression):
    """`name => value` in a call."""

    CHILDREN = ("value",)

    name: str
    value: Expression


@node
class MultiAlias(Expression):
    """`expression AS (a, b)`: the names of a generator's columns."""

    CHILDREN = ("child",)

    child: Expression
    names: tuple[str, ...]


@node
class UpdateField(Expression):
    """`struct.withField(path, value)`; `value` None drops the field."""

    CHILDREN = ("struct", "value")

    struct: Expression
    path: tuple[str, ...]
    value: Expression | None
