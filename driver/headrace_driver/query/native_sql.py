"""SQL text from the Jobs service: each statement in a session of its own, its rows as Arrow streams."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from headrace_driver.cluster.failures import JobFailed
from headrace_driver.connect import error_details, results, sql_commands
from headrace_driver.connect.planning_threads import PlanningThreads
from headrace_driver.connect.runner import PreparedQuery
from headrace_driver.errors import SparkError
from headrace_driver.plan import logical as lp
from headrace_driver.query.engine import Engine, Running
from headrace_driver.session import Session, SessionKey, SessionStore
from headrace_driver.sql.parse import parse_statement
from headrace_driver.sql.variables import substituted
from headrace_proto.v1 import common_pb2

_USER = "headrace.v1.Jobs"
_DESCRIPTION_MAX = 1_000
"""Characters of a statement that name its job in lists."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a command says, as it is made on the driver."""

    data: lp.LocalData


class NativeSql:
    """Implements `jobs.service.SqlRunner`."""

    def __init__(self, engine: Engine, sessions: SessionStore, threads: PlanningThreads) -> None:
        self._engine = engine
        self._sessions = sessions
        self._threads = threads

    async def run_sql(self, sql: str, conf: Mapping[str, str]) -> AsyncGenerator[int | bytes, None]:
        """Runs one statement; see `SqlRunner`. Its session ends with it, and with it views and settings it made."""
        key = SessionKey(_USER, str(uuid.uuid4()))
        session = self._sessions.get_or_create(key)
        try:
            for name, value in conf.items():
                session.conf.set(name, value)
            planned = await self._threads.run(self._plan, sql, session)
            if isinstance(planned, _Answer):
                for rows in results.local_rows(planned.data, planned.data.schema, session.conf.time_zone):
                    yield rows.arrow_stream
                return
            async with aclosing(self._rows(planned, session)) as items:
                async for item in items:
                    yield item
        except (SparkError, JobFailed) as error:
            raise _complete(error) from error
        finally:
            self._sessions.close(key)

    def _plan(self, sql: str, session: Session) -> _Answer | PreparedQuery:
        """On a planning thread: text to an answer or to a query that can start."""
        text = substituted(sql, session.conf.mapping, session.conf.get_option)
        unresolved = parse_statement(text, time_zone=session.conf.time_zone)
        command = sql_commands.command_of(unresolved)
        if command is not None and not isinstance(command, lp.WriteFiles):
            computation = sql_commands.computation(command, session, self._engine)
            return computation or _Answer(sql_commands.run(command, session, self._engine))
        resolved = self._engine.analyze(command or unresolved, session)
        return self._engine.prepare(resolved, session, " ".join(sql[:_DESCRIPTION_MAX].split()))

    async def _rows(self, query: PreparedQuery, session: Session) -> AsyncGenerator[int | bytes, None]:
        zone = session.conf.time_zone
        if query.local is not None:
            assert isinstance(query.local, lp.LocalData)
            for rows in results.local_rows(query.local, query.schema, zone):
                yield rows.arrow_stream
            return
        running = await self._engine.start(query, session, str(uuid.uuid4()))
        ended, empty = False, True
        try:
            if isinstance(running, Running):
                yield running.job_id
            async with aclosing(running.blocks()) as blocks:
                async for block in blocks:
                    empty = False
                    yield block.arrow_stream
            ended = True
        finally:
            if not ended:
                running.cancel("whoever asked has left")
            running.release()
        if empty and query.schema.fields:
            yield results.empty_rows(query.schema, zone).arrow_stream


def _complete(error: SparkError | JobFailed) -> JobFailed:
    """The error with its whole message, as PySpark would show it: workers send the class and what it is about."""
    if isinstance(error, JobFailed) and not error.failure.HasField("user_error"):
        return error
    told = error_details.report(error)
    failure = common_pb2.Failure(
        user_error=common_pb2.UserError(
            error_class=told.error_class, sql_state=told.sql_state, parameters=told.parameters, message=told.message
        )
    )
    return JobFailed(error.job_id if isinstance(error, JobFailed) else 0, failure)
