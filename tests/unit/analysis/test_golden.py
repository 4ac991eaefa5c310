"""Statements and the resolved trees, schemas or errors they become."""

import pytest

from tests.unit.analysis import golden


@pytest.mark.parametrize("area", golden.areas())
def test_area(area: str) -> None:
    assert golden.answers(area) == (golden.CASES / f"{area}.txt").read_text()


def test_there_are_cases() -> None:
    assert len(golden.areas()) >= 6
