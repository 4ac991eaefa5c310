"""Valid requests of Spark Connect, to be damaged: together they use most kinds of relations and commands."""

from __future__ import annotations

import random
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from headrace_driver.connect.protocol import base_pb2, catalog_pb2, commands_pb2, relations_pb2
from tests.fuzz.dataframes import dataframes

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession


def commands(spark: SparkSession, directory: Path) -> list[Message]:
    """Plans that are commands. Files are written below the directory only."""
    client: Any = spark._client
    numbers = spark.range(0, 20, 1, 2)
    relation = numbers._plan.plan(client)
    view = commands_pb2.CreateDataFrameViewCommand(input=relation, name="v", replace=True)
    found = [commands_pb2.Command(create_dataframe_view=view)]
    for source, options in (("parquet", {}), ("csv", {"header": "true"}), ("json", {})):
        write = commands_pb2.WriteOperation(
            input=relation, source=source, path=str(directory / source), mode=2, options=options
        )
        found.append(commands_pb2.Command(write_operation=write))
    partitioned = commands_pb2.WriteOperation(
        input=relation, source="parquet", path=str(directory / "parts"), mode=2, partitioning_columns=["id"]
    )
    found.append(commands_pb2.Command(write_operation=partitioned))
    sql = commands_pb2.SqlCommand(input=relations_pb2.Relation(sql=relations_pb2.SQL(query="SHOW TABLES")))
    found.append(commands_pb2.Command(sql_command=sql))
    for text in ("SET a = 1", "CREATE OR REPLACE TEMP VIEW w AS SELECT 1", "DESCRIBE range(3)", "EXPLAIN SELECT 1"):
        query = relations_pb2.Relation(sql=relations_pb2.SQL(query=text))
        found.append(commands_pb2.Command(sql_command=commands_pb2.SqlCommand(input=query)))
    found.append(commands_pb2.Command(checkpoint_command=commands_pb2.CheckpointCommand(relation=relation, eager=True)))
    found.append(commands_pb2.Command(get_resources_command={}))
    return [base_pb2.Plan(command=command) for command in found]


def is_harmless(request: Message, directory: Path) -> bool:
    """Whether it writes no files but below the directory: an overwritten path cut short would be somebody else's."""
    plan = getattr(request, "plan", None)
    command = getattr(plan, "command", None)
    if command is None or command.WhichOneof("command_type") != "write_operation":
        return True
    write = command.write_operation
    if write.WhichOneof("save_type") != "path":
        return "path" not in {key.lower() for key in write.options}
    return write.path.startswith(f"{directory}/") and ".." not in write.path and not write.options.get("path")


def catalog_plans() -> list[Message]:
    """Calls of `spark.catalog`."""
    calls: list[dict[str, Any]] = [
        {"current_database": {}},
        {"list_databases": {"pattern": "d*"}},
        {"list_tables": {"pattern": "*"}},
        {"table_exists": {"table_name": "v"}},
        {"list_columns": {"table_name": "v"}},
        {"get_table": {"table_name": "v"}},
        {"function_exists": {"function_name": "sum"}},
        {"get_function": {"function_name": "sum"}},
        {"list_functions": {"pattern": "su*"}},
        {"drop_temp_view": {"view_name": "v"}},
        {"is_cached": {"table_name": "v"}},
        {"cache_table": {"table_name": "v"}},
        {"clear_cache": {}},
        {"current_catalog": {}},
    ]
    relations = [relations_pb2.Relation(catalog=catalog_pb2.Catalog(**call)) for call in calls]
    return [base_pb2.Plan(root=relation) for relation in relations]


def displays(spark: SparkSession) -> list[Message]:
    """Plans of `show`, `tail` and of statistics that a client asks for as a relation."""
    client: Any = spark._client
    below = spark.range(0, 20, 1, 2).selectExpr("id", "id * 2 AS b")._plan.plan(client)
    relations: list[dict[str, Any]] = [
        {"show_string": {"input": below, "num_rows": 5, "truncate": 20, "vertical": False}},
        {"html_string": {"input": below, "num_rows": 5, "truncate": 20}},
        {"tail": {"input": below, "limit": 3}},
        {"cov": {"input": below, "col1": "id", "col2": "b"}},
        {"corr": {"input": below, "col1": "id", "col2": "b", "method": "pearson"}},
        {"approx_quantile": {"input": below, "cols": ["id"], "probabilities": [0.1, 0.5], "relative_error": 0.1}},
    ]
    return [base_pb2.Plan(root=relations_pb2.Relation(**each)) for each in relations]


