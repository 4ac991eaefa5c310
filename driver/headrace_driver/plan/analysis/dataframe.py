"""DataFrame operators that change columns by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from headrace_driver.errors import unsupported
from headrace_driver.functions.coercion import can_cast
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.expressions import Binder
from headrace_driver.plan.analysis.group_columns import missing_aggregation
from headrace_driver.plan.analysis.literal_text import literal_text
from headrace_driver.plan.analysis.messages import error, requirement
from headrace_driver.plan.analysis.outer import Outer
from headrace_driver.plan.analysis.rewrite import Column, attribute_of, map_ids
from headrace_driver.plan.analysis.scope import Relation
from headrace_driver.plan.analysis.select import SelectList, add_time_window, bind_list, finish
from headrace_driver.plan.analysis.sets import refuse_unordered
from headrace_driver.plan.analysis.suggestions import proposals, quoted
from headrace_driver.plan.expressions import (
    Alias,
    Attribute,
    Cast,
    Expression,
    Literal,
    UnresolvedAttribute,
    new_id,
)
from headrace_driver.plan.logical import LogicalPlan

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.analyzer import Analyzer


def projected(child: Relation, items: Sequence[Column]) -> Relation:
    """A projection of a relation, over which ORDER BY may still find what it drops."""
    plan = p.Project(child.plan, tuple(items))
    columns = tuple([attribute_of(i) for i in items])
    return Relation(
        plan, columns, under=child, frames=child.frames, case_sensitive=child.case_sensitive, hint=child.hint
    )


def distinct(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """`SELECT DISTINCT`, `distinct()`."""
    assert isinstance(node, p.Distinct)
    child = analyzer.resolve(node.child, outer)
    for column in child.columns:
        refuse_unordered(column)
    return _closed(child, p.Distinct(child.exact()))


def _closed(child: Relation, plan: LogicalPlan) -> Relation:
    """A relation over which only its own columns can be found."""
    return Relation(plan, child.columns, frames=child.frames, case_sensitive=child.case_sensitive, hint=child.hint)


FRACTION_ERROR = 1e-6
"""How far rounding may take a fraction out of its bounds: Spark's RandomSampler.roundingEpsilon."""


