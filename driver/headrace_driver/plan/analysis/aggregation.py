"""One aggregation: its groups and aggregates, HAVING, and what is computed over the groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from headrace_driver.errors import unsupported
from headrace_driver.plan.analysis.expressions import Binder
from headrace_driver.plan.analysis.group_columns import Pieces, over_groups
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.analysis.outer import Outer
from headrace_driver.plan.analysis.rewrite import Column, attribute_of, substitute
from headrace_driver.plan.analysis.scope import Grouped, Relation
from headrace_driver.plan.analysis.select import Generator, SelectList, finish
from headrace_driver.plan.expressions import Alias, Attribute, Call, Expression
from headrace_driver.plan.logical import Aggregate, Filter, LogicalPlan

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.analyzer import Analyzer


def aggregate(
    analyzer: Analyzer,
    child: Relation,
    grouping: tuple[Expression, ...],
    selected: SelectList,
    binder: Binder,
    having: Expression | None,
    outer: Outer | None,
) -> Relation:
    """Aggregate, then HAVING, then what of the select list is computed over groups (windows, generators)."""
    pieces = Pieces(binder, grouping, selected)
    columns = tuple([attribute_of(i) for i in selected.items])
    if selected.is_plain and not binder.windows:
        for item, source in zip(selected.items, selected.sources, strict=True):
            pieces.check(item if isinstance(item, Attribute) else item.child, source)
        plan: LogicalPlan = Aggregate(child.plan, grouping, tuple(selected.items))
        relation = _grouped_relation(plan, columns, child, grouping)
        if having is None:
            return relation
        return filter_groups(analyzer, relation, having, outer, binder)
    items: list[Column] = []
    for item, source in zip(selected.items, selected.sources, strict=True):
        if isinstance(item, Attribute):
            items.append(pieces.decompose(item, source))  # type: ignore[arg-type]
        else:
            items.append(Alias(pieces.decompose(item.child, source), item.name, item.id, item.metadata))
    generators = [
        Generator(_as_call(pieces.decompose(g.call, g.call)), g.outer, g.attributes) for g in selected.generators
    ]
    condition = None
    if having is not None:
        condition = pieces.decompose(
            _bound_having(analyzer, child, columns, grouping, having, outer, binder, items), having
        )
    plan = Aggregate(child.plan, grouping, tuple(pieces.columns))
    if condition is not None:
        plan = Filter(plan, condition)
    whole = SelectList(items, selected.levels, generators, selected.sources)
    return _grouped_relation(finish(plan, whole, binder.windows > 0), columns, child, grouping)


def _as_call(e: Expression) -> Call:
    if not isinstance(e, Call):
        # A key of the groups, which the aggregation would have to generate rows for.
        raise unsupported("a generator to group by", "Generate the rows in a query of their own below.")
    return e


def _grouped_relation(
    plan: LogicalPlan, columns: tuple[Attribute, ...], child: Relation, grouping: tuple[Expression, ...]
) -> Relation:
    found: LogicalPlan = plan
    while not isinstance(found, Aggregate):
        found = found.inputs()[0]
    return Relation(
        plan,
        columns,
        grouped=Grouped(child, grouping, found),
        frames=child.frames,
        case_sensitive=child.case_sensitive,
    )


def _bound_having(
    analyzer: Analyzer,
    child: Relation,
    columns: tuple[Attribute, ...],
    grouping: tuple[Expression, ...],
    having: Expression,
    outer: Outer | None,
    binder: Binder,
    items: Sequence[Column],
) -> Expression:
    """HAVING over the select list's aliases, written out."""
    over = Relation(child.plan, columns, frames=child.frames, case_sensitive=child.case_sensitive)
    over.grouped = Grouped(child, grouping, Aggregate(child.plan, grouping, ()))
    inner = Binder(analyzer, over, outer, beneath=True, inside_aggregates=child)
    inner.grouping_call = binder.grouping_call
    condition = inner.bind_predicate(having, "having")
    by_id = {i.id: i.child for i in items if isinstance(i, Alias)}
    return substitute(condition, lambda e: by_id.get(e.id) if isinstance(e, Attribute) else None)


def filter_groups(
    analyzer: Analyzer, relation: Relation, having: Expression, outer: Outer | None, binder: Binder | None = None
) -> Relation:
    """HAVING (or a filter) over an aggregation: it may use aggregates and grouping columns not selected."""
    assert relation.grouped is not None
    inner = Binder(analyzer, relation, outer, beneath=True, inside_aggregates=relation.grouped.child)
    inner.grouping_call = binder.grouping_call if binder is not None else relation.grouped.grouping_call
    condition = inner.bind_predicate(having, "having")
    if inner.windows:
        raise error("WINDOW_FUNCTION_NOT_ALLOWED_IN_CLAUSE", clauseName="HAVING")
    plan, (condition,) = over_groups(relation, (condition,), inner, (having,))
    return relation.on(Filter(plan, condition))
