"""Fills the registry: importing this module registers every built-in function."""

from __future__ import annotations

import importlib

MODULES = (
    "temporal_arithmetic",
    "arithmetic",
    "comparison",
    "conditional",
    "strings",
    "string_search",
    "string_encodings",
    "formatting",
    "patterns",
    "math",
    "datetime",
    "datetime_numbers",
    "datetime_text",
    "collections",
    "sequences",
    "maps",
    "structs",
    "higher_order",
    "generators",
    "aggregates",
    "moments",
    "statistics",
    "windows",
    "time_windows",
    "number_formats",
    "hashing",
    "bitmaps",
    "json",
    "csv",
    "miscellaneous",
    "drawn",
    "internal",
)

for _name in MODULES:
    importlib.import_module(f"headrace_driver.functions.{_name}")
