"""Data types in SQL text: CAST targets and column definitions."""

from __future__ import annotations

import json

from headrace_driver.errors import SparkError, unsupported
from headrace_driver.plan import types as t
from headrace_driver.sql.cursor import Cursor
from headrace_driver.sql.failures import parse_error
from headrace_driver.sql.lexer import STRING

_SIMPLE: dict[str, t.DataType] = {
    "BOOLEAN": t.BOOLEAN,
    "TINYINT": t.BYTE,
    "BYTE": t.BYTE,
    "SMALLINT": t.SHORT,
    "SHORT": t.SHORT,
    "INT": t.INTEGER,
    "INTEGER": t.INTEGER,
    "BIGINT": t.LONG,
    "LONG": t.LONG,
    "FLOAT": t.FLOAT,
    "REAL": t.FLOAT,
    "DOUBLE": t.DOUBLE,
    "DATE": t.DATE,
    "TIMESTAMP": t.TIMESTAMP,
    "TIMESTAMP_LTZ": t.TIMESTAMP,
    "TIMESTAMP_NTZ": t.TIMESTAMP_NTZ,
    "STRING": t.STRING,
    "BINARY": t.BINARY,
    "VOID": t.NULL,
    "VARIANT": t.VariantType(),
}
_DAY_TIME = ("DAY", "HOUR", "MINUTE", "SECOND")
_YEAR_MONTH = ("YEAR", "MONTH")


def without_lengths(dtype: t.DataType) -> t.DataType:
    """The type with CHAR(n) and VARCHAR(n) made STRING, as in a cast."""
    if isinstance(dtype, t.StringType):
        return t.STRING if dtype.length is not None else dtype
    if isinstance(dtype, t.ArrayType):
        return t.ArrayType(without_lengths(dtype.element), dtype.contains_null)
    if isinstance(dtype, t.MapType):
        return t.MapType(without_lengths(dtype.key), without_lengths(dtype.value), dtype.value_contains_null)
    if isinstance(dtype, t.StructType):
        return t.StructType(
            tuple(t.StructField(f.name, without_lengths(f.dtype), f.nullable, f.metadata) for f in dtype.fields)
        )
    return dtype


