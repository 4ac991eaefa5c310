"""Binding: an expression of a front end against the columns it may see, to a resolved one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from headrace_driver.errors import NOWHERE, Origin, unsupported
from headrace_driver.functions.coercion import cast_to
from headrace_driver.functions.registry import Function, FunctionKind
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis import frames, named_arguments, time_windows
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.analysis.names import Names, nodes_in
from headrace_driver.plan.analysis.outer import Outer
from headrace_driver.plan.analysis.subqueries import coerced_membership
from headrace_driver.plan.analysis.suggestions import quoted
from headrace_driver.plan.analysis.update_fields import update_field
from headrace_driver.plan.determinism import is_deterministic
from headrace_driver.plan.expressions import (
    AggregateCall,
    Alias,
    Attribute,
    Bound,
    Call,
    Case,
    Cast,
    Exists,
    Expression,
    Frame,
    FrameUnit,
    GetField,
    InSubquery,
    Lambda,
    LambdaVariable,
    Literal,
    MultiAlias,
    NamedArgument,
    OuterReference,
    ScalarSubquery,
    SortOrder,
    UnresolvedAttribute,
    UnresolvedExtract,
    UnresolvedFunction,
    UnresolvedLambda,
    UnresolvedRegex,
    UnresolvedStar,
    UpdateField,
    WindowExpression,
    new_id,
    replace,
    transform_up,
)
from headrace_driver.plan.logical import LogicalPlan

if TYPE_CHECKING:
    pass


class Binder(Names):
    """Resolves expressions over one relation.

    The counters say what was met, so that an operator need not walk its expressions again: `aggregates` outside of
    windows, `windows`, `generators`.
    """

    def bind(self, e: Expression) -> Expression:
        """The resolved form of `e`."""
        return _BINDERS[type(e)](self, e)

    def bind_all(self, many: Sequence[Expression]) -> tuple[Expression, ...]:
        return tuple([_BINDERS[type(e)](self, e) for e in many])

    def bind_predicate(self, e: Expression, operator: str) -> Expression:
        """A condition, which must be boolean."""
        bound = self.bind(e)
        if isinstance(bound.dtype, t.NullType) and operator == "having":
            return cast_to(bound, t.BOOLEAN)
        if not isinstance(bound.dtype, t.BooleanType):
            text, dtype = self.quoted(e), f'"{bound.dtype.sql}"'
            if operator == "join":
                raise error("JOIN_CONDITION_IS_NOT_BOOLEAN_TYPE", joinCondition=text, conditionType=dtype)
            if operator == "aggregate":
                raise error("INVALID_AGGREGATE_FILTER.NOT_BOOLEAN", filterExpr=text)
            raise error("DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN", sqlExpr=text, filter=text, type=dtype)
        return bound

    def _columns_of(self, star: UnresolvedStar) -> list[Expression]:
        return self.analyzer.expand(star, self)

    def call(self, name: str, args: tuple[Expression, ...]) -> Expression:
        """A function of the registry on resolved arguments."""
        function = self.analyzer.registry.find(name)
        if function is None:
            raise unsupported(f"the function {name}")
        return function.bind(args, self.analyzer.context.bind_context(name, NOWHERE))

    def field(self, struct: Expression, ordinal: int) -> Expression:
        """A field of a struct by position."""
        assert isinstance(struct.dtype, t.StructType)
        return GetField(struct, ordinal, struct.dtype.fields[ordinal].name)

    def _itself(self, e: Expression) -> Expression:
        return e

    def _alias(self, e: Expression) -> Expression:
        assert isinstance(e, Alias)
        return Alias(self.bind(e.child), e.name, e.id or new_id(), e.metadata)

    def _cast(self, e: Expression) -> Expression:
        assert isinstance(e, Cast)
        child = self.bind(e.child)
        bind_cast = self.analyzer.bind_cast
        return bind_cast(child, e, self)

    def _sort_order(self, e: Expression) -> Expression:
        assert isinstance(e, SortOrder)
        child = self.bind(e.child)
        if isinstance(child.dtype, t.MapType | t.VariantType | t.CalendarIntervalType):
            raise error(
                "DATATYPE_MISMATCH.INVALID_ORDERING_TYPE",
                sqlExpr=self.quoted(e),
                functionName="`sortorder`",
                dataType=f'"{child.dtype.sql}"',
            )
        return SortOrder(child, e.ascending, e.ascending if e.nulls_first is None else e.nulls_first)

    def _extract(self, e: Expression) -> Expression:
        assert isinstance(e, UnresolvedExtract)
        child = self.bind(e.child)
        return self._extracted(child, self.bind(e.key), e.origin, self.namer().text(e.child))

    def _update_field(self, e: Expression) -> Expression:
        assert isinstance(e, UpdateField)
        struct = self.bind(e.struct)
        value = self.bind(e.value) if e.value is not None else None
        return update_field(struct, e.path, value, self.relation.scope, self)

    def _named_argument(self, e: Expression) -> Expression:
        raise unsupported("named arguments in function calls")

    def _star(self, e: Expression) -> Expression:
        assert isinstance(e, UnresolvedStar | UnresolvedRegex)
        if isinstance(e, UnresolvedRegex):
            shown = f"regular expression '{e.pattern}'"
            raise error("INVALID_USAGE_OF_STAR_OR_REGEX", elem=shown, prettyName="expression")
        raise error("INVALID_USAGE_OF_STAR_OR_REGEX", e.origin, elem="'*'", prettyName="expression")

    def _multi_alias(self, e: Expression) -> Expression:
        assert isinstance(e, MultiAlias)
        return MultiAlias(self.bind(e.child), e.names)

    def _case(self, e: Expression) -> Expression:
        assert isinstance(e, Case)
        args: list[Expression] = []
        for condition, value in zip(e.conditions, e.values, strict=True):
            args += [condition, value]
        if e.otherwise is not None:
            args.append(e.otherwise)
        return self._function(UnresolvedFunction(("when",), tuple(args)))

    def _rebind_children(self, e: Expression) -> Expression:
        return e.map_children(self.bind)

    def _function(self, e: Expression) -> Expression:
        assert isinstance(e, UnresolvedFunction)
        name = e.name[-1].lower() if len(e.name) == 1 else _builtin_name(e.name)
        if name in ("grouping", "grouping_id"):
            if self.grouping_call is None:
                raise error("UNSUPPORTED_GROUPING_EXPRESSION", e.origin)
            return self.grouping_call(e)
        if name == "distributed_sequence_id" and not e.args:
            return self.bind(_ROW_INDEX)
        if name == time_windows.NAME and len(e.args) > 1:
            return self._time_window(e)
        function = self.analyzer.registry.find(name) if name else None
        if function is None:
            raise self.analyzer.unresolved_routine(e.name, e.origin)
        kind = function.kind
        if kind is FunctionKind.SCALAR:
            if e.distinct or e.where is not None or e.ignore_nulls or e.order_by:
                self._check_plain(e)
            generators = self.generators
            args = self._arguments(e, function)
            if self.generators > generators:
                raise self._nested_generator(e)
            return function.bind(args, self.analyzer.context.bind_context(name, e.origin))
        if kind is FunctionKind.GENERATOR:
            self._check_plain(e)
            generators = self.generators
            args = self._arguments(e, function)
            if self.generators > generators:
                raise self._nested_generator(e)
            self.generators += 1
            return function.bind(args, self.analyzer.context.bind_context(name, e.origin))
        return self._aggregate(e, function, name)

    def _time_window(self, e: UnresolvedFunction) -> Expression:
        """The column a call of `window` stands for; the operator puts what computes it beneath itself."""
        found = time_windows.TimeWindow(self, e)
        if self.time_window is None:
            self.time_window = found
        elif not self.time_window.is_same(found):
            raise error("_LEGACY_ERROR_TEMP_1039", e.origin)
        return self.time_window.attribute

    def _nested_generator(self, e: Expression) -> Exception:
        """A generator inside another expression, or where none may stand."""
        if self.item is None:
            return error("UNSUPPORTED_GENERATOR.OUTSIDE_SELECT", plan=f"'Filter {self.namer().text(e)}")
        return error("UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS", expression=self.quoted(self.item))

    def _check_plain(self, e: UnresolvedFunction) -> None:
        """Scalar functions take none of the aggregate clauses."""
        for present, syntax in (
            (e.distinct, "DISTINCT"),
            (e.where is not None, "FILTER clause"),
            (e.ignore_nulls, "IGNORE NULLS"),
            (bool(e.order_by), "WITHIN GROUP (ORDER BY ...)"),
        ):
            if present:
                raise error(
                    "INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX",
                    e.origin,
                    prettyName=quoted((e.name[-1].lower(),)),
                    syntax=syntax,
                )

    def _aggregate(self, e: UnresolvedFunction, function: Function, name: str) -> Expression:
        over_window = self._in_window == 1
        if over_window and e.distinct:
            raise error("DISTINCT_WINDOW_FUNCTION_UNSUPPORTED", e.origin, windowExpr=self.quoted(e))
        if function.kind is FunctionKind.WINDOW and not over_window:
            raise error("WINDOW_FUNCTION_WITHOUT_OVER_CLAUSE", e.origin, funcName=self.quoted(e))
        before = self.aggregates
        self._enclosing = e
        used_before = dict(self.outer.used) if self.outer is not None else {}
        in_window, self._in_window = self._in_window, 2 if self._in_window else 0
        if not over_window:
            self._in_aggregate += 1
        args = self._arguments(e, function)
        where = self.bind_predicate(e.where, "aggregate") if e.where is not None else None
        order_by = self.bind_all(e.order_by)
        if not over_window:
            self._in_aggregate -= 1
        self._in_window = in_window
        if not over_window:
            if self.aggregates > before:
                nested = next((n for a in args for n in nodes_in(a) if isinstance(n, AggregateCall)), None)
                raise error("NESTED_AGGREGATE_FUNCTION", e.origin if nested is None else nested.origin)
            if not all(is_deterministic(arg) for arg in args):
                raise error("AGGREGATE_FUNCTION_WITH_NONDETERMINISTIC_EXPRESSION", e.origin, sqlExpr=self.quoted(e))
            if e.where is not None and where is not None and not is_deterministic(where):
                raise error("INVALID_AGGREGATE_FILTER.NON_DETERMINISTIC", e.origin, filterExpr=self.quoted(e.where))
            if self.outer is not None and _is_all_outer(args) and self.outer.relation.grouped is not None:
                # The query around computes the aggregate: what it is of does not come in here.
                self.outer.used = used_before
                inner = [transform_up(a, _without_outer) for a in args]
                bound = function.bind(inner, self.analyzer.context.bind_context(name, e.origin))
                return self.outer.aggregate(replace(bound, distinct=e.distinct) if e.distinct else bound)
            self.aggregates += 1
        if e.ignore_nulls and name not in _IGNORE_NULLS:
            self._check_plain(UnresolvedFunction(e.name, e.args, ignore_nulls=True, origin=e.origin))
        context = self.analyzer.context.bind_context(name, e.origin)
        if order_by and name in _ORDERED_BY_ARGUMENT:
            args = (order_by[0].child, *args)  # type: ignore[attr-defined]
            bound = function.bind(args, context)
        else:
            bound = function.bind(args, context)
        if not (e.distinct or where is not None or order_by or e.ignore_nulls):
            return bound

        def dress(node: Expression) -> Expression:
            if not isinstance(node, AggregateCall):
                return node
            return replace(
                node,
                distinct=e.distinct and not function.duplicate_agnostic,
                where=where,
                order_by=order_by,
                ignore_nulls=e.ignore_nulls or node.ignore_nulls,
            )

        return transform_up(bound, dress)

    def _arguments(self, e: UnresolvedFunction, function: Function) -> tuple[Expression, ...]:
        """The call's arguments bound: stars expanded, lambdas after the rest."""
        args = e.args
        if any(type(arg) is NamedArgument for arg in args):
            args = named_arguments.in_order(function.name, args, e.origin)
        has_lambda = False
        for arg in args:
            kind = type(arg)
            if kind is UnresolvedStar or kind is UnresolvedRegex:
                args = self._expanded(e)
                break
            if kind is UnresolvedLambda:
                has_lambda = True
        if not has_lambda:
            return tuple([_BINDERS[type(a)](self, a) for a in args])
        if function.lambda_types is None:
            raise _not_higher_order(function.name, e.origin)
        bound: list[Any] = [None if isinstance(a, UnresolvedLambda) else self.bind(a) for a in args]
        for position, arg in enumerate(args):
            if isinstance(arg, UnresolvedLambda):
                bound[position] = self._lambda(arg, function.lambda_types(bound, position, len(arg.names)), e.origin)
        return tuple(bound)

    def _lambda(self, e: UnresolvedLambda, types: Sequence[tuple[t.DataType, bool]], origin: Origin) -> Lambda:
        if len(types) < len(e.names):
            raise error(
                "INVALID_LAMBDA_FUNCTION_CALL.NUM_ARGS_MISMATCH",
                origin,
                expectedNumArgs=str(len(e.names)),
                actualNumArgs=str(len(types)),
            )
        fold = self.relation.scope.fold
        if len({fold(n) for n in e.names}) < len(e.names):
            names = ", ".join(quoted((n,)) for n in e.names)
            raise error(
                "INVALID_LAMBDA_FUNCTION_CALL.DUPLICATE_ARG_NAMES",
                origin,
                args=names,
                caseSensitiveConfig='"spark.sql.caseSensitive"',
            )
        variables = tuple(
            LambdaVariable(name, dtype, null, new_id()) for name, (dtype, null) in zip(e.names, types, strict=False)
        )
        self._lambdas.append({fold(v.name): v for v in variables})
        body = self.bind(e.body)
        self._lambdas.pop()
        return Lambda(variables, body)

    def _bare_lambda(self, e: Expression) -> Expression:
        raise _not_higher_order("lambda", NOWHERE)

    def _expanded(self, e: UnresolvedFunction) -> tuple[Expression, ...]:
        """Arguments with stars replaced by columns; `count(*)` counts ones."""
        name = e.name[-1].lower()
        if name == "count" and len(e.args) == 1 and isinstance(e.args[0], UnresolvedStar):
            star = e.args[0]
            if not star.target and not star.except_names and not e.distinct:
                return (Literal(1, t.INTEGER),)
            if star.target:
                allowed = self.analyzer.context.conf.get("spark.sql.legacy.allowStarWithSingleTableIdentifierInCount")
                if allowed != "true":
                    raise error("INVALID_USAGE_OF_STAR_WITH_TABLE_IDENTIFIER_IN_COUNT", tableName=quoted(star.target))
        expanded: list[Expression] = []
        for arg in e.args:
            if isinstance(arg, UnresolvedStar | UnresolvedRegex):
                expanded.extend(self.analyzer.expand(arg, self))
            else:
                expanded.append(arg)
        return tuple(expanded)

    def _window(self, e: Expression) -> Expression:
        assert isinstance(e, WindowExpression)
        function = e.function
        outside, self._in_window = self._in_window, 1
        if self._in_aggregate and not outside:
            raise error("_LEGACY_ERROR_TEMP_1031", e.origin)
        bound = self.bind(function)
        calls = [bound] if isinstance(bound, AggregateCall) else []
        if not calls and not any(isinstance(n, AggregateCall) for n in nodes_in(bound)):
            raise error("UNSUPPORTED_EXPR_FOR_WINDOW", e.origin, sqlExpr=self.quoted(function))
        self._in_window = 2
        partition_by = self.bind_all(e.partition_by)
        order_by = self.bind_all(e.order_by)
        self._in_window = outside
        self.windows += 1
        kind = self._window_kind(function)
        frame = frames.resolve(self, e, kind, order_by)

        def over(node: Expression) -> Expression:
            if isinstance(node, AggregateCall):
                return WindowExpression(node, partition_by, order_by, frame, e.origin)
            return node

        if isinstance(bound, AggregateCall):
            return over(bound)
        # An aggregate that bound to an expression over others (count_if, say): each of them over the window.
        return _outermost_aggregates(bound, over)

    def _window_kind(self, function: Expression) -> FunctionKind:
        if isinstance(function, UnresolvedFunction):
            entry = self.analyzer.registry.find(function.name[-1])
            if entry is not None:
                return entry.kind
        return FunctionKind.AGGREGATE

    def subquery(self, plan: LogicalPlan) -> tuple[LogicalPlan, tuple[Attribute, ...]]:
        """A subquery's plan resolved, and the columns of this operator (and beyond) that it uses."""
        if self._lambdas:
            raise error("UNSUPPORTED_SUBQUERY_EXPRESSION_CATEGORY.HIGHER_ORDER_FUNCTION")
        around = Outer(self.relation)
        resolved = self.analyzer.resolve(plan, around).exact()
        return resolved, tuple(around.used.values())

    def _scalar_subquery(self, e: Expression) -> Expression:
        assert isinstance(e, ScalarSubquery)
        plan, outer = self.subquery(e.plan)
        if len(plan.output) != 1:
            raise error(
                "INVALID_SUBQUERY_EXPRESSION.SCALAR_SUBQUERY_RETURN_MORE_THAN_ONE_OUTPUT_COLUMN",
                number=str(len(plan.output)),
            )
        self._subqueries[id(e)] = outer
        return ScalarSubquery(plan, outer)

    def _exists(self, e: Expression) -> Expression:
        assert isinstance(e, Exists)
        plan, outer = self.subquery(e.plan)
        self._subqueries[id(e)] = outer
        return Exists(plan, outer)

    def _in_subquery(self, e: Expression) -> Expression:
        assert isinstance(e, InSubquery)
        values = self.bind_all(e.values)
        plan, outer = self.subquery(e.plan)
        self._subqueries[id(e)] = outer
        return coerced_membership(self, e, values, plan, outer)


