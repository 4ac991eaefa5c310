"""Relations of the protocol to plans. Plans compare by identity, so they are compared by their rendering."""

from __future__ import annotations

from typing import Any

import pytest

from headrace_driver.connect.conversion import SessionSql
from headrace_driver.connect.protocol import relations_pb2
from headrace_driver.connect.relations import Relations
from headrace_driver.connect.write_commands import write
from headrace_driver.errors import SparkError
from headrace_driver.plan import expressions as e
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t

Relation = relations_pb2.Relation
_IN: dict[str, Any] = {"range": {"end": 3, "step": 1}}
_COL: dict[str, Any] = {"unresolved_attribute": {"unparsed_identifier": "a"}}
_ONE: dict[str, Any] = {"literal": {"integer": 1}}

_CHILD = p.Range(0, 3, 1)
_A = e.UnresolvedAttribute(("a",))
_LIT = e.Literal(1, t.INTEGER)


class _Local:
    default_format = "parquet"

    def local_relation(self, proto: Any) -> p.LogicalPlan:
        return p.OneRow()

    def catalog_relation(self, proto: Any) -> p.LogicalPlan:
        return p.OneRow()

    def remote_relation(self, relation_id: str) -> p.LogicalPlan:
        return p.UnresolvedRelation((relation_id,))


def _convert(proto: Any) -> p.LogicalPlan:
    return Relations(SessionSql("UTC"), _Local()).convert(proto)


