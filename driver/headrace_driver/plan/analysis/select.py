"""Select lists: stars, generators, window functions, lateral aliases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headrace_driver.functions.registry import FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.expressions import Binder
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.analysis.rewrite import Column, attribute_of, references
from headrace_driver.plan.analysis.scope import Relation
from headrace_driver.plan.analysis.windows import extract_windows
from headrace_driver.plan.expressions import (
    Alias,
    Attribute,
    Call,
    Cast,
    Expression,
    GetField,
    Literal,
    MultiAlias,
    UnresolvedAttribute,
    UnresolvedRegex,
    UnresolvedStar,
    new_id,
    replace,
)
from headrace_driver.plan.logical import Generate, LogicalPlan, Project

if TYPE_CHECKING:
    pass


@dataclass(slots=True)
class Generator:
    """A generator of a select list and the columns it makes."""

    call: Call
    outer: bool
    attributes: tuple[Attribute, ...]


@dataclass(slots=True)
class SelectList:
    """A bound select list. `levels[i]` counts the projections that item i needs beneath it because it uses the
    aliases of others; `sources` are the expressions as written (for messages)."""

    items: list[Column] = field(default_factory=list)
    levels: list[int] = field(default_factory=list)
    generators: list[Generator] = field(default_factory=list)
    sources: list[Expression] = field(default_factory=list)

    @property
    def is_plain(self) -> bool:
        """Whether one operator can compute all items."""
        return not self.generators and not any(self.levels)


def add_time_window(child: Relation, binder: Binder) -> None:
    """Puts the computation of a time window that was met under the operator."""
    if binder.time_window is not None:
        child.plan = binder.time_window.beneath(binder, child.plan)
        child.columns = (*child.columns, binder.time_window.attribute)
        child.forget_names()


def finish(plan: LogicalPlan, selected: SelectList, has_windows: bool) -> LogicalPlan:
    """Generators, then windows, then projections over `plan`."""
    for generator in selected.generators:
        plan = Generate(plan, generator.call, generator.outer, generator.attributes)
    items = selected.items
    if has_windows:
        plan, items = extract_windows(plan, items)
    if any(selected.levels):
        return _stacked(plan, items, selected.levels)
    output = plan.output
    if len(items) == len(output) and all(
        isinstance(i, Attribute) and i.id == a.id and i.name == a.name for i, a in zip(items, output, strict=True)
    ):
        return plan
    return Project(plan, tuple(items))


def _stacked(plan: LogicalPlan, items: Sequence[Column], levels: Sequence[int]) -> LogicalPlan:
    """Projections one over the other: items of a level use those of lower levels as columns."""
    base = {a.id for a in plan.output}
    for level in range(max(levels)):
        later = references(i for i, at in zip(items, levels, strict=True) if at > level)
        columns: list[Column] = []
        for item, at in zip(items, levels, strict=True):
            if at < level:
                columns.append(attribute_of(item))
            elif at == level:
                columns.append(item)
        have = {c.id for c in columns}
        columns.extend(a for i, a in later.items() if i in base and i not in have)
        plan = Project(plan, tuple(columns))
    top = max(levels)
    return Project(plan, tuple(i if at == top else attribute_of(i) for i, at in zip(items, levels, strict=True)))


def bind_list(binder: Binder, columns: Iterable[Expression]) -> SelectList:
    """Binds the items of a select list, in order, so that later ones may use the aliases of earlier ones."""
    selected = SelectList()
    binder.laterals = {}
    level_of: dict[int, int] = {}
    for column in columns:
        if isinstance(column, UnresolvedStar | UnresolvedRegex):
            for expanded in binder.analyzer.expand(column, binder):
                _append(selected, _named(binder, expanded), 0, column)
            continue
        _bind_item(binder, column, selected, level_of)
    binder.laterals = None
    return selected


def _append(selected: SelectList, item: Column, level: int, source: Expression) -> None:
    selected.items.append(item)
    selected.levels.append(level)
    selected.sources.append(source)


def _bind_item(binder: Binder, column: Expression, selected: SelectList, level_of: dict[int, int]) -> None:
    binder.laterals_used = {}
    generators = binder.generators
    body = column.child if isinstance(column, Alias | MultiAlias) else column
    binder.item = body
    bound = binder.bind(body)
    binder.item = None
    if binder.generators > generators:
        _add_generator(binder, column, bound, selected, binder.generators - generators)
        return
    level = 0
    if binder.laterals_used:
        level = 1 + max(level_of.get(i, 0) for i in binder.laterals_used)
    if isinstance(column, MultiAlias):
        raise error("MULTI_ALIAS_WITHOUT_GENERATOR", expr=binder.quoted(body), names=", ".join(column.names))
    if isinstance(column, Alias):
        item = Alias(bound, column.name, new_id(), column.metadata or _metadata(bound))
        assert binder.laterals is not None
        attribute = item.attribute()
        binder.laterals.setdefault(binder.relation.scope.fold(column.name), []).append(attribute)
        level_of[item.id] = level
        _append(selected, item, level, column)
        return
    _append(selected, _named(binder, bound, column), level, column)


def _metadata(bound: Expression) -> str:
    return bound.metadata if isinstance(bound, Attribute) else ""


def _named(binder: Binder, bound: Expression, source: Expression | None = None) -> Column:
    """The item under the name Spark gives it."""
    if isinstance(bound, Attribute) and (source is None or isinstance(source, UnresolvedAttribute)):
        return bound
    if isinstance(bound, Alias):
        return bound
    if isinstance(bound, GetField) and isinstance(source, UnresolvedAttribute | None):
        return Alias(bound, bound.name if source is None else source.parts[-1], new_id())
    if isinstance(source, UnresolvedAttribute) and len(source.parts) > 1:
        return Alias(bound, source.parts[-1], new_id())
    name = binder.namer().column_name(source if source is not None else bound)
    if isinstance(bound, Attribute) and not isinstance(source, Cast):
        return Alias(bound, name, new_id(), bound.metadata)
    return Alias(bound, name, new_id())


def _add_generator(binder: Binder, column: Expression, bound: Expression, selected: SelectList, count: int) -> None:
    """A generator standing by itself, with or without names for its columns."""
    body = column.child if isinstance(column, Alias | MultiAlias) else column
    if count > 1 or not is_generator(binder, bound):
        raise error("UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS", expression=binder.quoted(body))
    assert isinstance(bound, Call)
    names: tuple[str, ...] = ()
    if isinstance(column, Alias):
        names = (column.name,)
    elif isinstance(column, MultiAlias):
        names = column.names
    generator = make_generator(bound, names)
    selected.generators.append(generator)
    for attribute in generator.attributes:
        _append(selected, attribute, 0, column)


def is_generator(binder: Binder, e: Expression) -> bool:
    """Whether a call yields rows, as explode does."""
    if not isinstance(e, Call):
        return False
    function = binder.analyzer.registry.find(e.name)
    return function is not None and function.kind is FunctionKind.GENERATOR


def make_generator(call: Call, names: Sequence[str], qualifier: tuple[str, ...] = ()) -> Generator:
    """The generator with fresh columns, named as the user says or as the generator names them."""
    outer = call.name.endswith("_outer")
    if outer:
        call = replace(call, name=call.name.removesuffix("_outer"))
    struct = call.type
    assert isinstance(struct, t.StructType), f"generator {call.name} must bind to the struct of its columns"
    if names and len(names) != len(struct.fields):
        raise error(
            "UDTF_ALIAS_NUMBER_MISMATCH",
            aliasesSize=str(len(struct.fields)),
            aliasesNames=",".join(names),
        )
    attributes = tuple(
        Attribute(names[i] if names else f.name, f.dtype, f.nullable or outer, new_id(), qualifier)
        for i, f in enumerate(struct.fields)
    )
    return Generator(call, outer, attributes)


def literal_ordinal(e: Expression) -> int | None:
    """The position that an integer literal in GROUP BY or ORDER BY means."""
    if isinstance(e, Literal) and isinstance(e.type, t.IntegerType) and e.value is not None:
        return int(e.value)
    return None
