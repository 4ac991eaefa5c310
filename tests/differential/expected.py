"""Expected answers as reviewable data: what real Spark returned for a query, in JSON with one row a line.

An answer is a schema (column names and Spark types), rows, and how they are ordered. Order is kept as the sizes of
tie groups: rows whose ORDER BY keys are equal form a group, groups come in order, rows inside a group may come in any
order. A query without ORDER BY is one group. `limit` is the query's top-level LIMIT; the last group then holds every
row that ties at the boundary, of which an engine may return any.

Values are exact: decimals as strings with their scale, doubles by `repr`, dates and timestamps in ISO form, binary as
hexadecimal, maps as lists of pairs, intervals of days and time as microseconds.
"""

import gzip
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

Value: TypeAlias = Any  # what JSON can hold; nested for arrays, maps and structs
Row: TypeAlias = list[Value]

EXPECTED_ROOT = Path(__file__).parent / "expected"
_GZIP_ABOVE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an answer. `type` is Spark's JSON form: a string for atomic types, an object for nested ones."""

    name: str
    type: Any
    nullable: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows with a schema, as one engine returned them, in the order they arrived."""

    columns: tuple[Column, ...]
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Expected:
    """What real Spark answered, together with the freedom of order that the query leaves."""

    columns: tuple[Column, ...]
    rows: list[Row]
    groups: tuple[int, ...]
    limit: int | None

    @property
    def row_count(self) -> int:
        """Number of rows an engine must return."""
        return len(self.rows) if self.limit is None else min(self.limit, len(self.rows))


@dataclass(frozen=True, slots=True)
class ExpectedError:
    """The error condition real Spark raised instead of an answer."""

    condition: str
    sqlstate: str


def columns_of(schema: dict[str, Any]) -> tuple[Column, ...]:
    """Columns from `StructType.jsonValue()`."""
    return tuple(Column(field["name"], field["type"], field["nullable"]) for field in schema["fields"])


def rows_of(table: pa.Table) -> list[Row]:
    """Rows of an Arrow table in the plain form that answers are stored and compared in."""
    columns = [[plain(value) for value in column.to_pylist()] for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in range(table.num_rows)]


def plain(value: Any) -> Value:
    """One Python value as JSON can hold it without loss."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else _NOT_FINITE[repr(value)]
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat(sep=" ")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value // timedelta(microseconds=1)
        case bytes():
            return value.hex()
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
    raise TypeError(f"no plain form for {type(value).__name__}")


_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def to_json(expected: Expected | ExpectedError) -> dict[str, Any]:
    """The stored form as an object; `from_json` undoes it. Groups of one row each are written as \"total\"."""
    if isinstance(expected, ExpectedError):
        return {"error": expected.condition, "sqlstate": expected.sqlstate}
    total = all(size == 1 for size in expected.groups)
    return {
        "columns": [[column.name, column.type, column.nullable] for column in expected.columns],
        "order": "total" if total else "none" if len(expected.groups) == 1 else list(expected.groups),
        "limit": expected.limit,
        "rows": expected.rows,
    }


def from_json(stored: dict[str, Any]) -> Expected | ExpectedError:
    """Read what `to_json` wrote."""
    if "error" in stored:
        return ExpectedError(stored["error"], stored["sqlstate"])
    rows = stored["rows"]
    match stored["order"]:
        case "total":
            groups: tuple[int, ...] = (1,) * len(rows)
        case "none":
            groups = (len(rows),)
        case sizes:
            groups = tuple(sizes)
    columns = tuple(Column(name, kind, nullable) for name, kind, nullable in stored["columns"])
    return Expected(columns, rows, groups, stored["limit"])


def dumps(stored: dict[str, Any]) -> str:
    """JSON text of one answer with a line a column and a line a row, so that a difference in review is a row."""
    lines = []
    for key, value in stored.items():
        if key in ("columns", "rows") and value:
            items = ",\n  ".join(json.dumps(item, ensure_ascii=False) for item in value)
            lines.append(f"{json.dumps(key)}: [\n  {items}\n ]")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n " + ",\n ".join(lines) + "\n}"


def write(suite: str, name: str, expected: Expected | ExpectedError) -> Path:
    """Store one answer as `expected/<suite>/<name>.json`, or `.json.gz` when it is large."""
    plain_path = EXPECTED_ROOT / suite / f"{name}.json"
    packed_path = plain_path.with_suffix(".json.gz")
    plain_path.parent.mkdir(parents=True, exist_ok=True)
    text = (dumps(to_json(expected)) + "\n").encode()
    path, other = (packed_path, plain_path) if len(text) > _GZIP_ABOVE_BYTES else (plain_path, packed_path)
    path.write_bytes(gzip.compress(text, mtime=0) if path is packed_path else text)
    other.unlink(missing_ok=True)
    return path


def read(suite: str, name: str) -> Expected | ExpectedError:
    """Load one answer written by `write`."""
    path = EXPECTED_ROOT / suite / f"{name}.json"
    text = path.read_bytes() if path.exists() else gzip.decompress(path.with_suffix(".json.gz").read_bytes())
    return from_json(json.loads(text))


def write_many(suite: str, name: str, answers: dict[str, Expected | ExpectedError]) -> Path:
    """Store the answers of a file of small queries together, keyed by the query's name."""
    path = EXPECTED_ROOT / suite / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    entries = ",\n".join(f"{json.dumps(key)}: {dumps(to_json(answer))}" for key, answer in answers.items())
    path.write_text("{\n" + entries + "\n}\n")
    return path


def read_many(suite: str, name: str) -> dict[str, Expected | ExpectedError]:
    """Load the answers written by `write_many`."""
    stored = json.loads((EXPECTED_ROOT / suite / f"{name}.json").read_text())
    return {key: from_json(answer) for key, answer in stored.items()}


def tie_groups(keys: Sequence[Row]) -> tuple[int, ...]:
    """Sizes of the runs of equal sort keys. Doubles equal to within rounding tie, since another engine may sum
    in another order and so swap such neighbours rightly."""
    sizes: list[int] = []
    for index, key in enumerate(keys):
        if index and all(_same_key(a, b) for a, b in zip(key, keys[index - 1], strict=True)):
            sizes[-1] += 1
        else:
            sizes.append(1)
    return tuple(sizes)


def _same_key(left: Value, right: Value) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9)
    return bool(left == right)
