"""What workers last reported of themselves, for `/metrics`: read when somebody asks, kept nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from headrace_driver.cluster.registry import Registry, WorkerRecord
from headrace_proto.v1 import cluster_pb2

_Reading = Callable[[cluster_pb2.Heartbeat], float]
_MEMORY_KINDS = tuple(field.name for field in cluster_pb2.MemoryUse.DESCRIPTOR.fields)


class WorkerMetrics(Collector):
    """Series of the workers in the cluster; those of a worker that is gone end. Bytes are those of its heartbeat."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        """Called on a thread of the HTTP server; the copy is made in one step, so that workers may come meanwhile."""
        records = list(self._registry)
        yield _gauge("budget_bytes", "Memory a worker may use.", records, lambda told: told.budget_bytes)
        yield _gauge("resident_bytes", "Memory its processes hold.", records, lambda told: told.rss_bytes)
        yield _gauge("tasks_running", "Tasks it runs.", records, lambda told: len(told.running))
        memory = GaugeMetricFamily(
            "headrace_worker_memory_bytes", "Of the budget, by what it is charged for.", labels=["worker", "kind"]
        )
        used = GaugeMetricFamily(
            "headrace_worker_disk_used_bytes", "Blocks and spill on a disk.", labels=["worker", "directory"]
        )
        free = GaugeMetricFamily(
            "headrace_worker_disk_free_bytes", "What a disk has left.", labels=["worker", "directory"]
        )
        tasks = CounterMetricFamily(
            "headrace_worker_tasks", "Task attempts that ended on it.", labels=["worker", "state"]
        )
        for record in records:
            name = record.registration.worker_id
            for kind in _MEMORY_KINDS:
                memory.add_metric([name, kind.removesuffix("_bytes")], getattr(record.heartbeat.memory, kind))
            for disk in record.heartbeat.disks:
                used.add_metric([name, disk.directory], disk.used_bytes)
                free.add_metric([name, disk.directory], disk.free_bytes)
            tasks.add_metric([name, "finished"], record.tasks_finished)
            tasks.add_metric([name, "failed"], record.tasks_failed)
        yield from (memory, used, free, tasks)


def _gauge(name: str, text: str, records: list[WorkerRecord], of: _Reading) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"headrace_worker_{name}", text, labels=["worker"])
    for record in records:
        family.add_metric([record.registration.worker_id], of(record.heartbeat))
    return family
