"""Relations of the protocol to unresolved plans: one function a relation type, found in `_RELATIONS`."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Protocol

from headrace_driver.connect import reads, statistics
from headrace_driver.connect.expressions import Expressions, SqlFront
from headrace_driver.connect.invalid_plan import field_not_set, invalid_plan, oneof_not_set, too_deep, unknown_enum
from headrace_driver.connect.protocol import Proto, unknown_fields
from headrace_driver.errors import SparkError, unsupported
from headrace_driver.plan import expressions as e
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t

SUBQUERIES_MAX = 10_000
"""Subqueries of one plan, each counted as often as it is referred to: a few that refer to each other twice make
billions."""
RELATIONS_DEEP_MAX = 10_000
"""Relations in one another: what comes after conversion takes seconds at this depth and minutes beyond."""


class LocalSource(Protocol):
    """What conversion needs of the session: data the client uploaded before, and a setting."""

    @property
    def default_format(self) -> str:
        """spark.sql.sources.default."""
        ...

    def local_relation(self, proto: Proto) -> p.LogicalPlan:
        """Of a LocalRelation, CachedLocalRelation or ChunkedCachedLocalRelation."""
        ...

    def catalog_relation(self, proto: Proto) -> p.LogicalPlan:
        """The answer to a call of `spark.catalog`, as a relation."""
        ...

    def remote_relation(self, relation_id: str) -> p.LogicalPlan:
        """A relation that an earlier command left here (checkpoint)."""
        ...


class Relations:
    """Converts one plan. Not to be used twice: it remembers the relations that subqueries refer to."""

    def __init__(self, sql: SqlFront, local: LocalSource) -> None:
        self.sql = sql
        self.local = local
        self._references: dict[int, Proto] = {}
        self._within: set[int] = set()
        self._subqueries = 0
        self._depth = 0
        self.expressions = Expressions(sql, self._subquery)

    def convert(self, proto: Proto) -> p.LogicalPlan:
        """The unresolved plan of a relation, under its plan id."""
        kind = proto.WhichOneof("rel_type")
        if kind is None:
            raise _nothing_set(proto)
        handler = RELATIONS.get(kind)
        if handler is None:
            raise unsupported(_UNSUPPORTED.get(kind, f"relations of kind {kind}"))
        message = getattr(proto, kind)
        if newer := unknown_fields(message):
            raise unsupported(f"the field number {newer[0]} of {kind} of a newer Spark Connect protocol")
        self._depth += 1
        if self._depth > RELATIONS_DEEP_MAX:
            raise too_deep()
        plan = handler(self, message)
        self._depth -= 1
        if proto.HasField("common") and proto.common.HasField("plan_id"):
            return p.Identified(plan, proto.common.plan_id)
        return plan

    def input(self, message: Proto, name: str = "input") -> p.LogicalPlan:
        """The plan of a required child."""
        if not message.HasField(name):
            raise field_not_set(message.DESCRIPTOR.full_name, name)
        return self.convert(getattr(message, name))

    def _subquery(self, plan_id: int) -> p.LogicalPlan:
        reference = self._references.get(plan_id)
        if reference is None:
            raise invalid_plan(
                "SUBQUERY_PLAN_NOT_FOUND",
                f"The plan {plan_id} that a subquery refers to is not among the relations sent.",
                {"planId": str(plan_id)},
            )
        if plan_id in self._within:
            raise invalid_plan(
                "SUBQUERY_PLAN_WITHIN_ITSELF",
                f"The plan {plan_id} refers to itself as a subquery.",
                {"planId": str(plan_id)},
            )
        self._subqueries += 1
        if self._subqueries > SUBQUERIES_MAX:
            raise too_deep()
        self._within.add(plan_id)
        plan = self.convert(reference)
        self._within.discard(plan_id)
        return plan

    def with_references(self, message: Proto) -> p.LogicalPlan:
        """WithRelations: plans that subqueries of the root refer to, or (under SQL text) views of the text."""
        if message.root.WhichOneof("rel_type") == "sql":
            definitions: list[tuple[str, tuple[str, ...], p.LogicalPlan]] = []
            for reference in message.references:
                if reference.WhichOneof("rel_type") != "subquery_alias":
                    raise invalid_plan(
                        "INVALID_SQL_WITH_REFERENCES", "The plan is not a valid relation for SQL with references."
                    )
                alias = reference.subquery_alias
                definitions.append((alias.alias, (), self.input(alias)))
            return p.WithCTE(self.convert(message.root), tuple(definitions))
        for reference in message.references:
            self._references[reference.common.plan_id] = reference
        return self.input(message, "root")


def _project(r: Relations, m: Proto) -> p.LogicalPlan:
    child = r.convert(m.input) if m.HasField("input") else p.OneRow()
    return p.UnresolvedProject(child, r.expressions.convert_all(m.expressions))


def _filter(r: Relations, m: Proto) -> p.LogicalPlan:
    if not m.HasField("condition"):
        raise field_not_set("spark.connect.Filter", "condition")
    return p.Filter(r.input(m), r.expressions.convert(m.condition))


_JOIN_TYPES = {
    1: p.JoinType.INNER,
    2: p.JoinType.FULL,
    3: p.JoinType.LEFT,
    4: p.JoinType.RIGHT,
    5: p.JoinType.ANTI,
    6: p.JoinType.SEMI,
    7: p.JoinType.CROSS,
}


def _join_type(message: str, value: int) -> p.JoinType:
    found = _JOIN_TYPES.get(value)
    if found is None:
        raise unknown_enum(message, "join_type", value)
    return found


def _join(r: Relations, m: Proto) -> p.LogicalPlan:
    if m.HasField("join_data_type"):
        raise unsupported("joinWith (typed joins)")
    if m.HasField("join_condition") and len(m.using_columns) > 0:
        raise invalid_plan(
            "USING_COLUMNS_OR_JOIN_CONDITION_SET_IN_JOIN",
            "Using columns or join conditions cannot be set at the same time in Join",
        )
    join_type = _join_type("spark.connect.Join", m.join_type)
    condition = r.expressions.convert(m.join_condition) if m.HasField("join_condition") else None
    return p.UnresolvedJoin(r.input(m, "left"), r.input(m, "right"), join_type, condition, tuple(m.using_columns))


def _lateral_join(r: Relations, m: Proto) -> p.LogicalPlan:
    join_type = _join_type("spark.connect.LateralJoin", m.join_type)
    condition = r.expressions.convert(m.join_condition) if m.HasField("join_condition") else None
    return p.UnresolvedJoin(r.input(m, "left"), r.input(m, "right"), join_type, condition, lateral=True)


_SET_KINDS = {1: p.SetKind.INTERSECT, 2: p.SetKind.UNION, 3: p.SetKind.EXCEPT}


def _set_operation(r: Relations, m: Proto) -> p.LogicalPlan:
    kind = _SET_KINDS.get(m.set_op_type)
    if kind is None:
        raise unknown_enum("spark.connect.SetOperation", "set_op_type", m.set_op_type)
    if m.by_name and kind is not p.SetKind.UNION:
        raise invalid_plan("SET_OPERATION_BY_NAME", f"{kind.value.title()} does not support by_name")
    if m.allow_missing_columns and not m.by_name:
        raise invalid_plan(
            "UNION_BY_NAME_ALLOW_MISSING_COL",
            "UnionByName `allowMissingCol` can be true only if `byName` is true.",
        )
    left, right = r.input(m, "left_input"), r.input(m, "right_input")
    return p.UnresolvedSetOperation(left, right, kind, m.is_all, m.by_name, m.allow_missing_columns)


def _sort(r: Relations, m: Proto) -> p.LogicalPlan:
    return p.Sort(r.input(m), tuple(r.expressions.sort_order(order) for order in m.order), m.is_global)


def _int(value: int) -> e.Literal:
    return e.Literal(value, t.INTEGER)


def _limit(r: Relations, m: Proto) -> p.LogicalPlan:
    return p.Limit(r.input(m), _int(m.limit))


def _offset(r: Relations, m: Proto) -> p.LogicalPlan:
    return p.Limit(r.input(m), None, _int(m.offset))


def _tail(r: Relations, m: Proto) -> p.LogicalPlan:
    return p.Tail(r.input(m), m.limit)


_GROUP_KINDS = {1: "groupby", 2: "rollup", 3: "cube", 4: "pivot", 5: "grouping_sets"}


def _aggregate(r: Relations, m: Proto) -> p.LogicalPlan:
    kind = _GROUP_KINDS.get(m.group_type)
    if kind is None:
        raise unknown_enum("spark.connect.Aggregate", "group_type", m.group_type)
    convert = r.expressions.convert_all
    pivot_column: e.Expression | None = None
    pivot_values: tuple[e.Expression, ...] | None = None
    if kind == "pivot":
        if not m.HasField("pivot") or not m.pivot.HasField("col"):
            raise field_not_set("spark.connect.Aggregate", "pivot")
        pivot_column = r.expressions.convert(m.pivot.col)
        # No values: analysis has to find the distinct ones.
        pivot_values = tuple(r.expressions.literal(value) for value in m.pivot.values) or None
    if kind == "grouping_sets" and not m.grouping_sets:
        raise field_not_set("spark.connect.Aggregate", "grouping_sets")
    return p.GroupingAnalytics(
        r.input(m),
        kind,
        convert(m.grouping_expressions),
        convert(m.aggregate_expressions),
        tuple(convert(each.grouping_set) for each in m.grouping_sets),
        pivot_column=pivot_column,
        pivot_values=pivot_values,
        prepend_grouping=True,
    )


def _sql(r: Relations, m: Proto) -> p.LogicalPlan:
    return sql_plan(r, m)


def sql_plan(r: Relations, m: Proto) -> p.LogicalPlan:
    """The plan of SQL text with its arguments; `m` is a SQL relation, or the SqlCommand of a 3.5 client."""
    named: dict[str, e.Expression] = {
        **{name: r.expressions.literal(value) for name, value in m.args.items()},
        **{name: r.expressions.convert(value) for name, value in m.named_arguments.items()},
    }
    positional = [*map(r.expressions.literal, m.pos_args), *map(r.expressions.convert, m.pos_arguments)]
    if named and positional:
        raise invalid_plan("SQL_ARGUMENTS", "Named and positional arguments cannot be used together.")
    return r.sql.parse_statement(m.query if hasattr(m, "query") else m.sql, named or None, positional or None)


def _sample(r: Relations, m: Proto) -> p.LogicalPlan:
    seed = m.seed if m.HasField("seed") else random.randrange(-(2**63), 2**63)
    return p.Sample(r.input(m), m.lower_bound, m.upper_bound, m.with_replacement, seed, m.deterministic_order)


def _deduplicate(r: Relations, m: Proto) -> p.LogicalPlan:
    if m.all_columns_as_keys and len(m.column_names) > 0:
        raise invalid_plan(
            "DEDUPLICATE_ALL_COLUMNS_AND_SUBSET",
            "Cannot deduplicate on both all columns and a subset of columns",
        )
    if not m.all_columns_as_keys and not m.column_names:
        raise invalid_plan(
            "DEDUPLICATE_REQUIRES_ALL_COLUMNS_OR_SUBSET",
            "Deduplicate requires to either deduplicate on all columns or a subset of columns",
        )
    if m.within_watermark:
        raise unsupported("dropDuplicatesWithinWatermark (structured streaming)")
    return p.Deduplicate(r.input(m), None if m.all_columns_as_keys else tuple(m.column_names))


def _range(r: Relations, m: Proto) -> p.LogicalPlan:
    if m.step == 0:
        raise SparkError("INVALID_PARAMETER_VALUE.RANGE_STEP", "step (0) cannot be 0", {}, sql_state="22023")
    return p.Range(m.start, m.end, m.step, m.num_partitions if m.HasField("num_partitions") else None)


def _subquery_alias(r: Relations, m: Proto) -> p.LogicalPlan:
    if len(m.qualifier) > 0:
        raise unsupported("aliases with a qualifier")
    return p.SubqueryAlias(r.input(m), m.alias)


def _repartition(r: Relations, m: Proto) -> p.LogicalPlan:
    _check_partitions(m.num_partitions)
    return p.Repartition(r.input(m), m.num_partitions, m.shuffle)


def _repartition_by_expression(r: Relations, m: Proto) -> p.LogicalPlan:
    partitions = m.num_partitions if m.HasField("num_partitions") else None
    if partitions is not None:
        _check_partitions(partitions)
    return p.Repartition(r.input(m), partitions, True, r.expressions.convert_all(m.partition_exprs))


def _check_partitions(count: int) -> None:
    if count <= 0:
        raise SparkError(
            "INVALID_PARAMETER_VALUE.PARTITION_COUNT",
            f"Number of partitions ({count}) must be positive.",
            {"count": str(count)},
            sql_state="22023",
        )


def _to_df(r: Relations, m: Proto) -> p.LogicalPlan:
    return p.ToDF(r.input(m), tuple(m.column_names))


def _with_columns_renamed(r: Relations, m: Proto) -> p.LogicalPlan:
    renames = [(each.col_name, each.new_col_name) for each in m.renames]
    # Clients before 4.0 send a map.
    renames.extend(m.rename_columns_map.items())
    return p.WithColumnsRenamed(r.input(m), tuple(renames))


def _with_columns(r: Relations, m: Proto) -> p.LogicalPlan:
    columns = [r.expressions.alias(alias) for alias in m.aliases]
    aliases = tuple(column for column in columns if isinstance(column, e.Alias))
    if len(aliases) != len(columns):
        raise invalid_plan("WITH_COLUMNS_REQUIRE_SINGLE_NAME_PART", "WithColumns require column name only.")
    return p.WithColumns(r.input(m), aliases)


def _drop(r: Relations, m: Proto) -> p.LogicalPlan:
    return p.DropColumns(r.input(m), r.expressions.convert_all(m.columns), tuple(m.column_names))


def _hint(r: Relations, m: Proto) -> p.LogicalPlan:
    return p.Hint(r.input(m), m.name, r.expressions.convert_all(m.parameters))


def _unpivot(r: Relations, m: Proto) -> p.LogicalPlan:
    values: tuple[tuple[e.Expression, ...], ...] | None = None
    if m.HasField("values"):
        values = tuple((value,) for value in r.expressions.convert_all(m.values.values))
    ids = r.expressions.convert_all(m.ids)
    return p.Unpivot(r.input(m), ids, values, m.variable_column_name, (m.value_column_name,))


def _to_schema(r: Relations, m: Proto) -> p.LogicalPlan:
    schema = r.expressions.data_type(m.schema)
    if not isinstance(schema, t.StructType):
        raise invalid_plan("SCHEMA_REQUIRED_FOR_LOCAL_RELATION", "The schema of ToSchema is not a struct.")
    return p.ToSchema(r.input(m), schema)


def _table_function(r: Relations, m: Proto) -> p.LogicalPlan:
    return p.UnresolvedTableFunction((m.function_name,), r.expressions.convert_all(m.arguments))


def _local(r: Relations, m: Proto) -> p.LogicalPlan:
    return r.local.local_relation(m)


def _catalog(r: Relations, m: Proto) -> p.LogicalPlan:
    return r.local.catalog_relation(m)


def _remote(r: Relations, m: Proto) -> p.LogicalPlan:
    return r.local.remote_relation(m.relation_id)


def _read(r: Relations, m: Proto) -> p.LogicalPlan:
    return reads.read(m, r.sql, r.local.default_format)


RELATIONS: dict[str, Callable[[Relations, Proto], p.LogicalPlan]] = {
    "read": _read,
    "project": _project,
    "filter": _filter,
    "join": _join,
    "set_op": _set_operation,
    "sort": _sort,
    "limit": _limit,
    "aggregate": _aggregate,
    "sql": _sql,
    "local_relation": _local,
    "sample": _sample,
    "offset": _offset,
    "deduplicate": _deduplicate,
    "range": _range,
    "subquery_alias": _subquery_alias,
    "repartition": _repartition,
    "to_df": _to_df,
    "with_columns_renamed": _with_columns_renamed,
    "drop": _drop,
    "tail": _tail,
    "with_columns": _with_columns,
    "hint": _hint,
    "unpivot": _unpivot,
    "to_schema": _to_schema,
    "repartition_by_expression": _repartition_by_expression,
    "cached_local_relation": _local,
    "chunked_cached_local_relation": _local,
    "cached_remote_relation": _remote,
    "with_relations": Relations.with_references,
    "unresolved_table_valued_function": _table_function,
    "lateral_join": _lateral_join,
    "catalog": _catalog,
    "transpose": statistics.transpose,
    "fill_na": statistics.fill_na,
    "drop_na": statistics.drop_na,
    "replace": statistics.replace_na,
    "summary": statistics.summary,
    "describe": statistics.describe,
    "crosstab": statistics.crosstab,
    "cov": statistics.cov,
    "corr": statistics.corr,
    "approx_quantile": statistics.approx_quantile,
    "freq_items": statistics.freq_items,
    "sample_by": statistics.sample_by,
}

_UNSUPPORTED = {
    "show_string": "show() inside another relation",
    "html_string": "HTML display inside another relation",
    "map_partitions": "mapInPandas and mapInArrow",
    "collect_metrics": "observe (observed metrics)",
    "parse": "reading CSV, JSON or XML from a DataFrame of texts",
    "group_map": "groupBy().applyInPandas and transformWithState",
    "co_group_map": "cogroup().applyInPandas",
    "with_watermark": "withWatermark (structured streaming)",
    "apply_in_pandas_with_state": "applyInPandasWithState (structured streaming)",
    "common_inline_user_defined_table_function": "user-defined table functions",
    "as_of_join": "as-of joins",
    "nearest_by_join": "nearest-by joins",
    "common_inline_user_defined_data_source": "Python data sources",
    "relation_changes": "change data feeds",
    "ml_relation": "machine learning (pyspark.ml) on the server",
    "extension": "relation plugins",
    "unknown": "relations of kind Unknown",
}


def _nothing_set(proto: Proto) -> SparkError:
    newer = unknown_fields(proto)
    if newer:
        return unsupported(f"the relation with field number {newer[0]} of a newer Spark Connect protocol")
    return oneof_not_set("spark.connect.Relation", "RELTYPE_NOT_SET")
