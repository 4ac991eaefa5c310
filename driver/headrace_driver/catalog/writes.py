"""`df.write`: what tasks write where, and the commit that makes it visible.

Tasks write into a staging directory inside the target, `_temporary-<id>`, which every reader passes over. When the job
has succeeded the driver moves the files of the committed attempts (and no others) to their places by renames, and
leaves `_SUCCESS`; before that nothing is visible, and a job that fails leaves nothing. What an overwrite replaces is
moved aside first and deleted last, so that a commit that fails in between can be undone.
"""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections.abc import Mapping, Sequence

from headrace_driver.catalog import commits, output_text
from headrace_driver.catalog.commits import STAGING, Moves, Place
from headrace_driver.catalog.files import FORMATS_NOT_BUILT, unknown_format
from headrace_driver.catalog.listing import hidden, local_path
from headrace_driver.catalog.output_options import (
    TextFormat,
    csv_format,
    json_format,
    overwrites_partitions,
    parquet_codec,
    rows_per_file,
    text_codec,
)
from headrace_driver.catalog.source import Source
from headrace_driver.errors import SparkError, unsupported
from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Alias, Attribute, Literal, new_id
from headrace_driver.plan.stage import StageStats
from headrace_driver.sql.json_schema import json_of_type
from headrace_proto.v1 import task_pb2


class FileWrite:
    """One write. Implements the runner's `CommitHook`.

    `query` yields the columns of the files (for CSV, JSON and text: one column of lines) and the partition columns.
    """

    def __init__(self, plan: lp.WriteFiles, conf: Mapping[str, str]) -> None:
        """Checks the target by its save mode; nothing is written yet. Raises PATH_ALREADY_EXISTS."""
        self._plan = plan
        self._conf = dict(conf)
        self.target = local_path(plan.path)
        exists = os.path.lexists(self.target)
        if exists and plan.mode is lp.SaveMode.ERROR:
            raise SparkError(
                "PATH_ALREADY_EXISTS",
                f'Path file:{self.target} already exists. Set mode as "overwrite" to overwrite the existing path.',
                {"outputPath": f"file:{self.target}"},
                sql_state="42K04",
            )
        self.skipped = exists and plan.mode is lp.SaveMode.IGNORE
        """Nothing is to be written: the target exists and the mode says to leave it."""
        if plan.mode is lp.SaveMode.OVERWRITE and exists:
            _refuse_reading(plan.child, self.target)
        folder = self.target if exists is False or os.path.isdir(self.target) else os.path.dirname(self.target)
        self._staging = os.path.join(folder, f"{STAGING}{uuid.uuid4()}")
        self._place = Place(self._staging, self.target, made_target=not exists)
        self._time_zone = conf.get("spark.sql.session.timeZone", "UTC")
        self._dynamic = overwrites_partitions(plan.options, conf)
        self._output, self.query = self._planned()

    def output(self) -> task_pb2.FileOutput:
        """Where and how tasks write."""
        return self._output

    def _planned(self) -> tuple[task_pb2.FileOutput, lp.LogicalPlan]:
        plan = self._plan
        columns = plan.child.output
        partition_names = self._partition_names(columns)
        data = [c for c in columns if c.name.lower() not in partition_names]
        kind = plan.format.rpartition(".")[2].lower()
        _check_types(kind, plan.format, data)
        message = task_pb2.FileOutput(staging=self._staging, partition_by=partition_names.values())
        message.max_rows_per_file = rows_per_file(plan.options, self._conf)
        if kind == "parquet":
            codec, extension = parquet_codec(plan.options, self._conf)
            message.format = "parquet"
            message.extension = extension
            message.copy_options = f"COMPRESSION {codec}, KV_METADATA {_spark_schema(data)}"
            written: list[Alias | Attribute] = [*data]
        else:
            text, written = self._lines(kind, data)
            message.format = "csv"
            message.extension = text.extension
            message.copy_options = text.copy_options
        by_name = {c.name.lower(): c for c in columns}
        for folded, name in partition_names.items():
            written.append(Alias(output_text.partition_value(by_name[folded]), name, new_id()))
        child = plan.child
        if self.skipped:
            child = lp.Limit(child, Literal(0, t.INTEGER))
        return message, lp.Project(child, tuple(written))

    def _partition_names(self, columns: Sequence[Attribute]) -> dict[str, str]:
        """Names of the partition columns as the schema spells them, by lower-case name."""
        spelled = {c.name.lower(): c.name for c in columns}
        return {name.lower(): spelled[name.lower()] for name in self._plan.partition_by}

    def _lines(self, kind: str, data: Sequence[Attribute]) -> tuple[TextFormat, list[Alias | Attribute]]:
        options = self._plan.options
        if kind == "csv":
            text = csv_format(options, self._time_zone)
            line = output_text.csv_line(data, text.options)
            name = output_text.csv_header([c.name for c in data], text.options) if text.header else "line"
        elif kind == "json":
            text = json_format(options, self._conf, self._time_zone)
            line = output_text.json_line(data, [c.name for c in data], text.options)
            name = "line"
        else:
            text = text_codec(options)
            line, name = data[0], "line"
        if text.line_end:
            line, name = output_text.ended(line, text.line_end), name + (text.line_end if text.header else "")
        return text, [Alias(line, name, new_id())]

    @property
    def place(self) -> str:
        """Where tasks write, as text, for a journal."""
        return self._place.text()

    async def moves(self, stats: StageStats) -> str:
        """What the commit will do, as text. Called once, when all tasks have succeeded."""
        if self.skipped:
            return Moves(self._place, [], [], marks_success=False, writes_nothing=True).text()
        return await asyncio.to_thread(self._moves, [file.path for file in stats.files])

    async def commit(self, moves: str) -> None:
        """Makes the files visible."""
        await asyncio.to_thread(commits.complete, commits.moves_of(moves))

    async def abort(self) -> None:
        """Removes everything the job has written."""
        await asyncio.to_thread(commits.abort, self._place)

    def _moves(self, files: Sequence[str]) -> str:
        aside = self._set_aside(files) if self._plan.mode is lp.SaveMode.OVERWRITE else []
        moved = [(os.path.join(self._staging, file), os.path.join(self.target, file)) for file in files]
        marks = self._conf.get("mapreduce.fileoutputcommitter.marksuccessfuljobs", "true") == "true"
        return Moves(self._place, aside, moved, marks).text()

    def _set_aside(self, files: Sequence[str]) -> list[tuple[str, str]]:
        """What is overwritten, moved into the staging directory to be deleted with it."""
        aside = os.path.join(self._staging, ".replaced")
        if not os.path.isdir(self.target):
            return [(self.target, os.path.join(aside, "file"))] if os.path.lexists(self.target) else []
        if self._dynamic and self._plan.partition_by:
            replaced = sorted({os.path.dirname(file) for file in files})
            entries = [os.path.join(folder, entry) for folder in replaced for entry in _entries(self.target, folder)]
        else:
            entries = _entries(self.target, "")
        return [
            (os.path.join(self.target, entry), os.path.join(aside, str(number))) for number, entry in enumerate(entries)
        ]


