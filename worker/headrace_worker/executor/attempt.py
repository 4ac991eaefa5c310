"""One attempt of one task: inputs bound, the program run as a stream, its rows written out, everything counted."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from headrace_proto.v1 import common_pb2, task_pb2
from headrace_worker import kernel
from headrace_worker.broadcast import broadcast_table
from headrace_worker.engine import Engine
from headrace_worker.failures import cancelled as cancelled_failure
from headrace_worker.failures import failure_of
from headrace_worker.inlets import Inlet
from headrace_worker.kernel import BATCH_BYTES, BATCH_ROWS, Program, ProgramError
from headrace_worker.result import conform
from headrace_worker.sampling import RowSampler
from headrace_worker.shuffle.partitioning import splitter_for
from headrace_worker.shuffle.plan import FetchCancelled
from headrace_worker.shuffle.reader import BlockAccess, FetchCounters, ShuffleSource
from headrace_worker.shuffle.store import BlockStore, MapId, free_bytes
from headrace_worker.shuffle.writer import (
    BlockWriter,
    Encode,
    WriterLimits,
    client_block,
    columnar_block,
    compressed_block,
    plain_block,
)
from headrace_worker.sink import FileSink
from headrace_worker.storage.kept_files import KeptFiles

RESULT_BLOCK_BYTES = 4 << 20
PARTITION_VARIABLE = "hr_partition"
"""The kernel variable that programs read with getvariable: the number of the task's partition."""

RANGE_ROWS_AS_DATA = 8192
"""A range up to this long is handed to the kernel as rows, which spares planning each task's statement; longer ones the
kernel makes itself."""

OutputKey = tuple[int, int]


@dataclass(slots=True)
class Surroundings:
    """What an executor keeps between attempts."""

    engine: Engine
    store: BlockStore
    access: BlockAccess
    tables: Mapping[OutputKey, task_pb2.OutputTable]
    broadcasts: dict[tuple[int, int, int], Any] = field(default_factory=dict)
    """(job, stage, epoch) → the handle of a registered table, or None for one without rows."""
    grant_bytes: int = 0
    writer: BlockWriter | None = None
    """The running attempt's."""


