"""Result batches in the client's schema, to the letter: Spark's decimal128, field names, nullability, metadata."""

from __future__ import annotations

import pyarrow as pa

from headrace_worker.kernel import ProgramError


def conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with exactly this schema. Values never change: a cast that would lose some is an error."""
    if len(schema) == 0:
        # The kernel has no rows without columns, so its program yields one that nobody asked for.
        rows = pa.StructArray.from_buffers(pa.struct([]), batch.num_rows, [None])
        return pa.RecordBatch.from_struct_array(rows)
    if batch.num_columns != len(schema):
        raise ProgramError(f"the program yields {batch.num_columns} columns, the client schema has {len(schema)}")
    columns = [conform_array(column, field.type) for column, field in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def conform_array(array: pa.Array, target: pa.DataType) -> pa.Array:
    """Casts leaves and rebuilds nested types around them, since names and nullability inside are part of the type."""
    if array.type.equals(target, check_metadata=True):
        return array
    if isinstance(array, pa.ExtensionArray):
        return conform_array(array.storage, target)
    if pa.types.is_null(target):
        # The kernel has no type without values: VOID columns travel as integers, all null.
        return pa.nulls(len(array))
    if pa.types.is_struct(target):
        return _struct(array, target)
    if pa.types.is_map(target):
        return _map(array, target)
    if pa.types.is_list(target):
        return _list(array, target)
    return array.cast(target)


def _struct(array: pa.StructArray, target: pa.StructType) -> pa.Array:
    if array.type.num_fields != target.num_fields:
        raise ProgramError(f"a struct of {array.type.num_fields} fields where the client schema has {target}")
    children = [conform_array(array.field(i), target.field(i).type) for i in range(target.num_fields)]
    fields = [target.field(i) for i in range(target.num_fields)]
    mask = array.is_null() if array.null_count else None
    if not fields:
        return pa.array([None if null else {} for null in array.is_null().to_pylist()], target)
    return pa.StructArray.from_arrays(children, fields=fields, mask=mask)


def _list(array: pa.ListArray, target: pa.ListType) -> pa.Array:
    array = _from_start(array)
    values = conform_array(array.values, target.value_type)
    return pa.Array.from_buffers(target, len(array), array.buffers()[:2], array.null_count, children=[values])


def _map(array: pa.MapArray, target: pa.MapType) -> pa.Array:
    array = _from_start(array)
    entries = pa.StructArray.from_arrays(
        [conform_array(array.keys, target.key_type), conform_array(array.items, target.item_type)],
        fields=[target.key_field, target.item_field],
    )
    return pa.Array.from_buffers(target, len(array), array.buffers()[:2], array.null_count, children=[entries])


def _from_start(array: pa.Array) -> pa.Array:
    """A copy without an offset where there is one: buffers and children then begin together."""
    return pa.concat_arrays([array]) if not array.offset else array.take(pa.array(range(len(array)), pa.int64()))