def _same(plan: p.LogicalPlan, expected: p.LogicalPlan) -> None:
    assert repr(plan) == repr(expected)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"project": {"input": _IN, "expressions": [_COL]}}, p.UnresolvedProject(_CHILD, (_A,))),
        ({"project": {"expressions": [_ONE]}}, p.UnresolvedProject(p.OneRow(), (_LIT,))),
        ({"filter": {"input": _IN, "condition": _COL}}, p.Filter(_CHILD, _A)),
        (
            {"join": {"left": _IN, "right": _IN, "join_condition": _COL, "join_type": 3}},
            p.UnresolvedJoin(_CHILD, _CHILD, p.JoinType.LEFT, _A),
        ),
        (
            {"join": {"left": _IN, "right": _IN, "using_columns": ["id"], "join_type": 6}},
            p.UnresolvedJoin(_CHILD, _CHILD, p.JoinType.SEMI, using=("id",)),
        ),
        (
            {"lateral_join": {"left": _IN, "right": _IN, "join_type": 1}},
            p.UnresolvedJoin(_CHILD, _CHILD, p.JoinType.INNER, lateral=True),
        ),
        (
            {"set_op": {"left_input": _IN, "right_input": _IN, "set_op_type": 2, "is_all": True}},
            p.UnresolvedSetOperation(_CHILD, _CHILD, p.SetKind.UNION, True),
        ),
        (
            {
                "set_op": {
                    "left_input": _IN,
                    "right_input": _IN,
                    "set_op_type": 2,
                    "by_name": True,
                    "allow_missing_columns": True,
                }
            },
            p.UnresolvedSetOperation(_CHILD, _CHILD, p.SetKind.UNION, False, True, True),
        ),
        (
            {"sort": {"input": _IN, "order": [{"child": _COL, "direction": 2, "null_ordering": 2}], "is_global": True}},
            p.Sort(_CHILD, (e.SortOrder(_A, False, False),), True),
        ),
        ({"limit": {"input": _IN, "limit": 1}}, p.Limit(_CHILD, _LIT)),
        ({"offset": {"input": _IN, "offset": 1}}, p.Limit(_CHILD, None, _LIT)),
        ({"tail": {"input": _IN, "limit": 1}}, p.Tail(_CHILD, 1)),
        (
            {
                "aggregate": {
                    "input": _IN,
                    "group_type": 2,
                    "grouping_expressions": [_COL],
                    "aggregate_expressions": [_ONE],
                }
            },
            p.GroupingAnalytics(_CHILD, "rollup", (_A,), (_LIT,), prepend_grouping=True),
        ),
        (
            {
                "aggregate": {
                    "input": _IN,
                    "group_type": 4,
                    "grouping_expressions": [_COL],
                    "aggregate_expressions": [_ONE],
                    "pivot": {"col": _COL, "values": [{"integer": 1}]},
                }
            },
            p.GroupingAnalytics(
                _CHILD, "pivot", (_A,), (_LIT,), pivot_column=_A, pivot_values=(_LIT,), prepend_grouping=True
            ),
        ),
        (
            {
                "aggregate": {
                    "input": _IN,
                    "group_type": 5,
                    "grouping_expressions": [_COL],
                    "grouping_sets": [{"grouping_set": [_COL]}, {}],
                }
            },
            p.GroupingAnalytics(_CHILD, "grouping_sets", (_A,), (), ((_A,), ()), prepend_grouping=True),
        ),
        (
            {"sample": {"input": _IN, "lower_bound": 0.1, "upper_bound": 0.5, "seed": 7, "deterministic_order": True}},
            p.Sample(_CHILD, 0.1, 0.5, False, 7, True),
        ),
        ({"deduplicate": {"input": _IN, "all_columns_as_keys": True}}, p.Deduplicate(_CHILD)),
        ({"deduplicate": {"input": _IN, "column_names": ["a"]}}, p.Deduplicate(_CHILD, ("a",))),
        ({"range": {"start": 1, "end": 5, "step": 2, "num_partitions": 3}}, p.Range(1, 5, 2, 3)),
        ({"subquery_alias": {"input": _IN, "alias": "x"}}, p.SubqueryAlias(_CHILD, "x")),
        ({"repartition": {"input": _IN, "num_partitions": 3}}, p.Repartition(_CHILD, 3, False)),
        (
            {"repartition_by_expression": {"input": _IN, "partition_exprs": [{"sort_order": {"child": _COL}}]}},
            p.Repartition(_CHILD, None, True, (e.SortOrder(_A),)),
        ),
        ({"to_df": {"input": _IN, "column_names": ["x"]}}, p.ToDF(_CHILD, ("x",))),
        (
            {"with_columns_renamed": {"input": _IN, "renames": [{"col_name": "a", "new_col_name": "b"}]}},
            p.WithColumnsRenamed(_CHILD, (("a", "b"),)),
        ),
        # As clients before 4.0 say it.
        (
            {"with_columns_renamed": {"input": _IN, "rename_columns_map": {"a": "b"}}},
            p.WithColumnsRenamed(_CHILD, (("a", "b"),)),
        ),
        (
            {"with_columns": {"input": _IN, "aliases": [{"expr": _COL, "name": ["x"]}]}},
            p.WithColumns(_CHILD, (e.Alias(_A, "x"),)),
        ),
        (
            {"drop": {"input": _IN, "columns": [_COL], "column_names": ["x"]}},
            p.DropColumns(_CHILD, (_A,), ("x",)),
        ),
        ({"hint": {"input": _IN, "name": "BROADCAST", "parameters": [_ONE]}}, p.Hint(_CHILD, "BROADCAST", (_LIT,))),
        (
            {
                "unpivot": {
                    "input": _IN,
                    "ids": [_COL],
                    "values": {"values": [_COL]},
                    "variable_column_name": "n",
                    "value_column_name": "v",
                }
            },
            p.Unpivot(_CHILD, (_A,), ((_A,),), "n", ("v",)),
        ),
        (
            {"unpivot": {"input": _IN, "ids": [_COL], "variable_column_name": "n", "value_column_name": "v"}},
            p.Unpivot(_CHILD, (_A,), None, "n", ("v",)),
        ),
        (
            {
                "to_schema": {
                    "input": _IN,
                    "schema": {"struct": {"fields": [{"name": "x", "data_type": {"long": {}}, "nullable": True}]}},
                }
            },
            p.ToSchema(_CHILD, t.StructType((t.StructField("x", t.LONG),))),
        ),
        (
            {"unresolved_table_valued_function": {"function_name": "range", "arguments": [_ONE]}},
            p.UnresolvedTableFunction(("range",), (_LIT,)),
        ),
        ({"local_relation": {"schema": "a int"}}, p.OneRow()),
        ({"cached_remote_relation": {"relation_id": "x"}}, p.UnresolvedRelation(("x",))),
        (
            {"read": {"named_table": {"unparsed_identifier": "db.`t.x`", "options": {"Key": "v"}}}},
            p.UnresolvedRelation(("db", "t.x"), {"key": "v"}),
        ),
        (
            {
                "read": {
                    "data_source": {
                        "format": "CSV",
                        "schema": "a int",
                        "options": {"Header": "true"},
                        "paths": ["/a", "/b"],
                    }
                }
            },
            p.ReadFiles("csv", ("/a", "/b"), t.StructType((t.StructField("a", t.INTEGER),)), {"header": "true"}),
        ),
        ({"read": {"data_source": {"options": {"path": "/a"}}}}, p.ReadFiles("parquet", ("/a",))),
        (
            {"fill_na": {"input": _IN, "cols": ["a"], "values": [{"integer": 1}]}},
            p.Rewritten(_CHILD, "na_fill", {"cols": ("a",), "values": (_LIT,)}),
        ),
        ({"drop_na": {"input": _IN}}, p.Rewritten(_CHILD, "na_drop", {"cols": (), "min_non_nulls": None})),
        (
            {"replace": {"input": _IN, "replacements": [{"old_value": {"integer": 1}, "new_value": {"integer": 1}}]}},
            p.Rewritten(_CHILD, "na_replace", {"cols": (), "replacements": ((_LIT, _LIT),)}),
        ),
        ({"summary": {"input": _IN}}, p.Rewritten(_CHILD, "summary", {"statistics": ()})),
        ({"describe": {"input": _IN, "cols": ["a"]}}, p.Rewritten(_CHILD, "describe", {"cols": ("a",)})),
        (
            {"corr": {"input": _IN, "col1": "a", "col2": "b"}},
            p.Rewritten(_CHILD, "corr", {"col1": "a", "col2": "b", "method": "pearson"}),
        ),
        (
            {
                "approx_quantile": {
                    "input": _IN,
                    "cols": ["a"],
                    "probabilities": [0.5],
                    "relative_error": 0.1,
                }
            },
            p.Rewritten(_CHILD, "approx_quantile", {"cols": ("a",), "probabilities": (0.5,), "relative_error": 0.1}),
        ),
        ({"freq_items": {"input": _IN}}, p.Rewritten(_CHILD, "freq_items", {"cols": (), "support": 0.01})),
        (
            {
                "sample_by": {
                    "input": _IN,
                    "col": _COL,
                    "fractions": [{"stratum": {"integer": 1}, "fraction": 0.5}],
                    "seed": 3,
                }
            },
            p.Rewritten(_CHILD, "sample_by", {"col": _A, "fractions": ((_LIT, 0.5),), "seed": 3}),
        ),
        ({"transpose": {"input": _IN}}, p.Rewritten(_CHILD, "transpose", {"index_columns": ()})),
        ({"common": {"plan_id": 9}, "range": {"end": 3, "step": 1}}, p.Identified(_CHILD, 9)),
    ],
    ids=lambda value: next(iter(k for k in value if k != "common")) if isinstance(value, dict) else "",
)
def test_relations(fields: dict[str, Any], expected: p.LogicalPlan) -> None:
    _same(_convert(Relation(**fields)), expected)