def sample(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """`TABLESAMPLE`, `sample()`: a fraction must lie between 0 and 1, but for rounding."""
    assert isinstance(node, p.Sample)
    fraction = node.upper - node.lower
    written = literal_text(Literal(fraction, t.DOUBLE))
    if node.with_replacement and not fraction >= -FRACTION_ERROR:
        raise requirement(f"Sampling fraction ({written}) must be nonnegative with replacement")
    if not node.with_replacement and not -FRACTION_ERROR <= fraction <= 1 + FRACTION_ERROR:
        raise requirement(f"Sampling fraction ({written}) must be on interval [0, 1] without replacement")
    child = analyzer.resolve(node.child, outer)
    plan = p.replace(node, child=child.exact())
    return _closed(child, plan)


def deduplicate(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """`dropDuplicates`: DISTINCT, or one row of each group of the named columns."""
    assert isinstance(node, p.Deduplicate)
    if node.within_watermark:
        raise unsupported("dropDuplicatesWithinWatermark")
    child = analyzer.resolve(node.child, outer)
    if node.names is None:
        return _closed(child, p.Distinct(child.exact()))
    keys: list[Attribute] = []
    for name in node.names:
        found = child.scope.named(name)
        if not found:
            names = ", ".join(c.name for c in child.columns)
            raise error("CONNECT_INVALID_PLAN.UNRESOLVED_COLUMN_AMONG_FIELD_NAMES", colName=name, fieldNames=names)
        keys.extend(found)
    key_ids = {k.id for k in keys}
    if all(c.id in key_ids for c in child.columns):
        return _closed(child, p.Distinct(child.exact()))
    binder = Binder(analyzer, child, outer)
    items: list[Column] = []
    for column in child.columns:
        if column.id in key_ids:
            items.append(column)
        else:
            items.append(Alias(binder.call("first", (column,)), column.name, new_id(), column.metadata))
    plan = p.Aggregate(child.plan, tuple(dict.fromkeys(keys)), tuple(items))
    columns = tuple(
        Attribute(a.name, a.type, c.null, a.id, c.qualifier, c.metadata)
        for a, c in zip((attribute_of(i) for i in items), child.columns, strict=True)
    )
    became = {c.id: new for c, new in zip(child.columns, columns, strict=True)}
    frames = {k: tuple(map_ids(c, became) for c in v) for k, v in child.frames.items()}
    return Relation(plan, columns, frames=frames, case_sensitive=child.case_sensitive)


def unresolved_name(child: Relation, parts: tuple[str, ...]) -> Exception:
    """A column that is not there, with those that are."""
    candidates = [(*a.qualifier, a.name) for a in sorted(child.columns, key=lambda a: (a.name, a.id))]
    return error(
        "UNRESOLVED_COLUMN.WITH_SUGGESTION",
        objectName=quoted(parts),
        proposal=", ".join(proposals(parts, candidates)),
    )


def to_df(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """All columns renamed in order."""
    assert isinstance(node, p.ToDF)
    child = analyzer.resolve(node.child, outer)
    if len(node.names) != len(child.columns) and isinstance(node.child, p.InlineTable):
        raise error(
            "INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH",
            node.child.origin,
            expectedNumCols=str(len(node.names)),
            actualNumCols=str(len(child.columns)),
            rowIndex="0",
        )
    if len(node.names) != len(child.columns):
        raise error("ASSIGNMENT_ARITY_MISMATCH", numExpr=str(len(node.names)), numTarget=str(len(child.columns)))
    items = [
        a if a.name == n else Alias(a, n, new_id(), a.metadata) for a, n in zip(child.columns, node.names, strict=True)
    ]
    return projected(child, items)


def with_columns(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """Columns added at the end, or put in the place of those of the same name."""
    assert isinstance(node, p.WithColumns)
    child = analyzer.resolve(node.child, outer)
    fold = child.scope.fold
    met: set[str] = set()
    for alias in node.columns:
        if fold(alias.name) in met:
            raise error("COLUMN_ALREADY_EXISTS", columnName=quoted((fold(alias.name),)))
        met.add(fold(alias.name))
    binder = Binder(analyzer, child, outer)
    selected = bind_list(binder, node.columns)
    columns_before = child.columns
    add_time_window(child, binder)
    if binder.aggregates:
        raise missing_aggregation(child.columns[0].name if child.columns else "", False)
    new = {fold(i.name): i for i in selected.items}
    items: list[Column] = []
    replaced: set[str] = set()
    for column in columns_before:
        name = fold(column.name)
        item = new.get(name)
        if item is None:
            items.append(column)
        else:
            items.append(item if name not in replaced or isinstance(item, Attribute) else _again(item))
            replaced.add(name)
    items.extend(i for i in selected.items if fold(i.name) not in replaced)
    whole = SelectList(items, [0] * len(items), selected.generators, [])
    if any(selected.levels):
        level_of = {i.id: level for i, level in zip(selected.items, selected.levels, strict=True)}
        whole.levels = [level_of.get(i.id, 0) for i in items]
    plan = finish(child.plan, whole, binder.windows > 0)
    columns = tuple([attribute_of(i) for i in items])
    return Relation(
        plan, columns, under=child, frames=child.frames, case_sensitive=child.case_sensitive, hint=child.hint
    )


def _again(item: Alias) -> Alias:
    """The same expression as another column (the name stood twice)."""
    return Alias(item.child, item.name, new_id(), item.metadata)


def with_columns_renamed(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """Columns renamed; names that are not there are passed over. A later rename sees the names of earlier ones."""
    assert isinstance(node, p.WithColumnsRenamed)
    child = analyzer.resolve(node.child, outer)
    names = [a.name for a in child.columns]
    for old, new in node.renames:
        names = [new if child.scope.same(n, old) else n for n in names]
    items = [a if a.name == n else Alias(a, n, new_id(), a.metadata) for a, n in zip(child.columns, names, strict=True)]
    return projected(child, items)


def drop_columns(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """`drop`: by column or by name; what is not there is passed over."""
    assert isinstance(node, p.DropColumns)
    child = analyzer.resolve(node.child, outer)
    gone: set[int] = set()
    for name in node.names:
        gone.update(a.id for a in child.scope.named(name))
    binder = Binder(analyzer, child, outer)
    for column in node.columns:
        found = _droppable(binder, column)
        if isinstance(found, Attribute):
            gone.add(found.id)
    if not gone:
        return child
    return projected(child, [a for a in child.columns if a.id not in gone])


def _droppable(binder: Binder, column: Expression) -> Expression | None:
    if isinstance(column, UnresolvedAttribute):
        return binder.peek(column)
    return binder.bind(column)


def to_schema(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """Columns matched by name, in the schema's order and types; nested fields likewise."""
    assert isinstance(node, p.ToSchema)
    child = analyzer.resolve(node.child, outer)
    binder = Binder(analyzer, child, outer)
    items: list[Column] = []
    for field in node.schema.fields:
        found = child.scope.named(field.name)
        if len(found) > 1:
            names = ", ".join(quoted((*a.qualifier, a.name)) for a in found)
            raise error("AMBIGUOUS_REFERENCE", name=quoted((field.name,)), referenceNames=f"[{names}]")
        if not found:
            if not field.nullable:
                raise unresolved_name(child, (field.name,))
            items.append(Alias(Literal(None, field.dtype), field.name, new_id(), field.metadata))
            continue
        items.append(_conformed(binder, found[0], field))
    return projected(child, items)


def _conformed(binder: Binder, column: Attribute, field: t.StructField) -> Column:
    if column.null and not field.nullable:
        raise error("NULLABLE_COLUMN_OR_FIELD", name=quoted((field.name,)))
    if column.type == field.dtype:
        if column.name == field.name and column.metadata == (field.metadata or column.metadata):
            return column
        return Alias(column, field.name, new_id(), field.metadata or column.metadata)
    if not can_cast(column.type, field.dtype) or not _may_store(column.type, field.dtype):
        raise error(
            "INVALID_COLUMN_OR_FIELD_DATA_TYPE",
            name=quoted((field.name,)),
            type=f'"{column.type.sql}"',
            expectedType=f'"{field.dtype.sql}"',
        )
    return Alias(Cast(column, field.dtype), field.name, new_id(), field.metadata or column.metadata)


def _may_store(source: t.DataType, target: t.DataType) -> bool:
    """Numbers to numbers, anything to string, dates and timestamps among each other: ANSI store assignment."""
    if isinstance(target, t.StringType):
        return True
    if isinstance(source, t.AtomicNumeric):
        return isinstance(target, t.AtomicNumeric)
    instants = t.DateType | t.TimestampType | t.TimestampNTZType
    if isinstance(source, instants):
        return isinstance(target, instants)
    return type(source) is type(target) or isinstance(source, t.NullType)


def named_columns(child: Relation, names: Sequence[str] | None) -> list[Attribute]:
    """The columns of those names, or all."""
    if names is None:
        return list(child.columns)
    found: list[Attribute] = []
    for name in names:
        matches = child.scope.named(name)
        if not matches:
            raise unresolved_name(child, (name,))
        found.extend(matches)
    return found
