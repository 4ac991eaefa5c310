"""The `Cluster` service: one stream a worker. Who may call at all is the interceptor's business."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import grpc
import structlog

from headrace_driver.cluster.link import WorkerLink
from headrace_driver.cluster.shell import SchedulerShell
from headrace_proto.v1 import cluster_pb2, cluster_pb2_grpc

HEARTBEAT_INTERVAL_MS = 1000

_log = structlog.get_logger("headrace.cluster")


@dataclass(frozen=True, slots=True)
class ClusterIdentity:
    """Which cluster a driver speaks for. `epoch` grows with every driver of one journal; workers obey no older one."""

    cluster_id: str
    epoch: int = 0


class ClusterService(cluster_pb2_grpc.ClusterServicer):
    """Registers workers and carries messages between their streams and the shell."""

    def __init__(self, shell: SchedulerShell, identity: ClusterIdentity, clock_s: Any) -> None:
        self._shell = shell
        self._identity = identity
        self._clock_s = clock_s

    async def Attach(self, request_iterator: AsyncIterator[cluster_pb2.FromWorker], context: Any) -> None:  # noqa: N802
        """Runs until either side ends the stream."""
        first = await anext(request_iterator, None)
        if first is None:
            return
        if not first.HasField("register"):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "The first message must be a registration.")
        register = first.register
        refusal = self._shell.registry.refusal(register, self._clock_s())
        if refusal is not None:
            _log.warning("worker refused", worker=register.worker_id, reason=refusal.reason)
            await context.write(cluster_pb2.ToWorker(refused=refusal))
            return
        link = self._shell.attach(register)
        reader = asyncio.create_task(self._read(link, request_iterator))
        try:
            await context.write(
                cluster_pb2.ToWorker(
                    registered=cluster_pb2.Registered(
                        cluster_id=self._identity.cluster_id, heartbeat_interval_ms=HEARTBEAT_INTERVAL_MS
                    ),
                    epoch=self._identity.epoch,
                    statuses_acknowledged=link.statuses_heard,
                )
            )
            while not link.closed:
                for envelope in link.take():
                    envelope.epoch = self._identity.epoch
                    await context.write(envelope)
                await link.wait()
        except grpc.aio.UsageError:
            # The stream broke while something was being written; the reader saw its end.
            link.close()
        finally:
            self._shell.detach(link)
            reader.cancel()
            with suppress(asyncio.CancelledError, grpc.aio.AioRpcError):
                await reader

    async def _read(self, link: WorkerLink, messages: AsyncIterator[cluster_pb2.FromWorker]) -> None:
        try:
            async for message in messages:
                self._shell.receive(link, message)
        finally:
            link.close()
