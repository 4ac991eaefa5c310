"""What a task leaves behind: its rows split by reducer, encoded as blocks, in memory while small and on disk otherwise.

Rows wait in per-reducer lists of slices until their raw size reaches a bound, are then encoded as blocks of about
1 MiB, and the blocks wait until their compressed size reaches a second bound, when they are written as one segment.
So memory is bounded by both, whatever the size of the output, and nearly every output has one segment, in which any
range of reducers is one contiguous read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Protocol

import pyarrow as pa

from headrace_proto.v1 import task_pb2
from headrace_worker.shuffle.blocks import body_from_batches, encode_block, frame_block
from headrace_worker.shuffle.checksum import checksum_of
from headrace_worker.shuffle.index import encode_index, size_codes
from headrace_worker.shuffle.partitioning import Splitter

INLINE_BYTES_MAX = 32 << 10
"""An output up to this size travels with its status, which saves a file and, later, a fetch."""

SLICE_ROWS_MIN = 4096
"""Slices shorter than this on average are joined before encoding, because a reader pays for every batch."""


Encode = Callable[[pa.Schema, Sequence[pa.RecordBatch]], bytes]
"""Makes one block of batches."""


def compressed_block(schema: pa.Schema, batches: Sequence[pa.RecordBatch]) -> bytes:
    """A block on its way to a disk or another worker."""
    return encode_block(body_from_batches(schema, batches), sum(batch.num_rows for batch in batches))


def client_block(schema: pa.Schema, batches: Sequence[pa.RecordBatch]) -> bytes:
    """A block of result rows. Spark's client takes one batch a message, and no more."""
    if len(batches) > 1:
        batches = pa.Table.from_batches(batches, schema).combine_chunks().to_batches()
    return compressed_block(schema, batches)


def plain_block(schema: pa.Schema, batches: Sequence[pa.RecordBatch]) -> bytes:
    """A block of cached rows, to be read as it lies."""
    return frame_block(body_from_batches(schema, batches), sum(batch.num_rows for batch in batches))


def columnar_block(schema: pa.Schema, batches: Sequence[pa.RecordBatch]) -> bytes:
    """A block of cached rows whose columns are compressed one by one."""
    body = body_from_batches(schema, batches, compressed_columns=True)
    return frame_block(body, sum(batch.num_rows for batch in batches))


class Files(Protocol):
    """Where blocks go: `store.OutputFiles`, or what cached rows have in its place."""

    def append(self, blocks: Sequence[bytes]) -> None: ...
    def finish(self, index: bytes) -> object: ...
    def abandon(self) -> None: ...


