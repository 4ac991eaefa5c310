"""FROM clauses: tables, joins, subqueries, table functions, VALUES, samples, PIVOT and UNPIVOT, LATERAL VIEW.

A comma joins as JOIN does, with the same precedence and from the left: Spark's default
(`spark.sql.ansi.relationPrecedence` false).
"""

from __future__ import annotations

import math
import random

from headrace_driver.errors import SparkError, unsupported
from headrace_driver.plan import expressions as e
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.sql.expressions import ExpressionParser
from headrace_driver.sql.failures import parse_error, too_complex
from headrace_driver.sql.lexer import NUMBER, QUOTED_NAME, STRING
from headrace_driver.sql.lookahead import MAX_CHAIN
from headrace_driver.sql.names import identifier_clause

ANONYMOUS = "__auto_generated_subquery_name"
"""Spark's name for a subquery without alias: what is inside can't be referred to by its own table names."""

# Keywords that can't be a table's alias, even after AS: joins, set operations, and what a query goes on with.
_NO_ALIAS = frozenset(("CROSS", "FULL", "INNER", "LEFT", "RIGHT", "SEMI", "ANTI", "NATURAL", "JOIN", "ON", "USING")) | {
    *("LATERAL", "UNION", "EXCEPT", "MINUS", "INTERSECT", "SELECT", "INSERT", "AS", "WITH")
}
_BEFORE_RELATION_ENDS = frozenset(("TABLESAMPLE", "PIVOT", "UNPIVOT", "WATERMARK", "CHANGES"))
_JOINS = {
    "INNER": p.JoinType.INNER,
    "CROSS": p.JoinType.CROSS,
    "LEFT": p.JoinType.LEFT,
    "RIGHT": p.JoinType.RIGHT,
    "FULL": p.JoinType.FULL,
    "SEMI": p.JoinType.SEMI,
    "ANTI": p.JoinType.ANTI,
}


