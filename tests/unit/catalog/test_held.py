"""Worker-held data: one table of all workers' files, each read only where it lies."""

import io
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace_driver.catalog.held import HeldTables
from headrace_driver.errors import SparkError
from headrace_proto.v1 import cluster_pb2


@dataclass(frozen=True)
class Entry:
    worker_id: str
    file: cluster_pb2.HeldFile


def _held(worker: str, relative_path: str, rows: int, footer: bool = True) -> Entry:
    sink = io.BytesIO()
    pq.write_table(pa.table({"v": pa.array(range(rows), pa.int64())}), sink)
    content = sink.getvalue()
    length = int.from_bytes(content[-8:-4], "little")
    file = cluster_pb2.HeldFile(
        path=f"/data/of/{worker}/{relative_path}",
        relative_path=relative_path,
        bytes=len(content),
        modified_us=1,
        parquet_footer=content[-8 - length : -8] if footer else b"",
    )
    return Entry(worker, file)


def test_files_of_all_workers_make_one_table() -> None:
    entries = [
        _held("w2", "day=2/f", 20),
        _held("w1", "day=1/f", 10),
        _held("w1", "_tmp/x", 5),
        _held("w2", "day=1/f", 7),
    ]
    source = HeldTables(lambda name: entries if name == "logs" else []).open(("data", "logs"), {}, "UTC")
    assert source is not None
    assert source.strict_hosts
    assert source.schema.name == "struct<v:bigint,day:int>"
    assert source.rows() == 37
    # Equal paths on different workers are different files.
    assert [(f.path, f.hosts, f.partition_values) for f in source.files()] == [
        ("/data/of/w1/day=1/f", ("w1",), ("1",)),
        ("/data/of/w2/day=1/f", ("w2",), ("1",)),
        ("/data/of/w2/day=2/f", ("w2",), ("2",)),
    ]
    assert source.description.startswith("parquet data.logs [3 files, ")
    assert (source.statistics(0).minimum, source.statistics(0).maximum) == (0, 19)


def test_names_that_nobody_holds() -> None:
    tables = HeldTables(lambda name: [])
    assert tables.open(("data", "logs"), {}, "UTC") is None
    assert tables.open(("logs",), {}, "UTC") is None
    assert tables.open(("other", "logs"), {}, "UTC") is None


def test_files_without_a_footer_are_refused_by_name() -> None:
    tables = HeldTables(lambda name: [_held("w1", "a.csv", 1, footer=False)])
    with pytest.raises(SparkError, match=r"data.logs: /data/of/w1/a.csv on worker w1"):
        tables.open(("data", "logs"), {}, "UTC")
