"""Spark SQL's data types (https://spark.apache.org/docs/latest/sql-ref-datatypes.html), immutable and comparable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DataType:
    """A Spark SQL type. Types are values: compare with ==, ask with isinstance."""

    @property
    def name(self) -> str:
        """Spark's simpleString: `bigint`, `decimal(12,2)`, `array<int>`."""
        raise NotImplementedError

    @property
    def sql(self) -> str:
        """As in DDL and in error messages: `BIGINT`, `DECIMAL(12,2)`, `ARRAY<INT>`."""
        return self.name.upper()


@dataclass(frozen=True, slots=True)
class NullType(DataType):
    @property
    def name(self) -> str:
        return "void"


@dataclass(frozen=True, slots=True)
class BooleanType(DataType):
    @property
    def name(self) -> str:
        return "boolean"


class AtomicNumeric(DataType):
    """Any type arithmetic works on."""

    __slots__ = ()


class IntegralType(AtomicNumeric):
    """Whole numbers of fixed width."""

    __slots__ = ()


class FractionalType(AtomicNumeric):
    """Binary floating point and decimals."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class ByteType(IntegralType):
    @property
    def name(self) -> str:
        return "tinyint"


@dataclass(frozen=True, slots=True)
class ShortType(IntegralType):
    @property
    def name(self) -> str:
        return "smallint"


@dataclass(frozen=True, slots=True)
class IntegerType(IntegralType):
    @property
    def name(self) -> str:
        return "int"


@dataclass(frozen=True, slots=True)
class LongType(IntegralType):
    @property
    def name(self) -> str:
        return "bigint"


@dataclass(frozen=True, slots=True)
class FloatType(FractionalType):
    @property
    def name(self) -> str:
        return "float"


@dataclass(frozen=True, slots=True)
class DoubleType(FractionalType):
    @property
    def name(self) -> str:
        return "double"


DECIMAL_DIGITS_MAX = 38
"""Of any decimal, as in Spark."""


@dataclass(frozen=True, slots=True)
class DecimalType(FractionalType):
    """Exact decimals: `precision` digits in all (at most 38), `scale` of them after the point."""

    precision: int = 10
    scale: int = 0

    @property
    def name(self) -> str:
        return f"decimal({self.precision},{self.scale})"


@dataclass(frozen=True, slots=True)
class StringType(DataType):
    """Text. `length` and `fixed` keep CHAR(n) and VARCHAR(n) of a declared schema; elsewhere they are STRING."""

    length: int | None = None
    fixed: bool = False
    collation: str = "UTF8_BINARY"

    @property
    def name(self) -> str:
        if self.length is not None:
            return f"{'char' if self.fixed else 'varchar'}({self.length})"
        return "string" if self.collation == "UTF8_BINARY" else f"string collate {self.collation}"


@dataclass(frozen=True, slots=True)
class BinaryType(DataType):
    @property
    def name(self) -> str:
        return "binary"


@dataclass(frozen=True, slots=True)
class DateType(DataType):
    @property
    def name(self) -> str:
        return "date"


@dataclass(frozen=True, slots=True)
class TimestampType(DataType):
    """An instant, shown in the session's time zone (TIMESTAMP WITH LOCAL TIME ZONE)."""

    @property
    def name(self) -> str:
        return "timestamp"


@dataclass(frozen=True, slots=True)
class TimestampNTZType(DataType):
    @property
    def name(self) -> str:
        return "timestamp_ntz"


_DAY_TIME_FIELDS = ("day", "hour", "minute", "second")
_YEAR_MONTH_FIELDS = ("year", "month")


@dataclass(frozen=True, slots=True)
class DayTimeIntervalType(DataType):
    """Microseconds; `start` and `end` index day, hour, minute, second."""

    start: int = 0
    end: int = 3

    @property
    def name(self) -> str:
        first, last = _DAY_TIME_FIELDS[self.start], _DAY_TIME_FIELDS[self.end]
        return f"interval {first}" if first == last else f"interval {first} to {last}"


@dataclass(frozen=True, slots=True)
class YearMonthIntervalType(DataType):
    """Months; `start` and `end` index year, month."""

    start: int = 0
    end: int = 1

    @property
    def name(self) -> str:
        first, last = _YEAR_MONTH_FIELDS[self.start], _YEAR_MONTH_FIELDS[self.end]
        return f"interval {first}" if first == last else f"interval {first} to {last}"


@dataclass(frozen=True, slots=True)
class CalendarIntervalType(DataType):
    @property
    def name(self) -> str:
        return "interval"


@dataclass(frozen=True, slots=True)
class ArrayType(DataType):
    element: DataType
    contains_null: bool = True

    @property
    def name(self) -> str:
        return f"array<{self.element.name}>"

    @property
    def sql(self) -> str:
        return f"ARRAY<{self.element.sql}>"


@dataclass(frozen=True, slots=True)
class MapType(DataType):
    key: DataType
    value: DataType
    value_contains_null: bool = True

    @property
    def name(self) -> str:
        return f"map<{self.key.name},{self.value.name}>"

    @property
    def sql(self) -> str:
        return f"MAP<{self.key.sql}, {self.value.sql}>"


@dataclass(frozen=True, slots=True)
class StructField:
    name: str
    dtype: DataType
    nullable: bool = True
    metadata: str = ""
    """JSON object text, empty when there is none."""


@dataclass(frozen=True, slots=True)
class StructType(DataType):
    fields: tuple[StructField, ...] = field(default=())

    @property
    def name(self) -> str:
        return f"struct<{','.join(f'{f.name}:{f.dtype.name}' for f in self.fields)}>"

    @property
    def sql(self) -> str:
        inner = ", ".join(f"{f.name}: {f.dtype.sql}{'' if f.nullable else ' NOT NULL'}" for f in self.fields)
        return f"STRUCT<{inner}>"

    def __iter__(self) -> Iterator[StructField]:
        return iter(self.fields)


@dataclass(frozen=True, slots=True)
class VariantType(DataType):
    @property
    def name(self) -> str:
        return "variant"


NULL = NullType()
BOOLEAN = BooleanType()
BYTE = ByteType()
SHORT = ShortType()
INTEGER = IntegerType()
LONG = LongType()
FLOAT = FloatType()
DOUBLE = DoubleType()
STRING = StringType()
BINARY = BinaryType()
DATE = DateType()
TIMESTAMP = TimestampType()
TIMESTAMP_NTZ = TimestampNTZType()
DAY_TIME = DayTimeIntervalType()
YEAR_MONTH = YearMonthIntervalType()
CALENDAR_INTERVAL = CalendarIntervalType()