class TypeParser(Cursor):
    """The grammar of data types."""

    def data_type(self) -> t.DataType:
        """A data type; CHAR and VARCHAR keep their lengths."""
        self.deeper()
        kind = self.kinds[self.i]
        if kind in ("ARRAY", "MAP", "STRUCT") and self.peek() in ("<", "<>"):
            dtype = self._nested_type(kind)
        elif kind == "INTERVAL":
            dtype = self._interval_type()
        else:
            dtype = self._primitive_type()
        self.depth -= 1
        return dtype

    def _nested_type(self, kind: str) -> t.DataType:
        self.i += 1
        if kind == "STRUCT" and self.accept("<>"):
            return t.StructType()
        self.expect("<")
        if kind == "STRUCT":
            fields = () if self.kinds[self.i] == ">" else tuple(self.many(self._struct_field))
            self._closing_bracket()
            return t.StructType(fields)
        first = self.data_type()
        if kind == "ARRAY":
            self._closing_bracket()
            return t.ArrayType(first)
        self.expect(",")
        second = self.data_type()
        self._closing_bracket()
        return t.MapType(first, second)

    def _closing_bracket(self) -> None:
        """One `>`, which may be the first half of what the lexer took for `>>` or `>>>`."""
        kind = self.kinds[self.i]
        if kind in (">>", ">>>"):
            self.kinds[self.i] = kind[1:]
        else:
            self.expect(">")

    def _struct_field(self) -> t.StructField:
        name = self.strict_name()
        self.accept(":")
        return self._field(name)

    def column_definition(self) -> t.StructField:
        """`name TYPE [NOT NULL] [COMMENT 'text']`"""
        return self._field(self.strict_name())

    def _field(self, name: str) -> t.StructField:
        dtype = self.data_type()
        nullable = True
        if self.kinds[self.i] == "NOT":
            self.i += 1
            self.expect("NULL")
            nullable = False
        metadata = ""
        if self.kinds[self.i] == "COMMENT" and self.peek() == STRING:
            self.i += 1
            metadata = json.dumps({"comment": self.string()}, ensure_ascii=False)
        return t.StructField(name, dtype, nullable, metadata)

    def _interval_type(self) -> t.DataType:
        self.i += 1
        first = self.kinds[self.i]
        for fields, make in ((_YEAR_MONTH, t.YearMonthIntervalType), (_DAY_TIME, t.DayTimeIntervalType)):
            if first in fields:
                self.i += 1
                lower = upper = fields.index(first)
                if self.kinds[self.i] == "TO" and self.kinds[self.i + 1] in fields[lower + 1 :]:
                    upper = fields.index(self.kinds[self.i + 1])
                    self.i += 2
                return make(lower, upper)
        return t.CALENDAR_INTERVAL

    def _primitive_type(self) -> t.DataType:
        start = self.i
        self.name()
        kind = self.kinds[start]
        sizes: list[int] = []
        if self.kinds[self.i] == "(":
            self.i += 1
            sizes = self.many(self.whole_number)
            self.expect(")")
        if kind in _SIMPLE and not sizes:
            dtype = _SIMPLE[kind]
            if kind == "STRING" and self.accept("COLLATE"):
                return self._collated()
            if kind == "TIMESTAMP":
                return self._zoned_timestamp()
            return dtype
        if kind in ("DECIMAL", "DEC", "NUMERIC") and len(sizes) <= 2:
            return self._decimal(sizes)
        if kind in ("CHAR", "CHARACTER", "VARCHAR"):
            if len(sizes) == 1:
                return t.StringType(sizes[0], fixed=kind != "VARCHAR")
            if not sizes:
                shown = "VARCHAR" if kind == "VARCHAR" else "CHAR"
                raise parse_error(
                    "DATATYPE_MISSING_SIZE",
                    f'DataType "{shown}" requires a length parameter, for example "{shown}"(10). '
                    "Please specify the length.",
                    {"type": f'"{shown}"'},
                    "42K01",
                    self.tokens.origin(start, self.i - 1),
                )
        if kind in ("ARRAY", "MAP", "STRUCT") and not sizes:
            raise self._incomplete_type(kind, start)
        if kind in ("TIME", "GEOGRAPHY", "GEOMETRY"):
            raise unsupported(f"the data type {kind}")
        shown = kind + (f"({', '.join(map(str, sizes))})" if sizes else "")
        raise parse_error(
            "UNSUPPORTED_DATATYPE",
            f'Unsupported data type "{shown}".',
            {"typeName": f'"{shown}"'},
            "0A000",
            self.tokens.origin(start, self.i - 1),
        )

    def _incomplete_type(self, kind: str, start: int) -> SparkError:
        missing, example = {
            "ARRAY": ("an element type", '"ARRAY<INT>"'),
            "MAP": ("a key type and a value type", '"MAP<TIMESTAMP, INT>"'),
            "STRUCT": ("at least one field type", '"STRUCT<name STRING, age INT>"'),
        }[kind]
        return parse_error(
            f"INCOMPLETE_TYPE_DEFINITION.{kind}",
            f'Incomplete complex type: The definition of "{kind}" type is incomplete. You must provide {missing}. '
            f"For example: {example}.",
            {},
            "42K01",
            self.tokens.origin(start, self.i - 1),
        )

    def _collated(self) -> t.DataType:
        collation = self.dotted_name()[-1].upper()
        if collation != "UTF8_BINARY":
            raise unsupported(f"the collation {collation}")
        return t.STRING

    def _zoned_timestamp(self) -> t.DataType:
        if self.accept_all("WITHOUT", "TIME", "ZONE"):
            return t.TIMESTAMP_NTZ
        self.accept_all("WITH", "LOCAL", "TIME", "ZONE")
        return t.TIMESTAMP

    def _decimal(self, sizes: list[int]) -> t.DataType:
        precision, scale = (sizes + [10, 0][len(sizes) :])[:2] if sizes else (10, 0)
        if precision > 38:
            raise SparkError(
                "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION",
                f"Decimal precision {precision} exceeds max precision 38.",
                {"precision": str(precision), "maxPrecision": "38"},
                sql_state="22003",
            )
        if scale > precision:
            raise SparkError(
                "_LEGACY_ERROR_TEMP_1228",
                f"Decimal scale ({scale}) cannot be greater than precision ({precision}).",
                {"scale": str(scale), "precision": str(precision)},
                sql_state="42000",
            )
        return t.DecimalType(precision, scale)
