"""UNPIVOT and `melt`: every row once for each value column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace_driver.functions.coercion import cast_to, common_type_of
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.expressions import Binder
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.analysis.outer import Outer
from headrace_driver.plan.analysis.scope import Relation
from headrace_driver.plan.analysis.select import bind_list
from headrace_driver.plan.expressions import Alias, Attribute, Expression, GetField, Literal, new_id
from headrace_driver.plan.logical import LogicalPlan

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.analyzer import Analyzer

Value = tuple[str, tuple[Expression, ...]]


def unpivot(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """`UNPIVOT`, `melt`: a row for each value column, which is nothing but an Expand."""
    assert isinstance(node, p.Unpivot)
    child = analyzer.resolve(node.child, outer)
    binder = Binder(analyzer, child, outer)
    values = _values(binder, node, child)
    ids = _ids(binder, node, child, values)
    if not values:
        raise error("UNPIVOT_REQUIRES_VALUE_COLUMNS")
    types = _types(node, values)
    width = len(node.value_names)
    columns = [Attribute(e.name, e.dtype, e.nullable, new_id()) for e in ids]
    variable = Attribute(node.variable_name, t.STRING, False, new_id())
    made = tuple(
        Attribute(name, types[i], _value_nullable(node, values, i), new_id()) for i, name in enumerate(node.value_names)
    )
    id_values = tuple(e.child if isinstance(e, Alias) else e for e in ids)
    projections = tuple(
        (*id_values, Literal(name, t.STRING), *(cast_to(v, d) for v, d in zip(row, types, strict=True)))
        for name, row in values
    )
    plan: LogicalPlan = p.Expand(child.plan, projections, (*columns, variable, *made))
    if not node.include_nulls:
        plan = p.Filter(plan, _any_present(binder, made[:width]))
    return analyzer.relation(plan, (*columns, variable, *made))


def _value_nullable(node: p.Unpivot, values: list[Value], index: int) -> bool:
    return any(row[index].nullable for _, row in values)


def _any_present(binder: Binder, columns: tuple[Attribute, ...]) -> Expression:
    condition = binder.call("isnotnull", (columns[0],))
    for column in columns[1:]:
        condition = binder.call("or", (condition, binder.call("isnotnull", (column,))))
    return condition


def _values(binder: Binder, node: p.Unpivot, child: Relation) -> list[Value]:
    """Each value: the name it goes under, and its expressions."""
    if node.values is None:
        assert node.ids is not None
        gone = {a.id for e in node.ids for a in [binder.bind(e)] if isinstance(a, Attribute)}
        return [(a.name, (a,)) for a in child.columns if a.id not in gone]
    values: list[Value] = []
    for number, row in enumerate(node.values):
        alias = node.aliases[number] if number < len(node.aliases) else None
        items = bind_list(binder, row).items
        if len(row) == 1 and len(items) != 1:
            values.extend((i.name, (_bare(i),)) for i in items)
            continue
        bound = tuple(_bare(i) for i in items)
        if len(bound) != len(node.value_names):
            raise error("UNPIVOT_VALUE_SIZE_MISMATCH", names=str(len(node.value_names)))
        values.append((alias if alias is not None else "_".join(_last_name(i) for i in items), bound))
    return values


def _last_name(item: Alias | Attribute) -> str:
    return item.name


def _bare(item: Alias | Attribute) -> Expression:
    inner = item.child if isinstance(item, Alias) else item
    if not isinstance(inner, Attribute | GetField):
        raise error("UNPIVOT_REQUIRES_ATTRIBUTES", given="value", empty="ids", expressions=f'"{item.name}"')
    return inner


def _ids(binder: Binder, node: p.Unpivot, child: Relation, values: list[Value]) -> list[Alias | Attribute]:
    if node.ids is not None:
        return bind_list(binder, node.ids).items
    used = {e.id for _, row in values for e in row if isinstance(e, Attribute)}
    return [a for a in child.columns if a.id not in used]


def _types(node: p.Unpivot, values: list[Value]) -> list[t.DataType]:
    types: list[t.DataType] = []
    for index in range(len(node.value_names)):
        kinds = [row[index].dtype for _, row in values]
        dtype = common_type_of(kinds)
        strings = [isinstance(k, t.StringType) for k in kinds if not isinstance(k, t.NullType)]
        # Unlike UNION, text and numbers are not brought together.
        if dtype is None or (any(strings) and not all(strings)):
            raise error("UNPIVOT_VALUE_DATA_TYPE_MISMATCH", types=_listed(values, index))
        types.append(dtype)
    return types


def _listed(values: list[Value], index: int) -> str:
    """Each type with the columns that have it."""
    columns: dict[str, list[str]] = {}
    for name, row in values:
        e = row[index]
        shown = e.name if isinstance(e, Attribute | GetField) else name
        columns.setdefault(e.dtype.sql, []).append(f"`{shown}`")
    return ", ".join(f'"{dtype}" ({", ".join(names)})' for dtype, names in sorted(columns.items()))
