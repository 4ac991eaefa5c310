"""Reading blocks that are at hand: carried by the task, or in files of this host."""

from __future__ import annotations

import mmap
import threading
from collections.abc import Generator
from io import FileIO

from headrace_proto.v1 import common_pb2, task_pb2
from headrace_worker.shuffle.blocks import BlockAssembler, BlockCorrupt, decode_block, iterate_blocks, trusted_bodies
from headrace_worker.shuffle.index import ByteRange, IndexCorrupt, decode_index
from headrace_worker.shuffle.plan import Block, FetchCancelled, FetchError, FetchPlan, MapSource
from headrace_worker.shuffle.store import BlockStore, MapId, StoredOutput

READ_BYTES_MAX = 4 << 20
"""How much of a data file is read at once; a block on the border is completed by the next read."""


def read_inline(plan: FetchPlan) -> Generator[Block, None, None]:
    """The blocks that came with the task."""
    for source in plan.inline:
        try:
            for span in decode_index(source.index).ranges(plan.first_reducer, plan.reducer_count):
                for body, header in iterate_blocks(memoryview(source.data)[span.offset : span.offset + span.length]):
                    yield Block(body, header.rows, header.stored_bytes)
        except (BlockCorrupt, IndexCorrupt) as error:
            reason = common_pb2.FetchFailed.CORRUPT
            raise FetchError(plan.output, "", [source.map_partition], reason, error) from error


def read_local(
    plan: FetchPlan,
    holder: task_pb2.Holder,
    store: BlockStore,
    maps: tuple[MapSource, ...],
    cancelled: threading.Event,
) -> Generator[Block, None, None]:
    """The blocks in one worker's directories. All that is missing is reported at once, to be recomputed together."""
    found: list[tuple[MapSource, StoredOutput]] = []
    missing = []
    for source in maps:
        stored = store.find(MapId(*plan.output, source.map_partition, source.attempt))
        if stored is None:
            missing.append(source.map_partition)
        else:
            found.append((source, stored))
    if missing:
        detail = "no such file in the directories of that worker"
        raise FetchError(plan.output, holder.worker_id, missing, common_pb2.FetchFailed.MISSING, detail)
    for source, stored in found:
        try:
            if stored.in_memory:
                try:
                    yield from _mapped(plan, stored, cancelled)
                    continue
                except FileNotFoundError:
                    # Evicted just now: it is on disk, or nowhere.
                    stored = store.find(MapId(*plan.output, source.map_partition, source.attempt)) or stored
            yield from _read_twice_if_corrupt(plan, stored, cancelled)
        except FileNotFoundError as error:
            reason = common_pb2.FetchFailed.MISSING
            raise FetchError(plan.output, holder.worker_id, [source.map_partition], reason, error) from error
        except (BlockCorrupt, IndexCorrupt) as error:
            reason = common_pb2.FetchFailed.CORRUPT
            raise FetchError(plan.output, holder.worker_id, [source.map_partition], reason, error) from error


def _mapped(plan: FetchPlan, stored: StoredOutput, cancelled: threading.Event) -> Generator[Block, None, None]:
    """Cached rows in memory, without a copy. The mapping lives as long as any batch that was made of it.

    Raises FileNotFoundError before it yields anything, or not at all.
    """
    ranges = decode_index(stored.index.read_bytes()).ranges(plan.first_reducer, plan.reducer_count)
    with open(stored.data, "rb", buffering=0) as file:
        if not ranges:
            return
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    for span in ranges:
        for body, rows in trusted_bodies(data[span.offset : span.offset + span.length]):
            if cancelled.is_set():
                raise FetchCancelled
            yield Block(body, rows, len(body))


def _read_twice_if_corrupt(
    plan: FetchPlan, stored: StoredOutput, cancelled: threading.Event
) -> Generator[Block, None, None]:
    """One map's blocks; a failed checksum makes it read again from the start, passing over what was delivered."""
    delivered = 0
    for last_try in (False, True):
        try:
            for number, block in enumerate(_read_map(plan, stored)):
                if number < delivered:
                    continue
                if cancelled.is_set():
                    raise FetchCancelled
                delivered += 1
                yield block
        except (BlockCorrupt, IndexCorrupt):
            if last_try:
                raise
        else:
            return


def _read_map(plan: FetchPlan, stored: StoredOutput) -> Generator[Block, None, None]:
    ranges = decode_index(stored.index.read_bytes()).ranges(plan.first_reducer, plan.reducer_count)
    if not ranges:
        return
    with open(stored.data, "rb", buffering=0) as file:
        for span in ranges:
            yield from _read_range(file, span)


def _read_range(file: FileIO, span: ByteRange) -> Generator[Block, None, None]:
    assembler = BlockAssembler()
    file.seek(span.offset)
    left = span.length
    while left:
        chunk = file.read(min(left, READ_BYTES_MAX))
        if not chunk:
            raise BlockCorrupt(f"data file ends {left} bytes early")
        left -= len(chunk)
        for encoded in assembler.feed(chunk):
            body, header = decode_block(encoded)
            yield Block(body, header.rows, header.stored_bytes)
    assembler.finish()
