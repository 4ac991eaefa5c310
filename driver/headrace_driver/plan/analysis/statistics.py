"""`df.na`, `df.stat`, `describe`, `summary`: operators defined by their child's schema, as ordinary plans."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headrace_driver.errors import ErrorKind, SparkError, unsupported
from headrace_driver.functions.coercion import cast_to
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.dataframe import named_columns, projected
from headrace_driver.plan.analysis.expressions import Binder
from headrace_driver.plan.analysis.messages import error, requirement
from headrace_driver.plan.analysis.outer import Outer
from headrace_driver.plan.analysis.pivot import distinct_values
from headrace_driver.plan.analysis.rewrite import Column, fresh_copy
from headrace_driver.plan.analysis.scope import Relation
from headrace_driver.plan.expressions import (
    AggregateCall,
    Alias,
    Attribute,
    Case,
    Cast,
    CastMode,
    Expression,
    Literal,
    ScalarSubquery,
    UnresolvedAttribute,
    UnresolvedExtract,
    new_id,
    replace,
)
from headrace_driver.plan.logical import LogicalPlan
from headrace_driver.sql.names import parse_name

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.analyzer import Analyzer

Rewrite = Callable[["Analyzer", Relation, Binder, Mapping[str, Any]], Relation]
_NUMBER = t.AtomicNumeric


def rewritten(analyzer: Analyzer, node: LogicalPlan, outer: Outer | None) -> Relation:
    """`df.stat` and its like, as the query that computes them."""
    assert isinstance(node, p.Rewritten)
    rewrite = _REWRITES.get(node.kind)
    if rewrite is None:
        raise unsupported(f"the DataFrame operation {node.kind}")
    child = analyzer.resolve(node.child, outer)
    return rewrite(analyzer, child, Binder(analyzer, child, outer), node.arguments)


def _names(arguments: Mapping[str, Any], key: str = "cols") -> list[str] | None:
    value = arguments.get(key)
    return list(value) if value else None


def literal_of(value: Any) -> Literal:
    """A Python value (or a Literal) as a literal."""
    if isinstance(value, Literal):
        return value
    if value is None:
        return Literal(None, t.NULL)
    if isinstance(value, bool):
        return Literal(value, t.BOOLEAN)
    if isinstance(value, int):
        return Literal(value, t.LONG)
    return Literal(value, t.DOUBLE) if isinstance(value, float) else Literal(str(value), t.STRING)


def _na_fill(analyzer: Analyzer, child: Relation, binder: Binder, arguments: Mapping[str, Any]) -> Relation:
    """Nulls (and NaN) replaced, in the columns whose type the value fits."""
    names = _names(arguments)
    values = [literal_of(v) for v in arguments["values"]]
    targets = {e.id for e in _named(child, binder, names) if isinstance(e, Attribute)}
    by_name = (
        {child.scope.fold(n): v for n, v in zip(names, values, strict=True)}
        if names is not None and len(values) > 1
        else None
    )
    items: list[Column] = []
    for column in child.columns:
        value = values[0] if by_name is None else by_name.get(child.scope.fold(column.name))
        if column.id not in targets or value is None or not _fits(column.type, value.type):
            items.append(column)
            continue
        source: Expression = column
        if isinstance(column.type, t.FloatType | t.DoubleType):
            source = binder.call("nanvl", (column, Literal(None, column.type)))
        fill = Cast(value, column.type) if value.type != column.type else value
        items.append(Alias(binder.call("coalesce", (source, fill)), column.name, new_id()))
    return projected(child, items)


def _fits(column: t.DataType, value: t.DataType) -> bool:
    if isinstance(value, t.BooleanType):
        return isinstance(column, t.BooleanType)
    if isinstance(value, t.StringType):
        return isinstance(column, t.StringType)
    return isinstance(column, _NUMBER) and isinstance(value, _NUMBER)


def _na_drop(analyzer: Analyzer, child: Relation, binder: Binder, arguments: Mapping[str, Any]) -> Relation:
    """Rows with fewer than so many values that are neither null nor NaN dropped."""
    columns = _named(child, binder, _names(arguments))
    least = arguments.get("min_non_nulls")
    needed = len(columns) if least is None else int(least)
    present = [_present(binder, c) for c in columns]
    if needed == len(columns):
        condition: Expression = Literal(True, t.BOOLEAN)
        for e in present:
            condition = e if isinstance(condition, Literal) else binder.call("and", (condition, e))
        return child.on(p.Filter(child.plan, condition))
    total: Expression = Literal(0, t.INTEGER)
    for e in present:
        one = Case((e,), (Literal(1, t.INTEGER),), Literal(0, t.INTEGER))
        total = one if isinstance(total, Literal) else binder.call("+", (total, one))
    return child.on(p.Filter(child.plan, binder.call(">=", (total, Literal(needed, t.INTEGER)))))


def _named(child: Relation, binder: Binder, names: Sequence[str] | None) -> list[Expression]:
    """Columns and fields of columns by their names, as one writes them; all columns without names."""
    if names is None:
        return list(child.columns)
    found: list[Expression] = []
    for name in names:
        bound = binder.bind(UnresolvedAttribute(parse_name(name)))
        found.append(bound.child if isinstance(bound, Alias) else bound)
    return found


def _present(binder: Binder, column: Expression) -> Expression:
    there = binder.call("isnotnull", (column,))
    if isinstance(column.dtype, t.FloatType | t.DoubleType):
        return binder.call("and", (there, binder.call("not", (binder.call("isnan", (column,)),))))
    return there


def _na_replace(analyzer: Analyzer, child: Relation, binder: Binder, arguments: Mapping[str, Any]) -> Relation:
    """Values replaced by others, in the columns of their kind."""
    pairs = [(literal_of(a), literal_of(b)) for a, b in arguments["replacements"]]
    names = _names(arguments)
    if names is not None:
        _named(child, binder, names)
    items: list[Column] = []
    for column in child.columns:
        fitting = [(a, b) for a, b in pairs if _replaces(column.type, a, b)]
        # Here Spark asks for names as they are written, whatever its setting says.
        if (names is not None and column.name not in names) or not fitting:
            items.append(column)
            continue
        conditions = tuple(binder.call("=", (column, a)) for a, _ in fitting)
        values = tuple(_as(b, column.type) for _, b in fitting)
        items.append(Alias(Case(conditions, values, column), column.name, new_id()))
    return projected(child, items)


def _replaces(column: t.DataType, old: Literal, new: Literal) -> bool:
    known = old if old.value is not None else new
    return known.value is None or _fits(column, known.type)


def _as(value: Literal, dtype: t.DataType) -> Expression:
    if value.value is None:
        return Literal(None, dtype)
    return value if value.type == dtype else Cast(value, dtype)


_DESCRIBED = ("count", "mean", "stddev", "min", "max")
_SUMMARY = ("count", "mean", "stddev", "min", "25%", "50%", "75%", "max")


def _describe(analyzer: Analyzer, child: Relation, binder: Binder, arguments: Mapping[str, Any]) -> Relation:
    columns = named_columns(child, _names(arguments))
    return _summarised(analyzer, child, binder, [c for c in columns if _is_summarised(c)], _DESCRIBED)


def _summary(analyzer: Analyzer, child: Relation, binder: Binder, arguments: Mapping[str, Any]) -> Relation:
    wanted = _names(arguments, "statistics") or list(_SUMMARY)
    for statistic in wanted:
        if wanted.count(statistic) > 1:
            raise error("DUPLICATED_MAP_KEY", key=statistic, mapKeyDedupPolicy='"spark.sql.mapKeyDedupPolicy"')
    return _summarised(analyzer, child, binder, [c for c in child.columns if _is_summarised(c)], wanted)


def _is_summarised(column: Attribute) -> bool:
    return isinstance(column.type, t.AtomicNumeric | t.StringType)


def _summarised(
    analyzer: Analyzer, child: Relation, binder: Binder, columns: Sequence[Attribute], wanted: Sequence[str]
) -> Relation:
    """One aggregation for all figures, then a row for each statistic; everything as strings."""
    figures: list[list[Alias]] = [
        [Alias(_figure(binder, c, statistic), f"{statistic}_{c.name}", new_id()) for c in columns]
        for statistic in wanted
    ]
    flat = tuple(a for row in figures for a in row)
    made = (
        Attribute("summary", t.STRING, True, new_id()),
        *(Attribute(c.name, t.STRING, True, new_id()) for c in columns),
    )
    if not columns:
        rows: LogicalPlan = p.OneRow()
    else:
        rows = p.Aggregate(child.plan, (), flat)
    projections = tuple(
        (Literal(statistic, t.STRING), *(a.attribute() for a in row))
        for statistic, row in zip(wanted, figures, strict=True)
    )
    return analyzer.relation(p.Expand(rows, projections, made))


def _figure(binder: Binder, column: Attribute, statistic: str) -> Expression:
    """One statistic of one column as a string; numbers only make sense for text that can be read as them."""
    number: Expression = column
    if isinstance(column.type, t.StringType):
        number = Cast(column, t.DOUBLE, CastMode.TRY)
    if statistic in ("count", "min", "max", "count_distinct", "approx_count_distinct"):
        if statistic == "count_distinct":
            counted = binder.call("count", (column,))
            assert isinstance(counted, AggregateCall)
            return _text(replace(counted, distinct=True))
        return _text(binder.call(statistic, (column,)))
    if statistic in ("mean", "stddev"):
        return _text(binder.call("avg" if statistic == "mean" else "stddev", (number,)))
    if statistic.endswith("%"):
        try:
            share = float(statistic[:-1]) / 100
        except ValueError:
            raise _unknown_statistic(statistic) from None
        if not 0 <= share <= 1:
            raise requirement("Percentiles must be in the range [0, 1]")
        if isinstance(column.type, t.DecimalType):
            number = Cast(column, t.DOUBLE)
        exact = binder.call("percentile_approx", (number, Literal(share, t.DOUBLE), Literal(10_000, t.INTEGER)))
        return _text(exact)
    raise _unknown_statistic(statistic)


def _unknown_statistic(name: str) -> SparkError:
    failure = error("UNRECOGNIZED_STATISTIC", stats=f"'{name}'")
    failure.kind = ErrorKind.ILLEGAL_ARGUMENT
    return failure


def _text(e: Expression) -> Expression:
    return e if isinstance(e.dtype, t.StringType) else Cast(e, t.STRING)


def _two_columns(
    child: Relation, binder: Binder, arguments: Mapping[str, Any], figure: str
) -> tuple[Expression, Expression]:
    """Both columns as doubles, nulls as zero: so does Spark."""
    both: list[Expression] = []
    for name in (arguments["col1"], arguments["col2"]):
        column = named_columns(child, [name])[0]
        if not isinstance(column.type, _NUMBER):
            raise requirement(
                f"Currently {figure} calculation for columns with dataType {column.type.name} not supported."
            )
        both.append(binder.call("coalesce", (cast_to(column, t.DOUBLE), Literal(0.0, t.DOUBLE))))
    return both[0], both[1]


def _cov(analyzer: Analyzer, child: Relation, binder: Binder, arguments: Mapping[str, Any]) -> Relation:
    both = _two_columns(child, binder, arguments, "covariance")
    return _figure_of(analyzer, child, binder, binder.call("covar_samp", both), "cov", 0.0)


def _corr(analyzer: Analyzer, child: Relation, binder: Binder, arguments: Mapping[str, Any]) -> Relation:
    both = _two_columns(child, binder, arguments, "correlation")
    return _figure_of(analyzer, child, binder, binder.call("corr", both), "corr", math.nan)


def _figure_of(
    analyzer: Analyzer, child: Relation, binder: Binder, figure: Expression, name: str, of_few: float
) -> Relation:
    """One row with one figure; `of_few` where there are too few rows to have one."""
    made = Alias(figure, name, new_id())
    plan = p.Aggregate(child.plan, (), (made,))
    known = Case((binder.call("isnull", (made.attribute(),)),), (Literal(of_few, t.DOUBLE),), made.attribute())
    return analyzer.relation(p.Project(plan, (Alias(known, name, new_id()),)))


def _approx_quantile(analyzer: Analyzer, child: Relation, binder: Binder, arguments: Mapping[str, Any]) -> Relation:
    """One row with an array of arrays: for each column, its values at the probabilities."""
    shares = [float(x) for x in arguments["probabilities"]]
    accuracy = float(arguments.get("relative_error") or 0.0)
    if not accuracy >= 0:
        raise requirement(f"Relative Error must be non-negative but got {accuracy}")
    for share in shares:
        if not 0 <= share <= 1:
            raise requirement(f"percentile should be in the range [0.0, 1.0], got {share}")
    digits = Literal(min(2147483647, round(1 / max(accuracy, 1e-10))) or 1, t.INTEGER)
    wanted = Literal(tuple(shares), t.ArrayType(t.DOUBLE, False))
    per_column = []
    for column in named_columns(child, _names(arguments)):
        if not isinstance(column.type, _NUMBER):
            raise requirement(
                f"Quantile calculation for column {column.name} with data type {type(column.type).__name__} is not "
                "supported."
            )
        number = binder.call("nanvl", (cast_to(column, t.DOUBLE), Literal(None, t.DOUBLE)))
        values = binder.call("percentile_approx", (number, wanted, digits))
        # Of a column without values there are none.
        per_column.append(binder.call("coalesce", (values, Literal((), t.ArrayType(t.DOUBLE, False)))))
    whole = binder.call("array", tuple(per_column))
    return analyzer.relation(p.Aggregate(child.plan, (), (Alias(whole, "approx_quantile", new_id()),)))


def _sample_by(analyzer: Analyzer, child: Relation, binder: Binder, arguments: Mapping[str, Any]) -> Relation:
    """Rows kept with the probability of their stratum."""
    column = arguments["col"]
    key = binder.bind(column) if isinstance(column, Expression) else named_columns(child, [column])[0]
    draw = binder.call("rand", (Literal(int(arguments["seed"]), t.LONG),))
    conditions = []
    shares = []
    for stratum, share in arguments["fractions"]:
        if not 0 <= share <= 1:
            given = ", ".join(f"{literal_of(s).value} -> {f}" for s, f in arguments["fractions"])
            raise requirement(f"Fractions must be in [0, 1], but got Map({given}).")
        conditions.append(binder.call("=", (key, literal_of(stratum))))
        shares.append(Literal(float(share), t.DOUBLE))
    share_of: Expression = Literal(0.0, t.DOUBLE)
    if conditions:
        share_of = Case(tuple(conditions), tuple(shares), share_of)
    return child.on(p.Filter(child.plan, binder.call("<", (draw, share_of))))


def _crosstab(analyzer: Analyzer, child: Relation, binder: Binder, arguments: Mapping[str, Any]) -> Relation:
    """How often each value of one column meets each of another: a pivot of counts, nulls as the text `null`."""
    first, second = _named(child, binder, [arguments["col1"], arguments["col2"]])
    rows = Alias(_shown(binder, first), f"{arguments['col1']}_{arguments['col2']}", new_id())
    columns = Alias(_shown(binder, second), "column", new_id())
    plan = p.Project(child.plan, (rows, columns))
    values = distinct_values(analyzer, plan, columns.attribute())
    count = binder.call("count", (Literal(1, t.INTEGER),))
    assert isinstance(count, AggregateCall)
    items = [
        Alias(replace(count, where=binder.call("=", (columns.attribute(), v))), _cleaned(v.value), new_id())
        for v in values
    ]
    return analyzer.relation(p.Aggregate(plan, (rows.attribute(),), (rows.attribute(), *items)))


def _cleaned(name: Any) -> str:
    return str(name).replace("`", "")


def _shown(binder: Binder, column: Expression) -> Expression:
    return binder.call("coalesce", (_text(column), Literal("null", t.STRING)))


def _freq_items(analyzer: Analyzer, child: Relation, binder: Binder, arguments: Mapping[str, Any]) -> Relation:
    """For each column the values in at least that share of the rows. Spark's are these and perhaps some more: it
    counts in bounded memory."""
    support = float(arguments["support"])
    if not 1e-4 <= support <= 1.0:
        raise requirement(f"Support must be in [1e-4, 1], but got {support}.")
    items: list[Column] = []
    for name in arguments["cols"]:
        own = analyzer.relation(fresh_copy(child.exact()), None)
        column = named_columns(own, [name])[0]
        count = Alias(binder.call("count", (Literal(1, t.INTEGER),)), "n", new_id())
        counted = p.Aggregate(own.plan, (column,), (column, count))
        total = p.Aggregate(fresh_copy(child.exact()), (), (Alias(count.child, "total", new_id()),))
        least = binder.call("*", (cast_to(ScalarSubquery(total), t.DOUBLE), Literal(support, t.DOUBLE)))
        often = p.Filter(counted, binder.call(">=", (cast_to(count.attribute(), t.DOUBLE), least)))
        # Null is a value here; lists leave it out unless something is around it.
        boxed = binder.call("collect_list", (binder.call("named_struct", (Literal("v", t.STRING), column)),))
        listed = Alias(boxed, name, new_id())
        found = p.Aggregate(often, (), (listed,))
        values = binder.bind(UnresolvedExtract(ScalarSubquery(found), Literal("v", t.STRING)))
        nothing = Literal((), t.ArrayType(column.type))
        items.append(Alias(binder.call("coalesce", (values, nothing)), f"{name}_freqItems", new_id()))
    return analyzer.relation(p.Project(p.OneRow(), tuple(items)))


_REWRITES: dict[str, Rewrite] = {
    "na_fill": _na_fill,
    "na_drop": _na_drop,
    "na_replace": _na_replace,
    "describe": _describe,
    "summary": _summary,
    "cov": _cov,
    "corr": _corr,
    "approx_quantile": _approx_quantile,
    "sample_by": _sample_by,
    "crosstab": _crosstab,
    "freq_items": _freq_items,
}
