"""What the grammar asks of the tokens ahead: does a query start here, does the query around go on here?

No word is reserved in Spark SQL, so `order` is a name unless BY follows; these are the places that decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace_driver.errors import Origin, unsupported
from headrace_driver.plan import expressions as e
from headrace_driver.plan.logical import LogicalPlan
from headrace_driver.sql.cursor import MAX_NESTING
from headrace_driver.sql.data_types import TypeParser
from headrace_driver.sql.failures import too_complex
from headrace_driver.sql.lexer import END, NUMBER, STRING, Tokens

MAX_CHAIN = 5_000
"""How many operators may follow one another without parentheses (`1 + 1 + ...`): the tree is as deep as that. Chains of
AND and OR are unbounded, their trees are balanced."""

# What may follow a parenthesis that closes a query's first part, if the query goes on.
_QUERY_GOES_ON = frozenset(
    (
        "UNION",
        "EXCEPT",
        "MINUS",
        "INTERSECT",
        "ORDER",
        "SORT",
        "CLUSTER",
        "DISTRIBUTE",
        "LIMIT",
        "OFFSET",
        "WINDOW",
        "|>",
    )
)
_BY = frozenset(("BY",))
_ANYTHING: frozenset[str] = frozenset()
_SET_OPERAND = frozenset(("SELECT", "ALL", "DISTINCT", "(", "VALUES", "TABLE", "FROM"))
# Words after which the query goes on, with what has to follow them (nothing named: anything but an end or a comma).
_CLAUSES: dict[str, frozenset[str]] = {
    **dict.fromkeys(("FROM", "WHERE", "HAVING", "QUALIFY", "LIMIT", "OFFSET", "ON", "USING", "JOIN"), _ANYTHING),
    **dict.fromkeys(("GROUP", "ORDER", "SORT", "CLUSTER", "DISTRIBUTE"), _BY),
    **dict.fromkeys(("UNION", "EXCEPT", "MINUS", "INTERSECT"), _SET_OPERAND),
    **dict.fromkeys(("WHEN", "THEN", "ELSE", "SELECT"), _ANYTHING),
    "LATERAL": frozenset(("VIEW",)),
    "WINDOW": _ANYTHING,
    "PIVOT": frozenset(("(",)),
    "UNPIVOT": frozenset(("(", "INCLUDE", "EXCLUDE")),
    "FOR": _ANYTHING,
}


class Lookahead(TypeParser):
    """The state of one parse and its lookahead; the grammars of expressions and queries build on it."""

    def __init__(
        self,
        tokens: Tokens,
        time_zone: str = "UTC",
        named: Mapping[str, e.Expression] | None = None,
        positional: Sequence[e.Expression] | None = None,
    ) -> None:
        super().__init__(tokens)
        self.time_zone = time_zone
        self.named = {name.lower(): value for name, value in named.items()} if named else {}
        self.positional = list(positional or ())
        self.positional_used = 0
        self.windows_wanted: list[tuple[e.WindowExpression, str, int]] = []
        """Window functions over windows named in a WINDOW clause that has not come yet."""
        self._closing: dict[int, int] | None = None

    def expression(self, floor: int = 0) -> e.Expression:
        """An expression; the grammar of operators overrides this."""
        raise unsupported("an expression in this place")

    def operators(self, left: e.Expression, start: int, floor: int) -> e.Expression:
        """The operators after a first operand; the grammar of operators overrides this."""
        raise unsupported("an operator in this place")

    def query(self) -> LogicalPlan:
        """A query; the grammar of queries overrides this."""
        raise unsupported("a query in this place")

    def query_starts(self, index: int) -> bool:
        """Whether a query (not an expression, not a joined relation) starts at that token."""
        kind = self.kinds[index]
        if kind == "SELECT" or kind == "WITH":
            return self.kinds[index + 1] not in (")", ",", ".", END)
        if kind == "VALUES" or kind == "FROM" or kind == "TABLE":
            following = self.kinds[index + 1]
            return (
                self.is_name[index + 1] or following in ("(", STRING, NUMBER) or (kind == "VALUES" and following == "-")
            )
        if kind != "(":
            return False
        openings = []
        while self.kinds[index] == "(":
            openings.append(index)
            index += 1
            if len(openings) > MAX_NESTING:
                raise too_complex(self.tokens)
        if not self.query_starts(index):
            return False
        # From the innermost group outwards: is each group all there is in the one around it, or does a query go on?
        for level in reversed(range(len(openings))):
            following = self.kinds[self.closed_by(openings[level]) + 1]
            if following != ")" and following not in _QUERY_GOES_ON:
                return level == 0 and following in (END, ";")
        return True

    def closed_by(self, opening: int) -> int:
        """The token that closes a parenthesis (the last token when none does)."""
        if self._closing is None:
            self._closing = {}
            stack: list[int] = []
            for index, kind in enumerate(self.kinds):
                if kind == "(":
                    stack.append(index)
                elif kind == ")" and stack:
                    self._closing[stack.pop()] = index
        return self._closing.get(opening, len(self.kinds) - 2)

    def clause_starts(self) -> bool:
        """Whether the word here continues the query rather than being an alias (keywords are not reserved)."""
        follow = _CLAUSES.get(self.kinds[self.i])
        if follow is None:
            return False
        following = self.kinds[self.i + 1]
        return (following in follow) if follow else following not in (END, ")", ",", ";")

    def call(self, name: str, args: tuple[e.Expression, ...], start: int) -> e.UnresolvedFunction:
        """A call by name whose text started at token `start` and ends before the current one."""
        return e.UnresolvedFunction((name,), args, origin=self.tokens.origin(start, self.i - 1))

    def origin(self, start: int) -> Origin:
        """From token `start` to the last one read."""
        return self.tokens.origin(start, self.i - 1)
