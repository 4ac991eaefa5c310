"""Ask real Spark for its SQL settings: defaults, kinds of values, which are static. Runs in the oracle's environment.

    python -m scripts.oracle.spark_settings

Writes `driver/headrace_driver/connect/spark_settings.json`, from which sessions answer `spark.conf.get`.
"""

import json
import re
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

TARGET = Path(__file__).parents[2] / "driver/headrace_driver/connect/spark_settings.json"

_WRONG = "\u0001?"
"""A value no setting with a check takes; the error says what it wants."""

_OWN = ("spark.sql.warehouse.dir", "spark.sql.session.timeZone")
"""Settings whose default is the machine's."""


def main() -> None:
    """Writes the file."""
    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    sql_conf = getattr(getattr(spark._jvm.org.apache.spark.sql.internal, "SQLConf$"), "MODULE$")
    settings = {}
    entries = sql_conf.getConfigEntries().iterator()
    while entries.hasNext():
        entry = entries.next()
        settings[entry.key()] = _describe(spark, sql_conf, entry)
    removed = {}
    found = sql_conf.removedSQLConfigs().iterator()
    while found.hasNext():
        pair = found.next()
        setting = pair._2()
        removed[pair._1()] = [setting.version(), setting.defaultValue(), setting.comment()]
    deprecated = {}
    found = sql_conf.deprecatedSQLConfigs().iterator()
    while found.hasNext():
        pair = found.next()
        deprecated[pair._1()] = [pair._2().version(), pair._2().comment()]
    getattr(spark._jvm.org.apache.spark.internal.config, "package$")  # loading it registers Spark's core settings
    entry_type = getattr(getattr(spark._jvm.org.apache.spark.internal.config, "ConfigEntry$"), "MODULE$")
    core = []
    entries = entry_type.listAllEntries().iterator()
    while entries.hasNext():
        key = entries.next().key()
        if key not in settings:
            core.append(key)
    content = {
        "spark": spark.version,
        "settings": settings,
        "removed": removed,
        "deprecated": deprecated,
        "core": sorted(core),
    }
    TARGET.write_text(json.dumps(content, indent=0, sort_keys=True, separators=(",", ":")) + "\n")
    spark.stop()


def _describe(spark: SparkSession, sql_conf: Any, entry: Any) -> dict[str, Any]:
    key = entry.key()
    described: dict[str, Any] = {}
    default = spark._jsparkSession.conf().getOption(key)
    if default.isDefined() and key not in _OWN:
        described["default"] = default.get()
    if sql_conf.isStaticConfigKey(key):
        described["static"] = True
    try:
        entry.valueConverter().apply(_WRONG)
    except Exception as error:  # noqa: BLE001  (py4j wraps whatever the check throws)
        message = str(error)
        if kind := re.search(r"It should be a/an '([^']*)' value", message):
            described["kind"] = kind[1]
        elif options := re.search(r"It should be one of '([^']*)'", message):
            described["options"] = options[1].split(", ")
    if described.get("kind", "") in _NUMBERS:
        described.update(_bounds(entry))
    return described


_NUMBERS = frozenset(
    ("int", "long", "double", "bytes in BYTE", "bytes in MiB", "time in SECONDS", "time in MILLISECONDS")
)
_PROBES = (-(10**9), -2, -1, 0, 1, 2, 3, 5, 10, 30, 100, 1000, 10**6, 2 * 10**9)


def _bounds(entry: Any) -> dict[str, Any]:
    """The whole numbers between which values are taken, where a check says so, and what it says."""
    said = {number: _requirement(entry, number) for number in _PROBES}
    taken = [number for number in _PROBES if said[number] is None]
    found: dict[str, Any] = {}
    if not taken or len(taken) == len(_PROBES):
        return found
    below = [number for number in _PROBES if number < taken[0]]
    above = [number for number in _PROBES if number > taken[-1]]
    if below:
        found["least"] = _edge(entry, taken[0], below[-1])
    if above:
        found["most"] = _edge(entry, taken[-1], above[0])
    found["said"] = next(text for text in said.values() if text)
    return found


def _edge(entry: Any, taken: int, refused: int) -> int:
    while abs(taken - refused) > 1:
        middle = (taken + refused) // 2
        if _requirement(entry, middle) is None:
            taken = middle
        else:
            refused = middle
    return taken


def _requirement(entry: Any, number: int) -> str | None:
    """What a check says against a number; None: nothing."""
    try:
        entry.valueConverter().apply(str(number))
    except Exception as error:  # noqa: BLE001  (py4j wraps whatever the check throws)
        found = re.search(r"\[INVALID_CONF_VALUE.REQUIREMENT\].*? is invalid\. (.*?) SQLSTATE", str(error), re.DOTALL)
        return found[1] if found else None
    return None


if __name__ == "__main__":
    main()
