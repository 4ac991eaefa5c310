"""What a name in an expression means: columns, fields in them, aliases beside them, columns around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from headrace_driver.errors import NOWHERE, Origin, SparkError, unsupported
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis import time_windows
from headrace_driver.plan.analysis.fields import extract_field
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.analysis.naming import Namer
from headrace_driver.plan.analysis.outer import Outer, frame_candidates
from headrace_driver.plan.analysis.scope import Relation
from headrace_driver.plan.analysis.spellings import WORDS
from headrace_driver.plan.analysis.suggestions import column_proposals, quoted
from headrace_driver.plan.expressions import (
    Attribute,
    Cast,
    Expression,
    LambdaVariable,
    Literal,
    UnresolvedAttribute,
    UnresolvedExtract,
    UnresolvedFunction,
    UnresolvedStar,
    transform_up,
)

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.analyzer import Analyzer


class Names:
    """The names an expression over one relation may use; `Binder` resolves the expressions themselves.

    The counters say what was met, so that an operator need not walk its expressions again: `aggregates` outside of
    windows, `windows`, `generators`.
    """

    def __init__(
        self,
        analyzer: Analyzer,
        relation: Relation,
        outer: Outer | None = None,
        *,
        beneath: bool = False,
        inside_aggregates: Relation | None = None,
    ) -> None:
        self.analyzer = analyzer
        self.relation = relation
        self.outer = outer
        self.laterals: dict[str, list[Attribute]] | None = None
        self.laterals_used: dict[int, Attribute] = {}
        self.time_window: time_windows.TimeWindow | None = None
        self.lenient = False
        """ORDER BY: an ambiguous name is one not found."""
        self.item: Expression | None = None
        """The item of a select list being bound."""
        self.aggregates = 0
        self.windows = 0
        self.generators = 0
        self._beneath = beneath
        self._inside_aggregates = inside_aggregates
        self._in_aggregate = 0
        self._enclosing: Expression | None = None
        self._in_window = 0
        self._lambdas: list[dict[str, LambdaVariable]] = []
        self._subqueries: dict[int, tuple[Attribute, ...]] = {}
        self.grouping_call: Callable[[UnresolvedFunction], Expression] | None = None

    def bind(self, e: Expression) -> Expression:
        """The resolved form of `e`."""
        raise NotImplementedError

    def namer(self, *, qualified: bool = False) -> Namer:
        return Namer(
            self.peek,
            self._type_of,
            self._subquery_columns,
            self._columns_of,
            self._is_lateral,
            qualified=qualified,
            time_zone=self.analyzer.context.bind_context("", NOWHERE).time_zone,
        )

    def _is_lateral(self, e: UnresolvedAttribute) -> bool:
        """Whether a name of one part means an alias of the select list itself."""
        if not self.laterals or self.relation.scope.fold(e.parts[0]) not in self.laterals:
            return False
        return self.relation.scope.resolve(e.parts, e.origin) is None

    def _columns_of(self, star: UnresolvedStar) -> list[Expression]:
        """The columns a star stands for."""
        raise NotImplementedError

    def _subquery_columns(self, e: Expression) -> tuple[Attribute, ...]:
        return self._subqueries.get(id(e), ())

    def quoted(self, e: Expression) -> str:
        """The expression as error messages quote it."""
        return f'"{self.namer().text(e)}"'

    def peek(self, e: UnresolvedAttribute) -> Expression | None:
        """What a name stands for, without any effect and without failing."""
        probe = type(self)(self.analyzer, self.relation, self.outer and Outer(self.outer.relation))
        probe._beneath, probe._inside_aggregates = self._beneath, self._inside_aggregates
        probe.laterals = self.laterals
        probe.time_window = self.time_window
        return probe._named(e) if e.plan_id is None else probe._frame_column(e)

    def _type_of(self, e: Expression) -> t.DataType | None:
        if isinstance(e, Literal | Cast):
            return e.type
        if isinstance(e, UnresolvedAttribute):
            found = self.peek(e)
            return found.dtype if found is not None else None
        if isinstance(e, UnresolvedFunction | UnresolvedExtract) and not self._mentions_lambda(e):
            probe = type(self)(self.analyzer, self.relation, self.outer and Outer(self.outer.relation))
            probe.laterals = self.laterals
            try:
                return probe.bind(e).dtype
            except Exception:  # noqa: BLE001 - only the text of a name depends on it
                return None
        return None

    def _mentions_lambda(self, e: Expression) -> bool:
        return bool(self._lambdas)

    def _attribute(self, e: Expression) -> Expression:
        assert isinstance(e, UnresolvedAttribute)
        if self._lambdas:
            variable = self._lambda_variable(e)
            if variable is not None:
                return variable
        if e.plan_id is not None:
            found = self._frame_column(e)
            if found is None:
                raise error("CANNOT_RESOLVE_DATAFRAME_COLUMN", e.origin, name=f'"{".".join(e.parts)}"')
            return found
        found = self._named(e)
        if found is not None:
            return found
        raise self.not_found(e)

    def _named(self, e: UnresolvedAttribute) -> Expression | None:
        parts, origin = e.parts, e.origin
        if self._in_aggregate and self._inside_aggregates is not None:
            found = self._in(self._inside_aggregates, parts, origin)
            if found is not None:
                return found
        found = self._unless_ambiguous(lambda: self._in(self.relation, parts, origin))
        if found is not None:
            return found
        if self.time_window is not None and parts[0].lower() == time_windows.NAME:
            over = Relation(self.relation.plan, (self.time_window.attribute,))
            found = self._in(over, parts, origin)
            if found is not None:
                return found
        if len(parts) == 1 and parts[0].lower() in WORDS:
            function = self.analyzer.registry.find(parts[0])
            if function is not None:
                return function.bind((), self.analyzer.context.bind_context(parts[0].lower(), origin))
        if len(parts) == 1 and parts[0].lower() == "grouping__id" and self.grouping_call is not None:
            return self.grouping_call(UnresolvedFunction(("grouping_id",), ()))
        if self.laterals is not None:
            found = self._lateral(parts, origin)
            if found is not None:
                return found
        if self._beneath:
            found = self._unless_ambiguous(lambda: self._below(parts, origin))
            if found is not None:
                return found
        return self.outer.resolve(parts, origin) if self.outer is not None else None

    def _unless_ambiguous(self, look: Callable[[], Expression | None]) -> Expression | None:
        """Under ORDER BY a name that means two columns of the select list means neither, and is looked for beneath."""
        if not self.lenient:
            return look()
        try:
            return look()
        except SparkError as failure:
            if failure.error_class != "AMBIGUOUS_REFERENCE":
                raise
            return None

    def _in(self, relation: Relation, parts: tuple[str, ...], origin: Origin) -> Expression | None:
        """The name in one relation; a map's or array's key after a dot included."""
        found = relation.scope.resolve(parts, origin)
        if found is not None or len(parts) == 1:
            return found
        for length in range(len(parts) - 1, 0, -1):
            base = relation.scope.resolve(parts[:length], origin)
            if base is not None:
                for key in parts[length:]:
                    base = self._extracted(base, Literal(key, t.STRING), origin, ".".join(parts[:length]))
                return base
        return None

    def _below(self, parts: tuple[str, ...], origin: Origin) -> Expression | None:
        """The name in what lies under the select list (its columns are added to it by who asked)."""
        if self.relation.grouped is not None:
            return self._in(self.relation.grouped.child, parts, origin)
        under = self.relation.under
        while under is not None:
            found = self._in(under, parts, origin)
            if found is not None:
                return found
            under = under.under
        return None

    def _lateral(self, parts: tuple[str, ...], origin: Origin) -> Expression | None:
        assert self.laterals is not None
        found = self.laterals.get(self.relation.scope.fold(parts[0]))
        if not found:
            return None
        if len(found) > 1:
            raise error("AMBIGUOUS_LATERAL_COLUMN_ALIAS", origin, name=quoted(parts[:1]), n=str(len(found)))
        alias = found[0]
        if self._in_aggregate and not self._in_window:
            self._refuse_lateral("AGGREGATE_FUNC", "aggFunc", parts, origin)
        if self._in_window:
            self._refuse_lateral("WINDOW", "windowExpr", parts, origin)
        self.laterals_used[alias.id] = alias
        result: Expression = alias
        for part in parts[1:]:
            result = self._extracted(result, Literal(part, t.STRING), origin, parts[0])
        return result

    def _refuse_lateral(self, place: str, parameter: str, parts: tuple[str, ...], origin: Origin) -> None:
        raise error(
            f"UNSUPPORTED_FEATURE.LATERAL_COLUMN_ALIAS_IN_{place}",
            origin,
            lca=quoted(parts),
            **{parameter: f'"{self._lateral_text()}"'},
        )

    def _lateral_text(self) -> str:
        """The aggregate being bound, lateral aliases marked as such."""
        assert self._enclosing is not None

        def marked(e: UnresolvedAttribute) -> Expression | None:
            found = self.relation.scope.resolve(e.parts)
            return found or Attribute(f"lateralAliasReference({'.'.join(e.parts)})", t.NULL, True, 0)

        return Namer(marked).text(self._enclosing)

    def _frame_column(self, e: UnresolvedAttribute) -> Expression | None:
        """`df["name"]`: the column of that DataFrame, if it is still to be had here."""
        assert e.plan_id is not None
        found = frame_candidates(self.relation, e.plan_id, e.parts, e.origin)
        usable = [f for f in found if self._is_visible(f)]
        if not usable and self._beneath:
            below = self.relation.grouped.child if self.relation.grouped else self.relation.under
            while below is not None and not usable:
                usable = [
                    f for f in frame_candidates(below, e.plan_id, e.parts, e.origin) if _all_in(f, below.plan.output)
                ]
                below = below.under
        if len(set(usable)) > 1:
            raise error("AMBIGUOUS_COLUMN_REFERENCE", e.origin, name=f'"{".".join(e.parts)}"')
        if usable:
            return self._current(usable[0])
        if self.outer is not None:
            return self.outer.frame_column(e.plan_id, e.parts, e.origin)
        return None

    def _is_visible(self, e: Expression) -> bool:
        return _all_in(e, self.relation.columns) or _all_in(e, self.relation.hidden)

    def _current(self, e: Expression) -> Expression:
        """With the nullability the columns have here (an outer join may have changed it)."""
        here = {a.id: a for a in (*self.relation.columns, *self.relation.hidden)}

        def refresh(node: Expression) -> Expression:
            if isinstance(node, Attribute) and node.id in here and here[node.id].null != node.null:
                return Attribute(node.name, node.type, here[node.id].null, node.id, node.qualifier, node.metadata)
            return node

        return transform_up(e, refresh)

    def not_found(self, e: UnresolvedAttribute) -> Exception:
        columns = self.relation.columns
        if e.parts[0].lower() == "_metadata":
            # Every relation of files has it with Spark; what it says of others, this does not tell apart.
            return unsupported("the column _metadata of files")
        if not columns:
            return error("UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", e.origin, objectName=quoted(e.parts))
        proposal = ", ".join(column_proposals(e.parts, columns))
        return error("UNRESOLVED_COLUMN.WITH_SUGGESTION", e.origin, objectName=quoted(e.parts), proposal=proposal)

    def _extracted(self, child: Expression, key: Expression, origin: Origin, base: str) -> Expression:
        if isinstance(key, Literal) and isinstance(key.type, t.StringType):
            found = extract_field(child, str(key.value), self.relation.scope, origin, base)
            if found is not None:
                return found
        elif not isinstance(child.dtype, t.ArrayType | t.MapType | t.VariantType):
            if isinstance(child.dtype, t.StructType):
                raise error("INVALID_EXTRACT_FIELD_TYPE", origin, extraction=self.quoted(key))
            extract_field(child, "", self.relation.scope, origin, base)
        function = self.analyzer.registry.find("get_item")
        if function is None:
            raise unsupported("elements of arrays and maps (`a[i]`)")
        return function.bind((child, key), self.analyzer.context.bind_context("get_item", origin))

    def _lambda_variable(self, e: UnresolvedAttribute) -> Expression | None:
        name = self.relation.scope.fold(e.parts[0])
        for variables in reversed(self._lambdas):
            found = variables.get(name)
            if found is not None:
                result: Expression = found
                for part in e.parts[1:]:
                    result = self._extracted(result, Literal(part, t.STRING), e.origin, e.parts[0])
                return result
        return None


def nodes_in(e: Expression) -> Iterator[Expression]:
    """The node and all below it."""
    yield e
    for child in e.children():
        yield from nodes_in(child)


def _all_in(e: Expression, columns: tuple[Attribute, ...]) -> bool:
    return all(node in columns for node in nodes_in(e) if isinstance(node, Attribute))
