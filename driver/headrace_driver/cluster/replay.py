"""Takes the planning steps of an earlier driver again, and says which outputs may be credited to the stages they give.

A stage is the same when its digest is: program, tasks and inputs, octet by octet. Only then do the blocks workers hold
under its number hold its rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from headrace_driver.cluster.messages import finished_event
from headrace_driver.journal.state import KeptJob
from headrace_driver.plan.stage import ClusterShape, StageSpec
from headrace_driver.scheduler.events import OutputsRestored, RestoredOutput
from headrace_driver.scheduler.identity import TaskKey
from headrace_proto.v1 import task_pb2

Holds = Callable[[str, str, TaskKey], bool]
"""Whether a worker of that name and incarnation is here and still has the output of that attempt."""


def digest_of(spec: StageSpec) -> bytes:
    """Equal for stages whose tasks compute the same from the same inputs."""
    found = hashlib.blake2b(digest_size=16)
    found.update(spec.program.SerializeToString(deterministic=True))
    found.update(repr((spec.kind.value, spec.reads, spec.kept_reads, spec.reducers, len(spec.tasks))).encode())
    for task in spec.tasks:
        for piece in task.slices:
            octets = piece.SerializeToString(deterministic=True)
            found.update(len(octets).to_bytes(4, "little"))
            found.update(octets)
    return found.digest()


class Replay:
    """One job's. Ask `shape` before each step, tell `planned` after it, then post what `next_credits` gives."""

    def __init__(self, kept: KeptJob, holds: Holds) -> None:
        self._kept = kept
        self._holds = holds
        self._steps = list(kept.steps)
        self._waiting: dict[int, StageSpec] = {}
        self._same: set[int] = set()
        """Stages that came out as they were, and so did all they read."""
        self._varying: set[int] = set()
        """Stages whose tasks may give other rows each time, or read such rows."""
        self._diverged = False

    def shape(self, finished_stage: int) -> ClusterShape | None:
        """The cluster as it was when the earlier driver took this step; None when it did not take it."""
        if self._diverged or not self._steps or self._steps[0].finished_stage != finished_stage:
            self._diverged = True
            return None
        return ClusterShape(*self._steps.pop(0).shape)

    def planned(self, specs: Iterable[StageSpec]) -> None:
        """These stages came out of the step."""
        for spec in specs:
            if not spec.deterministic or not self._varying.isdisjoint(spec.reads):
                self._varying.add(spec.stage_id)
            same = self._kept.digests.get(spec.stage_id) == digest_of(spec) and self._same.issuperset(spec.reads)
            if same and not spec.kept_reads:
                self._same.add(spec.stage_id)
                self._waiting[spec.stage_id] = spec
            else:
                self._diverged = True

    def next_credits(self) -> Sequence[OutputsRestored]:
        """What to credit before the next step: the stage whose end led to it. Empty when there is no such step; then
        `rest` is due."""
        following = self._steps[0].finished_stage if self._steps and not self._diverged else -1
        spec = self._waiting.get(following)
        if spec is None or len(self._outputs(spec)) < len(spec.tasks):
            return ()
        del self._waiting[following]
        return (self._restored(spec),)

    def rest(self) -> Iterator[OutputsRestored]:
        """What is known of stages that had not ended."""
        for spec in self._waiting.values():
            yield self._restored(spec)
        self._waiting.clear()

    def _outputs(self, spec: StageSpec) -> dict[int, RestoredOutput]:
        found = {}
        for output in self._kept.outputs.get(spec.stage_id, ()):
            if not output.is_judged and spec.stage_id in self._varying:
                # It may be of an attempt whose input has been replaced by other rows while it ran.
                continue
            status = task_pb2.TaskStatus.FromString(output.finished)
            finished = finished_event(output.worker_id, status)
            held = self._holds(output.worker_id, output.incarnation, finished.key)
            found[output.partition] = RestoredOutput(finished, held)
        return found

    def _restored(self, spec: StageSpec) -> OutputsRestored:
        return OutputsRestored(self._kept.job_id, spec.stage_id, tuple(self._outputs(spec).values()))
