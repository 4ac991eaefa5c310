"""How much a subtree reads and compares: little enough for every task to do it all, or too much for any one."""

from __future__ import annotations

from headrace_driver.plan import logical as lp
from headrace_driver.plan.determinism import is_deterministic
from headrace_driver.plan.logical import JoinType
from headrace_driver.plan.options import PlannerOptions
from headrace_driver.plan.physical.keys import key_pairs
from headrace_driver.plan.statistics import Estimator


def is_small_subtree(node: lp.LogicalPlan, estimator: Estimator, options: PlannerOptions) -> bool:
    """Small files or few rows only, and nothing that multiplies rows or draws random numbers."""
    total_bytes = 0
    total_rows = 0
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, lp.Scan):
            source = current.source
            if source.strict_hosts:
                return False
            total_bytes += sum(f.bytes for f in source.files())
            total_rows += source.rows() or total_bytes // 20
        elif isinstance(current, lp.LocalData | lp.Range):
            total_rows += current.rows
            if isinstance(current, lp.Range) and current.partitions is not None:
                return False
        elif isinstance(current, lp.CTEReference):
            stack.append(current.definition.plan)
        elif isinstance(current, lp.Sample | lp.Repartition | lp.Generate | lp.InMemoryRelation):
            return False
        elif isinstance(current, lp.Join) and not key_pairs(current)[0]:
            if multiplies(current, estimator, options):
                return False
            total_rows = max(total_rows, options.small_rows // (100 if _single_row_side(current) else 2))
        if total_bytes > options.small_bytes or total_rows > options.small_rows or not _deterministic(current):
            return False
        stack.extend(current.inputs())
    return True


def multiplies(join: lp.Join, estimator: Estimator, options: PlannerOptions) -> bool:
    """Whether a join without equalities compares so many pairs of rows that one task would be long at it."""
    if join.type is JoinType.FULL:
        return False
    less, more = sorted(estimator.estimate(side).rows for side in join.inputs())
    return less >= options.meets_rows and less * more > options.task_pairs


def _single_row_side(join: lp.Join) -> bool:
    return any(isinstance(side, lp.Aggregate) and not side.grouping for side in join.inputs())


def _deterministic(node: lp.LogicalPlan) -> bool:
    return all(is_deterministic(e) for e in node.expressions())