_ROW_INDEX = UnresolvedFunction(
    ("-",),
    (
        WindowExpression(
            UnresolvedFunction(("count",), (Literal(1, t.LONG),)),
            frame=Frame(FrameUnit.ROWS, Bound.UNBOUNDED_PRECEDING, Bound.CURRENT_ROW),
        ),
        Literal(1, t.LONG),
    ),
)
"""`distributed_sequence_id()`, by which PySpark numbers rows (`zipWithIndex`): from 0, in the order of the rows."""
_IGNORE_NULLS = frozenset(
    {"first", "first_value", "last", "last_value", "any_value", "nth_value", "lag", "lead", "collect_list", "array_agg"}
)
_ORDERED_BY_ARGUMENT = frozenset({"percentile_cont", "percentile_disc", "mode"})
"""Functions whose WITHIN GROUP (ORDER BY x) names what they work on; it becomes their first argument."""


def _builtin_name(parts: tuple[str, ...]) -> str:
    """The name of `builtin.f` or `system.builtin.f`; empty for functions of a database."""
    qualifier = tuple(p.lower() for p in parts[:-1])
    return parts[-1].lower() if qualifier in (("builtin",), ("system", "builtin")) else ""


def _outermost_aggregates(e: Expression, change: Callable[[Expression], Expression]) -> Expression:
    if isinstance(e, AggregateCall):
        return change(e)
    return e.map_children(lambda child: _outermost_aggregates(child, change))


