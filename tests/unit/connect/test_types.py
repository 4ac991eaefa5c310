"""Types in the protocol and as text, against what real Spark answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace_driver import sql
from headrace_driver.connect import arrow_types, type_text, types
from headrace_driver.connect.protocol import types_pb2
from headrace_driver.errors import SparkError
from headrace_driver.plan import types as t

_SPARK = json.loads((Path(__file__).parent / "data/types.json").read_text("utf-8"))
_ids = [case["ddl"][:40] for case in _SPARK]


def _parsed(case: dict[str, Any]) -> t.StructType:
    proto = types_pb2.DataType.FromString(bytes.fromhex(case["proto"]))
    dtype = types.from_proto(proto, sql.parse_data_type)
    assert isinstance(dtype, t.StructType)
    return dtype


@pytest.mark.parametrize("case", _SPARK, ids=_ids)
def test_protocol_there_and_back(case: dict[str, Any]) -> None:
    proto = types_pb2.DataType.FromString(bytes.fromhex(case["proto"]))
    assert types.to_proto(_parsed(case)) == proto


@pytest.mark.parametrize("case", _SPARK, ids=_ids)
def test_ddl_is_parsed_to_what_spark_sends(case: dict[str, Any]) -> None:
    assert types.to_proto(sql.parse_data_type(case["ddl"])).SerializeToString().hex() == case["proto"]


@pytest.mark.parametrize("case", _SPARK, ids=_ids)
def test_ddl_from_json(case: dict[str, Any]) -> None:
    dtype = sql.parse_data_type(case["json"])
    assert isinstance(dtype, t.StructType)
    assert type_text.ddl(dtype) == case["to_ddl"]


@pytest.mark.parametrize("case", [c for c in _SPARK if c["tree"]], ids=lambda c: c["ddl"][:40])
def test_tree_strings(case: dict[str, Any]) -> None:
    schema = _parsed(case)
    for level, expected in case["tree"].items():
        found = type_text.tree_string(schema) if level == "None" else type_text.tree_string(schema, int(level))
        assert found == expected


_ALL = t.StructType(
    tuple(
        t.StructField(f"c{i}", dtype, i % 2 == 0)
        for i, dtype in enumerate(
            [
                t.NULL,
                t.BOOLEAN,
                t.BYTE,
                t.SHORT,
                t.INTEGER,
                t.LONG,
                t.FLOAT,
                t.DOUBLE,
                t.DecimalType(38, 10),
                t.STRING,
                t.BINARY,
                t.DATE,
                t.TIMESTAMP,
                t.TIMESTAMP_NTZ,
                t.DAY_TIME,
                t.YEAR_MONTH,
                t.CALENDAR_INTERVAL,
                t.ArrayType(t.INTEGER, False),
                t.MapType(t.STRING, t.ArrayType(t.DATE), False),
                t.StructType((t.StructField("x", t.LONG, False),)),
            ]
        )
    )
)


def test_arrow_there_and_back() -> None:
    assert arrow_types.from_arrow_schema(arrow_types.arrow_schema(_ALL, "Europe/Berlin")) == _ALL
    assert arrow_types.from_arrow_schema(arrow_types.arrow_schema(_ALL, "UTC", large=True)) == _ALL


def test_arrow_as_spark_has_it() -> None:
    schema = arrow_types.arrow_schema(_ALL, "Asia/Tokyo")
    assert schema.field("c8").type == pa.decimal128(38, 10)
    assert schema.field("c12").type == pa.timestamp("us", tz="Asia/Tokyo")
    assert schema.field("c13").type == pa.timestamp("us")
    assert schema.field("c14").type == pa.duration("us")
    assert schema.field("c17").type.value_field == pa.field("element", pa.int32(), nullable=False)
    assert schema.field("c18").type.item_field.name == "value"
    assert not schema.field("c18").type.key_field.nullable
    assert not schema.field("c1").nullable


def test_types_without_arrow_equivalent_are_refused() -> None:
    with pytest.raises(SparkError) as error:
        arrow_types.from_arrow_type(pa.uint64())
    assert error.value.error_class == "UNSUPPORTED_ARROWTYPE"


def test_a_type_that_is_not_set_is_refused() -> None:
    with pytest.raises(SparkError) as error:
        types.from_proto(types_pb2.DataType(), sql.parse_data_type)
    assert error.value.error_class == "CONNECT_INVALID_PLAN.INVALID_ONE_OF_FIELD_NOT_SET"


@pytest.mark.parametrize("kind", ["time", "udt", "geometry"])
def test_unsupported_types_say_so(kind: str) -> None:
    proto = types_pb2.DataType()
    getattr(proto, kind).SetInParent()
    with pytest.raises(SparkError) as error:
        types.from_proto(proto, sql.parse_data_type)
    assert error.value.error_class == "UNSUPPORTED_FEATURE.HEADRACE"
