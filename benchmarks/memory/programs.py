"""Programs whose working set is several times a worker's memory, as any Spark engine can run them.

Each takes a session and sizes, and returns numbers that are known beforehand or compared between engines; a wrong
number is a failure. Their rows come from `range`, so that no data has to be made first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

SORT_ROW_BYTES = 112
"""Two longs and 96 characters of hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the programs are."""

    sort_bytes: int = 10 << 30
    groups: int = 60_000_000
    join_rows: int = 1_000_000
    join_rows_per_key: int = 500
    window_rows: int = 40_000_000

    def scaled(self, factor: float) -> "Sizes":
        """So many times as large."""
        return Sizes(
            sort_bytes=int(self.sort_bytes * factor),
            groups=int(self.groups * factor),
            join_rows=int(self.join_rows * factor),
            join_rows_per_key=self.join_rows_per_key,
            window_rows=int(self.window_rows * factor),
        )


class WrongAnswer(Exception):
    """The program finished with other numbers than it must have."""


def sort(spark: Any, sizes: Sizes, directory: Path) -> dict[str, int]:
    """A total order over incompressible rows, written as Parquet and checked file by file."""
    rows = sizes.sort_bytes // SORT_ROW_BYTES
    target = directory / "sorted"
    text = "concat(md5(cast(id AS STRING)), md5(cast(id + 1 AS STRING)), md5(cast(id + 2 AS STRING))) AS payload"
    frame = spark.range(rows).selectExpr("(id * 48271) % 2147483647 AS key", "id", text).orderBy("key")
    frame.write.mode("overwrite").parquet(str(target))
    files = sorted(path for path in target.iterdir() if path.suffix == ".parquet")
    counted, last, total = 0, None, 0
    for path in files:
        source = pq.ParquetFile(path)
        for batch in source.iter_batches(batch_size=1 << 20, columns=["key", "id"]):
            keys = batch.column(0)
            if last is not None and keys[0].as_py() < last:
                raise WrongAnswer(f"{path.name} begins before the end of what comes before it")
            if len(keys) > 1 and not pc.all(pc.greater_equal(keys.slice(1), keys.slice(0, len(keys) - 1))).as_py():
                raise WrongAnswer(f"{path.name} is not in order")
            last = keys[-1].as_py()
            counted += len(keys)
            total += pc.sum(batch.column(1)).as_py()
    _expect(rows=(counted, rows), sum_of_ids=(total, rows * (rows - 1) // 2))
    return {"rows": counted, "files": len(files)}


def aggregate(spark: Any, sizes: Sizes, directory: Path) -> dict[str, int]:
    """As many groups as rows halved: no partial aggregation helps."""
    del directory
    rows = 2 * sizes.groups
    keyed = spark.range(rows).selectExpr(f"(id * 7919) % {sizes.groups} AS key", "id")
    keyed.createOrReplaceTempView("keyed")
    found = spark.sql(
        "SELECT count(*) AS n, sum(c) AS rows, max(c) AS most, sum(s) AS total FROM "
        "(SELECT key, count(*) AS c, sum(id) AS s FROM keyed GROUP BY key)"
    ).collect()[0]
    _expect(
        groups=(found["n"], sizes.groups),
        rows=(found["rows"], rows),
        most=(found["most"], 2),
        total=(int(found["total"]), rows * (rows - 1) // 2),
    )
    return {"groups": found["n"]}


def join(spark: Any, sizes: Sizes, directory: Path) -> dict[str, int]:
    """Every key many times on both sides, with rows too wide for the product to be a matter of keys alone."""
    del directory
    keys = sizes.join_rows // sizes.join_rows_per_key
    for name in ("left_side", "right_side"):
        side = spark.range(sizes.join_rows).selectExpr(f"id % {keys} AS key", "id", "md5(cast(id AS STRING)) AS text")
        side.createOrReplaceTempView(name)
    found = spark.sql(
        "SELECT count(*) AS n, sum(l.id - r.id) AS difference, max(length(l.text) + length(r.text)) AS longest "
        "FROM left_side l JOIN right_side r ON l.key = r.key"
    ).collect()[0]
    _expect(
        pairs=(found["n"], keys * sizes.join_rows_per_key**2),
        difference=(found["difference"], 0),
        longest=(found["longest"], 64),
    )
    return {"pairs": found["n"]}


def window(spark: Any, sizes: Sizes, directory: Path) -> dict[str, int]:
    """Functions over one partition that holds every row."""
    del directory
    spark.range(sizes.window_rows).selectExpr("(id * 48271) % 2147483647 AS key", "id").createOrReplaceTempView("rows")
    found = spark.sql(
        "SELECT count(*) AS n, max(number) AS last, sum(CASE WHEN key < previous THEN 1 ELSE 0 END) AS unordered, "
        "max(running) AS running FROM (SELECT key, row_number() OVER (ORDER BY key) AS number, "
        "lag(key) OVER (ORDER BY key) AS previous, sum(id) OVER (ORDER BY key) AS running FROM rows)"
    ).collect()[0]
    rows = sizes.window_rows
    _expect(
        rows=(found["n"], rows),
        last=(found["last"], rows),
        unordered=(found["unordered"], 0),
        running=(found["running"], rows * (rows - 1) // 2),
    )
    return {"rows": found["n"]}


PROGRAMS: dict[str, Callable[[Any, Sizes, Path], dict[str, int]]] = {
    "sort": sort,
    "aggregate": aggregate,
    "join": join,
    "window": window,
}


def _expect(**found_and_right: tuple[int, int]) -> None:
    wrong = [f"{name} {found} instead of {right}" for name, (found, right) in found_and_right.items() if found != right]
    if wrong:
        raise WrongAnswer(", ".join(wrong))
