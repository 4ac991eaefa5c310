"""What kind of run: sizes of cluster and jobs, and how likely each fault is."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Shape:
    """Likelihoods of faults of tasks are per task, of workers per worker and second, of the driver per second."""

    workers: int = 6
    hosts: int = 4
    slots: int = 2
    jobs: int = 3
    tasks_max: int = 12
    task_s: float = 0.5
    long_jobs: float = 0.0
    """Of jobs, those whose tasks take many times as long as others'."""
    spread_s: float = 5.0
    """Jobs come within this time."""
    worker_deaths: float = 0.0
    freezes: float = 0.0
    """The process stands still (SIGSTOP): says nothing, hears nothing, serves nothing; executors go on."""
    cuts: float = 0.0
    """The host's cable is pulled, both ways."""
    deaf: float = 0.0
    """One way: nothing reaches the worker from the driver until keepalive ends the stream."""
    link_cuts: float = 0.0
    """Two workers cannot reach each other while both talk to the driver."""
    stream_cuts: float = 0.0
    slow_workers: float = 0.0
    """Everything on the worker takes many times as long, for some time: a sick disk, a slow link."""
    broken_programs: float = 0.0
    """For some time no executor of the worker starts."""
    full_disks: float = 0.0
    lost_blocks: float = 0.0
    corrupt_blocks: float = 0.0
    drains: float = 0.0
    hasty_drains: float = 0.5
    """Of workers that leave, those whose deadline is too short to move everything."""
    joins: float = 0.0
    driver_stalls: float = 0.0
    """The driver does not run for some seconds: its clock jumps."""
    driver_deaths: float = 0.0
    """Killed, and started again from its journal within seconds."""
    caches: float = 0.0
    """Of jobs, those before which another caches the rows that they read."""
    memory_mb: int = 0
    """Of a worker; 0: memory does not matter."""
    needs_mb_max: int = 0
    """What a task needs at most; most need far less."""
    executor_deaths: float = 0.0
    out_of_memory: float = 0.0
    user_errors: float = 0.0
    slow_tasks: float = 0.0
    duplicates: float = 0.0
    late_statuses: float = 0.0
    nondeterministic: float = 0.0
    cancels: float = 0.0
    says_started: bool = True
    """Workers may leave that to their heartbeats, which list what runs."""
    horizon_s: float = 4000.0


SHAPES = {
    "undisturbed": Shape(),
    "deaths": Shape(worker_deaths=0.03),
    "freezes": Shape(freezes=0.04, worker_deaths=0.01),
    "cut cables": Shape(cuts=0.03, deaf=0.02, link_cuts=0.03),
    "streams": Shape(stream_cuts=0.1, late_statuses=0.05),
    "executors": Shape(executor_deaths=0.03, out_of_memory=0.03),
    "broken programs": Shape(broken_programs=0.02, executor_deaths=0.1),
    "blocks": Shape(lost_blocks=0.05, corrupt_blocks=0.05, worker_deaths=0.01),
    "disks": Shape(full_disks=0.02, lost_blocks=0.02),
    "slow workers": Shape(slow_workers=0.03, slow_tasks=0.03),
    "statuses": Shape(duplicates=0.3, late_statuses=0.2, worker_deaths=0.02),
    "quiet": Shape(says_started=False, worker_deaths=0.02, stream_cuts=0.05, executor_deaths=0.02),
    "drains": Shape(drains=0.05, joins=0.3, workers=8),
    "driver stalls": Shape(driver_stalls=0.1, worker_deaths=0.01, stream_cuts=0.02),
    "nondeterministic": Shape(nondeterministic=1.0, worker_deaths=0.03, freezes=0.02, lost_blocks=0.02),
    "users": Shape(user_errors=0.5, cancels=0.3, jobs=6),
    "memory": Shape(memory_mb=1024, needs_mb_max=450, slots=3, worker_deaths=0.005),
    "memory and caches": Shape(memory_mb=1024, needs_mb_max=300, caches=0.7, worker_deaths=0.02, full_disks=0.01),
    "too little memory": Shape(memory_mb=640, needs_mb_max=500, slots=3),
    "caches": Shape(caches=0.8, worker_deaths=0.03, drains=0.03, lost_blocks=0.02, nondeterministic=0.2),
    "driver deaths": Shape(driver_deaths=0.1, worker_deaths=0.02, stream_cuts=0.02, caches=0.2, tasks_max=8),
    "driver deaths and other rows": Shape(
        driver_deaths=0.05, worker_deaths=0.02, stream_cuts=0.02, nondeterministic=0.5, tasks_max=8
    ),
    "tiny tasks": Shape(task_s=0.002, tasks_max=40, worker_deaths=0.05),
    "long beside short": Shape(long_jobs=0.3, jobs=6, tasks_max=20),
    "long beside short and faults": Shape(
        long_jobs=0.4,
        jobs=6,
        tasks_max=20,
        worker_deaths=0.001,
        stream_cuts=0.01,
        freezes=0.001,
        driver_deaths=0.005,
        caches=0.2,
    ),
    "all": Shape(
        worker_deaths=0.01,
        freezes=0.01,
        cuts=0.005,
        deaf=0.005,
        link_cuts=0.01,
        stream_cuts=0.02,
        slow_workers=0.01,
        full_disks=0.005,
        lost_blocks=0.01,
        corrupt_blocks=0.01,
        drains=0.01,
        joins=0.05,
        driver_stalls=0.01,
        executor_deaths=0.005,
        broken_programs=0.005,
        out_of_memory=0.005,
        user_errors=0.1,
        slow_tasks=0.02,
        duplicates=0.1,
        late_statuses=0.05,
        nondeterministic=0.2,
        cancels=0.1,
        caches=0.3,
        memory_mb=1024,
        needs_mb_max=150,
    ),
}


_PER_SECOND = (
    "worker_deaths",
    "freezes",
    "cuts",
    "deaf",
    "link_cuts",
    "stream_cuts",
    "slow_workers",
    "full_disks",
    "broken_programs",
    "lost_blocks",
    "corrupt_blocks",
    "drains",
    "joins",
    "driver_stalls",
    "driver_deaths",
)


def small(shape: Shape) -> Shape:
    """Few workers, jobs and short tasks, and more faults in less time: what can go wrong takes no more than that, and a
    run takes a few milliseconds."""
    rates = {name: rate for name in _PER_SECOND if (rate := getattr(shape, name))}
    # Where everything happens it happens often enough.
    denser = {name: min(0.5, 2 * rate) for name, rate in rates.items()} if len(rates) < len(_PER_SECOND) / 2 else {}
    # A task is slow beside three others.
    tasks_max = 5 if shape.slow_workers else 3
    # A job has more than its share beside two others.
    jobs = 3 if shape.long_jobs else 2
    return replace(
        shape, workers=3, hosts=3, jobs=jobs, tasks_max=tasks_max, task_s=shape.task_s / 2, spread_s=2.0, **denser
    )
