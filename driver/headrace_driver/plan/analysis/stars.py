"""`*`, `t.*`, `struct.*`, `* EXCEPT (...)` and columns by regular expression."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from headrace_driver.plan import types as t
from headrace_driver.plan.analysis.messages import error
from headrace_driver.plan.analysis.suggestions import proposals, quoted
from headrace_driver.plan.analysis.update_fields import update_field
from headrace_driver.plan.expressions import (
    Alias,
    Attribute,
    Expression,
    GetField,
    UnresolvedRegex,
    UnresolvedStar,
    new_id,
)

if TYPE_CHECKING:
    from headrace_driver.plan.analysis.expressions import Binder


def expand(star: UnresolvedStar | UnresolvedRegex, binder: Binder) -> list[Expression]:
    """The columns a star stands for, resolved."""
    if isinstance(star, UnresolvedRegex):
        return _matching(star, binder)
    columns: list[Expression] = _columns(star, binder)
    return _without(columns, star, binder) if star.except_names else columns


def _columns(star: UnresolvedStar, binder: Binder) -> list[Expression]:
    relation = binder.relation
    if star.plan_id is not None:
        frame = relation.frames.get(star.plan_id)
        if not frame:
            raise error("CANNOT_RESOLVE_DATAFRAME_COLUMN", star.origin, name="`*`")
        visible = {a.id for a in relation.columns}
        return [a for a in frame[0] if a.id in visible]
    if not star.target:
        return list(relation.columns)
    qualified = [a for a in (*relation.hidden, *relation.columns) if relation.scope.is_qualified(a, star.target)]
    if qualified:
        return list(qualified)
    struct = relation.scope.resolve(star.target, star.origin)
    if struct is None and binder.outer is not None:
        struct = binder.outer.resolve(star.target, star.origin)
    if struct is None:
        names = ", ".join(quoted((a.name,)) for a in relation.columns)
        raise error("CANNOT_RESOLVE_STAR_EXPAND", star.origin, targetString=quoted(star.target), columns=names)
    if not isinstance(struct.dtype, t.StructType):
        raise error("_LEGACY_ERROR_TEMP_1050", star.origin, attributes=f"List({', '.join(star.target)})")
    return [Alias(GetField(struct, i, f.name), f.name, new_id()) for i, f in enumerate(struct.dtype.fields)]


def _without(columns: list[Expression], star: UnresolvedStar, binder: Binder) -> list[Expression]:
    """EXCEPT (a, s.b): columns left out; for a name with dots, a struct without that field."""
    kept = columns
    for name in star.except_names:
        kept = _excluding(kept, name, star, binder)
    return kept


def _excluding(
    columns: list[Expression], name: tuple[str, ...], star: UnresolvedStar, binder: Binder
) -> list[Expression]:
    scope = binder.relation.scope
    plain = name[-1:] if len(name) > 1 and any(_is_column(c, name, binder) for c in columns) else name
    kept: list[Expression] = []
    met = False
    for column in columns:
        own = column.name if isinstance(column, Attribute | Alias) else ""
        if not scope.same(own, plain[0]):
            kept.append(column)
            continue
        met = True
        if len(plain) > 1:
            struct = column.child if isinstance(column, Alias) else column
            kept.append(Alias(update_field(struct, plain[1:], None, scope, binder), own, new_id()))
    if not met:
        candidates = [(c.name,) for c in columns if isinstance(c, Attribute | Alias)]
        raise error(
            "UNRESOLVED_COLUMN.WITH_SUGGESTION",
            star.origin,
            objectName=quoted(name),
            proposal=", ".join(proposals(name, candidates)),
        )
    return kept


def _is_column(column: Expression, name: tuple[str, ...], binder: Binder) -> bool:
    return (
        isinstance(column, Attribute)
        and binder.relation.scope.same(column.name, name[-1])
        and binder.relation.scope.is_qualified(column, name[:-1])
    )


def _matching(e: UnresolvedRegex, binder: Binder) -> list[Expression]:
    """All columns whose whole name matches."""
    flags = 0 if binder.analyzer.case_sensitive else re.IGNORECASE
    pattern = re.compile(e.pattern.strip("`"), flags)
    return [a for a in binder.relation.columns if pattern.fullmatch(a.name)]
