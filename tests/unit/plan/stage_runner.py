"""Runs a query's stages in this process: the planner's programs on the worker's kernel, blocks kept in memory.

What a cluster does with processes, disks and networks is done here by dictionaries; binding of inputs, splitting of
outputs and sampling are the worker's own code, so that a plan which works here works there.
"""

from __future__ import annotations

import time
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from headrace_driver.connect.arrow_types import arrow_schema
from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.plan.adaptive import AdaptiveQuery
from headrace_driver.plan.options import DEFAULT_OPTIONS, PlannerOptions
from headrace_driver.plan.physical.operator import Operator
from headrace_driver.plan.stage import ClusterShape, OutputKind, StageSpec, StageStats, TaskSpec
from headrace_driver.plan.stages.compile import StageCompiler
from headrace_proto.v1 import task_pb2
from headrace_worker import kernel
from headrace_worker.engine import Engine
from headrace_worker.result import conform
from headrace_worker.sampling import RowSampler
from headrace_worker.shuffle.index import size_codes
from headrace_worker.shuffle.partitioning import splitter_for

JOB = 1
TWO_SLOTS = ClusterShape(slots=2, threads_per_slot=1, memory_bytes_per_slot=1 << 30)
COMPRESSION = 2.5
"""Blocks here are not compressed; sizes are reported as if lz4 had done what it does on average."""

Blocks = list[list[pa.RecordBatch]]
"""Of one map: its batches by reducer."""


@dataclass(slots=True)
class Finished:
    """A query's answer, and how it came about."""

    table: pa.Table
    query: AdaptiveQuery
    specs: list[StageSpec] = field(default_factory=list)
    stats: list[StageStats] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    planning_s: float = 0.0

    @property
    def strategies(self) -> list[str]:
        """What the stages' descriptions say, in the order they ran."""
        return [spec.description for spec in self.specs]


