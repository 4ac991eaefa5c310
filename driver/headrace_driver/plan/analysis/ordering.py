"""Operators that pass rows through: WHERE, ORDER BY, LIMIT, repartitioning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.aggregation import filter_groups
from headrace_driver.plan.analysis.constants import constant, is_constant
from headrace_driver.plan.analysis.expressions import Binder
from headrace_driver.plan.analysis.group_columns import over_groups
from headrace_driver.plan.analysis.joins import aggregates_in
from headrace_driver.plan.analysis.messages import error, requirement
from headrace_driver.plan.analysis.outer import Outer
from headrace_driver.plan.analysis.partitions import check_partitions
from headrace_driver.plan.analysis.rewrite import references, widen
from headrace_driver.plan.analysis.scope import Relation
from headrace_driver.plan.analysis.select import literal_ordinal
from headrace_driver.plan.expressions import (
    Attribute,
    Expression,
    Literal,
    SortOrder,
    UnresolvedAttribute,
    WindowExpression,
)
from headrace_driver.plan.logical import LogicalPlan

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.analyzer import Analyzer


def filter_rows(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """WHERE and `df.filter`."""
    assert isinstance(node, p.Filter)
    child = analyzer.resolve(node.child, outer)
    if child.grouped is not None:
        return filter_groups(analyzer, child, node.condition, outer)
    binder = Binder(analyzer, child, outer, beneath=child.under is not None)
    condition = binder.bind_predicate(node.condition, "filter")
    _check_where(binder, node.condition)
    return child.on(p.Filter(_widened(child, binder, (condition,), (node.condition,)), condition))


def _check_where(binder: Binder, source: Expression) -> None:
    if binder.windows:
        raise error("WINDOW_FUNCTION_NOT_ALLOWED_IN_CLAUSE", clauseName="WHERE")
    if binder.generators:
        text = binder.namer().text(source)
        raise error("UNSUPPORTED_GENERATOR.OUTSIDE_SELECT", plan=f"'Filter {text}")
    if binder.aggregates:
        namer = binder.namer(qualified=True)
        found = ", ".join(namer.text(e) for e in aggregates_in(source, binder))
        raise error("INVALID_WHERE_CONDITION", condition=binder.quoted(source), expressionList=found)


def _widened(
    child: Relation, binder: Binder, bound: tuple[Expression, ...], sources: tuple[Expression, ...]
) -> LogicalPlan:
    """The child's plan with the columns that the expressions took from beneath its select list."""
    if child.under is None:
        return child.plan
    output = {a.id for a in child.plan.output}
    missing = [a for a in references(bound).values() if a.id not in output]
    if not missing:
        return child.plan
    plan = widen(child.plan, missing)
    if plan is None:
        for source in sources:
            name = _name_of(source, missing[0])
            if name is not None:
                raise binder.not_found(name)
        raise binder.not_found(UnresolvedAttribute((missing[0].name,)))
    return plan


def _name_of(source: Expression, column: Attribute) -> UnresolvedAttribute | None:
    if isinstance(source, UnresolvedAttribute):
        return source if source.parts[-1].lower() == column.name.lower() else None
    for child in source.children():
        found = _name_of(child, column)
        if found is not None:
            return found
    return None


