"""What `/metrics` shows is counted: a name that always says 0 is worse than none."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

import headrace_driver
from headrace_driver.cluster.metrics import ClusterMetrics
from headrace_driver.cluster.registry import Registry
from headrace_driver.cluster.worker_metrics import WorkerMetrics
from headrace_proto.v1 import cluster_pb2


def test_every_metric_is_counted_somewhere() -> None:
    names = vars(ClusterMetrics()).keys() - {"registry"}
    sources = [path.read_text() for path in Path(headrace_driver.__path__[0]).rglob("*.py")]
    counted = {
        name for source in sources for name in re.findall(r"\b_?metrics\.(\w+)\.(?:labels|inc|set|observe)\(", source)
    }
    assert names - counted == set()


def test_workers_are_seen_as_they_last_reported_and_not_when_they_are_gone() -> None:
    workers, shown = Registry("duckdb"), CollectorRegistry()
    shown.register(WorkerMetrics(workers))
    workers.join(cluster_pb2.Register(worker_id="w0", incarnation="a", slots=2), 0, 0)
    told = cluster_pb2.Heartbeat(
        budget_bytes=1000,
        rss_bytes=700,
        memory=cluster_pb2.MemoryUse(execution_bytes=300, state_bytes=50),
        disks=[cluster_pb2.DiskUse(directory="/disk1", used_bytes=5, free_bytes=95)],
    )
    workers.hear("w0", told, 1, 1)
    lines = generate_latest(shown).decode().splitlines()
    for line in (
        'headrace_worker_budget_bytes{worker="w0"} 1000.0',
        'headrace_worker_resident_bytes{worker="w0"} 700.0',
        'headrace_worker_memory_bytes{kind="execution",worker="w0"} 300.0',
        'headrace_worker_memory_bytes{kind="storage",worker="w0"} 0.0',
        'headrace_worker_disk_free_bytes{directory="/disk1",worker="w0"} 95.0',
        'headrace_worker_tasks_total{state="failed",worker="w0"} 0.0',
    ):
        assert line in lines
    workers.lose("w0")
    assert "w0" not in generate_latest(shown).decode()
