"""Commands: plans that do something besides yielding rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum
from functools import cached_property

from headrace_driver.errors import NOWHERE, Origin, SparkError, unsupported
from headrace_driver.plan.expressions import Attribute
from headrace_driver.plan.logical.operator import LogicalPlan, UnaryPlan, plan_node


def no_relation() -> SparkError:
    """A command stands inside a query."""
    return unsupported("a command as a relation of a query", "Run the command by itself.")


class Command(LogicalPlan):
    """Base of what has no rows of its own in a query: it stands at the top of a plan alone."""

    @cached_property
    def output(self) -> tuple[Attribute, ...]:
        raise no_relation()


class UnaryCommand(Command, UnaryPlan):
    """A command of a query."""


class SaveMode(Enum):
    ERROR = "errorifexists"
    OVERWRITE = "overwrite"
    APPEND = "append"
    IGNORE = "ignore"


@plan_node
class WriteFiles(UnaryCommand):
    """`df.write.format(...).mode(...).partitionBy(...).save(path)`. Option names are lower case."""

    child: LogicalPlan
    format: str
    path: str
    mode: SaveMode = SaveMode.ERROR
    partition_by: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)


@plan_node
class CreateView(UnaryCommand):
    """A temporary view; `columns` rename the query's, and each may have a comment then."""

    child: LogicalPlan
    name: tuple[str, ...]
    replace: bool = True
    is_global: bool = False
    columns: tuple[str, ...] = ()
    comments: tuple[str | None, ...] = ()


@plan_node
class DropView(Command):
    name: tuple[str, ...]
    if_exists: bool


@plan_node
class UseDatabase(Command):
    """`USE [DATABASE] name`: the one there is, or an error."""

    name: tuple[str, ...]


@plan_node
class SetCommand(Command):
    """`SET key = value`, `SET key`, `SET`, and RESET (`reset` true)."""

    key: str | None = None
    value: str | None = None
    reset: bool = False


@plan_node
class ShowTables(Command):
    """SHOW TABLES / SHOW VIEWS [IN namespace] [LIKE pattern]."""

    namespace: tuple[str, ...] = ()
    pattern: str | None = None
    views_only: bool = False


@plan_node
class DescribeRelation(UnaryCommand):
    """DESCRIBE [TABLE|QUERY]: one row a column (col_name, data_type, comment)."""

    child: LogicalPlan


class ExplainMode(Enum):
    SIMPLE = "simple"
    EXTENDED = "extended"
    CODEGEN = "codegen"
    COST = "cost"
    FORMATTED = "formatted"


@plan_node
class ExplainCommand(UnaryCommand):
    child: LogicalPlan
    mode: ExplainMode = ExplainMode.SIMPLE


@plan_node
class CacheTable(Command):
    """CACHE TABLE: what a name stands for, or with `query` a temporary view made of it. `lazy`: when it is used."""

    name: tuple[str, ...]
    query: LogicalPlan | None = None
    lazy: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    origin: Origin = NOWHERE


@plan_node
class UncacheTable(LogicalPlan):
    name: tuple[str, ...]
    if_exists: bool = False
    origin: Origin = NOWHERE


@plan_node
class ClearCache(LogicalPlan):
    """CLEAR CACHE: everything the session caches."""


@plan_node
class RefreshTable(LogicalPlan):
    """REFRESH TABLE: its files are other ones now."""

    name: tuple[str, ...]
    origin: Origin = NOWHERE


@plan_node
class RefreshPath(LogicalPlan):
    """REFRESH path."""

    path: str