class RelationParser(ExpressionParser):
    """The grammar of FROM."""

    def from_clause(self) -> p.LogicalPlan:
        """What follows FROM."""
        if self.kinds[self.i] == "LATERAL" and self.kinds[self.i + 1] != "VIEW":
            # Nothing stands to its left that it could refer to.
            self.i += 1
        plan = self.extensions(self.relation_primary())
        count = 0
        while self.accept(","):
            lateral = self._lateral()
            start = self.i
            right = self.relation_primary()
            self._check_lateral(lateral, right, start)
            plan = p.UnresolvedJoin(plan, right, p.JoinType.INNER, lateral=lateral)
            plan = self.extensions(plan)
            count += 1
            if count > MAX_CHAIN:
                raise too_complex(self.tokens)
        return self.lateral_views(plan)

    def lateral_views(self, plan: p.LogicalPlan) -> p.LogicalPlan:
        """`LATERAL VIEW [OUTER] f(x) t AS a, b`, as many as there are."""
        while self.kinds[self.i] == "LATERAL" and self.kinds[self.i + 1] == "VIEW":
            self.i += 2
            outer = self.kinds[self.i] == "OUTER" and self.is_name[self.i + 1]
            self.i += outer
            start = self.i
            generator = self.call_arguments(self.dotted_name(), start)
            table = self.name()
            columns: tuple[str, ...] = ()
            if self.accept("AS") or (self.is_name[self.i] and not self._relation_goes_on()):
                columns = tuple(self.many(self.name))
            plan = p.LateralView(plan, generator, outer, table, columns)
            if self.kinds[self.i] in ("PIVOT", "UNPIVOT"):
                plan = self.extensions(plan)
        return plan

    def extensions(self, plan: p.LogicalPlan) -> p.LogicalPlan:
        """Joins, PIVOT and UNPIVOT after a relation."""
        count = 0
        while True:
            kind, following = self.kinds[self.i], self.kinds[self.i + 1]
            if kind == "PIVOT" and following == "(":
                plan = self.pivot(plan)
            elif kind == "UNPIVOT" and following in ("(", "INCLUDE", "EXCLUDE"):
                plan = self.unpivot(plan)
            elif kind == "JOIN" or kind == "NATURAL" or kind in _JOINS:
                plan = self.join(plan)
            else:
                return plan
            count += 1
            if count > MAX_CHAIN:
                raise too_complex(self.tokens)

    def join(self, left: p.LogicalPlan) -> p.LogicalPlan:
        """One join, from its type to its condition."""
        start = self.i
        natural = self.accept("NATURAL")
        kind = self.kinds[self.i]
        type_ = p.JoinType.INNER
        if kind in _JOINS:
            self.i += 1
            type_ = _JOINS[kind]
            if kind in ("LEFT", "RIGHT", "FULL") and self.accept("OUTER"):
                pass
            elif kind == "LEFT" and self.kinds[self.i] in ("SEMI", "ANTI"):
                type_ = _JOINS[self.kinds[self.i]]
                self.i += 1
        if not self.accept("JOIN"):
            raise self.failure("missing 'JOIN'")
        lateral = self._lateral()
        right = self.relation_primary()
        self._check_lateral(lateral, right, start)
        condition = None
        using: tuple[str, ...] = ()
        if not natural and self.accept("ON"):
            condition = self.expression()
        elif not natural and self.accept("USING"):
            using = self.name_list()
        if lateral and using:
            raise parse_error(
                "UNSUPPORTED_FEATURE.LATERAL_JOIN_USING",
                "The feature is not supported: JOIN USING with LATERAL correlation.",
                {},
                "0A000",
                self.origin(start),
            )
        return p.UnresolvedJoin(left, right, type_, condition, using, natural, lateral)

    def _lateral(self) -> bool:
        if self.kinds[self.i] == "LATERAL" and (self.kinds[self.i + 1] == "(" or self.is_name[self.i + 1]):
            self.i += 1
            return True
        return False

    def _check_lateral(self, lateral: bool, right: p.LogicalPlan, start: int) -> None:
        inner = right
        while isinstance(inner, p.SubqueryAlias | p.ToDF | p.Sample | p.Limit):
            inner = inner.child
        if lateral and inner is right and not isinstance(right, p.UnresolvedTableFunction | p.InlineTable):
            raise self._bare_lateral(start)
        if lateral and isinstance(inner, p.UnresolvedRelation):
            # `LATERAL t AS x`; a subquery's SubqueryAlias has at least a projection below it.
            raise self._bare_lateral(start)

    def _bare_lateral(self, start: int) -> SparkError:
        return parse_error(
            "INVALID_SQL_SYNTAX.LATERAL_WITHOUT_SUBQUERY_OR_TABLE_VALUED_FUNC",
            "Invalid SQL syntax: LATERAL can only be used with subquery and table-valued functions.",
            {},
            "42000",
            self.origin(start),
        )

    def relation_primary(self) -> p.LogicalPlan:
        """A table, a subquery, a function, VALUES or a group of joins, with its sample and alias."""
        start = self.i
        kind = self.kinds[start]
        if kind == "(":
            return self._group_or_subquery()
        if kind == "VALUES" and self.query_starts(start):
            return self.inline_table()
        if not self.is_name[start]:
            raise self.failure()
        if kind == "IDENTIFIER" and self.kinds[start + 1] == "(":
            parts = identifier_clause(self)
        else:
            if kind == "STREAM" and self.is_name[start + 1] and not self._relation_goes_on(start + 1):
                raise unsupported("STREAM in FROM")
            parts = self.dotted_name()
        if self.kinds[self.i] == "(":
            return self._table_function(parts, start)
        self._refuse_time_travel()
        options = {}
        origin = self.origin(start)
        if self.kinds[self.i] == "WITH" and self.kinds[self.i + 1] == "(":
            self.i += 1
            options = self.properties()
        return self.aliased(self.sample(p.UnresolvedRelation(parts, options, origin=origin)))

    def _group_or_subquery(self) -> p.LogicalPlan:
        if self.query_starts(self.i + 1):
            self.i += 1
            plan: p.LogicalPlan = self.nested_query()
            anonymous = ANONYMOUS
        else:
            self.i += 1
            self.deeper()
            plan = self.extensions(self.relation_primary())
            self.depth -= 1
            self.expect(")")
            anonymous = ""
        plan = self.sample(plan)
        return self.aliased(plan, anonymous)

    def _table_function(self, name: tuple[str, ...], start: int) -> p.LogicalPlan:
        self.expect("(")
        self.deeper()
        args: list[e.Expression] = []
        if self.kinds[self.i] != ")":
            if self.kinds[self.i] == "TABLE" and (self.is_name[self.i + 1] or self.kinds[self.i + 1] == "("):
                raise unsupported("a table argument of a table function")
            args = self.many(self.argument)
        self.depth -= 1
        self.expect(")")
        return self.aliased(p.UnresolvedTableFunction(name, tuple(args), self.origin(start)))

    def inline_table(self) -> p.LogicalPlan:
        """`VALUES (1, 'a'), (2, 'b') [AS t(x, y)]`"""
        start = self.i
        self.i += 1
        self.deeper()
        rows: list[tuple[e.Expression, ...]] = []
        while True:
            row = self.expression()
            rows.append(_fields(row))
            if not self.accept(","):
                break
        self.depth -= 1
        width = len(rows[0])
        if any(len(row) != width for row in rows):
            bad = next(len(row) for row in rows if len(row) != width)
            raise parse_error(
                "INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH",
                f"Invalid inline table. Inline table expected {width} columns but found {bad} columns in row "
                f"{next(i for i, row in enumerate(rows) if len(row) != width)}.",
                {"expectedNumCols": str(width), "actualNumCols": str(bad)},
                "42000",
                self.origin(start),
            )
        return self.aliased(p.InlineTable(tuple(rows), self.origin(start)))

    def aliased(self, plan: p.LogicalPlan, anonymous: str = "") -> p.LogicalPlan:
        """The relation under the alias that follows, if one does."""
        name = None
        if self.kinds[self.i] == "AS":
            self.i += 1
            if self.kinds[self.i] in _NO_ALIAS:
                raise self.failure()
            name = self.name()
        elif self.is_name[self.i] and not self._relation_goes_on():
            name = self.name()
        if name is None:
            return p.SubqueryAlias(plan, anonymous) if anonymous else plan
        if self.kinds[self.i] == "(":
            plan = p.ToDF(plan, self.name_list())
        return p.SubqueryAlias(plan, name)

    def _relation_goes_on(self, index: int | None = None) -> bool:
        """Whether the word there is no alias but belongs to the query around."""
        index = self.i if index is None else index
        kind = self.kinds[index]
        if kind == QUOTED_NAME:
            return False
        if kind in _NO_ALIAS:
            return True
        if kind in _BEFORE_RELATION_ENDS:
            return self.kinds[index + 1] in ("(", "INCLUDE", "EXCLUDE")
        if kind in ("FOR", "VERSION", "TIMESTAMP", "SYSTEM_VERSION", "SYSTEM_TIME"):
            return self.kinds[index + 1] in ("AS", "VERSION", "TIMESTAMP", "SYSTEM_VERSION", "SYSTEM_TIME")
        at, self.i = self.i, index
        found = self.clause_starts()
        self.i = at
        return found or (kind == "SET" and self.is_name[index + 1])

    def _refuse_time_travel(self) -> None:
        index = self.i + (self.kinds[self.i] == "FOR")
        if self.kinds[index] in ("VERSION", "TIMESTAMP", "SYSTEM_VERSION", "SYSTEM_TIME") and (
            self.kinds[index + 1],
            self.kinds[index + 2],
        ) == ("AS", "OF"):
            raise unsupported("time travel (VERSION AS OF, TIMESTAMP AS OF)")

    def properties(self) -> dict[str, str]:
        """`(key = 'value', a.b 3)`: options, keys in lower case."""
        self.expect("(")
        found: dict[str, str] = {}
        while True:
            key = self.one_string() if self.kinds[self.i] == STRING else ".".join(self.dotted_name())
            self.accept("=")
            kind = self.kinds[self.i]
            if kind == STRING:
                value = self.string()
            elif kind in (NUMBER, "TRUE", "FALSE"):
                value = self.tokens.shown(self.i).lower()
                self.i += 1
            else:
                raise self.failure()
            found[key.lower()] = value
            if not self.accept(","):
                break
        self.expect(")")
        return found

    def sample(self, plan: p.LogicalPlan) -> p.LogicalPlan:
        """The relation, sampled if TABLESAMPLE follows."""
        if self.kinds[self.i] != "TABLESAMPLE" or self.kinds[self.i + 1] != "(":
            return plan
        start = self.i
        self.i += 2
        if self.kinds[self.i] == ")":
            self.i += 1
            said = "TABLESAMPLE does not accept empty inputs."
            raise parse_error("_LEGACY_ERROR_TEMP_0014", said, {}, "42000", self.origin(start))
        if self.accept("BUCKET"):
            numerator = self.whole_number()
            self.expect("OUT")
            self.expect("OF")
            buckets = self.whole_number()
            fraction = numerator / buckets if buckets else math.inf
            if self.kinds[self.i] == "ON":
                raise unsupported("TABLESAMPLE(BUCKET x OUT OF y ON column)")
        else:
            size = self.expression()
            if self.accept("ROWS"):
                self.expect(")")
                self._seed()
                return p.Limit(plan, size)
            if not self.accept("PERCENT"):
                raise unsupported("TABLESAMPLE(byteLengthLiteral)")
            if not isinstance(size, e.Literal) or not isinstance(size.type, t.IntegralType | t.DecimalType):
                raise self.failure()
            fraction = float(size.value) / 100
        self.expect(")")
        if not 0 <= fraction <= 1:
            raise parse_error(
                "_LEGACY_ERROR_TEMP_0064",
                f"Sampling fraction ({fraction}) must be on interval [0, 1].",
                {"msg": f"Sampling fraction ({fraction}) must be on interval [0, 1]."},
                "42000",
                self.origin(start),
            )
        seed = self._seed()
        return p.Sample(plan, 0.0, fraction, False, random.getrandbits(31) if seed is None else seed)

    def _seed(self) -> int | None:
        """`REPEATABLE (seed)`, which makes the same choice each time. Of a number of rows it is always the first."""
        if not self.accept("REPEATABLE"):
            return None
        self.expect("(")
        seed = self.whole_number()
        self.expect(")")
        return seed

    def pivot(self, plan: p.LogicalPlan) -> p.LogicalPlan:
        """`PIVOT (sum(a) AS s FOR (b, c) IN ((1, 2) AS x))`"""
        self.i += 2
        aggregates = tuple(self.many(self.named_expression))
        self.expect("FOR")
        columns = self._pivot_columns()
        self.expect("IN")
        self.expect("(")
        values = tuple(self.many(self.named_expression))
        self.expect(")")
        self.expect(")")
        return self.aliased(p.PivotClause(plan, aggregates, columns, values))

    def _pivot_columns(self) -> tuple[e.Expression, ...]:
        start = self.i
        names = self.name_list() if self.kinds[self.i] == "(" else (self.name(),)
        return tuple(e.UnresolvedAttribute((name,), origin=self.origin(start)) for name in names)

    def unpivot(self, plan: p.LogicalPlan) -> p.LogicalPlan:
        """`UNPIVOT [INCLUDE NULLS] (value FOR name IN (a AS 'x', b))`, or with tuples of columns."""
        self.i += 1
        include_nulls = False
        if self.kinds[self.i] in ("INCLUDE", "EXCLUDE"):
            include_nulls = self.kinds[self.i] == "INCLUDE"
            self.i += 1
            self.expect("NULLS")
        self.expect("(")
        several = self.kinds[self.i] == "("
        value_names = self.name_list() if several else (self.name(),)
        self.expect("FOR")
        variable = self.name()
        self.expect("IN")
        self.expect("(")
        sets = self.many(lambda: self._unpivot_set(several))
        self.expect(")")
        self.expect(")")
        columns = tuple(columns for columns, _ in sets)
        aliases = tuple(alias for _, alias in sets)
        return self.aliased(p.Unpivot(plan, None, columns, variable, value_names, include_nulls, aliases))

    def _unpivot_set(self, several: bool) -> tuple[tuple[e.Expression, ...], str | None]:
        if several:
            self.expect("(")
            columns = tuple(self.many(self._column_reference))
            self.expect(")")
        else:
            columns = (self._column_reference(),)
        alias = None
        if self.accept("AS") or self.is_name[self.i]:
            alias = self.strict_name()
        return columns, alias

    def _column_reference(self) -> e.Expression:
        start = self.i
        return e.UnresolvedAttribute(self.dotted_name(), origin=self.origin(start))


def _fields(row: e.Expression) -> tuple[e.Expression, ...]:
    """The columns of one row of VALUES: the fields of `(a, b)` or `struct(a, b)`, else the value itself."""
    if isinstance(row, e.UnresolvedFunction) and row.name[-1].lower() == "struct":
        return row.args
    return (row,)
