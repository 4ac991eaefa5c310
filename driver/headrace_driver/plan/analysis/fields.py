"""What stands after a dot or between brackets: struct fields, array elements, map values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace_driver.errors import NOWHERE, Origin
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.analysis.suggestions import quoted
from headrace_driver.plan.expressions import Call, Expression, GetField, Lambda, LambdaVariable, new_id

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.scope import Scope


def field_ordinal(struct: t.StructType, name: str, scope: Scope, origin: Origin = NOWHERE) -> int:
    """Position of the field called `name`."""
    found = [i for i, f in enumerate(struct.fields) if scope.same(f.name, name)]
    if len(found) == 1:
        return found[0]
    if not found:
        fields = ", ".join(quoted((f.name,)) for f in struct.fields)
        raise error("FIELD_NOT_FOUND", origin, fieldName=quoted((name,)), fields=fields)
    raise error("AMBIGUOUS_REFERENCE_TO_FIELDS", origin, field=quoted((name,)), count=str(len(found)))


def extract_field(child: Expression, name: str, scope: Scope, origin: Origin, base: str) -> Expression | None:
    """`child.name` where the type alone decides: a struct's field, or that field of every struct in an array.

    None when `child` is a map or array of other things, which take `name` as a key.
    """
    dtype = child.dtype
    if isinstance(dtype, t.StructType):
        ordinal = field_ordinal(dtype, name, scope, origin)
        return GetField(child, ordinal, dtype.fields[ordinal].name)
    if isinstance(dtype, t.ArrayType) and isinstance(dtype.element, t.StructType):
        ordinal = field_ordinal(dtype.element, name, scope, origin)
        field = dtype.element.fields[ordinal]
        item = LambdaVariable("x", dtype.element, dtype.contains_null, new_id())
        body = Lambda((item,), GetField(item, ordinal, field.name))
        element_null = dtype.contains_null or field.nullable
        return Call("transform", (child, body), t.ArrayType(field.dtype, element_null), child.nullable, "", origin)
    if isinstance(dtype, (t.MapType, t.ArrayType, t.VariantType)):
        return None
    raise error("INVALID_EXTRACT_BASE_FIELD_TYPE", origin, base=f'"{base}"', other=f'"{dtype.sql}"')
