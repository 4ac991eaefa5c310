"""Every function of Spark is built, or refused by its own name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headrace_driver.errors import SparkError
from headrace_driver.functions import builtin
from headrace_driver.functions.not_built import NOT_BUILT
from headrace_driver.functions.registry import REGISTRY
from tests.unit.functions.kernel import run

assert builtin
SPARKS: list[str] = json.loads((Path(__file__).parent / "spark_functions.json").read_text("utf-8"))
"""What SHOW SYSTEM FUNCTIONS lists, as `scripts/oracle/functions.py` found it."""
GRAMMAR = {"cast", "grouping", "grouping_id", "range", "window"}
"""Built elsewhere than in the registry."""


def test_every_function_is_built_or_refused() -> None:
    missing = {name for name in SPARKS if name.isidentifier() and REGISTRY.find(name) is None}
    assert missing - GRAMMAR == NOT_BUILT


def test_a_function_that_is_not_built_is_named() -> None:
    with pytest.raises(SparkError, match="does not support the function parse_json yet") as raised:
        run("SELECT Parse_JSON('1')")
    assert raised.value.error_class == "UNSUPPORTED_FEATURE.HEADRACE"
    with pytest.raises(SparkError, match="the table function variant_explode"):
        run("SELECT * FROM variant_explode(1)")


def test_another_name_stays_unknown() -> None:
    with pytest.raises(SparkError) as raised:
        run("SELECT nobody_has_this(1)")
    assert raised.value.error_class == "UNRESOLVED_ROUTINE"
