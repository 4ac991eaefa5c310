"""Taking over outputs of other workers: what the driver is told, and what becomes of outputs of jobs that end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from headrace_proto.v1 import cluster_pb2, common_pb2
from headrace_worker.adoption import Adoptions, CopyFailed
from headrace_worker.shuffle.store import BlockStore, MapId


def _order(job_id: int, *maps: int) -> cluster_pb2.Adopt:
    held = cluster_pb2.HeldMaps(
        output=common_pb2.OutputId(job_id=job_id, stage_id=1), map_partition=maps, map_attempt=[0] * len(maps)
    )
    return cluster_pb2.Adopt(worker_id="a", address="127.0.0.1:1", maps=held)


class _Taker:
    """Adoptions whose copying is the test's: it waits to be let go, fails for map 7, and writes a file."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = BlockStore([directory])
        self.store.prepare()
        self.reported: list[tuple[int, int, bool]] = []
        self.go = asyncio.Event()
        self._said = asyncio.Semaphore(0)
        credentials: Any = None
        self.adoptions = Adoptions(self.store, credentials, self._report)
        monkeypatch.setattr(self.adoptions, "_copy", self._copy)

    async def _copy(self, order: Any) -> None:
        await self.go.wait()
        if order.output.map_partition == 7:
            raise CopyFailed("gone")
        files = self.store.start_output(order.output)
        files.append([b"rows"])
        files.finish(b"index")

    def _report(self, adopted: Sequence[cluster_pb2.Adopted]) -> None:
        for each in adopted:
            self.reported.append((each.id.job_id, each.id.partition, each.held))
            self._said.release()

    async def ends(self, count: int) -> None:
        async with asyncio.timeout(5):
            for _ in range(count):
                await self._said.acquire()
        await self.adoptions.close()


def test_the_driver_hears_of_each_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        taker = _Taker(tmp_path, monkeypatch)
        taker.go.set()
        taker.adoptions.take([_order(1, 3, 7)])
        await taker.ends(2)
        assert sorted(taker.reported) == [(1, 3, True), (1, 7, False)]
        assert taker.store.find(MapId(1, 1, 3, 0)) is not None

    asyncio.run(scenario())


def test_what_a_job_leaves_on_its_way_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        taker = _Taker(tmp_path, monkeypatch)
        taker.adoptions.take([_order(1, 3), _order(2, 3)])
        await asyncio.sleep(0)
        taker.adoptions.drop_jobs({1})
        taker.go.set()
        await taker.ends(2)
        assert sorted(taker.reported) == [(1, 3, False), (2, 3, True)]
        assert taker.store.find(MapId(1, 1, 3, 0)) is None
        assert taker.store.find(MapId(2, 1, 3, 0)) is not None

    asyncio.run(scenario())


def test_channels_are_open_only_while_something_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_channels: list[str] = []
    all_closed = asyncio.Event()

    class Channel:
        def __init__(self, address: str, options: Any) -> None:
            self._address = address
            open_channels.append(address)

        def unary_stream(self, *_: Any, **__: Any) -> Any:
            def call(*_: Any, **__: Any) -> Any:
                raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata())

            return call

        async def close(self) -> None:
            open_channels.remove(self._address)
            if not open_channels:
                all_closed.set()

    monkeypatch.setattr(grpc.aio, "insecure_channel", Channel)
    credentials = SimpleNamespace(channel_credentials=lambda: None, metadata=tuple)

    async def take() -> None:
        reported = asyncio.Queue[bool]()
        store = BlockStore([tmp_path])
        store.prepare()
        known: Any = credentials
        adoptions = Adoptions(store, known, lambda told: reported.put_nowait(told[0].held))
        adoptions.take([_order(1, 0, 1, 2)])
        async with asyncio.timeout(5):
            assert [await reported.get() for _ in range(3)] == [False] * 3
            await all_closed.wait()
        await adoptions.close()

    asyncio.run(take())
