"""Optimizer hints: which become join hints, which become repartitioning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.messages import error, requirement
from headrace_driver.plan.analysis.outer import Outer
from headrace_driver.plan.analysis.scope import Relation
from headrace_driver.plan.expressions import Expression, Literal, SortOrder, UnresolvedAttribute
from headrace_driver.plan.logical import JoinHint, JoinType, LogicalPlan

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.analyzer import Analyzer

_STRATEGIES = {
    **dict.fromkeys(("broadcast", "broadcastjoin", "mapjoin"), "broadcast"),
    **dict.fromkeys(("merge", "shuffle_merge", "mergejoin"), "merge"),
    "shuffle_hash": "shuffle_hash",
    "shuffle_replicate_nl": "shuffle_replicate_nl",
}
_STRENGTH = ("broadcast", "merge", "shuffle_hash", "shuffle_replicate_nl")
"""When both sides carry hints, Spark follows the first of these."""


def hint(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """`/*+ NAME(parameters) */` and `df.hint(name, ...)`. Unknown hints are ignored, as Spark does with a warning."""
    assert isinstance(node, p.Hint)
    name = node.name.lower()
    if analyzer.context.conf.get("spark.sql.optimizer.disableHints", "false") == "true":
        return analyzer.resolve(node.child, outer)
    strategy = _STRATEGIES.get(name)
    if strategy is not None:
        return _join_strategy(analyzer, node, strategy, outer)
    if name in ("coalesce", "repartition", "repartition_by_range", "rebalance"):
        return analyzer.resolve(_repartitioned(node, name), outer)
    return analyzer.resolve(node.child, outer)


def _join_strategy(analyzer: Analyzer, node: p.Hint, strategy: str, outer: Outer | None) -> Relation:
    names = [n for n in (_relation_name(e) for e in node.parameters) if n]
    if not names:
        relation = analyzer.resolve(node.child, outer)
        relation.hint = strategy
        return relation
    before = analyzer.hinted
    analyzer.hinted = {**before, **{analyzer.fold(n): strategy for n in names}}
    try:
        return analyzer.resolve(node.child, outer)
    finally:
        analyzer.hinted = before


def _relation_name(e: Expression) -> str:
    match e:
        case UnresolvedAttribute(parts=parts):
            return parts[-1]
        case Literal(value=str(name)):
            return name
    expressions = "org.apache.spark.sql.catalyst.expressions"
    found = {"unsupported": _shown(e), "class": f"class {expressions}.{type(e).__name__}"}
    raise error("_LEGACY_ERROR_TEMP_1046", **found)


def _repartitioned(node: p.Hint, name: str) -> LogicalPlan:
    """A number of partitions first, if any, then columns; COALESCE takes the number only, and must have it."""
    first = node.parameters[0] if node.parameters else None
    count = first.value if isinstance(first, Literal) and isinstance(first.dtype, t.IntegerType) else None
    rest = node.parameters if count is None else node.parameters[1:]
    if name == "coalesce" and (count is None or rest):
        raise error("_LEGACY_ERROR_TEMP_1048", hintName="COALESCE")
    keys = [_key(parameter, name) for parameter in rest]
    if count is not None and count <= 0:
        raise requirement(f"Number of partitions ({count}) must be positive.")
    if name == "repartition_by_range":
        return p.Repartition(node.child, count, True, tuple(SortOrder(key) for key in keys))
    return p.Repartition(node.child, count, name != "coalesce", tuple(keys))


def _key(parameter: Expression, name: str) -> Expression:
    """A column to partition by."""
    match parameter:
        case UnresolvedAttribute():
            return parameter
        case Literal(value=str(column)):
            return UnresolvedAttribute((column,))
    raise error("_LEGACY_ERROR_TEMP_1047", hintName=name.upper(), invalidParams=_shown(parameter))


def _shown(parameter: Expression) -> str:
    return f'"{parameter.value if isinstance(parameter, Literal) else type(parameter).__name__}"'


def join_hint(left: str | None, right: str | None, kind: JoinType) -> JoinHint | None:
    """The hint of a join, from those of its sides."""
    for strategy in _STRENGTH:
        if strategy not in (left, right):
            continue
        on_right = right == strategy
        if strategy == "broadcast":
            return JoinHint.BROADCAST_RIGHT if on_right else JoinHint.BROADCAST_LEFT
        if strategy == "shuffle_hash":
            return JoinHint.SHUFFLE_HASH_RIGHT if on_right else JoinHint.SHUFFLE_HASH_LEFT
        return JoinHint.MERGE if strategy == "merge" else JoinHint.NESTED_LOOP
    return None
