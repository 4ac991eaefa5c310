"""`headrace jobs`, `headrace job`, `headrace cancel`: what runs and ran on the cluster."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import click

from headrace.commands import tables
from headrace.commands.options import client_of, with_settings
from headrace.errors import ExitCode
from headrace.quantities import byte_text, duration_text, time_text
from headrace.settings import Settings, registry

if TYPE_CHECKING:
    from rich.table import Table

    from headrace_proto.v1 import jobs_pb2

_TASKS_SHOWN = 100
"""A job of more tasks lists them with --tasks only."""
_DESCRIPTION = (24, 80)
"""Characters of a job's description in a list: in a narrow terminal and at most."""
_OTHER_COLUMNS = 95
"""What the other columns of the list take, about."""
_SPARE = (">shuffled", ">stages", ">rows", "submitted", ">tasks")
"""Columns of the list that a narrow terminal can do without, in this order."""
_JOB_ID = click.IntRange(0, (1 << 64) - 1)


@click.command()
@click.option(
    "--limit",
    type=click.IntRange(0, (1 << 32) - 1),
    default=50,
    show_default=True,
    metavar="N",
    help="At most so many, the newest first; 0: all.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@with_settings(registry.CLUSTER_DRIVER, *registry.CLIENT_SECURITY)
def jobs(settings: Settings, limit: int, as_json: bool) -> None:
    """List jobs, the newest first."""
    with client_of(settings) as client:
        found = client.list_jobs(limit)
    if as_json:
        tables.show_json([tables.as_json(summary) for summary in found])
        return
    titles = (">job", "state", "submitted", ">time", ">stages", ">tasks", ">rows", ">shuffled", "description")
    width = tables.terminal_width()
    tables.show(tables.table(titles, [_summary_row(summary, width) for summary in found], width, _SPARE))


@click.command()
@click.argument("job_id", type=_JOB_ID)
@click.option("--plan", is_flag=True, help="Show the plans; the physical one with real rows, bytes, time and spill.")
@click.option("--tasks", is_flag=True, help=f"List every task, also of a job of more than {_TASKS_SHOWN}.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object with everything.")
@with_settings(registry.CLUSTER_DRIVER, *registry.CLIENT_SECURITY)
def job(settings: Settings, job_id: int, plan: bool, tasks: bool, as_json: bool) -> None:
    """Show one job: its stages, where its tasks ran and how near to their data, and its plan."""
    with client_of(settings) as client:
        detail = client.get_job(job_id)
    if as_json:
        tables.show_json(tables.as_json(detail))
        return
    _show_summary(detail)
    if plan:
        _show_plans(detail)
        return
    tables.show(_stage_table(detail))
    count = sum(len(stage.tasks) for stage in detail.stages)
    if tasks or count <= _TASKS_SHOWN:
        tables.show(_task_table(detail))
    else:
        click.echo(f"{count} tasks; --tasks lists them.")


@click.command()
@click.argument("job_id", type=_JOB_ID)
@click.option("--reason", default="cancelled from the command line", help="Told to whoever waits for the job.")
@with_settings(registry.CLUSTER_DRIVER, *registry.CLIENT_SECURITY)
def cancel(settings: Settings, job_id: int, reason: str) -> int:
    """Cancel a job. Ends with exit code 1 where it had ended already."""
    with client_of(settings) as client:
        cancelled = client.cancel_job(job_id, reason)
    click.echo(f"Job {job_id} is cancelled." if cancelled else f"Job {job_id} had ended already.")
    return ExitCode.OK if cancelled else ExitCode.FAILED


def _elapsed_us(summary: jobs_pb2.JobSummary) -> int:
    end_us = summary.finished_us or int(time.time() * 1e6)
    return max(0, end_us - summary.submitted_us)


def _summary_row(summary: jobs_pb2.JobSummary, width: int) -> tuple[str, ...]:
    """`width` of the terminal; the description gives way first, down to what tells one query from another."""
    description_max = max(_DESCRIPTION[0], min(_DESCRIPTION[1], width - _OTHER_COLUMNS)) if width else _DESCRIPTION[1]
    from headrace.job_text import state_text

    return (
        str(summary.job_id),
        state_text(summary.state),
        time_text(summary.submitted_us),
        duration_text(_elapsed_us(summary)),
        f"{summary.stages_finished}/{summary.stages}",
        f"{summary.tasks_finished}/{summary.tasks}",
        f"{summary.rows_out:,}",
        byte_text(summary.shuffle_bytes),
        " ".join(summary.description.split())[:description_max],
    )


def _show_summary(detail: jobs_pb2.JobDetail) -> None:
    from headrace.job_text import describe_failure, state_text

    summary = detail.summary
    click.echo(f"Job {summary.job_id}: {state_text(summary.state)} in {duration_text(_elapsed_us(summary))}")
    click.echo(f"  {summary.description}")
    click.echo(
        f"  submitted {time_text(summary.submitted_us)}, planning {duration_text(summary.planning_us)}, "
        f"{summary.rows_out:,} rows, {byte_text(summary.shuffle_bytes)} shuffled, "
        f"{byte_text(summary.spill_bytes)} spilled, {summary.tasks_failed} failed task attempts"
    )
    times = ", ".join(f"{name} {duration_text(spent_us)}" for name, spent_us in sorted(detail.time_us.items()))
    if times:
        click.echo(f"  {times}")
    failure = describe_failure(summary.failure)
    if failure:
        click.echo(f"  {failure}")
    for decision in detail.decisions:
        click.echo(f"  decided: {decision}")


def _show_plans(detail: jobs_pb2.JobDetail) -> None:
    for title, text in (
        ("Logical plan", detail.logical_plan),
        ("Optimized plan", detail.optimized_plan),
        ("Physical plan", detail.physical_plan),
    ):
        click.echo(f"\n== {title} ==\n{text.rstrip() or '(none)'}")
    for stage in detail.stages:
        reads = f", reads {', '.join(map(str, stage.parents))}" if stage.parents else ""
        click.echo(f"\n== Stage {stage.stage_id} ({stage.state}{reads}) ==\n{stage.description}\n{stage.sql}")


def _stage_table(detail: jobs_pb2.JobDetail) -> Table:
    from headrace.job_text import locality_text

    rows = []
    for stage in detail.stages:
        metrics = stage.metrics
        near = Counter(task.locality for task in stage.tasks)
        rows.append(
            (
                str(stage.stage_id),
                stage.state,
                str(len(stage.tasks)),
                " ".join(f"{locality_text(level)}:{count}" for level, count in sorted(near.items())),
                f"{metrics.rows_read:,}",
                f"{metrics.rows_out:,}",
                byte_text(metrics.bytes_read),
                byte_text(metrics.fetch_local_bytes),
                byte_text(metrics.fetch_remote_bytes),
                byte_text(metrics.write_bytes),
                byte_text(metrics.spill_bytes),
                byte_text(metrics.peak_memory_bytes),
                duration_text(metrics.run_us),
                stage.description,
            )
        )
    titles = (">stage", "state", ">tasks", "locality", ">rows in", ">rows out", ">read", ">fetched local")
    more = (">remote", ">written", ">spilled", ">peak memory", ">task time", "description")
    return tables.table(titles + more, rows)


def _task_table(detail: jobs_pb2.JobDetail) -> Table:
    from headrace.job_text import describe_failure, locality_text

    rows = [
        (
            f"{task.id.stage_id}.{task.id.partition}.{task.id.attempt}",
            task.state,
            task.worker_id,
            task.executor_id,
            locality_text(task.locality),
            duration_text(task.metrics.run_us),
            f"{task.metrics.rows_out:,}",
            byte_text(task.metrics.peak_memory_bytes),
            describe_failure(task.failure),
        )
        for stage in detail.stages
        for task in stage.tasks
    ]
    titles = ("stage.task.attempt", "state", "worker", "executor", "locality", ">time", ">rows", ">memory", "failure")
    return tables.table(titles, rows)
