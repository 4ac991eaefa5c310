"""EXPLAIN in all of Spark's modes."""

from __future__ import annotations

from headrace_driver.plan import logical as lp
from headrace_driver.plan.display.logical import logical_text
from headrace_driver.plan.display.physical import physical_text
from headrace_driver.plan.logical import ExplainMode
from headrace_driver.plan.physical.exchange import ReadBroadcast, ReadExchange
from headrace_driver.plan.physical.operator import Operator
from headrace_driver.plan.physical.operators import walk
from headrace_driver.plan.physical.planner import Planner
from headrace_driver.plan.stage import ClusterShape
from headrace_driver.plan.stages.compile import StageCompiler
from headrace_driver.render.expressions import Renderer


def explain_text(
    parsed: lp.LogicalPlan,
    analysed: lp.LogicalPlan,
    optimized: lp.LogicalPlan,
    cluster: ClusterShape,
    mode: ExplainMode,
    time_zone: str,
) -> str:
    """The text of EXPLAIN, with the physical plan that estimates suggest: real sizes may change it as stages finish."""
    planner = Planner(optimized, cluster, estimating=True)
    root = planner.advance()
    assert root is not None, "a planner with estimates never waits"
    # As Spark's: a plan of one stage has nothing to adapt.
    adaptive = "AdaptivePlan isFinalPlan=false\n" if planner.requested else ""
    physical = f"== Physical Plan ==\n{adaptive}{physical_text(root, {})}"
    if mode is ExplainMode.EXTENDED:
        return (
            f"== Parsed Logical Plan ==\n{logical_text(parsed)}\n== Analyzed Logical Plan ==\n{_columns(analysed)}"
            f"{logical_text(analysed)}\n== Optimized Logical Plan ==\n{logical_text(optimized)}\n{physical}"
        )
    if mode is ExplainMode.COST:
        return f"== Optimized Logical Plan ==\n{logical_text(optimized, costs=True)}\n{physical}"
    if mode in (ExplainMode.FORMATTED, ExplainMode.CODEGEN):
        return f"{physical}\n{_stages(root, planner, cluster, time_zone, texts=mode is ExplainMode.CODEGEN)}"
    return physical


def _columns(plan: lp.LogicalPlan) -> str:
    return ", ".join(f"{a.name}: {a.type.name}" for a in plan.output) + "\n"


def _stages(root: Operator, planner: Planner, cluster: ClusterShape, time_zone: str, texts: bool) -> str:
    """Every stage with its inputs; `texts` adds the kernel programs (what Spark's generated code is to Spark)."""
    compiler = StageCompiler(0, cluster, Renderer(time_zone))
    lines: list[str] = ["== Stages =="]
    for exchange in planner.requested:
        spec = compiler.exchange(exchange)
        reads = f", reads stages {', '.join(map(str, spec.reads))}" if spec.reads else ""
        lines.append(f"({spec.stage_id}) {exchange.kind.value} exchange: {spec.description}{reads}")
        if texts:
            lines.append(f"    {spec.program.sql}")
    final = [op for op in walk(root) if isinstance(op, ReadExchange | ReadBroadcast)]
    sources = ", ".join(str(op.exchange.stage_id) for op in final)
    lines.append(f"(result) reads stages {sources}" if final else "(result)")
    return "\n".join(lines) + "\n"
