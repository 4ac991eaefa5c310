"""Spark's functions: each one entry with a type rule and its rendering for the kernel."""
