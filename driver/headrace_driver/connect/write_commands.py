"""`df.write`: the WriteOperation command."""

from __future__ import annotations

from headrace_driver.connect.identifiers import attribute_parts
from headrace_driver.connect.invalid_plan import unknown_enum
from headrace_driver.connect.protocol import Proto
from headrace_driver.connect.relations import Relations
from headrace_driver.errors import ErrorKind, SparkError, unsupported
from headrace_driver.plan import logical as p

_MODES = {
    0: p.SaveMode.ERROR,
    1: p.SaveMode.APPEND,
    2: p.SaveMode.OVERWRITE,
    3: p.SaveMode.ERROR,
    4: p.SaveMode.IGNORE,
}


def write(m: Proto, relations: Relations) -> p.LogicalPlan:
    """The unresolved write; raises for what has to do with tables of a catalog."""
    _refuse_table_layouts(m)
    mode = _MODES.get(m.mode)
    if mode is None:
        raise unknown_enum("spark.connect.WriteOperation", "mode", m.mode)
    options = {key.lower(): value for key, value in m.options.items()}
    given = options.pop("path", None)
    path = m.path if m.WhichOneof("save_type") == "path" else given
    if path is None:
        raise SparkError(
            "_LEGACY_ERROR_TEMP_2047",
            "'path' is not specified.",
            {"path": "path"},
            sql_state="",
            kind=ErrorKind.JAVA_ILLEGAL_ARGUMENT,
        )
    if given is not None and given != path:
        raise SparkError(
            "_LEGACY_ERROR_TEMP_1308",
            "There is a 'path' option set and save() is called with a path parameter. Either remove the path option, "
            "or call save() without the parameter. To ignore this check, set "
            "'spark.sql.legacy.pathOptionBehavior.enabled' to 'true'.",
            {"config": "spark.sql.legacy.pathOptionBehavior.enabled"},
            sql_state="",
        )
    source = m.source if m.HasField("source") else relations.local.default_format
    partition_by = tuple(attribute_parts(name)[-1] for name in m.partitioning_columns)
    return p.WriteFiles(relations.input(m), source.lower(), path, mode, partition_by, options)


def _refuse_table_layouts(m: Proto) -> None:
    if m.WhichOneof("save_type") == "table":
        method = "insertInto" if m.table.save_method == 2 else "saveAsTable"
        raise unsupported(f"{method} (tables of a catalog)", "Write files with save(path), and read them by path.")
    if m.HasField("bucket_by"):
        raise unsupported("bucketBy when writing files", "Spark has it for tables of a catalog only.")
    if len(m.sort_column_names) > 0:
        message = "sortBy must be used together with bucketBy."
        raise SparkError("SORT_BY_WITHOUT_BUCKETING", message, {}, sql_state="42601")
    if len(m.clustering_columns) > 0:
        raise unsupported("clusterBy when writing")
    if m.with_schema_evolution:
        raise unsupported("schema evolution when writing")
