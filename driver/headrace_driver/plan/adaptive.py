"""A query in execution: plans, hands out stages, and plans on with the sizes that come back."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headrace_driver.plan import logical as lp
from headrace_driver.plan.expressions.node import ids_from, new_id
from headrace_driver.plan.options import DEFAULT_OPTIONS, PlannerOptions
from headrace_driver.plan.physical.exchange import Exchange
from headrace_driver.plan.physical.operator import Operator
from headrace_driver.plan.physical.planner import Planner
from headrace_driver.plan.stage import ClusterShape, PlannedStages, StageSpec, StageStats
from headrace_driver.plan.stages.compile import StageCompiler
from headrace_driver.plan.stages.digits import digit_bounds
from headrace_driver.render.expressions import Renderer

LastStage = Callable[[StageCompiler, int, Operator], StageSpec]
"""Compiles the last stage of a job: a result for the client, or files."""


@dataclass(slots=True)
class StageRecord:
    """A stage that was handed out, for plan displays: its operators, and what it left behind when it has finished."""

    stage_id: int
    root: Operator
    spec: StageSpec
    exchange: Exchange | None


class AdaptiveQuery:
    """Implements `plan.stage.QueryPlan` for one optimized logical plan. Pure.

    A driver that takes over pickles it back as it was before its first step, and takes the same steps again: columns
    made on the way are numbered from `first_id`, above all in the plan, so the stages come out the same.
    """

    def __init__(
        self,
        root: lp.LogicalPlan,
        time_zone: str,
        last: LastStage,
        options: PlannerOptions = DEFAULT_OPTIONS,
        first_id: int = 0,
    ) -> None:
        self.logical = root
        self._time_zone = time_zone
        self._first_id = first_id or new_id()
        self._ids = itertools.count(self._first_id)
        self.stages: dict[int, StageRecord] = {}
        self.root: Operator | None = None
        """The whole physical plan, once every decision has been made."""
        self.job_id = 0
        self._renderer = Renderer(time_zone, digit_bounds=digit_bounds(root))
        self._last = last
        self._options = options
        self._planner: Planner | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return AdaptiveQuery, (self.logical, self._time_zone, self._last, self._options, self._first_id)

    @property
    def decisions(self) -> list[str]:
        """What was decided on real sizes, in order."""
        return self._planner.decisions if self._planner is not None else []

    def begin(self, job_id: int) -> None:
        """See `QueryPlan.begin`."""
        self.job_id = job_id

    def advance(self, finished: StageStats | None, cluster: ClusterShape) -> PlannedStages:
        """Takes note of a finished stage and returns what can start now."""
        with ids_from(self._ids):
            return self._advance(finished, cluster)

    def _advance(self, finished: StageStats | None, cluster: ClusterShape) -> PlannedStages:
        if self._planner is None:
            self._options = self._options.within(cluster.memory_bytes_per_slot)
            self._planner = Planner(self.logical, cluster, self._options)
        planner = self._planner
        if finished is not None:
            record = self.stages[finished.stage_id]
            if record.exchange is None:
                return PlannedStages()
            record.exchange.stats = finished
        said = len(planner.decisions)
        root = planner.advance()
        compiler = StageCompiler(self.job_id, cluster, self._renderer, self._options)
        planned = PlannedStages()
        # With all decided, nothing reads a stage that has not finished: none is started, those that run are ended.
        for exchange in planner.requested if root is None else ():
            spec = compiler.exchange(exchange)
            self.stages[spec.stage_id] = StageRecord(spec.stage_id, exchange.child, spec, exchange)
            planned.start.append(spec)
        planner.requested.clear()
        if root is not None and self.root is None:
            self.root = root
            needless = self._needless()
            stage_id = planner.new_stage_id()
            spec = self._last(compiler, stage_id, root)
            self.stages[stage_id] = StageRecord(stage_id, root, spec, None)
            planned.start.append(spec)
            planned.abandon.extend(needless)
            planner.decisions.extend(f"stage {needed_no_more}: not needed any more" for needed_no_more in needless)
        planned.decisions.extend(planner.decisions[said:])
        return planned

    def _needless(self) -> list[int]:
        """Stages still running: all is decided, and nothing reads stages that have not finished."""
        exchanges = [record.exchange for record in self.stages.values() if record.exchange is not None]
        return [exchange.stage_id for exchange in exchanges if not exchange.is_finished]