def test_sql_with_arguments() -> None:
    named = _convert(Relation(sql={"query": "select :x as a", "named_arguments": {"x": _ONE}}))
    positional = _convert(Relation(sql={"query": "select ? as a", "pos_arguments": [_ONE]}))
    old = _convert(Relation(sql={"query": "select :x as a", "args": {"x": {"integer": 1}}}))
    assert repr(named) == repr(positional) == repr(old)
    assert isinstance(named, p.UnresolvedProject)


def test_relations_nested_too_deeply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace_driver.connect.relations.RELATIONS_DEEP_MAX", 3)
    plan = relations_pb2.Relation(range={"end": 3, "step": 1})
    for _ in range(2):
        plan = relations_pb2.Relation(limit={"input": plan, "limit": 1})
    _convert(plan)
    # Side by side is not in one another.
    _convert(relations_pb2.Relation(join={"left": plan.limit.input, "right": plan.limit.input, "join_type": 7}))
    with pytest.raises(SparkError, match="too complex"):
        _convert(relations_pb2.Relation(limit={"input": plan, "limit": 1}))


def test_subqueries_refer_to_relations_sent_along() -> None:
    reference = {"common": {"plan_id": 5}, **_IN}
    subquery = {"subquery_expression": {"plan_id": 5, "subquery_type": 2}}
    fields = {"root": {"filter": {"input": _IN, "condition": subquery}}, "references": [reference]}
    _same(_convert(Relation(with_relations=fields)), p.Filter(_CHILD, e.Exists(p.Identified(_CHILD, 5))))


def test_a_subquery_without_its_relation() -> None:
    subquery = {"subquery_expression": {"plan_id": 5, "subquery_type": 2}}
    with pytest.raises(SparkError, match="SUBQUERY_PLAN_NOT_FOUND"):
        _convert(Relation(filter={"input": _IN, "condition": subquery}))


def test_sql_over_data_frames() -> None:
    fields = {
        "root": {"sql": {"query": "select * from x"}},
        "references": [{"subquery_alias": {"input": _IN, "alias": "x"}}],
    }
    plan = _convert(Relation(with_relations=fields))
    assert isinstance(plan, p.WithCTE)
    assert repr(plan.definitions) == repr((("x", (), _CHILD),))


