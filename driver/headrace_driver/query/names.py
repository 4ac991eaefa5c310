"""What analysis asks of a session: its settings, views, worker-held tables and files."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from headrace_driver.catalog.files import open_files
from headrace_driver.catalog.source import Source
from headrace_driver.errors import Origin, SparkError
from headrace_driver.functions.registry import BindContext
from headrace_driver.plan import logical as lp
from headrace_driver.plan.expressions import Attribute, Literal, new_id
from headrace_driver.plan.logical import LogicalPlan, ReadFiles
from headrace_driver.session import Session

Held = Callable[[tuple[str, ...], Mapping[str, str], str], Source | None]
"""Data that workers hold, by name, settings and time zone of the session; None where no worker offers it."""


class SessionNames:
    """Implements `plan.analysis.context.AnalysisContext` and `DistinctValues` for one query of one session.

    The current time is fixed when it is made: a query sees one `now()`.
    """

    def __init__(
        self,
        session: Session,
        held: Held,
        collect: Callable[[LogicalPlan], Sequence[Literal]],
        now_us: int | None = None,
    ) -> None:
        self._session = session
        self._held = held
        self._collect = collect
        self._now_us = time.time_ns() // 1000 if now_us is None else now_us

    @property
    def conf(self) -> Mapping[str, str]:
        return self._session.conf.mapping

    def bind_context(self, display: str, origin: Origin) -> BindContext:
        return BindContext(
            self._session.conf.time_zone, self.conf, display, origin, self._now_us, self._session.user_id
        )

    def relation(self, parts: tuple[str, ...], options: Mapping[str, str], origin: Origin) -> LogicalPlan:
        view = self._session.catalog.view(parts)
        if view is not None:
            return view
        held = self._held(parts, self.conf, self._session.conf.time_zone)
        if held is not None:
            fields = held.schema.fields
            return lp.Scan(held, tuple(Attribute(f.name, f.dtype, f.nullable, new_id()) for f in fields))
        return self._session.catalog.relation(parts, origin)

    def open(self, read: ReadFiles) -> Source:
        try:
            return open_files(read, self.conf, self._session.conf.time_zone)
        except SparkError as error:
            # Cached rows outlive the files they were made of.
            known = self._session.cache.source_of(read) if error.error_class == "PATH_NOT_FOUND" else None
            if known is None:
                raise
            return known

    def collect_distinct(self, plan: LogicalPlan) -> Sequence[Literal]:
        """See `plan.analysis.context.DistinctValues`."""
        return self._collect(plan)
