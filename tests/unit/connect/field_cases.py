"""Messages that between them reach every field a client may set, to be changed one field at a time.

Each is written as its dictionary. `convert`, `command`, `analysis` and `config` cases are of the messages Relation,
Command, AnalyzePlanRequest and ConfigRequest.Operation.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from headrace_driver.connect.protocol import relations_pb2

Fields = dict[str, Any]

IN: Fields = {"range": {"end": 3, "step": 1}}
COL: Fields = {"unresolved_attribute": {"unparsed_identifier": "a"}}
ONE: Fields = {"literal": {"integer": 1}}
INT: Fields = {"integer": {}}
LAMBDA: Fields = {
    "lambda_function": {
        "function": {"unresolved_named_lambda_variable": {"name_parts": ["x"]}},
        "arguments": [{"name_parts": ["x"]}],
    }
}
ORIGIN: Fields = {"origin": {"python_origin": {"fragment": "f", "call_site": "c"}}}


def arrow_stream() -> bytes:
    """One column `a` with one row."""
    sink = pa.BufferOutputStream()
    batch = pa.RecordBatch.from_pydict({"a": [1]})
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    octets: bytes = sink.getvalue().to_pybytes()
    return octets


STREAM = arrow_stream()
PACKED = pa.compress(relations_pb2.Relation(**IN).SerializeToString(), codec="zstd", asbytes=True)
CACHED = "5e" * 32
"""The hash under which sessions of these tests hold a LocalRelation; `chunk` and `schema` hold rows and a schema."""


def _of(expression: Fields) -> Fields:
    return {"project": {"input": IN, "expressions": [expression]}}


def _cast(dtype: Fields) -> Fields:
    return _of({"cast": {"expr": COL, "type": dtype}})


SHOWN: Fields = {"input": IN, "num_rows": 2, "truncate": 3}

LITERALS: list[Fields] = [
    {"null": INT},
    {"binary": b"x"},
    {"boolean": True},
    {"byte": 1},
    {"short": 1},
    {"integer": 1},
    {"long": 1},
    {"float": 1.0},
    {"double": 1.0},
    {"decimal": {"value": "1.5", "precision": 5, "scale": 2}},
    {"string": "x"},
    {"date": 1},
    {"timestamp": 1},
    {"timestamp_ntz": 1},
    {"calendar_interval": {"months": 1, "days": 2, "microseconds": 3}},
    {"year_month_interval": 1},
    {"day_time_interval": 1},
    {"day_time_interval": 1, "data_type": {"day_time_interval": {"start_field": 1, "end_field": 2}}},
    {"array": {"element_type": INT, "elements": [{"integer": 1}]}},
    {"map": {"key_type": INT, "value_type": INT, "keys": [{"integer": 1}], "values": [{"integer": 1}]}},
    {
        "struct": {
            "struct_type": {"struct": {"fields": [{"name": "a", "data_type": INT}]}},
            "elements": [{"integer": 1}],
        }
    },
    *[
        {"specialized_array": {name: {"values": values}}}
        for name, values in {
            "bools": [True],
            "ints": [1],
            "longs": [1],
            "floats": [1.0],
            "doubles": [1.0],
            "strings": ["x"],
        }.items()
    ],
    {"time": {"nano": 1}},
    {"null": INT, "data_type": INT},
]

_PLAIN_TYPES = [
    *("null", "binary", "boolean", "byte", "short", "integer", "long", "float", "double", "date", "timestamp"),
    *("timestamp_ntz", "calendar_interval", "variant", "geometry", "geography", "time"),
]
TYPES: list[Fields] = [
    *[{name: {}} for name in _PLAIN_TYPES],
    {"string": {"collation": "UTF8_LCASE"}},
    {"decimal": {"precision": 5, "scale": 2}},
    {"char": {"length": 3}},
    {"var_char": {"length": 3}},
    {"year_month_interval": {"start_field": 0, "end_field": 1}},
    {"day_time_interval": {"start_field": 1, "end_field": 2}},
    {"array": {"element_type": INT}},
    {"map": {"key_type": INT, "value_type": INT}},
    {"struct": {"fields": [{"name": "a", "data_type": INT, "nullable": True, "metadata": '{"a":1}'}]}},
    {"unparsed": {"data_type_string": "int"}},
    {"udt": {"type": "udt", "python_class": "p"}},
]

FRAME: Fields = {"frame_type": 1, "lower": {"unbounded": True}, "upper": {"value": ONE}}
EXPRESSIONS: list[Fields] = [
    {**COL, "common": ORIGIN},
    {"unresolved_attribute": {"unparsed_identifier": "a", "plan_id": 1}},
    {"unresolved_function": {"function_name": "f", "arguments": [COL]}},
    {"unresolved_function": {"function_name": "a.b", "arguments": [COL], "is_distinct": True}},
    {"call_function": {"function_name": "f", "arguments": [COL]}},
    {"expression_string": {"expression": "1"}},
    {"unresolved_star": {"unparsed_target": "a.*", "plan_id": 1}},
    {"unresolved_regex": {"col_name": "`a`", "plan_id": 1}},
    {"alias": {"expr": COL, "name": ["a"], "metadata": '{"a":1}'}},
    {"cast": {"expr": COL, "type_str": "int", "eval_mode": 3}},
    {"sort_order": {"child": COL, "direction": 1, "null_ordering": 1}},
    {"unresolved_function": {"function_name": "transform", "arguments": [LAMBDA, COL]}},
    {
        "window": {
            "window_function": COL,
            "partition_spec": [COL],
            "order_spec": [{"child": COL, "direction": 1, "null_ordering": 1}],
            "frame_spec": FRAME,
        }
    },
    {"window": {"window_function": COL, "frame_spec": {**FRAME, "upper": {"current_row": True}}}},
    {"unresolved_extract_value": {"child": COL, "extraction": ONE}},
    {"update_fields": {"struct_expression": COL, "field_name": "a", "value_expression": ONE}},
    {"named_argument_expression": {"key": "k", "value": ONE}},
]


def _by_subquery(fields: Fields) -> Fields:
    root = _of({"subquery_expression": fields})
    return {"with_relations": {"root": root, "references": [{**IN, "common": {"plan_id": 7}}, {"sql": {"query": "1"}}]}}


CALLS: list[Fields] = [
    {"current_database": {}},
    {"set_current_database": {"db_name": "default"}},
    {"list_databases": {"pattern": "*"}},
    {"list_tables": {"db_name": "global_temp", "pattern": "*"}},
    {"list_views": {"db_name": "global_temp", "pattern": "*"}},
    {"list_functions": {"db_name": "default", "pattern": "upper"}},
    {"list_columns": {"table_name": "view"}},
    {"list_columns": {"table_name": "shared", "db_name": "global_temp"}},
    {"get_database": {"db_name": "default"}},
    {"get_table": {"table_name": "view"}},
    {"get_table": {"table_name": "shared", "db_name": "global_temp"}},
    {"get_function": {"function_name": "upper"}},
    {"database_exists": {"db_name": "default"}},
    {"table_exists": {"table_name": "view"}},
    {"table_exists": {"table_name": "shared", "db_name": "global_temp"}},
    {"function_exists": {"function_name": "upper"}},
    {"drop_temp_view": {"view_name": "view"}},
    {"drop_global_temp_view": {"view_name": "shared"}},
    {"is_cached": {"table_name": "view"}},
    {"cache_table": {"table_name": "view", "storage_level": {"use_disk": True, "replication": 2}}},
    {"uncache_table": {"table_name": "view"}},
    {"refresh_table": {"table_name": "view"}},
    {"refresh_by_path": {"path": "p"}},
    {"current_catalog": {}},
    {"set_current_catalog": {"catalog_name": "spark_catalog"}},
    {"list_catalogs": {"pattern": "*"}},
]

RELATIONS: list[Fields] = [
    {**IN, "common": {"plan_id": 1, "source_info": "s", **ORIGIN}},
    *[_of(each) for each in EXPRESSIONS],
    *[_of({"literal": each}) for each in LITERALS],
    *[_cast(each) for each in TYPES],
    _by_subquery({"plan_id": 7, "subquery_type": 1}),
    _by_subquery({"plan_id": 7, "subquery_type": 4, "in_subquery_values": [COL]}),
    _by_subquery({"plan_id": 7, "subquery_type": 3, "table_arg_options": {"partition_spec": [COL]}}),
    {"read": {"named_table": {"unparsed_identifier": "t", "options": {"k": "v"}}}},
    {"read": {"data_source": {"format": "csv", "schema": "a INT", "options": {"k": "v"}, "paths": ["p"]}}},
    {"show_string": SHOWN},
    {"html_string": SHOWN},
    {"filter": {"input": IN, "condition": COL}},
    {"join": {"left": IN, "right": IN, "join_condition": COL, "join_type": 1}},
    {"join": {"left": IN, "right": IN, "using_columns": ["id"], "join_type": 1}},
    {"set_op": {"left_input": IN, "right_input": IN, "set_op_type": 2, "by_name": True}},
    {"sort": {"input": IN, "order": [{"child": COL, "direction": 1, "null_ordering": 1}]}},
    {"limit": {"input": IN, "limit": 1}},
    {"offset": {"input": IN, "offset": 1}},
    {"tail": {"input": IN, "limit": 1}},
    {"aggregate": {"input": IN, "group_type": 1, "grouping_expressions": [COL], "aggregate_expressions": [ONE]}},
    {"aggregate": {"input": IN, "group_type": 4, "pivot": {"col": COL, "values": [{"integer": 1}]}}},
    {"aggregate": {"input": IN, "group_type": 5, "grouping_sets": [{"grouping_set": [COL]}]}},
    {"sql": {"query": "SELECT 1 AS a"}},
    {"sql": {"query": "SELECT :a", "args": {"a": {"integer": 1}}}},
    {"sql": {"query": "SELECT :a", "named_arguments": {"a": ONE}}},
    {"sql": {"query": "SELECT ?", "pos_args": [{"integer": 1}]}},
    {"sql": {"query": "SELECT ?", "pos_arguments": [ONE]}},
    {"local_relation": {"data": STREAM, "schema": "a BIGINT"}},
    {"cached_local_relation": {"hash": CACHED}},
    {"chunked_cached_local_relation": {"dataHashes": ["chunk"], "schemaHash": "schema"}},
    {"cached_remote_relation": {"relation_id": "r"}},
    {"sample": {"input": IN, "upper_bound": 0.5, "seed": 1}},
    {"deduplicate": {"input": IN, "column_names": ["a"]}},
    {"range": {"start": 0, "end": 9, "step": 2, "num_partitions": 3}},
    {"subquery_alias": {"input": IN, "alias": "a"}},
    {"repartition": {"input": IN, "num_partitions": 2, "shuffle": True}},
    {"repartition_by_expression": {"input": IN, "partition_exprs": [COL], "num_partitions": 2}},
    {"to_df": {"input": IN, "column_names": ["a"]}},
    {"with_columns_renamed": {"input": IN, "rename_columns_map": {"a": "b"}}},
    {"with_columns_renamed": {"input": IN, "renames": [{"col_name": "a", "new_col_name": "b"}]}},
    {"with_columns": {"input": IN, "aliases": [{"expr": COL, "name": ["a"]}]}},
    {"drop": {"input": IN, "columns": [COL], "column_names": ["b"]}},
    {"hint": {"input": IN, "name": "broadcast", "parameters": [COL]}},
    {
        "unpivot": {
            "input": IN,
            "ids": [COL],
            "values": {"values": [COL]},
            "variable_column_name": "n",
            "value_column_name": "v",
        }
    },
    {"to_schema": {"input": IN, "schema": {"struct": {"fields": [{"name": "a", "data_type": INT}]}}}},
    {
        "with_relations": {
            "root": {"sql": {"query": "SELECT * FROM t"}},
            "references": [{"subquery_alias": {"input": IN, "alias": "t"}}],
        }
    },
    {"unresolved_table_valued_function": {"function_name": "explode", "arguments": [COL]}},
    {"lateral_join": {"left": IN, "right": IN, "join_condition": COL, "join_type": 1}},
    {"transpose": {"input": IN, "index_columns": [COL]}},
    {"fill_na": {"input": IN, "cols": ["a"], "values": [{"integer": 1}]}},
    {"drop_na": {"input": IN, "cols": ["a"], "min_non_nulls": 1}},
    {
        "replace": {
            "input": IN,
            "cols": ["a"],
            "replacements": [{"old_value": {"integer": 1}, "new_value": {"integer": 2}}],
        }
    },
    {"summary": {"input": IN, "statistics": ["max"]}},
    {"describe": {"input": IN, "cols": ["a"]}},
    {"crosstab": {"input": IN, "col1": "a", "col2": "b"}},
    {"cov": {"input": IN, "col1": "a", "col2": "b"}},
    {"corr": {"input": IN, "col1": "a", "col2": "b", "method": "pearson"}},
    {"approx_quantile": {"input": IN, "cols": ["a"], "probabilities": [0.5], "relative_error": 0.1}},
    {"freq_items": {"input": IN, "cols": ["a"], "support": 0.1}},
    {"sample_by": {"input": IN, "col": COL, "fractions": [{"stratum": {"integer": 1}, "fraction": 0.5}], "seed": 1}},
    *[{"catalog": call} for call in CALLS],
]

COMMANDS: list[Fields] = [
    {"write_operation": {"input": IN, "source": "csv", "path": "/p", "mode": 2, "options": {"sep": ";"}}},
    {"write_operation": {"input": IN, "path": "/p", "partitioning_columns": ["a"]}},
    {"write_operation": {"input": IN, "table": {"table_name": "t", "save_method": 1}}},
    {"create_dataframe_view": {"input": IN, "name": "new"}},
    {"create_dataframe_view": {"input": IN, "name": "view", "replace": True}},
    {"sql_command": {"input": {"sql": {"query": "SELECT 1 AS a"}}}},
    {"sql_command": {"sql": "SELECT 1 AS a"}},
    {"sql_command": {"sql": "SELECT :a", "args": {"a": {"integer": 1}}}},
    {"sql_command": {"sql": "SELECT :a", "named_arguments": {"a": ONE}}},
    {"sql_command": {"sql": "SELECT ?", "pos_args": [{"integer": 1}]}},
    {"sql_command": {"sql": "SELECT ?", "pos_arguments": [ONE]}},
    {"get_resources_command": {}},
    {"remove_cached_remote_relation_command": {"relation": {"relation_id": "kept"}}},
    {"checkpoint_command": {"relation": IN, "local": True, "eager": True, "storage_level": {"use_memory": True}}},
    {"ml_command": {"clean_cache": {}}},
]

ANALYSES: list[Fields] = [
    {"schema": {"plan": {"root": IN}}},
    {"schema": {"plan": {"compressed_operation": {"data": PACKED, "op_type": 1, "compression_codec": 1}}}},
    {"explain": {"plan": {"root": IN}, "explain_mode": 1}},
    {"tree_string": {"plan": {"root": IN}, "level": 1}},
    {"is_local": {"plan": {"root": IN}}},
    {"is_streaming": {"plan": {"root": IN}}},
    {"input_files": {"plan": {"root": IN}}},
    {"spark_version": {}},
    {"ddl_parse": {"ddl_string": "a INT"}},
    {"same_semantics": {"target_plan": {"root": IN}, "other_plan": {"root": IN}}},
    {"semantic_hash": {"plan": {"root": IN}}},
    {"persist": {"relation": IN, "storage_level": {"use_disk": True}}},
    {"unpersist": {"relation": IN, "blocking": True}},
    {"get_storage_level": {"relation": IN}},
    {"json_to_ddl": {"json_string": '{"type":"struct","fields":[]}'}},
]

CONFIGS: list[Fields] = [
    {"set": {"pairs": [{"key": "a", "value": "b"}]}},
    {"set": {"pairs": [{"key": "spark.sql.warehouse.dir", "value": "b"}]}},
    {"get": {"keys": ["spark.sql.caseSensitive"]}},
    {"get_with_default": {"pairs": [{"key": "a", "value": "b"}]}},
    {"get_option": {"keys": ["a"]}},
    {"get_all": {"prefix": "spark."}},
    {"unset": {"keys": ["x.set"]}},
    {"is_modifiable": {"keys": ["spark.sql.caseSensitive"]}},
]
