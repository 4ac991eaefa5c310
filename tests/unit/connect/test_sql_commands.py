"""SQL commands that are answered by the driver: what they look at."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from headrace_driver.cache import levels
from headrace_driver.catalog.views import SessionViews
from headrace_driver.connect import catalog_calls, sql_commands
from headrace_driver.connect.protocol import catalog_pb2
from headrace_driver.errors import SparkError
from headrace_driver.plan import expressions as e
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.session import Session, SessionKey, SessionStore
from headrace_driver.sql import parse_statement
from tests.unit.connect.fake_engine import FakeEngine

_ID = "00112233-4455-6677-8899-aabbccddeeff"


@pytest.fixture
def session(tmp_path: Path) -> Session:
    session = SessionStore(tmp_path, lambda: 0.0, SessionViews).get_or_create(SessionKey("", _ID))
    schema = t.StructType((t.StructField("a", t.LONG),))
    column = e.Attribute("a", t.LONG, True, 1, metadata='{"comment":"what a is"}')
    session.catalog.create_view(("v",), p.LocalData(b"", schema, 0, (column,)), False, False)
    return session


def _rows(data: p.LogicalPlan) -> list[dict[str, object]]:
    assert isinstance(data, p.LocalData)
    with pa.ipc.open_stream(data.arrow_stream) as reader:
        found: list[dict[str, object]] = reader.read_all().to_pylist()
        return found


def _run(text: str, session: Session) -> list[dict[str, object]]:
    engine: object = FakeEngine()
    return _rows(sql_commands.run(parse_statement(text), session, engine))  # type: ignore[arg-type]


def test_show_tables_looks_at_the_database(session: Session) -> None:
    assert [row["tableName"] for row in _run("SHOW TABLES", session)] == ["v"]
    assert [row["tableName"] for row in _run("SHOW TABLES IN default", session)] == ["v"]
    assert [row["viewName"] for row in _run("SHOW VIEWS IN spark_catalog.default", session)] == ["v"]
    with pytest.raises(SparkError) as raised:
        _run("SHOW TABLES IN nosuch", session)
    assert raised.value.error_class == "SCHEMA_NOT_FOUND"


def test_cache_table_is_at_the_level_set(session: Session) -> None:
    session.conf.set("spark.sql.defaultCacheStorageLevel", "DISK_ONLY")
    _run("CACHE LAZY TABLE v", session)
    plan = session.catalog.view(("v",))
    assert plan is not None
    cached = session.cache.find(plan)
    assert cached is not None
    assert cached.level == levels.named("DISK_ONLY")


def test_columns_of_a_view_have_their_comments(session: Session) -> None:
    assert _run("DESCRIBE v", session) == [{"col_name": "a", "data_type": "bigint", "comment": "what a is"}]
    call = catalog_pb2.Catalog(list_columns=catalog_pb2.ListColumns(table_name="v"))
    engine: object = FakeEngine()
    (row,) = _rows(catalog_calls.answer(call, session, engine))  # type: ignore[arg-type]
    assert row["description"] == "what a is"


@pytest.mark.parametrize(
    ("fields", "exists"),
    [
        ({"function_name": "upper"}, True),
        ({"function_name": "system.builtin.upper"}, True),
        ({"function_name": "default.upper"}, False),
        ({"function_name": "upper", "db_name": "default"}, False),
        ({"function_name": "upper", "db_name": "nosuch"}, False),
        ({"function_name": "nosuch"}, False),
    ],
)
def test_functions_belong_to_no_database(session: Session, fields: dict[str, str], exists: bool) -> None:
    call = catalog_pb2.Catalog(function_exists=catalog_pb2.FunctionExists(**fields))
    engine: object = FakeEngine()
    assert _rows(catalog_calls.answer(call, session, engine)) == [{"value": exists}]  # type: ignore[arg-type]


def test_use_takes_the_database_there_is(session: Session) -> None:
    for name in ("default", "DATABASE default", "spark_catalog.DEFAULT", "`default`"):
        assert _run(f"USE {name}", session) == []
    with pytest.raises(SparkError) as raised:
        _run("USE nowhere", session)
    assert raised.value.error_class == "SCHEMA_NOT_FOUND"
    assert raised.value.parameters == {"schemaName": "`spark_catalog`.`nowhere`"}
