"""Expressions and literals of the protocol to trees."""

from __future__ import annotations

import decimal
from typing import Any

import pytest

from headrace_driver.connect.conversion import SessionSql
from headrace_driver.connect.expressions import Expressions
from headrace_driver.connect.identifiers import attribute_parts
from headrace_driver.connect.protocol import expressions_pb2
from headrace_driver.errors import SparkError
from headrace_driver.plan import expressions as e
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t

Proto = expressions_pb2.Expression
_SUBQUERY = p.OneRow()


def _convert(proto: Any) -> e.Expression:
    return Expressions(SessionSql("UTC"), lambda _: _SUBQUERY).convert(proto)


def _lit(**value: Any) -> Any:
    return Proto(literal=Proto.Literal(**value))


def _col(name: str) -> Any:
    return Proto(unresolved_attribute=Proto.UnresolvedAttribute(unparsed_identifier=name))


def _call(name: str, *arguments: Any, **more: Any) -> Any:
    return Proto(unresolved_function=Proto.UnresolvedFunction(function_name=name, arguments=arguments, **more))


_ONE = e.Literal(1, t.INTEGER)
_A = e.UnresolvedAttribute(("a",))


@pytest.mark.parametrize(
    ("fields", "value", "dtype"),
    [
        ({"null": {"string": {}}}, None, t.STRING),
        ({"boolean": True}, True, t.BOOLEAN),
        ({"byte": 1}, 1, t.BYTE),
        ({"short": 1}, 1, t.SHORT),
        ({"integer": 0}, 0, t.INTEGER),
        ({"long": -1}, -1, t.LONG),
        ({"float": 0.5}, 0.5, t.FLOAT),
        ({"double": 0.1}, 0.1, t.DOUBLE),
        ({"string": ""}, "", t.STRING),
        ({"binary": b"\x00"}, b"\x00", t.BINARY),
        ({"date": 19000}, 19000, t.DATE),
        ({"timestamp": 1}, 1, t.TIMESTAMP),
        ({"timestamp_ntz": 1}, 1, t.TIMESTAMP_NTZ),
        ({"day_time_interval": 5}, 5, t.DAY_TIME),
        ({"year_month_interval": 5}, 5, t.YEAR_MONTH),
        ({"calendar_interval": {"months": 1, "days": 2, "microseconds": 3}}, (1, 2, 3), t.CALENDAR_INTERVAL),
        ({"specialized_array": {"ints": {"values": [1, 2]}}}, (1, 2), t.ArrayType(t.INTEGER, False)),
        (
            {"array": {"element_type": {"integer": {}}, "elements": [{"integer": 1}, {"null": {"integer": {}}}]}},
            (1, None),
            t.ArrayType(t.INTEGER, True),
        ),
        (
            {
                "map": {
                    "key_type": {"string": {}},
                    "value_type": {"long": {}},
                    "keys": [{"string": "k"}],
                    "values": [{"long": 1}],
                }
            },
            (("k", 1),),
            t.MapType(t.STRING, t.LONG, False),
        ),
        (
            {
                "struct": {
                    "struct_type": {"struct": {"fields": [{"name": "x", "data_type": {"integer": {}}}]}},
                    "elements": [{"integer": 1}],
                }
            },
            (1,),
            t.StructType((t.StructField("x", t.INTEGER, False),)),
        ),
        # A newer client says the type once, for the whole literal.
        (
            {
                "data_type": {"array": {"element_type": {"string": {}}, "contains_null": True}},
                "array": {"elements": [{"string": "a"}]},
            },
            ("a",),
            t.ArrayType(t.STRING, True),
        ),
        ({"data_type": {"string": {}}}, None, t.STRING),
    ],
)
def test_literals(fields: dict[str, Any], value: object, dtype: t.DataType) -> None:
    assert _convert(_lit(**fields)) == e.Literal(value, dtype)


@pytest.mark.parametrize(
    ("fields", "value", "precision", "scale"),
    [
        ({"value": "1.50"}, "1.50", 3, 2),
        ({"value": "1.5", "precision": 10, "scale": 0}, "1.5", 10, 1),
        ({"value": "12345", "precision": 3, "scale": 2}, "12345", 5, 2),
        ({"value": "0.001"}, "0.001", 3, 3),
        ({"value": "-1E+3"}, "-1000", 4, 0),
        ({"value": "1" * 38}, "1" * 38, 38, 0),
    ],
)
def test_decimals(fields: dict[str, Any], value: str, precision: int, scale: int) -> None:
    found = _convert(_lit(decimal=fields))
    assert found == e.Literal(decimal.Decimal(value), t.DecimalType(precision, scale))


