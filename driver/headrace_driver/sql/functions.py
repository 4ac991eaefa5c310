"""Function calls: arguments, WITHIN GROUP, FILTER, IGNORE NULLS, and windows."""

from __future__ import annotations

from headrace_driver.errors import unsupported
from headrace_driver.plan import expressions as e
from headrace_driver.plan import types as t
from headrace_driver.sql.failures import parse_error
from headrace_driver.sql.lookahead import Lookahead


class FunctionParser(Lookahead):
    """The grammar of calls."""

    def _function(self) -> e.Expression:
        start = self.i
        return self.call_arguments((self.name(),), start)

    def call_arguments(self, name: tuple[str, ...], start: int) -> e.Expression:
        """What follows a function's name: arguments, WITHIN GROUP, FILTER, IGNORE NULLS, OVER."""
        kinds = self.kinds
        self.expect("(")
        self.deeper()
        distinct = False
        args: list[e.Expression] = []
        if kinds[self.i] != ")":
            if kinds[self.i] in ("DISTINCT", "ALL") and kinds[self.i + 1] not in (")", ",", ".", "("):
                distinct = kinds[self.i] == "DISTINCT"
                self.i += 1
            elif kinds[self.i] == "DISTINCT" and kinds[self.i + 1] == "(":
                distinct = True
                self.i += 1
            args = self.many(self.argument)
        self.depth -= 1
        self.expect(")")
        if len(args) == 1 and not distinct and type(args[0]) is e.UnresolvedStar and name[-1].lower() == "count":
            star = args[0]
            if not star.target and not star.except_names:
                args = [e.Literal(1, t.INTEGER)]
        return self.call_suffixes(name, tuple(args), distinct, False, start)

    def call_suffixes(
        self, name: tuple[str, ...], args: tuple[e.Expression, ...], distinct: bool, ignore_nulls: bool, start: int
    ) -> e.Expression:
        """Everything that may follow a call's closing parenthesis."""
        kinds = self.kinds
        order_by: tuple[e.Expression, ...] = ()
        where = None
        kind = kinds[self.i]
        if kind == "WITHIN" and kinds[self.i + 1] == "GROUP":
            self.i += 2
            for token in ("(", "ORDER", "BY"):
                self.expect(token)
            order_by = tuple(self.many(self.sort_item))
            self.expect(")")
            kind = kinds[self.i]
        if kind == "FILTER" and kinds[self.i + 1] == "(":
            self.i += 2
            self.expect("WHERE")
            where = self.expression()
            self.expect(")")
            kind = kinds[self.i]
        if kind in ("IGNORE", "RESPECT") and kinds[self.i + 1] == "NULLS":
            ignore_nulls = kind == "IGNORE"
            self.i += 2
            kind = kinds[self.i]
        call = e.UnresolvedFunction(name, args, distinct, where, order_by, ignore_nulls, self.origin(start))
        if kind == "OVER" and (kinds[self.i + 1] == "(" or self.is_name[self.i + 1]):
            self.i += 1
            return self._window(call, start)
        return call

    def argument(self) -> e.Expression:
        i = self.i
        if self.is_name[i] and self.kinds[i + 1] == "=>":
            name = self.name()
            self.i += 1
            if self.kinds[self.i] == "TABLE":
                raise unsupported("a table argument of a function")
            return e.NamedArgument(name, self.expression())
        return self.expression()

    def sort_item(self) -> e.SortOrder:
        """`expression [ASC|DESC] [NULLS FIRST|LAST]`"""
        child = self.expression()
        ascending = True
        nulls_first = None
        kind = self.kinds[self.i]
        if kind == "ASC" or kind == "DESC":
            ascending = kind == "ASC"
            self.i += 1
            kind = self.kinds[self.i]
        if kind == "NULLS":
            self.i += 1
            which = self.kinds[self.i]
            if which not in ("FIRST", "LAST"):
                raise self.failure()
            nulls_first = which == "FIRST"
            self.i += 1
        return e.SortOrder(child, ascending, nulls_first)

    def _window(self, call: e.Expression, start: int) -> e.Expression:
        """What follows OVER: a window or the name of one."""
        if self.kinds[self.i] == "(":
            if self.is_name[self.i + 1] and self.kinds[self.i + 2] == ")":
                self.i += 1
                name = self.name()
                self.expect(")")
            else:
                partition_by, order_by, frame = self.window_specification()
                return e.WindowExpression(call, partition_by, order_by, frame, self.origin(start))
        else:
            name = self.strict_name()
        window = e.WindowExpression(call, (), (), None, self.origin(start))
        self.windows_wanted.append((window, name, self.i - 1))
        return window

    def window_specification(
        self,
    ) -> tuple[tuple[e.Expression, ...], tuple[e.Expression, ...], e.Frame | None]:
        """`(PARTITION BY ... ORDER BY ... ROWS ...)`"""
        self.expect("(")
        self.deeper()
        partition_by: tuple[e.Expression, ...] = ()
        order_by: tuple[e.Expression, ...] = ()
        if self.accept_all("CLUSTER", "BY"):
            partition_by = tuple(self.many(self.expression))
        else:
            if self.accept_all("PARTITION", "BY") or self.accept_all("DISTRIBUTE", "BY"):
                partition_by = tuple(self.many(self.expression))
            if self.accept_all("ORDER", "BY") or self.accept_all("SORT", "BY"):
                order_by = tuple(self.many(self.sort_item))
        frame = None
        if self.kinds[self.i] in ("ROWS", "RANGE"):
            unit = e.FrameUnit(self.kinds[self.i])
            self.i += 1
            if self.accept("BETWEEN"):
                lower = self._frame_bound()
                self.expect("AND")
                frame = e.Frame(unit, lower, self._frame_bound())
            else:
                frame = e.Frame(unit, self._frame_bound(), e.Bound.CURRENT_ROW)
        self.depth -= 1
        self.expect(")")
        return partition_by, order_by, frame

    def _frame_bound(self) -> e.Bound | e.Expression:
        kind, following = self.kinds[self.i], self.kinds[self.i + 1]
        if kind == "UNBOUNDED" and following in ("PRECEDING", "FOLLOWING"):
            self.i += 2
            return e.Bound.UNBOUNDED_PRECEDING if following == "PRECEDING" else e.Bound.UNBOUNDED_FOLLOWING
        if kind == "CURRENT" and following == "ROW":
            self.i += 2
            return e.Bound.CURRENT_ROW
        start = self.i
        offset = self.expression()
        kind = self.kinds[self.i]
        if kind not in ("PRECEDING", "FOLLOWING"):
            raise self.failure()
        self.i += 1
        if any(isinstance(part, e.UnresolvedAttribute) for part in e.walk(offset)):
            raise parse_error(
                "_LEGACY_ERROR_TEMP_0064",
                "Frame bound value must be a literal.",
                {"msg": "Frame bound value must be a literal."},
                "42000",
                self.origin(start),
            )
        return self.call("negative", (offset,), start) if kind == "PRECEDING" else offset
