"""Sessions: isolation, expiry, closing, and the settings in them."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

import headrace_driver.session as session_module
from headrace_driver.catalog.views import SessionViews
from headrace_driver.connect import conf
from headrace_driver.connect.conf import SessionConf
from headrace_driver.errors import SparkError
from headrace_driver.session import IDLE_TIMEOUT_S, SessionKey, SessionStore
from tests.unit.connect.serving import Clock


def _key(user: str = "me") -> SessionKey:
    return SessionKey(user, str(uuid.uuid4()))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> SessionStore:
    return SessionStore(tmp_path, clock, SessionViews, {"spark.app.name": "x"})


def _class(error: pytest.ExceptionInfo[SparkError]) -> str:
    return error.value.error_class


def test_one_session_a_user_and_id(store: SessionStore) -> None:
    key = _key()
    mine = store.get_or_create(key)
    assert store.get_or_create(key) is mine
    yours = store.get_or_create(SessionKey("you", key.session_id))
    assert yours is not mine
    assert yours.server_side_id != mine.server_side_id


def test_a_client_learns_that_its_session_is_another(store: SessionStore) -> None:
    key = _key()
    session = store.get_or_create(key)
    assert store.get_or_create(key, session.server_side_id) is session
    for call in (store.get_or_create, store.existing):
        with pytest.raises(SparkError) as error:
            call(key, "other")
        assert _class(error) == "INVALID_HANDLE.SESSION_CHANGED"
    with pytest.raises(SparkError) as error:
        store.get_or_create(_key(), "from before the restart")
    assert _class(error) == "INVALID_HANDLE.SESSION_CHANGED"
    assert len(store) == 1


def test_closed_sessions_stay_closed(store: SessionStore) -> None:
    key = _key()
    store.get_or_create(key)
    assert store.close(key) is not None
    assert store.close(key) is None
    for call in (store.get_or_create, store.existing):
        with pytest.raises(SparkError) as error:
            call(key)
        assert _class(error) == "INVALID_HANDLE.SESSION_CLOSED"


def test_sessions_that_never_were(store: SessionStore) -> None:
    with pytest.raises(SparkError) as error:
        store.existing(_key())
    assert _class(error) == "INVALID_HANDLE.SESSION_NOT_FOUND"


def test_idle_sessions(store: SessionStore, clock: Clock) -> None:
    old, used = store.get_or_create(_key()), store.get_or_create(_key())
    clock.now_s += IDLE_TIMEOUT_S - 1
    store.get_or_create(used.key)
    clock.now_s += 2
    assert store.idle() == [old]


def test_closing_gives_back_what_was_uploaded(store: SessionStore, tmp_path: Path) -> None:
    session = store.get_or_create(_key())
    session.artifacts.add("cache/a", b"x")
    session.artifacts.add("files/deep/er/a.txt", b"y")
    assert [path for path in tmp_path.rglob("*") if path.is_file()]
    store.close(session.key)
    assert list(tmp_path.iterdir()) == []
    # The rest of an upload under way comes from another thread.
    with pytest.raises(SparkError) as error:
        session.artifacts.add("cache/b", b"x")
    assert _class(error) == "INVALID_HANDLE.SESSION_CLOSED"
    assert list(tmp_path.iterdir()) == []


def test_an_artifact_keeps_its_content(store: SessionStore) -> None:
    session = store.get_or_create(_key())
    session.artifacts.add("files/a.txt", b"x")
    session.artifacts.add("files/a.txt", b"x")
    with pytest.raises(SparkError) as error:
        session.artifacts.add("files/a.txt", b"y")
    assert _class(error) == "ARTIFACT_ALREADY_EXISTS"


@pytest.mark.parametrize("name", ["jars/x.jar", "classes/x.class", "forward_to_fs/x"])
def test_artifacts_nobody_can_use(store: SessionStore, name: str) -> None:
    with pytest.raises(SparkError) as error:
        store.get_or_create(_key()).artifacts.add(name, b"x")
    assert _class(error) == "UNSUPPORTED_FEATURE.HEADRACE"


def test_clones(store: SessionStore) -> None:
    source = store.get_or_create(_key())
    source.conf.set("spark.sql.orderByOrdinal", "false")
    source.artifacts.add("cache/a", b"x")
    clone = store.clone(source, str(uuid.uuid4()))
    source.conf.set("spark.sql.orderByOrdinal", "true")
    assert clone.conf.get("spark.sql.orderByOrdinal") == "false"
    assert clone.artifacts.read("cache/a") == b"x"
    for target, condition in (
        (source.session_id, "TARGET_SESSION_ID_ALREADY_EXISTS"),
        ("x", "TARGET_SESSION_ID_FORMAT"),
    ):
        with pytest.raises(SparkError) as error:
            store.clone(source, target)
        assert _class(error) == f"INVALID_CLONE_SESSION_REQUEST.{condition}"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("spark.sql.ansi.enabled", "true"),
        ("spark.sql.shuffle.partitions", "200"),
        ("spark.sql.timestampType", "TIMESTAMP_LTZ"),
        ("spark.sql.execution.arrow.pyspark.enabled", "true"),
        ("spark.sql.session.localRelationCacheThreshold", "1048576"),
        ("spark.sql.autoBroadcastJoinThreshold", "10485760b"),
        ("spark.sql.sources.default", "parquet"),
        ("spark.connect.session.planCompression.defaultAlgorithm", "ZSTD"),
    ],
)
def test_defaults_are_sparks(key: str, value: str) -> None:
    assert SessionConf().get(key) == value


def test_what_the_engine_reads_is_in_one_form() -> None:
    settings = SessionConf()
    settings.set("spark.sql.orderByOrdinal", "FALSE")
    settings.set("spark.sql.sources.partitionOverwriteMode", "dynamic")
    assert settings.get("spark.sql.orderByOrdinal") == "FALSE"
    assert settings.mapping["spark.sql.orderByOrdinal"] == "false"
    assert settings.mapping["spark.sql.sources.partitionOverwriteMode"] == "DYNAMIC"
    settings.unset("spark.sql.orderByOrdinal")
    assert settings.mapping["spark.sql.orderByOrdinal"] == "true"


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "+01:00", "-0830", "GMT+2", "Z"])
def test_time_zones(zone: str) -> None:
    settings = SessionConf()
    settings.set("spark.sql.session.timeZone", zone)
    assert settings.time_zone == zone


@pytest.mark.parametrize(
    ("key", "value", "condition"),
    [
        ("spark.sql.session.timeZone", "Mars/Phobos", "INVALID_CONF_VALUE.TIME_ZONE"),
        ("spark.sql.session.timeZone", "+19:00", "INVALID_CONF_VALUE.TIME_ZONE"),
        ("spark.sql.shuffle.partitions", "many", "INVALID_CONF_VALUE.TYPE_MISMATCH"),
        ("spark.sql.shuffle.partitions", "3000000000", "INVALID_CONF_VALUE.TYPE_MISMATCH"),
        ("spark.sql.timestampType", "x", "INVALID_CONF_VALUE.OUT_OF_RANGE_OF_OPTIONS"),
        ("spark.sql.warehouse.dir", "/x", "CANNOT_MODIFY_STATIC_CONFIG"),
        ("spark.driver.memory", "1g", "CANNOT_MODIFY_CONFIG"),
        ("spark.sql.fromJsonForceNullableSchema", "false", "_LEGACY_ERROR_TEMP_1226"),
    ],
)
def test_refused_settings_change_nothing(key: str, value: str, condition: str) -> None:
    settings = SessionConf()
    before = settings.get_option(key)
    with pytest.raises(SparkError) as error:
        settings.set(key, value)
    assert _class(error) == condition
    assert settings.get_option(key) == before


def test_a_default_of_the_callers() -> None:
    settings = SessionConf()
    assert settings.get_with_default("spark.sql.ansi.enabled", "false") == "false"
    settings.set("spark.sql.ansi.enabled", "true")
    assert settings.get_with_default("spark.sql.ansi.enabled", "false") == "true"
    assert settings.get_with_default("no.such", None) is None
    with pytest.raises(SparkError):
        settings.get_with_default("spark.sql.shuffle.partitions", "many")


def test_unknown_settings_are_kept() -> None:
    settings = SessionConf()
    settings.set("my.own", "1")
    assert settings.get("my.own") == "1"
    assert settings.all() == {"my.own": "1"}


def test_deprecated_settings_warn() -> None:
    text = conf.warning("spark.sql.execution.arrow.enabled")
    assert text is not None
    assert "deprecated" in text
    assert conf.warning("spark.sql.ansi.enabled") is None


def test_the_last_runs_of_relations_are_known_up_to_a_bound(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "RUNS_MAX", 2)
    session = store.get_or_create(_key())
    for plan_id, job_id in ((1, 10), (2, 20), (1, 11), (3, 30)):
        session.note_run(plan_id, job_id)
    assert [session.last_run(plan_id) for plan_id in (1, 2, 3)] == [11, None, 30]
