"""The stages of a job as a picture: which reads which. Pure geometry; the template draws it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

BOX_WIDTH, BOX_HEIGHT = 272, 58
_COLUMN_GAP, _ROW_GAP, _MARGIN = 44, 16, 8

STAGES_DRAWN_MAX = 120
"""More boxes than that no one reads; the table has them all."""


@dataclass(frozen=True, slots=True)
class Box:
    """Where a stage stands; x and y are its upper left corner in pixels."""

    stage_id: int
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class StageGraph:
    """Boxes in the order of their numbers, and a path (SVG) from each stage to each of its readers."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    edges: tuple[str, ...]


def stage_graph(parents: Mapping[int, Sequence[int]]) -> StageGraph | None:
    """Lays stages out from left to right, each behind all it reads and right before its first reader.

    `parents` maps a stage's number to those of the stages it reads; others than its keys (cached rows of other jobs)
    are passed over. None where there are too many to draw, or none.
    """
    if not 0 < len(parents) <= STAGES_DRAWN_MAX:
        return None
    columns = _columns(parents)
    rows: dict[int, int] = {}
    boxes: dict[int, Box] = {}
    for stage_id in sorted(parents):
        column = columns[stage_id]
        row = rows.get(column, 0)
        rows[column] = row + 1
        x = _MARGIN + column * (BOX_WIDTH + _COLUMN_GAP)
        boxes[stage_id] = Box(stage_id, x, _MARGIN + row * (BOX_HEIGHT + _ROW_GAP))
    edges = tuple(
        _path(boxes[parent], boxes[stage_id])
        for stage_id in sorted(parents)
        for parent in dict.fromkeys(parents[stage_id])
        if parent in boxes
    )
    width = 2 * _MARGIN + len(rows) * (BOX_WIDTH + _COLUMN_GAP) - _COLUMN_GAP
    height = 2 * _MARGIN + max(rows.values()) * (BOX_HEIGHT + _ROW_GAP) - _ROW_GAP
    return StageGraph(width, height, tuple(boxes.values()), edges)


def _columns(parents: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """As far left as what it reads allows, then as far right as its readers do, so that few lines cross a box. Stages
    are numbered after those they read.
    """
    columns: dict[int, int] = {}
    for stage_id in sorted(parents):
        columns[stage_id] = max((columns[parent] + 1 for parent in parents[stage_id] if parent in columns), default=0)
    first_reader: dict[int, int] = {}
    for stage_id in sorted(parents, reverse=True):
        columns[stage_id] = max(columns[stage_id], first_reader.get(stage_id, 0) - 1)
        for parent in parents[stage_id]:
            first_reader[parent] = min(first_reader.get(parent, columns[stage_id]), columns[stage_id])
    return columns


def _path(source: Box, reader: Box) -> str:
    x, y = source.x + BOX_WIDTH, source.y + BOX_HEIGHT // 2
    to_x, to_y = reader.x, reader.y + BOX_HEIGHT // 2
    bend = (to_x - x) // 2
    return f"M{x},{y} C{x + bend},{y} {to_x - bend},{to_y} {to_x},{to_y}"
