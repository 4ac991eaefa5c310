"""Resolved relations and the names they offer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from headrace_driver.errors import NOWHERE, Origin
from headrace_driver.plan.analysis.fields import extract_field
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.analysis.suggestions import quoted
from headrace_driver.plan.expressions import Alias, Attribute, Expression, UnresolvedFunction
from headrace_driver.plan.logical import Aggregate, LogicalPlan, Project


class Scope:
    """Columns by name. `hidden` ones (the other side's keys of a USING join) answer to qualified names only."""

    __slots__ = ("_by_name", "_case_sensitive", "columns", "hidden")

    def __init__(
        self, columns: tuple[Attribute, ...], hidden: tuple[Attribute, ...] = (), *, case_sensitive: bool = False
    ) -> None:
        self.columns = columns
        self.hidden = hidden
        self._case_sensitive = case_sensitive
        self._by_name: dict[str, list[Attribute]] | None = None

    def _index(self) -> dict[str, list[Attribute]]:
        index: dict[str, list[Attribute]] = {}
        for column in (*self.columns, *self.hidden):
            index.setdefault(self.fold(column.name), []).append(column)
        self._by_name = index
        return index

    def fold(self, name: str) -> str:
        """The form under which two spellings of a name are one."""
        return name if self._case_sensitive else name.lower()

    def same(self, a: str, b: str) -> bool:
        return a == b or (not self._case_sensitive and a.lower() == b.lower())

    def named(self, name: str) -> list[Attribute]:
        """All visible columns of that name."""
        index = self._by_name if self._by_name is not None else self._index()
        found = index.get(self.fold(name), [])
        return [a for a in found if a not in self.hidden] if self.hidden and found else found

    def resolve(self, parts: tuple[str, ...], origin: Origin = NOWHERE) -> Expression | None:
        """The column (or a field inside one) that a name means; None when there is none.

        The longest qualifier that fits wins; what is left of the name goes into structs.
        """
        index = self._by_name if self._by_name is not None else self._index()
        if len(parts) == 1:
            found = index.get(self.fold(parts[0]))
            if not found:
                return None
            return _renamed(self._only(self._visible(found), parts, origin), parts[0])
        for length in range(min(3, len(parts) - 1), 0, -1):
            found = index.get(self.fold(parts[length]))
            if not found:
                continue
            qualified = [a for a in found if self.is_qualified(a, parts[:length])]
            if qualified:
                if len(qualified) > 1 and self.hidden:
                    qualified = self._visible(qualified) or qualified
                return self._inside(self._only(qualified, parts, origin), parts[length:], origin)
        found = self._visible(index.get(self.fold(parts[0]), []))
        return self._inside(self._only(found, parts, origin), parts, origin) if found else None

    def is_qualified(self, column: Attribute, qualifier: tuple[str, ...]) -> bool:
        """Whether `qualifier` names the relation of a column, from the right."""
        own = column.qualifier
        if len(own) < len(qualifier):
            return False
        return all(self.same(a, b) for a, b in zip(own[-len(qualifier) :], qualifier, strict=True))

    def _visible(self, found: list[Attribute]) -> list[Attribute]:
        return [a for a in found if a not in self.hidden] if self.hidden else found

    def _only(self, found: list[Attribute], parts: tuple[str, ...], origin: Origin) -> Attribute | None:
        if len(found) > 1:
            distinct = {a.id: a for a in found}
            if len(distinct) > 1:
                names = ", ".join(quoted((*a.qualifier, a.name)) for a in found)
                raise error("AMBIGUOUS_REFERENCE", origin, name=quoted(parts), referenceNames=f"[{names}]")
        return found[0] if found else None

    def _inside(self, column: Attribute | None, parts: tuple[str, ...], origin: Origin) -> Expression | None:
        if column is None:
            return None
        result: Expression = _renamed(column, parts[0]) or column
        for depth, part in enumerate(parts[1:], 1):
            inner = extract_field(result, part, self, origin, ".".join(parts[:depth]))
            if inner is None:
                return None
            result = inner
        return result


def _renamed(column: Attribute | None, name: str) -> Attribute | None:
    """The column spelled as the user spelled it: that is how Spark names it from there on."""
    if column is None or column.name == name:
        return column
    return Attribute(name, column.type, column.null, column.id, column.qualifier, column.metadata)


@dataclass(slots=True, eq=False)
class Grouped:
    """What ORDER BY and HAVING over an aggregation may refer to besides its columns."""

    child: Relation
    grouping: tuple[Expression, ...]
    aggregate: Aggregate
    outer_aggregates: dict[int, Alias] = field(default_factory=dict)
    """Aggregates of this operator that stand in its subqueries, by the id of the column that carries them in."""
    grouping_call: Callable[[UnresolvedFunction], Expression] | None = None
    """Binds grouping() and grouping_id() over grouping sets."""


@dataclass(slots=True, eq=False)
class Relation:
    """A resolved plan with the names it offers.

    The plan's output may hold more columns than `columns` and in another order; `exact` makes them the same.
    `under` is the relation beneath a select list, where ORDER BY and WHERE above it find columns that it dropped.
    `frames` are the columns of the DataFrames inside, by plan id.
    """

    plan: LogicalPlan
    columns: tuple[Attribute, ...]
    hidden: tuple[Attribute, ...] = ()
    under: Relation | None = None
    grouped: Grouped | None = None
    frames: dict[int, tuple[tuple[Attribute, ...], ...]] = field(default_factory=dict)
    case_sensitive: bool = False
    hint: str | None = None
    """The join strategy a hint asks for when this is one side of a join."""
    _scope: Scope | None = None

    @property
    def scope(self) -> Scope:
        if self._scope is None:
            self._scope = Scope(self.columns, self.hidden, case_sensitive=self.case_sensitive)
        return self._scope

    def exact(self) -> LogicalPlan:
        """The plan with just `columns` as its output."""
        plan, columns = self.plan, self.columns
        output = plan.output
        if len(output) == len(columns) and all(
            a.id == b.id and a.name == b.name for a, b in zip(output, columns, strict=True)
        ):
            return plan
        if isinstance(plan, Project) and len(output) == len(columns):
            by_id = {c.id: c for c in plan.columns}
            if len(by_id) == len(columns) and all(
                c.id in by_id and (isinstance(by_id[c.id], Attribute) or by_id[c.id].name == c.name) for c in columns
            ):
                own = [by_id[c.id] for c in columns]
                return Project(
                    plan.child, tuple(c if isinstance(o, Attribute) else o for c, o in zip(columns, own, strict=True))
                )
        return Project(plan, columns)

    def on(self, plan: LogicalPlan) -> Relation:
        """The same names over a plan that passes this one's columns through."""
        return Relation(
            plan,
            self.columns,
            self.hidden,
            self.under,
            self.grouped,
            self.frames,
            self.case_sensitive,
            self.hint,
            self._scope,
        )

    def forget_names(self) -> None:
        """To be called when `columns` or `hidden` change."""
        self._scope = None
