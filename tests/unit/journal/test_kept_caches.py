"""What sessions cache, in the journal: cached plans and checkpoints are there again for the next driver, without
rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from headrace_driver.cache import levels
from headrace_driver.cache.data import CachedData
from headrace_driver.cache.lost_checkpoints import check_again
from headrace_driver.cache.matching import relations_in
from headrace_driver.catalog.views import GlobalViews, SessionViews
from headrace_driver.connect.cache_commands import local_checkpoint
from headrace_driver.errors import SparkError
from headrace_driver.functions import builtin
from headrace_driver.journal.sessions import JournalledSessions, restore
from headrace_driver.journal.state import load
from headrace_driver.journal.store import Change, JournalStore
from headrace_driver.journal.writer import NoJournal
from headrace_driver.plan import logical as lp
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Alias, Attribute, Call, Expression, Literal, new_id
from headrace_driver.session import Session, SessionKey, SessionStore

assert builtin

ME = SessionKey("me", "00112233-4455-6677-8899-aabbccddeeff")
OTHER = "11112222-4455-6677-8899-aabbccddeeff"


class WrittenAtOnce(NoJournal):
    """A journal without a thread."""

    is_on = True

    def __init__(self, store: JournalStore) -> None:
        self.store = store

    def append(self, *changes: Change) -> None:
        self.store.write(changes, sync=False)


@dataclass
class Driver:
    sessions: SessionStore
    cached: dict[str, CachedData]
    forgotten: list[CachedData] = field(default_factory=list)

    @property
    def mine(self) -> Session:
        return self.sessions.get_or_create(ME)


@contextmanager
def driver(directory: Path) -> Iterator[Driver]:
    """One after the other on the same journal; each is killed at the end of its block."""
    store = JournalStore(directory / "journal")
    keeper, views = JournalledSessions(WrittenAtOnce(store)), GlobalViews()
    forgotten: list[CachedData] = []
    sessions = SessionStore(
        directory / "files", lambda: 0.0, lambda: SessionViews(views), forget_cached=forgotten.append, keeper=keeper
    )
    try:
        yield Driver(sessions, restore(load(store), sessions, views, keeper), forgotten)
    finally:
        store.close()


def rows_kept(directory: Path) -> int:
    store = JournalStore(directory / "journal")
    try:
        return len(load(store).cached)
    finally:
        store.close()


def numbers(end: int = 10) -> lp.Range:
    return lp.Range(0, end, 1, None, (Attribute("id", t.LONG, False, new_id()),))


def checkpoint(session: Session, plan: lp.LogicalPlan) -> tuple[str, lp.LogicalPlan]:
    relation_id, _ = local_checkpoint(plan, levels.DEFAULT, session)
    return relation_id, session.remote_relations[relation_id]


def test_cached_plans_stay_cached(tmp_path: Path) -> None:
    with driver(tmp_path) as first:
        first.mine.cache.add(numbers(), levels.named("DISK_ONLY"), "t")
        first.mine.cache.add(numbers(11), levels.DEFAULT)
        first.mine.cache.remove(numbers(11))
    with driver(tmp_path) as second:
        cached = second.mine.cache.find(numbers())
        assert cached is not None
        assert (cached.level, cached.name, cached.kept) == (levels.named("DISK_ONLY"), "t", None)
        assert cached.session is second.mine
        assert second.mine.cache.find(numbers(11)) is None
        assert relations_in(second.mine.cache.use_in(lp.SubqueryAlias(numbers(), "x"))) == [cached]
        second.mine.cache.clear()
    with driver(tmp_path) as third:
        assert third.mine.cache.find(numbers()) is None


def test_a_checkpoint_is_one_for_all_that_read_it_and_goes_with_the_last(tmp_path: Path) -> None:
    with driver(tmp_path) as first:
        relation_id, plan = checkpoint(first.mine, numbers())
        first.mine.catalog.create_view(("v",), plan, True, False)
        above, _ = checkpoint(first.mine, lp.SubqueryAlias(plan, "x"))
    with driver(tmp_path) as second:
        mine = second.mine
        [cached] = relations_in(mine.remote_relations[relation_id])
        view = mine.catalog.view(("v",))
        assert view is not None
        assert relations_in(view) == [cached]
        [outer] = relations_in(mine.remote_relations[above])
        assert relations_in(outer.plan) == [cached]
        mine.remove_relation(above)
        assert second.forgotten == [outer]
        mine.remove_relation(relation_id)
        assert second.forgotten == [outer], "the view reads it"
    with driver(tmp_path) as third:
        mine = third.mine
        view = mine.catalog.view(("v",))
        assert view is not None
        [cached] = relations_in(view)
        mine.forget_unread()
        assert third.forgotten == []
        mine.catalog.drop_view(("v",))
        mine.forget_unread()
        assert third.forgotten == [cached]
    assert rows_kept(tmp_path) == 0


def test_a_clone_keeps_the_checkpoints_of_its_closed_origin(tmp_path: Path) -> None:
    with driver(tmp_path) as first:
        relation_id, _ = checkpoint(first.mine, numbers())
        first.mine.cache.add(numbers(20), levels.DEFAULT)
        first.sessions.clone(first.mine, OTHER)
        first.sessions.close(ME)
    with driver(tmp_path) as second:
        [clone] = second.sessions.all()
        [cached] = relations_in(clone.remote_relations[relation_id])
        assert cached.session is clone
        assert len(second.cached) == 1
        second.sessions.close(clone.key)
        assert second.forgotten == [cached]
    assert rows_kept(tmp_path) == 0


def test_a_closed_session_leaves_no_notes(tmp_path: Path) -> None:
    with driver(tmp_path) as first:
        mine = first.mine
        relation_id, plan = checkpoint(mine, numbers())
        mine.catalog.create_view(("v",), plan, True, False)
        mine.remove_relation(relation_id)
        mine.cache.add(numbers(20), levels.DEFAULT)
        first.sessions.close(ME)
        assert len(first.forgotten) == 2
        # A planning thread that comes late.
        mine.conf.set("x", "y")
        mine.catalog.create_view(("late",), numbers(), True, False)
        for table in ("sessions", "settings", "views", "relations", "cached"):
            rows = cast(WrittenAtOnce, first.sessions._keeper._journal).store.rows(f"SELECT * FROM {table}")  # type: ignore[union-attr]
            assert rows == [], table


def _random(child: lp.LogicalPlan) -> lp.LogicalPlan:
    call: Expression = Call("rand", (Literal(1, t.LONG),), t.DOUBLE, False)
    return lp.Project(child, (Alias(call, "r", new_id()),))


@pytest.mark.parametrize(
    ("plan", "may"),
    [
        (numbers(), True),
        (_random(numbers()), False),
        (lp.Sample(numbers(), 0.0, 0.5, False, 1), False),
        (lp.Limit(numbers(), Literal(3, t.INTEGER)), False),
    ],
    ids=["range", "rand", "sample", "limit"],
)
def test_a_lost_checkpoint_is_made_again_only_as_it_was(plan: lp.LogicalPlan, may: bool) -> None:
    check_again(CachedData(plan, levels.DEFAULT, None, is_checkpoint=True))
    check_again(CachedData(plan, levels.DEFAULT, None, cached_id="of a plan that is only cached"))
    lost = CachedData(plan, levels.DEFAULT, None, is_checkpoint=True, cached_id="lost")
    if may:
        check_again(lost)
    else:
        with pytest.raises(SparkError) as caught:
            check_again(lost)
        assert caught.value.error_class == "CHECKPOINT_RDD_BLOCK_ID_NOT_FOUND"
