"""Local checkpoints whose rows went with an earlier driver: computed again where that gives the same rows, else an
error as Spark's, whose local checkpoints do not outlive their executors either."""

from __future__ import annotations

import os

from headrace_driver.cache.data import CachedData
from headrace_driver.errors import ErrorKind, SparkError
from headrace_driver.plan import logical as lp
from headrace_driver.plan.determinism import is_deterministic


def check_again(cached: CachedData) -> None:
    """Raises CHECKPOINT_RDD_BLOCK_ID_NOT_FOUND for a checkpoint that may not be computed a second time."""
    if not (cached.is_checkpoint and cached.is_restored):
        return
    reason = difference(cached.plan)
    if reason:
        block = f"rdd_{cached.number}_0"
        raise SparkError(
            "CHECKPOINT_RDD_BLOCK_ID_NOT_FOUND",
            f"Checkpoint block {block} not found! Either the executor that originally checkpointed this partition is "
            "no longer alive, or the original RDD is unpersisted. If this problem persists, you may consider using "
            "`rdd.checkpoint()` instead, which is slower than local checkpointing but more fault-tolerant. "
            f"(The driver was restarted, and the rows cannot be made again as they were: {reason}.)",
            {"rddBlockId": block},
            sql_state="56000",
            kind=ErrorKind.SPARK,
        )


def difference(plan: lp.LogicalPlan) -> str:
    """Why a plan might give other rows now than when it was analysed; empty where it gives the same."""
    for op in lp.walk(plan):
        if isinstance(op, lp.Sample):
            return "they are a sample"
        if isinstance(op, lp.Limit | lp.Tail) and not isinstance(op.child, lp.Sort):
            return "they are the first of rows in no certain order"
        if not all(is_deterministic(expression) for expression in op.expressions()):
            return "a function of the plan gives another value each time"
        if isinstance(op, lp.Scan):
            for file in op.source.files():
                if file.modified_us and _is_other(file.path, file.bytes, file.modified_us):
                    return f"{file.path} has changed"
    return ""


def _is_other(path: str, size_bytes: int, modified_us: int) -> bool:
    try:
        found = os.stat(path.removeprefix("file://").removeprefix("file:"))
    except OSError:
        # What only workers see is theirs to miss.
        return False
    return found.st_size != size_bytes or found.st_mtime_ns // 1000 != modified_us