class StageRunner:
    """One kernel; runs one query after the other."""

    def __init__(
        self,
        scratch: Path,
        cluster: ClusterShape = TWO_SLOTS,
        options: PlannerOptions = DEFAULT_OPTIONS,
        threads: int = 1,
    ) -> None:
        self.cluster = cluster
        self.options = options
        self.engine = Engine(threads, 4 << 30, scratch)
        self._outputs: dict[int, list[Blocks]] = {}

    def run(self, plan: lp.LogicalPlan, zone: str = "UTC") -> Finished:
        """Runs an optimized plan to its end; stages in the order the planner hands them out."""
        self._outputs.clear()
        schema = t.StructType(tuple(t.StructField(a.name, a.type, a.null) for a in plan.output))
        client = arrow_schema(schema, zone)

        def last(compiler: StageCompiler, stage_id: int, root: Operator) -> StageSpec:
            return compiler.result(stage_id, root, client.serialize().to_pybytes(), 3 << 20)

        query = AdaptiveQuery(plan, zone, last, self.options)
        query.begin(JOB)
        finished = Finished(client.empty_table(), query)
        waiting: deque[StageSpec] = deque()
        stats: StageStats | None = None
        while True:
            started = time.perf_counter()
            planned = query.advance(stats, self.cluster)
            finished.planning_s += time.perf_counter() - started
            finished.decisions.extend(planned.decisions)
            waiting = deque(spec for spec in waiting if spec.stage_id not in planned.abandon)
            waiting.extend(planned.start)
            assert waiting, "the plan neither ended nor asked for a stage"
            spec = waiting.popleft()
            finished.specs.append(spec)
            stats = self._stage(spec)
            finished.stats.append(stats)
            if spec.kind is OutputKind.RESULT:
                batches = [b for blocks in self._outputs[spec.stage_id] for b in blocks[0]]
                finished.table = pa.Table.from_batches([conform(b, client) for b in batches], client)
                return finished

    def _stage(self, spec: StageSpec) -> StageStats:
        program = kernel.Program.load(spec.program)
        self.engine.configure(dict(spec.program.settings))
        outputs: list[Blocks] = []
        samples: list[bytes] = []
        assert [task.partition for task in spec.tasks] == list(range(len(spec.tasks)))
        for task in spec.tasks:
            self._check(spec, task)
            blocks, sample = self._task(program, spec, task)
            outputs.append(blocks)
            samples.append(sample)
        self._outputs[spec.stage_id] = outputs
        sizes = [sum(_bytes(blocks[r]) for blocks in outputs) for r in range(spec.reducers)]
        rows = sum(b.num_rows for blocks in outputs for batches in blocks for b in batches)
        codes = [size_codes([_bytes(blocks[r]) for r in range(spec.reducers)]) for blocks in outputs]
        return StageStats(spec.stage_id, rows, sum(sizes), sizes, codes, samples)

    def _check(self, spec: StageSpec, task: TaskSpec) -> None:
        """What the scheduler relies on: a task says what it reads of whom."""
        assert len(task.slices) == len(spec.program.inputs)
        told = {(r.stage_id, r.first_reducer, r.reducer_count, r.map_first, r.map_count) for r in task.shuffle_reads}
        for message, piece in zip(spec.program.inputs, task.slices, strict=True):
            if message.WhichOneof("kind") == "shuffle" and piece.shuffle.reducer_count:
                s = piece.shuffle
                stage = message.shuffle.output.stage_id
                assert (stage, s.first_reducer, s.reducer_count, s.map_first, s.map_count) in told
                assert stage in spec.reads

    def _task(self, program: kernel.Program, spec: StageSpec, task: TaskSpec) -> tuple[Blocks, bytes]:
        handles: list[Any] = []
        sql = program.template.fill(lambda number: self._input(program, number, task, handles))
        output = program.proto.output_spec
        splitter, reducers = splitter_for(output, task.partition)
        assert reducers == spec.reducers
        seed = zlib.crc32(f"{spec.stage_id}/{task.partition}".encode())
        sampler = RowSampler(output.sample_rows, output.sample_columns, seed) if output.sample_rows else None
        blocks: Blocks = [[] for _ in range(reducers)]
        reader = self.engine.stream(sql, 32768)
        try:
            for batch in _batches(reader):
                if sampler is not None:
                    sampler.add(batch)
                for reducer, rows in splitter(batch):
                    blocks[reducer].append(rows)
        finally:
            reader.close()
        return blocks, b"" if sampler is None else sampler.encoded()

    def _input(self, program: kernel.Program, number: int, task: TaskSpec, handles: list[Any]) -> str:
        message, piece = program.proto.inputs[number], task.slices[number]
        kind = message.WhichOneof("kind")
        if kind == "scan":
            return kernel.scan_relation(message.scan, program.scans[number], piece.scan.files, piece.scan.condition)
        if kind == "range":
            return kernel.range_relation(message.range, piece.rows)
        if kind == "table":
            rows = program.table(number).slice(piece.rows.offset, piece.rows.length)
            if not rows.num_rows:
                return kernel.empty_relation(message.table.columns)
            return kernel.table_relation(message.table, self._registered(rows, handles))
        if kind == "broadcast":
            blocks = self._outputs[message.broadcast.output.stage_id]
            return self._blocks(message.broadcast.columns, [b for m in blocks for r in m for b in r], handles)
        return self._shuffled(message.shuffle, piece.shuffle, handles)

    def _shuffled(self, spec: task_pb2.ShuffleInput, piece: task_pb2.ShuffleSlice, handles: list[Any]) -> str:
        maps = self._outputs[spec.output.stage_id]
        if piece.map_count:
            maps = maps[piece.map_first : piece.map_first + piece.map_count]
        reducers = range(piece.first_reducer, piece.first_reducer + piece.reducer_count)
        return self._blocks(spec.columns, [b for blocks in maps for r in reducers for b in blocks[r]], handles)

    def _blocks(self, columns: Any, batches: list[pa.RecordBatch], handles: list[Any]) -> str:
        if not batches:
            return kernel.empty_relation(columns)
        assert batches[0].schema.names == [c.name for c in columns]
        return kernel.blocks_relation(columns, self._registered(pa.Table.from_batches(batches), handles))

    def _registered(self, table: pa.Table, handles: list[Any]) -> str:
        handle = self.engine.source(table)
        handles.append(handle)
        return str(handle.name)


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        if batch.num_rows:
            yield batch


def _bytes(batches: list[pa.RecordBatch]) -> int:
    # A slice's own share of its buffers, since batches here are slices of what the kernel gave.
    return int(sum(b.get_total_buffer_size() if not b.num_rows else b.nbytes for b in batches) / COMPRESSION)
