"""Expressions of the protocol to unresolved expression trees: one function a kind, found in `_KINDS`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from headrace_driver.connect import literals, types
from headrace_driver.connect.identifiers import attribute_parts
from headrace_driver.connect.invalid_plan import field_not_set, invalid_plan, oneof_not_set, unknown_enum
from headrace_driver.connect.protocol import Proto, unknown_fields
from headrace_driver.errors import NOWHERE, Origin, SparkError, unsupported
from headrace_driver.plan import expressions as e
from headrace_driver.plan import types as t
from headrace_driver.plan.logical import LogicalPlan


class SqlFront(Protocol):
    """What conversion needs of the SQL front, in one session's time zone: some messages carry SQL text."""

    def parse_statement(
        self, text: str, named: Mapping[str, e.Expression] | None, positional: Sequence[e.Expression] | None
    ) -> LogicalPlan: ...

    def parse_expression(self, text: str) -> e.Expression: ...

    def parse_data_type(self, text: str) -> t.DataType:
        """Of one type or a list of columns, as DDL or JSON."""
        ...


class Expressions:
    """Converts the expressions of one plan. `subquery` gives the plan of a referenced relation, by plan id."""

    def __init__(self, sql: SqlFront, subquery: Callable[[int], LogicalPlan]) -> None:
        self._sql = sql
        self._subquery = subquery
        self._depth = 0

    def convert(self, proto: Proto) -> e.Expression:
        """The unresolved expression of a message."""
        kind = proto.WhichOneof("expr_type")
        if kind is None:
            raise _nothing_set(proto)
        handler = _KINDS.get(kind)
        if handler is None:
            raise unsupported(_UNSUPPORTED.get(kind, f"expressions of kind {kind}"))
        message = getattr(proto, kind)
        if newer := unknown_fields(message):
            raise unsupported(f"the field number {newer[0]} of {kind} of a newer Spark Connect protocol")
        origin = origin_of(proto.common) if proto.HasField("common") else NOWHERE
        self._depth += 1
        converted = handler(self, message, origin)
        self._depth -= 1
        return converted

    def convert_all(self, protos: Iterable[Proto]) -> tuple[e.Expression, ...]:
        return tuple([self.convert(proto) for proto in protos])

    def literal(self, proto: Proto) -> e.Literal:
        """The constant of a literal message that stands outside an expression."""
        return literals.literal(proto, self._sql.parse_data_type)

    def data_type(self, proto: Proto) -> t.DataType:
        return types.from_proto(proto, self._sql.parse_data_type)

    def alias(self, proto: Proto, origin: Origin = NOWHERE) -> e.Expression:
        """An Alias message; several names make a MultiAlias (a generator's columns)."""
        child = self.convert(proto.expr)
        names = tuple(proto.name)
        if len(names) == 1:
            return e.Alias(child, names[0], metadata=_metadata(proto))
        if not names:
            raise field_not_set("spark.connect.Expression.Alias", "name")
        if proto.HasField("metadata"):
            raise invalid_plan(
                "ALIAS_EXPRESSION_WITH_METADATA",
                "Alias expressions with more than 1 identifier must not use optional metadata.",
            )
        return e.MultiAlias(child, names)

    def sort_order(self, proto: Proto, origin: Origin = NOWHERE) -> e.SortOrder:
        """A key of an ordering; without a direction it ascends."""
        if proto.direction not in (0, 1, _DESCENDING):
            raise unknown_enum("spark.connect.Expression.SortOrder", "direction", proto.direction)
        ascending = proto.direction != _DESCENDING
        nulls_first = {0: None, 1: True, 2: False}.get(proto.null_ordering)
        if proto.null_ordering not in (0, 1, 2):
            raise unknown_enum("spark.connect.Expression.SortOrder", "null_ordering", proto.null_ordering)
        return e.SortOrder(self.convert(proto.child), ascending, nulls_first)

    def _literal(self, proto: Proto, origin: Origin) -> e.Expression:
        return self.literal(proto)

    def _attribute(self, proto: Proto, origin: Origin) -> e.Expression:
        if proto.is_metadata_column:
            raise unsupported("metadata columns (df.metadataColumn)")
        plan_id = proto.plan_id if proto.HasField("plan_id") else None
        return e.UnresolvedAttribute(attribute_parts(proto.unparsed_identifier), plan_id, origin)

    def _function(self, proto: Proto, origin: Origin) -> e.Expression:
        name = proto.function_name
        parts = attribute_parts(name) if proto.is_user_defined_function else (_OPERATORS.get(name, name),)
        return e.UnresolvedFunction(parts, self.convert_all(proto.arguments), proto.is_distinct, origin=origin)

    def _call_function(self, proto: Proto, origin: Origin) -> e.Expression:
        parts = attribute_parts(proto.function_name)
        return e.UnresolvedFunction(parts, self.convert_all(proto.arguments), origin=origin)

    def _expression_string(self, proto: Proto, origin: Origin) -> e.Expression:
        return self._sql.parse_expression(proto.expression)

    def _star(self, proto: Proto, origin: Origin) -> e.Expression:
        plan_id = proto.plan_id if proto.HasField("plan_id") else None
        target: tuple[str, ...] = ()
        if proto.HasField("unparsed_target"):
            text = proto.unparsed_target
            if not text.endswith(".*"):
                raise invalid_plan(
                    "UNRESOLVED_STAR_TARGET_INVALID",
                    f"UnresolvedStar requires a unparsed target ending with '.*', but got {text}.",
                    {"target": text},
                )
            target = attribute_parts(text[:-2])
        return e.UnresolvedStar(target, plan_id, origin=origin)

    def _regex(self, proto: Proto, origin: Origin) -> e.Expression:
        plan_id = proto.plan_id if proto.HasField("plan_id") else None
        name = proto.col_name
        # Only a name in backquotes is a pattern, as for Spark; table.`pattern` keeps its qualifier.
        if len(name) > 1 and name.startswith("`") and name.endswith("`") and "`" not in name[1:-1]:
            return e.UnresolvedRegex(name[1:-1], plan_id)
        return e.UnresolvedAttribute(attribute_parts(name), plan_id, origin=origin)

    def _sort(self, proto: Proto, origin: Origin) -> e.Expression:
        if self._depth > 1:
            raise invalid_plan("SORT_ORDER_WITHIN_EXPRESSION", "A sort order may not stand inside an expression.")
        return self.sort_order(proto, origin)

    def _cast(self, proto: Proto, origin: Origin) -> e.Expression:
        if proto.HasField("type"):
            dtype = self.data_type(proto.type)
        elif proto.WhichOneof("cast_to_type") == "type_str":
            dtype = self._sql.parse_data_type(proto.type_str)
        else:
            raise oneof_not_set("spark.connect.Expression.Cast", "CASTTOTYPE_NOT_SET")
        mode = _CAST_MODES.get(proto.eval_mode)
        if mode is None:
            raise unknown_enum("spark.connect.Expression.Cast", "eval_mode", proto.eval_mode)
        return e.Cast(self.convert(proto.expr), dtype, mode, origin=origin)

    def _extract(self, proto: Proto, origin: Origin) -> e.Expression:
        return e.UnresolvedExtract(self.convert(proto.child), self.convert(proto.extraction), origin)

    def _update_fields(self, proto: Proto, origin: Origin) -> e.Expression:
        value = self.convert(proto.value_expression) if proto.HasField("value_expression") else None
        return e.UpdateField(self.convert(proto.struct_expression), attribute_parts(proto.field_name), value)

    def _lambda(self, proto: Proto, origin: Origin) -> e.Expression:
        if not 1 <= len(proto.arguments) <= 3:
            raise invalid_plan(
                "LAMBDA_FUNCTION_ARGUMENT_COUNT_INVALID",
                f"LambdaFunction requires 1 ~ 3 arguments, but got {len(proto.arguments)} ones!",
                {"got": str(len(proto.arguments))},
            )
        names = tuple(_lambda_name(argument) for argument in proto.arguments)
        return e.UnresolvedLambda(names, self.convert(proto.function))

    def _lambda_variable(self, proto: Proto, origin: Origin) -> e.Expression:
        return e.UnresolvedAttribute((_lambda_name(proto),), origin=origin)

    def _named_argument(self, proto: Proto, origin: Origin) -> e.Expression:
        return e.NamedArgument(proto.key, self.convert(proto.value))

    def _window(self, proto: Proto, origin: Origin) -> e.Expression:
        if not proto.HasField("window_function"):
            raise field_not_set("spark.connect.Expression.Window", "window_function")
        frame = self._frame(proto.frame_spec) if proto.HasField("frame_spec") else None
        return e.WindowExpression(
            self.convert(proto.window_function),
            self.convert_all(proto.partition_spec),
            tuple(self.sort_order(order) for order in proto.order_spec),
            frame,
            origin,
        )

    def _frame(self, proto: Proto) -> e.Frame:
        unit = {1: e.FrameUnit.ROWS, 2: e.FrameUnit.RANGE}.get(proto.frame_type)
        if unit is None:
            raise unknown_enum("spark.connect.Expression.Window.WindowFrame", "frame_type", proto.frame_type)
        return e.Frame(
            unit,
            self._bound(proto.lower, e.Bound.UNBOUNDED_PRECEDING),
            self._bound(proto.upper, e.Bound.UNBOUNDED_FOLLOWING),
        )

    def _bound(self, proto: Proto, unbounded: e.Bound) -> e.Bound | e.Expression:
        match proto.WhichOneof("boundary"):
            case "current_row":
                return e.Bound.CURRENT_ROW
            case "unbounded":
                return unbounded
            case "value":
                return self.convert(proto.value)
            case _:
                raise oneof_not_set("spark.connect.Expression.Window.WindowFrame.FrameBoundary", "BOUNDARY_NOT_SET")

    def _subquery_expression(self, proto: Proto, origin: Origin) -> e.Expression:
        kind = proto.subquery_type
        if kind == _TABLE_ARGUMENT:
            raise unsupported("table arguments of functions")
        depth, self._depth = self._depth, 0
        plan = self._subquery(proto.plan_id)
        self._depth = depth
        if kind == _SCALAR:
            return e.ScalarSubquery(plan)
        if kind == _EXISTS:
            return e.Exists(plan)
        if kind == _IN:
            return e.InSubquery(self.convert_all(proto.in_subquery_values), plan)
        raise unknown_enum("spark.connect.SubqueryExpression", "subquery_type", kind)


