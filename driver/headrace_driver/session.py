"""Sessions: what one client has set, uploaded and named, apart from all other clients."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from headrace_driver.cache.data import CachedData
from headrace_driver.cache.entries import SessionCache
from headrace_driver.cache.matching import relations_anywhere_in
from headrace_driver.connect.artifacts import Artifacts
from headrace_driver.connect.conf import SessionConf
from headrace_driver.connect.error_details import ErrorArchive
from headrace_driver.connect.handles import check_uuid, invalid_handle
from headrace_driver.errors import ErrorKind, Origin, SparkError
from headrace_driver.plan.logical import InMemoryRelation, LogicalPlan

IDLE_TIMEOUT_S = 3600.0
"""A session nobody has used for so long is closed, as with Spark, unless the driver is told otherwise."""
SESSIONS_MAX = 10_000
"""Open sessions of one driver: each holds settings, views and uploaded data."""
RUNS_MAX = 100
"""Relations of a session whose last job EXPLAIN can still tell of."""
CLOSED_MAX = 10_000
"""Sessions remembered as closed, so that late calls get an error in place of a new empty session."""


ForgetCached = Callable[[CachedData], None]
"""Told of cached plans that nobody will find any more, from any thread."""


def _nothing_to_forget(cached: CachedData) -> None:
    """For stores whose queries are never run."""


@dataclass(frozen=True, slots=True)
class SessionKey:
    """How clients name a session; the same id of two users is two sessions."""

    user_id: str
    session_id: str


@dataclass(frozen=True, slots=True)
class ViewEntry:
    """One temporary view, as SHOW TABLES and `spark.catalog` tell of it."""

    name: str
    is_global: bool = False


class SessionCatalog(Protocol):
    """The names a session has given to plans."""

    def create_view(self, name: tuple[str, ...], plan: LogicalPlan, replace: bool, is_global: bool) -> None:
        """Names a resolved plan; raises TEMP_TABLE_OR_VIEW_ALREADY_EXISTS unless `replace`."""
        ...

    def drop_view(self, name: tuple[str, ...], is_global: bool = False) -> bool:
        """Forgets a name; False when there was none. A name of two parts says itself whether it is global."""
        ...

    def view(self, name: tuple[str, ...]) -> LogicalPlan | None:
        """The resolved plan of a name, or None."""
        ...

    def relation(self, parts: tuple[str, ...], origin: Origin) -> LogicalPlan:
        """The resolved plan of a name; raises TABLE_OR_VIEW_NOT_FOUND."""
        ...

    def views(self) -> Sequence[ViewEntry]:
        """All temporary views, by name."""
        ...

    def plans(self) -> Sequence[LogicalPlan]:
        """Those of all temporary views."""
        ...

    def copy(self) -> SessionCatalog:
        """The same names, to be changed independently."""
        ...


class Session:
    """One client's state. Used by the event loop and by planning threads; its members are safe for that."""

    def __init__(
        self,
        key: SessionKey,
        conf: SessionConf,
        catalog: SessionCatalog,
        directory: Path,
        now_s: float,
        forget_cached: ForgetCached = _nothing_to_forget,
        server_side_id: str = "",
    ) -> None:
        self.key = key
        self.server_side_id = server_side_id or str(uuid.uuid4())
        self.conf = conf
        self.catalog = catalog
        self.artifacts = Artifacts(directory / self.server_side_id, key.session_id)
        self.errors = ErrorArchive()
        self.cache = SessionCache(self, forget_cached)
        self.remote_relations: dict[str, LogicalPlan] = {}
        """Relations that commands left for later plans (checkpoint), by id. Changed by the methods below."""
        self.on_relation: Callable[[str, LogicalPlan | None], None] | None = None
        """Told of each that is kept, or let go (None)."""
        self._unowned: list[CachedData] = []
        """Checkpoints that no relation names any more, but maybe plans that were made of them."""
        self._runs: OrderedDict[int, int] = OrderedDict()
        self.used_s = now_s
        self.closed = False
        self.application = ""
        """The submitted application that opened it, and with which it ends."""

    def note_run(self, plan_id: int, job_id: int) -> None:
        """The job that last computed a relation, by the id the client gave the relation."""
        self._runs[plan_id] = job_id
        self._runs.move_to_end(plan_id)
        while len(self._runs) > RUNS_MAX:
            self._runs.popitem(last=False)

    def last_run(self, plan_id: int) -> int | None:
        """See `note_run`; None for a relation that has not been computed, or long ago."""
        return self._runs.get(plan_id)

    def keep_relation(self, relation_id: str, plan: LogicalPlan) -> None:
        """Keeps what a command leaves for later plans."""
        if isinstance(plan, InMemoryRelation):
            self.cache.note(plan.cached)
        self.remote_relations[relation_id] = plan
        if self.on_relation is not None:
            self.on_relation(relation_id, plan)

    def restore_relation(self, relation_id: str, plan: LogicalPlan) -> None:
        """What a command left, in an earlier driver."""
        if isinstance(plan, InMemoryRelation):
            plan.cached.owners += 1
            plan.cached.session = plan.cached.session or self
        self.remote_relations[relation_id] = plan

    def remove_relation(self, relation_id: str) -> None:
        """Lets go of what a command left."""
        plan = self.remote_relations.pop(relation_id, None)
        if plan is not None and self.on_relation is not None:
            self.on_relation(relation_id, None)
        if isinstance(plan, InMemoryRelation):
            self._disown(plan.cached)
            self.forget_unread()

    def replace_relation(self, relation_id: str, plan: LogicalPlan) -> None:
        """Another plan of the same rows, if the relation is still wanted."""
        known = self.remote_relations.get(relation_id)
        if known is None:
            return
        self.keep_relation(relation_id, plan)
        if isinstance(known, InMemoryRelation):
            self._disown(known.cached)
            self.forget_unread()

    def _disown(self, cached: CachedData) -> None:
        cached.owners -= 1
        if cached.owners == 0:
            self._unowned.append(cached)

    def restore_unowned(self, cached: CachedData) -> None:
        """A checkpoint of an earlier driver that no relation names."""
        self._unowned.append(cached)

    def forget_unread(self) -> None:
        """Gives back checkpoints that neither a relation names nor a view or a cached plan reads."""
        if not self._unowned:
            return
        plans = [*self.catalog.plans(), *list(self.remote_relations.values())]
        plans.extend(cached.plan for cached in self.cache.entries())
        read = {cached.number for plan in plans for cached in relations_anywhere_in(plan)}
        unowned, self._unowned = self._unowned, []
        for cached in unowned:
            if cached.number in read:
                self._unowned.append(cached)
            else:
                self.cache.forget(cached)

    def clear(self) -> None:
        """Gives back everything the session holds."""
        self.closed = True
        self.artifacts.clear()
        self.cache.clear()
        relations, self.remote_relations = list(self.remote_relations.values()), {}
        for plan in relations:
            if isinstance(plan, InMemoryRelation):
                self._disown(plan.cached)
        while self._unowned:
            self.cache.forget(self._unowned.pop())

    @property
    def session_id(self) -> str:
        return self.key.session_id

    @property
    def user_id(self) -> str:
        return self.key.user_id


