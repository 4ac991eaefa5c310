"""Questions to Spark about text files: contents, schema, options; and the rows Spark reads of them.

`questions/*.json` hold both. `python -m tests.unit.catalog.questions` inside the oracle's environment asks again and
rewrites the answers.
"""

import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "questions"


def read(name: str) -> dict[str, Any]:
    """`files` by name, and a list of `questions`."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found


def write_files(files: dict[str, str], folder: Path) -> None:
    """Puts the files where they can be read."""
    for name, content in files.items():
        (folder / name).write_bytes(content.encode())


def shown(rows: list[tuple[Any, ...]]) -> list[str]:
    """Rows as text, so that NaN, dates and decimals can be stored and compared."""
    # Which class a time zone is of depends on the version of the library that read the rows.
    texts = (re.sub(r", tzinfo=(<[^>]*>|[\w.]+(\([^)]*\))?)\)", ")", repr(tuple(row))) for row in rows)
    return sorted(re.sub(r"Row\(|b'", lambda m: {"Row(": "(", "b'": "b'"}[m[0]], text) for text in texts)


def _plain(value: Any) -> Any:
    """Rows as dictionaries, bytearrays as bytes: as DuckDB has them."""
    if isinstance(value, bytearray):
        return bytes(value)
    if hasattr(value, "asDict"):
        return {k: _plain(v) for k, v in value.asDict().items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value


def main() -> None:
    """Asks the Spark of this environment every question."""
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.master("local[1]").config("spark.sql.session.timeZone", "UTC").getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    for path in sorted(FOLDER.glob("*.json")):
        stored = json.loads(path.read_text())
        folder = Path(tempfile.mkdtemp())
        write_files(stored["files"], folder)
        for question in stored["questions"]:
            reader = spark.read.format(path.stem).options(**question["options"])
            if question.get("schema"):
                reader = reader.schema(question["schema"])
            question.pop("error", None)
            try:
                frame = reader.load([str(folder / name) for name in question["files"]])
                question["type"] = frame.schema.simpleString()
                question["rows"] = shown([tuple(_plain(v) for v in row) for row in frame.collect()])
            except PySparkException:
                question["error"] = True
            except Exception as error:
                if "Py4JJavaError" not in type(error).__name__:
                    raise
                question["error"] = True
        lines = ",\n  ".join(json.dumps(question, ensure_ascii=False) for question in stored["questions"])
        files = json.dumps(stored["files"], ensure_ascii=False, indent=1)
        path.write_text(f'{{"files": {files},\n "questions": [\n  {lines}\n ]}}\n')
        shutil.rmtree(folder)
    spark.stop()


if __name__ == "__main__":
    main()
