"""Take the words of Spark's run-time errors out of Spark itself. Runs in the oracle's environment.

    python -m scripts.oracle.error_conditions

Writes `driver/headrace_driver/connect/error_conditions.json`: workers report only class and parameters of an error.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import pyspark

TARGET = Path(__file__).parents[2] / "driver/headrace_driver/connect/error_conditions.json"

STATES = ("07", "0A", "21", "22", "23", "2B", "38", "39", "51", "54", "58", "82", "F0", "HV", "KD", "P0", "XX")
"""SQLSTATE classes of errors that data, files or limits cause; what is wrong with a query is found on the driver."""
OTHERS = ("INVALID_FORMAT", "_LEGACY_ERROR_TEMP_3243")
"""Those that data cause all the same."""


def main() -> None:
    """Writes the file."""
    jars = Path(pyspark.__file__).parent / "jars"
    [jar] = jars.glob("spark-common-utils_*.jar")
    with zipfile.ZipFile(jar) as archive:
        conditions = json.loads(archive.read("error/error-conditions.json"))
    found: dict[str, list[str]] = {}
    for name, condition in conditions.items():
        if condition.get("sqlState", "")[:2] in STATES or name in OTHERS:
            _add(found, name, condition)
    lines = [f"{json.dumps(name)}:{json.dumps(found[name], ensure_ascii=False)}" for name in sorted(found)]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


def _add(found: dict[str, list[str]], name: str, condition: dict[str, Any]) -> None:
    message = "\n".join(condition["message"])
    state = condition.get("sqlState", "")
    found[name] = [state, message]
    for subname, subclass in condition.get("subClass", {}).items():
        found[f"{name}.{subname}"] = [state, message + " " + "\n".join(subclass["message"])]


if __name__ == "__main__":
    main()