class SessionKeeper(Protocol):
    """Notes what sessions are, for the driver that takes over."""

    def opened(self, session: Session) -> None:
        """A session with all it has so far; later changes are noted as they come."""
        ...

    def closed(self, session: Session) -> None: ...


class SessionStore:
    """All sessions of a driver. `now_s` is the clock, `new_catalog` makes a session's names."""

    def __init__(
        self,
        directory: Path,
        now_s: Callable[[], float],
        new_catalog: Callable[[], SessionCatalog],
        settings: Mapping[str, str] | None = None,
        idle_timeout_s: float = IDLE_TIMEOUT_S,
        forget_cached: ForgetCached = _nothing_to_forget,
        keeper: SessionKeeper | None = None,
    ) -> None:
        self._keeper = keeper
        self._directory = directory
        self._now_s = now_s
        self._new_catalog = new_catalog
        self._settings = dict(settings or {})
        self.idle_timeout_s = idle_timeout_s
        self._forget_cached = forget_cached
        self._open: dict[SessionKey, Session] = {}
        self._closed: OrderedDict[SessionKey, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def all(self) -> list[Session]:
        return list(self._open.values())

    def get_or_create(self, key: SessionKey, observed_id: str = "") -> Session:
        """The session, made if need be. `observed_id` is the server-side id the client saw last: another one now means
        that the driver was restarted and the client's views are gone, which it has to be told."""
        check_uuid(key.session_id)
        session = self._open.get(key)
        if session is None:
            if key in self._closed:
                raise invalid_handle("SESSION_CLOSED", key.session_id)
            if observed_id:
                raise invalid_handle("SESSION_CHANGED", key.session_id)
            session = self._create(key, SessionConf(self._settings))
            self._keep(session)
        return self._touch(session, observed_id)

    def existing(self, key: SessionKey, observed_id: str = "") -> Session:
        """The session; raises SESSION_NOT_FOUND or SESSION_CLOSED."""
        check_uuid(key.session_id)
        session = self._open.get(key)
        if session is None:
            raise invalid_handle("SESSION_CLOSED" if key in self._closed else "SESSION_NOT_FOUND", key.session_id)
        return self._touch(session, observed_id)

    def find(self, key: SessionKey) -> Session | None:
        """The session, without counting as its use."""
        return self._open.get(key)

    def clone(self, source: Session, new_id: str) -> Session:
        """A new session with the same settings, names and artifacts."""
        key = SessionKey(source.user_id, new_id)
        try:
            check_uuid(new_id)
        except SparkError:
            raise _clone_error(
                "TARGET_SESSION_ID_FORMAT",
                f"Target session ID {new_id} for clone operation must be an UUID string of the format "
                "'00112233-4455-6677-8899-aabbccddeeff'.",
                new_id,
            ) from None
        if key in self._open:
            said = f"Cannot clone session to target session ID {new_id} because a session with this ID already exists."
            raise _clone_error("TARGET_SESSION_ID_ALREADY_EXISTS", said, new_id)
        if key in self._closed:
            said = f"Cannot clone session to target session ID {new_id} because a session with this ID was closed."
            raise _clone_error("TARGET_SESSION_ID_ALREADY_CLOSED", said, new_id)
        session = self._create(key, source.conf.copy(), source.catalog.copy())
        session.application = source.application
        source.artifacts.copy_to(session.artifacts)
        for relation_id, plan in source.remote_relations.items():
            if isinstance(plan, InMemoryRelation):
                plan.cached.owners += 1
            session.keep_relation(relation_id, plan)
        self._keep(session)
        return session

    def restore(self, key: SessionKey, server_side_id: str) -> Session:
        """A session of an earlier process, empty until the caller fills it; it is not noted again."""
        conf, catalog = SessionConf(self._settings), self._new_catalog()
        session = Session(key, conf, catalog, self._directory, self._now_s(), self._forget_cached, server_side_id)
        self._open[key] = session
        return session

    def _keep(self, session: Session) -> None:
        if self._keeper is not None:
            self._keeper.opened(session)

    def close(self, key: SessionKey, may_return: bool = False) -> Session | None:
        """Ends a session and gives back what it held; None where there was none. `may_return`: the id may be used
        again (ReleaseSession's allow_reconnect)."""
        session = self._open.pop(key, None)
        if not may_return:
            self._closed[key] = None
            self._closed.move_to_end(key)
            if len(self._closed) > CLOSED_MAX:
                self._closed.popitem(last=False)
        if session is not None:
            if self._keeper is not None:
                self._keeper.closed(session)
            session.clear()
        return session

    def idle(self) -> list[Session]:
        """Sessions that nobody has used for the time-out; whoever runs operations of one touches it."""
        limit_s = self._now_s() - self.idle_timeout_s
        return [session for session in self._open.values() if session.used_s < limit_s]

    def touch(self, session: Session) -> None:
        """The session is in use."""
        session.used_s = self._now_s()

    def _touch(self, session: Session, observed_id: str) -> Session:
        if observed_id and observed_id != session.server_side_id:
            raise invalid_handle("SESSION_CHANGED", session.session_id)
        session.used_s = self._now_s()
        return session

    def _create(self, key: SessionKey, conf: SessionConf, catalog: SessionCatalog | None = None) -> Session:
        if len(self._open) >= SESSIONS_MAX:
            raise SparkError(
                "TOO_MANY_SESSIONS",
                f"This driver has {SESSIONS_MAX} open sessions and takes no more.",
                {"limit": str(SESSIONS_MAX)},
                sql_state="53300",
                kind=ErrorKind.SQL,
            )
        session = Session(
            key, conf, catalog or self._new_catalog(), self._directory, self._now_s(), self._forget_cached
        )
        self._open[key] = session
        return session


def _clone_error(subclass: str, said: str, target: str) -> SparkError:
    return SparkError(
        f"INVALID_CLONE_SESSION_REQUEST.{subclass}",
        f"Invalid session clone request. {said}",
        {"targetSessionId": target},
        sql_state="42K04",
        kind=ErrorKind.SQL,
    )
