"""The text of an expression: the name of a column nobody named, and how error messages quote it.

Spark prints the resolved expression, with some functions under names of their own (`RLIKE(b, x)`), others with the
arguments they fill in (`round(x, 0)`), and without the casts that coercion puts in. All of that can be told from the
expression as written, which is what this module prints.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeGuard

from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.function_text import SPECIAL
from headrace_driver.plan.analysis.literal_text import literal_text
from headrace_driver.plan.analysis.spellings import (
    CAST_FUNCTIONS,
    FILLED,
    INFIX,
    RENAMED,
    SHOWN_ARGUMENTS,
    SPELLED,
    WORDS,
)
from headrace_driver.plan.analysis.suggestions import quoted
from headrace_driver.plan.expressions import (
    Alias,
    Attribute,
    Bound,
    Call,
    Cast,
    CastMode,
    Exists,
    Expression,
    Frame,
    GetField,
    InSubquery,
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
    UnresolvedStar,
    UpdateField,
    WindowExpression,
)


class Namer:
    """Prints expressions. `attribute` says what an unresolved name stands for; `type_of` the type of a part, where
    the text depends on it (None: not known). `qualified` prints as Spark's `sql` does, otherwise as its pretty form."""

    __slots__ = (
        "_attribute",
        "_expand",
        "_is_lateral",
        "_lambda_names",
        "_outer_of",
        "_qualified",
        "_time_zone",
        "_type_of",
    )

    def __init__(
        self,
        attribute: Callable[[UnresolvedAttribute], Expression | None],
        type_of: Callable[[Expression], t.DataType | None] = lambda _: None,
        outer_of: Callable[[Expression], tuple[Attribute, ...]] = lambda _: (),
        expand: Callable[[UnresolvedStar], Sequence[Expression]] = lambda star: (star,),
        is_lateral: Callable[[UnresolvedAttribute], bool] = lambda _: False,
        *,
        qualified: bool = False,
        time_zone: str = "UTC",
    ) -> None:
        self._attribute = attribute
        self._time_zone = time_zone
        self._type_of = type_of
        self._outer_of = outer_of
        self._expand = expand
        self._is_lateral = is_lateral
        self._qualified = qualified
        self._lambda_names: list[tuple[str, ...]] = []

    def column_name(self, expression: Expression) -> str:
        """The name of the column that `expression` makes in a select list."""
        if isinstance(expression, UnresolvedAttribute):
            found = self._attribute(expression)
            if isinstance(found, Attribute | GetField):
                return found.name
            return self._name(expression) if len(expression.parts) == 1 else expression.parts[-1]
        if isinstance(expression, Attribute):
            return expression.name
        if isinstance(expression, Cast) and not expression.implicit:
            child = expression.child
            if isinstance(child, Attribute | Alias) or self._is_column(child):
                return child.name if isinstance(child, Alias) else self.column_name(child)
        if _is_cast_function(expression) and self._is_column(expression.args[0]):
            return self.column_name(expression.args[0])
        return self.text(expression)

    def _is_column(self, e: Expression) -> bool:
        return isinstance(e, UnresolvedAttribute) and isinstance(self._attribute(e), Attribute)

    def text(self, e: Expression) -> str:
        """The expression in one line."""
        printer = _PRINTERS.get(type(e))
        if printer is None:
            return type(e).__name__.lower()
        return printer(self, e)

    def type_of(self, e: Expression) -> t.DataType | None:
        """The type of a part; None: not known."""
        return self._type_of(e)

    def texts(self, many: Sequence[Expression]) -> list[str]:
        """Each of them in one line."""
        return [self.text(e) for e in many]

    def _name(self, e: UnresolvedAttribute) -> str:
        if len(e.parts) >= 1 and any(e.parts[0] in names for names in self._lambda_names):
            return ".".join(("namedlambdavariable()", *e.parts[1:]))
        if self._is_lateral(e):
            return f"lateralAliasReference({'.'.join(e.parts)})"
        found = self._attribute(e)
        if isinstance(found, Attribute | OuterReference | GetField):
            return self.text(found)
        if len(e.parts) == 1 and e.parts[0].lower() in WORDS:
            return f"{e.parts[0].lower()}()"
        return ".".join(e.parts)

    def _resolved_name(self, e: Attribute) -> str:
        return ".".join((*e.qualifier, e.name)) if self._qualified else e.name

    def _outer(self, e: OuterReference) -> str:
        return f"outer({'.'.join((*e.attribute.qualifier, e.attribute.name))})"

    def _field(self, e: GetField) -> str:
        return f"{self.text(e.child)}.{e.name}"

    def _literal(self, e: Literal) -> str:
        return literal_text(e, quote_strings=self._qualified, time_zone=self._time_zone)

    def _cast(self, e: Cast) -> str:
        if e.implicit:
            return self.text(e.child)
        word = "TRY_CAST" if e.mode is CastMode.TRY else "CAST"
        return f"{word}({self.text(e.child)} AS {e.type.sql})"

    def _alias(self, e: Alias) -> str:
        return f"{self.text(e.child)} AS {quoted((e.name,)) if self._qualified else e.name}"

    def _multi_alias(self, e: MultiAlias) -> str:
        return self.text(e.child)

    def _extract(self, e: UnresolvedExtract) -> str:
        child = self.text(e.child)
        if isinstance(e.key, Literal) and isinstance(e.key.type, t.StringType):
            dtype = self._type_of(e.child)
            is_struct = isinstance(dtype, t.StructType) or (
                isinstance(dtype, t.ArrayType) and isinstance(dtype.element, t.StructType)
            )
            if is_struct:
                return f"{child}.{e.key.value}"
        return f"{child}[{self.text(e.key)}]"

    def _sort(self, e: SortOrder) -> str:
        nulls_first = e.ascending if e.nulls_first is None else e.nulls_first
        direction = "ASC" if e.ascending else "DESC"
        return f"{self.text(e.child)} {direction} NULLS {'FIRST' if nulls_first else 'LAST'}"

    def _function(self, e: UnresolvedFunction) -> str:
        name = e.name[-1].lower()
        args = e.args
        special = SPECIAL.get(name)
        if special is not None:
            found = special(self, e)
            if found is not None:
                return found
        if len(args) == 2 and name in INFIX:
            return f"({self.text(args[0])} {INFIX[name]} {self.text(args[1])})"
        texts = self.argument_texts(e, name)
        if _is_cast_function(e):
            return texts[0]
        texts = texts[: SHOWN_ARGUMENTS.get(name, len(texts))]
        texts.extend(FILLED.get((name, len(args)), ()))
        distinct = "DISTINCT " if e.distinct else ""
        if e.ignore_nulls:
            name = {"first_value": "first", "last_value": "last"}.get(name, name)
        name = RENAMED.get(name, name)
        spelled = name if name in ("floor", "ceil") and len(args) == 2 else SPELLED.get(name, name)
        text = f"{spelled}({distinct}{', '.join(texts)})"
        if e.order_by:
            text = text.replace("string_agg(", "listagg(", 1)
            text += f" WITHIN GROUP (ORDER BY {self._within_group(e, name)})"
        if e.ignore_nulls and name == "nth_value":
            text += " ignore nulls"
        if e.where is not None:
            text += f" FILTER (WHERE {self.text(e.where)})"
        return text

    def argument_texts(self, e: UnresolvedFunction, name: str) -> list[str]:
        """The arguments, stars as the columns they stand for."""
        if not any(isinstance(a, UnresolvedStar) for a in e.args):
            return self.texts(e.args)
        if name == "count" and len(e.args) == 1 and not e.distinct:
            return ["1"]
        texts: list[str] = []
        for a in e.args:
            if isinstance(a, UnresolvedStar):
                texts.extend(self.text(c.child if isinstance(c, Alias) else c) for c in self._expand(a))
            else:
                texts.append(self.text(a))
        return texts

    def _within_group(self, e: UnresolvedFunction, name: str) -> str:
        """Percentiles show a plain key without its direction; MODE the direction it searches in."""
        if name not in ("percentile_cont", "percentile_disc", "mode"):
            return ", ".join(self.texts(e.order_by))
        order = e.order_by[0]
        assert isinstance(order, SortOrder)
        shows_descending = order.ascending if name == "mode" else not order.ascending
        return f"{self.text(order.child)}{' DESC' if shows_descending else ''}"

    def _call(self, e: Call) -> str:
        return self._function(UnresolvedFunction((e.display or e.name,), e.args))

    def _lambda(self, e: UnresolvedLambda) -> str:
        self._lambda_names.append(e.names)
        body = self.text(e.body)
        self._lambda_names.pop()
        return f"lambdafunction({', '.join((body, *['namedlambdavariable()'] * len(e.names)))})"

    def _star(self, e: UnresolvedStar) -> str:
        return ".".join((*e.target, "*"))

    def _window(self, e: WindowExpression) -> str:
        parts = []
        if e.partition_by:
            parts.append(f"PARTITION BY {', '.join(self.texts(e.partition_by))}")
        if e.order_by:
            parts.append(f"ORDER BY {', '.join(self.texts(e.order_by))}")
        parts.append(self._frame(e))
        return f"{self.text(e.function)} OVER ({' '.join(parts)})"

    def _frame(self, e: WindowExpression) -> str:
        name = e.function.name[-1].lower() if isinstance(e.function, UnresolvedFunction) else ""
        if name in ("lag", "lead") and isinstance(e.function, UnresolvedFunction):
            offset = self.text(e.function.args[1]) if len(e.function.args) > 1 else "1"
            if name == "lag":
                offset = offset[1:] if offset.startswith("-") else f"-{offset}"
            return f"ROWS BETWEEN {offset} FOLLOWING AND {offset} FOLLOWING"
        if name == "cume_dist":
            return "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
        if name in ("row_number", "rank", "dense_rank", "percent_rank", "ntile"):
            return "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
        if e.frame is not None:
            return self.frame_text(e.frame)
        if e.order_by:
            return "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
        return "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"

    def frame_text(self, frame: Frame) -> str:
        return f"{frame.unit.value} BETWEEN {self._bound(frame.lower)} AND {self._bound(frame.upper)}"

    def _bound(self, bound: Bound | Expression) -> str:
        if isinstance(bound, Bound):
            return bound.value
        if isinstance(bound, UnresolvedFunction) and bound.name[-1] in ("negative", "-") and len(bound.args) == 1:
            return f"{self.text(bound.args[0])} PRECEDING"
        return f"{self.text(bound)} FOLLOWING"

    def _outer_names(self, e: Expression) -> str:
        return ", ".join(self._resolved_name(a) for a in self._outer_of(e))

    def _scalar_subquery(self, e: ScalarSubquery) -> str:
        return f"scalarsubquery({self._outer_names(e)})"

    def _exists(self, e: Exists) -> str:
        return f"exists({self._outer_names(e)})"

    def _in_subquery(self, e: InSubquery) -> str:
        values = self.texts(e.values)
        left = values[0] if len(values) == 1 else f"(named_struct({', '.join(values)}))"
        return f"({left} IN (listquery({self._outer_names(e)})))"

    def _named_argument(self, e: NamedArgument) -> str:
        return f"{e.name} => {self.text(e.value)}"

    def _update(self, e: UpdateField) -> str:
        if e.value is None:
            return f"update_fields({self.text(e.struct)}, dropfield())"
        return f"update_fields({self.text(e.struct)}, WithField({self.text(e.value)}))"


def _is_cast_function(e: Expression) -> TypeGuard[UnresolvedFunction]:
    """`int(x)` and its like."""
    return isinstance(e, UnresolvedFunction) and len(e.args) == 1 and e.name[-1].lower() in CAST_FUNCTIONS


_PRINTERS: dict[type[Expression], Callable[[Namer, Any], str]] = {
    UnresolvedAttribute: Namer._name,
    Attribute: Namer._resolved_name,
    OuterReference: Namer._outer,
    GetField: Namer._field,
    Literal: Namer._literal,
    Cast: Namer._cast,
    Alias: Namer._alias,
    MultiAlias: Namer._multi_alias,
    UnresolvedExtract: Namer._extract,
    SortOrder: Namer._sort,
    UnresolvedFunction: Namer._function,
    Call: Namer._call,
    UnresolvedLambda: Namer._lambda,
    UnresolvedStar: Namer._star,
    WindowExpression: Namer._window,
    ScalarSubquery: Namer._scalar_subquery,
    Exists: Namer._exists,
    InSubquery: Namer._in_subquery,
    NamedArgument: Namer._named_argument,
    UpdateField: Namer._update,
}