def _not_higher_order(name: str, origin: Origin) -> Exception:
    # `class` cannot be a keyword argument by itself.
    return error("INVALID_LAMBDA_FUNCTION_CALL.NON_HIGHER_ORDER_FUNCTION", origin, **{"class": name})


def _is_all_outer(args: Sequence[Expression]) -> bool:
    """Whether arguments use columns of the query around, and no others."""
    nodes = [n for a in args for n in nodes_in(a)]
    return any(isinstance(n, OuterReference) for n in nodes) and not any(isinstance(n, Attribute) for n in nodes)


def _without_outer(e: Expression) -> Expression:
    return e.attribute if isinstance(e, OuterReference) else e


_BINDERS: dict[type[Expression], Callable[[Binder, Expression], Expression]] = {
    UnresolvedAttribute: Binder._attribute,
    UnresolvedStar: Binder._star,
    UnresolvedRegex: Binder._star,
    UnresolvedFunction: Binder._function,
    UnresolvedExtract: Binder._extract,
    UnresolvedLambda: Binder._bare_lambda,
    NamedArgument: Binder._named_argument,
    MultiAlias: Binder._multi_alias,
    UpdateField: Binder._update_field,
    Literal: Binder._itself,
    Attribute: Binder._itself,
    OuterReference: Binder._itself,
    LambdaVariable: Binder._itself,
    Alias: Binder._alias,
    Cast: Binder._cast,
    SortOrder: Binder._sort_order,
    WindowExpression: Binder._window,
    ScalarSubquery: Binder._scalar_subquery,
    Exists: Binder._exists,
    InSubquery: Binder._in_subquery,
    Case: Binder._case,
    Call: Binder._rebind_children,
    AggregateCall: Binder._rebind_children,
    GetField: Binder._rebind_children,
    Frame: Binder._itself,
}
