"""Operators the front ends make and analysis replaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from headrace_driver.errors import NOWHERE, Origin
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Alias, Expression
from headrace_driver.plan.logical.operator import JoinType, LogicalPlan, SetKind, plan_node


@plan_node
class Identified(LogicalPlan):
    """A relation of a Spark Connect plan under its `plan_id`, which `UnresolvedAttribute.plan_id` refers to."""

    INPUTS = ("child",)

    child: LogicalPlan
    plan_id: int


@plan_node
class UnresolvedRelation(LogicalPlan):
    """A table, view or CTE by name (`spark.table`, FROM name). Names such as parquet.`/path` read files."""

    parts: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)
    is_streaming: bool = False
    origin: Origin = NOWHERE


@plan_node
class UnresolvedTableFunction(LogicalPlan):
    """`FROM range(10)`, `FROM explode(...)`."""

    EXPRESSIONS = ("args",)

    name: tuple[str, ...]
    args: tuple[Expression, ...]
    origin: Origin = NOWHERE


@plan_node
class ReadFiles(LogicalPlan):
    """`spark.read.format(...).schema(...).options(...).load(paths)`. Option names are lower case."""

    format: str
    paths: tuple[str, ...]
    schema: t.StructType | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    is_streaming: bool = False


@plan_node
class InlineTable(LogicalPlan):
    """`VALUES (1, 'a'), (2, 'b')`; columns col1, col2, ... until aliased."""

    rows: tuple[tuple[Expression, ...], ...]
    origin: Origin = NOWHERE


@plan_node
class WithCTE(LogicalPlan):
    """`WITH name (columns) AS (plan), ... child`; each sees the ones before, and itself where `recursive`.

    `levels_max` holds, by name, `MAX RECURSION LEVEL` where it is given.
    """

    INPUTS = ("child",)

    child: LogicalPlan
    definitions: tuple[tuple[str, tuple[str, ...], LogicalPlan], ...]
    recursive: bool = False
    levels_max: tuple[tuple[str, int], ...] = ()


@plan_node
class ToDF(LogicalPlan):
    """All columns renamed in order (`toDF`, `FROM x AS t(a, b)`)."""

    INPUTS = ("child",)

    child: LogicalPlan
    names: tuple[str, ...]


@plan_node
class ToSchema(LogicalPlan):
    """`df.to(schema)`: columns matched by name, reordered and cast."""

    INPUTS = ("child",)

    child: LogicalPlan
    schema: t.StructType


@plan_node
class WithColumns(LogicalPlan):
    """`withColumns`: columns added, or replaced where the name exists."""

    INPUTS = ("child",)
    EXPRESSIONS = ("columns",)

    child: LogicalPlan
    columns: tuple[Alias, ...]


@plan_node
class WithColumnsRenamed(LogicalPlan):
    INPUTS = ("child",)

    child: LogicalPlan
    renames: tuple[tuple[str, str], ...]


@plan_node
class DropColumns(LogicalPlan):
    INPUTS = ("child",)
    EXPRESSIONS = ("columns",)

    child: LogicalPlan
    columns: tuple[Expression, ...]
    names: tuple[str, ...] = ()


@plan_node
class GroupingAnalytics(LogicalPlan):
    """An aggregation as written: `kind` is groupby, rollup, cube, grouping_sets or pivot.

    `grouping` may hold ordinals, aliases of `aggregates` and (SQL) GROUP BY ALL as the call `all()`. `sets` are the
    grouping sets as written, `having` the HAVING clause. DataFrame aggregations prepend the grouping columns
    (`prepend_grouping`), SQL's name them in `aggregates` themselves.
    """

    INPUTS = ("child",)

    child: LogicalPlan
    kind: str
    grouping: tuple[Expression, ...]
    aggregates: tuple[Expression, ...]
    sets: tuple[tuple[Expression, ...], ...] = ()
    having: Expression | None = None
    pivot_column: Expression | None = None
    pivot_values: tuple[Expression, ...] | None = None
    prepend_grouping: bool = False


@plan_node
class PivotClause(LogicalPlan):
    """SQL's `PIVOT (aggregates FOR columns IN (values))`; groups by all other columns."""

    INPUTS = ("child",)

    child: LogicalPlan
    aggregates: tuple[Expression, ...]
    columns: tuple[Expression, ...]
    values: tuple[Expression, ...]


