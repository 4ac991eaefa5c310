"""`spark.read` and `spark.table`: the Read relation."""

from __future__ import annotations

from headrace_driver.connect.expressions import SqlFront
from headrace_driver.connect.identifiers import attribute_parts
from headrace_driver.connect.invalid_plan import oneof_not_set
from headrace_driver.connect.protocol import Proto
from headrace_driver.errors import SparkError, unsupported
from headrace_driver.plan import logical as p
from headrace_driver.plan import types as t


def read(m: Proto, sql: SqlFront, default_format: str) -> p.LogicalPlan:
    """Files by format, schema, options and paths; or a table by name."""
    if m.is_streaming:
        raise unsupported("spark.readStream (structured streaming)")
    match m.WhichOneof("read_type"):
        case "named_table":
            options = {key.lower(): value for key, value in m.named_table.options.items()}
            return p.UnresolvedRelation(attribute_parts(m.named_table.unparsed_identifier), options)
        case "data_source":
            return _data_source(m.data_source, sql, default_format)
        case _:
            raise oneof_not_set("spark.connect.Read", "READTYPE_NOT_SET")


def _data_source(m: Proto, sql: SqlFront, default_format: str) -> p.LogicalPlan:
    if len(m.predicates) > 0:
        raise unsupported("spark.read.jdbc with predicates")
    if m.source_name:
        raise unsupported("named streaming sources")
    options = {key.lower(): value for key, value in m.options.items()}
    paths = tuple(m.paths)
    if "path" in options:
        if paths:
            raise SparkError(
                "_LEGACY_ERROR_TEMP_1306",
                "There is a 'path' or 'paths' option set and load() is called with path parameters. Either remove the "
                "path option if it's the same as the path parameter, or add it to the load() parameter if you do want "
                "to read multiple paths. To ignore this check, set "
                "'spark.sql.legacy.pathOptionBehavior.enabled' to 'true'.",
                {"config": "spark.sql.legacy.pathOptionBehavior.enabled"},
            )
        paths = (options.pop("path"),)
    schema = parse_schema(m.schema, sql) if m.schema else None
    return p.ReadFiles((m.format or default_format).lower(), paths, schema, options)


def parse_schema(text: str, sql: SqlFront) -> t.StructType:
    """A schema as DDL or as JSON; a single type becomes one column called `value`."""
    dtype = sql.parse_data_type(text)
    return dtype if isinstance(dtype, t.StructType) else t.StructType((t.StructField("value", dtype),))
