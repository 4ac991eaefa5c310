"""ExecutePlan: one request's plan from message to responses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass

from headrace_driver.cache import levels
from headrace_driver.connect import cache_commands, plans, results, row_data, show, sql_commands
from headrace_driver.connect.conversion import relations
from headrace_driver.connect.executions import Execution
from headrace_driver.connect.invalid_plan import oneof_not_set, too_deep
from headrace_driver.connect.operations import Operation
from headrace_driver.connect.planning_threads import PlanningThreads
from headrace_driver.connect.protocol import Proto, base_pb2, relations_pb2, unknown_fields
from headrace_driver.connect.relations import Relations, sql_plan
from headrace_driver.connect.results import Chunking
from headrace_driver.connect.runner import OperatorMetrics, PreparedQuery, QueryRunner, RunningQuery
from headrace_driver.connect.write_commands import write
from headrace_driver.errors import SparkError, unsupported
from headrace_driver.journal.operations import Beginning, beginning, note_planned, note_read
from headrace_driver.journal.state import KeptJob
from headrace_driver.journal.store import Change
from headrace_driver.journal.writer import Journal, NoJournal
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.session import Session
from headrace_driver.sql.names import parse_name


@dataclass(frozen=True, slots=True)
class Query:
    """A query to run on the cluster. With `display` its rows are texts to be laid out as one."""

    prepared: PreparedQuery
    has_rows: bool
    """False for a write."""
    time_zone: str
    large_types: bool
    display: show.Display | None = None
    names: tuple[str, ...] = ()
    last: Proto | None = None
    """Sent when the query has ended, if it has not failed."""
    writes: bool = False
    """Whether it may not be run a second time."""

    @property
    def schema(self) -> t.StructType:
        """Of what the client gets."""
        return self.display.schema if self.display is not None else self.prepared.schema


@dataclass(frozen=True, slots=True)
class Answer:
    """A result that planning has already computed."""

    responses: tuple[Proto, ...]


Planned = Query | Answer

DISPLAY_BYTES_MAX = 64 << 20
"""Of Arrow data behind one show(); the text is one value in one message."""


def _view_name(text: str) -> str:
    """The name in `createTempView(text)`, which is SQL's; a database before it does not count."""
    try:
        parts = parse_name(text)
    except SparkError:
        parts = ()
    if not 1 <= len(parts) <= 2:
        known = {"viewName": text}
        raise SparkError("_LEGACY_ERROR_TEMP_1321", f"Invalid view name: {text}.", known, sql_state="")
    return parts[-1]


