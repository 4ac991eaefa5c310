"""AnalyzePlan: questions about plans that are answered without running them. All on planning threads."""

from __future__ import annotations

from collections.abc import Callable

from headrace_driver.cache import levels
from headrace_driver.connect import cache_commands, plans, type_text
from headrace_driver.connect.conversion import SessionSql, convert
from headrace_driver.connect.invalid_plan import invalid_plan, unknown_enum
from headrace_driver.connect.protocol import Proto, base_pb2, unknown_fields
from headrace_driver.connect.runner import QueryRunner
from headrace_driver.connect.show import display_of
from headrace_driver.connect.sql_commands import command_of
from headrace_driver.connect.types import to_proto
from headrace_driver.errors import unsupported
from headrace_driver.plan import logical as p
from headrace_driver.plan import semantics
from headrace_driver.plan import types as t
from headrace_driver.session import Session

SPARK_VERSION = "4.2.0"
"""What `spark.version` answers: the Spark whose semantics and protocol are followed. Programs compare it."""


class AnalyzeCalls:
    """Answers for one session."""

    def __init__(self, session: Session, runner: QueryRunner) -> None:
        self._session = session
        self._runner = runner

    def answer(self, request: Proto) -> Proto:
        """The response of a request, without its session ids."""
        kind = request.WhichOneof("analyze")
        call = _CALLS.get(kind) if kind is not None else None
        if call is None:
            if newer := unknown_fields(request):
                raise unsupported(f"the analysis with field number {newer[0]} of a newer Spark Connect protocol")
            raise invalid_plan(
                "UNKNOWN_ANALYZE_METHOD", "Unknown Analyze Method ANALYZE_NOT_SET!", {"other": "ANALYZE_NOT_SET"}
            )
        response = base_pb2.AnalyzePlanResponse()
        call(self, getattr(request, kind), response)
        return response

    def _unresolved(self, plan: Proto) -> p.LogicalPlan:
        return convert(plans.relation_of(plan), self._session, self._runner)

    def _resolved(self, plan: Proto) -> p.LogicalPlan:
        return self._runner.analyze(self._unresolved(plan), self._session)

    def _schema_of(self, plan: Proto) -> t.StructType:
        relation = plans.relation_of(plan)
        display = display_of(relation)
        if display is not None:
            return display[0].schema
        resolved = self._runner.analyze(convert(relation, self._session, self._runner), self._session)
        return schema_of(resolved)

    def _schema(self, m: Proto, response: Proto) -> None:
        response.schema.schema.CopyFrom(to_proto(self._schema_of(m.plan)))

    def _explain(self, m: Proto, response: Proto) -> None:
        mode = _EXPLAIN_MODES.get(m.explain_mode)
        if mode is None:
            raise unknown_enum("spark.connect.AnalyzePlanRequest.Explain", "explain_mode", m.explain_mode)
        response.explain.explain_string = self._runner.explain(self._unresolved(m.plan), self._session, mode)

    def _tree_string(self, m: Proto, response: Proto) -> None:
        level = m.level if m.HasField("level") else type_text.DEPTH_ALL
        response.tree_string.tree_string = type_text.tree_string(self._schema_of(m.plan), level)

    def _is_local(self, m: Proto, response: Proto) -> None:
        resolved = self._resolved(m.plan)
        while isinstance(resolved, p.Identified):
            resolved = resolved.child
        response.is_local.is_local = isinstance(resolved, p.LocalData)

    def _is_streaming(self, m: Proto, response: Proto) -> None:
        self._resolved(m.plan)
        # A streaming source is refused when the plan is converted.
        response.is_streaming.is_streaming = False

    def _input_files(self, m: Proto, response: Proto) -> None:
        files: dict[str, None] = {}
        for operator in p.walk(self._resolved(m.plan)):
            if isinstance(operator, p.Scan):
                for file in operator.source.files():
                    files[file.path if "://" in file.path else "file://" + file.path] = None
        response.input_files.files.extend(files)

    def _spark_version(self, m: Proto, response: Proto) -> None:
        response.spark_version.version = SPARK_VERSION

    def _ddl_parse(self, m: Proto, response: Proto) -> None:
        sql = SessionSql(self._session.conf.time_zone)
        response.ddl_parse.parsed.CopyFrom(to_proto(sql.parse_data_type(m.ddl_string)))

    def _json_to_ddl(self, m: Proto, response: Proto) -> None:
        dtype = SessionSql(self._session.conf.time_zone).parse_data_type(m.json_string)
        if not isinstance(dtype, t.StructType):
            raise invalid_plan("JSON_TO_DDL", f"The JSON text is no schema but the type {dtype.name}.")
        response.json_to_ddl.ddl_string = type_text.ddl(dtype)

    def _same_semantics(self, m: Proto, response: Proto) -> None:
        one, other = self._resolved(m.target_plan), self._resolved(m.other_plan)
        response.same_semantics.result = semantics.fingerprint(one) == semantics.fingerprint(other)

    def _semantic_hash(self, m: Proto, response: Proto) -> None:
        response.semantic_hash.result = semantics.semantic_hash(self._resolved(m.plan))

    def _persist(self, m: Proto, response: Proto) -> None:
        plan = self._relation(m.relation)
        level = (
            cache_commands.level_of(m.storage_level)
            if m.HasField("storage_level")
            else cache_commands.default_level(self._session)
        )
        self._session.cache.add(plan, level)
        response.persist.SetInParent()

    def _unpersist(self, m: Proto, response: Proto) -> None:
        self._session.cache.remove(self._relation(m.relation))
        response.unpersist.SetInParent()

    def _get_storage_level(self, m: Proto, response: Proto) -> None:
        cached = self._session.cache.find(self._relation(m.relation))
        level = levels.NONE if cached is None else cached.level
        response.get_storage_level.storage_level.CopyFrom(cache_commands.level_message(level))

    def _relation(self, relation: Proto) -> p.LogicalPlan:
        return self._runner.analyze(convert(relation, self._session, self._runner), self._session)


