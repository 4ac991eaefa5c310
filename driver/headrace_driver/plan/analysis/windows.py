"""Window functions of a select list into Window operators, one for each partitioning and ordering."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from headrace_driver.plan.analysis.rewrite import Column, references
from headrace_driver.plan.expressions import (
    Alias,
    Attribute,
    Expression,
    Literal,
    SortOrder,
    WindowExpression,
    new_id,
    transform_up,
)
from headrace_driver.plan.logical import LogicalPlan, Project, Window

Spec = tuple[tuple[Expression, ...], tuple[Expression, ...]]


def extract_windows(plan: LogicalPlan, items: Sequence[Column]) -> tuple[LogicalPlan, list[Column]]:
    """`plan` with Window operators on top, and the items with their window functions replaced by its columns."""
    found: dict[Expression, Alias] = {}
    rewritten: list[Column] = []
    for item in items:
        if isinstance(item, Attribute):
            rewritten.append(item)
            continue
        if isinstance(item.child, WindowExpression):
            inner = item.child.map_children(lambda child: transform_up(child, lambda e: _replaced(e, found)))
            known = found.get(inner)
            if known is None:
                found[inner] = alias = Alias(inner, item.name, item.id, item.metadata)
                rewritten.append(alias.attribute())
            else:
                rewritten.append(Alias(known.attribute(), item.name, item.id, item.metadata))
            continue
        child = transform_up(item.child, lambda e: _replaced(e, found))
        rewritten.append(item if child is item.child else Alias(child, item.name, item.id, item.metadata))
    for spec, columns in _stages(found.values()):
        plan = _window(plan, spec, columns)
    return plan, rewritten


def _replaced(e: Expression, found: dict[Expression, Alias]) -> Expression:
    if not isinstance(e, WindowExpression):
        return e
    alias = found.get(e)
    if alias is None:
        alias = found[e] = Alias(e, f"_we{len(found)}", new_id())
    return alias.attribute()


def _stages(aliases: Iterable[Alias]) -> list[tuple[Spec, list[Alias]]]:
    """Functions of one partitioning and ordering together, but none before one it uses."""
    stages: list[tuple[Spec, list[Alias]]] = []
    stage_of: dict[int, int] = {}
    for alias in aliases:
        window = alias.child
        assert isinstance(window, WindowExpression)
        spec: Spec = (window.partition_by, window.order_by)
        used = references(window.children())
        earliest = max((stage_of[i] + 1 for i in used if i in stage_of), default=0)
        position = next((n for n in range(earliest, len(stages)) if stages[n][0] == spec), None)
        if position is None:
            position = len(stages)
            stages.append((spec, []))
        stages[position][1].append(alias)
        stage_of[alias.id] = position
    return stages


def _window(plan: LogicalPlan, spec: Spec, columns: list[Alias]) -> LogicalPlan:
    """One Window operator; keys that are not columns are computed beneath it."""
    computed: dict[Expression, Alias] = {}

    def key(e: Expression) -> Expression:
        if isinstance(e, Attribute | Literal):
            return e
        alias = computed.get(e)
        if alias is None:
            alias = computed[e] = Alias(e, f"_w{len(computed)}", new_id())
        return alias.attribute()

    partition_by = tuple(key(e) for e in spec[0])
    order_by = tuple(SortOrder(key(o.child), o.ascending, o.nulls_first) for o in spec[1] if isinstance(o, SortOrder))
    if computed:
        plan = Project(plan, (*plan.output, *computed.values()))
        columns = [_keyed(c, partition_by, order_by) for c in columns]
    return Window(plan, tuple(columns), partition_by, order_by)


def _keyed(alias: Alias, partition_by: tuple[Expression, ...], order_by: tuple[SortOrder, ...]) -> Alias:
    window = alias.child
    assert isinstance(window, WindowExpression)
    child = WindowExpression(window.function, partition_by, order_by, window.frame, window.origin)
    return Alias(child, alias.name, alias.id, alias.metadata)
