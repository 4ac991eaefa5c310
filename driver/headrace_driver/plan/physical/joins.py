"""How a join's two sides come together: by broadcast, by shuffle, or without moving anything.

The side expected to be smaller is made first, hashed by the join keys. Its real size then decides: small enough, every
task of the other side reads it whole (broadcast) and the other side stays where it is; otherwise the other side is
hashed alike. A side that is tiny from the start is computed by each task that needs it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from headrace_driver.plan import logical as lp
from headrace_driver.plan.conditions import conjuncts
from headrace_driver.plan.expressions import Attribute, Expression
from headrace_driver.plan.logical import JoinHint, JoinType
from headrace_driver.plan.optimizer.terms import conjunction
from headrace_driver.plan.physical import empty, skew
from headrace_driver.plan.physical.exchange import Exchange, ExchangeKind
from headrace_driver.plan.physical.key_filters import filtered_by_keys
from headrace_driver.plan.physical.keys import key_pairs
from headrace_driver.plan.physical.operator import ANYHOW, EVERYWHERE, Estimate, Operator, Placement, Spread
from headrace_driver.plan.physical.operators import AggregatePartial, JoinRows
from headrace_driver.plan.physical.reading import hashed, read, read_whole, size_of
from headrace_driver.plan.physical.small import multiplies

if TYPE_CHECKING:
    from headrace_driver.plan.physical.planner import Planned, Planner

FILTER_PAYS_ABOVE = 4
"""Rows of a semi join's right side for one of its left, above which the left's keys are looked up there first."""
_BUILD_RIGHT_ONLY = (JoinType.LEFT, JoinType.SEMI, JoinType.ANTI)
_SHUFFLE_HINTS = (JoinHint.MERGE, JoinHint.SHUFFLE_HASH_LEFT, JoinHint.SHUFFLE_HASH_RIGHT)
"""The user wants both sides moved, small or not; ways of joining that need a sort are joined by hash all the same."""
_SWAPPED = {
    JoinType.INNER: JoinType.INNER,
    JoinType.CROSS: JoinType.CROSS,
    JoinType.LEFT: JoinType.RIGHT,
    JoinType.RIGHT: JoinType.LEFT,
    JoinType.FULL: JoinType.FULL,
}


def plan_join(planner: Planner, node: lp.Join) -> Planned:
    """Plans one join; None while a side has to be made first."""
    pairs, _ = key_pairs(node)
    small_left, small_right = planner.is_small(node.left), planner.is_small(node.right)
    if not pairs and multiplies(node, planner.estimator, planner.options):
        return _broadcast_only(planner, node)
    if small_left and small_right:
        return _inline(planner, node, build_left=False)
    if node.hint in _SHUFFLE_HINTS and pairs and not node.null_aware:
        return _adaptive(planner, node, pairs)
    if small_right and _may_broadcast_right(node):
        return _inline(planner, node, build_left=False)
    if small_left and _may_broadcast_left(node):
        return _inline(planner, node, build_left=True)
    if node.null_aware or not pairs:
        return _broadcast_only(planner, node)
    return _adaptive(planner, node, pairs)


def _may_broadcast_right(node: lp.Join) -> bool:
    return node.type not in (JoinType.RIGHT, JoinType.FULL)


def _may_broadcast_left(node: lp.Join) -> bool:
    return node.type in (JoinType.INNER, JoinType.CROSS, JoinType.RIGHT) and node.mark is None


def _inline(planner: Planner, node: lp.Join, build_left: bool) -> Planned:
    """One side (or both) is tiny: each task of the other computes it."""
    left, right = planner.plan(node.left), planner.plan(node.right)
    nothing = empty.join_of_nothing(planner, node, empty.is_empty(left), empty.is_empty(right), left)
    if nothing is not None or left is None or right is None:
        return nothing
    return _join(planner, node, left, right, "small side read by every task", build_left)


def _broadcast_only(planner: Planner, node: lp.Join) -> Planned:
    """No keys to hash by, or semantics that need one side whole: broadcast whatever its size."""
    if node.type is JoinType.FULL:
        return _one_task(planner, node)
    smaller_left = planner.estimate(node.left).bytes < planner.estimate(node.right).bytes
    build_left = node.type is JoinType.RIGHT or (smaller_left and _may_broadcast_left(node))
    left, right = planner.plan(node.left), planner.plan(node.right)
    build, role = (left, "broadcast left") if build_left else (right, "broadcast right")
    made = planner.asked(node, role)
    no_left, no_right = (empty.is_empty(side) for side in (left, right))
    if made is not None and empty.has_no_rows(made):
        no_left, no_right = no_left or build_left, no_right or not build_left
    nothing = empty.join_of_nothing(planner, node, no_left, no_right, left)
    if nothing is not None:
        return nothing
    if build is not None and build.placement.spread is not Spread.EVERYWHERE:
        exchange = planner.exchange(node, role, build, ExchangeKind.SINGLE)
        build = None if exchange is None else read_whole(exchange)
    if left is None or right is None or build is None:
        return None
    probe = right if build_left else left
    strategy = "broadcast: no keys to partition by"
    if not node.null_aware and multiplies(node, planner.estimator, planner.options):
        pieces = _in_pieces(planner, node, probe)
        if pieces is None:
            return None
        if pieces is not probe:
            strategy += ", other side in pieces"
        probe = pieces
    left, right = (build, probe) if build_left else (probe, build)
    return _join(planner, node, left, right, strategy, build_left)


def _in_pieces(planner: Planner, node: lp.Join, probe: Operator) -> Planned:
    """Rows each of which meets very many others, in a task for every slot where they would lie in fewer."""
    slots = planner.cluster.slots
    few = probe.estimate.rows < planner.options.scan_task_rows * slots
    if slots == 1 or not (few or probe.placement.spread in (Spread.EVERYWHERE, Spread.ONE_TASK)):
        return probe
    if planner.asked(node, "pieces") is None:
        planner.decisions.append(
            f"a join without keys of {int(planner.estimate(node.left).rows):,} and "
            f"{int(planner.estimate(node.right).rows):,} rows: one side in {slots} pieces, each meets all of the other"
        )
    exchange = planner.exchange(node, "pieces", probe, ExchangeKind.ROUND_ROBIN, (), slots)
    return None if exchange is None else read(exchange, ANYHOW, exact_tasks=True)


def _one_task(planner: Planner, node: lp.Join) -> Planned:
    """A full outer join without keys: both sides in one task."""
    left, right = planner.plan(node.left), planner.plan(node.right)
    left = None if left is None else planner.whole(node, "left", left)
    right = None if right is None else planner.whole(node, "right", right)
    if left is None or right is None:
        return None
    return _join(planner, node, left, right, "one task: full outer join without keys", build_left=False)


def _adaptive(planner: Planner, node: lp.Join, pairs: list[tuple[Expression, Expression]]) -> Planned:
    """The smaller side first; its real size decides."""
    build_left = _build_left(planner, node)
    left, right = planner.plan(node.left), planner.plan(node.right)
    nothing = _nothing(planner, node, left, right, build_left)
    if nothing is not None:
        return nothing
    if left is not None and right is not None and node.hint is None and planner.asked(node, "build") is None:
        aligned = planner.aligner.join(left, right, pairs)
        if aligned is not None:
            return _join(planner, node, *aligned, "aligned: both sides are sorted by the key", build_left)
    if (left is None or right is None) and planner.asked(node, "build") is None and node.hint is None:
        # One side still waits for others: what it will look like decides whether anything has to be moved.
        return None
    build, probe = (left, right) if build_left else (right, left)
    keys = [pair[0 if build_left else 1] for pair in pairs]
    other_keys = [pair[1 if build_left else 0] for pair in pairs]
    if build is None:
        return None
    everywhere = build.placement.spread is Spread.EVERYWHERE and node.hint not in _SHUFFLE_HINTS
    if everywhere and _may_broadcast(node, build_left):
        if left is None or right is None:
            return None
        return _join(planner, node, left, right, "small side computed by every task", build_left)
    probe_size = probe.estimate if probe is not None else planner.estimate(node.left if not build_left else node.right)
    partitions = planner.partitions_for(max(build.estimate.bytes, probe_size.bytes))
    if planner.asked(node, "filter") is not None or (
        left is not None and right is not None and _filter_right(planner, node, pairs)
    ):
        return None if left is None or right is None else _filtered_right(planner, node, left, right, pairs)
    made = planner.exchange(node, "build", build, ExchangeKind.HASH, keys, partitions)
    if made is None or probe is None:
        return None
    return _decide(planner, node, made, probe, keys, other_keys, build_left)


def _nothing(
    planner: Planner, node: lp.Join, left: Operator | None, right: Operator | None, build_left: bool
) -> Planned:
    """The join's result if a side that was made has no rows."""
    built = empty.has_no_rows(planner.asked(node, "build"))
    no_left = empty.is_empty(left) or (built and build_left) or empty.has_no_rows(planner.asked(node, "filter"))
    no_right = empty.is_empty(right) or (built and not build_left)
    return empty.join_of_nothing(planner, node, no_left, no_right, left) if no_left or no_right else None


