"""Temporary views: names without regard to case, one session's own and all sessions' global ones."""

import pytest

from headrace_driver.catalog.views import GlobalViews, SessionViews
from headrace_driver.errors import SparkError
from headrace_driver.plan.logical import OneRow
from headrace_driver.session import ViewEntry


def test_views_are_found_without_regard_to_case() -> None:
    views, plan = SessionViews(), OneRow()
    views.create_view(("Orders",), plan, replace=False, is_global=False)
    for name in (("orders",), ("ORDERS",), ("session", "orders"), ("system", "SESSION", "Orders")):
        assert views.view(name) is plan
    assert views.view(("global_temp", "orders")) is None
    assert views.view(("default", "orders")) is None


def test_creating_twice() -> None:
    views = SessionViews()
    views.create_view(("v",), OneRow(), replace=True, is_global=False)
    with pytest.raises(SparkError) as raised:
        views.create_view(("V",), OneRow(), replace=False, is_global=False)
    assert raised.value.error_class == "TEMP_TABLE_OR_VIEW_ALREADY_EXISTS"
    assert raised.value.parameters == {"relationName": "`v`"}
    other = OneRow()
    views.create_view(("V",), other, replace=True, is_global=False)
    assert views.view(("v",)) is other


def test_global_views_are_shared() -> None:
    shared = GlobalViews()
    one, two = SessionViews(shared), SessionViews(shared)
    plan = OneRow()
    one.create_view(("g",), plan, replace=False, is_global=True)
    one.create_view(("own",), plan, replace=False, is_global=False)
    assert two.view(("global_temp", "G")) is plan
    assert two.view(("g",)) is None
    assert one.views() == [ViewEntry("g", True), ViewEntry("own")]
    assert two.drop_view(("global_temp", "g"))
    assert not two.drop_view(("g",), is_global=True)


def test_dropping_and_missing_names() -> None:
    views = SessionViews()
    views.create_view(("v",), OneRow(), replace=False, is_global=False)
    assert views.drop_view(("V",))
    assert not views.drop_view(("v",))
    with pytest.raises(SparkError) as raised:
        views.relation(("a", "b`c"))
    assert (raised.value.error_class, raised.value.sql_state) == ("TABLE_OR_VIEW_NOT_FOUND", "42P01")
    searched = "[`system`.`builtin`, `system`.`session`, `spark_catalog`.`default`]"
    assert raised.value.parameters == {"relationName": "`a`.`b``c`", "searchPath": searched}


def test_copies_change_independently() -> None:
    views = SessionViews()
    views.create_view(("v",), OneRow(), replace=False, is_global=False)
    copy = views.copy()
    copy.drop_view(("v",))
    assert views.view(("v",)) is not None