class Attempt:
    """Call `run` once."""

    def __init__(self, launch: task_pb2.TaskLaunch, program: Program, around: Surroundings) -> None:
        self._launch = launch
        self._program = program
        self._around = around
        self._cancelled: threading.Event = around.access.cancelled
        self._sources: list[ShuffleSource] = []
        self._handles: list[Any] = []
        self._inlets: list[Inlet] = []
        self._relations: dict[int, str] = {}
        self._fetched = FetchCounters()
        self._kernel_ns = 0
        self._status = task_pb2.TaskStatus(id=launch.id)
        self._metrics = self._status.metrics

    def run(self) -> task_pb2.TaskStatus:
        """Runs to the end, whatever it is."""
        status = self._status
        started, cpu_started = time.perf_counter_ns(), time.process_time_ns()
        try:
            if self._cancelled.is_set():
                raise FetchCancelled
            self._execute(status.output)
            status.state = task_pb2.TaskStatus.FINISHED
        except BaseException as error:  # noqa: BLE001  (the boundary: every end of an attempt is reported)
            status.state = task_pb2.TaskStatus.FAILED
            status.ClearField("output")
            status.failure.CopyFrom(self._failure(error))
        finally:
            for source in self._sources:
                source.close()
            self._sources.clear()
            self._handles.clear()
            for inlet in self._inlets:
                inlet.disconnect()
        self._metrics.run_us = (time.perf_counter_ns() - started) // 1000
        self._metrics.cpu_us = (time.process_time_ns() - cpu_started) // 1000
        return status

    def _failure(self, error: BaseException) -> common_pb2.Failure:
        """The cause: a cancellation explains any error, and a source's own error is better than the kernel's text."""
        if self._cancelled.is_set():
            return cancelled_failure("cancelled by the driver")
        cause = next((source.error for source in self._sources if source.error is not None), error)
        files = [file.path for piece in self._launch.slices for file in piece.scan.files]
        failure = failure_of(cause, self._around.grant_bytes, files)
        if failure.HasField("disk_full"):
            self._say_how_much(failure.disk_full)
        return failure

    def _say_how_much(self, full: common_pb2.DiskFull) -> None:
        """What is free now that the attempt's own files are gone: where the kernel does not say, it needs more."""
        spill = str(self._around.engine.spill_directory)
        full.directory = full.directory or spill
        if full.directory == spill:
            full.free_bytes = self._around.store.room(self._around.store.root_of(Path(spill))).spillable_bytes
            full.needed_bytes = full.needed_bytes or full.free_bytes
        else:
            full.free_bytes = free_bytes(Path(full.directory))

    def _execute(self, output: task_pb2.TaskOutput) -> None:
        sql = self._program.template.fill(self._input)
        self._around.engine.configure(self._program.settings)
        if PARTITION_VARIABLE in sql:
            self._around.engine.run(f"SET VARIABLE {PARTITION_VARIABLE} = {self._launch.id.partition}::BIGINT")
        self._around.engine.count_use(self._program.reads_data)
        spec = self._program.proto.output_spec
        if spec.WhichOneof("kind") == "files":
            self._write_files(sql, spec.files, output)
        else:
            self._write_blocks(sql, spec, output)
        self._count(output)

    def _input(self, number: int) -> str:
        """The table expression of one placeholder. It may stand in the text, and be scanned, more than once."""
        if number not in self._relations:
            self._relations[number] = self._bind(number)
        return self._relations[number]

    def _bind(self, number: int) -> str:
        if not 0 <= number < len(self._program.proto.inputs):
            raise ProgramError(f"placeholder {{in_{number}}} has no input")
        spec = self._program.proto.inputs[number]
        slices = self._launch.slices
        piece = slices[number] if number < len(slices) else task_pb2.InputSlice()
        kind = spec.WhichOneof("kind")
        if kind == "scan":
            return kernel.scan_relation(spec.scan, self._program.scans[number], piece.scan.files, piece.scan.condition)
        if kind == "shuffle":
            return self._shuffle(number, spec.shuffle, piece.shuffle)
        if kind == "broadcast":
            return self._broadcast(spec.broadcast)
        if kind == "table":
            return self._table(number, spec.table, piece.rows)
        if kind == "range":
            return self._range(number, spec.range, piece.rows)
        raise ProgramError(f"input {number} is of no known kind")

    def _range(self, number: int, spec: task_pb2.RangeInput, rows: task_pb2.RowSlice) -> str:
        if not 0 < rows.length <= RANGE_ROWS_AS_DATA:
            return kernel.range_relation(spec, rows)
        return self._connect(number, kernel.range_rows(spec, rows))

    def _shuffle(self, number: int, spec: task_pb2.ShuffleInput, piece: task_pb2.ShuffleSlice) -> str:
        if not piece.reducer_count:
            return kernel.empty_relation(spec.columns)
        names = [column.name for column in spec.columns]
        table = self._output_table(spec.output)
        source = ShuffleSource(table, piece, names, self._around.access, spec.selected)
        self._sources.append(source)
        if not source.prepare():
            return kernel.empty_relation(spec.columns)
        return kernel.blocks_relation(spec.columns, self._connect(number, source))

    def _broadcast(self, spec: task_pb2.BroadcastInput) -> str:
        table = self._output_table(spec.output)
        key = (table.output.job_id, table.output.stage_id, table.epoch)
        handles = self._around.broadcasts
        if key not in handles:
            names = [column.name for column in spec.columns]
            rows = broadcast_table(self._around.store, table, names, self._around.access, self._fetched)
            handles[key] = None if rows is None else self._around.engine.source(rows)
        if handles[key] is None:
            return kernel.empty_relation(spec.columns)
        return kernel.blocks_relation(spec.columns, handles[key].name)

    def _table(self, number: int, spec: task_pb2.TableInput, rows: task_pb2.RowSlice) -> str:
        piece = self._program.table(number).slice(rows.offset, rows.length)
        if not piece.num_rows:
            return kernel.empty_relation(spec.columns)
        self._metrics.rows_read += piece.num_rows
        return kernel.table_relation(spec, self._register(piece))

    def _connect(self, number: int, source: Any) -> str:
        """The name under which an input's rows are read, the same for all tasks whose rows have the same schema."""
        inlet = self._program.inlets.get(number)
        if inlet is None or not inlet.schema.equals(source.schema, check_metadata=True):
            inlet = self._program.inlets[number] = Inlet(source.schema)
            inlet.handle = self._around.engine.source(inlet)
        inlet.connect(source)
        self._inlets.append(inlet)
        return str(inlet.handle.name)

    def _register(self, source: object) -> str:
        handle = self._around.engine.source(source)
        self._handles.append(handle)
        return str(handle.name)

    def _output_table(self, output: common_pb2.OutputId) -> task_pb2.OutputTable:
        table = self._around.tables.get((output.job_id, output.stage_id))
        if table is None:
            raise ProgramError(f"no output table for stage {output.stage_id} of job {output.job_id} was sent")
        return table

    def _write_files(self, sql: str, spec: task_pb2.FileOutput, output: task_pb2.TaskOutput) -> None:
        started = time.perf_counter_ns()
        files, rows = FileSink(self._around.engine, spec, self._launch.id.partition).write(sql)
        self._kernel_ns = time.perf_counter_ns() - started
        self._metrics.rows_out = rows
        output.files.extend(files)
        output.rows = rows
        output.bytes = sum(file.bytes for file in files)

    def _write_blocks(self, sql: str, spec: task_pb2.StageOutput, output: task_pb2.TaskOutput) -> None:
        program, partition = self._program, self._launch.id.partition
        started = time.perf_counter_ns()
        statement = self._statement(sql)
        reader = self._around.engine.stream(statement, program.batch_rows, planned=statement is not sql)
        self._kernel_ns = time.perf_counter_ns() - started
        writer: BlockWriter | None = None
        try:
            target = self._target_schema(reader.schema, spec)
            as_is = program.yields is target
            sampler = self._sampler(spec)
            splitter, reducers = splitter_for(spec, partition)
            writer = BlockWriter(
                program.stored, splitter, reducers, self._open_files, self._limits(spec), _encoder(spec)
            )
            self._around.writer = writer
            limit_rows = spec.result.limit_rows  # 0 where the output is of another kind
            for batch in gathered(self._batches(reader, limit_rows)):
                conformed = batch if as_is else conform(batch, target)
                if sampler is not None:
                    sampler.add(conformed)
                writer.add(conformed)
            writer.finish(partition, output)
        except BaseException:
            if writer is not None:
                writer.abandon()
            raise
        finally:
            self._around.writer = None
            reader.close()
        if sampler is not None:
            output.sample = sampler.encoded()
        program.learn_batch_rows(writer.rows, writer.raw_bytes)
        self._metrics.rows_out = writer.rows
        self._metrics.write_us = writer.write_us

    def _statement(self, sql: str) -> str:
        """The statement itself, or the execution of its plan where the task before had the same one."""
        program, engine = self._program, self._around.engine
        if program.prepared is not None and program.prepared[0] == sql:
            return program.prepared[1]
        repeated, program.last_sql = program.last_sql == sql, sql
        # The kernel replaces variables by their values when it plans.
        if not repeated or PARTITION_VARIABLE in sql:
            return sql
        if program.prepared is not None:
            engine.forget(program.prepared[1])
        program.prepared = (sql, engine.prepare(sql))
        return program.prepared[1]

    def _target_schema(self, schema: pa.Schema, spec: task_pb2.StageOutput) -> pa.Schema:
        """What the blocks hold; worked out once a program. It is the kernel's own schema object where they agree."""
        program = self._program
        if program.target is None or program.yields is None or not schema.equals(program.yields, check_metadata=True):
            target = _target_of(schema, spec)
            program.yields = schema
            program.target = target = schema if target.equals(schema, check_metadata=True) else target
            # The partitioning column says where a row goes and is no part of it.
            has_column = spec.WhichOneof("kind") in ("hash", "by_id")
            program.stored = pa.schema(list(target)[:-1], target.metadata) if has_column else target
        return program.target

    def _batches(self, reader: pa.RecordBatchReader, limit_rows: int) -> Any:
        """The program's batches, the time they take counted, cut at the limit, ended by a cancellation."""
        left = limit_rows or None
        while True:
            started = time.perf_counter_ns()
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return
            finally:
                self._kernel_ns += time.perf_counter_ns() - started
            if self._cancelled.is_set():
                raise FetchCancelled
            if not batch.num_rows:
                continue
            if left is None:
                yield batch
                continue
            yield batch.slice(0, left)
            left -= batch.num_rows
            if left <= 0:
                return

    def _open_files(self) -> Any:
        task = self._launch.id
        output = MapId(task.job_id, task.stage_id, task.partition, task.attempt)
        if self._program.proto.output_spec.HasField("storage"):
            return KeptFiles(self._around.store, output, self._launch.storage_bytes)
        return self._around.store.start_output(output)

    def _limits(self, spec: task_pb2.StageOutput) -> WriterLimits:
        limits = WriterLimits.within(self._around.grant_bytes)
        if spec.WhichOneof("kind") != "result":
            return limits
        block_bytes = spec.result.batch_bytes or RESULT_BLOCK_BYTES
        return WriterLimits(block_bytes=block_bytes, raw_bytes=2 * block_bytes, segment_bytes=limits.segment_bytes)

    def _sampler(self, spec: task_pb2.StageOutput) -> RowSampler | None:
        if not spec.sample_rows:
            return None
        task = self._launch.id
        seed = zlib.crc32(f"{task.stage_id}/{task.partition}".encode())
        return RowSampler(spec.sample_rows, spec.sample_columns, seed)

    def _count(self, output: task_pb2.TaskOutput) -> None:
        metrics = self._metrics
        metrics.kernel_us = self._kernel_ns // 1000
        metrics.write_bytes = output.bytes
        if not self._program.reads_data:
            return
        report = self._around.engine.report()
        for counters in (self._fetched, *(source.counters for source in self._sources)):
            metrics.rows_read += counters.rows
            metrics.fetch_local_bytes += counters.local_bytes
            metrics.fetch_remote_bytes += counters.remote_bytes
            metrics.fetch_wait_us += counters.wait_us
        if self._program.scans:
            metrics.rows_read += report.rows_scanned
            metrics.bytes_read = report.bytes_read
        metrics.kernel_us = max(0, metrics.kernel_us - metrics.fetch_wait_us)
        metrics.peak_memory_bytes = report.peak_memory_bytes
        metrics.spill_bytes = report.spill_bytes


