"""What analysis asks of the session it works for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from headrace_driver.catalog.source import Source
from headrace_driver.errors import Origin
from headrace_driver.functions.registry import BindContext
from headrace_driver.plan.expressions import Literal
from headrace_driver.plan.logical import LogicalPlan, ReadFiles


class AnalysisContext(Protocol):
    """The session's settings, tables and files."""

    @property
    def conf(self) -> Mapping[str, str]:
        """Settings by Spark's names; those not set are missing."""
        ...

    def bind_context(self, display: str, origin: Origin) -> BindContext:
        """What the type rule of the function called `display` at `origin` may ask."""
        ...

    def relation(self, parts: tuple[str, ...], options: Mapping[str, str], origin: Origin) -> LogicalPlan:
        """The plan of a view or table, as parsed or as analysed. Raises TABLE_OR_VIEW_NOT_FOUND."""
        ...

    def open(self, read: ReadFiles) -> Source:
        """The files of a read, listed, with their schema known."""
        ...


@runtime_checkable
class DistinctValues(Protocol):
    """What a context adds when it can run a query during analysis, as a pivot without listed values needs."""

    def collect_distinct(self, plan: LogicalPlan) -> Sequence[Literal]:
        """The distinct values of the one column of a resolved plan, sorted."""
        ...
