"""Arguments that are schemas and option maps, as from_json, from_csv and their kin take them."""

from __future__ import annotations

from collections.abc import Sequence

from headrace_driver.errors import SparkError
from headrace_driver.functions.mismatch import not_constant, unexpected_type
from headrace_driver.functions.registry import BindContext
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import Call, Cast, Expression, Literal
from headrace_driver.sql import parse_data_type, parse_schema
from headrace_driver.sql.json_schema import type_from_json


def schema_argument(name: str, args: Sequence[Expression], ctx: BindContext) -> t.DataType:
    """The type that the second argument names: DDL of columns, of one type, or Spark's JSON form."""
    schema = args[1]
    if not isinstance(schema, Literal) or not isinstance(schema.value, str):
        raise not_constant(name, args, 1, ctx)
    text = schema.value.strip()
    if text.startswith(("{", '"')):
        return type_from_json(text)
    try:
        return parse_schema(text)
    except SparkError:
        return parse_data_type(text)


def literal_options(name: str, args: Sequence[Expression], index: int, ctx: BindContext) -> dict[str, str]:
    """The options of a constant `map('key', 'value', ...)`, keys in lower case."""
    if index >= len(args):
        return {}
    given = args[index]
    if isinstance(given, Literal) and isinstance(given.type, t.MapType):
        return {str(k).lower(): str(v) for k, v in given.value}
    if not isinstance(given, Call) or given.name != "map":
        raise unexpected_type(name, args, index, '"MAP<STRING, STRING>"', ctx)
    values: list[str] = []
    for e in given.args:
        while isinstance(e, Cast):
            e = e.child
        if not isinstance(e, Literal):
            raise not_constant(name, args, index, ctx)
        if not isinstance(e.type, t.StringType):
            raise SparkError(
                "INVALID_OPTIONS.NON_STRING_TYPE",
                f'Invalid options: A type of keys and values in `map()` must be string, but got "{given.dtype.sql}".',
                {"mapType": f'"{given.dtype.sql}"'},
                sql_state="42K06",
                origins=(ctx.origin,),
            )
        values.append(str(e.value))
    return {k.lower(): v for k, v in zip(values[0::2], values[1::2], strict=True)}
