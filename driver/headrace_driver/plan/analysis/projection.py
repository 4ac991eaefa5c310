"""`SELECT` without `GROUP BY`: one group if there is an aggregate in it, else the rows as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace_driver.plan.analysis.aggregation import aggregate
from headrace_driver.plan.analysis.expressions import Binder
from headrace_driver.plan.analysis.outer import Outer
from headrace_driver.plan.analysis.rewrite import attribute_of
from headrace_driver.plan.analysis.scope import Relation
from headrace_driver.plan.analysis.select import SelectList, add_time_window, bind_list, finish
from headrace_driver.plan.logical import UnresolvedProject

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.analyzer import Analyzer


def project(analyzer: Analyzer, node: UnresolvedProject, outer: Outer | None) -> Relation:
    """`SELECT columns FROM child [HAVING condition]` without GROUP BY."""
    child = analyzer.resolve(node.child, outer)
    binder = Binder(analyzer, child, outer)
    selected = bind_list(binder, node.columns)
    add_time_window(child, binder)
    if binder.aggregates or node.having is not None:
        return aggregate(analyzer, child, (), selected, binder, node.having, outer)
    return plain(child, selected, binder)


def plain(child: Relation, selected: SelectList, binder: Binder) -> Relation:
    """A select list without aggregates."""
    plan = finish(child.plan, selected, binder.windows > 0)
    columns = tuple([attribute_of(i) for i in selected.items])
    return Relation(plan, columns, under=child, frames=child.frames, case_sensitive=child.case_sensitive)
