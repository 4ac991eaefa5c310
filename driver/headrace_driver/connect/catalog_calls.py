"""`spark.catalog`: calls that arrive as relations and answer with rows, as Spark's do."""

from __future__ import annotations

from collections.abc import Callable

from headrace_driver.connect import cache_commands, row_data
from headrace_driver.connect.databases import CATALOG, DATABASE, GLOBAL, is_database, require_database
from headrace_driver.connect.identifiers import attribute_parts, sql_id
from headrace_driver.connect.invalid_plan import oneof_not_set
from headrace_driver.connect.protocol import Proto
from headrace_driver.connect.runner import QueryRunner
from headrace_driver.connect.sql_commands import comment, pattern_matches
from headrace_driver.errors import NOWHERE, ErrorKind, SparkError, unsupported
from headrace_driver.functions.registry import REGISTRY, Function
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.session import Session


def answer(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    """The rows a call answers. Like Spark's, calls take effect when their plan is met."""
    kind = m.WhichOneof("cat_type")
    if kind is None:
        raise oneof_not_set("spark.connect.Catalog", "CATTYPE_NOT_SET")
    call = _CALLS.get(kind)
    if call is None:
        raise unsupported(f"spark.catalog.{_method(kind)}")
    return call(getattr(m, kind), session, runner)


def _method(kind: str) -> str:
    first, *rest = kind.split("_")
    return first + "".join(word.title() for word in rest)


def _value(value: bool | str) -> p.LocalData:
    dtype: t.DataType = t.BOOLEAN if isinstance(value, bool) else t.STRING
    schema = t.StructType((t.StructField("value", dtype, isinstance(value, str)),))
    return row_data.local_data(schema, [[value]])


_TABLE = row_data.struct(
    name=t.STRING,
    catalog=t.STRING,
    namespace=t.ArrayType(t.STRING),
    description=t.STRING,
    tableType=t.STRING,
    isTemporary=t.BOOLEAN,
)
_DATABASE = row_data.struct(name=t.STRING, catalog=t.STRING, description=t.STRING, locationUri=t.STRING)
_COLUMN = row_data.struct(
    name=t.STRING,
    description=t.STRING,
    dataType=t.STRING,
    nullable=t.BOOLEAN,
    isPartition=t.BOOLEAN,
    isBucket=t.BOOLEAN,
    isCluster=t.BOOLEAN,
)
_FUNCTION = row_data.struct(
    name=t.STRING,
    catalog=t.STRING,
    namespace=t.ArrayType(t.STRING),
    description=t.STRING,
    className=t.STRING,
    isTemporary=t.BOOLEAN,
)


def _current_database(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    return _value(DATABASE)


def _set_current_database(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    require_database(m.db_name)
    return row_data.NOTHING


def _current_catalog(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    return _value(CATALOG)


def _set_current_catalog(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    if m.catalog_name != CATALOG:
        raise SparkError(
            "CATALOG_NOT_FOUND",
            f"The catalog {sql_id(m.catalog_name)} not found. Consider to set the SQL config "
            f'"spark.sql.catalog.{m.catalog_name}" to a catalog plugin.',
            {"catalogName": sql_id(m.catalog_name), "config": f'"spark.sql.catalog.{m.catalog_name}"'},
            sql_state="42P08",
            kind=ErrorKind.SPARK,
        )
    return row_data.NOTHING


def _list_catalogs(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    rows = [[CATALOG, None]] if _matches(CATALOG, m) else []
    return row_data.local_data(row_data.struct(name=t.STRING, description=t.STRING), rows)


def _database_row(session: Session) -> list[str | None]:
    return [DATABASE, CATALOG, "default database", session.conf.mapping.get("spark.sql.warehouse.dir")]


def _list_databases(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    return row_data.local_data(_DATABASE, [_database_row(session)] if _matches(DATABASE, m) else [])


def _get_database(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    require_database(m.db_name)
    return row_data.local_data(_DATABASE, [_database_row(session)])


def _database_exists(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    return _value(is_database(m.db_name))


def _list_tables(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    wants_global = m.HasField("db_name") and m.db_name == GLOBAL
    if m.HasField("db_name") and not wants_global:
        require_database(m.db_name)
    rows = [
        _table_row(entry.name, entry.is_global)
        for entry in session.catalog.views()
        if (wants_global or not entry.is_global) and _matches(entry.name, m)
    ]
    return row_data.local_data(_TABLE, rows)


def _table_row(name: str, is_global: bool) -> list[object]:
    return [name, None, [GLOBAL] if is_global else [], None, "TEMPORARY", True]


def _list_views(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    return _list_tables(m, session, runner)


def _table_name(m: Proto) -> tuple[str, ...]:
    parts = attribute_parts(m.table_name)
    return (*attribute_parts(m.db_name), *parts) if m.HasField("db_name") else parts


def _table_exists(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    return _value(session.catalog.view(_table_name(m)) is not None)


def _get_table(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    name = _table_name(m)
    _require_view(name, session, runner)
    is_global = len(name) > 1 and name[-2] == GLOBAL
    return row_data.local_data(_TABLE, [_table_row(name[-1], is_global)])


def _list_columns(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    plan = _require_view(_table_name(m), session, runner)
    rows = [[a.name, comment(a.metadata), a.dtype.name, a.nullable, False, False, False] for a in plan.output]
    return row_data.local_data(_COLUMN, rows)


def _require_view(name: tuple[str, ...], session: Session, runner: QueryRunner) -> p.LogicalPlan:
    found = session.catalog.view(name)
    # Analysis knows the error of a name that is nothing.
    return found if found is not None else runner.analyze(p.UnresolvedRelation(name), session)


def _function_row(name: str) -> list[object]:
    return [name, None, None, None, "", True]


def _list_functions(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    if m.HasField("db_name"):
        require_database(m.db_name)
    rows = [_function_row(name) for name in REGISTRY.names() if _matches(name, m)]
    return row_data.local_data(_FUNCTION, rows)


def _function(m: Proto) -> tuple[tuple[str, ...], Function | None]:
    """A function's name, with the database if one is given, and what it stands for: databases have none."""
    parts = (*(attribute_parts(m.db_name) if m.HasField("db_name") else ()), *attribute_parts(m.function_name))
    qualifier = tuple(part.lower() for part in parts[:-1])
    return parts, REGISTRY.find(parts[-1]) if qualifier in _BUILT_IN else None


_BUILT_IN = ((), ("builtin",), ("system", "builtin"))


def _function_exists(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    return _value(_function(m)[1] is not None)


def _get_function(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    parts, found = _function(m)
    if found is None:
        name = sql_id(*parts)
        raise SparkError(
            "UNRESOLVED_ROUTINE",
            f"Cannot resolve routine {name} on search path [`system`.`builtin`, `system`.`session`, "
            f"`{CATALOG}`.`{DATABASE}`].",
            {"routineName": name, "searchPath": f"[`system`.`builtin`, `system`.`session`, `{CATALOG}`.`{DATABASE}`]"},
            sql_state="42883",
        )
    return row_data.local_data(_FUNCTION, [_function_row(found.name)])


def _drop_temp_view(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    cache_commands.drop_cached_view(session, (m.view_name,))
    return _value(session.catalog.drop_view((m.view_name,)))


def _drop_global_temp_view(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    cache_commands.drop_cached_view(session, (GLOBAL, m.view_name))
    return _value(session.catalog.drop_view((m.view_name,), is_global=True))


def _is_cached(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    plan = cache_commands.plan_of(attribute_parts(m.table_name), session, runner, NOWHERE)
    return _value(session.cache.find(plan) is not None)


def _cache(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    name = attribute_parts(m.table_name)
    level = (
        cache_commands.level_of(m.storage_level)
        if m.HasField("storage_level")
        else cache_commands.default_level(session)
    )
    session.cache.add(cache_commands.plan_of(name, session, runner, NOWHERE), level, ".".join(name))
    return row_data.NOTHING


def _uncache(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    cache_commands.uncache_table(attribute_parts(m.table_name), False, session, runner, NOWHERE)
    return row_data.NOTHING


def _clear_cache(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    session.cache.clear()
    return row_data.NOTHING


def _refresh(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    # Files are listed anew for every query: only what is cached can be stale.
    session.cache.refresh_path(m.path)
    return row_data.NOTHING


def _refresh_table(m: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    cache_commands.refresh_table(attribute_parts(m.table_name), session, runner, NOWHERE)
    return row_data.NOTHING


def _matches(name: str, m: Proto) -> bool:
    return not m.HasField("pattern") or pattern_matches(name, m.pattern)


_CALLS: dict[str, Callable[[Proto, Session, QueryRunner], p.LogicalPlan]] = {
    "current_database": _current_database,
    "set_current_database": _set_current_database,
    "current_catalog": _current_catalog,
    "set_current_catalog": _set_current_catalog,
    "list_catalogs": _list_catalogs,
    "list_databases": _list_databases,
    "get_database": _get_database,
    "database_exists": _database_exists,
    "list_tables": _list_tables,
    "list_views": _list_views,
    "table_exists": _table_exists,
    "get_table": _get_table,
    "list_columns": _list_columns,
    "list_functions": _list_functions,
    "function_exists": _function_exists,
    "get_function": _get_function,
    "drop_temp_view": _drop_temp_view,
    "drop_global_temp_view": _drop_global_temp_view,
    "is_cached": _is_cached,
    "cache_table": _cache,
    "uncache_table": _uncache,
    "clear_cache": _clear_cache,
    "refresh_table": _refresh_table,
    "refresh_by_path": _refresh,
}
