"""From the plan of a request to unresolved plans, in the setting of one session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headrace_driver import sql
from headrace_driver.connect import catalog_calls
from headrace_driver.connect.conf import SessionConf
from headrace_driver.connect.expressions import SqlFront
from headrace_driver.connect.invalid_plan import invalid_plan, too_deep
from headrace_driver.connect.local_relations import local_relation
from headrace_driver.connect.protocol import Proto
from headrace_driver.connect.relations import Relations
from headrace_driver.connect.runner import QueryRunner
from headrace_driver.errors import SparkError
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Expression
from headrace_driver.session import Session
from headrace_driver.sql.variables import substituted


@dataclass(frozen=True, slots=True)
class SessionSql:
    """The SQL front with a session's time zone, in which literals without one are read, and its settings, which
    variables in texts stand for."""

    time_zone: str
    conf: SessionConf | None = None

    def parse_statement(
        self, text: str, named: Mapping[str, Expression] | None, positional: Sequence[Expression] | None
    ) -> p.LogicalPlan:
        text = self._substituted(text)
        return sql.parse_statement(text, named=named, positional=positional, time_zone=self.time_zone)

    def parse_expression(self, text: str) -> Expression:
        return sql.parse_expression(self._substituted(text), time_zone=self.time_zone)

    def _substituted(self, text: str) -> str:
        return text if self.conf is None else substituted(text, self.conf.mapping, self.conf.get_option)

    def parse_data_type(self, text: str) -> t.DataType:
        try:
            return sql.parse_data_type(text)
        except SparkError as error:
            # Columns may be written `name: type` as inside a struct.
            try:
                return sql.parse_data_type(f"struct<{text.strip()}>")
            except SparkError:
                raise error from None


@dataclass(frozen=True, slots=True)
class SessionSource:
    """What plans may take from their session."""

    session: Session
    runner: QueryRunner
    sql: SqlFront

    @property
    def default_format(self) -> str:
        return self.session.conf.mapping["spark.sql.sources.default"]

    def local_relation(self, proto: Proto) -> p.LogicalPlan:
        return local_relation(proto, self.session, self.sql)

    def catalog_relation(self, proto: Proto) -> p.LogicalPlan:
        return catalog_calls.answer(proto, self.session, self.runner)

    def remote_relation(self, relation_id: str) -> p.LogicalPlan:
        found = self.session.remote_relations.get(relation_id)
        if found is None:
            raise invalid_plan(
                "DATAFRAME_NOT_FOUND",
                f"No DataFrame with id {relation_id} is found in the session {self.session.session_id}",
                {"dfId": relation_id, "sessionId": self.session.session_id},
            )
        return found


def relations(session: Session, runner: QueryRunner) -> Relations:
    """A converter for one plan of a session."""
    source = SessionSource(session, runner, SessionSql(session.conf.time_zone, session.conf))
    return Relations(source.sql, source)


def convert(proto: Proto, session: Session, runner: QueryRunner) -> p.LogicalPlan:
    """The unresolved plan of a relation."""
    try:
        return relations(session, runner).convert(proto)
    except RecursionError:
        raise too_deep() from None
