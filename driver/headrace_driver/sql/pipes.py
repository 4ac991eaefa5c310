"""Pipe syntax: `FROM t |> WHERE x > 1 |> AGGREGATE count(*) GROUP BY y |> ORDER BY y`."""

from __future__ import annotations

from headrace_driver.errors import unsupported
from headrace_driver.plan import expressions as e
from headrace_driver.plan import logical as p
from headrace_driver.sql.queries import QueryParser

_ORGANIZING = ("ORDER", "CLUSTER", "DISTRIBUTE", "SORT", "LIMIT", "OFFSET")
_SET_OPERATORS = {
    "UNION": p.SetKind.UNION,
    "EXCEPT": p.SetKind.EXCEPT,
    "MINUS": p.SetKind.EXCEPT,
    "INTERSECT": p.SetKind.INTERSECT,
}
_JOINING = ("JOIN", "NATURAL", "INNER", "CROSS", "LEFT", "RIGHT", "FULL", "SEMI", "ANTI")


class PipeParser(QueryParser):
    """The grammar of what follows `|>`."""

    def pipe(self, plan: p.LogicalPlan) -> p.LogicalPlan:
        kind = self.kinds[self.i]
        if kind == "WHERE":
            self.i += 1
            return p.Filter(plan, self.expression())
        if kind == "SELECT":
            self.i += 1
            return self.select(plan)
        if kind == "EXTEND":
            self.i += 1
            return p.UnresolvedProject(plan, (e.UnresolvedStar(), *self.many(self.named_expression)))
        if kind == "SET":
            self.i += 1
            return p.WithColumns(plan, tuple(self.many(self._assignment)))
        if kind == "DROP":
            self.i += 1
            return p.DropColumns(plan, (), tuple(self.many(self.name)))
        if kind == "AS":
            self.i += 1
            return p.SubqueryAlias(plan, self.name())
        if kind == "AGGREGATE":
            self.i += 1
            return self._aggregate(plan)
        if kind in _JOINING:
            return self.join(plan)
        if kind in _SET_OPERATORS:
            self.i += 1
            keep_all = self._quantifier()
            return p.UnresolvedSetOperation(plan, self.query_primary(), _SET_OPERATORS[kind], keep_all)
        if kind == "PIVOT":
            return self.pivot(plan)
        if kind == "UNPIVOT":
            return self.unpivot(plan)
        if kind == "TABLESAMPLE":
            return self.sample(plan)
        if kind == "LATERAL":
            return self.lateral_views(plan)
        if kind in _ORGANIZING:
            return self.organized(plan, len(self.windows_wanted))
        if self.is_name[self.i]:
            raise unsupported(f"the pipe operator |> {kind}")
        raise self.failure()

    def _assignment(self) -> e.Alias:
        name = self.name()
        self.expect("=")
        return e.Alias(self.expression(), name)

    def _aggregate(self, plan: p.LogicalPlan) -> p.LogicalPlan:
        """The grouping columns come first in the result, then the aggregates."""
        aggregates: tuple[e.Expression, ...] = ()
        if not (self.kinds[self.i] == "GROUP" and self.kinds[self.i + 1] == "BY"):
            aggregates = tuple(self.many(self.named_expression))
        if not self.accept_all("GROUP", "BY"):
            return p.GroupingAnalytics(plan, "groupby", (), aggregates)
        keys = tuple(self.many(self.named_expression))
        return p.GroupingAnalytics(plan, "groupby", keys, aggregates, prepend_grouping=True)
