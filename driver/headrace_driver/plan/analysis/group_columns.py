"""Expressions over groups: what an aggregation must yield for them."""

from __future__ import annotations

from headrace_driver.plan.analysis.expressions import Binder
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.analysis.rewrite import Column, substitute, widen
from headrace_driver.plan.analysis.scope import Relation
from headrace_driver.plan.analysis.select import SelectList
from headrace_driver.plan.expressions import (
    AggregateCall,
    Alias,
    Attribute,
    Exists,
    Expression,
    InSubquery,
    ScalarSubquery,
    UnresolvedAttribute,
    WindowExpression,
    new_id,
    replace,
)
from headrace_driver.plan.logical import LogicalPlan


def over_groups(
    relation: Relation, expressions: tuple[Expression, ...], binder: Binder, sources: tuple[Expression, ...]
) -> tuple[LogicalPlan, tuple[Expression, ...]]:
    """Expressions over an aggregation's input, groups and columns, as expressions over its output, which is widened
    by the aggregates and grouping columns it does not yield yet."""
    grouped = relation.grouped
    assert grouped is not None
    visible = {a.id for a in relation.columns}
    output = {a.id for a in relation.plan.output}
    known: dict[Expression, Attribute] = {}
    for column in grouped.aggregate.columns:
        if isinstance(column, Alias):
            known.setdefault(column.child, column.attribute())
    group_set = set(grouped.grouping)
    added: list[Column] = []

    def change(e: Expression) -> Expression | None:
        if isinstance(e, Attribute) and (e.id in visible or (e.id in output and e not in group_set)):
            return e
        found = known.get(e)
        if found is not None:
            if found.id not in output:
                added.append(found)
            return found
        if isinstance(e, AggregateCall):
            alias = Alias(e, "_agg", new_id())
            added.append(alias)
            known[e] = alias.attribute()
            return alias.attribute()
        if e in group_set:
            if isinstance(e, Attribute):
                added.append(e)
                return e
            alias = Alias(e, "_group", new_id())
            added.append(alias)
            known[e] = alias.attribute()
            return alias.attribute()
        if isinstance(e, Attribute):
            raise _not_grouped(binder, e, sources, grouped.grouping)
        if isinstance(e, ScalarSubquery | Exists | InSubquery):
            for a in e.outer:
                if a.id in output:
                    continue
                if a.id not in grouped.outer_aggregates and a not in group_set:
                    raise missing_aggregation(a.name, bool(group_set))
                added.append(grouped.outer_aggregates.get(a.id, a))
        return None

    rewritten = tuple([substitute(e, change) for e in expressions])
    plan = relation.plan
    if added:
        wider = widen(plan, added)
        if wider is None:
            raise AssertionError("an aggregation that cannot be widened is not marked as grouped")
        plan = wider
    return plan, rewritten


def _not_grouped(
    binder: Binder, e: Attribute, sources: tuple[Expression, ...], grouping: tuple[Expression, ...]
) -> Exception:
    """A name that only the input has: for Spark not to be found here at all."""
    for source in sources:
        for node in walk_written(source):
            if isinstance(node, UnresolvedAttribute) and node.parts[-1].lower() == e.name.lower():
                return binder.not_found(node)
    return missing_aggregation(e.name, bool(grouping))


def walk_written(e: Expression) -> list[Expression]:
    """An expression as written and all in it."""
    found = [e]
    for child in e.children():
        found.extend(walk_written(child))
    return found


def missing_aggregation(text: str, has_grouping: bool) -> Exception:
    """The error for a column that is neither grouped by nor in an aggregate."""
    if not has_grouping:
        return error("MISSING_GROUP_BY")
    return error("MISSING_AGGREGATION", expression=f'"{text}"', expressionAnyValue=f'"any_value({text})"')


class Pieces:
    """What an aggregation must yield for a select list: its aggregates and grouping expressions, each once."""

    def __init__(self, binder: Binder, grouping: tuple[Expression, ...], selected: SelectList) -> None:
        self.columns: list[Column] = []
        self._binder = binder
        self._grouping = set(grouping)
        self._known: dict[Expression, Attribute] = {}
        self._above = {a.id for g in selected.generators for a in g.attributes}
        self._above.update(i.id for i in selected.items if isinstance(i, Alias))

    def check(self, e: Expression, source: Expression) -> None:
        """That an item is made of aggregates, grouping expressions and constants."""
        if isinstance(e, AggregateCall) or e in self._grouping:
            return
        if isinstance(e, Attribute):
            raise missing_aggregation(e.name, bool(self._grouping))
        if isinstance(e, ScalarSubquery) and e.outer:
            raise self._correlated(source)
        if e.CHILDREN:
            for child in e.children():
                self.check(child, source)

    def _correlated(self, source: Expression) -> Exception:
        body = source.child if isinstance(source, Alias) else source
        return error("SCALAR_SUBQUERY_IS_IN_GROUP_BY_OR_AGGREGATE_FUNCTION", sqlExpr=self._binder.quoted(body))

    def decompose(self, e: Expression, source: Expression) -> Expression:
        """`e` over the columns of the aggregation, which gets those that `e` needs."""
        if isinstance(e, WindowExpression):
            function = e.function.map_children(lambda c: self.decompose(c, source))
            return replace(
                e,
                function=function,
                partition_by=tuple(self.decompose(p, source) for p in e.partition_by),
                order_by=tuple(self.decompose(o, source) for o in e.order_by),
            )
        known = self._known.get(e)
        if known is not None:
            return known
        if isinstance(e, AggregateCall) or (e in self._grouping and not isinstance(e, Attribute)):
            alias = Alias(e, "_agg" if isinstance(e, AggregateCall) else "_group", new_id())
            self.columns.append(alias)
            self._known[e] = alias.attribute()
            return alias.attribute()
        if isinstance(e, Attribute):
            if e in self._grouping:
                self.columns.append(e)
                self._known[e] = e
            elif e.id not in self._above:
                raise missing_aggregation(e.name, bool(self._grouping))
            return e
        if isinstance(e, ScalarSubquery | Exists | InSubquery):
            for a in e.outer:
                self.decompose(a, source)
        return e.map_children(lambda c: self.decompose(c, source)) if e.CHILDREN else e
