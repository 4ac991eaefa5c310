"""Ask real Spark what its functions answer. Runs inside the oracle's own environment, like `spark_answers`.

    python -m scripts.oracle.functions            # all files of tests/unit/functions/corpus, and Spark's own examples
    python -m scripts.oracle.functions casts      # one

Every line of `tests/unit/functions/corpus/<name>.sql` is one statement; `<name>.json` gets, for each, the columns'
types and the rows, or the error class. `examples.json` holds the examples of DESCRIBE FUNCTION EXTENDED, by function,
and `spark_functions.json` beside the corpus the names of all functions.
"""

from __future__ import annotations

import json
import math
import re
import sys
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import types as st

CORPUS = Path(__file__).resolve().parents[2] / "tests/unit/functions/corpus"
TIME_ZONE = "America/Los_Angeles"
_PLAIN = (
    *(st.BooleanType, st.NumericType, st.StringType, st.BinaryType, st.DateType, st.TimestampNTZType),
    *(st.DayTimeIntervalType, st.NullType),
)


def start() -> SparkSession:
    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", TIME_ZONE)
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.artifact.isolation.enabled", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    return spark


def encoded(value: Any) -> Any:
    """A value as JSON: what JSON lacks as a string or a tagged object."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Decimal():
            return {"decimal": format(value, "f")}
        case datetime():
            return {"time": value.isoformat(sep=" ")}
        case date():
            return {"date": value.isoformat()}
        case timedelta():
            return {"us": round(value / timedelta(microseconds=1))}
        case bytes() | bytearray():
            return {"hex": bytes(value).hex()}
        case st.Row() | tuple():
            return {"struct": [encoded(v) for v in value]}
        case list():
            return [encoded(v) for v in value]
        case dict():
            return {"map": sorted(([encoded(k), encoded(v)] for k, v in value.items()), key=repr)}
    raise TypeError(f"cannot keep a {type(value).__name__}")


def has_text_only(dtype: st.DataType) -> bool:
    """Whether a value of the type reaches Python only (or only unambiguously) as text."""
    if isinstance(dtype, st.ArrayType):
        return has_text_only(dtype.elementType)
    if isinstance(dtype, st.MapType):
        return has_text_only(dtype.keyType) or has_text_only(dtype.valueType)
    if isinstance(dtype, st.StructType):
        return any(has_text_only(f.dataType) for f in dtype.fields)
    return not isinstance(dtype, _PLAIN)


def answer(spark: SparkSession, sql: str) -> dict[str, Any]:
    """What Spark says to one statement."""
    try:
        frame = spark.sql(sql)
        fields = frame.schema.fields
        renamed = frame.toDF(*(f"c{i}" for i in range(len(fields))))
        text = [f"CAST(c{i} AS STRING) c{i}" if has_text_only(f.dataType) else f"c{i}" for i, f in enumerate(fields)]
        rows = renamed.selectExpr(*text).collect()
        return {
            "sql": sql,
            "types": [f.dataType.simpleString() for f in fields],
            "rows": [[encoded(v) for v in row] for row in rows],
        }
    except PySparkException as error:
        return {"sql": sql, "error": error.getCondition() or type(error).__name__}


_CHANGING = re.compile(
    r"\b(rand|randn|random|randstr|uniform|uuid|shuffle|now|curdate|localtimestamp|user|version|"
    r"current_\w+|session_user)\b|unix_timestamp\(\)|kll_|theta_|hll_|tuple_|approx_top_k|st_|python_worker_logs"
)
"""Examples whose answers differ from run to run, or are a sketch's bytes."""


def examples(spark: SparkSession) -> list[dict[str, Any]]:
    """The examples in Spark's own documentation of its functions, answered."""
    found: list[dict[str, Any]] = []
    for (name,) in spark.sql("SHOW SYSTEM FUNCTIONS").collect():
        text = "\n".join(r[0] for r in spark.sql(f"DESCRIBE FUNCTION EXTENDED `{name}`").collect())
        statements = re.findall(r"^\s*> (SELECT .*?);?\s*$", text, re.MULTILINE | re.IGNORECASE)
        found.extend({"function": name, **answer(spark, sql)} for sql in statements if not _CHANGING.search(sql))
    return found


def write(name: str, entries: list[dict[str, Any]]) -> None:
    lines = ",\n".join(json.dumps(e, ensure_ascii=False) for e in entries)
    (CORPUS / f"{name}.json").write_text(f"[\n{lines}\n]\n")
    print(name, len(entries), sum("error" in e for e in entries), "errors")


def main(names: list[str]) -> int:
    spark = start()
    for path in sorted(CORPUS.glob("*.sql")):
        if not names or path.stem in names:
            lines = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("--")]
            write(path.stem, [answer(spark, line) for line in lines])
    if not names or "examples" in names:
        write("examples", examples(spark))
        names = [name for (name,) in spark.sql("SHOW SYSTEM FUNCTIONS").collect()]
        (CORPUS.parent / "spark_functions.json").write_text(json.dumps(names, indent=0) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
