"""`withField` and `dropFields` on structs, as the structs they rebuild."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace_driver.functions.coercion import cast_to
from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.expressions import Case, Expression, GetField, Literal

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.expressions import Binder
    from headrace_driver.plan.analysis.scope import Scope


def update_field(
    struct: Expression, path: tuple[str, ...], value: Expression | None, scope: Scope, binder: Binder
) -> Expression:
    """`struct` with the field at `path` set to `value`, or without it (None); null stays null."""
    dtype = struct.dtype
    if not isinstance(dtype, t.StructType):
        raise error(
            "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
            sqlExpr=f'"update_fields({binder.namer().text(struct)})"',
            paramIndex="first",
            requiredType='"STRUCT"',
            inputSql=binder.quoted(struct),
            inputType=f'"{dtype.sql}"',
        )
    head, rest = path[0], path[1:]
    fields: list[tuple[str, Expression]] = []
    met = False
    for ordinal, field in enumerate(dtype.fields):
        current: Expression = GetField(struct, ordinal, field.name)
        if scope.same(field.name, head):
            met = True
            if rest:
                fields.append((field.name, update_field(current, rest, value, scope, binder)))
            elif value is not None:
                fields.append((head, value))
        else:
            fields.append((field.name, current))
    if not met:
        if rest:
            names = ", ".join(f"`{f.name}`" for f in dtype.fields)
            raise error("FIELD_NOT_FOUND", fieldName=f"`{head}`", fields=names)
        if value is not None:
            fields.append((head, value))
    if not fields:
        raise error("DATATYPE_MISMATCH.CANNOT_DROP_ALL_FIELDS", sqlExpr=binder.quoted(struct))
    args: list[Expression] = []
    for name, part in fields:
        args += [Literal(name, t.STRING), part]
    rebuilt = binder.call("named_struct", tuple(args))
    if not struct.nullable:
        return rebuilt
    is_null = binder.call("isnull", (struct,))
    return Case((is_null,), (cast_to(Literal(None, t.NULL), rebuilt.dtype),), rebuilt)