_DESCENDING = 2
_SCALAR, _EXISTS, _TABLE_ARGUMENT, _IN = 1, 2, 3, 4

_CAST_MODES = {0: e.CastMode.ANSI, 1: e.CastMode.LEGACY, 2: e.CastMode.ANSI, 3: e.CastMode.TRY}
"""EvalMode. Unspecified leaves it to the session; ANSI there, as `Cast` without a mode means."""

_OPERATORS = {"==": "=", "!=": "<>", "!": "not"}
"""Names of operators that have a second one in plans."""

_KINDS: dict[str, Callable[[Expressions, Proto, Origin], e.Expression]] = {
    "literal": Expressions._literal,
    "unresolved_attribute": Expressions._attribute,
    "unresolved_function": Expressions._function,
    "call_function": Expressions._call_function,
    "expression_string": Expressions._expression_string,
    "unresolved_star": Expressions._star,
    "unresolved_regex": Expressions._regex,
    "alias": Expressions.alias,
    "cast": Expressions._cast,
    "sort_order": Expressions._sort,
    "lambda_function": Expressions._lambda,
    "unresolved_named_lambda_variable": Expressions._lambda_variable,
    "window": Expressions._window,
    "unresolved_extract_value": Expressions._extract,
    "update_fields": Expressions._update_fields,
    "named_argument_expression": Expressions._named_argument,
    "subquery_expression": Expressions._subquery_expression,
}

