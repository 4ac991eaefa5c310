"""What the driver's cluster side counts, for `/metrics`. One set a process; names end in their unit."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_DECISION_BUCKETS_S = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5)
_LATENCY_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0)


class ClusterMetrics:
    """Counters and gauges; give a registry of its own to each driver in a process (tests), else the default one."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        self.registry = registry
        self.workers = Gauge("headrace_workers", "Workers by state.", ["state"], registry=registry)
        self.slots = Gauge("headrace_slots", "Task slots of usable workers.", registry=registry)
        self.slots_used = Gauge("headrace_slots_used", "Task slots that have a task.", registry=registry)
        self.jobs = Counter("headrace_jobs", "Jobs that ended, by state.", ["state"], registry=registry)
        self.jobs_running = Gauge("headrace_jobs_running", "Jobs in execution.", registry=registry)
        self.tasks = Counter("headrace_tasks", "Task attempts, by what became of them.", ["state"], registry=registry)
        self.retries = Counter("headrace_task_retries", "Tasks run again, by cause.", ["cause"], registry=registry)
        self.speculations = Counter("headrace_task_speculations", "Second attempts at slow tasks.", registry=registry)
        self.preemptions = Counter(
            "headrace_task_preemptions", "Attempts that had to give their slot to another job.", registry=registry
        )
        self.places = Counter("headrace_task_locality", "Task launches by locality.", ["locality"], registry=registry)
        self.locality_wait = Counter(
            "headrace_locality_wait_slot_seconds",
            "Slot-seconds left idle to wait for a better place.",
            registry=registry,
        )
        self.shuffle_bytes = Counter("headrace_shuffle_bytes", "Shuffle bytes, by way.", ["way"], registry=registry)
        self.spill_bytes = Counter("headrace_spill_bytes", "Bytes tasks spilled to disk.", registry=registry)
        self.decision_seconds = Histogram(
            "headrace_scheduler_decision_seconds",
            "Time of one call of the scheduler (a batch of events).",
            buckets=_DECISION_BUCKETS_S,
            registry=registry,
        )
        self.events = Counter("headrace_scheduler_events", "Events the scheduler took in.", registry=registry)
        self.planning_seconds = Histogram(
            "headrace_planning_seconds", "Time of one planning step.", buckets=_LATENCY_BUCKETS_S, registry=registry
        )
        self.launch_seconds = Histogram(
            "headrace_launch_latency_seconds",
            "From the decision to launch a task to the news of its end, without its wait and run in the worker.",
            buckets=_LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.defects = Counter(
            "headrace_scheduler_defects", "Times the scheduler failed and was started anew.", registry=registry
        )
