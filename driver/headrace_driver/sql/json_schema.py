"""Schemas in Spark's JSON form: `{"type":"struct","fields":[{"name":"a","type":"long","nullable":true}]}`."""

from __future__ import annotations

import json
import re
from typing import Any

from headrace_driver.errors import ErrorKind, SparkError, unsupported
from headrace_driver.plan import types as t

_SIMPLE: dict[str, t.DataType] = {
    "void": t.NULL,
    "null": t.NULL,
    "boolean": t.BOOLEAN,
    "byte": t.BYTE,
    "short": t.SHORT,
    "integer": t.INTEGER,
    "long": t.LONG,
    "float": t.FLOAT,
    "double": t.DOUBLE,
    "string": t.STRING,
    "binary": t.BINARY,
    "date": t.DATE,
    "timestamp": t.TIMESTAMP,
    "timestamp_ntz": t.TIMESTAMP_NTZ,
    "interval": t.CALENDAR_INTERVAL,
    "variant": t.VariantType(),
    "decimal": t.DecimalType(),
}
_DECIMAL = re.compile(r"decimal\(\s*(\d+)\s*,\s*(-?\d+)\s*\)")
_SIZED = re.compile(r"(char|varchar)\(\s*(\d+)\s*\)")
_INTERVAL = re.compile(r"interval (year|month|day|hour|minute|second)(?: to (month|hour|minute|second))?")
_FIELDS = {"year": ("year", "month"), "month": ("year", "month")}
_DAY_TIME = ("day", "hour", "minute", "second")


def type_from_json(text: str) -> t.DataType:
    """The data type that Spark's JSON text describes. Raises SparkError."""
    try:
        return _type(json.loads(text))
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise _invalid(text[:200]) from error


def _type(value: Any) -> t.DataType:
    if isinstance(value, str):
        return _named(value)
    kind = value["type"]
    if kind == "struct":
        return t.StructType(tuple(_field(field) for field in value["fields"]))
    if kind == "array":
        return t.ArrayType(_type(value["elementType"]), bool(value.get("containsNull", True)))
    if kind == "map":
        nullable = bool(value.get("valueContainsNull", True))
        return t.MapType(_type(value["keyType"]), _type(value["valueType"]), nullable)
    if kind == "udt":
        raise unsupported("user-defined types in a schema")
    raise _invalid(str(kind))


def _field(value: Any) -> t.StructField:
    metadata = value.get("metadata") or {}
    dtype = _type(value["type"])
    collation = (metadata.get("__COLLATIONS") or {}).get(value["name"])
    if collation and isinstance(dtype, t.StringType):
        dtype = t.StringType(collation=str(collation).split(".")[-1].upper())
    shown = json.dumps(metadata, ensure_ascii=False) if metadata else ""
    return t.StructField(str(value["name"]), dtype, bool(value.get("nullable", True)), shown)


def _named(name: str) -> t.DataType:
    found = _SIMPLE.get(name)
    if found is not None:
        return found
    match = _DECIMAL.fullmatch(name)
    if match is not None:
        return t.DecimalType(int(match[1]), int(match[2]))
    match = _SIZED.fullmatch(name)
    if match is not None:
        return t.StringType(int(match[2]), fixed=match[1] == "char")
    match = _INTERVAL.fullmatch(name)
    if match is not None:
        first, last = match[1], match[2] or match[1]
        if first in _FIELDS:
            return t.YearMonthIntervalType(_FIELDS[first].index(first), _FIELDS[first].index(last))
        return t.DayTimeIntervalType(_DAY_TIME.index(first), _DAY_TIME.index(last))
    if name.startswith("time(") or name == "time":
        raise unsupported("the data type TIME")
    raise _invalid(name)


def _invalid(text: str) -> SparkError:
    return SparkError(
        "INVALID_JSON_DATA_TYPE",
        f"Failed to convert the JSON string '{text}' to a data type. Please enter a valid data type.",
        {"invalidType": text},
        sql_state="22018",
        kind=ErrorKind.ILLEGAL_ARGUMENT,
    )


_NAMES: dict[t.DataType, str] = {dtype: name for name, dtype in _SIMPLE.items() if name not in ("null", "decimal")}


def json_of_type(dtype: t.DataType) -> Any:
    """The JSON value that describes a type, the reverse of `type_from_json`."""
    match dtype:
        case t.StructType(fields):
            return {"type": "struct", "fields": [_json_of_field(field) for field in fields]}
        case t.ArrayType(element, contains_null):
            return {"type": "array", "elementType": json_of_type(element), "containsNull": contains_null}
        case t.MapType(key, value, contains_null):
            return {
                "type": "map",
                "keyType": json_of_type(key),
                "valueType": json_of_type(value),
                "valueContainsNull": contains_null,
            }
    return _NAMES.get(dtype, dtype.name)


def _json_of_field(field: t.StructField) -> Any:
    metadata = json.loads(field.metadata) if field.metadata else {}
    return {"name": field.name, "type": json_of_type(field.dtype), "nullable": field.nullable, "metadata": metadata}
