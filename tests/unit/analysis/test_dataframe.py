"""DataFrame operators, as Spark Connect sends them: columns tied to DataFrames by plan id, changes by name."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest

from headrace_driver.errors import SparkError
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis import analyze
from headrace_driver.plan.expressions import (
    Alias,
    Expression,
    Literal,
    SortOrder,
    UnresolvedAttribute,
    UnresolvedFunction,
    UnresolvedStar,
)
from headrace_driver.plan.logical import JoinHint, JoinType, LogicalPlan
from headrace_driver.sql import parse_statement
from tests.unit.analysis.golden import TABLES
from tests.unit.analysis.session import FakeSession, schema_text


def table(name: str, plan_id: int) -> LogicalPlan:
    """`spark.table(name)` as one DataFrame."""
    return p.Identified(p.UnresolvedRelation((name,)), plan_id)


def column(name: str, plan_id: int | None = None) -> UnresolvedAttribute:
    """`col(name)`, or `df[name]` with the plan id of `df`."""
    return UnresolvedAttribute(tuple(name.split(".")), plan_id)


def call(name: str, *args: Expression) -> UnresolvedFunction:
    return UnresolvedFunction((name,), args)


def number(value: int) -> Literal:
    return Literal(value, t.INTEGER)


def schema(plan: LogicalPlan) -> str:
    return schema_text(analyze(plan, FakeSession(TABLES)))


def failure(plan: LogicalPlan) -> SparkError:
    with pytest.raises(SparkError) as caught:
        analyze(plan, FakeSession(TABLES))
    return caught.value


def join(
    left: LogicalPlan, right: LogicalPlan, condition: Expression | None, kind: JoinType = JoinType.INNER
) -> LogicalPlan:
    return p.Identified(p.UnresolvedJoin(left, right, kind, condition), 99)


def on_a() -> Expression:
    """t (plan 1) and u (plan 2) joined on a."""
    return call("=", column("a", 1), column("a", 2))


def test_columns_of_both_sides_of_a_join() -> None:
    joined = join(table("t", 1), table("u", 2), on_a())
    plan = p.UnresolvedProject(joined, (column("a", 1), Alias(column("a", 2), "other"), column("z")))
    assert schema(plan) == "a int, other int, z int"


def test_drop_one_of_two_columns_of_a_name() -> None:
    joined = join(table("u", 1), table("u", 2), on_a())
    assert schema(p.DropColumns(joined, (column("a", 2),))) == "a int, z int, z int"


def test_same_dataframe_on_both_sides_is_ambiguous() -> None:
    error = failure(join(table("u", 1), table("u", 1), call("=", column("a", 1), column("a", 1))))
    assert (error.error_class, error.sql_state) == ("AMBIGUOUS_COLUMN_REFERENCE", "42702")
    assert error.parameters == {"name": '"a"'}


def test_same_dataframe_on_both_sides_with_aliases() -> None:
    left = p.SubqueryAlias(table("u", 1), "l")
    right = p.SubqueryAlias(table("u", 1), "r")
    joined = join(left, right, call("=", column("l.a"), column("r.a")))
    assert schema(p.UnresolvedProject(joined, (column("l.a"), column("r.z")))) == "a int, z int"


def test_column_of_another_dataframe() -> None:
    error = failure(p.UnresolvedProject(table("t", 1), (column("z", 2),)))
    assert (error.error_class, error.parameters) == ("CANNOT_RESOLVE_DATAFRAME_COLUMN", {"name": '"z"'})


def test_replaced_column_is_gone() -> None:
    replaced = p.Identified(p.WithColumns(table("u", 1), (Alias(number(1), "z"),)), 2)
    assert failure(p.UnresolvedProject(replaced, (column("z", 1),))).error_class == "CANNOT_RESOLVE_DATAFRAME_COLUMN"
    assert schema(p.UnresolvedProject(replaced, (column("z", 2),))) == "z int!"


def test_sort_and_filter_by_a_column_dropped_before() -> None:
    narrow = p.Identified(p.UnresolvedProject(table("t", 1), (column("b"),)), 2)
    assert schema(p.Sort(narrow, (SortOrder(column("x", 1)),))) == "b string"
    assert schema(p.Filter(narrow, call(">", column("x"), number(1)))) == "b string"


def test_using_join_keeps_both_keys_by_dataframe() -> None:
    joined = p.UnresolvedJoin(table("u", 1), table("u", 2), JoinType.FULL, using=("a",))
    plan = p.UnresolvedProject(joined, (column("a", 1), column("a", 2), column("a")))
    assert schema(plan) == "a int, a int, a int"


def test_semi_join_hides_the_right_side() -> None:
    joined = join(table("t", 1), table("u", 2), on_a(), JoinType.SEMI)
    error = failure(p.UnresolvedProject(joined, (column("z", 2),)))
    assert error.error_class == "CANNOT_RESOLVE_DATAFRAME_COLUMN"


def test_with_columns_replaces_in_place_and_appends() -> None:
    new = (Alias(call("+", column("a"), number(1)), "A"), Alias(number(1), "n"))
    assert schema(p.WithColumns(table("u", 1), new)) == "A int, z int, n int!"


def test_renames_see_earlier_renames() -> None:
    assert schema(p.WithColumnsRenamed(table("u", 1), (("a", "b"), ("b", "c"), ("no", "x")))) == "c int, z int"


def test_drop_passes_over_unknown_names() -> None:
    assert schema(p.DropColumns(table("u", 1), (), ("Z", "nope"))) == "a int"


def test_to_df_counts_names() -> None:
    assert schema(p.ToDF(table("u", 1), ("p", "q"))) == "p int, q int"
    assert failure(p.ToDF(table("u", 1), ("p",))).parameters == {"numExpr": "1", "numTarget": "2"}


def test_to_schema_reorders_and_casts() -> None:
    wanted = t.StructType((t.StructField("z", t.STRING), t.StructField("a", t.LONG), t.StructField("n", t.DATE)))
    assert schema(p.ToSchema(table("u", 1), wanted)) == "z string, a bigint, n date"


@pytest.mark.parametrize(
    ("field", "error_class"),
    [
        (t.StructField("a", t.INTEGER, False), "NULLABLE_COLUMN_OR_FIELD"),
        (t.StructField("q", t.INTEGER, False), "UNRESOLVED_COLUMN.WITH_SUGGESTION"),
        (t.StructField("a", t.DATE), "INVALID_COLUMN_OR_FIELD_DATA_TYPE"),
    ],
)
def test_to_schema_refuses(field: t.StructField, error_class: str) -> None:
    assert failure(p.ToSchema(table("u", 1), t.StructType((field,)))).error_class == error_class


def test_deduplicate_by_name_keeps_columns_and_their_dataframe() -> None:
    plan = p.Identified(p.Deduplicate(table("u", 1), ("a",)), 2)
    assert schema(plan) == "a int, z int"
    assert schema(p.UnresolvedProject(plan, (column("z", 2),))) == "z int"
    assert failure(p.Deduplicate(table("u", 1), ("q",))).parameters == {"colName": "q", "fieldNames": "a, z"}


def test_union_by_name_fills_what_is_missing() -> None:
    left = p.UnresolvedProject(table("u", 1), (column("z"), column("a")))
    right = p.UnresolvedProject(table("t", 2), (column("a"), column("b")))
    union = p.UnresolvedSetOperation(left, right, p.SetKind.UNION, True, True, True)
    assert schema(union) == "z int, a int, b string"
    strict = p.UnresolvedSetOperation(left, right, p.SetKind.UNION, True, True)
    assert failure(strict).error_class == "UNRESOLVED_COLUMN_AMONG_FIELD_NAMES"


def test_unpivot_text_with_numbers_refused() -> None:
    values = ((column("b"),), (column("x"),))
    error = failure(p.Unpivot(table("t", 1), (column("a"),), values, "k", ("v",)))
    assert error.parameters == {"types": '"DOUBLE" (`x`), "STRING" (`b`)'}


def test_unpivot_of_all_other_columns() -> None:
    assert schema(p.Unpivot(table("u", 1), (column("a"),), None, "k", ("v",))) == "a int, k string!, v int"


def aggregation(kind: str, aggregates: Sequence[Expression], **more: object) -> LogicalPlan:
    grouping = (column("a"),)
    return p.GroupingAnalytics(table("u", 1), kind, grouping, tuple(aggregates), prepend_grouping=True, **more)  # type: ignore[arg-type]


def test_grouping_columns_come_first() -> None:
    assert schema(aggregation("groupby", [call("sum", column("z"))])) == "a int, sum(z) bigint"


def test_rollup_makes_keys_nullable() -> None:
    assert schema(aggregation("rollup", [call("grouping_id")])) == "a int, grouping_id() bigint!"


def test_filter_over_an_aggregation_may_aggregate() -> None:
    grouped = aggregation("groupby", [Alias(call("sum", column("z")), "s")])
    assert schema(p.Filter(grouped, call(">", call("max", column("z")), number(1)))) == "a int, s bigint"


def test_pivot_names_its_columns() -> None:
    plan = p.GroupingAnalytics(
        table("t", 1),
        "pivot",
        (column("a"),),
        (Alias(call("sum", column("x")), "s"), call("count", UnresolvedStar())),
        pivot_column=column("b"),
        pivot_values=(Literal("p", t.STRING), Literal(None, t.STRING)),
        prepend_grouping=True,
    )
    assert schema(plan) == "a int, p_s double, p_count(1) bigint, null_s double, null_count(1) bigint"


class CollectingSession(FakeSession):
    """One that can run a query, whose answer is given."""

    def collect_distinct(self, plan: LogicalPlan) -> Sequence[Literal]:
        assert [a.type for a in plan.output] == [t.STRING]
        return [Literal("q", t.STRING), Literal("r", t.STRING)]


def test_pivot_without_values_asks_the_context() -> None:
    plan = p.GroupingAnalytics(
        table("t", 1), "pivot", (column("a"),), (call("sum", column("x")),), pivot_column=column("b")
    )
    assert failure(plan).error_class == "UNSUPPORTED_FEATURE.HEADRACE"
    assert schema_text(analyze(plan, CollectingSession(TABLES))) == "a int, q double, r double"


def test_pivot_needs_an_aggregate_function() -> None:
    for column_of_rows in (column("x"), column("a"), call("+", call("sum", column("x")), column("x"))):
        plan = p.GroupingAnalytics(
            table("t", 1),
            "pivot",
            (column("a"),),
            (column_of_rows,),
            pivot_column=column("b"),
            pivot_values=(Literal("p", t.STRING),),
        )
        error = failure(plan)
        assert error.error_class == "_LEGACY_ERROR_TEMP_1006"
        assert "Aggregate expression required for pivot, but '" in error.message


def test_generator_as_a_key_of_groups_is_refused() -> None:
    for pivoted in ({}, {"pivot_column": column("b"), "pivot_values": (Literal("p", t.STRING),)}):
        plan = p.GroupingAnalytics(
            table("t", 1),
            "pivot" if pivoted else "groupby",
            (call("explode", column("arr")),),
            (call("count", UnresolvedStar()),),
            prepend_grouping=True,
            **pivoted,  # type: ignore[arg-type]
        )
        assert failure(plan).error_class == "UNSUPPORTED_FEATURE.HEADRACE"


@pytest.mark.parametrize(
    ("upper", "replaced", "bounds"),
    [
        (float("inf"), False, "(Infinity) must be on interval [0, 1] without replacement"),
        (float("nan"), False, "(NaN) must be on interval [0, 1] without replacement"),
        (1.5, False, "(1.5) must be on interval [0, 1] without replacement"),
        (-0.5, False, "(-0.5) must be on interval [0, 1] without replacement"),
        (-0.5, True, "(-0.5) must be nonnegative with replacement"),
        (float("nan"), True, "(NaN) must be nonnegative with replacement"),
    ],
)
def test_sample_of_an_impossible_fraction(upper: float, replaced: bool, bounds: str) -> None:
    error = failure(p.Sample(table("t", 1), 0.0, upper, replaced, 1))
    assert error.message == f"requirement failed: Sampling fraction {bounds}"


@pytest.mark.parametrize(("upper", "replaced"), [(0.0, False), (1.0, False), (1.0 + 1e-7, False), (2.5, True)])
def test_sample_of_a_possible_fraction(upper: float, replaced: bool) -> None:
    assert schema(p.Sample(table("u", 1), 0.0, upper, replaced, 1)) == "a int, z int"


@pytest.mark.parametrize("text", ["SET", "RESET", "SHOW TABLES", "DROP VIEW IF EXISTS v", "CACHE TABLE t"])
def test_command_is_no_relation_of_a_query(text: str) -> None:
    command = parse_statement(text)
    above: tuple[LogicalPlan, ...] = (
        p.UnresolvedProject(command, (UnresolvedStar(),)),
        p.SubqueryAlias(command, "c"),
        p.ToDF(command, ()),
    )
    for plan in above:
        with pytest.raises(SparkError, match="CacheTable" if text.startswith("CACHE") else "a command as a relation"):
            schema(plan)


def test_na_fill_fits_types() -> None:
    fill = p.Rewritten(table("t", 1), "na_fill", {"cols": (), "values": (Literal(0.5, t.DOUBLE),)})
    assert schema(p.UnresolvedProject(fill, (column("a"), column("b"), column("x")))) == "a int, b string, x double!"


def test_describe_is_text() -> None:
    plan = p.Rewritten(table("u", 1), "describe", {"cols": ()})
    assert schema(plan) == "summary string, a string, z string"


def test_crosstab_has_a_column_for_each_value() -> None:
    plan = p.Rewritten(table("t", 1), "crosstab", {"col1": "a", "col2": "b"})
    assert schema_text(analyze(plan, CollectingSession(TABLES))) == "a_b string!, q bigint!, r bigint!"


def test_freq_items_are_arrays() -> None:
    plan = p.Rewritten(table("u", 1), "freq_items", {"cols": ("a", "z"), "support": 0.5})
    assert schema(plan) == "a_freqItems array<int>!, z_freqItems array<int>!"


def test_correlation_of_text() -> None:
    error = failure(p.Rewritten(table("t", 1), "corr", {"col1": "a", "col2": "b"}))
    assert error.message == (
        "requirement failed: Currently correlation calculation for columns with dataType string not supported."
    )


def test_what_cannot_be_rewritten_says_so() -> None:
    error = failure(p.Rewritten(table("u", 1), "transpose", {"index_columns": ()}))
    assert error.error_class == "UNSUPPORTED_FEATURE.HEADRACE"


def test_hint_on_the_right_side() -> None:
    joined = join(table("t", 1), p.Hint(table("u", 2), "broadcast"), on_a())
    plan = analyze(joined, FakeSession(TABLES))
    assert isinstance(plan, p.Join)
    assert plan.hint is JoinHint.BROADCAST_RIGHT


def test_view_used_twice_has_columns_of_its_own() -> None:
    session = FakeSession(TABLES)
    session.sql("CREATE TEMP VIEW v AS SELECT a, explode(arr) AS e FROM t")
    plan = session.sql("SELECT * FROM v JOIN v AS w ON v.e = w.e")
    ids = [a.id for a in plan.output]
    assert len(set(ids)) == len(ids) == 4


def test_write_refuses_two_columns_of_a_name() -> None:
    twice = p.UnresolvedProject(table("u", 1), (column("a"), Alias(column("z"), "A")))
    assert failure(p.WriteFiles(twice, "parquet", "/x")).error_class == "COLUMN_ALREADY_EXISTS"


def test_too_deep_a_plan_is_an_error_of_its_own() -> None:
    plan: LogicalPlan = table("u", 1)
    for _ in range(20_000):
        plan = p.UnresolvedProject(plan, (UnresolvedStar(),))
    # A driver's planning threads, started by an earlier test, raise the limit of the whole process; this thread's
    # stack is not as deep as theirs.
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000)
    try:
        error = failure(plan)
    finally:
        sys.setrecursionlimit(before)
    assert error.error_class == "FAILED_TO_PARSE_TOO_COMPLEX"