def schema_of(resolved: p.LogicalPlan) -> t.StructType:
    """The schema of a resolved plan as clients see it."""
    if command_of(resolved) is not None:
        raise unsupported(f"the schema of the command {type(resolved).__name__}")
    fields = tuple(t.StructField(a.name, client_type(a.dtype), a.nullable, a.metadata) for a in resolved.output)
    return t.StructType(fields)


def client_type(dtype: t.DataType) -> t.DataType:
    """CHAR(n) and VARCHAR(n) are texts once they are read."""
    match dtype:
        case t.StringType(length=int()):
            return t.StringType(collation=dtype.collation)
        case t.ArrayType():
            return t.ArrayType(client_type(dtype.element), dtype.contains_null)
        case t.MapType():
            return t.MapType(client_type(dtype.key), client_type(dtype.value), dtype.value_contains_null)
        case t.StructType():
            return t.StructType(
                tuple(t.StructField(f.name, client_type(f.dtype), f.nullable, f.metadata) for f in dtype.fields)
            )
        case _:
            return dtype


_EXPLAIN_MODES = {
    1: p.ExplainMode.SIMPLE,
    2: p.ExplainMode.EXTENDED,
    3: p.ExplainMode.CODEGEN,
    4: p.ExplainMode.COST,
    5: p.ExplainMode.FORMATTED,
}

_CALLS: dict[str, Callable[[AnalyzeCalls, Proto, Proto], None]] = {
    "schema": AnalyzeCalls._schema,
    "explain": AnalyzeCalls._explain,
    "tree_string": AnalyzeCalls._tree_string,
    "is_local": AnalyzeCalls._is_local,
    "is_streaming": AnalyzeCalls._is_streaming,
    "input_files": AnalyzeCalls._input_files,
    "spark_version": AnalyzeCalls._spark_version,
    "ddl_parse": AnalyzeCalls._ddl_parse,
    "json_to_ddl": AnalyzeCalls._json_to_ddl,
    "same_semantics": AnalyzeCalls._same_semantics,
    "semantic_hash": AnalyzeCalls._semantic_hash,
    "persist": AnalyzeCalls._persist,
    "unpersist": AnalyzeCalls._unpersist,
    "get_storage_level": AnalyzeCalls._get_storage_level,
}