def _entries(target: str, folder: str) -> list[str]:
    """What lies in a folder of the target and belongs to its data: staging directories of other jobs do not."""
    try:
        names = os.listdir(os.path.join(target, folder))
    except FileNotFoundError:
        return []
    return [name for name in names if not name.startswith(STAGING)]


def _refuse_reading(plan: lp.LogicalPlan, target: str) -> None:
    """An overwrite must not delete what it is about to read."""
    for node in lp.walk(plan):
        if isinstance(node, lp.Scan):
            source: Source = node.source
            inside = target.rstrip(os.sep) + os.sep
            if any(file.path == target or file.path.startswith(inside) for file in source.files()):
                raise SparkError(
                    "UNSUPPORTED_OVERWRITE.PATH",
                    f"Can't overwrite the target that is also being read from. The target path is file:{target}.",
                    {"path": f"file:{target}"},
                    sql_state="42902",
                )


def _check_types(kind: str, given: str, columns: Sequence[Attribute]) -> None:
    """Raises UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE where a format can't hold a column."""
    shown = {"csv": "CSV", "json": "JSON", "text": "Text", "parquet": "Parquet"}.get(kind)
    if shown is None:
        raise _not_written(kind, given)
    if not columns or any(_is_empty(c.type) for c in columns):
        raise SparkError(
            "EMPTY_SCHEMA_NOT_SUPPORTED_FOR_DATASOURCE",
            f"The {shown} datasource does not support writing empty or nested empty schemas. Please make sure the data "
            "schema has at least one or more column(s).",
            {"format": shown},
            sql_state="0A000",
        )
    if kind == "text" and len(columns) > 1:
        raise SparkError(
            "_LEGACY_ERROR_TEMP_1202",
            f"Text data source supports only a single column, and you have {len(columns)} columns.",
            {"schemaSize": str(len(columns))},
            sql_state="42000",
        )
    for column in columns:
        if not _fits(kind, column.type):
            raise SparkError(
                "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE",
                f'The {shown} datasource doesn\'t support the column `{column.name}` of the type "{column.type.sql}".',
                {"columnName": f"`{column.name}`", "columnType": f'"{column.type.sql}"', "format": shown},
                sql_state="0A000",
            )


def _not_written(kind: str, given: str) -> SparkError:
    known = kind in (*FORMATS_NOT_BUILT, "noop", "console")
    return unsupported(f"writing the format {kind}") if known else unknown_format(given)


def _is_empty(dtype: t.DataType) -> bool:
    return isinstance(dtype, t.StructType) and (not dtype.fields or any(_is_empty(f.dtype) for f in dtype.fields))


def _fits(kind: str, dtype: t.DataType) -> bool:
    if kind == "text":
        return isinstance(dtype, t.StringType)
    if isinstance(dtype, t.VariantType | t.CalendarIntervalType):
        return False
    if kind == "csv":
        return not isinstance(dtype, t.ArrayType | t.MapType | t.StructType)
    return True


def _spark_schema(columns: Sequence[Attribute]) -> str:
    """The schema in the files' metadata, from which Spark (and we) read types that Parquet does not have."""
    schema = t.StructType(tuple(t.StructField(c.name, c.type, True, c.metadata) for c in columns))
    text = json.dumps(json_of_type(schema), ensure_ascii=False, separators=(",", ":"))
    return "{'org.apache.spark.sql.parquet.row.metadata': '" + text.replace("'", "''") + "'}"


assert hidden(STAGING), "readers must pass over staging directories"
