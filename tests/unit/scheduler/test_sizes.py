"""Size codes and what the planner learns of a stage."""

from __future__ import annotations

import numpy as np
import pytest

from headrace_driver.plan import size_codes
from headrace_driver.plan.stage import OutputKind
from headrace_driver.scheduler import actions, outputs
from headrace_proto.v1 import task_pb2
from headrace_worker.shuffle.index import size_codes as codes_of
from tests.unit.scheduler.plans import finish, of_kind, scheduler_with, stage, start


@pytest.mark.parametrize("size_bytes", [1, 100, 12345, 10**9])
def test_codes_of_workers_decode_to_at_most_a_tenth_more(size_bytes: int) -> None:
    [code] = codes_of([size_bytes])
    assert size_bytes * 0.99 <= size_codes.decode(code) + 1
    assert size_codes.decode(code) <= size_bytes * 1.1 + 1


def test_sums_by_reducer_and_by_group() -> None:
    codes = [bytes([0, 10]), b"", bytes([20, 10])]
    ten, twenty = 1.1**10, 1.1**20
    assert size_codes.sums_by_reducer(codes, 2) == [int(twenty), int(2 * ten)]
    by_group = size_codes.sums_by_group(codes, 2, np.array([0, 1, 1]), 2)
    assert by_group[0].tolist() == pytest.approx([0, ten])
    assert by_group[1].tolist() == pytest.approx([twenty, ten])


def test_a_huge_shuffle_keeps_sums_and_no_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "CELLS_MAX", 3)
    scheduler = scheduler_with(("a", "h1", 2))
    keys = start(scheduler, 1, stage(1, tasks=2, reducers=2))["a"]
    finish(scheduler, "a", keys[0], size_codes=bytes([0, 10]))
    [completed] = of_kind(finish(scheduler, "a", keys[1], size_codes=bytes([20, 10])), actions.StageCompleted)
    assert isinstance(completed, actions.StageCompleted)
    assert completed.stats.partition_bytes == [int(1.1**20), int(2 * 1.1**10)]
    assert completed.stats.size_codes == ()
    kept = scheduler.jobs[1].stages[1].outputs
    assert kept.size_codes == [b"", b""]


def test_stage_stats_sum_rows_bytes_and_files_in_partition_order() -> None:
    scheduler = scheduler_with(("a", "h1", 2))
    keys = start(scheduler, 1, stage(1, OutputKind.FILES, tasks=2))["a"]
    finish(scheduler, "a", keys[1], rows=2, output_bytes=20, files=(task_pb2.WrittenFile(path="second"),))
    decided = finish(scheduler, "a", keys[0], rows=1, output_bytes=10, files=(task_pb2.WrittenFile(path="first"),))
    [completed] = of_kind(decided, actions.StageCompleted)
    assert isinstance(completed, actions.StageCompleted)
    stats = completed.stats
    assert (stats.rows, stats.bytes, [file.path for file in stats.files]) == (3, 30, ["first", "second"])