def _filter_right(planner: Planner, node: lp.Join, pairs: list[tuple[Expression, Expression]]) -> bool:
    """Whether a semi or anti join tests few rows against many, so that most of the many need not be moved."""
    if node.type not in (JoinType.SEMI, JoinType.ANTI) or node.mark is not None or node.hint is not None:
        return False
    if planner.asked(node, "build") is not None or not all(isinstance(right, Attribute) for _, right in pairs):
        return False
    return planner.estimate(node.left).rows * FILTER_PAYS_ABOVE < planner.estimate(node.right).rows


def _filtered_right(
    planner: Planner, node: lp.Join, left: Operator, right: Operator, pairs: list[tuple[Expression, Expression]]
) -> Planned:
    """The left side first. If it is small, the right side's rows that meet its keys are picked where they lie."""
    left_keys, right_keys = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    partitions = planner.partitions_for(left.estimate.bytes)
    tested = planner.exchange(node, "filter", left, ExchangeKind.HASH, left_keys, partitions)
    if tested is None:
        return None
    size = size_of(tested)
    asked = planner.asked(node, "build")
    if asked is not None:
        kept = asked.child
    elif _broadcast_pays(planner, node, size, right):
        planner.decisions.append(
            f"stage {tested.stage_id}: {int(size.rows):,} rows, {_mib(size.bytes)}: its keys filter the other side"
        )
        kept = _meeting(node, right, tested, size, pairs)
    else:
        kept = right
    made = planner.exchange(node, "build", kept, ExchangeKind.HASH, right_keys, tested.partitions)
    if made is None:
        return None
    strategy = "shuffle" if kept is right else "shuffle, right side filtered by the left's keys"
    sides = read(tested, hashed(left_keys, tested.partitions)), read(made, hashed(right_keys, tested.partitions))
    return _shuffled(planner, node, *sides, left_keys, strategy, build_left=False)


