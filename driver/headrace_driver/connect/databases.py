"""The one catalog and the one database that names may mention."""

from __future__ import annotations

from headrace_driver.connect.identifiers import attribute_parts, sql_id
from headrace_driver.errors import SparkError

CATALOG = "spark_catalog"
DATABASE = "default"
GLOBAL = "global_temp"
"""Of global temporary views."""


def is_database(name: str) -> bool:
    """Whether a name, as clients write it, is that of the database."""
    parts = attribute_parts(name)
    return parts[-1].lower() == DATABASE and (len(parts) == 1 or parts[:-1] == (CATALOG,))


def require_database(name: str) -> None:
    """Raises SCHEMA_NOT_FOUND for another name."""
    if not is_database(name):
        shown = sql_id(CATALOG, *attribute_parts(name))
        raise SparkError(
            "SCHEMA_NOT_FOUND",
            f"The schema {shown} cannot be found. Verify the spelling and correctness of the schema and catalog.\nIf "
            "you did not qualify the name with a catalog, verify the current_schema() output, or qualify the name with "
            "the correct catalog.\nTo tolerate the error on drop use DROP SCHEMA IF EXISTS.",
            {"schemaName": shown},
            sql_state="42704",
        )
