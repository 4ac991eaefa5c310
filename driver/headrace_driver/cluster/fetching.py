"""Reading blocks of one finished task from the worker that holds them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import grpc

from headrace_driver.scheduler.identity import TaskKey
from headrace_proto.v1 import blocks_pb2, blocks_pb2_grpc, common_pb2
from headrace_worker.shuffle.blocks import BlockAssembler, BlockCorrupt, BlockHeader, decode_block, iterate_blocks

CHUNK_TIMEOUT_S = 10.0
"""A worker that sends nothing for so long in the middle of a fetch is as good as unreachable."""

Block = tuple[bytes, BlockHeader]
_Reason = common_pb2.FetchFailed.Reason


class FetchTrouble(Exception):
    """The blocks could not be had; `reason` is a `FetchFailed.Reason`."""

    def __init__(self, reason: int, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def inline_blocks(data: bytes) -> list[Block]:
    """The blocks of an output that travelled with its status."""
    try:
        return [(bytes(body), header) for body, header in iterate_blocks(data)]
    except BlockCorrupt as error:
        raise FetchTrouble(_Reason.CORRUPT, str(error)) from error


class BlockFetcher:
    """Channels to the workers' `Blocks` services, one an address, opened when first needed."""

    def __init__(
        self, open_channel: Callable[[str], grpc.aio.Channel], metadata: Sequence[tuple[str, str]] = ()
    ) -> None:
        self._open_channel = open_channel
        self._metadata = metadata
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def blocks(self, address: str, task: TaskKey) -> AsyncIterator[Block]:
        """The decoded blocks of one task of a single-partition output, in order. Raises FetchTrouble."""
        if not address:
            raise FetchTrouble(_Reason.UNREACHABLE, "the worker is gone")
        request = blocks_pb2.FetchRequest(
            output=common_pb2.OutputId(job_id=task.job_id, stage_id=task.stage_id),
            maps=[blocks_pb2.MapOutput(map_partition=task.partition, attempt=task.attempt)],
            first_reducer=0,
            reducer_count=1,
        )
        stub = blocks_pb2_grpc.BlocksStub(self._channel(address))  # type: ignore[no-untyped-call]
        call = stub.Fetch(request, metadata=tuple(self._metadata))
        assembler = BlockAssembler()
        try:
            while (chunk := await self._next_chunk(call)) is not None:
                if chunk.missing:
                    raise FetchTrouble(_Reason.MISSING, f"{address} does not hold the blocks")
                for encoded in assembler.feed(chunk.data):
                    body, header = decode_block(encoded)
                    yield bytes(body), header
            assembler.finish()
        except BlockCorrupt as error:
            raise FetchTrouble(_Reason.CORRUPT, str(error)) from error
        finally:
            call.cancel()

    async def _next_chunk(self, call: Any) -> blocks_pb2.FetchChunk | None:
        try:
            chunk = await asyncio.wait_for(call.read(), CHUNK_TIMEOUT_S)
        except TimeoutError as error:
            raise FetchTrouble(_Reason.UNREACHABLE, f"nothing came for {CHUNK_TIMEOUT_S:g} s") from error
        except grpc.aio.AioRpcError as error:
            raise FetchTrouble(_Reason.UNREACHABLE, f"{error.code().name}: {error.details()}") from error
        return None if chunk is grpc.aio.EOF else chunk

    def _channel(self, address: str) -> grpc.aio.Channel:
        channel = self._channels.get(address)
        if channel is None:
            channel = self._channels[address] = self._open_channel(address)
        return channel

    async def forget(self, address: str) -> None:
        """Closes the channel to a worker that is gone."""
        channel = self._channels.pop(address, None)
        if channel is not None:
            await channel.close()

    async def close(self) -> None:
        for address in list(self._channels):
            await self.forget(address)
