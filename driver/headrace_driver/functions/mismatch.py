"""What is said when arguments do not fit a function: Spark's DATATYPE_MISMATCH and WRONG_NUM_ARGS errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace_driver.errors import SparkError
from headrace_driver.functions.registry import BindContext
from headrace_driver.plan import types as t
from headrace_driver.plan.expressions import (
    Attribute,
    Call,
    Cast,
    Expression,
    GetField,
    LambdaVariable,
    Literal,
    OuterReference,
)

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_INFIX = frozenset(
    ["+", "-", "*", "/", "%", "div", "=", "==", "<", "<=", ">", ">=", "<=>", "<>", "!=", "&", "|", "^", "and", "or"]
)


def quoted(text: str) -> str:
    return f'"{text}"'


def sql_of(expression: Expression) -> str:
    """The expression as Spark's messages show it."""
    match expression:
        case Literal(value, dtype):
            return _literal(value, dtype)
        case Attribute() | LambdaVariable():
            return expression.name
        case OuterReference(attribute):
            return f"outer({attribute.name})"
        case Cast(child, dtype, _, implicit):
            return sql_of(child) if implicit else f"CAST({sql_of(child)} AS {dtype.sql})"
        case GetField(child, _, name):
            return f"{sql_of(child)}.{name}"
        case Call(name, args):
            return call_sql(expression.display or name, args)
    return type(expression).__name__.lower()


def call_sql(name: str, args: Sequence[Expression]) -> str:
    """A call as Spark's messages show it: operators between their operands."""
    if name.lower() in _INFIX and len(args) == 2:
        return f"({sql_of(args[0])} {name.upper()} {sql_of(args[1])})"
    return f"{name}({', '.join(map(sql_of, args))})"


def _literal(value: Any, dtype: t.DataType) -> str:
    if value is None:
        return "NULL"
    if isinstance(dtype, t.BooleanType):
        return "true" if value else "false"
    if isinstance(dtype, t.DateType | t.TimestampType | t.TimestampNTZType):
        # Not above: analysis is made of functions.
        from headrace_driver.plan.analysis.literal_text import literal_text

        return literal_text(Literal(value, dtype))
    return str(value)


def ordinal(index: int) -> str:
    """`first`, `second`, ... of a zero-based position."""
    return _ORDINALS[index] if index < len(_ORDINALS) else f"{index + 1}th"


def wrong_count(name: str, expected: str, actual: int, ctx: BindContext) -> SparkError:
    """WRONG_NUM_ARGS; `expected` as `2`, `[1, 2]` or `> 0`."""
    shown = f"`{name}`"
    return SparkError(
        "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
        f"The {shown} requires {expected} parameters but the actual number is {actual}. "
        "Please, refer to 'https://spark.apache.org/docs/latest/sql-ref-functions.html' for a fix.",
        {
            "functionName": shown,
            "expectedNum": expected,
            "actualNum": str(actual),
            "docroot": "https://spark.apache.org/docs/latest",
        },
        sql_state="42605",
        origins=(ctx.origin,),
    )


def unexpected_type(name: str, args: Sequence[Expression], index: int, required: str, ctx: BindContext) -> SparkError:
    """DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE for the argument at `index`; `required` as `"STRING"`."""
    sql = quoted(call_sql(name, args))
    given = args[index]
    return SparkError(
        "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
        f"Cannot resolve {sql} due to data type mismatch: The {ordinal(index)} parameter requires the {required} type, "
        f"however {quoted(sql_of(given))} has the type {quoted(given.dtype.sql)}.",
        {
            "sqlExpr": sql,
            "paramIndex": ordinal(index),
            "requiredType": required,
            "inputSql": quoted(sql_of(given)),
            "inputType": quoted(given.dtype.sql),
        },
        sql_state="42K09",
        origins=(ctx.origin,),
    )


def binary_mismatch(name: str, args: Sequence[Expression], ctx: BindContext) -> SparkError:
    """DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES: the operands have no common type."""
    sql = quoted(call_sql(name, args))
    left, right = quoted(args[0].dtype.sql), quoted(args[1].dtype.sql)
    return SparkError(
        "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES",
        f"Cannot resolve {sql} due to data type mismatch: the left and right operands of the binary operator have "
        f"incompatible types ({left} and {right}).",
        {"sqlExpr": sql, "left": left, "right": right},
        sql_state="42K09",
        origins=(ctx.origin,),
    )


def wrong_operand(name: str, args: Sequence[Expression], required: str, ctx: BindContext) -> SparkError:
    """DATATYPE_MISMATCH.BINARY_OP_WRONG_TYPE: both operands have one type, which the operator does not take."""
    sql = quoted(call_sql(name, args))
    actual = quoted(args[0].dtype.sql)
    return SparkError(
        "DATATYPE_MISMATCH.BINARY_OP_WRONG_TYPE",
        f"Cannot resolve {sql} due to data type mismatch: the binary operator requires the input type {required}, "
        f"not {actual}.",
        {"sqlExpr": sql, "inputType": required, "actualDataType": actual},
        sql_state="42K09",
        origins=(ctx.origin,),
    )


