"""The block format: what is written comes back, and nothing else passes."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from headrace_worker.shuffle.blocks import (
    HEADER_BYTES,
    BlockAssembler,
    BlockCorrupt,
    batches_from_body,
    body_from_batches,
    decode_block,
    decode_header,
    encode_block,
    iterate_blocks,
)


def batch_of(rows: int) -> pa.RecordBatch:
    return pa.record_batch(
        {
            "number": pa.array(range(rows), pa.int64()),
            "text": pa.array([None if i % 7 == 0 else f"row {i}" for i in range(rows)]),
            "amount": pa.array(range(rows), pa.decimal64(12, 2)) if hasattr(pa, "decimal64") else pa.array(range(rows)),
        }
    )


def block_of(rows: int) -> bytes:
    batch = batch_of(rows)
    return encode_block(body_from_batches(batch.schema, [batch]), rows)


@pytest.mark.parametrize("rows", [0, 1, 1000])
def test_round_trip(rows: int) -> None:
    body, header = decode_block(block_of(rows))
    assert header.rows == rows
    assert header.raw_bytes == len(body)
    assert pa.Table.from_batches(batches_from_body(body)) == pa.Table.from_batches([batch_of(rows)])


def test_a_body_that_does_not_shrink_is_kept_plain() -> None:
    noise = random.Random(1).randbytes(1000)
    block = encode_block(noise, 5)
    assert len(block) == HEADER_BYTES + 1000
    body, header = decode_block(block)
    assert (bytes(body), header.rows) == (noise, 5)


def test_every_flipped_bit_is_noticed() -> None:
    block = block_of(20)
    for position in range(len(block) * 8):
        damaged = bytearray(block)
        damaged[position // 8] ^= 1 << position % 8
        with pytest.raises(BlockCorrupt):
            decode_block(bytes(damaged))


def test_every_truncation_is_noticed() -> None:
    block = block_of(20)
    for length in range(len(block)):
        with pytest.raises(BlockCorrupt):
            decode_block(block[:length])


def test_blocks_follow_each_other() -> None:
    data = block_of(3) + block_of(0) + block_of(5)
    assert [header.rows for _, header in iterate_blocks(data)] == [3, 0, 5]


@pytest.mark.parametrize("chunk_bytes", [1, 7, HEADER_BYTES, 100, 10_000])
def test_the_assembler_does_not_care_where_chunks_end(chunk_bytes: int) -> None:
    blocks = [block_of(rows) for rows in (3, 50, 1, 400)]
    data = b"".join(blocks)
    assembler = BlockAssembler()
    found: list[bytes] = []
    for start in range(0, len(data), chunk_bytes):
        found.extend(bytes(block) for block in assembler.feed(data[start : start + chunk_bytes]))
    assembler.finish()
    assert found == blocks


def test_the_assembler_notices_an_early_end() -> None:
    assembler = BlockAssembler()
    assert list(assembler.feed(block_of(50)[:-1])) == []
    with pytest.raises(BlockCorrupt, match="truncated"):
        assembler.finish()


def test_foreign_bytes_are_refused() -> None:
    with pytest.raises(BlockCorrupt, match="magic"):
        decode_header(b"PAR1" + bytes(40))


@pytest.mark.parametrize("counts", [[], [0], [1], [5, 0, 700]])
def test_a_body_is_what_arrows_stream_writer_writes(counts: list[int]) -> None:
    whole = batch_of(800)
    batches, schema = [whole.slice(3, rows) for rows in counts], whole.schema
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    assert bytes(body_from_batches(schema, batches)) == bytes(sink.getvalue())


def test_a_body_takes_neither_other_columns_nor_dictionaries() -> None:
    with pytest.raises(ValueError, match="in a stream of"):
        body_from_batches(pa.schema([("other", pa.int64())]), [batch_of(1)])
    coded = pa.record_batch({"word": pa.array([["a"]], pa.list_(pa.dictionary(pa.int32(), pa.string())))})
    with pytest.raises(ValueError, match="dictionaries"):
        body_from_batches(coded.schema, [coded])