@pytest.mark.parametrize(
    ("value", "condition"),
    [
        ("", "CONNECT_INVALID_PLAN.INVALID_DECIMAL"),
        ("1.2.3", "CONNECT_INVALID_PLAN.INVALID_DECIMAL"),
        ("1e999999999", "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION"),
        ("1e-999999999", "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION"),
        ("1" * 39, "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION"),
    ],
)
def test_text_that_is_no_decimal_is_refused(value: str, condition: str) -> None:
    with pytest.raises(SparkError) as raised:
        _convert(_lit(decimal={"value": value}))
    assert raised.value.error_class == condition


def test_the_decimal_infinity_is_refused() -> None:
    with pytest.raises(SparkError):
        _convert(_lit(decimal={"value": "Infinity"}))


@pytest.mark.parametrize(
    ("proto", "expected"),
    [
        (_col("a.b"), e.UnresolvedAttribute(("a", "b"))),
        (
            Proto(unresolved_attribute=Proto.UnresolvedAttribute(unparsed_identifier="a", plan_id=7)),
            e.UnresolvedAttribute(("a",), 7),
        ),
        (_call("==", _col("a"), _lit(integer=1)), e.UnresolvedFunction(("=",), (_A, _ONE))),
        (_call("count", _col("a"), is_distinct=True), e.UnresolvedFunction(("count",), (_A,), True)),
        (_call("db.f", _col("a"), is_user_defined_function=True), e.UnresolvedFunction(("db", "f"), (_A,))),
        (
            Proto(call_function=expressions_pb2.CallFunction(function_name="f", arguments=[_col("a")])),
            e.UnresolvedFunction(("f",), (_A,)),
        ),
        (Proto(unresolved_star=Proto.UnresolvedStar()), e.UnresolvedStar()),
        (Proto(unresolved_star=Proto.UnresolvedStar(unparsed_target="a.b.*")), e.UnresolvedStar(("a", "b"))),
        (Proto(unresolved_regex=Proto.UnresolvedRegex(col_name="`a.*`")), e.UnresolvedRegex("a.*")),
        (Proto(unresolved_regex=Proto.UnresolvedRegex(col_name="a")), _A),
        (Proto(alias=Proto.Alias(expr=_col("a"), name=["b"])), e.Alias(_A, "b")),
        (
            Proto(alias=Proto.Alias(expr=_col("a"), name=["b"], metadata='{"k":1}')),
            e.Alias(_A, "b", metadata='{"k":1}'),
        ),
        (Proto(alias=Proto.Alias(expr=_col("a"), name=["b", "c"])), e.MultiAlias(_A, ("b", "c"))),
        (Proto(cast=Proto.Cast(expr=_col("a"), type={"long": {}})), e.Cast(_A, t.LONG)),
        (Proto(cast=Proto.Cast(expr=_col("a"), type_str="array<int>")), e.Cast(_A, t.ArrayType(t.INTEGER))),
        (Proto(cast=Proto.Cast(expr=_col("a"), type={"long": {}}, eval_mode=3)), e.Cast(_A, t.LONG, e.CastMode.TRY)),
        (
            Proto(sort_order=Proto.SortOrder(child=_col("a"), direction=2, null_ordering=1)),
            e.SortOrder(_A, False, True),
        ),
        (
            Proto(unresolved_extract_value=Proto.UnresolvedExtractValue(child=_col("a"), extraction=_lit(integer=1))),
            e.UnresolvedExtract(_A, _ONE),
        ),
        (
            Proto(
                update_fields=Proto.UpdateFields(
                    struct_expression=_col("a"), field_name="x.y", value_expression=_lit(integer=1)
                )
            ),
            e.UpdateField(_A, ("x", "y"), _ONE),
        ),
        (
            Proto(update_fields=Proto.UpdateFields(struct_expression=_col("a"), field_name="x")),
            e.UpdateField(_A, ("x",), None),
        ),
        (
            Proto(
                lambda_function=Proto.LambdaFunction(
                    function=Proto(
                        unresolved_named_lambda_variable=Proto.UnresolvedNamedLambdaVariable(name_parts=["x_1"])
                    ),
                    arguments=[Proto.UnresolvedNamedLambdaVariable(name_parts=["x_1"])],
                )
            ),
            e.UnresolvedLambda(("x_1",), e.UnresolvedAttribute(("x_1",))),
        ),
        (
            Proto(named_argument_expression=expressions_pb2.NamedArgumentExpression(key="k", value=_lit(integer=1))),
            e.NamedArgument("k", _ONE),
        ),
        (
            Proto(
                window=Proto.Window(
                    window_function=_call("sum", _col("a")),
                    partition_spec=[_col("a")],
                    order_spec=[Proto.SortOrder(child=_col("a"), direction=1, null_ordering=2)],
                    frame_spec={
                        "frame_type": 1,
                        "lower": {"unbounded": True},
                        "upper": {"value": {"literal": {"integer": 1}}},
                    },
                )
            ),
            e.WindowExpression(
                e.UnresolvedFunction(("sum",), (_A,)),
                (_A,),
                (e.SortOrder(_A, True, False),),
                e.Frame(e.FrameUnit.ROWS, e.Bound.UNBOUNDED_PRECEDING, _ONE),
            ),
        ),
        (
            Proto(subquery_expression=expressions_pb2.SubqueryExpression(plan_id=1, subquery_type=1)),
            e.ScalarSubquery(_SUBQUERY),
        ),
        (
            Proto(subquery_expression=expressions_pb2.SubqueryExpression(plan_id=1, subquery_type=2)),
            e.Exists(_SUBQUERY),
        ),
        (
            Proto(
                subquery_expression=expressions_pb2.SubqueryExpression(
                    plan_id=1, subquery_type=4, in_subquery_values=[_col("a")]
                )
            ),
            e.InSubquery((_A,), _SUBQUERY),
        ),
    ],
)
def test_expressions(proto: Any, expected: e.Expression) -> None:
    assert _convert(proto) == expected


