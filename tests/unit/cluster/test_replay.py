"""What a driver's successor credits to the stages that its own planning gives again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headrace_driver.cluster.replay import Replay, digest_of
from headrace_driver.journal.state import KeptJob, KeptOutput, KeptStep
from headrace_driver.plan.stage import OutputKind, StageSpec
from headrace_proto.v1 import common_pb2, jobs_pb2, task_pb2
from tests.unit.cluster.fakes import stage

JOB = 7
SHAPE = (2, 1, 1 << 30, 2)


def kept(specs: list[StageSpec], outputs: dict[int, list[KeptOutput]]) -> KeptJob:
    job = KeptJob(JOB, "s", "o", 0, jobs_pb2.JobSummary(job_id=JOB).SerializeToString(), None)
    job.steps = [KeptStep(-1, SHAPE)]
    job.digests = {spec.stage_id: digest_of(spec) for spec in specs}
    job.outputs = outputs
    return job


def output(stage_id: int, *, is_judged: bool) -> KeptOutput:
    done = task_pb2.TaskStatus(
        id=common_pb2.TaskId(job_id=JOB, stage_id=stage_id), state=task_pb2.TaskStatus.FINISHED, executor_id="a/0"
    )
    return KeptOutput(0, "a", "a1", done.SerializeToString(), is_judged=is_judged)


@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.parametrize("is_judged", [True, False])
def test_what_ended_without_a_driver_counts_where_all_runs_give_the_same_rows(
    deterministic: bool, is_judged: bool
) -> None:
    """Of other rows it may have been made of those that the earlier driver had replaced while it ran."""
    first = replace(stage(1, OutputKind.SHUFFLE, 1), deterministic=deterministic)
    reader = replace(stage(2, OutputKind.SHUFFLE, 1), reads=(1,))
    outputs = {1: [output(1, is_judged=True)], 2: [output(2, is_judged=is_judged)]}
    replay = Replay(kept([first, reader], outputs), lambda *_: True)
    assert replay.shape(-1) is not None
    replay.planned([first, reader])
    credited = {restored.stage_id: len(restored.outputs) for restored in replay.rest()}
    assert credited == {1: 1, 2: 1 if deterministic or is_judged else 0}
