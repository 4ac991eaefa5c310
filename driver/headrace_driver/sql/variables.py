"""Variables in SQL text: `${key}` stands for the value of a setting, before anything is parsed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from headrace_driver.errors import ErrorKind, SparkError, unsupported

ENABLED = "spark.sql.variable.substitute"

_REFERENCE = re.compile(r"\$\{(?:(\w+?):)?(\S+?)\}")
_OF_SETTINGS = frozenset((None, "spark", "sparkconf", "hivevar", "hiveconf"))
_OF_THE_MACHINE = frozenset(("env", "system"))


def substituted(text: str, settings: Mapping[str, str], get: Callable[[str], str | None]) -> str:
    """The text with its variables replaced, those within values too. `get` gives a setting as it was set or by
    default; one that nobody knows is empty, as in Spark."""
    if "${" not in text or settings.get(ENABLED, "true") == "false":
        return text
    return _replaced(text, get, frozenset())


def _replaced(text: str, get: Callable[[str], str | None], within: frozenset[str]) -> str:
    def value(found: re.Match[str]) -> str:
        prefix, name = found[1], found[2]
        reference = name if prefix is None else f"{prefix}:{name}"
        if prefix in _OF_THE_MACHINE:
            raise unsupported(f"the variable ${{{reference}}} of the driver's machine in SQL text")
        if prefix not in _OF_SETTINGS:
            return found[0]
        if reference in within:
            message = f"requirement failed: Circular reference in {text}: {reference}"
            raise SparkError("", message, {}, sql_state="", kind=ErrorKind.JAVA_ILLEGAL_ARGUMENT)
        return _replaced(get(name) or "", get, within | {reference})

    return _REFERENCE.sub(value, text)