def _encoder(spec: task_pb2.StageOutput) -> Encode:
    """How blocks are made: cached rows so that one column can be read without the others."""
    if spec.HasField("result"):
        return client_block
    if not spec.HasField("storage"):
        return compressed_block
    return columnar_block if spec.storage.compressed else plain_block


def gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Small batches joined to larger ones: splitting and encoding cost by the batch as well as by the row."""
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        # Sizes are looked at when there is something to join: most tasks have one batch.
        if waiting and (rows >= BATCH_ROWS[1] or size + waiting[-1].nbytes >= BATCH_BYTES):
            yield _joined(waiting)
            waiting, rows, size = [], 0, 0
        elif waiting:
            size += waiting[-1].nbytes
        waiting.append(batch)
        rows += batch.num_rows
    if waiting:
        yield _joined(waiting)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


def _target_of(schema: pa.Schema, spec: task_pb2.StageOutput) -> pa.Schema:
    """What blocks hold: the client's schema for results; else the kernel's, views made plain.

    A view column keeps all its buffers alive however few rows of it remain, so splitting it would multiply its bytes.
    """
    if spec.WhichOneof("kind") == "result":
        return pa.ipc.read_schema(pa.py_buffer(spec.result.arrow_schema))
    fields = [field.with_type(_without_views(field.type)) for field in schema]
    return pa.schema(fields, schema.metadata)


def _without_views(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_without_views(field.type)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(
            kind.key_field.with_type(_without_views(kind.key_type)),
            kind.item_field.with_type(_without_views(kind.item_type)),
        )
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_without_views(kind.value_type)))
    return kind
