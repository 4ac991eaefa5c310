"""Spark's SQL settings as a table: defaults, kinds of values, which are static. Made from real Spark by
`scripts/oracle/spark_settings.py`.
"""

from __future__ import annotations

import json
import os
import re
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from headrace_driver.connect.identifiers import sql_conf
from headrace_driver.errors import ErrorKind, SparkError

TIME_ZONE = "spark.sql.session.timeZone"


@dataclass(frozen=True, slots=True)
class Setting:
    """One of Spark's SQL settings; `kind` is what Spark calls its values (boolean, int, bytes in BYTE, ...)."""

    default: str | None
    kind: str = ""
    options: tuple[str, ...] = ()
    static: bool = False
    least: float | None = None
    most: float | None = None
    said: str = ""
    """What Spark says of a number below `least` or above `most`."""


def _load() -> tuple[dict[str, Setting], dict[str, list[str]], dict[str, list[str]], frozenset[str]]:
    text = resources.files("headrace_driver.connect").joinpath("spark_settings.json").read_text("utf-8")
    content = json.loads(text)
    settings = {
        key: Setting(
            value.get("default"),
            value.get("kind", ""),
            tuple(value.get("options", ())),
            "static" in value,
            value.get("least"),
            value.get("most"),
            value.get("said", ""),
        )
        for key, value in content["settings"].items()
    }
    return settings, content["removed"], content["deprecated"], frozenset(content["core"])


SETTINGS, REMOVED, DEPRECATED, CORE = _load()

_ADDED = {
    # Settings of Spark Connect itself, which clients ask for.
    "spark.connect.session.planCompression.threshold": "10485760",
    "spark.connect.session.planCompression.defaultAlgorithm": "ZSTD",
    "spark.sql.catalog.spark_catalog": "builtin",
}


_OFFSET = re.compile(r"(?:UTC|GMT|UT)?[+-](\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?")


def _is_time_zone(name: str) -> bool:
    if name in ("Z", "UTC", "GMT", "UT"):
        return True
    if offset := _OFFSET.fullmatch(name):
        return int(offset[1]) <= 18 and int(offset[2] or 0) < 60
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return False
    return True


def machine_time_zone() -> str:
    """The zone of this machine, which is a new session's as in Spark."""
    named = os.environ.get("TZ", "").lstrip(":")
    if named and _is_time_zone(named):
        return named
    try:
        target = str(Path("/etc/localtime").resolve())
    except OSError:
        return "UTC"
    found = target.partition("zoneinfo/")[2]
    return found.removeprefix("Etc/") if found and _is_time_zone(found) else "UTC"


DEFAULTS: dict[str, str] = {
    **{key: setting.default for key, setting in SETTINGS.items() if setting.default is not None},
    **_ADDED,
    TIME_ZONE: machine_time_zone(),
}


def check(key: str, value: str) -> str:
    """The value in the form the engine reads; raises INVALID_CONF_VALUE."""
    setting = SETTINGS.get(key)
    if setting is None:
        return value
    if key == TIME_ZONE:
        if not _is_time_zone(value):
            raise _invalid(key, value, "TIME_ZONE", "Cannot resolve the given timezone.")
        return value
    if setting.options:
        for option in setting.options:
            if option.lower() == value.lower():
                return option
        wanted = ", ".join(setting.options)
        extra = {"confOptions": wanted}
        raise _invalid(key, value, "OUT_OF_RANGE_OF_OPTIONS", f"It should be one of '{wanted}'.", extra)
    parse = _PARSERS.get(setting.kind)
    if parse is not None and not parse(value.strip()):
        said = f"It should be a/an '{setting.kind}' value."
        raise _invalid(key, value, "TYPE_MISMATCH", said, {"confType": setting.kind})
    if not _is_between(value.strip(), setting):
        raise _invalid(key, value, "REQUIREMENT", setting.said, {"confRequirement": setting.said})
    return value.strip().lower() if setting.kind == "boolean" else value


def _is_between(text: str, setting: Setting) -> bool:
    """Whether a number is one that Spark takes. Units make numbers larger only, so the least is looked at without."""
    if setting.least is None and setting.most is None:
        return True
    found = _NUMBER.match(text)
    if found is None:
        return True
    number = float(found[0])
    has_unit = not setting.kind.startswith(("int", "long", "double"))
    if setting.least is not None and number < setting.least and (not has_unit or number <= 0):
        return False
    return setting.most is None or has_unit or number <= setting.most


def _invalid(key: str, value: str, subclass: str, said: str, extra: Mapping[str, str] | None = None) -> SparkError:
    return SparkError(
        f"INVALID_CONF_VALUE.{subclass}",
        f"The value '{value}' in the config {sql_conf(key)} is invalid. {said}",
        {"confName": key, "confValue": value, **(extra or {})},
        sql_state="22022",
        kind=ErrorKind.ILLEGAL_ARGUMENT,
    )


def _is_whole(bits: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        return re.fullmatch(r"[+-]?\d+", text) is not None and -(2 ** (bits - 1)) <= int(text) < 2 ** (bits - 1)

    return check


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


_NUMBER = re.compile(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?")
_BYTES = re.compile(r"-?[0-9.]+\s*([kmgtp]i?b?|b)?", re.IGNORECASE)
_TIME = re.compile(r"-?[0-9]+\s*(us|ms|s|m|min|h|d)?", re.IGNORECASE)

_PARSERS: dict[str, Callable[[str], bool]] = {
    "boolean": lambda text: text.lower() in ("true", "false"),
    "int": _is_whole(32),
    "long": _is_whole(64),
    "double": _is_float,
    "bytes in BYTE": lambda text: _BYTES.fullmatch(text) is not None,
    "bytes in MiB": lambda text: _BYTES.fullmatch(text) is not None,
    "time in SECONDS": lambda text: _TIME.fullmatch(text) is not None,
    "time in MILLISECONDS": lambda text: _TIME.fullmatch(text) is not None,
}