def _meeting(
    node: lp.Join, right: Operator, tested: Exchange, size: Estimate, pairs: list[tuple[Expression, Expression]]
) -> Operator:
    """The right side's rows whose keys the left side has; one of each where nothing but the keys is asked of them."""
    _, others = key_pairs(node)
    condition = conjunction(term for term in conjuncts(node.condition) if term not in others)
    rows = min(right.estimate.rows, size.rows * FILTER_PAYS_ABOVE)
    estimate = Estimate(rows, rows * right.estimate.row_bytes)
    met: Operator = JoinRows(
        right, read_whole(tested), JoinType.SEMI, condition, "broadcast", right.output, right.placement, estimate
    )
    keys = tuple(dict.fromkeys(key for _, key in pairs if isinstance(key, Attribute)))
    if {a.id for a in right.output} != {key.id for key in keys}:
        return met
    rows = min(rows, size.rows)
    return AggregatePartial(met, keys, (), keys, met.placement, Estimate(rows, rows * right.estimate.row_bytes))


def _build_left(planner: Planner, node: lp.Join) -> bool:
    if node.hint in (JoinHint.BROADCAST_LEFT, JoinHint.SHUFFLE_HASH_LEFT):
        return True
    if node.hint in (JoinHint.BROADCAST_RIGHT, JoinHint.SHUFFLE_HASH_RIGHT) or node.type in _BUILD_RIGHT_ONLY:
        return False
    if node.type is JoinType.RIGHT:
        return True
    return planner.estimate(node.left).bytes < planner.estimate(node.right).bytes


def _may_broadcast(node: lp.Join, build_left: bool) -> bool:
    return _may_broadcast_left(node) if build_left else _may_broadcast_right(node)


def _decide(
    planner: Planner,
    node: lp.Join,
    made: Exchange,
    probe: Operator,
    keys: list[Expression],
    other_keys: list[Expression],
    build_left: bool,
) -> Planned:
    size = size_of(made)
    shuffled = planner.asked(node, "probe")
    filtered = planner.asked(node, "keys")
    if shuffled is None and filtered is None and _may_broadcast(node, build_left):
        pays = _broadcast_pays(planner, node, size, probe)
        planner.decisions.extend(_said_of_broadcast(planner, node, made, probe, pays))
    else:
        pays = False
    if pays:
        whole = read_whole(made)
        left, right = (whole, probe) if build_left else (probe, whole)
        return _join(planner, node, left, right, "broadcast", build_left)
    strategy = "shuffle"
    if shuffled is None and _placed_alike(probe.placement, other_keys, made.partitions):
        other: Operator = probe
    else:
        _, rest = key_pairs(node)
        equalities = [term for term in conjuncts(node.condition) if term not in rest]
        moved = shuffled.child if shuffled is not None else None
        if moved is None:
            moved = filtered_by_keys(planner, node, made, probe, keys, other_keys, equalities)
        if moved is None:
            return None
        if planner.asked(node, "keys") is not None:
            strategy += ", second side filtered by the first's keys"
        exchange = planner.exchange(node, "probe", moved, ExchangeKind.HASH, other_keys, made.partitions)
        if exchange is None:
            return None
        other = read(exchange, hashed(other_keys, made.partitions))
    built = read(made, hashed(keys, made.partitions))
    left, right = (built, other) if build_left else (other, built)
    return _shuffled(planner, node, left, right, keys if build_left else other_keys, strategy, build_left)


