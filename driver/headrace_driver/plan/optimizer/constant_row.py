"""A query that is one row of literals is that row: the driver answers it itself, as Spark does a LocalRelation.

SELECT 1 AS a, 'x' AS b  ->  LocalRelation [a, b], 1 rows
"""

from __future__ import annotations

from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.inline_rows import arrow_of
from headrace_driver.plan.expressions import Alias


def constant_row(plan: lp.LogicalPlan) -> lp.LogicalPlan:
    """The plan's one row as data, if all of it is literals of plain types; anything to compute is left to workers."""
    if not isinstance(plan, lp.Project) or not isinstance(plan.child, lp.OneRow):
        return plan
    values = tuple(item.child if isinstance(item, Alias) else item for item in plan.columns)
    schema = t.StructType(tuple(t.StructField(a.name, a.dtype, a.nullable) for a in plan.output))
    stream = arrow_of(schema, (values,))
    return plan if stream is None else lp.LocalData(stream, schema, 1, plan.output)