class PlanExecution:
    """Executes the plan of one request in one session."""

    def __init__(
        self, session: Session, runner: QueryRunner, threads: PlanningThreads, journal: Journal | None = None
    ) -> None:
        self._session = session
        self._runner = runner
        self._threads = threads
        self._journal = journal or NoJournal()

    async def run(self, execution: Execution, plan: Proto, cut: Chunking) -> None:
        """The producer of an operation's responses."""
        planned = await self._threads.run(self._plan_noted, plan, execution.operation, cut)
        if isinstance(planned, Answer):
            await self._send_answer(execution, planned)
            return
        running = await self._runner.start(planned.prepared, self._session, execution.operation.key.operation_id)
        if plan.HasField("root"):
            self._session.note_run(plan.root.common.plan_id, running.job_id)
        await self._run_query(execution, planned, running, cut, Beginning())

    async def resume(self, execution: Execution, query: Query, cut: Chunking, job: KeptJob | None) -> None:
        """The producer of an operation that an earlier process began; `job` None: it had not submitted it yet."""
        operation_id = execution.operation.key.operation_id
        if job is None:
            running = await self._runner.start(query.prepared, self._session, operation_id)
            await self._run_query(execution, query, running, cut, Beginning())
            return
        running = await self._runner.resume(query.prepared, self._session, operation_id, job)
        has: int | None = None
        try:
            has = await execution.client_has()
        finally:
            if has is None:
                self._let_go(execution, running, ended=False)
        begins = beginning(job, has) if query.display is None else Beginning()
        await self._run_query(execution, query, running, cut, begins)

    async def _send_answer(self, execution: Execution, answer: Answer) -> None:
        for response in answer.responses:
            await execution.send(response)

    async def _run_query(
        self, execution: Execution, query: Query, running: RunningQuery, cut: Chunking, begins: Beginning
    ) -> None:
        """Streams a query's blocks; its result stage runs while the client reads, and waits for it."""
        ended = False
        try:
            execution.progress = running.progress
            if begins.responses:
                execution.go_on_after(begins.responses)
            elif query.has_rows:
                await execution.send(results.schema_response(query.schema))
            await self._send_blocks(execution, query, running, cut, begins)
            ended = True
            if execution.progress_sent:
                execution.send_progress()
            if query.last is not None:
                await execution.send(query.last)
            metrics = running.metrics()
            if metrics:
                await execution.send(_metrics_response(metrics))
        finally:
            self._let_go(execution, running, ended)

    def _let_go(self, execution: Execution, running: RunningQuery, ended: bool) -> None:
        """What workers hold of the result stays until the client has it: a driver that takes over reads it again."""
        execution.progress = None
        if ended:
            execution.when_gone(running.release)
        else:
            running.cancel("the operation has ended")
            running.release()

    def _local_answer(self, query: Query, cut: Chunking) -> Answer:
        """The responses of a query whose rows planning has computed."""
        local = query.prepared.local
        assert isinstance(local, p.LocalData)
        rows = results.local_rows(local, query.prepared.schema, query.time_zone, query.large_types)
        responses = [results.schema_response(query.schema)]
        if query.display is not None:
            responses.append(_display_response(query, [block.arrow_stream for block in rows], cut))
            return Answer(tuple(responses))
        start = 0
        for block in rows:
            responses.extend(results.batch_responses(block.rows, block.arrow_stream, start, cut))
            start += block.rows
        return Answer(tuple(responses))

    async def _send_blocks(
        self, execution: Execution, query: Query, running: RunningQuery, cut: Chunking, begins: Beginning
    ) -> None:
        start = begins.rows
        partition = -1
        texts: list[bytes] = []
        async with aclosing(running.blocks(begins.partition)) as blocks:
            async for block in blocks:
                if query.display is not None:
                    texts.append(block.arrow_stream)
                    if sum(map(len, texts)) > DISPLAY_BYTES_MAX:
                        raise unsupported(f"show() of more than {DISPLAY_BYTES_MAX >> 20} MiB")
                    continue
                if block.partition != partition:
                    partition = block.partition
                    begins.check(block)
                    note_read(self._journal, running.job_id, block, execution.count, start)
                for response in results.batch_responses(block.rows, block.arrow_stream, start, cut):
                    await execution.send(response)
                start += block.rows
        if query.display is not None:
            await execution.send(_display_response(query, texts, cut))
        elif start == 0 and query.has_rows:
            empty = results.empty_rows(query.prepared.schema, query.time_zone, query.large_types)
            for response in results.batch_responses(0, empty.arrow_stream, 0, cut):
                await execution.send(response)

    def _plan_noted(self, plan: Proto, operation: Operation, cut: Chunking) -> Planned:
        """On a planning thread: plans, and notes what the operation is together with what it has changed."""
        unit: list[Change] = []
        try:
            with self._journal.gathering() as unit:
                planned = self._plan(plan)
                if isinstance(planned, Query) and planned.prepared.local is not None:
                    planned = self._local_answer(planned, cut)
        except BaseException:
            self._journal.append(*unit)
            raise
        if self._journal.is_on and operation.reattachable:
            responses = [r.SerializeToString() for r in planned.responses] if isinstance(planned, Answer) else None
            unit.append(note_planned(operation, responses, (planned, cut), _once_written(planned)))
        self._journal.append(*unit)
        return planned

    def _plan(self, plan: Proto) -> Planned:
        """On a planning thread: message to resolved and prepared, or answered."""
        try:
            relation, command = plans.relation_or_command(plan)
            if relation is not None:
                return self._plan_relation(relation)
            assert command is not None
            return self._plan_command(command)
        except RecursionError:
            raise too_deep() from None

    def _plan_relation(self, relation: Proto) -> Planned:
        display = show.display_of(relation)
        description = plans.describe(relation, None)
        if display is None:
            unresolved = self._relations().convert(relation)
            command = sql_commands.command_of(unresolved)
            computation = None if command is None else sql_commands.computation(command, self._session, self._runner)
            if computation is not None:
                return self._without_rows(computation)
            if command is not None and not isinstance(command, p.WriteFiles):
                return self._rows(sql_commands.run(command, self._session, self._runner))
            return self._query(self._runner.analyze(unresolved, self._session), description)
        unresolved = self._relations().convert(display[1])
        command = sql_commands.command_of(unresolved)
        resolved = (
            self._runner.analyze(unresolved, self._session)
            if command is None
            else self._runner.analyze(sql_commands.run(command, self._session, self._runner), self._session)
        )
        conf = self._session.conf
        texts = show.texts_plan(resolved, display[0].rows, conf.mapping, conf.time_zone)
        names = tuple(a.name for a in resolved.output)
        return self._query(texts, description, display[0], names)

    def _query(
        self,
        resolved: p.LogicalPlan,
        description: str,
        display: show.Display | None = None,
        names: tuple[str, ...] = (),
    ) -> Query:
        conf = self._session.conf
        prepared = self._runner.prepare(resolved, self._session, description)
        large = conf.mapping["spark.sql.execution.arrow.useLargeVarTypes"] == "true"
        writes = isinstance(resolved, p.WriteFiles)
        return Query(prepared, not writes, conf.time_zone, large, display, names, writes=writes)

    def _without_rows(self, prepared: PreparedQuery) -> Query:
        """A query that is run for what it does."""
        return Query(prepared, False, self._session.conf.time_zone, False)

    def _rows(self, data: p.LocalData) -> Answer:
        """Rows that the driver made, as a whole result."""
        responses = [results.schema_response(data.schema)]
        start = 0
        for block in results.local_rows(data, data.schema, self._session.conf.time_zone):
            responses.extend(results.batch_responses(block.rows, block.arrow_stream, start, Chunking()))
            start += block.rows
        return Answer(tuple(responses))

    def _relations(self) -> Relations:
        return relations(self._session, self._runner)

    def _plan_command(self, command: Proto) -> Planned:
        kind = command.WhichOneof("command_type")
        if kind is None:
            if newer := unknown_fields(command):
                raise unsupported(f"the command with field number {newer[0]} of a newer Spark Connect protocol")
            raise oneof_not_set("spark.connect.Command", "COMMANDTYPE_NOT_SET")
        handler = _COMMANDS.get(kind)
        if handler is None:
            raise unsupported(_UNSUPPORTED.get(kind, f"commands of kind {kind}"))
        message = getattr(command, kind)
        if newer := unknown_fields(message):
            raise unsupported(f"the field number {newer[0]} of {kind} of a newer Spark Connect protocol")
        return handler(self, message)

    def _sql_command(self, m: Proto) -> Planned:
        """Commands run now; a query is only checked, and handed back as the relation to ask for."""
        relation = m.input if m.HasField("input") else _as_relation(m)
        converter = self._relations()
        unresolved = converter.convert(m.input) if m.HasField("input") else sql_plan(converter, m)
        command = sql_commands.command_of(unresolved)
        response = base_pb2.ExecutePlanResponse()
        if isinstance(command, p.WriteFiles):
            resolved = self._runner.analyze(command, self._session)
            response.sql_command_result.relation.local_relation.data = row_data.NOTHING.arrow_stream
            return dataclasses.replace(self._query(resolved, plans.describe(relation, None)), last=response)
        if command is None:
            self._runner.analyze(unresolved, self._session)
            response.sql_command_result.relation.CopyFrom(relation)
        elif computation := sql_commands.computation(command, self._session, self._runner):
            response.sql_command_result.relation.local_relation.data = row_data.NOTHING.arrow_stream
            return dataclasses.replace(self._without_rows(computation), last=response)
        else:
            data = sql_commands.run(command, self._session, self._runner)
            response.sql_command_result.relation.local_relation.data = data.arrow_stream
        return Answer((response,))

    def _create_view(self, m: Proto) -> Planned:
        view = p.CreateView(self._relations().input(m), (_view_name(m.name),), m.replace, m.is_global)
        sql_commands.run(view, self._session, self._runner)
        return Answer(())

    def _write(self, m: Proto) -> Planned:
        converter = self._relations()
        unresolved = write(m, converter)
        description = f"write {m.path or m.options.get('path', '')}"
        return self._query(self._runner.analyze(unresolved, self._session), description)

    def _get_resources(self, m: Proto) -> Planned:
        response = base_pb2.ExecutePlanResponse()
        response.get_resources_command_result.SetInParent()
        return Answer((response,))

    def _remove_remote_relation(self, m: Proto) -> Planned:
        self._session.remove_relation(m.relation.relation_id)
        return Answer(())

    def _checkpoint(self, m: Proto) -> Planned:
        """The rows of a relation kept for others to read, by the cluster or (not `local`) in files."""
        unresolved = self._relations().convert(m.relation)
        plan = self._runner.analyze(unresolved, self._session)
        response = base_pb2.ExecutePlanResponse()
        result = response.checkpoint_command_result.relation
        if not m.local:
            if not m.eager:
                lazy = cache_commands.lazy_checkpoint(unresolved, plan, self._session, self._runner)
                result.relation_id = lazy
                return Answer((response,))
            result.relation_id, write = cache_commands.reliable_checkpoint(unresolved, plan, self._session)
            query = self._query(self._runner.analyze(write, self._session), "checkpoint")
            return dataclasses.replace(query, last=response)
        level = cache_commands.level_of(m.storage_level) if m.HasField("storage_level") else levels.DEFAULT
        result.relation_id, cached = cache_commands.local_checkpoint(plan, level, self._session)
        if not m.eager:
            return Answer((response,))
        return dataclasses.replace(self._without_rows(self._runner.caching(cached)), last=response)

    def _ml(self, m: Proto) -> Planned:
        # Clients clear the cache of models when they end; there is none, so nothing was in it.
        if m.WhichOneof("command") != "clean_cache":
            raise unsupported("machine learning (pyspark.ml) on the server")
        response = base_pb2.ExecutePlanResponse()
        response.ml_command_result.param.integer = 0
        return Answer((response,))