def test_sql_text() -> None:
    found = _convert(Proto(expression_string=Proto.ExpressionString(expression="a + 1 as b")))
    assert isinstance(found, e.Alias)
    assert found.name == "b"


def test_where_the_program_made_it_is_kept() -> None:
    proto = _col("a")
    proto.common.origin.python_origin.fragment = "col"
    proto.common.origin.python_origin.call_site = "app.py:7"
    found = _convert(proto)
    assert isinstance(found, e.UnresolvedAttribute)
    assert (found.origin.fragment, found.origin.call_site) == ("col", "app.py:7")


@pytest.mark.parametrize(
    ("proto", "condition"),
    [
        (Proto(), "CONNECT_INVALID_PLAN.INVALID_ONE_OF_FIELD_NOT_SET"),
        (Proto.FromString(b"\xa2\x3d\x00"), "UNSUPPORTED_FEATURE.HEADRACE"),
        (
            Proto(common_inline_user_defined_function=expressions_pb2.CommonInlineUserDefinedFunction()),
            "UNSUPPORTED_FEATURE.HEADRACE",
        ),
        (Proto(cast=Proto.Cast(expr=_col("a"))), "CONNECT_INVALID_PLAN.INVALID_ONE_OF_FIELD_NOT_SET"),
        (
            Proto(cast=Proto.Cast(expr=_col("a"), type={"long": {}}, eval_mode=9)),
            "CONNECT_INVALID_PLAN.UNKNOWN_ENUM_VALUE",
        ),
        (Proto(alias=Proto.Alias(expr=_col("a"))), "CONNECT_INVALID_PLAN.FIELD_NOT_SET"),
        (
            Proto(alias=Proto.Alias(expr=_col("a"), name=["b"], metadata="{")),
            "CONNECT_INVALID_PLAN.INVALID_JSON_METADATA",
        ),
        (
            Proto(unresolved_star=Proto.UnresolvedStar(unparsed_target="a")),
            "CONNECT_INVALID_PLAN.UNRESOLVED_STAR_TARGET_INVALID",
        ),
        (_col("a..b"), "INVALID_ATTRIBUTE_NAME_SYNTAX"),
        (_lit(time={"nano": 1}), "UNSUPPORTED_FEATURE.HEADRACE"),
        (
            Proto(sort_order=Proto.SortOrder(child=_col("a"), direction=9)),
            "CONNECT_INVALID_PLAN.UNKNOWN_ENUM_VALUE",
        ),
        # Field number 999, which a newer client might set.
        (
            Proto(cast=Proto.Cast.FromString(b"\xb8\x3e\x01")),
            "UNSUPPORTED_FEATURE.HEADRACE",
        ),
    ],
)
def test_what_is_refused(proto: Any, condition: str) -> None:
    with pytest.raises(SparkError) as error:
        _convert(proto)
    assert error.value.error_class == condition


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", ("a",)),
        ("a.b.c", ("a", "b", "c")),
        ("`a.b`", ("a.b",)),
        ("`a.b`.c", ("a.b", "c")),
        ("a.`b.c`", ("a", "b.c")),
        ("`c``d`", ("c`d",)),
        ("", ("",)),
        (" a b ", (" a b ",)),
        ("日本.é", ("日本", "é")),
    ],
)
def test_names(text: str, parts: tuple[str, ...]) -> None:
    assert attribute_parts(text) == parts


@pytest.mark.parametrize("text", ["a.", ".a", "a..b", "`a", "a`b`", "`a`b", "`a`.", "."])
def test_names_that_are_none(text: str) -> None:
    with pytest.raises(SparkError) as error:
        attribute_parts(text)
    assert error.value.error_class == "INVALID_ATTRIBUTE_NAME_SYNTAX"
    assert error.value.parameters == {"name": text}
