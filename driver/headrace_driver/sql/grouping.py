"""GROUP BY: plain, ROLLUP, CUBE, GROUPING SETS and their mixtures, as the list of grouping sets they stand for."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from headrace_driver.errors import SparkError
from headrace_driver.plan import expressions as e
from headrace_driver.sql.failures import parse_error
from headrace_driver.sql.relations import RelationParser

Sets = tuple[tuple[e.Expression, ...], ...]

MAX_SETS = 4_096
"""Every input row is repeated once a grouping set, so more than this could not be run."""


class Grouping:
    """A GROUP BY clause: `kind` as in `logical.GroupingAnalytics`."""

    __slots__ = ("expressions", "kind", "sets")

    def __init__(self, kind: str, expressions: tuple[e.Expression, ...], sets: Sets = ()) -> None:
        self.kind = kind
        self.expressions = expressions
        self.sets = sets


class GroupingParser(RelationParser):
    """The grammar of GROUP BY."""

    def grouping(self) -> Grouping:
        """What follows GROUP BY."""
        start = self.i
        if self.kinds[self.i] == "ALL" and self._clause_ends(self.i + 1):
            self.i += 1
            return Grouping("groupby", (self.call("all", (), start),))
        items = self.many(self._item)
        if self.kinds[self.i] == "WITH" and self.kinds[self.i + 1] in ("ROLLUP", "CUBE"):
            kind = self.kinds[self.i + 1].lower()
            self.i += 2
            return Grouping(kind, tuple(self._plain(items, start)))
        if self.kinds[self.i] == "GROUPING" and self.kinds[self.i + 1] == "SETS":
            plain = self._plain(items, start)
            self.i += 2
            sets = self._parenthesized(self._grouping_set)
            return Grouping("grouping_sets", _distinct([*plain, *(x for group in sets for x in group)]), tuple(sets))
        if len(items) == 1 and items[0][0] != "sets":
            kind, groups = items[0]
            if kind in ("rollup", "cube") and all(len(group) == 1 for group in groups):
                return Grouping(kind, tuple(group[0] for group in groups))
        if all(kind == "plain" for kind, _ in items):
            return Grouping("groupby", tuple(groups[0][0] for _, groups in items))
        return self._mixture(items, start)

    def _clause_ends(self, index: int) -> bool:
        return self.kinds[index] in ("", ")", ";", "HAVING", "ORDER", "SORT", "CLUSTER", "DISTRIBUTE", "WINDOW") or (
            self.kinds[index] in ("LIMIT", "OFFSET", "QUALIFY", "UNION", "EXCEPT", "MINUS", "INTERSECT", "|>")
        )

    def _plain(self, items: list[tuple[str, Sets]], start: int) -> list[e.Expression]:
        if any(kind != "plain" for kind, _ in items):
            raise self._too_many_sets(start)
        return [groups[0][0] for _, groups in items]

    def _item(self) -> tuple[str, Sets]:
        """One item: ("plain", ((expression,),)), ("rollup", groups), ("cube", groups) or ("sets", sets)."""
        kind, following = self.kinds[self.i], self.kinds[self.i + 1]
        if kind in ("ROLLUP", "CUBE") and following == "(":
            self.i += 1
            return kind.lower(), tuple(self._parenthesized(self._grouping_set))
        if kind == "GROUPING" and following == "SETS":
            self.i += 2
            nested = self._parenthesized(self._element)
            return "sets", tuple(group for element in nested for group in element)
        return "plain", ((self.expression(),),)

    def _element(self) -> Sets:
        """One element of GROUPING SETS (...): a set, or a nested analytic clause standing for several."""
        start = self.i
        kind, following = self.kinds[self.i], self.kinds[self.i + 1]
        if (kind in ("ROLLUP", "CUBE") and following == "(") or (kind == "GROUPING" and following == "SETS"):
            return self._expanded(*self._item(), start)
        return (self._grouping_set(),)

    def _grouping_set(self) -> tuple[e.Expression, ...]:
        """`(a, b)`, `()` or `a`"""
        if self.kinds[self.i] == "(" and self._is_whole_group():
            self.i += 1
            if self.accept(")"):
                return ()
            self.deeper()
            items = tuple(self.many(self.expression))
            self.depth -= 1
            self.expect(")")
            return items
        return (self.expression(),)

    def _is_whole_group(self) -> bool:
        return self.kinds[self.closed_by(self.i) + 1] in (",", ")") and not self.query_starts(self.i + 1)

    def _parenthesized(self, item: Callable[[], tuple[object, ...]]) -> list[tuple]:  # type: ignore[type-arg]
        self.expect("(")
        self.deeper()
        items = self.many(item)
        self.depth -= 1
        self.expect(")")
        return items

    def _expanded(self, kind: str, groups: Sets, start: int) -> Sets:
        """The grouping sets an item stands for."""
        if kind == "rollup":
            return tuple(tuple(x for group in groups[:count] for x in group) for count in range(len(groups), -1, -1))
        if kind == "cube":
            if 1 << len(groups) > MAX_SETS:
                raise self._too_many_sets(start)
            choices = product((True, False), repeat=len(groups))
            return tuple(
                tuple(x for group, chosen in zip(groups, choice, strict=True) if chosen for x in group)
                for choice in choices
            )
        return groups

    def _mixture(self, items: list[tuple[str, Sets]], start: int) -> Grouping:
        """Several items: every combination of one set of each, put together."""
        combined: Sets = ((),)
        for kind, groups in items:
            sets = self._expanded(kind, groups, start)
            if len(combined) * len(sets) > MAX_SETS:
                raise self._too_many_sets(start)
            combined = tuple(_distinct([*left, *right]) for left in combined for right in sets)
        grouping = _distinct([x for _, groups in items for group in groups for x in group])
        return Grouping("grouping_sets", grouping, combined)

    def _too_many_sets(self, start: int) -> SparkError:
        return parse_error(
            "GROUPING_SIZE_LIMIT_EXCEEDED",
            f"Grouping sets size cannot be greater than {MAX_SETS}.",
            {"maxSize": str(MAX_SETS)},
            "54000",
            self.origin(start),
        )


def _distinct(expressions: list[e.Expression]) -> tuple[e.Expression, ...]:
    return tuple(dict.fromkeys(expressions))