@pytest.mark.parametrize(
    ("fields", "condition"),
    [
        ({"filter": {"input": _IN}}, "CONNECT_INVALID_PLAN.FIELD_NOT_SET"),
        ({"limit": {"limit": 1}}, "CONNECT_INVALID_PLAN.FIELD_NOT_SET"),
        ({"join": {"left": _IN, "right": _IN}}, "CONNECT_INVALID_PLAN.UNKNOWN_ENUM_VALUE"),
        (
            {"join": {"left": _IN, "right": _IN, "join_type": 1, "join_data_type": {}}},
            "UNSUPPORTED_FEATURE.HEADRACE",
        ),
        ({"set_op": {"left_input": _IN, "right_input": _IN}}, "CONNECT_INVALID_PLAN.UNKNOWN_ENUM_VALUE"),
        ({"aggregate": {"input": _IN}}, "CONNECT_INVALID_PLAN.UNKNOWN_ENUM_VALUE"),
        ({"deduplicate": {"input": _IN}}, "CONNECT_INVALID_PLAN.DEDUPLICATE_REQUIRES_ALL_COLUMNS_OR_SUBSET"),
        (
            {"deduplicate": {"input": _IN, "column_names": ["a"], "within_watermark": True}},
            "UNSUPPORTED_FEATURE.HEADRACE",
        ),
        ({"subquery_alias": {"input": _IN, "alias": "x", "qualifier": ["y"]}}, "UNSUPPORTED_FEATURE.HEADRACE"),
        ({"read": {"named_table": {"unparsed_identifier": "t"}, "is_streaming": True}}, "UNSUPPORTED_FEATURE.HEADRACE"),
        ({"read": {"data_source": {"predicates": ["x"]}}}, "UNSUPPORTED_FEATURE.HEADRACE"),
        ({"read": {"data_source": {"options": {"path": "/a"}, "paths": ["/b"]}}}, "_LEGACY_ERROR_TEMP_1306"),
        ({"fill_na": {"input": _IN}}, "CONNECT_INVALID_PLAN.NA_FILL_VALUES_EMPTY"),
        ({"show_string": {"input": _IN}}, "UNSUPPORTED_FEATURE.HEADRACE"),
        ({"map_partitions": {"input": _IN}}, "UNSUPPORTED_FEATURE.HEADRACE"),
        ({"with_watermark": {"input": _IN}}, "UNSUPPORTED_FEATURE.HEADRACE"),
        ({"unknown": {}}, "UNSUPPORTED_FEATURE.HEADRACE"),
        ({"repartition": {"input": _IN}}, "INVALID_PARAMETER_VALUE.PARTITION_COUNT"),
        ({"corr": {"input": _IN, "method": "spearman"}}, "UNSUPPORTED_FEATURE.HEADRACE"),
        (
            {"to_schema": {"input": _IN, "schema": {"integer": {}}}},
            "CONNECT_INVALID_PLAN.SCHEMA_REQUIRED_FOR_LOCAL_RELATION",
        ),
    ],
)
def test_what_is_refused(fields: dict[str, Any], condition: str) -> None:
    with pytest.raises(SparkError) as error:
        _convert(Relation(**fields))
    assert error.value.error_class == condition


def _write(**fields: Any) -> p.LogicalPlan:
    from headrace_driver.connect.protocol import commands_pb2

    return write(commands_pb2.WriteOperation(input=_IN, **fields), Relations(SessionSql("UTC"), _Local()))


def test_writes() -> None:
    _same(_write(path="/x"), p.WriteFiles(_CHILD, "parquet", "/x"))
    _same(
        _write(source="CSV", path="/x", mode=2, partitioning_columns=["a"], options={"Header": "true"}),
        p.WriteFiles(_CHILD, "csv", "/x", p.SaveMode.OVERWRITE, ("a",), {"header": "true"}),
    )
    _same(_write(options={"path": "/y"}, mode=4), p.WriteFiles(_CHILD, "parquet", "/y", p.SaveMode.IGNORE))


def test_sorting_files_needs_buckets() -> None:
    with pytest.raises(SparkError) as error:
        _write(path="/x", sort_column_names=["a"])
    assert error.value.error_class == "SORT_BY_WITHOUT_BUCKETING"


@pytest.mark.parametrize(
    "fields",
    [
        {"table": {"table_name": "t", "save_method": 1}},
        {"path": "/x", "bucket_by": {"num_buckets": 2}},
        {"path": "/x", "clustering_columns": ["a"]},
        {"path": "/x", "with_schema_evolution": True},
    ],
)
def test_writes_that_need_tables(fields: dict[str, Any]) -> None:
    with pytest.raises(SparkError) as error:
        _write(**fields)
    assert error.value.error_class == "UNSUPPORTED_FEATURE.HEADRACE"


def test_a_write_without_a_path() -> None:
    with pytest.raises(SparkError, match="path"):
        _write()
