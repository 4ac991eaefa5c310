"""Binding: a stage's program and one task's slices become one statement of the kernel.

The program's text is parsed once per executor into pieces; a task fills the placeholders with table expressions over
its slices. An input without slices becomes an empty relation of the right columns, so that the rest of the statement
means the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import groupby

import numpy as np
import pyarrow as pa

from headrace_proto.v1 import task_pb2
from headrace_worker.engine import literal, quoted
from headrace_worker.inlets import Inlet

_TOKEN = re.compile(r"\{\{|\}\}|\{in_(\d+)\}|\{source\}|[{}]")

_ARROW_EXACT = re.compile(
    r"BOOLEAN|TINYINT|SMALLINT|INTEGER|BIGINT|UTINYINT|USMALLINT|UINTEGER|UBIGINT|FLOAT|DOUBLE|VARCHAR|BLOB|DATE"
    r"|TIMESTAMP|TIMESTAMP WITH TIME ZONE|TIMESTAMPTZ|INTERVAL|DECIMAL\(\d+,\s*\d+\)"
)
"""Kernel types that come back from Arrow as they went; anything else is cast after reading."""


BATCH_BYTES = 4 << 20
"""What one batch of output should hold: enough to make its handling cheap, little enough for the smallest grant."""

BATCH_ROWS = (2048, 65536)
"""Fewest and most rows of a batch: one kernel vector, and what still fits a core's cache with a few columns."""


class ProgramError(Exception):
    """The program or its slices break the contract: a mistake of the planner."""


@dataclass(frozen=True, slots=True)
class Template:
    """Kernel text cut at its placeholders: strings, and numbers of inputs (-1 for `{source}`)."""

    pieces: tuple[str | int, ...]

    @staticmethod
    def parse(text: str) -> Template:
        """Doubled braces stand for single ones; any other brace that is no placeholder is refused."""
        pieces: list[str | int] = []
        literal_text: list[str] = []
        end = 0
        for match in _TOKEN.finditer(text):
            literal_text.append(text[end : match.start()])
            end = match.end()
            token = match.group()
            if token in ("{{", "}}"):
                literal_text.append(token[0])
            elif token in ("{", "}"):
                raise ProgramError(f"single {token!r} at {match.start()} of the program text: {text[:200]!r}")
            else:
                pieces.append("".join(literal_text))
                literal_text = []
                pieces.append(-1 if token == "{source}" else int(match.group(1)))
        pieces.append("".join((*literal_text, text[end:])))
        return Template(tuple(pieces))

    def fill(self, expression: Callable[[int], str]) -> str:
        """The text with every placeholder replaced."""
        return "".join(piece if isinstance(piece, str) else expression(piece) for piece in self.pieces)


@dataclass(slots=True)
class Program:
    """A stage program as an executor keeps it: parsed, with its table inputs decoded once."""

    proto: task_pb2.StageProgram
    template: Template
    scans: dict[int, Template] = field(default_factory=dict)
    tables: dict[int, pa.Table] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    reads_data: bool = True
    """Whether there is more to count than rows that came with the plan."""
    batch_rows: int = BATCH_ROWS[0]
    """How many rows a batch of this program's output should have; learnt from its first output, since rows may be
    wide: 2,048 rows are what the kernel holds at a time in any case."""
    yields: pa.Schema | None = None
    """What the kernel yields for this program, once a task has run."""
    target: pa.Schema | None = None
    """What its blocks are made of, partitioning column included."""
    stored: pa.Schema | None = None
    """What its blocks hold."""
    inlets: dict[int, Inlet] = field(default_factory=dict)
    """By input: what its tasks read their own rows from, all under one name, so that their statements are equal."""
    last_sql: str = ""
    """The statement of the task before."""
    prepared: tuple[str, str] | None = None
    """The statement that the kernel has planned, and how to execute it."""

    @staticmethod
    def load(proto: task_pb2.StageProgram) -> Program:
        """Parses what can be parsed before a task arrives."""
        program = Program(proto, Template.parse(proto.sql), settings=dict(proto.settings))
        program.reads_data = any(given.WhichOneof("kind") not in ("range", "table") for given in proto.inputs)
        for number, stage_input in enumerate(proto.inputs):
            if stage_input.WhichOneof("kind") == "scan":
                program.scans[number] = Template.parse(stage_input.scan.select_sql)
        return program

    def forget_kernel(self) -> None:
        """The kernel is replaced: its sources and plans go with it."""
        self.inlets.clear()
        self.last_sql, self.prepared = "", None

    def learn_batch_rows(self, rows: int, raw_bytes: int) -> None:
        """Sizes the batches of later tasks by what this one yielded."""
        if rows and raw_bytes:
            fitting = BATCH_BYTES * rows // raw_bytes // BATCH_ROWS[0] * BATCH_ROWS[0]
            self.batch_rows = max(BATCH_ROWS[0], min(BATCH_ROWS[1], fitting))

    def table(self, number: int) -> pa.Table:
        """The rows that came with the plan, their columns named as the program knows them."""
        if number not in self.tables:
            spec = self.proto.inputs[number].table
            with pa.ipc.open_stream(pa.py_buffer(spec.arrow_stream)) as reader:
                table = reader.read_all()
            if table.num_columns != len(spec.columns):
                raise ProgramError(f"input {number} has {table.num_columns} columns, {len(spec.columns)} declared")
            self.tables[number] = table.rename_columns([column.name for column in spec.columns])
        return self.tables[number]


