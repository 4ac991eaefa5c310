"""One cached plan: what it is, and where its rows are once they have been computed."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headrace_driver.cache.levels import StorageLevel
from headrace_driver.plan.expressions import Attribute
from headrace_driver.plan.logical import LogicalPlan, WriteFiles
from headrace_driver.plan.physical.operator import Operator, Placement

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class KeptRows:
    """The kept stage that holds a cached plan's rows.

    `bytes` are those of the block files, `raw_bytes` an estimate of the same uncompressed. `placement` says how rows
    lie across maps (in order, all in one, anyhow), `physical` how they were made.
    """

    job_id: int
    stage_id: int
    maps: int
    rows: int
    bytes: int
    raw_bytes: int
    placement: Placement
    physical: Operator | None = None


@dataclass(frozen=True, slots=True)
class CheckpointFiles:
    """Files that a checkpoint is written to before anything reads it, when it is first used."""

    write: WriteFiles
    """As analysed."""
    read: Callable[[], LogicalPlan]
    """What reads them, analysed once they are there."""
    written: Callable[[], None]
    """They are there: whoever asks for the checkpoint from now on reads them."""


class CachedData:
    """The plan as analysed, its level, and its rows. `kept` is written on the event loop and read by planning threads;
    a query that finds none computes the rows first.
    """

    def __init__(
        self,
        plan: LogicalPlan,
        level: StorageLevel,
        session: Any,
        name: str = "",
        is_checkpoint: bool = False,
        cached_id: str = "",
    ) -> None:
        """`cached_id` of one that an earlier driver had: its rows are lost."""
        self.number = next(_numbers)
        self.cached_id = cached_id or uuid.uuid4().hex
        """By which later drivers know it."""
        self.is_restored = bool(cached_id)
        self.plan = plan
        """Replaced by an equal one that was analysed later, with a newer list of files, until rows are computed."""
        self.output: tuple[Attribute, ...] = plan.output
        self.level = level
        self.session = session
        """Whose settings and other cached plans its computation sees: a `headrace_driver.session.Session`."""
        self.name = name
        self.is_checkpoint = is_checkpoint
        """Found by those that name it alone, and not by plans like its own."""
        self.files: CheckpointFiles | None = None
        """Until they are written. A later driver does not know of them, and keeps the rows with the workers alone."""
        self.kept: KeptRows | None = None
        self.owners = 1
        """Sessions that can name it, where it is a checkpoint (a session may be cloned)."""
        self.forgotten = False
        """Nobody will find it any more: its rows go with the last query that reads them."""

    def __str__(self) -> str:
        return f"cached rows {self.number}"

    @property
    def description(self) -> str:
        """For job lists."""
        return f"cache {self.name}" if self.name else f"cache of {type(self.plan).__name__}"

    def refreshed(self, plan: LogicalPlan) -> CachedData:
        """The same to be computed anew, from what the plan's sources hold now."""
        return CachedData(plan, self.level, self.session, self.name, self.is_checkpoint)
