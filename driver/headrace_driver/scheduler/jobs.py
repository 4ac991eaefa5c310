"""A running job: its stages, which of them are demanded, and which can launch tasks now."""

from __future__ import annotations

from collections.abc import Sequence

from headrace_driver.plan.stage import StageSpec
from headrace_driver.scheduler.stages import StageRun


class JobRun:
    """One job. Stages are kept in the order they were planned, so what a stage reads stands before it."""

    def __init__(self, job_id: int, weight: float, order: int, now_s: float) -> None:
        assert weight > 0
        self.job_id = job_id
        self.generation = 0
        """How many drivers have run it before."""
        self.replaying = False
        """What they had computed is still being credited: nothing is launched."""
        self.weight = weight
        self.order = order
        self.stages: dict[int, StageRun] = {}
        self.final: StageRun | None = None
        self.complete = False
        """CompleteJob was sent; what is left is to keep the result readable until it is released."""
        self.ready: list[StageRun] = []
        """Stages with waiting tasks whose input is complete, oldest first."""
        self.running = 0
        """Slots it occupies, cancelled attempts included."""
        self.idle_since_s = now_s
        """When the last of its attempts ended, while it has none."""
        self.slotless_since_s: float | None = None
        """Since when tasks of it could run and none does, as far as seen by looks."""
        self.preempted_for_s: float | None = None
        """When others were last looked at for a slot it might get, while it has none."""
        self.consumed: set[int] = set()
        """Partitions of the result the client has read."""
        self.announced: set[int] = set()
        """Partitions of the result announced by ResultReady and not lost since."""
        self.starved_since_s: float | None = now_s
        """Since when it has work and the cluster has no usable worker."""

    def add_stage(self, spec: StageSpec, kept: Sequence[StageRun] = ()) -> StageRun:
        """`kept` are the stages of other jobs that `spec.kept_reads` names."""
        assert spec.stage_id not in self.stages, f"stage {spec.stage_id} of job {self.job_id} was planned twice"
        stage = StageRun(self.job_id, spec)
        self.stages[spec.stage_id] = stage
        stage.parents = [*(self.stages[parent] for parent in spec.reads), *kept]
        for parent in stage.parents:
            parent.readers.append(stage)
        if stage.is_final:
            assert self.final is None, f"job {self.job_id} has two final stages"
            self.final = stage
        return stage

    def refresh(self) -> None:
        """Finds again which stages are demanded and ready, after one was added, completed, lost or abandoned."""
        for stage in reversed(self.stages.values()):
            stage.demanded = self._is_demanded(stage)
        self.ready = [
            stage
            for stage in self.stages.values()
            if not self.replaying
            and stage.demanded
            and stage.waiting
            and all(parent.is_complete for parent in stage.parents)
        ]

    def _is_demanded(self, stage: StageRun) -> bool:
        """Whether missing partitions of the stage should be computed.

        A finished stage whose known readers have finished is not: if a reader planned later needs a lost output, the
        output is demanded then.
        """
        if any(reader.demanded and not reader.is_complete for reader in stage.readers):
            return True
        if stage.abandoned:
            return False
        if self.complete:
            # Lost parts of cached rows are computed again when somebody reads them.
            return stage.is_final and not stage.is_kept
        return not stage.completed_once or stage.is_final or not stage.readers

    @property
    def has_been_read(self) -> bool:
        """The client has every partition of the result, or there is none to read."""
        return self.final is None or not self.final.is_result or len(self.consumed) == self.final.total

    def linked(self) -> set[int]:
        """Jobs whose kept stages its stages read, and jobs that read its own kept stage."""
        reading = (stage for stage in self.stages.values() if stage.spec.kept_reads)
        found = {parent.key.job_id for stage in reading for parent in stage.parents}
        if self.final is not None and self.final.is_kept:
            found.update(reader.key.job_id for reader in self.final.readers)
        found.discard(self.job_id)
        return found

    def unlink(self) -> None:
        """Its stages read no kept stage any more."""
        for stage in self.stages.values():
            if stage.spec.kept_reads:
                for parent in stage.parents:
                    parent.readers.remove(stage)
