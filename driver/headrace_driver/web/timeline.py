"""The tasks of a job along time, one lane an executor. Pure geometry; the template draws it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from headrace_proto.v1 import jobs_pb2

LANES_WIDTH = 900
LANE_HEIGHT = 18

TASKS_DRAWN_MAX = 2_000
"""The longest ones: a page of a few hundred kilobytes, and what is left out would be thinner than a pixel."""
LANES_MAX = 200


@dataclass(frozen=True, slots=True)
class Bar:
    """One attempt; x and width in pixels of a lane `LANES_WIDTH` wide."""

    x: float
    width: float
    task: jobs_pb2.TaskDetail
    spent_us: int


@dataclass(frozen=True, slots=True)
class Lane:
    worker_id: str
    executor_id: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Lanes by worker and executor; `left_out` counts the tasks that are not drawn."""

    lanes: tuple[Lane, ...]
    start_us: int
    end_us: int
    left_out: int


def timeline(tasks: Iterable[jobs_pb2.TaskDetail], now_us: int) -> Timeline | None:
    """Where each attempt ran and for how long; None where nothing has run. Times in microseconds since the epoch."""
    placed = [(*_span(task, now_us), task) for task in tasks if task.worker_id]
    if not placed:
        return None
    start_us = min(begin_us for begin_us, _, _ in placed)
    end_us = max(start_us + 1, *(stop_us for _, stop_us, _ in placed))
    drawn = sorted(placed, key=lambda item: item[0] - item[1])[:TASKS_DRAWN_MAX]
    scale = LANES_WIDTH / (end_us - start_us)
    lanes: dict[tuple[str, str], list[Bar]] = {}
    for begin_us, stop_us, task in drawn:
        # Narrower than a pixel it could not be seen.
        bar = Bar(
            x=round((begin_us - start_us) * scale, 1),
            width=max(1.0, round((stop_us - begin_us) * scale, 1)),
            task=task,
            spent_us=stop_us - begin_us,
        )
        lanes.setdefault((task.worker_id, task.executor_id), []).append(bar)
    shown = sorted(lanes.items())[:LANES_MAX]
    left_out = len(placed) - sum(len(bars) for _, bars in shown)
    return Timeline(tuple(Lane(*who, tuple(bars)) for who, bars in shown), start_us, end_us, left_out)


def _span(task: jobs_pb2.TaskDetail, now_us: int) -> tuple[int, int]:
    """From when to when it ran. Before that it waited in the worker's queue, beside tasks of the same executor."""
    stop_us = task.finished_us or max(now_us, task.launched_us)
    begin_us = stop_us - task.metrics.run_us if task.finished_us and task.metrics.run_us else task.launched_us
    return max(begin_us, task.launched_us), stop_us
