"""What the scheduler costs: decisions a second, and the driver's CPU and memory a task, without any worker.

    python -m benchmarks.scheduler                     1,000 workers, a million tasks, a 10,000 × 10,000 shuffle
    python -m benchmarks.scheduler --tasks 50000 --side 2000

Events are fed in batches as the shell does: everything that came in one turn of its loop. Decisions are counted by the
second of CPU, which is all there is to wait for here: on a busy machine the wall clock measures its neighbours. Memory
is what the process grew by, the planner's task specs included.
"""

from __future__ import annotations

import argparse
import gc
import random
import time
from collections import deque
from collections.abc import Iterator

import psutil

from headrace_driver.plan.stage import OutputKind, ShuffleRead, StageSpec, TaskSpec
from headrace_driver.scheduler import actions, events
from headrace_driver.scheduler.identity import TaskKey
from headrace_driver.scheduler.scheduler import Scheduler
from headrace_proto.v1 import task_pb2

SLOTS = 2
BATCH_EVENTS = 64
DECISIONS_A_SECOND_MIN = 10_000


class Cluster:
    """Workers that finish every task at once, in a random order."""

    def __init__(self, workers: int) -> None:
        self.scheduler = Scheduler()
        self._random = random.Random(1)
        self._running: deque[tuple[str, TaskKey]] = deque()
        self.now_s = 0.0
        self.decisions = 0
        self.tables = 0
        self.scheduler.handle_all(
            [
                events.WorkerJoined(f"w{number}", "a", SLOTS, f"h{number}", f"r{number % 20}")
                for number in range(workers)
            ],
            0.0,
        )

    def feed(self, batch: list[events.Event]) -> None:
        """One turn of the shell's loop."""
        self.now_s += 0.0001
        for action in self.scheduler.handle_all(batch, self.now_s):
            if isinstance(action, actions.LaunchTasks):
                self.decisions += len(action.tasks)
                self._running.extend((action.worker_id, launch.key) for launch in action.tasks)
            elif isinstance(action, actions.SendOutputTable):
                self.tables += 1

    def run_to_end(self, codes: bytes) -> None:
        """Until nothing runs any more."""
        while self._running:
            self.feed(list(self._finish(min(BATCH_EVENTS, len(self._running)), codes)))

    def _finish(self, count: int, codes: bytes) -> Iterator[events.Event]:
        for _ in range(count):
            if self._random.random() < 0.5:
                self._running.rotate(1)
            worker, key = self._running.popleft()
            yield events.TaskFinished(worker, key, size_codes=codes, output_bytes=1000, rows=1, run_s=0.5, checksum=7)


def measure(name: str, workers: int, steps: list[tuple[StageSpec, bytes]]) -> float:
    """Runs one job of these stages and prints what it cost; returns decisions a second of CPU."""
    cluster = Cluster(workers)
    gc.collect()
    process = psutil.Process()
    before_bytes = process.memory_info().rss
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    cluster.feed([events.JobSubmitted(1)])
    for spec, codes in steps:
        cluster.feed([events.StagesPlanned(1, (spec,))])
        cluster.run_to_end(codes)
        assert cluster.scheduler.jobs[1].stages[spec.stage_id].is_complete
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    grown_bytes = process.memory_info().rss - before_bytes
    tasks = sum(len(spec.tasks) for spec, _ in steps)
    assert cluster.decisions == tasks
    print(
        f"{name}: {tasks:,} tasks on {workers:,} workers: {tasks / cpu_s:,.0f} decisions/s "
        f"({tasks / wall_s:,.0f} by the wall clock), "
        f"{1e6 * cpu_s / tasks:.1f} µs of CPU and {grown_bytes / tasks:,.0f} bytes a task, "
        f"{cluster.tables:,} tables sent"
    )
    return tasks / cpu_s


def stage(stage_id: int, tasks: int, reducers: int, kind: OutputKind = OutputKind.SHUFFLE) -> StageSpec:
    specs = tuple(TaskSpec(partition) for partition in range(tasks))
    return StageSpec(stage_id, kind, task_pb2.StageProgram(), specs, reducers=reducers)


def shuffle(side: int) -> list[tuple[StageSpec, bytes]]:
    """`side` maps, each with bytes for `side` reducers."""
    codes = bytes(1 + number % 200 for number in range(side))
    reads = tuple(TaskSpec(partition, shuffle_reads=(ShuffleRead(1, partition, 1),)) for partition in range(side))
    reducing = StageSpec(2, OutputKind.SHUFFLE, task_pb2.StageProgram(), reads, (1,), reducers=1)
    return [(stage(1, side, side), codes), (reducing, b"\x50")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--side", type=int, default=10_000, help="maps and reducers of the shuffle")
    given = parser.parse_args()
    many = measure("many tasks", given.workers, [(stage(1, given.tasks, 1), b"\x50")])
    wide = measure("wide shuffle", given.workers, shuffle(given.side))
    slowest = min(many, wide)
    print(f"at least {DECISIONS_A_SECOND_MIN:,} decisions/s: {'yes' if slowest >= DECISIONS_A_SECOND_MIN else 'NO'}")


if __name__ == "__main__":
    main()
