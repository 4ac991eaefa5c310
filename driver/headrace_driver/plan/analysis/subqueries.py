"""`x IN (SELECT ...)`: both sides brought to one type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace_driver.functions.coercion import cast_to, common_type
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.expressions import Alias, Attribute, Expression, InSubquery, new_id
from headrace_driver.plan.logical import LogicalPlan, Project

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.expressions import Binder


def coerced_membership(
    binder: Binder, e: InSubquery, values: tuple[Expression, ...], plan: LogicalPlan, outer: tuple[Attribute, ...]
) -> Expression:
    """The resolved form of `e`, casts put in on either side as needed."""
    output = plan.output
    if len(output) != len(values):
        raise error(
            "DATATYPE_MISMATCH.IN_SUBQUERY_LENGTH_MISMATCH",
            sqlExpr=binder.quoted(e),
            leftLength=str(len(values)),
            rightLength=str(len(output)),
            leftColumns=", ".join(binder.quoted(v) for v in e.values),
            rightColumns=", ".join(f'"{a.name}"' for a in output),
        )
    left: list[Expression] = []
    right: list[Alias | Attribute] = []
    for value, column in zip(values, output, strict=True):
        dtype = common_type(value.dtype, column.dtype)
        if dtype is None:
            raise error(
                "DATATYPE_MISMATCH.IN_SUBQUERY_DATA_TYPE_MISMATCH",
                sqlExpr=binder.quoted(e),
                mismatchedColumns=f"({binder.namer().text(e.values[len(left)])}, {column.name})",
                leftType=", ".join(f'"{v.dtype.sql}"' for v in values),
                rightType=", ".join(f'"{a.dtype.sql}"' for a in output),
            )
        left.append(cast_to(value, dtype))
        cast = cast_to(column, dtype)
        right.append(column if cast is column else Alias(cast, column.name, new_id()))
    if any(a is not b for a, b in zip(right, output, strict=True)):
        plan = Project(plan, tuple(right))
    return InSubquery(tuple(left), plan, outer)