_UNSUPPORTED = {
    "common_inline_user_defined_function": "user-defined functions",
    "merge_action": "MERGE INTO",
    "typed_aggregate_expression": "typed (Scala) aggregate expressions",
    "direct_shuffle_partition_id": "repartitionById",
    "extension": "expression plugins",
}


def origin_of(common: Proto) -> Origin:
    """Where in the client's program an expression or relation was made."""
    if not common.HasField("origin") or common.origin.WhichOneof("function") != "python_origin":
        return NOWHERE
    python = common.origin.python_origin
    return Origin(python.fragment, 0, len(python.fragment) - 1, call_site=python.call_site)


def _lambda_name(proto: Proto) -> str:
    if len(proto.name_parts) != 1:
        raise unsupported("lambda variables with qualified names")
    return str(proto.name_parts[0])


def _metadata(proto: Proto) -> str:
    if not proto.HasField("metadata") or not proto.metadata:
        return ""
    try:
        value = json.loads(proto.metadata)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise invalid_plan(
            "INVALID_JSON_METADATA", "The metadata of an alias is no JSON object.", {"metadata": proto.metadata}
        )
    return "" if not value else str(proto.metadata)


def _nothing_set(proto: Proto) -> SparkError:
    newer = unknown_fields(proto)
    if newer:
        return unsupported(f"the expression with field number {newer[0]} of a newer Spark Connect protocol")
    return oneof_not_set("spark.connect.Expression", "EXPRTYPE_NOT_SET")
