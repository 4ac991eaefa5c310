"""UNION, INTERSECT, EXCEPT: columns matched by position or by name, brought to one type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace_driver.functions.coercion import cast_to, common_type
from headrace_driver.functions.mismatch import ordinal
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.analysis.outer import Outer
from headrace_driver.plan.analysis.scope import Relation
from headrace_driver.plan.analysis.suggestions import quoted
from headrace_driver.plan.expressions import Alias, Attribute, Literal, new_id
from headrace_driver.plan.logical import LogicalPlan, SetKind

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.analyzer import Analyzer


def set_operation(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """UNION, INTERSECT and EXCEPT: columns by place or by name, both sides cast to common types."""
    assert isinstance(node, p.UnresolvedSetOperation)
    left = analyzer.resolve(node.left, outer)
    right = analyzer.resolve(node.right, outer)
    left_plan, right_plan = left.exact(), right.exact()
    if node.by_name:
        left_plan, right_plan = _by_name(left, left_plan, right, right_plan, node.allow_missing)
    operator = node.kind.value + (" ALL" if node.all and node.kind is not SetKind.UNION else "")
    types = _common_types(left_plan, right_plan, operator)
    left_plan, right_plan = _cast_columns(left_plan, types), _cast_columns(right_plan, types)
    if node.kind is not SetKind.UNION:
        plan: LogicalPlan = p.SetOperation(left_plan, right_plan, node.kind, node.all)
        return analyzer.relation(plan)
    attributes = tuple(
        Attribute(a.name, d, a.null or b.null, new_id(), (), a.metadata)
        for a, b, d in zip(left_plan.output, right_plan.output, types, strict=True)
    )
    plan = p.Union((left_plan, right_plan), attributes)
    if not node.all:
        for column in attributes:
            refuse_unordered(column)
    return analyzer.relation(plan if node.all else p.Distinct(plan))


def refuse_unordered(column: Attribute) -> None:
    """Maps and variants cannot be compared, which DISTINCT and the other set operations would have to."""
    for kind, name in ((t.MapType, "MAP"), (t.VariantType, "VARIANT")):
        if contains(column.type, kind):
            raise error(
                f"UNSUPPORTED_FEATURE.SET_OPERATION_ON_{name}_TYPE",
                colName=quoted((column.name,)),
                dataType=f'"{column.type.sql}"',
            )


def contains(dtype: t.DataType, kind: type[t.DataType]) -> bool:
    """Whether a type is of that kind or has one inside."""
    if isinstance(dtype, kind):
        return True
    if isinstance(dtype, t.ArrayType):
        return contains(dtype.element, kind)
    if isinstance(dtype, t.MapType):
        return contains(dtype.key, kind) or contains(dtype.value, kind)
    return isinstance(dtype, t.StructType) and any(contains(f.dtype, kind) for f in dtype.fields)


def _common_types(left: LogicalPlan, right: LogicalPlan, operator: str) -> list[t.DataType]:
    if len(left.output) != len(right.output):
        raise error(
            "NUM_COLUMNS_MISMATCH",
            operator=operator,
            firstNumColumns=str(len(left.output)),
            invalidOrdinalNum="second",
            invalidNumColumns=str(len(right.output)),
        )
    types: list[t.DataType] = []
    for index, (a, b) in enumerate(zip(left.output, right.output, strict=True)):
        if not operator.startswith("UNION"):
            refuse_unordered(a)
        dtype = common_type(a.dtype, b.dtype)
        if dtype is None and _same_structure(a.dtype, b.dtype):
            dtype = a.dtype
        if dtype is None:
            raise error(
                "INCOMPATIBLE_COLUMN_TYPE",
                operator=operator,
                columnOrdinalNumber=ordinal(index),
                tableOrdinalNumber="second",
                dataType1=f'"{b.dtype.sql}"',
                dataType2=f'"{a.dtype.sql}"',
                hint="",
            )
        types.append(dtype)
    return types


def _same_structure(a: t.DataType, b: t.DataType) -> bool:
    """Equal but for the names of fields: enough for a set operation, whose result has the left side's."""
    if isinstance(a, t.StructType) and isinstance(b, t.StructType):
        return len(a.fields) == len(b.fields) and all(
            _same_structure(x.dtype, y.dtype) for x, y in zip(a.fields, b.fields, strict=True)
        )
    if isinstance(a, t.ArrayType) and isinstance(b, t.ArrayType):
        return _same_structure(a.element, b.element)
    if isinstance(a, t.MapType) and isinstance(b, t.MapType):
        return _same_structure(a.key, b.key) and _same_structure(a.value, b.value)
    return a == b


def _cast_columns(plan: LogicalPlan, types: list[t.DataType]) -> LogicalPlan:
    """The plan with its columns as those types, and no two of them the same column."""
    output = plan.output
    met: set[int] = set()
    columns: list[Alias | Attribute] = []
    changed = False
    for a, dtype in zip(output, types, strict=True):
        cast = cast_to(a, dtype)
        if cast is a and a.id not in met:
            columns.append(a)
            met.add(a.id)
        else:
            columns.append(Alias(cast, a.name, new_id(), a.metadata))
            changed = True
    return p.Project(plan, tuple(columns)) if changed else plan


def _by_name(
    left: Relation, left_plan: LogicalPlan, right: Relation, right_plan: LogicalPlan, allow_missing: bool
) -> tuple[LogicalPlan, LogicalPlan]:
    """The right side's columns in the left side's order, missing ones as nulls where that is allowed."""
    same = left.scope.same
    _refuse_duplicates(left)
    _refuse_duplicates(right)
    columns: list[Alias | Attribute] = []
    for a in left_plan.output:
        match = next((b for b in right_plan.output if same(a.name, b.name)), None)
        if match is not None:
            columns.append(match)
        elif allow_missing:
            columns.append(Alias(Literal(None, a.type), a.name, new_id()))
        else:
            raise _missing(a, right_plan)
    extra = [b for b in right_plan.output if not any(same(a.name, b.name) for a in left_plan.output)]
    if extra:
        if not allow_missing:
            raise error(
                "NUM_COLUMNS_MISMATCH",
                operator="UNION",
                firstNumColumns=str(len(left_plan.output)),
                invalidOrdinalNum="second",
                invalidNumColumns=str(len(right_plan.output)),
            )
        nulls = tuple(Alias(Literal(None, b.type), b.name, new_id()) for b in extra)
        left_plan = p.Project(left_plan, (*left_plan.output, *nulls))
        columns.extend(extra)
    if [c.id for c in columns] == [b.id for b in right_plan.output]:
        return left_plan, right_plan
    return left_plan, p.Project(right_plan, tuple(columns))


def _missing(a: Attribute, right: LogicalPlan) -> Exception:
    names = ", ".join(b.name for b in right.output)
    return error("UNRESOLVED_COLUMN_AMONG_FIELD_NAMES", colName=a.name, fieldNames=names)


def _refuse_duplicates(relation: Relation) -> None:
    met: set[str] = set()
    for a in relation.columns:
        folded = relation.scope.fold(a.name)
        if folded in met:
            raise error("COLUMN_ALREADY_EXISTS", columnName=quoted((folded,)))
        met.add(folded)