@dataclass(frozen=True, slots=True)
class WriterLimits:
    """Sizes in bytes: of a block's body, of rows waiting for encoding, of blocks waiting for the disk."""

    block_bytes: int = 1 << 20
    raw_bytes: int = 32 << 20
    segment_bytes: int = 64 << 20

    @staticmethod
    @lru_cache(maxsize=64)
    def within(grant_bytes: int) -> WriterLimits:
        """The limits for a task with this much memory: an eighth of it, and never more than pays off."""
        share = max(grant_bytes // 16, 2 << 20)
        return WriterLimits(raw_bytes=min(32 << 20, share), segment_bytes=min(64 << 20, share))


@dataclass(slots=True)
class _Pending:
    """One reducer's rows that are not encoded yet, and its blocks that are not written yet."""

    slices: list[pa.RecordBatch] = field(default_factory=list)
    blocks: list[bytes] = field(default_factory=list)


class BlockWriter:
    """Writes one map output. Call `add` for every batch, then `finish`, or `abandon` when the task fails."""

    def __init__(
        self,
        schema: pa.Schema,
        splitter: Splitter,
        reducers: int,
        open_files: Callable[[], Files],
        limits: WriterLimits | None = None,
        encode: Encode = compressed_block,
    ) -> None:
        self._schema = schema
        self._split = splitter
        self._reducers = reducers
        self._open_files = open_files
        self._limits = limits or WriterLimits()
        self._encode_block = encode
        self._files: Files | None = None
        self._pending: dict[int, _Pending] = {}
        self._pending_bytes = 0
        self._block_bytes = 0
        self._segments: list[list[int]] = []
        self._reducer_rows = [0] * reducers
        self._reducer_bytes = [0] * reducers
        self.rows = 0
        self.bytes = 0
        self.checksum = 0
        self.write_us = 0
        self.raw_bytes = 0

    @property
    def buffered_bytes(self) -> int:
        """Rows waiting to be encoded and blocks waiting for the disk; may be read from any thread."""
        return self._pending_bytes + self._block_bytes

    def add(self, batch: pa.RecordBatch) -> None:
        """Takes one batch of the program's output, partitioning column included."""
        started = time.perf_counter_ns()
        for reducer, rows in self._split(batch):
            pending = self._pending.get(reducer)
            if pending is None:
                pending = self._pending[reducer] = _Pending()
            pending.slices.append(rows)
        self.rows += batch.num_rows
        raw_bytes = batch.nbytes
        self.raw_bytes += raw_bytes
        self._pending_bytes += raw_bytes
        if self._pending_bytes >= self._limits.raw_bytes:
            self._encode()
            if self._block_bytes >= self._limits.segment_bytes:
                self._write_segment()
        self.write_us += (time.perf_counter_ns() - started) // 1000

    def finish(self, map_partition: int, output: task_pb2.TaskOutput) -> None:
        """Writes what is left, if it is worth a file, and describes the output."""
        started = time.perf_counter_ns()
        self._encode()
        output.rows, output.checksum = self.rows, self.checksum
        if self._files is None and self._block_bytes <= INLINE_BYTES_MAX:
            data = b"".join(block for reducer in sorted(self._pending) for block in self._pending[reducer].blocks)
            self._close_segment()
            output.inline_blocks.map_partition = map_partition
            output.inline_blocks.data = data
            output.inline_blocks.index = encode_index(self._segments, self._reducer_rows)
        else:
            self._write_segment()
            assert self._files is not None
            self._files.finish(encode_index(self._segments, self._reducer_rows))
        output.partition_size_codes = size_codes(self._reducer_bytes)
        output.bytes = self.bytes
        self.write_us += (time.perf_counter_ns() - started) // 1000

    def abandon(self) -> None:
        """Removes what was written."""
        if self._files is not None:
            self._files.abandon()

    def _encode(self) -> None:
        """Turns all waiting rows into blocks."""
        for reducer, pending in self._pending.items():
            if pending.slices:
                slices, pending.slices = pending.slices, []
                self._encode_reducer(reducer, slices, pending.blocks)
        self._pending_bytes = 0

    def _encode_reducer(self, reducer: int, slices: list[pa.RecordBatch], blocks: list[bytes]) -> None:
        rows = sum(batch.num_rows for batch in slices)
        self._reducer_rows[reducer] += rows
        if len(slices) > 1 and rows < SLICE_ROWS_MIN * len(slices):
            slices = pa.Table.from_batches(slices, self._schema).combine_chunks().to_batches()
        small = self._pending_bytes <= self._limits.block_bytes
        for group in [slices] if small else _cut(slices, self._limits.block_bytes):
            # Rows that another run gives to another reducer make a difference too.
            self.checksum = (self.checksum + (2 * reducer + 1) * checksum_of(group)) & (1 << 64) - 1
            block = self._encode_block(self._schema, group)
            blocks.append(block)
            self._block_bytes += len(block)
            self.bytes += len(block)

    def _write_segment(self) -> None:
        """Writes all waiting blocks, ordered by reducer, as one segment of the data file."""
        if self._files is None:
            self._files = self._open_files()
        for reducer in sorted(self._pending):
            if self._pending[reducer].blocks:
                self._files.append(self._pending[reducer].blocks)
        self._close_segment()

    def _close_segment(self) -> None:
        if not self._block_bytes:
            return
        sizes = [0] * self._reducers
        for reducer, pending in self._pending.items():
            sizes[reducer] = sum(map(len, pending.blocks))
            self._reducer_bytes[reducer] += sizes[reducer]
            pending.blocks = []
        self._segments.append(sizes)
        self._block_bytes = 0


def _cut(slices: list[pa.RecordBatch], block_bytes: int) -> list[list[pa.RecordBatch]]:
    """Groups slices into bodies of about `block_bytes`, splitting slices that are longer by themselves."""
    groups: list[list[pa.RecordBatch]] = []
    group: list[pa.RecordBatch] = []
    group_bytes = 0
    for batch in slices:
        pieces = max(1, min(batch.num_rows, round(batch.nbytes / block_bytes)))
        borders = [batch.num_rows * piece // pieces for piece in range(pieces + 1)]
        for begin, end in pairwise(borders):
            piece = batch if pieces == 1 else batch.slice(begin, end - begin)
            piece_bytes = batch.nbytes // pieces
            if group and group_bytes + piece_bytes > block_bytes * 3 // 2:
                groups.append(group)
                group, group_bytes = [], 0
            group.append(piece)
            group_bytes += piece_bytes
    if group:
        groups.append(group)
    return groups
