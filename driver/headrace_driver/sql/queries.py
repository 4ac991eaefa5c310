"""Queries: WITH, SELECT, set operations, ORDER BY and its kin, LIMIT, and pipes."""

from __future__ import annotations

from headrace_driver.errors import SparkError, unsupported
from headrace_driver.plan import expressions as e
from headrace_driver.plan import logical as p
from headrace_driver.sql.failures import parse_error, too_complex
from headrace_driver.sql.grouping import Grouping, GroupingParser
from headrace_driver.sql.lookahead import MAX_CHAIN
from headrace_driver.sql.names import identifier_clause

_SET_KINDS = {
    "UNION": p.SetKind.UNION,
    "EXCEPT": p.SetKind.EXCEPT,
    "MINUS": p.SetKind.EXCEPT,
    "INTERSECT": p.SetKind.INTERSECT,
}
_LONG_UNION = 64
"""UNIONs of more parts become balanced trees, so that planning's recursion does not grow with them."""

_Definition = tuple[str, tuple[str, ...], p.LogicalPlan]
_WindowSpecification = tuple[tuple[e.Expression, ...], tuple[e.Expression, ...], e.Frame | None]


class QueryParser(GroupingParser):
    """The grammar of queries."""

    def query(self) -> p.LogicalPlan:
        """`[WITH ...] term [ORDER BY ...] [LIMIT ...]`"""
        around = self.common_tables() if self.kinds[self.i] == "WITH" else None
        mark = len(self.windows_wanted)
        plan = self.organized(self.query_term(), mark)
        return plan if around is None else p.replace(around, child=plan)

    def common_tables(self) -> p.WithCTE:
        """`WITH [RECURSIVE] a AS (...), b(x, y) [MAX RECURSION LEVEL n] AS (...)`, around nothing yet."""
        start = self.i
        self.i += 1
        recursive = self.kinds[self.i] == "RECURSIVE" and self.is_name[self.i + 1] and self.kinds[self.i + 1] != "AS"
        self.i += recursive
        read = self.many(self._definition)
        definitions = [definition for definition, _ in read]
        levels = tuple((definition[0], level) for definition, level in read if level is not None)
        seen: set[str] = set()
        twice = [name for name, _, _ in definitions if name.lower() in seen or seen.add(name.lower())]  # type: ignore[func-returns-value]
        if twice:
            shown = ", ".join(f"`{name}`" for name in twice)
            raise parse_error(
                "DUPLICATED_CTE_NAMES",
                f"CTE definition can't have duplicate names: {shown}.",
                {"duplicateNames": shown},
                "42602",
                self.origin(start),
            )
        return p.WithCTE(p.OneRow(), tuple(definitions), recursive, levels)

    def _definition(self) -> tuple[_Definition, int | None]:
        name = self.strict_name()
        columns: tuple[str, ...] = ()
        if self.kinds[self.i] == "(" and not self.query_starts(self.i + 1):
            columns = self.name_list()
        level = None
        if self.kinds[self.i] == "MAX" and self.kinds[self.i + 1] == "RECURSION":
            self.i += 2
            self.expect("LEVEL")
            level = self.whole_number()
        self.accept("AS")
        self.expect("(")
        return (name, columns, self.nested_query()), level

    def query_term(self) -> p.LogicalPlan:
        """UNION, EXCEPT and MINUS, from the left; INTERSECT binds tighter; pipes apply to all before them."""
        left = self._intersections()
        while True:
            kind = self.kinds[self.i]
            if kind == "|>":
                self.i += 1
                left = self.pipe(left)
            elif kind in _SET_KINDS and kind != "INTERSECT":
                left = self._same_operation(left, kind)
            else:
                return left

    def _same_operation(self, left: p.LogicalPlan, kind: str) -> p.LogicalPlan:
        """A run of one and the same operation."""
        self.i += 1
        keep_all = self._quantifier()
        operands = [left, self._intersections()]
        while self.kinds[self.i] == kind:
            at = self.i
            self.i += 1
            if self._quantifier() != keep_all:
                self.i = at
                break
            operands.append(self._intersections())
        if kind == "UNION" and len(operands) > _LONG_UNION:
            return _balanced_union(operands, keep_all)
        if len(operands) > MAX_CHAIN:
            raise too_complex(self.tokens)
        plan = operands[0]
        for operand in operands[1:]:
            plan = p.UnresolvedSetOperation(plan, operand, _SET_KINDS[kind], keep_all)
        return plan

    def _intersections(self) -> p.LogicalPlan:
        left = self.query_primary()
        count = 0
        while self.kinds[self.i] == "INTERSECT":
            self.i += 1
            keep_all = self._quantifier()
            left = p.UnresolvedSetOperation(left, self.query_primary(), p.SetKind.INTERSECT, keep_all)
            count += 1
            if count > MAX_CHAIN:
                raise too_complex(self.tokens)
        return left

    def _quantifier(self) -> bool:
        if self.accept("ALL"):
            return True
        self.accept("DISTINCT")
        return False

    def pipe(self, plan: p.LogicalPlan) -> p.LogicalPlan:
        """Overridden by the grammar of pipes."""
        raise unsupported("the pipe operator |>")

    def query_primary(self) -> p.LogicalPlan:
        """SELECT, FROM ... SELECT, VALUES, TABLE t, or a query in parentheses."""
        kind = self.kinds[self.i]
        if kind == "SELECT":
            self.i += 1
            return self.select(None)
        if kind == "(":
            self.i += 1
            return self.nested_query()
        if kind == "VALUES":
            return self.inline_table()
        if kind == "FROM":
            self.i += 1
            source = self.from_clause()
            if not self.accept("SELECT"):
                return source
            plan = self.select(source)
            if self.kinds[self.i] == "SELECT":
                raise unsupported("several SELECT clauses on one FROM")
            return plan
        if kind == "TABLE" and self.is_name[self.i + 1]:
            self.i += 1
            start = self.i
            named = self.kinds[start] == "IDENTIFIER" and self.kinds[start + 1] == "("
            parts = identifier_clause(self) if named else self.dotted_name()
            return p.UnresolvedRelation(parts, origin=self.origin(start))
        if kind in ("MAP", "REDUCE") and self.is_name[self.i + 1]:
            raise unsupported(f"{kind} ... USING with a script")
        raise self.failure()

    def select(self, source: p.LogicalPlan | None) -> p.LogicalPlan:
        """What follows SELECT, over `source` or its own FROM clause."""
        mark = len(self.windows_wanted)
        hints = []
        while self.accept("/*+"):
            hints += self._hints()
        distinct = self._distinct()
        columns = tuple(self.many(self.named_expression))
        if source is None:
            source = self.from_clause() if self.accept("FROM") else p.OneRow()
        source = self.lateral_views(source)
        if self.accept("WHERE"):
            source = p.Filter(source, self.expression())
        grouping = self.grouping() if self.accept_all("GROUP", "BY") else None
        having = self.expression() if self.accept("HAVING") else None
        qualify = self.expression() if self.accept("QUALIFY") else None
        if self.kinds[self.i] == "WINDOW" and self.is_name[self.i + 1] and self.kinds[self.i + 2] == "AS":
            self._resolve_windows(mark)
        if qualify is None and self.accept("QUALIFY"):
            qualify = self.expression()
        plan = _projection(source, columns, grouping, having)
        if qualify is not None:
            plan = p.Qualify(plan, qualify)
        if distinct:
            plan = p.Distinct(plan)
        for name, parameters in reversed(hints):
            plan = p.Hint(plan, name, parameters)
        return plan

    def _distinct(self) -> bool:
        kind, following = self.kinds[self.i], self.kinds[self.i + 1]
        if kind in ("DISTINCT", "ALL") and following not in (",", ")", ";", "", ".", "AS", "=", "FROM"):
            self.i += 1
            return kind == "DISTINCT"
        return False

    def _hints(self) -> list[tuple[str, tuple[e.Expression, ...]]]:
        """`/*+ BROADCAST(t), COALESCE(3) */` after its opening."""
        hints = []
        while self.kinds[self.i] != "*/":
            name = self.name()
            parameters: tuple[e.Expression, ...] = ()
            if self.accept("("):
                parameters = tuple(self.many(self.primary))
                self.expect(")")
            hints.append((name, parameters))
            self.accept(",")
        self.i += 1
        return hints

    def _resolve_windows(self, mark: int) -> None:
        """Reads a WINDOW clause and completes the window functions since `mark` that name its windows."""
        start = self.i
        self.i += 1
        named: dict[str, _WindowSpecification | str] = {}
        while True:
            name = self.strict_name().lower()
            self.expect("AS")
            if name in named:
                raise self._window_error("Found duplicate window definition", name, start)
            named[name] = self._named_window()
            if not (self.kinds[self.i] == "," and self.is_name[self.i + 1] and self.kinds[self.i + 2] == "AS"):
                break
            self.i += 1
        left = []
        for window, name, at in self.windows_wanted[mark:]:
            found = named.get(name.lower())
            if isinstance(found, str):
                found = named.get(found)
                if not isinstance(found, tuple):
                    raise self._window_error("Window reference is not a window specification", name, start)
            if found is None:
                left.append((window, name, at))
            else:
                # Not yet seen by anybody else, so completing it in place is safe.
                window.partition_by, window.order_by, window.frame = found  # type: ignore[misc]
        self.windows_wanted[mark:] = left

    def _named_window(self) -> _WindowSpecification | str:
        if self.kinds[self.i] == "(" and not (self.is_name[self.i + 1] and self.kinds[self.i + 2] == ")"):
            return self.window_specification()
        parenthesized = self.accept("(")
        name = self.strict_name().lower()
        if parenthesized:
            self.expect(")")
        return name

    def _window_error(self, what: str, name: str, start: int) -> SparkError:
        return parse_error(
            "_LEGACY_ERROR_TEMP_0064", f"{what}: {name}.", {"msg": f"{what}: {name}"}, "42000", self.origin(start)
        )

    def check_windows(self) -> None:
        """Every window a function names must have been defined."""
        for _, name, at in self.windows_wanted:
            raise parse_error(
                "MISSING_WINDOW_SPECIFICATION",
                f"Window specification is not defined in the WINDOW clause for `{name}`. For more information about "
                "WINDOW clauses, please refer to "
                "'https://spark.apache.org/docs/latest/sql-ref-syntax-qry-select-window.html'.",
                {"windowName": name, "docroot": "https://spark.apache.org/docs/latest"},
                "42P20",
                self.tokens.origin(at, at),
            )

    def organized(self, plan: p.LogicalPlan, mark: int) -> p.LogicalPlan:
        """The plan with the ordering, windows and limits that follow."""
        start = self.i
        clauses = 0
        order = cluster = distribute = sort = None
        if self.accept_all("ORDER", "BY"):
            order = tuple(self.many(self.sort_item))
            clauses += 1
        if self.accept_all("CLUSTER", "BY"):
            cluster = tuple(self.many(self.expression))
            clauses += 1
        if self.accept_all("DISTRIBUTE", "BY"):
            distribute = tuple(self.many(self.expression))
            clauses += 1
        if self.accept_all("SORT", "BY"):
            sort = tuple(self.many(self.sort_item))
            clauses += 1
        if clauses > 1 and not (clauses == 2 and distribute and sort):
            raise parse_error(
                "UNSUPPORTED_FEATURE.COMBINATION_QUERY_RESULT_CLAUSES",
                "The feature is not supported: Combination of ORDER BY/SORT BY/DISTRIBUTE BY/CLUSTER BY.",
                {},
                "0A000",
                self.origin(start),
            )
        if order:
            plan = p.Sort(plan, order)
        if distribute or cluster:
            plan = p.Repartition(plan, None, True, distribute or cluster or ())
        if cluster:
            sort = tuple(e.SortOrder(key) for key in cluster)
        if sort:
            plan = p.Sort(plan, sort, is_global=False)
        if self.kinds[self.i] == "WINDOW" and self.is_name[self.i + 1] and self.kinds[self.i + 2] == "AS":
            self._resolve_windows(mark)
        count = offset = None
        if self.accept("LIMIT") and not self.accept("ALL"):
            count = self.expression()
        if self.accept("OFFSET"):
            offset = self.expression()
        return plan if count is None and offset is None else p.Limit(plan, count, offset)


def _projection(
    source: p.LogicalPlan, columns: tuple[e.Expression, ...], grouping: Grouping | None, having: e.Expression | None
) -> p.LogicalPlan:
    if grouping is None:
        return p.UnresolvedProject(source, columns, having)
    return p.GroupingAnalytics(source, grouping.kind, grouping.expressions, columns, grouping.sets, having)


def _balanced_union(operands: list[p.LogicalPlan], keep_all: bool) -> p.LogicalPlan:
    while len(operands) > 1:
        paired: list[p.LogicalPlan] = [
            p.UnresolvedSetOperation(left, right, p.SetKind.UNION, keep_all)
            for left, right in zip(operands[::2], operands[1::2], strict=False)
        ]
        if len(operands) % 2:
            paired.append(operands[-1])
        operands = paired
    return operands[0]
