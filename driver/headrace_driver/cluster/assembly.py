"""Puts the cluster side of a driver together: what `daemon.py` starts, adds to its server and stops."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import grpc

from headrace_driver.cluster.fetching import BlockFetcher
from headrace_driver.cluster.history import JobHistory
from headrace_driver.cluster.job_notes import JobNotes
from headrace_driver.cluster.metrics import ClusterMetrics
from headrace_driver.cluster.registry import Registry
from headrace_driver.cluster.rejoining import Rejoining
from headrace_driver.cluster.runner import ClusterRunner
from headrace_driver.cluster.service import ClusterIdentity, ClusterService
from headrace_driver.cluster.shell import SchedulerShell
from headrace_driver.cluster.worker_metrics import WorkerMetrics
from headrace_driver.journal import changes
from headrace_driver.journal.writer import NoJournal
from headrace_driver.scheduler.options import SchedulerOptions
from headrace_proto.v1 import cluster_pb2_grpc

SERVICE_NAME = "headrace.v1.Cluster"


def engine_version() -> str:
    """What workers must run too, in the form they register it. Reads the package's metadata, loads no engine."""
    return f"duckdb {version('duckdb')}"


class ClusterSide:
    """Make it on the loop; `add_to(server)`, `start()`, later `stop()`. `runner` is what services use."""

    def __init__(
        self,
        open_channel: Callable[[str], grpc.aio.Channel],
        metadata: tuple[tuple[str, str], ...] = (),
        *,
        options: SchedulerOptions | None = None,
        metrics: ClusterMetrics | None = None,
        engine: str | None = None,
        identity: ClusterIdentity | None = None,
        notes: JobNotes | None = None,
        rejoining: Rejoining | None = None,
    ) -> None:
        self.metrics = metrics or ClusterMetrics()
        journal = notes.journal if notes is not None else NoJournal()
        self.registry = Registry(engine or engine_version(), lambda all_: journal.append(*changes.workers_are(all_)))
        self.metrics.registry.register(WorkerMetrics(self.registry))
        history = JobHistory()
        self.shell = SchedulerShell(self.registry, history, self.metrics, options, notes, rejoining)
        fetcher = BlockFetcher(open_channel, metadata)
        self.runner = ClusterRunner(self.shell, self.registry, history, fetcher, self.metrics, notes, rejoining)
        self._service = ClusterService(self.shell, identity or ClusterIdentity(uuid.uuid4().hex), time.monotonic)

    def add_to(self, server: Any) -> str:
        """Adds the `Cluster` service and returns its full name."""
        cluster_pb2_grpc.add_ClusterServicer_to_server(self._service, server)  # type: ignore[no-untyped-call]
        return SERVICE_NAME

    def start(self) -> None:
        self.shell.start()

    async def stop(self) -> None:
        """Fails running jobs, lets workers go."""
        await self.runner.close()
        self.shell.stop()
