"""SQL commands that change or show a session: what they do and the rows they answer."""

from __future__ import annotations

import json
import re

from headrace_driver.catalog.views import not_found
from headrace_driver.connect import cache_commands, row_data
from headrace_driver.connect.databases import GLOBAL, require_database
from headrace_driver.connect.identifiers import sql_id
from headrace_driver.connect.runner import PreparedQuery, QueryRunner
from headrace_driver.errors import unsupported
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.session import Session

COMMANDS = (
    p.WriteFiles,
    p.CreateView,
    p.DropView,
    p.SetCommand,
    p.ShowTables,
    p.UseDatabase,
    p.DescribeRelation,
    p.ExplainCommand,
    p.CacheTable,
    p.UncacheTable,
    p.ClearCache,
    p.RefreshTable,
    p.RefreshPath,
)
"""What is run when it is met, not when its rows are asked for."""

_REDACTED = re.compile("secret|password|token|access[.]?key|credential", re.IGNORECASE)
"""Settings whose values SET does not list (Spark's spark.redaction.regex)."""


def command_of(plan: p.LogicalPlan) -> p.LogicalPlan | None:
    """The command a plan is, with the common table expressions around it moved to its query; None for queries."""
    if isinstance(plan, p.Identified):
        return command_of(plan.child)
    if isinstance(plan, COMMANDS):
        return plan
    if isinstance(plan, p.WithCTE):
        command = command_of(plan.child)
        if isinstance(command, p.CacheTable) and command.query is not None:
            return p.replace(command, query=p.replace(plan, child=command.query))
        if isinstance(command, p.WriteFiles | p.CreateView | p.ExplainCommand | p.DescribeRelation):
            return p.replace(command, child=p.replace(plan, child=command.child))
        return command
    return None


def run(command: p.LogicalPlan, session: Session, runner: QueryRunner) -> p.LocalData:
    """Does what a command says, all but what needs the cluster: writes, and what `computation` is about. Runs on a
    planning thread."""
    match command:
        case p.SetCommand():
            return _set(command, session)
        case p.CreateView():
            return _create_view(command, session, runner)
        case p.DropView():
            return _drop_view(command, session)
        case p.UseDatabase(name):
            require_database(sql_id(*name))
            return row_data.NOTHING
        case p.ShowTables():
            return _show_tables(command, session)
        case p.DescribeRelation():
            return _describe(command, session, runner)
        case p.ExplainCommand():
            text = runner.explain(command.child, session, command.mode)
            return row_data.local_data(row_data.struct(plan=t.STRING), [[text]])
        case p.CacheTable():
            cache_commands.cache_table(command, session, runner)
        case p.UncacheTable():
            cache_commands.uncache_table(command.name, command.if_exists, session, runner, command.origin)
        case p.ClearCache():
            session.cache.clear()
        case p.RefreshTable():
            cache_commands.refresh_table(command.name, session, runner, command.origin)
        case p.RefreshPath():
            session.cache.refresh_path(command.path)
        case _:
            raise unsupported(f"the command {type(command).__name__}")
    return row_data.NOTHING


def computation(command: p.LogicalPlan, session: Session, runner: QueryRunner) -> PreparedQuery | None:
    """The query that a command waits for, having done what it says: the rows of a table that is cached at once."""
    if not isinstance(command, p.CacheTable) or command.lazy:
        return None
    cached = cache_commands.cache_table(command, session, runner)
    return None if cached is None else runner.caching(cached)


_KEY_VALUE = t.StructType((t.StructField("key", t.STRING, False), t.StructField("value", t.STRING, False)))


def _set(command: p.SetCommand, session: Session) -> p.LocalData:
    conf = session.conf
    if command.reset:
        if command.key is None:
            conf.reset()
        else:
            conf.unset(command.key)
        return row_data.NOTHING
    if command.key is None:
        rows = [(k, "*********(redacted)" if _REDACTED.search(k) else v) for k, v in sorted(conf.all().items())]
        return row_data.local_data(_KEY_VALUE, rows)
    if command.value is None:
        value = conf.get_option(command.key)
        return row_data.local_data(_KEY_VALUE, [(command.key, "<undefined>" if value is None else value)])
    conf.set(command.key, command.value)
    return row_data.local_data(_KEY_VALUE, [(command.key, command.value)])


def _create_view(command: p.CreateView, session: Session, runner: QueryRunner) -> p.LocalData:
    resolved = runner.analyze(command, session)
    assert isinstance(resolved, p.CreateView)
    if resolved.replace:
        name = ("global_temp", *resolved.name) if resolved.is_global else resolved.name
        cache_commands.drop_cached_view(session, name, resolved.child)
    session.catalog.create_view(resolved.name, resolved.child, resolved.replace, resolved.is_global)
    return row_data.NOTHING


def _drop_view(command: p.DropView, session: Session) -> p.LocalData:
    cache_commands.drop_cached_view(session, command.name)
    if not session.catalog.drop_view(command.name) and not command.if_exists:
        raise not_found(command.name)
    return row_data.NOTHING


def _show_tables(command: p.ShowTables, session: Session) -> p.LocalData:
    """Temporary views belong to no namespace; global ones to global_temp only."""
    wants_global = command.namespace == (GLOBAL,)
    if command.namespace and not wants_global:
        require_database(sql_id(*command.namespace))
    found = [
        ("global_temp" if entry.is_global else "", entry.name, True)
        for entry in session.catalog.views()
        if (wants_global or not entry.is_global) and _like(entry.name, command.pattern)
    ]
    column = "viewName" if command.views_only else "tableName"
    schema = t.StructType(
        (
            t.StructField("namespace", t.STRING, False),
            t.StructField(column, t.STRING, False),
            t.StructField("isTemporary", t.BOOLEAN, False),
        )
    )
    return row_data.local_data(schema, found)


def _like(name: str, pattern: str | None) -> bool:
    return pattern is None or pattern_matches(name, pattern)


def pattern_matches(name: str, pattern: str) -> bool:
    """Patterns of SHOW and of `spark.catalog`: `*` for any characters, `|` between alternatives, any case."""
    for alternative in pattern.strip().split("|"):
        regex = "(?i)" + alternative.replace("*", ".*")
        try:
            if re.fullmatch(regex, name):
                return True
        except re.error:
            # As in Spark, a pattern that is no regular expression matches nothing.
            continue
    return False


def _describe(command: p.DescribeRelation, session: Session, runner: QueryRunner) -> p.LocalData:
    resolved = runner.analyze(command, session)
    assert isinstance(resolved, p.DescribeRelation)
    schema = t.StructType(
        (
            t.StructField("col_name", t.STRING, False),
            t.StructField("data_type", t.STRING, False),
            t.StructField("comment", t.STRING, True),
        )
    )
    return row_data.local_data(schema, [(a.name, a.dtype.name, comment(a.metadata)) for a in resolved.child.output])


def comment(metadata: str) -> str | None:
    """Of a column, by its metadata."""
    if '"comment"' not in metadata:
        return None
    found = json.loads(metadata).get("comment")
    return str(found) if found is not None else None