@plan_node
class Unpivot(LogicalPlan):
    """`unpivot`/`melt`/UNPIVOT. `ids` None: all columns that are not values; `values` None: all that are not ids.
    Each value is one tuple of expressions, with an alias for the name column if given."""

    INPUTS = ("child",)

    child: LogicalPlan
    ids: tuple[Expression, ...] | None
    values: tuple[tuple[Expression, ...], ...] | None
    variable_name: str
    value_names: tuple[str, ...]
    include_nulls: bool = True
    aliases: tuple[str | None, ...] = ()


@plan_node
class UnresolvedJoin(LogicalPlan):
    """A join as written: `using` columns, `natural`, `lateral` (the right side may refer to the left)."""

    INPUTS = ("left", "right")
    EXPRESSIONS = ("condition",)

    left: LogicalPlan
    right: LogicalPlan
    type: JoinType
    condition: Expression | None = None
    using: tuple[str, ...] = ()
    natural: bool = False
    lateral: bool = False


@plan_node
class LateralView(LogicalPlan):
    """`LATERAL VIEW [OUTER] generator(...) table AS columns`."""

    INPUTS = ("child",)
    EXPRESSIONS = ("generator",)

    child: LogicalPlan
    generator: Expression
    outer: bool
    table: str
    columns: tuple[str, ...]


@plan_node
class UnresolvedSetOperation(LogicalPlan):
    INPUTS = ("left", "right")

    left: LogicalPlan
    right: LogicalPlan
    kind: SetKind
    all: bool
    by_name: bool = False
    allow_missing: bool = False


@plan_node
class UnresolvedProject(LogicalPlan):
    """A select list as written: stars, generators, aggregates and window functions may stand in it.

    `having` without GROUP BY makes it a global aggregate. `windows` are named windows; `distinct` is SELECT DISTINCT;
    `lateral aliases` are allowed. ORDER BY/LIMIT stand above as `Sort`/`Limit`, whose expressions may refer to columns
    of this operator's child that it does not yield.
    """

    INPUTS = ("child",)
    EXPRESSIONS = ("columns",)

    child: LogicalPlan
    columns: tuple[Expression, ...]
    having: Expression | None = None


@plan_node
class Qualify(LogicalPlan):
    """QUALIFY: keeps rows of a select list (`UnresolvedProject` or `GroupingAnalytics`) by a condition on window
    functions, which may refer to the list's aliases and to columns of the list's child that it does not yield."""

    INPUTS = ("child",)
    EXPRESSIONS = ("condition",)

    child: LogicalPlan
    condition: Expression


@plan_node
class Deduplicate(LogicalPlan):
    """`dropDuplicates(names)`; None: all columns."""

    INPUTS = ("child",)

    child: LogicalPlan
    names: tuple[str, ...] | None = None
    within_watermark: bool = False


@plan_node
class Hint(LogicalPlan):
    """`/*+ BROADCAST(t) */`, `df.hint(...)`."""

    INPUTS = ("child",)

    child: LogicalPlan
    name: str
    parameters: tuple[Expression, ...] = ()


@plan_node
class Rewritten(LogicalPlan):
    """A DataFrame operation defined by its child's schema and rewritten by analysis into others.

    `kind`: na_fill, na_drop, na_replace, describe, summary, crosstab, cov, corr, approx_quantile, freq_items,
    sample_by, show_string, html_string, transpose. `arguments` are the message's fields by name.
    """

    INPUTS = ("child",)

    child: LogicalPlan
    kind: str
    arguments: Mapping[str, Any]