def _as_relation(m: Proto) -> Proto:
    """The relation of a SqlCommand of a 3.5 client, which has the text in the command itself."""
    relation = relations_pb2.Relation()
    relation.sql.query = m.sql
    for name, value in m.args.items():
        relation.sql.args[name].CopyFrom(value)
    for name, value in m.named_arguments.items():
        relation.sql.named_arguments[name].CopyFrom(value)
    relation.sql.pos_args.extend(m.pos_args)
    relation.sql.pos_arguments.extend(m.pos_arguments)
    return relation


def _display_response(query: Query, streams: list[bytes], cut: Chunking) -> Proto:
    assert query.display is not None
    text = query.display.render(query.names, show.rows_of(streams))
    data = row_data.local_data(query.display.schema, [[text]])
    response = base_pb2.ExecutePlanResponse()
    response.arrow_batch.row_count = 1
    response.arrow_batch.data = data.arrow_stream
    response.arrow_batch.start_offset = 0
    return response


def _once_written(planned: Planned) -> list[bytes] | None:
    """What the client of a write gets when it has been made; None for what does not write."""
    if isinstance(planned, Answer) or not planned.writes:
        return None
    return [planned.last.SerializeToString()] if planned.last is not None else []


def _metrics_response(operators: Iterable[OperatorMetrics]) -> Proto:
    response = base_pb2.ExecutePlanResponse()
    for operator in operators:
        added = response.metrics.metrics.add(name=operator.name, plan_id=operator.plan_id, parent=operator.parent)
        for value in operator.values:
            metric = added.execution_metrics[value.key]
            metric.name, metric.value, metric.metric_type = value.name, value.value, value.kind
    return response


_COMMANDS: dict[str, Callable[[PlanExecution, Proto], Planned]] = {
    "sql_command": PlanExecution._sql_command,
    "create_dataframe_view": PlanExecution._create_view,
    "write_operation": PlanExecution._write,
    "get_resources_command": PlanExecution._get_resources,
    "remove_cached_remote_relation_command": PlanExecution._remove_remote_relation,
    "checkpoint_command": PlanExecution._checkpoint,
    "ml_command": PlanExecution._ml,
}

_UNSUPPORTED = {
    "register_function": "user-defined functions",
    "register_table_function": "user-defined table functions",
    "register_data_source": "Python data sources",
    "write_operation_v2": "writeTo (tables of a catalog)",
    "write_stream_operation_start": "writeStream (structured streaming)",
    "streaming_query_command": "structured streaming",
    "streaming_query_manager_command": "structured streaming",
    "streaming_query_listener_bus_command": "structured streaming",
    "create_resource_profile_command": "resource profiles",
    "merge_into_table_command": "mergeInto (tables of a catalog)",
    "execute_external_command": "external commands",
    "pipeline_command": "declarative pipelines",
    "extension": "command plugins",
}
