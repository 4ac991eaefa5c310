"""A write of files as a query: the plan that makes the rows, where tasks put them, and the commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headrace_driver.catalog.writes import FileWrite
from headrace_driver.cluster.job import CommitHook
from headrace_driver.plan import logical as lp
from headrace_proto.v1 import task_pb2


@dataclass(frozen=True, slots=True)
class PreparedWrite:
    """`query` yields the rows in the order of the files' columns."""

    query: lp.LogicalPlan
    files: task_pb2.FileOutput
    commit: CommitHook


def prepare_write(plan: lp.WriteFiles, conf: Mapping[str, str]) -> PreparedWrite:
    """Checks the target by its save mode and names the staging directory; nothing is written yet."""
    write = FileWrite(plan, conf)
    return PreparedWrite(write.query, write.output(), write)
