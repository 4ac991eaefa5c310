"""Expressions, by operator precedence as in Spark's grammar.

From loose to tight: OR, AND, NOT, a predicate (IS, IN, LIKE, BETWEEN; at most one), comparisons, |, ^, &, shifts,
+ - ||, * / % DIV, unary signs, then postfix (`.field`, `[index]`, `::type`, COLLATE).
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace_driver.errors import Origin, SparkError
from headrace_driver.plan import expressions as e
from headrace_driver.plan import types as t
from headrace_driver.sql.failures import parse_error, too_complex
from headrace_driver.sql.lexer import NUMBER
from headrace_driver.sql.lookahead import MAX_CHAIN
from headrace_driver.sql.values import ValueParser

_OR, _AND, _NOT, _PREDICATE, _COMPARISON = 10, 20, 30, 40, 50
_BINARY = {
    "OR": _OR,
    "AND": _AND,
    "=": _COMPARISON,
    "<>": _COMPARISON,
    "<": _COMPARISON,
    "<=": _COMPARISON,
    ">": _COMPARISON,
    ">=": _COMPARISON,
    "<=>": _COMPARISON,
    "|": 60,
    "^": 70,
    "&": 80,
    "<<": 90,
    ">>": 90,
    ">>>": 90,
    "+": 100,
    "-": 100,
    "||": 100,
    "*": 110,
    "/": 110,
    "%": 110,
    "DIV": 110,
    "IS": _PREDICATE,
    "IN": _PREDICATE,
    "LIKE": _PREDICATE,
    "ILIKE": _PREDICATE,
    "RLIKE": _PREDICATE,
    "REGEXP": _PREDICATE,
    "BETWEEN": _PREDICATE,
    "NOT": _PREDICATE,
    "!": _PREDICATE,
}
_UNARY = 120
_NAMES = {"DIV": ("div",), "||": ("concat",)}
_AFTER_NOT = frozenset(("IN", "LIKE", "ILIKE", "RLIKE", "REGEXP", "BETWEEN"))
_SIGNS = {"-": ("negative",), "+": ("positive",), "~": ("~",)}


class ExpressionParser(ValueParser):
    """The grammar of operators and predicates."""

    def expression(self, floor: int = 0) -> e.Expression:
        """An expression of operators that bind at least as tightly as `floor`."""
        start = self.i
        kind = self.kinds[start]
        if (kind == "NOT" or kind == "!") and floor <= _NOT:
            left: e.Expression = self._not(start)
        else:
            left = self._unary(kind)
        return self.operators(left, start, floor)

    def operators(self, left: e.Expression, start: int, floor: int) -> e.Expression:
        """The operators after a first operand, which started at token `start`."""
        kinds = self.kinds
        ceiling = 1_000
        chain = 0
        while True:
            kind = kinds[self.i]
            power = _BINARY.get(kind)
            if power is None or power < floor or power >= ceiling:
                return left
            if power == _PREDICATE:
                if kind in ("NOT", "!") and kinds[self.i + 1] not in _AFTER_NOT:
                    return left
                left = self._predicate(left, start, kind)
                # One predicate only: what follows can be nothing tighter than AND.
                ceiling = _PREDICATE
            elif power <= _AND:
                left = self._chain(left, kind, power, start)
            else:
                self.i += 1
                right = self.expression(power + 1)
                left = self._binary(kind, left, right, start)
                chain += 1
                if chain > MAX_CHAIN:
                    raise too_complex(self.tokens)

    def _not(self, start: int) -> e.Expression:
        count = 0
        while self.kinds[self.i] in ("NOT", "!"):
            self.i += 1
            count += 1
        self.deeper()
        operand = self.expression(_NOT)
        self.depth -= 1
        if count > MAX_CHAIN:
            raise too_complex(self.tokens)
        for _ in range(count):
            operand = self.call("not", (operand,), start)
        return operand

    def _unary(self, kind: str) -> e.Expression:
        """A value with its signs and postfixes. `-1` is a literal, `-x` a call."""
        signs: list[tuple[str, int]] = []
        while kind in _SIGNS:
            if kind == "-" and self.kinds[self.i + 1] == NUMBER:
                break
            signs.append((kind, self.i))
            self.i += 1
            kind = self.kinds[self.i]
            if len(signs) > MAX_CHAIN:
                raise too_complex(self.tokens)
        value = self.primary()
        for sign, at in reversed(signs):
            value = e.UnresolvedFunction(_SIGNS[sign], (value,), origin=self.tokens.origin(at, self.i - 1))
        return value

    def _chain(self, first: e.Expression, kind: str, power: int, start: int) -> e.Expression:
        operands = [first]
        while self.kinds[self.i] == kind:
            self.i += 1
            operands.append(self.expression(power + 1))
        return balanced(kind.lower(), operands, self.origin(start))

    def _binary(self, kind: str, left: e.Expression, right: e.Expression, start: int) -> e.Expression:
        origin = self.origin(start)
        if kind == "<>":
            return e.UnresolvedFunction(
                ("not",), (e.UnresolvedFunction(("=",), (left, right), origin=origin),), origin=origin
            )
        return e.UnresolvedFunction(_NAMES.get(kind) or (kind,), (left, right), origin=origin)

    def _predicate(self, value: e.Expression, start: int, kind: str) -> e.Expression:
        first = self.i
        self.i += 1
        negated = False
        if kind == "!":
            raise self._bang_is_no_not(first)
        if kind == "NOT":
            negated = True
            kind = self.kinds[self.i]
            self.i += 1
        if kind == "IS":
            return self._is(value, start)
        if kind == "BETWEEN":
            lower = self.expression(_COMPARISON)
            self.expect("AND")
            found: e.Expression = self.call("between", (value, lower, self.expression(_COMPARISON)), start)
        elif kind == "IN":
            found = self._in(value, start, first)
        elif kind in ("RLIKE", "REGEXP"):
            found = self.call("rlike", (value, self.expression(_COMPARISON)), start)
        elif self.kinds[self.i] in ("ANY", "SOME", "ALL") and self.kinds[self.i + 1] == "(":
            return self._like_many(value, kind.lower(), negated, start)
        else:
            found = self._like(value, kind.lower(), start, first)
        return self.call("not", (found,), start) if negated else found

    def _is(self, value: e.Expression, start: int) -> e.Expression:
        if self.kinds[self.i] == "!":
            raise self._bang_is_no_not(self.i)
        negated = self.accept("NOT")
        kind = self.kinds[self.i]
        self.i += 1
        if kind == "NULL":
            return self.call("isnotnull" if negated else "isnull", (value,), start)
        if kind == "UNKNOWN":
            return self.call("isnotnull" if negated else "isnull", (e.Cast(value, t.BOOLEAN, implicit=True),), start)
        if kind in ("TRUE", "FALSE"):
            found: e.Expression = self.call("<=>", (value, e.Literal(kind == "TRUE", t.BOOLEAN)), start)
        elif kind == "DISTINCT" and self.kinds[self.i] == "FROM":
            self.i += 1
            found = self.call("<=>", (value, self.expression(_COMPARISON)), start)
            negated = not negated
        else:
            self.i -= 1
            raise self.failure()
        return self.call("not", (found,), start) if negated else found

    def _in(self, value: e.Expression, start: int, first: int) -> e.Expression:
        if self.kinds[self.i] != "(":
            raise self.failure()
        if self.kinds[self.i + 1] == ")":
            raise parse_error(
                "INVALID_SQL_SYNTAX.EMPTY_IN_PREDICATE",
                "Invalid SQL syntax: IN predicate requires at least one value. Empty IN clauses like 'IN ()' are not "
                "allowed. Consider using 'WHERE FALSE' if you need an always-false condition, or provide at least one "
                "value in the IN list.",
                {},
                "42000",
                self.tokens.origin(first, self.i + 1),
            )
        # `IN ((SELECT 1))` is a list of one scalar subquery, so only a query right after the parenthesis counts.
        if self.query_starts(self.i + 1) and not (self.kinds[self.i + 1] == "(" and self._lone_group(self.i + 1)):
            self.i += 1
            plan = self.nested_query()
            values = value.args if isinstance(value, e.UnresolvedFunction) and self._is_row(value) else (value,)
            return e.InSubquery(values, plan)
        self.i += 1
        self.deeper()
        items = self.many(self.expression)
        self.depth -= 1
        self.expect(")")
        return self.call("in", (value, *items), start)

    def _lone_group(self, opening: int) -> bool:
        """Whether the group opened there is all that the group around it holds."""
        return self.kinds[self.closed_by(opening) + 1] == ")"

    @staticmethod
    def _is_row(value: e.UnresolvedFunction) -> bool:
        """Whether a call came of `(a, b)`, not of `struct(a, b)`: only that one's origin starts with a parenthesis."""
        return value.name == ("struct",) and value.origin.fragment.startswith("(")

    def _like(self, value: e.Expression, name: str, start: int, first: int) -> e.Expression:
        pattern = self.expression(_COMPARISON)
        if self.kinds[self.i] != "ESCAPE":
            return self.call(name, (value, pattern), start)
        self.i += 1
        escape = self.string()
        if len(escape) != 1:
            raise parse_error(
                "INVALID_ESC",
                f"Found an invalid escape string: '{escape}'. The escape string must contain only one character.",
                {"invalidEscape": f"'{escape}'"},
                "42604",
                self.tokens.origin(first, self.i - 1),
            )
        return self.call(name, (value, pattern, e.Literal(escape, t.STRING)), start)

    def _like_many(self, value: e.Expression, name: str, negated: bool, start: int) -> e.Expression:
        """`LIKE ANY (...)`, `NOT LIKE ALL (...)`: each pattern asked for itself."""
        every = self.kinds[self.i] == "ALL"
        self.i += 2
        if self.kinds[self.i] == ")":
            raise parse_error(
                "_LEGACY_ERROR_TEMP_0064",
                "Expected something between '(' and ')'.",
                {"msg": "Expected something between '(' and ')'."},
                "42000",
                self.tokens.origin(self.i - 1, self.i),
            )
        patterns = self.many(self.expression)
        self.expect(")")
        tests: list[e.Expression] = []
        for pattern in patterns:
            test = self.call(name, (value, pattern), start)
            tests.append(self.call("not", (test,), start) if negated else test)
        return balanced("and" if every else "or", tests, self.origin(start))

    def _bang_is_no_not(self, index: int) -> SparkError:
        return parse_error(
            "SYNTAX_DISCONTINUED.BANG_EQUALS_NOT",
            "Support of the clause or keyword: ! has been discontinued in this context. The '!' keyword is only "
            "supported as an alias for the prefix operator 'NOT'. Use the 'NOT' keyword instead for infix clauses "
            "such as `NOT LIKE`, `NOT IN`, `NOT BETWEEN`, etc.",
            {"clause": "!"},
            "42601",
            self.tokens.origin(index, index),
        )


def balanced(name: str, operands: Sequence[e.Expression], origin: Origin) -> e.Expression:
    """`a AND b AND ...` as a tree of logarithmic depth, in the operands' order."""
    if len(operands) == 1:
        return operands[0]
    if len(operands) == 2:
        return e.UnresolvedFunction((name,), (operands[0], operands[1]), origin=origin)
    # Spark's split: three operands are ((a, b), c).
    middle = (len(operands) + 1) // 2
    return e.UnresolvedFunction(
        (name,), (balanced(name, operands[:middle], origin), balanced(name, operands[middle:], origin)), origin=origin
    )
