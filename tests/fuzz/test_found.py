"""What fuzzing has found: each kind of damage has its own error, or an answer."""

from __future__ import annotations

import datetime
import json
import struct
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from headrace_driver.connect.protocol import base_pb2, expressions_pb2, relations_pb2

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

pytestmark = [pytest.mark.cluster]

REFUSED = {
    "SELECT schema_of_json(5)": "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
    "SELECT stack(0, 1)": "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE",
    "SELECT stack(double('nan'), 1)": "DATATYPE_MISMATCH",
    "SELECT stack(2147483647, 1)": "UNSUPPORTED_FEATURE.HEADRACE",
    "SELECT ntile(0) OVER (ORDER BY id) FROM range(3)": "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE",
    "SELECT percentile_approx(id, 1.5) FROM range(3)": "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE",
    "SELECT percentile(id, array(0.5, -1.0)) FROM range(3)": "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE",
    "SELECT percentile(id, id) FROM range(3)": "DATATYPE_MISMATCH.NON_FOLDABLE_INPUT",
    "SELECT array_sort(array(1, 2), (a, b) -> 'x')": "DATATYPE_MISMATCH.UNEXPECTED_RETURN_TYPE",
    "SELECT * FROM range(0, 10, 1, 2147483647)": "UNSUPPORTED_FEATURE.HEADRACE",
    "SELECT /*+ REPARTITION(2147483647) */ * FROM range(10)": "UNSUPPORTED_FEATURE.HEADRACE",
    "SELECT INTERVAL '1-2' YEAR TO MONTH": "UNSUPPORTED_FEATURE.HEADRACE",
    "SELECT regexp_replace(CAST(id AS STRING), '1', '$1') FROM range(3)": "INVALID_REGEXP_REPLACE",
    "SELECT * FROM range(0, 10, 1, 0)": None,
}
"""Queries and the class, or the beginning, of their error; none is one Spark has no class for."""

ANSWERED: dict[str, tuple[object, ...]] = {
    "SELECT to_date('---', '---'), try_to_timestamp('x', '2024')": (datetime.date(1970, 1, 1), None),
    "SELECT map(), array(map())": ({}, [{}]),
    "SELECT sum(id) OVER (ORDER BY id ROWS BETWEEN 1 FOLLOWING AND CURRENT ROW) FROM range(1)": (None,),
    "SELECT count(*) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND 1 PRECEDING) FROM range(1)": (0,),
    "SELECT count(*) OVER (ORDER BY id RANGE BETWEEN 1 FOLLOWING AND CURRENT ROW) FROM range(1)": (0,),
}
"""Queries that only looked wrong to the kernel, and their row as real Spark gives it."""


def error_class(run: Any) -> str | None:
    from pyspark.errors import PySparkException

    with pytest.raises(PySparkException) as refused:
        run()
    assert refused.value.getCondition() != "INTERNAL_ERROR"
    return refused.value.getCondition() or None


@pytest.mark.parametrize(("query", "expected"), REFUSED.items(), ids=str)
def test_refused(spark: SparkSession, query: str, expected: str | None) -> None:
    found = error_class(lambda: spark.sql(query).collect())
    assert found == expected or (expected and found and found.startswith(f"{expected}."))


@pytest.mark.parametrize(("query", "expected"), ANSWERED.items(), ids=str)
def test_answered(spark: SparkSession, query: str, expected: tuple[object, ...]) -> None:
    assert tuple(spark.sql(query).collect()[0]) == expected


def schema_error(spark: SparkSession, relation: Any) -> str | None:
    """The class of the error that analysis of the relation ends with."""
    client: Any = spark._client
    plan = base_pb2.Plan(root=relation)
    return error_class(lambda: client._analyze(method="schema", plan=plan))


def scalar(plan_id: int) -> Any:
    found = expressions_pb2.Expression()
    found.subquery_expression.plan_id = plan_id
    found.subquery_expression.subquery_type = 1
    return found


def relation_with(plan_id: int, *subqueries: int) -> Any:
    """SELECT of scalar subqueries, under a plan id."""
    found = relations_pb2.Relation(common={"plan_id": plan_id})
    found.project.expressions.extend([scalar(number) for number in subqueries])
    return found


