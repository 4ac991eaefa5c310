"""The query around a subquery."""

from __future__ import annotations

from headrace_driver.errors import Origin
from headrace_driver.plan.analysis.scope import Relation
from headrace_driver.plan.expressions import (
    Alias,
    Attribute,
    Expression,
    OuterReference,
    new_id,
    transform_up,
)


class Outer:
    """The columns of the query around a subquery, and which of them it turned out to use.

    Only the next query around: Spark lets a subquery refer no further.
    """

    __slots__ = ("relation", "used")

    def __init__(self, relation: Relation) -> None:
        self.relation = relation
        self.used: dict[int, Attribute] = {}

    def resolve(self, parts: tuple[str, ...], origin: Origin) -> Expression | None:
        """What the name means around the subquery, its columns as `OuterReference`s."""
        relation: Relation | None = self.relation
        while relation is not None:
            found = relation.scope.resolve(parts, origin)
            if found is not None:
                return transform_up(found, self._mark)
            relation = relation.grouped.child if relation.grouped else relation.under
        return None

    def frame_column(self, plan_id: int, parts: tuple[str, ...], origin: Origin) -> Expression | None:
        """What `df["name"]` means when `df` is around the subquery."""
        found = frame_candidates(self.relation, plan_id, parts, origin)
        return transform_up(found[0], self._mark) if found else None

    def aggregate(self, call: Expression) -> Expression:
        """An aggregate over the groups around the subquery, as a column of theirs."""
        assert self.relation.grouped is not None
        alias = Alias(call, "_outer_agg", new_id())
        self.relation.grouped.outer_aggregates[alias.id] = alias
        return self._mark(alias.attribute())

    def _mark(self, e: Expression) -> Expression:
        if isinstance(e, Attribute):
            self.used[e.id] = e
            return OuterReference(e)
        return e


def frame_candidates(relation: Relation, plan_id: int, parts: tuple[str, ...], origin: Origin) -> list[Expression]:
    """The columns called `parts` of the DataFrame with that plan id which are still there in `relation`."""
    occurrences = relation.frames.get(plan_id)
    if not occurrences:
        return []
    found: list[Expression] = []
    for columns in occurrences:
        resolved = Relation(relation.plan, columns, case_sensitive=relation.case_sensitive).scope.resolve(parts, origin)
        if resolved is not None:
            found.append(resolved)
    return found
