"""Values: names, literals, groups in parentheses, CASE, INTERVAL, parameters, and what may be put behind a value."""

from __future__ import annotations

from headrace_driver.errors import SparkError, unsupported
from headrace_driver.plan import expressions as e
from headrace_driver.plan import types as t
from headrace_driver.plan.logical import LogicalPlan
from headrace_driver.sql import intervals
from headrace_driver.sql.calls import CALLS
from headrace_driver.sql.constants import typed_literal
from headrace_driver.sql.data_types import without_lengths
from headrace_driver.sql.failures import parse_error, syntax_error, too_complex
from headrace_driver.sql.functions import FunctionParser
from headrace_driver.sql.lexer import END, NUMBER, QUOTED_NAME, STRING
from headrace_driver.sql.literals import number_value
from headrace_driver.sql.lookahead import MAX_CHAIN

# Binding power of comparisons: an index is a value without AND, OR, NOT or predicates.
_COMPARISON = 50


class ValueParser(FunctionParser):
    """The grammar of primary expressions."""

    def primary(self) -> e.Expression:
        """A value with its postfixes."""
        start = self.i
        kind = self.kinds[start]
        if self.is_name[start]:
            value = self._word(kind)
        elif kind == NUMBER:
            self.i += 1
            value = self._number(self.tokens.shown(start), start)
        elif kind == STRING:
            value = e.Literal(self.string(), t.STRING)
        elif kind == "(":
            value = self._group()
        elif kind == "-" and self.kinds[start + 1] == NUMBER:
            self.i += 2
            value = self._number("-" + self.tokens.shown(start + 1), start)
        elif kind == "*":
            self.i += 1
            value = e.UnresolvedStar((), None, self.star_exceptions(), self.origin(start))
        elif kind == ":" and self.is_name[start + 1]:
            self.i += 1
            value = self._named_parameter()
        elif kind == "?":
            self.i += 1
            value = self._positional_parameter()
        else:
            raise self.failure()
        kind = self.kinds[self.i]
        if kind == "." or kind == "[" or kind == "::" or kind == ":" or kind == "COLLATE":
            value = self._postfixes(value, start)
        return value

    def _number(self, text: str, start: int) -> e.Literal:
        try:
            return number_value(text)
        except SparkError as error:
            error.origins = (self.origin(start),)
            raise

    def _word(self, kind: str) -> e.Expression:
        """A name, a call, or a keyword with a syntax of its own."""
        start = self.i
        following = self.kinds[start + 1]
        if following == "(":
            special = CALLS.get(kind)
            if special is not None:
                found = special(self, start)
                if found is not None:
                    return found
                self.i = start
            return self._case() if kind == "CASE" and self._case_follows() else self._function()
        if kind == "NULL":
            self.i += 1
            return e.Literal(None, t.NULL)
        if kind == "TRUE" or kind == "FALSE":
            self.i += 1
            return e.Literal(kind == "TRUE", t.BOOLEAN)
        if following == STRING and kind != QUOTED_NAME:
            interval = kind == "INTERVAL"
            return self._interval() if interval and self._interval_follows() else typed_literal(self, kind)
        if kind == "CASE" and self._case_follows():
            return self._case()
        if kind == "INTERVAL" and self._interval_follows():
            return self._interval()
        if following == "->":
            return self._lambda((self.name(),))
        return self._column(start)

    def _column(self, start: int) -> e.Expression:
        """`a.b.c`, `t.*`, or a call of a qualified function."""
        parts = [self.name()]
        while self.kinds[self.i] == "." and (self.is_name[self.i + 1] or self.kinds[self.i + 1] == "*"):
            self.i += 1
            if self.accept("*"):
                exceptions = self.star_exceptions()
                return e.UnresolvedStar(tuple(parts), None, exceptions, self.origin(start))
            parts.append(self.name())
        if self.kinds[self.i] == "(" and len(parts) > 1:
            return self.call_arguments(tuple(parts), start)
        return e.UnresolvedAttribute(tuple(parts), origin=self.origin(start))

    def star_exceptions(self) -> tuple[tuple[str, ...], ...]:
        """`EXCEPT (a, b.c)` after a star; `EXCEPT (SELECT ...)` there is a set operation."""
        if self.kinds[self.i] != "EXCEPT" or self.kinds[self.i + 1] != "(" or self.query_starts(self.i + 2):
            return ()
        self.i += 2
        names = self.many(self.dotted_name)
        self.expect(")")
        return tuple(names)

    def _postfixes(self, value: e.Expression, start: int) -> e.Expression:
        count = 0
        while True:
            kind = self.kinds[self.i]
            if kind == "." and self.is_name[self.i + 1]:
                self.i += 1
                field = self.name()
                if isinstance(value, e.UnresolvedAttribute):
                    value = e.UnresolvedAttribute((*value.parts, field), origin=self.origin(start))
                else:
                    value = e.UnresolvedExtract(value, e.Literal(field, t.STRING), self.origin(start))
            elif kind == "[":
                self.i += 1
                self.deeper()
                key = self.expression(_COMPARISON)
                self.depth -= 1
                self.expect("]")
                value = e.UnresolvedExtract(value, key, self.origin(start))
            elif kind == "::":
                self.i += 1
                value = e.Cast(value, without_lengths(self.data_type()), origin=self.origin(start))
            elif kind == ":" and self.is_name[self.i + 1]:
                raise unsupported("the extraction operator : on VARIANT values")
            elif kind == "COLLATE" and self.is_name[self.i + 1]:
                raise unsupported("COLLATE")
            else:
                return value
            count += 1
            if count > MAX_CHAIN:
                raise too_complex(self.tokens)

    def _group(self) -> e.Expression:
        """`(expression)`, `(a, b)`, `(SELECT ...)` or `(x, y) -> ...`"""
        start = self.i
        if self.query_starts(start + 1):
            self.i += 1
            return e.ScalarSubquery(self.nested_query())
        names = self._lambda_names(start)
        if names is not None:
            return self._lambda(names)
        self.i += 1
        self.deeper()
        first = self.named_expression()
        if self.kinds[self.i] == ",":
            items = [first]
            while self.accept(","):
                items.append(self.named_expression())
            self.expect(")")
            first = self.call("struct", tuple(items), start)
        else:
            if isinstance(first, e.Alias | e.MultiAlias):
                raise self.failure()
            self.expect(")")
        self.depth -= 1
        return first

    def nested_query(self) -> LogicalPlan:
        """A query whose opening parenthesis has been read."""
        self.deeper()
        plan = self.query()
        self.depth -= 1
        self.expect(")")
        return plan

    def _lambda_names(self, opening: int) -> tuple[str, ...] | None:
        if not (self.is_name[opening + 1] and self.kinds[opening + 2] == ","):
            return None
        index = opening + 1
        while self.is_name[index] and self.kinds[index + 1] == ",":
            index += 2
        if not (self.is_name[index] and self.kinds[index + 1] == ")" and self.kinds[index + 2] == "->"):
            return None
        self.i = opening + 1
        names = tuple(self.many(self.name))
        self.expect(")")
        return names

    def _lambda(self, names: tuple[str, ...]) -> e.Expression:
        self.expect("->")
        self.deeper()
        body = self.expression()
        self.depth -= 1
        return e.UnresolvedLambda(names, body)

    def _case_follows(self) -> bool:
        """`case` may be a column's name."""
        following = self.kinds[self.i + 1]
        if following == "WHEN":
            return True
        return following not in ("END", ",", ")", "FROM", END, ".", "AS", ";", "=", "<", ">") or following == "("

    def _case(self) -> e.Expression:
        start = self.i
        self.i += 1
        self.deeper()
        subject = None if self.kinds[self.i] == "WHEN" else self.expression()
        args: list[e.Expression] = []
        if self.kinds[self.i] != "WHEN":
            raise self.failure()
        while self.accept("WHEN"):
            at = self.i
            condition = self.expression()
            if subject is not None:
                condition = e.UnresolvedFunction(("=",), (subject, condition), origin=self.origin(at))
            self.expect("THEN")
            args += (condition, self.expression())
        if self.accept("ELSE"):
            args.append(self.expression())
        self.expect("END")
        self.depth -= 1
        return self.call("when", tuple(args), start)

    def _interval_follows(self) -> bool:
        index = self.i + 1
        if self.kinds[index] in ("-", "+"):
            index += 1
        unit = self.kinds[index + 1].lower()
        return self.kinds[index] in (NUMBER, STRING) and unit in intervals.UNITS

    def _interval(self) -> e.Expression:
        start = self.i
        self.i += 1
        parts: list[tuple[str, str]] = []
        while self.kinds[self.i] in (NUMBER, STRING, "-", "+"):
            at = self.i
            sign = "-" if self.kinds[at] == "-" else ""
            if self.kinds[at] in ("-", "+"):
                self.i += 1
            if self.kinds[self.i] not in (NUMBER, STRING) or self.kinds[self.i + 1].lower() not in intervals.UNITS:
                # The sign is an operator that follows the interval.
                self.i = at
                break
            value = self.string() if self.kinds[self.i] == STRING else self._plain_number()
            unit = self.kinds[self.i].lower()
            self.i += 1
            if self.kinds[self.i] == "TO":
                return self._from_to_interval(value, sign, unit, parts, start)
            parts.append((_negated(value) if sign else value, unit))
        text = self.tokens.text[self.tokens.starts[start] : self.tokens.stops[self.i - 1] + 1]
        try:
            return intervals.of_units(parts)
        except intervals.IntervalError as error:
            if str(error) == "mixed":
                raise intervals.mixed_fields(text) from None
            raise parse_error(
                "_LEGACY_ERROR_TEMP_0026",
                f"Error parsing '{text[8:].strip()}' to interval: {error}",
                {"msg": str(error)},
                "42000",
                self.origin(start),
            ) from None

    def _from_to_interval(
        self, value: str, sign: str, unit: str, parts: list[tuple[str, str]], start: int
    ) -> e.Expression:
        self.i += 1
        last = self.kinds[self.i].lower()
        self.i += 1
        if parts or (self.kinds[self.i] in (NUMBER, STRING) and self.kinds[self.i + 1].lower() in intervals.UNITS):
            raise parse_error(
                "_LEGACY_ERROR_TEMP_0024",
                "Can only have a single from-to unit in the interval literal syntax.",
                {},
                "42000",
                self.origin(start),
            )
        return intervals.of_range(_negated(value) if sign else value, unit, last)

    def _plain_number(self) -> str:
        self.i += 1
        text = self.tokens.shown(self.i - 1)
        if not text.replace(".", "", 1).isdigit():
            raise syntax_error(self.tokens, self.i - 1)
        return text

    def _named_parameter(self) -> e.Expression:
        name = self.name()
        value = self.named.get(name.lower())
        if value is None:
            raise self._unbound(name)
        return value

    def _positional_parameter(self) -> e.Expression:
        index = self.positional_used
        self.positional_used += 1
        if index >= len(self.positional):
            raise self._unbound(f"_{self.tokens.starts[self.i - 1]}")
        return self.positional[index]

    def _unbound(self, name: str) -> SparkError:
        return parse_error(
            "UNBOUND_SQL_PARAMETER",
            f"Found the unbound parameter: {name}. Please, fix `args` and provide a mapping of the parameter to either "
            "a SQL literal or collection constructor functions such as `map()`, `array()`, `struct()`.",
            {"name": name},
            "42P02",
            self.tokens.origin(self.i - 1, self.i - 1),
        )

    def named_expression(self) -> e.Expression:
        """`expression [AS] name`, `expression AS (a, b)`"""
        child = self.expression()
        kind = self.kinds[self.i]
        if kind == "AS":
            self.i += 1
            if self.kinds[self.i] == "(":
                return e.MultiAlias(child, self.name_list())
            return e.Alias(child, self.strict_name())
        if self.is_name[self.i] and not self.clause_starts():
            return e.Alias(child, self.strict_name())
        if kind == "(":
            return e.MultiAlias(child, self.name_list())
        return child

    def name_list(self) -> tuple[str, ...]:
        """`(a, b)`"""
        self.expect("(")
        names = self.many(self.strict_name)
        self.expect(")")
        return tuple(names)


def _negated(value: str) -> str:
    stripped = value.strip()
    return stripped[1:] if stripped.startswith("-") else f"-{stripped.removeprefix('+')}"