def sort(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """ORDER BY, SORT BY: by columns, by what lies beneath the select list, by position, by aggregates."""
    assert isinstance(node, p.Sort)
    child = analyzer.resolve(node.child, outer)
    inside = child.grouped.child if child.grouped is not None else None
    binder = Binder(
        analyzer, child, outer, beneath=child.under is not None or inside is not None, inside_aggregates=inside
    )
    binder.lenient = child.under is not None or child.grouped is not None
    if child.grouped is not None:
        binder.grouping_call = child.grouped.grouping_call
    orders: list[SortOrder] = []
    for order in _written(analyzer, node, child):
        bound = binder.bind(order)
        assert isinstance(bound, SortOrder)
        orders.append(bound)
    sources = tuple(o.child for o in node.order)
    if child.grouped is not None:
        plan, keys = over_groups(child, tuple(o.child for o in orders), binder, sources)
        final = tuple([SortOrder(k, o.ascending, o.nulls_first) for k, o in zip(keys, orders, strict=True)])
    else:
        _check_order(binder, sources)
        final = tuple(orders)
        plan = _widened(child, binder, final, sources)
    return child.on(p.Sort(plan, final, node.is_global))


def _check_order(binder: Binder, sources: tuple[Expression, ...]) -> None:
    if binder.aggregates:
        found = [e for s in sources for e in aggregates_in(s, binder)]
        raise error("UNSUPPORTED_EXPR_FOR_OPERATOR", invalidExprSqls=", ".join(binder.quoted(e) for e in found))
    if binder.windows:
        found = [s for s in sources if isinstance(s, WindowExpression)] or list(sources)
        raise error("UNSUPPORTED_EXPR_FOR_OPERATOR", invalidExprSqls=", ".join(binder.quoted(e) for e in found))


def _written(analyzer: Analyzer, node: p.Sort, child: Relation) -> list[SortOrder]:
    """The keys as written, positions and ALL replaced by columns."""
    orders: list[SortOrder] = []
    for order in node.order:
        key = order.child
        ordinal = literal_ordinal(key)
        if ordinal is not None and analyzer.flag("spark.sql.orderByOrdinal"):
            if not 1 <= ordinal <= len(child.columns):
                raise error("ORDER_BY_POS_OUT_OF_RANGE", index=str(ordinal), size=str(len(child.columns)))
            orders.append(SortOrder(child.columns[ordinal - 1], order.ascending, order.nulls_first))
        elif len(node.order) == 1 and _is_all(key) and not child.scope.named("all"):
            orders.extend(SortOrder(c, order.ascending, order.nulls_first) for c in child.columns)
        else:
            orders.append(order)
    return orders


def _is_all(e: Expression) -> bool:
    """ORDER BY ALL, which a column called `all` takes precedence over."""
    return isinstance(e, UnresolvedAttribute) and len(e.parts) == 1 and e.parts[0].lower() == "all"


def limit(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """`LIMIT count OFFSET offset`, both constants."""
    assert isinstance(node, p.Limit)
    child = analyzer.resolve(node.child, outer)
    binder = Binder(analyzer, child, outer)
    count = _limit_value(binder, node.count, "limit")
    offset = _limit_value(binder, node.offset, "offset")
    return child.on(p.Limit(child.plan, count, offset))


def _limit_value(binder: Binder, e: Expression | None, name: str) -> Expression | None:
    """The number in LIMIT or OFFSET, which may be any constant expression."""
    if e is None:
        return None
    bound = binder.bind(e)
    text = binder.quoted(e)
    if not is_constant(bound):
        raise error("INVALID_LIMIT_LIKE_EXPRESSION.IS_UNFOLDABLE", name=name, expr=text)
    if not isinstance(bound.dtype, t.IntegerType):
        raise error("INVALID_LIMIT_LIKE_EXPRESSION.DATA_TYPE", name=name, expr=text, dataType=f'"{bound.dtype.sql}"')
    value = constant(bound)
    if value is None:
        raise error("INVALID_LIMIT_LIKE_EXPRESSION.IS_NULL", name=name, expr=text)
    if not isinstance(value, int):
        raise error("INVALID_LIMIT_LIKE_EXPRESSION.IS_UNFOLDABLE", name=name, expr=text)
    if value < 0:
        raise error("INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE", name=name, expr=text, v=str(value))
    return Literal(value, t.INTEGER)


def tail(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """`tail(count)`: the last rows."""
    assert isinstance(node, p.Tail)
    child = analyzer.resolve(node.child, outer)
    if node.count < 0:
        raise error("INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE", name="tail", expr=f'"{node.count}"', v=str(node.count))
    return child.on(p.Tail(child.plan, node.count))


def repartition(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """`repartition`, `coalesce`, DISTRIBUTE BY."""
    assert isinstance(node, p.Repartition)
    child = analyzer.resolve(node.child, outer)
    if node.partitions is not None and node.partitions <= 0:
        raise requirement(f"Number of partitions ({node.partitions}) must be positive.")
    check_partitions(node.partitions)
    binder = Binder(analyzer, child, outer, beneath=child.under is not None)
    keys = binder.bind_all(node.keys)
    if binder.aggregates or binder.windows:
        raise error("UNSUPPORTED_EXPR_FOR_OPERATOR", invalidExprSqls=", ".join(binder.quoted(e) for e in node.keys))
    plan = _widened(child, binder, keys, node.keys)
    return child.on(p.Repartition(plan, node.partitions, node.shuffle, keys))
