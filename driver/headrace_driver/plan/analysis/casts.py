"""`CAST(x AS type)` as written: allowed or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace_driver.functions.coercion import can_cast
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.expressions import Cast, CastMode, Expression

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.expressions import Binder

_FROM_DATE: dict[type[t.DataType], str] = {t.IntegerType: "`UNIX_DATE`", t.LongType: "`UNIX_DATE`"}
_INTEGRAL = (t.ByteType, t.ShortType, t.IntegerType, t.LongType)


def bind_cast(child: Expression, e: Cast, binder: Binder) -> Expression:
    """The cast over its resolved child."""
    target = _plain(e.type)
    mode = e.mode
    if mode is CastMode.ANSI and binder.analyzer.context.conf.get("spark.sql.ansi.enabled", "true") != "true":
        mode = CastMode.LEGACY
    if child.dtype == target and not e.implicit:
        return child
    if not can_cast(child.dtype, target, mode):
        raise _refused(child, target, e, binder)
    return Cast(child, target, mode, e.implicit, e.origin)


def _plain(dtype: t.DataType) -> t.DataType:
    """CHAR(n) and VARCHAR(n) of a cast are STRING."""
    if isinstance(dtype, t.StringType) and dtype.length is not None:
        return t.STRING
    return dtype


def _refused(child: Expression, target: t.DataType, e: Cast, binder: Binder) -> Exception:
    parameters = {
        "sqlExpr": f'"{binder.namer().text(e)}"',
        "srcType": f'"{child.dtype.sql}"',
        "targetType": f'"{target.sql}"',
    }
    functions = _instead(child.dtype, target)
    if functions:
        return error("DATATYPE_MISMATCH.CAST_WITH_FUNC_SUGGESTION", e.origin, **parameters, functionNames=functions)
    if e.mode is CastMode.ANSI and can_cast(child.dtype, target, CastMode.LEGACY):
        return error(
            "DATATYPE_MISMATCH.CAST_WITH_CONF_SUGGESTION",
            e.origin,
            **parameters,
            config='"spark.sql.ansi.enabled"',
            configVal="'false'",
        )
    return error("DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION", e.origin, **parameters)


def _instead(source: t.DataType, target: t.DataType) -> str:
    """The functions Spark names for a conversion that CAST refuses."""
    if isinstance(source, _INTEGRAL) and isinstance(target, t.DateType):
        return "`DATE_FROM_UNIX_DATE`"
    if isinstance(source, t.DateType) and isinstance(target, _INTEGRAL):
        return "`UNIX_DATE`"
    if isinstance(source, t.AtomicNumeric) and isinstance(target, t.TimestampNTZType | t.TimestampType):
        return "`TIMESTAMP_SECONDS`/`TIMESTAMP_MILLIS`/`TIMESTAMP_MICROS`"
    if isinstance(source, t.TimestampType) and isinstance(target, t.AtomicNumeric):
        return "`UNIX_SECONDS`/`UNIX_MILLIS`/`UNIX_MICROS`"
    if isinstance(source, t.ArrayType) and isinstance(target, t.StringType):
        return "`ARRAY_JOIN`"
    return ""
