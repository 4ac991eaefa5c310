"""Orders inner joins by estimated cost.

A cluster of inner and cross joins is taken apart into relations and predicates and put together again greedily: the
two parts whose join yields the fewest bytes are joined first (Fegaras, "A New Heuristic for Optimizing Large Queries",
1998). It makes bushy trees, costs O(n^3) for n relations, and finds the star and snowflake orders that matter; parts
without a predicate between them are multiplied only when nothing else is left. Two tables that are both sorted by the
key they are joined by need not be moved for it (`plan.physical.aligned`), so such a join counts for less.

A semi join over a cluster filters the one relation whose columns it tests, before anything is joined, where it drops
enough of its rows; otherwise it stays on top, where fewer rows are left to be tested.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from headrace_driver.plan import logical as lp
from headrace_driver.plan.clustering import clustering
from headrace_driver.plan.conditions import conjuncts, equated
from headrace_driver.plan.expressions import Attribute, Expression
from headrace_driver.plan.logical import JoinType
from headrace_driver.plan.optimizer.terms import conjunction, is_free, references
from headrace_driver.plan.statistics import Estimator, RelationEstimate, join_rows

MAX_RELATIONS = 40
"""Beyond it the order as written stays: n^3 steps would cost more than planning may."""


SEMI_JOIN_SHARE = 0.5
"""Of a relation's rows may be left by a semi join that is worth making before the relation is joined."""


ALIGNED_SHARE = 0.4
"""What a row of a join counts whose sides need not be moved."""
SMALL_SIDE_BYTES = 16 << 20
"""A side up to this size (uncompressed) is taken to the other one, which then lies as before."""


def order_joins(plan: lp.LogicalPlan, estimator: Estimator) -> lp.LogicalPlan:
    """Reorders every cluster of inner joins in a plan."""
    if not _is_cluster(plan):
        return plan.map_inputs(lambda child: order_joins(child, estimator))
    cluster = _Cluster()
    _take_apart(plan, cluster)
    if len(cluster.relations) > MAX_RELATIONS:
        return plan.map_inputs(lambda child: order_joins(child, estimator))
    relations = [order_joins(relation, estimator) for relation in cluster.relations]
    late: list[lp.Join] = []
    for semi in reversed(cluster.semi_joins):
        tested = lp.replace(semi, right=order_joins(semi.right, estimator))
        if not _filter_early(tested, relations, estimator):
            late.append(tested)
    ordered = _put_together(relations, cluster.terms, estimator)
    for semi in late:
        ordered = lp.replace(semi, left=ordered)
    if [a.id for a in ordered.output] == [a.id for a in plan.output]:
        return ordered
    return lp.Project(ordered, plan.output)


def _is_inner(plan: lp.LogicalPlan) -> bool:
    return (
        isinstance(plan, lp.Join)
        and plan.type in (JoinType.INNER, JoinType.CROSS)
        and plan.hint is None
        and plan.mark is None
    )


def _is_semi(plan: lp.LogicalPlan) -> bool:
    return (
        isinstance(plan, lp.Join)
        and plan.type is JoinType.SEMI
        and plan.hint is None
        and (plan.condition is None or is_free(plan.condition))
    )


def _is_cluster(plan: lp.LogicalPlan) -> bool:
    """Whether a plan is an inner join, or a semi join that tests the rows of one."""
    while isinstance(plan, lp.Join) and _is_semi(plan):
        plan = _without_dropping(plan.left)
    return _is_inner(plan)


def _without_dropping(plan: lp.LogicalPlan) -> lp.LogicalPlan:
    """The child of a projection that only drops columns: it does not keep joins apart; pruning comes afterwards."""
    if isinstance(plan, lp.Project) and all(c in plan.child.output for c in plan.columns):
        return plan.child
    return plan


@dataclass(slots=True)
class _Cluster:
    """Inner joins taken apart, and the semi joins that stood over them, the uppermost first."""

    relations: list[lp.LogicalPlan] = field(default_factory=list)
    terms: list[Expression] = field(default_factory=list)
    semi_joins: list[lp.Join] = field(default_factory=list)


def _take_apart(plan: lp.LogicalPlan, cluster: _Cluster) -> None:
    inside = _without_dropping(plan)
    if not isinstance(inside, lp.Join) or not _is_cluster(inside):
        cluster.relations.append(plan)
    elif inside.type is JoinType.SEMI:
        cluster.semi_joins.append(inside)
        _take_apart(inside.left, cluster)
    else:
        _take_apart(inside.left, cluster)
        _take_apart(inside.right, cluster)
        cluster.terms.extend(conjuncts(inside.condition))


def _filter_early(semi: lp.Join, relations: list[lp.LogicalPlan], estimator: Estimator) -> bool:
    """Puts a semi join over the relation it tests, if that is one and it pays."""
    if semi.condition is None:
        return False
    reads = references(semi.condition) - {a.id for a in semi.right.output}
    for position, relation in enumerate(relations):
        if reads <= {a.id for a in relation.output}:
            filtered = lp.replace(semi, left=relation)
            if estimator.estimate(filtered).rows > estimator.estimate(relation).rows * SEMI_JOIN_SHARE:
                return False
            relations[position] = filtered
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Part:
    number: int
    plan: lp.LogicalPlan
    ids: frozenset[int]
    estimate: RelationEstimate
    width: float
    sorted_by: frozenset[int]
    """Columns by which the part lies sorted in its files."""

    @property
    def bytes(self) -> float:
        return self.estimate.rows * self.width


