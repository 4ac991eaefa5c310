"""Temporary views: names a session has given to plans, without regard to case. Global ones belong to the driver."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeAlias

from headrace_driver.errors import NOWHERE, Origin, SparkError
from headrace_driver.plan.logical import LogicalPlan
from headrace_driver.session import ViewEntry

GLOBAL_DATABASE = "global_temp"
OnNamed: TypeAlias = Callable[[str, LogicalPlan | None], None]
"""Told when a name is given to a plan, or forgotten (None)."""
_LOCAL_PREFIXES = ((), ("session",), ("system", "session"))


class GlobalViews:
    """The global temporary views of one driver, shared by its sessions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.views: dict[str, tuple[str, LogicalPlan]] = {}
        self.on_named: OnNamed | None = None

    def put(self, name: str, plan: LogicalPlan, replace: bool) -> bool:
        """Adds a view; False when the name is taken and may not be replaced."""
        with self._lock:
            if not replace and name.lower() in self.views:
                return False
            self.views[name.lower()] = (name, plan)
            if self.on_named is not None:
                self.on_named(name, plan)
            return True

    def drop(self, name: str) -> bool:
        with self._lock:
            if self.views.pop(name.lower(), None) is None:
                return False
            if self.on_named is not None:
                self.on_named(name, None)
            return True


class SessionViews:
    """Implements `session.SessionCatalog`."""

    def __init__(self, shared: GlobalViews | None = None) -> None:
        self._shared = shared or GlobalViews()
        self._lock = threading.Lock()
        self._views: dict[str, tuple[str, LogicalPlan]] = {}
        self.on_named: OnNamed | None = None

    def create_view(self, name: tuple[str, ...], plan: LogicalPlan, replace: bool, is_global: bool) -> None:
        """Names a resolved plan, in lower case as Spark does. Raises TEMP_TABLE_OR_VIEW_ALREADY_EXISTS unless
        `replace`."""
        name = (*name[:-1], name[-1].lower())
        if is_global or name[0].lower() == GLOBAL_DATABASE:
            taken = not self._shared.put(name[-1], plan, replace)
            shown = f"`{GLOBAL_DATABASE}`.`{name[-1]}`"
        else:
            with self._lock:
                taken = not replace and name[-1] in self._views
                if not taken:
                    self._views[name[-1]] = (name[-1], plan)
                    if self.on_named is not None:
                        self.on_named(name[-1], plan)
            shown = f"`{name[-1]}`"
        if taken:
            raise SparkError(
                "TEMP_TABLE_OR_VIEW_ALREADY_EXISTS",
                f"Cannot create the temporary view {shown} because it already exists.\nChoose a different name, drop "
                "or replace the existing view, or add the IF NOT EXISTS clause to tolerate pre-existing views.",
                {"relationName": shown},
                sql_state="42P07",
            )

    def drop_view(self, name: tuple[str, ...], is_global: bool = False) -> bool:
        """Forgets a name; False when there was none. A name of two parts says itself whether it is global."""
        if is_global or (len(name) == 2 and name[0].lower() == GLOBAL_DATABASE):
            return self._shared.drop(name[-1])
        if not _is_local(name):
            return False
        with self._lock:
            if self._views.pop(name[-1].lower(), None) is None:
                return False
            if self.on_named is not None:
                self.on_named(name[-1], None)
            return True

    def own(self) -> list[tuple[str, LogicalPlan]]:
        """The session's own names and their plans."""
        with self._lock:
            return list(self._views.values())

    def view(self, name: tuple[str, ...]) -> LogicalPlan | None:
        """The plan of a name, or None."""
        found = None
        if len(name) == 2 and name[0].lower() == GLOBAL_DATABASE:
            found = self._shared.views.get(name[1].lower())
        elif _is_local(name):
            found = self._views.get(name[-1].lower())
        return found[1] if found is not None else None

    def relation(self, parts: tuple[str, ...], origin: Origin = NOWHERE) -> LogicalPlan:
        """The plan of a name. Raises TABLE_OR_VIEW_NOT_FOUND."""
        plan = self.view(parts)
        if plan is None:
            raise not_found(parts, origin)
        return plan

    def views(self) -> Sequence[ViewEntry]:
        """All temporary views the session sees, by name."""
        with self._lock:
            own = [ViewEntry(name) for name, _ in self._views.values()]
        shared = [ViewEntry(name, is_global=True) for name, _ in list(self._shared.views.values())]
        return sorted([*own, *shared], key=lambda entry: (entry.name.lower(), entry.is_global))

    def plans(self) -> Sequence[LogicalPlan]:
        """Those of all temporary views the session sees."""
        return [plan for _, plan in [*self.own(), *list(self._shared.views.values())]]

    def copy(self) -> SessionViews:
        """The same names, to be changed independently (global ones stay shared)."""
        other = SessionViews(self._shared)
        with self._lock:
            other._views.update(self._views)
        return other


def _is_local(name: tuple[str, ...]) -> bool:
    """`v`, `session.v`, `system.session.v`."""
    return tuple(part.lower() for part in name[:-1]) in _LOCAL_PREFIXES


SEARCH_PATH = "[`system`.`builtin`, `system`.`session`, `spark_catalog`.`default`]"
"""Where names are looked for, as messages show it."""


def not_found(parts: tuple[str, ...], origin: Origin = NOWHERE) -> SparkError:
    """TABLE_OR_VIEW_NOT_FOUND."""
    shown = ".".join(f"`{part.replace('`', '``')}`" for part in parts)
    return SparkError(
        "TABLE_OR_VIEW_NOT_FOUND",
        f"The table or view {shown} cannot be found. Verify the spelling and correctness of the schema and catalog.\n"
        f"Search path: {SEARCH_PATH}.\nIf you did not qualify the name with a schema, verify the current_schema() "
        "output, or qualify the name with the correct schema and catalog.\nTo tolerate the error on drop use DROP VIEW "
        "IF EXISTS or DROP TABLE IF EXISTS.",
        {"relationName": shown, "searchPath": SEARCH_PATH},
        sql_state="42P01",
        origins=(origin,) if origin is not NOWHERE else (),
    )
