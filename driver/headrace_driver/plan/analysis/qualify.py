"""QUALIFY: the condition is one more item of the select list, so that it sees its aliases and what lies beneath."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace_driver.errors import unsupported
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.analysis.outer import Outer
from headrace_driver.plan.analysis.scope import Relation
from headrace_driver.plan.expressions import Alias, Expression, WindowExpression, walk

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.analyzer import Analyzer

_NAME = "__qualify"


def qualify(analyzer: Analyzer, node: p.LogicalPlan, outer: Outer | None) -> Relation:
    """`SELECT … QUALIFY condition`; raises QUALIFY_REQUIRES_WINDOW_FUNCTION where there is none."""
    assert isinstance(node, p.Qualify)
    selected = node.child
    if not isinstance(selected, p.UnresolvedProject) or selected.having is not None:
        raise unsupported("QUALIFY over GROUP BY or HAVING")
    if not any(_has_window(e) for e in (*selected.columns, node.condition)):
        raise error("QUALIFY_REQUIRES_WINDOW_FUNCTION")
    widened = p.replace(selected, columns=(*selected.columns, Alias(node.condition, _NAME)))
    relation = analyzer.resolve(widened, outer)
    plan = relation.plan
    *columns, condition = plan.output
    if not isinstance(condition.type, t.BooleanType):
        text = f'"{condition.name}"'
        raise error("DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN", sqlExpr=text, filter=text, type=f'"{condition.type.sql}"')
    kept = p.Project(p.Filter(plan, condition), tuple(columns))
    return analyzer.relation(kept, relation.columns[:-1])


def _has_window(e: Expression) -> bool:
    return any(isinstance(part, WindowExpression) for part in walk(e))