def connect_requests(spark: SparkSession, directory: Path) -> list[tuple[str, Message]]:
    """Methods of Spark Connect with a valid request each."""
    client: Any = spark._client
    # Ids, and the seeds that programs leave out, which PySpark draws.
    random.seed(1)
    head = {"session_id": _new_id(), "user_context": {"user_id": "fuzz"}}
    plans = [df._plan.to_proto(client) for df in dataframes(spark)]
    for plan in plans:
        _without_call_sites(plan)
    actions = [*plans, *commands(spark, directory), *catalog_plans(), *displays(spark)]
    execute = [base_pb2.ExecutePlanRequest(**head, plan=plan, operation_id=_new_id()) for plan in actions]
    return [
        *(("ExecutePlan", request) for request in execute),
        *(("AnalyzePlan", request) for request in _questions(head, plans)),
        *_others(head),
    ]


def _new_id() -> str:
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def _without_call_sites(message: Message) -> None:
    """They name files and lines of a checkout: elsewhere the same seed would damage other bits."""
    for field, value in message.ListFields():
        if field.name == "call_site":
            message.ClearField(field.name)
        elif field.message_type is None:
            continue
        elif field.message_type.GetOptions().map_entry:
            for each in value.values():
                if isinstance(each, Message):
                    _without_call_sites(each)
        else:
            for each in [value] if isinstance(value, Message) else value:
                _without_call_sites(each)


def _questions(head: dict[str, Any], plans: list[Any]) -> list[Message]:
    analyze = base_pb2.AnalyzePlanRequest
    questions = [analyze(**head, schema={"plan": plan}) for plan in plans]
    questions += [
        analyze(**head, explain={"plan": plan, "explain_mode": mode}) for mode, plan in enumerate(plans[:5], 1)
    ]
    questions += [
        analyze(**head, tree_string={"plan": plans[0], "level": 2}),
        analyze(**head, is_local={"plan": plans[1]}),
        analyze(**head, input_files={"plan": plans[2]}),
        analyze(**head, ddl_parse={"ddl_string": "a INT, b ARRAY<STRUCT<c: DECIMAL(10,2)>>"}),
        analyze(**head, json_to_ddl={"json_string": '{"type":"struct","fields":[]}'}),
        analyze(**head, same_semantics={"target_plan": plans[0], "other_plan": plans[0]}),
        analyze(**head, semantic_hash={"plan": plans[3]}),
        analyze(**head, persist={"relation": plans[3].root, "storage_level": {"use_memory": True, "replication": 1}}),
        analyze(**head, unpersist={"relation": plans[3].root}),
        analyze(**head, get_storage_level={"relation": plans[3].root}),
        analyze(**head, spark_version={}),
    ]
    return questions


def _others(head: dict[str, Any]) -> list[tuple[str, Message]]:
    name = "spark.sql.shuffle.partitions"
    operations = [
        {"get": {"keys": [name]}},
        {"set": {"pairs": [{"key": name, "value": "7"}]}},
        {"set": {"pairs": [{"key": "spark.sql.session.timeZone", "value": "Asia/Tokyo"}]}},
        {"get_all": {"prefix": "spark"}},
        {"get_with_default": {"pairs": [{"key": name, "value": "3"}]}},
        {"get_option": {"keys": [name]}},
        {"unset": {"keys": [name]}},
        {"is_modifiable": {"keys": [name]}},
    ]
    operation_id = _new_id()
    chunk = {"data": b"abcdef", "crc": 1267612143}
    begin = {"name": "cache/b", "total_bytes": 6, "num_chunks": 1, "initial_chunk": chunk}
    artifacts = base_pb2.AddArtifactsRequest
    return [
        *(("Config", base_pb2.ConfigRequest(**head, operation=operation)) for operation in operations),
        ("ArtifactStatus", base_pb2.ArtifactStatusesRequest(**head, names=["cache/abc"])),
        ("Interrupt", base_pb2.InterruptRequest(**head, interrupt_type=2, operation_tag="t")),
        ("Interrupt", base_pb2.InterruptRequest(**head, interrupt_type=3, operation_id=operation_id)),
        ("ReattachExecute", base_pb2.ReattachExecuteRequest(**head, operation_id=operation_id)),
        ("ReleaseExecute", base_pb2.ReleaseExecuteRequest(**head, operation_id=operation_id, release_all={})),
        ("ReleaseExecute", base_pb2.ReleaseExecuteRequest(**head, operation_id=operation_id, release_until={})),
        ("ReleaseSession", base_pb2.ReleaseSessionRequest(**head)),
        ("CloneSession", base_pb2.CloneSessionRequest(**head, new_session_id=_new_id())),
        ("GetStatus", base_pb2.GetStatusRequest(**head, operation_status={"operation_ids": [operation_id]})),
        ("FetchErrorDetails", base_pb2.FetchErrorDetailsRequest(**head, error_id=operation_id)),
        ("AddArtifacts", artifacts(**head, batch={"artifacts": [{"name": "cache/a", "data": chunk}]})),
        ("AddArtifacts", artifacts(**head, begin_chunk=begin)),
        ("AddArtifacts", artifacts(**head, batch={"artifacts": [{"name": "files/x.txt", "data": chunk}]})),
    ]
