"""Differential tests: the same query on this engine and, beforehand, on real Spark, whose answers are kept as data."""
