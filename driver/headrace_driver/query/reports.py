"""The plans of a job as text, with what its stages really did."""

from __future__ import annotations

from headrace_driver.cluster.history import JobRecord, PlanTexts
from headrace_driver.plan.adaptive import AdaptiveQuery
from headrace_driver.plan.display.logical import logical_text
from headrace_driver.plan.display.physical import StageActuals, physical_text
from headrace_driver.plan.logical import LogicalPlan
from headrace_proto.v1 import jobs_pb2


def plan_texts(
    analysed: LogicalPlan, optimized: LogicalPlan, query: AdaptiveQuery, record: JobRecord | None
) -> PlanTexts:
    """Logical, optimized and physical plan. While decisions are open, the physical plan shows the stages there are."""
    actuals = {} if record is None else _actuals(record)
    final = max(query.stages, default=None)
    if query.root is not None:
        physical = physical_text(query.root, actuals, final)
    else:
        physical = "\n".join(
            f"Stage {stage.stage_id}\n{physical_text(stage.root, actuals)}" for stage in query.stages.values()
        )
    if query.decisions:
        physical += "\nDecided on real sizes:\n" + "".join(f"- {sentence}\n" for sentence in query.decisions)
    return PlanTexts(logical_text(analysed), logical_text(optimized), physical)


def run_text(record: JobRecord) -> str:
    """A job that has ended, below the plan that EXPLAIN made of estimates."""
    detail = record.detail(with_tasks=False)
    said = detail.summary
    state = jobs_pb2.JobState.Name(said.state).removeprefix("JOB_").lower()
    figures = (
        f"{(said.finished_us - said.submitted_us) / 1e6:.3f} s",
        f"planning {said.planning_us / 1e3:.1f} ms",
        f"{said.rows_out:,} rows",
        f"{said.shuffle_bytes:,} bytes shuffled",
        f"{said.spill_bytes:,} bytes spilled",
    )
    return f"\n== Last Run ==\nJob {said.job_id} {state}: {', '.join(figures)}\n{detail.physical_plan}\n"


def _actuals(record: JobRecord) -> dict[int, StageActuals]:
    found: dict[int, StageActuals] = {}
    for stage_id, stage in record.stages.items():
        metrics = stage.metrics
        found[stage_id] = StageActuals(
            state=stage.state,
            tasks=stage.task_count,
            rows=metrics.rows_out,
            bytes=metrics.write_bytes,
            read_bytes=metrics.bytes_read + metrics.fetch_local_bytes + metrics.fetch_remote_bytes,
            spill_bytes=metrics.spill_bytes,
            run_s=metrics.run_us / 1e6,
        )
    return found
