"""Opens what `spark.read` names: the listing, then the source of the format."""

from __future__ import annotations

from collections.abc import Mapping

from headrace_driver.catalog.csv import open_csv
from headrace_driver.catalog.json import open_json
from headrace_driver.catalog.listing import list_files
from headrace_driver.catalog.parquet import open_parquet
from headrace_driver.catalog.partitions import Partitions, discover
from headrace_driver.catalog.read_options import check_read_options
from headrace_driver.catalog.source import Source
from headrace_driver.catalog.text import open_text
from headrace_driver.errors import SparkError, unsupported
from headrace_driver.plan.logical import ReadFiles

_INFER_PARTITION_TYPES = "spark.sql.sources.partitionColumnTypeInference.enabled"
FORMATS_NOT_BUILT = ("orc", "avro", "delta", "iceberg", "jdbc", "xml", "binaryfile", "kafka", "rate", "socket")


def open_files(read: ReadFiles, conf: Mapping[str, str], time_zone: str) -> Source:
    """Lists the files of a read and learns their schema. Does I/O: call off the event loop."""
    options = dict(read.options)
    name = read.format.rpartition(".")[2].lower() if "." in read.format else read.format.lower()
    if name in FORMATS_NOT_BUILT:
        raise unsupported(f"the data source {read.format}")
    if name not in ("parquet", "csv", "json", "text"):
        raise unknown_format(read.format)
    check_read_options(name, options)
    paths = read.paths
    if not paths:
        raise SparkError(
            "UNABLE_TO_INFER_SCHEMA" if read.schema is None else "DATA_SOURCE_NO_PATHS",
            f"Unable to infer schema for {name}. It must be specified manually.",
            {"format": name},
            sql_state="42KD9",
        )
    listed = list_files(paths, options, time_zone)
    if options.get("recursivefilelookup", "").lower() == "true":
        partitions = Partitions((), tuple(listed), ((),) * len(listed))
    else:
        infer = conf.get(_INFER_PARTITION_TYPES, "true") == "true"
        partitions = discover(listed, infer, read.schema.fields if read.schema is not None else ())
    if name == "parquet":
        merge = conf.get("spark.sql.parquet.mergeSchema", "false")
        options.setdefault("mergeschema", merge)
        return open_parquet(partitions, read.schema, options, time_zone)
    if name == "csv":
        return open_csv(partitions, read.schema, options, conf, time_zone)
    if name == "json":
        return open_json(partitions, read.schema, options, conf, time_zone)
    return open_text(partitions, read.schema, options, time_zone)


def unknown_format(name: str) -> SparkError:
    """For names that are no format of Spark's."""
    return SparkError(
        "DATA_SOURCE_NOT_FOUND",
        f"Failed to find the data source: {name}. Make sure the provider name is correct and the package is properly "
        "registered and compatible with your Spark version.",
        {"provider": name},
        sql_state="42K02",
    )
