"""Sessions in the journal: settings, temporary views and uploads, noted as they change and taken back at a start."""

from __future__ import annotations

import structlog

from headrace_driver.cache.data import CachedData
from headrace_driver.catalog.views import GlobalViews, SessionViews
from headrace_driver.journal import changes, payloads
from headrace_driver.journal.changes import GLOBAL, SessionId
from headrace_driver.journal.payloads import CachedPlans
from headrace_driver.journal.state import KeptSession, KeptState
from headrace_driver.journal.store import Change
from headrace_driver.journal.writer import Journal
from headrace_driver.plan.logical import LogicalPlan
from headrace_driver.session import Session, SessionKey, SessionStore

_log = structlog.get_logger("headrace.journal")


def id_of(key: SessionKey) -> SessionId:
    return key.user_id, key.session_id


class JournalledSessions:
    """Implements `session.SessionKeeper`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def opened(self, session: Session) -> None:
        """See `SessionKeeper.opened`."""
        of = id_of(session.key)
        noted = [changes.session_opened(of, session.server_side_id)]
        noted.extend(changes.setting_changed(of, *setting) for setting in session.conf.changed().items())
        noted.extend(changes.artifact_added(of, *artifact) for artifact in session.artifacts.sizes().items())
        if isinstance(session.catalog, SessionViews):
            noted.extend(_named(of, name, plan) for name, plan in session.catalog.own())
        noted.extend(_relation(of, *relation) for relation in session.remote_relations.items())
        self._journal.append(*noted)
        self.follow(session)

    def closed(self, session: Session) -> None:
        """See `SessionKeeper.closed`. What it caches is noted as gone one by one, since a clone may have some of it."""
        session.conf.on_change = session.artifacts.on_added = session.on_relation = None
        if isinstance(session.catalog, SessionViews):
            session.catalog.on_named = None
        self._journal.append(*changes.session_closed(id_of(session.key)))

    def restore_cached(self, state: KeptState, store: SessionStore) -> dict[str, CachedData]:
        """The cached plans, whose rows are computed when they are needed next. Those of a session that has ended are
        checkpoints that a clone of it may name."""
        found: dict[str, CachedData] = {}
        for kept in state.cached:
            session = store.find(SessionKey(*kept.session))
            try:
                plan, level = payloads.load(kept.plan, found)
            except payloads.NotReadable as error:
                _log.warning("a cached plan is cached no more", name=kept.name, reason=str(error))
                self._journal.append(changes.cached_gone(kept.cached_id))
                continue
            cached = CachedData(plan, level, session, kept.name, kept.is_checkpoint, kept.cached_id)
            found[kept.cached_id] = cached
            if kept.is_checkpoint or session is None:
                cached.owners = 0
            else:
                session.cache.restore(cached)
        return found

    def gone(self, cached: CachedData) -> None:
        """Nobody names it any more."""
        self._journal.append(changes.cached_gone(cached.cached_id))

    def follow(self, session: Session) -> None:
        """Notes what changes in a session from now on."""
        of, journal = id_of(session.key), self._journal

        def setting(key: str | None, value: str | None) -> None:
            journal.append(changes.settings_reset(of) if key is None else changes.setting_changed(of, key, value))

        session.conf.on_change = setting
        session.artifacts.on_added = lambda name, size: journal.append(changes.artifact_added(of, name, size))
        if isinstance(session.catalog, SessionViews):
            session.catalog.on_named = lambda name, plan: journal.append(_named(of, name, plan))

        def cached(plan: CachedData, is_new: bool) -> None:
            # Later drivers ask by the id alone: the note has to be there before that of whatever reads the plan.
            journal.append(_cached(of, plan) if is_new else changes.cached_gone(plan.cached_id))

        session.cache.on_change = cached
        session.on_relation = lambda relation_id, plan: journal.append(_relation(of, relation_id, plan))

    def follow_global(self, views: GlobalViews) -> None:
        """Notes what becomes of global temporary views from now on."""
        views.on_named = lambda name, plan: self._journal.append(_named(GLOBAL, name, plan))


def _cached(of: SessionId, cached: CachedData) -> Change:
    try:
        octets = payloads.dump((cached.plan, cached.level))
    except Exception as error:  # noqa: BLE001 - it is cached all the same; after a restart it is not
        _log.warning("a cached plan cannot be kept", name=cached.name, error=repr(error))
        octets = b""
    return changes.plan_cached(of, cached.cached_id, cached.name, cached.is_checkpoint, octets)


def _relation(of: SessionId, relation_id: str, plan: LogicalPlan | None) -> Change:
    return (
        changes.relation_gone(of, relation_id)
        if plan is None
        else changes.relation_kept(of, relation_id, payloads.dump(plan))
    )


def _named(of: SessionId, name: str, plan: LogicalPlan | None) -> Change:
    if plan is None:
        return changes.view_dropped(of, name.lower())
    try:
        octets = payloads.dump(plan)
    except Exception as error:  # noqa: BLE001 - the view works all the same; after a restart its session is lost
        _log.warning("a view cannot be kept", view=name, error=repr(error))
        octets = b""
    return changes.view_named(of, name.lower(), name, octets)


def restore(
    state: KeptState, store: SessionStore, views: GlobalViews, keeper: JournalledSessions
) -> dict[str, CachedData]:
    """Opens the sessions of the predecessor, and returns the cached plans by their ids. A session that cannot be had as
    it was is not opened: its client is told that the driver has restarted, rather than given one with gaps."""
    sessions = [store.restore(SessionKey(*kept.session), kept.server_side_id) for kept in state.sessions]
    cached = keeper.restore_cached(state, store)
    for view in state.global_views:
        try:
            views.put(view.name, payloads.load(view.plan, cached), replace=True)
        except payloads.NotReadable as error:
            _log.warning("a global view is lost", view=view.name, reason=str(error))
    keeper.follow_global(views)
    for session, kept in zip(sessions, state.sessions, strict=True):
        reason = _fill(session, kept, cached)
        keeper.follow(session)
        if reason:
            _log.warning("a session is lost", session=session.session_id, user=session.user_id, reason=reason)
            store.close(session.key, may_return=True)
    for each in cached.values():
        if each.owners == 0 and each.session is not None and not each.session.closed:
            each.session.restore_unowned(each)
            each.session.forget_unread()
        elif each.owners == 0:
            keeper.gone(each)
    return cached


def _fill(session: Session, kept: KeptSession, cached: CachedPlans) -> str:
    """Why the session cannot be as it was, or nothing."""
    if refused := session.conf.restore(kept.settings):
        return f"settings {refused} are not known any more"
    what = ""
    try:
        for view in kept.views:
            what = f"view {view.name}"
            session.catalog.create_view((view.name,), payloads.load(view.plan, cached), replace=True, is_global=False)
        for relation_id, plan in kept.relations.items():
            what = f"relation {relation_id}"
            session.restore_relation(relation_id, payloads.load(plan, cached))
    except payloads.NotReadable as error:
        return f"{what} cannot be read: {error}"
    if lost := session.artifacts.restore(kept.artifacts):
        return f"uploads {lost[:3]} are not in its directory any more"
    return ""
