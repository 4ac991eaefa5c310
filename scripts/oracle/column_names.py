"""Ask real Spark for the names of columns nobody named. Runs inside the oracle's own environment.

    python -m scripts.oracle.column_names

Every example of DESCRIBE FUNCTION EXTENDED is analysed (not run); tests/unit/analysis/column_names.json gets its text
and the names of its columns.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

ANSWERS = Path(__file__).resolve().parents[2] / "tests/unit/analysis/column_names.json"


def examples(spark: SparkSession) -> list[str]:
    """The statements of all functions' documentation, by function name."""
    texts: list[str] = []
    for (name,) in sorted(spark.sql("SHOW FUNCTIONS").collect()):
        lines = spark.sql(f"DESCRIBE FUNCTION EXTENDED `{name}`").collect()
        body = "\n".join(line[0] for line in lines)
        texts.extend(" ".join(found.split()) for found in re.findall(r"> (SELECT .*?);\n", body, re.S))
    return list(dict.fromkeys(texts))


def main() -> None:
    """Writes the answers, one statement a line."""
    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    lines = []
    for text in examples(spark):
        try:
            lines.append(json.dumps([text, spark.sql(text).columns]))
        except PySparkException:
            continue
    ANSWERS.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
