"""Analysis: from trees as the front ends make them to resolved trees, as Spark 4 with ANSI mode on resolves them."""

from headrace_driver.plan.analysis.analyzer import analyze
from headrace_driver.plan.analysis.context import AnalysisContext, DistinctValues

__all__ = ["AnalysisContext", "DistinctValues", "analyze"]
