"""The walk over a plan: every operator of the front ends becomes resolved ones, inputs first, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headrace_driver.errors import Origin, SparkError, unsupported
from headrace_driver.functions.not_built import NOT_BUILT
from headrace_driver.functions.registry import REGISTRY, Registry
from headrace_driver.plan import logical as p
from headrace_driver.plan.analysis import (
    casts,
    checks,
    commands,
    dataframe,
    grouping,
    hints,
    joins,
    ordering,
    pivot,
    projection,
    qualify,
    relations,
    sets,
    stars,
    statistics,
    unpivot,
)
from headrace_driver.plan.analysis.context import AnalysisContext
from headrace_driver.plan.analysis.expressions import Binder
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.analysis.outer import Outer
from headrace_driver.plan.analysis.relations import CommonTable
from headrace_driver.plan.analysis.scope import Relation
from headrace_driver.plan.analysis.suggestions import quoted
from headrace_driver.plan.expressions import Attribute, Cast, Expression, UnresolvedRegex, UnresolvedStar
from headrace_driver.plan.logical import LogicalPlan

Resolver = Callable[["Analyzer", Any, "Outer | None"], Relation]

_DEFAULTS = {
    "spark.sql.caseSensitive": False,
    "spark.sql.groupByOrdinal": True,
    "spark.sql.orderByOrdinal": True,
    "spark.sql.groupByAliases": True,
    "spark.sql.parser.quotedRegexColumnNames": False,
}


def analyze(plan: LogicalPlan, context: AnalysisContext, registry: Registry = REGISTRY) -> LogicalPlan:
    """The resolved form of a plan. Raises `SparkError` with Spark's error class for what is wrong with it."""
    try:
        return Analyzer(context, registry).analyze(plan)
    except RecursionError:
        raise SparkError(
            "FAILED_TO_PARSE_TOO_COMPLEX",
            "The statement, including potential SQL functions and referenced views, was too complex to parse.\n"
            "To mitigate this error divide the statement into multiple, less complex chunks.",
            sql_state="54001",
        ) from None


class Analyzer:
    """One analysis: its session, and the common table expressions in scope at the operator being resolved."""

    def __init__(self, context: AnalysisContext, registry: Registry) -> None:
        self.context = context
        self.registry = registry
        self.case_sensitive = context.conf.get("spark.sql.caseSensitive", "false") == "true"
        self.tables: Mapping[str, CommonTable] = {}
        self.hinted: Mapping[str, str] = {}

    def analyze(self, plan: LogicalPlan) -> LogicalPlan:
        """The whole plan, checked."""
        relation = self.resolve(plan, None)
        if isinstance(relation.plan, _COMMANDS):
            return relation.plan
        resolved = relation.exact()
        checks.check(resolved)
        return resolved

    def resolve(self, plan: LogicalPlan, outer: Outer | None) -> Relation:
        """One operator with all below it. `outer` are the columns around the subquery it stands in."""
        resolver = _RESOLVERS.get(type(plan))
        if resolver is None:
            raise unsupported(f"the operator {type(plan).__name__}")
        return resolver(self, plan, outer)

    def flag(self, name: str) -> bool:
        """A boolean setting."""
        value = self.context.conf.get(name)
        return _DEFAULTS.get(name, False) if value is None else value.lower() == "true"

    def fold(self, name: str) -> str:
        return name if self.case_sensitive else name.lower()

    def same(self, a: str, b: str) -> bool:
        return a == b or (not self.case_sensitive and a.lower() == b.lower())

    def relation(self, plan: LogicalPlan, columns: tuple[Attribute, ...] | None = None) -> Relation:
        """A plan that offers its own output."""
        return Relation(plan, plan.output if columns is None else columns, case_sensitive=self.case_sensitive)

    def bind_cast(self, child: Expression, e: Cast, binder: Binder) -> Expression:
        return casts.bind_cast(child, e, binder)

    def expand(self, star: UnresolvedStar | UnresolvedRegex, binder: Binder) -> list[Expression]:
        return stars.expand(star, binder)

    def unresolved_routine(self, name: tuple[str, ...], origin: Origin) -> SparkError:
        """No function of that name, or one that Spark has and Headrace has not."""
        if len(name) == 1 and name[0].lower() in NOT_BUILT:
            return unsupported(f"the function {name[0].lower()}")
        path = "[`system`.`builtin`, `system`.`session`, `spark_catalog`.`default`]"
        return error("UNRESOLVED_ROUTINE", origin, routineName=quoted(name), searchPath=path)


_COMMANDS = (
    *(p.WriteFiles, p.CreateView, p.DropView, p.SetCommand, p.ShowTables, p.DescribeRelation),
    *(p.ExplainCommand, p.UseDatabase),
)

_RESOLVERS: dict[type[LogicalPlan], Resolver] = {
    p.Identified: relations.identified,
    p.UnresolvedRelation: relations.named,
    p.UnresolvedTableFunction: relations.table_function,
    p.ReadFiles: relations.read_files,
    p.InlineTable: relations.inline_table,
    p.WithCTE: relations.with_cte,
    p.OneRow: relations.leaf,
    p.LocalData: relations.local_data,
    p.Range: relations.range_of,
    p.SubqueryAlias: relations.subquery_alias,
    p.LateralView: relations.lateral_view,
    p.UnresolvedProject: projection.project,
    p.Qualify: qualify.qualify,
    p.GroupingAnalytics: grouping.grouping_analytics,
    p.UnresolvedJoin: joins.join,
    p.UnresolvedSetOperation: sets.set_operation,
    p.Filter: ordering.filter_rows,
    p.Sort: ordering.sort,
    p.Limit: ordering.limit,
    p.Tail: ordering.tail,
    p.Distinct: dataframe.distinct,
    p.Deduplicate: dataframe.deduplicate,
    p.Sample: dataframe.sample,
    p.Repartition: ordering.repartition,
    p.ToDF: dataframe.to_df,
    p.ToSchema: dataframe.to_schema,
    p.WithColumns: dataframe.with_columns,
    p.WithColumnsRenamed: dataframe.with_columns_renamed,
    p.DropColumns: dataframe.drop_columns,
    p.Unpivot: unpivot.unpivot,
    p.PivotClause: pivot.pivot_clause,
    p.Hint: hints.hint,
    p.Rewritten: statistics.rewritten,
    p.WriteFiles: commands.write_files,
    p.CreateView: commands.create_view,
    p.DropView: relations.leaf,
    p.SetCommand: relations.leaf,
    p.ShowTables: relations.leaf,
    p.UseDatabase: relations.leaf,
    p.DescribeRelation: commands.describe,
    p.ExplainCommand: commands.explain,
    p.Scan: relations.resolved,
    p.InMemoryRelation: relations.in_memory,
    p.Project: relations.resolved,
    p.Aggregate: relations.resolved,
    p.Expand: relations.resolved,
    p.Window: relations.resolved,
    p.Generate: relations.resolved,
    p.Join: relations.resolved,
    p.LateralJoin: relations.resolved,
    p.Union: relations.resolved,
    p.SetOperation: relations.resolved,
    p.CTEReference: relations.resolved,
    p.Recursion: relations.resolved,
}
