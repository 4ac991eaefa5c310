"""The block: a few megabytes of rows, compressed and checksummed, as it lies on disk and crosses the wire.

A block is a fixed header and a body. The body is an Arrow IPC stream, compressed by `lz4.block` where that makes it
smaller. The checksum covers the header as well as the compressed body, so that no flipped bit passes. Everything here
is pure: bytes in, bytes out, typed errors.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import lz4.block
import pyarrow as pa

MAGIC = b"HRB1"
_FIELDS = struct.Struct("<4sB3xIII")
_CHECKSUM = struct.Struct("<I")
HEADER_BYTES = _FIELDS.size + _CHECKSUM.size
RAW_BYTES_MAX = 1 << 31
"""A larger body is refused: writers cut at a megabyte or so, and lz4 lengths are signed 32-bit."""

_END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"
_COLUMN_COMPRESSION = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)


class Codec(IntEnum):
    """How the body is stored."""

    PLAIN = 0
    LZ4 = 1


class BlockCorrupt(Exception):
    """The bytes are not the block that was written: wrong magic, impossible lengths, or a checksum that differs."""


@dataclass(frozen=True, slots=True)
class BlockHeader:
    """What stands before a body: how it is stored, its lengths in bytes, its rows, and the checksum of both."""

    codec: Codec
    raw_bytes: int
    stored_bytes: int
    rows: int
    crc32: int


def frame_block(body: bytes | pa.Buffer, rows: int) -> bytes:
    """Frames one body as it is: cached rows, which are read more often than written."""
    raw_bytes = len(body)
    if raw_bytes >= RAW_BYTES_MAX:
        raise ValueError(f"a block body of {raw_bytes} bytes is above the limit of {RAW_BYTES_MAX}")
    fields = _FIELDS.pack(MAGIC, Codec.PLAIN, raw_bytes, raw_bytes, rows)
    return b"".join((fields, _CHECKSUM.pack(zlib.crc32(body, zlib.crc32(fields))), body))


def encode_block(body: bytes | pa.Buffer, rows: int) -> bytes:
    """Compresses and frames one body."""
    raw_bytes = len(body)
    if raw_bytes >= RAW_BYTES_MAX:
        raise ValueError(f"a block body of {raw_bytes} bytes is above the limit of {RAW_BYTES_MAX}")
    stored = lz4.block.compress(body, store_size=False)
    codec = Codec.LZ4
    if len(stored) >= raw_bytes:
        stored, codec = bytes(body), Codec.PLAIN
    fields = _FIELDS.pack(MAGIC, codec, raw_bytes, len(stored), rows)
    return b"".join((fields, _CHECKSUM.pack(zlib.crc32(stored, zlib.crc32(fields))), stored))


def decode_header(data: bytes | bytearray | memoryview, offset: int = 0) -> BlockHeader:
    """Reads the header at `offset`; raises BlockCorrupt when it cannot be one."""
    if len(data) - offset < HEADER_BYTES:
        raise BlockCorrupt(f"block header truncated: {len(data) - offset} of {HEADER_BYTES} bytes")
    magic, codec, raw_bytes, stored_bytes, rows = _FIELDS.unpack_from(data, offset)
    (crc32,) = _CHECKSUM.unpack_from(data, offset + _FIELDS.size)
    if magic != MAGIC:
        raise BlockCorrupt(f"block magic is {magic!r}, not {MAGIC!r}")
    if codec not in (Codec.PLAIN, Codec.LZ4) or raw_bytes >= RAW_BYTES_MAX or stored_bytes > raw_bytes:
        raise BlockCorrupt(f"block header is impossible: codec {codec}, {raw_bytes} bytes raw, {stored_bytes} stored")
    return BlockHeader(Codec(codec), raw_bytes, stored_bytes, rows, crc32)


def decode_block(data: bytes | bytearray | memoryview, offset: int = 0) -> tuple[bytes | memoryview, BlockHeader]:
    """Checks and decompresses the block at `offset`; returns its raw body and its header."""
    header = decode_header(data, offset)
    start = offset + HEADER_BYTES
    stored = memoryview(data)[start : start + header.stored_bytes]
    if len(stored) < header.stored_bytes:
        raise BlockCorrupt(f"block body truncated: {len(stored)} of {header.stored_bytes} bytes")
    fields = memoryview(data)[offset : offset + _FIELDS.size]
    if zlib.crc32(stored, zlib.crc32(fields)) != header.crc32:
        raise BlockCorrupt("block checksum differs")
    if header.codec is Codec.PLAIN:
        return stored, header
    try:
        return lz4.block.decompress(stored, uncompressed_size=header.raw_bytes), header
    except lz4.block.LZ4BlockError as error:
        raise BlockCorrupt(f"block does not decompress: {error}") from error


def iterate_blocks(data: bytes | memoryview) -> Iterator[tuple[bytes | memoryview, BlockHeader]]:
    """Decodes consecutive blocks, such as one reducer's range of a data file."""
    offset = 0
    while offset < len(data):
        body, header = decode_block(data, offset)
        yield body, header
        offset += HEADER_BYTES + header.stored_bytes


