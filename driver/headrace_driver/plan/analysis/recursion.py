"""WITH RECURSIVE: a definition that reads itself becomes a `Recursion` of its anchor and its step."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.expressions import Attribute, Expression, new_id
from headrace_driver.plan.logical import JoinType, LogicalPlan, SetKind

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.analyzer import Analyzer
    from headrace_driver.plan.analysis.relations import CommonTable

_loop_ids = itertools.count(1)


def reads_itself(analyzer: Analyzer, table: CommonTable) -> bool:
    """Whether the definition names itself, in a subquery or not."""
    return _names(analyzer, table.plan, table.name)


def resolve(analyzer: Analyzer, table: CommonTable) -> LogicalPlan:
    """The `Recursion` of such a definition; `analyzer.tables` is the scope it was written in."""
    anchor_part, step_part = _parts(analyzer, table)
    anchor = analyzer.resolve(anchor_part, table.outer).exact()
    names = table.columns or tuple(a.name for a in anchor.output)
    if len(names) != len(anchor.output):
        raise error("ASSIGNMENT_ARITY_MISMATCH", numExpr=str(len(names)), numTarget=str(len(anchor.output)))
    loop_id = next(_loop_ids)
    columns = tuple(
        Attribute(n, _with_nulls(a.type), True, new_id()) for n, a in zip(names, anchor.output, strict=True)
    )
    table.level = p.RecursionReference(loop_id, columns)
    scope = analyzer.tables
    analyzer.tables = {**scope, analyzer.fold(table.name): table}
    try:
        step = analyzer.resolve(step_part, table.outer).exact()
    finally:
        analyzer.tables = scope
        table.level = None
    _check_types(anchor, step)
    if _is_misplaced(step, loop_id):
        raise error("INVALID_RECURSIVE_REFERENCE.PLACE")
    attributes = tuple(
        Attribute(n, _with_nulls(a.type), a.null or b.null, new_id())
        for n, a, b in zip(names, anchor.output, step.output, strict=True)
    )
    return p.Recursion(loop_id, anchor, step, table.levels_max, attributes)


def _parts(analyzer: Analyzer, table: CommonTable) -> tuple[LogicalPlan, LogicalPlan]:
    """Anchor and step: the sides of the definition's UNION ALL, under the tables it defines itself."""
    plan = table.plan
    around = None
    if isinstance(plan, p.WithCTE):
        if any(_names(analyzer, inner, table.name) for _, _, inner in plan.definitions):
            raise error("INVALID_RECURSIVE_CTE")
        plan, around = plan.child, plan
    if not isinstance(plan, p.UnresolvedSetOperation) or plan.kind is not SetKind.UNION or plan.by_name:
        raise error("INVALID_RECURSIVE_CTE")
    if _names(analyzer, plan.left, table.name):
        raise error("INVALID_RECURSIVE_CTE")
    if not plan.all:
        raise error("UNION_NOT_SUPPORTED_IN_RECURSIVE_CTE")
    if around is None:
        return plan.left, plan.right
    return p.replace(around, child=plan.left), p.replace(around, child=plan.right)


def _names(analyzer: Analyzer, plan: LogicalPlan, name: str) -> bool:
    """Whether a plan before analysis reads a table called so, in whatever field of whatever node."""

    def found(value: Any) -> bool:
        if isinstance(value, p.UnresolvedRelation):
            return len(value.parts) == 1 and analyzer.same(value.parts[0], name)
        if isinstance(value, LogicalPlan | Expression):
            return any(found(getattr(value, field)) for field in type(value).__match_args__)
        return isinstance(value, tuple) and any(found(item) for item in value)

    return found(plan)


def _check_types(anchor: LogicalPlan, step: LogicalPlan) -> None:
    """The step's columns must have the anchor's types as they are: Spark casts none."""
    if len(anchor.output) != len(step.output):
        raise error(
            "NUM_COLUMNS_MISMATCH",
            operator="UNION",
            firstNumColumns=str(len(anchor.output)),
            invalidOrdinalNum="second",
            invalidNumColumns=str(len(step.output)),
        )
    for a, b in zip(anchor.output, step.output, strict=True):
        if _plain(a.type) != _plain(b.type):
            raise error("CANNOT_MERGE_INCOMPATIBLE_DATA_TYPE", left=f'"{a.type.sql}"', right=f'"{b.type.sql}"')


def _with_nulls(dtype: t.DataType) -> t.DataType:
    """The type with nulls allowed everywhere inside: levels may differ in that."""
    match dtype:
        case t.ArrayType():
            return t.ArrayType(_with_nulls(dtype.element))
        case t.MapType():
            return t.MapType(_with_nulls(dtype.key), _with_nulls(dtype.value))
        case t.StructType():
            return t.StructType(tuple(t.StructField(f.name, _with_nulls(f.dtype)) for f in dtype.fields))
    return dtype


def _plain(dtype: t.DataType) -> str:
    return dtype.sql.replace(" NOT NULL", "")


def _is_misplaced(plan: LogicalPlan, loop_id: int) -> bool:
    """Whether the level before is read where a step cannot read it: rows must pass through one by one."""
    for node in p.walk(plan):
        for hidden in _hidden(node):
            if any(isinstance(below, p.RecursionReference) and below.loop_id == loop_id for below in p.walk(hidden)):
                return True
    return False


def _hidden(node: LogicalPlan) -> tuple[LogicalPlan, ...]:
    """The inputs of an operator that may not read the level before."""
    if isinstance(node, p.Aggregate | p.Window | p.Sort):
        return (node.child,)
    if not isinstance(node, p.Join):
        return ()
    match node.type:
        case JoinType.LEFT | JoinType.SEMI | JoinType.ANTI:
            return (node.right,)
        case JoinType.RIGHT:
            return (node.left,)
        case JoinType.FULL:
            return (node.left, node.right)
    return ()