def _put_together(relations: list[lp.LogicalPlan], terms: list[Expression], estimator: Estimator) -> lp.LogicalPlan:
    # With two relations there is nothing to choose, and nothing to know about how they lie.
    keys = _key_columns(terms) if len(relations) > 2 else frozenset()
    parts = [_part(number, relation, keys, estimator) for number, relation in enumerate(relations)]
    made = len(parts)
    waiting = [(term, frozenset(references(term))) for term in dict.fromkeys(terms)]
    scores: dict[tuple[int, int], tuple[bool, float, float]] = {}
    while len(parts) > 1:
        best: tuple[bool, float, float] | None = None
        pair = (0, 1)
        for i in range(len(parts)):
            for j in range(i + 1, len(parts)):
                key = (parts[i].number, parts[j].number)
                score = scores.get(key)
                if score is None:
                    score = scores[key] = _score(parts[i], parts[j], waiting)
                if best is None or score < best:
                    best, pair = score, (i, j)
        one, other = parts[pair[0]], parts[pair[1]]
        joined = _join(made, one, other, waiting, estimator)
        made += 1
        waiting = [(t, ids) for t, ids in waiting if not ids <= joined.ids]
        parts = [p for p in parts if p is not one and p is not other] + [joined]
    plan = parts[0].plan
    left = conjunction(term for term, _ in waiting)
    return plan if left is None else lp.Filter(plan, left)


def _key_columns(terms: list[Expression]) -> frozenset[int]:
    """The columns that are equated with others."""
    sides = [side for term in terms for side in equated(term) or ()]
    return frozenset(side.id for side in sides if isinstance(side, Attribute))


def _part(number: int, plan: lp.LogicalPlan, keys: frozenset[int], estimator: Estimator) -> _Part:
    return _made(number, plan, _sorted_by(plan, keys), estimator)


def _made(number: int, plan: lp.LogicalPlan, sorted_by: frozenset[int], estimator: Estimator) -> _Part:
    estimate = estimator.estimate(plan)
    ids = frozenset(a.id for a in plan.output)
    return _Part(number, plan, ids, estimate, estimate.width(plan.output), sorted_by)


def _sorted_by(plan: lp.LogicalPlan, keys: frozenset[int]) -> frozenset[int]:
    """Those of the columns by which the files a relation is read from are sorted."""
    while isinstance(plan, lp.Filter | lp.Project | lp.Join):
        if isinstance(plan, lp.Join) and plan.type not in (JoinType.SEMI, JoinType.ANTI):
            return frozenset()
        plan = plan.left if isinstance(plan, lp.Join) else plan.child
    if not isinstance(plan, lp.Scan):
        return frozenset()
    positions = {f.name: i for i, f in enumerate(plan.source.schema.fields)}
    candidates = [a for a in plan.attributes if a.id in keys]
    return frozenset(a.id for a in candidates if clustering(plan.source, positions[a.name]) is not None)


def _aligned_keys(one: _Part, other: _Part, terms: list[Expression]) -> frozenset[int]:
    """The columns by which both parts are sorted and joined; empty when there are none."""
    if not one.sorted_by or not other.sorted_by:
        return frozenset()
    for term in terms:
        sides = equated(term)
        if sides is not None and all(isinstance(side, Attribute) for side in sides):
            ids = {side.id for side in sides if isinstance(side, Attribute)}
            if ids & one.sorted_by and ids & other.sorted_by:
                return frozenset(ids)
    return frozenset()


def _between(one: _Part, other: _Part, waiting: list[tuple[Expression, frozenset[int]]]) -> list[Expression]:
    ids = one.ids | other.ids
    return [t for t, reads in waiting if reads <= ids and not reads <= one.ids and not reads <= other.ids]


def _score(one: _Part, other: _Part, waiting: list[tuple[Expression, frozenset[int]]]) -> tuple[bool, float, float]:
    """Cross products last; otherwise rows that come out, less where nothing is moved, then rows that go in."""
    terms = _between(one, other, waiting)
    single = min(one.estimate.rows, other.estimate.rows) <= 1
    rows = join_rows(one.estimate, other.estimate, conjunction(terms))
    if _aligned_keys(one, other, terms):
        rows *= ALIGNED_SHARE
    return (not terms and not single, rows, one.estimate.rows + other.estimate.rows)


def _join(
    number: int, one: _Part, other: _Part, waiting: list[tuple[Expression, frozenset[int]]], estimator: Estimator
) -> _Part:
    """The larger side to the left, where rows stream past the hash table of the right."""
    if one.bytes < other.bytes:
        one, other = other, one
    terms = _between(one, other, waiting)
    condition = conjunction(terms)
    kind = JoinType.CROSS if condition is None else JoinType.INNER
    sorted_by = _aligned_keys(one, other, terms)
    if not sorted_by and other.bytes <= SMALL_SIDE_BYTES:
        sorted_by = one.sorted_by
    return _made(number, lp.Join(one.plan, other.plan, kind, condition), sorted_by, estimator)
