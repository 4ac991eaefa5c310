"""Spark's words for run-time errors, of which workers report class and parameters only."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from importlib import resources

_PARAMETER = re.compile(r"<(\w+)>")


@functools.cache
def _conditions() -> dict[str, list[str]]:
    """SQLSTATE and template by error class, as `scripts/oracle/error_conditions.py` found them. Read when needed."""
    text = resources.files("headrace_driver.connect").joinpath("error_conditions.json").read_text("utf-8")
    found: dict[str, list[str]] = json.loads(text)
    return found


def sentence(error_class: str, parameters: Mapping[str, str]) -> str:
    """The message of an error without its class and SQLSTATE; empty for classes Spark has none for."""
    condition = _conditions().get(error_class)
    if condition is None:
        return ""
    return _PARAMETER.sub(lambda found: parameters.get(found[1], found[0]), condition[1])


def sql_state(error_class: str) -> str:
    """The SQLSTATE of a class; empty for unknown ones."""
    condition = _conditions().get(error_class) or _conditions().get(error_class.partition(".")[0])
    return condition[0] if condition is not None else ""
