"""`mergeSchema`: one schema for files that have different ones."""

from __future__ import annotations

from collections.abc import Sequence

from headrace_driver.errors import ErrorKind, SparkError
from headrace_driver.plan import types as t


class _CannotMerge(Exception):
    def __init__(self, left: t.DataType, right: t.DataType) -> None:
        super().__init__(f'Failed to merge incompatible data types "{left.sql}" and "{right.sql}"')


def merged_schemas(schemas: Sequence[t.StructType]) -> t.StructType:
    """The columns of all schemas, in order of appearance. Raises CANNOT_MERGE_SCHEMAS."""
    result = schemas[0]
    for schema in schemas[1:]:
        if schema == result:
            continue
        try:
            merged = _merged(result, schema)
        except _CannotMerge as error:
            raise SparkError(
                "CANNOT_MERGE_SCHEMAS",
                f'Failed merging schemas: Initial schema: "{result.sql}" Schema that cannot be merged with the initial '
                f'schema: "{schema.sql}".',
                {"left": f'"{result.sql}"', "right": f'"{schema.sql}"'},
                sql_state="42KD9",
                kind=ErrorKind.SPARK,
            ) from error
        assert isinstance(merged, t.StructType)
        result = merged
    return result


def _merged(left: t.DataType, right: t.DataType) -> t.DataType:
    if left == right or isinstance(right, t.NullType):
        return left
    if isinstance(left, t.NullType):
        return right
    if isinstance(left, t.StructType) and isinstance(right, t.StructType):
        fields = {field.name.lower(): field for field in left.fields}
        for field in right.fields:
            known = fields.get(field.name.lower())
            if known is None:
                fields[field.name.lower()] = field
            else:
                fields[field.name.lower()] = t.StructField(
                    known.name, _merged(known.dtype, field.dtype), known.nullable or field.nullable, known.metadata
                )
        return t.StructType(tuple(fields.values()))
    if isinstance(left, t.ArrayType) and isinstance(right, t.ArrayType):
        return t.ArrayType(_merged(left.element, right.element), left.contains_null or right.contains_null)
    if isinstance(left, t.MapType) and isinstance(right, t.MapType):
        return t.MapType(_merged(left.key, right.key), _merged(left.value, right.value))
    if isinstance(left, t.DecimalType) and isinstance(right, t.DecimalType) and left.scale == right.scale:
        return t.DecimalType(max(left.precision, right.precision), left.scale)
    raise _CannotMerge(left, right)
