"""Damaged and truncated files: an answer, or an error that names the file; never a defect or a lost executor.

A wrong answer is possible where the format has no checksum that readers look at: neither CSV nor JSON has one, and
Parquet's of its pages are optional and not verified (nor by Spark, unless told to). Blocks of this engine have them.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.fuzz.mutation import damaged

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

pytestmark = [pytest.mark.cluster]


def originals(directory: Path) -> dict[str, bytes]:
    """Files by the end of their names."""
    rows = range(200)
    table = pa.table(
        {
            "a": pa.array(rows, pa.int64()),
            "s": [None if row % 7 == 0 else f"row {row % 13}" for row in rows],
            "d": [row / 3 for row in rows],
            "l": [[row, row + 1] for row in rows],
        }
    )
    found = {}
    for compression in ("none", "snappy", "zstd", "gzip"):
        path = directory / "whole.parquet"
        pq.write_table(table, path, compression=compression, row_group_size=80)
        found[f"{compression}.parquet"] = path.read_bytes()
    found["csv"] = b"a,s\n" + b"".join(b"%d,row %d\n" % (row, row) for row in rows)
    found["json"] = b"".join(b'{"a": %d, "s": "row %d"}\n' % (row, row) for row in rows)
    found["csv.gz"] = gzip.compress(found["csv"], mtime=0)
    return found


@pytest.mark.parametrize("seeds", [range(40), pytest.param(range(1_000, 2_000), marks=pytest.mark.long)], ids=str)
@pytest.mark.timeout(1800)
def test_damaged_files(spark: SparkSession, tmp_path: Path, seeds: range) -> None:
    kinds = originals(tmp_path)
    for seed in seeds:
        random = Random(seed)
        kind = random.choice(list(kinds))
        path = tmp_path / f"{seed}.{kind}"
        path.write_bytes(damaged(kinds[kind], random))
        condition, text = outcome(spark, kind, path)
        assert not text or (condition.startswith("FAILED_READ_FILE") and path.name in text), (seed, kind, text[:500])
    assert spark.range(5).groupBy().sum().collect()[0][0] == 10


def outcome(spark: SparkSession, kind: str, path: Path) -> tuple[str, str]:
    """Class and text of the error that reading ends with; empty where it has an answer."""
    from pyspark.errors import PySparkException

    reader = spark.read.format(next(name for name in ("parquet", "csv", "json") if name in kind))
    if "csv" in kind:
        reader = reader.option("header", True)
    try:
        reader.load(str(path)).collect()
    except PySparkException as error:
        return error.getCondition() or "", str(error)
    return "", ""
