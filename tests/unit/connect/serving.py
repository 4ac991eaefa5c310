"""A service on a port of its own, on an event loop in a thread, for tests with real clients."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from headrace_driver.catalog.views import SessionViews
from headrace_driver.connect.executions import Executions
from headrace_driver.connect.service import SparkConnectServicer, add_to_server
from headrace_driver.session import SessionStore
from tests.unit.connect.fake_engine import FakeEngine


@dataclass
class Clock:
    """Time that stands until a test moves it."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Served:
    address: str
    engine: FakeEngine
    servicer: SparkConnectServicer
    loop: asyncio.AbstractEventLoop

    def call(self, function: object) -> None:
        """Runs a function on the service's loop and waits for it."""
        done = threading.Event()

        def run() -> None:
            function()  # type: ignore[operator]
            done.set()

        self.loop.call_soon_threadsafe(run)
        assert done.wait(10)


@contextmanager
def serving(
    directory: Path, engine: FakeEngine | None = None, clock: Clock | None = None, **executions: float
) -> Iterator[Served]:
    """Serves until the block ends. `executions` are limits of Executions."""
    engine = engine or FakeEngine()
    clock = clock or Clock()
    ready: list[Served] = []
    started, stopping = threading.Event(), []

    async def main() -> None:
        store = SessionStore(
            directory,
            clock,
            SessionViews,
            {"spark.app.name": "headrace", "spark.sql.warehouse.dir": "file:/warehouse"},
        )
        servicer = SparkConnectServicer(engine, store, executions=Executions(clock, **executions), now_s=clock)  # type: ignore[arg-type]
        server = grpc.aio.server(
            options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        )
        add_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        servicer.start()
        stop = asyncio.Event()
        stopping.append(stop)
        ready.append(Served(f"127.0.0.1:{port}", engine, servicer, asyncio.get_running_loop()))
        started.set()
        await stop.wait()
        await servicer.stop()
        await server.stop(None)

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield ready[0]
    finally:
        ready[0].loop.call_soon_threadsafe(stopping[0].set)
        thread.join(10)
        assert not thread.is_alive()
