"""The layout of show() and of HTML, against what real Spark printed for the same cells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headrace_driver.connect.protocol import relations_pb2
from headrace_driver.connect.show import Display, display_of

_SPARK = json.loads((Path(__file__).parent / "data/show.json").read_text("utf-8"))


@pytest.mark.parametrize("case", _SPARK["cases"], ids=lambda case: "-".join(map(str, case[:5])))
def test_as_spark_shows_it(case: list[object]) -> None:
    name, column, rows, truncate, vertical, expected = case
    names, cells = _SPARK["data"][name]
    display = Display(column, rows, truncate, vertical)  # type: ignore[arg-type]
    # The query yields one row more than asked for.
    assert display.render(names, cells[: display.rows + 1]) == expected


def test_a_negative_number_of_rows_is_none() -> None:
    relation = relations_pb2.Relation()
    relation.show_string.num_rows = -5
    found = display_of(relation)
    assert found is not None
    assert found[0].rows == 0


def test_other_relations_display_nothing() -> None:
    relation = relations_pb2.Relation()
    relation.range.end = 1
    assert display_of(relation) is None