def range_rows(spec: task_pb2.RangeInput, rows: task_pb2.RowSlice) -> pa.RecordBatch:
    """The rows of a short slice of a range."""
    values = np.arange(rows.length, dtype=np.int64)
    values *= spec.step
    values += spec.start + rows.offset * spec.step
    return pa.RecordBatch.from_arrays([pa.array(values)], schema=_range_schema(spec.column))


@lru_cache(maxsize=16)
def _range_schema(column: str) -> pa.Schema:
    return pa.schema([(column, pa.int64())])


def empty_relation(columns: Iterable[task_pb2.Column]) -> str:
    """No rows, but the right columns."""
    fields = [f"CAST(NULL AS {column.kernel_type or 'INTEGER'}) AS {quoted(column.name)}" for column in columns]
    return f"(SELECT {', '.join(fields) or 'NULL AS __nothing'} WHERE false)"


def range_relation(spec: task_pb2.RangeInput, rows: task_pb2.RowSlice | None) -> str:
    """start + i * step for i in the slice; the last value is inclusive so that nothing overflows past the end."""
    if rows is None or rows.length <= 0:
        return empty_relation([task_pb2.Column(name=spec.column, kernel_type="BIGINT")])
    first = spec.start + rows.offset * spec.step
    last = first + (rows.length - 1) * spec.step
    return f"(SELECT * FROM generate_series({first}, {last}, {spec.step}) AS __range({quoted(spec.column)}))"


def scan_relation(
    spec: task_pb2.ScanInput, template: Template, files: Sequence[task_pb2.FileSlice], condition: str = ""
) -> str:
    """Files and row ranges of files as one relation: whole files with equal partition values share one reader.

    `condition` picks the task's rows among those of its files.
    """
    if not files:
        return empty_relation(spec.columns)
    sources = _sources(spec, files)
    if condition:
        sources = [f"(SELECT * FROM {source} WHERE {condition})" for source in sources]
    parts = [template.fill(partial(_always, source)) for source in sources]
    return "(" + " UNION ALL ".join(parts) + ")"


def table_relation(spec: task_pb2.TableInput, source_name: str) -> str:
    """A registered table, its columns cast: Arrow types from outside are not always the kernel's choice."""
    return _cast_relation(spec.columns, source_name, everything=True)


def blocks_relation(columns: Sequence[task_pb2.Column], source_name: str) -> str:
    """Registered blocks; only types that Arrow does not carry exactly are cast back."""
    return _cast_relation(columns, source_name, everything=False)


def _cast_relation(columns: Sequence[task_pb2.Column], source_name: str, everything: bool) -> str:
    inexact = [bool(c.kernel_type) and (everything or not _ARROW_EXACT.fullmatch(c.kernel_type)) for c in columns]
    if not any(inexact):
        return source_name
    fields = [
        f"CAST({quoted(column.name)} AS {column.kernel_type}) AS {quoted(column.name)}" if cast else quoted(column.name)
        for column, cast in zip(columns, inexact, strict=True)
    ]
    return f"(SELECT {', '.join(fields)} FROM {source_name})"


def _sources(spec: task_pb2.ScanInput, files: Sequence[task_pb2.FileSlice]) -> list[str]:
    def group_key(file: task_pb2.FileSlice) -> tuple[tuple[bool, str], ...]:
        return tuple((value.HasField("value"), value.value) for value in file.partition_values)

    sources = []
    for key, members in groupby(sorted(files, key=group_key), key=group_key):
        if len(key) != spec.partition_columns:
            raise ProgramError(f"{len(key)} partition values where {spec.partition_columns} are declared")
        constants = "".join(
            f", {literal(value) if present else 'CAST(NULL AS VARCHAR)'} AS __part_{number}"
            for number, (present, value) in enumerate(key)
        )
        group = list(members)
        whole = [file.path for file in group if not file.rows]
        if whole:
            paths = ", ".join(map(literal, whole))
            sources.append(f"(SELECT *{constants} FROM {spec.reader}([{paths}]{spec.reader_options}))")
        sources.extend(_row_range(spec, file, constants) for file in group if file.rows)
    return sources


def _always(text: str, _: int) -> str:
    return text


def _row_range(spec: task_pb2.ScanInput, file: task_pb2.FileSlice, constants: str) -> str:
    """Part of one file. Only row groups that overlap the range are read."""
    if spec.reader != "read_parquet":
        raise ProgramError(f"a range of rows of {file.path}: {spec.reader} cannot start within a file")
    return (
        f"(SELECT * EXCLUDE (file_row_number){constants} FROM read_parquet([{literal(file.path)}]{spec.reader_options}"
        f", file_row_number = true) WHERE file_row_number >= {file.first_row}"
        f" AND file_row_number < {file.first_row + file.rows})"
    )
