"""GROUP BY and HAVING."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from headrace_driver.errors import Origin, unsupported
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.expressions import Binder
from headrace_driver.plan.analysis.group_columns import Pieces, over_groups, walk_written
from headrace_driver.plan.analysis.grouping_sets import GroupingCalls, aggregate_sets, grouping_sets
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.analysis.naming import Namer
from headrace_driver.plan.analysis.outer import Outer
from headrace_driver.plan.analysis.rewrite import Column, attribute_of, references, substitute
from headrace_driver.plan.analysis.scope import Grouped, Relation
from headrace_driver.plan.analysis.select import (
    Generator,
    SelectList,
    add_time_window,
    bind_list,
    finish,
    literal_ordinal,
)
from headrace_driver.plan.expressions import (
    AggregateCall,
    Alias,
    Attribute,
    Call,
    Expression,
    Literal,
    UnresolvedAttribute,
    UnresolvedFunction,
    WindowExpression,
)
from headrace_driver.plan.logical import Aggregate, Filter, GroupingAnalytics, LogicalPlan

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.analyzer import Analyzer


def grouping_analytics(analyzer: Analyzer, node: GroupingAnalytics, outer: Outer | None) -> Relation:
    """An aggregation as written."""
    if node.kind == "pivot":
        from headrace_driver.plan.analysis.pivot import pivot

        return pivot(analyzer, node, outer)
    child = analyzer.resolve(node.child, outer)
    binder = Binder(analyzer, child, outer)
    written, sets = grouping_sets(node)
    if _is_all(written):
        return _group_by_all(analyzer, node, child, binder, outer)
    calls = GroupingCalls(binder)
    if sets is not None:
        binder.grouping_call = calls.bind
    else:
        binder.grouping_call = _refuse_grouping
    bound_first = _bind_grouping(binder, written, node.aggregates)
    columns = node.aggregates
    if node.prepend_grouping:
        columns = (*written, *columns)
    selected = bind_list(binder, columns)
    grouping = tuple(
        [_resolved_grouping(binder, e, g, selected, columns) for e, g in zip(written, bound_first, strict=True)]
    )
    for e, g in zip(written, grouping, strict=True):
        _check_grouping(binder, e, g)
    add_time_window(child, binder)
    if sets is None:
        return aggregate(analyzer, child, grouping, selected, binder, node.having, outer)
    return aggregate_sets(analyzer, child, grouping, sets, calls, selected, binder, node.having, outer)


def _is_all(written: Sequence[Expression]) -> bool:
    return (
        len(written) == 1
        and isinstance(written[0], UnresolvedFunction)
        and written[0].name == ("all",)
        and not written[0].args
    )


def _refuse_grouping(e: UnresolvedFunction) -> Expression:
    raise error("UNSUPPORTED_GROUPING_EXPRESSION", e.origin)


def _bind_grouping(
    binder: Binder, written: Sequence[Expression], columns: Sequence[Expression]
) -> list[Expression | None]:
    """Grouping expressions over the input; None for ordinals and for names of select list aliases."""
    bound: list[Expression | None] = []
    for e in written:
        if literal_ordinal(e) is not None and binder.analyzer.flag("spark.sql.groupByOrdinal"):
            bound.append(None)
        elif isinstance(e, Alias):
            bound.append(binder.bind(e.child))
        elif isinstance(e, UnresolvedAttribute) and e.plan_id is None and _is_alias(binder, e, columns):
            bound.append(None)
        else:
            bound.append(binder.bind(e))
    binder.aggregates = 0
    return bound


def _is_alias(binder: Binder, e: UnresolvedAttribute, columns: Sequence[Expression]) -> bool:
    """Whether a name means an alias of the select list: only when the input has no such column."""
    if len(e.parts) != 1 or not binder.analyzer.flag("spark.sql.groupByAliases"):
        return False
    scope = binder.relation.scope
    if not any(isinstance(c, Alias) and scope.same(c.name, e.parts[0]) for c in columns):
        return False
    return scope.resolve(e.parts, e.origin) is None


def _resolved_grouping(
    binder: Binder, e: Expression, bound: Expression | None, selected: SelectList, columns: Sequence[Expression]
) -> Expression:
    if bound is not None:
        return bound
    ordinal = literal_ordinal(e)
    if ordinal is not None:
        return _at_ordinal(binder, ordinal, selected, "GROUP_BY")
    assert isinstance(e, UnresolvedAttribute)
    same = binder.relation.scope.same
    for item in selected.items:
        if isinstance(item, Alias) and same(item.name, e.parts[0]):
            return item.child
    raise binder.not_found(e)


def _at_ordinal(binder: Binder, ordinal: int, selected: SelectList, clause: str) -> Expression:
    if not 1 <= ordinal <= len(selected.items):
        raise error(f"{clause}_POS_OUT_OF_RANGE", index=str(ordinal), size=str(len(selected.items)))
    item = selected.items[ordinal - 1]
    if isinstance(item, Attribute):
        return item
    if _has_aggregate(item.child):
        text = Namer(binder.peek, qualified=True).text(selected.sources[ordinal - 1])
        if " AS " not in text:
            text = f"{text} AS `{item.name}`"
        raise error("GROUP_BY_POS_AGGREGATE", index=str(ordinal), aggExpr=text)
    return item.child


def _has_aggregate(e: Expression) -> bool:
    if isinstance(e, AggregateCall):
        return True
    if isinstance(e, WindowExpression):
        return any(_has_aggregate(c) for c in (*e.function.children(), *e.partition_by, *e.order_by))
    return any(_has_aggregate(c) for c in e.children())


def _check_grouping(binder: Binder, written: Expression, bound: Expression) -> None:
    if _has_aggregate(bound):
        origin = written.origin if isinstance(written, UnresolvedFunction) else Origin()
        text = binder.namer(qualified=True).text(written)
        raise error("GROUP_BY_AGGREGATE", origin, sqlExpr=text)
    if isinstance(bound, WindowExpression) or any(isinstance(n, WindowExpression) for n in walk_written(bound)):
        raise error("UNSUPPORTED_EXPR_FOR_OPERATOR", invalidExprSqls=binder.quoted(written))
    if isinstance(bound.dtype, t.VariantType | t.CalendarIntervalType):
        raise error(
            "GROUP_EXPRESSION_TYPE_IS_NOT_ORDERABLE",
            sqlExpr=binder.quoted(written),
            dataType=f'"{bound.dtype.sql}"',
        )


def _group_by_all(
    analyzer: Analyzer, node: GroupingAnalytics, child: Relation, binder: Binder, outer: Outer | None
) -> Relation:
    """GROUP BY ALL: by every item without an aggregate, and by the columns outside aggregates in the others."""
    selected = bind_list(binder, node.aggregates)
    grouping: list[Expression] = []
    for item in selected.items:
        inner = item if isinstance(item, Attribute) else item.child
        if not _has_aggregate(inner) and not isinstance(inner, Literal):
            grouping.append(inner)
    unresolved = references(
        _without_aggregates(i.child) for i in selected.items if isinstance(i, Alias) and _has_aggregate(i.child)
    )
    known = set(grouping)
    for attribute in unresolved.values():
        if attribute not in known and attribute.id >= 0:
            raise error("UNRESOLVED_ALL_IN_GROUP_BY")
    return aggregate(analyzer, child, tuple(grouping), selected, binder, node.having, outer)


def _without_aggregates(e: Expression) -> Expression:
    return substitute(e, lambda n: Literal(None, n.dtype) if isinstance(n, AggregateCall) else None)


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