def different_types(name: str, args: Sequence[Expression], ctx: BindContext) -> SparkError:
    """DATATYPE_MISMATCH.DATA_DIFF_TYPES: arguments that must share a type do not."""
    sql = quoted(call_sql(name, args))
    listed = "[" + ", ".join(quoted(a.dtype.sql) for a in args) + "]"
    return SparkError(
        "DATATYPE_MISMATCH.DATA_DIFF_TYPES",
        f"Cannot resolve {sql} due to data type mismatch: Input to `{name}` should all be the same type, but it's "
        f"{listed}.",
        {"sqlExpr": sql, "functionName": f"`{name}`", "dataType": listed},
        sql_state="42K09",
        origins=(ctx.origin,),
    )


def null_argument(name: str, args: Sequence[Expression], ctx: BindContext) -> SparkError:
    """DATATYPE_MISMATCH.NULL_TYPE: an untyped null where the function needs to know the type."""
    sql = quoted(call_sql(name, args))
    return SparkError(
        "DATATYPE_MISMATCH.NULL_TYPE",
        f"Cannot resolve {sql} due to data type mismatch: Null typed values cannot be used as arguments of `{name}`.",
        {"sqlExpr": sql, "functionName": f"`{name}`"},
        sql_state="42K09",
        origins=(ctx.origin,),
    )


def array_mismatch(name: str, args: Sequence[Expression], ctx: BindContext) -> SparkError:
    """DATATYPE_MISMATCH.ARRAY_FUNCTION_DIFF_TYPES: a value that cannot be an element of the array."""
    sql = quoted(call_sql(name, args))
    left, right = (quoted(a.dtype.sql) for a in args)
    return SparkError(
        "DATATYPE_MISMATCH.ARRAY_FUNCTION_DIFF_TYPES",
        f'Cannot resolve {sql} due to data type mismatch: Input to `{name}` should have been "ARRAY" followed by a '
        f"value with same element type, but it's [{left}, {right}].",
        {
            "sqlExpr": sql,
            "functionName": f"`{name}`",
            "dataType": '"ARRAY"',
            "leftType": left,
            "rightType": right,
        },
        sql_state="42K09",
        origins=(ctx.origin,),
    )


def unordered(name: str, args: Sequence[Expression], dtype: t.DataType, ctx: BindContext) -> SparkError:
    """DATATYPE_MISMATCH.INVALID_ORDERING_TYPE: values that have no order."""
    sql = quoted(call_sql(name, args))
    return SparkError(
        "DATATYPE_MISMATCH.INVALID_ORDERING_TYPE",
        f"Cannot resolve {sql} due to data type mismatch: The `{name}` does not support ordering on type "
        f"{quoted(dtype.sql)}.",
        {"sqlExpr": sql, "functionName": f"`{name}`", "dataType": quoted(dtype.sql)},
        sql_state="42K09",
        origins=(ctx.origin,),
    )


def not_constant(name: str, args: Sequence[Expression], index: int, ctx: BindContext) -> SparkError:
    """DATATYPE_MISMATCH.NON_FOLDABLE_INPUT: an argument that must be a constant is none."""
    sql = quoted(call_sql(name, args))
    given = args[index]
    shown, dtype, text = f"`{ordinal(index)}`", quoted(given.dtype.sql), quoted(sql_of(given))
    return SparkError(
        "DATATYPE_MISMATCH.NON_FOLDABLE_INPUT",
        f"Cannot resolve {sql} due to data type mismatch: the input {shown} should be a foldable {dtype} expression; "
        f"however, got {text}.",
        {"sqlExpr": sql, "inputName": shown, "inputType": dtype, "inputExpr": text},
        sql_state="42K09",
        origins=(ctx.origin,),
    )


def out_of_range(
    name: str, args: Sequence[Expression], shown: str, allowed: str, value: object, ctx: BindContext
) -> SparkError:
    """DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE: `shown` names the argument, `allowed` is an interval as `[0.0, 1.0]`."""
    sql = quoted(call_sql(name, args))
    return SparkError(
        "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE",
        f"Cannot resolve {sql} due to data type mismatch: The {shown} must be between {allowed} (current value = "
        f"{value}).",
        {"sqlExpr": sql, "exprName": shown, "valueRange": allowed, "currentValue": str(value)},
        sql_state="42K09",
        origins=(ctx.origin,),
    )


def unexpected_return(
    name: str, args: Sequence[Expression], required: str, actual: str, ctx: BindContext
) -> SparkError:
    """DATATYPE_MISMATCH.UNEXPECTED_RETURN_TYPE: a lambda gives values of the wrong type; types without quotes."""
    sql = quoted(call_sql(name, args))
    return SparkError(
        "DATATYPE_MISMATCH.UNEXPECTED_RETURN_TYPE",
        f"Cannot resolve {sql} due to data type mismatch: The `lambdafunction` requires return {quoted(required)} "
        f"type, but the actual is {quoted(actual)} type.",
        {
            "sqlExpr": sql,
            "functionName": "`lambdafunction`",
            "expectedType": quoted(required),
            "actualType": quoted(actual),
        },
        sql_state="42K09",
        origins=(ctx.origin,),
    )


def bad_value(error_class: str, message: str, parameters: dict[str, str], ctx: BindContext) -> SparkError:
    """An argument whose value is wrong, found while planning."""
    return SparkError(error_class, message, parameters, sql_state="22023", origins=(ctx.origin,))
