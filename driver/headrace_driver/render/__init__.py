"""Kernel text (DuckDB SQL) of resolved expressions, types and casts."""