def test_a_subquery_of_itself(spark: SparkSession) -> None:
    referred = relations_pb2.WithRelations(
        root=relation_with(1, 2), references=[relation_with(2, 3), relation_with(3, 2)]
    )
    found = schema_error(spark, relations_pb2.Relation(with_relations=referred))
    assert found == "CONNECT_INVALID_PLAN.SUBQUERY_PLAN_WITHIN_ITSELF"


def test_subqueries_that_double_each_other(spark: SparkSession) -> None:
    references = [relation_with(number, number + 1, number + 1) for number in range(2, 60)]
    references.append(relations_pb2.Relation(common={"plan_id": 60}, range={"end": 1, "step": 1}))
    referred = relations_pb2.WithRelations(root=relation_with(1, 2), references=references)
    assert schema_error(spark, relations_pb2.Relation(with_relations=referred)) == "FAILED_TO_PARSE_TOO_COMPLEX"


def test_metadata_that_is_no_json(spark: SparkSession) -> None:
    relation = relations_pb2.Relation(to_schema={"input": {"range": {"end": 1, "step": 1}}})
    relation.to_schema.schema.struct.fields.add(name="id", data_type={"long": {}}, nullable=True, metadata="{x")
    assert schema_error(spark, relation) == "CONNECT_INVALID_PLAN.INVALID_JSON_METADATA"


def arrow_stream(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())


def test_arrow_offsets_beyond_the_data(spark: SparkSession) -> None:
    """The kernel trusts them."""
    right, wrong = struct.pack("<iii", 0, 3, 6), struct.pack("<iii", 0, 3, 1_000_000)
    stream = arrow_stream(pa.record_batch([pa.array(["abc", "def"])], names=["s"]))
    assert right in stream
    relation = relations_pb2.Relation(local_relation={"data": stream.replace(right, wrong)})
    assert schema_error(spark, relation) == "CONNECT_INVALID_PLAN.INPUT_DATA_NOT_ARROW"


def test_a_name_that_is_no_utf_8(spark: SparkSession) -> None:
    stream = arrow_stream(pa.record_batch([pa.array([1])], names=["qqqq"])).replace(b"qqqq", b"\xff\xfe\xfd\xfc")
    relation = relations_pb2.Relation(local_relation={"data": stream})
    assert schema_error(spark, relation) == "CONNECT_INVALID_PLAN.INPUT_DATA_NOT_ARROW"


def test_probabilities_of_quantiles(spark: SparkSession) -> None:
    for shares, error in (([1.5], 0.1), ([float("nan")], 0.1), ([0.5], float("nan")), ([0.5], -1.0)):
        quantile = {"input": {"range": {"end": 3, "step": 1}}, "cols": ["id"], "probabilities": shares}
        relation = relations_pb2.Relation(approx_quantile={**quantile, "relative_error": error})
        assert schema_error(spark, relation) == "ILLEGAL_ARGUMENT", json.dumps([shares, error])


def test_a_pattern_where_an_expression_belongs(spark: SparkSession) -> None:
    from pyspark.sql import functions as sf

    frame = spark.range(1)
    column = sf.expr("1") + frame.colRegex("`i.*`").cast("int")
    assert error_class(lambda: frame.select(column).collect()) == "INVALID_USAGE_OF_STAR_OR_REGEX"


def test_an_aggregate_as_a_key_of_partitions(spark: SparkSession) -> None:
    from pyspark.sql import functions as sf

    frame = spark.range(3).repartitionByRange(2, sf.avg("id"))
    assert error_class(frame.collect) == "UNSUPPORTED_EXPR_FOR_OPERATOR"


def test_an_order_inside_an_expression(spark: SparkSession) -> None:
    from pyspark.sql import functions as sf

    frame = spark.range(3).select(sf.col("id").desc() + 1)
    assert error_class(frame.collect) == "CONNECT_INVALID_PLAN.SORT_ORDER_WITHIN_EXPRESSION"
    by_range = spark.range(3).repartitionByRange(2, sf.desc("id")).sortWithinPartitions(sf.desc("id"))
    assert by_range.count() == 3