def _said_of_broadcast(planner: Planner, node: lp.Join, made: Exchange, probe: Operator, pays: bool) -> list[str]:
    """What the real size of a join's first side decided, and whether its estimate would have decided otherwise."""
    size, expected = size_of(made), made.child.estimate
    text = f"stage {made.stage_id}: {int(size.rows):,} rows, {_mib(size.bytes)}"
    changed = not made.origin.estimated and _broadcast_pays(planner, node, expected, probe) != pays
    if changed:
        text += f" where {_mib(expected.bytes)} were expected"
    if pays:
        return [f"{text}: broadcast, other side not shuffled"]
    return [f"{text}: too large to broadcast, other side shuffled"] if changed else []


def _shuffled(
    planner: Planner,
    node: lp.Join,
    left: Operator,
    right: Operator,
    left_keys: list[Expression],
    strategy: str,
    build_left: bool,
) -> Operator:
    """Both sides meet by hash, skewed partitions of either in pieces where that is right."""
    split = skew.split_join(planner, node, left, right, left_keys)
    if split[0] is not left:
        strategy += ", skewed partitions split"
    return _join(planner, node, *split, strategy, build_left)


def _placed_alike(placement: Placement, keys: list[Expression], partitions: int) -> bool:
    """Whether rows are already hashed by exactly these keys, in this order, into as many partitions."""
    ids = tuple(k.id for k in keys if isinstance(k, Attribute))
    return (
        placement.spread is Spread.HASHED
        and placement.partitions == partitions
        and len(ids) == len(keys)
        and ids in placement.keys
    )


def _broadcast_pays(planner: Planner, node: lp.Join, size: Estimate, probe: Operator) -> bool:
    if node.hint in (JoinHint.BROADCAST_LEFT, JoinHint.BROADCAST_RIGHT):
        # Asked for, but not at the price of tasks that cannot finish: the kernel's hash table is twice these bytes.
        return size.bytes * 2 <= planner.cluster.memory_bytes_per_slot
    if node.hint in _SHUFFLE_HINTS:
        return False
    if size.bytes <= planner.options.always_broadcast_bytes:
        return True
    if size.bytes > planner.cluster.memory_bytes_per_slot * planner.options.broadcast_share:
        return False
    return size.bytes * planner.cluster.slots * planner.options.broadcast_cost <= probe.estimate.bytes + size.bytes


def _join(
    planner: Planner, node: lp.Join, left: Operator, right: Operator, strategy: str, build_left: bool
) -> Operator:
    """The operator; the side the hash table is made of goes to the right, where the kernel builds."""
    kind = node.type
    pairs, _ = key_pairs(node)
    placement = _placement(left, right, kind, pairs)
    swap = (build_left or _smaller(left, right, strategy)) and kind in _SWAPPED and node.mark is None
    if swap:
        left, right, kind = right, left, _SWAPPED[kind]
    estimate = planner.estimate(node)
    return JoinRows(
        left, right, kind, node.condition, strategy, node.output, placement, estimate, node.null_aware, node.mark
    )


def _smaller(left: Operator, right: Operator, strategy: str) -> bool:
    return strategy.startswith(("shuffle", "aligned")) and left.estimate.bytes * 2 < right.estimate.bytes


def _placement(
    left: Operator, right: Operator, kind: JoinType, pairs: list[tuple[Expression, Expression]]
) -> Placement:
    if left.placement.spread is Spread.EVERYWHERE and right.placement.spread is Spread.EVERYWHERE:
        return EVERYWHERE
    driving = right if left.placement.spread is Spread.EVERYWHERE else left
    other = left if driving is right else right
    place = driving.placement
    if not place.is_keyed:
        return place
    keys = list(place.keys)
    if kind is JoinType.INNER:
        keys.extend(k for k in other.placement.keys if other.placement.spread is place.spread)
        keys.extend(_equivalent(place.keys, pairs))
    elif kind is JoinType.FULL:
        keys = []
    return replace(place, keys=tuple(dict.fromkeys(keys)))


def _equivalent(keys: tuple[tuple[int, ...], ...], pairs: list[tuple[Expression, Expression]]) -> list[tuple[int, ...]]:
    """The same placement named by the columns an inner join makes equal."""
    same: dict[int, int] = {}
    for one, other in pairs:
        if isinstance(one, Attribute) and isinstance(other, Attribute):
            same[one.id], same[other.id] = other.id, one.id
    return [tuple(same[i] for i in ids) for ids in keys if all(i in same for i in ids)]


def _mib(size: float) -> str:
    return f"{size / (1 << 20):.1f} MiB"
