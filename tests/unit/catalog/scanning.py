"""Runs scans as an executor does: the source's scan input put together by the worker's own code, on one kernel."""

from typing import Any

import duckdb

from headrace_driver.catalog.source import ScanRequest, Source
from headrace_proto.v1 import task_pb2
from headrace_worker import kernel

Rows = list[tuple[Any, ...]]


def slices(source: Source) -> list[task_pb2.FileSlice]:
    """All files of a source, whole."""
    return [
        task_pb2.FileSlice(
            path=file.path,
            partition_values=[
                task_pb2.PartitionValue() if value is None else task_pb2.PartitionValue(value=value)
                for value in file.partition_values
            ],
        )
        for file in source.files()
    ]


def scan_sql(source: Source, columns: list[int] | None = None) -> str:
    """The relation an executor reads for those columns (all by default), called c0, c1, ..."""
    wanted = list(range(len(source.schema.fields))) if columns is None else columns
    spec = source.scan_input(ScanRequest(tuple((column, f"c{column}") for column in wanted)))
    return kernel.scan_relation(spec, kernel.Template.parse(spec.select_sql), slices(source))


def rows(source: Source, columns: list[int] | None = None) -> Rows:
    """All rows of those columns."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found: Rows = connection.execute(f"SELECT * FROM {scan_sql(source, columns)}").fetchall()
        return found
