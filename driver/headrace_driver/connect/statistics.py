"""Relations that analysis rewrites once it knows their input's columns: the `na`, `stat` and `summary` family.

Every `Rewritten.arguments` names its message's fields; literals are `Literal`s, lists tuples, absent fields None.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from headrace_driver.connect.invalid_plan import invalid_plan
from headrace_driver.connect.protocol import Proto
from headrace_driver.errors import unsupported
from headrace_driver.plan import logical as p

if TYPE_CHECKING:
    from headrace_driver.connect.relations import Relations


def fill_na(r: Relations, m: Proto) -> p.LogicalPlan:
    """`na.fill`: one value for all columns, or as many as columns."""
    if len(m.values) == 0:
        raise invalid_plan("NA_FILL_VALUES_EMPTY", "values must contains at least 1 item!")
    if len(m.values) > 1 and len(m.cols) != len(m.values):
        raise invalid_plan(
            "NA_FILL_VALUES_COLUMNS_MISMATCH",
            "When values contains more than 1 items, values and cols should have the same length!",
        )
    values = tuple(r.expressions.literal(value) for value in m.values)
    return p.Rewritten(r.input(m), "na_fill", {"cols": tuple(m.cols), "values": values})


def drop_na(r: Relations, m: Proto) -> p.LogicalPlan:
    """`na.drop`: rows with fewer than `min_non_nulls` values; None: with any null."""
    least = m.min_non_nulls if m.HasField("min_non_nulls") else None
    return p.Rewritten(r.input(m), "na_drop", {"cols": tuple(m.cols), "min_non_nulls": least})


def replace_na(r: Relations, m: Proto) -> p.LogicalPlan:
    """`na.replace`: `replacements` are pairs (old, new)."""
    literal = r.expressions.literal
    pairs = tuple((literal(each.old_value), literal(each.new_value)) for each in m.replacements)
    return p.Rewritten(r.input(m), "na_replace", {"cols": tuple(m.cols), "replacements": pairs})


def summary(r: Relations, m: Proto) -> p.LogicalPlan:
    """`summary`: no statistics named means Spark's usual ones."""
    return p.Rewritten(r.input(m), "summary", {"statistics": tuple(m.statistics)})


def describe(r: Relations, m: Proto) -> p.LogicalPlan:
    """`describe`: no columns named means all numbers and strings."""
    return p.Rewritten(r.input(m), "describe", {"cols": tuple(m.cols)})


def crosstab(r: Relations, m: Proto) -> p.LogicalPlan:
    """`stat.crosstab`."""
    return p.Rewritten(r.input(m), "crosstab", {"col1": m.col1, "col2": m.col2})


def cov(r: Relations, m: Proto) -> p.LogicalPlan:
    """`stat.cov`: one row, one column."""
    return p.Rewritten(r.input(m), "cov", {"col1": m.col1, "col2": m.col2})


def corr(r: Relations, m: Proto) -> p.LogicalPlan:
    """`stat.corr`: one row, one column."""
    method = m.method if m.HasField("method") else "pearson"
    if method != "pearson":
        raise unsupported(f"stat.corr by the method {method}", "Spark has pearson only, too.")
    return p.Rewritten(r.input(m), "corr", {"col1": m.col1, "col2": m.col2, "method": method})


def approx_quantile(r: Relations, m: Proto) -> p.LogicalPlan:
    """`stat.approxQuantile`: one row with one array of arrays."""
    arguments = {
        "cols": tuple(m.cols),
        "probabilities": tuple(m.probabilities),
        "relative_error": m.relative_error,
    }
    return p.Rewritten(r.input(m), "approx_quantile", arguments)


def freq_items(r: Relations, m: Proto) -> p.LogicalPlan:
    """`stat.freqItems`: the default support is Spark's."""
    support = m.support if m.HasField("support") else 0.01
    return p.Rewritten(r.input(m), "freq_items", {"cols": tuple(m.cols), "support": support})


def sample_by(r: Relations, m: Proto) -> p.LogicalPlan:
    """`stat.sampleBy`: `fractions` are pairs (stratum, fraction)."""
    fractions = tuple((r.expressions.literal(each.stratum), each.fraction) for each in m.fractions)
    seed = m.seed if m.HasField("seed") else random.randrange(-(2**63), 2**63)
    arguments = {"col": r.expressions.convert(m.col), "fractions": fractions, "seed": seed}
    return p.Rewritten(r.input(m), "sample_by", arguments)


def transpose(r: Relations, m: Proto) -> p.LogicalPlan:
    """`transpose`: by the first column unless one is named."""
    return p.Rewritten(r.input(m), "transpose", {"index_columns": r.expressions.convert_all(m.index_columns)})