class BlockAssembler:
    """Cuts a stream of chunks, whose borders mean nothing, back into whole blocks.

    Holds at most one incomplete block besides the chunk being fed.
    """

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, chunk: bytes) -> Iterator[bytes | memoryview]:
        """Yields every block that is now complete, still encoded."""
        if not self._pending:
            offset = yield from _complete_blocks(chunk)
            self._pending += memoryview(chunk)[offset:]
            return
        self._pending += chunk
        buffer = bytes(self._pending) if self._has_complete_block() else None
        if buffer is not None:
            offset = yield from _complete_blocks(buffer)
            self._pending = bytearray(memoryview(buffer)[offset:])

    def finish(self) -> None:
        """Raises BlockCorrupt when the stream ended inside a block."""
        if self._pending:
            raise BlockCorrupt(f"blocks truncated: {len(self._pending)} bytes left over")

    def _has_complete_block(self) -> bool:
        if len(self._pending) < HEADER_BYTES:
            return False
        return len(self._pending) >= HEADER_BYTES + decode_header(self._pending).stored_bytes


def _complete_blocks(data: bytes) -> Generator[memoryview, None, int]:
    """Yields the complete blocks at the start of `data`; the generator's value is the offset behind them."""
    view = memoryview(data)
    offset = 0
    while len(view) - offset >= HEADER_BYTES:
        end = offset + HEADER_BYTES + decode_header(view, offset).stored_bytes
        if end > len(view):
            break
        yield view[offset:end]
        offset = end
    return offset


def trusted_bodies(data: memoryview) -> Iterator[tuple[memoryview, int]]:
    """Bodies and rows of consecutive plain blocks that have never left memory: no checksum is computed."""
    offset = 0
    while offset < len(data):
        header = decode_header(data, offset)
        if header.codec is not Codec.PLAIN:
            raise BlockCorrupt(f"a block of cached rows is stored as {header.codec.name}")
        start = offset + HEADER_BYTES
        yield data[start : start + header.stored_bytes], header.rows
        offset = start + header.stored_bytes


def body_from_batches(
    schema: pa.Schema, batches: Sequence[pa.RecordBatch], compressed_columns: bool = False
) -> pa.Buffer:
    """The Arrow IPC stream of the batches, uncompressed: block compression does better on the whole. Or with each
    column compressed by itself, so that one can be read without the others."""
    if not compressed_columns:
        return pa.py_buffer(_plain_stream(schema, batches))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema, options=_COLUMN_COMPRESSION) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue()


def _plain_stream(schema: pa.Schema, batches: Sequence[pa.RecordBatch]) -> bytes:
    """What Arrow's stream writer makes, message by message: making that writer costs more than a small batch does."""
    messages: list[bytes | pa.Buffer] = [_schema_message(schema)]
    for batch in batches:
        if not batch.schema.equals(schema):
            raise ValueError(f"a batch of {batch.schema} in a stream of {schema}")
        messages.append(batch.serialize())
    messages.append(_END_OF_STREAM)
    return b"".join(messages)


@lru_cache(maxsize=64)
def _schema_message(schema: pa.Schema) -> bytes:
    if any(_has_dictionary(field.type) for field in schema):
        raise ValueError(f"dictionaries are messages of their own, which {schema} would need")
    return bytes(schema.serialize())


def _has_dictionary(kind: pa.DataType) -> bool:
    return pa.types.is_dictionary(kind) or any(_has_dictionary(kind.field(i).type) for i in range(kind.num_fields))


def batches_from_body(body: bytes | memoryview, columns: list[int] | None = None) -> list[pa.RecordBatch]:
    """The record batches of one body, sharing its memory; `columns` takes only those, ascending."""
    options = pa.ipc.IpcReadOptions(included_fields=columns, use_threads=False) if columns else None
    try:
        with pa.ipc.open_stream(pa.py_buffer(body), options=options) as reader:
            return list(reader)
    except pa.ArrowInvalid as error:
        raise BlockCorrupt(f"block body is no Arrow stream: {error}") from error
