"""How long planning takes: every TPC-H and TPC-DS query parsed, analysed, optimized and planned, none of them run.

Only the footers of the tables are read. Physical planning works on estimated sizes and compiles every stage, which is
what a query costs the driver over its whole life. Times are CPU time, which other programs on the machine do not
lengthen, of the best of several warm runs.

    python -m benchmarks.planning --tpch DIRECTORY --tpcds DIRECTORY
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from itertools import pairwise
from pathlib import Path

from headrace_driver.connect.arrow_types import arrow_schema
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis import analyze
from headrace_driver.plan.logical import LogicalPlan
from headrace_driver.plan.physical.planner import Planner
from headrace_driver.plan.stage import ClusterShape
from headrace_driver.plan.stages.compile import StageCompiler
from headrace_driver.render.expressions import Renderer
from headrace_driver.sql import parse_statement
from tests.differential import corpus
from tests.unit.plan.session import ZONE, PlanSession, optimized

CLUSTER = ClusterShape(slots=8, threads_per_slot=1, memory_bytes_per_slot=4 << 30, hosts=2)


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of CPU time by part."""

    parse_ms: float
    analyse_ms: float
    optimize_ms: float
    physical_ms: float

    @property
    def total_ms(self) -> float:
        return self.parse_ms + self.analyse_ms + self.optimize_ms + self.physical_ms


def plan_once(text: str, session: PlanSession) -> Times:
    """Plans one query from its text to the programs of its stages."""
    marks = [time.process_time()]
    parsed = parse_statement(text)
    marks.append(time.process_time())
    resolved = analyze(parsed, session)
    marks.append(time.process_time())
    plan = optimized(resolved)
    marks.append(time.process_time())
    compile_stages(plan)
    marks.append(time.process_time())
    return Times(*((b - a) * 1e3 for a, b in pairwise(marks)))


def compile_stages(plan: LogicalPlan) -> None:
    """Every stage of a plan, on estimated sizes."""
    planner = Planner(plan, CLUSTER, estimating=True)
    root = planner.advance()
    assert root is not None
    compiler = StageCompiler(1, CLUSTER, Renderer(ZONE))
    for exchange in planner.requested:
        compiler.exchange(exchange)
    schema = t.StructType(tuple(t.StructField(a.name, a.type, a.null) for a in plan.output))
    compiler.result(planner.new_stage_id(), root, arrow_schema(schema, ZONE).serialize().to_pybytes(), 3 << 20)


def best(text: str, session: PlanSession, runs: int) -> Times:
    """The quickest of several runs; the first, which reads footers, does not count."""
    plan_once(text, session)
    gc.collect()
    return min((plan_once(text, session) for _ in range(runs)), key=lambda times: times.total_ms)


def report(name: str, queries: Mapping[str, str], directory: Path, runs: int) -> None:
    """Prints one line a query, then medians and the slowest."""
    session = PlanSession(directory)
    print(f"{name:<8}{'parse':>9}{'analyse':>9}{'optimize':>9}{'physical':>9}{'total ms':>10}")
    found: dict[str, Times] = {}
    for query, text in queries.items():
        times = found[query] = best(text, session, runs)
        print(f"{query:<8}" + "".join(f"{ms:9.2f}" for ms in astuple(times)) + f"{times.total_ms:10.2f}")
    parts = [statistics.median(column) for column in zip(*map(astuple, found.values()), strict=True)]
    totals = {query: times.total_ms for query, times in found.items()}
    slowest = max(totals, key=totals.__getitem__)
    print(f"{'median':<8}" + "".join(f"{ms:9.2f}" for ms in parts) + f"{statistics.median(totals.values()):10.2f}")
    print(f"slowest: {slowest} {totals[slowest]:.1f} ms\n")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tpch", type=Path, help="directory of TPC-H tables as <table>.parquet")
    parser.add_argument("--tpcds", type=Path, help="directory of TPC-DS tables as <table>.parquet")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    for suite, directory in (("tpch", arguments.tpch), ("tpcds", arguments.tpcds)):
        if directory is not None:
            report(suite, corpus.suite(suite), directory, arguments.runs)


if __name__ == "__main__":
    main()
